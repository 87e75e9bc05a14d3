//! VMs out of archives and into them (OVA). A file is named by what is in the host's one folder for
//! them, or is the content of a disk that somebody has uploaded; nothing else of a host is read.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::host::HostError;
use crate::host::work::{Content, OvaFile, is_plain_name};
use crate::image::ova::OvaDisk;
use crate::image::ovf::{Appliance, ApplianceDisk, Bus, Written};
use crate::inventory::Inventory;
use crate::model::{
    Cluster, ClusterId, Disk, DiskBackup, DiskContentType, DiskFormat, DiskId, DiskInterface,
    DiskStatus, HostId, NicInterface, Permit, StorageDomainId, Vm, VmId, VmStatus, VnicProfileId,
};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules;
use crate::seed;
use crate::writer::Draft;

use super::check;
use super::params::{
    Accepted, DiskAddParams, DiskAttachParams, DiskSource, NicAddParams, VmAddParams, VmSettings,
};

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OvaSource {
    /// A file in the host's folder, by its whole path or its name.
    File(String),
    /// The content of a disk.
    Disk(DiskId),
}

/// A VM out of an archive.
#[derive(Clone, Debug)]
pub struct OvaImportParams {
    /// Its name; the archive's by default.
    pub name: Option<String>,
    /// The archive.
    pub source: OvaSource,
    /// Where it runs.
    pub cluster: ClusterId,
    /// Where its disks are; the data center's first by default.
    pub storage_domain: Option<StorageDomainId>,
    /// The host whose folder it is; any by default.
    pub host: Option<HostId>,
    /// Whether its disks take space as they are written; true by default.
    pub sparse: Option<bool>,
}

fn refusal(error: HostError) -> Error {
    match error {
        HostError::NotFound { what } => {
            Error::conflict(format!("Cannot import VM. There is no {what}."))
        }
        HostError::Failed { what } | HostError::Unsupported { what } => {
            Error::invalid("url", format!("The OVA was refused: {what}."))
        }
        other => Error::unavailable(other.to_string()),
    }
}

/// The file's name, where its path is the folder's.
fn name_in(folder: &Path, path: &str, what: &str) -> Result<String> {
    let wrong = || {
        Error::conflict(format!(
            "Cannot {what}. OVA files are read from and written to {} only.",
            folder.display()
        ))
    };
    let name = match path.rsplit_once('/') {
        None | Some(("", _)) => path.trim_start_matches('/'),
        Some((parent, name)) if Path::new(parent) == folder => name,
        Some(_) => return Err(wrong()),
    };
    if is_plain_name(name) {
        Ok(name.to_owned())
    } else {
        Err(wrong())
    }
}

impl Manager {
    /// Makes a VM out of an archive.
    pub async fn vm_import_ova(
        &self,
        caller: &Caller,
        params: OvaImportParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let inventory = self.inventory();
        access::require(&inventory, caller, Permit::CREATE_VM, params.cluster)?;
        let cluster = inventory
            .clusters
            .get(&params.cluster)
            .cloned()
            .ok_or_else(|| Error::not_found(params.cluster))?;
        let (host, file, disk) = match params.source {
            OvaSource::File(path) => {
                let host = match params.host {
                    Some(host) => host,
                    None => inventory
                        .hosts
                        .iter()
                        .find(|host| host.cluster == cluster.id)
                        .map(|host| host.id)
                        .ok_or_else(|| Error::conflict("Cannot import VM. There is no Host."))?,
                };
                // What lies in the folder is nobody's: only who may do anything on the host may
                // take it.
                access::require(&inventory, caller, Permit::MANIPULATE_HOST, host)?;
                let host = self.host_by_id(host).map_err(refusal)?;
                let name = name_in(&host.ova_folder(), &path, "import VM")?;
                (host, OvaFile::Folder { name }, None)
            }
            OvaSource::Disk(id) => {
                access::require(&inventory, caller, Permit::ATTACH_DISK, id)?;
                let disk = inventory
                    .disks
                    .get(&id)
                    .ok_or_else(|| Error::not_found(id))?;
                check::disk_ready(disk, "import VM")?;
                rules::images::down(&inventory, disk, "import VM").map_err(Error::conflict)?;
                if disk.format != DiskFormat::Raw || !disk.backing.is_empty() {
                    return Err(Error::conflict(
                        "Cannot import VM. An archive must have been uploaded to a disk in RAW format.",
                    ));
                }
                let host = self
                    .host_of_domain(&inventory, disk.storage_domain)
                    .map_err(refusal)?;
                let file = OvaFile::of(crate::domain::volume(disk));
                (host, file, Some(id))
            }
        };
        let ova = host.ova_read(file.clone()).await.map_err(refusal)?;
        let name = params.name.unwrap_or_else(|| ova.appliance.name.clone());
        let foreign = ova
            .appliance
            .disks
            .iter()
            .any(|disk| disk.written == Written::Vmdk);
        let sparse = params.sparse.unwrap_or(true);
        let disks = ova
            .appliance
            .disks
            .iter()
            .zip(&ova.disks)
            .enumerate()
            .map(|(number, (described, content))| {
                let add = new_disk(&name, number, described, content.as_ref(), sparse)
                    .in_domain(params.storage_domain);
                let source = match content {
                    None => DiskSource::New(add.0),
                    Some(content) => DiskSource::Import {
                        disk: add.0,
                        content: Box::new(Content {
                            file: file.clone(),
                            offset: content.offset,
                            bytes: Some(content.bytes),
                            format: content.format,
                            digest: content.digest.clone(),
                        }),
                        from: disk,
                    },
                };
                attach(source, described, foreign)
            })
            .collect();
        let vm = describe(
            &inventory,
            caller,
            &cluster,
            name,
            &ova.appliance,
            disks,
            foreign,
        );
        self.vm_add(caller, vm).await
    }

