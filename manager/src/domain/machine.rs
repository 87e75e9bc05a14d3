//! The machine around a VM's disks and NICs, in the host's words: chipset, firmware, small devices,
//! screens and clock. What the operating system cannot have is left out.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::catalogue::{self, Family, Os};
use crate::host as h;
use crate::inventory::Inventory;
use crate::model::{
    BiosType, ClusterId, GraphicsType, HostFacts, PayloadMedium, VideoType, Vm, VmHardware,
    WatchdogAction,
};
use crate::time_zone;

const MIB: u64 = 1 << 20;
/// Sockets that a VM may be given while it runs (oVirt: `MaxNumOfVmSockets`).
const MOST_SOCKETS: u32 = 16;
/// Processors that QEMU gives a guest without an interrupt controller of another kind.
const MOST_VCPUS: u32 = 240;
/// Queues of a NIC with several (oVirt: `MaxNumOfQueues`).
const MOST_QUEUES: u64 = 4;

/// Chipset and firmware: the VM's own, or its cluster's.
pub(crate) fn bios_type(
    inventory: &Inventory,
    cluster: ClusterId,
    hardware: &VmHardware,
) -> BiosType {
    let of_cluster = || {
        inventory
            .clusters
            .get(&cluster)
            .map(|cluster| cluster.bios_type)
            .filter(|bios| *bios != BiosType::ClusterDefault)
            .unwrap_or(BiosType::Q35SeaBios)
    };
    match hardware.bios_type {
        BiosType::ClusterDefault => of_cluster(),
        bios => bios,
    }
}

/// What a host lacks for a VM, as the rest of a sentence that begins with the host's name.
pub(crate) fn lack(facts: &HostFacts, bios: BiosType, tpm: bool) -> Option<&'static str> {
    let parts = facts.parts;
    match bios {
        BiosType::Q35Ovmf if !parts.uefi => Some(
            "has no UEFI firmware for guests (Debian's package ovmf), which the VM's chipset/firmware type asks for",
        ),
        BiosType::Q35SecureBoot if !parts.secure_boot => Some(
            "has no UEFI firmware with Secure Boot for guests (Debian's package ovmf), which the VM's chipset/firmware type asks for",
        ),
        _ if tpm && !parts.tpm => {
            Some("cannot give guests a TPM (Debian's packages swtpm and swtpm-tools)")
        }
        _ => None,
    }
}

/// Whether the guest can be given processors and memory while it runs.
fn grows(os: &Os) -> bool {
    os.firmware != Some(BiosType::I440fxSeaBios)
}

/// Sockets up to which a VM may be given processors while it runs.
pub(crate) fn sockets_max(hardware: &VmHardware) -> u32 {
    let topology = hardware.topology;
    if !grows(&catalogue::os(&hardware.os_type)) {
        return topology.sockets;
    }
    let each = topology.cores.saturating_mul(topology.threads).max(1);
    (MOST_VCPUS / each).min(MOST_SOCKETS).max(topology.sockets)
}

/// How disks use the host's cache, where a custom property says so.
fn disk_cache(hardware: &VmHardware) -> Option<String> {
    property(hardware, "viodiskcache").map(str::to_owned)
}

fn property<'a>(hardware: &'a VmHardware, name: &str) -> Option<&'a str> {
    hardware
        .custom_properties
        .iter()
        .find(|(property, _)| property == name)
        .map(|(_, value)| value.as_str())
}

