//! Quotas. What they refuse is in `rules/quota.rs`.

use std::sync::Arc;

use uuid::Uuid;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::model::{
    ClusterId, DataCenterId, Permit, Quota, QuotaClusterLimit, QuotaId, QuotaStorageLimit,
    StorageDomainId,
};
use crate::writer::Draft;

/// What is said of a quota.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Quota`.
pub struct QuotaParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub cluster_soft: Option<u32>,
    pub cluster_hard: Option<u32>,
    pub storage_soft: Option<u32>,
    pub storage_hard: Option<u32>,
}

/// A limit of a cluster, or of all.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in the model.
pub struct QuotaClusterLimitParams {
    pub cluster: Option<ClusterId>,
    pub vcpus: Option<u64>,
    pub memory: Option<f64>,
}

/// A limit of a storage domain, or of all.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in the model.
pub struct QuotaStorageLimitParams {
    pub storage_domain: Option<StorageDomainId>,
    pub limit: Option<u64>,
}

fn put_into(draft: &Draft, params: QuotaParams, it: &mut Quota) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.quotas.iter();
        let others =
            others.filter(|other| other.data_center == it.data_center && other.id != it.id);
        name_free(others.map(|other| other.name.as_str()), &name, "Quota")?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    for (place, given) in [
        (&mut it.cluster_soft, params.cluster_soft),
        (&mut it.cluster_hard, params.cluster_hard),
        (&mut it.storage_soft, params.storage_soft),
        (&mut it.storage_hard, params.storage_hard),
    ] {
        if let Some(percent) = given {
            if percent > 1000 {
                return Err(Error::invalid(
                    "quota",
                    "A threshold is 0 to 1000 per cent.",
                ));
            }
            *place = percent;
        }
    }
    Ok(())
}

fn the_quota(draft: &Draft, caller: &Caller, id: QuotaId) -> Result<Quota> {
    access::require(draft, caller, Permit::CONFIGURE_QUOTA, id)?;
    let it = draft.quotas.get(&id).ok_or_else(|| Error::not_found(id))?;
    if it.default {
        return Err(Error::conflict(
            "Cannot edit Quota. The default Quota of a Data Center cannot be changed.",
        ));
    }
    Ok((**it).clone())
}

fn save(draft: &mut Draft, caller: &Caller, it: Quota, verb: &str) -> Result<Arc<Quota>> {
    draft.put(it.clone())?;
    let text = format!("Quota {} was {verb}.", it.name);
    let code = if verb == "added" {
        code::QUOTA_ADDED
    } else {
        code::QUOTA_UPDATED
    };
    log(draft, caller, code, text, Some(it.data_center));
    Ok(Arc::new(it))
}

