//! `/disks`.

use std::sync::Arc;

use api::types::{self, StorageDomain};
use api::{Object, path};
use manager::model::{Disk, DiskBackup, DiskContentType, DiskFormat};
use manager::{DiskAddParams, DiskCopyParams, DiskUpdateParams, Inventory};

use super::convert::{given, int, number, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, one};
use super::{Change, Verb, beneath, permissions, statistics};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Disk, _>(params, |view, disk| to_api(view.inventory(), disk));
    };
    let disk = view.disk(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &disk))),
        ["permissions", rest @ ..] => permissions::read(view, disk.id.into(), rest),
        ["statistics", rest @ ..] => {
            statistics::read(statistics::disk(view.inventory(), &disk), rest)
        }
        rest => Err(beneath(rest)),
    }
}

/// A disk as the API shows it.
pub(super) fn to_api(_: &Inventory, disk: &Disk) -> types::Disk {
    let domain = disk.storage_domain;
    types::Disk {
        id: Some(disk.id.to_string()),
        href: Some(path::disk(disk.id).to_string()),
        name: Some(disk.name.clone()),
        alias: Some(disk.name.clone()),
        description: Some(disk.description.clone()),
        status: word(disk.status.as_str()),
        provisioned_size: int(disk.provisioned_size),
        total_size: int(disk.actual_size),
        actual_size: int(disk.actual_size),
        format: word(disk.format.as_str()),
        sparse: Some(disk.sparse),
        content_type: word(disk.content_type.as_str()),
        storage_type: word("image"),
        image_id: Some(disk.image().to_string()),
        qcow_version: (disk.format == DiskFormat::Cow)
            .then(|| word("qcow2_v3"))
            .flatten(),
        shareable: Some(disk.shareable),
        wipe_after_delete: Some(disk.wipe_after_delete),
        propagate_errors: Some(disk.propagate_errors),
        backup: word(disk.backup.as_str()),
        disk_profile: reference!(
            DiskProfile,
            path::disk_profile(disk.disk_profile),
            disk.disk_profile
        ),
        storage_domains: Some(
            vec![StorageDomain {
                id: Some(domain.to_string()),
                href: Some(path::storage_domain(domain).to_string()),
                ..StorageDomain::default()
            }]
            .into(),
        ),
        ..types::Disk::default()
    }
}

