//! The machine around disks, NICs and screen: firmware, features, processors, controllers and the
//! small devices. Pure, as everything here.

use super::{Context, cd, command_line_text, file, invalid, name};
use crate::host::libvirt::xml::{Element, Node};
use crate::host::{
    Chipset, CpuSpec, DiskInterface, DomainSpec, Firmware, HostError, KernelBoot, MODULE_SLOTS,
    MachineSpec, RngSource, SoundModel, VolumeRef, WatchdogAct,
};

/// The medium with first-boot settings.
pub(crate) const PAYLOAD_ALIAS: &str = "ua-payload";
/// Most memory that a guest without KVM can be given addresses for.
const MOST_WITHOUT_KVM: u64 = 256 << 30;
/// Devices that one PCI bus has slots for, with some left for plugging.
const MAX_SLOTS: usize = 26;

/// Bytes that memory may grow to; `None` where it may not.
fn memory_max(spec: &DomainSpec, kvm: bool) -> Option<u64> {
    let most = if kvm {
        spec.machine.memory_max
    } else {
        spec.machine.memory_max.min(MOST_WITHOUT_KVM)
    };
    (most > spec.memory_bytes).then_some(most)
}

/// What stands before `<memory>`.
pub(super) fn before_memory(spec: &DomainSpec, kvm: bool) -> Vec<Element> {
    let mut elements = Vec::new();
    if let Some(most) = memory_max(spec, kvm) {
        elements.push(
            Element::new("maxMemory")
                .attr("slots", MODULE_SLOTS.to_string())
                .attr("unit", "KiB")
                .text((most / 1024).to_string()),
        );
    }
    elements
}

/// What stands between `<vcpu>` and `<os>`.
pub(super) fn before_os(machine: &MachineSpec) -> Result<Vec<Element>, HostError> {
    let mut elements = Vec::new();
    if let Some(size) = machine.huge_pages {
        let page = Element::new("page")
            .attr("size", size.to_string())
            .attr("unit", "KiB");
        elements.push(Element::new("memoryBacking").child(Element::new("hugepages").child(page)));
    }
    if machine.io_threads > 16 {
        return Err(invalid("io threads", "must be at most 16"));
    }
    if machine.io_threads > 0 {
        elements.push(Element::new("iothreads").text(machine.io_threads.to_string()));
    }
    if machine.cpu_shares > 0 || !machine.pins.is_empty() {
        let mut tune = Element::new("cputune");
        if machine.cpu_shares > 0 {
            tune = tune.child(Element::new("shares").text(machine.cpu_shares.to_string()));
        }
        for (vcpu, cpus) in &machine.pins {
            let plain = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '^');
            if cpus.is_empty() || !cpus.chars().all(plain) {
                return Err(invalid("cpu pinning", "must be a set of processors"));
            }
            tune = tune.child(
                Element::new("vcpupin")
                    .attr("vcpu", vcpu.to_string())
                    .attr("cpuset", cpus.clone()),
            );
        }
        elements.push(tune);
    }
    let pinned = machine.numa.iter().enumerate();
    let nodes: Vec<Element> = pinned
        .filter(|(_, part)| !part.host_nodes.is_empty())
        .map(|(id, part)| {
            Element::new("memnode")
                .attr("cellid", id.to_string())
                .attr("mode", part.mode)
                .attr("nodeset", set(&part.host_nodes))
        })
        .collect();
    if !nodes.is_empty() {
        elements.push(Element::new("numatune").children(nodes));
    }
    if let Some(serial) = &machine.serial_number {
        let entry = |key: &str, value: String| Element::new("entry").attr("name", key).text(value);
        let serial: String = serial
            .chars()
            .filter(|c| !c.is_control())
            .take(255)
            .collect();
        elements.push(
            Element::new("sysinfo").attr("type", "smbios").child(
                Element::new("system")
                    .child(entry("manufacturer", "Saffron".to_owned()))
                    .child(entry("product", "Virtual machine".to_owned()))
                    .child(entry("serial", serial)),
            ),
        );
    }
    Ok(elements)
}

/// Virtual processors: those that are there, and those that may come.
pub(super) fn vcpu(spec: &DomainSpec) -> Result<Element, HostError> {
    let (now, most) = (spec.cpu.vcpus(), most_vcpus(spec));
    if !(1..=288).contains(&most) || now == 0 {
        return Err(invalid("cpu", "must have 1 to 288 virtual processors"));
    }
    let mut element = Element::new("vcpu").attr("placement", "static");
    if now < most {
        element = element.attr("current", now.to_string());
    }
    Ok(element.text(most.to_string()))
}

