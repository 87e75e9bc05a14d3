//! What a host is asked to make: domains, disks, NICs, volumes, networks, as typed values. Limits
//! of the hypervisor are checked where these are turned into its language, not here.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use uuid::Uuid;

use super::{DiskLimits, HostError, MachineSpec};

/// A volume in a storage domain. Its file is `images/<storage domain>/<volume>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VolumeRef {
    /// Id of the storage domain.
    pub storage_domain: Uuid,
    /// Id of the image; the first image of a disk bears the disk's id.
    pub volume: Uuid,
}

/// The format in which a volume is read, always declared by us and never guessed from content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VolumeFormat {
    /// Bytes as the guest sees them (also ISO images). oVirt: `raw`.
    Raw,
    /// QEMU's format. oVirt: `cow`.
    Qcow2,
}

impl VolumeFormat {
    /// QEMU's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// A volume to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Where and under which name.
    pub volume: VolumeRef,
    /// In which format.
    pub format: VolumeFormat,
    /// Size that a guest sees. Rounded up to a multiple of 512.
    pub virtual_bytes: u64,
    /// Whether space is taken only when written (oVirt: `sparse`).
    pub sparse: bool,
    /// What it stands on: what it has not got itself is read from there. Only for
    /// [`VolumeFormat::Qcow2`], and in the same storage domain.
    pub backing: Option<Backing>,
}

/// A volume that another one stands on. It is never written to meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backing {
    /// Which.
    pub volume: VolumeRef,
    /// Declared format of its content.
    pub format: VolumeFormat,
}

/// A volume with all that its content is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The volume itself.
    pub volume: VolumeRef,
    /// Declared format of its content.
    pub format: VolumeFormat,
    /// What it stands on, nearest first.
    pub backing: Vec<Backing>,
}

impl Chain {
    /// A volume that stands on nothing.
    pub fn plain(volume: VolumeRef, format: VolumeFormat) -> Self {
        Self {
            volume,
            format,
            backing: Vec::new(),
        }
    }
}

/// Where a volume is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plugged {
    /// In this VM.
    pub vm: Uuid,
    /// As this disk.
    pub disk: Uuid,
}

/// What there is to know about a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Which.
    pub volume: VolumeRef,
    /// The format it was asked about.
    pub format: VolumeFormat,
    /// Size that a guest sees.
    pub virtual_bytes: u64,
    /// Space it takes on the storage (oVirt: `actual_size`).
    pub actual_bytes: u64,
    /// Length of the file.
    pub file_bytes: u64,
}

/// How a volume's file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeAccess {
    /// Reading only.
    Read,
    /// Reading and writing what is there.
    Write,
    /// Reading and writing, made anew and empty if need be.
    Replace,
}

/// Space of a storage domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolInfo {
    /// All space of the file system below.
    pub capacity_bytes: u64,
    /// Of it in use, by whatever.
    pub used_bytes: u64,
    /// What can still be written.
    pub available_bytes: u64,
}

/// A network to be made usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name on the host: `[A-Za-z0-9._-]`, at most 15 characters, as it is also the bridge's.
    pub name: String,
}

/// How VMs are connected to a network on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// A bridge of its own behind address translation, with DHCP and DNS.
    Nat,
    /// QEMU's user networking: the guest reaches out, nobody reaches the guest.
    User,
}

/// How a network is made on a host, and why so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkReport {
    /// Its name.
    pub name: String,
    /// How VMs are connected.
    pub kind: NetworkKind,
    /// Why, as a sentence for the host's page.
    pub reason: String,
}

/// A virtual machine as the hypervisor shall run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSpec {
    /// The VM: UUID and name of the domain.
    pub vm: Uuid,
    /// Which run of the VM this is; stamped into the domain.
    pub run_epoch: u64,
    /// The operation that asks for it; stamped into the domain.
    pub operation: Option<Uuid>,
    /// The VM's name, a label: any text of the user's.
    pub title: String,
    /// The VM's description, a label: any text of the user's.
    pub description: String,
    /// Guest memory; a multiple of 1 MiB.
    pub memory_bytes: u64,
    /// Processors.
    pub cpu: CpuSpec,
    /// What it boots from.
    pub boot: BootSpec,
    /// Disks, in order.
    pub disks: Vec<DiskSpec>,
    /// What is in the CD drive, which is always there.
    pub cd: Option<VolumeRef>,
    /// NICs, in order.
    pub nics: Vec<NicSpec>,
    /// Its screen; `None` for a headless VM.
    pub display: Option<DisplaySpec>,
    /// Sound device whose sound goes to the console.
    pub sound: bool,
    /// How many USB devices the console may redirect at once, at most 4.
    pub usb_redirections: u8,
    /// Clock of the guest.
    pub clock: ClockSpec,
    /// Chipset, firmware and small devices.
    pub machine: MachineSpec,
}

/// Virtual processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSpec {
    /// Sockets.
    pub sockets: u32,
    /// Cores of a socket.
    pub cores: u32,
    /// Threads of a core.
    pub threads: u32,
    /// The processor that the guest sees.
    pub mode: CpuMode,
}

impl CpuSpec {
    /// How many virtual CPUs that makes.
    pub fn vcpus(&self) -> u64 {
        u64::from(self.sockets) * u64::from(self.cores) * u64::from(self.threads)
    }
}

