//! Adopts an external VM: its domain gets our mark while it runs, its disks and interfaces become
//! ours, and its files stay where they are.

use std::path::Path;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::host::foreign::{ForeignDisk, ForeignDomain, ForeignNic};
use crate::host::{self, DomainInfo, NicModel, VolumeFormat};
use crate::model::{
    Disk, DiskAttachment, DiskBackup, DiskContentType, DiskFormat, DiskId, DiskInterface,
    DiskProfile, DiskProfileId, DiskStatus, HostId, Mac, Nic, NicId, NicInterface, ObjectId,
    Permit, StorageDomain, StorageDomainId, StorageDomainStatus, StorageDomainType, StorageType,
    Vm, VmId, VmStatus, VnicProfileId,
};
use crate::operation::{Action, OperationKind, Placed, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::check;
use super::params::Accepted;

impl Manager {
    /// Makes an external VM ours, under this name or the one of its domain. It goes on running.
    pub async fn vm_adopt(
        &self,
        caller: &Caller,
        id: VmId,
        name: Option<String>,
    ) -> Result<Accepted<Arc<Vm>>> {
        let inventory = self.inventory();
        access::require(&inventory, caller, Permit::IMPORT_EXPORT_VM, id)?;
        let vm = inventory
            .vms
            .get(&id)
            .cloned()
            .ok_or_else(|| Error::not_found(id))?;
        rules::vm(&inventory, &vm, VmAction::Adopt).map_err(Error::conflict)?;
        let host = vm
            .external
            .ok_or_else(|| Error::conflict("Cannot adopt VM. It is not an external one."))?;
        // As it is at this moment, and not as it was last seen.
        let unreachable = |error: host::HostError| Error::unavailable(error.to_string());
        let hypervisor = self.host_by_id(host).map_err(unreachable)?;
        let info = hypervisor.domain(id.0).await.map_err(unreachable)?;
        let Some((info, foreign)) = info.and_then(|info| Some((info.clone(), info.foreign?)))
        else {
            return Err(Error::conflict(
                "Cannot adopt VM. Its domain is not there any more, or is somebody's already.",
            ));
        };
        if let Some(reason) = foreign.refusals.first() {
            return Err(Error::conflict(format!("Cannot adopt VM. {reason}")));
        }
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| adopt(draft, &caller, host, id, name, &info, &foreign))
            .await
    }
}