    /// Makes a VM of a description whose disks have been uploaded before, under the ids that it
    /// gives them (oVirt: `initialization.configuration`).
    pub async fn vm_add_described(
        &self,
        caller: &Caller,
        description: &str,
        cluster: ClusterId,
        name: Option<String>,
    ) -> Result<Accepted<Arc<Vm>>> {
        let appliance = Appliance::read(description)
            .map_err(|error| Error::invalid("initialization.configuration", format!("{error}.")))?;
        let inventory = self.inventory();
        let cluster = inventory
            .clusters
            .get(&cluster)
            .cloned()
            .ok_or_else(|| Error::not_found(cluster))?;
        let disks = appliance
            .disks
            .iter()
            .map(|described| {
                let id: DiskId = described
                    .id
                    .parse()
                    .map_err(|_| Error::not_found(described.id.as_str()))?;
                Ok(attach(DiskSource::Existing(id), described, false))
            })
            .collect::<Result<_>>()?;
        let name = name.unwrap_or_else(|| appliance.name.clone());
        let vm = describe(&inventory, caller, &cluster, name, &appliance, disks, false);
        self.vm_add(caller, vm).await
    }

    /// Writes a VM into an archive in a host's folder.
    pub async fn vm_export_ova(
        &self,
        caller: &Caller,
        vm: VmId,
        host: HostId,
        directory: &str,
        file: Option<String>,
    ) -> Result<Accepted<()>> {
        let inventory = self.inventory();
        access::require(&inventory, caller, Permit::EDIT_VM_PROPERTIES, vm)?;
        access::require(&inventory, caller, Permit::MANIPULATE_HOST, host)?;
        let it = inventory.vms.get(&vm).ok_or_else(|| Error::not_found(vm))?;
        let folder = self
            .host_by_id(host)
            .map_err(|error| Error::unavailable(error.to_string()))?
            .ova_folder();
        let file = file.unwrap_or_else(|| format!("{}.ova", it.name));
        let path = format!("{}/{file}", directory.trim_end_matches('/'));
        let name = name_in(&folder, &path, "export VM")?;
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| export(draft, &caller, vm, host, name))
            .await
    }

    /// The folder of a host's that archives are read from and written to.
    pub fn ova_folder(&self, host: HostId) -> Option<std::path::PathBuf> {
        self.core.host(host).map(|host| host.ova_folder())
    }
}

/// A disk that is to be made.
struct Made(DiskAddParams);

impl Made {
    fn in_domain(mut self, domain: Option<StorageDomainId>) -> Self {
        self.0.storage_domain = domain;
        self
    }
}

fn new_disk(
    vm: &str,
    number: usize,
    described: &ApplianceDisk,
    content: Option<&OvaDisk>,
    sparse: bool,
) -> Made {
    let name = described
        .alias
        .clone()
        .filter(|alias| check::label("name", alias).is_ok())
        .unwrap_or_else(|| format!("{vm}_Disk{}", number + 1));
    Made(DiskAddParams {
        id: None,
        name,
        description: String::new(),
        storage_domain: None,
        // What the description says may be nonsense; what the content says has been looked at.
        provisioned_size: content.map_or(described.capacity, |content| content.virtual_bytes),
        format: if sparse {
            DiskFormat::Cow
        } else {
            DiskFormat::Raw
        },
        sparse: Some(sparse),
        content_type: DiskContentType::Data,
        shareable: false,
        wipe_after_delete: None,
        propagate_errors: false,
        backup: DiskBackup::None,
        disk_profile: None,
        quota: None,
    })
}

/// A disk in the VM. Guests of other hypervisors know AHCI for certain, and virtio perhaps.
fn attach(source: DiskSource, described: &ApplianceDisk, foreign: bool) -> DiskAttachParams {
    let interface = match described.bus {
        _ if foreign => DiskInterface::Sata,
        Some(Bus::Scsi) => DiskInterface::VirtioScsi,
        Some(Bus::Ide | Bus::Sata) => DiskInterface::Sata,
        Some(Bus::Virtio) | None => DiskInterface::Virtio,
    };
    DiskAttachParams {
        source,
        interface,
        bootable: described.boot,
        active: true,
        read_only: false,
        pass_discard: false,
        uses_scsi_reservation: false,
    }
}

