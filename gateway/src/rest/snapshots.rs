//! `/vms/{id}/snapshots`, with what is in them, and the actions that show them. The "Active VM"
//! that the list has first is the VM itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::path;
use api::types::{self, Action};
use manager::model::{
    DiskId, Snapshot, SnapshotDisk, SnapshotKind, SnapshotStatus, Vm, VmHardware,
};
use manager::{Inventory, SnapshotAddParams, SnapshotUseParams};
use uuid::Uuid;

use super::convert::{date, int, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, one};
use super::vm_settings;
use super::{Change, Verb, beneath};

/// Tells the id of a VM's active "snapshot" from the VM's own.
const ACTIVE: u128 = 0x0000_0000_0000_0000_5a5a_a5a5_5a5a_a5a5;

fn active_id(vm: &Vm) -> Uuid {
    Uuid::from_u128(vm.id.0.as_u128() ^ ACTIVE)
}

/// What a snapshot consists of, in its own words.
fn hardware(object: &mut types::Snapshot, hardware: &VmHardware) {
    let mut vm = types::Vm::default();
    vm_settings::write_vm(&mut vm, hardware);
    object.memory = vm.memory;
    object.memory_policy = vm.memory_policy;
    object.cpu = vm.cpu;
    object.os = vm.os;
    object.bios = vm.bios;
    object.type_ = vm.type_;
    object.display = vm.display;
    object.high_availability = vm.high_availability;
}

/// A snapshot as the API shows it.
pub(super) fn to_api(inventory: &Inventory, it: &Snapshot) -> types::Snapshot {
    let mut object = types::Snapshot {
        id: Some(it.id.to_string()),
        href: Some(path::vm(it.vm).snapshots().item(it.id).to_string()),
        description: Some(it.description.clone()),
        date: date(it.date),
        persist_memorystate: Some(it.memory.is_some()),
        snapshot_type: word(it.kind.as_str()),
        snapshot_status: word(it.status.as_str()),
        vm: reference!(Vm, path::vm(it.vm), it.vm),
        ..types::Snapshot::default()
    };
    if let Some(vm) = inventory.vms.get(&it.vm) {
        object.name = Some(vm.name.clone());
    }
    hardware(&mut object, &it.hardware);
    object
}

fn active(vm: &Vm) -> types::Snapshot {
    let id = active_id(vm);
    let mut object = types::Snapshot {
        id: Some(id.to_string()),
        href: Some(path::vm(vm.id).snapshots().item(id).to_string()),
        name: Some(vm.name.clone()),
        description: Some("Active VM".to_owned()),
        date: date(vm.creation_time),
        persist_memorystate: Some(vm.memory.is_some()),
        snapshot_type: word(SnapshotKind::Active.as_str()),
        snapshot_status: word(SnapshotStatus::Ok.as_str()),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        ..types::Snapshot::default()
    };
    hardware(&mut object, &vm.hardware);
    object
}

/// A disk as a snapshot keeps it.
fn disk(inventory: &Inventory, snapshot: &Snapshot, it: &SnapshotDisk) -> types::Disk {
    let disk = inventory.disks.get(&it.disk);
    let alias = disk.map(|disk| disk.name.clone());
    types::Disk {
        id: Some(it.disk.to_string()),
        href: Some(
            path::vm(snapshot.vm)
                .snapshots()
                .item(snapshot.id)
                .child("disks")
                .item(it.disk)
                .to_string(),
        ),
        name: alias.clone(),
        alias,
        image_id: Some(it.image.to_string()),
        format: word(it.format.as_str()),
        sparse: Some(it.sparse),
        provisioned_size: int(it.provisioned_size),
        actual_size: int(it.actual_size),
        status: word("ok"),
        snapshot: reference!(
            Snapshot,
            path::vm(snapshot.vm).snapshots().item(snapshot.id),
            snapshot.id
        ),
        storage_domains: disk.map(|disk| {
            let id = disk.storage_domain;
            [part!(StorageDomain, path::storage_domain(id), id)]
                .into_iter()
                .map(api::Part::into_inner)
                .collect()
        }),
        ..types::Disk::default()
    }
}

fn found(view: &View, vm: &Vm, id: &str) -> Result<Arc<Snapshot>> {
    let id = id.parse().map_err(|_| Refused::not_found(id))?;
    let snapshot = view.inventory().snapshots.get(&id);
    snapshot
        .filter(|it| it.vm == vm.id)
        .cloned()
        .ok_or_else(|| Refused::not_found(id.to_string()))
}