/// A new disk as the API describes it.
pub(super) fn from_api(view: &View, sent: &types::Disk) -> Result<DiskAddParams> {
    if sent.lun_storage.is_some() {
        return Err(Refused::unsupported_part());
    }
    let size = number(
        "provisioned_size",
        sent.provisioned_size.or(sent.initial_size),
    )?;
    let Some(provisioned_size) = size else {
        return Err(Refused::incomplete("Disk", &["provisioned_size"], "add"));
    };
    let first = sent
        .storage_domains
        .as_ref()
        .and_then(|domains| domains.first());
    let domain = match first.or(sent.storage_domain.as_deref()) {
        Some(it) => view.storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let content_type = given("content_type", sent.content_type.map(|it| it.as_str()))?
        .unwrap_or(DiskContentType::Data);
    let format = given("format", sent.format.map(|it| it.as_str()))?;
    // A CD's image is what it is; everything else grows as it is written.
    let usual = match content_type {
        DiskContentType::Data => DiskFormat::Cow,
        _ => DiskFormat::Raw,
    };
    let id = match &sent.id {
        Some(id) => Some(id.parse().map_err(|_| Refused::value("id", id))?),
        None => None,
    };
    Ok(DiskAddParams {
        id,
        name: sent.alias.clone().or(sent.name.clone()).unwrap_or_default(),
        description: sent.description.clone().unwrap_or_default(),
        storage_domain: domain.map(|domain| domain.id),
        provisioned_size,
        format: format.unwrap_or(usual),
        sparse: sent.sparse,
        content_type,
        shareable: sent.shareable.unwrap_or(false),
        wipe_after_delete: sent.wipe_after_delete,
        propagate_errors: sent.propagate_errors.unwrap_or(false),
        backup: given("backup", sent.backup.map(|it| it.as_str()))?.unwrap_or(DiskBackup::None),
        disk_profile: profile(sent)?,
        quota: quota(sent)?,
    })
}

/// Changes of a disk as the API describes them.
pub(super) fn update_from_api(sent: &types::Disk) -> Result<DiskUpdateParams> {
    Ok(DiskUpdateParams {
        name: sent.alias.clone().or(sent.name.clone()),
        description: sent.description.clone(),
        provisioned_size: number("provisioned_size", sent.provisioned_size)?,
        shareable: sent.shareable,
        wipe_after_delete: sent.wipe_after_delete,
        propagate_errors: sent.propagate_errors,
        backup: given("backup", sent.backup.map(|it| it.as_str()))?,
        disk_profile: profile(sent)?,
        quota: quota(sent)?,
    })
}

/// The quota that a disk is counted in.
fn quota(sent: &types::Disk) -> Result<Option<manager::model::QuotaId>> {
    let id = sent.quota.as_deref().and_then(|it| it.id.as_deref());
    id.map(|id| id.parse().map_err(|_| Refused::not_found(id)))
        .transpose()
}

fn profile(sent: &types::Disk) -> Result<Option<manager::model::DiskProfileId>> {
    let id = sent.disk_profile.as_deref().and_then(|it| it.id.as_deref());
    id.map(|id| id.parse().map_err(|_| Refused::not_found(id)))
        .transpose()
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let manager = change.view.manager();
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change, &change.sent.body()?).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let disk = change.view.disk(id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let params = update_from_api(&change.sent.body()?)?;
            let accepted = manager
                .disk_update(change.caller(), disk.id, params)
                .await?;
            change.finished(accepted.job).await;
            let view = change.view.again();
            let disk = view.disk(id)?;
            Ok(Answer::Object(Box::new(to_api(view.inventory(), &disk))))
        }
        (Verb::Delete, []) => remove(change, &disk).await,
        (Verb::Post, [action]) => act(change, &disk, action).await,
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, disk.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// Adds a disk that no VM has.
pub(super) async fn add(change: &Change<'_>, sent: &types::Disk) -> Result<Answer> {
    let params = from_api(&change.view, sent)?;
    let accepted = change
        .view
        .manager()
        .disk_add(change.caller(), params)
        .await?;
    let id = accepted.value.id;
    change
        .created(accepted.job, move |view| {
            let disk = view
                .inventory()
                .disks
                .get(&id)
                .cloned()
                .unwrap_or(accepted.value);
            Ok(Box::new(to_api(view.inventory(), &disk)) as Box<dyn Object>)
        })
        .await
}

/// Takes a disk away with its data.
pub(super) async fn remove(change: &Change<'_>, disk: &Disk) -> Result<Answer> {
    let accepted = change
        .view
        .manager()
        .disk_remove(change.caller(), disk.id)
        .await?;
    change.finished(accepted.job).await;
    Ok(Answer::Removed)
}

/// Runs an action of a disk.
pub(super) async fn act(change: &Change<'_>, disk: &Arc<Disk>, action: &str) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let job = match action {
        "copy" => return copy(change, disk).await,
        "move" => {
            let sent = change.sent.action()?;
            let domain = match sent.storage_domain.as_deref() {
                Some(it) => change
                    .view
                    .storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
                None => None,
            };
            let Some(domain) = domain else {
                let fields = ["storage_domain.id|name"];
                return Err(Refused::incomplete("Action", &fields, "move"));
            };
            manager.disk_move(caller, disk.id, domain.id).await?.job
        }
        "convert" => {
            let sent = change.sent.action()?;
            let like = sent.disk.as_deref();
            let format = like.and_then(|it| it.format).map(|it| it.as_str());
            let format = given("disk.format", format)?;
            let sparse = like.and_then(|it| it.sparse);
            if format.is_none() && sparse.is_none() {
                let fields = ["disk.format|disk.sparse"];
                return Err(Refused::incomplete("Action", &fields, "convert"));
            }
            manager
                .disk_convert(caller, disk.id, format, sparse)
                .await?
                .job
        }
        "sparsify" => manager.disk_sparsify(caller, disk.id).await?.job,
        "reduce" => manager.disk_reduce(caller, disk.id).await?.job,
        _ => return Err(Refused::unbuilt()),
    };
    Ok(change.acted(&change.sent.action()?, job))
}

async fn copy(change: &Change<'_>, disk: &Arc<Disk>) -> Result<Answer> {
    let sent = change.sent.action()?;
    let domain = match sent.storage_domain.as_deref() {
        Some(it) => change
            .view
            .storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let like = sent.disk.as_deref();
    let params = DiskCopyParams {
        name: like.and_then(|disk| disk.alias.clone().or(disk.name.clone())),
        storage_domain: domain.map(|domain| domain.id),
        format: given(
            "disk.format",
            like.and_then(|it| it.format).map(|it| it.as_str()),
        )?,
    };
    let accepted = change
        .view
        .manager()
        .disk_copy(change.caller(), disk.id, params)
        .await?;
    Ok(change.acted(&sent, accepted.job))
}
