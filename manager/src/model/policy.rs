//! What administrators set besides the things themselves: where VMs may run together, how much
//! may be used, how much of it at a time, and small helps of their own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id::{
    AffinityGroupId, AffinityLabelId, BookmarkId, ClusterId, CpuProfileId, DataCenterId,
    DiskProfileId, HostId, MacPoolId, QosId, QuotaId, SchedulingPolicyId, StorageDomainId, VmId,
};
use super::wire::{Mac, UnknownWord, words};
use std::fmt;
use std::str::FromStr;

/// One side of an affinity group: VMs among themselves, or VMs with hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityRule {
    /// Whether it counts at all.
    pub enabled: bool,
    /// Together, or else apart.
    pub positive: bool,
    /// Whether a VM rather does not start than break it.
    pub enforcing: bool,
}

/// VMs that run together or apart, or on some hosts or not on them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AffinityGroup {
    /// Its id.
    pub id: AffinityGroupId,
    /// Unique in its cluster.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where it counts.
    pub cluster: ClusterId,
    /// The higher wins where two cannot both be kept.
    pub priority: f64,
    /// Its VMs.
    pub vms: BTreeSet<VmId>,
    /// Its hosts.
    pub hosts: BTreeSet<HostId>,
    /// Whoever has one of these labels is among the VMs.
    pub vm_labels: BTreeSet<AffinityLabelId>,
    /// Whoever has one of these labels is among the hosts.
    pub host_labels: BTreeSet<AffinityLabelId>,
    /// The VMs among themselves.
    pub vms_rule: AffinityRule,
    /// The VMs with the hosts.
    pub hosts_rule: AffinityRule,
}

/// A label of VMs and hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityLabel {
    /// Its id.
    pub id: AffinityLabelId,
    /// Unique.
    pub name: String,
    /// The VMs that have it.
    pub vms: BTreeSet<VmId>,
    /// The hosts that have it.
    pub hosts: BTreeSet<HostId>,
    /// Whether its VMs run on its hosts only, without a group that says so.
    pub implicit_group: bool,
}

/// What a quota lets be used of a cluster, or of all clusters together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotaClusterLimit {
    /// Its id.
    pub id: Uuid,
    /// The cluster; none means all of the data center together.
    pub cluster: Option<ClusterId>,
    /// Virtual processors of running VMs; none means no limit.
    pub vcpus: Option<u64>,
    /// GiB of memory of running VMs; none means no limit.
    pub memory: Option<f64>,
}

/// What a quota lets be used of a storage domain, or of all together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaStorageLimit {
    /// Its id.
    pub id: Uuid,
    /// The domain; none means all of the data center together.
    pub storage_domain: Option<StorageDomainId>,
    /// GiB; none means no limit.
    pub limit: Option<u64>,
}

/// How much may be used of a data center.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Its id.
    pub id: QuotaId,
    /// Unique in its data center.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where it counts.
    pub data_center: DataCenterId,
    /// Whether it is what is used by those who name none. Each data center has one.
    pub default: bool,
    /// Per cent of a limit at which a warning is made.
    pub cluster_soft: u32,
    /// Per cent above a limit that may be used for the time being.
    pub cluster_hard: u32,
    /// Per cent of a limit at which a warning is made.
    pub storage_soft: u32,
    /// Per cent above a limit that may be used for the time being.
    pub storage_hard: u32,
    /// Of clusters: one for all of them, or one each.
    pub cluster_limits: Vec<QuotaClusterLimit>,
    /// Of storage domains: one for all of them, or one each.
    pub storage_limits: Vec<QuotaStorageLimit>,
}

/// How much of something may be used at a time. Which numbers count depends on the kind; the
/// names and units are oVirt's: MiB/s of throughput, Mbit/s of networks, MB of bursts, per cent
/// of a processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qos {
    /// Its id.
    pub id: QosId,
    /// Unique in its data center among those of its kind.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where it can be used.
    pub data_center: DataCenterId,
    /// What it is about.
    pub kind: QosType,
    /// Its numbers.
    #[serde(flatten)]
    pub limits: QosLimits,
}

