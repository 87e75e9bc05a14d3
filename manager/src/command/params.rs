//! What commands are given: strict values, already read from whatever document they came in.
//! `None` means "not sent": it leaves a thing as it is, or lets the default of the template be.
//! An inner `Option` is a value that can be cleared.

mod pool;
mod template;

use std::collections::BTreeSet;

use crate::host::work::Content;
pub use pool::{VmPoolAddParams, VmPoolUpdateParams};
pub use template::{
    DiskCopyChoice, InstanceTypeAddParams, InstanceTypeUpdateParams, TemplateAddParams,
    TemplateUpdateParams, VmCloneParams,
};

use crate::model::{
    BiosType, BootDevice, ClusterId, ClusterPolicy, CpuMode, CpuPin, CpuProfileId, CpuTopology,
    DataCenterId, DiskBackup, DiskContentType, DiskFormat, DiskId, DiskInterface, DiskProfileId,
    GraphicsType, GroupId, HostId, Initialization, InstanceTypeId, JobId, LogSeverity, Mac,
    MacPoolId, NetworkFilterId, NetworkId, NetworkUsage, NicInterface, NumaNode, NumaTuneMode,
    ObjectId, Permit, QosId, QuotaId, QuotaMode, RoleId, Secret, StepId, StepType, StorageDomainId,
    StorageErrorResume, Subject, TagId, TemplateId, TransferDirection, TransferTimeoutPolicy,
    Version, VideoType, VmAffinity, VmType, VnicPassThroughMode, VnicProfileId, Watchdog,
};

/// What is said of a VM's hardware, in `vm_add`, `vm_update` and, for one run, `vm_start`.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)] // Each is the field of the same name in `model::VmHardware`.
pub struct VmSettings {
    pub vm_type: Option<VmType>,
    pub memory: Option<u64>,
    pub memory_guaranteed: Option<u64>,
    pub memory_max: Option<u64>,
    pub ballooning: Option<bool>,
    pub sockets: Option<u32>,
    pub cores: Option<u32>,
    pub threads: Option<u32>,
    pub cpu_mode: Option<CpuMode>,
    pub cpu_shares: Option<u32>,
    pub custom_cpu_model: Option<Option<String>>,
    pub custom_emulated_machine: Option<Option<String>>,
    pub custom_compatibility_version: Option<Option<Version>>,
    pub os_type: Option<String>,
    pub boot_devices: Option<Vec<BootDevice>>,
    /// Each may be cleared with an empty text.
    pub kernel: Option<String>,
    pub initrd: Option<String>,
    pub cmdline: Option<String>,
    pub bios_type: Option<BiosType>,
    pub boot_menu: Option<bool>,
    pub graphics: Option<Vec<GraphicsType>>,
    pub video: Option<VideoType>,
    pub monitors: Option<u32>,
    pub copy_paste: Option<bool>,
    pub file_transfer: Option<bool>,
    pub smartcard: Option<bool>,
    pub allow_override: Option<bool>,
    pub disconnect_action: Option<String>,
    pub disconnect_action_delay: Option<u32>,
    pub keyboard_layout: Option<Option<String>>,
    pub soundcard: Option<bool>,
    pub usb: Option<bool>,
    pub virtio_scsi: Option<bool>,
    pub virtio_scsi_multi_queues: Option<Option<u32>>,
    pub multi_queues: Option<bool>,
    pub serial_console: Option<bool>,
    pub rng_source: Option<Option<String>>,
    pub tpm: Option<bool>,
    pub io_threads: Option<u32>,
    pub high_availability: Option<bool>,
    pub high_availability_priority: Option<u32>,
    pub affinity: Option<VmAffinity>,
    pub hosts: Option<BTreeSet<HostId>>,
    pub stateless: Option<bool>,
    pub start_paused: Option<bool>,
    pub time_zone: Option<String>,
    pub serial_number_policy: Option<Option<String>>,
    pub serial_number: Option<Option<String>>,
    pub custom_properties: Option<Vec<(String, String)>>,
    pub storage_error_resume: Option<StorageErrorResume>,
    pub migration_downtime: Option<Option<u32>>,
    pub lease: Option<Option<StorageDomainId>>,
    pub quota: Option<QuotaId>,
    pub cpu_profile: Option<CpuProfileId>,
    /// Merged into what is there: see [`Initialization::merge`].
    pub initialization: Option<Initialization>,
    pub watchdog: Option<Option<Watchdog>>,
    pub cpu_pinning: Option<Vec<CpuPin>>,
    pub numa_nodes: Option<Vec<NumaNode>>,
    pub numa_tune_mode: Option<NumaTuneMode>,
}

