//! What is possible with snapshots, and why not.

use crate::inventory::Inventory;
use crate::model::{
    ImageId, Layer, Snapshot, SnapshotDisk, SnapshotKind, SnapshotStatus, Vm, VmStatus,
};

use super::{BUSY, state_sentence};

fn free(inventory: &Inventory, vm: &Vm, what: &str) -> Result<(), String> {
    if vm.external.is_some() {
        return Err(format!(
            "Cannot {what}. VM is an external one: adopt it first."
        ));
    }
    if inventory.lock_of(vm.id).is_some() {
        return Err(format!("Cannot {what}. {BUSY}"));
    }
    if !vm.run.temporary.is_empty() {
        return Err(format!(
            "Cannot {what}. VM is stateless and its run is not over."
        ));
    }
    if vm.pool.is_some() {
        return Err(format!("Cannot {what}. VM is in a VM-Pool."));
    }
    Ok(())
}

fn disks_ok(inventory: &Inventory, vm: &Vm, what: &str) -> Result<(), String> {
    let busy = vm
        .disk_attachments
        .iter()
        .filter_map(|it| inventory.disks.get(&it.disk))
        .find(|disk| {
            disk.status != crate::model::DiskStatus::Ok || inventory.lock_of(disk.id).is_some()
        });
    match busy {
        Some(disk) => Err(format!(
            "Cannot {what}: The following disks are locked: {}. Please try again in a few minutes.",
            disk.name
        )),
        None => Ok(()),
    }
}

/// The snapshot that a VM shows, and what it was before.
pub(crate) fn preview_of(
    inventory: &Inventory,
    vm: &Vm,
) -> Option<(std::sync::Arc<Snapshot>, std::sync::Arc<Snapshot>)> {
    let all = inventory.snapshots_of_vm(vm.id);
    let shown = all
        .iter()
        .find(|it| it.status == SnapshotStatus::InPreview)?;
    let before = all.iter().find(|it| it.kind == SnapshotKind::Preview)?;
    Some((shown.clone(), before.clone()))
}

/// Why no snapshot can be taken now.
pub(crate) fn add(inventory: &Inventory, vm: &Vm) -> Result<(), String> {
    const WHAT: &str = "create Snapshot";
    free(inventory, vm, WHAT)?;
    if preview_of(inventory, vm).is_some() {
        return Err(format!("Cannot {WHAT}. VM is previewing a Snapshot."));
    }
    match vm.run.status {
        VmStatus::Down | VmStatus::Up | VmStatus::Paused => disks_ok(inventory, vm, WHAT),
        _ => Err(format!("Cannot {WHAT}. {}", state_sentence(vm))),
    }
}

fn usable(inventory: &Inventory, vm: &Vm, snapshot: &Snapshot, what: &str) -> Result<(), String> {
    free(inventory, vm, what)?;
    if snapshot.broken {
        return Err(format!(
            "Cannot {what}. Its removal was cut short, so that it does not show what was: remove it."
        ));
    }
    match (snapshot.kind, snapshot.status) {
        (SnapshotKind::Regular, SnapshotStatus::Ok) => {}
        (SnapshotKind::Regular, _) => return Err(format!("Cannot {what}. {BUSY}")),
        _ => {
            return Err(format!(
                "Cannot {what}. It is what the VM was before the preview."
            ));
        }
    }
    if preview_of(inventory, vm).is_some() {
        return Err(format!("Cannot {what}. VM is previewing a Snapshot."));
    }
    if vm.run.status != VmStatus::Down {
        return Err(format!("Cannot {what}. {}", state_sentence(vm)));
    }
    disks_ok(inventory, vm, what)
}

/// Why a snapshot cannot be shown now.
pub(crate) fn preview(inventory: &Inventory, vm: &Vm, snapshot: &Snapshot) -> Result<(), String> {
    usable(inventory, vm, snapshot, "preview Snapshot")
}

/// Why a VM cannot be restored from a snapshot now.
pub(crate) fn restore(inventory: &Inventory, vm: &Vm, snapshot: &Snapshot) -> Result<(), String> {
    usable(inventory, vm, snapshot, "restore VM from Snapshot")
}

/// Why a preview cannot be ended now.
pub(crate) fn end(inventory: &Inventory, vm: &Vm, what: &str) -> Result<(), String> {
    if preview_of(inventory, vm).is_none() {
        return Err(format!("Cannot {what}. VM is not previewing a Snapshot."));
    }
    free(inventory, vm, what)?;
    match vm.run.status {
        VmStatus::Down => Ok(()),
        _ => Err(format!("Cannot {what}. {}", state_sentence(vm))),
    }
}

/// The images that stand directly on one of a disk's, with what stands on them in turn.
pub(crate) fn children(
    inventory: &Inventory,
    kept: &SnapshotDisk,
) -> Vec<(Layer, Option<ImageId>)> {
    let mut found: Vec<(Layer, Option<ImageId>)> = Vec::new();
    let mut see = |layers: Vec<Layer>| {
        for (at, pair) in layers.windows(2).enumerate() {
            if pair[1].image != kept.image {
                continue;
            }
            let above = at.checked_sub(1).map(|at| layers[at].image);
            match found
                .iter_mut()
                .find(|(layer, _)| layer.image == pair[0].image)
            {
                Some((_, known)) => *known = known.or(above),
                None => found.push((pair[0], above)),
            }
        }
    };
    for disk in inventory.disks.iter() {
        see(disk.layers().collect());
    }
    for snapshot in inventory.snapshots.iter() {
        for disk in &snapshot.disks {
            see(disk.layers().collect());
        }
    }
    found
}

/// Why a snapshot cannot be removed now.
pub(crate) fn remove(inventory: &Inventory, vm: &Vm, snapshot: &Snapshot) -> Result<(), String> {
    const WHAT: &str = "remove Snapshot";
    free(inventory, vm, WHAT)?;
    if snapshot.kind != SnapshotKind::Regular {
        return Err(format!(
            "Cannot {WHAT}. It is what the VM was before the preview."
        ));
    }
    if snapshot.status != SnapshotStatus::Ok || preview_of(inventory, vm).is_some() {
        return Err(format!(
            "Cannot {WHAT}. VM is previewing a Snapshot, or it is locked."
        ));
    }
    if snapshot
        .disks
        .iter()
        .any(|kept| children(inventory, kept).len() > 1)
    {
        return Err(format!(
            "Cannot {WHAT}. More than one state of the VM stands on it: remove the Snapshots of the other branches first."
        ));
    }
    match vm.run.status {
        VmStatus::Down | VmStatus::Up | VmStatus::Paused => disks_ok(inventory, vm, WHAT),
        _ => Err(format!("Cannot {WHAT}. {}", state_sentence(vm))),
    }
}

/// Why a disk cannot leave its VM, or move: a snapshot has something of it.
pub(crate) fn not_kept(
    inventory: &Inventory,
    disk: crate::model::DiskId,
    what: &str,
) -> Result<(), String> {
    let keeper = inventory
        .snapshots
        .iter()
        .find(|it| it.disk(disk).is_some());
    match keeper {
        Some(snapshot) => Err(format!(
            "Cannot {what}. The disk is part of Snapshot '{}': remove the VM's Snapshots first.",
            snapshot.description
        )),
        None => Ok(()),
    }
}
