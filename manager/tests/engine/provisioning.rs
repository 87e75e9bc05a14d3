//! First boot, Run Once, what a system's devices are, and what a running VM takes over.

use std::io::Read as _;

use manager::host::{Chipset, Firmware, Hypervisor as _, SoundModel, VideoModel, VolumeAccess};
use manager::model::{
    BiosType, FirstBoot, GraphicsType, Hidden, Initialization, NicInterface, PayloadMedium,
    VideoType, VmId, VmStatus, Watchdog, WatchdogAction,
};
use manager::{
    FirstBootWish, NicAddParams, VmRemoveParams, VmSettings, VmStartParams, VmUpdateParams,
};

use crate::site::{Site, refusal};

const GIB: u64 = 1 << 30;
const PASSWORD: &str = "correct horse battery";

fn initialization() -> Initialization {
    Initialization {
        host_name: Some("web1.example.org".to_owned()),
        root_password: Some(Hidden::new(PASSWORD)),
        authorized_ssh_keys: Some("ssh-ed25519 AAAA ada".to_owned()),
        ..Default::default()
    }
}

async fn set(site: &Site, vm: VmId, settings: VmSettings) {
    let params = VmUpdateParams {
        settings,
        ..Default::default()
    };
    site.manager
        .vm_update(&site.admin, vm, params)
        .await
        .expect("changed");
}

async fn start_with(site: &Site, vm: VmId, params: VmStartParams) {
    let started = site
        .manager
        .vm_start(&site.admin, vm, params)
        .await
        .expect("accepted");
    assert!(site.finished(&started).await);
}

