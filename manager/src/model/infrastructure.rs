//! What VMs stand on: data centers, clusters, hosts, storage, disks, networks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::id::{
    ClusterId, CpuProfileId, DataCenterId, DiskId, DiskProfileId, HostId, ImageId, MacPoolId,
    NetworkFilterId, NetworkId, QosId, QuotaId, StorageDomainId, TagId, VnicProfileId,
};
use super::policy::ClusterPolicy;
use super::statistics::HostInterface;
use super::wire::{
    Acceleration, BiosType, CpuTopology, DataCenterStatus, DiskBackup, DiskContentType, DiskFormat,
    DiskStatus, HostStatus, NetworkStatus, NetworkUsage, QuotaMode, StorageDomainStatus,
    StorageDomainType, StorageType, Timestamp, Version, VnicPassThroughMode,
};

/// A data center: clusters that share networks and storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCenter {
    /// Its id.
    pub id: DataCenterId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Whether its storage belongs to one host.
    pub local: bool,
    /// Its state.
    pub status: DataCenterStatus,
    /// Compatibility level.
    pub version: Version,
    /// Quota.
    pub quota_mode: QuotaMode,
    /// Where its VMs' addresses come from.
    pub mac_pool: MacPoolId,
}

/// A cluster: hosts that VMs may move among.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its id.
    pub id: ClusterId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Its data center.
    pub data_center: DataCenterId,
    /// Processor type; empty until it is known.
    pub cpu_type: String,
    /// Compatibility level.
    pub version: Version,
    /// What its VMs' `cluster_default` means.
    pub bios_type: BiosType,
    /// Whether its VMs may give memory back.
    pub ballooning: bool,
    /// Whether equal memory pages are shared.
    pub ksm: bool,
    /// Memory of VMs in per cent of the hosts'.
    pub memory_over_commit: u32,
    /// Whether a host's threads count as cores.
    pub threads_as_cores: bool,
    /// Whether it runs VMs.
    pub virt_service: bool,
    /// Whether it keeps room for the VMs of a host that fails.
    pub ha_reservation: bool,
    /// Where its VMs' addresses come from.
    pub mac_pool: MacPoolId,
    /// The CPU profile of VMs that name none.
    pub cpu_profile: CpuProfileId,
    /// The network that hosts are managed by.
    pub management_network: NetworkId,
    /// The networks it has.
    pub networks: Vec<ClusterNetwork>,
    /// How it is run.
    #[serde(default)]
    pub policy: ClusterPolicy,
}

/// A network in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterNetwork {
    /// The network.
    pub network: NetworkId,
    /// Whether a host without it is not usable.
    pub required: bool,
    /// What it is used for there; [`NetworkUsage::Vm`] comes from the network itself.
    pub usages: BTreeSet<NetworkUsage>,
    /// Whether every host has it.
    pub status: NetworkStatus,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Host name or address.
    pub address: String,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its state.
    pub status: HostStatus,
    /// Why it is in that state, as a sentence.
    pub status_detail: String,
    /// Its tags.
    pub tags: BTreeSet<TagId>,
    /// What it said of itself last.
    pub report: Option<HostFacts>,
}

/// What a host says of itself; changes seldom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The host's own name.
    pub hostname: String,
    /// The processor's name.
    pub cpu_model: String,
    /// Megahertz.
    pub cpu_speed: f64,
    /// Processors.
    pub topology: CpuTopology,
    /// Bytes of memory.
    pub memory: u64,
    /// Operating system, as `Debian GNU/Linux`.
    pub os_name: String,
    /// Its version.
    pub os_version: String,
    /// Kernel.
    pub kernel_version: String,
    /// libvirt.
    pub libvirt_version: String,
    /// QEMU.
    pub qemu_version: String,
    /// What guests' processors run on.
    pub acceleration: Acceleration,
    /// Why, as a sentence.
    pub acceleration_reason: String,
    /// Which firmware and devices guests can have there.
    #[serde(default)]
    pub parts: HostParts,
}

/// Firmware and devices that a host has programs and files for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostParts {
    /// UEFI (OVMF).
    pub uefi: bool,
    /// UEFI that checks signatures.
    pub secure_boot: bool,
    /// A TPM (swtpm).
    pub tpm: bool,
}

/// What a host uses, measured; never stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostStatistics {
    /// Per cent of all processors; `None` until it was sampled twice.
    pub cpu_percent: Option<f64>,
    /// Bytes; `None` when the host does not say.
    pub memory_used: Option<u64>,
    /// Bytes.
    pub memory_total: u64,
    /// Seconds since its start; 0 while it does not say.
    pub uptime_seconds: u64,
    /// When it was started.
    pub boot_time: Option<Timestamp>,
    /// Per cent of all processors that programs use.
    pub cpu_user_percent: Option<f64>,
    /// Per cent of all processors that the kernel uses.
    pub cpu_system_percent: Option<f64>,
    /// Processes that want to run, over five minutes.
    pub load_5_minutes: Option<f64>,
    /// Bytes that hold blocks of file systems.
    pub memory_buffers: Option<u64>,
    /// Bytes that hold files.
    pub memory_cached: Option<u64>,
    /// Bytes of swap space.
    pub swap_total: Option<u64>,
    /// Bytes of swap space that are free.
    pub swap_free: Option<u64>,
    /// Bytes that are in swap space and in memory.
    pub swap_cached: Option<u64>,
    /// Its network interfaces.
    pub interfaces: Vec<HostInterface>,
}

