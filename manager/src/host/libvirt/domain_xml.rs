//! A VM in libvirt's language: `DomainSpec` → `<domain>`, and its disks and NICs one by one for
//! plugging. Pure: no file is read, nobody is asked, the same values give the same document.
//!
//! What the machine looks like: q35 with spare root ports (that chipset has no slot to plug into
//! otherwise) or the old PC, a CD drive that is always there, virtio for the rest, SPICE.
//!
//! What is read back from libvirt is left to `domain_facts`.

mod disk;
mod machine;
mod nic;

pub(crate) use disk::{Targets, cd, cd_source, disk};
pub(crate) use nic::nic;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::xml::{Element, Node, is_xml_char};
use crate::host::{
    AccelerationKind, BootDevice, Chipset, ClockSpec, CpuMode, CpuSpec, DiskInterface,
    DisplayPassword, DisplaySpec, DomainSpec, FileSource, HostError, NetworkKind, VideoModel,
    VolumeRef,
};

/// The namespace of our element in `<metadata>`.
pub(crate) const NAMESPACE: &str = "urn:saffron:domain:1";
/// Our element in `<metadata>`.
pub(crate) const STAMP: &str = "saffron:domain";
/// In it, a device of a domain that was adopted: which id its target or address stands for.
pub(crate) const ADOPTED: &str = "saffron:device";
/// libvirt lets only names with this prefix through from us to QEMU.
pub(crate) const ALIAS_PREFIX: &str = "ua-";
/// The CD drive.
pub(crate) const CD_ALIAS: &str = "ua-cd";
/// Where the CD drive sits: `sda` on AHCI.
pub(crate) const CD_TARGET: &str = "sda";

/// Root ports left free for plugging into the running guest.
const SPARE_PORTS: usize = 12;
/// What takes a root port in every domain: USB, virtio-serial, virtio-scsi, balloon, rng.
const FIXED_PORTS: usize = 5;
/// A q35 machine has one bus of 32 slots with 8 functions; the firmware gets slow long before.
const MAX_PORTS: usize = 64;
/// AHCI ports of the chipset, less the CD drive's.
const MAX_SATA_DISKS: usize = 5;
const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 4096;
const MAX_COMMAND_LINE: usize = 2048;
const MIB: u64 = 1 << 20;

/// What a document depends on besides the VM.
pub(crate) struct Context<'a> {
    /// Where the storage domains' directories are.
    pub images: &'a Path,
    /// How guests run here.
    pub acceleration: AccelerationKind,
    /// Whether the file system below can do without its cache (`O_DIRECT`).
    pub direct_io: bool,
    /// How a network is made here, by name.
    pub networks: &'a BTreeMap<String, NetworkKind>,
    /// The SPICE password, which has already expired when the guest starts.
    pub password: &'a DisplayPassword,
}

/// The whole domain.
pub(crate) fn domain(spec: &DomainSpec, context: &Context<'_>) -> Result<Element, HostError> {
    if spec.memory_bytes == 0
        || !spec.memory_bytes.is_multiple_of(MIB)
        || spec.memory_bytes > 1 << 46
    {
        return Err(invalid(
            "memory",
            "must be a multiple of 1 MiB, at most 64 TiB",
        ));
    }
    let kvm = context.acceleration == AccelerationKind::Kvm;
    let title: String = label(&spec.title, MAX_TITLE)
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let mut root = Element::new("domain")
        .attr("type", if kvm { "kvm" } else { "qemu" })
        .child(Element::new("name").text(spec.vm.to_string()))
        .child(Element::new("uuid").text(spec.vm.to_string()));
    if !title.trim().is_empty() {
        root = root.child(Element::new("title").text(title));
    }
    let description = label(&spec.description, MAX_DESCRIPTION);
    if !description.trim().is_empty() {
        root = root.child(Element::new("description").text(description));
    }
    root = root
        .child(Element::new("metadata").child(stamp(spec)))
        .children(machine::before_memory(spec, kvm))
        .child(
            Element::new("memory")
                .attr("unit", "KiB")
                .text((spec.memory_bytes / 1024).to_string()),
        )
        .child(machine::vcpu(spec)?)
        .children(machine::before_os(&spec.machine)?)
        .child(machine::os(spec, context)?)
        .child(machine::features(&spec.machine, kvm))
        .child(cpu(&spec.cpu, kvm)?.children(machine::topology(spec, kvm)))
        .child(clock(spec.clock, spec.machine.hyperv && kvm))
        .child(Element::new("on_poweroff").text("destroy"))
        .child(Element::new("on_reboot").text("restart"))
        .child(Element::new("on_crash").text("destroy"))
        .child(devices(spec, context)?);
    Ok(root)
}

