//! One domain through its whole life, on real libvirt and QEMU.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use manager::host::{
    DiskInterface, DisplayPassword, DomainSpec, DomainState, GraphicsPhase, GraphicsTarget,
    HostError, HostEvent, Hypervisor, NicNetwork, NicSpec, OffReason, PauseReason, Plugged,
    VolumeAccess, VolumeFormat,
};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_goes_through_its_whole_life() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let mut events = host.events();
    let pool = host.ensure_pool(POOL).await.unwrap();
    assert!(pool.available_bytes > 0 && pool.capacity_bytes >= pool.available_bytes);

    let system = volume_spec(VolumeFormat::Qcow2, 64 << 20);
    host.volume_create(system.clone()).await.unwrap();
    let cd = volume();
    host.volume_open(cd, VolumeAccess::Replace)
        .await
        .unwrap()
        .write_all(&[0; 1 << 16])
        .unwrap();
    let spec = DomainSpec {
        disks: vec![disk(
            system.volume,
            VolumeFormat::Qcow2,
            DiskInterface::Virtio,
        )],
        nics: vec![nic(1, NicNetwork::User), nic(2, NicNetwork::Nowhere)],
        cd: Some(cd),
        ..spec()
    };
    let vm = spec.vm;

    // Start: once, again, and by somebody else.
    let info = host.start(spec.clone()).await.unwrap();
    assert_eq!(info.state, DomainState::Running);
    let stamp = info.stamp.unwrap();
    assert_eq!(
        (stamp.vm, stamp.run_epoch, stamp.operation),
        (vm, 1, spec.operation)
    );
    assert_eq!(
        (info.title.as_str(), info.cd),
        ("Web <server> & 'friends'", Some(cd))
    );
    assert_eq!(info.disks, [system.volume.volume]);
    assert_eq!(info.nics, [spec.nics[0].nic, spec.nics[1].nic]);
    assert_eq!(info.memory_bytes, 64 << 20);
    let spice = info.spice.clone().unwrap();
    assert!(
        spice.address == "127.0.0.1" && spice.port.is_some(),
        "{spice:?}"
    );
    wait_for_state(&mut events, vm, DomainState::Running).await;
    assert_eq!(
        host.start(spec.clone()).await.unwrap().stamp,
        info.stamp,
        "starting again is a success"
    );
    let other = DomainSpec {
        run_epoch: 2,
        ..spec.clone()
    };
    assert!(matches!(
        host.start(other).await,
        Err(HostError::WrongState { .. })
    ));
    assert!(matches!(
        host.undefine(vm).await,
        Err(HostError::WrongState { .. })
    ));

    // Display: a descriptor that speaks SPICE, a picture, a password that expires.
    let GraphicsTarget::Descriptor(fd) = host.open_graphics(vm).await.unwrap() else {
        panic!("a local host gives a descriptor")
    };
    let mut connection = UnixStream::from(fd);
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    let reply = tokio::task::spawn_blocking(move || spice_link(&mut connection))
        .await
        .unwrap();
    assert_eq!(
        (&reply[..4], &reply[16..20]),
        (&b"REDQ"[..], &[0, 0, 0, 0][..]),
        "a link reply without error"
    );
    wait(&mut events, "a display event", |event| match event {
        HostEvent::Graphics {
            id,
            phase: GraphicsPhase::Connected | GraphicsPhase::Disconnected,
            ..
        } if *id == vm => Some(()),
        _ => None,
    })
    .await;
    let picture = host.screenshot(vm).await.unwrap();
    let png = png::Decoder::new(std::io::Cursor::new(&picture))
        .read_info()
        .unwrap();
    assert!(
        png.info().width >= 640 && png.info().height >= 350,
        "{:?}",
        png.info().size()
    );
    let graphics = || libvirtd.virsh(&["dumpxml", "--security-info", &vm.to_string()]);
    assert!(
        graphics().contains("passwdValidTo='2000-01-01T00:00:00'"),
        "expired from the beginning"
    );
    let password = DisplayPassword::chosen("sesame <&'\">").unwrap();
    host.set_display_password(vm, password, Duration::from_secs(30))
        .await
        .unwrap();
    let now = graphics();
    assert!(
        now.contains("passwd='sesame &lt;&amp;&apos;&quot;&gt;'")
            && now.contains("connected='keep'"),
        "{now}"
    );
    assert!(!now.contains("passwdValidTo='2000-"));
    host.expire_display_password(vm).await.unwrap();
    let now = graphics();
    assert!(
        now.contains("passwdValidTo='2000-01-01T00:00:00'") && !now.contains("sesame"),
        "{now}"
    );
    assert!(!now.contains("passwd=''"));

    // Devices, live and in the definition.
    host.change_cd(vm, None).await.unwrap();
    assert_eq!(host.domain(vm).await.unwrap().unwrap().cd, None);
    host.change_cd(vm, Some(cd)).await.unwrap();
    host.change_cd(vm, Some(cd)).await.unwrap();
    assert_eq!(host.domain(vm).await.unwrap().unwrap().cd, Some(cd));
    let inactive = libvirtd.virsh(&["dumpxml", "--inactive", &vm.to_string()]);
    assert!(
        inactive.contains(&cd.volume.to_string()),
        "the definition has it too"
    );
    let data = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(data.clone()).await.unwrap();
    let second = disk(data.volume, VolumeFormat::Raw, DiskInterface::VirtioScsi);
    host.attach_disk(vm, second.clone()).await.unwrap();
    host.attach_disk(vm, second.clone()).await.unwrap();
    let grown = host
        .volume_resize(
            data.volume,
            VolumeFormat::Raw,
            2 << 20,
            Some(Plugged {
                vm,
                disk: second.disk,
            }),
        )
        .await
        .unwrap();
    assert_eq!(grown.virtual_bytes, 2 << 20);
    let sata = disk(volume(), VolumeFormat::Raw, DiskInterface::Sata);
    assert!(matches!(
        host.attach_disk(vm, sata).await,
        Err(HostError::Unsupported { .. })
    ));
    let third = nic(3, NicNetwork::User);
    host.attach_nic(vm, third.clone()).await.unwrap();
    host.attach_nic(
        vm,
        NicSpec {
            linked: false,
            ..third.clone()
        },
    )
    .await
    .unwrap();
    assert!(
        libvirtd
            .virsh(&["domif-getlink", &vm.to_string(), &third.mac.to_string()])
            .contains("down")
    );
    let info = host.domain(vm).await.unwrap().unwrap();
    assert_eq!((info.disks.len(), info.nics.len()), (2, 3));

    // Figures.
    host.watch(true);
    let statistics = wait(&mut events, "statistics with a load", |event| match event {
        HostEvent::Statistics(s) if s.domains.iter().any(|d| d.cpu_percent.is_some()) => {
            Some(s.clone())
        }
        _ => None,
    })
    .await;
    let figures = statistics.domains.iter().find(|d| d.id == vm).unwrap();
    assert!(
        figures.cpu_time_ns.unwrap() > 0 && figures.memory_bytes == Some(64 << 20),
        "{figures:?}"
    );
    assert!(statistics.host.memory_total_bytes > Some(0) && statistics.host.cpu_percent.is_some());

    // Pause, resume, reset, save, restore.
    host.pause(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Paused(PauseReason::Asked)).await;
    host.pause(vm).await.unwrap();
    host.resume(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Running).await;
    host.resume(vm).await.unwrap();
    host.reset(vm).await.unwrap();
    wait(&mut events, "a reboot", |e| {
        matches!(e, HostEvent::Rebooted { id } if *id == vm).then_some(())
    })
    .await;
    assert!(matches!(
        host.restore(DomainSpec {
            run_epoch: 2,
            ..spec.clone()
        })
        .await,
        Err(HostError::WrongState { .. })
    ));
    host.suspend(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Off(OffReason::Saved)).await;
    host.suspend(vm).await.unwrap();
    host.abort_suspend(vm).await.unwrap();
    let info = host.domain(vm).await.unwrap().unwrap();
    assert!(info.saved && info.state == DomainState::Off(OffReason::Saved));
    let restored = host
        .restore(DomainSpec {
            run_epoch: 2,
            operation: None,
            ..spec.clone()
        })
        .await
        .unwrap();
    let stamp = restored.stamp.unwrap();
    assert_eq!(
        (stamp.run_epoch, stamp.operation),
        (2, None),
        "the saved state carries the new epoch"
    );
    assert_eq!(
        (restored.state, restored.disks.len(), restored.saved),
        (DomainState::Running, 2, false)
    );

    // A saved state is dropped by a start, and by forgetting.
    host.suspend(vm).await.unwrap();
    let started = host
        .start(DomainSpec {
            run_epoch: 3,
            ..spec.clone()
        })
        .await
        .unwrap();
    assert!(!started.saved && started.stamp.unwrap().run_epoch == 3);
    assert_eq!(
        started.disks.len(),
        1,
        "the devices are those of the specification"
    );
    host.suspend(vm).await.unwrap();
    host.undefine(vm).await.unwrap();
    assert_eq!(host.domain(vm).await.unwrap(), None);

    // End: everything can be repeated.
    host.start(DomainSpec {
        run_epoch: 4,
        ..spec.clone()
    })
    .await
    .unwrap();
    host.shutdown(vm).await.unwrap();
    host.destroy(vm).await.unwrap();
    wait_for_state(&mut events, vm, DomainState::Off(OffReason::Destroyed)).await;
    for _ in 0..2 {
        host.destroy(vm).await.unwrap();
        host.undefine(vm).await.unwrap();
        host.volume_delete(system.volume).await.unwrap();
    }
    assert!(matches!(
        host.reboot(vm).await,
        Err(HostError::NotFound { .. })
    ));
    assert!(matches!(
        host.restore(spec).await,
        Err(HostError::NotFound { .. })
    ));
    assert!(host.domains().await.unwrap().is_empty());
}
