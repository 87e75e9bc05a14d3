//! `/datacenters/{id}/quotas` with their limits.

use api::path::{self, Path};
use api::types;
use manager::model::{DataCenter, Quota};
use manager::rules::quota;
use manager::{Inventory, QuotaClusterLimitParams, QuotaParams, QuotaStorageLimitParams};

use super::convert::{int, number, part, reference};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, permissions};

fn path_of(it: &Quota) -> Path {
    path::data_center(it.data_center)
        .child("quotas")
        .item(it.id)
}

/// A quota as the API shows it.
pub(super) fn to_api(it: &Quota) -> types::Quota {
    types::Quota {
        id: Some(it.id.to_string()),
        href: Some(path_of(it).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        data_center: reference!(
            DataCenter,
            path::data_center(it.data_center),
            it.data_center
        ),
        cluster_soft_limit_pct: int(it.cluster_soft),
        cluster_hard_limit_pct: int(it.cluster_hard),
        storage_soft_limit_pct: int(it.storage_soft),
        storage_hard_limit_pct: int(it.storage_hard),
        ..types::Quota::default()
    }
}

fn cluster_limits(inventory: &Inventory, it: &Quota) -> Vec<types::QuotaClusterLimit> {
    let base = path_of(it).child("quotaclusterlimits");
    let limits = it.cluster_limits.iter();
    limits
        .map(|limit| {
            let (vcpus, memory) = quota::cluster_used(inventory, it.id, limit.cluster);
            types::QuotaClusterLimit {
                id: Some(limit.id.to_string()),
                href: Some(base.item(limit.id).to_string()),
                cluster: limit
                    .cluster
                    .map(|id| part!(Cluster, path::cluster(id), id)),
                quota: reference!(Quota, path_of(it), it.id),
                vcpu_limit: limit.vcpus.map_or(Some(-1), int),
                vcpu_usage: int(vcpus),
                memory_limit: Some(limit.memory.unwrap_or(-1.0)),
                memory_usage: Some(memory),
                ..types::QuotaClusterLimit::default()
            }
        })
        .collect()
}

fn storage_limits(inventory: &Inventory, it: &Quota) -> Vec<types::QuotaStorageLimit> {
    let base = path_of(it).child("quotastoragelimits");
    let limits = it.storage_limits.iter();
    limits
        .map(|limit| types::QuotaStorageLimit {
            id: Some(limit.id.to_string()),
            href: Some(base.item(limit.id).to_string()),
            storage_domain: limit
                .storage_domain
                .map(|id| part!(StorageDomain, path::storage_domain(id), id)),
            quota: reference!(Quota, path_of(it), it.id),
            limit: limit.limit.map_or(Some(-1), int),
            usage: Some(quota::storage_used(inventory, it.id, limit.storage_domain)),
            ..types::QuotaStorageLimit::default()
        })
        .collect()
}

pub(super) fn read(view: &View, center: &DataCenter, rest: &[&str]) -> Result<Found> {
    let inventory = view.inventory();
    let [id, rest @ ..] = rest else {
        let inside = inventory.quotas.iter();
        let inside = inside.filter(|it| it.data_center == center.id && view.sees(it.id));
        let mut quotas: Vec<_> = inside.map(|it| to_api(it)).collect();
        quotas.sort_by(|a, b| a.name.cmp(&b.name));
        return list_or_pick(quotas, &[]);
    };
    let it = in_center(view, center, id)?;
    match rest {
        [] => Ok(one(to_api(&it))),
        ["quotaclusterlimits", rest @ ..] => list_or_pick(cluster_limits(inventory, &it), rest),
        ["quotastoragelimits", rest @ ..] => list_or_pick(storage_limits(inventory, &it), rest),
        ["permissions", rest @ ..] => permissions::read(view, it.id.into(), rest),
        rest => Err(super::beneath(rest)),
    }
}

fn in_center(view: &View, center: &DataCenter, id: &str) -> Result<std::sync::Arc<Quota>> {
    let it = view.quota(id)?;
    if it.data_center != center.id {
        return Err(Refused::not_found(id));
    }
    Ok(it)
}

fn params(sent: &types::Quota) -> Result<QuotaParams> {
    Ok(QuotaParams {
        name: sent.name.clone(),
        description: sent.description.clone(),
        cluster_soft: number("cluster_soft_limit_pct", sent.cluster_soft_limit_pct)?,
        cluster_hard: number("cluster_hard_limit_pct", sent.cluster_hard_limit_pct)?,
        storage_soft: number("storage_soft_limit_pct", sent.storage_soft_limit_pct)?,
        storage_hard: number("storage_hard_limit_pct", sent.storage_hard_limit_pct)?,
    })
}

/// Below zero a limit is none.
fn limit(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok())
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    center: &DataCenter,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller, view) = (change.view.manager(), change.caller(), &change.view);
    let (id, rest) = match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Quota = change.sent.body()?;
            if sent.name.as_deref().is_none_or(str::is_empty) {
                return Err(Refused::incomplete("Quota", &["name"], "add"));
            }
            let it = manager.quota_add(caller, center.id, params(&sent)?).await?;
            return Ok(Answer::Created(Box::new(to_api(&it))));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let it = in_center(view, center, id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = params(&change.sent.body()?)?;
            let it = manager.quota_update(caller, it.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(&it))))
        }
        (Verb::Delete, []) => {
            manager.quota_remove(caller, it.id).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["quotaclusterlimits"]) => {
            let sent: types::QuotaClusterLimit = change.sent.body()?;
            let cluster = match sent.cluster.as_deref() {
                Some(it) => view.cluster_of(it.id.as_deref(), it.name.as_deref())?,
                None => None,
            };
            let params = QuotaClusterLimitParams {
                cluster: cluster.map(|cluster| cluster.id),
                vcpus: limit(sent.vcpu_limit),
                memory: sent.memory_limit,
            };
            let (it, id) = manager
                .quota_cluster_limit_add(caller, it.id, params)
                .await?;
            let limits = cluster_limits(view.again().inventory(), &it);
            created(limits, &id.to_string(), |limit| limit.id.as_deref())
        }
        (Verb::Post, ["quotastoragelimits"]) => {
            let sent: types::QuotaStorageLimit = change.sent.body()?;
            let domain = match sent.storage_domain.as_deref() {
                Some(it) => view.storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
                None => None,
            };
            let params = QuotaStorageLimitParams {
                storage_domain: domain.map(|domain| domain.id),
                limit: limit(sent.limit),
            };
            let (it, id) = manager
                .quota_storage_limit_add(caller, it.id, params)
                .await?;
            let limits = storage_limits(view.again().inventory(), &it);
            created(limits, &id.to_string(), |limit| limit.id.as_deref())
        }
        (Verb::Delete, ["quotaclusterlimits" | "quotastoragelimits", id]) => {
            let limit = id.parse().map_err(|_| Refused::not_found(id))?;
            manager.quota_limit_remove(caller, it.id, limit).await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, it.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn created<T: api::Object>(
    limits: Vec<T>,
    id: &str,
    id_of: impl Fn(&T) -> Option<&str>,
) -> Result<Answer> {
    let mut limits = limits.into_iter();
    let limit = limits.find(|limit| id_of(limit) == Some(id));
    let limit = limit.ok_or_else(|| Refused::not_found(id))?;
    Ok(Answer::Created(Box::new(limit)))
}
