//! Disks and the CD drive: where they sit and how their content is declared.

use std::ops::Range;
use std::path::Path;

use super::{CD_ALIAS, CD_TARGET, Context, MAX_SATA_DISKS, alias, invalid, path_text, volume_path};
use crate::host::libvirt::xml::Element;
use crate::host::{
    Backing, DiskInterface, DiskLimits, DiskSpec, HostError, VolumeFormat, VolumeRef,
};

/// The CD drive with or without a medium. Also what is given to libvirt to change the medium.
pub(crate) fn cd(
    medium: Option<VolumeRef>,
    boot: Option<usize>,
    context: &Context<'_>,
) -> Result<Element, HostError> {
    let mut element = Element::new("disk")
        .attr("type", "file")
        .attr("device", "cdrom")
        .child(
            Element::new("driver")
                .attr("name", "qemu")
                .attr("type", "raw")
                .attr("error_policy", "report"),
        );
    if let Some(volume) = medium {
        element = element
            .child(cd_source(context.images, volume)?)
            .child(Element::new("backingStore"));
    }
    element = element
        .child(
            Element::new("target")
                .attr("dev", CD_TARGET)
                .attr("bus", "sata"),
        )
        .child(Element::new("readonly"));
    if let Some(order) = boot {
        element = element.child(Element::new("boot").attr("order", order.to_string()));
    }
    Ok(element
        .child(Element::new("alias").attr("name", CD_ALIAS))
        .child(drive_address(0)))
}

/// The medium of a CD drive.
pub(crate) fn cd_source(images: &Path, volume: VolumeRef) -> Result<Element, HostError> {
    Ok(Element::new("source").attr("file", path_text("cd", &volume_path(images, volume))?))
}

fn drive_address(unit: usize) -> Element {
    Element::new("address")
        .attr("type", "drive")
        .attr("controller", "0")
        .attr("bus", "0")
        .attr("target", "0")
        .attr("unit", unit.to_string())
}

/// Which places for disks are taken.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// Taken names: `vda`, `sdb` …
    pub names: Vec<String>,
    /// Taken AHCI ports.
    pub sata: Vec<usize>,
    /// Taken units of the SCSI controller.
    pub scsi: Vec<usize>,
    /// Taken places on IDE: two channels with two units each.
    pub ide: Vec<usize>,
}

impl Targets {
    pub(super) fn name(&mut self, prefix: &str) -> Result<String, HostError> {
        let taken = |name: &String| name == CD_TARGET || self.names.contains(name);
        let name = (0..26 * 27)
            .map(|n| device_name(prefix, n))
            .find(|name| !taken(name))
            .ok_or_else(|| invalid("disks", "are too many"))?;
        self.names.push(name.clone());
        Ok(name)
    }

    fn unit(taken: &mut Vec<usize>, range: Range<usize>) -> Result<usize, HostError> {
        let limit = range.len();
        let unit = range
            .into_iter()
            .find(|unit| !taken.contains(unit))
            .ok_or_else(|| {
                invalid(
                    "disks",
                    format!("on one controller of this kind must be at most {limit}"),
                )
            })?;
        taken.push(unit);
        Ok(unit)
    }
}

/// `vda` … `vdz`, `vdaa` …
pub(super) fn device_name(prefix: &str, n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    match n / 26 {
        0 => format!("{prefix}{}", letter(n)),
        high => format!("{prefix}{}{}", letter(high - 1), letter(n)),
    }
}

/// What a disk's content stands on, to the end, so that libvirt does not look for a backing file
/// in what may be an image with hostile content.
pub(crate) fn backing_store(backing: &[Backing], images: &Path) -> Result<Element, HostError> {
    let Some((nearest, rest)) = backing.split_first() else {
        return Ok(Element::new("backingStore"));
    };
    Ok(Element::new("backingStore")
        .attr("type", "file")
        .child(Element::new("format").attr("type", nearest.format.as_str()))
        .child(Element::new("source").attr(
            "file",
            path_text("disk", &volume_path(images, nearest.volume))?,
        ))
        .child(backing_store(rest, images)?))
}

/// A disk. `boot` is its place in the boot order.
pub(crate) fn disk(
    spec: &DiskSpec,
    targets: &mut Targets,
    boot: Option<usize>,
    context: &Context<'_>,
) -> Result<Element, HostError> {
    let (target, bus, address) = match spec.interface {
        DiskInterface::Virtio => (targets.name("vd")?, "virtio", None),
        DiskInterface::VirtioScsi => {
            let unit = Targets::unit(&mut targets.scsi, 0..256)?;
            (targets.name("sd")?, "scsi", Some(drive_address(unit)))
        }
        DiskInterface::Sata => {
            let unit = Targets::unit(&mut targets.sata, 1..1 + MAX_SATA_DISKS)?;
            (targets.name("sd")?, "sata", Some(drive_address(unit)))
        }
        DiskInterface::Ide => {
            let place = [0, 1, 3]
                .into_iter()
                .find(|place| !targets.ide.contains(place))
                .ok_or_else(|| invalid("disks", "on IDE must be at most 3"))?;
            targets.ide.push(place);
            let mut address = drive_address(place % 2);
            address.set("bus", (place / 2).to_string());
            (device_name("hd", place), "ide", Some(address))
        }
    };
    let on_error = if spec.propagate_errors {
        "report"
    } else {
        "stop"
    };
    let mut driver = Element::new("driver")
        .attr("name", "qemu")
        .attr("type", spec.format.as_str())
        .attr(
            "cache",
            if context.direct_io {
                "none"
            } else {
                "writeback"
            },
        )
        // Stopping the guest is what saves its file system when the storage is full.
        .attr("error_policy", on_error)
        .attr("rerror_policy", on_error);
    if spec.discard {
        driver = driver.attr("discard", "unmap");
    }
    let mut element = Element::new("disk")
        .attr("type", "file")
        .attr("device", "disk")
        .child(driver)
        .child(Element::new("source").attr(
            "file",
            path_text("disk", &volume_path(context.images, spec.source))?,
        ))
        .child(backing_store(&spec.backing, context.images)?)
        .child(Element::new("target").attr("dev", target).attr("bus", bus));
    if spec.read_only {
        element = element.child(Element::new("readonly"));
    }
    if spec.shareable {
        if spec.format == VolumeFormat::Qcow2 {
            return Err(invalid("disk", "can only be shareable in format raw"));
        }
        element = element.child(Element::new("shareable"));
    }
    if spec.limits != DiskLimits::default() {
        let named = spec.limits.named().into_iter();
        element = element.child(
            Element::new("iotune").children(
                named
                    .filter(|(_, limit)| *limit > 0)
                    .map(|(name, limit)| Element::new(name).text(limit.to_string())),
            ),
        );
    }
    element = element.child(Element::new("serial").text(spec.disk.to_string()));
    if let Some(order) = boot {
        element = element.child(Element::new("boot").attr("order", order.to_string()));
    }
    element = element.child(Element::new("alias").attr("name", alias(spec.disk)));
    Ok(match address {
        Some(address) => element.child(address),
        None => element,
    })
}