pub(super) fn read(view: &View, vm: &Vm, rest: &[&str]) -> Result<Found> {
    let inventory = view.inventory();
    match rest {
        [] => {
            let all = inventory.snapshots_of_vm(vm.id);
            let all = all.iter().map(|it| to_api(inventory, it));
            list_or_pick(std::iter::once(active(vm)).chain(all).collect(), &[])
        }
        [id, rest @ ..] if *id == active_id(vm).to_string() => match rest {
            [] => Ok(one(active(vm))),
            ["disks", rest @ ..] => {
                let disks = vm.disk_attachments.iter();
                let disks = disks.filter_map(|it| inventory.disks.get(&it.disk));
                list_or_pick(
                    disks
                        .map(|it| super::disks::to_api(inventory, it))
                        .collect(),
                    rest,
                )
            }
            ["nics", rest @ ..] => {
                let nics = vm
                    .nics
                    .iter()
                    .map(|nic| super::nics::to_api(inventory, vm, nic));
                list_or_pick(nics.collect(), rest)
            }
            rest => Err(beneath(rest)),
        },
        [id, rest @ ..] => {
            let snapshot = found(view, vm, id)?;
            let href = path::vm(vm.id).snapshots().item(snapshot.id);
            match rest {
                [] => Ok(one(to_api(inventory, &snapshot))),
                ["disks", rest @ ..] => {
                    let disks = snapshot.disks.iter();
                    let disks = disks.map(|it| disk(inventory, &snapshot, it));
                    list_or_pick(disks.collect(), rest)
                }
                ["nics", rest @ ..] => {
                    let nics = snapshot.nics.iter().map(|nic| types::Nic {
                        href: Some(href.child("nics").item(nic.id).to_string()),
                        ..super::nics::to_api(inventory, vm, nic)
                    });
                    list_or_pick(nics.collect(), rest)
                }
                ["cdroms", rest @ ..] => {
                    let id = Uuid::nil().to_string();
                    let cdrom = types::Cdrom {
                        href: Some(href.child("cdroms").item(&id).to_string()),
                        id: Some(id),
                        file: snapshot.cdrom.map(|disk| {
                            types::File {
                                id: Some(disk.to_string()),
                                ..types::File::default()
                            }
                            .into()
                        }),
                        ..types::Cdrom::default()
                    };
                    list_or_pick(vec![cdrom], rest)
                }
                rest => Err(beneath(rest)),
            }
        }
    }
}

fn ids<'a>(sent: impl Iterator<Item = Option<&'a str>>) -> Result<BTreeSet<DiskId>> {
    sent.flatten()
        .map(|id| id.parse().map_err(|_| Refused::not_found(id)))
        .collect()
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Snapshot = change.sent.body()?;
            let disks = match &sent.disk_attachments {
                Some(attachments) => Some(ids(attachments.iter().map(|it| {
                    let disk = it.disk.as_deref().and_then(|disk| disk.id.as_deref());
                    disk.or(it.id.as_deref())
                }))?),
                None => None,
            };
            let params = SnapshotAddParams {
                description: sent.description.unwrap_or_default(),
                memory: sent.persist_memorystate.unwrap_or(true),
                disks,
            };
            let accepted = manager.snapshot_add(caller, vm.id, params).await?;
            let taken = accepted.value;
            change
                .created(accepted.job, move |view| {
                    let inventory = view.inventory();
                    let taken = inventory.snapshots.get(&taken.id).unwrap_or(&taken);
                    Ok(Box::new(to_api(inventory, taken)) as Box<dyn api::Object>)
                })
                .await
        }
        (Verb::Delete, [id]) => {
            let snapshot = found(&change.view, vm, id)?;
            let accepted = manager.snapshot_remove(caller, vm.id, snapshot.id).await?;
            change.finished(accepted.job).await;
            Ok(Answer::Removed)
        }
        (Verb::Post, [id, "restore"]) => {
            let snapshot = found(&change.view, vm, id)?;
            let sent = change.sent.action()?;
            let accepted = manager
                .snapshot_restore(caller, vm.id, snapshot.id, used(&sent)?)
                .await?;
            change.finished(accepted.job).await;
            Ok(change.acted(&sent, accepted.job))
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn used(sent: &Action) -> Result<SnapshotUseParams> {
    let disks = match &sent.disks {
        Some(disks) => Some(ids(disks.iter().map(|it| it.id.as_deref()))?),
        None => None,
    };
    Ok(SnapshotUseParams {
        memory: sent.restore_memory.unwrap_or(false),
        disks,
    })
}

/// `previewsnapshot`, `commitsnapshot` and `undosnapshot` of a VM.
pub(super) async fn act(change: &Change<'_>, vm: &Arc<Vm>, name: &str) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let sent = change.sent.action()?;
    let accepted = match name {
        "commitsnapshot" => manager.snapshot_commit(caller, vm.id).await?,
        "undosnapshot" => manager.snapshot_undo(caller, vm.id).await?,
        _ => {
            let id = sent.snapshot.as_deref().and_then(|it| it.id.as_deref());
            let Some(id) = id else {
                return Err(Refused::incomplete(
                    "Action",
                    &["snapshot.id"],
                    "previewsnapshot",
                ));
            };
            let snapshot = found(&change.view, vm, id)?;
            let mut params = used(&sent)?;
            if params.disks.is_none()
                && let Some(disks) = sent.snapshot.as_deref().and_then(|it| it.disks.as_ref())
            {
                params.disks = Some(ids(disks.iter().map(|it| it.id.as_deref()))?);
            }
            manager
                .snapshot_preview(caller, vm.id, snapshot.id, params)
                .await?
        }
    };
    change.finished(accepted.job).await;
    Ok(change.acted(&sent, accepted.job))
}
