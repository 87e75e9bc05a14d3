//! What each step asks of a host, and how it is seen whether it has happened. Nothing here writes
//! anything down.

use std::sync::Arc;

use crate::Manager;
use crate::domain::{self, RunIdentity};
use crate::error::Error;
use crate::host::{
    DomainInfo, DomainState, HostError, Hypervisor, NetworkKind, NetworkSpec, NicNetwork,
    OffReason, Plugged, VolumeAccess, VolumeInfo, VolumeRef, VolumeSpec,
};
use crate::image;
use crate::inventory::Inventory;
use crate::model::{
    Disk, DiskContentType, DiskFormat, DiskId, HostId, Nic, StorageDomainId, Transfer,
    TransferDirection, TransferId, Vm, VmId,
};

use super::snapshot::Merge;
use super::{Action, Operation};

/// What an effect left behind.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Nothing to remember.
    Nothing,
    /// A domain.
    Domain(Box<DomainInfo>),
    /// A volume.
    Volume(VolumeInfo),
}

/// Whether an effect is there.
#[derive(Debug)]
pub(super) enum Observed {
    Yes(Outcome),
    No,
    /// It leaves no trace.
    CannotTell,
}

/// The host's answer to something that the inventory does not have any more.
pub(super) fn gone(what: impl std::fmt::Display) -> HostError {
    HostError::NotFound {
        what: what.to_string(),
    }
}

impl From<Error> for HostError {
    fn from(error: Error) -> Self {
        Self::Failed {
            what: error.messages().join(" "),
        }
    }
}

pub(super) fn vm(inventory: &Inventory, id: VmId) -> Result<&Arc<Vm>, HostError> {
    inventory
        .vms
        .get(&id)
        .ok_or_else(|| gone(format!("VM {id}")))
}

pub(super) fn disk(inventory: &Inventory, id: DiskId) -> Result<&Arc<Disk>, HostError> {
    inventory
        .disks
        .get(&id)
        .ok_or_else(|| gone(format!("disk {id}")))
}

fn nic(vm: &Vm, id: crate::model::NicId) -> Result<&Nic, HostError> {
    vm.nics
        .iter()
        .find(|nic| nic.id == id)
        .ok_or_else(|| gone(format!("NIC {id}")))
}

fn transfer(inventory: &Inventory, id: TransferId) -> Result<&Arc<Transfer>, HostError> {
    inventory
        .transfers
        .get(&id)
        .ok_or_else(|| gone(format!("transfer {id}")))
}

pub(super) fn volume_spec(disk: &Disk) -> VolumeSpec {
    VolumeSpec {
        volume: domain::volume(disk),
        format: domain::format(disk.format),
        virtual_bytes: disk.provisioned_size,
        sparse: disk.sparse,
        backing: domain::backing(disk.storage_domain, &disk.backing)
            .first()
            .copied(),
    }
}

/// Where a transfer's data is while its format is not the disk's.
pub(crate) fn staging(disk: &Disk, transfer: &Transfer) -> VolumeRef {
    VolumeRef {
        storage_domain: disk.storage_domain.0,
        volume: transfer.id.0,
    }
}

/// Whether a transfer's data is the disk's volume itself. The image of a disk that stands on
/// others is not its whole content.
pub(crate) fn transfers_directly(disk: &Disk, transfer: &Transfer) -> bool {
    transfer.format == disk.format
        && !transfer.vmdk
        && (disk.backing.is_empty() || transfer.shallow)
}

/// The file that a transfer reads or writes.
pub(crate) fn transfer_volume(disk: &Disk, transfer: &Transfer) -> VolumeRef {
    if transfers_directly(disk, transfer) {
        domain::volume(disk)
    } else {
        staging(disk, transfer)
    }
}

impl Manager {
    pub(crate) fn host_by_id(&self, id: HostId) -> Result<Arc<dyn Hypervisor>, HostError> {
        self.core.host(id).ok_or_else(|| HostError::Unreachable {
            reason: "the manager has no connection to this host".to_owned(),
        })
    }

