//! The steps of provisioning: the medium with first-boot settings.

use std::io::Write as _;

use crate::Manager;
use crate::first_boot::{self, Identity};
use crate::host::{HostError, VolumeAccess, VolumeFormat, VolumeRef};
use crate::inventory::Inventory;
use crate::model::{StorageDomainId, Vm};

use super::act::{Observed, Outcome};

impl Manager {
    /// Writes the medium: the same bytes whenever it is repeated.
    pub(super) async fn payload_write(
        &self,
        inventory: &Inventory,
        vm: &Vm,
        epoch: u64,
    ) -> Result<Outcome, HostError> {
        let payload = vm
            .run
            .payload
            .filter(|payload| payload.epoch == epoch)
            .ok_or_else(|| HostError::NotFound {
                what: format!("first-boot settings of VM {}", vm.id),
            })?;
        let hardware = vm.running_hardware();
        let settings = hardware.initialization.clone().unwrap_or_default();
        let instance = format!("{}-{epoch}", vm.id);
        let files = first_boot::files(
            payload.reader,
            &settings,
            Identity {
                instance: &instance,
                vm_name: &vm.name,
                os_type: &hardware.os_type,
            },
        );
        let bytes = first_boot::medium(payload.reader, payload.medium, &files);
        let host = self.host_of_domain(inventory, payload.storage_domain)?;
        let volume = VolumeRef {
            storage_domain: payload.storage_domain.0,
            volume: payload.volume,
        };
        let mut file = host.volume_open(volume, VolumeAccess::Replace).await?;
        tokio::task::spawn_blocking(move || file.write_all(&bytes).and_then(|()| file.sync_all()))
            .await
            .map_err(|_| HostError::Failed {
                what: "The medium with first-boot settings could not be written.".to_owned(),
            })?
            .map_err(|error| HostError::Failed {
                what: format!("The medium with first-boot settings could not be written: {error}."),
            })?;
        Ok(Outcome::Nothing)
    }

    /// Removes the medium.
    pub(super) async fn payload_delete(
        &self,
        inventory: &Inventory,
        volume: uuid::Uuid,
        domain: StorageDomainId,
    ) -> Result<Outcome, HostError> {
        let host = self.host_of_domain(inventory, domain)?;
        host.volume_delete(VolumeRef {
            storage_domain: domain.0,
            volume,
        })
        .await?;
        Ok(Outcome::Nothing)
    }

    pub(super) async fn payload_gone(
        &self,
        inventory: &Inventory,
        volume: uuid::Uuid,
        domain: StorageDomainId,
    ) -> Result<Observed, HostError> {
        let host = self.host_of_domain(inventory, domain)?;
        let volume = VolumeRef {
            storage_domain: domain.0,
            volume,
        };
        let info = host.volume_info(volume, VolumeFormat::Raw).await?;
        Ok(if info.is_none() {
            Observed::Yes(Outcome::Nothing)
        } else {
            Observed::No
        })
    }
}
