//! What an operation's progress, success and failure mean for the inventory.

use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::host::DomainState;
use crate::model::{
    Disk, DiskId, DiskStatus, GraphicsAddress, GraphicsType, JobStatus, LogSeverity, OperationId,
    Step, StepStatus, StepType, Timestamp, Transfer, TransferDirection, TransferId, TransferPhase,
    Vm, VmId, VmStatus,
};
use crate::writer::Draft;

use super::act::Outcome;
use super::begin::new_step;
use super::{Action, Operation, OperationKind, OperationState, StepState};

/// Changes a VM, if it is there.
pub(crate) fn update_vm(draft: &mut Draft, id: VmId, change: impl FnOnce(&mut Vm)) -> Result<()> {
    let Some(vm) = draft.vms.get(&id) else {
        return Ok(());
    };
    let mut vm = (**vm).clone();
    change(&mut vm);
    draft.put(vm)
}

/// Changes a disk, if it is there.
pub(crate) fn update_disk(
    draft: &mut Draft,
    id: DiskId,
    change: impl FnOnce(&mut Disk),
) -> Result<()> {
    let Some(disk) = draft.disks.get(&id) else {
        return Ok(());
    };
    let mut disk = (**disk).clone();
    change(&mut disk);
    draft.put(disk)
}

/// Changes a transfer, if it is there.
pub(crate) fn update_transfer(
    draft: &mut Draft,
    id: TransferId,
    change: impl FnOnce(&mut Transfer),
) -> Result<()> {
    let Some(transfer) = draft.transfers.get(&id) else {
        return Ok(());
    };
    let mut transfer = (**transfer).clone();
    change(&mut transfer);
    draft.put(transfer)
}

/// Takes a disk out of whatever has it, and away.
pub(crate) fn forget_disk(draft: &mut Draft, id: DiskId) -> Result<()> {
    let vms: Vec<VmId> = draft.vms_of_disk(id).map(|vm| vm.id).collect();
    for vm in vms {
        update_vm(draft, vm, |vm| {
            vm.disk_attachments
                .retain(|attachment| attachment.disk != id)
        })?;
    }
    draft.remove(id);
    Ok(())
}

/// What a VM looks like when its run is over.
pub(crate) fn ended(vm: &mut Vm, now: Timestamp) {
    vm.run.status = VmStatus::Down;
    vm.run.host = None;
    vm.run.stop_time = Some(now);
    vm.run.cdrom = None;
    vm.run.graphics.clear();
    vm.run.accelerated = None;
    vm.run.run_once = false;
    vm.run.status_detail = None;
    if let Some(next) = vm.next_run.take() {
        vm.hardware = *next;
    }
}

/// Sets a step's state, and its place in the job.
pub(super) fn update_step(
    draft: &mut Draft,
    id: OperationId,
    index: usize,
    state: StepState,
    show: impl FnOnce(&mut Step, Timestamp),
) -> Result<()> {
    let Some(operation) = draft.operations.get(&id) else {
        return Ok(());
    };
    let mut operation = (**operation).clone();
    let Some(step) = operation.steps.get_mut(index) else {
        return Ok(());
    };
    step.state = state;
    let job_step = step.job_step;
    let now = draft.now();
    if let Some(job) = draft.jobs.get(&operation.job) {
        let mut job = (**job).clone();
        if let Some(step) = job.steps.iter_mut().find(|step| step.id == job_step) {
            show(step, now);
        }
        job.last_updated = now;
        draft.put(job)?;
    }
    draft.put(operation)
}