fn sockets(spec: &DomainSpec) -> u32 {
    spec.cpu.sockets.max(spec.machine.sockets_max)
}

fn most_vcpus(spec: &DomainSpec) -> u64 {
    CpuSpec {
        sockets: sockets(spec),
        ..spec.cpu.clone()
    }
    .vcpus()
}

/// The layout of processors, and the memory that is theirs: modules are plugged into a node.
pub(super) fn topology(spec: &DomainSpec, kvm: bool) -> Vec<Element> {
    let mut elements = vec![
        Element::new("topology")
            .attr("sockets", sockets(spec).to_string())
            .attr("dies", "1")
            .attr("cores", spec.cpu.cores.to_string())
            .attr("threads", spec.cpu.threads.to_string()),
    ];
    if !spec.machine.numa.is_empty() || memory_max(spec, kvm).is_some() {
        elements.push(Element::new("numa").children(cells(spec)));
    }
    elements
}

/// The memory's parts; the first has whatever the others have not.
fn cells(spec: &DomainSpec) -> Vec<Element> {
    let rest = spec.machine.numa.get(1..).unwrap_or_default();
    let taken: Vec<u32> = rest.iter().flat_map(|part| part.cpus.clone()).collect();
    let most = u32::try_from(most_vcpus(spec)).unwrap_or(u32::MAX);
    let first = (0..most).filter(|cpu| !taken.contains(cpu)).collect();
    let elsewhere = rest
        .iter()
        .map(|part| part.memory_bytes)
        .fold(0, u64::saturating_add);
    let first = (first, spec.memory_bytes.saturating_sub(elsewhere));
    let others = rest
        .iter()
        .map(|part| (part.cpus.clone(), part.memory_bytes));
    std::iter::once(first)
        .chain(others)
        .enumerate()
        .map(|(id, (cpus, memory)): (usize, (Vec<u32>, u64))| {
            let cell = Element::new("cell").attr("id", id.to_string());
            let cell = if cpus.is_empty() {
                cell
            } else {
                cell.attr("cpus", set(&cpus))
            };
            cell.attr("memory", (memory / 1024).to_string())
                .attr("unit", "KiB")
        })
        .collect()
}

/// Numbers as libvirt writes sets of them: `0-3,7`.
fn set(numbers: &[u32]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in sorted {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == number => *to = number,
            _ => ranges.push((number, number)),
        }
    }
    let words: Vec<String> = ranges
        .into_iter()
        .map(|(from, to)| {
            if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            }
        })
        .collect();
    words.join(",")
}

/// Firmware and what it starts.
pub(super) fn os(spec: &DomainSpec, context: &Context<'_>) -> Result<Element, HostError> {
    let (boot, machine) = (&spec.boot, &spec.machine);
    let kind = match (&machine.machine_type, machine.chipset) {
        (Some(own), _) => name("machine type", own, 64)?,
        (None, Chipset::Q35) => "q35".to_owned(),
        (None, Chipset::I440fx) => "pc".to_owned(),
    };
    let mut os = Element::new("os");
    if machine.firmware != Firmware::Bios {
        if machine.chipset != Chipset::Q35 {
            return Err(invalid("firmware", "can only be UEFI with the chipset Q35"));
        }
        os = os.attr("firmware", "efi");
    }
    os = os.child(
        Element::new("type")
            .attr("arch", "x86_64")
            .attr("machine", kind)
            .text("hvm"),
    );
    let secure = machine.firmware == Firmware::UefiSecureBoot;
    if machine.firmware != Firmware::Bios {
        let enabled = if secure { "yes" } else { "no" };
        let feature = |name: &str| {
            Element::new("feature")
                .attr("enabled", enabled)
                .attr("name", name)
        };
        os = os.child(
            Element::new("firmware")
                .child(feature("enrolled-keys"))
                .child(feature("secure-boot")),
        );
    }
    if secure {
        os = os.child(Element::new("loader").attr("secure", "yes"));
    }
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
    if machine.serial_number.is_some() {
        os = os.child(Element::new("smbios").attr("mode", "sysinfo"));
    }
    Ok(os)
}

