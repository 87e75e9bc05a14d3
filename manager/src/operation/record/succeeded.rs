//! What an operation's success means.

use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::model::{DiskId, DiskStatus, TransferPhase, VmStatus};
use crate::operation::{Action, Operation, OperationKind, StepState};
use crate::writer::Draft;

use super::{
    disk_name, disks_ok, ended, log, log_disk, log_vm, made, sources, suspended, transfer_over,
    update_disk, update_transfer, update_vm, vm_name,
};

/// Records that an operation has done what it was for.
pub(super) fn succeeded(draft: &mut Draft, operation: &Operation) -> Result<()> {
    let now = draft.now();
    match &operation.kind {
        OperationKind::VmAdd { vm } => {
            disks_ok(draft, &made(operation))?;
            disks_ok(draft, &sources(operation))?;
            update_vm(draft, *vm, |vm| vm.run.status = VmStatus::Down)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_ADD_FINISHED,
                "VM {vm} creation has been completed.",
            );
        }
        OperationKind::TemplateAdd { template, vm } => {
            super::template::added(draft, operation, *template, *vm)?;
        }
        OperationKind::TemplateRemove { template } => {
            super::template::removed(draft, operation, *template)?;
        }
        OperationKind::VmRefresh {
            vm,
            template,
            disks,
        } => super::template::refreshed(draft, operation, *vm, *template, disks)?,
        OperationKind::SnapshotAdd { .. }
        | OperationKind::SnapshotRemove { .. }
        | OperationKind::SnapshotPreview { .. }
        | OperationKind::SnapshotUndo { .. }
        | OperationKind::SnapshotCommit { .. } => super::snapshot::succeeded(draft, operation)?,
        // Its steps have said all; a VM that keeps nothing does this after every run.
        OperationKind::VmForget { .. } => {}
        OperationKind::VmStart { vm } => {
            let mut waits = false;
            update_vm(draft, *vm, |vm| {
                if vm.run.status == VmStatus::PoweringUp {
                    // A guest with an agent says itself when it is up.
                    waits = vm.run.has_agent;
                    if !waits {
                        vm.run.status = VmStatus::Up;
                    }
                }
            })?;
            if !waits {
                log_vm(draft, operation, *vm, code::VM_RUN, "VM {vm} is running.");
            }
        }
        OperationKind::VmStop { vm } => {
            update_vm(draft, *vm, |vm| ended(vm, now))?;
            draft.vm_statistics(*vm, None);
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_DOWN,
                "VM {vm} is down. It was powered off.",
            );
        }
        // Their events were written when they were begun; what the guest makes of it, the monitor
        // will see.
        OperationKind::VmShutdown { .. }
        | OperationKind::VmReboot { .. }
        | OperationKind::VmReset { .. } => {}
        OperationKind::VmAdopt { vm, .. } => {
            let disks: Vec<DiskId> = draft
                .vms
                .get(vm)
                .map(|vm| vm.disk_attachments.iter().map(|it| it.disk).collect())
                .unwrap_or_default();
            disks_ok(draft, &disks)?;
            let epoch = operation.steps.iter().find_map(|step| match step.action {
                Action::DomainAdopt { epoch, .. } => Some(epoch),
                _ => None,
            });
            crate::command::take(draft, *vm, epoch.unwrap_or(1))?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_ADOPTED,
                "VM {vm} was adopted. Its files stay where they are.",
            );
        }
        OperationKind::VmFreeze { vm } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_FROZEN,
                "The file systems of VM {vm} were frozen.",
            );
        }
        OperationKind::VmThaw { vm } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_THAWED,
                "The file systems of VM {vm} were thawed.",
            );
        }
        OperationKind::VmResume { vm } => {
            update_vm(draft, *vm, |vm| {
                if vm.run.status == VmStatus::Paused {
                    vm.run.status = VmStatus::Up;
                    vm.run.status_detail = None;
                }
            })?;
            log_vm(draft, operation, *vm, code::VM_RUN, "VM {vm} was resumed.");
        }
        OperationKind::VmSuspend { vm } => {
            update_vm(draft, *vm, |vm| {
                let host = vm.run.host;
                suspended(vm, host, now);
            })?;
            draft.vm_statistics(*vm, None);
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_SUSPENDED,
                "VM {vm} was suspended.",
            );
        }
        OperationKind::VmRemove { vm } => {
            for snapshot in draft.snapshots_of_vm(*vm) {
                draft.remove(snapshot.id);
            }
            // What could not be deleted stays visible, so that somebody can try again.
            let left: Vec<DiskId> = operation
                .steps
                .iter()
                .filter(|step| step.state == StepState::Failed)
                .filter_map(|step| match step.action {
                    Action::VolumeDelete { disk, .. } => Some(disk),
                    _ => None,
                })
                .collect();
            for disk in &left {
                update_disk(draft, *disk, |disk| disk.status = DiskStatus::Illegal)?;
            }
            let (number, text) = if left.is_empty() {
                (code::VM_REMOVED, "VM {vm} was removed.")
            } else {
                (
                    code::VM_REMOVED_DISKS_LEFT,
                    "VM {vm} was removed, but some of its disks could not be deleted.",
                )
            };
            let text = text.replace("{vm}", &vm_name(draft, *vm));
            let cluster = draft.vms.get(vm).map(|vm| vm.cluster);
            draft.remove(*vm);
            let mut event = EventDraft::new(number, text);
            if let Some(cluster) = cluster {
                event = event.cluster(cluster, draft);
            }
            log(draft, operation, event);
        }
        OperationKind::DiskAdd { disk, vm } => {
            disks_ok(draft, &[*disk])?;
            match vm {
                Some(vm) => {
                    let text = format!(
                        "The disk {} was added to VM {}.",
                        disk_name(draft, *disk),
                        vm_name(draft, *vm)
                    );
                    let event = EventDraft::new(code::VM_DISK_ADDED, text)
                        .vm(*vm, draft)
                        .disk(*disk, draft);
                    log(draft, operation, event);
                }
                None => log_disk(
                    draft,
                    operation,
                    *disk,
                    code::DISK_ADDED,
                    "The disk {disk} was added.",
                ),
            }
        }
        OperationKind::DiskCopy { disk } => {
            disks_ok(draft, &[*disk])?;
            disks_ok(draft, &sources(operation))?;
            log_disk(
                draft,
                operation,
                *disk,
                code::DISK_ADDED,
                "The disk {disk} was made as a copy.",
            );
        }
        // The disk's event was written with its removal.
        OperationKind::DiskRemove { .. } => {}
        OperationKind::DiskResize { disk, size } => {
            disks_ok(draft, &[*disk])?;
            update_disk(draft, *disk, |disk| disk.provisioned_size = *size)?;
            log_disk(
                draft,
                operation,
                *disk,
                code::DISK_UPDATED,
                "The disk {disk} was extended.",
            );
        }
        OperationKind::DiskMove { .. }
        | OperationKind::DiskConvert { .. }
        | OperationKind::DiskSparsify { .. }
        | OperationKind::VmExport { .. } => super::images::succeeded(draft, operation)?,
        OperationKind::DevicesChange {
            vm,
            summary,
            remove_disks,
            remove_nics,
        } => {
            update_vm(draft, *vm, |vm| {
                vm.disk_attachments
                    .retain(|it| !remove_disks.contains(&it.disk));
                vm.nics.retain(|it| !remove_nics.contains(&it.id));
            })?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_UPDATED,
                &format!("VM {{vm}}: {summary}."),
            );
        }
        OperationKind::VmHotPlug { vm, .. } => super::hot_plug::over(draft, operation, *vm, None)?,
        OperationKind::CdChange { vm, disk } => {
            update_vm(draft, *vm, |vm| vm.run.cdrom = *disk)?;
            let text = match disk {
                Some(disk) => {
                    format!(
                        "CD {} was inserted into VM {{vm}}.",
                        disk_name(draft, *disk)
                    )
                }
                None => "The CD was ejected from VM {vm}.".to_owned(),
            };
            log_vm(draft, operation, *vm, code::CD_CHANGED, &text);
        }
        OperationKind::TransferStart { transfer } => {
            update_transfer(draft, *transfer, |transfer| {
                transfer.phase = TransferPhase::Transferring;
                transfer.last_activity = now;
            })?;
        }
        OperationKind::TransferFinish { transfer } => {
            transfer_over(
                draft,
                operation,
                *transfer,
                TransferPhase::FinishedSuccess,
                None,
            )?;
        }
        OperationKind::TransferCancel { transfer } => {
            transfer_over(
                draft,
                operation,
                *transfer,
                TransferPhase::CancelledUser,
                None,
            )?;
        }
    }
    Ok(())
}