/// A new VM.
#[derive(Clone, Debug)]
pub struct VmAddParams {
    /// `[\p{L}\p{N}._-]`, at most 255 characters, unique in the data center.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Where it runs.
    pub cluster: ClusterId,
    /// What it is made from.
    pub template: TemplateId,
    /// Gives memory and processors where `settings` says nothing.
    pub instance_type: Option<InstanceTypeId>,
    /// Refuses deletion.
    pub delete_protected: bool,
    /// Where it came from; `ovirt` by default.
    pub origin: Option<String>,
    /// Hardware that differs from the template's.
    pub settings: VmSettings,
    /// Disks, existing or new.
    pub disks: Vec<DiskAttachParams>,
    /// Network interfaces.
    pub nics: Vec<NicAddParams>,
    /// CD in the drive.
    pub cdrom: Option<DiskId>,
    /// Copy the template's disks instead of standing on them.
    pub clone: bool,
    /// How the template's disks are copied, or where they differ from it.
    pub template_disks: Vec<DiskCopyChoice>,
    /// Take the newest version of the template, and follow it.
    pub use_latest_template: bool,
    /// Whoever has a role on the template gets it on the VM.
    pub clone_permissions: bool,
}

/// Changes of a VM.
#[derive(Clone, Debug, Default)]
pub struct VmUpdateParams {
    /// A new name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Another cluster; only while it is down.
    pub cluster: Option<ClusterId>,
    /// Another instance type.
    pub instance_type: Option<Option<InstanceTypeId>>,
    /// Refuses deletion.
    pub delete_protected: Option<bool>,
    /// Whether it follows the newest version of its template.
    pub use_latest_template: Option<bool>,
    /// Hardware. Of a running VM, what cannot change at once is kept for its next run.
    pub settings: VmSettings,
    /// Keep all of `settings` for the next run (oVirt's `next_run`).
    pub next_run: bool,
}

/// How a VM is started.
#[derive(Clone, Debug, Default)]
pub struct VmStartParams {
    /// Start it with its processors standing still.
    pub pause: bool,
    /// Hardware for this run alone (oVirt's Run Once).
    pub once: VmSettings,
    /// CD for this run alone.
    pub cdrom: Option<Option<DiskId>>,
    /// Whether the guest is given its first-boot settings.
    pub first_boot: FirstBootWish,
}

/// Whether a start gives the guest its first-boot settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstBootWish {
    /// At the first start, where there are some, and at any that brings some of its own.
    #[default]
    Usual,
    /// To cloud-init, whether it is the first start or not (oVirt: `use_cloud_init`).
    CloudInit,
    /// To sysprep (oVirt: `use_sysprep`).
    Sysprep,
    /// As its operating system has it (oVirt: `use_initialization`).
    BySystem,
}

/// How a VM is ended or restarted.
#[derive(Clone, Debug, Default)]
pub struct VmStopParams {
    /// Why, for the log.
    pub reason: Option<String>,
    /// Even if something speaks against it.
    pub force: bool,
}

/// How a VM is removed.
#[derive(Clone, Debug, Default)]
pub struct VmRemoveParams {
    /// Leave its disks as they are, attached to nothing.
    pub detach_only: bool,
}

/// A disk for a VM: one there is, or a new one.
#[derive(Clone, Debug)]
pub enum DiskSource {
    /// One there is.
    Existing(DiskId),
    /// A new one.
    New(DiskAddParams),
    /// A copy of one there is.
    Copy {
        /// What is copied.
        source: DiskId,
        /// What the copy is like; size and content type are the source's.
        disk: DiskAddParams,
    },
    /// A new one with the content of an image from outside.
    Import {
        /// What it is like.
        disk: DiskAddParams,
        /// The image.
        content: Box<Content>,
        /// The disk that has the image as its content, if one has.
        from: Option<DiskId>,
    },
}