/// The numbers of a [`Qos`]; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // Each is oVirt's element of the same name.
pub struct QosLimits {
    pub max_throughput: Option<u32>,
    pub max_read_throughput: Option<u32>,
    pub max_write_throughput: Option<u32>,
    pub max_iops: Option<u32>,
    pub max_read_iops: Option<u32>,
    pub max_write_iops: Option<u32>,
    pub cpu_limit: Option<u32>,
    pub inbound_average: Option<u32>,
    pub inbound_peak: Option<u32>,
    pub inbound_burst: Option<u32>,
    pub outbound_average: Option<u32>,
    pub outbound_peak: Option<u32>,
    pub outbound_burst: Option<u32>,
    pub outbound_average_linkshare: Option<u32>,
    pub outbound_average_upperlimit: Option<u32>,
    pub outbound_average_realtime: Option<u32>,
}

/// How VMs of a cluster may use processors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuProfile {
    /// Its id.
    pub id: CpuProfileId,
    /// Unique in its cluster.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its limits.
    pub qos: Option<QosId>,
}

/// How disks of a storage domain may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskProfile {
    /// Its id.
    pub id: DiskProfileId,
    /// Unique in its storage domain.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its storage domain.
    pub storage_domain: StorageDomainId,
    /// Its limits.
    pub qos: Option<QosId>,
}

/// Ethernet addresses from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacRange {
    /// The first.
    pub from: Mac,
    /// The last.
    pub to: Mac,
}

/// Where new network interfaces have their addresses from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacPool {
    /// Its id.
    pub id: MacPoolId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether clusters that name none have it.
    pub default: bool,
    /// Whether an address may be used twice.
    pub allow_duplicates: bool,
    /// Its addresses.
    pub ranges: Vec<MacRange>,
}

/// A search worth keeping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// Its id.
    pub id: BookmarkId,
    /// Unique.
    pub name: String,
    /// The search: `Vms: status=up`.
    pub value: String,
}

/// How a cluster chooses hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulingPolicy {
    /// Its id.
    pub id: SchedulingPolicyId,
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it cannot be changed; those of the beginning cannot.
    pub locked: bool,
    /// Whether clusters that name none have it.
    pub default: bool,
    /// Its numbers, by name.
    pub properties: Vec<(String, String)>,
    /// What rules hosts out: units, with their position (0 first or nowhere in particular).
    pub filters: Vec<(Uuid, i32)>,
    /// What makes a host better: units, with their factor.
    pub weights: Vec<(Uuid, u32)>,
    /// What moves VMs on their own.
    pub balance: Option<Uuid>,
}

/// A key that a user logs in to serial consoles with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshPublicKey {
    /// Its id.
    pub id: Uuid,
    /// As in `authorized_keys`.
    pub content: String,
}

/// Something that a portal remembers for a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserOption {
    /// Its id.
    pub id: Uuid,
    /// Unique for the user.
    pub name: String,
    /// JSON, as it was sent.
    pub content: String,
}

/// A value for a variable of a network filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterParameter {
    /// Its id.
    pub id: Uuid,
    /// The variable: `IP`, `DHCPSERVER` …
    pub name: String,
    /// Its value.
    pub value: String,
}

words! {
    /// What a [`Qos`] is about.
    QosType {
        /// Processors.
        Cpu = "cpu",
        /// A network on hosts.
        Hostnetwork = "hostnetwork",
        /// VMs on a network.
        Network = "network",
        /// Disks.
        Storage = "storage",
    }
    /// What becomes of the VMs of a host that has an error.
    MigrateOnError {
        /// They stay.
        DoNotMigrate = "do_not_migrate",
        /// They move.
        Migrate = "migrate",
        /// The highly available ones move.
        MigrateHighlyAvailable = "migrate_highly_available",
    }
    /// A setting that may leave the answer to what is above.
    Inherit {
        /// No.
        False = "false",
        /// As it is above.
        Inherit = "inherit",
        /// Yes.
        True = "true",
    }
    /// How the bandwidth of migrations is found.
    BandwidthMethod {
        /// From the speed of the network.
        Auto = "auto",
        /// As it is said.
        Custom = "custom",
        /// As the hypervisor likes.
        HypervisorDefault = "hypervisor_default",
    }
    /// What switches packets on hosts.
    SwitchType {
        /// The kernel's bridge.
        Legacy = "legacy",
        /// Open vSwitch.
        Ovs = "ovs",
    }
    /// What keeps packets out on hosts.
    FirewallType {
        /// firewalld.
        Firewalld = "firewalld",
        /// iptables.
        Iptables = "iptables",
    }
    /// Where hosts have their randomness from.
    RngSource {
        /// A device.
        Hwrng = "hwrng",
        /// `/dev/random`.
        Random = "random",
        /// `/dev/urandom`.
        Urandom = "urandom",
    }
    /// Where a VM's serial number comes from.
    SerialPolicy {
        /// What was said.
        Custom = "custom",
        /// The host's.
        Host = "host",
        /// There is none.
        None = "none",
        /// The VM's id.
        Vm = "vm",
    }
}

