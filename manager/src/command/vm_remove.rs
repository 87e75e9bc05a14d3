//! Removes a VM, with its disks or without.

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::EventDraft;
use crate::event::code;
use crate::model::{Disk, DiskId, DiskStatus, ObjectId, Permit, VmId, VmStatus};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::disk::deleting;
use super::params::{Accepted, VmRemoveParams};

/// An intention that oVirt has no number for.
const INTENTION: u32 = 0;

impl Manager {
    /// Removes a VM that is down.
    pub async fn vm_remove(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmRemoveParams,
    ) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| remove(draft, &caller, vm, &params))
            .await
    }
}

pub(super) fn remove(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    params: &VmRemoveParams,
) -> Result<Accepted<()>> {
    access::require(draft, caller, Permit::DELETE_VM, id)?;
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &vm, VmAction::Delete).map_err(Error::conflict)?;
    // A disk that other VMs have as well stays.
    let own: Vec<_> = vm
        .disk_attachments
        .iter()
        .filter(|_| !params.detach_only)
        .filter(|attachment| draft.vms_of_disk(attachment.disk).count() == 1)
        .filter_map(|attachment| draft.disks.get(&attachment.disk).cloned())
        .collect();
    if params.detach_only && !draft.snapshots_of_vm(id).is_empty() {
        return Err(Error::conflict(
            "Cannot remove VM. It has Snapshots: remove them first, so that its disks can be kept.",
        ));
    }
    let mut changed = (*vm).clone();
    let kept = |disk: DiskId| own.iter().any(|own| own.id == disk);
    changed
        .disk_attachments
        .retain(|attachment| kept(attachment.disk));
    if own.is_empty() && vm.run.epoch == 0 && draft.snapshots_of_vm(id).is_empty() {
        draft.remove(id);
        let event = EventDraft::new(code::VM_REMOVED, format!("VM {} was removed.", vm.name));
        draft.event(event.cluster(vm.cluster, draft).by(caller, draft));
        draft.job_done(
            caller,
            format!("Removing VM {}", vm.name),
            vec![vm.cluster.into()],
        )?;
        return Ok(Accepted {
            value: (),
            job: None,
        });
    }
    let mut actions = Vec::new();
    // Whichever host of the cluster may know it must forget it.
    let hosts: Vec<_> = draft
        .hosts
        .iter()
        .filter(|host| host.cluster == vm.cluster)
        .cloned()
        .collect();
    if vm.run.epoch > 0 {
        for host in hosts {
            actions.push((
                Action::DomainUndefine {
                    vm: id,
                    host: host.id,
                },
                format!("Forgetting the domain on host {}", host.name),
            ));
        }
    }
    if let Some(payload) = vm.run.payload {
        actions.push((
            Action::PayloadDelete {
                vm: id,
                volume: payload.volume,
                storage_domain: payload.storage_domain,
            },
            "Deleting the first-boot settings".to_owned(),
        ));
    }
    actions.extend(super::snapshot::deleting_memory(draft, id));
    let mut locks: Vec<ObjectId> = vec![id.into()];
    for disk in &own {
        actions.extend(deleting(draft, disk));
        locks.push(disk.id.into());
        draft.put(Disk {
            status: DiskStatus::Locked,
            ..(**disk).clone()
        })?;
    }
    changed.run.status = VmStatus::ImageLocked;
    draft.put(changed)?;
    let event = EventDraft::new(INTENTION, format!("Removal of VM {} was started.", vm.name));
    draft.event(event.vm(id, draft).by(caller, draft));
    let objects = locks.clone();
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::VmRemove { vm: id },
            description: format!("Removing VM {}", vm.name),
            locks,
            objects,
            actions,
        },
    )?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}