/// A disk in a VM.
#[derive(Clone, Debug)]
pub struct DiskAttachParams {
    /// Which disk.
    pub source: DiskSource,
    /// How it is connected.
    pub interface: DiskInterface,
    /// Whether the VM boots from it.
    pub bootable: bool,
    /// Whether the guest sees it.
    pub active: bool,
    /// Whether the guest may not write.
    pub read_only: bool,
    /// Whether freed space is given back.
    pub pass_discard: bool,
    /// Whether the guest uses SCSI reservations.
    pub uses_scsi_reservation: bool,
}

/// Changes of a disk in a VM.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `DiskAttachParams`.
pub struct DiskAttachmentUpdateParams {
    pub interface: Option<DiskInterface>,
    pub bootable: Option<bool>,
    pub active: Option<bool>,
    pub read_only: Option<bool>,
    pub pass_discard: Option<bool>,
    pub uses_scsi_reservation: Option<bool>,
    /// Changes of the disk itself.
    pub disk: DiskUpdateParams,
}

/// A new disk.
#[derive(Clone, Debug)]
pub struct DiskAddParams {
    /// An id chosen by the caller.
    pub id: Option<DiskId>,
    /// Name; made up when empty.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where; the data center's first by default.
    pub storage_domain: Option<StorageDomainId>,
    /// Bytes that the guest sees.
    pub provisioned_size: u64,
    /// How it is written.
    pub format: DiskFormat,
    /// Whether space is taken only as it is written; `cow` is, `raw` on a file system may be.
    pub sparse: Option<bool>,
    /// What it is for.
    pub content_type: DiskContentType,
    /// Whether several VMs may have it; needs `raw`.
    pub shareable: bool,
    /// Whether it is wiped when it is deleted; the storage domain's word by default.
    pub wipe_after_delete: Option<bool>,
    /// Whether the guest hears of errors.
    pub propagate_errors: bool,
    /// Change tracking; needs `cow`.
    pub backup: DiskBackup,
    /// Its profile; the storage domain's first by default.
    pub disk_profile: Option<DiskProfileId>,
    /// The quota that it is counted in; the data center's own by default.
    pub quota: Option<QuotaId>,
}

/// Changes of a disk.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `DiskAddParams`.
pub struct DiskUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub provisioned_size: Option<u64>,
    pub shareable: Option<bool>,
    pub wipe_after_delete: Option<bool>,
    pub propagate_errors: Option<bool>,
    pub backup: Option<DiskBackup>,
    pub quota: Option<QuotaId>,
    pub disk_profile: Option<DiskProfileId>,
}

/// A copy of a disk.
#[derive(Clone, Debug, Default)]
pub struct DiskCopyParams {
    /// Name of the copy; the disk's own by default.
    pub name: Option<String>,
    /// Where; the disk's own storage domain by default.
    pub storage_domain: Option<StorageDomainId>,
    /// How it is written; as the disk by default.
    pub format: Option<DiskFormat>,
}

/// A new network interface.
#[derive(Clone, Debug)]
pub struct NicAddParams {
    /// Unique in the VM.
    pub name: String,
    /// Its model; `virtio` by default.
    pub interface: Option<NicInterface>,
    /// Its address; from the MAC pool by default.
    pub mac: Option<Mac>,
    /// Its profile.
    pub vnic_profile: Option<VnicProfileId>,
    /// Whether the cable is in; true by default.
    pub linked: Option<bool>,
    /// Whether the guest sees it; true by default.
    pub plugged: Option<bool>,
}

/// Changes of a network interface.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `NicAddParams`.
pub struct NicUpdateParams {
    pub name: Option<String>,
    pub interface: Option<NicInterface>,
    pub mac: Option<Mac>,
    pub vnic_profile: Option<Option<VnicProfileId>>,
    pub linked: Option<bool>,
    pub plugged: Option<bool>,
}

/// A new image transfer.
#[derive(Clone, Debug)]
pub struct TransferAddParams {
    /// The disk.
    pub disk: DiskId,
    /// Which way.
    pub direction: TransferDirection,
    /// How the data is written; the disk's own format by default.
    pub format: Option<DiskFormat>,
    /// The data of an upload is a VMDK image, whatever `format` says.
    pub vmdk: bool,
    /// A download is of the disk's own image alone, without what it stands on.
    pub shallow: bool,
    /// Seconds without data, 0 for never; 60 by default.
    pub inactivity_timeout: Option<u32>,
    /// What to do then.
    pub timeout_policy: Option<TransferTimeoutPolicy>,
}

