//! The steps of VMs that keep nothing: in a run they write to images of their own, which stand on
//! what the disks are and are thrown away when the run is over.

use crate::Manager;
use crate::error::Result;
use crate::host::{HostError, VolumeFormat, VolumeRef};
use crate::inventory::Inventory;
use crate::model::{Disk, DiskFormat, DiskId, DiskStatus, ImageId, StorageDomainId, VmId};
use crate::writer::Draft;

use super::act::{Observed, Outcome};
use super::record::{update_disk, update_vm};

/// A disk as it is in a run that keeps nothing.
pub(crate) fn with_overlay(disk: &Disk) -> Disk {
    let mut disk = disk.clone();
    disk.backing.insert(0, disk.top());
    disk.image = Some(ImageId::random());
    disk.format = DiskFormat::Cow;
    disk
}

fn volume(storage_domain: StorageDomainId, image: ImageId) -> VolumeRef {
    VolumeRef {
        storage_domain: storage_domain.0,
        volume: image.0,
    }
}

impl Manager {
    pub(super) async fn overlay_drop(
        &self,
        inventory: &Inventory,
        storage_domain: StorageDomainId,
        image: ImageId,
    ) -> Result<Outcome, HostError> {
        let host = self.host_of_domain(inventory, storage_domain)?;
        host.volume_delete(volume(storage_domain, image)).await?;
        Ok(Outcome::Nothing)
    }

    pub(super) async fn overlay_gone(
        &self,
        inventory: &Inventory,
        storage_domain: StorageDomainId,
        image: ImageId,
    ) -> Result<Observed, HostError> {
        let host = self.host_of_domain(inventory, storage_domain)?;
        let volume = volume(storage_domain, image);
        let info = host.volume_info(volume, VolumeFormat::Qcow2).await?;
        Ok(match info {
            None => Observed::Yes(Outcome::Nothing),
            Some(_) => Observed::No,
        })
    }
}

/// An overlay is gone: the disk is what it was before the run.
pub(super) fn dropped(draft: &mut Draft, id: DiskId, image: ImageId) -> Result<()> {
    update_disk(draft, id, |disk| {
        if disk.image() == image && !disk.backing.is_empty() {
            let below = disk.backing.remove(0);
            disk.image = (below.image.0 != disk.id.0).then_some(below.image);
            disk.format = below.format;
        }
        disk.status = DiskStatus::Ok;
    })?;
    let vms: Vec<VmId> = draft.vms_of_disk(id).map(|vm| vm.id).collect();
    for vm in vms {
        update_vm(draft, vm, |vm| vm.run.temporary.retain(|disk| *disk != id))?;
    }
    Ok(())
}
