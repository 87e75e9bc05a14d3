//! A VM as its host shall run it: from the inventory's words to the host's. Decides nothing.

mod machine;

pub(crate) use machine::{bios_type, lack, sockets_max};

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::SystemTime;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::host as h;
use crate::image::ovf::{Appliance, ApplianceNic};
use crate::inventory::Inventory;
use crate::model::{
    BootDevice, CpuMode, Disk, DiskAttachment, DiskFormat, DiskId, DiskInterface, Layer, Network,
    Nic, NicInterface, StorageDomain, StorageDomainId, Vm, VmHardware,
};

/// USB devices that a console may redirect at once.
const USB_REDIRECTIONS: u8 = 2;
const MIB: u64 = 1 << 20;

/// A disk's volume.
pub(crate) fn volume(disk: &Disk) -> h::VolumeRef {
    h::VolumeRef {
        storage_domain: disk.storage_domain.0,
        volume: disk.image().0,
    }
}

/// What a disk's volume stands on, nearest first.
pub(crate) fn backing(storage_domain: StorageDomainId, layers: &[Layer]) -> Vec<h::Backing> {
    layers
        .iter()
        .map(|layer| h::Backing {
            volume: h::VolumeRef {
                storage_domain: storage_domain.0,
                volume: layer.image.0,
            },
            format: format(layer.format),
        })
        .collect()
}

/// A disk's volume with everything that its content is read from.
pub(crate) fn chain(disk: &Disk) -> h::Chain {
    h::Chain {
        volume: volume(disk),
        format: format(disk.format),
        backing: backing(disk.storage_domain, &disk.backing),
    }
}

/// The host's word for a format.
pub(crate) fn format(format: DiskFormat) -> h::VolumeFormat {
    match format {
        DiskFormat::Cow => h::VolumeFormat::Qcow2,
        DiskFormat::Raw => h::VolumeFormat::Raw,
    }
}

/// A disk in a VM.
pub(crate) fn disk_spec(
    inventory: &Inventory,
    attachment: &DiskAttachment,
    disk: &Disk,
) -> h::DiskSpec {
    h::DiskSpec {
        disk: disk.id.0,
        source: volume(disk),
        format: format(disk.format),
        backing: backing(disk.storage_domain, &disk.backing),
        interface: match attachment.interface {
            DiskInterface::Virtio => h::DiskInterface::Virtio,
            DiskInterface::VirtioScsi | DiskInterface::SpaprVscsi => h::DiskInterface::VirtioScsi,
            DiskInterface::Sata => h::DiskInterface::Sata,
            DiskInterface::Ide => h::DiskInterface::Ide,
        },
        read_only: attachment.read_only,
        shareable: disk.shareable,
        discard: attachment.pass_discard,
        bootable: attachment.bootable,
        propagate_errors: disk.propagate_errors,
        limits: disk_limits(inventory, disk),
    }
}

/// What a disk's profile allows it. oVirt counts in MiB and requests a second.
pub(crate) fn disk_limits(inventory: &Inventory, disk: &Disk) -> h::DiskLimits {
    let limits = inventory
        .disk_profiles
        .get(&disk.disk_profile)
        .and_then(|profile| inventory.qoss.get(&profile.qos?))
        .map(|qos| &qos.limits);
    let Some(limits) = limits else {
        return h::DiskLimits::default();
    };
    let bytes = |mib: Option<u32>| u64::from(mib.unwrap_or(0)) * MIB;
    let requests = |count: Option<u32>| u64::from(count.unwrap_or(0));
    // libvirt takes the sum or its parts, never both.
    let (total, all) = (bytes(limits.max_throughput), requests(limits.max_iops));
    let part = |sum: u64, part: u64| if sum > 0 { 0 } else { part };
    h::DiskLimits {
        bytes: total,
        read_bytes: part(total, bytes(limits.max_read_throughput)),
        write_bytes: part(total, bytes(limits.max_write_throughput)),
        requests: all,
        read_requests: part(all, requests(limits.max_read_iops)),
        write_requests: part(all, requests(limits.max_write_iops)),
    }
}

