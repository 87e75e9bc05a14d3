//! What libvirt says about a domain, read back: the live XML → facts. Pure.

use uuid::Uuid;

use super::domain_xml::{ADOPTED, ALIAS_PREFIX, CD_ALIAS, NAMESPACE, STAMP, Targets};
use super::xml::Element;
use crate::host::{DiskChain, DomainStamp, GraphicsAddress, VolumeRef};

/// What the XML of a domain tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub title: String,
    pub stamp: Option<DomainStamp>,
    pub memory_bytes: u64,
    pub vcpus: u32,
    pub modules: Vec<Uuid>,
    pub spice: Option<GraphicsAddress>,
    pub vnc: Option<GraphicsAddress>,
    pub disks: Vec<Uuid>,
    pub chains: Vec<DiskChain>,
    pub nics: Vec<Uuid>,
    pub agent: bool,
    pub cd: Option<VolumeRef>,
}

impl Facts {
    /// Reads `<domain>`.
    pub fn of(domain: &Element) -> Self {
        Self {
            title: domain
                .find("title")
                .map(Element::own_text)
                .unwrap_or_default(),
            stamp: domain.path(&["metadata", STAMP]).and_then(stamp),
            memory_bytes: domain.find("memory").and_then(bytes).unwrap_or(0),
            vcpus: domain
                .find("vcpu")
                .and_then(|e| match e.get("current") {
                    Some(now) => now.parse().ok(),
                    None => e.own_text().trim().parse().ok(),
                })
                .unwrap_or(0),
            modules: devices(domain, "memory")
                .filter_map(|device| id_of(domain, device))
                .collect(),
            spice: graphics(domain, "spice").and_then(address),
            vnc: graphics(domain, "vnc").and_then(address),
            disks: devices(domain, "disk")
                .filter_map(|device| id_of(domain, device))
                .collect(),
            nics: devices(domain, "interface")
                .filter_map(|device| id_of(domain, device))
                .collect(),
            agent: devices(domain, "channel")
                .filter_map(|channel| channel.find("target"))
                .any(|target| {
                    target.get("name") == Some("org.qemu.guest_agent.0")
                        && target.get("state") == Some("connected")
                }),
            chains: devices(domain, "disk")
                .filter_map(|disk| {
                    Some(DiskChain {
                        disk: id_of(domain, disk)?,
                        volumes: chain_of(disk),
                    })
                })
                .collect(),
            cd: cd(domain)
                .and_then(|e| e.find("source"))
                .and_then(|s| volume(s.get("file")?)),
        }
    }
}

fn stamp(element: &Element) -> Option<DomainStamp> {
    if element.get("xmlns:saffron") != Some(NAMESPACE) {
        return None;
    }
    Some(DomainStamp {
        vm: element.get("vm")?.parse().ok()?,
        run_epoch: element.get("epoch")?.parse().ok()?,
        operation: element.get("operation").and_then(|o| o.parse().ok()),
    })
}

/// libvirt counts memory in KiB unless it says otherwise.
fn bytes(element: &Element) -> Option<u64> {
    let number: u64 = element.own_text().trim().parse().ok()?;
    let scale: u64 = match element.get("unit").unwrap_or("KiB") {
        "b" | "bytes" => 1,
        "KB" => 1000,
        "k" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(scale)
}

/// The devices of a kind.
pub(crate) fn devices<'a>(domain: &'a Element, kind: &'a str) -> impl Iterator<Item = &'a Element> {
    domain.all("devices").flat_map(move |d| d.all(kind))
}

/// The `<graphics>` element of a protocol: `spice` or `vnc`.
pub(crate) fn graphics<'a>(domain: &'a Element, protocol: &str) -> Option<&'a Element> {
    devices(domain, "graphics").find(|g| g.get("type") == Some(protocol))
}

