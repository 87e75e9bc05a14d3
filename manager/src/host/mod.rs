//! What a host must be able to do, in our words: the trait [`Hypervisor`] and the data that
//! crosses it. Everything above (commands, monitor, scheduler) is written against this file, and
//! nothing above names libvirt.
//!
//! Left to others: `libvirt/` does it for real, `sim` does it in memory for tests. Who may do what,
//! what is remembered and which host is chosen are not decided here.
//!
//! Every call is idempotent, because recovery simply repeats it: names are made from ids (a
//! domain's name and UUID are the VM's id, a volume's name is the disk's id), starting what runs in
//! the same run epoch is a success, and so is removing what is gone. A call whose answer is missing
//! says nothing about what happened: see [`HostError::outcome_unknown`].

mod error;
pub mod foreign;
pub mod guest;
pub mod libvirt;
mod machine;
mod sample;
pub mod sim;
mod snapshot;
mod spec;
pub mod work;

pub use error::HostError;
pub use foreign::ForeignWork;
pub use guest::GuestWork;
pub use machine::*;
pub use sample::{
    DiskSample, HostSample, InterfaceCounters, InterfaceSample, NicSample, StatSample, Statistics,
};
pub use snapshot::*;
pub use spec::*;
pub use work::{DiskLimits, DiskWork};

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;
use uuid::Uuid;

/// What every call of [`Hypervisor`] returns: a future that always ends, because each call has a
/// deadline of its own.
pub type HostFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostError>> + Send + 'a>>;

/// One host that runs virtual machines. VMs, disks, NICs and storage domains are named by their ids.
pub trait Hypervisor: DiskWork + ForeignWork + GuestWork + Send + Sync + fmt::Debug {
    /// What the machine is and what it can do. Slow the first time: it proves the acceleration.
    fn report(&self) -> HostFuture<'_, HostReport>;

    /// What happens on the host from now on. The queue is bounded: a receiver that lags learns so
    /// (`RecvError::Lagged`) and must then list the domains again, as after
    /// [`HostEvent::Connected`]. Whoever comes later than that event asks
    /// [`Hypervisor::reachable`].
    fn events(&self) -> broadcast::Receiver<HostEvent>;

    /// Whether the host can be talked to at this moment. Never waits.
    fn reachable(&self) -> Reachable;

    /// Says whether somebody looks at statistics: sampled every 2 s if so, else every 10 s.
    fn watch(&self, watched: bool);

    /// All domains, ours and foreign, running or not.
    fn domains(&self) -> HostFuture<'_, Vec<DomainInfo>>;

    /// One domain; `None` when the host answered that it has no such domain.
    fn domain(&self, vm: Uuid) -> HostFuture<'_, Option<DomainInfo>>;

    /// Makes the domain known without starting it. Replaces an earlier definition.
    fn define(&self, spec: DomainSpec) -> HostFuture<'_, ()>;

    /// Defines and starts it. When it already runs in this run epoch, that is a success; in
    /// another epoch it is [`HostError::WrongState`]. A saved state is dropped, not restored.
    fn start(&self, spec: DomainSpec) -> HostFuture<'_, DomainInfo>;

    /// Starts it from the state that [`Hypervisor::suspend`] saved. The devices are those of the
    /// save; the run epoch and operation of `spec` replace the saved ones.
    /// [`HostError::NotFound`] when there is no saved state.
    fn restore(&self, spec: DomainSpec) -> HostFuture<'_, DomainInfo>;

    /// Starts it from memory that [`Hypervisor::snapshot_take`] kept, with the disks of `spec`. The
    /// other devices are those of the memory; run epoch and operation are those of `spec`.
    fn restore_memory(&self, spec: DomainSpec, memory: VolumeRef) -> HostFuture<'_, DomainInfo>;

    /// Lets a running guest write to other volumes from one moment on, all disks at once, with its
    /// file systems still where an agent in it can do that. Success when it does so already.
    fn snapshot_take(&self, vm: Uuid, spec: TakeSpec) -> HostFuture<'_, ()>;

    /// Begins the merge of two images of a running guest, or moves it on, and says how far it is:
    /// asked again until it is done.
    fn merge_live(&self, vm: Uuid, spec: MergeSpec) -> HostFuture<'_, MergeProgress>;

