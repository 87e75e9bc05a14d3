//! Enumerations with their oVirt words, and small value types that several entities share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word that an enumeration does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not a value of {of}")]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// The enumeration.
    pub of: &'static str,
}

/// Defines an enumeration whose values are known by their oVirt words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The oVirt word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord { word: word.chars().take(64).collect(), of: stringify!($name) }),
                }
            }
        }
    )*};
}

pub(super) use words;

words! {
    /// What a VM is doing.
    VmStatus {
        /// Not running.
        Down = "down",
        /// Its disks are being made or taken away.
        ImageLocked = "image_locked",
        /// Moving to another host.
        Migrating = "migrating",
        /// Its host says that it does not answer.
        NotResponding = "not_responding",
        /// Its processors stand still.
        Paused = "paused",
        /// Asked to end.
        PoweringDown = "powering_down",
        /// Its domain was created.
        PoweringUp = "powering_up",
        /// Restarting.
        RebootInProgress = "reboot_in_progress",
        /// Being restored from its saved memory.
        RestoringState = "restoring_state",
        /// Its memory is being saved.
        SavingState = "saving_state",
        /// Not running, its memory saved.
        Suspended = "suspended",
        /// Not known yet.
        Unassigned = "unassigned",
        /// Its host cannot be asked.
        Unknown = "unknown",
        /// Running.
        Up = "up",
        /// Accepted, its host has not answered yet.
        WaitForLaunch = "wait_for_launch",
    }
    /// What a VM is tuned for.
    VmType {
        /// For a person's desktop.
        Desktop = "desktop",
        /// For much load.
        HighPerformance = "high_performance",
        /// For a server.
        Server = "server",
    }
    /// Chipset and firmware.
    BiosType {
        /// Whatever the cluster says.
        ClusterDefault = "cluster_default",
        /// The old PC with SeaBIOS.
        I440fxSeaBios = "i440fx_sea_bios",
        /// Q35 with UEFI.
        Q35Ovmf = "q35_ovmf",
        /// Q35 with SeaBIOS.
        Q35SeaBios = "q35_sea_bios",
        /// Q35 with UEFI secure boot.
        Q35SecureBoot = "q35_secure_boot",
    }
    /// A kind of device to boot from.
    BootDevice {
        /// The CD.
        Cdrom = "cdrom",
        /// The bootable disk.
        Hd = "hd",
        /// The network.
        Network = "network",
    }
    /// How a disk is connected.
    DiskInterface {
        /// IDE.
        Ide = "ide",
        /// SATA.
        Sata = "sata",
        /// PowerPC only; refused here.
        SpaprVscsi = "spapr_vscsi",
        /// virtio-blk.
        Virtio = "virtio",
        /// virtio-scsi.
        VirtioScsi = "virtio_scsi",
    }
    /// How a volume is written.
    DiskFormat {
        /// qcow2.
        Cow = "cow",
        /// As it is.
        Raw = "raw",
    }
    /// What a disk is for.
    DiskContentType {
        /// Scratch space of a backup.
        BackupScratch = "backup_scratch",
        /// A guest's disk.
        Data = "data",
        /// A hosted engine's disk.
        HostedEngine = "hosted_engine",
        /// A hosted engine's configuration.
        HostedEngineConfiguration = "hosted_engine_configuration",
        /// A hosted engine's metadata.
        HostedEngineMetadata = "hosted_engine_metadata",
        /// A hosted engine's lock space.
        HostedEngineSanlock = "hosted_engine_sanlock",
        /// A CD image.
        Iso = "iso",
        /// Saved memory.
        MemoryDumpVolume = "memory_dump_volume",
        /// Description of saved memory.
        MemoryMetadataVolume = "memory_metadata_volume",
        /// Descriptions of VMs.
        OvfStore = "ovf_store",
    }
    /// Whether a disk can be used.
    DiskStatus {
        /// Broken.
        Illegal = "illegal",
        /// Being worked on.
        Locked = "locked",
        /// Ready.
        Ok = "ok",
    }
    /// Whether a disk keeps track of changes for backups.
    DiskBackup {
        /// It does.
        Incremental = "incremental",
        /// It does not.
        None = "none",
    }
    /// A network interface's model.
    NicInterface {
        /// Intel e1000.
        E1000 = "e1000",
        /// Intel e1000e.
        E1000e = "e1000e",
        /// A host's device; refused here.
        PciPassthrough = "pci_passthrough",
        /// Realtek 8139.
        Rtl8139 = "rtl8139",
        /// Old double; treated as virtio.
        Rtl8139Virtio = "rtl8139_virtio",
        /// PowerPC only; refused here.
        SpaprVlan = "spapr_vlan",
        /// virtio-net.
        Virtio = "virtio",
    }
    /// A console's protocol.
    GraphicsType {
        /// SPICE.
        Spice = "spice",
        /// VNC.
        Vnc = "vnc",
    }
    /// A VM's video card.
    VideoType {
        /// Bochs.
        Bochs = "bochs",
        /// Cirrus.
        Cirrus = "cirrus",
        /// QXL.
        Qxl = "qxl",
        /// Standard VGA.
        Vga = "vga",
    }
    /// Where a VM may be moved.
    VmAffinity {
        /// Anywhere, by anybody.
        Migratable = "migratable",
        /// Nowhere.
        Pinned = "pinned",
        /// Anywhere, by a person only.
        UserMigratable = "user_migratable",
    }
    /// Where a processor's model comes from.
    CpuMode {
        /// A named model.
        Custom = "custom",
        /// Like the host's.
        HostModel = "host_model",
        /// The host's own.
        HostPassthrough = "host_passthrough",
    }
    /// What a host's state is.
    HostStatus {
        /// Being connected again.
        Connecting = "connecting",
        /// Off.
        Down = "down",
        /// Something is wrong with it.
        Error = "error",
        /// Being looked at for the first time.
        Initializing = "initializing",
        /// Its installation failed.
        InstallFailed = "install_failed",
        /// Being installed.
        Installing = "installing",
        /// Its system is being installed.
        InstallingOs = "installing_os",
        /// Writing its memory after a crash.
        Kdumping = "kdumping",
        /// Set aside by a person.
        Maintenance = "maintenance",
        /// Answers, but cannot be used.
        NonOperational = "non_operational",
        /// Does not answer.
        NonResponsive = "non_responsive",
        /// Waits for approval.
        PendingApproval = "pending_approval",
        /// Its VMs are leaving.
        PreparingForMaintenance = "preparing_for_maintenance",
        /// Restarting.
        Reboot = "reboot",
        /// Not asked yet.
        Unassigned = "unassigned",
        /// Ready.
        Up = "up",
    }
    /// What a data center's state is.
    DataCenterStatus {
        /// Looking for a storage pool manager.
        Contend = "contend",
        /// Set aside.
        Maintenance = "maintenance",
        /// No host can be used.
        NotOperational = "not_operational",
        /// Part of its storage is not there.
        Problematic = "problematic",
        /// Without storage yet.
        Uninitialized = "uninitialized",
        /// Ready.
        Up = "up",
    }
    /// What a storage domain's state in its data center is.
    StorageDomainStatus {
        /// On its way to active.
        Activating = "activating",
        /// Ready.
        Active = "active",
        /// On its way out.
        Detaching = "detaching",
        /// Its host cannot reach it.
        Inactive = "inactive",
        /// Being worked on.
        Locked = "locked",
        /// Set aside.
        Maintenance = "maintenance",
        /// Differs among data centers.
        Mixed = "mixed",
        /// On its way to maintenance.
        PreparingForMaintenance = "preparing_for_maintenance",
        /// In no data center.
        Unattached = "unattached",
        /// Not known.
        Unknown = "unknown",
    }
    /// What a storage domain is for.
    StorageDomainType {
        /// Disks.
        Data = "data",
        /// Exported VMs.
        Export = "export",
        /// Images of an image service.
        Image = "image",
        /// CD images.
        Iso = "iso",
        /// Managed block storage.
        ManagedBlockStorage = "managed_block_storage",
        /// Volumes of a volume service.
        Volume = "volume",
    }
    /// How storage is reached.
    StorageType {
        /// Cinder.
        Cinder = "cinder",
        /// Fibre channel.
        Fcp = "fcp",
        /// Glance.
        Glance = "glance",
        /// GlusterFS.
        Glusterfs = "glusterfs",
        /// iSCSI.
        Iscsi = "iscsi",
        /// A directory of a host.
        Localfs = "localfs",
        /// Managed block storage.
        ManagedBlockStorage = "managed_block_storage",
        /// NFS.
        Nfs = "nfs",
        /// Any POSIX file system.
        Posixfs = "posixfs",
    }
    /// What a network's state on a cluster is.
    NetworkStatus {
        /// Some host lacks it.
        NonOperational = "non_operational",
        /// Every host has it.
        Operational = "operational",
    }
    /// What a network is used for in a cluster.
    NetworkUsage {
        /// The default route.
        DefaultRoute = "default_route",
        /// Consoles.
        Display = "display",
        /// Gluster.
        Gluster = "gluster",
        /// Management.
        Management = "management",
        /// Migration.
        Migration = "migration",
        /// VMs.
        Vm = "vm",
    }
    /// Whether a vNIC profile gives a host's device to the VM.
    VnicPassThroughMode {
        /// It does not.
        Disabled = "disabled",
        /// It does.
        Enabled = "enabled",
    }
    /// What a snapshot is for.
    SnapshotKind {
        /// The VM itself; never stored.
        Active = "active",
        /// What the VM was before a preview.
        Preview = "preview",
        /// Somebody wanted it.
        Regular = "regular",
        /// What a VM that forgets its changes goes back to.
        Stateless = "stateless",
    }
    /// Whether a snapshot can be used.
    SnapshotStatus {
        /// The VM shows it.
        InPreview = "in_preview",
        /// Being made, used or removed.
        Locked = "locked",
        /// Ready.
        Ok = "ok",
    }
    /// Whether a template can be used.
    TemplateStatus {
        /// Broken.
        Illegal = "illegal",
        /// Being made.
        Locked = "locked",
        /// Ready.
        Ok = "ok",
    }
    /// Whether a pool's VMs come back by themselves.
    VmPoolType {
        /// A VM comes back when its user's run is over.
        Automatic = "automatic",
        /// A VM stays its user's until an administrator takes it back.
        Manual = "manual",
    }
    /// How bad an event is.
    LogSeverity {
        /// Somebody must act.
        Alert = "alert",
        /// Something failed.
        Error = "error",
        /// Something happened.
        Normal = "normal",
        /// Something looks bad.
        Warning = "warning",
    }
    /// What became of a job.
    JobStatus {
        /// Given up.
        Aborted = "aborted",
        /// Failed.
        Failed = "failed",
        /// Done.
        Finished = "finished",
        /// Going on.
        Started = "started",
        /// Nobody knows.
        Unknown = "unknown",
    }
    /// What became of a step of a job.
    StepStatus {
        /// Given up.
        Aborted = "aborted",
        /// Failed.
        Failed = "failed",
        /// Done.
        Finished = "finished",
        /// Going on.
        Started = "started",
        /// Nobody knows.
        Unknown = "unknown",
    }
    /// Which part of a job a step is.
    StepType {
        /// The work.
        Executing = "executing",
        /// The end.
        Finalizing = "finalizing",
        /// Gluster only.
        RebalancingVolume = "rebalancing_volume",
        /// Gluster only.
        RemovingBricks = "removing_bricks",
        /// Not said.
        Unknown = "unknown",
        /// The checks.
        Validating = "validating",
    }
    /// Which way an image goes.
    TransferDirection {
        /// Out of the system.
        Download = "download",
        /// Into the system.
        Upload = "upload",
    }
    /// How far an image transfer is.
    TransferPhase {
        /// Given up.
        Cancelled = "cancelled",
        /// Given up by the system.
        CancelledSystem = "cancelled_system",
        /// Given up by a person.
        CancelledUser = "cancelled_user",
        /// Being cleaned up.
        FinalizingCleanup = "finalizing_cleanup",
        /// Being ended after a failure.
        FinalizingFailure = "finalizing_failure",
        /// Being ended.
        FinalizingSuccess = "finalizing_success",
        /// Cleaned up.
        FinishedCleanup = "finished_cleanup",
        /// Failed.
        FinishedFailure = "finished_failure",
        /// Done.
        FinishedSuccess = "finished_success",
        /// Being prepared.
        Initializing = "initializing",
        /// Stopped by the system; can be resumed.
        PausedSystem = "paused_system",
        /// Stopped by a person; can be resumed.
        PausedUser = "paused_user",
        /// Being resumed.
        Resuming = "resuming",
        /// Data flows.
        Transferring = "transferring",
        /// Nobody knows.
        Unknown = "unknown",
    }
    /// What to do with a transfer that nobody feeds.
    TransferTimeoutPolicy {
        /// Give it up.
        Cancel = "cancel",
        /// Uploads are paused, downloads given up.
        Legacy = "legacy",
        /// Pause it.
        Pause = "pause",
    }
    /// Which side a role belongs to.
    RoleType {
        /// Administration.
        Admin = "admin",
        /// Use.
        User = "user",
    }
    /// How a host runs its guests' processors.
    Acceleration {
        /// By the processor.
        Kvm = "kvm",
        /// By emulation.
        Tcg = "tcg",
    }
    /// Where a data center's quota stands.
    QuotaMode {
        /// Exceeding is logged.
        Audit = "audit",
        /// Not used.
        Disabled = "disabled",
        /// Exceeding is refused.
        Enabled = "enabled",
    }
    /// What to do with a VM whose disk had an error.
    StorageErrorResume {
        /// Go on when the error has passed.
        AutoResume = "auto_resume",
        /// End it.
        Kill = "kill",
        /// Leave it paused.
        LeavePaused = "leave_paused",
    }
}

