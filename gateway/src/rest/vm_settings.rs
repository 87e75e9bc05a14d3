//! What VMs and templates consist of, between the API and the manager. The API has the same
//! elements for both, in two types.

use std::collections::BTreeSet;

use api::types::{
    Bios, Boot, BootMenu, Configuration, Console, Cpu, CpuTopology, CpuTune, CustomProperty,
    Display, HighAvailability, InstanceType, Io, MemoryPolicy, MigrationOptions, OperatingSystem,
    RngDevice, SerialNumber, StorageDomainLease, Template, TimeZone, Usb, VcpuPin, VirtioScsi, Vm,
    VmPlacementPolicy,
};
use api::{Part, path};
use manager::VmSettings;
use manager::model::{self, BootDevice, GraphicsType, VmHardware};

use super::convert::{
    clearable, given, int, number, reference, version_from_api, version_to_api, word,
};
use super::fault::Result;
use super::first_boot;
use super::view::View;

/// Puts the hardware into an API object.
macro_rules! write_hardware {
    ($object:expr, $hardware:expr) => {{
        let (object, hardware): (_, &VmHardware) = (&mut $object, $hardware);
        object.type_ = word(hardware.vm_type.as_str());
        object.memory = int(hardware.memory);
        object.memory_policy = Some(
            MemoryPolicy {
                guaranteed: int(hardware.memory_guaranteed),
                max: int(hardware.memory_max),
                ballooning: Some(hardware.ballooning),
                ..MemoryPolicy::default()
            }
            .into(),
        );
        object.cpu = Some(cpu(hardware).into());
        object.cpu_shares = int(hardware.cpu_shares);
        object.custom_cpu_model = hardware.custom_cpu_model.clone();
        object.custom_emulated_machine = hardware.custom_emulated_machine.clone();
        object.custom_compatibility_version = hardware
            .custom_compatibility_version
            .map(|version| version_to_api(version).into());
        object.os = Some(os(hardware).into());
        object.bios = Some(
            Bios {
                type_: word(hardware.bios_type.as_str()),
                boot_menu: Some(
                    BootMenu {
                        enabled: Some(hardware.boot_menu),
                    }
                    .into(),
                ),
            }
            .into(),
        );
        object.display = Some(display(&hardware.display).into());
        object.soundcard_enabled = Some(hardware.soundcard);
        object.usb = Some(
            Usb {
                enabled: Some(hardware.usb),
                type_: None,
            }
            .into(),
        );
        object.virtio_scsi = Some(
            VirtioScsi {
                enabled: Some(hardware.virtio_scsi),
            }
            .into(),
        );
        object.virtio_scsi_multi_queues = hardware.virtio_scsi_multi_queues.map(i64::from);
        object.virtio_scsi_multi_queues_enabled = Some(hardware.virtio_scsi_multi_queues.is_some());
        object.multi_queues_enabled = Some(hardware.multi_queues);
        object.rng_device = hardware.rng_source.as_deref().map(|source| {
            RngDevice {
                source: word(source),
                rate: None,
            }
            .into()
        });
        object.tpm_enabled = Some(hardware.tpm);
        object.io = Some(
            Io {
                threads: int(hardware.io_threads),
            }
            .into(),
        );
        object.high_availability = Some(
            HighAvailability {
                enabled: Some(hardware.high_availability.enabled),
                priority: int(hardware.high_availability.priority),
            }
            .into(),
        );
        object.placement_policy = Some(placement(&hardware.placement).into());
        object.stateless = Some(hardware.stateless);
        object.start_paused = Some(hardware.start_paused);
        object.time_zone = Some(
            TimeZone {
                name: Some(hardware.time_zone.clone()),
                utc_offset: None,
            }
            .into(),
        );
        object.serial_number = hardware.serial_number_policy.as_deref().map(|policy| {
            SerialNumber {
                policy: word(policy),
                value: hardware.serial_number.clone(),
            }
            .into()
        });
        object.custom_properties = (!hardware.custom_properties.is_empty()).then(|| {
            hardware
                .custom_properties
                .iter()
                .map(|(name, value)| CustomProperty {
                    name: Some(name.clone()),
                    value: Some(value.clone()),
                    ..CustomProperty::default()
                })
                .collect()
        });
        object.storage_error_resume_behaviour = word(hardware.storage_error_resume.as_str());
        // The engine says -1 where the cluster decides.
        object.migration_downtime = Some(hardware.migration_downtime.map_or(-1, i64::from));
        object.migration = Some(
            MigrationOptions {
                auto_converge: word("inherit"),
                compressed: word("inherit"),
                encrypted: word("inherit"),
                ..MigrationOptions::default()
            }
            .into(),
        );
        object.lease = hardware.lease.map(|domain| {
            StorageDomainLease {
                storage_domain: reference!(StorageDomain, path::storage_domain(domain), domain),
            }
            .into()
        });
        object.initialization = hardware
            .initialization
            .as_ref()
            .map(|it| first_boot::to_api(it).into());
    }};
}

