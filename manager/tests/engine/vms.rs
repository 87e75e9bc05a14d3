//! Virtual machines: made, started, stopped, changed, removed; and what hosts do to them.

use std::time::Duration;

use manager::host::sim::Fault;
use manager::host::{HostError, OffReason, PauseReason};
use manager::model::{HostStatus, JobStatus, VmStatus};
use manager::{ErrorKind, VmRemoveParams, VmSettings, VmStartParams, VmStopParams, VmUpdateParams};

use crate::site::{Site, new_disk, refusal};

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn a_first_start_makes_what_an_installation_begins_with() {
    let site = Site::new().await;
    let inventory = site.manager.inventory();
    let name = |names: Vec<String>| names.join(" ");
    assert_eq!(
        name(
            inventory
                .data_centers
                .iter()
                .map(|it| it.name.clone())
                .collect()
        ),
        "Default"
    );
    assert_eq!(
        name(
            inventory
                .clusters
                .iter()
                .map(|it| it.name.clone())
                .collect()
        ),
        "Default"
    );
    assert_eq!(
        name(inventory.hosts.iter().map(|it| it.name.clone()).collect()),
        "host1"
    );
    assert_eq!(
        name(
            inventory
                .storage_domains
                .iter()
                .map(|it| it.name.clone())
                .collect()
        ),
        "data"
    );
    assert_eq!(
        name(
            inventory
                .networks
                .iter()
                .map(|it| it.name.clone())
                .collect()
        ),
        "ovirtmgmt"
    );
    assert_eq!(
        name(
            inventory
                .vnic_profiles
                .iter()
                .map(|it| it.name.clone())
                .collect()
        ),
        "ovirtmgmt"
    );
    assert_eq!(
        name(
            inventory
                .templates
                .iter()
                .map(|it| it.name.clone())
                .collect()
        ),
        "Blank"
    );
    assert_eq!(inventory.roles.len(), 37);
    assert_eq!(inventory.instance_types.len(), 5);
    assert!(inventory.user_by_name("admin@internal-authz").is_some());
    assert_eq!(
        inventory
            .data_centers
            .iter()
            .next()
            .expect("one")
            .status
            .as_str(),
        "up"
    );
    let host = inventory.hosts.iter().next().expect("one");
    assert!(
        host.status_detail.contains("simulated"),
        "{}",
        host.status_detail
    );
}

#[tokio::test]
async fn a_vm_without_disks_is_down_at_once() {
    let site = Site::new().await;
    let added = site
        .manager
        .vm_add(&site.admin, site.vm_params("web1"))
        .await
        .expect("added");
    assert_eq!(added.job, None);
    assert_eq!(added.value.run.status, VmStatus::Down);
    assert_eq!(site.events(34).len(), 1);
    assert_eq!(
        site.events(34)[0].correlation_id.as_deref(),
        Some(&*site.admin.correlation_id)
    );
}

#[tokio::test]
async fn a_vm_is_locked_until_its_disks_are_there() {
    let site = Site::new().await;
    site.host
        .next("volume_create", Fault::Slow(Duration::from_millis(200)));
    let mut params = site.vm_params("web1");
    params.disks.push(new_disk(site.disk_params("d1", 2 * GIB)));
    let added = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("added");
    let vm = added.value.id;
    assert_eq!(site.vm(vm).run.status, VmStatus::ImageLocked);
    let disk = site.vm(vm).disk_attachments[0].disk;
    assert_eq!(site.disk(disk).status.as_str(), "locked");
    let started = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await;
    assert_eq!(started.expect_err("refused").kind(), ErrorKind::Conflict);
    assert!(site.finished(&added).await);
    assert_eq!(site.vm(vm).run.status, VmStatus::Down);
    assert_eq!(site.disk(disk).status.as_str(), "ok");
    assert_eq!(site.host.volume_sizes().get(&disk.0), Some(&(2 * GIB)));
}

