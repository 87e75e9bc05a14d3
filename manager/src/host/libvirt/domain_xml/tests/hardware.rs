//! Firmware, chipsets and small devices; and the machine that every operating system of the
//! catalogue gets.

use std::collections::BTreeSet;

use super::*;
use crate::catalogue;
use crate::domain::{self, RunIdentity};
use crate::host::{Firmware, NumaSpec, PayloadSpec, RngSource, SoundModel, WatchdogAct};
use crate::inventory::Inventory;
use crate::model::{BiosType, Mac, Nic, Vm, VmRun};
use crate::seed;

fn machine() -> MachineSpec {
    MachineSpec {
        chipset: Chipset::Q35,
        machine_type: None,
        firmware: Firmware::UefiSecureBoot,
        tpm: true,
        io_threads: 2,
        nic_queues: 4,
        scsi: true,
        scsi_queues: 4,
        smartcard: true,
        rng: Some(RngSource::Hwrng),
        watchdog: Some(WatchdogAct::Poweroff),
        balloon: false,
        pins: vec![(0, "0-1,^3".to_owned())],
        numa: vec![
            NumaSpec {
                memory_bytes: 256 << 20,
                cpus: vec![0, 1],
                host_nodes: vec![],
                mode: "interleave",
            },
            NumaSpec {
                memory_bytes: 128 << 20,
                cpus: vec![5, 2, 3],
                host_nodes: vec![0],
                mode: "preferred",
            },
        ],
        cpu_shares: 2048,
        serial_console: true,
        sound: SoundModel::Ich9,
        serial_number: Some("A & 1".to_owned()),
        hyperv: true,
        memory_max: 4 << 30,
        sockets_max: 8,
        payload: Some(PayloadSpec {
            volume: volume(0xf1),
            floppy: false,
        }),
        disk_cache: Some("writethrough".to_owned()),
        huge_pages: Some(2048),
    }
}

fn secure() -> DomainSpec {
    DomainSpec {
        display: Some(DisplaySpec {
            vnc: true,
            video: VideoModel::Bochs,
            copy_paste: false,
            file_transfer: false,
            keyboard: Some("en-us".to_owned()),
            ..DisplaySpec::spice([127, 0, 0, 1].into())
        }),
        disks: vec![
            disk_spec(0x10, DiskInterface::Virtio),
            disk_spec(0x11, DiskInterface::Virtio),
            disk_spec(0x12, DiskInterface::Virtio),
            disk_spec(0x13, DiskInterface::VirtioScsi),
            disk_spec(0x14, DiskInterface::Ide),
        ],
        machine: machine(),
        ..smallest()
    }
}

fn old() -> DomainSpec {
    DomainSpec {
        display: Some(DisplaySpec {
            spice: false,
            vnc: true,
            video: VideoModel::Cirrus,
            ..DisplaySpec::spice([127, 0, 0, 1].into())
        }),
        disks: vec![
            disk_spec(0x10, DiskInterface::Ide),
            disk_spec(0x11, DiskInterface::Ide),
        ],
        cd: Some(volume(0xcd)),
        nics: vec![NicSpec {
            model: NicModel::Rtl8139,
            ..nic_spec(1, NicNetwork::Named("ovirtmgmt".to_owned()))
        }],
        machine: MachineSpec {
            chipset: Chipset::I440fx,
            scsi: false,
            rng: None,
            sound: SoundModel::Ac97,
            payload: Some(PayloadSpec {
                volume: volume(0xf1),
                floppy: true,
            }),
            ..MachineSpec::default()
        },
        ..smallest()
    }
}

#[test]
fn the_documents_with_other_hardware_are_as_they_were_last_looked_at() {
    expect_file!["secure.xml"].assert_eq(
        &render_with(&secure(), AccelerationKind::Kvm)
            .unwrap()
            .to_xml(),
    );
    expect_file!["old.xml"].assert_eq(&render(&old()).unwrap().to_xml());
}

#[test]
fn libvirts_schema_takes_other_hardware_too() {
    for (name, spec) in [("secure", secure()), ("old", old())] {
        for kind in [AccelerationKind::Tcg, AccelerationKind::Kvm] {
            valid(name, &render_with(&spec, kind).unwrap());
        }
    }
}

