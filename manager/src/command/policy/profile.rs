//! CPU profiles of clusters and disk profiles of storage domains.

use std::sync::Arc;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::inventory::Inventory;
use crate::model::{
    ClusterId, CpuProfile, CpuProfileId, DataCenterId, DiskProfile, DiskProfileId, Permit, QosId,
    QosType, StorageDomainId,
};
use crate::writer::Draft;

/// What is said of a profile.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in the models.
pub struct ProfileParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub qos: Option<Option<QosId>>,
}

/// A QoS of the right kind and data center.
fn check_qos(
    inventory: &Inventory,
    qos: Option<QosId>,
    kind: QosType,
    data_center: Option<DataCenterId>,
) -> Result<()> {
    let Some(id) = qos else { return Ok(()) };
    let it = inventory
        .qoss
        .get(&id)
        .ok_or_else(|| Error::not_found(id))?;
    if it.kind != kind || Some(it.data_center) != data_center {
        return Err(Error::conflict(format!(
            "Cannot save profile. QoS {} is not one of kind {kind} of the same Data Center.",
            it.name
        )));
    }
    Ok(())
}

fn put_cpu(draft: &Draft, params: ProfileParams, it: &mut CpuProfile) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.cpu_profiles.iter();
        let others = others.filter(|other| other.cluster == it.cluster && other.id != it.id);
        name_free(
            others.map(|other| other.name.as_str()),
            &name,
            "CPU Profile",
        )?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    it.qos = params.qos.unwrap_or(it.qos);
    let center = draft.data_center_of_cluster(it.cluster);
    check_qos(draft, it.qos, QosType::Cpu, center)
}

fn put_disk(draft: &Draft, params: ProfileParams, it: &mut DiskProfile) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.disk_profiles.iter();
        let others =
            others.filter(|other| other.storage_domain == it.storage_domain && other.id != it.id);
        name_free(
            others.map(|other| other.name.as_str()),
            &name,
            "Disk Profile",
        )?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    it.qos = params.qos.unwrap_or(it.qos);
    let domain = draft.storage_domains.get(&it.storage_domain);
    let center = domain.and_then(|domain| domain.data_center);
    check_qos(draft, it.qos, QosType::Storage, center)
}

impl Manager {
    /// Makes a CPU profile.
    pub async fn cpu_profile_add(
        &self,
        caller: &Caller,
        cluster: ClusterId,
        params: ProfileParams,
    ) -> Result<Arc<CpuProfile>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::CREATE_CPU_PROFILE, cluster)?;
            let mut it = CpuProfile {
                id: CpuProfileId::random(),
                name: String::new(),
                description: String::new(),
                cluster,
                qos: None,
            };
            put_cpu(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let center = draft.data_center_of_cluster(cluster);
            let text = format!("CPU Profile {} was added.", it.name);
            log(draft, caller, code::CPU_PROFILE_ADDED, text, center);
            Ok(Arc::new(it))
        })
        .await
    }

    /// Changes a CPU profile.
    pub async fn cpu_profile_update(
        &self,
        caller: &Caller,
        id: CpuProfileId,
        params: ProfileParams,
    ) -> Result<Arc<CpuProfile>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::UPDATE_CPU_PROFILE, id)?;
            let it = draft
                .cpu_profiles
                .get(&id)
                .ok_or_else(|| Error::not_found(id))?;
            let mut it = (**it).clone();
            put_cpu(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let center = draft.data_center_of_cluster(it.cluster);
            let text = format!("CPU Profile {} was updated.", it.name);
            log(draft, caller, code::CPU_PROFILE_UPDATED, text, center);
            Ok(Arc::new(it))
        })
        .await
    }

    /// Removes a CPU profile that no VM has and that is not its cluster's last.
    pub async fn cpu_profile_remove(&self, caller: &Caller, id: CpuProfileId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::DELETE_CPU_PROFILE, id)?;
            let it = draft.cpu_profiles.get(&id).cloned();
            let it = it.ok_or_else(|| Error::not_found(id))?;
            if draft
                .clusters
                .iter()
                .any(|cluster| cluster.cpu_profile == id)
            {
                return Err(Error::conflict(
                    "Cannot remove CPU Profile. It is the default of its Cluster.",
                ));
            }
            let used = |vm: &&Arc<crate::model::Vm>| vm.hardware.cpu_profile == Some(id);
            if let Some(vm) = draft.vms.iter().find(used) {
                return Err(Error::conflict(format!(
                    "Cannot remove CPU Profile. It is used by VM {}.",
                    vm.name
                )));
            }
            draft.remove(id);
            let center = draft.data_center_of_cluster(it.cluster);
            let text = format!("CPU Profile {} was removed.", it.name);
            log(draft, caller, code::CPU_PROFILE_REMOVED, text, center);
            Ok(())
        })
        .await
    }

    /// Makes a disk profile.
    pub async fn disk_profile_add(
        &self,
        caller: &Caller,
        storage_domain: StorageDomainId,
        params: ProfileParams,
    ) -> Result<Arc<DiskProfile>> {
        self.write(caller, move |draft, caller| {
            access::require(
                draft,
                caller,
                Permit::CREATE_STORAGE_DISK_PROFILE,
                storage_domain,
            )?;
            let mut it = DiskProfile {
                id: DiskProfileId::random(),
                name: String::new(),
                description: String::new(),
                storage_domain,
                qos: None,
            };
            put_disk(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let text = format!("Disk Profile {} was added.", it.name);
            log(draft, caller, code::DISK_PROFILE_ADDED, text, None);
            Ok(Arc::new(it))
        })
        .await
    }

    /// Changes a disk profile.
    pub async fn disk_profile_update(
        &self,
        caller: &Caller,
        id: DiskProfileId,
        params: ProfileParams,
    ) -> Result<Arc<DiskProfile>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::CONFIGURE_STORAGE_DISK_PROFILE, id)?;
            let it = draft
                .disk_profiles
                .get(&id)
                .ok_or_else(|| Error::not_found(id))?;
            let mut it = (**it).clone();
            put_disk(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let text = format!("Disk Profile {} was updated.", it.name);
            log(draft, caller, code::DISK_PROFILE_UPDATED, text, None);
            Ok(Arc::new(it))
        })
        .await
        .inspect(|_| self.disk_limits_changed(|disk| disk.disk_profile == id))
    }

    /// Removes a disk profile that no disk has and that is not its storage domain's last.
    pub async fn disk_profile_remove(&self, caller: &Caller, id: DiskProfileId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::DELETE_STORAGE_DISK_PROFILE, id)?;
            let it = draft.disk_profiles.get(&id).cloned();
            let it = it.ok_or_else(|| Error::not_found(id))?;
            if draft
                .storage_domains
                .iter()
                .any(|domain| domain.disk_profile == id)
            {
                return Err(Error::conflict(
                    "Cannot remove Disk Profile. It is the default of its Storage Domain.",
                ));
            }
            if let Some(disk) = draft.disks.iter().find(|disk| disk.disk_profile == id) {
                return Err(Error::conflict(format!(
                    "Cannot remove Disk Profile. It is used by Disk {}.",
                    disk.name
                )));
            }
            draft.remove(id);
            let text = format!("Disk Profile {} was removed.", it.name);
            log(draft, caller, code::DISK_PROFILE_REMOVED, text, None);
            Ok(())
        })
        .await
    }
}
