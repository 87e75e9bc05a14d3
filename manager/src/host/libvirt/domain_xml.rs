//! A VM in libvirt's language: `DomainSpec` → `<domain>`, and its disks and NICs one by one for
//! plugging. Pure: no file is read, nobody is asked, the same values give the same document.
//!
//! What the machine looks like: q35 with spare root ports (that chipset has no slot to plug into
//! otherwise), an AHCI CD drive that is always there, virtio for the rest, SPICE.
//!
//! What is read back from libvirt is left to `domain_facts`.

mod disk;
mod nic;

pub(crate) use disk::{Targets, cd, cd_source, disk};
pub(crate) use nic::nic;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::xml::{Element, is_xml_char};
use crate::host::{
    AccelerationKind, BootDevice, BootSpec, ClockSpec, CpuMode, CpuSpec, DiskInterface,
    DisplayPassword, DisplaySpec, DomainSpec, FileSource, HostError, KernelBoot, NetworkKind,
    VideoModel, VolumeRef,
};

/// The namespace of our element in `<metadata>`.
pub(crate) const NAMESPACE: &str = "urn:saffron:domain:1";
/// Our element in `<metadata>`.
pub(crate) const STAMP: &str = "saffron:domain";
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
        .child(
            Element::new("memory")
                .attr("unit", "KiB")
                .text((spec.memory_bytes / 1024).to_string()),
        )
        .child(vcpu(&spec.cpu)?)
        .child(os(&spec.boot, context)?)
        .child(
            Element::new("features")
                .child(Element::new("acpi"))
                .child(Element::new("apic"))
                .child(Element::new("vmport").attr("state", "off")),
        )
        .child(cpu(&spec.cpu, kvm)?)
        .child(clock(spec.clock))
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

fn vcpu(cpu: &CpuSpec) -> Result<Element, HostError> {
    let vcpus = cpu.vcpus();
    if !(1..=288).contains(&vcpus) {
        return Err(invalid("cpu", "must have 1 to 288 virtual processors"));
    }
    Ok(Element::new("vcpu")
        .attr("placement", "static")
        .text(vcpus.to_string()))
}

fn os(boot: &BootSpec, context: &Context<'_>) -> Result<Element, HostError> {
    let mut os = Element::new("os").child(
        Element::new("type")
            .attr("arch", "x86_64")
            .attr("machine", "q35")
            .text("hvm"),
    );
    if let Some(KernelBoot {
        kernel,
        initrd,
        command_line,
    }) = &boot.kernel
    {
        os = os.child(Element::new("kernel").text(file("kernel", kernel, context.images)?));
        if let Some(initrd) = initrd {
            os = os.child(Element::new("initrd").text(file("initrd", initrd, context.images)?));
        }
        if !command_line.is_empty() {
            os = os.child(Element::new("cmdline").text(command_line_text(command_line)?));
        }
    }
    if boot.menu {
        os = os.child(
            Element::new("bootmenu")
                .attr("enable", "yes")
                .attr("timeout", "30000"),
        );
    }
    Ok(os)
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

fn path_text(field: &'static str, path: &Path) -> Result<String, HostError> {
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
    Ok(element.child(
        Element::new("topology")
            .attr("sockets", cpu.sockets.to_string())
            .attr("dies", "1")
            .attr("cores", cpu.cores.to_string())
            .attr("threads", cpu.threads.to_string()),
    ))
}

fn clock(clock: ClockSpec) -> Element {
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
    let controller = |kind: &str, index: usize, model: &str| {
        Element::new("controller")
            .attr("type", kind)
            .attr("index", index.to_string())
            .attr("model", model)
    };
    let mut devices = Element::new("devices")
        .child(controller("pci", 0, "pcie-root"))
        .children((1..=ports).map(|index| controller("pci", index, "pcie-root-port")))
        .child(controller("usb", 0, "qemu-xhci").attr("ports", "15"))
        .child(controller("scsi", 0, "virtio-scsi"))
        .child(
            Element::new("controller")
                .attr("type", "virtio-serial")
                .attr("index", "0"),
        )
        .child(cd(spec.cd, order.cd, context)?);

    let mut targets = Targets::default();
    for (index, spec) in spec.disks.iter().enumerate() {
        devices = devices.child(disk(spec, &mut targets, order.disks[index], context)?);
    }
    for (index, spec) in spec.nics.iter().enumerate() {
        devices = devices.child(nic(spec, order.nics[index], context)?);
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
        .child(channel("unix", "org.qemu.guest_agent.0"))
        .child(
            Element::new("input")
                .attr("type", "tablet")
                .attr("bus", "usb"),
        );
    if spec.usb_redirections > 4 {
        return Err(invalid("usb redirections", "must be at most 4"));
    }
    match &spec.display {
        Some(display) => {
            devices = devices
                .child(channel("spicevmc", "com.redhat.spice.0"))
                .child(graphics(display, context.password))
                .children(display.vnc.then(|| vnc(display, context.password)))
                .child(video(display)?)
                .children((0..spec.usb_redirections).map(|_| {
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
        devices = devices
            .child(Element::new("sound").attr("model", "ich9"))
            .child(Element::new("audio").attr("id", "1").attr(
                "type",
                if spec.display.is_some() {
                    "spice"
                } else {
                    "none"
                },
            ));
    }
    Ok(devices
        .child(
            Element::new("memballoon")
                .attr("model", "virtio")
                .child(Element::new("stats").attr("period", "5")),
        )
        .child(
            Element::new("rng").attr("model", "virtio").child(
                Element::new("backend")
                    .attr("model", "random")
                    .text("/dev/urandom"),
            ),
        ))
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
}

/// VNC, locked in the same way.
fn vnc(display: &DisplaySpec, password: &DisplayPassword) -> Element {
    let listen = display.listen.to_string();
    Element::new("graphics")
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
        )
}

/// A moment that has passed, as `passwdValidTo` is written (UTC).
pub(crate) const EXPIRED: &str = "2000-01-01T00:00:00";

fn video(display: &DisplaySpec) -> Result<Element, HostError> {
    if !(1..=4).contains(&display.monitors) {
        return Err(invalid("monitors", "must be 1 to 4"));
    }
    let monitors = display.monitors.to_string();
    let model = match display.video {
        VideoModel::Qxl => {
            // All monitors of a QXL device share its memory: 16 MiB each for the frame buffer.
            let scale = u32::from(display.monitors).next_power_of_two();
            Element::new("model")
                .attr("type", "qxl")
                .attr("ram", (65536 * scale).to_string())
                .attr("vram", "65536")
                .attr("vgamem", (16384 * scale).to_string())
                .attr("heads", monitors)
        }
        VideoModel::Virtio => Element::new("model")
            .attr("type", "virtio")
            .attr("heads", monitors),
        VideoModel::Vga => Element::new("model")
            .attr("type", "vga")
            .attr("vram", "16384")
            .attr("heads", "1"),
    };
    Ok(Element::new("video").child(model.attr("primary", "yes")))
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