/// The network that an interface leads to; none for an empty plug.
pub(crate) fn network_of<'a>(inventory: &'a Inventory, nic: &Nic) -> Option<&'a Network> {
    let profile = inventory.vnic_profiles.get(&nic.vnic_profile?)?;
    inventory
        .networks
        .get(&profile.network)
        .map(|network| &**network)
}

/// An interface in a VM, with the way its network is made on the host.
pub(crate) fn nic_spec(nic: &Nic, network: h::NicNetwork) -> h::NicSpec {
    h::NicSpec {
        nic: nic.id.0,
        mac: h::MacAddress(nic.mac.0),
        model: match nic.interface {
            NicInterface::E1000 => h::NicModel::E1000,
            NicInterface::E1000e => h::NicModel::E1000e,
            NicInterface::Rtl8139 => h::NicModel::Rtl8139,
            NicInterface::Virtio
            | NicInterface::Rtl8139Virtio
            | NicInterface::PciPassthrough
            | NicInterface::SpaprVlan => h::NicModel::Virtio,
        },
        network,
        linked: nic.linked,
    }
}

/// What makes a run different from the VM's own settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunIdentity {
    pub(crate) epoch: u64,
    pub(crate) operation: Uuid,
    pub(crate) display: IpAddr,
}

/// The whole domain. `networks` says, in the order of the VM's plugged interfaces, how their
/// networks are made on the host.
pub(crate) fn domain_spec(
    inventory: &Inventory,
    vm: &Vm,
    run: RunIdentity,
    networks: Vec<h::NicNetwork>,
) -> Result<h::DomainSpec> {
    let hardware = vm.running_hardware();
    let disks = vm
        .disk_attachments
        .iter()
        .filter(|attachment| attachment.active)
        .map(|attachment| {
            inventory
                .disks
                .get(&attachment.disk)
                .map(|disk| disk_spec(inventory, attachment, disk))
                .ok_or_else(|| Error::not_found(attachment.disk))
        })
        .collect::<Result<_>>()?;
    let nics = vm
        .nics
        .iter()
        .filter(|nic| nic.plugged)
        .zip(networks)
        .map(|(nic, network)| nic_spec(nic, network))
        .collect();
    Ok(h::DomainSpec {
        vm: vm.id.0,
        run_epoch: run.epoch,
        operation: Some(run.operation),
        title: vm.name.clone(),
        description: vm.description.clone(),
        memory_bytes: hardware.memory.div_ceil(MIB) * MIB,
        cpu: cpu(hardware),
        boot: boot(inventory, hardware)?,
        disks,
        cd: vm
            .run
            .cdrom
            .and_then(|disk| inventory.disks.get(&disk))
            .map(|disk| volume(disk)),
        nics,
        display: machine::display(hardware, run.display),
        sound: hardware.soundcard,
        usb_redirections: if hardware.usb { USB_REDIRECTIONS } else { 0 },
        clock: machine::clock(hardware, SystemTime::now()),
        machine: machine::machine(inventory, vm, hardware, run.epoch),
    })
}

fn cpu(hardware: &VmHardware) -> h::CpuSpec {
    h::CpuSpec {
        sockets: hardware.topology.sockets,
        cores: hardware.topology.cores,
        threads: hardware.topology.threads,
        mode: match (&hardware.custom_cpu_model, hardware.cpu_mode) {
            (Some(model), _) => h::CpuMode::Model(model.clone()),
            (None, Some(CpuMode::HostPassthrough)) => h::CpuMode::HostPassthrough,
            (None, _) => h::CpuMode::Automatic,
        },
    }
}

fn boot(inventory: &Inventory, hardware: &VmHardware) -> Result<h::BootSpec> {
    let direct = &hardware.direct_boot;
    let kernel = match &direct.kernel {
        Some(kernel) => Some(h::KernelBoot {
            kernel: boot_file(inventory, kernel)?.source(),
            initrd: direct
                .initrd
                .as_deref()
                .map(|initrd| boot_file(inventory, initrd).map(|file| file.source()))
                .transpose()?,
            command_line: direct.cmdline.clone().unwrap_or_default(),
        }),
        None => None,
    };
    Ok(h::BootSpec {
        order: hardware
            .boot_devices
            .iter()
            .map(|device| match device {
                BootDevice::Hd => h::BootDevice::Disk,
                BootDevice::Cdrom => h::BootDevice::Cd,
                BootDevice::Network => h::BootDevice::Network,
            })
            .collect(),
        menu: hardware.boot_menu,
        kernel,
    })
}

