//! Snapshots: taken, shown, gone back to, removed. What is possible is decided in
//! `rules/snapshot.rs`, what the ends mean in `operation/record/snapshot.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    DiskId, ImageId, MemoryImage, ObjectId, Permit, Snapshot, SnapshotDisk, SnapshotId,
    SnapshotKind, SnapshotStatus, Vm, VmId, VmStatus,
};
use crate::operation::{Action, OperationKind, Plan, update_vm, with_overlay};
use crate::rules::snapshot as rules;
use crate::writer::Draft;

use super::check;
use super::params::Accepted;

/// Most snapshots of a VM: each is an image that every read may have to go through.
const MOST: usize = 60;

/// A new snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotAddParams {
    /// What it is called.
    pub description: String,
    /// Whether a running guest's memory is kept, too.
    pub memory: bool,
    /// Only these disks; all by default.
    pub disks: Option<BTreeSet<DiskId>>,
}

/// What of a snapshot comes back.
#[derive(Clone, Debug, Default)]
pub struct SnapshotUseParams {
    /// Whether the next start goes on with the kept memory.
    pub memory: bool,
    /// Only these disks; all that it has by default.
    pub disks: Option<BTreeSet<DiskId>>,
}

impl Manager {
    /// Takes a snapshot of a VM, running or not. It is locked until it is there.
    pub async fn snapshot_add(
        &self,
        caller: &Caller,
        vm: VmId,
        params: SnapshotAddParams,
    ) -> Result<Accepted<Arc<Snapshot>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| add(draft, &caller, vm, params))
            .await
    }

    /// Removes a snapshot; what the VM is now stays as it is.
    pub async fn snapshot_remove(
        &self,
        caller: &Caller,
        vm: VmId,
        snapshot: SnapshotId,
    ) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| remove(draft, &caller, vm, snapshot))
            .await
    }

    /// Makes a VM that is down what it was, and forgets what it is now.
    pub async fn snapshot_restore(
        &self,
        caller: &Caller,
        vm: VmId,
        snapshot: SnapshotId,
        params: SnapshotUseParams,
    ) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| show(draft, &caller, vm, snapshot, params, true))
            .await
    }

    /// Shows a VM that is down as it was; what it is now is kept until the preview ends.
    pub async fn snapshot_preview(
        &self,
        caller: &Caller,
        vm: VmId,
        snapshot: SnapshotId,
        params: SnapshotUseParams,
    ) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| show(draft, &caller, vm, snapshot, params, false))
            .await
    }

    /// Ends a preview: the VM stays what it shows.
    pub async fn snapshot_commit(&self, caller: &Caller, vm: VmId) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| commit(draft, &caller, vm))
            .await
    }

    /// Ends a preview: the VM is again what it was before.
    pub async fn snapshot_undo(&self, caller: &Caller, vm: VmId) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| undo(draft, &caller, vm))
            .await
    }
}

fn the_vm(draft: &Draft, caller: &Caller, id: VmId) -> Result<Arc<Vm>> {
    access::require(draft, caller, Permit::MANIPULATE_VM_SNAPSHOTS, id)?;
    draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))
}

fn the_snapshot(draft: &Draft, vm: VmId, id: SnapshotId) -> Result<Arc<Snapshot>> {
    draft
        .snapshots
        .get(&id)
        .filter(|it| it.vm == vm)
        .cloned()
        .ok_or_else(|| Error::not_found(id))
}

/// The snapshot whose image the VM writes on.
fn head(inventory: &Inventory, vm: &Vm) -> Option<SnapshotId> {
    let below: Vec<ImageId> = vm
        .disk_attachments
        .iter()
        .filter_map(|it| inventory.disks.get(&it.disk))
        .filter_map(|disk| disk.backing.first().map(|layer| layer.image))
        .collect();
    let all = inventory.snapshots_of_vm(vm.id);
    let all = all.iter().filter(|it| it.kind == SnapshotKind::Regular);
    let mut with_disks = all.clone().rev();
    with_disks
        .find(|it| it.disks.iter().any(|disk| below.contains(&disk.image)))
        .or_else(|| all.clone().next_back())
        .map(|it| it.id)
}