/// A new data center.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each is the field of the same name in `model::DataCenter`.
pub struct DataCenterAddParams {
    pub name: String,
    pub description: String,
    pub comment: String,
    pub local: bool,
    pub version: Option<Version>,
    pub quota_mode: Option<QuotaMode>,
}

/// Changes of a data center.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::DataCenter`.
pub struct DataCenterUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub local: Option<bool>,
    pub version: Option<Version>,
    pub quota_mode: Option<QuotaMode>,
}

/// What is said of a cluster.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Cluster`.
pub struct ClusterSettings {
    pub description: Option<String>,
    pub comment: Option<String>,
    pub cpu_type: Option<String>,
    pub version: Option<Version>,
    pub bios_type: Option<BiosType>,
    pub ballooning: Option<bool>,
    pub ksm: Option<bool>,
    pub memory_over_commit: Option<u32>,
    pub threads_as_cores: Option<bool>,
    pub virt_service: Option<bool>,
    pub ha_reservation: Option<bool>,
    pub mac_pool: Option<MacPoolId>,
    pub policy: PolicyEdit,
}

/// A change of how a cluster is run.
#[derive(Clone, Default)]
pub struct PolicyEdit(Option<PolicyChange>);

type PolicyChange = std::sync::Arc<dyn Fn(&mut ClusterPolicy) + Send + Sync>;

impl PolicyEdit {
    /// Changes what the function changes.
    pub fn new(change: impl Fn(&mut ClusterPolicy) + Send + Sync + 'static) -> Self {
        Self(Some(std::sync::Arc::new(change)))
    }

    pub(super) fn apply(&self, policy: &mut ClusterPolicy) {
        if let Some(change) = &self.0 {
            change(policy);
        }
    }
}

impl std::fmt::Debug for PolicyEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PolicyEdit")
    }
}

/// A new cluster.
#[derive(Clone, Debug)]
pub struct ClusterAddParams {
    /// Unique.
    pub name: String,
    /// Its data center.
    pub data_center: DataCenterId,
    /// The network that hosts are managed by; the data center's `ovirtmgmt` by default.
    pub management_network: Option<NetworkId>,
    /// The rest.
    pub settings: ClusterSettings,
}

/// Changes of a cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterUpdateParams {
    /// A new name.
    pub name: Option<String>,
    /// The rest.
    pub settings: ClusterSettings,
}

/// A network in a cluster, added or changed.
#[derive(Clone, Debug, Default)]
pub struct ClusterNetworkParams {
    /// Whether a host without it is not usable; true by default.
    pub required: Option<bool>,
    /// What it is used for.
    pub usages: Option<BTreeSet<NetworkUsage>>,
}

/// Changes of a host.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Host`.
pub struct HostUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
}

/// Changes of a storage domain.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::StorageDomain`.
pub struct StorageDomainUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub warning_low_space: Option<u32>,
    pub critical_space: Option<u32>,
    pub wipe_after_delete: Option<bool>,
    pub discard_after_delete: Option<bool>,
}

/// A new logical network.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Network`.
pub struct NetworkAddParams {
    pub name: String,
    pub description: String,
    pub comment: String,
    pub data_center: DataCenterId,
    pub vlan: Option<u16>,
    pub mtu: Option<u32>,
    pub vm_network: bool,
    pub stp: bool,
    pub port_isolation: bool,
    pub name_servers: Vec<String>,
    pub qos: Option<QosId>,
    /// Whether a vNIC profile of the network's name is made with it (oVirt's
    /// `profile_required`).
    pub with_profile: bool,
}

/// Changes of a logical network.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Network`.
pub struct NetworkUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub vlan: Option<Option<u16>>,
    pub mtu: Option<u32>,
    pub vm_network: Option<bool>,
    pub stp: Option<bool>,
    pub port_isolation: Option<bool>,
    pub name_servers: Option<Vec<String>>,
    pub qos: Option<Option<QosId>>,
}

