//! Plugging and unplugging: CD media, disks and NICs, in the running guest and in the definition.
//! What is already as asked is left alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

use super::connection::failed;
use super::domain::{get, is_active, running, xml};
use super::domain_facts::{Facts, cd, device, targets};
use super::domain_xml::{self, Context};
use super::xml::{Element, Node};
use crate::host::{
    AccelerationKind, DiskInterface, DiskSpec, DisplayPassword, HostError, NetworkKind, NicNetwork,
    NicSpec, VolumeRef,
};

/// How long a guest may take to let go of a processor after libvirt has stopped waiting.
const LET_GO: Duration = Duration::from_secs(15);

/// What rendering needs, owned, so that it can go to another thread.
pub(super) struct Surroundings {
    pub images: PathBuf,
    pub acceleration: AccelerationKind,
    pub direct_io: bool,
    pub networks: BTreeMap<String, NetworkKind>,
    pub password: DisplayPassword,
}

impl Surroundings {
    pub fn context(&self) -> Context<'_> {
        Context {
            images: &self.images,
            acceleration: self.acceleration,
            direct_io: self.direct_io,
            networks: &self.networks,
            password: &self.password,
        }
    }
}

/// The two places where a device can be.
#[derive(Clone, Copy)]
enum Place {
    Live,
    Definition,
}

impl Place {
    fn of(domain: &Domain) -> Result<Vec<Self>, HostError> {
        let mut places = Vec::new();
        if is_active(domain)? {
            places.push(Self::Live);
        }
        if domain.is_persistent().map_err(|e| failed(&e))? {
            places.push(Self::Definition);
        }
        Ok(places)
    }

    fn xml(self, domain: &Domain) -> Result<Element, HostError> {
        match self {
            Self::Live => xml(domain, 0),
            Self::Definition => xml(domain, sys::VIR_DOMAIN_XML_INACTIVE),
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::Live => sys::VIR_DOMAIN_DEVICE_MODIFY_LIVE,
            Self::Definition => sys::VIR_DOMAIN_DEVICE_MODIFY_CONFIG,
        }
    }
}

/// Puts a medium into the CD drive or takes it out.
pub(super) fn change_cd(
    connection: &Connect,
    vm: Uuid,
    medium: Option<VolumeRef>,
    around: &Surroundings,
) -> Result<(), HostError> {
    let domain = get(connection, vm)?;
    let source = medium
        .map(|medium| domain_xml::cd_source(&around.images, medium))
        .transpose()?;
    for place in Place::of(&domain)? {
        let document = place.xml(&domain)?;
        let drive = cd(&document).ok_or_else(|| HostError::NotFound {
            what: format!("a CD drive of domain {vm}"),
        })?;
        let file = |e: Option<&Element>| e.and_then(|s| s.get("file")).map(str::to_owned);
        if file(drive.find("source")) == file(source.as_ref()) {
            continue;
        }
        let mut changed = drive.clone();
        changed.remove("source");
        changed.remove("backingStore");
        // libvirt forgets the declared format of an empty drive; it must never be guessed.
        if !changed.elements().any(|e| e.name == "driver") {
            changed = changed.child(Element::new("driver").attr("name", "qemu"));
        }
        for node in &mut changed.content {
            match node {
                Node::Element(e) if e.name == "driver" => e.set("type", "raw"),
                Node::Element(e) if e.name == "target" => {
                    e.attributes.retain(|(name, _)| name != "tray")
                }
                _ => {}
            }
        }
        if let Some(source) = &source {
            changed = changed
                .child(source.clone())
                .child(Element::new("backingStore"));
        }
        let changed = changed.to_xml();
        if let Err(first) = domain.update_device_flags(&changed, place.flags()) {
            // The guest may have locked the tray. A person who ejects means it.
            tracing::debug!(%vm, error = %first, "Changing the CD by force");
            domain
                .update_device_flags(
                    &changed,
                    place.flags() | sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE,
                )
                .map_err(|_| failed(&first))?;
        }
    }
    Ok(())
}