pub(super) fn machine(
    inventory: &Inventory,
    vm: &Vm,
    hardware: &VmHardware,
    epoch: u64,
) -> h::MachineSpec {
    let os = catalogue::os(&hardware.os_type);
    let bios = bios_type(inventory, vm.cluster, hardware);
    let own = hardware.custom_emulated_machine.clone();
    let old = match &own {
        Some(machine) => !machine.contains("q35"),
        None => bios == BiosType::I440fxSeaBios,
    };
    h::MachineSpec {
        chipset: if old {
            h::Chipset::I440fx
        } else {
            h::Chipset::Q35
        },
        machine_type: own,
        firmware: match bios {
            BiosType::Q35Ovmf => h::Firmware::Uefi,
            BiosType::Q35SecureBoot => h::Firmware::UefiSecureBoot,
            BiosType::ClusterDefault | BiosType::I440fxSeaBios | BiosType::Q35SeaBios => {
                h::Firmware::Bios
            }
        },
        tpm: hardware.tpm,
        io_threads: hardware.io_threads,
        nic_queues: if hardware.multi_queues {
            u32::try_from(hardware.topology.count().min(MOST_QUEUES)).unwrap_or(1)
        } else {
            1
        },
        scsi: hardware.virtio_scsi,
        scsi_queues: hardware.virtio_scsi_multi_queues.unwrap_or(0),
        smartcard: hardware.display.smartcard,
        rng: hardware.rng_source.as_deref().map(|source| match source {
            "random" => h::RngSource::Random,
            "hwrng" => h::RngSource::Hwrng,
            _ => h::RngSource::Urandom,
        }),
        watchdog: hardware.watchdog.map(|watchdog| match watchdog.action {
            WatchdogAction::None => h::WatchdogAct::None,
            WatchdogAction::Reset => h::WatchdogAct::Reset,
            WatchdogAction::Poweroff => h::WatchdogAct::Poweroff,
            WatchdogAction::Dump => h::WatchdogAct::Dump,
            WatchdogAction::Pause => h::WatchdogAct::Pause,
        }),
        balloon: hardware.ballooning,
        pins: hardware
            .cpu_pinning
            .iter()
            .map(|pin| (pin.vcpu, pin.cpus.clone()))
            .collect(),
        numa: numa(hardware),
        cpu_shares: hardware.cpu_shares,
        serial_console: hardware.serial_console,
        sound: os.sound,
        serial_number: serial_number(vm, hardware),
        hyperv: os.hyperv,
        memory_max: if grows(&os) {
            hardware.memory_max / MIB * MIB
        } else {
            0
        },
        sockets_max: sockets_max(hardware),
        payload: vm
            .run
            .payload
            .filter(|payload| payload.epoch == epoch)
            .map(|payload| h::PayloadSpec {
                volume: h::VolumeRef {
                    storage_domain: payload.storage_domain.0,
                    volume: payload.volume,
                },
                floppy: payload.medium == PayloadMedium::Floppy,
            }),
        disk_cache: disk_cache(hardware),
        huge_pages: property(hardware, "hugepages").and_then(|size| size.parse().ok()),
    }
}

fn numa(hardware: &VmHardware) -> Vec<h::NumaSpec> {
    let mut nodes: Vec<_> = hardware.numa_nodes.iter().collect();
    nodes.sort_by_key(|node| node.index);
    nodes
        .into_iter()
        .map(|node| h::NumaSpec {
            memory_bytes: node.memory_mib.saturating_mul(MIB),
            cpus: node.cpus.clone(),
            host_nodes: node.host_nodes.clone(),
            mode: node.tune_mode.as_str(),
        })
        .collect()
}

fn serial_number(vm: &Vm, hardware: &VmHardware) -> Option<String> {
    match hardware.serial_number_policy.as_deref()? {
        "vm" => Some(vm.id.to_string()),
        "custom" => hardware.serial_number.clone(),
        "host" => vm.run.host.map(|host| host.to_string()),
        _ => None,
    }
}

pub(super) fn display(hardware: &VmHardware, listen: IpAddr) -> Option<h::DisplaySpec> {
    let display = &hardware.display;
    if display.graphics.is_empty() {
        return None;
    }
    let windows = catalogue::os(&hardware.os_type).family == Family::Windows;
    Some(h::DisplaySpec {
        listen,
        spice: display.graphics.contains(&GraphicsType::Spice),
        vnc: display.graphics.contains(&GraphicsType::Vnc),
        video: match display.video {
            VideoType::Qxl => h::VideoModel::Qxl,
            VideoType::Vga => h::VideoModel::Vga,
            VideoType::Cirrus => h::VideoModel::Cirrus,
            VideoType::Bochs => h::VideoModel::Bochs,
        },
        monitors: u8::try_from(display.monitors).unwrap_or(1).clamp(1, 4),
        separate_cards: windows && display.video == VideoType::Qxl,
        copy_paste: display.copy_paste,
        file_transfer: display.file_transfer,
        keyboard: display.keyboard_layout.clone(),
    })
}

/// Windows keeps local time in the clock, and whoever chose a zone for another system means the
/// same.
pub(super) fn clock(hardware: &VmHardware, now: SystemTime) -> h::ClockSpec {
    match time_zone::ahead(&hardware.time_zone, now) {
        0 => h::ClockSpec::Utc,
        seconds => h::ClockSpec::Ahead { seconds },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::seed;

    #[test]
    fn the_clock_shows_the_time_of_the_zone_in_summer_and_in_winter() {
        let mut hardware = seed::blank_hardware();
        // 15 January and 15 July 2020.
        let winter = SystemTime::UNIX_EPOCH + Duration::from_secs(1_579_089_600);
        let summer = SystemTime::UNIX_EPOCH + Duration::from_secs(1_594_814_400);
        assert_eq!(clock(&hardware, summer), h::ClockSpec::Utc);
        "GMT Standard Time".clone_into(&mut hardware.time_zone);
        assert_eq!(clock(&hardware, winter), h::ClockSpec::Utc);
        assert_eq!(
            clock(&hardware, summer),
            h::ClockSpec::Ahead { seconds: 3600 }
        );
    }
}