/// A new vNIC profile.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each is the field of the same name in `model::VnicProfile`.
pub struct VnicProfileAddParams {
    pub name: String,
    pub description: String,
    pub comment: String,
    pub network: NetworkId,
    pub port_mirroring: bool,
    pub pass_through: Option<VnicPassThroughMode>,
    pub migratable: Option<bool>,
    pub network_filter: Option<NetworkFilterId>,
    pub custom_properties: Vec<(String, String)>,
    pub qos: Option<QosId>,
}

/// Changes of a vNIC profile.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::VnicProfile`.
pub struct VnicProfileUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub comment: Option<String>,
    pub port_mirroring: Option<bool>,
    pub pass_through: Option<VnicPassThroughMode>,
    pub migratable: Option<bool>,
    pub network_filter: Option<Option<NetworkFilterId>>,
    pub qos: Option<Option<QosId>>,
    pub custom_properties: Option<Vec<(String, String)>>,
}

/// A new tag.
#[derive(Clone, Debug)]
pub struct TagAddParams {
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its parent; the root by default.
    pub parent: Option<TagId>,
}

/// Changes of a tag.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `TagAddParams`.
pub struct TagUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub parent: Option<TagId>,
}

/// A new user of the internal domain.
#[derive(Clone, Debug)]
pub struct UserAddParams {
    /// With or without `@internal` or `@internal-authz`.
    pub user_name: String,
    /// First name.
    pub name: String,
    /// Last name.
    pub last_name: String,
    /// Mail address.
    pub email: String,
    /// Department.
    pub department: String,
    /// Password; without one nobody can log in as this user yet.
    pub password: Option<Secret>,
    /// Whether the password must be changed at the first login at a portal.
    pub must_change_password: bool,
}

/// Changes of a user.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::User`.
pub struct UserUpdateParams {
    pub name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub department: Option<String>,
    pub enabled: Option<bool>,
    pub groups: Option<BTreeSet<GroupId>>,
    /// A new password, which must be changed at the next login at a portal.
    pub password: Option<Secret>,
}

/// A new permission.
#[derive(Clone, Debug)]
pub struct PermissionAddParams {
    /// The role.
    pub role: RoleId,
    /// Who gets it.
    pub subject: Subject,
    /// On what.
    pub object: ObjectId,
}

/// A new role.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Role`.
pub struct RoleAddParams {
    pub name: String,
    pub description: String,
    pub administrative: bool,
    pub permits: BTreeSet<Permit>,
}

/// Changes of a role.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Role`.
pub struct RoleUpdateParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub permits: Option<BTreeSet<Permit>>,
}

/// An event of an external caller.
#[derive(Clone, Debug)]
pub struct EventAddParams {
    /// Who says it; not `oVirt`.
    pub origin: String,
    /// The caller's number, unique for its origin.
    pub custom_id: i64,
    /// How bad it is.
    pub severity: LogSeverity,
    /// The sentence.
    pub description: String,
    /// Anything.
    pub custom_data: Option<String>,
    /// Seconds in which the same event is not repeated.
    pub flood_rate: u32,
    /// What it is about.
    pub objects: Vec<ObjectId>,
}

/// A job of an external caller.
#[derive(Clone, Debug)]
pub struct JobAddParams {
    /// What is done.
    pub description: String,
    /// Whether it is taken away by itself after its end.
    pub auto_cleared: bool,
}

/// A step of an external caller's job.
#[derive(Clone, Debug)]
pub struct StepAddParams {
    /// The job.
    pub job: JobId,
    /// The step that it is a part of.
    pub parent: Option<StepId>,
    /// What is done.
    pub description: String,
    /// Which part of the job.
    pub step_type: StepType,
}

/// What was accepted, and which job shows how it goes on.
#[derive(Clone, Debug)]
pub struct Accepted<T> {
    /// The thing as it is now.
    pub value: T,
    /// The job; none where everything was done at once.
    pub job: Option<JobId>,
}

impl CpuTopology {
    /// This, with what settings say.
    pub(crate) fn with(self, settings: &VmSettings) -> Self {
        Self {
            sockets: settings.sockets.unwrap_or(self.sockets),
            cores: settings.cores.unwrap_or(self.cores),
            threads: settings.threads.unwrap_or(self.threads),
        }
    }
}
