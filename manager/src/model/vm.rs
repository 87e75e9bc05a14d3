//! Virtual machines and templates, with everything that belongs to exactly one of them: hardware,
//! disk attachments, network interfaces, and what is known of the running domain.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::hardware::{CpuPin, NumaNode, NumaTuneMode, Watchdog};
use super::id::{
    ClusterId, CpuProfileId, DiskId, HostId, InstanceTypeId, NicId, QuotaId, StorageDomainId,
    TagId, TemplateId, VmId, VmPoolId, VnicProfileId,
};
use super::initialization::{Initialization, Payload};
use super::policy::FilterParameter;
use super::snapshot::MemoryImage;
use super::wire::{
    BiosType, BootDevice, CpuMode, CpuTopology, DiskInterface, GraphicsType, Mac, NicInterface,
    StorageErrorResume, TemplateStatus, Timestamp, Version, VideoType, VmAffinity, VmStatus,
    VmType,
};

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vm {
    /// Its id, which is also its domain's name and UUID in libvirt.
    pub id: VmId,
    /// Unique in its data center.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Where it runs.
    pub cluster: ClusterId,
    /// What it was made from.
    pub template: TemplateId,
    /// What it was made from in the first place.
    pub original_template: TemplateId,
    /// Whether it follows the newest version of its template.
    #[serde(default)]
    pub use_latest_template: bool,
    /// The pool that it belongs to.
    #[serde(default)]
    pub pool: Option<VmPoolId>,
    /// The instance type whose sizes it took.
    pub instance_type: Option<InstanceTypeId>,
    /// Where it came from: `ovirt` for those made here.
    pub origin: String,
    /// When it was made.
    pub creation_time: Timestamp,
    /// Refuses deletion.
    pub delete_protected: bool,
    /// Its tags.
    pub tags: BTreeSet<TagId>,
    /// What it consists of; of a running VM this is what runs.
    pub hardware: VmHardware,
    /// What it will consist of after its next start, where that differs.
    pub next_run: Option<Box<VmHardware>>,
    /// Its disks.
    pub disk_attachments: Vec<DiskAttachment>,
    /// Its network interfaces.
    pub nics: Vec<Nic>,
    /// The CD that is in the drive at its next start.
    pub cdrom: Option<DiskId>,
    /// The memory that its next start goes on with: that of a snapshot that it was set back to.
    #[serde(default)]
    pub memory: Option<MemoryImage>,
    /// What is known of its run.
    pub run: VmRun,
    /// The host whose domain it is, while somebody else made it and it is not adopted.
    #[serde(default)]
    pub external: Option<HostId>,
}

impl Vm {
    /// What runs, or would: of a run with settings of its own, these.
    #[must_use]
    pub fn running_hardware(&self) -> &VmHardware {
        self.run.once.as_deref().unwrap_or(&self.hardware)
    }
}

