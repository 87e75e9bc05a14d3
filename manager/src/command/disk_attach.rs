//! Disks in VMs: attached, changed there, detached; plugged and unplugged while the VM runs.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{
    Disk, DiskAttachment, DiskContentType, DiskFormat, DiskId, DiskInterface, HostId, ObjectId,
    Permit, Vm, VmId, VmStatus,
};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::check;
use super::disk::{making, new_copy, new_disk};
use super::params::{Accepted, DiskAttachParams, DiskAttachmentUpdateParams, DiskSource};
use super::vm_add::MOST_DISKS;

/// A disk for a VM, with the step that makes it.
pub(super) struct Attached {
    pub(super) attachment: DiskAttachment,
    pub(super) step: Option<(Action, String)>,
    pub(super) locks: Vec<ObjectId>,
}

/// Checks a disk for a VM, and makes its record where it is new.
pub(super) fn attachment(
    draft: &mut Draft,
    caller: &Caller,
    vm: &Vm,
    params: DiskAttachParams,
) -> Result<Attached> {
    let default_name = format!("{}_Disk{}", vm.name, vm.disk_attachments.len() + 1);
    let (disk, step, locks): (Disk, _, Vec<ObjectId>) = match params.source {
        DiskSource::Existing(id) => {
            access::require(draft, caller, Permit::ATTACH_DISK, id)?;
            let disk = draft.disks.get(&id).ok_or_else(|| Error::not_found(id))?;
            rules::disk_attach(draft, disk).map_err(Error::conflict)?;
            check::disk_ready(disk, "attach Virtual Disk")?;
            ((**disk).clone(), None, Vec::new())
        }
        DiskSource::New(new) => {
            if new.content_type != DiskContentType::Data {
                return Err(Error::conflict(
                    "Cannot attach Virtual Disk. Only data disks can be attached to a VM.",
                ));
            }
            let disk = new_disk(draft, caller, new, &default_name)?;
            let step = making(&disk, None);
            let locks = vec![disk.id.into()];
            (disk, Some(step), locks)
        }
        DiskSource::Import {
            disk,
            content,
            from,
        } => {
            let disk = new_disk(draft, caller, disk, &default_name)?;
            let step = (
                Action::VolumeImport {
                    disk: disk.id,
                    content,
                },
                format!("Importing the content of disk {}", disk.name),
            );
            let locks = std::iter::once(disk.id.into())
                .chain(from.map(ObjectId::Disk))
                .collect();
            (disk, Some(step), locks)
        }
        DiskSource::Copy { source, disk } => {
            let copy = new_copy(draft, caller, source, disk, &default_name)?;
            if copy.content_type != DiskContentType::Data {
                return Err(Error::conflict(
                    "Cannot attach Virtual Disk. Only data disks can be attached to a VM.",
                ));
            }
            let step = making(&copy, Some(source));
            let locks = vec![copy.id.into(), source.into()];
            (copy, Some(step), locks)
        }
    };
    if vm.disk_attachments.len() >= MOST_DISKS {
        return Err(Error::conflict(
            "Cannot attach Virtual Disk. The VM has too many disks.",
        ));
    }
    if vm
        .disk_attachments
        .iter()
        .any(|attachment| attachment.disk == disk.id)
    {
        return Err(Error::conflict(
            "Cannot attach Virtual Disk. The disk is already attached to the VM.",
        ));
    }
    let attachment = DiskAttachment {
        disk: disk.id,
        interface: params.interface,
        bootable: params.bootable,
        active: params.active,
        read_only: params.read_only,
        pass_discard: params.pass_discard,
        uses_scsi_reservation: params.uses_scsi_reservation,
    };
    validate(draft, vm, &attachment, &disk)?;
    Ok(Attached {
        attachment,
        step,
        locks,
    })
}

fn validate(draft: &Draft, vm: &Vm, attachment: &DiskAttachment, disk: &Disk) -> Result<()> {
    if attachment.interface == DiskInterface::SpaprVscsi {
        return Err(Error::conflict(
            "Cannot attach Virtual Disk. The disk interface is not supported by the VM's operating system.",
        ));
    }
    if attachment.read_only
        && matches!(
            attachment.interface,
            DiskInterface::Ide | DiskInterface::Sata
        )
    {
        return Err(Error::conflict(
            "Cannot attach Virtual Disk. An IDE or SATA disk cannot be read-only.",
        ));
    }
    if attachment.uses_scsi_reservation && attachment.interface != DiskInterface::VirtioScsi {
        return Err(Error::conflict(
            "Cannot attach Virtual Disk. SCSI reservation needs the virtio_scsi interface.",
        ));
    }
    if attachment.bootable
        && vm
            .disk_attachments
            .iter()
            .any(|other| other.bootable && other.disk != disk.id)
    {
        let name = vm
            .disk_attachments
            .iter()
            .find(|other| other.bootable)
            .and_then(|other| draft.disks.get(&other.disk))
            .map_or_else(String::new, |disk| disk.name.clone());
        return Err(Error::conflict(format!(
            "Cannot add Virtual Disk. Disk {name} in VM {} is already marked as boot.",
            vm.name
        )));
    }
    if disk.shareable && disk.format == DiskFormat::Cow {
        return Err(Error::conflict(
            "Cannot attach Virtual Disk. It cannot be shared.",
        ));
    }
    Ok(())
}