    /// Asks the guest to shut down (ACPI, or the guest agent when it is there). Returns when asked.
    fn shutdown(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Ends it at once. Success when it does not run. Its definition stays.
    fn destroy(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Asks the guest to reboot (ACPI or agent). Returns when asked.
    fn reboot(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Presses the reset button.
    fn reset(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Saves the guest's memory to a file of the host's and ends the process (oVirt: suspend).
    fn suspend(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Gives up a suspend that is under way. Success when there is none.
    fn abort_suspend(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Stops the virtual CPUs; memory stays.
    fn pause(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Lets the virtual CPUs go on.
    fn resume(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Forgets the domain, with its saved state. Must not be running; success when unknown.
    fn undefine(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Puts a medium into the CD drive, or takes it out; in the definition, and in the running
    /// guest if it runs.
    fn change_cd(&self, vm: Uuid, medium: Option<VolumeRef>) -> HostFuture<'_, ()>;

    /// Plugs a disk, into the running guest too. Success when this disk is there already.
    fn attach_disk(&self, vm: Uuid, disk: DiskSpec) -> HostFuture<'_, ()>;

    /// Unplugs a disk. [`HostError::GuestRefused`] when the guest does not let go of it in time.
    fn detach_disk(&self, vm: Uuid, disk: Uuid) -> HostFuture<'_, ()>;

    /// Plugs a NIC, into the running guest too. When it is there already, its network and its link
    /// state are brought to what `nic` says.
    fn attach_nic(&self, vm: Uuid, nic: NicSpec) -> HostFuture<'_, ()>;

    /// Unplugs a NIC. [`HostError::GuestRefused`] when the guest does not let go of it in time.
    fn detach_nic(&self, vm: Uuid, nic: Uuid) -> HostFuture<'_, ()>;

    /// Gives the running guest so many of its virtual CPUs. Success when it has them already;
    /// [`HostError::GuestRefused`] when the guest does not let go of one in time.
    fn set_vcpus(&self, vm: Uuid, vcpus: u32) -> HostFuture<'_, ()>;

    /// Plugs memory into the running guest. Success when this module is there already.
    fn attach_memory(&self, vm: Uuid, module: Uuid, bytes: u64) -> HostFuture<'_, ()>;

    /// A connection to the running guest's SPICE server, or the way to make one.
    fn open_graphics(&self, vm: Uuid) -> HostFuture<'_, GraphicsTarget>;

    /// Sets the SPICE password for `valid`, and the VNC password where there is VNC (RFB looks at
    /// the first 8 characters only); connections made with it stay when it expires.
    fn set_display_password(
        &self,
        vm: Uuid,
        password: DisplayPassword,
        valid: Duration,
    ) -> HostFuture<'_, ()>;

    /// Makes the present passwords useless at once; connections stay.
    fn expire_display_password(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// The first screen of the running guest as a PNG file.
    fn screenshot(&self, vm: Uuid) -> HostFuture<'_, Vec<u8>>;

    /// Samples now, outside of the rhythm.
    fn statistics(&self) -> HostFuture<'_, Statistics>;

    /// Makes a storage domain's directory and pool exist and be active.
    fn ensure_pool(&self, storage_domain: Uuid) -> HostFuture<'_, PoolInfo>;

    /// Forgets a storage domain's pool. The directory stays, with all that is in it.
    fn forget_pool(&self, storage_domain: Uuid) -> HostFuture<'_, ()>;

    /// Makes a volume. When it is there already it is left alone and described.
    fn volume_create(&self, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo>;

    /// Makes a volume with the content of another one, converted to `spec.format`; what that one
    /// stands on is part of its content. The formats and the chain of `source` are what we know of
    /// it, never what its content claims. A copy that was cut short never becomes visible.
    fn volume_copy(&self, source: Chain, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo>;

    /// What is known of a volume; `None` when there is none of that name.
    fn volume_info(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> HostFuture<'_, Option<VolumeInfo>>;

    /// The volumes of a storage domain that carry one of our names.
    fn volumes(&self, storage_domain: Uuid) -> HostFuture<'_, Vec<VolumeRef>>;

    /// Grows a volume; `running` is where it is open, and the new size then seen.
    /// Success when it has that size already, [`HostError::Invalid`] when it is larger.
    fn volume_resize(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
        virtual_bytes: u64,
        running: Option<Plugged>,
    ) -> HostFuture<'_, VolumeInfo>;

    /// Makes a volume that no running guest uses part of the one that it stands on, which may grow
    /// by it. `above` stands on the volume and then on the other. Repeating it changes nothing.
    fn volume_merge(&self, volume: Chain, above: Option<VolumeRef>) -> HostFuture<'_, VolumeInfo>;

    /// Removes a volume. Success when there is none.
    fn volume_delete(&self, volume: VolumeRef) -> HostFuture<'_, ()>;

    /// Opens a volume's file, for uploads and downloads. Only a regular file with one of our names
    /// is opened, never through a link. With [`VolumeAccess::Replace`] it is made, empty.
    fn volume_open(&self, volume: VolumeRef, access: VolumeAccess)
    -> HostFuture<'_, std::fs::File>;

    /// Makes a network usable for VMs on this host, and says how it is made. Never an error for
    /// what the host cannot do: then the answer is [`NetworkKind::User`], with the reason.
    fn ensure_network(&self, network: NetworkSpec) -> HostFuture<'_, NetworkReport>;
}

/// Whether a host can be talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reachable {
    /// There is a connection.
    Yes,
    /// There is none since then. Data shown from before is stale.
    No {
        /// When the connection was lost, or when the first attempt began.
        since: SystemTime,
        /// Why, as a sentence for the host's page.
        reason: String,
    },
}

/// How guests' instructions are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccelerationKind {
    /// By the processor, through `/dev/kvm`.
    Kvm,
    /// By QEMU's translator.
    Tcg,
}

impl AccelerationKind {
    /// `kvm` or `tcg`, as the live stream spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// The verdict on acceleration, proved by running a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceleration {
    /// What guests on this host use.
    pub kind: AccelerationKind,
    /// Why, as a sentence for the host's page and the log.
    pub reason: String,
}

/// What a host is.
#[derive(Debug, Clone, PartialEq)]
pub struct HostReport {
    /// Its own name for itself.
    pub hostname: String,
    /// `x86_64` …
    pub architecture: String,
    /// Name of the processor's model, as the processor calls itself when that can be read.
    pub cpu_model: String,
    /// Processor sockets.
    pub sockets: u32,
    /// Cores of one socket.
    pub cores_per_socket: u32,
    /// Threads of one core.
    pub threads_per_core: u32,
    /// Speed in MHz, 0 when unknown.
    pub cpu_mhz: u32,
    /// All memory of the host.
    pub memory_bytes: u64,
    /// `9.0.0`
    pub libvirt_version: String,
    /// `7.2.22`
    pub qemu_version: String,
    /// Release of the kernel, empty for a host that is not this machine.
    pub kernel_version: String,
    /// `Debian GNU/Linux 12 (bookworm)`, empty for a host that is not this machine.
    pub operating_system: String,
    /// Whether QEMU there can show a guest by SPICE.
    pub spice: bool,
    /// KVM or TCG, and why.
    pub acceleration: Acceleration,
    /// What it has for guests besides QEMU.
    pub parts: Parts,
}

/// What a domain does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Its virtual CPUs run.
    Running,
    /// Its virtual CPUs are stopped.
    Paused(PauseReason),
    /// The guest has been told to shut down and is doing so.
    ShuttingDown,
    /// There is no process.
    Off(OffReason),
    /// The guest sleeps (ACPI S3).
    Sleeping,
    /// The guest's kernel has crashed.
    Crashed,
}

impl DomainState {
    /// Whether there is a QEMU process.
    pub fn is_active(self) -> bool {
        !matches!(self, Self::Off(_))
    }
}

/// Why a domain's virtual CPUs are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// Somebody asked for it.
    Asked,
    /// A disk could not be read or written; on a full pool this is what guests see.
    IoError,
    /// Its memory is being saved.
    Saving,
    /// It is starting.
    Starting,
    /// The guest's watchdog fired.
    Watchdog,
    /// Anything else (migration, snapshot, post-copy failure …).
    Other,
}

/// Why a domain does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffReason {
    /// The guest shut itself down.
    Shutdown,
    /// It was ended from outside.
    Destroyed,
    /// Its process died.
    Crashed,
    /// Its memory was saved to a file.
    Saved,
    /// It could not start, or lost something it cannot be without.
    Failed,
    /// It went to another host.
    Migrated,
    /// Not known: has not run since the host's daemon started.
    Unknown,
}

/// What we have written into a domain of ours (`<metadata>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainStamp {
    /// The VM.
    pub vm: Uuid,
    /// Which run of the VM this is.
    pub run_epoch: u64,
    /// The operation that made it.
    pub operation: Option<Uuid>,
}

/// Where a running guest's display can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphicsAddress {
    /// The address it listens on.
    pub address: String,
    /// Plain port.
    pub port: Option<u16>,
    /// TLS port.
    pub tls_port: Option<u16>,
}

/// What the host says about one domain.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainInfo {
    /// UUID of the domain = id of the VM, for ours.
    pub id: Uuid,
    /// libvirt's name. For ours it is the id again.
    pub name: String,
    /// The title: for ours, the VM's name when it was defined.
    pub title: String,
    /// What it does.
    pub state: DomainState,
    /// Our mark; `None` for a domain that somebody else has made.
    pub stamp: Option<DomainStamp>,
    /// Whether it has a saved state to restore.
    pub saved: bool,
    /// Whether it has a definition that outlives its process.
    pub persistent: bool,
    /// Guest memory.
    pub memory_bytes: u64,
    /// Virtual CPUs that the guest has now.
    pub vcpus: u32,
    /// Memory modules of ours that were plugged into the running guest.
    pub modules: Vec<Uuid>,
    /// Where its SPICE server listens, if it runs and has one.
    pub spice: Option<GraphicsAddress>,
    /// Where its VNC server listens, if it runs and has one.
    pub vnc: Option<GraphicsAddress>,
    /// Disks of ours that are plugged.
    pub disks: Vec<Uuid>,
    /// What they read and write.
    pub chains: Vec<DiskChain>,
    /// NICs of ours that are plugged.
    pub nics: Vec<Uuid>,
    /// What it is, where it is somebody else's.
    pub foreign: Option<Arc<foreign::ForeignDomain>>,
    /// Whether a guest agent has opened its channel.
    pub agent: bool,
    /// What is in the CD drive, if that is one of our volumes.
    pub cd: Option<VolumeRef>,
}

/// Something that happened on a host.
#[derive(Debug, Clone)]
pub enum HostEvent {
    /// The connection is there (again). Anything may have happened meanwhile: list the domains.
    Connected,
    /// The connection is gone. Guests go on running.
    Disconnected {
        /// Why, as a sentence.
        reason: String,
    },
    /// A domain has come into this state.
    Domain {
        /// The domain's UUID.
        id: Uuid,
        /// What it does now.
        state: DomainState,
    },
    /// A domain has been defined, or its definition changed.
    Defined {
        /// The domain's UUID.
        id: Uuid,
    },
    /// A domain's definition is gone.
    Undefined {
        /// The domain's UUID.
        id: Uuid,
    },
    /// The guest has rebooted or was reset; the process is the same.
    Rebooted {
        /// The domain's UUID.
        id: Uuid,
    },
    /// Somebody has connected to, or left, a guest's display.
    Graphics {
        /// The domain's UUID.
        id: Uuid,
        /// What happened.
        phase: GraphicsPhase,
        /// Address of the client's end, as the host saw it.
        client: String,
    },
    /// A guest's agent has opened its channel, or closed it.
    Agent {
        /// The domain's UUID.
        id: Uuid,
        /// Whether it is open now.
        connected: bool,
    },
    /// A device of ours has left the running guest.
    DeviceRemoved {
        /// The domain's UUID.
        id: Uuid,
        /// The disk or NIC.
        device: Uuid,
    },
    /// Samples, in the rhythm set by [`Hypervisor::watch`].
    Statistics(Arc<Statistics>),
}

/// What happened to a display connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphicsPhase {
    /// A connection was opened.
    Connected,
    /// It has been authenticated.
    Initialized,
    /// It was closed.
    Disconnected,
}

/// A SPICE password. Never shown: `Debug` prints dots, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayPassword(String);

impl DisplayPassword {
    /// SPICE's own limit.
    pub const MAX_LENGTH: usize = 60;

    /// A fresh one of 43 characters (256 random bits).
    pub fn random() -> Result<Self, HostError> {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut bytes = [0u8; 43];
        getrandom::fill(&mut bytes).map_err(|e| HostError::Failed {
            what: format!("no random bytes: {e}"),
        })?;
        Ok(Self(
            bytes
                .iter()
                .map(|b| char::from(ALPHABET[usize::from(b & 63)]))
                .collect(),
        ))
    }

    /// One chosen by a caller (oVirt's console ticket): printable ASCII, 1 to 60 characters.
    /// Never empty, because an empty password once let everybody in (CVE-2016-5008).
    pub fn chosen(password: &str) -> Result<Self, HostError> {
        let printable = password.bytes().all(|b| (0x20..0x7f).contains(&b));
        if password.is_empty() || password.len() > Self::MAX_LENGTH || !printable {
            return Err(HostError::Invalid {
                field: "password",
                reason: format!(
                    "must be 1 to {} printable ASCII characters",
                    Self::MAX_LENGTH
                ),
            });
        }
        Ok(Self(password.to_owned()))
    }

    /// The first 8 characters, which are all that RFB's own authentication looks at, and all that
    /// libvirt takes for it.
    pub fn for_vnc(&self) -> &str {
        self.0
            .char_indices()
            .nth(8)
            .map_or(&self.0, |(end, _)| &self.0[..end])
    }

    /// The characters, for the SPICE link stage and for libvirt.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DisplayPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayPassword(…)")
    }
}

/// A way to a guest's SPICE server, good for one connection (one channel).
#[derive(Debug)]
pub enum GraphicsTarget {
    /// An open connection, authenticated by the host: any ticket is accepted in the link stage.
    Descriptor(std::os::fd::OwnedFd),
    /// Connect there within the password's validity (30 s), then ask for it to be expired.
    Address {
        /// Address to connect to.
        address: IpAddr,
        /// Plain port.
        port: Option<u16>,
        /// TLS port; used in preference.
        tls_port: Option<u16>,
        /// For the link stage.
        password: DisplayPassword,
    },
}