/// The VM as it is now.
fn of_now(
    draft: &Draft,
    vm: &Vm,
    description: String,
    kind: SnapshotKind,
    only: Option<&BTreeSet<DiskId>>,
) -> Snapshot {
    let disks = vm
        .disk_attachments
        .iter()
        .filter(|it| only.is_none_or(|only| only.contains(&it.disk)))
        .filter_map(|it| draft.disks.get(&it.disk))
        // What several VMs write to is no one's to keep a moment of.
        .filter(|disk| !disk.shareable)
        .map(|disk| SnapshotDisk::of(disk))
        .collect();
    Snapshot {
        id: SnapshotId::random(),
        vm: vm.id,
        description,
        kind,
        status: SnapshotStatus::Locked,
        date: draft.now(),
        memory: None,
        hardware: vm.hardware.clone(),
        nics: vm.nics.clone(),
        disk_attachments: vm.disk_attachments.clone(),
        cdrom: vm.cdrom,
        disks,
        broken: false,
        parent: head(draft, vm),
    }
}

fn begin(
    draft: &mut Draft,
    caller: &Caller,
    vm: &Vm,
    kind: OperationKind,
    description: String,
    disks: impl IntoIterator<Item = DiskId>,
    actions: Vec<(Action, String)>,
) -> Result<crate::model::JobId> {
    // Clients wait for the VM, not for the operation.
    update_vm(draft, vm.id, |vm| {
        if vm.run.status == VmStatus::Down {
            vm.run.status = VmStatus::ImageLocked;
        }
    })?;
    let mut locks: Vec<ObjectId> = vec![vm.id.into()];
    locks.extend(disks.into_iter().map(ObjectId::from));
    draft.begin(
        caller,
        Plan {
            kind,
            description,
            locks,
            objects: vec![vm.id.into()],
            actions,
        },
    )
}

fn say(draft: &mut Draft, caller: &Caller, vm: VmId, number: u32, text: String) {
    let event = EventDraft::new(number, text).vm(vm, draft);
    draft.event(event.by(caller, draft));
}

/// Lets disks be written to new images, which stand on what they are.
fn overlays(draft: &mut Draft, disks: &[DiskId]) -> Result<Vec<(Action, String)>> {
    let mut actions = Vec::new();
    for id in disks {
        let Some(disk) = draft.disks.get(id).cloned() else {
            continue;
        };
        draft.put(with_overlay(&disk))?;
        actions.push((
            Action::OverlayCreate { disk: *id },
            format!("Making a new image for disk {}", disk.name),
        ));
    }
    Ok(actions)
}