/// The host of a VM that runs.
pub(super) fn running_on(vm: &Vm) -> Option<HostId> {
    vm.run
        .host
        .filter(|_| matches!(vm.run.status, VmStatus::Up | VmStatus::Paused))
}

/// Whether an interface can be plugged into a running VM.
fn hot_pluggable(interface: DiskInterface) -> Result<()> {
    if matches!(interface, DiskInterface::Virtio | DiskInterface::VirtioScsi) {
        Ok(())
    } else {
        Err(Error::conflict(
            "Cannot hot plug Virtual Disk. Only virtio and virtio_scsi disks can be plugged into a running VM.",
        ))
    }
}

fn the_vm(draft: &Draft, caller: &Caller, id: VmId) -> Result<Arc<Vm>> {
    access::require(draft, caller, Permit::CONFIGURE_VM_STORAGE, id)?;
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &vm, VmAction::ConfigureDisks).map_err(Error::conflict)?;
    Ok(vm)
}

fn change(vm: VmId, summary: String) -> OperationKind {
    OperationKind::DevicesChange {
        vm,
        summary,
        remove_disks: Vec::new(),
        remove_nics: Vec::new(),
    }
}

impl Manager {
    /// Gives a disk to a VM: one there is, a new one, or a copy. A running VM gets it at once.
    pub async fn disk_attach(
        &self,
        caller: &Caller,
        vm: VmId,
        params: DiskAttachParams,
    ) -> Result<Accepted<DiskId>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| attach(draft, &caller, vm, params))
            .await
    }

    /// Changes how a disk is in a VM.
    pub async fn disk_attachment_update(
        &self,
        caller: &Caller,
        vm: VmId,
        disk: DiskId,
        params: DiskAttachmentUpdateParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| update(draft, &caller, vm, disk, params))
            .await
    }

    /// Takes a disk from a VM, and away altogether where that is wanted.
    pub async fn disk_detach(
        &self,
        caller: &Caller,
        vm: VmId,
        disk: DiskId,
        remove: bool,
    ) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| detach(draft, &caller, vm, disk, remove))
            .await
    }
}

fn attach(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    params: DiskAttachParams,
) -> Result<Accepted<DiskId>> {
    let vm = the_vm(draft, caller, id)?;
    let made = attachment(draft, caller, &vm, params)?;
    let disk = made.attachment.disk;
    let name = draft
        .disks
        .get(&disk)
        .map(|disk| disk.name.clone())
        .unwrap_or_default();
    let mut changed = (*vm).clone();
    let plug = running_on(&vm).filter(|_| made.attachment.active);
    if plug.is_some() {
        hot_pluggable(made.attachment.interface)?;
    }
    changed.disk_attachments.push(made.attachment);
    draft.put(changed)?;
    let is_new = made.step.is_some();
    let mut actions: Vec<_> = made.step.into_iter().collect();
    if let Some(host) = plug {
        actions.push((
            Action::DiskPlug { vm: id, host, disk },
            format!("Plugging disk {name} into the running VM"),
        ));
    }
    let (number, text) = if is_new {
        (
            code::VM_DISK_ADD,
            format!("Adding disk {name} to VM {} was started.", vm.name),
        )
    } else {
        (
            code::DISK_ATTACHED,
            format!("The disk {name} was attached to VM {}.", vm.name),
        )
    };
    let event = EventDraft::new(number, text)
        .vm(id, draft)
        .disk(disk, draft);
    draft.event(event.by(caller, draft));
    let objects = vec![id.into(), disk.into()];
    let description = format!("Adding Disk {name} to VM {}", vm.name);
    if actions.is_empty() {
        draft.job_done(caller, description, objects)?;
        return Ok(Accepted {
            value: disk,
            job: None,
        });
    }
    let kind = if is_new {
        OperationKind::DiskAdd { disk, vm: Some(id) }
    } else {
        change(id, format!("disk {name} was plugged"))
    };
    let mut locks = made.locks;
    if !locks.contains(&disk.into()) {
        locks.push(disk.into());
    }
    locks.push(id.into());
    let job = draft.begin(
        caller,
        Plan {
            kind,
            description,
            locks,
            objects,
            actions,
        },
    )?;
    Ok(Accepted {
        value: disk,
        job: Some(job),
    })
}

fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    disk: DiskId,
    params: DiskAttachmentUpdateParams,
) -> Result<Accepted<Arc<Vm>>> {
    let vm = the_vm(draft, caller, id)?;
    let old = vm
        .disk_attachments
        .iter()
        .find(|attachment| attachment.disk == disk)
        .cloned()
        .ok_or_else(|| Error::not_found(disk))?;
    let mut job = super::disk::update_if_said(draft, caller, disk, params.disk)?;
    let mut new = old.clone();
    new.interface = params.interface.unwrap_or(new.interface);
    new.bootable = params.bootable.unwrap_or(new.bootable);
    new.active = params.active.unwrap_or(new.active);
    new.read_only = params.read_only.unwrap_or(new.read_only);
    new.pass_discard = params.pass_discard.unwrap_or(new.pass_discard);
    new.uses_scsi_reservation = params
        .uses_scsi_reservation
        .unwrap_or(new.uses_scsi_reservation);
    let record = draft
        .disks
        .get(&disk)
        .cloned()
        .ok_or_else(|| Error::not_found(disk))?;
    if new != old {
        validate(draft, &vm, &new, &record)?;
        let host = running_on(&vm);
        let only_active = DiskAttachment {
            active: old.active,
            ..new.clone()
        } == old;
        if host.is_some() && old.active && !only_active {
            return Err(Error::conflict(
                "Cannot edit Virtual Disk. The disk is plugged into a running VM.",
            ));
        }
        if host.is_some() && new.active {
            hot_pluggable(new.interface)?;
        }
        let mut changed = (*vm).clone();
        for attachment in &mut changed.disk_attachments {
            if attachment.disk == disk {
                *attachment = new.clone();
            }
        }
        draft.put(changed)?;
        let event = EventDraft::new(
            code::VM_DISK_UPDATED,
            format!("Disk {} of VM {} was updated.", record.name, vm.name),
        );
        let event = event.vm(id, draft).disk(disk, draft);
        draft.event(event.by(caller, draft));
        if let Some(host) = host.filter(|_| new.active != old.active) {
            let (action, verb) = if new.active {
                (Action::DiskPlug { vm: id, host, disk }, "Plugging")
            } else {
                (Action::DiskUnplug { vm: id, host, disk }, "Unplugging")
            };
            if job.is_some() {
                return Err(Error::conflict(
                    "Cannot edit Virtual Disk. It cannot be extended and plugged at once.",
                ));
            }
            let state = if new.active { "plugged" } else { "unplugged" };
            job = Some(draft.begin(
                caller,
                Plan {
                    kind: change(id, format!("disk {} was {state}", record.name)),
                    description: format!("{verb} Disk {} of VM {}", record.name, vm.name),
                    locks: vec![id.into(), disk.into()],
                    objects: vec![id.into(), disk.into()],
                    actions: vec![(action, format!("{verb} disk {}", record.name))],
                },
            )?);
        }
    }
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    Ok(Accepted { value: vm, job })
}

fn detach(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    disk: DiskId,
    remove: bool,
) -> Result<Accepted<()>> {
    let vm = the_vm(draft, caller, id)?;
    let old = vm
        .disk_attachments
        .iter()
        .find(|attachment| attachment.disk == disk)
        .cloned()
        .ok_or_else(|| Error::not_found(disk))?;
    let record = draft
        .disks
        .get(&disk)
        .cloned()
        .ok_or_else(|| Error::not_found(disk))?;
    rules::snapshot::not_kept(draft, disk, "detach Virtual Disk").map_err(Error::conflict)?;
    let host = running_on(&vm).filter(|_| old.active);
    let unplug = host.map(|host| {
        (
            Action::DiskUnplug { vm: id, host, disk },
            format!("Unplugging disk {}", record.name),
        )
    });
    if remove {
        access::require(draft, caller, Permit::DELETE_DISK, disk)?;
        rules::disk_free(draft, &record, "remove Virtual Disk").map_err(Error::conflict)?;
        if draft.vms_of_disk(disk).any(|other| other.id != id) {
            return Err(Error::conflict(
                "Cannot remove Virtual Disk. The disk is attached to more than one VM.",
            ));
        }
        let job = super::disk::remove(draft, caller, &record, unplug.into_iter().collect())?;
        return Ok(Accepted {
            value: (),
            job: Some(job),
        });
    }
    rules::disk_free(draft, &record, "detach Virtual Disk").map_err(Error::conflict)?;
    let event = EventDraft::new(
        code::DISK_DETACHED,
        format!("Disk {} was detached from VM {}.", record.name, vm.name),
    );
    let event = event.vm(id, draft).disk(disk, draft);
    draft.event(event.by(caller, draft));
    let description = format!("Detaching Disk {} from VM {}", record.name, vm.name);
    let objects = vec![id.into(), disk.into()];
    let Some(action) = unplug else {
        let mut changed = (*vm).clone();
        changed
            .disk_attachments
            .retain(|attachment| attachment.disk != disk);
        draft.put(changed)?;
        draft.job_done(caller, description, objects)?;
        return Ok(Accepted {
            value: (),
            job: None,
        });
    };
    let kind = OperationKind::DevicesChange {
        vm: id,
        summary: format!("disk {} was unplugged and detached", record.name),
        remove_disks: vec![disk],
        remove_nics: Vec::new(),
    };
    let locks = objects.clone();
    let job = draft.begin(
        caller,
        Plan {
            kind,
            description,
            locks,
            objects,
            actions: vec![action],
        },
    )?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}
