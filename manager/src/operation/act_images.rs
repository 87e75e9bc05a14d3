//! The steps that work on disks' content: moved, thinned out, imported, exported.

use std::sync::Arc;

use crate::Manager;
use crate::domain;
use crate::host::work::{OvaExport, OvaFile};
use crate::host::{
    HostError, Hypervisor, Plugged, VolumeFormat, VolumeInfo, VolumeRef, VolumeSpec,
};
use crate::image::ovf::{Bus, ExportDisk};
use crate::inventory::Inventory;
use crate::model::{Disk, DiskInterface, StorageDomainId, Vm};

use super::act::{Observed, Outcome, disk, gone, seen_volume, vm, volume_spec};
use super::{Action, Operation};

fn in_domain(storage_domain: StorageDomainId, volume: uuid::Uuid) -> VolumeRef {
    VolumeRef {
        storage_domain: storage_domain.0,
        volume,
    }
}

/// The volume that a disk will have in another storage domain.
fn moved(disk: &Disk, to: StorageDomainId) -> VolumeRef {
    in_domain(to, disk.image().0)
}

fn there(info: Option<VolumeInfo>) -> Observed {
    match info {
        Some(_) => Observed::Yes(Outcome::Nothing),
        None => Observed::No,
    }
}

fn gone_now(info: Option<VolumeInfo>) -> Observed {
    match info {
        Some(_) => Observed::No,
        None => Observed::Yes(Outcome::Nothing),
    }
}

impl Manager {
    pub(super) async fn act_image(
        &self,
        inventory: &Inventory,
        operation: &Operation,
        action: &Action,
    ) -> Result<Outcome, HostError> {
        match action {
            Action::VolumeDuplicate {
                image, from, to, ..
            } => {
                let host = self.host_of_domain(inventory, *to)?;
                let source = in_domain(*from, image.0);
                host.volume_duplicate(source, in_domain(*to, image.0))
                    .await?;
                Ok(Outcome::Nothing)
            }
            Action::DiskMirror {
                vm: id,
                host,
                disk: disk_id,
                to,
            } => {
                let (vm, disk) = (vm(inventory, *id)?, disk(inventory, *disk_id)?);
                let attachment = vm
                    .disk_attachments
                    .iter()
                    .find(|attachment| attachment.disk == *disk_id)
                    .ok_or_else(|| gone(format!("attachment of disk {disk_id}")))?;
                let mut target = domain::disk_spec(inventory, attachment, disk);
                target.source = moved(disk, *to);
                target.backing.clear();
                let volume = VolumeSpec {
                    volume: target.source,
                    backing: None,
                    ..volume_spec(disk)
                };
                self.host_by_id(*host)?
                    .disk_mirror(id.0, target, volume)
                    .await?;
                Ok(Outcome::Nothing)
            }
            Action::DiskPivot {
                vm,
                host,
                disk: id,
                to,
            } => {
                let target = moved(disk(inventory, *id)?, *to);
                let plugged = Plugged {
                    vm: vm.0,
                    disk: id.0,
                };
                self.host_by_id(*host)?.disk_pivot(plugged, target).await?;
                Ok(Outcome::Nothing)
            }
            Action::DiskMirrorEnd { vm, host, disk } => {
                let plugged = Plugged {
                    vm: vm.0,
                    disk: disk.0,
                };
                self.host_by_id(*host)?.disk_mirror_end(plugged).await?;
                Ok(Outcome::Nothing)
            }
            Action::VolumeConvert {
                disk: id,
                image,
                format,
                sparse,
            } => {
                let disk = disk(inventory, *id)?;
                let host = self.host_of_domain(inventory, disk.storage_domain)?;
                let spec = VolumeSpec {
                    volume: in_domain(disk.storage_domain, image.0),
                    format: domain::format(*format),
                    virtual_bytes: disk.provisioned_size,
                    sparse: *sparse,
                    backing: None,
                };
                let info = host.volume_copy(domain::chain(disk), spec).await?;
                Ok(Outcome::Volume(info))
            }
            Action::VolumeSparsify { disk: id } => {
                let disk = disk(inventory, *id)?;
                let host = self.host_of_domain(inventory, disk.storage_domain)?;
                let format = domain::format(disk.format);
                let info = host.volume_sparsify(domain::volume(disk), format).await?;
                Ok(Outcome::Volume(info))
            }
            Action::VolumeImport { disk: id, content } => {
                let disk = disk(inventory, *id)?;
                let host = self.host_of_domain(inventory, disk.storage_domain)?;
                let info = host
                    .volume_import((**content).clone(), volume_spec(disk))
                    .await?;
                Ok(Outcome::Volume(info))
            }
            Action::ExportStage { disk: id, volume } => {
                let disk = disk(inventory, *id)?;
                let host = self.host_of_domain(inventory, disk.storage_domain)?;
                let spec = VolumeSpec {
                    volume: in_domain(disk.storage_domain, *volume),
                    format: VolumeFormat::Qcow2,
                    virtual_bytes: disk.provisioned_size,
                    sparse: true,
                    backing: None,
                };
                host.volume_copy(domain::chain(disk), spec).await?;
                Ok(Outcome::Nothing)
            }
            Action::OvaWrite {
                vm: id,
                host,
                name,
                disks,
            } => {
                let host = self.host_by_id(*host)?;
                let vm = vm(inventory, *id)?;
                let export = self
                    .ova_export(inventory, &host, vm, operation, name, disks)
                    .await?;
                host.ova_write(export).await?;
                Ok(Outcome::Nothing)
            }
            Action::ScratchDelete {
                storage_domain,
                volume,
            } => {
                let host = self.host_of_domain(inventory, *storage_domain)?;
                host.volume_delete(in_domain(*storage_domain, *volume))
                    .await?;
                Ok(Outcome::Nothing)
            }
            // A disk is switched by what is recorded of this step.
            _ => Ok(Outcome::Nothing),
        }
    }