/// What is on the medium that the running VM was given.
async fn medium(site: &Site, vm: VmId) -> Option<String> {
    let payload = site.host.spec(vm.0)?.machine.payload?;
    let mut bytes = Vec::new();
    let mut file = site
        .host
        .volume_open(payload.volume, VolumeAccess::Read)
        .await
        .expect("is there");
    file.read_to_end(&mut bytes).expect("read");
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_guest_is_told_its_settings_at_its_first_start_and_no_more() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let settings = VmSettings {
        initialization: Some(initialization()),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    site.start(vm).await;
    let told = medium(&site, vm).await.expect("there is a medium");
    assert!(told.contains("fqdn: \"web1.example.org\""), "{told}");
    assert!(told.contains("password: \"$6$") && !told.contains(PASSWORD));
    let payload = site.vm(vm).run.payload.expect("remembered");
    assert_eq!(payload.reader, FirstBoot::CloudInit);
    let disk = site.vm(vm).disk_attachments[0].disk;
    let of_disk = site
        .manager
        .inventory()
        .disks
        .get(&disk)
        .map(|it| it.storage_domain);
    assert_eq!(Some(payload.storage_domain), of_disk, "beside its disks");
    site.stop(vm).await;
    site.start(vm).await;
    assert_eq!(medium(&site, vm).await, None);
    assert_eq!(site.vm(vm).run.payload, None);
    assert_eq!(site.host.volume_sizes().len(), 1, "the medium is gone");
    site.stop(vm).await;
    let again = VmStartParams {
        first_boot: FirstBootWish::CloudInit,
        ..Default::default()
    };
    start_with(&site, vm, again).await;
    assert!(
        medium(&site, vm).await.is_some(),
        "whoever asks for it gets it again"
    );
    assert!(site.vm(vm).run.run_once);
}

#[tokio::test]
async fn what_is_said_for_one_start_is_told_with_what_was_there() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let settings = VmSettings {
        initialization: Some(initialization()),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    let once = VmSettings {
        initialization: Some(Initialization {
            host_name: Some("other".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let params = VmStartParams {
        once,
        ..Default::default()
    };
    start_with(&site, vm, params).await;
    let told = medium(&site, vm).await.expect("there is a medium");
    assert!(told.contains("hostname: \"other\"") && told.contains("ssh-ed25519 AAAA ada"));
    let kept = site.vm(vm).hardware.initialization.clone().expect("kept");
    assert_eq!(kept.host_name.as_deref(), Some("web1.example.org"));
}

#[tokio::test]
async fn a_vm_that_is_removed_takes_its_medium_with_it() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let settings = VmSettings {
        initialization: Some(initialization()),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    site.start(vm).await;
    assert_eq!(site.host.volume_sizes().len(), 1);
    site.stop(vm).await;
    let removed = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert!(site.host.volume_sizes().is_empty());
}

#[tokio::test]
async fn a_start_that_fails_leaves_no_medium() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let settings = VmSettings {
        initialization: Some(initialization()),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    site.host.next(
        "start",
        manager::host::sim::Fault::Fails(manager::host::HostError::Failed {
            what: "no".to_owned(),
        }),
    );
    let started = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await
        .expect("accepted");
    assert!(!site.finished(&started).await);
    assert!(site.host.volume_sizes().is_empty());
    let run = site.vm(vm).run.clone();
    assert_eq!((run.payload, run.initialized), (None, false));
    site.start(vm).await;
    assert!(
        medium(&site, vm).await.is_some(),
        "the next start is the first"
    );
}

#[tokio::test]
async fn windows_is_told_on_a_floppy_where_there_is_a_drive_for_one() {
    let site = Site::new().await;
    for (os, medium, name) in [
        ("windows_2003", PayloadMedium::Floppy, "SYSPREP INF"),
        ("windows_10x64", PayloadMedium::Cdrom, "Unattend.xml"),
    ] {
        let mut params = site.vm_params(os);
        params.settings.os_type = Some(os.to_owned());
        params.settings.initialization = Some(initialization());
        let vm = site
            .manager
            .vm_add(&site.admin, params)
            .await
            .expect("added")
            .value
            .id;
        site.start(vm).await;
        let payload = site.vm(vm).run.payload.expect("remembered");
        assert_eq!(
            (payload.reader, payload.medium),
            (FirstBoot::Sysprep, medium)
        );
        let told = self::medium(&site, vm).await.expect("there is a medium");
        assert!(told.contains(name), "{os}");
    }
}

#[tokio::test]
async fn a_password_is_shown_to_nobody_and_stays_when_nothing_is_said_of_it() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    for new in [
        initialization(),
        Initialization {
            timezone: Some("Europe/Prague".to_owned()),
            authorized_ssh_keys: Some(String::new()),
            ..Default::default()
        },
    ] {
        let settings = VmSettings {
            initialization: Some(new),
            ..Default::default()
        };
        assert!(!format!("{settings:?}").contains(PASSWORD));
        set(&site, vm, settings).await;
    }
    let vm = site.vm(vm);
    assert!(!format!("{vm:?}").contains(PASSWORD));
    let kept = vm.hardware.initialization.clone().expect("kept");
    assert_eq!(kept.root_password, Some(Hidden::new(PASSWORD)));
    assert_eq!(kept.timezone.as_deref(), Some("Europe/Prague"));
    assert_eq!(kept.authorized_ssh_keys, None, "an empty text takes away");
    for event in site.manager.inventory().vms.iter() {
        assert!(!format!("{event:?}").contains(PASSWORD));
    }
}

#[tokio::test]
async fn what_holds_for_one_run_does_not_change_what_is_configured() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let before = site.vm(vm).hardware.clone();
    let once = VmSettings {
        graphics: Some(vec![GraphicsType::Vnc]),
        cores: Some(2),
        boot_menu: Some(true),
        ..Default::default()
    };
    let params = VmStartParams {
        once,
        ..Default::default()
    };
    start_with(&site, vm, params).await;
    let shown = site.vm(vm);
    assert!(shown.run.run_once);
    assert_eq!(shown.hardware, before, "it is for this run alone");
    assert_eq!(shown.next_run, None, "and nothing waits for the next one");
    assert_eq!(shown.running_hardware().topology.cores, 2);
    let spec = site.host.spec(vm.0).expect("runs");
    let display = spec.display.expect("has a screen");
    assert_eq!((display.spice, display.vnc), (false, true));
    assert!(spec.boot.menu);
    // What is changed meanwhile waits, beside it.
    let settings = VmSettings {
        threads: Some(2),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    site.stop(vm).await;
    let shown = site.vm(vm);
    assert!(!shown.run.run_once && shown.run.once.is_none());
    let topology = shown.hardware.topology;
    assert_eq!((topology.cores, topology.threads), (1, 2));
}

#[tokio::test]
async fn a_suspended_run_keeps_what_holds_for_it() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let once = VmSettings {
        cores: Some(2),
        ..Default::default()
    };
    let params = VmStartParams {
        once,
        ..Default::default()
    };
    start_with(&site, vm, params).await;
    let saved = site
        .manager
        .vm_suspend(&site.admin, vm)
        .await
        .expect("accepted");
    assert!(site.finished(&saved).await);
    site.start(vm).await;
    assert!(site.vm(vm).run.run_once);
    assert_eq!(site.host.spec(vm.0).expect("runs").cpu.cores, 2);
}

#[tokio::test]
async fn a_running_vm_gets_memory_and_processors_at_once() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let max = site.vm(vm).hardware.memory_max;
    let settings = VmSettings {
        memory: Some(2 * GIB),
        sockets: Some(3),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    let now = site.vm(vm);
    assert_eq!(now.hardware.memory, 2 * GIB);
    assert_eq!(now.hardware.topology.sockets, 3);
    assert_eq!(now.hardware.memory_max, max);
    assert_eq!(now.next_run, None, "nothing is left for the next start");
    let spec = site.host.spec(vm.0).expect("runs");
    assert_eq!((spec.memory_bytes, spec.cpu.sockets), (2 * GIB, 3));
    let settings = VmSettings {
        sockets: Some(1),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    assert_eq!(site.host.spec(vm.0).expect("runs").cpu.sockets, 1);
}

#[tokio::test]
async fn what_a_running_guest_does_not_let_go_of_waits_for_its_next_start() {
    let site = Site::new().await;
    let mut params = site.vm_params("web1");
    params.settings.sockets = Some(2);
    let vm = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("added")
        .value
        .id;
    site.start(vm).await;
    site.host.stubborn_guests();
    let settings = VmSettings {
        sockets: Some(1),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    let now = site.vm(vm);
    assert_eq!(now.hardware.topology.sockets, 2);
    assert_eq!(now.next_run.as_ref().map(|it| it.topology.sockets), Some(1));
    // Less memory, and memory that is no whole module, wait as well.
    for memory in [GIB / 2, GIB + (1 << 20)] {
        let settings = VmSettings {
            memory: Some(memory),
            ..Default::default()
        };
        set(&site, vm, settings).await;
        assert_eq!(site.vm(vm).hardware.memory, GIB);
    }
    assert_eq!(site.host.count("attach_memory"), 0);
    site.stop(vm).await;
    let now = site.vm(vm);
    assert_eq!(
        (now.hardware.topology.sockets, now.hardware.memory),
        (1, GIB + (1 << 20))
    );
}

#[tokio::test]
async fn a_change_that_is_asked_for_the_next_run_touches_no_guest() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let params = VmUpdateParams {
        settings: VmSettings {
            sockets: Some(2),
            ..Default::default()
        },
        next_run: true,
        ..Default::default()
    };
    site.manager
        .vm_update(&site.admin, vm, params)
        .await
        .expect("changed");
    assert_eq!(site.host.count("set_vcpus"), 0);
    let next = site.vm(vm).next_run.clone().expect("waits");
    assert_eq!(next.topology.sockets, 2);
}

#[tokio::test]
async fn a_new_vm_has_the_devices_of_its_system_where_nothing_else_is_said() {
    let site = Site::new().await;
    let add = async |name: &str, os: &str, video: Option<VideoType>| {
        let mut params = site.vm_params(name);
        params.settings.os_type = Some(os.to_owned());
        params.settings.video = video;
        params.nics.push(NicAddParams {
            name: "nic1".to_owned(),
            interface: None,
            mac: None,
            vnic_profile: None,
            linked: None,
            plugged: None,
        });
        let added = site.manager.vm_add(&site.admin, params).await;
        added.expect("added").value.id
    };
    let old = add("xp", "windows_xp", None).await;
    let shown = site.vm(old);
    assert_eq!(shown.hardware.bios_type, BiosType::I440fxSeaBios);
    assert_eq!(shown.hardware.time_zone, "GMT Standard Time");
    assert_eq!(shown.nics[0].interface, NicInterface::Rtl8139);
    site.start(old).await;
    let spec = site.host.spec(old.0).expect("runs");
    assert_eq!(
        (spec.machine.chipset, spec.machine.sound),
        (Chipset::I440fx, SoundModel::Ac97)
    );
    assert_eq!(spec.display.expect("screen").video, VideoModel::Cirrus);
    let said = add("xp2", "windows_xp", Some(VideoType::Qxl)).await;
    assert_eq!(site.vm(said).hardware.display.video, VideoType::Qxl);
    let new = add("w11", "windows_11", None).await;
    site.start(new).await;
    let machine = site.host.spec(new.0).expect("runs").machine;
    assert_eq!(machine.firmware, Firmware::UefiSecureBoot);
    assert!(machine.tpm && machine.hyperv);
    let nothing = add("other", "other", None).await;
    assert_eq!(
        site.vm(nothing).hardware.bios_type,
        BiosType::ClusterDefault
    );
}

#[tokio::test]
async fn switches_of_the_hardware_reach_the_machine() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let settings = VmSettings {
        bios_type: Some(BiosType::Q35Ovmf),
        tpm: Some(true),
        io_threads: Some(2),
        cores: Some(2),
        sockets: Some(4),
        smartcard: Some(true),
        serial_console: Some(true),
        ballooning: Some(false),
        rng_source: Some(None),
        virtio_scsi: Some(false),
        virtio_scsi_multi_queues: Some(Some(4)),
        cpu_shares: Some(512),
        serial_number_policy: Some(Some("custom".to_owned())),
        serial_number: Some(Some("S/N 7".to_owned())),
        watchdog: Some(Some(Watchdog {
            action: WatchdogAction::Reset,
        })),
        custom_properties: Some(vec![("viodiskcache".to_owned(), "writethrough".to_owned())]),
        ..Default::default()
    };
    set(&site, vm, settings).await;
    site.start(vm).await;
    let machine = site.host.spec(vm.0).expect("runs").machine;
    assert_eq!(machine.firmware, Firmware::Uefi);
    assert_eq!(
        (machine.tpm, machine.smartcard, machine.serial_console),
        (true, true, true)
    );
    assert_eq!(
        (machine.balloon, machine.scsi, machine.rng),
        (false, false, None)
    );
    assert_eq!(
        (machine.io_threads, machine.nic_queues, machine.scsi_queues),
        (2, 4, 4)
    );
    assert_eq!(machine.cpu_shares, 512);
    assert_eq!(machine.serial_number.as_deref(), Some("S/N 7"));
    assert!(machine.watchdog.is_some());
    assert_eq!(machine.disk_cache.as_deref(), Some("writethrough"));
    assert_eq!(machine.sockets_max, 16);
}

#[tokio::test]
async fn a_host_without_the_firmware_or_the_tpm_refuses_with_a_sentence() {
    let site = Site::without_parts().await;
    let vm = site.bare("web1").await;
    for (settings, said) in [
        (
            VmSettings {
                bios_type: Some(BiosType::Q35SecureBoot),
                ..Default::default()
            },
            "Secure Boot",
        ),
        (
            VmSettings {
                bios_type: Some(BiosType::Q35SeaBios),
                tpm: Some(true),
                ..Default::default()
            },
            "swtpm",
        ),
    ] {
        set(&site, vm, settings).await;
        let started = site
            .manager
            .vm_start(&site.admin, vm, VmStartParams::default())
            .await;
        let sentence = refusal(started);
        assert!(
            sentence.starts_with("[Cannot run VM. ") && sentence.contains(said),
            "{sentence}"
        );
    }
    assert_eq!(site.vm(vm).run.status, VmStatus::Down);
    // A system that would like them starts without.
    let mut params = site.vm_params("w11");
    params.settings.os_type = Some("windows_11".to_owned());
    let added = site.manager.vm_add(&site.admin, params).await;
    let added = added.expect("added").value.id;
    site.start(added).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_when_it_is_set() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    for (settings, said) in [
        (
            VmSettings {
                time_zone: Some("Middle-earth".to_owned()),
                ..Default::default()
            },
            "time zone",
        ),
        (
            VmSettings {
                io_threads: Some(17),
                ..Default::default()
            },
            "IO threads",
        ),
        (
            VmSettings {
                custom_properties: Some(vec![("viodiskcache".to_owned(), "often".to_owned())]),
                ..Default::default()
            },
            "illegal values",
        ),
        (
            VmSettings {
                cpu_pinning: Some(vec![manager::model::CpuPin {
                    vcpu: 7,
                    cpus: "0".to_owned(),
                }]),
                ..Default::default()
            },
            "pinned",
        ),
    ] {
        let params = VmUpdateParams {
            settings,
            ..Default::default()
        };
        let sentence = refusal(site.manager.vm_update(&site.admin, vm, params).await);
        assert!(sentence.contains(said), "{sentence}");
    }
}