/// What the machine can do.
pub(super) fn features(machine: &MachineSpec, kvm: bool) -> Element {
    let on = |name| Element::new(name).attr("state", "on");
    let mut features = Element::new("features")
        .child(Element::new("acpi"))
        .child(Element::new("apic"))
        .child(Element::new("vmport").attr("state", "off"));
    // Only KVM knows Hyper-V's hints.
    if machine.hyperv && kvm {
        features = features.child(
            Element::new("hyperv")
                .attr("mode", "custom")
                .child(on("relaxed"))
                .child(on("vapic"))
                .child(on("spinlocks").attr("retries", "8191")),
        );
    }
    if machine.firmware == Firmware::UefiSecureBoot {
        // Else the guest could write what the firmware trusts.
        features = features.child(on("smm"));
    }
    features
}

fn controller(kind: &str, index: usize, model: &str) -> Element {
    Element::new("controller")
        .attr("type", kind)
        .attr("index", index.to_string())
        .attr("model", model)
}

/// Buses and controllers; `ports` are the root ports of the newer chipset.
pub(super) fn controllers(spec: &DomainSpec, ports: usize) -> Result<Vec<Element>, HostError> {
    let machine = &spec.machine;
    let mut elements = Vec::new();
    match machine.chipset {
        Chipset::Q35 => {
            elements.push(controller("pci", 0, "pcie-root"));
            elements.extend((1..=ports).map(|index| controller("pci", index, "pcie-root-port")));
            elements.push(controller("usb", 0, "qemu-xhci").attr("ports", "15"));
        }
        Chipset::I440fx => {
            let slots = spec.nics.len()
                + spec
                    .disks
                    .iter()
                    .filter(|disk| disk.interface == DiskInterface::Virtio)
                    .count();
            if slots > MAX_SLOTS {
                return Err(invalid(
                    "devices",
                    format!("virtio disks and NICs must be at most {MAX_SLOTS}"),
                ));
            }
            elements.push(controller("pci", 0, "pci-root"));
            // USB 2 with its companions: what guests of that age have drivers for.
            elements.push(controller("usb", 0, "ich9-ehci1"));
            for (number, model) in ["ich9-uhci1", "ich9-uhci2", "ich9-uhci3"]
                .into_iter()
                .enumerate()
            {
                elements.push(
                    controller("usb", 0, model)
                        .child(Element::new("master").attr("startport", (number * 2).to_string())),
                );
            }
        }
    }
    let on_scsi = |interface| interface == DiskInterface::VirtioScsi;
    if machine.scsi || spec.disks.iter().any(|disk| on_scsi(disk.interface)) {
        let mut scsi = controller("scsi", 0, "virtio-scsi");
        let mut driver = Element::new("driver");
        if machine.scsi_queues > 1 {
            if machine.scsi_queues > 256 {
                return Err(invalid("virtio-scsi queues", "must be at most 256"));
            }
            driver = driver.attr("queues", machine.scsi_queues.to_string());
        }
        if machine.io_threads > 0 {
            driver = driver.attr("iothread", "1");
        }
        if !driver.attributes.is_empty() {
            scsi = scsi.child(driver);
        }
        elements.push(scsi);
    }
    elements.push(
        Element::new("controller")
            .attr("type", "virtio-serial")
            .attr("index", "0"),
    );
    Ok(elements)
}

/// Sets an attribute of a device's `<driver>`.
fn set_driver(device: &mut Element, attribute: &'static str, value: &str) {
    for node in &mut device.content {
        if let Node::Element(driver) = node
            && driver.name == "driver"
        {
            driver.set(attribute, value);
        }
    }
}

/// What the machine's settings change of a disk; `index` is its place among the virtio disks.
pub(super) fn tune_disk(disk: &mut Element, machine: &MachineSpec, index: Option<usize>) {
    if let Some(cache) = &machine.disk_cache
        && matches!(cache.as_str(), "none" | "writeback" | "writethrough")
    {
        set_driver(disk, "cache", cache);
    }
    if let Some(index) = index
        && machine.io_threads > 0
    {
        let thread = index % machine.io_threads as usize + 1;
        set_driver(disk, "iothread", &thread.to_string());
    }
}

/// What the machine's settings change of a NIC.
pub(super) fn tune_nic(nic: &mut Element, machine: &MachineSpec) {
    // QEMU's user networking has one queue.
    let several = nic.get("type") != Some("user");
    let virtio = nic.find("model").and_then(|model| model.get("type")) == Some("virtio");
    if several && virtio && machine.nic_queues > 1 {
        let driver = Element::new("driver").attr("queues", machine.nic_queues.to_string());
        nic.content.push(Node::Element(driver));
    }
}

