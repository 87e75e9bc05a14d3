//! Hosts for real: a libvirtd of the test's own with QEMU, and libvirt's test driver for what needs
//! neither. Needs root, libvirtd and QEMU; each test cleans up after itself.

#![allow(clippy::unwrap_used, reason = "tests")]

mod chains;
mod hardware;
mod life;
mod live_work;
mod storage;
mod support;
mod work;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use manager::host::libvirt::{LibvirtConfig, LibvirtHost};
use manager::host::{
    AccelerationKind, DomainSpec, DomainState, HostError, HostEvent, Hypervisor, NetworkKind,
    NetworkSpec, NicNetwork, OffReason, PauseReason, Reachable,
};
use uuid::Uuid;

use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_on_acceleration_is_proved_once_and_holds() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let report = host.report().await.unwrap();
    assert!(report.spice, "QEMU here has SPICE");
    assert!(
        report.memory_bytes > 256 << 20
            && !report.hostname.is_empty()
            && !report.cpu_model.is_empty()
    );
    assert!(
        report.qemu_version.split('.').count() == 3,
        "{}",
        report.qemu_version
    );
    let proof = &report.acceleration;
    // Which it is, is the machine's to decide; that KVM is refused has to be explained truly.
    match proof.kind {
        AccelerationKind::Kvm => assert!(proof.reason.starts_with("KVM works"), "{}", proof.reason),
        AccelerationKind::Tcg => {
            let offered = libvirtd
                .virsh(&["capabilities"])
                .contains("<domain type='kvm'/>");
            let said = if offered {
                "offers KVM, but"
            } else {
                "offers no KVM"
            };
            assert!(proof.reason.contains(said), "{}", proof.reason);
            assert!(
                proof
                    .reason
                    .ends_with("Guests run without hardware acceleration."),
                "{}",
                proof.reason
            );
        }
    }
    let kept = std::fs::read_to_string(libvirtd.directory.join("acceleration")).unwrap();
    assert!(kept.contains(&proof.reason));
    let again = libvirtd.host();
    connected(&again).await;
    let begin = Instant::now();
    assert_eq!(again.report().await.unwrap().acceleration, *proof);
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "the kept verdict must be used: {:?}",
        begin.elapsed()
    );
    // A verdict for other versions does not count.
    std::fs::write(
        libvirtd.directory.join("acceleration"),
        "1\n2\n3\ntrue\nkvm\nMade up.\n",
    )
    .unwrap();
    let other = libvirtd.host();
    connected(&other).await;
    assert_eq!(other.report().await.unwrap().acceleration.kind, proof.kind);
    assert!(
        host.domains().await.unwrap().is_empty(),
        "no probe is left over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_libvirtd_is_found_again_with_its_guests() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let mut events = host.events();
    let spec = spec();
    host.start(spec.clone()).await.unwrap();

    libvirtd.script("kill");
    let reason = wait(&mut events, "the loss", |event| match event {
        HostEvent::Disconnected { reason } => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert!(!reason.is_empty());
    let begin = Instant::now();
    assert!(matches!(
        host.domains().await,
        Err(HostError::Unreachable { .. })
    ));
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "nobody waits for a host that is away"
    );
    assert!(matches!(host.reachable(), Reachable::No { .. }));

    libvirtd.script("start");
    let back = Instant::now();
    wait(&mut events, "the return", |e| {
        matches!(e, HostEvent::Connected).then_some(())
    })
    .await;
    let found = host.domain(spec.vm).await.unwrap().unwrap();
    assert!(
        back.elapsed() < Duration::from_secs(10),
        "{:?}",
        back.elapsed()
    );
    assert_eq!(
        (found.state, found.stamp.unwrap().run_epoch),
        (DomainState::Running, 1)
    );
    assert_eq!(
        host.start(spec.clone()).await.unwrap().state,
        DomainState::Running,
        "it is the same run"
    );
    // Events come over the new connection.
    host.destroy(spec.vm).await.unwrap();
    wait_for_state(&mut events, spec.vm, DomainState::Off(OffReason::Destroyed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_libvirtd_that_hangs_is_noticed_and_comes_back_by_itself() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let mut events = host.events();
    libvirtd.signal("-STOP");
    let begin = Instant::now();
    let call = host.domains().await;
    assert!(
        call.as_ref().is_err_and(HostError::is_transient),
        "{call:?}"
    );
    wait(&mut events, "the loss", |e| {
        matches!(e, HostEvent::Disconnected { .. }).then_some(())
    })
    .await;
    assert!(
        begin.elapsed() <= Duration::from_secs(25),
        "{:?}",
        begin.elapsed()
    );
    libvirtd.signal("-CONT");
    let begin = Instant::now();
    wait(&mut events, "the return", |e| {
        matches!(e, HostEvent::Connected).then_some(())
    })
    .await;
    assert!(host.domains().await.unwrap().is_empty());
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_made_or_the_reason_why_not_is_given() {
    let libvirtd = Libvirtd::start();
    let host = libvirtd.host();
    connected(&host).await;
    let network = NetworkSpec {
        name: "ovirtmgmt".to_owned(),
    };
    let report = host.ensure_network(network.clone()).await.unwrap();
    assert_eq!(
        host.ensure_network(network).await.unwrap(),
        report,
        "asking again changes nothing"
    );
    assert!(report.reason.ends_with('.'), "{}", report.reason);
    let spec = DomainSpec {
        nics: vec![nic(1, NicNetwork::Named("ovirtmgmt".to_owned()))],
        ..spec()
    };
    host.start(spec.clone()).await.unwrap();
    let kind = libvirtd.virsh(&["domiflist", &spec.vm.to_string()]);
    match report.kind {
        NetworkKind::Nat => assert!(
            kind.contains("network") && kind.contains("ovirtmgmt"),
            "{kind}"
        ),
        NetworkKind::User => assert!(kind.contains("user"), "{kind}"),
    }
    for wrong in ["", "a/b", "sixteen-letters-", "-x", "a b"] {
        let refused = host
            .ensure_network(NetworkSpec {
                name: wrong.to_owned(),
            })
            .await;
        assert!(matches!(refused, Err(HostError::Invalid { .. })), "{wrong}");
    }
    host.destroy(spec.vm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_driver_serves_for_life_cycle_and_events() {
    let driver = TestDriver::open().await;
    let (host, mut events) = (&driver.host, driver.host.events());
    let domains = host.domains().await.unwrap();
    assert_eq!(domains.len(), 1);
    assert_eq!(
        (domains[0].id, domains[0].stamp),
        (TEST_DOMAIN, None),
        "a foreign domain has no stamp"
    );
    host.pause(TEST_DOMAIN).await.unwrap();
    wait_for_state(
        &mut events,
        TEST_DOMAIN,
        DomainState::Paused(PauseReason::Asked),
    )
    .await;
    host.resume(TEST_DOMAIN).await.unwrap();
    wait_for_state(&mut events, TEST_DOMAIN, DomainState::Running).await;
    assert_eq!(host.statistics().await.unwrap().domains.len(), 1);
    assert!(
        host.screenshot(TEST_DOMAIN)
            .await
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    host.destroy(TEST_DOMAIN).await.unwrap();
    wait_for_state(
        &mut events,
        TEST_DOMAIN,
        DomainState::Off(OffReason::Destroyed),
    )
    .await;
    assert!(matches!(
        host.screenshot(TEST_DOMAIN).await,
        Err(HostError::WrongState { .. })
    ));
    host.undefine(TEST_DOMAIN).await.unwrap();
    wait(&mut events, "the end", |e| {
        matches!(e, HostEvent::Undefined { id } if *id == TEST_DOMAIN).then_some(())
    })
    .await;
    assert!(host.domains().await.unwrap().is_empty());
    let acceleration = host.report().await.unwrap().acceleration;
    assert!(
        acceleration.reason.contains("offers no KVM"),
        "{}",
        acceleration.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_calls_waits_its_turn() {
    let driver = TestDriver::open().await;
    let calls: Vec<_> = (0..2000)
        .map(|_| {
            let host = driver.host.clone();
            tokio::spawn(async move { host.domains().await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_host_that_is_not_there_fails_at_once() {
    let host = LibvirtHost::open(LibvirtConfig {
        uri: "qemu+unix:///system?socket=/nonexistent/libvirt-sock".to_owned(),
        images: PathBuf::from("/nonexistent"),
        cache: None,
    });
    let begin = Instant::now();
    for _ in 0..1000 {
        assert!(matches!(
            host.destroy(Uuid::new_v4()).await,
            Err(HostError::Unreachable { .. })
        ));
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
    let Reachable::No { reason, .. } = host.reachable() else {
        panic!("it is not there")
    };
    assert!(!reason.is_empty());
}