/// A step has happened.
pub(super) fn done(
    draft: &mut Draft,
    id: OperationId,
    index: usize,
    outcome: &Outcome,
) -> Result<()> {
    update_step(draft, id, index, StepState::Done, |step, now| {
        step.status = StepStatus::Finished;
        step.end_time = Some(now);
    })?;
    let Some(operation) = draft.operations.get(&id).cloned() else {
        return Ok(());
    };
    let now = draft.now();
    match (&operation.steps[index].action, outcome) {
        (
            Action::VolumeCreate { disk }
            | Action::VolumeCopy { disk, .. }
            | Action::VolumeResize { disk, .. },
            Outcome::Volume(info),
        ) => update_disk(draft, *disk, |disk| {
            disk.actual_size = info.actual_bytes;
            disk.provisioned_size = disk.provisioned_size.max(info.virtual_bytes);
        }),
        (Action::UploadInstall { transfer }, Outcome::Volume(info)) => {
            let Some(transfer) = draft.transfers.get(transfer) else {
                return Ok(());
            };
            update_disk(draft, transfer.disk, |disk| {
                disk.actual_size = info.actual_bytes
            })
        }
        // Of a removed VM or disk the record goes with its volume, and not before.
        (Action::VolumeDelete { disk, .. }, _) => match operation.kind {
            OperationKind::VmRemove { .. } => forget_disk(draft, *disk),
            OperationKind::DiskRemove { .. } => {
                log_disk(
                    draft,
                    &operation,
                    *disk,
                    code::DISK_REMOVED,
                    "The disk {disk} was removed.",
                );
                forget_disk(draft, *disk)
            }
            _ => Ok(()),
        },
        (
            Action::DomainStart { vm, host, epoch } | Action::DomainRestore { vm, host, epoch },
            Outcome::Domain(info),
        ) => {
            let accelerated = draft
                .hosts
                .get(host)
                .and_then(|host| host.report.as_ref())
                .map(|facts| facts.acceleration == crate::model::Acceleration::Kvm);
            update_vm(draft, *vm, |vm| {
                vm.run.status = match info.state {
                    DomainState::Paused(_) => VmStatus::Paused,
                    _ => VmStatus::PoweringUp,
                };
                vm.run.epoch = *epoch;
                vm.run.host = Some(*host);
                vm.run.start_time = Some(now);
                vm.run.stop_time = None;
                vm.run.stop_reason = None;
                vm.run.saved_on = None;
                vm.run.accelerated = accelerated;
                vm.run.graphics = graphics(info);
            })
        }
        (Action::DomainPause { vm, .. }, _) => update_vm(draft, *vm, |vm| {
            if vm.run.status.is_running() {
                vm.run.status = VmStatus::Paused;
            }
        }),
        _ => Ok(()),
    }
}

/// Where a domain's consoles listen, in the inventory's words.
pub(crate) fn graphics(info: &crate::host::DomainInfo) -> Vec<GraphicsAddress> {
    info.spice
        .iter()
        .map(|spice| GraphicsAddress {
            protocol: GraphicsType::Spice,
            address: spice.address.clone(),
            port: spice.port,
            tls_port: spice.tls_port,
        })
        .collect()
}

/// Nothing is left to do: the operation has succeeded, or failed and cleaned up.
pub(super) fn complete(draft: &mut Draft, id: OperationId) -> Result<()> {
    let Some(operation) = draft.operations.get(&id).cloned() else {
        return Ok(());
    };
    // Released first, so that what is recorded now is not refused by the operation's own locks.
    draft.remove(id);
    let error = match &operation.state {
        OperationState::Forward => None,
        OperationState::Undoing { error } => Some(error.clone()),
    };
    if let Some(job) = draft.jobs.get(&operation.job) {
        let mut job = (**job).clone();
        let now = draft.now();
        let (status, step_status) = match &error {
            None => (JobStatus::Finished, StepStatus::Finished),
            Some(_) => (JobStatus::Failed, StepStatus::Failed),
        };
        job.status = status;
        job.end_time = Some(now);
        job.last_updated = now;
        job.operation = None;
        for step in job.steps.iter_mut().filter(|step| step.end_time.is_none()) {
            step.status = step_status;
            step.end_time = Some(now);
            if step.parent.is_none() {
                step.error.clone_from(&error);
            }
        }
        job.steps.push(Step {
            status: step_status,
            end_time: Some(now),
            ..new_step("Finalizing".to_owned(), StepType::Finalizing, None, 2, now)
        });
        draft.put(job)?;
    }
    match error {
        None => succeeded(draft, &operation),
        Some(error) => failed(draft, &operation, &error),
    }
}

fn vm_name(draft: &Draft, vm: VmId) -> String {
    draft
        .vms
        .get(&vm)
        .map_or_else(|| vm.to_string(), |vm| vm.name.clone())
}

fn disk_name(draft: &Draft, disk: DiskId) -> String {
    draft
        .disks
        .get(&disk)
        .map_or_else(|| disk.to_string(), |disk| disk.name.clone())
}

fn log(draft: &mut Draft, operation: &Operation, event: EventDraft) {
    let event = event.caused(
        operation.user,
        &operation.correlation_id,
        operation.source,
        draft,
    );
    draft.event(event);
}

