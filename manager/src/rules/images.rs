//! What can be done now with disks' content, and why not.

use crate::inventory::Inventory;
use crate::model::{Disk, StorageDomain, StorageDomainStatus, StorageDomainType, Vm, VmStatus};

use super::{BUSY, cd_in_use, disk_free, not_of_template, state_sentence};

/// Why a disk that must not be in use is in use.
pub(crate) fn down(inventory: &Inventory, disk: &Disk, what: &str) -> Result<(), String> {
    disk_free(inventory, disk, what)?;
    cd_in_use(inventory, disk, what)?;
    for vm in inventory.vms_of_disk(disk.id) {
        if vm.run.status != VmStatus::Down {
            return Err(format!(
                "Cannot {what}. The VM {} that it is attached to is not down.",
                vm.name
            ));
        }
        if inventory.lock_of(vm.id).is_some() {
            return Err(format!("Cannot {what}. {BUSY}"));
        }
    }
    Ok(())
}

/// Why a disk cannot be thinned out now.
pub(crate) fn sparsify(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    const WHAT: &str = "sparsify Virtual Disk";
    down(inventory, disk, WHAT)?;
    not_of_template(inventory, disk, WHAT)?;
    super::snapshot::not_kept(inventory, disk.id, WHAT)?;
    if !disk.sparse {
        return Err(format!(
            "Cannot {WHAT}. The disk is preallocated: its space is to be taken."
        ));
    }
    let shared = inventory.users_of_image(disk.image()).len() > 1;
    if !disk.backing.is_empty() || shared || inventory.own_images(disk).len() > 1 {
        return Err(format!(
            "Cannot {WHAT}. The disk has snapshots or is based on a template."
        ));
    }
    Ok(())
}

/// Why a disk cannot be written in another format now.
pub(crate) fn convert(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    const WHAT: &str = "convert Virtual Disk";
    down(inventory, disk, WHAT)?;
    not_of_template(inventory, disk, WHAT)?;
    if inventory.own_images(disk) != [disk.image()] {
        return Err(format!("Cannot {WHAT}. The disk has snapshots."));
    }
    Ok(())
}

/// Why a disk cannot be moved now, wherever to.
pub(crate) fn move_disk(inventory: &Inventory, disk: &Disk) -> Result<(), String> {
    const WHAT: &str = "move Virtual Disk";
    disk_free(inventory, disk, WHAT)?;
    cd_in_use(inventory, disk, WHAT)?;
    not_of_template(inventory, disk, WHAT)?;
    let own = inventory.own_images(disk);
    if disk.layers().any(|layer| !own.contains(&layer.image)) {
        return Err(format!(
            "Cannot {WHAT}. Its content is shared with a template or with disks made of it, which must be in the same Storage Domain."
        ));
    }
    let users: Vec<_> = inventory.vms_of_disk(disk.id).collect();
    for vm in &users {
        if inventory.lock_of(vm.id).is_some() {
            return Err(format!("Cannot {WHAT}. {BUSY}"));
        }
        let plugged = vm
            .disk_attachments
            .iter()
            .any(|it| it.disk == disk.id && it.active);
        match vm.run.status {
            VmStatus::Down => {}
            _ if !plugged => {}
            VmStatus::Up | VmStatus::Paused if users.len() > 1 || disk.shareable => {
                return Err(format!(
                    "Cannot {WHAT}. A shared disk can be moved only while all its VMs are down; {} is not.",
                    vm.name
                ));
            }
            VmStatus::Up | VmStatus::Paused if !disk.backing.is_empty() || own.len() > 1 => {
                return Err(format!(
                    "Cannot {WHAT}. A disk with snapshots can be moved only while its VM is down; {} is not.",
                    vm.name
                ));
            }
            VmStatus::Up | VmStatus::Paused => {}
            _ => return Err(format!("Cannot {WHAT}. {}", state_sentence(vm))),
        }
    }
    Ok(())
}

/// Why a disk cannot go to a storage domain.
pub(crate) fn destination(disk: &Disk, to: &StorageDomain) -> Result<(), String> {
    const WHAT: &str = "move Virtual Disk";
    if to.id == disk.storage_domain {
        return Err(format!(
            "Cannot {WHAT}. Source and target domains must be different."
        ));
    }
    if to.domain_type != StorageDomainType::Data {
        return Err(format!(
            "Cannot {WHAT}. Storage Domain {} does not hold disks.",
            to.name
        ));
    }
    if to.status != StorageDomainStatus::Active {
        return Err(format!(
            "Cannot {WHAT}. The relevant Storage Domain is inaccessible: {} is {}.",
            to.name, to.status
        ));
    }
    Ok(())
}

/// Why a VM cannot be written into an archive now.
pub(crate) fn export(inventory: &Inventory, vm: &Vm) -> Result<(), String> {
    const WHAT: &str = "export VM";
    if vm.run.status != VmStatus::Down {
        return Err(format!("Cannot {WHAT}. {}", state_sentence(vm)));
    }
    if inventory.lock_of(vm.id).is_some() {
        return Err(format!("Cannot {WHAT}. {BUSY}"));
    }
    for attachment in &vm.disk_attachments {
        if let Some(disk) = inventory.disks.get(&attachment.disk) {
            disk_free(inventory, disk, WHAT)?;
        }
    }
    Ok(())
}