fn add(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    params: SnapshotAddParams,
) -> Result<Accepted<Arc<Snapshot>>> {
    let vm = the_vm(draft, caller, id)?;
    rules::add(draft, &vm).map_err(Error::conflict)?;
    draft.require_space()?;
    check::text("description", &params.description)?;
    if draft.snapshots_of_vm(id).len() >= MOST {
        return Err(Error::conflict(format!(
            "Cannot create Snapshot. VM has {MOST} Snapshots, which is the most that it can have."
        )));
    }
    if let Some(unknown) = params
        .disks
        .iter()
        .flatten()
        .find(|disk| !vm.disk_attachments.iter().any(|it| it.disk == **disk))
    {
        return Err(Error::not_found(*unknown));
    }
    let mut snapshot = of_now(
        draft,
        &vm,
        params.description,
        SnapshotKind::Regular,
        params.disks.as_ref(),
    );
    let running = vm.run.status != VmStatus::Down;
    if running && params.memory && params.disks.is_some() {
        all_disks(draft, &vm, &snapshot, "create Snapshot")?;
    }
    let place = snapshot
        .disks
        .first()
        .and_then(|it| draft.disks.get(&it.disk))
        .map(|disk| disk.storage_domain)
        .or_else(|| {
            let center = draft.data_center_of_cluster(vm.cluster);
            let mut domains = draft.storage_domains.iter();
            domains
                .find(|it| it.data_center == center && it.master)
                .map(|it| it.id)
        });
    if running && params.memory {
        let storage_domain = place.ok_or_else(|| {
            Error::conflict("Cannot create Snapshot. There is no Storage Domain for the memory.")
        })?;
        snapshot.memory = Some(MemoryImage {
            storage_domain,
            image: ImageId::random(),
        });
    }
    draft.put(snapshot.clone())?;
    let disks: Vec<DiskId> = snapshot.disks.iter().map(|it| it.disk).collect();
    let mut actions = overlays(draft, &disks)?;
    if running && let Some(host) = vm.run.host {
        actions.push((
            Action::SnapshotTake {
                vm: id,
                host,
                snapshot: snapshot.id,
            },
            if snapshot.memory.is_some() {
                "Keeping the guest's memory and disks".to_owned()
            } else {
                "Keeping the guest's disks".to_owned()
            },
        ));
    }
    let text = format!(
        "Snapshot '{}' creation for VM '{}' was initiated by {}.",
        snapshot.description,
        vm.name,
        super::who(draft, caller)
    );
    say(draft, caller, id, code::SNAPSHOT_ADD, text);
    let description = format!(
        "Creating VM Snapshot {} for VM {}",
        snapshot.description, vm.name
    );
    if actions.is_empty() {
        snapshot.status = SnapshotStatus::Ok;
        draft.put(snapshot.clone())?;
        draft.job_done(caller, description, vec![id.into()])?;
        return Ok(Accepted {
            value: Arc::new(snapshot),
            job: None,
        });
    }
    let kind = OperationKind::SnapshotAdd {
        vm: id,
        snapshot: snapshot.id,
    };
    let job = begin(draft, caller, &vm, kind, description, disks, actions)?;
    Ok(Accepted {
        value: Arc::new(snapshot),
        job: Some(job),
    })
}

fn delete_image(draft: &Draft, disk: DiskId, image: ImageId) -> Option<(Action, String)> {
    let it = draft.disks.get(&disk)?;
    Some((
        Action::VolumeDelete {
            disk,
            storage_domain: it.storage_domain,
            image: Some(image),
        },
        format!("Deleting an image of disk {}", it.name),
    ))
}

fn delete_memory(snapshot: &Snapshot) -> Option<(Action, String)> {
    let memory = snapshot.memory?;
    Some((
        Action::MemoryDelete {
            storage_domain: memory.storage_domain,
            image: memory.image,
        },
        "Deleting the kept memory".to_owned(),
    ))
}

/// The steps that remove what the snapshots of a VM keep beside its disks' images.
pub(super) fn deleting_memory(inventory: &Inventory, vm: VmId) -> Vec<(Action, String)> {
    inventory
        .snapshots_of_vm(vm)
        .iter()
        .filter_map(|it| delete_memory(it))
        .collect()
}

fn remove(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    snapshot: SnapshotId,
) -> Result<Accepted<()>> {
    let vm = the_vm(draft, caller, id)?;
    let snapshot = the_snapshot(draft, id, snapshot)?;
    rules::remove(draft, &vm, &snapshot).map_err(Error::conflict)?;
    let mut actions = Vec::new();
    for kept in &snapshot.disks {
        let Some(disk) = draft.disks.get(&kept.disk).cloned() else {
            continue;
        };
        match rules::children(draft, kept).first() {
            Some((top, above)) => {
                actions.push((
                    Action::ImageMerge {
                        disk: kept.disk,
                        top: *top,
                        base: kept.top(),
                        backing: kept.backing.clone(),
                        above: *above,
                    },
                    format!("Merging images of disk {}", disk.name),
                ));
                actions.extend(delete_image(draft, kept.disk, top.image));
            }
            // Nothing stands on it: it goes, unless the disk itself is it.
            None if disk.image() != kept.image => {
                actions.extend(delete_image(draft, kept.disk, kept.image));
            }
            None => {}
        }
    }
    actions.extend(delete_memory(&snapshot));
    if vm.memory.is_some() && vm.memory == snapshot.memory {
        update_vm(draft, id, |vm| vm.memory = None)?;
    }
    let text = format!(
        "Snapshot '{}' deletion for VM '{}' was initiated by {}.",
        snapshot.description,
        vm.name,
        super::who(draft, caller)
    );
    say(draft, caller, id, code::SNAPSHOT_REMOVE, text);
    let description = format!(
        "Removing Snapshot {} of VM {}",
        snapshot.description, vm.name
    );
    if actions.is_empty() {
        let all = draft.snapshots_of_vm(id);
        for child in all.iter().filter(|it| it.parent == Some(snapshot.id)) {
            draft.put(Snapshot {
                parent: snapshot.parent,
                ..(**child).clone()
            })?;
        }
        draft.remove(snapshot.id);
        draft.job_done(caller, description, vec![id.into()])?;
        return Ok(Accepted {
            value: (),
            job: None,
        });
    }
    draft.put(Snapshot {
        status: SnapshotStatus::Locked,
        ..(*snapshot).clone()
    })?;
    let kind = OperationKind::SnapshotRemove {
        vm: id,
        snapshot: snapshot.id,
    };
    let disks: Vec<DiskId> = snapshot.disks.iter().map(|it| it.disk).collect();
    let job = begin(draft, caller, &vm, kind, description, disks, actions)?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}