pub(super) fn write_vm(object: &mut Vm, hardware: &VmHardware) {
    write_hardware!(*object, hardware);
    object.numa_tune_mode = hardware.numa_tune_mode.and_then(|mode| word(mode.as_str()));
}

pub(super) fn write_template(object: &mut Template, hardware: &VmHardware) {
    write_hardware!(*object, hardware);
}

pub(super) fn write_instance_type(object: &mut InstanceType, hardware: &VmHardware) {
    write_hardware!(*object, hardware);
    // One of these is for any cluster's processors.
    if let Some(cpu) = object.cpu.as_mut() {
        cpu.architecture = word("undefined");
    }
}

/// What is dear, or not for everybody's eyes at every look: `all_content`.
pub(super) fn write_all_content(object: &mut Vm, hardware: &VmHardware) {
    object.console = Some(
        Console {
            enabled: Some(hardware.serial_console),
        }
        .into(),
    );
    if let Some(initialization) = object.initialization.as_mut() {
        initialization.configuration = None::<Part<Configuration>>;
    }
}

fn cpu(hardware: &VmHardware) -> Cpu {
    Cpu {
        architecture: word("x86_64"),
        mode: hardware.cpu_mode.and_then(|mode| word(mode.as_str())),
        topology: Some(topology(hardware.topology).into()),
        cpu_tune: (!hardware.cpu_pinning.is_empty()).then(|| {
            let pins = hardware.cpu_pinning.iter().map(|pin| VcpuPin {
                vcpu: int(pin.vcpu),
                cpu_set: Some(pin.cpus.clone()),
            });
            CpuTune {
                vcpu_pins: Some(pins.collect()),
            }
            .into()
        }),
        ..Cpu::default()
    }
}

/// The layout of processors.
pub(super) fn topology(topology: model::CpuTopology) -> CpuTopology {
    CpuTopology {
        sockets: int(topology.sockets),
        cores: int(topology.cores),
        threads: int(topology.threads),
    }
}

fn os(hardware: &VmHardware) -> OperatingSystem {
    let boot = hardware
        .boot_devices
        .iter()
        .filter_map(|device| word(device.as_str()))
        .collect();
    OperatingSystem {
        type_: Some(hardware.os_type.clone()),
        boot: Some(
            Boot {
                devices: Some(boot),
            }
            .into(),
        ),
        kernel: hardware.direct_boot.kernel.clone(),
        initrd: hardware.direct_boot.initrd.clone(),
        cmdline: hardware.direct_boot.cmdline.clone(),
        ..OperatingSystem::default()
    }
}

fn display(display: &model::Display) -> Display {
    Display {
        type_: display
            .graphics
            .first()
            .and_then(|protocol| word(protocol.as_str())),
        video_type: word(display.video.as_str()),
        monitors: int(display.monitors),
        copy_paste_enabled: Some(display.copy_paste),
        file_transfer_enabled: Some(display.file_transfer),
        smartcard_enabled: Some(display.smartcard),
        allow_override: Some(display.allow_override),
        disconnect_action: Some(display.disconnect_action.clone()),
        disconnect_action_delay: int(display.disconnect_action_delay),
        keyboard_layout: display.keyboard_layout.clone(),
        ..Display::default()
    }
}