/// A file that a VM boots from directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BootFile {
    /// A disk of ours, named by its id or `iso://` and its name.
    Disk(DiskId, h::VolumeRef),
    /// A file in a storage domain's own directory, which only the manager writes to.
    Domain(PathBuf),
    /// Any other file of the host.
    Host(PathBuf),
}

impl BootFile {
    fn source(self) -> h::FileSource {
        match self {
            Self::Disk(_, volume) => h::FileSource::Volume(volume),
            Self::Domain(path) | Self::Host(path) => h::FileSource::Path(path),
        }
    }
}

/// What a kernel or initial ram disk's text means.
pub(crate) fn boot_file(inventory: &Inventory, text: &str) -> Result<BootFile> {
    let wrong = || {
        Error::invalid(
            "os.kernel",
            "A kernel or initial ram disk is given by the id of a disk, as iso://NAME, or by the \
             path of a file of the host.",
        )
    };
    let by_disk = |disk: &Disk| BootFile::Disk(disk.id, volume(disk));
    if let Ok(id) = text.parse::<DiskId>() {
        return inventory
            .disks
            .get(&id)
            .map(|disk| by_disk(disk))
            .ok_or_else(|| Error::not_found(text));
    }
    if let Some(name) = text.strip_prefix("iso://") {
        return inventory
            .disks
            .iter()
            .find(|disk| disk.name == name || disk.id.to_string() == name)
            .map(|disk| by_disk(disk))
            .ok_or_else(|| Error::not_found(text));
    }
    let plain = text.starts_with('/')
        && text.len() <= 4096
        && !text.chars().any(char::is_control)
        && text.split('/').all(|part| part != ".." && part != ".");
    if !plain {
        return Err(wrong());
    }
    let path = PathBuf::from(text);
    let in_domain = |domain: &StorageDomain| {
        path.parent()
            .is_some_and(|parent| parent == std::path::Path::new(&domain.path))
    };
    if !inventory
        .storage_domains
        .iter()
        .any(|domain| in_domain(domain))
    {
        return Ok(BootFile::Host(path));
    }
    // A disk named by its path is that disk, with the rights on it: a guest can read what it boots
    // from, and every disk of everybody lies here.
    let file = path.file_name().and_then(std::ffi::OsStr::to_str);
    match file.and_then(|name| name.parse::<DiskId>().ok()) {
        Some(id) => inventory
            .disks
            .get(&id)
            .map(|disk| by_disk(disk))
            .ok_or_else(|| Error::not_found(text)),
        // What begins with a dot is still being written.
        None if file.is_none_or(|name| name.starts_with('.')) => Err(wrong()),
        None => Ok(BootFile::Domain(path)),
    }
}

/// The address that consoles listen on.
pub(crate) fn listen_address(display_address: &str) -> IpAddr {
    display_address
        .parse()
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// A VM as an archive describes it, without its disks.
pub(crate) fn appliance(inventory: &Inventory, vm: &Vm) -> Appliance {
    let topology = vm.hardware.topology;
    Appliance {
        name: vm.name.clone(),
        description: vm.description.clone(),
        os: Some(vm.hardware.os_type.clone()),
        memory: vm.hardware.memory,
        cpus: (topology.sockets, topology.cores, topology.threads),
        bios: Some(vm.hardware.bios_type.as_str().to_owned()),
        disks: Vec::new(),
        nics: vm
            .nics
            .iter()
            .map(|nic| ApplianceNic {
                name: nic.name.clone(),
                model: match nic.interface {
                    NicInterface::E1000 => Some("e1000"),
                    NicInterface::E1000e => Some("e1000e"),
                    NicInterface::Rtl8139 => Some("rtl8139"),
                    _ => Some("virtio"),
                },
                network: network_of(inventory, nic).map(|network| network.name.clone()),
            })
            .collect(),
    }
}
