//! What an operation's progress, success and failure mean for the inventory.

mod failed;
mod hot_plug;
mod images;
mod snapshot;
mod succeeded;
mod template;

use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::host::DomainState;
use crate::model::{
    Disk, DiskId, DiskStatus, GraphicsAddress, GraphicsType, HostId, JobStatus, LogSeverity,
    OperationId, Step, StepStatus, StepType, Timestamp, Transfer, TransferDirection, TransferId,
    TransferPhase, Vm, VmId, VmStatus,
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
    if let Some(template) = draft.template_of_disk(id) {
        let mut template = (**template).clone();
        template.disk_attachments.retain(|it| it.disk != id);
        draft.put(template)?;
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
    vm.run.once = None;
    vm.run.status_detail = None;
    if let Some(next) = vm.next_run.take() {
        vm.hardware = *next;
    }
}

/// What a VM looks like when its memory is saved: what was given for its run alone goes on with it.
pub(crate) fn suspended(vm: &mut Vm, host: Option<HostId>, now: Timestamp) {
    // What was changed meanwhile waits for a start that is none of a saved state.
    let next_run = vm.next_run.take();
    let (once, run_once, cdrom) = (vm.run.once.take(), vm.run.run_once, vm.run.cdrom);
    ended(vm, now);
    vm.next_run = next_run;
    vm.run.once = once;
    vm.run.run_once = run_once;
    vm.run.cdrom = cdrom;
    vm.run.saved_on = host;
    vm.run.status = VmStatus::Suspended;
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
            step.waiting = None;
            show(step, now);
        }
        job.last_updated = now;
        draft.put(job)?;
    }
    draft.put(operation)
}

/// A step is so far, in per cent.
pub(super) fn progress(
    draft: &mut Draft,
    id: OperationId,
    action: &Action,
    percent: Option<u32>,
) -> Result<()> {
    let Some(operation) = draft.operations.get(&id) else {
        return Ok(());
    };
    let step = operation
        .steps
        .iter()
        .find(|step| step.state == StepState::Intended && step.action == *action)
        .map(|step| step.job_step);
    let job = draft.jobs.get(&operation.job).cloned();
    let (Some(step), Some(job)) = (step, job) else {
        return Ok(());
    };
    let mut job = (*job).clone();
    if let Some(step) = job.steps.iter_mut().find(|shown| shown.id == step) {
        step.progress = percent;
    }
    job.last_updated = draft.now();
    draft.put(job)
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
            Action::VolumePlace { disk, .. }
            | Action::VolumeCreate { disk }
            | Action::VolumeCopy { disk, .. }
            | Action::VolumeImport { disk, .. }
            | Action::VolumeResize { disk, .. },
            Outcome::Volume(info),
        ) => update_disk(draft, *disk, |disk| {
            disk.actual_size = info.actual_bytes;
            disk.provisioned_size = disk.provisioned_size.max(info.virtual_bytes);
        }),
        (Action::OverlayDrop { disk, image, .. }, _) => {
            super::stateless::dropped(draft, *disk, *image)
        }
        (Action::ImageMerge { disk, top, .. }, _) => {
            super::snapshot::merged(draft, *disk, top.image)
        }
        (Action::VolumeSparsify { disk }, Outcome::Volume(info)) => {
            update_disk(draft, *disk, |disk| disk.actual_size = info.actual_bytes)
        }
        (
            Action::VolumeConvert {
                disk,
                image,
                format,
                sparse,
            },
            Outcome::Volume(info),
        ) => update_disk(draft, *disk, |disk| {
            disk.image = Some(*image);
            disk.backing.clear();
            disk.format = *format;
            disk.sparse = *sparse;
            disk.actual_size = info.actual_bytes;
        }),
        (Action::DiskSwitch { disk, to } | Action::DiskPivot { disk, to, .. }, _) => {
            images::switched(draft, *disk, *to)
        }
        (Action::UploadInstall { transfer }, Outcome::Volume(info)) => {
            let Some(transfer) = draft.transfers.get(transfer) else {
                return Ok(());
            };
            update_disk(draft, transfer.disk, |disk| {
                disk.actual_size = info.actual_bytes
            })
        }
        // Of a removed VM or disk the record goes with its last volume, and not before.
        (Action::VolumeDelete { disk, .. }, _) if deleted(&operation, *disk) => {
            match operation.kind {
                OperationKind::VmRemove { .. }
                | OperationKind::TemplateRemove { .. }
                | OperationKind::VmRefresh { .. } => forget_disk(draft, *disk),
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
            }
        }
        (
            Action::DomainStart { vm, host, epoch }
            | Action::DomainRestore { vm, host, epoch }
            | Action::DomainReturn { vm, host, epoch },
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
                vm.memory = None;
                vm.run.accelerated = accelerated;
                vm.run.graphics = graphics(info);
                if vm.run.payload.is_some_and(|it| it.epoch == *epoch) {
                    vm.run.initialized = true;
                }
            })
        }
        (Action::PayloadDelete { vm, volume, .. }, _) => update_vm(draft, *vm, |vm| {
            if vm.run.payload.is_some_and(|it| it.volume == *volume) {
                vm.run.payload = None;
            }
        }),
        (Action::DomainPause { vm, .. }, _) => update_vm(draft, *vm, |vm| {
            if vm.run.status.is_running() {
                vm.run.status = VmStatus::Paused;
            }
        }),
        _ => Ok(()),
    }
}

/// Whether an operation has deleted every volume of a disk that it was to delete.
fn deleted(operation: &Operation, id: DiskId) -> bool {
    let of_disk =
        |action: &Action| matches!(action, Action::VolumeDelete { disk, .. } if *disk == id);
    operation
        .steps
        .iter()
        .filter(|step| of_disk(&step.action))
        .all(|step| step.state == StepState::Done)
}

/// Where a domain's consoles listen, in the inventory's words.
pub(crate) fn graphics(info: &crate::host::DomainInfo) -> Vec<GraphicsAddress> {
    let said = [
        (GraphicsType::Spice, &info.spice),
        (GraphicsType::Vnc, &info.vnc),
    ];
    said.into_iter()
        .filter_map(|(protocol, address)| {
            address.as_ref().map(|it| GraphicsAddress {
                protocol,
                address: it.address.clone(),
                port: it.port,
                tls_port: it.tls_port,
            })
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
            Some(_) if operation.cancelled.is_some() => (JobStatus::Aborted, StepStatus::Aborted),
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
        None => succeeded::succeeded(draft, &operation),
        Some(error) => failed::failed(draft, &operation, &error),
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
        .filter_map(|step| match &step.action {
            Action::VolumeCreate { disk }
            | Action::VolumeCopy { disk, .. }
            | Action::VolumeImport { disk, .. } => Some(*disk),
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