    /// The host that reaches a storage domain.
    pub(crate) fn host_of_domain(
        &self,
        inventory: &Inventory,
        id: StorageDomainId,
    ) -> Result<Arc<dyn Hypervisor>, HostError> {
        let domain = inventory
            .storage_domains
            .get(&id)
            .ok_or_else(|| gone(format!("storage domain {id}")))?;
        match domain.host {
            Some(host) => self.host_by_id(host),
            None => self.core.any_host().ok_or_else(|| HostError::Unreachable {
                reason: "there is no host".to_owned(),
            }),
        }
    }

    /// How an interface's network is made on a host.
    async fn nic_network(
        &self,
        inventory: &Inventory,
        host: &Arc<dyn Hypervisor>,
        nic: &Nic,
    ) -> Result<NicNetwork, HostError> {
        let Some(network) = domain::network_of(inventory, nic) else {
            return Ok(NicNetwork::Nowhere);
        };
        let name = network.vdsm_name.clone();
        let report = host
            .ensure_network(NetworkSpec { name: name.clone() })
            .await?;
        Ok(match report.kind {
            NetworkKind::Nat => NicNetwork::Named(name),
            NetworkKind::User => NicNetwork::User,
        })
    }

    async fn spec(
        &self,
        inventory: &Inventory,
        host: &Arc<dyn Hypervisor>,
        vm: &Vm,
        epoch: u64,
        operation: &Operation,
    ) -> Result<crate::host::DomainSpec, HostError> {
        let mut networks = Vec::new();
        for nic in vm.nics.iter().filter(|nic| nic.plugged) {
            networks.push(self.nic_network(inventory, host, nic).await?);
        }
        let run = RunIdentity {
            epoch,
            operation: operation.id.0,
            display: domain::listen_address(&self.core.display_address),
        };
        Ok(domain::domain_spec(inventory, vm, run, networks)?)
    }