/// The profile that leads to a network of this name.
fn profile(
    inventory: &Inventory,
    caller: &Caller,
    cluster: &Cluster,
    network: Option<&str>,
) -> Option<VnicProfileId> {
    let network = inventory.networks.iter().find(|it| {
        it.data_center == cluster.data_center && Some(it.name.as_str()) == network && it.vm_network
    })?;
    inventory
        .vnic_profiles
        .iter()
        .filter(|profile| profile.network == network.id)
        .find(|profile| {
            access::may(
                inventory,
                caller,
                Permit::CONFIGURE_VM_NETWORK,
                crate::model::ObjectId::VnicProfile(profile.id),
            )
        })
        .map(|profile| profile.id)
}

fn describe(
    inventory: &Inventory,
    caller: &Caller,
    cluster: &Cluster,
    name: String,
    appliance: &Appliance,
    mut disks: Vec<DiskAttachParams>,
    foreign: bool,
) -> VmAddParams {
    const MIB: u64 = 1 << 20;
    if !disks.iter().any(|disk| disk.bootable)
        && let Some(first) = disks.first_mut()
    {
        first.bootable = true;
    }
    let memory = (appliance.memory > 0)
        .then(|| appliance.memory.checked_next_multiple_of(MIB))
        .flatten();
    let (sockets, cores, threads) = appliance.cpus;
    let said = |count: u32| (count > 0).then_some(count);
    let settings = VmSettings {
        memory,
        memory_guaranteed: memory,
        memory_max: memory.map(|memory| memory.saturating_mul(4)),
        sockets: said(sockets),
        cores: said(cores),
        threads: said(threads),
        os_type: appliance
            .os
            .clone()
            .filter(|os| seed::operating_systems().any(|(name, _)| name == os)),
        bios_type: appliance.bios.as_deref().and_then(|word| word.parse().ok()),
        ..VmSettings::default()
    };
    let nics = appliance
        .nics
        .iter()
        .enumerate()
        .map(|(number, nic)| {
            let model = nic.model.or(foreign.then_some("e1000"));
            NicAddParams {
                name: format!("nic{}", number + 1),
                interface: model.and_then(|model| model.parse::<NicInterface>().ok()),
                mac: None,
                vnic_profile: profile(inventory, caller, cluster, nic.network.as_deref()),
                linked: None,
                plugged: None,
            }
        })
        .collect();
    VmAddParams {
        name,
        description: appliance
            .description
            .chars()
            .filter(|letter| !letter.is_control() || *letter == '\n')
            .take(4000)
            .collect(),
        comment: String::new(),
        cluster: cluster.id,
        template: seed::BLANK,
        instance_type: None,
        delete_protected: false,
        origin: Some(if foreign { "vmware" } else { "ovirt" }.to_owned()),
        settings,
        disks,
        nics,
        cdrom: None,
        clone: false,
        template_disks: Vec::new(),
        use_latest_template: false,
        clone_permissions: false,
    }
}

fn export(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    host: HostId,
    name: String,
) -> Result<Accepted<()>> {
    const WHAT: &str = "export VM";
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::images::export(draft, &vm).map_err(Error::conflict)?;
    let disks: Vec<Arc<Disk>> = vm
        .disk_attachments
        .iter()
        .filter_map(|attachment| draft.disks.get(&attachment.disk).cloned())
        .collect();
    let mut actions = Vec::new();
    let mut staged = Vec::new();
    for disk in &disks {
        check::disk_ready(disk, WHAT)?;
        let domain = draft
            .storage_domains
            .get(&disk.storage_domain)
            .ok_or_else(|| Error::not_found(disk.storage_domain))?;
        check::room(domain, disk.actual_size.saturating_mul(2), WHAT)?;
        let volume = Uuid::new_v4();
        staged.push((disk.id, volume));
        actions.push((
            Action::ExportStage {
                disk: disk.id,
                volume,
            },
            format!("Copying the content of disk {}", disk.name),
        ));
    }
    actions.push((
        Action::OvaWrite {
            vm: id,
            host,
            name: name.clone(),
            disks: staged.clone(),
        },
        format!("Writing {name}"),
    ));
    for (disk, (_, volume)) in disks.iter().zip(&staged) {
        actions.push((
            Action::ScratchDelete {
                storage_domain: disk.storage_domain,
                volume: *volume,
            },
            format!("Deleting the copy of disk {}", disk.name),
        ));
        draft.put(Disk {
            status: DiskStatus::Locked,
            ..(**disk).clone()
        })?;
    }
    let mut changed = (*vm).clone();
    changed.run.status = VmStatus::ImageLocked;
    draft.put(changed)?;
    let text = format!("Starting export of VM {} as a Virtual Appliance.", vm.name);
    let event = EventDraft::new(code::VM_EXPORT, text);
    draft.event(event.vm(id, draft).by(caller, draft));
    let locks = std::iter::once(id.into())
        .chain(disks.iter().map(|disk| disk.id.into()))
        .collect();
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::VmExport {
                vm: id,
                name: name.clone(),
                disks: disks.iter().map(|disk| disk.id).collect(),
            },
            description: format!("Exporting VM {} as OVA to {name}", vm.name),
            locks,
            objects: vec![id.into(), host.into()],
            actions,
        },
    )?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}