fn log_vm(draft: &mut Draft, operation: &Operation, vm: VmId, code: u32, text: &str) {
    let event = EventDraft::new(code, text.replace("{vm}", &vm_name(draft, vm))).vm(vm, draft);
    log(draft, operation, event);
}

fn log_disk(draft: &mut Draft, operation: &Operation, disk: DiskId, code: u32, text: &str) {
    let event =
        EventDraft::new(code, text.replace("{disk}", &disk_name(draft, disk))).disk(disk, draft);
    log(draft, operation, event);
}

fn disks_ok(draft: &mut Draft, disks: &[DiskId]) -> Result<()> {
    for disk in disks {
        update_disk(draft, *disk, |disk| disk.status = DiskStatus::Ok)?;
    }
    Ok(())
}

/// The disks that an operation's steps make.
fn made(operation: &Operation) -> Vec<DiskId> {
    operation
        .steps
        .iter()
        .filter_map(|step| match step.action {
            Action::VolumeCreate { disk } | Action::VolumeCopy { disk, .. } => Some(disk),
            _ => None,
        })
        .collect()
}

fn sources(operation: &Operation) -> Vec<DiskId> {
    operation
        .steps
        .iter()
        .filter_map(|step| match step.action {
            Action::VolumeCopy { source, .. } => Some(source),
            _ => None,
        })
        .collect()
}

fn succeeded(draft: &mut Draft, operation: &Operation) -> Result<()> {
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
        OperationKind::VmStart { vm } => {
            update_vm(draft, *vm, |vm| {
                if vm.run.status == VmStatus::PoweringUp {
                    vm.run.status = VmStatus::Up;
                }
            })?;
            log_vm(draft, operation, *vm, code::VM_RUN, "VM {vm} is running.");
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
                let next_run = vm.next_run.take();
                let cdrom = vm.run.cdrom;
                let host = vm.run.host;
                ended(vm, now);
                vm.run.saved_on = host;
                // What was changed meanwhile waits for a start that is none of a saved state.
                vm.next_run = next_run;
                vm.run.cdrom = cdrom;
                vm.run.status = VmStatus::Suspended;
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

/// Ends a transfer, and says what becomes of its disk.
fn transfer_over(
    draft: &mut Draft,
    operation: &Operation,
    id: TransferId,
    phase: TransferPhase,
    error: Option<&str>,
) -> Result<()> {
    let Some(transfer) = draft.transfers.get(&id).cloned() else {
        return Ok(());
    };
    let name = disk_name(draft, transfer.disk);
    let (way, to) = match transfer.direction {
        TransferDirection::Upload => ("Upload", "to"),
        TransferDirection::Download => ("Download", "from"),
    };
    let (number, text) = match (phase, error) {
        (TransferPhase::FinishedSuccess, _) => (
            code::TRANSFER_DONE,
            format!("{way} {to} disk {name} has finished."),
        ),
        (_, Some(error)) => (
            code::TRANSFER_FAILED,
            format!("{way} {to} disk {name} has failed. {error} The disk was removed."),
        ),
        (_, None) => (
            code::TRANSFER_CANCELLED,
            format!("{way} {to} disk {name} was cancelled."),
        ),
    };
    let severity = if error.is_some() {
        LogSeverity::Error
    } else {
        LogSeverity::Normal
    };
    let event = EventDraft::new(number, text)
        .severity(severity)
        .disk(transfer.disk, draft);
    log(draft, operation, event);
    let kept = phase == TransferPhase::FinishedSuccess
        || transfer.direction == TransferDirection::Download;
    if kept {
        disks_ok(draft, &[transfer.disk])?;
    } else {
        forget_disk(draft, transfer.disk)?;
    }
    let error = error.map(str::to_owned);
    update_transfer(draft, id, |transfer| {
        transfer.phase = phase;
        transfer.error = error;
    })
}

fn failed(draft: &mut Draft, operation: &Operation, error: &str) -> Result<()> {
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
        OperationKind::VmStart { vm } => {
            let restored = operation
                .steps
                .iter()
                .any(|step| matches!(step.action, Action::DomainRestore { .. }));
            update_vm(draft, *vm, |vm| {
                let cdrom = vm.run.cdrom;
                let next_run = vm.next_run.take();
                ended(vm, now);
                if restored {
                    // The saved memory is still there.
                    vm.run.status = VmStatus::Suspended;
                    vm.run.cdrom = cdrom;
                }
                if restored {
                    vm.next_run = next_run;
                } else if let Some(next) = next_run {
                    vm.hardware = *next;
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