fn adopt(
    draft: &mut Draft,
    caller: &Caller,
    host: HostId,
    id: VmId,
    name: Option<String>,
    info: &DomainInfo,
    foreign: &ForeignDomain,
) -> Result<Accepted<Arc<Vm>>> {
    access::require(draft, caller, Permit::IMPORT_EXPORT_VM, id)?;
    let old = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &old, VmAction::Adopt).map_err(Error::conflict)?;
    let data_center = draft.data_center_of_cluster(old.cluster);
    let name = match name.filter(|name| !name.is_empty()) {
        Some(name) => name,
        None => usual_name(&info.name, id),
    };
    check::vm_name(&name)?;
    check::vm_name_free(draft, &name, data_center, Some(id), "adopt")?;
    let mut vm = (*old).clone();
    vm.name.clone_from(&name);
    crate::monitor::shape(&mut vm, info, foreign);
    if !info.state.is_active() {
        // What it shows is not said by a definition; it gets what every VM has.
        vm.hardware.display.graphics = vec![crate::model::GraphicsType::Spice];
    }
    let mut locks: Vec<ObjectId> = vec![id.into()];
    let mut actions = Vec::new();
    let mut placed_disks = Vec::new();
    if !foreign.disks.is_empty() {
        let domain = in_place(draft, host)?;
        for (number, it) in (1..).zip(&foreign.disks) {
            let disk = new_disk(draft, &domain, it, &format!("{name}_Disk{number}"))?;
            locks.push(disk.into());
            vm.disk_attachments.push(attachment(disk, it, number == 1));
            placed_disks.push(Placed {
                key: it.target.clone(),
                id: disk.0,
            });
            let path = it.path.display().to_string();
            actions.push((
                Action::VolumePlace {
                    disk,
                    path: path.clone(),
                },
                format!("Taking over the file {path} where it is"),
            ));
        }
    }
    let mut placed_nics = Vec::new();
    for (number, it) in (1..).zip(&foreign.nics) {
        if draft.mac_in_use(Mac(it.mac.0), Some(id)) {
            return Err(Error::conflict(format!(
                "Cannot adopt VM. MAC Address {} is already in use.",
                it.mac
            )));
        }
        let nic = new_nic(draft, &vm, it, number);
        placed_nics.push(Placed {
            key: it.mac.to_string(),
            id: nic.id.0,
        });
        vm.nics.push(nic);
    }
    let epoch = old.run.epoch + 1;
    actions.push((
        Action::DomainAdopt {
            vm: id,
            host,
            epoch,
            disks: placed_disks,
            nics: placed_nics,
        },
        "Marking the domain".to_owned(),
    ));
    draft.put(vm.clone())?;
    let event = EventDraft::new(
        code::VM_ADOPTION_STARTED,
        format!(
            "Adoption of VM {} as {name} was started by {}.",
            old.name,
            super::who(draft, caller)
        ),
    );
    draft.event(event.vm(id, draft).by(caller, draft));
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::VmAdopt {
                vm: id,
                name: old.name.clone(),
            },
            description: format!("Adopting VM {name}"),
            locks,
            objects: vec![id.into(), host.into()],
            actions,
        },
    )?;
    Ok(Accepted {
        value: Arc::new(vm),
        job: Some(job),
    })
}

/// A name of ours made of a domain's.
fn usual_name(name: &str, id: VmId) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(64)
        .collect();
    if name.is_empty() {
        id.to_string()
    } else {
        name
    }
}

/// Where disks are recorded whose files lie anywhere on a host; made when it is first needed.
fn in_place(draft: &mut Draft, host: HostId) -> Result<StorageDomain> {
    if let Some(domain) = draft
        .storage_domains
        .iter()
        .find(|it| it.host == Some(host) && it.in_place)
    {
        return Ok((**domain).clone());
    }
    let of = draft
        .hosts
        .get(&host)
        .cloned()
        .ok_or_else(|| Error::not_found(host))?;
    let folder = draft
        .storage_domains
        .iter()
        .filter(|domain| domain.host == Some(host))
        .find_map(|domain| Some(Path::new(&domain.path).parent()?.to_str()?.to_owned()))
        .ok_or_else(|| Error::conflict("Cannot adopt VM. The Host has no folder for disks."))?;
    let id = StorageDomainId::random();
    let first = format!("in-place-{}", of.name);
    let name = if draft.storage_domains.iter().any(|it| it.name == first) {
        format!("in-place-{id}")
    } else {
        first
    };
    let domain = StorageDomain {
        id,
        name: name.clone(),
        description: "Disks whose files stay where they were found.".to_owned(),
        comment: String::new(),
        domain_type: StorageDomainType::Data,
        storage_type: StorageType::Localfs,
        path: format!("{folder}/{id}"),
        data_center: draft.data_center_of_cluster(of.cluster),
        host: Some(host),
        status: StorageDomainStatus::Active,
        master: false,
        available: 0,
        used: 0,
        warning_low_space: 10,
        critical_space: 1,
        wipe_after_delete: false,
        discard_after_delete: false,
        disk_profile: DiskProfileId::random(),
        backup: false,
        in_place: true,
    };
    draft.put(domain.clone())?;
    draft.put(DiskProfile {
        id: domain.disk_profile,
        name: name.clone(),
        description: String::new(),
        storage_domain: id,
        qos: None,
    })?;
    let text = format!("Storage Domain {name} was added.");
    draft.event(EventDraft::new(code::STORAGE_DOMAIN_ADDED, text).storage_domain(id));
    Ok(domain)
}

