//! What the end of an operation on snapshots means.

use crate::error::Result;
use crate::event::code;
use crate::model::{DiskId, DiskStatus, Snapshot, SnapshotId, SnapshotStatus, VmId, VmStatus};
use crate::operation::{Action, Operation, OperationKind, StepState};
use crate::writer::Draft;

use super::{log_vm, update_disk, update_vm};

fn update(draft: &mut Draft, id: SnapshotId, change: impl FnOnce(&mut Snapshot)) -> Result<()> {
    let Some(snapshot) = draft.snapshots.get(&id) else {
        return Ok(());
    };
    let mut snapshot = (**snapshot).clone();
    change(&mut snapshot);
    draft.put(snapshot)
}

fn name(draft: &Draft, id: SnapshotId) -> String {
    draft
        .snapshots
        .get(&id)
        .map_or_else(|| id.to_string(), |it| it.description.clone())
}

/// The disks of a VM can be used again.
fn unlock(draft: &mut Draft, vm: VmId) -> Result<()> {
    update_vm(draft, vm, |vm| {
        if vm.run.status == VmStatus::ImageLocked {
            vm.run.status = VmStatus::Down;
        }
    })?;
    let disks: Vec<DiskId> = draft
        .vms
        .get(&vm)
        .map(|vm| vm.disk_attachments.iter().map(|it| it.disk).collect())
        .unwrap_or_default();
    for disk in disks {
        let locked = draft.lock_of(disk).is_some();
        update_disk(draft, disk, |disk| {
            if !locked && disk.status == DiskStatus::Locked {
                disk.status = DiskStatus::Ok;
            }
        })?;
    }
    Ok(())
}

/// A VM is what it was: its disks' images, its hardware, its interfaces.
fn give_back(draft: &mut Draft, vm: VmId, before: SnapshotId) -> Result<()> {
    let Some(before) = draft.snapshots.get(&before).cloned() else {
        return Ok(());
    };
    for kept in &before.disks {
        update_disk(draft, kept.disk, |disk| kept.give_back(disk))?;
    }
    update_vm(draft, vm, |vm| {
        vm.hardware = before.hardware.clone();
        vm.nics.clone_from(&before.nics);
        vm.cdrom = before.cdrom;
        vm.memory = None;
    })?;
    draft.remove(before.id);
    Ok(())
}

fn in_preview(draft: &Draft, vm: VmId) -> Option<SnapshotId> {
    draft
        .snapshots_of_vm(vm)
        .iter()
        .find(|it| it.status == SnapshotStatus::InPreview)
        .map(|it| it.id)
}