/// Our mark in `<metadata>`.
pub(crate) fn stamp(spec: &DomainSpec) -> Element {
    let mut stamp = Element::new(STAMP)
        .attr("xmlns:saffron", NAMESPACE)
        .attr("vm", spec.vm.to_string())
        .attr("epoch", spec.run_epoch.to_string());
    if let Some(operation) = spec.operation {
        stamp = stamp.attr("operation", operation.to_string());
    }
    stamp
}

/// The file of a volume.
pub(crate) fn volume_path(images: &Path, volume: VolumeRef) -> PathBuf {
    images
        .join(volume.storage_domain.to_string())
        .join(volume.volume.to_string())
}

/// The name that a disk or NIC of ours has in libvirt and QEMU.
pub(crate) fn alias(id: Uuid) -> String {
    format!("{ALIAS_PREFIX}{id}")
}

fn file(field: &'static str, source: &FileSource, images: &Path) -> Result<String, HostError> {
    let path = match source {
        FileSource::Volume(volume) => volume_path(images, *volume),
        FileSource::Path(path) => path.clone(),
    };
    path_text(field, &path)
}

fn command_line_text(text: &str) -> Result<String, HostError> {
    if text.len() > MAX_COMMAND_LINE || !text.chars().all(|c| is_xml_char(c) && !c.is_control()) {
        return Err(invalid(
            "kernel command line",
            "must be printable and at most 2048 bytes long",
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn path_text(field: &'static str, path: &Path) -> Result<String, HostError> {
    let text = path
        .to_str()
        .filter(|t| t.chars().all(|c| is_xml_char(c) && !c.is_control()));
    match text {
        Some(text) if path.is_absolute() && text.len() <= 4096 => Ok(text.to_owned()),
        _ => Err(invalid(
            field,
            "must be an absolute path of printable characters",
        )),
    }
}

fn cpu(cpu: &CpuSpec, kvm: bool) -> Result<Element, HostError> {
    let element = match &cpu.mode {
        CpuMode::Model(model) => Element::new("cpu")
            .attr("mode", "custom")
            .attr("match", "exact")
            .attr("check", "none")
            .child(Element::new("model").attr("fallback", "forbid").text(name(
                "cpu model",
                model,
                64,
            )?)),
        // host-passthrough does not exist under TCG; host-model names what TCG cannot do.
        _ if !kvm => Element::new("cpu")
            .attr("mode", "maximum")
            .attr("check", "none"),
        CpuMode::Automatic => Element::new("cpu").attr("mode", "host-model"),
        CpuMode::HostPassthrough => Element::new("cpu").attr("mode", "host-passthrough"),
    };
    Ok(element)
}

fn clock(clock: ClockSpec, hyperv: bool) -> Element {
    let element = Element::new("clock");
    let element = match clock {
        ClockSpec::Utc => element.attr("offset", "utc"),
        ClockSpec::Ahead { seconds } => element
            .attr("offset", "variable")
            .attr("adjustment", seconds.to_string())
            .attr("basis", "utc"),
    };
    element
        .child(
            Element::new("timer")
                .attr("name", "rtc")
                .attr("tickpolicy", "catchup"),
        )
        .child(
            Element::new("timer")
                .attr("name", "pit")
                .attr("tickpolicy", "delay"),
        )
        .child(
            Element::new("timer")
                .attr("name", "hpet")
                .attr("present", "no"),
        )
        .children(hyperv.then(|| {
            Element::new("timer")
                .attr("name", "hypervclock")
                .attr("present", "yes")
        }))
}

fn devices(spec: &DomainSpec, context: &Context<'_>) -> Result<Element, HostError> {
    let order = BootOrder::of(spec);
    let on_ports = spec
        .disks
        .iter()
        .filter(|d| d.interface == DiskInterface::Virtio)
        .count()
        + spec.nics.len();
    let ports = on_ports + FIXED_PORTS + SPARE_PORTS;
    if ports > MAX_PORTS {
        return Err(invalid(
            "devices",
            format!(
                "virtio disks and NICs must be at most {}",
                MAX_PORTS - FIXED_PORTS - SPARE_PORTS
            ),
        ));
    }
    let old = spec.machine.chipset == Chipset::I440fx;
    let drive = cd(spec.cd, order.cd, context)?;
    let mut devices = Element::new("devices")
        .children(machine::controllers(spec, ports)?)
        .child(if old {
            machine::on_ide(drive, 0)
        } else {
            drive
        });

    let mut targets = Targets::default();
    if spec.machine.payload.is_some() {
        targets.sata.push(machine::PAYLOAD_UNIT);
        targets.ide.push(3);
    }
    let mut on_virtio = 0..;
    for (index, spec_of) in spec.disks.iter().enumerate() {
        let mut spec_of = spec_of.clone();
        if spec_of.interface == DiskInterface::Ide && !old {
            // The newer chipset has no IDE; guests that know IDE know AHCI by the same driver.
            spec_of.interface = DiskInterface::Sata;
        }
        let mut element = disk(&spec_of, &mut targets, order.disks[index], context)?;
        let place = match spec_of.interface {
            DiskInterface::Virtio => on_virtio.next(),
            _ => None,
        };
        machine::tune_disk(&mut element, &spec.machine, place);
        devices = devices.child(element);
    }
    let target = targets.name("sd")?;
    devices = devices.children(machine::payload(spec, target, context)?);
    for (index, spec_of) in spec.nics.iter().enumerate() {
        let mut element = nic(spec_of, order.nics[index], context)?;
        machine::tune_nic(&mut element, &spec.machine);
        devices = devices.child(element);
    }
    devices = devices
        .child(
            Element::new("serial").attr("type", "pty").child(
                Element::new("target")
                    .attr("type", "isa-serial")
                    .attr("port", "0"),
            ),
        )
        .child(
            Element::new("console").attr("type", "pty").child(
                Element::new("target")
                    .attr("type", "serial")
                    .attr("port", "0"),
            ),
        )
        .children(spec.machine.serial_console.then(|| {
            Element::new("console").attr("type", "pty").child(
                Element::new("target")
                    .attr("type", "virtio")
                    .attr("port", "1"),
            )
        }))
        .child(channel("unix", "org.qemu.guest_agent.0"))
        .child(
            Element::new("input")
                .attr("type", "tablet")
                .attr("bus", "usb"),
        );
    if spec.usb_redirections > 4 {
        return Err(invalid("usb redirections", "must be at most 4"));
    }
    let spice = spec.display.as_ref().is_some_and(|display| display.spice);
    match &spec.display {
        Some(display) => {
            if spice {
                devices = devices
                    .child(channel("spicevmc", "com.redhat.spice.0"))
                    .child(graphics(display, context.password));
            }
            if display.vnc {
                devices = devices.child(vnc(display, context.password)?);
            }
            let redirections = if spice { spec.usb_redirections } else { 0 };
            devices = devices
                .children(video(display)?)
                .children((0..redirections).map(|_| {
                    Element::new("redirdev")
                        .attr("bus", "usb")
                        .attr("type", "spicevmc")
                }));
        }
        None => {
            devices = devices
                .child(Element::new("video").child(Element::new("model").attr("type", "none")))
        }
    }
    if spec.sound {
        devices = devices.children(machine::sound(&spec.machine, spice));
    }
    Ok(devices.children(machine::small_devices(&spec.machine, spice)))
}

fn channel(kind: &str, name: &str) -> Element {
    Element::new("channel").attr("type", kind).child(
        Element::new("target")
            .attr("type", "virtio")
            .attr("name", name),
    )
}

/// SPICE with a password that nobody knows and that has already expired: whoever is to connect gets
/// a new one. Never without a password, as that would let everybody in.
fn graphics(display: &DisplaySpec, password: &DisplayPassword) -> Element {
    let listen = display.listen.to_string();
    Element::new("graphics")
        .attr("type", "spice")
        .attr("autoport", "yes")
        .attr("listen", listen.clone())
        .attr("passwd", password.reveal())
        .attr("passwdValidTo", EXPIRED)
        .attr("connected", "keep")
        .child(
            Element::new("listen")
                .attr("type", "address")
                .attr("address", listen),
        )
        .child(Element::new("streaming").attr("mode", "filter"))
        .children((!display.copy_paste).then(|| Element::new("clipboard").attr("copypaste", "no")))
        .children(
            (!display.file_transfer).then(|| Element::new("filetransfer").attr("enable", "no")),
        )
}

/// VNC, locked in the same way.
fn vnc(display: &DisplaySpec, password: &DisplayPassword) -> Result<Element, HostError> {
    let listen = display.listen.to_string();
    let mut element = Element::new("graphics")
        .attr("type", "vnc")
        .attr("autoport", "yes")
        .attr("listen", listen.clone())
        .attr("passwd", password.for_vnc())
        .attr("passwdValidTo", EXPIRED)
        .attr("connected", "keep")
        .child(
            Element::new("listen")
                .attr("type", "address")
                .attr("address", listen),
        );
    if let Some(keyboard) = &display.keyboard {
        element = element.attr("keymap", name("keyboard layout", keyboard, 16)?);
    }
    Ok(element)
}

/// A moment that has passed, as `passwdValidTo` is written (UTC).
pub(crate) const EXPIRED: &str = "2000-01-01T00:00:00";

fn video(display: &DisplaySpec) -> Result<Vec<Element>, HostError> {
    if !(1..=4).contains(&display.monitors) {
        return Err(invalid("monitors", "must be 1 to 4"));
    }
    let (heads, cards) = if display.separate_cards {
        (1, display.monitors)
    } else {
        (display.monitors, 1)
    };
    let plain = |kind: &str| {
        Element::new("model")
            .attr("type", kind)
            .attr("vram", "16384")
            .attr("heads", "1")
    };
    let model = match display.video {
        VideoModel::Qxl => {
            // All monitors of a QXL device share its memory: 16 MiB each for the frame buffer.
            let scale = u32::from(heads).next_power_of_two();
            Element::new("model")
                .attr("type", "qxl")
                .attr("ram", (65536 * scale).to_string())
                .attr("vram", "65536")
                .attr("vgamem", (16384 * scale).to_string())
                .attr("heads", heads.to_string())
        }
        VideoModel::Virtio => Element::new("model")
            .attr("type", "virtio")
            .attr("heads", heads.to_string()),
        VideoModel::Vga => plain("vga"),
        VideoModel::Cirrus => plain("cirrus"),
        VideoModel::Bochs => plain("bochs"),
    };
    let mut cards: Vec<Element> = (0..cards)
        .map(|_| Element::new("video").child(model.clone()))
        .collect();
    if let Some(Node::Element(model)) = cards[0].content.first_mut() {
        model.set("primary", "yes");
    }
    Ok(cards)
}

/// The place of each device in the boot order.
struct BootOrder {
    cd: Option<usize>,
    disks: Vec<Option<usize>>,
    nics: Vec<Option<usize>>,
}

impl BootOrder {
    fn of(spec: &DomainSpec) -> Self {
        let default = [BootDevice::Disk, BootDevice::Cd, BootDevice::Network];
        let kinds = if spec.boot.order.is_empty() {
            &default[..]
        } else {
            &spec.boot.order
        };
        let mut order = Self {
            cd: None,
            disks: vec![None; spec.disks.len()],
            nics: vec![None; spec.nics.len()],
        };
        let mut next = 1..;
        for kind in kinds {
            match kind {
                BootDevice::Cd if order.cd.is_none() => order.cd = next.next(),
                BootDevice::Cd => {}
                BootDevice::Disk => {
                    for bootable in [true, false] {
                        for (place, disk) in order.disks.iter_mut().zip(&spec.disks) {
                            if disk.bootable == bootable && place.is_none() {
                                *place = next.next();
                            }
                        }
                    }
                }
                BootDevice::Network => {
                    for place in order.nics.iter_mut().filter(|place| place.is_none()) {
                        *place = next.next();
                    }
                }
            }
        }
        order
    }
}

/// Text of the user's that is only ever shown: what XML cannot carry is replaced, and it is cut.
fn label(text: &str, limit: usize) -> String {
    text.chars()
        .take(limit)
        .map(|c| if is_xml_char(c) { c } else { '\u{fffd}' })
        .collect()
}

/// A name at libvirt's layer.
pub(crate) fn name(field: &'static str, text: &str, limit: usize) -> Result<String, HostError> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if text.is_empty() || text.len() > limit || !plain || text.starts_with(['.', '-']) {
        return Err(invalid(
            field,
            format!("must be 1 to {limit} of the characters A-Z a-z 0-9 . _ -"),
        ));
    }
    Ok(text.to_owned())
}

fn invalid(field: &'static str, reason: impl Into<String>) -> HostError {
    HostError::Invalid {
        field,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