impl VmStatus {
    /// Whether a domain exists for it, or may: what must not be started a second time.
    #[must_use]
    pub fn is_running(self) -> bool {
        !matches!(
            self,
            Self::Down | Self::Suspended | Self::ImageLocked | Self::Unassigned
        )
    }
}

/// A moment: milliseconds since 1970, UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds since 1970, as oVirt's JSON has it.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The moment as date and time in UTC.
    #[must_use]
    pub fn to_utc(self) -> time::OffsetDateTime {
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<time::OffsetDateTime> for Timestamp {
    fn from(moment: time::OffsetDateTime) -> Self {
        Self(i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
    }
}

/// A version of the compatibility level: `4.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// How processors are laid out: their number is the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CpuTopology {
    /// Sockets.
    pub sockets: u32,
    /// Cores of a socket.
    pub cores: u32,
    /// Threads of a core.
    pub threads: u32,
}

impl CpuTopology {
    /// One processor.
    pub const ONE: Self = Self {
        sockets: 1,
        cores: 1,
        threads: 1,
    };

    /// The number of virtual processors.
    #[must_use]
    pub fn count(self) -> u64 {
        u64::from(self.sockets) * u64::from(self.cores) * u64::from(self.threads)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// No address: what the interfaces of templates have.
    pub const NONE: Self = Self([0; 6]);
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord {
            word: text.chars().take(64).collect(),
            of: "MAC address",
        };
        let mut address = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut address {
            let part = parts.next().ok_or_else(unknown)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(unknown());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| unknown())?;
        }
        if parts.next().is_some() {
            Err(unknown())
        } else {
            Ok(Self(address))
        }
    }
}

impl TryFrom<String> for Mac {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

/// A text that never shows itself: passwords and tokens. Cleared by its owner's drop only as far
/// as the allocator goes; what it guarantees is that no log and no answer prints it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: every use of it is found by this word.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