fn new_disk(
    draft: &mut Draft,
    domain: &StorageDomain,
    it: &ForeignDisk,
    name: &str,
) -> Result<DiskId> {
    let id = DiskId::random();
    let path = it.path.display();
    draft.put(Disk {
        id,
        name: name.to_owned(),
        description: format!("The file {path}"),
        storage_domain: domain.id,
        // Known when the file was looked at.
        provisioned_size: 0,
        actual_size: 0,
        format: match it.format {
            VolumeFormat::Raw => DiskFormat::Raw,
            VolumeFormat::Qcow2 => DiskFormat::Cow,
        },
        sparse: it.format == VolumeFormat::Qcow2,
        content_type: DiskContentType::Data,
        status: DiskStatus::Locked,
        shareable: it.shareable,
        wipe_after_delete: false,
        propagate_errors: false,
        backup: DiskBackup::None,
        image: None,
        backing: Vec::new(),
        disk_profile: domain.disk_profile,
        quota: None,
        creation_time: draft.now(),
    })?;
    Ok(id)
}

fn attachment(disk: DiskId, it: &ForeignDisk, first: bool) -> DiskAttachment {
    DiskAttachment {
        disk,
        interface: match it.interface {
            host::DiskInterface::Virtio => DiskInterface::Virtio,
            host::DiskInterface::VirtioScsi => DiskInterface::VirtioScsi,
            host::DiskInterface::Sata => DiskInterface::Sata,
            host::DiskInterface::Ide => DiskInterface::Ide,
        },
        bootable: first,
        active: true,
        read_only: it.read_only,
        pass_discard: false,
        uses_scsi_reservation: false,
    }
}

fn new_nic(draft: &Draft, vm: &Vm, it: &ForeignNic, number: u32) -> Nic {
    let network = it.network.as_deref().and_then(|name| {
        let cluster = draft.clusters.get(&vm.cluster)?;
        cluster
            .networks
            .iter()
            .filter_map(|it| draft.networks.get(&it.network))
            .find(|network| network.vdsm_name == name || network.name == name)
            .map(|network| network.id)
    });
    let profile: Option<VnicProfileId> = network.and_then(|network| {
        let mut profiles = draft.vnic_profiles.iter();
        profiles
            .find(|profile| profile.network == network)
            .map(|profile| profile.id)
    });
    Nic {
        id: NicId::random(),
        name: format!("nic{number}"),
        interface: match it.model {
            NicModel::Virtio => NicInterface::Virtio,
            NicModel::E1000 => NicInterface::E1000,
            NicModel::E1000e => NicInterface::E1000e,
            NicModel::Rtl8139 => NicInterface::Rtl8139,
        },
        mac: Mac(it.mac.0),
        vnic_profile: profile,
        linked: it.linked,
        plugged: true,
        filter_parameters: Vec::new(),
    }
}

/// The adoption was not to be: the VM is an external one again.
pub(crate) fn give_back(draft: &mut Draft, id: VmId, name: &str) -> Result<()> {
    let Some(vm) = draft.vms.get(&id).cloned() else {
        return Ok(());
    };
    for attachment in &vm.disk_attachments {
        draft.remove(attachment.disk);
    }
    let mut vm = (*vm).clone();
    name.clone_into(&mut vm.name);
    vm.disk_attachments.clear();
    vm.nics.clear();
    draft.put(vm)
}

/// The VM is ours.
pub(crate) fn take(draft: &mut Draft, id: VmId, epoch: u64) -> Result<()> {
    let now = draft.now();
    crate::operation::update_vm(draft, id, |vm| {
        vm.external = None;
        "kvm".clone_into(&mut vm.origin);
        vm.run.epoch = epoch;
        if vm.run.status.is_running() {
            vm.run.start_time.get_or_insert(now);
        } else {
            vm.run.status = VmStatus::Down;
        }
    })?;
    draft.external_taken(id);
    Ok(())
}
