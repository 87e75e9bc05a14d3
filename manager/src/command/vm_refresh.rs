//! A VM that keeps nothing is made anew from the newest version of its template: the same VM, with
//! other disks.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{Disk, DiskStatus, ObjectId, Template, Vm, VmId, VmStatus};
use crate::operation::{OperationKind, Plan, update_vm};
use crate::writer::Draft;

use super::disk::deleting;
use super::template::newest_version;
use super::vm_from::template_disks;

/// Begins it; the VM is locked until its new disks are there and the old ones gone.
pub(crate) fn refresh(draft: &mut Draft, caller: &Caller, id: VmId) -> Result<()> {
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    let newest = newest_version(draft, vm.template)
        .cloned()
        .ok_or_else(|| Error::not_found(vm.template))?;
    let made = template_disks(draft, caller, &newest, false, &[])?;
    let mut locks: Vec<ObjectId> = vec![id.into()];
    locks.extend(made.locks);
    let mut actions = made.actions;
    let old: Vec<_> = vm
        .disk_attachments
        .iter()
        .filter(|it| draft.vms_of_disk(it.disk).count() == 1)
        .filter_map(|it| draft.disks.get(&it.disk).cloned())
        .filter(|disk| !disk.shareable)
        .collect();
    for disk in old {
        actions.extend(deleting(draft, &disk));
        locks.push(disk.id.into());
        draft.put(Disk {
            status: DiskStatus::Locked,
            ..(*disk).clone()
        })?;
    }
    if actions.is_empty() {
        return update_vm(draft, id, |vm| renew(vm, &newest));
    }
    update_vm(draft, id, |vm| vm.run.status = VmStatus::ImageLocked)?;
    let event = EventDraft::new(
        code::VM_UPDATED,
        format!(
            "VM {} is made anew from version {} of Template {}.",
            vm.name, newest.version_number, newest.name
        ),
    );
    draft.event(event.vm(id, draft).template(newest.id).by(caller, draft));
    draft.begin(
        caller,
        Plan {
            kind: OperationKind::VmRefresh {
                vm: id,
                template: newest.id,
                disks: made.attachments,
            },
            description: format!(
                "Updating VM {} to the latest version of its Template",
                vm.name
            ),
            objects: vec![id.into(), newest.id.into()],
            locks,
            actions,
        },
    )?;
    Ok(())
}

/// What a VM takes over from the version that it is made anew from.
pub(crate) fn renew(vm: &mut Vm, newest: &Template) {
    let old = std::mem::replace(&mut vm.hardware, newest.hardware.clone());
    vm.hardware.cpu_profile = old.cpu_profile;
    vm.hardware.stateless = old.stateless;
    vm.hardware.placement = old.placement;
    if vm.instance_type.is_some() {
        vm.hardware.memory = old.memory;
        vm.hardware.memory_guaranteed = old.memory_guaranteed;
        vm.hardware.memory_max = old.memory_max;
        vm.hardware.topology = old.topology;
    }
    vm.template = newest.id;
}
