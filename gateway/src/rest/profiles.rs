//! `/cpuprofiles` and `/diskprofiles`, also under their cluster and storage domain.

use api::path;
use api::types;
use manager::model::{ClusterId, CpuProfile, DiskProfile, QosId, QosType, StorageDomainId};
use manager::{Inventory, ProfileParams};

use super::convert::{part, reference};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, permissions};

/// A reference to a QoS, wherever it is used.
pub(super) fn qos_part(inventory: &Inventory, qos: Option<QosId>) -> Option<api::Part<types::Qos>> {
    let it = inventory.qoss.get(&qos?)?;
    let center = path::data_center(it.data_center).child("qoss");
    Some(part!(Qos, center.item(it.id), it.id))
}

/// The QoS that a reference means; an empty one takes it away.
pub(super) fn qos_of(
    view: &View,
    sent: Option<&types::Qos>,
    kind: QosType,
) -> Result<Option<Option<QosId>>> {
    let Some(sent) = sent else { return Ok(None) };
    if let Some(id) = sent.id.as_deref().filter(|id| !id.is_empty()) {
        return Ok(Some(Some(view.qos(id)?.id)));
    }
    let Some(name) = sent.name.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(Some(None));
    };
    let mut named = view.inventory().qoss.iter();
    let found = named.find(|it| it.name == name && it.kind == kind && view.sees(it.id));
    found
        .map(|it| Some(Some(it.id)))
        .ok_or_else(|| Refused::not_found(name))
}

