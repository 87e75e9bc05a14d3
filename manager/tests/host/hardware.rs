//! Firmware, TPM and small devices with a real QEMU: that libvirt takes the documents, that what
//! belongs to a VM goes with it, and that processors and memory can be plugged.

use std::io::Write as _;
use std::path::PathBuf;

use manager::host::{
    Chipset, DiskInterface, DisplaySpec, DomainSpec, Firmware, HostError, Hypervisor, MachineSpec,
    NicModel, NicNetwork, NicSpec, NumaSpec, PayloadSpec, RngSource, SoundModel, VideoModel,
    VolumeAccess, VolumeFormat, VolumeRef, WatchdogAct,
};
use uuid::Uuid;

use crate::support::*;

fn with(machine: MachineSpec) -> DomainSpec {
    DomainSpec {
        memory_bytes: 256 << 20,
        machine,
        ..spec()
    }
}

/// Where the private libvirtd keeps a VM's firmware variables and TPM.
fn kept(libvirtd: &Libvirtd, vm: Uuid) -> [PathBuf; 2] {
    let var = libvirtd.directory.join("var");
    [
        var.join(format!("qemu/nvram/{vm}_VARS.fd")),
        var.join(format!("swtpm/{vm}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn uefi_secure_boot_and_a_tpm_are_given_and_taken_away_with_the_vm() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let parts = host.report().await.unwrap().parts;
    assert!(
        parts.uefi && parts.secure_boot && parts.tpm,
        "ovmf and swtpm are installed for the tests: {parts:?}"
    );
    let spec = with(MachineSpec {
        firmware: Firmware::UefiSecureBoot,
        tpm: true,
        ..MachineSpec::default()
    });
    host.start(spec.clone()).await.unwrap();
    let document = libvirtd.virsh(&["dumpxml", &spec.vm.to_string()]);
    assert!(
        document.contains("OVMF_CODE_4M.ms.fd") || document.contains("secboot"),
        "{document}"
    );
    assert!(document.contains("tpm-crb"), "{document}");
    let files = kept(&libvirtd, spec.vm);
    for file in &files {
        assert!(file.exists(), "{}", file.display());
    }
    // They outlive the run, and its definition anew.
    host.destroy(spec.vm).await.unwrap();
    host.start(DomainSpec {
        run_epoch: 2,
        ..spec.clone()
    })
    .await
    .unwrap();
    host.destroy(spec.vm).await.unwrap();
    for file in &files {
        assert!(file.exists(), "{}", file.display());
    }
    host.undefine(spec.vm).await.unwrap();
    for file in &files {
        assert!(!file.exists(), "{} is left", file.display());
    }
    let plain = with(MachineSpec {
        firmware: Firmware::Uefi,
        ..MachineSpec::default()
    });
    host.start(plain.clone()).await.unwrap();
    let document = libvirtd.virsh(&["dumpxml", &plain.vm.to_string()]);
    assert!(
        document.contains("OVMF_CODE") && !document.contains("<smm"),
        "{document}"
    );
    host.destroy(plain.vm).await.unwrap();
    host.undefine(plain.vm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_one_of_everything_starts() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    host.ensure_pool(POOL).await.unwrap();
    let (of_disk, of_payload) = (volume(), volume());
    make(&host, of_disk).await;
    make(&host, of_payload).await;
    let spec = DomainSpec {
        disks: vec![disk(of_disk, VolumeFormat::Raw, DiskInterface::Virtio)],
        nics: vec![nic(1, NicNetwork::User)],
        ..with(MachineSpec {
            io_threads: 2,
            nic_queues: 2,
            scsi_queues: 2,
            smartcard: true,
            rng: Some(RngSource::Random),
            watchdog: Some(WatchdogAct::Pause),
            balloon: false,
            pins: vec![(0, "0".to_owned())],
            numa: vec![
                NumaSpec {
                    memory_bytes: 128 << 20,
                    cpus: vec![0],
                    host_nodes: vec![0],
                    mode: "preferred",
                },
                NumaSpec {
                    memory_bytes: 128 << 20,
                    cpus: vec![1],
                    host_nodes: vec![],
                    mode: "strict",
                },
            ],
            // A host without control groups starts it all the same.
            cpu_shares: 512,
            serial_console: true,
            serial_number: Some("S/N 7".to_owned()),
            hyperv: true,
            memory_max: 1 << 30,
            sockets_max: 4,
            payload: Some(PayloadSpec {
                volume: of_payload,
                floppy: false,
            }),
            disk_cache: Some("writeback".to_owned()),
            ..MachineSpec::default()
        })
    };
    host.start(spec.clone()).await.unwrap();
    let document = libvirtd.virsh(&["dumpxml", &spec.vm.to_string()]);
    for part in [
        "<iothreads>2</iothreads>",
        "i6300esb",
        "<memballoon model='none'/>",
        "S/N 7",
        "<smartcard mode='passthrough'",
        "<vcpupin vcpu='0' cpuset='0'/>",
        "cache='writeback'",
        "ua-payload",
    ] {
        assert!(document.contains(part), "{part} in {document}");
    }
    host.destroy(spec.vm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_chipset_starts_with_ide_a_floppy_and_vnc_alone() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    host.ensure_pool(POOL).await.unwrap();
    let (of_disk, floppy, cd) = (volume(), volume(), volume());
    for volume in [of_disk, floppy, cd] {
        make(&host, volume).await;
    }
    let spec = DomainSpec {
        disks: vec![disk(of_disk, VolumeFormat::Raw, DiskInterface::Ide)],
        cd: Some(cd),
        nics: vec![NicSpec {
            model: NicModel::Rtl8139,
            ..nic(1, NicNetwork::User)
        }],
        display: Some(DisplaySpec {
            spice: false,
            vnc: true,
            video: VideoModel::Cirrus,
            ..DisplaySpec::spice([127, 0, 0, 1].into())
        }),
        ..with(MachineSpec {
            chipset: Chipset::I440fx,
            scsi: false,
            sound: SoundModel::Ac97,
            payload: Some(PayloadSpec {
                volume: floppy,
                floppy: true,
            }),
            ..MachineSpec::default()
        })
    };
    let info = host.start(spec.clone()).await.unwrap();
    assert!(info.vnc.is_some() && info.spice.is_none());
    assert_eq!(info.cd, Some(cd));
    let disks = libvirtd.virsh(&["domblklist", &spec.vm.to_string()]);
    for target in ["hda", "hdc", "fda"] {
        assert!(disks.contains(target), "{disks}");
    }
    // The medium is changed in the drive that the person means.
    host.change_cd(spec.vm, None).await.unwrap();
    let info = host.domain(spec.vm).await.unwrap().unwrap();
    assert_eq!(info.cd, None);
    host.attach_nic(spec.vm, nic(2, NicNetwork::User))
        .await
        .unwrap();
    host.destroy(spec.vm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_and_memory_are_plugged_into_a_running_guest() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let spec = with(MachineSpec {
        memory_max: 2 << 30,
        sockets_max: 4,
        ..MachineSpec::default()
    });
    let info = host.start(spec.clone()).await.unwrap();
    assert_eq!((info.vcpus, info.memory_bytes), (1, 256 << 20));
    for _ in 0..2 {
        host.set_vcpus(spec.vm, 3).await.unwrap();
    }
    let module = Uuid::new_v4();
    for _ in 0..2 {
        host.attach_memory(spec.vm, module, 512 << 20)
            .await
            .unwrap();
    }
    let info = host.domain(spec.vm).await.unwrap().unwrap();
    assert_eq!(info.vcpus, 3);
    assert_eq!(info.modules, [module]);
    assert_eq!(info.memory_bytes, 768 << 20);
    // A guest that is no system does not let go.
    let refused = host.set_vcpus(spec.vm, 1).await;
    assert!(
        matches!(refused, Err(HostError::GuestRefused { .. })),
        "{refused:?}"
    );
    let too_many = host.set_vcpus(spec.vm, 9).await;
    assert!(too_many.is_err(), "{too_many:?}");
    host.destroy(spec.vm).await.unwrap();
}

async fn make(host: &impl Hypervisor, volume: VolumeRef) {
    let mut file = host
        .volume_open(volume, VolumeAccess::Replace)
        .await
        .unwrap();
    file.write_all(&vec![0; 1_474_560]).unwrap();
}
