//! Figures as a host gives them: one sample of itself, its guests and their devices. Counters
//! count; rates are made of two samples elsewhere.

use std::time::SystemTime;

use uuid::Uuid;

/// Figures of a host and its running guests, taken at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// When they were taken.
    pub at: SystemTime,
    /// The host's own.
    pub host: HostSample,
    /// One per running domain.
    pub domains: Vec<StatSample>,
    /// Disks of ours in running domains.
    pub disks: Vec<DiskSample>,
    /// NICs of ours in running domains, where they have a device on the host.
    pub nics: Vec<NicSample>,
    /// The host's own network interfaces, where it can be asked.
    pub interfaces: Vec<InterfaceSample>,
}

impl Statistics {
    /// A sample with nothing in it.
    #[must_use]
    pub fn at(at: SystemTime) -> Self {
        Self {
            at,
            host: HostSample::default(),
            domains: Vec::new(),
            disks: Vec::new(),
            nics: Vec::new(),
            interfaces: Vec::new(),
        }
    }
}

/// Figures of a host.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HostSample {
    /// Load of all processors together, 0 to 100; `None` until there are two samples.
    pub cpu_percent: Option<f64>,
    /// Of it what programs use, 0 to 100.
    pub cpu_user_percent: Option<f64>,
    /// Of it what the kernel uses, 0 to 100.
    pub cpu_system_percent: Option<f64>,
    /// Memory in use, without what the kernel would give back (caches).
    pub memory_used_bytes: Option<u64>,
    /// All memory.
    pub memory_total_bytes: Option<u64>,
    /// Memory that holds blocks of file systems.
    pub memory_buffers_bytes: Option<u64>,
    /// Memory that holds files.
    pub memory_cached_bytes: Option<u64>,
    /// All swap space.
    pub swap_total_bytes: Option<u64>,
    /// Swap space that is free.
    pub swap_free_bytes: Option<u64>,
    /// Memory that is in swap space too.
    pub swap_cached_bytes: Option<u64>,
    /// Processes that want to run, over five minutes.
    pub load_5_minutes: Option<f64>,
    /// When it was started, in seconds since 1970.
    pub boot_time: Option<i64>,
}

/// Figures of one running domain. Counters count from the start of its process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StatSample {
    /// The domain's UUID.
    pub id: Uuid,
    /// Processor time used by the process, in nanoseconds.
    pub cpu_time_ns: Option<u64>,
    /// Load of its virtual CPUs together, 0 to 100; `None` until there are two samples.
    pub cpu_percent: Option<f64>,
    /// Memory that the guest has at the moment (balloon).
    pub memory_bytes: Option<u64>,
    /// Memory that the guest does not use, if its balloon driver says so.
    pub memory_unused_bytes: Option<u64>,
    /// Memory of the process on the host.
    pub memory_resident_bytes: Option<u64>,
    /// Bytes received by all NICs.
    pub net_received_bytes: u64,
    /// Bytes sent by all NICs.
    pub net_sent_bytes: u64,
    /// Bytes read from all disks.
    pub disk_read_bytes: u64,
    /// Bytes written to all disks.
    pub disk_written_bytes: u64,
}

/// Counters of a disk of ours in a running domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskSample {
    /// The domain's UUID.
    pub domain: Uuid,
    /// The disk.
    pub disk: Uuid,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Read requests that are done.
    pub reads: u64,
    /// Write requests that are done.
    pub writes: u64,
    /// Flush requests that are done.
    pub flushes: u64,
    /// Nanoseconds that reads took, one after the other.
    pub read_ns: u64,
    /// Nanoseconds that writes took.
    pub write_ns: u64,
    /// Nanoseconds that flushes took.
    pub flush_ns: u64,
}

/// Counters of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InterfaceCounters {
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Packets that came and were dropped.
    pub received_dropped: u64,
    /// Packets that were to be sent and were dropped.
    pub sent_dropped: u64,
    /// Packets that came broken.
    pub received_errors: u64,
    /// Packets that could not be sent.
    pub sent_errors: u64,
}

/// Counters of a NIC of ours in a running domain, as the guest sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NicSample {
    /// The domain's UUID.
    pub domain: Uuid,
    /// The NIC.
    pub nic: Uuid,
    /// Its counters.
    pub counters: InterfaceCounters,
}

/// A network interface of the host's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceSample {
    /// Its name: `eth0`, `br0` …
    pub name: String,
    /// Its hardware address, if it has one.
    pub mac: Option<[u8; 6]>,
    /// Bytes of a packet.
    pub mtu: Option<u32>,
    /// Megabits a second, where it says.
    pub speed_mbps: Option<u32>,
    /// Whether it has a link.
    pub up: bool,
    /// Whether it is a bridge.
    pub bridge: bool,
    /// Its counters.
    pub counters: InterfaceCounters,
}