/// What a cluster does with hosts that do not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fencing {
    /// Whether they are fenced.
    pub enabled: bool,
    /// Not while this share of the hosts has no connection.
    pub skip_if_connectivity_broken: bool,
    /// That share in per cent.
    pub connectivity_threshold: u32,
    /// Not while the host still writes its leases.
    pub skip_if_storage_active: bool,
    /// Not while it would cost bricks.
    pub skip_if_gluster_bricks_up: bool,
    /// Not while it would cost the quorum.
    pub skip_if_gluster_quorum_not_met: bool,
}

impl Default for Fencing {
    fn default() -> Self {
        Self {
            enabled: true,
            skip_if_connectivity_broken: false,
            connectivity_threshold: 50,
            skip_if_storage_active: false,
            skip_if_gluster_bricks_up: false,
            skip_if_gluster_quorum_not_met: false,
        }
    }
}

/// How a cluster is run: what its administrators set besides its size and its networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterPolicy {
    /// How hosts are chosen.
    pub scheduling: SchedulingPolicyId,
    /// Its numbers, where they differ from the policy's own.
    pub scheduling_properties: Vec<(String, String)>,
    /// Whether a reason is asked for when a VM is ended.
    pub vm_reason: bool,
    /// Whether a reason is asked for when a host is set aside.
    pub host_reason: bool,
    /// What becomes of VMs of a broken host.
    pub on_error: MigrateOnError,
    /// Migrations slow a busy guest down.
    pub auto_converge: Inherit,
    /// Migrations compress.
    pub compressed: Inherit,
    /// Migrations are encrypted.
    pub encrypted: Inherit,
    /// Their bandwidth.
    pub bandwidth: BandwidthMethod,
    /// Mbit/s with `custom`.
    pub bandwidth_custom: Option<u32>,
    /// The migration policy.
    pub migration_policy: Option<Uuid>,
    /// Fencing.
    pub fencing: Fencing,
    /// Serial numbers of VMs.
    pub serial_policy: Option<SerialPolicy>,
    /// The number with `custom`.
    pub serial_value: Option<String>,
    /// Randomness that hosts must have.
    pub rng_sources: BTreeSet<RngSource>,
    /// Switching.
    pub switch_type: SwitchType,
    /// Firewall.
    pub firewall_type: FirewallType,
    /// Proxy for SPICE consoles outside the portals.
    pub spice_proxy: Option<String>,
    /// Whether VMs run on attested hosts only.
    pub trusted_service: bool,
    /// Whether migrations go through libvirt's own connection.
    pub tunnel_migration: bool,
    /// Whether KSM shares pages across NUMA nodes.
    pub ksm_across_nodes: bool,
    /// Whether VNC consoles are encrypted.
    pub vnc_encryption: bool,
    /// Per cent of a host's memory at which a warning is made.
    pub memory_warning: u32,
}

impl Default for ClusterPolicy {
    fn default() -> Self {
        Self {
            scheduling: SchedulingPolicy::NONE,
            scheduling_properties: Vec::new(),
            vm_reason: false,
            host_reason: false,
            on_error: MigrateOnError::Migrate,
            auto_converge: Inherit::Inherit,
            compressed: Inherit::Inherit,
            encrypted: Inherit::Inherit,
            bandwidth: BandwidthMethod::Auto,
            bandwidth_custom: None,
            migration_policy: None,
            fencing: Fencing::default(),
            serial_policy: None,
            serial_value: None,
            rng_sources: [RngSource::Urandom].into(),
            switch_type: SwitchType::Legacy,
            firewall_type: FirewallType::Firewalld,
            spice_proxy: None,
            trusted_service: false,
            tunnel_migration: false,
            ksm_across_nodes: true,
            vnc_encryption: false,
            memory_warning: 95,
        }
    }
}

impl SchedulingPolicy {
    /// oVirt's policy `none`: any host that fits.
    pub const NONE: SchedulingPolicyId =
        SchedulingPolicyId(Uuid::from_u128(0xb4ed_2332_a7ac_4d5f_9596_99a4_39cb_2812));
}