/// What a VM or template consists of, apart from disks, interfaces and CD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmHardware {
    /// What it is tuned for.
    pub vm_type: VmType,
    /// Bytes of memory at start.
    pub memory: u64,
    /// Bytes that are always there for it.
    pub memory_guaranteed: u64,
    /// Bytes it may be given while it runs.
    pub memory_max: u64,
    /// Whether it gives memory back on demand.
    pub ballooning: bool,
    /// Its processors.
    pub topology: CpuTopology,
    /// Where its processor model comes from.
    pub cpu_mode: Option<CpuMode>,
    /// Its weight against others; 0 is the default weight.
    pub cpu_shares: u32,
    /// Which CPU profile it uses.
    pub cpu_profile: Option<CpuProfileId>,
    /// A processor model of its own.
    pub custom_cpu_model: Option<String>,
    /// A machine type of its own.
    pub custom_emulated_machine: Option<String>,
    /// A compatibility level of its own.
    pub custom_compatibility_version: Option<Version>,
    /// Operating system: one of the seed's names, as `other`, `debian_9`, `windows_10x64`.
    pub os_type: String,
    /// What it boots from, in this order.
    pub boot_devices: Vec<BootDevice>,
    /// Direct boot.
    pub direct_boot: DirectBoot,
    /// Chipset and firmware.
    pub bios_type: BiosType,
    /// Whether the firmware offers a menu.
    pub boot_menu: bool,
    /// Its screens.
    pub display: Display,
    /// Whether it has a sound card.
    pub soundcard: bool,
    /// Whether USB devices can be redirected to it.
    pub usb: bool,
    /// Whether it has a virtio-scsi controller.
    pub virtio_scsi: bool,
    /// Number of queues of the virtio-scsi controller, where fixed.
    pub virtio_scsi_multi_queues: Option<u32>,
    /// Whether its network interfaces have several queues.
    pub multi_queues: bool,
    /// Whether it has a serial console.
    pub serial_console: bool,
    /// Source of its random numbers: `urandom`, `random`, `hwrng`, or none.
    pub rng_source: Option<String>,
    /// Whether it has a TPM.
    pub tpm: bool,
    /// Number of I/O threads.
    pub io_threads: u32,
    /// Restarted when it ends by itself.
    pub high_availability: HighAvailability,
    /// Where it may run.
    pub placement: Placement,
    /// Forgets its disks' changes when it ends.
    pub stateless: bool,
    /// Starts paused.
    pub start_paused: bool,
    /// Its clock's time zone: an oVirt name as `Etc/GMT`.
    pub time_zone: String,
    /// Its serial number's source: `host`, `vm`, `custom`, `none`.
    pub serial_number_policy: Option<String>,
    /// Its serial number with policy `custom`.
    pub serial_number: Option<String>,
    /// Values of the allowed custom properties.
    pub custom_properties: Vec<(String, String)>,
    /// What to do after a disk error.
    pub storage_error_resume: StorageErrorResume,
    /// Milliseconds that it may stand still at the end of a migration.
    pub migration_downtime: Option<u32>,
    /// Where its lease is.
    pub lease: Option<StorageDomainId>,
    /// Which quota its processors and memory are counted in while it runs.
    #[serde(default)]
    pub quota: Option<QuotaId>,
    /// First-boot settings, given to the guest at its first start.
    pub initialization: Option<Initialization>,
    /// Notices that the guest hangs.
    #[serde(default)]
    pub watchdog: Option<Watchdog>,
    /// Which of the host's processors a virtual one may use.
    #[serde(default)]
    pub cpu_pinning: Vec<CpuPin>,
    /// Its memory in parts; none means that it is one.
    #[serde(default)]
    pub numa_nodes: Vec<NumaNode>,
    /// How strictly new parts take memory from the host's nodes.
    #[serde(default)]
    pub numa_tune_mode: Option<NumaTuneMode>,
}

/// A kernel given by the host instead of a boot loader in the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectBoot {
    /// The kernel: a file of a storage domain (see `rules::boot_file`).
    pub kernel: Option<String>,
    /// The initial ram disk.
    pub initrd: Option<String>,
    /// The command line.
    pub cmdline: Option<String>,
}

/// A VM's screens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Display {
    /// The protocols of its consoles; none means headless.
    pub graphics: Vec<GraphicsType>,
    /// The video card.
    pub video: VideoType,
    /// Number of screens.
    pub monitors: u32,
    /// Whether guest and client may share the clipboard.
    pub copy_paste: bool,
    /// Whether files may be sent to the guest.
    pub file_transfer: bool,
    /// Whether a smart card can be redirected.
    pub smartcard: bool,
    /// Whether another user may take the console over.
    pub allow_override: bool,
    /// What happens when the console is closed: `LOCK_SCREEN`, `NONE` …
    pub disconnect_action: String,
    /// Minutes to wait before it.
    pub disconnect_action_delay: u32,
    /// Keyboard layout for VNC.
    pub keyboard_layout: Option<String>,
}

/// Restart by the manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighAvailability {
    /// Whether it is wanted.
    pub enabled: bool,
    /// Who goes first.
    pub priority: u32,
}

/// Where a VM may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Whether it may be moved.
    pub affinity: VmAffinity,
    /// The only hosts that it may use; none means all.
    pub hosts: BTreeSet<HostId>,
}

/// A disk in a VM or template. Its id is the disk's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskAttachment {
    /// The disk.
    pub disk: DiskId,
    /// How it is connected.
    pub interface: DiskInterface,
    /// Whether the VM boots from it; at most one disk of a VM.
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

/// A network interface of a VM or template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Its id.
    pub id: NicId,
    /// Unique in its VM.
    pub name: String,
    /// Its model.
    pub interface: NicInterface,
    /// Its address.
    pub mac: Mac,
    /// Which profile, and through it which network; none is an empty plug.
    pub vnic_profile: Option<VnicProfileId>,
    /// Whether the cable is in.
    pub linked: bool,
    /// Whether the guest sees it.
    pub plugged: bool,
    /// Values for the variables of its network filter.
    #[serde(default)]
    pub filter_parameters: Vec<FilterParameter>,
}

