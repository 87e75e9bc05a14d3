//! Hosts and storage domains: what can be changed of them.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{Host, HostId, HostStatus, Permit, StorageDomain, StorageDomainId};
use crate::rules;

use super::check;
use super::params::{Accepted, HostUpdateParams, StorageDomainUpdateParams};

impl Manager {
    /// Changes a host's texts.
    pub async fn host_update(
        &self,
        caller: &Caller,
        id: HostId,
        params: HostUpdateParams,
    ) -> Result<Arc<Host>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::EDIT_HOST_CONFIGURATION, id)?;
                let old = draft.hosts.get(&id).ok_or_else(|| Error::not_found(id))?;
                let mut it = (**old).clone();
                if let Some(name) = params.name {
                    check::vm_name(&name)?;
                    if draft
                        .hosts
                        .iter()
                        .any(|other| other.name == name && other.id != id)
                    {
                        return Err(Error::conflict(
                            "Cannot edit Host. The Host name is already in use.",
                        ));
                    }
                    it.name = name;
                }
                check::set_text("description", &mut it.description, params.description)?;
                check::set_text("comment", &mut it.comment, params.comment)?;
                draft.put(it.clone())?;
                let event =
                    EventDraft::new(code::HOST_UPDATED, format!("Host {} was updated.", it.name));
                draft.event(event.host(id, draft).by(&caller, draft));
                Ok(Arc::new(it))
            })
            .await
    }

    /// Takes a host out of maintenance.
    pub async fn host_activate(&self, caller: &Caller, id: HostId) -> Result<Accepted<Arc<Host>>> {
        let accepted = self.host_set(caller, id, true).await?;
        self.core.look_again();
        Ok(accepted)
    }

    /// Sets a host aside. It must run no VM, as there is no other to move them to.
    pub async fn host_deactivate(
        &self,
        caller: &Caller,
        id: HostId,
    ) -> Result<Accepted<Arc<Host>>> {
        self.host_set(caller, id, false).await
    }

    async fn host_set(
        &self,
        caller: &Caller,
        id: HostId,
        active: bool,
    ) -> Result<Accepted<Arc<Host>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::MANIPULATE_HOST, id)?;
                let old = draft
                    .hosts
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                rules::host(draft, &old, active).map_err(Error::conflict)?;
                let mut it = (*old).clone();
                let (status, number, verb, detail) = if active {
                    // The monitor looks at it at once.
                    (
                        HostStatus::Connecting,
                        code::HOST_ACTIVATE,
                        "activated",
                        "The host is being activated.",
                    )
                } else {
                    (
                        HostStatus::Maintenance,
                        code::HOST_MAINTENANCE,
                        "set to maintenance",
                        "The host was set aside by a user.",
                    )
                };
                it.status = status;
                it.status_detail = detail.to_owned();
                draft.put(it.clone())?;
                let event = EventDraft::new(number, format!("Host {} was {verb}.", it.name));
                draft.event(event.host(id, draft).by(&caller, draft));
                draft.job_done(&caller, format!("Host {} {verb}", it.name), vec![id.into()])?;
                Ok(Accepted {
                    value: Arc::new(it),
                    job: None,
                })
            })
            .await
    }

    /// Changes a storage domain.
    pub async fn storage_domain_update(
        &self,
        caller: &Caller,
        id: StorageDomainId,
        params: StorageDomainUpdateParams,
    ) -> Result<Arc<StorageDomain>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::EDIT_STORAGE_DOMAIN_CONFIGURATION, id)?;
                let old = draft.storage_domains.get(&id).ok_or_else(|| Error::not_found(id))?;
                let mut it = (**old).clone();
                if let Some(name) = params.name {
                    check::short_name(&name)?;
                    if draft.storage_domains.iter().any(|other| other.name == name && other.id != id) {
                        return Err(Error::conflict(
                            "Cannot update Storage Domain. The Storage Domain name is already in use.",
                        ));
                    }
                    it.name = name;
                }
                check::set_text("description", &mut it.description, params.description)?;
                check::set_text("comment", &mut it.comment, params.comment)?;
                if params.warning_low_space.is_some_and(|percent| percent > 100) {
                    return Err(Error::invalid(
                        "warning_low_space_indicator",
                        "The indicator is 0 to 100 per cent.",
                    ));
                }
                it.warning_low_space = params.warning_low_space.unwrap_or(it.warning_low_space);
                it.critical_space = params.critical_space.unwrap_or(it.critical_space);
                it.wipe_after_delete = params.wipe_after_delete.unwrap_or(it.wipe_after_delete);
                it.discard_after_delete =
                    params.discard_after_delete.unwrap_or(it.discard_after_delete);
                draft.put(it.clone())?;
                let event = EventDraft::new(
                    code::STORAGE_DOMAIN_UPDATED,
                    format!("Storage Domain {} was updated.", it.name),
                );
                draft.event(event.storage_domain(id).by(&caller, draft));
                Ok(Arc::new(it))
            })
            .await
    }
}
