//! What the end of operations about templates and pools means.

use crate::command;
use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::model::{
    DiskAttachment, DiskId, DiskStatus, Template, TemplateId, TemplateStatus, VmId, VmStatus,
};
use crate::operation::{Action, Operation, StepState};
use crate::writer::Draft;

use super::{disks_ok, forget_disk, log, log_vm, made, sources, update_disk, update_vm};

fn update(draft: &mut Draft, id: TemplateId, change: impl FnOnce(&mut Template)) -> Result<()> {
    let Some(template) = draft.templates.get(&id) else {
        return Ok(());
    };
    let mut template = (**template).clone();
    change(&mut template);
    draft.put(template)
}

fn log_template(draft: &mut Draft, operation: &Operation, id: TemplateId, number: u32, text: &str) {
    let template = draft.templates.get(&id).cloned();
    let name = template
        .as_ref()
        .map_or_else(|| id.to_string(), |it| it.name.clone());
    let mut event = EventDraft::new(number, text.replace("{template}", &name)).template(id);
    if let Some(cluster) = template.and_then(|it| it.cluster) {
        event = event.cluster(cluster, draft);
    }
    log(draft, operation, event);
}

/// The volumes that could not be deleted.
fn left(operation: &Operation) -> Vec<DiskId> {
    operation
        .steps
        .iter()
        .filter(|step| step.state == StepState::Failed)
        .filter_map(|step| match step.action {
            Action::VolumeDelete { disk, .. } => Some(disk),
            _ => None,
        })
        .collect()
}

pub(super) fn added(
    draft: &mut Draft,
    operation: &Operation,
    template: TemplateId,
    vm: VmId,
) -> Result<()> {
    disks_ok(draft, &made(operation))?;
    disks_ok(draft, &sources(operation))?;
    update(draft, template, |it| it.status = TemplateStatus::Ok)?;
    update_vm(draft, vm, |vm| vm.run.status = VmStatus::Down)?;
    log_template(
        draft,
        operation,
        template,
        code::TEMPLATE_ADDED,
        "Creation of Template {template} has been completed.",
    );
    Ok(())
}

pub(super) fn not_added(
    draft: &mut Draft,
    operation: &Operation,
    template: TemplateId,
    vm: VmId,
    error: &str,
) -> Result<()> {
    for disk in made(operation) {
        forget_disk(draft, disk)?;
    }
    disks_ok(draft, &sources(operation))?;
    update_vm(draft, vm, |vm| vm.run.status = VmStatus::Down)?;
    log_template(
        draft,
        operation,
        template,
        code::TEMPLATE_ADD_FAILED,
        &format!("Template {{template}} could not be created. {error}"),
    );
    draft.remove(template);
    Ok(())
}

pub(super) fn removed(draft: &mut Draft, operation: &Operation, id: TemplateId) -> Result<()> {
    let left = left(operation);
    for disk in &left {
        update_disk(draft, *disk, |disk| disk.status = DiskStatus::Illegal)?;
    }
    let text = if left.is_empty() {
        "Template {template} was removed."
    } else {
        "Template {template} was removed, but some of its disks could not be deleted."
    };
    log_template(draft, operation, id, code::TEMPLATE_REMOVED, text);
    command::forget_template(draft, id)
}

/// Nothing but a deletion can fail, and that does not keep a template from going; this is for an
/// operation that was begun by another version of the manager.
pub(super) fn not_removed(
    draft: &mut Draft,
    operation: &Operation,
    id: TemplateId,
    error: &str,
) -> Result<()> {
    update(draft, id, |it| it.status = TemplateStatus::Illegal)?;
    log_template(
        draft,
        operation,
        id,
        code::TEMPLATE_REMOVE_FAILED,
        &format!("Template {{template}} could not be removed. {error}"),
    );
    Ok(())
}

pub(super) fn refreshed(
    draft: &mut Draft,
    operation: &Operation,
    vm: VmId,
    template: TemplateId,
    disks: &[DiskAttachment],
) -> Result<()> {
    for disk in left(operation) {
        update_disk(draft, disk, |disk| disk.status = DiskStatus::Illegal)?;
        update_vm(draft, vm, |vm| {
            vm.disk_attachments.retain(|it| it.disk != disk);
        })?;
    }
    disks_ok(draft, &made(operation))?;
    let newest = draft.templates.get(&template).cloned();
    update_vm(draft, vm, |vm| {
        vm.disk_attachments.splice(0..0, disks.iter().cloned());
        vm.run.status = VmStatus::Down;
        if let Some(newest) = newest {
            command::renew(vm, &newest);
        }
    })?;
    log_vm(
        draft,
        operation,
        vm,
        code::VM_UPDATED,
        "VM {vm} has the latest version of its Template.",
    );
    Ok(())
}

pub(super) fn not_refreshed(
    draft: &mut Draft,
    operation: &Operation,
    vm: VmId,
    error: &str,
) -> Result<()> {
    for disk in made(operation) {
        forget_disk(draft, disk)?;
    }
    let own: Vec<DiskId> = draft
        .vms
        .get(&vm)
        .map(|vm| vm.disk_attachments.iter().map(|it| it.disk).collect())
        .unwrap_or_default();
    disks_ok(draft, &own)?;
    update_vm(draft, vm, |vm| vm.run.status = VmStatus::Down)?;
    log_vm(
        draft,
        operation,
        vm,
        code::VM_UPDATE_FAILED,
        &format!("VM {{vm}} could not be given the latest version of its Template. {error}"),
    );
    Ok(())
}
