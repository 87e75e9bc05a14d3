//! VM settings: put into hardware, and checked there as a whole.

use crate::access;
use crate::caller::Caller;
use crate::domain::{BootFile, boot_file};
use crate::error::{Error, Result};
use crate::first_boot;
use crate::inventory::Inventory;
use crate::model::{ObjectId, Permit, VmHardware};
use crate::seed;
use crate::time_zone;

use super::check;
use super::params::VmSettings;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Least and most memory of a VM.
const MEMORY: std::ops::RangeInclusive<u64> = 16 * MIB..=4096 * GIB;
/// Most virtual processors of a VM.
const MOST_CPUS: u64 = 512;
/// Most sockets, cores or threads.
const MOST_OF_ONE: u32 = 64;
/// Threads for disks' work.
const MOST_IO_THREADS: u32 = 16;
/// Screens of a VM.
const MOST_MONITORS: u32 = 4;

/// An empty text clears.
fn cleared(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl VmSettings {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts what is said into hardware, and checks the whole.
    pub(super) fn put_into(
        self,
        hardware: &mut VmHardware,
        inventory: &Inventory,
        caller: &Caller,
        object: ObjectId,
    ) -> Result<()> {
        self.authorise(hardware, inventory, caller, object)?;
        let with_memory = self.memory.is_some();
        hardware.topology = hardware.topology.with(&self);
        let Self {
            vm_type,
            memory,
            memory_guaranteed,
            memory_max,
            ballooning,
            sockets: _,
            cores: _,
            threads: _,
            cpu_mode,
            cpu_shares,
            custom_cpu_model,
            custom_emulated_machine,
            custom_compatibility_version,
            os_type,
            boot_devices,
            kernel,
            initrd,
            cmdline,
            bios_type,
            boot_menu,
            graphics,
            video,
            monitors,
            copy_paste,
            file_transfer,
            smartcard,
            allow_override,
            disconnect_action,
            disconnect_action_delay,
            keyboard_layout,
            soundcard,
            usb,
            virtio_scsi,
            virtio_scsi_multi_queues,
            multi_queues,
            serial_console,
            rng_source,
            tpm,
            io_threads,
            high_availability,
            high_availability_priority,
            affinity,
            hosts,
            stateless,
            start_paused,
            time_zone,
            serial_number_policy,
            serial_number,
            custom_properties,
            storage_error_resume,
            migration_downtime,
            lease,
            quota,
            cpu_profile,
            initialization,
            watchdog,
            cpu_pinning,
            numa_nodes,
            numa_tune_mode,
        } = self;
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut hardware.vm_type, vm_type);
        set(&mut hardware.memory, memory);
        if with_memory {
            // What was derived from the old size follows the new one, unless it is said as well.
            hardware.memory_guaranteed = hardware.memory_guaranteed.min(hardware.memory);
            if memory_guaranteed.is_none() {
                hardware.memory_guaranteed = hardware.memory;
            }
            if memory_max.is_none() {
                hardware.memory_max = hardware.memory.saturating_mul(4).min(*MEMORY.end());
            }
        }
        set(&mut hardware.memory_guaranteed, memory_guaranteed);
        set(&mut hardware.memory_max, memory_max);
        set(&mut hardware.ballooning, ballooning);
        if cpu_mode.is_some() {
            hardware.cpu_mode = cpu_mode;
        }
        set(&mut hardware.cpu_shares, cpu_shares);
        set(
            &mut hardware.custom_cpu_model,
            custom_cpu_model.map(|it| it.and_then(cleared)),
        );
        set(
            &mut hardware.custom_emulated_machine,
            custom_emulated_machine.map(|it| it.and_then(cleared)),
        );
        set(
            &mut hardware.custom_compatibility_version,
            custom_compatibility_version,
        );
        set(&mut hardware.os_type, os_type);
        set(&mut hardware.boot_devices, boot_devices);
        set(&mut hardware.direct_boot.kernel, kernel.map(cleared));
        set(&mut hardware.direct_boot.initrd, initrd.map(cleared));
        set(&mut hardware.direct_boot.cmdline, cmdline.map(cleared));
        set(&mut hardware.bios_type, bios_type);
        set(&mut hardware.boot_menu, boot_menu);
        set(&mut hardware.display.graphics, graphics);
        set(&mut hardware.display.video, video);
        set(&mut hardware.display.monitors, monitors);
        set(&mut hardware.display.copy_paste, copy_paste);
        set(&mut hardware.display.file_transfer, file_transfer);
        set(&mut hardware.display.smartcard, smartcard);
        set(&mut hardware.display.allow_override, allow_override);
        set(&mut hardware.display.disconnect_action, disconnect_action);
        set(
            &mut hardware.display.disconnect_action_delay,
            disconnect_action_delay,
        );
        set(&mut hardware.display.keyboard_layout, keyboard_layout);
        set(&mut hardware.soundcard, soundcard);
        set(&mut hardware.usb, usb);
        set(&mut hardware.virtio_scsi, virtio_scsi);
        set(
            &mut hardware.virtio_scsi_multi_queues,
            virtio_scsi_multi_queues,
        );
        set(&mut hardware.multi_queues, multi_queues);
        set(&mut hardware.serial_console, serial_console);
        set(&mut hardware.rng_source, rng_source);
        set(&mut hardware.tpm, tpm);
        set(&mut hardware.io_threads, io_threads);
        set(&mut hardware.high_availability.enabled, high_availability);
        set(
            &mut hardware.high_availability.priority,
            high_availability_priority,
        );
        set(&mut hardware.placement.affinity, affinity);
        set(&mut hardware.placement.hosts, hosts);
        set(&mut hardware.stateless, stateless);
        set(&mut hardware.start_paused, start_paused);
        set(&mut hardware.time_zone, time_zone);
        set(&mut hardware.serial_number_policy, serial_number_policy);
        set(&mut hardware.serial_number, serial_number);
        set(&mut hardware.custom_properties, custom_properties);
        set(&mut hardware.storage_error_resume, storage_error_resume);
        set(&mut hardware.migration_downtime, migration_downtime);
        set(&mut hardware.lease, lease);
        if let Some(quota) = quota {
            let center = match object {
                ObjectId::Cluster(id) => inventory.data_center_of_cluster(id),
                ObjectId::Vm(id) => {
                    let vm = inventory.vms.get(&id);
                    vm.and_then(|vm| inventory.data_center_of_cluster(vm.cluster))
                }
                _ => None,
            };
            let it = inventory.quotas.get(&quota);
            let it = it.ok_or_else(|| Error::not_found(quota))?;
            if center.is_some_and(|center| center != it.data_center) {
                return Err(Error::conflict(format!(
                    "Cannot edit VM. Quota {} is of another Data Center.",
                    it.name
                )));
            }
            if !it.default && hardware.quota != Some(quota) {
                access::require(inventory, caller, Permit::CONSUME_QUOTA, quota)?;
            }
            hardware.quota = Some(quota);
        }
        if let Some(profile) = cpu_profile {
            let it = inventory.cpu_profiles.get(&profile);
            let it = it.ok_or_else(|| Error::not_found(profile))?;
            let cluster = match object {
                ObjectId::Cluster(id) => Some(id),
                ObjectId::Vm(id) => inventory.vms.get(&id).map(|vm| vm.cluster),
                _ => None,
            };
            if cluster.is_some_and(|cluster| cluster != it.cluster) {
                return Err(Error::conflict(format!(
                    "Cannot edit VM. CPU Profile {} is of another Cluster.",
                    it.name
                )));
            }
            hardware.cpu_profile = Some(profile);
        }
        if let Some(new) = initialization {
            let mut merged = hardware.initialization.take().unwrap_or_default();
            merged.merge(new);
            hardware.initialization = (!merged.is_empty()).then_some(merged);
        }
        set(&mut hardware.watchdog, watchdog);
        set(&mut hardware.cpu_pinning, cpu_pinning);
        set(&mut hardware.numa_nodes, numa_nodes);
        if numa_tune_mode.is_some() {
            hardware.numa_tune_mode = numa_tune_mode;
        }
        validate(hardware, inventory)
    }

    /// Some settings are for administrators.
    fn authorise(
        &self,
        hardware: &VmHardware,
        inventory: &Inventory,
        caller: &Caller,
        object: ObjectId,
    ) -> Result<()> {
        let admin = [
            self.hosts
                .as_ref()
                .is_some_and(|hosts| *hosts != hardware.placement.hosts),
            self.custom_emulated_machine
                .as_ref()
                .is_some_and(|it| *it != hardware.custom_emulated_machine),
            self.custom_cpu_model
                .as_ref()
                .is_some_and(|it| *it != hardware.custom_cpu_model),
        ];
        if admin.contains(&true) {
            access::require(inventory, caller, Permit::EDIT_ADMIN_VM_PROPERTIES, object)?;
        }
        for (new, old) in [
            (&self.kernel, &hardware.direct_boot.kernel),
            (&self.initrd, &hardware.direct_boot.initrd),
        ] {
            let Some(new) = new.as_ref().filter(|new| !new.is_empty()) else {
                continue;
            };
            if Some(new) == old.as_ref() {
                continue;
            }
            match boot_file(inventory, new)? {
                // A guest can read what it boots from: to name any file of the host is for those
                // who are trusted with the host.
                BootFile::Host(_) => {
                    if !access::may(
                        inventory,
                        caller,
                        Permit::EDIT_HOST_CONFIGURATION,
                        ObjectId::System,
                    ) {
                        return Err(Error::denied());
                    }
                }
                BootFile::Disk(disk, _) => access::require_any(
                    inventory,
                    caller,
                    &[Permit::ATTACH_DISK, Permit::ACCESS_IMAGE_STORAGE],
                    disk,
                )?,
                BootFile::Domain(_) => {}
            }
        }
        Ok(())
    }
}

