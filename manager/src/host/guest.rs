//! What a guest's agent tells and does. Everything in here was written by the guest: it is bounded,
//! without control characters, and nothing is decided by it.

use std::net::IpAddr;

use uuid::Uuid;

use super::HostFuture;

/// The guest agent's part of [`super::Hypervisor`]. A guest may answer late, wrongly or never:
/// every call has a deadline of its own and holds up no other call to the host.
pub trait GuestWork: Send + Sync {
    /// Asks a running guest's agent for everything that it tells. [`super::HostError::Failed`] when
    /// it does not answer.
    fn guest_report(&self, vm: Uuid) -> HostFuture<'_, GuestReport>;

    /// Asks the guest to write down what it has not written and to write nothing more. Success
    /// when it holds still already.
    fn guest_freeze(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Lets the guest write again. Success when it does already.
    fn guest_thaw(&self, vm: Uuid) -> HostFuture<'_, ()>;

    /// Whether the guest's file systems hold still.
    fn guest_frozen(&self, vm: Uuid) -> HostFuture<'_, bool>;
}

/// What a guest tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestReport {
    /// The agent's version.
    pub agent_version: Option<String>,
    /// Its full host name.
    pub host_name: Option<String>,
    /// Its operating system.
    pub os: Option<GuestOs>,
    /// Its time zone.
    pub time_zone: Option<GuestTimeZone>,
    /// Its network interfaces, without loopback.
    pub interfaces: Vec<GuestInterface>,
    /// Who is logged in.
    pub users: Vec<GuestUser>,
    /// What is mounted.
    pub file_systems: Vec<GuestFileSystem>,
}

impl GuestReport {
    /// Its addresses that others can reach it by, IPv4 first.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self
            .interfaces
            .iter()
            .flat_map(|it| &it.addresses)
            .map(|it| it.address)
            .filter(|ip| match ip {
                IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_loopback(),
                IpAddr::V6(ip) => !ip.is_loopback() && (ip.segments()[0] & 0xffc0) != 0xfe80,
            })
            .collect();
        all.sort_by_key(IpAddr::is_ipv6);
        all
    }

    /// What is installed, as far as the agent tells: the kernel and the agent itself.
    #[must_use]
    pub fn applications(&self) -> Vec<String> {
        let kernel = self
            .os
            .as_ref()
            .filter(|os| !os.kernel.is_empty() && os.family() == "Linux")
            .map(|os| format!("kernel-{}", os.kernel));
        let agent = self
            .agent_version
            .as_ref()
            .map(|version| format!("qemu-guest-agent-{version}"));
        kernel.into_iter().chain(agent).collect()
    }
}

/// A guest's operating system; what it does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestOs {
    /// `debian`, `mswindows` …
    pub id: String,
    /// `Debian GNU/Linux`
    pub name: String,
    /// `Debian GNU/Linux 12 (bookworm)`
    pub pretty_name: String,
    /// `12`
    pub version: String,
    /// `6.1.0-18-amd64`
    pub kernel: String,
    /// `x86_64`
    pub machine: String,
    /// `bookworm`
    pub codename: String,
}

impl GuestOs {
    /// oVirt's word for the family: `Linux` or `Windows`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        if self.id == "mswindows" {
            "Windows"
        } else {
            "Linux"
        }
    }
}

/// A guest's time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestTimeZone {
    /// Its name; empty when it does not say.
    pub name: String,
    /// Seconds ahead of UTC.
    pub offset: i32,
}

/// A guest's network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestInterface {
    /// Its name in the guest.
    pub name: String,
    /// Its hardware address.
    pub mac: Option<[u8; 6]>,
    /// Its addresses.
    pub addresses: Vec<GuestAddress>,
}

/// An address of a guest's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestAddress {
    /// The address.
    pub address: IpAddr,
    /// Bits of it that name the network.
    pub prefix: u8,
}

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestUser {
    /// The name.
    pub name: String,
    /// The Windows domain.
    pub domain: Option<String>,
    /// Since when, in seconds since 1970.
    pub since: i64,
}

/// A file system of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFileSystem {
    /// Where it is mounted.
    pub mount_point: String,
    /// `ext4`, `NTFS` …
    pub kind: String,
    /// Bytes it has, where it says.
    pub total_bytes: Option<u64>,
    /// Bytes in use, where it says.
    pub used_bytes: Option<u64>,
}
