//! `/storagedomains`.

use api::path;
use api::types::{self, DataCenter, File, HostStorage};
use manager::model::{Disk, DiskContentType, StorageDomain};
use manager::{Inventory, StorageDomainAddParams, StorageDomainUpdateParams};

use super::convert::{int, number, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, beneath, disks, permissions, profiles};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<StorageDomain, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let domain = view.storage_domain(id)?;
    let inventory = view.inventory();
    let inside = || {
        let inside = inventory
            .disks
            .iter()
            .filter(|disk| disk.storage_domain == domain.id);
        inside.filter(|disk| view.sees(disk.id))
    };
    match rest {
        [] => Ok(one(to_api(inventory, &domain))),
        ["disks", rest @ ..] => list_or_pick(
            inside()
                .map(|disk| in_domain(inventory, &domain, disk))
                .collect(),
            rest,
        ),
        // What can be put into a CD drive.
        ["files", rest @ ..] => {
            let isos = inside().filter(|disk| disk.content_type == DiskContentType::Iso);
            list_or_pick(isos.map(|disk| file(&domain, disk)).collect(), rest)
        }
        ["diskprofiles", rest @ ..] => profiles::read_disk(view, Some(domain.id), rest),
        ["permissions", rest @ ..] => permissions::read(view, domain.id.into(), rest),
        rest => Err(beneath(rest)),
    }
}

/// A storage domain as the API shows it.
pub(super) fn to_api(inventory: &Inventory, it: &StorageDomain) -> types::StorageDomain {
    types::StorageDomain {
        id: Some(it.id.to_string()),
        href: Some(path::storage_domain(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        type_: word(it.domain_type.as_str()),
        status: word(it.status.as_str()),
        external_status: word("ok"),
        master: Some(it.master),
        available: int(it.available),
        used: int(it.used),
        committed: int(inventory.committed_bytes(it.id)),
        block_size: Some(512),
        critical_space_action_blocker: int(it.critical_space),
        warning_low_space_indicator: int(it.warning_low_space),
        wipe_after_delete: Some(it.wipe_after_delete),
        discard_after_delete: Some(it.discard_after_delete),
        supports_discard: Some(false),
        supports_discard_zeroes_data: Some(false),
        backup: Some(false),
        import: Some(false),
        storage_format: word("v5"),
        storage: Some(
            HostStorage {
                type_: word(it.storage_type.as_str()),
                path: Some(it.path.clone()),
                ..HostStorage::default()
            }
            .into(),
        ),
        host: it.host.map(|id| part!(Host, path::host(id), id)),
        data_centers: it.data_center.map(|id| {
            vec![DataCenter {
                id: Some(id.to_string()),
                href: Some(path::data_center(id).to_string()),
                ..DataCenter::default()
            }]
            .into()
        }),
        ..types::StorageDomain::default()
    }
}

fn in_domain(inventory: &Inventory, domain: &StorageDomain, disk: &Disk) -> types::Disk {
    types::Disk {
        href: Some(
            path::storage_domain(domain.id)
                .disks()
                .item(disk.id)
                .to_string(),
        ),
        ..disks::to_api(inventory, disk)
    }
}

fn file(domain: &StorageDomain, disk: &Disk) -> File {
    File {
        id: Some(disk.id.to_string()),
        href: Some(
            path::storage_domain(domain.id)
                .child("files")
                .item(disk.id)
                .to_string(),
        ),
        name: Some(disk.name.clone()),
        type_: Some("iso".to_owned()),
        storage_domain: reference!(StorageDomain, path::storage_domain(domain.id), domain.id),
        ..File::default()
    }
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let [id, rest @ ..] = path else {
        return match verb {
            Verb::Post => add(change, change.sent.body()?).await,
            _ => Err(Refused::unbuilt()),
        };
    };
    let domain = change.view.storage_domain(id)?;
    match (verb, rest) {
        (Verb::Delete, []) => {
            let manager = change.view.manager();
            manager
                .storage_domain_remove(change.caller(), domain.id)
                .await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["disks", id, action]) => {
            let disk = change.view.disk(id)?;
            if disk.storage_domain != domain.id {
                return Err(Refused::not_found(id));
            }
            disks::act(change, &disk, action).await
        }
        (Verb::Put, []) => {
            let sent: types::StorageDomain = change.sent.body()?;
            let params = StorageDomainUpdateParams {
                name: sent.name,
                description: sent.description,
                comment: sent.comment,
                warning_low_space: number(
                    "warning_low_space_indicator",
                    sent.warning_low_space_indicator,
                )?,
                critical_space: number(
                    "critical_space_action_blocker",
                    sent.critical_space_action_blocker,
                )?,
                wipe_after_delete: sent.wipe_after_delete,
                discard_after_delete: sent.discard_after_delete,
            };
            let manager = change.view.manager();
            let domain = manager
                .storage_domain_update(change.caller(), domain.id, params)
                .await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &domain,
            ))))
        }
        (Verb::Post, ["disks"]) => {
            let mut sent: types::Disk = change.sent.body()?;
            sent.storage_domains = None;
            sent.storage_domain =
                reference!(StorageDomain, path::storage_domain(domain.id), domain.id);
            disks::add(change, &sent).await
        }
        (Verb::Delete, ["disks", id]) => {
            let disk = change.view.disk(id)?;
            if disk.storage_domain != domain.id {
                return Err(Refused::not_found(id));
            }
            disks::remove(change, &disk).await
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, domain.id.into(), rest).await
        }
        (_, ["diskprofiles", rest @ ..]) => {
            profiles::change_disk(change, verb, Some(domain.id), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// Makes a storage domain: a directory of a host's.
async fn add(change: &Change<'_>, sent: types::StorageDomain) -> Result<Answer> {
    let mut missing = Vec::new();
    if sent.name.as_deref().is_none_or(str::is_empty) {
        missing.push("name");
    }
    if sent.host.is_none() {
        missing.push("host.id|name");
    }
    if sent.storage.is_none() {
        missing.push("storage");
    }
    if !missing.is_empty() {
        return Err(Refused::incomplete("StorageDomain", &missing, "add"));
    }
    let storage = sent.storage.as_deref();
    let kind = storage.and_then(|it| it.type_).map(|it| it.as_str());
    let data = sent.type_.is_none_or(|it| it.as_str() == "data");
    if kind.is_some_and(|kind| kind != "localfs") || !data || sent.import == Some(true) {
        return Err(Refused::unsupported_part());
    }
    let host = match sent.host.as_deref() {
        Some(it) => change.view.host_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let Some(host) = host else {
        return Err(Refused::incomplete(
            "StorageDomain",
            &["host.id|name"],
            "add",
        ));
    };
    let params = StorageDomainAddParams {
        name: sent.name.unwrap_or_default(),
        description: sent.description.unwrap_or_default(),
        comment: sent.comment.unwrap_or_default(),
        host: host.id,
        path: sent.storage.as_deref().and_then(|it| it.path.clone()),
        wipe_after_delete: sent.wipe_after_delete.unwrap_or(false),
    };
    let domain = change
        .view
        .manager()
        .storage_domain_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(
        change.view.again().inventory(),
        &domain,
    ))))
}