/// Checks hardware as a whole.
pub(super) fn validate(hardware: &VmHardware, inventory: &Inventory) -> Result<()> {
    if !MEMORY.contains(&hardware.memory) {
        return Err(Error::invalid(
            "memory",
            format!(
                "The memory must be between {} MiB and {} GiB.",
                MEMORY.start() / MIB,
                MEMORY.end() / GIB
            ),
        ));
    }
    if hardware.memory_guaranteed > hardware.memory {
        return Err(Error::conflict(
            "Physical Memory Guaranteed cannot exceed Memory Size.",
        ));
    }
    if hardware.memory_max < hardware.memory {
        return Err(Error::conflict(
            "Maximum memory size must not be less than the memory size.",
        ));
    }
    if hardware.memory_max > *MEMORY.end() {
        return Err(Error::invalid(
            "memory_policy.max",
            "The maximum memory is too large.",
        ));
    }
    let topology = hardware.topology;
    for (field, value) in [
        ("cpu.topology.sockets", topology.sockets),
        ("cpu.topology.cores", topology.cores),
        ("cpu.topology.threads", topology.threads),
    ] {
        if !(1..=MOST_OF_ONE).contains(&value) {
            return Err(Error::invalid(
                field,
                format!("{field} must be 1 to {MOST_OF_ONE}."),
            ));
        }
    }
    if topology.count() > MOST_CPUS {
        return Err(Error::conflict(format!(
            "The total number of virtual CPUs must be at most {MOST_CPUS}."
        )));
    }
    if !(1..=MOST_MONITORS).contains(&hardware.display.monitors) {
        return Err(Error::invalid(
            "display.monitors",
            format!("The number of monitors must be 1 to {MOST_MONITORS}."),
        ));
    }
    if !seed::operating_systems().any(|(name, _)| name == hardware.os_type)
        && hardware.os_type != "unassigned"
    {
        return Err(Error::invalid(
            "os.type",
            "There is no such operating system.",
        ));
    }
    if hardware.boot_devices.len() > 3 {
        return Err(Error::invalid(
            "os.boot.devices",
            "A boot device is named twice.",
        ));
    }
    for (field, value) in [
        ("custom_cpu_model", hardware.custom_cpu_model.as_deref()),
        (
            "custom_emulated_machine",
            hardware.custom_emulated_machine.as_deref(),
        ),
    ] {
        let plain = value.is_none_or(|value| {
            value.len() <= 64
                && value.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+')
                })
        });
        if !plain {
            return Err(Error::invalid(
                field,
                "Only letters, digits and '.', '_', '-', '+' are allowed.",
            ));
        }
    }
    if hardware.direct_boot.kernel.is_none()
        && (hardware.direct_boot.initrd.is_some() || hardware.direct_boot.cmdline.is_some())
    {
        return Err(Error::conflict(
            "Kernel parameters and initial ram disk can only be given together with a kernel path.",
        ));
    }
    let cmdline = hardware.direct_boot.cmdline.as_deref().unwrap_or_default();
    if cmdline.len() > 2000 || cmdline.chars().any(char::is_control) {
        return Err(Error::invalid(
            "os.cmdline",
            "The kernel's parameters are too long or not on one line.",
        ));
    }
    for text in [&hardware.direct_boot.kernel, &hardware.direct_boot.initrd]
        .into_iter()
        .flatten()
    {
        boot_file(inventory, text)?;
    }
    for (name, value) in &hardware.custom_properties {
        check_property(name, value)?;
    }
    for host in &hardware.placement.hosts {
        if !inventory.hosts.contains_key(host) {
            return Err(Error::not_found(host));
        }
    }
    if let Some(domain) = hardware.lease
        && !inventory.storage_domains.contains_key(&domain)
    {
        return Err(Error::not_found(domain));
    }
    check::text("time_zone.name", &hardware.time_zone)?;
    check::text(
        "display.disconnect_action",
        &hardware.display.disconnect_action,
    )?;
    for (field, text) in [
        (
            "display.keyboard_layout",
            hardware.display.keyboard_layout.as_deref(),
        ),
        ("serial_number.value", hardware.serial_number.as_deref()),
        (
            "serial_number.policy",
            hardware.serial_number_policy.as_deref(),
        ),
        ("rng_device.source", hardware.rng_source.as_deref()),
    ] {
        check::text(field, text.unwrap_or_default())?;
    }
    if let Some(fault) = hardware.initialization.as_ref().and_then(first_boot::fault) {
        return Err(Error::invalid("initialization", fault));
    }
    if !time_zone::is_known(&hardware.time_zone) {
        return Err(Error::conflict(
            "Invalid time zone for given OS type. It must be one of Windows' names or of the IANA's.",
        ));
    }
    for (field, value, known) in [
        (
            "serial_number.policy",
            hardware.serial_number_policy.as_deref(),
            &["host", "vm", "custom", "none"][..],
        ),
        (
            "rng_device.source",
            hardware.rng_source.as_deref(),
            &["urandom", "random", "hwrng"][..],
        ),
    ] {
        if value.is_some_and(|value| !known.contains(&value)) {
            return Err(Error::invalid(
                field,
                format!("It must be one of {}.", known.join(", ")),
            ));
        }
    }
    let keyboard = hardware
        .display
        .keyboard_layout
        .as_deref()
        .unwrap_or("en-us");
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if keyboard.is_empty() || keyboard.len() > 16 || !keyboard.chars().all(letters) {
        return Err(Error::invalid(
            "display.keyboard_layout",
            "A keyboard layout is written as en-us.",
        ));
    }
    if hardware.io_threads > MOST_IO_THREADS {
        return Err(Error::conflict(format!(
            "The number of IO threads must be at most {MOST_IO_THREADS}."
        )));
    }
    if hardware.virtio_scsi_multi_queues.is_some_and(|it| it > 256) {
        return Err(Error::conflict(
            "The number of VirtIO-SCSI queues must be at most 256.",
        ));
    }
    let mut pinned = std::collections::BTreeSet::new();
    for pin in &hardware.cpu_pinning {
        if !pin.is_well_formed() {
            return Err(Error::invalid(
                "cpu.cpu_tune",
                "A set of the host's processors is written as 0-3,^2.",
            ));
        }
        if u64::from(pin.vcpu) >= topology.count() || !pinned.insert(pin.vcpu) {
            return Err(Error::conflict(
                "Each of the VM's processors can be pinned once, and none that it does not have.",
            ));
        }
    }
    check_numa(hardware)
}

