//! Snapshots of running domains, what comes back from them, and merges. Each call looks first, so
//! that repeating it is harmless. libvirt keeps no record of our snapshots: we do.

use std::path::Path;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

use super::blockjob;
use super::connection::failed;
use super::domain::{already, define, drop_saved_state, find, info, restamp, running, xml};
use super::domain_facts::{chain_of, device, devices, id_of};
use super::domain_xml::{path_text, volume_path};
use super::xml::{Element, Node};
use crate::host::{DomainInfo, HostError, MergeProgress, MergeSpec, TakeSpec, VolumeRef};

/// Lets a domain go on writing to other volumes from one moment on, all at once.
pub(super) fn take(
    connection: &Connect,
    vm: Uuid,
    spec: &TakeSpec,
    images: &Path,
) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    let document = xml(&domain, 0)?;
    let writes_to = |disk: Uuid| {
        device(&document, "disk", disk)
            .map(chain_of)
            .and_then(|chain| chain.first().copied())
    };
    let taken = spec
        .disks
        .iter()
        .all(|overlay| writes_to(overlay.disk) == Some(overlay.volume));
    if taken && !spec.disks.is_empty() {
        return Ok(());
    }
    let wanted = document_of(&document, spec, images)?.to_xml();
    let usual = sys::VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
        | sys::VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
        | sys::VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC;
    let create = |flags| {
        domain
            .create_snapshot_xml(&wanted, usual | flags)
            .map(|_| ())
    };
    if spec.memory.is_some() {
        // What is in memory stays there, so the file systems need not be still.
        return create(sys::VIR_DOMAIN_SNAPSHOT_CREATE_LIVE).map_err(|e| failed(&e));
    }
    let only_disks = sys::VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY;
    if agent_there(&document) {
        match create(only_disks | sys::VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE) {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(
                %vm, %error, "The guest's file systems could not be frozen; going on without"
            ),
        }
    }
    create(only_disks).map_err(|e| failed(&e))
}

/// Whether qemu-guest-agent has opened its channel.
fn agent_there(document: &Element) -> bool {
    devices(document, "channel")
        .filter_map(|channel| channel.find("target"))
        .any(|target| {
            target.get("name") == Some("org.qemu.guest_agent.0")
                && target.get("state") == Some("connected")
        })
}

/// `<domainsnapshot>`
fn document_of(document: &Element, spec: &TakeSpec, images: &Path) -> Result<Element, HostError> {
    let mut disks = Element::new("disks");
    let mut left = spec.disks.len();
    for disk in devices(document, "disk") {
        let Some(target) = disk.find("target").and_then(|it| it.get("dev")) else {
            continue;
        };
        let element = Element::new("disk").attr("name", target);
        let overlay =
            id_of(document, disk).and_then(|id| spec.disks.iter().find(|it| it.disk == id));
        disks = disks.child(match overlay {
            None => element.attr("snapshot", "no"),
            Some(overlay) => {
                left -= 1;
                element
                    .attr("snapshot", "external")
                    .attr("type", "file")
                    .child(Element::new("driver").attr("type", "qcow2"))
                    .child(Element::new("source").attr("file", text(images, overlay.volume)?))
            }
        });
    }
    if left > 0 {
        return Err(HostError::NotFound {
            what: "a disk of the snapshot".to_owned(),
        });
    }
    let memory = Element::new("memory");
    let memory = match spec.memory {
        Some(volume) => memory
            .attr("snapshot", "external")
            .attr("file", text(images, volume)?),
        None => memory.attr("snapshot", "no"),
    };
    Ok(Element::new("domainsnapshot").child(memory).child(disks))
}

fn text(images: &Path, volume: VolumeRef) -> Result<String, HostError> {
    path_text("volume", &volume_path(images, volume))
}