/// What only a state of the VM that is given up has of its images.
fn only_of(draft: &Draft, before: &Snapshot) -> Vec<(Action, String)> {
    let mut actions = Vec::new();
    for kept in &before.disks {
        for layer in kept.layers() {
            let used = draft
                .users_of_image(layer.image)
                .iter()
                .any(|user| user.snapshot != Some(before.id));
            if used {
                break;
            }
            actions.extend(delete_image(draft, kept.disk, layer.image));
        }
    }
    actions
}

/// Memory goes on with all the disks that it was kept with, or what it has cached of the others
/// would be written over what they are now.
fn all_disks(draft: &Draft, vm: &Vm, chosen: &Snapshot, what: &str) -> Result<()> {
    let left_out = vm
        .disk_attachments
        .iter()
        .filter_map(|it| draft.disks.get(&it.disk))
        .find(|disk| !disk.shareable && chosen.disk(disk.id).is_none());
    match left_out {
        Some(disk) => Err(Error::conflict(format!(
            "Cannot {what}. With memory all disks of the VM have to be in it, and {} is not.",
            disk.name
        ))),
        None => Ok(()),
    }
}

fn show(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    snapshot: SnapshotId,
    params: SnapshotUseParams,
    restore: bool,
) -> Result<Accepted<()>> {
    let vm = the_vm(draft, caller, id)?;
    let snapshot = the_snapshot(draft, id, snapshot)?;
    let verdict = if restore {
        rules::restore(draft, &vm, &snapshot)
    } else {
        rules::preview(draft, &vm, &snapshot)
    };
    verdict.map_err(Error::conflict)?;
    draft.require_space()?;
    if params.memory && snapshot.memory.is_some() {
        let mut chosen = (*snapshot).clone();
        if let Some(only) = &params.disks {
            chosen.disks.retain(|it| only.contains(&it.disk));
        }
        all_disks(draft, &vm, &chosen, "restore the memory of a Snapshot")?;
    }
    let chosen: Vec<&SnapshotDisk> = snapshot
        .disks
        .iter()
        .filter(|it| {
            params
                .disks
                .as_ref()
                .is_none_or(|only| only.contains(&it.disk))
        })
        .filter(|it| vm.disk_attachments.iter().any(|at| at.disk == it.disk))
        .collect();
    // What is not chosen stays what it is, and is written elsewhere as well: undo brings it back.
    let ids: BTreeSet<DiskId> = vm
        .disk_attachments
        .iter()
        .filter_map(|it| draft.disks.get(&it.disk))
        .filter(|disk| !disk.shareable)
        .map(|disk| disk.id)
        .collect();
    let before = of_now(
        draft,
        &vm,
        "Active VM before the preview".to_owned(),
        SnapshotKind::Preview,
        Some(&ids),
    );
    draft.put(before.clone())?;
    for kept in chosen {
        if let Some(disk) = draft.disks.get(&kept.disk) {
            let mut disk = (**disk).clone();
            kept.give_back(&mut disk);
            draft.put(disk)?;
        }
    }
    let disks: Vec<DiskId> = ids.into_iter().collect();
    let mut actions = overlays(draft, &disks)?;
    let memory = snapshot.memory.filter(|_| params.memory);
    update_vm(draft, id, |vm| {
        vm.hardware = snapshot.hardware.clone();
        vm.next_run = None;
        vm.nics.clone_from(&snapshot.nics);
        vm.cdrom = snapshot.cdrom;
        vm.memory = memory;
    })?;
    draft.put(Snapshot {
        status: SnapshotStatus::Locked,
        ..(*snapshot).clone()
    })?;
    let who = super::who(draft, caller);
    let name = &snapshot.description;
    let (number, text, description) = if restore {
        actions.extend(only_of(draft, &before));
        (
            code::SNAPSHOT_RESTORE,
            format!("VM {} restored from Snapshot '{name}' by {who}.", vm.name),
            format!("Restoring VM {} from Snapshot {name}", vm.name),
        )
    } else {
        (
            code::SNAPSHOT_PREVIEW,
            format!(
                "Snapshot-Preview '{name}' for VM '{}' was initiated by {who}.",
                vm.name
            ),
            format!("Preview VM {} Snapshot {name}", vm.name),
        )
    };
    say(draft, caller, id, number, text);
    let kind = if restore {
        OperationKind::SnapshotCommit {
            vm: id,
            snapshot: snapshot.id,
            before: before.id,
            restore: true,
        }
    } else {
        OperationKind::SnapshotPreview {
            vm: id,
            snapshot: snapshot.id,
            before: before.id,
        }
    };
    let job = begin(draft, caller, &vm, kind, description, disks, actions)?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}