/// A storage domain: where disks are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageDomain {
    /// Its id; also its pool's name in libvirt.
    pub id: StorageDomainId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// What it is for.
    pub domain_type: StorageDomainType,
    /// How it is reached.
    pub storage_type: StorageType,
    /// Directory, for `localfs`.
    pub path: String,
    /// Its data center.
    pub data_center: Option<DataCenterId>,
    /// The host whose directory it is, for `localfs`.
    pub host: Option<HostId>,
    /// Its state in its data center.
    pub status: StorageDomainStatus,
    /// Whether it is the data center's first.
    pub master: bool,
    /// Bytes free, at the last look.
    pub available: u64,
    /// Bytes used, at the last look.
    pub used: u64,
    /// Per cent of free space below which a warning is made.
    pub warning_low_space: u32,
    /// GiB of free space below which new disks are refused.
    pub critical_space: u32,
    /// Whether new disks are wiped when they are deleted.
    pub wipe_after_delete: bool,
    /// Whether space is given back when a disk is deleted.
    pub discard_after_delete: bool,
    /// The disk profile of disks that name none.
    pub disk_profile: DiskProfileId,
    /// Whether it is meant for backups.
    #[serde(default)]
    pub backup: bool,
    /// Whether it records disks whose files lie elsewhere on its host.
    #[serde(default)]
    pub in_place: bool,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its id, which is also its volume's name.
    pub id: DiskId,
    /// oVirt's `alias` and `name`.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where it is.
    pub storage_domain: StorageDomainId,
    /// Bytes that the guest sees.
    pub provisioned_size: u64,
    /// Bytes that it takes, at the last look.
    pub actual_size: u64,
    /// How it is written.
    pub format: DiskFormat,
    /// Whether space is taken only as it is written.
    pub sparse: bool,
    /// What it is for.
    pub content_type: DiskContentType,
    /// Whether it can be used.
    pub status: DiskStatus,
    /// Whether several VMs may have it.
    pub shareable: bool,
    /// Whether it is wiped when it is deleted.
    pub wipe_after_delete: bool,
    /// Whether the guest hears of errors.
    pub propagate_errors: bool,
    /// Change tracking.
    pub backup: DiskBackup,
    /// The image that is written to, where that is not the one that bears the disk's id.
    #[serde(default)]
    pub image: Option<ImageId>,
    /// What the image stands on, nearest first; all in the disk's storage domain. Never written to
    /// while anything stands on it.
    #[serde(default)]
    pub backing: Vec<Layer>,
    /// Which disk profile it uses.
    pub disk_profile: DiskProfileId,
    /// Which quota it is counted in.
    #[serde(default)]
    pub quota: Option<QuotaId>,
    /// When it was made.
    pub creation_time: Timestamp,
}

/// An image that others stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The image.
    pub image: ImageId,
    /// How it is written.
    pub format: DiskFormat,
}

impl Disk {
    /// The image that is written to (oVirt: `image_id`), which is its volume's name.
    #[must_use]
    pub fn image(&self) -> ImageId {
        self.image.unwrap_or(ImageId(self.id.0))
    }

    /// The image that is written to, as something that others can stand on.
    #[must_use]
    pub fn top(&self) -> Layer {
        Layer {
            image: self.image(),
            format: self.format,
        }
    }

    /// Every image that its content is read from, the written one first.
    pub fn layers(&self) -> impl Iterator<Item = Layer> {
        std::iter::once(self.top()).chain(self.backing.iter().copied())
    }
}

/// A logical network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Unique in its data center.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Its data center.
    pub data_center: DataCenterId,
    /// VLAN tag, 0 to 4094.
    pub vlan: Option<u16>,
    /// Bytes of a packet; 0 is the default.
    pub mtu: u32,
    /// Whether VMs may use it.
    pub vm_network: bool,
    /// Spanning tree.
    pub stp: bool,
    /// Whether VMs on it are kept from one another.
    pub port_isolation: bool,
    /// Name of the bridge on hosts.
    pub vdsm_name: String,
    /// Its label: host interfaces with the same have it.
    #[serde(default)]
    pub label: Option<String>,
    /// Name servers that hosts use on it.
    #[serde(default)]
    pub name_servers: Vec<String>,
    /// Its limits on hosts.
    #[serde(default)]
    pub qos: Option<QosId>,
}

/// A vNIC profile: how VMs may use a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VnicProfile {
    /// Its id.
    pub id: VnicProfileId,
    /// Unique for its network.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// The network.
    pub network: NetworkId,
    /// Whether the VM sees all packets.
    pub port_mirroring: bool,
    /// Whether the VM gets a device of the host.
    pub pass_through: VnicPassThroughMode,
    /// Whether such a VM may be moved.
    pub migratable: bool,
    /// What is filtered.
    pub network_filter: Option<NetworkFilterId>,
    /// Values of custom properties.
    pub custom_properties: Vec<(String, String)>,
    /// Its limits.
    #[serde(default)]
    pub qos: Option<QosId>,
}