    /// Asks for the effect.
    pub(super) async fn act(
        &self,
        operation: &Operation,
        action: &Action,
    ) -> Result<Outcome, HostError> {
        let inventory = self.inventory();
        match action {
            Action::SnapshotTake { vm, host, snapshot } => {
                self.snapshot_take(&inventory, *vm, *host, *snapshot).await
            }
            Action::ImageMerge {
                disk,
                top,
                base,
                backing,
                above,
            } => {
                let merge = Merge {
                    disk: *disk,
                    top: *top,
                    base: *base,
                    backing,
                    above: *above,
                };
                self.image_merge(merge).await
            }
            Action::MemoryDelete {
                storage_domain,
                image,
            } => self.overlay_drop(&inventory, *storage_domain, *image).await,
            Action::DomainReturn {
                vm: id,
                host,
                epoch,
            } => {
                let vm = vm(&inventory, *id)?;
                let host = self.host_by_id(*host)?;
                let spec = self.spec(&inventory, &host, vm, *epoch, operation).await?;
                let memory = vm.memory.ok_or_else(|| gone("the snapshot's memory"))?;
                let memory = VolumeRef {
                    storage_domain: memory.storage_domain.0,
                    volume: memory.image.0,
                };
                let info = host.restore_memory(spec, memory).await?;
                Ok(Outcome::Domain(Box::new(info)))
            }
            Action::OverlayDrop {
                storage_domain,
                image,
                ..
            } => self.overlay_drop(&inventory, *storage_domain, *image).await,
            Action::VolumeCreate { disk: id } | Action::OverlayCreate { disk: id } => {
                let disk = disk(&inventory, *id)?;
                let host = self.host_of_domain(&inventory, disk.storage_domain)?;
                Ok(Outcome::Volume(
                    host.volume_create(volume_spec(disk)).await?,
                ))
            }
            Action::VolumeCopy { source, disk: id } => {
                let target = disk(&inventory, *id)?;
                let source = disk(&inventory, *source)?;
                let host = self.host_of_domain(&inventory, target.storage_domain)?;
                // A copy stands on nothing.
                let spec = VolumeSpec {
                    backing: None,
                    ..volume_spec(target)
                };
                let copied = host.volume_copy(domain::chain(source), spec);
                Ok(Outcome::Volume(copied.await?))
            }
            Action::VolumeResize { disk: id, size } => {
                let disk = disk(&inventory, *id)?;
                let host = self.host_of_domain(&inventory, disk.storage_domain)?;
                let running = inventory
                    .vms_of_disk(disk.id)
                    .find(|vm| vm.run.status.is_running())
                    .map(|vm| Plugged {
                        vm: vm.id.0,
                        disk: id.0,
                    });
                let format = domain::format(disk.format);
                let resized = host.volume_resize(domain::volume(disk), format, *size, running);
                Ok(Outcome::Volume(resized.await?))
            }
            Action::VolumeDelete {
                disk,
                storage_domain,
                image,
            } => {
                let host = self.host_of_domain(&inventory, *storage_domain)?;
                let volume = VolumeRef {
                    storage_domain: storage_domain.0,
                    volume: image.map_or(disk.0, |image| image.0),
                };
                if inventory
                    .disks
                    .get(disk)
                    .is_some_and(|disk| disk.wipe_after_delete)
                {
                    host.volume_wipe(volume).await?;
                }
                host.volume_delete(volume).await?;
                Ok(Outcome::Nothing)
            }
            Action::VolumeDuplicate { .. }
            | Action::DiskSwitch { .. }
            | Action::DiskMirror { .. }
            | Action::DiskPivot { .. }
            | Action::DiskMirrorEnd { .. }
            | Action::VolumeConvert { .. }
            | Action::VolumeSparsify { .. }
            | Action::VolumeImport { .. }
            | Action::ExportStage { .. }
            | Action::OvaWrite { .. }
            | Action::ScratchDelete { .. } => self.act_image(&inventory, operation, action).await,
            Action::TransferStage { transfer: id } => {
                let transfer = transfer(&inventory, *id)?;
                let disk = disk(&inventory, transfer.disk)?;
                let host = self.host_of_domain(&inventory, disk.storage_domain)?;
                self.transfer_stage(&host, disk, transfer).await
            }
            Action::TransferClean { transfer: id } => {
                let transfer = transfer(&inventory, *id)?;
                let disk = disk(&inventory, transfer.disk)?;
                let host = self.host_of_domain(&inventory, disk.storage_domain)?;
                host.volume_delete(staging(disk, transfer)).await?;
                Ok(Outcome::Nothing)
            }
            Action::UploadInstall { transfer: id } => {
                let transfer = transfer(&inventory, *id)?;
                let disk = disk(&inventory, transfer.disk)?;
                let host = self.host_of_domain(&inventory, disk.storage_domain)?;
                self.upload_install(&host, disk, transfer).await
            }
            Action::DomainStart {
                vm: id,
                host,
                epoch,
            } => {
                let host = self.host_by_id(*host)?;
                let spec = self
                    .spec(&inventory, &host, vm(&inventory, *id)?, *epoch, operation)
                    .await?;
                Ok(Outcome::Domain(Box::new(host.start(spec).await?)))
            }
            Action::DomainRestore {
                vm: id,
                host,
                epoch,
            } => {
                let host = self.host_by_id(*host)?;
                let spec = self
                    .spec(&inventory, &host, vm(&inventory, *id)?, *epoch, operation)
                    .await?;
                Ok(Outcome::Domain(Box::new(host.restore(spec).await?)))
            }
            Action::DomainPause { vm, host } => {
                self.host_by_id(*host)?.pause(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainResume { vm, host } => {
                self.host_by_id(*host)?.resume(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainDestroy { vm, host } => {
                self.host_by_id(*host)?.destroy(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainShutdown { vm, host } => {
                self.host_by_id(*host)?.shutdown(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainReboot { vm, host } => {
                self.host_by_id(*host)?.reboot(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainReset { vm, host } => {
                self.host_by_id(*host)?.reset(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainSuspend { vm, host } => {
                self.host_by_id(*host)?.suspend(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainUndefine { vm, host } => {
                self.host_by_id(*host)?.undefine(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::VolumePlace { disk: id, path } => {
                let disk = disk(&inventory, *id)?;
                let host = self.host_of_domain(&inventory, disk.storage_domain)?;
                let placed = host.volume_place(
                    domain::volume(disk),
                    path.into(),
                    domain::format(disk.format),
                );
                Ok(Outcome::Volume(placed.await?))
            }
            Action::DomainAdopt {
                vm,
                host,
                epoch,
                disks,
                nics,
            } => {
                let nics = nics
                    .iter()
                    .map(|it| Ok((it.key.parse()?, it.id)))
                    .collect::<Result<_, HostError>>()?;
                let adoption = crate::host::foreign::Adoption {
                    vm: vm.0,
                    run_epoch: *epoch,
                    operation: operation.id.0,
                    disks: disks.iter().map(|it| (it.key.clone(), it.id)).collect(),
                    nics,
                };
                self.host_by_id(*host)?.adopt(adoption).await?;
                Ok(Outcome::Nothing)
            }
            Action::DomainRelease { vm, host } => {
                self.host_by_id(*host)?.release(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::GuestFreeze { vm, host } => {
                self.host_by_id(*host)?.guest_freeze(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::GuestThaw { vm, host } => {
                self.host_by_id(*host)?.guest_thaw(vm.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::CdChange { vm, host, disk: id } => {
                let medium = match id {
                    Some(id) => Some(domain::volume(disk(&inventory, *id)?)),
                    None => None,
                };
                self.host_by_id(*host)?.change_cd(vm.0, medium).await?;
                Ok(Outcome::Nothing)
            }
            Action::DiskPlug {
                vm: id,
                host,
                disk: disk_id,
            } => {
                let vm = vm(&inventory, *id)?;
                let disk = disk(&inventory, *disk_id)?;
                let attachment = vm
                    .disk_attachments
                    .iter()
                    .find(|attachment| attachment.disk == *disk_id)
                    .ok_or_else(|| gone(format!("attachment of disk {disk_id}")))?;
                let spec = domain::disk_spec(&inventory, attachment, disk);
                self.host_by_id(*host)?.attach_disk(id.0, spec).await?;
                Ok(Outcome::Nothing)
            }
            Action::DiskUnplug { vm, host, disk } => {
                self.host_by_id(*host)?.detach_disk(vm.0, disk.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::NicPlug {
                vm: id,
                host,
                nic: nic_id,
            } => {
                let host = self.host_by_id(*host)?;
                let nic = nic(vm(&inventory, *id)?, *nic_id)?;
                let network = self.nic_network(&inventory, &host, nic).await?;
                host.attach_nic(id.0, domain::nic_spec(nic, network))
                    .await?;
                Ok(Outcome::Nothing)
            }
            Action::NicUnplug { vm, host, nic } => {
                self.host_by_id(*host)?.detach_nic(vm.0, nic.0).await?;
                Ok(Outcome::Nothing)
            }
            Action::PayloadWrite { vm: id, epoch } => {
                self.payload_write(&inventory, vm(&inventory, *id)?, *epoch)
                    .await
            }
            Action::PayloadDelete {
                volume,
                storage_domain,
                ..
            } => {
                self.payload_delete(&inventory, *volume, *storage_domain)
                    .await
            }
            Action::CpusSet { vm, host, vcpus } => {
                self.host_by_id(*host)?.set_vcpus(vm.0, *vcpus).await?;
                Ok(Outcome::Nothing)
            }
            Action::MemoryPlug {
                vm,
                host,
                module,
                bytes,
            } => {
                let host = self.host_by_id(*host)?;
                host.attach_memory(vm.0, *module, *bytes).await?;
                Ok(Outcome::Nothing)
            }
        }
    }

    /// Looks whether the effect is there.
    pub(super) async fn observe(
        &self,
        operation: &Operation,
        action: &Action,
    ) -> Result<Observed, HostError> {
        let inventory = self.inventory();
        match action {
            Action::SnapshotTake { vm, host, snapshot } => {
                self.snapshot_taken(&inventory, *vm, *host, *snapshot).await
            }
            // Merging again what is merged changes nothing.
            Action::ImageMerge { .. } => Ok(Observed::CannotTell),
            Action::OverlayDrop {
                storage_domain,
                image,
                ..
            }
            | Action::MemoryDelete {
                storage_domain,
                image,
            } => self.overlay_gone(&inventory, *storage_domain, *image).await,
            Action::VolumeCreate { disk: id }
            | Action::OverlayCreate { disk: id }
            | Action::VolumeCopy { disk: id, .. } => {
                let disk = disk(&inventory, *id)?;
                Ok(seen_volume(self.look(&inventory, disk).await?, 0))
            }
            Action::VolumeResize { disk: id, size } => {
                let disk = disk(&inventory, *id)?;
                Ok(seen_volume(self.look(&inventory, disk).await?, *size))
            }
            Action::VolumeDelete {
                disk,
                storage_domain,
                image,
            } => {
                let host = self.host_of_domain(&inventory, *storage_domain)?;
                let volume = VolumeRef {
                    storage_domain: storage_domain.0,
                    volume: image.map_or(disk.0, |image| image.0),
                };
                // Any format will do: only whether there is a file is asked.
                let info = host
                    .volume_info(volume, crate::host::VolumeFormat::Raw)
                    .await?;
                Ok(if info.is_none() {
                    Observed::Yes(Outcome::Nothing)
                } else {
                    Observed::No
                })
            }
            Action::VolumeDuplicate { .. }
            | Action::DiskSwitch { .. }
            | Action::DiskMirror { .. }
            | Action::DiskPivot { .. }
            | Action::DiskMirrorEnd { .. }
            | Action::VolumeConvert { .. }
            | Action::VolumeSparsify { .. }
            | Action::VolumeImport { .. }
            | Action::ExportStage { .. }
            | Action::OvaWrite { .. }
            | Action::ScratchDelete { .. } => {
                self.observe_image(&inventory, operation, action).await
            }
            Action::TransferStage { .. }
            | Action::TransferClean { .. }
            | Action::UploadInstall { .. } => Ok(Observed::CannotTell),
            Action::DomainStart { vm, host, epoch }
            | Action::DomainRestore { vm, host, epoch }
            | Action::DomainReturn { vm, host, epoch } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(match info {
                    Some(info) if has_run(&info, *epoch) => {
                        Observed::Yes(Outcome::Domain(Box::new(info)))
                    }
                    _ => Observed::No,
                })
            }
            Action::DomainDestroy { vm, host } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(if info.is_some_and(|info| info.state.is_active()) {
                    Observed::No
                } else {
                    Observed::Yes(Outcome::Nothing)
                })
            }
            Action::DomainSuspend { vm, host } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(match info {
                    Some(info) if !info.state.is_active() && info.saved => {
                        Observed::Yes(Outcome::Nothing)
                    }
                    _ => Observed::No,
                })
            }
            Action::DomainUndefine { vm, host } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(if info.is_none() {
                    Observed::Yes(Outcome::Nothing)
                } else {
                    Observed::No
                })
            }
            Action::DomainPause { vm, host } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(match info.map(|info| info.state) {
                    Some(DomainState::Paused(_)) => Observed::Yes(Outcome::Nothing),
                    _ => Observed::No,
                })
            }
            Action::DomainResume { vm, host } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(match info.map(|info| info.state) {
                    Some(DomainState::Paused(_)) => Observed::No,
                    _ => Observed::Yes(Outcome::Nothing),
                })
            }
            Action::VolumePlace { disk: id, .. } => {
                let disk = disk(&inventory, *id)?;
                Ok(seen_volume(self.look(&inventory, disk).await?, 0))
            }
            Action::DomainAdopt { vm, host, .. } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                let stamp = info
                    .filter(|info| info.persistent)
                    .and_then(|info| info.stamp);
                Ok(match stamp {
                    Some(stamp) if stamp.operation == Some(operation.id.0) => {
                        Observed::Yes(Outcome::Nothing)
                    }
                    _ => Observed::No,
                })
            }
            Action::DomainRelease { .. } => Ok(Observed::CannotTell),
            Action::GuestFreeze { vm, host } | Action::GuestThaw { vm, host } => {
                let wanted = matches!(action, Action::GuestFreeze { .. });
                let frozen = self.host_by_id(*host)?.guest_frozen(vm.0).await?;
                Ok(if frozen == wanted {
                    Observed::Yes(Outcome::Nothing)
                } else {
                    Observed::No
                })
            }
            // That the guest was asked leaves no trace, unless it has ended.
            Action::DomainShutdown { vm, host } => {
                let info = self.host_by_id(*host)?.domain(vm.0).await?;
                Ok(if info.is_some_and(|info| info.state.is_active()) {
                    Observed::CannotTell
                } else {
                    Observed::Yes(Outcome::Nothing)
                })
            }
            Action::DomainReboot { .. } | Action::DomainReset { .. } | Action::NicPlug { .. } => {
                Ok(Observed::CannotTell)
            }
            Action::CdChange { vm, host, disk: id } => {
                let wanted = match id {
                    Some(id) => Some(domain::volume(disk(&inventory, *id)?)),
                    None => None,
                };
                self.seen_device(*host, *vm, |info| info.cd == wanted).await
            }
            Action::DiskPlug { vm, host, disk } => {
                self.seen_device(*host, *vm, |info| info.disks.contains(&disk.0))
                    .await
            }
            Action::DiskUnplug { vm, host, disk } => {
                self.seen_device(*host, *vm, |info| !info.disks.contains(&disk.0))
                    .await
            }
            Action::PayloadWrite { .. } => Ok(Observed::CannotTell),
            Action::PayloadDelete {
                volume,
                storage_domain,
                ..
            } => {
                self.payload_gone(&inventory, *volume, *storage_domain)
                    .await
            }
            Action::CpusSet { vm, host, vcpus } => {
                self.seen_device(*host, *vm, |info| info.vcpus == *vcpus)
                    .await
            }
            Action::MemoryPlug {
                vm, host, module, ..
            } => {
                self.seen_device(*host, *vm, |info| info.modules.contains(module))
                    .await
            }
            Action::NicUnplug { vm, host, nic } => {
                self.seen_device(*host, *vm, |info| !info.nics.contains(&nic.0))
                    .await
            }
        }
    }

    pub(super) async fn look(
        &self,
        inventory: &Inventory,
        disk: &Disk,
    ) -> Result<Option<VolumeInfo>, HostError> {
        let host = self.host_of_domain(inventory, disk.storage_domain)?;
        host.volume_info(domain::volume(disk), domain::format(disk.format))
            .await
    }

    /// A device of a running domain; of one that does not run any more there is nothing to see.
    async fn seen_device(
        &self,
        host: HostId,
        vm: VmId,
        there: impl FnOnce(&DomainInfo) -> bool + Send,
    ) -> Result<Observed, HostError> {
        let info = self.host_by_id(host)?.domain(vm.0).await?;
        Ok(match info {
            Some(info) if info.state.is_active() && !there(&info) => Observed::No,
            _ => Observed::Yes(Outcome::Nothing),
        })
    }

    /// Prepares a transfer's file: empty for an upload, a converted copy for a download.
    async fn transfer_stage(
        &self,
        host: &Arc<dyn Hypervisor>,
        disk: &Disk,
        transfer: &Transfer,
    ) -> Result<Outcome, HostError> {
        match transfer.direction {
            TransferDirection::Upload => {
                let volume = transfer_volume(disk, transfer);
                host.volume_open(volume, VolumeAccess::Replace).await?;
            }
            TransferDirection::Download if !transfers_directly(disk, transfer) => {
                let spec = VolumeSpec {
                    volume: staging(disk, transfer),
                    format: domain::format(transfer.format),
                    virtual_bytes: disk.provisioned_size,
                    sparse: true,
                    backing: None,
                };
                host.volume_copy(domain::chain(disk), spec).await?;
            }
            TransferDirection::Download => {}
        }
        Ok(Outcome::Nothing)
    }

    /// Looks at what was uploaded, and makes it the disk's content.
    async fn upload_install(
        &self,
        host: &Arc<dyn Hypervisor>,
        disk: &Disk,
        transfer: &Transfer,
    ) -> Result<Outcome, HostError> {
        let direct = transfers_directly(disk, transfer);
        let mut file = host
            .volume_open(transfer_volume(disk, transfer), VolumeAccess::Read)
            .await?;
        let declared = match (disk.content_type, transfer.format) {
            _ if transfer.vmdk => image::ImageFormat::Vmdk,
            (DiskContentType::Iso, _) => image::ImageFormat::Iso,
            (_, DiskFormat::Cow) => image::ImageFormat::Qcow2,
            (_, DiskFormat::Raw) => image::ImageFormat::Raw,
        };
        let limits = image::Limits::default();
        let size = disk.provisioned_size;
        tokio::task::spawn_blocking(move || {
            file.sync_all().ok();
            let facts = image::inspect(declared, &mut file, &limits).map_err(|error| {
                HostError::Failed {
                    what: format!("The image was refused: {error}."),
                }
            })?;
            if facts.virtual_bytes > size.div_ceil(512) * 512 {
                return Err(HostError::Failed {
                    what: format!(
                        "The image was refused: it is {} bytes large, and its disk {size}.",
                        facts.virtual_bytes
                    ),
                });
            }
            Ok(facts)
        })
        .await
        .map_err(|_| HostError::Failed {
            what: "The image could not be looked at.".to_owned(),
        })??;
        let volume = domain::volume(disk);
        let format = domain::format(disk.format);
        if !direct {
            host.volume_delete(volume).await?;
            let staged = staging(disk, transfer);
            self.install_image(host, disk, staged, declared).await?;
        }
        let info = host
            .volume_info(volume, format)
            .await?
            .ok_or_else(|| gone(format!("volume of disk {}", disk.id)))?;
        if direct && !disk.sparse && disk.format == DiskFormat::Raw {
            // An upload begins with an empty file: its space is to be taken all the same.
            let file = host.volume_open(volume, VolumeAccess::Write).await?;
            tokio::task::spawn_blocking(move || {
                let all = rustix::fs::FallocateFlags::empty();
                rustix::fs::fallocate(&file, all, 0, size)
            })
            .await
            .map_err(|_| gone("the volume's file"))?
            .map_err(|_| HostError::NoSpace {
                what: format!("the volume of disk {}", disk.id),
            })?;
        }
        // A guest sees what its disk was made with, also where less was uploaded.
        let info = if disk.content_type == DiskContentType::Data && info.virtual_bytes < size {
            host.volume_resize(volume, format, size, None).await?
        } else {
            info
        };
        Ok(Outcome::Volume(info))
    }
}

pub(super) fn seen_volume(info: Option<VolumeInfo>, at_least: u64) -> Observed {
    match info {
        Some(info) if info.virtual_bytes >= at_least => Observed::Yes(Outcome::Volume(info)),
        _ => Observed::No,
    }
}

/// Whether a domain is, or was, in this run: one that ran and has ended by itself meanwhile must
/// not be started a second time.
fn has_run(info: &DomainInfo, epoch: u64) -> bool {
    info.stamp.is_some_and(|stamp| stamp.run_epoch == epoch)
        && match info.state {
            DomainState::Off(reason) => matches!(
                reason,
                OffReason::Shutdown
                    | OffReason::Destroyed
                    | OffReason::Crashed
                    | OffReason::Migrated
            ),
            _ => true,
        }
}