/// Starts a domain from memory that a snapshot kept, with the disks of `wanted`, which is the
/// document of the whole domain and becomes its definition. The devices are those of the memory.
pub(super) fn restore_memory(
    connection: &Connect,
    vm: Uuid,
    epoch: u64,
    stamp: &Element,
    wanted: &Element,
    file: &str,
) -> Result<DomainInfo, HostError> {
    if let Some(domain) = find(connection, vm)? {
        if let Some(info) = already(&domain, vm, epoch)? {
            return Ok(info);
        }
        drop_saved_state(&domain)?;
    }
    let saved = connection
        .save_image_xml_desc(file, sys::VIR_DOMAIN_SAVE_IMAGE_XML_SECURE)
        .map_err(|e| failed(&e))?;
    let mut saved = Element::parse(&saved)?;
    restamp(&mut saved, stamp);
    let ids: Vec<Option<Uuid>> = devices(&saved, "disk")
        .map(|disk| id_of(&saved, disk))
        .collect();
    let mut ids = ids.into_iter();
    for part in &mut saved.content {
        if let Node::Element(list) = part
            && list.name == "devices"
        {
            for node in &mut list.content {
                if let Node::Element(disk) = node
                    && disk.name == "disk"
                    && let Some(id) = ids.next().flatten()
                {
                    let now = device(wanted, "disk", id).ok_or_else(|| HostError::Failed {
                        what: format!("the memory belongs to a VM that had disk {id} too"),
                    })?;
                    for name in ["driver", "source", "backingStore"] {
                        disk.remove(name);
                        disk.content
                            .extend(now.all(name).cloned().map(Node::Element));
                    }
                }
            }
        }
    }
    // A definition that outlives the process.
    define(connection, &wanted.to_xml())?;
    let restored = connection.restore_domain_flags(file, Some(&saved.to_xml()), 0);
    let domain = running(connection, vm);
    match (restored, domain) {
        (Ok(()), Ok(domain)) => info(&domain),
        (Ok(()), Err(error)) => Err(error),
        (Err(error), domain) => {
            // Another attempt of the same operation may have been quicker.
            if let Ok(domain) = domain
                && let Ok(Some(info)) = already(&domain, vm, epoch)
            {
                return Ok(info);
            }
            Err(failed(&error))
        }
    }
}

/// Begins a merge, or moves it on, and says how far it is. Asked until it is done.
pub(super) fn merge(
    connection: &Connect,
    vm: Uuid,
    spec: &MergeSpec,
    images: &Path,
) -> Result<MergeProgress, HostError> {
    let domain = running(connection, vm)?;
    let document = xml(&domain, 0)?;
    let disk = device(&document, "disk", spec.disk).ok_or_else(|| HostError::NotFound {
        what: format!("disk {} in domain {vm}", spec.disk),
    })?;
    let target = disk
        .find("target")
        .and_then(|target| target.get("dev"))
        .ok_or_else(|| HostError::NotFound {
            what: format!("disk {} in domain {vm}", spec.disk),
        })?;
    let chain = chain_of(disk);
    let Some(at) = chain.iter().position(|volume| *volume == spec.top) else {
        return if chain.contains(&spec.base) {
            Ok(MergeProgress::Done)
        } else {
            Err(HostError::Failed {
                what: format!("disk {} does not stand on what is to be merged", spec.disk),
            })
        };
    };
    if chain.get(at + 1) != Some(&spec.base) {
        return Err(HostError::Failed {
            what: format!("disk {} does not stand on what is to be merged", spec.disk),
        });
    }
    let ready = disk
        .find("mirror")
        .is_some_and(|mirror| mirror.get("ready") == Some("yes"));
    match blockjob::progress(&domain, target).map_err(|e| failed(&e))? {
        None => begin(&domain, target, spec, at == 0, images),
        Some(now) => {
            if ready {
                blockjob::pivot(&domain, target).map_err(|e| failed(&e))?;
            }
            Ok(MergeProgress::Working {
                done: now.done,
                total: now.total,
            })
        }
    }
}

fn begin(
    domain: &Domain,
    target: &str,
    spec: &MergeSpec,
    active: bool,
    images: &Path,
) -> Result<MergeProgress, HostError> {
    let (base, top) = (text(images, spec.base)?, text(images, spec.top)?);
    blockjob::commit(domain, target, &base, &top, active).map_err(|e| failed(&e))?;
    Ok(MergeProgress::Begun)
}