fn address(graphics: &Element) -> Option<GraphicsAddress> {
    let port = |name| {
        graphics
            .get(name)
            .and_then(|p| p.parse::<u16>().ok())
            .filter(|p| *p != 0)
    };
    let (port, tls_port) = (port("port"), port("tlsPort"));
    if port.is_none() && tls_port.is_none() {
        return None;
    }
    let listen = graphics
        .find("listen")
        .and_then(|l| l.get("address"))
        .or_else(|| graphics.get("listen"));
    Some(GraphicsAddress {
        address: listen.unwrap_or_default().to_owned(),
        port,
        tls_port,
    })
}

/// The CD drive.
pub(crate) fn cd(domain: &Element) -> Option<&Element> {
    let drives = || devices(domain, "disk").filter(|d| d.get("device") == Some("cdrom"));
    drives()
        .find(|d| alias(d) == Some(CD_ALIAS))
        .or_else(|| drives().next())
}

/// The device of ours with this id.
pub(crate) fn device<'a>(domain: &'a Element, kind: &'a str, id: Uuid) -> Option<&'a Element> {
    devices(domain, kind).find(|d| id_of(domain, d) == Some(id))
}

fn alias(device: &Element) -> Option<&str> {
    device.find("alias").and_then(|a| a.get("name"))
}

/// The id that a disk or NIC has with us: by its alias, or, in a domain that was adopted while it
/// ran and so keeps the aliases that libvirt gave it, by what our mark says of it.
pub(crate) fn id_of(domain: &Element, device: &Element) -> Option<Uuid> {
    if let Some(id) = alias(device).and_then(id_of_alias) {
        return Some(id);
    }
    let mark = domain.path(&["metadata", STAMP])?;
    if mark.get("xmlns:saffron") != Some(NAMESPACE) {
        return None;
    }
    let (key, value) = match &*device.name {
        "disk" => ("target", device.find("target")?.get("dev")?),
        "interface" => ("mac", device.find("mac")?.get("address")?),
        _ => return None,
    };
    let adopted = mark.all(ADOPTED).find(|it| it.get(key) == Some(value))?;
    adopted.get("id")?.parse().ok()
}

/// The id in the name of a device of ours.
pub(crate) fn id_of_alias(alias: &str) -> Option<Uuid> {
    alias.strip_prefix(ALIAS_PREFIX)?.parse().ok()
}

/// The last two parts of a path of ours are ids.
pub(crate) fn volume(path: &str) -> Option<VolumeRef> {
    let mut parts = path.rsplit('/');
    let volume = parts.next()?.parse().ok()?;
    Some(VolumeRef {
        storage_domain: parts.next()?.parse().ok()?,
        volume,
    })
}

/// Our volumes that a disk reads and writes, the written one first.
pub(crate) fn chain_of(disk: &Element) -> Vec<VolumeRef> {
    let mut chain = Vec::new();
    let mut at = Some(disk);
    while let Some(volume) = at
        .and_then(|element| element.find("source"))
        .and_then(|source| volume(source.get("file")?))
    {
        chain.push(volume);
        at = at.and_then(|element| element.find("backingStore"));
    }
    chain
}

/// The places for disks that are taken in a domain.
pub(crate) fn targets(domain: &Element) -> Targets {
    let mut targets = Targets::default();
    for disk in devices(domain, "disk") {
        let Some(target) = disk.find("target") else {
            continue;
        };
        if let Some(name) = target.get("dev") {
            targets.names.push(name.to_owned());
        }
        let unit = disk
            .find("address")
            .and_then(|a| a.get("unit"))
            .and_then(|u| u.parse().ok());
        match (target.get("bus"), unit) {
            (Some("sata"), Some(unit)) => targets.sata.push(unit),
            (Some("scsi"), Some(unit)) => targets.scsi.push(unit),
            (Some("ide"), Some(unit)) => {
                let channel: usize = disk
                    .find("address")
                    .and_then(|a| a.get("bus"))
                    .and_then(|bus| bus.parse().ok())
                    .unwrap_or(0);
                targets.ide.push(channel * 2 + unit);
            }
            _ => {}
        }
    }
    targets
}