impl Manager {
    /// Makes a quota without limits.
    pub async fn quota_add(
        &self,
        caller: &Caller,
        data_center: DataCenterId,
        params: QuotaParams,
    ) -> Result<Arc<Quota>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::CONFIGURE_QUOTA, data_center)?;
            if params.name.as_deref().is_none_or(str::is_empty) {
                return Err(Error::invalid("name", "Quota [name] required for add"));
            }
            let mut it = Quota::unlimited(data_center, String::new(), false);
            put_into(draft, params, &mut it)?;
            save(draft, caller, it, "added")
        })
        .await
    }

    /// Changes a quota.
    pub async fn quota_update(
        &self,
        caller: &Caller,
        id: QuotaId,
        params: QuotaParams,
    ) -> Result<Arc<Quota>> {
        self.write(caller, move |draft, caller| {
            let mut it = the_quota(draft, caller, id)?;
            put_into(draft, params, &mut it)?;
            save(draft, caller, it, "updated")
        })
        .await
    }

    /// Removes a quota that no VM and no disk is counted in.
    pub async fn quota_remove(&self, caller: &Caller, id: QuotaId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            let it = the_quota(draft, caller, id)?;
            let vm = draft.vms.iter().find(|vm| vm.hardware.quota == Some(id));
            let disk = draft.disks.iter().find(|disk| disk.quota == Some(id));
            let user = vm
                .map(|vm| format!("VM {}", vm.name))
                .or_else(|| disk.map(|disk| format!("Disk {}", disk.name)));
            if let Some(user) = user {
                return Err(Error::conflict(format!(
                    "Cannot remove Quota. It is used by {user}."
                )));
            }
            draft.remove(id);
            let text = format!("Quota {} was removed.", it.name);
            log(
                draft,
                caller,
                code::QUOTA_REMOVED,
                text,
                Some(it.data_center),
            );
            Ok(())
        })
        .await
    }

    /// Sets the limit of a cluster, or of all clusters together.
    pub async fn quota_cluster_limit_add(
        &self,
        caller: &Caller,
        id: QuotaId,
        params: QuotaClusterLimitParams,
    ) -> Result<(Arc<Quota>, Uuid)> {
        self.write(caller, move |draft, caller| {
            let mut it = the_quota(draft, caller, id)?;
            if let Some(cluster) = params.cluster {
                access::require(draft, caller, Permit::CONFIGURE_QUOTA, cluster)?;
                if draft.data_center_of_cluster(cluster) != Some(it.data_center) {
                    return Err(Error::conflict(
                        "Cannot save Quota. The Cluster is in another Data Center.",
                    ));
                }
            }
            if params.memory.is_some_and(|limit| !limit.is_finite()) {
                return Err(Error::invalid("memory_limit", "The limit is no usable number."));
            }
            let general = params.cluster.is_none();
            let other = it.cluster_limits.iter().any(|limit| {
                limit.cluster == params.cluster || limit.cluster.is_none() != general
            });
            if other {
                return Err(Error::conflict(
                    "Cannot save Quota. It has a limit for this Cluster already, or both a limit of all Clusters and of one.",
                ));
            }
            let limit = Uuid::new_v4();
            it.cluster_limits.push(QuotaClusterLimit {
                id: limit,
                cluster: params.cluster,
                vcpus: params.vcpus,
                memory: params.memory.filter(|limit| *limit >= 0.0),
            });
            Ok((save(draft, caller, it, "updated")?, limit))
        })
        .await
    }

    /// Sets the limit of a storage domain, or of all together.
    pub async fn quota_storage_limit_add(
        &self,
        caller: &Caller,
        id: QuotaId,
        params: QuotaStorageLimitParams,
    ) -> Result<(Arc<Quota>, Uuid)> {
        self.write(caller, move |draft, caller| {
            let mut it = the_quota(draft, caller, id)?;
            if let Some(domain) = params.storage_domain {
                access::require(draft, caller, Permit::CONFIGURE_QUOTA, domain)?;
                let domain = draft.storage_domains.get(&domain);
                if domain.and_then(|domain| domain.data_center) != Some(it.data_center) {
                    return Err(Error::conflict(
                        "Cannot save Quota. The Storage Domain is not in the Data Center.",
                    ));
                }
            }
            let general = params.storage_domain.is_none();
            let other = it.storage_limits.iter().any(|limit| {
                limit.storage_domain == params.storage_domain
                    || limit.storage_domain.is_none() != general
            });
            if other {
                return Err(Error::conflict(
                    "Cannot save Quota. It has a limit for this Storage Domain already, or both a limit of all Storage Domains and of one.",
                ));
            }
            let limit = Uuid::new_v4();
            it.storage_limits.push(QuotaStorageLimit {
                id: limit,
                storage_domain: params.storage_domain,
                limit: params.limit,
            });
            Ok((save(draft, caller, it, "updated")?, limit))
        })
        .await
    }

    /// Takes a limit of either kind away.
    pub async fn quota_limit_remove(
        &self,
        caller: &Caller,
        id: QuotaId,
        limit: Uuid,
    ) -> Result<()> {
        self.write(caller, move |draft, caller| {
            let mut it = the_quota(draft, caller, id)?;
            let count = it.cluster_limits.len() + it.storage_limits.len();
            it.cluster_limits.retain(|there| there.id != limit);
            it.storage_limits.retain(|there| there.id != limit);
            if it.cluster_limits.len() + it.storage_limits.len() == count {
                return Err(Error::not_found(limit));
            }
            save(draft, caller, it, "updated").map(drop)
        })
        .await
    }
}

impl Quota {
    /// One that lets everything be used.
    pub(crate) fn unlimited(data_center: DataCenterId, name: String, default: bool) -> Self {
        Self {
            id: QuotaId::random(),
            name,
            description: String::new(),
            data_center,
            default,
            cluster_soft: 80,
            cluster_hard: 20,
            storage_soft: 80,
            storage_hard: 20,
            cluster_limits: Vec::new(),
            storage_limits: Vec::new(),
        }
    }
}
