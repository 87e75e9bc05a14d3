//! Disks moved to another storage domain, thinned out, and held to their profile's limits.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::domain;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::host::Plugged;
use crate::inventory::Inventory;
use crate::model::{
    Disk, DiskBackup, DiskContentType, DiskFormat, DiskId, DiskProfileId, DiskStatus, ImageId,
    ObjectId, Permit, QosId, StorageDomain, StorageDomainId, VmStatus,
};
use crate::operation::{Action, OperationKind, Plan, require_unlocked};
use crate::rules;
use crate::writer::Draft;

use super::check;
use super::disk::deleting;
use super::disk_attach::running_on;
use super::params::Accepted;

impl Manager {
    /// Moves a disk to another storage domain; under a running guest where that can be done.
    pub async fn disk_move(
        &self,
        caller: &Caller,
        disk: DiskId,
        to: StorageDomainId,
    ) -> Result<Accepted<Arc<Disk>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| move_disk(draft, &caller, disk, to))
            .await
    }

    /// Gives the space of a disk's zeros back to the storage.
    pub async fn disk_sparsify(
        &self,
        caller: &Caller,
        disk: DiskId,
    ) -> Result<Accepted<Arc<Disk>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut it = the_disk(draft, &caller, disk)?;
                rules::images::sparsify(draft, &it).map_err(Error::conflict)?;
                it.status = DiskStatus::Locked;
                draft.put(it.clone())?;
                let text = format!("Sparsification of disk {} was started.", it.name);
                let event = EventDraft::new(code::DISK_SPARSIFY, text);
                draft.event(event.disk(disk, draft).by(&caller, draft));
                let job = draft.begin(
                    &caller,
                    Plan {
                        kind: OperationKind::DiskSparsify { disk },
                        description: format!("Sparsifying Disk {}", it.name),
                        locks: locks(draft, disk),
                        objects: vec![disk.into()],
                        actions: vec![(
                            Action::VolumeSparsify { disk },
                            format!("Giving back the unused space of disk {}", it.name),
                        )],
                    },
                )?;
                Ok(Accepted {
                    value: Arc::new(it),
                    job: Some(job),
                })
            })
            .await
    }

    /// Writes a disk's content in another format, or with its space taken otherwise.
    pub async fn disk_convert(
        &self,
        caller: &Caller,
        disk: DiskId,
        format: Option<DiskFormat>,
        sparse: Option<bool>,
    ) -> Result<Accepted<Arc<Disk>>> {
        const WHAT: &str = "convert Virtual Disk";
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut it = the_disk(draft, &caller, disk)?;
                rules::images::convert(draft, &it).map_err(Error::conflict)?;
                let format = format.unwrap_or(it.format);
                let sparse = sparse.unwrap_or(format == DiskFormat::Cow || it.sparse);
                if format == it.format && sparse == it.sparse && it.backing.is_empty() {
                    return Err(Error::conflict(format!(
                        "Cannot {WHAT}. The disk is written so already."
                    )));
                }
                let fault = match format {
                    DiskFormat::Cow if !sparse => {
                        Some("A disk in COW format cannot be preallocated.")
                    }
                    DiskFormat::Cow if it.shareable => {
                        Some("Shareable disks are not supported in COW format.")
                    }
                    DiskFormat::Cow if it.content_type != DiskContentType::Data => {
                        Some("An ISO image must be in RAW format.")
                    }
                    DiskFormat::Raw if it.backup == DiskBackup::Incremental => {
                        Some("Incremental backup needs a disk in COW format.")
                    }
                    _ => None,
                };
                if let Some(fault) = fault {
                    return Err(Error::conflict(format!("Cannot {WHAT}. {fault}")));
                }
                let domain = draft
                    .storage_domains
                    .get(&it.storage_domain)
                    .ok_or_else(|| Error::not_found(it.storage_domain))?;
                let taken = if sparse {
                    it.actual_size
                } else {
                    it.provisioned_size
                };
                check::room(domain, taken, WHAT)?;
                let mut actions = vec![(
                    Action::VolumeConvert {
                        disk,
                        image: ImageId::random(),
                        format,
                        sparse,
                    },
                    format!("Writing the content of disk {} anew", it.name),
                )];
                actions.extend(deleting(draft, &it));
                it.status = DiskStatus::Locked;
                draft.put(it.clone())?;
                let text = format!("Converting disk {} was started.", it.name);
                let event = EventDraft::new(code::DISK_UPDATED, text);
                draft.event(event.disk(disk, draft).by(&caller, draft));
                let job = draft.begin(
                    &caller,
                    Plan {
                        kind: OperationKind::DiskConvert { disk },
                        description: format!("Converting Disk {}", it.name),
                        locks: locks(draft, disk),
                        objects: vec![disk.into()],
                        actions,
                    },
                )?;
                Ok(Accepted {
                    value: Arc::new(it),
                    job: Some(job),
                })
            })
            .await
    }

    /// Gives back what a disk's volume has beyond its content. Volumes that are files have nothing
    /// of the kind, so it is done when it was checked.
    pub async fn disk_reduce(&self, caller: &Caller, disk: DiskId) -> Result<Accepted<Arc<Disk>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let it = the_disk(draft, &caller, disk)?;
                rules::images::down(draft, &it, "reduce Virtual Disk").map_err(Error::conflict)?;
                draft.job_done(
                    &caller,
                    format!("Reducing Disk {}", it.name),
                    vec![disk.into()],
                )?;
                Ok(Accepted {
                    value: Arc::new(it),
                    job: None,
                })
            })
            .await
    }

    /// The disk profiles that have a QoS.
    pub(super) fn profiles_of_qos(&self, qos: QosId) -> Vec<DiskProfileId> {
        self.inventory()
            .disk_profiles
            .iter()
            .filter(|profile| profile.qos == Some(qos))
            .map(|profile| profile.id)
            .collect()
    }

    /// Tells hosts the limits of disks whose profile, or whose profile's limits, have changed. A
    /// host that is not there now hears of them at the guest's next start.
    pub fn disk_limits_changed(&self, mut changed: impl FnMut(&Disk) -> bool) {
        let inventory = self.inventory();
        for vm in inventory.vms.iter() {
            let Some(host) = running_on(vm).and_then(|host| self.core.host(host)) else {
                continue;
            };
            for attachment in vm.disk_attachments.iter().filter(|it| it.active) {
                let Some(disk) = inventory.disks.get(&attachment.disk) else {
                    continue;
                };
                if !changed(disk) {
                    continue;
                }
                let limits = domain::disk_limits(&inventory, disk);
                let plugged = Plugged {
                    vm: vm.id.0,
                    disk: disk.id.0,
                };
                let host = Arc::clone(&host);
                self.core.spawn(async move {
                    if let Err(error) = host.disk_limits(plugged, limits).await {
                        tracing::warn!(disk = %plugged.disk, %error, "A disk's limits could not be set");
                    }
                });
            }
        }
    }
}

