//! Work on the disks of running guests: moved under them, held to limits, and raw for ever.

use std::io::Write;
use std::process::Command;

use manager::host::{
    Chain, DiskInterface, DiskLimits, DiskWork, DomainSpec, Hypervisor, Plugged, VolumeAccess,
    VolumeFormat, VolumeRef, VolumeSpec,
};

use crate::support::*;
use crate::work::{CANARY, MIB, OTHER, qemu_img, read};

fn mirror(volume: VolumeRef, format: VolumeFormat, virtual_bytes: u64) -> VolumeSpec {
    VolumeSpec {
        volume,
        format,
        virtual_bytes,
        sparse: true,
        backing: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_disk_stays_raw_whatever_its_guest_writes_into_it() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    host.ensure_pool(POOL).await.unwrap();
    host.ensure_pool(OTHER).await.unwrap();
    let canary = libvirtd.directory.join("canary");
    let mut secret = vec![0u8; 8 * MIB as usize];
    secret[..CANARY.len()].copy_from_slice(CANARY);
    std::fs::write(&canary, &secret).unwrap();
    let header = libvirtd.directory.join("header");
    let name = canary.display().to_string();
    qemu_img(
        &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", &name],
        &[&header],
    );
    let made = volume_spec(VolumeFormat::Raw, 4 * MIB);
    host.volume_create(made.clone()).await.unwrap();
    let mut file = host
        .volume_open(made.volume, VolumeAccess::Write)
        .await
        .unwrap();
    file.write_all(&std::fs::read(&header).unwrap()).unwrap();
    drop(file);
    let written = std::fs::read(&header).unwrap();
    let clean = |bytes: &[u8], what: &str| {
        assert!(
            bytes.starts_with(&written[..512]),
            "{what}: it is what was written"
        );
        assert!(
            !bytes.windows(CANARY.len()).any(|it| it == CANARY),
            "{what}"
        );
    };
    let raw = |volume| Chain::plain(volume, VolumeFormat::Raw);
    // Grown, copied, moved, thinned out …
    host.volume_resize(made.volume, VolumeFormat::Raw, 8 * MIB, None)
        .await
        .unwrap();
    clean(&read(&host, raw(made.volume)).await, "grown");
    let copy = volume_spec(VolumeFormat::Qcow2, 8 * MIB);
    host.volume_copy(raw(made.volume), copy.clone())
        .await
        .unwrap();
    let chain = Chain::plain(copy.volume, VolumeFormat::Qcow2);
    clean(&read(&host, chain).await, "copied");
    let target = VolumeRef {
        storage_domain: OTHER,
        ..made.volume
    };
    host.volume_duplicate(made.volume, target).await.unwrap();
    clean(&read(&host, raw(target)).await, "moved");
    host.volume_sparsify(target, VolumeFormat::Raw)
        .await
        .unwrap();
    clean(&read(&host, raw(target)).await, "thinned out");
    host.volume_delete(target).await.unwrap();
    // … and under a running guest.
    let attached = disk(made.volume, VolumeFormat::Raw, DiskInterface::Virtio);
    let vm = DomainSpec {
        disks: vec![attached.clone()],
        ..spec()
    };
    host.start(vm.clone()).await.unwrap();
    let plugged = Plugged {
        vm: vm.vm,
        disk: attached.disk,
    };
    host.volume_resize(made.volume, VolumeFormat::Raw, 12 * MIB, Some(plugged))
        .await
        .unwrap();
    let moved = manager::host::DiskSpec {
        source: target,
        ..attached
    };
    host.disk_mirror(vm.vm, moved, mirror(target, VolumeFormat::Raw, 12 * MIB))
        .await
        .unwrap();
    host.disk_pivot(plugged, target).await.unwrap();
    host.destroy(vm.vm).await.unwrap();
    let bytes = read(&host, raw(target)).await;
    assert_eq!(bytes.len() as u64, 12 * MIB);
    clean(&bytes, "moved under the guest");
    host.undefine(vm.vm).await.unwrap();
    assert_eq!(
        std::fs::read(&canary).unwrap(),
        secret,
        "nobody wrote to it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_moves_under_a_running_guest_and_is_held_to_its_limits() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    host.ensure_pool(POOL).await.unwrap();
    host.ensure_pool(OTHER).await.unwrap();
    for format in [VolumeFormat::Qcow2, VolumeFormat::Raw] {
        let made: VolumeSpec = volume_spec(format, 32 * MIB);
        host.volume_create(made.clone()).await.unwrap();
        let path = libvirtd
            .directory
            .join("images")
            .join(POOL.to_string())
            .join(made.volume.volume.to_string());
        let io = Command::new("qemu-io")
            .args(["-f", format.as_str(), "-c", "write -P 9 4M 2M"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(io.status.success());
        let limits = DiskLimits {
            bytes: 64 * MIB,
            read_requests: 900,
            write_requests: 800,
            ..DiskLimits::default()
        };
        let mut attached = disk(made.volume, format, DiskInterface::Virtio);
        attached.limits = limits;
        let vm: DomainSpec = DomainSpec {
            disks: vec![attached.clone()],
            ..spec()
        };
        host.start(vm.clone()).await.unwrap();
        let plugged = Plugged {
            vm: vm.vm,
            disk: attached.disk,
        };
        let domain = vm.vm.to_string();
        let live = libvirtd.virsh(&["dumpxml", &domain]);
        assert!(live.contains("<total_bytes_sec>67108864<"), "{live}");
        let wider = DiskLimits {
            bytes: 0,
            write_bytes: 16 * MIB,
            ..DiskLimits::default()
        };
        host.disk_limits(plugged, wider).await.unwrap();
        let live = libvirtd.virsh(&["dumpxml", &domain]);
        assert!(live.contains("<write_bytes_sec>16777216<"), "{live}");
        assert!(!live.contains("total_bytes_sec"), "{live}");

        let target = VolumeRef {
            storage_domain: OTHER,
            ..made.volume
        };
        let mut moved = attached.clone();
        moved.source = target;
        // Given up once: the guest goes on with what it has.
        host.disk_mirror(vm.vm, moved.clone(), mirror(target, format, 32 * MIB))
            .await
            .unwrap();
        host.disk_mirror_end(plugged).await.unwrap();
        host.disk_mirror_end(plugged).await.unwrap();
        assert_eq!(host.disk_source(plugged).await.unwrap(), Some(made.volume));
        host.volume_delete(target).await.unwrap();

        host.disk_mirror(vm.vm, moved.clone(), mirror(target, format, 32 * MIB))
            .await
            .unwrap();
        host.disk_mirror(vm.vm, moved.clone(), mirror(target, format, 32 * MIB))
            .await
            .unwrap();
        host.disk_pivot(plugged, target).await.unwrap();
        host.disk_pivot(plugged, target).await.unwrap();
        assert_eq!(host.disk_source(plugged).await.unwrap(), Some(target));
        host.volume_delete(made.volume).await.unwrap();
        // Its definition leads there as well, for whoever asks when it does not run any more.
        host.destroy(vm.vm).await.unwrap();
        assert_eq!(host.disk_source(plugged).await.unwrap(), Some(target));
        let bytes = read(&host, Chain::plain(target, format)).await;
        assert!(bytes[4 << 20..6 << 20].iter().all(|byte| *byte == 9));
        assert_eq!(bytes.len(), 32 << 20);
        host.undefine(vm.vm).await.unwrap();
        host.volume_delete(target).await.unwrap();
    }
}