fn placement(placement: &model::Placement) -> VmPlacementPolicy {
    let hosts = placement.hosts.iter().map(|id| api::types::Host {
        id: Some(id.to_string()),
        href: Some(path::host(id).to_string()),
        ..Default::default()
    });
    VmPlacementPolicy {
        affinity: word(placement.affinity.as_str()),
        hosts: (!placement.hosts.is_empty()).then(|| hosts.collect()),
    }
}

/// Reads the hardware that an API object speaks of.
macro_rules! read_hardware {
    ($view:expr, $object:expr) => {{
        let (view, object) = ($view, $object);
        let mut to = VmSettings {
            vm_type: given("type", object.type_.map(|it| it.as_str()))?,
            memory: number("memory", object.memory)?,
            cpu_shares: number("cpu_shares", object.cpu_shares)?,
            custom_cpu_model: clearable(object.custom_cpu_model.as_ref()),
            custom_emulated_machine: clearable(object.custom_emulated_machine.as_ref()),
            soundcard: object.soundcard_enabled,
            multi_queues: object.multi_queues_enabled,
            tpm: object.tpm_enabled,
            stateless: object.stateless,
            start_paused: object.start_paused,
            storage_error_resume: given(
                "storage_error_resume_behaviour",
                object.storage_error_resume_behaviour.map(|it| it.as_str()),
            )?,
            // Below zero means that the cluster decides.
            migration_downtime: match object.migration_downtime {
                Some(..0) => Some(None),
                downtime => number("migration_downtime", downtime)?.map(Some),
            },
            ..VmSettings::default()
        };
        if let Some(policy) = object.memory_policy.as_deref() {
            to.memory_guaranteed = number("memory_policy.guaranteed", policy.guaranteed)?;
            to.memory_max = number("memory_policy.max", policy.max)?;
            to.ballooning = policy.ballooning;
        }
        if let Some(cpu) = object.cpu.as_deref() {
            read_cpu(&mut to, cpu)?;
        }
        if let Some(version) = object.custom_compatibility_version.as_deref() {
            to.custom_compatibility_version = Some(version_from_api(version)?);
        }
        if let Some(os) = object.os.as_deref() {
            read_os(&mut to, os)?;
        }
        if let Some(bios) = object.bios.as_deref() {
            to.bios_type = given("bios.type", bios.type_.map(|it| it.as_str()))?;
            to.boot_menu = bios.boot_menu.as_deref().and_then(|menu| menu.enabled);
        }
        if let Some(display) = object.display.as_deref() {
            read_display(&mut to, display)?;
        }
        to.usb = object.usb.as_deref().and_then(|usb| usb.enabled);
        to.virtio_scsi = object.virtio_scsi.as_deref().and_then(|it| it.enabled);
        to.virtio_scsi_multi_queues = match (
            object.virtio_scsi_multi_queues,
            object.virtio_scsi_multi_queues_enabled,
        ) {
            (Some(queues), _) => number("virtio_scsi_multi_queues", Some(queues))?.map(Some),
            (None, Some(false)) => Some(None),
            (None, _) => None,
        };
        to.serial_console = object.console.as_deref().and_then(|it| it.enabled);
        if let Some(device) = object.rng_device.as_deref() {
            to.rng_source = Some(device.source.map(|source| source.as_str().to_owned()));
        }
        to.io_threads = match object.io.as_deref() {
            Some(io) => number("io.threads", io.threads)?,
            None => None,
        };
        if let Some(it) = object.high_availability.as_deref() {
            to.high_availability = it.enabled;
            to.high_availability_priority = number("high_availability.priority", it.priority)?;
        }
        if let Some(policy) = object.placement_policy.as_deref() {
            to.affinity = given(
                "placement_policy.affinity",
                policy.affinity.map(|it| it.as_str()),
            )?;
            if let Some(hosts) = &policy.hosts {
                to.hosts = Some(view.hosts_of(hosts)?);
            }
        }
        to.time_zone = object
            .time_zone
            .as_deref()
            .and_then(|zone| zone.name.clone());
        if let Some(number) = object.serial_number.as_deref() {
            to.serial_number_policy = Some(number.policy.map(|policy| policy.as_str().to_owned()));
            to.serial_number = Some(number.value.clone());
        }
        if let Some(properties) = &object.custom_properties {
            to.custom_properties = Some(
                properties
                    .iter()
                    .filter_map(|it| it.name.clone().zip(it.value.clone()))
                    .collect(),
            );
        }
        if let Some(lease) = object.lease.as_deref() {
            let domain = lease.storage_domain.as_deref();
            let domain =
                domain.map(|it| view.storage_domain_of(it.id.as_deref(), it.name.as_deref()));
            to.lease = Some(domain.transpose()?.flatten().map(|domain| domain.id));
        }
        to.initialization = match object.initialization.as_deref() {
            Some(it) => Some(first_boot::from_api(it)?),
            None => None,
        };
        to
    }};
}

