//! What an operation's failure means: what it had made is gone by now.

use crate::error::Result;
use crate::event::code;
use crate::model::{DiskId, DiskStatus, TransferPhase, VmId, VmStatus};
use crate::operation::{Action, Operation, OperationKind, StepState};
use crate::writer::Draft;

use super::{
    disks_ok, ended, forget_disk, log_disk, log_vm, made, sources, suspended, transfer_over,
    update_disk, update_vm,
};

/// Records that an operation has failed, and why.
pub(super) fn failed(draft: &mut Draft, operation: &Operation, error: &str) -> Result<()> {
    let now = draft.now();
    match &operation.kind {
        OperationKind::VmAdd { vm } => {
            for disk in made(operation) {
                forget_disk(draft, disk)?;
            }
            disks_ok(draft, &sources(operation))?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_ADD_FAILED,
                &format!("VM {{vm}} could not be created. {error}"),
            );
            draft.remove(*vm);
        }
        OperationKind::TemplateAdd { template, vm } => {
            super::template::not_added(draft, operation, *template, *vm, error)?;
        }
        OperationKind::TemplateRemove { template } => {
            super::template::not_removed(draft, operation, *template, error)?;
        }
        OperationKind::VmRefresh { vm, .. } => {
            super::template::not_refreshed(draft, operation, *vm, error)?;
        }
        OperationKind::SnapshotAdd { .. }
        | OperationKind::SnapshotRemove { .. }
        | OperationKind::SnapshotPreview { .. }
        | OperationKind::SnapshotUndo { .. }
        | OperationKind::SnapshotCommit { .. } => super::snapshot::failed(draft, operation, error)?,
        OperationKind::VmForget { vm } => log_vm(
            draft,
            operation,
            *vm,
            code::VM_FORGET_FAILED,
            &format!(
                "What VM {{vm}} wrote in its last run could not be thrown away; it is tried again. {error}"
            ),
        ),
        OperationKind::VmStart { vm } => {
            let restored = operation
                .steps
                .iter()
                .any(|step| matches!(step.action, Action::DomainRestore { .. }));
            update_vm(draft, *vm, |vm| {
                if restored {
                    // The saved memory is still there.
                    let saved_on = vm.run.saved_on;
                    suspended(vm, saved_on, now);
                } else {
                    ended(vm, now);
                }
                vm.run.status_detail = Some(error.to_owned());
            })?;
            let number = if restored {
                code::VM_RESUME_FAILED
            } else {
                code::VM_RUN_FAILED
            };
            log_vm(
                draft,
                operation,
                *vm,
                number,
                &format!("VM {{vm}} could not be started. {error}"),
            );
        }
        OperationKind::VmStop { vm } => {
            back_to_up(draft, *vm)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_STOP_FAILED,
                &format!("VM {{vm}} could not be stopped. {error}"),
            );
        }
        OperationKind::VmShutdown { vm } => {
            back_to_up(draft, *vm)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_SHUTDOWN_FAILED,
                &format!("VM {{vm}} could not be shut down. {error}"),
            );
        }
        OperationKind::VmReboot { vm } => {
            back_to_up(draft, *vm)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_REBOOT_FAILED,
                &format!("VM {{vm}} could not be rebooted. {error}"),
            );
        }
        OperationKind::VmReset { vm } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_RESET_FAILED,
                &format!("VM {{vm}} could not be reset. {error}"),
            );
        }
        OperationKind::VmHotPlug { vm, .. } => {
            super::hot_plug::over(draft, operation, *vm, Some(error))?;
        }
        OperationKind::VmAdopt { vm, name } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_ADOPTION_FAILED,
                &format!("VM {name} could not be adopted. {error}"),
            );
            crate::command::give_back(draft, *vm, name)?;
        }
        OperationKind::VmFreeze { vm } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_FREEZE_FAILED,
                &format!("The file systems of VM {{vm}} could not be frozen. {error}"),
            );
        }
        OperationKind::VmThaw { vm } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_THAW_FAILED,
                &format!("The file systems of VM {{vm}} could not be thawed. {error}"),
            );
        }
        OperationKind::VmResume { vm } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_RESUME_FAILED,
                &format!("VM {{vm}} could not be resumed. {error}"),
            );
        }
        OperationKind::VmSuspend { vm } => {
            back_to_up(draft, *vm)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_SUSPEND_FINISH_FAILED,
                &format!("VM {{vm}} could not be suspended. {error}"),
            );
        }
        OperationKind::VmRemove { vm } => {
            let disks: Vec<DiskId> = draft
                .vms
                .get(vm)
                .map(|vm| {
                    vm.disk_attachments
                        .iter()
                        .map(|attachment| attachment.disk)
                        .collect()
                })
                .unwrap_or_default();
            disks_ok(draft, &disks)?;
            update_vm(draft, *vm, |vm| vm.run.status = VmStatus::Down)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::VM_REMOVE_FAILED,
                &format!("VM {{vm}} could not be removed. {error}"),
            );
        }
        OperationKind::DiskAdd { disk, vm } => {
            let number = if vm.is_some() {
                code::VM_DISK_ADD_FAILED
            } else {
                code::DISK_ADD_FAILED
            };
            log_disk(
                draft,
                operation,
                *disk,
                number,
                &format!("The disk {{disk}} could not be added. {error}"),
            );
            forget_disk(draft, *disk)?;
        }
        OperationKind::DiskCopy { disk } => {
            log_disk(
                draft,
                operation,
                *disk,
                code::DISK_COPY_FAILED,
                &format!("The disk {{disk}} could not be copied. {error}"),
            );
            disks_ok(draft, &sources(operation))?;
            forget_disk(draft, *disk)?;
        }
        OperationKind::DiskRemove { disk } => {
            update_disk(draft, *disk, |disk| disk.status = DiskStatus::Illegal)?;
            log_disk(
                draft,
                operation,
                *disk,
                code::DISK_REMOVE_FAILED,
                &format!("The disk {{disk}} could not be removed. {error}"),
            );
        }
        OperationKind::DiskResize { disk, .. } => {
            disks_ok(draft, &[*disk])?;
            log_disk(
                draft,
                operation,
                *disk,
                code::DISK_UPDATE_FAILED,
                &format!("The disk {{disk}} could not be extended. {error}"),
            );
        }
        OperationKind::DiskMove { .. }
        | OperationKind::DiskConvert { .. }
        | OperationKind::DiskSparsify { .. }
        | OperationKind::VmExport { .. } => super::images::failed(draft, operation, error)?,
        OperationKind::DevicesChange { vm, .. } => {
            devices_as_they_are(draft, operation, *vm)?;
            log_vm(
                draft,
                operation,
                *vm,
                code::DISK_PLUG_FAILED,
                &format!("A device of VM {{vm}} could not be changed. {error}"),
            );
        }
        OperationKind::CdChange { vm, .. } => {
            log_vm(
                draft,
                operation,
                *vm,
                code::CD_CHANGE_FAILED,
                &format!("The CD of VM {{vm}} could not be changed. {error}"),
            );
        }
        OperationKind::TransferStart { transfer }
        | OperationKind::TransferFinish { transfer }
        | OperationKind::TransferCancel { transfer } => {
            transfer_over(
                draft,
                operation,
                *transfer,
                TransferPhase::FinishedFailure,
                Some(error),
            )?;
        }
    }
    Ok(())
}