/// What is known of a VM's run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmRun {
    /// What it is doing.
    pub status: VmStatus,
    /// Counts its starts: what belonged to an earlier run is recognised by it.
    pub epoch: u64,
    /// Where it runs.
    pub host: Option<HostId>,
    /// When it was started.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub stop_time: Option<Timestamp>,
    /// Why a person stopped it.
    pub stop_reason: Option<String>,
    /// Why it is paused or ended, in oVirt's words (`noerr`, `eio`) or libvirt's.
    pub status_detail: Option<String>,
    /// The CD that is in the running VM's drive.
    pub cdrom: Option<DiskId>,
    /// Where its consoles listen.
    pub graphics: Vec<GraphicsAddress>,
    /// Whether this run has settings that were given for it alone.
    pub run_once: bool,
    /// Whether its host's processor helps it.
    pub accelerated: Option<bool>,
    /// Disks that write to an image of this run's only, which goes with the run (`stateless`, and
    /// VMs of pools that keep nothing).
    #[serde(default)]
    pub temporary: Vec<DiskId>,
    /// The host that keeps its saved memory.
    pub saved_on: Option<HostId>,
    /// What this run consists of, where that differs for this run alone (Run Once).
    #[serde(default)]
    pub once: Option<Box<VmHardware>>,
    /// The medium with first-boot settings that was made for the last run that had one.
    #[serde(default)]
    pub payload: Option<Payload>,
    /// Whether a guest has been given its first-boot settings.
    #[serde(default)]
    pub initialized: bool,
    /// Whether its guest has had an agent: then it is up when that answers.
    #[serde(default)]
    pub has_agent: bool,
    /// Of a highly available VM: what is known of its starts by the manager.
    #[serde(default)]
    pub restart: Option<Restart>,
}

/// The starts of a highly available VM that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// How many there were in a row.
    pub attempts: u32,
    /// When the last one was, or when the run ended.
    pub last: Timestamp,
    /// When the next one is due; none while it runs.
    pub due: Option<Timestamp>,
}

impl Default for VmRun {
    fn default() -> Self {
        Self {
            status: VmStatus::Down,
            epoch: 0,
            host: None,
            start_time: None,
            stop_time: None,
            stop_reason: None,
            status_detail: None,
            cdrom: None,
            graphics: Vec::new(),
            run_once: false,
            accelerated: None,
            temporary: Vec::new(),
            saved_on: None,
            once: None,
            payload: None,
            initialized: false,
            has_agent: false,
            restart: None,
        }
    }
}

/// Where a console of a running VM listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphicsAddress {
    /// The protocol.
    pub protocol: GraphicsType,
    /// Address of the host.
    pub address: String,
    /// Plain port.
    pub port: Option<u16>,
    /// TLS port.
    pub tls_port: Option<u16>,
}

/// A template: what VMs are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its id; zero for `Blank`.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub comment: String,
    /// Its cluster; `Blank` has none.
    pub cluster: Option<ClusterId>,
    /// Whether it can be used.
    pub status: TemplateStatus,
    /// When it was made.
    pub creation_time: Timestamp,
    /// Where it came from.
    pub origin: String,
    /// Refuses deletion.
    pub delete_protected: bool,
    /// The template that this is a version of; itself where it is the first.
    pub base: TemplateId,
    /// Number of the version.
    pub version_number: u32,
    /// Name of the version.
    pub version_name: String,
    /// Its tags.
    pub tags: BTreeSet<TagId>,
    /// What VMs made from it consist of.
    pub hardware: VmHardware,
    /// Its disks.
    pub disk_attachments: Vec<DiskAttachment>,
    /// Its network interfaces.
    pub nics: Vec<Nic>,
}

/// A named size for VMs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceType {
    /// Its id.
    pub id: InstanceTypeId,
    /// Its name: `Tiny` … `XLarge`.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Processors.
    pub topology: CpuTopology,
    /// When it was made.
    pub creation_time: Timestamp,
    /// Everything else that it gives to VMs; none in those that an installation begins with.
    #[serde(default)]
    pub hardware: Option<Box<VmHardware>>,
}

/// What a running VM uses, measured; never stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VmStatistics {
    /// Load of all of its processors together, 0 to 100; `None` until it was sampled twice.
    pub cpu_percent: Option<f64>,
    /// Bytes of its memory that the guest uses; `None` while its balloon driver does not say.
    pub memory_bytes: Option<u64>,
    /// Seconds since its start.
    pub uptime_seconds: u64,
    /// Bytes a second from the network.
    pub network_receive: f64,
    /// Bytes a second to the network.
    pub network_transmit: f64,
    /// Bytes a second read from its disks.
    pub disk_read: f64,
    /// Bytes a second written to its disks.
    pub disk_write: f64,
    /// Names of the users whose consoles are open.
    pub consoles: Vec<String>,
}