#[tokio::test]
async fn a_vm_that_is_started_comes_up_on_its_host_and_goes_down_when_stopped() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let accepted = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await
        .expect("accepted");
    assert_eq!(accepted.value.run.status, VmStatus::WaitForLaunch);
    site.vm_is(vm, VmStatus::Up).await;
    let it = site.vm(vm);
    assert!(it.run.host.is_some() && it.run.start_time.is_some());
    assert_eq!(it.run.accelerated, Some(false));
    assert_eq!(it.run.graphics.len(), 1);
    let spec = site.host.spec(vm.0).expect("defined");
    assert_eq!(
        (spec.memory_bytes, spec.disks.len(), spec.run_epoch),
        (GIB, 1, 1)
    );
    assert!(site.finished(&accepted).await);
    let job = site
        .manager
        .inventory()
        .jobs
        .get(&accepted.job.expect("one"))
        .cloned()
        .expect("kept");
    assert_eq!(job.status, JobStatus::Finished);
    assert!(
        job.steps.iter().all(|step| step.end_time.is_some()),
        "{:?}",
        job.steps
    );
    assert_eq!((site.events(153).len(), site.events(32).len()), (1, 1));

    site.stop(vm).await;
    assert!(site.host.running().is_empty());
    let it = site.vm(vm);
    assert!(it.run.host.is_none() && it.run.stop_time.is_some() && it.run.graphics.is_empty());
    assert_eq!((site.events(33).len(), site.events(61).len()), (1, 1));
}

#[tokio::test]
async fn starting_a_running_vm_is_refused() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let refused = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await;
    assert_eq!(refusal(refused), "[Cannot run VM. VM is running.]");
}

#[tokio::test]
async fn stopping_a_vm_that_is_down_is_refused() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let refused = site
        .manager
        .vm_stop(&site.admin, vm, VmStopParams::default())
        .await;
    assert_eq!(refusal(refused), "[Cannot stop VM. VM is not running.]");
    let refused = site.manager.vm_suspend(&site.admin, vm).await;
    assert_eq!(
        refusal(refused),
        "[Cannot hibernate VM. VM is not running.]"
    );
}

#[tokio::test]
async fn a_name_twice_is_refused_and_a_bad_one_too() {
    let site = Site::new().await;
    site.bare("web1").await;
    let twice = site
        .manager
        .vm_add(&site.admin, site.vm_params("web1"))
        .await;
    let twice = twice.expect_err("refused");
    assert_eq!(twice.kind(), ErrorKind::Conflict);
    assert!(twice.to_string().contains("already in use"), "{twice}");
    for name in ["", "a b", "<script>", "x/y"] {
        let bad = site.manager.vm_add(&site.admin, site.vm_params(name)).await;
        assert_eq!(
            bad.expect_err("refused").kind(),
            ErrorKind::Invalid,
            "{name}"
        );
    }
}

#[tokio::test]
async fn hardware_out_of_bounds_is_refused() {
    let site = Site::new().await;
    let refused = async |settings: VmSettings| {
        let mut params = site.vm_params("web1");
        params.settings = settings;
        site.manager
            .vm_add(&site.admin, params)
            .await
            .expect_err("refused")
            .to_string()
    };
    let message = refused(VmSettings {
        memory: Some(1),
        ..Default::default()
    })
    .await;
    assert!(message.contains("memory"), "{message}");
    let message = refused(VmSettings {
        sockets: Some(0),
        ..Default::default()
    })
    .await;
    assert!(message.contains("sockets"), "{message}");
    let message = refused(VmSettings {
        sockets: Some(64),
        cores: Some(64),
        ..Default::default()
    })
    .await;
    assert!(message.contains("virtual CPUs"), "{message}");
    let message = refused(VmSettings {
        memory: Some(GIB),
        memory_guaranteed: Some(2 * GIB),
        ..Default::default()
    })
    .await;
    assert!(message.contains("Guaranteed"), "{message}");
    let message = refused(VmSettings {
        os_type: Some("plan9".to_owned()),
        ..Default::default()
    })
    .await;
    assert!(message.contains("operating system"), "{message}");
    let message = refused(VmSettings {
        kernel: Some("../etc/shadow".to_owned()),
        ..Default::default()
    })
    .await;
    assert!(message.contains("kernel"), "{message}");
    assert!(site.manager.inventory().vms.is_empty());
}