fn commit(draft: &mut Draft, caller: &Caller, id: VmId) -> Result<Accepted<()>> {
    const WHAT: &str = "commit Snapshot";
    let vm = the_vm(draft, caller, id)?;
    rules::end(draft, &vm, WHAT).map_err(Error::conflict)?;
    let (shown, before) = rules::preview_of(draft, &vm).ok_or_else(|| {
        Error::conflict("Cannot commit Snapshot. VM is not previewing a Snapshot.")
    })?;
    let actions = only_of(draft, &before);
    let text = format!(
        "Restoring VM {} from Snapshot '{}' started by user {}.",
        vm.name,
        shown.description,
        super::who(draft, caller)
    );
    say(draft, caller, id, code::SNAPSHOT_RESTORE, text);
    let kind = OperationKind::SnapshotCommit {
        vm: id,
        snapshot: shown.id,
        before: before.id,
        restore: false,
    };
    let description = format!(
        "Committing Snapshot {} of VM {}",
        shown.description, vm.name
    );
    let disks: Vec<DiskId> = before.disks.iter().map(|it| it.disk).collect();
    let job = begin(draft, caller, &vm, kind, description, disks, actions)?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}

fn undo(draft: &mut Draft, caller: &Caller, id: VmId) -> Result<Accepted<()>> {
    const WHAT: &str = "undo Snapshot preview";
    let vm = the_vm(draft, caller, id)?;
    rules::end(draft, &vm, WHAT).map_err(Error::conflict)?;
    let (shown, before) = rules::preview_of(draft, &vm)
        .ok_or_else(|| Error::conflict("Cannot undo. VM is not previewing a Snapshot."))?;
    let disks: Vec<DiskId> = before.disks.iter().map(|it| it.disk).collect();
    let mut actions = Vec::new();
    for id in &disks {
        if let Some(disk) = draft.disks.get(id) {
            actions.extend(delete_image(draft, *id, disk.image()));
        }
    }
    let kind = OperationKind::SnapshotUndo {
        vm: id,
        before: before.id,
    };
    let description = format!(
        "Undoing the preview of Snapshot {} of VM {}",
        shown.description, vm.name
    );
    let job = begin(draft, caller, &vm, kind, description, disks, actions)?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}