/// The processor that a guest sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CpuMode {
    /// The best that the host can give and that can still be moved: host-model with KVM, all that
    /// QEMU can do with TCG.
    Automatic,
    /// The host's own (oVirt: `host_passthrough`); all that QEMU can do with TCG.
    HostPassthrough,
    /// A model by libvirt's name, `[A-Za-z0-9._-]`.
    Model(String),
}

/// What a VM boots from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootSpec {
    /// Kinds of devices, tried in this order. Empty: disk, then CD, then network.
    pub order: Vec<BootDevice>,
    /// Shows the firmware's boot menu.
    pub menu: bool,
    /// Starts this kernel instead of a device.
    pub kernel: Option<KernelBoot>,
}

/// A kind of device to boot from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BootDevice {
    /// oVirt: `hd`.
    Disk,
    /// oVirt: `cdrom`.
    Cd,
    /// oVirt: `network`.
    Network,
}

/// Direct boot of a Linux kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelBoot {
    /// The kernel.
    pub kernel: FileSource,
    /// The initial RAM disk.
    pub initrd: Option<FileSource>,
    /// Arguments.
    pub command_line: String,
}

/// A file that the hypervisor reads. Who may name a path is decided above: a guest can read
/// whatever is given to it as its kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// One of our volumes.
    Volume(VolumeRef),
    /// A file of the host's, by absolute path.
    Path(PathBuf),
}

/// A disk of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpec {
    /// Id of the disk; its serial number in the guest.
    pub disk: Uuid,
    /// Its content.
    pub source: VolumeRef,
    /// Declared format of the content.
    pub format: VolumeFormat,
    /// What its content stands on, nearest first.
    pub backing: Vec<Backing>,
    /// The controller that the guest sees.
    pub interface: DiskInterface,
    /// The guest cannot write.
    pub read_only: bool,
    /// Several VMs may have it at once.
    pub shareable: bool,
    /// The guest's discards free space (oVirt: `pass_discard`).
    pub discard: bool,
    /// Tried before other disks when booting (oVirt: `bootable`).
    pub bootable: bool,
    /// The guest hears of errors; else it is stopped (oVirt: `propagate_errors`).
    pub propagate_errors: bool,
    /// What it may not exceed.
    pub limits: DiskLimits,
}

/// The controller of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskInterface {
    /// virtio-blk. oVirt: `virtio`.
    Virtio,
    /// virtio-scsi. oVirt: `virtio_scsi`.
    VirtioScsi,
    /// AHCI. oVirt: `sata`.
    Sata,
    /// IDE on the old chipset, AHCI on the other. oVirt: `ide`.
    Ide,
}

/// A NIC of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicSpec {
    /// Id of the NIC.
    pub nic: Uuid,
    /// Its address.
    pub mac: MacAddress,
    /// The device that the guest sees.
    pub model: NicModel,
    /// Where it leads.
    pub network: NicNetwork,
    /// Whether the cable is plugged in.
    pub linked: bool,
}

/// The device of a NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NicModel {
    /// virtio-net.
    Virtio,
    /// Intel 82540EM.
    E1000,
    /// Intel 82574L.
    E1000e,
    /// Realtek 8139.
    Rtl8139,
}

/// Where a NIC leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NicNetwork {
    /// A network that [`super::Hypervisor::ensure_network`] has made usable, by name.
    Named(String),
    /// A bridge of the host's, by name.
    Bridge(String),
    /// QEMU's user networking.
    User,
    /// Nowhere (a NIC with an empty profile).
    Nowhere,
}

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MacAddress {
    type Err = HostError;

    /// Six pairs of hexadecimal digits with colons between them.
    fn from_str(text: &str) -> Result<Self, HostError> {
        let wrong = || HostError::Invalid {
            field: "mac",
            reason: "must be six pairs of hexadecimal digits with colons between them".to_owned(),
        };
        let mut bytes = [0u8; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(wrong)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self(bytes))
    }
}

/// A VM's screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplaySpec {
    /// Address that its SPICE server listens on, and its VNC server.
    pub listen: IpAddr,
    /// Whether it has a SPICE server.
    pub spice: bool,
    /// Whether it has a VNC server.
    pub vnc: bool,
    /// The device that the guest sees.
    pub video: VideoModel,
    /// Monitors, 1 to 4.
    pub monitors: u8,
    /// Whether each monitor has a card of its own (Windows' driver knows nothing else).
    pub separate_cards: bool,
    /// Whether guest and viewer share the clipboard.
    pub copy_paste: bool,
    /// Whether files may be sent to the guest.
    pub file_transfer: bool,
    /// Keyboard layout of VNC viewers that send letters, as `en-us`.
    pub keyboard: Option<String>,
}

impl DisplaySpec {
    /// One screen on this address, shown by SPICE.
    #[must_use]
    pub fn spice(listen: IpAddr) -> Self {
        Self {
            listen,
            spice: true,
            vnc: false,
            video: VideoModel::Qxl,
            monitors: 1,
            separate_cards: false,
            copy_paste: true,
            file_transfer: true,
            keyboard: None,
        }
    }
}

/// The device of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoModel {
    /// SPICE's own.
    Qxl,
    /// virtio-gpu.
    Virtio,
    /// Plain VGA.
    Vga,
    /// Cirrus Logic GD5446, for guests from before 2006.
    Cirrus,
    /// Plain VGA without the old modes, for UEFI.
    Bochs,
}

/// A guest's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockSpec {
    /// Runs on UTC.
    #[default]
    Utc,
    /// Runs this many seconds ahead of UTC (Windows: local time).
    Ahead {
        /// Seconds, may be negative.
        seconds: i32,
    },
}