/// Gives a CD drive its place on the old chipset: the second IDE channel.
pub(super) fn on_ide(drive: Element, unit: usize) -> Element {
    let names = ["hdc", "hdd"];
    moved(drive, names[unit.min(1)], "ide", 1, unit)
}

fn moved(mut drive: Element, target: &str, bus: &str, channel: usize, unit: usize) -> Element {
    for node in &mut drive.content {
        let Node::Element(element) = node else {
            continue;
        };
        match &*element.name {
            "target" => {
                element.set("dev", target);
                element.set("bus", bus);
            }
            "address" => {
                element.set("bus", channel.to_string());
                element.set("unit", unit.to_string());
            }
            _ => {}
        }
    }
    drive
}

/// The medium with first-boot settings: the last AHCI port, the last place on IDE, or the floppy
/// drive.
pub(super) fn payload(
    spec: &DomainSpec,
    target: String,
    context: &Context<'_>,
) -> Result<Option<Element>, HostError> {
    let Some(payload) = spec.machine.payload else {
        return Ok(None);
    };
    if payload.floppy && spec.machine.chipset == Chipset::I440fx {
        return floppy(payload.volume, context).map(Some);
    }
    let mut drive = cd(Some(payload.volume), None, context)?;
    for node in &mut drive.content {
        if let Node::Element(alias) = node
            && alias.name == "alias"
        {
            alias.set("name", PAYLOAD_ALIAS);
        }
    }
    Ok(Some(match spec.machine.chipset {
        Chipset::Q35 => moved(drive, &target, "sata", 0, PAYLOAD_UNIT),
        Chipset::I440fx => on_ide(drive, 1),
    }))
}

/// The AHCI port of the medium with first-boot settings.
pub(super) const PAYLOAD_UNIT: usize = 5;

fn floppy(volume: VolumeRef, context: &Context<'_>) -> Result<Element, HostError> {
    Ok(Element::new("disk")
        .attr("type", "file")
        .attr("device", "floppy")
        .child(
            Element::new("driver")
                .attr("name", "qemu")
                .attr("type", "raw"),
        )
        .child(super::cd_source(context.images, volume)?)
        .child(Element::new("backingStore"))
        .child(Element::new("target").attr("dev", "fda").attr("bus", "fdc"))
        .child(Element::new("readonly"))
        .child(Element::new("alias").attr("name", PAYLOAD_ALIAS)))
}

/// The sound card; `spice` says whether somebody hears it.
pub(super) fn sound(machine: &MachineSpec, spice: bool) -> [Element; 2] {
    let model = match machine.sound {
        SoundModel::Ac97 => "ac97",
        SoundModel::Ich6 => "ich6",
        SoundModel::Ich9 => "ich9",
    };
    [
        Element::new("sound").attr("model", model),
        Element::new("audio")
            .attr("id", "1")
            .attr("type", if spice { "spice" } else { "none" }),
    ]
}

/// Devices that are there or not.
pub(super) fn small_devices(machine: &MachineSpec, spice: bool) -> Vec<Element> {
    let mut elements = Vec::new();
    elements.push(if machine.balloon {
        Element::new("memballoon")
            .attr("model", "virtio")
            .child(Element::new("stats").attr("period", "5"))
    } else {
        Element::new("memballoon").attr("model", "none")
    });
    if let Some(source) = machine.rng {
        let file = match source {
            RngSource::Urandom => "/dev/urandom",
            RngSource::Random => "/dev/random",
            RngSource::Hwrng => "/dev/hwrng",
        };
        elements.push(
            Element::new("rng")
                .attr("model", "virtio")
                .child(Element::new("backend").attr("model", "random").text(file)),
        );
    }
    if let Some(act) = machine.watchdog {
        elements.push(Element::new("watchdog").attr("model", "i6300esb").attr(
            "action",
            match act {
                WatchdogAct::None => "none",
                WatchdogAct::Reset => "reset",
                WatchdogAct::Poweroff => "poweroff",
                WatchdogAct::Dump => "dump",
                WatchdogAct::Pause => "pause",
            },
        ));
    }
    if machine.tpm {
        elements.push(
            Element::new("tpm").attr("model", "tpm-crb").child(
                Element::new("backend")
                    .attr("type", "emulator")
                    .attr("version", "2.0"),
            ),
        );
    }
    // A smart card comes from the console.
    if machine.smartcard && spice {
        elements.push(
            Element::new("smartcard")
                .attr("mode", "passthrough")
                .attr("type", "spicevmc"),
        );
    }
    elements
}