#[tokio::test]
async fn what_a_running_vm_cannot_change_waits_for_its_next_run() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let changed = site
        .manager
        .vm_update(
            &site.admin,
            vm,
            VmUpdateParams {
                description: Some("new".to_owned()),
                settings: VmSettings {
                    cores: Some(2),
                    ..Default::default()
                },
                ..Default::default()
            },
        )
        .await
        .expect("changed");
    assert_eq!(changed.description, "new");
    assert_eq!(changed.hardware.topology.cores, 1);
    assert_eq!(
        changed.next_run.as_ref().map(|next| next.topology.cores),
        Some(2)
    );
    site.stop(vm).await;
    assert_eq!(site.vm(vm).hardware.topology.cores, 2);
    assert_eq!(site.vm(vm).next_run, None);
    site.start(vm).await;
    assert_eq!(site.host.spec(vm.0).expect("runs").cpu.cores, 2);
}

#[tokio::test]
async fn what_was_meant_for_one_run_is_gone_after_it() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let once = VmSettings {
        memory: Some(3 * GIB),
        ..Default::default()
    };
    site.manager
        .vm_start(
            &site.admin,
            vm,
            VmStartParams {
                once,
                ..Default::default()
            },
        )
        .await
        .expect("accepted");
    site.vm_is(vm, VmStatus::Up).await;
    site.idle().await;
    assert!(site.vm(vm).run.run_once);
    assert_eq!(site.host.spec(vm.0).expect("runs").memory_bytes, 3 * GIB);
    site.stop(vm).await;
    assert_eq!(site.vm(vm).hardware.memory, GIB);
    assert!(!site.vm(vm).run.run_once);
}

#[tokio::test]
async fn a_suspended_vm_goes_on_in_a_new_run() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let accepted = site
        .manager
        .vm_suspend(&site.admin, vm)
        .await
        .expect("accepted");
    assert_eq!(accepted.value.run.status, VmStatus::SavingState);
    assert!(site.finished(&accepted).await);
    assert_eq!(site.vm(vm).run.status, VmStatus::Suspended);
    let removed = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await;
    assert_eq!(refusal(removed), "[Cannot remove VM. VM is suspended.]");
    site.start(vm).await;
    assert_eq!(site.host.count("restore"), 1);
    assert_eq!(site.host.starts(), [(vm.0, 1), (vm.0, 2)]);
}

#[tokio::test]
async fn stopping_a_suspended_vm_drops_its_saved_memory() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let suspended = site
        .manager
        .vm_suspend(&site.admin, vm)
        .await
        .expect("accepted");
    site.finished(&suspended).await;
    site.stop(vm).await;
    site.start(vm).await;
    assert_eq!(site.host.count("restore"), 0);
}

#[tokio::test]
async fn a_guest_that_hears_shuts_down_and_a_deaf_one_is_up_again_after_a_while() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.manager
        .vm_shutdown(&site.admin, vm, VmStopParams::default())
        .await
        .expect("accepted");
    site.vm_is(vm, VmStatus::Down).await;
    assert_eq!(site.events(61).len(), 1);

    site.start(vm).await;
    site.host.deafen_guests();
    let asked = site
        .manager
        .vm_shutdown(&site.admin, vm, VmStopParams::default())
        .await
        .expect("accepted");
    assert!(site.finished(&asked).await);
    assert_eq!(site.vm(vm).run.status, VmStatus::PoweringDown);
    // The monitor counts from when it sees the VM so.
    let rounds = site.host.count("domains");
    while site.host.count("domains") < rounds + 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    site.clock.advance(Duration::from_secs(301));
    site.vm_is(vm, VmStatus::Up).await;
    assert_eq!(site.events(74).len(), 1);
    site.stop(vm).await;
}