    pub(super) async fn observe_image(
        &self,
        inventory: &Inventory,
        operation: &Operation,
        action: &Action,
    ) -> Result<Observed, HostError> {
        // Of a file only whether it is there is asked, so any format will do.
        let look = async |storage_domain, volume: uuid::Uuid| {
            let host = self.host_of_domain(inventory, storage_domain)?;
            host.volume_info(in_domain(storage_domain, volume), VolumeFormat::Raw)
                .await
        };
        match action {
            Action::VolumeDuplicate { image, to, .. } => Ok(there(look(*to, image.0).await?)),
            Action::ExportStage { disk: id, volume } => {
                let domain = disk(inventory, *id)?.storage_domain;
                Ok(there(look(domain, *volume).await?))
            }
            Action::ScratchDelete {
                storage_domain,
                volume,
            } => Ok(gone_now(look(*storage_domain, *volume).await?)),
            Action::DiskPivot {
                vm,
                host,
                disk: id,
                to,
            } => {
                let target = moved(disk(inventory, *id)?, *to);
                let plugged = Plugged {
                    vm: vm.0,
                    disk: id.0,
                };
                let source = self.host_by_id(*host)?.disk_source(plugged).await?;
                Ok(if source == Some(target) {
                    Observed::Yes(Outcome::Nothing)
                } else {
                    Observed::No
                })
            }
            Action::VolumeConvert {
                disk: id,
                image,
                format,
                ..
            } => {
                let disk = disk(inventory, *id)?;
                let host = self.host_of_domain(inventory, disk.storage_domain)?;
                let volume = in_domain(disk.storage_domain, image.0);
                let info = host.volume_info(volume, domain::format(*format)).await?;
                Ok(seen_volume(info, 0))
            }
            Action::VolumeImport { disk: id, .. } => {
                let disk = disk(inventory, *id)?;
                Ok(seen_volume(self.look(inventory, disk).await?, 0))
            }
            Action::OvaWrite { host, name, .. } => {
                let host = self.host_by_id(*host)?;
                let written = host.ova_written(name.clone(), operation.id.0).await?;
                Ok(if written {
                    Observed::Yes(Outcome::Nothing)
                } else {
                    Observed::No
                })
            }
            // Doing it again is harmless, and it leaves nothing that could be told from before.
            _ => Ok(Observed::CannotTell),
        }
    }

