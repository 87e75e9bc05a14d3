//! What work on disks' content means for the inventory.

use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::model::{DiskId, StorageDomainId, VmStatus};
use crate::operation::{Action, Operation, OperationKind, StepState};
use crate::writer::Draft;

use super::{disks_ok, log, log_disk, log_vm, update_disk, update_vm};

/// A disk's images are in another storage domain now.
pub(super) fn switched(draft: &mut Draft, disk: DiskId, to: StorageDomainId) -> Result<()> {
    let profile = draft
        .storage_domains
        .get(&to)
        .map(|domain| domain.disk_profile);
    update_disk(draft, disk, |disk| {
        disk.storage_domain = to;
        if let Some(profile) = profile {
            disk.disk_profile = profile;
        }
    })
}

fn domain_name(draft: &Draft, id: StorageDomainId) -> String {
    draft
        .storage_domains
        .get(&id)
        .map_or_else(|| id.to_string(), |domain| domain.name.clone())
}

fn export_over(draft: &mut Draft, operation: &Operation) -> Result<()> {
    if let OperationKind::VmExport { vm, disks, .. } = &operation.kind {
        disks_ok(draft, disks)?;
        update_vm(draft, *vm, |vm| {
            if vm.run.status == VmStatus::ImageLocked {
                vm.run.status = VmStatus::Down;
            }
        })?;
    }
    Ok(())
}

pub(super) fn succeeded(draft: &mut Draft, operation: &Operation) -> Result<()> {
    match &operation.kind {
        OperationKind::DiskMove { disk, from, to } => {
            disks_ok(draft, &[*disk])?;
            let text = format!(
                "The disk {{disk}} was moved to domain {}.",
                domain_name(draft, *to)
            );
            log_disk(draft, operation, *disk, code::DISK_MOVED, &text);
            let left = operation.steps.iter().any(|step| {
                step.state == StepState::Failed
                    && matches!(step.action, Action::VolumeDelete { .. })
            });
            if left {
                let text = format!(
                    "What the disk {{disk}} had in domain {} could not be deleted.",
                    domain_name(draft, *from)
                );
                log_disk(draft, operation, *disk, code::DISK_REMOVE_FAILED, &text);
            }
        }
        OperationKind::DiskSparsify { disk } => {
            disks_ok(draft, &[*disk])?;
            let text = "The disk {disk} was sparsified.";
            log_disk(draft, operation, *disk, code::DISK_SPARSIFIED, text);
        }
        OperationKind::DiskConvert { disk } => {
            disks_ok(draft, &[*disk])?;
            let text = "The disk {disk} was converted.";
            log_disk(draft, operation, *disk, code::DISK_UPDATED, text);
        }
        OperationKind::VmExport { vm, name, .. } => {
            export_over(draft, operation)?;
            let text = format!(
                "VM {{vm}} was exported to {}.",
                name.replace(['{', '}'], "_")
            );
            log_vm(draft, operation, *vm, code::VM_EXPORTED, &text);
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn failed(draft: &mut Draft, operation: &Operation, error: &str) -> Result<()> {
    match &operation.kind {
        OperationKind::DiskMove { disk, to, .. } => {
            disks_ok(draft, &[*disk])?;
            let name = super::disk_name(draft, *disk);
            let text = format!(
                "The disk {name} could not be moved to domain {}. {error}",
                domain_name(draft, *to)
            );
            let event = EventDraft::new(code::DISK_MOVE_FAILED, text).disk(*disk, draft);
            log(draft, operation, event);
        }
        OperationKind::DiskSparsify { disk } => {
            disks_ok(draft, &[*disk])?;
            let name = super::disk_name(draft, *disk);
            let text = format!("The disk {name} could not be sparsified. {error}");
            let event = EventDraft::new(code::DISK_SPARSIFY_FAILED, text).disk(*disk, draft);
            log(draft, operation, event);
        }
        OperationKind::DiskConvert { disk } => {
            disks_ok(draft, &[*disk])?;
            let name = super::disk_name(draft, *disk);
            let text = format!("The disk {name} could not be converted. {error}");
            let event = EventDraft::new(code::DISK_UPDATE_FAILED, text).disk(*disk, draft);
            log(draft, operation, event);
        }
        OperationKind::VmExport { vm, .. } => {
            export_over(draft, operation)?;
            let name = super::vm_name(draft, *vm);
            let text = format!("VM {name} could not be exported. {error}");
            let event = EventDraft::new(code::VM_EXPORT_FAILED, text).vm(*vm, draft);
            log(draft, operation, event);
        }
        _ => {}
    }
    Ok(())
}