fn the_disk(draft: &Draft, caller: &Caller, disk: DiskId) -> Result<Disk> {
    access::require(draft, caller, Permit::CONFIGURE_DISK_STORAGE, disk)?;
    draft
        .disks
        .get(&disk)
        .map(|disk| (**disk).clone())
        .ok_or_else(|| Error::not_found(disk))
}

/// A disk with the VMs that have it, so that none of them starts meanwhile.
fn locks(inventory: &Inventory, disk: DiskId) -> Vec<ObjectId> {
    let vms = inventory.vms_of_disk(disk).map(|vm| ObjectId::Vm(vm.id));
    std::iter::once(disk.into()).chain(vms).collect()
}

fn target(draft: &Draft, caller: &Caller, to: StorageDomainId) -> Result<Arc<StorageDomain>> {
    access::require(draft, caller, Permit::CREATE_DISK, to)?;
    draft
        .storage_domains
        .get(&to)
        .cloned()
        .ok_or_else(|| Error::not_found(to))
}

fn move_disk(
    draft: &mut Draft,
    caller: &Caller,
    id: DiskId,
    to: StorageDomainId,
) -> Result<Accepted<Arc<Disk>>> {
    const WHAT: &str = "move Virtual Disk";
    let mut disk = the_disk(draft, caller, id)?;
    let target = target(draft, caller, to)?;
    rules::images::move_disk(draft, &disk).map_err(Error::conflict)?;
    check::disk_ready(&disk, WHAT)?;
    rules::images::destination(&disk, &target).map_err(Error::conflict)?;
    let taken = if disk.sparse {
        disk.actual_size
    } else {
        disk.provisioned_size
    };
    check::room(&target, taken, WHAT)?;
    let from = disk.storage_domain;
    let name = disk.name.clone();
    let running = draft
        .vms_of_disk(id)
        .find(|vm| vm.run.status != VmStatus::Down)
        .cloned();
    let plugged = running.as_ref().filter(|vm| {
        vm.disk_attachments
            .iter()
            .any(|attachment| attachment.disk == id && attachment.active)
    });
    let mut actions = Vec::new();
    if let Some((vm, host)) = plugged.and_then(|vm| Some((vm.id, running_on(vm)?))) {
        actions.push((
            Action::DiskMirror {
                vm,
                host,
                disk: id,
                to,
            },
            format!("Copying disk {name} under the running guest"),
        ));
        actions.push((
            Action::DiskPivot {
                vm,
                host,
                disk: id,
                to,
            },
            format!("Letting the guest go on with the copy of disk {name}"),
        ));
    } else {
        let images = draft.own_images(&disk);
        let number = images.len();
        for (at, image) in images.into_iter().rev().enumerate() {
            let said = match number {
                1 => format!("Copying volume of disk {name}"),
                _ => format!("Copying volume {} of {number} of disk {name}", at + 1),
            };
            let action = Action::VolumeDuplicate {
                disk: id,
                image,
                from,
                to,
            };
            actions.push((action, said));
        }
        actions.push((
            Action::DiskSwitch { disk: id, to },
            format!("Switching disk {name} to domain {}", target.name),
        ));
    }
    actions.extend(deleting(draft, &disk));
    let locks = locks(draft, id);
    require_unlocked(draft, locks.iter().copied(), WHAT)?;
    disk.status = DiskStatus::Locked;
    draft.put(disk.clone())?;
    let text = format!("Moving disk {name} to domain {} was started.", target.name);
    let event = EventDraft::new(code::DISK_MOVE, text);
    draft.event(event.disk(id, draft).by(caller, draft));
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::DiskMove { disk: id, from, to },
            description: format!("Moving Disk {name} to Domain {}", target.name),
            locks,
            objects: vec![id.into(), from.into(), to.into()],
            actions,
        },
    )?;
    Ok(Accepted {
        value: Arc::new(disk),
        job: Some(job),
    })
}
