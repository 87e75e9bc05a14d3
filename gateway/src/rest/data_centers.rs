//! `/datacenters`, with the storage domains that are attached to them.

use api::path;
use api::types;
use manager::model::{Cluster, DataCenter, Network, StorageDomain};
use manager::{DataCenterAddParams, DataCenterUpdateParams, Inventory};

use super::convert::{given, reference, version_from_api, version_to_api, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{
    Change, Verb, beneath, clusters, disks, networks, permissions, qos, quotas, storage_domains,
};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<DataCenter, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let center = view.data_center(id)?;
    let inventory = view.inventory();
    match rest {
        [] => Ok(one(to_api(inventory, &center))),
        ["clusters"] => {
            let inside = |it: &&std::sync::Arc<Cluster>| it.data_center == center.id;
            let inside = inventory
                .clusters
                .iter()
                .filter(inside)
                .filter(|it| view.sees(it.id));
            list_or_pick(
                inside.map(|it| clusters::to_api(inventory, it)).collect(),
                &[],
            )
        }
        ["clusters", id, rest @ ..] => {
            let cluster = view.cluster(id)?;
            if cluster.data_center != center.id {
                return Err(Refused::not_found(id));
            }
            let path: Vec<&str> = [*id].iter().chain(rest).copied().collect();
            clusters::read(view, params, &path)
        }
        ["networks", rest @ ..] => {
            let inside = |it: &&std::sync::Arc<Network>| it.data_center == center.id;
            let inside = inventory
                .networks
                .iter()
                .filter(inside)
                .filter(|it| view.sees(it.id));
            list_or_pick(
                inside.map(|it| networks::to_api(inventory, it)).collect(),
                rest,
            )
        }
        ["storagedomains", rest @ ..] => {
            let attached = |it: &&std::sync::Arc<StorageDomain>| it.data_center == Some(center.id);
            let attached = inventory.storage_domains.iter().filter(attached);
            let mut attached = attached.filter(|it| view.sees(it.id));
            match rest {
                [id, "disks"] => {
                    let domain = attached
                        .find(|it| it.id.to_string() == *id)
                        .ok_or_else(|| Refused::not_found(id))?;
                    let inside = inventory
                        .disks
                        .iter()
                        .filter(|it| it.storage_domain == domain.id);
                    let inside = inside.filter(|it| view.sees(it.id));
                    list_or_pick(inside.map(|it| disks::to_api(inventory, it)).collect(), &[])
                }
                rest => list_or_pick(
                    attached
                        .map(|it| attached_to_api(inventory, &center, it))
                        .collect(),
                    rest,
                ),
            }
        }
        ["permissions", rest @ ..] => permissions::read(view, center.id.into(), rest),
        ["qoss", rest @ ..] => qos::read(view, &center, rest),
        ["quotas", rest @ ..] => quotas::read(view, &center, rest),
        rest => Err(beneath(rest)),
    }
}

/// A data center as the API shows it.
pub(super) fn to_api(_: &Inventory, it: &DataCenter) -> types::DataCenter {
    types::DataCenter {
        id: Some(it.id.to_string()),
        href: Some(path::data_center(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        local: Some(it.local),
        status: word(it.status.as_str()),
        version: Some(version_to_api(it.version).into()),
        supported_versions: Some(vec![version_to_api(it.version)].into()),
        quota_mode: word(it.quota_mode.as_str()),
        storage_format: word("v5"),
        mac_pool: reference!(MacPool, path::mac_pool(it.mac_pool), it.mac_pool),
        ..types::DataCenter::default()
    }
}

/// A storage domain as it is in its data center.
fn attached_to_api(
    inventory: &Inventory,
    center: &DataCenter,
    it: &StorageDomain,
) -> types::StorageDomain {
    types::StorageDomain {
        href: Some(
            path::data_center(center.id)
                .storage_domains()
                .item(it.id)
                .to_string(),
        ),
        data_center: reference!(DataCenter, path::data_center(center.id), center.id),
        ..storage_domains::to_api(inventory, it)
    }
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let center = change.view.data_center(id)?;
    let here = || reference!(DataCenter, path::data_center(center.id), center.id);
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::DataCenter = change.sent.body()?;
            let params = DataCenterUpdateParams {
                name: sent.name.clone(),
                description: sent.description.clone(),
                comment: sent.comment.clone(),
                local: sent.local,
                version: match sent.version.as_deref() {
                    Some(version) => version_from_api(version)?,
                    None => None,
                },
                quota_mode: given("quota_mode", sent.quota_mode.map(|it| it.as_str()))?,
            };
            let center = manager
                .data_center_update(caller, center.id, params)
                .await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &center,
            ))))
        }
        // A domain of a host's is in its host's data center from the beginning on; clients attach it
        // all the same.
        (Verb::Post, ["storagedomains"]) => {
            let sent: types::StorageDomain = change.sent.body()?;
            let view = &change.view;
            let domain = view.storage_domain_of(sent.id.as_deref(), sent.name.as_deref())?;
            match domain {
                Some(it) if it.data_center == Some(center.id) => {
                    let it = attached_to_api(view.inventory(), &center, &it);
                    Ok(Answer::Created(Box::new(it)))
                }
                Some(_) => Err(Refused::conflict(
                    "Cannot attach Storage Domain. It is a directory of a Host in another Data Center.",
                )),
                None => Err(Refused::incomplete("StorageDomain", &["id|name"], "add")),
            }
        }
        (Verb::Post, ["storagedomains", id, "activate"]) => {
            let domain = change.view.storage_domain(id)?;
            if domain.data_center != Some(center.id) {
                return Err(Refused::not_found(id));
            }
            Ok(change.acted(&change.sent.action()?, None))
        }
        (Verb::Delete, []) => {
            manager.data_center_remove(caller, center.id).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["clusters"]) => {
            let mut sent: types::Cluster = change.sent.body()?;
            sent.data_center = here();
            clusters::add(change, &sent).await
        }
        (_, ["clusters", id, rest @ ..]) => {
            let path: Vec<&str> = [*id].iter().chain(rest).copied().collect();
            clusters::change(change, verb, &path).await
        }
        (Verb::Post, ["networks"]) => {
            let mut sent: types::Network = change.sent.body()?;
            sent.data_center = here();
            networks::add(change, &sent).await
        }
        (_, ["networks", id, rest @ ..]) => {
            let path: Vec<&str> = [*id].iter().chain(rest).copied().collect();
            networks::change(change, verb, &path).await
        }
        (_, ["qoss", rest @ ..]) => qos::change(change, verb, &center, rest).await,
        (_, ["quotas", rest @ ..]) => quotas::change(change, verb, &center, rest).await,
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, center.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn add(change: &Change<'_>) -> Result<Answer> {
    let sent: types::DataCenter = change.sent.body()?;
    let Some(name) = sent.name.clone().filter(|name| !name.is_empty()) else {
        return Err(Refused::incomplete("DataCenter", &["name"], "add"));
    };
    let params = DataCenterAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        comment: sent.comment.clone().unwrap_or_default(),
        local: sent.local.unwrap_or(false),
        version: match sent.version.as_deref() {
            Some(version) => version_from_api(version)?,
            None => None,
        },
        quota_mode: given("quota_mode", sent.quota_mode.map(|it| it.as_str()))?,
    };
    let center = change
        .view
        .manager()
        .data_center_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(
        change.view.again().inventory(),
        &center,
    ))))
}