/// A CPU profile as the API shows it.
pub(super) fn cpu_to_api(inventory: &Inventory, it: &CpuProfile) -> types::CpuProfile {
    types::CpuProfile {
        id: Some(it.id.to_string()),
        href: Some(path::cpu_profile(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        cluster: reference!(Cluster, path::cluster(it.cluster), it.cluster),
        qos: qos_part(inventory, it.qos),
        ..types::CpuProfile::default()
    }
}

/// A disk profile as the API shows it.
pub(super) fn disk_to_api(inventory: &Inventory, it: &DiskProfile) -> types::DiskProfile {
    types::DiskProfile {
        id: Some(it.id.to_string()),
        href: Some(path::disk_profile(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        storage_domain: reference!(
            StorageDomain,
            path::storage_domain(it.storage_domain),
            it.storage_domain
        ),
        qos: qos_part(inventory, it.qos),
        ..types::DiskProfile::default()
    }
}

/// CPU profiles, all or those of a cluster.
pub(super) fn read_cpu(view: &View, cluster: Option<ClusterId>, rest: &[&str]) -> Result<Found> {
    let inventory = view.inventory();
    let [id, rest @ ..] = rest else {
        let all = inventory.cpu_profiles.iter();
        let all = all.filter(|it| cluster.is_none_or(|id| id == it.cluster) && view.sees(it.id));
        let mut found: Vec<_> = all.map(|it| cpu_to_api(inventory, it)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        return list_or_pick(found, &[]);
    };
    let it = view.cpu_profile(id)?;
    if cluster.is_some_and(|cluster| cluster != it.cluster) {
        return Err(Refused::not_found(id));
    }
    match rest {
        [] => Ok(one(cpu_to_api(inventory, &it))),
        ["permissions", rest @ ..] => permissions::read(view, it.id.into(), rest),
        rest => Err(super::beneath(rest)),
    }
}

/// Disk profiles, all or those of a storage domain.
pub(super) fn read_disk(
    view: &View,
    domain: Option<StorageDomainId>,
    rest: &[&str],
) -> Result<Found> {
    let inventory = view.inventory();
    let [id, rest @ ..] = rest else {
        let all = inventory.disk_profiles.iter();
        let all =
            all.filter(|it| domain.is_none_or(|id| id == it.storage_domain) && view.sees(it.id));
        let mut found: Vec<_> = all.map(|it| disk_to_api(inventory, it)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        return list_or_pick(found, &[]);
    };
    let it = view.disk_profile(id)?;
    if domain.is_some_and(|domain| domain != it.storage_domain) {
        return Err(Refused::not_found(id));
    }
    match rest {
        [] => Ok(one(disk_to_api(inventory, &it))),
        ["permissions", rest @ ..] => permissions::read(view, it.id.into(), rest),
        rest => Err(super::beneath(rest)),
    }
}

pub(super) async fn change_cpu(
    change: &Change<'_>,
    verb: Verb,
    cluster: Option<ClusterId>,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller, view) = (change.view.manager(), change.caller(), &change.view);
    let params = |sent: &types::CpuProfile| -> Result<ProfileParams> {
        Ok(ProfileParams {
            name: sent.name.clone(),
            description: sent.description.clone(),
            qos: qos_of(view, sent.qos.as_deref(), QosType::Cpu)?,
        })
    };
    let (id, rest) = match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::CpuProfile = change.sent.body()?;
            let given = sent.cluster.as_deref();
            let owner = match (cluster, given) {
                (Some(id), _) => Some(id),
                (None, Some(it)) => view
                    .cluster_of(it.id.as_deref(), it.name.as_deref())?
                    .map(|cluster| cluster.id),
                (None, None) => None,
            };
            let named = sent.name.as_deref().is_some_and(|name| !name.is_empty());
            let (true, Some(owner)) = (named, owner) else {
                let fields = ["name", "cluster.id"];
                return Err(Refused::incomplete("CpuProfile", &fields, "add"));
            };
            let it = manager
                .cpu_profile_add(caller, owner, params(&sent)?)
                .await?;
            let made = cpu_to_api(view.again().inventory(), &it);
            return Ok(Answer::Created(Box::new(made)));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let it = view.cpu_profile(id)?;
    if cluster.is_some_and(|cluster| cluster != it.cluster) {
        return Err(Refused::not_found(id));
    }
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = params(&change.sent.body()?)?;
            let it = manager.cpu_profile_update(caller, it.id, params).await?;
            let changed = cpu_to_api(view.again().inventory(), &it);
            Ok(Answer::Object(Box::new(changed)))
        }
        (Verb::Delete, []) => {
            manager.cpu_profile_remove(caller, it.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, it.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

pub(super) async fn change_disk(
    change: &Change<'_>,
    verb: Verb,
    domain: Option<StorageDomainId>,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller, view) = (change.view.manager(), change.caller(), &change.view);
    let params = |sent: &types::DiskProfile| -> Result<ProfileParams> {
        Ok(ProfileParams {
            name: sent.name.clone(),
            description: sent.description.clone(),
            qos: qos_of(view, sent.qos.as_deref(), QosType::Storage)?,
        })
    };
    let (id, rest) = match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::DiskProfile = change.sent.body()?;
            let given = sent.storage_domain.as_deref();
            let owner = match (domain, given) {
                (Some(id), _) => Some(id),
                (None, Some(it)) => view
                    .storage_domain_of(it.id.as_deref(), it.name.as_deref())?
                    .map(|domain| domain.id),
                (None, None) => None,
            };
            let named = sent.name.as_deref().is_some_and(|name| !name.is_empty());
            let (true, Some(owner)) = (named, owner) else {
                let fields = ["name", "storage_domain.id"];
                return Err(Refused::incomplete("DiskProfile", &fields, "add"));
            };
            let it = manager
                .disk_profile_add(caller, owner, params(&sent)?)
                .await?;
            let made = disk_to_api(view.again().inventory(), &it);
            return Ok(Answer::Created(Box::new(made)));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let it = view.disk_profile(id)?;
    if domain.is_some_and(|domain| domain != it.storage_domain) {
        return Err(Refused::not_found(id));
    }
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = params(&change.sent.body()?)?;
            let it = manager.disk_profile_update(caller, it.id, params).await?;
            let changed = disk_to_api(view.again().inventory(), &it);
            Ok(Answer::Object(Box::new(changed)))
        }
        (Verb::Delete, []) => {
            manager.disk_profile_remove(caller, it.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, it.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}