pub(super) fn succeeded(draft: &mut Draft, operation: &Operation) -> Result<()> {
    match &operation.kind {
        OperationKind::SnapshotAdd { vm, snapshot } => {
            update(draft, *snapshot, |it| it.status = SnapshotStatus::Ok)?;
            unlock(draft, *vm)?;
            let text = format!(
                "Snapshot '{}' creation for VM '{{vm}}' has been completed.",
                name(draft, *snapshot)
            );
            log_vm(draft, operation, *vm, code::SNAPSHOT_ADDED, &text);
        }
        OperationKind::SnapshotRemove { vm, snapshot } => {
            let text = format!(
                "Snapshot '{}' deletion for VM '{{vm}}' has been completed.",
                name(draft, *snapshot)
            );
            let parent = draft.snapshots.get(snapshot).and_then(|it| it.parent);
            for child in draft.snapshots_of_vm(*vm) {
                if child.parent == Some(*snapshot) {
                    update(draft, child.id, |it| it.parent = parent)?;
                }
            }
            draft.remove(*snapshot);
            unlock(draft, *vm)?;
            log_vm(draft, operation, *vm, code::SNAPSHOT_REMOVED, &text);
        }
        OperationKind::SnapshotPreview { vm, snapshot, .. } => {
            update(draft, *snapshot, |it| it.status = SnapshotStatus::InPreview)?;
            unlock(draft, *vm)?;
            let text = format!(
                "Snapshot-Preview '{}' for VM '{{vm}}' has been completed.",
                name(draft, *snapshot)
            );
            log_vm(draft, operation, *vm, code::SNAPSHOT_PREVIEWED, &text);
        }
        OperationKind::SnapshotUndo { vm, before } => {
            if let Some(shown) = in_preview(draft, *vm) {
                update(draft, shown, |it| it.status = SnapshotStatus::Ok)?;
            }
            give_back(draft, *vm, *before)?;
            unlock(draft, *vm)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::SNAPSHOT_RESTORED,
                "VM '{vm}' is again what it was before the preview.",
            );
        }
        OperationKind::SnapshotCommit {
            vm,
            snapshot,
            before,
            ..
        } => {
            draft.remove(*before);
            update(draft, *snapshot, |it| it.status = SnapshotStatus::Ok)?;
            unlock(draft, *vm)?;
            let text = format!(
                "VM '{{vm}}' has been restored from Snapshot '{}'.",
                name(draft, *snapshot)
            );
            log_vm(draft, operation, *vm, code::SNAPSHOT_RESTORED, &text);
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn failed(draft: &mut Draft, operation: &Operation, error: &str) -> Result<()> {
    match &operation.kind {
        OperationKind::SnapshotAdd { vm, snapshot } => {
            let text = format!(
                "Failed to complete Snapshot '{}' creation for VM '{{vm}}'. {error}",
                name(draft, *snapshot)
            );
            draft.remove(*snapshot);
            unlock(draft, *vm)?;
            log_vm(draft, operation, *vm, code::SNAPSHOT_ADD_FAILED, &text);
        }
        OperationKind::SnapshotRemove { vm, snapshot } => {
            let touched = operation.steps.iter().any(|step| {
                matches!(step.action, Action::ImageMerge { .. }) && step.state != StepState::Planned
            });
            update(draft, *snapshot, |it| {
                it.status = SnapshotStatus::Ok;
                it.broken |= touched;
            })?;
            unlock(draft, *vm)?;
            let text = format!(
                "Failed to delete Snapshot '{}' of VM '{{vm}}'; it can be tried again. {error}",
                name(draft, *snapshot)
            );
            log_vm(draft, operation, *vm, code::SNAPSHOT_REMOVE_FAILED, &text);
        }
        OperationKind::SnapshotPreview {
            vm,
            snapshot,
            before,
        } => {
            update(draft, *snapshot, |it| it.status = SnapshotStatus::Ok)?;
            give_back(draft, *vm, *before)?;
            unlock(draft, *vm)?;
            let text = format!(
                "Failed to preview Snapshot '{}' of VM '{{vm}}'. {error}",
                name(draft, *snapshot)
            );
            log_vm(draft, operation, *vm, code::SNAPSHOT_PREVIEW_FAILED, &text);
        }
        OperationKind::SnapshotCommit {
            vm,
            snapshot,
            before,
            restore: true,
        } => {
            update(draft, *snapshot, |it| it.status = SnapshotStatus::Ok)?;
            give_back(draft, *vm, *before)?;
            unlock(draft, *vm)?;
            let text = format!(
                "Failed to restore VM '{{vm}}' from Snapshot '{}'. {error}",
                name(draft, *snapshot)
            );
            log_vm(draft, operation, *vm, code::SNAPSHOT_RESTORE_FAILED, &text);
        }
        OperationKind::SnapshotUndo { vm, .. } | OperationKind::SnapshotCommit { vm, .. } => {
            unlock(draft, *vm)?;
            let text = format!("The preview of VM '{{vm}}' could not be ended. {error}");
            log_vm(draft, operation, *vm, code::SNAPSHOT_RESTORE_FAILED, &text);
        }
        _ => {}
    }
    Ok(())
}