#[tokio::test]
async fn a_start_that_the_host_refuses_leaves_the_vm_down_with_the_reason() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.host.next(
        "start",
        Fault::Fails(HostError::Failed {
            what: "no such machine type".to_owned(),
        }),
    );
    let accepted = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await
        .expect("accepted");
    assert!(!site.finished(&accepted).await);
    let it = site.vm(vm);
    assert_eq!(it.run.status, VmStatus::Down);
    assert_eq!(
        it.run.status_detail.as_deref(),
        Some("No such machine type.")
    );
    assert_eq!(site.events(54).len(), 1);
    site.start(vm).await;
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_neither_forgotten_nor_repeated() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.host.next("start", Fault::AnswerLost);
    site.start(vm).await;
    assert_eq!(site.host.starts(), [(vm.0, 1)]);
    assert_eq!(site.host.count("start"), 1);
}

#[tokio::test]
async fn a_vm_whose_disk_cannot_be_made_is_not_made_and_leaves_nothing() {
    let site = Site::new().await;
    site.host.next("volume_create", Fault::Slow(Duration::ZERO));
    site.host.next(
        "volume_create",
        Fault::Fails(HostError::NoSpace {
            what: "disk".to_owned(),
        }),
    );
    let mut params = site.vm_params("web1");
    params.disks.push(new_disk(site.disk_params("d1", GIB)));
    params.disks.push(new_disk(site.disk_params("d2", GIB)));
    let added = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("accepted");
    assert!(!site.finished(&added).await);
    let inventory = site.manager.inventory();
    assert!(inventory.vms.is_empty() && inventory.disks.is_empty());
    assert!(site.host.volume_sizes().is_empty());
    assert_eq!(site.events(60).len(), 1);
}

#[tokio::test]
async fn a_running_vm_is_not_removed_and_a_stopped_one_leaves_nothing() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 2).await;
    site.start(vm).await;
    let refused = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await;
    assert_eq!(refusal(refused), "[Cannot remove VM. VM is running.]");
    site.stop(vm).await;
    let removed = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert!(site.find(vm).is_none());
    assert!(site.manager.inventory().disks.is_empty());
    assert!(site.host.volume_sizes().is_empty());
    assert!(site.host.known().is_empty());
    assert_eq!(site.events(113).len(), 1);
}

#[tokio::test]
async fn a_removed_vm_can_leave_its_disks() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let removed = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams { detach_only: true })
        .await
        .expect("accepted");
    site.finished(&removed).await;
    assert!(site.find(vm).is_none());
    assert_eq!(site.disk(disk).status.as_str(), "ok");
    assert!(site.host.volume_sizes().contains_key(&disk.0));
}

#[tokio::test]
async fn a_protected_vm_is_not_removed() {
    let site = Site::new().await;
    let mut params = site.vm_params("web1");
    params.delete_protected = true;
    let vm = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("added")
        .value
        .id;
    let refused = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await;
    assert!(refusal(refused).contains("Delete protection is enabled"));
}

#[tokio::test]
async fn a_vm_that_ends_by_itself_is_seen_and_why() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    for (reason, code) in [(OffReason::Shutdown, 61), (OffReason::Crashed, 119)] {
        site.start(vm).await;
        site.host.end_guest(vm.0, reason);
        site.vm_is(vm, VmStatus::Down).await;
        assert_eq!(site.events(code).len(), 1, "{reason:?}");
    }
    site.start(vm).await;
    site.host.vanish(vm.0);
    site.vm_is(vm, VmStatus::Down).await;
    assert!(site.events(119)[0].description.contains("vanished"));
}

#[tokio::test]
async fn a_vm_with_a_disk_error_is_paused_and_goes_on_when_resumed() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.host.pause_guest(vm.0, PauseReason::IoError);
    site.vm_is(vm, VmStatus::Paused).await;
    assert_eq!(site.vm(vm).run.status_detail.as_deref(), Some("eio"));
    assert_eq!(site.events(145).len(), 1);
    site.start(vm).await;
    assert_eq!(site.vm(vm).run.epoch, 1);
}

#[tokio::test]
async fn a_vm_can_be_started_paused() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let accepted = site
        .manager
        .vm_start(
            &site.admin,
            vm,
            VmStartParams {
                pause: true,
                ..Default::default()
            },
        )
        .await
        .expect("accepted");
    assert!(site.finished(&accepted).await);
    site.vm_is(vm, VmStatus::Paused).await;
}