pub(super) fn read_vm(view: &View, object: &Vm) -> Result<VmSettings> {
    let mut settings: VmSettings = read_hardware!(view, object);
    settings.numa_tune_mode = object
        .numa_tune_mode
        .and_then(|mode| model::NumaTuneMode::of(mode.as_str()));
    // A list of consoles says more than the display's one protocol.
    if let Some(consoles) = &object.graphics_consoles {
        let mut graphics = Vec::new();
        for console in consoles {
            let protocol = console.protocol.map(|it| it.as_str());
            graphics.extend(given::<GraphicsType>(
                "graphics_console.protocol",
                protocol,
            )?);
        }
        settings.graphics = Some(graphics);
    }
    Ok(settings)
}

pub(super) fn read_instance_type(view: &View, object: &InstanceType) -> Result<VmSettings> {
    Ok(read_hardware!(view, object))
}

pub(super) fn read_template(view: &View, object: &Template) -> Result<VmSettings> {
    Ok(read_hardware!(view, object))
}

fn read_cpu(to: &mut VmSettings, cpu: &Cpu) -> Result<()> {
    to.cpu_mode = given("cpu.mode", cpu.mode.map(|it| it.as_str()))?;
    if let Some(topology) = cpu.topology.as_deref() {
        to.sockets = number("cpu.topology.sockets", topology.sockets)?;
        to.cores = number("cpu.topology.cores", topology.cores)?;
        to.threads = number("cpu.topology.threads", topology.threads)?;
    }
    if let Some(tune) = cpu.cpu_tune.as_deref() {
        let mut pins = Vec::new();
        for pin in tune.vcpu_pins.iter().flatten() {
            pins.push(model::CpuPin {
                vcpu: number("cpu.cpu_tune.vcpu_pins.vcpu", pin.vcpu)?.unwrap_or(0),
                cpus: pin.cpu_set.clone().unwrap_or_default(),
            });
        }
        to.cpu_pinning = Some(pins);
    }
    Ok(())
}

fn read_os(to: &mut VmSettings, os: &OperatingSystem) -> Result<()> {
    to.os_type = os.type_.clone().filter(|os| !os.is_empty());
    to.kernel = os.kernel.clone();
    to.initrd = os.initrd.clone();
    to.cmdline = os.cmdline.clone();
    if let Some(devices) = os.boot.as_deref().and_then(|boot| boot.devices.as_ref()) {
        let mut boot: Vec<BootDevice> = Vec::new();
        let mut known = BTreeSet::new();
        for device in devices {
            if let Some(device) = given("os.boot.devices", Some(device.as_str()))?
                && known.insert(device)
            {
                boot.push(device);
            }
        }
        to.boot_devices = Some(boot);
    }
    Ok(())
}

fn read_display(to: &mut VmSettings, display: &Display) -> Result<()> {
    to.graphics = given("display.type", display.type_.map(|it| it.as_str()))?.map(|it| vec![it]);
    to.video = given(
        "display.video_type",
        display.video_type.map(|it| it.as_str()),
    )?;
    to.monitors = number("display.monitors", display.monitors)?;
    to.copy_paste = display.copy_paste_enabled;
    to.file_transfer = display.file_transfer_enabled;
    to.smartcard = display.smartcard_enabled;
    to.allow_override = display.allow_override;
    to.disconnect_action = display.disconnect_action.clone();
    to.disconnect_action_delay = number(
        "display.disconnect_action_delay",
        display.disconnect_action_delay,
    )?;
    to.keyboard_layout = clearable(display.keyboard_layout.as_ref());
    Ok(())
}