    /// What the archive of a VM has.
    async fn ova_export(
        &self,
        inventory: &Inventory,
        host: &Arc<dyn Hypervisor>,
        vm: &Vm,
        operation: &Operation,
        name: &str,
        disks: &[(crate::model::DiskId, uuid::Uuid)],
    ) -> Result<OvaExport, HostError> {
        let mut described = Vec::new();
        let mut members = Vec::new();
        for (id, volume) in disks {
            let disk = disk(inventory, *id)?;
            let attachment = vm
                .disk_attachments
                .iter()
                .find(|attachment| attachment.disk == *id)
                .ok_or_else(|| gone(format!("attachment of disk {id}")))?;
            let staged = in_domain(disk.storage_domain, *volume);
            let info = host
                .volume_info(staged, VolumeFormat::Qcow2)
                .await?
                .ok_or_else(|| gone(format!("the copy of disk {id}")))?;
            described.push(ExportDisk {
                id: id.to_string(),
                file: volume.to_string(),
                file_bytes: info.file_bytes.next_multiple_of(512),
                capacity: disk.provisioned_size,
                alias: disk.name.clone(),
                bus: match attachment.interface {
                    DiskInterface::Virtio => Bus::Virtio,
                    DiskInterface::VirtioScsi | DiskInterface::SpaprVscsi => Bus::Scsi,
                    DiskInterface::Ide => Bus::Ide,
                    DiskInterface::Sata => Bus::Sata,
                },
                boot: attachment.bootable,
            });
            members.push((staged, volume.to_string()));
        }
        let stamp = operation.id.0;
        let description = domain::appliance(inventory, vm).write(
            &vm.id.to_string(),
            &described,
            &stamp.to_string(),
        );
        Ok(OvaExport {
            name: name.to_owned(),
            stamp,
            description,
            disks: members,
        })
    }

    /// How far a step is, where it is known.
    pub(super) fn action_progress(&self, action: &Action) -> Option<u32> {
        let inventory = self.inventory();
        let (domain, volume) = match action {
            Action::VolumeCopy { disk, .. }
            | Action::VolumeImport { disk, .. }
            | Action::VolumeSparsify { disk } => {
                let disk = inventory.disks.get(disk)?;
                (disk.storage_domain, disk.image().0)
            }
            Action::VolumeDuplicate { image, to, .. } => (*to, image.0),
            Action::DiskMirror { disk, to, .. } => (*to, inventory.disks.get(disk)?.image().0),
            Action::ExportStage { disk, volume } => {
                (inventory.disks.get(disk)?.storage_domain, *volume)
            }
            Action::VolumeConvert { disk, image, .. } => {
                (inventory.disks.get(disk)?.storage_domain, image.0)
            }
            Action::OvaWrite { disks, .. } => {
                let (disk, volume) = disks.first()?;
                (inventory.disks.get(disk)?.storage_domain, *volume)
            }
            Action::VolumeDelete {
                disk,
                storage_domain,
                image,
            } => (*storage_domain, image.map_or(disk.0, |image| image.0)),
            Action::TransferStage { transfer } => {
                let transfer = inventory.transfers.get(transfer)?;
                let disk = inventory.disks.get(&transfer.disk)?;
                (disk.storage_domain, transfer.id.0)
            }
            Action::UploadInstall { transfer } => {
                let transfer = inventory.transfers.get(transfer)?;
                let disk = inventory.disks.get(&transfer.disk)?;
                (disk.storage_domain, disk.image().0)
            }
            _ => return None,
        };
        let host = self.host_of_domain(&inventory, domain).ok()?;
        host.progress(in_domain(domain, volume))
    }

    /// Makes an uploaded image, which lies in `staged`, a disk's volume.
    pub(super) async fn install_image(
        &self,
        host: &Arc<dyn Hypervisor>,
        disk: &Disk,
        staged: VolumeRef,
        format: crate::image::ImageFormat,
    ) -> Result<VolumeInfo, HostError> {
        let content = crate::host::work::Content {
            file: OvaFile::of(staged),
            offset: 0,
            bytes: None,
            format,
            digest: None,
        };
        host.volume_import(content, volume_spec(disk)).await
    }
}