/// What was to end goes on.
fn back_to_up(draft: &mut Draft, vm: VmId) -> Result<()> {
    update_vm(draft, vm, |vm| {
        if vm.run.status.is_running() {
            vm.run.status = VmStatus::Up;
        }
    })
}

/// A device that could not be plugged is recorded as unplugged, one that could not be taken out
/// as plugged: the record says what the guest sees.
fn devices_as_they_are(draft: &mut Draft, operation: &Operation, vm: VmId) -> Result<()> {
    let failed: Vec<Action> = operation
        .steps
        .iter()
        .filter(|step| step.state == StepState::Failed)
        .map(|step| step.action.clone())
        .collect();
    update_vm(draft, vm, |vm| {
        for action in failed {
            match action {
                Action::DiskPlug { disk, .. } | Action::DiskUnplug { disk, .. } => {
                    let plugged = matches!(action, Action::DiskUnplug { .. });
                    for attachment in &mut vm.disk_attachments {
                        if attachment.disk == disk {
                            attachment.active = plugged;
                        }
                    }
                }
                Action::NicPlug { nic, .. } | Action::NicUnplug { nic, .. } => {
                    let plugged = matches!(action, Action::NicUnplug { .. });
                    for it in &mut vm.nics {
                        if it.id == nic {
                            it.plugged = plugged;
                        }
                    }
                }
                _ => {}
            }
        }
    })
}
