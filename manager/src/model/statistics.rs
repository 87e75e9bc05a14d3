//! What is measured of devices; never stored as it is (see `history` for what is kept).

use super::wire::Mac;

/// What a disk of a running VM does; of one that several VMs use, all of them together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskStatistics {
    /// Bytes a second read.
    pub read: f64,
    /// Bytes a second written.
    pub write: f64,
    /// Reads a second.
    pub read_operations: f64,
    /// Writes a second.
    pub write_operations: f64,
    /// Seconds that a read takes; `None` while there are none.
    pub read_latency: Option<f64>,
    /// Seconds that a write takes.
    pub write_latency: Option<f64>,
    /// Seconds that a flush takes.
    pub flush_latency: Option<f64>,
}

/// What a network interface does. "Received" is what came to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NicStatistics {
    /// Bytes a second received.
    pub receive: f64,
    /// Bytes a second sent.
    pub transmit: f64,
    /// Packets a second that came and were dropped.
    pub receive_dropped: f64,
    /// Packets a second that were to be sent and were dropped.
    pub transmit_dropped: f64,
    /// Packets a second that came broken.
    pub receive_errors: f64,
    /// Packets a second that could not be sent.
    pub transmit_errors: f64,
    /// Bytes received since its start.
    pub received_total: u64,
    /// Bytes sent since its start.
    pub sent_total: u64,
    /// Packets that came broken since its start.
    pub receive_errors_total: u64,
    /// Packets that could not be sent since its start.
    pub transmit_errors_total: u64,
}

/// A network interface of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostInterface {
    /// Its name: `eth0`, `br0` …
    pub name: String,
    /// Its hardware address, if it has one.
    pub mac: Option<Mac>,
    /// Bytes of a packet.
    pub mtu: Option<u32>,
    /// Bits a second, where it says.
    pub speed: Option<u64>,
    /// Whether it has a link.
    pub up: bool,
    /// Whether it is a bridge.
    pub bridge: bool,
    /// What it does.
    pub statistics: NicStatistics,
}