/// Most parts of a VM's memory.
const MOST_NODES: usize = 32;

/// Nodes have numbers from 0 on without a gap, memory that the VM has, and processors of their own.
fn check_numa(hardware: &VmHardware) -> Result<()> {
    let nodes = &hardware.numa_nodes;
    if nodes.len() > MOST_NODES {
        return Err(Error::conflict(format!(
            "A VM can have at most {MOST_NODES} NUMA nodes."
        )));
    }
    let mut numbers: Vec<u32> = nodes.iter().map(|node| node.index).collect();
    numbers.sort_unstable();
    if numbers
        .iter()
        .zip(0..)
        .any(|(number, place)| *number != place)
    {
        return Err(Error::conflict(
            "The indices of NUMA nodes must begin with 0 and have no gap.",
        ));
    }
    let memory = nodes
        .iter()
        .map(|node| node.memory_mib)
        .fold(0, u64::saturating_add);
    if memory.saturating_mul(MIB) > hardware.memory || nodes.iter().any(|it| it.memory_mib == 0) {
        return Err(Error::conflict(
            "The memory of the NUMA nodes must not be more than the VM's, and none can be without.",
        ));
    }
    let mut known = std::collections::BTreeSet::new();
    for cpu in nodes.iter().flat_map(|node| &node.cpus) {
        if u64::from(*cpu) >= hardware.topology.count() || !known.insert(*cpu) {
            return Err(Error::conflict(
                "Each of the VM's processors belongs to one NUMA node at most.",
            ));
        }
    }
    Ok(())
}

/// Custom properties that have an effect, as oVirt knows them.
fn check_property(name: &str, value: &str) -> Result<()> {
    let fits = match name {
        "viodiskcache" => matches!(value, "none" | "writeback" | "writethrough"),
        "hugepages" => matches!(value, "4" | "2048" | "1048576"),
        _ => {
            return Err(Error::conflict(format!(
                "Some of the specified custom properties are not configured by the system. The keys are: {}.",
                name.chars().take(64).collect::<String>()
            )));
        }
    };
    if fits {
        Ok(())
    } else {
        Err(Error::conflict(format!(
            "Some of the specified custom properties have illegal values. The keys are: {name}."
        )))
    }
}