#[test]
fn what_the_machine_cannot_be_is_refused() {
    let with = |change: fn(&mut MachineSpec)| {
        let mut spec = smallest();
        change(&mut spec.machine);
        render(&spec)
    };
    for (field, refused) in [
        (
            "firmware",
            with(|it| {
                it.chipset = Chipset::I440fx;
                it.firmware = Firmware::Uefi;
            }),
        ),
        (
            "machine type",
            with(|it| it.machine_type = Some("a b".to_owned())),
        ),
        ("io threads", with(|it| it.io_threads = 17)),
        ("cpu", with(|it| it.sockets_max = 400)),
        (
            "cpu pinning",
            with(|it| it.pins = vec![(0, "0;1".to_owned())]),
        ),
        ("virtio-scsi queues", with(|it| it.scsi_queues = 257)),
    ] {
        match refused {
            Err(HostError::Invalid { field: said, .. }) => assert_eq!(said, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn ide_has_three_places_beside_the_cd_and_one_less_with_a_second_cd() {
    let disks = |count: u128| {
        let mut spec = old();
        spec.disks = (0..count)
            .map(|n| disk_spec(0x10 + n, DiskInterface::Ide))
            .collect();
        spec
    };
    assert!(render(&disks(2)).is_ok());
    let mut without = disks(3);
    assert!(render(&without).is_err(), "the medium has one");
    without.machine.payload = None;
    let document = render(&without).unwrap();
    let targets: BTreeSet<&str> = document
        .path(&["devices"])
        .unwrap()
        .all("disk")
        .filter_map(|disk| disk.find("target"))
        .filter_map(|target| target.get("dev"))
        .collect();
    assert_eq!(targets, BTreeSet::from(["hda", "hdb", "hdc", "hdd"]));
}

fn vm(os: &catalogue::Os) -> Vm {
    let mut hardware = seed::blank_hardware();
    hardware.os_type = os.name.to_owned();
    os.put_into(&mut hardware, |_, _| true);
    // Through its stored form, which is what fields that come later have a default for.
    serde_json::from_value(serde_json::json!({
        "id": id(1), "name": os.name, "description": "", "comment": "", "cluster": id(2),
        "template": Uuid::nil(), "original_template": Uuid::nil(), "instance_type": null,
        "origin": "ovirt", "creation_time": 0, "delete_protected": false, "tags": [],
        "hardware": hardware, "next_run": null, "disk_attachments": [], "nics": [], "cdrom": null,
        "run": VmRun::default(),
    }))
    .unwrap()
}

/// The machine that a new VM of a system gets, with a disk and a NIC as the catalogue says.
fn spec_of(os: &catalogue::Os) -> DomainSpec {
    let vm = vm(os);
    let run = RunIdentity {
        epoch: 1,
        operation: id(9),
        display: [127, 0, 0, 1].into(),
    };
    let mut spec = domain::domain_spec(&Inventory::empty(), &vm, run, Vec::new()).unwrap();
    spec.disks.push(disk_spec(
        0x10,
        match os.disk {
            crate::model::DiskInterface::Ide => DiskInterface::Ide,
            crate::model::DiskInterface::Sata => DiskInterface::Sata,
            crate::model::DiskInterface::Virtio => DiskInterface::Virtio,
            _ => DiskInterface::VirtioScsi,
        },
    ));
    let nic: Nic = serde_json::from_value(serde_json::json!({
        "id": id(0xa1), "name": "nic1", "interface": os.nic, "mac": Mac([0x56, 0x6f, 0x1a, 0, 0, 1]),
        "vnic_profile": null, "linked": true, "plugged": true,
    }))
    .unwrap();
    spec.nics.push(domain::nic_spec(
        &nic,
        NicNetwork::Named("ovirtmgmt".to_owned()),
    ));
    spec
}

/// One line for a document: what the guest's installer meets.
fn line(name: &str, document: &Element) -> String {
    let devices = document.find("devices").unwrap();
    let one = |kind: &str, inner: &str, attribute: &str| -> String {
        devices
            .all(kind)
            .filter(|device| device.get("device") != Some("cdrom"))
            .map(|device| {
                let place = if inner.is_empty() {
                    Some(device)
                } else {
                    device.find(inner)
                };
                place
                    .and_then(|it| it.get(attribute))
                    .unwrap_or("-")
                    .to_owned()
            })
            .collect::<Vec<_>>()
            .join("+")
    };
    let os = document.find("os").unwrap();
    let secure = os.find("loader").is_some();
    let mut line = format!(
        "{name}: {} {}, disk {}, nic {}, video {}, sound {}",
        os.find("type").unwrap().get("machine").unwrap(),
        match os.get("firmware") {
            None => "bios",
            Some(_) if secure => "secure boot",
            Some(_) => "uefi",
        },
        one("disk", "target", "bus"),
        one("interface", "model", "type"),
        one("video", "model", "type"),
        one("sound", "", "model"),
    );
    if devices.find("tpm").is_some() {
        line.push_str(", tpm");
    }
    if document.path(&["features", "hyperv"]).is_some() {
        line.push_str(", hyper-v");
    }
    if document.find("maxMemory").is_some() {
        line.push_str(", grows");
    }
    line
}

#[test]
fn every_operating_system_gets_the_machine_that_it_has_drivers_for() {
    let mut lines = String::new();
    for os in catalogue::known() {
        let document = render_with(&spec_of(os), AccelerationKind::Kvm).unwrap();
        lines.push_str(&line(os.name, &document));
        lines.push('\n');
        if matches!(
            os.name,
            "rhel_3"
                | "rhel_6x64"
                | "rhel_9x64"
                | "windows_xp"
                | "windows_2008R2x64"
                | "windows_11"
        ) {
            valid(os.name, &document);
        }
    }
    expect_file!["catalogue.txt"].assert_eq(&lines);
}

#[test]
fn a_windows_with_two_screens_has_two_cards() {
    let os = catalogue::os("windows_10x64");
    let mut spec = spec_of(&os);
    if let Some(display) = &mut spec.display {
        display.monitors = 2;
    }
    let document = render(&spec).unwrap();
    let cards: Vec<&Element> = document.find("devices").unwrap().all("video").collect();
    assert_eq!(cards.len(), 2);
    let primary = |card: &Element| card.find("model").unwrap().get("primary").is_some();
    assert!(primary(cards[0]) && !primary(cards[1]));
}

#[test]
fn firmware_that_no_host_has_is_not_chosen() {
    let os = catalogue::os("windows_11");
    let mut hardware = seed::blank_hardware();
    os.put_into(&mut hardware, |_, _| false);
    assert_eq!(
        (hardware.bios_type, hardware.tpm),
        (BiosType::ClusterDefault, false)
    );
    os.put_into(&mut hardware, |_, _| true);
    assert_eq!(
        (hardware.bios_type, hardware.tpm),
        (BiosType::Q35SecureBoot, true)
    );
}