/// Plugs a disk.
pub(super) fn attach_disk(
    connection: &Connect,
    vm: Uuid,
    disk: &DiskSpec,
    around: &Surroundings,
) -> Result<(), HostError> {
    let domain = get(connection, vm)?;
    for place in Place::of(&domain)? {
        let document = place.xml(&domain)?;
        if device(&document, "disk", disk.disk).is_some() {
            continue;
        }
        if matches!(disk.interface, DiskInterface::Sata | DiskInterface::Ide)
            && matches!(place, Place::Live)
        {
            return Err(HostError::Unsupported {
                what:
                    "a SATA or IDE disk cannot be plugged into a running guest; use virtio or virtio_scsi"
                        .to_owned(),
            });
        }
        let element = domain_xml::disk(disk, &mut targets(&document), None, &around.context())?;
        domain
            .attach_device_flags(&element.to_xml(), place.flags())
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// Plugs a NIC, or changes the one that is there.
pub(super) fn attach_nic(
    connection: &Connect,
    vm: Uuid,
    nic: &NicSpec,
    around: &Surroundings,
) -> Result<(), HostError> {
    let domain = get(connection, vm)?;
    for place in Place::of(&domain)? {
        let document = place.xml(&domain)?;
        let wanted = domain_xml::nic(nic, None, &around.context())?;
        let Some(present) = device(&document, "interface", nic.nic) else {
            domain
                .attach_device_flags(&wanted.to_xml(), place.flags())
                .map_err(|e| failed(&e))?;
            continue;
        };
        // Address, boot order and ROM stay as they are: libvirt refuses to change them.
        let mut changed = wanted.clone();
        let mut kept = vec!["address", "boot", "rom", "alias", "model", "mac"];
        if nic.network == NicNetwork::Nowhere {
            // Its cable is pulled; where it led stays, as its type cannot change.
            changed.attributes.clone_from(&present.attributes);
            kept.push("source");
        }
        for kept in kept {
            changed.remove(kept);
            changed
                .content
                .extend(present.all(kept).cloned().map(Node::Element));
        }
        if same(present, &changed) {
            continue;
        }
        domain
            .update_device_flags(&changed.to_xml(), place.flags())
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// Whether two NICs lead to the same place with the same link state.
fn same(a: &Element, b: &Element) -> bool {
    let source = |e: &Element| {
        e.find("source")
            .map(|s| ["network", "bridge"].map(|name| s.get(name).map(str::to_owned)))
    };
    let up = |e: &Element| e.find("link").and_then(|l| l.get("state")) != Some("down");
    let kind = |e: &Element| e.get("type").map(str::to_owned);
    // A running NIC of a NAT network shows its bridge beside the network's name.
    let network = |e: &Element| {
        e.find("source")
            .and_then(|s| s.get("network"))
            .map(str::to_owned)
    };
    let place = match (network(a), network(b)) {
        (Some(a), Some(b)) => a == b,
        _ => source(a).unwrap_or_default() == source(b).unwrap_or_default(),
    };
    place && up(a) == up(b) && kind(a) == kind(b)
}

/// Unplugs a disk or NIC; `kind` is its element's name.
pub(super) fn detach(
    connection: &Connect,
    vm: Uuid,
    kind: &'static str,
    id: Uuid,
) -> Result<(), HostError> {
    let domain = get(connection, vm)?;
    for place in Place::of(&domain)? {
        let document = place.xml(&domain)?;
        let Some(present) = device(&document, kind, id) else {
            continue;
        };
        let result = domain.detach_device_flags(&present.to_xml(), place.flags());
        // libvirt waits for the guest for some seconds and then reports either way: look.
        if device(&place.xml(&domain)?, kind, id).is_none() {
            continue;
        }
        return Err(match result {
            Err(error) if matches!(place, Place::Definition) => failed(&error),
            _ => HostError::GuestRefused {
                device: format!("{kind} {id}"),
            },
        });
    }
    Ok(())
}

/// Tells QEMU that a disk has grown.
pub(super) fn resize_disk(
    connection: &Connect,
    vm: Uuid,
    disk: Uuid,
    bytes: u64,
) -> Result<(), HostError> {
    let domain = get(connection, vm)?;
    let document = xml(&domain, 0)?;
    let target = device(&document, "disk", disk)
        .and_then(|d| d.find("target"))
        .and_then(|t| t.get("dev"))
        .ok_or_else(|| HostError::NotFound {
            what: format!("disk {disk} in domain {vm}"),
        })?;
    domain
        .block_resize(target, bytes, sys::VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        .map(|_| ())
        .map_err(|e| failed(&e))
}

/// Gives the running guest so many of its processors.
pub(super) fn set_vcpus(connection: &Connect, vm: Uuid, vcpus: u32) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    let now = || -> Result<u32, HostError> { Ok(Facts::of(&xml(&domain, 0)?).vcpus) };
    let before = now()?;
    if before == vcpus {
        return Ok(());
    }
    let result = domain.set_vcpus_flags(vcpus, sys::VIR_DOMAIN_VCPU_LIVE);
    // libvirt waits for the guest for five seconds and then reports either way: look, and give a
    // busy guest some more.
    let began = Instant::now();
    loop {
        if now()? == vcpus {
            return Ok(());
        }
        let asked = matches!(&result, Err(error) if error.message().contains("timed out"));
        if !asked || began.elapsed() > LET_GO {
            break;
        }
        std::thread::sleep(LET_GO / 30);
    }
    Err(match result {
        Err(error) if vcpus > before => failed(&error),
        // Without a system that knows how to, no guest lets go of one.
        _ => HostError::GuestRefused {
            device: "a virtual processor".to_owned(),
        },
    })
}

/// Plugs a memory module.
pub(super) fn attach_memory(
    connection: &Connect,
    vm: Uuid,
    module: Uuid,
    bytes: u64,
) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    if device(&xml(&domain, 0)?, "memory", module).is_some() {
        return Ok(());
    }
    let element = Element::new("memory")
        .attr("model", "dimm")
        .child(
            Element::new("target")
                .child(
                    Element::new("size")
                        .attr("unit", "KiB")
                        .text((bytes / 1024).to_string()),
                )
                .child(Element::new("node").text("0")),
        )
        .child(Element::new("alias").attr("name", domain_xml::alias(module)));
    domain
        .attach_device_flags(&element.to_xml(), sys::VIR_DOMAIN_DEVICE_MODIFY_LIVE)
        .map_err(|e| failed(&e))
}