#[tokio::test]
async fn a_host_that_goes_away_for_a_moment_loses_nothing() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.host.leave("libvirtd was killed");
    site.until("the host is connecting", |inventory| {
        inventory
            .hosts
            .iter()
            .all(|host| host.status == HostStatus::Connecting)
    })
    .await;
    assert_eq!(site.vm(vm).run.status, VmStatus::Up);
    // What is asked meanwhile waits, and is not forgotten.
    let stopped = site
        .manager
        .vm_stop(&site.admin, vm, VmStopParams::default())
        .await
        .expect("accepted");
    site.host.come_back();
    assert!(site.finished(&stopped).await);
    site.until("the host is up", |inventory| {
        inventory
            .hosts
            .iter()
            .all(|host| host.status == HostStatus::Up)
    })
    .await;
    assert_eq!(site.vm(vm).run.status, VmStatus::Down);
    assert!(site.host.running().is_empty());
}

#[tokio::test]
async fn of_a_host_that_stays_away_nothing_is_claimed() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.host.leave("the cable is out");
    site.until("the host is connecting", |inventory| {
        inventory
            .hosts
            .iter()
            .all(|host| host.status == HostStatus::Connecting)
    })
    .await;
    site.clock.advance(Duration::from_secs(25));
    site.vm_is(vm, VmStatus::Unknown).await;
    let inventory = site.manager.inventory();
    assert_eq!(
        inventory.hosts.iter().next().expect("one").status,
        HostStatus::NonResponsive
    );
    assert_eq!(
        inventory
            .data_centers
            .iter()
            .next()
            .expect("one")
            .status
            .as_str(),
        "not_operational"
    );
    let refused = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await;
    assert_eq!(refusal(refused), "[Cannot run VM. VM is not responding.]");
    site.host.come_back();
    site.vm_is(vm, VmStatus::Up).await;
    assert_eq!(site.events(163).len(), 1);
    assert_eq!(site.host.starts().len(), 1);
}

#[tokio::test]
async fn a_vm_that_somebody_started_behind_our_back_is_found_running() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.stop(vm).await;
    let spec = site.host.spec(vm.0).expect("known");
    manager::host::Hypervisor::start(&*site.host, spec)
        .await
        .expect("started");
    site.vm_is(vm, VmStatus::Up).await;
}

#[tokio::test]
async fn without_a_host_that_is_up_a_start_is_refused_with_the_reason() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let host = site
        .manager
        .inventory()
        .hosts
        .iter()
        .next()
        .expect("one")
        .id;
    site.manager
        .host_deactivate(&site.admin, host)
        .await
        .expect("set aside");
    let refused = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await;
    let message = refusal(refused);
    assert!(
        message.contains("The host host1 is maintenance"),
        "{message}"
    );
    site.manager
        .host_activate(&site.admin, host)
        .await
        .expect("activated");
    site.until("the host is up", |inventory| {
        inventory
            .hosts
            .iter()
            .all(|host| host.status == HostStatus::Up)
    })
    .await;
    site.start(vm).await;
    let refused = site.manager.host_deactivate(&site.admin, host).await;
    assert!(refusal(refused).contains("VM web1 runs on it"));
}

#[tokio::test]
async fn the_demo_needs_its_package_and_says_so() {
    let site = Site::new().await;
    if std::path::Path::new("/usr/lib/debian-installer/images/12").exists() {
        let vm = site.manager.demo().await.expect("made");
        site.vm_is(vm.id, VmStatus::Up).await;
        let again = site.manager.demo().await.expect("there");
        assert_eq!(again.id, vm.id);
        let spec = site.host.spec(vm.id.0).expect("runs");
        assert!(spec.boot.kernel.is_some());
        assert_eq!(site.manager.inventory().vms.len(), 1);
    } else {
        let message = refusal(site.manager.demo().await);
        assert!(
            message.contains("debian-installer-12-netboot-amd64"),
            "{message}"
        );
    }
}
