//! Storage domains made and removed: directories of a host's, beside one another in its folder of
//! images, so that no path of anybody's choice is ever written to.

use std::path::Path;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    DiskProfile, DiskProfileId, HostId, Permit, StorageDomain, StorageDomainId,
    StorageDomainStatus, StorageDomainType, StorageType,
};

use super::check;

/// A new storage domain.
#[derive(Clone, Debug)]
pub struct StorageDomainAddParams {
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// The host whose directory it is.
    pub host: HostId,
    /// Where the caller wants it to be; nothing else than the host's folder is taken.
    pub path: Option<String>,
    /// Whether new disks are wiped when they are deleted.
    pub wipe_after_delete: bool,
}

/// The folder of a host's storage domains: where those lie that there are.
fn folder(inventory: &Inventory, host: HostId) -> Option<String> {
    inventory
        .storage_domains
        .iter()
        .filter(|domain| domain.host == Some(host))
        .find_map(|domain| {
            let parent = Path::new(&domain.path).parent()?;
            Some(parent.to_str()?.to_owned())
        })
}

impl Manager {
    /// Makes a storage domain. It becomes active when its host has made the directory.
    pub async fn storage_domain_add(
        &self,
        caller: &Caller,
        params: StorageDomainAddParams,
    ) -> Result<Arc<StorageDomain>> {
        let caller = caller.clone();
        let added = self
            .core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::CREATE_STORAGE_DOMAIN, params.host)?;
                let host = draft
                    .hosts
                    .get(&params.host)
                    .cloned()
                    .ok_or_else(|| Error::not_found(params.host))?;
                check::short_name(&params.name)?;
                check::text("description", &params.description)?;
                check::text("comment", &params.comment)?;
                if draft.storage_domains.iter().any(|it| it.name == params.name) {
                    return Err(Error::conflict(
                        "Cannot add Storage Domain. The Storage Domain name is already in use, please choose a unique name and try again.",
                    ));
                }
                let folder = folder(draft, host.id).ok_or_else(|| {
                    Error::conflict("Cannot add Storage Domain. The Host has no folder for it.")
                })?;
                if params
                    .path
                    .as_deref()
                    .is_some_and(|path| path.trim_end_matches('/') != folder)
                {
                    return Err(Error::conflict(format!(
                        "Cannot add Storage Domain. Storage Domains of Host {} lie in {folder}, where a directory is made for each.",
                        host.name
                    )));
                }
                let id = StorageDomainId::random();
                let data_center = draft.data_center_of_cluster(host.cluster);
                let domain = StorageDomain {
                    id,
                    name: params.name,
                    description: params.description,
                    comment: params.comment,
                    domain_type: StorageDomainType::Data,
                    storage_type: StorageType::Localfs,
                    path: format!("{folder}/{id}"),
                    data_center,
                    host: Some(host.id),
                    status: StorageDomainStatus::Activating,
                    master: false,
                    available: 0,
                    used: 0,
                    warning_low_space: 10,
                    critical_space: 1,
                    wipe_after_delete: params.wipe_after_delete,
                    discard_after_delete: false,
                    disk_profile: DiskProfileId::random(),
                    backup: false,
                    in_place: false,
                };
                draft.put(domain.clone())?;
                draft.put(DiskProfile {
                    id: domain.disk_profile,
                    name: domain.name.clone(),
                    description: String::new(),
                    storage_domain: id,
                    qos: None,
                })?;
                let text = format!("Storage Domain {} was added.", domain.name);
                let event = EventDraft::new(code::STORAGE_DOMAIN_ADDED, text);
                draft.event(event.storage_domain(id).by(&caller, draft));
                draft.job_done(
                    &caller,
                    format!("Adding Storage Domain {}", domain.name),
                    vec![id.into(), host.id.into()],
                )?;
                Ok(Arc::new(domain))
            })
            .await?;
        self.core.look_again();
        Ok(added)
    }

    /// Removes a storage domain that holds nothing. Its directory stays, empty.
    pub async fn storage_domain_remove(&self, caller: &Caller, id: StorageDomainId) -> Result<()> {
        const WHAT: &str = "remove Storage Domain";
        let caller = caller.clone();
        let host = self
            .core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::DELETE_STORAGE_DOMAIN, id)?;
                let domain = draft
                    .storage_domains
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                if draft.disks.iter().any(|disk| disk.storage_domain == id) {
                    return Err(Error::conflict(format!(
                        "Cannot {WHAT}. There are disks in it: move or remove them first."
                    )));
                }
                if domain.master {
                    return Err(Error::conflict(format!(
                        "Cannot {WHAT}. It is the master Storage Domain of its Data Center."
                    )));
                }
                if draft.operations.iter().any(|it| {
                    matches!(&it.kind, crate::operation::OperationKind::DiskMove { from, to, .. }
                        if *from == id || *to == id)
                }) {
                    return Err(Error::conflict(format!(
                        "Cannot {WHAT}. Related operation is currently in progress. Please try again later."
                    )));
                }
                let profiles: Vec<DiskProfileId> = draft
                    .disk_profiles
                    .iter()
                    .filter(|profile| profile.storage_domain == id)
                    .map(|profile| profile.id)
                    .collect();
                for profile in profiles {
                    draft.remove(profile);
                }
                draft.remove(id);
                let text = format!("Storage Domain {} was removed.", domain.name);
                let event = EventDraft::new(code::STORAGE_DOMAIN_REMOVED, text);
                draft.event(event.by(&caller, draft));
                draft.job_done(
                    &caller,
                    format!("Removing Storage Domain {}", domain.name),
                    Vec::new(),
                )?;
                Ok(domain.host)
            })
            .await?;
        if let Some(host) = host.and_then(|host| self.core.host(host)) {
            self.core.spawn(async move {
                if let Err(error) = host.forget_pool(id.0).await {
                    tracing::debug!(%id, %error, "A pool that holds nothing is still known to the host");
                }
            });
        }
        Ok(())
    }
}
