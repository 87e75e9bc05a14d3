//! Guests' agents and VMs that are started again: what a guest tells is shown while it runs, a
//! silent one is asked less, and a highly available VM comes back by itself.

use std::time::Duration;

use manager::host::guest::{GuestAddress, GuestInterface, GuestReport, GuestUser};
use manager::host::sim::Fault;
use manager::host::{HostError, OffReason};
use manager::model::{Vm, VmId, VmStatus};
use manager::search::ListOptions;
use manager::{VmSettings, VmStopParams, VmUpdateParams};

use crate::site::{Site, refusal};

fn report() -> GuestReport {
    GuestReport {
        agent_version: Some("7.2".to_owned()),
        host_name: Some("web1.example".to_owned()),
        interfaces: vec![GuestInterface {
            name: "eth0".to_owned(),
            mac: None,
            addresses: vec![GuestAddress {
                address: [10, 0, 0, 5].into(),
                prefix: 24,
            }],
        }],
        users: vec![GuestUser {
            name: "ada".to_owned(),
            domain: None,
            since: 0,
        }],
        ..GuestReport::default()
    }
}

async fn told(site: &Site, vm: VmId) {
    site.until("the guest has told", |inventory| {
        inventory.guests.get(&vm).is_some_and(|guest| guest.answers)
    })
    .await;
}

fn found(site: &Site, query: &str) -> usize {
    site.manager
        .list::<Vm>(&site.admin, Some(query), ListOptions::default())
        .expect("a query")
        .len()
}

#[tokio::test]
async fn what_a_guest_tells_is_there_while_it_runs() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let frozen = site.manager.vm_freeze(&site.admin, vm).await;
    assert!(refusal(frozen).contains("guest agent does not answer"));
    site.host.set_guest(vm.0, Some(report()));
    told(&site, vm).await;
    assert_eq!(found(&site, "ip=10.0.0.5"), 1);
    assert_eq!(found(&site, "ip=10.0.0.6"), 0);
    assert_eq!(found(&site, "fqdn=web1*"), 1);
    assert_eq!(
        found(&site, "loggedinuser=ada and apps=qemu-guest-agent*"),
        1
    );
    let frozen = site
        .manager
        .vm_freeze(&site.admin, vm)
        .await
        .expect("accepted");
    assert!(site.finished(&frozen).await && site.host.frozen(vm.0));
    let thawed = site
        .manager
        .vm_thaw(&site.admin, vm)
        .await
        .expect("accepted");
    assert!(site.finished(&thawed).await && !site.host.frozen(vm.0));
    site.stop(vm).await;
    assert!(!site.manager.inventory().guests.contains_key(&vm));
}

#[tokio::test]
async fn a_guest_that_had_an_agent_is_up_when_the_agent_is() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.host.set_guest(vm.0, Some(report()));
    told(&site, vm).await;
    site.until("it is remembered", |inventory| {
        inventory.vms.get(&vm).is_some_and(|vm| vm.run.has_agent)
    })
    .await;
    site.stop(vm).await;
    site.host.set_guest(vm.0, None);
    let started = site
        .manager
        .vm_start(&site.admin, vm, manager::VmStartParams::default())
        .await
        .expect("accepted");
    site.finished(&started).await;
    assert_eq!(site.vm(vm).run.status, VmStatus::PoweringUp);
    site.host.set_guest(vm.0, Some(report()));
    site.vm_is(vm, VmStatus::Up).await;
    // One whose agent does not come is up all the same, after a minute.
    site.stop(vm).await;
    site.host.set_guest(vm.0, None);
    let started = site
        .manager
        .vm_start(&site.admin, vm, manager::VmStartParams::default())
        .await
        .expect("accepted");
    site.finished(&started).await;
    assert_eq!(site.vm(vm).run.status, VmStatus::PoweringUp);
    site.clock.advance(Duration::from_secs(61));
    site.vm_is(vm, VmStatus::Up).await;
}

#[tokio::test]
async fn a_silent_guest_is_asked_less_and_less() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let silent = || {
        Fault::Fails(HostError::Failed {
            what: "silence".to_owned(),
        })
    };
    for _ in 0..100 {
        site.host.next("guest_report", silent());
    }
    site.host.set_guest(vm.0, Some(report()));
    site.until("it is known to be silent", |inventory| {
        inventory
            .guests
            .get(&vm)
            .is_some_and(|guest| !guest.answers)
    })
    .await;
    // Ten minutes, with a look at all guests after every twenty seconds.
    for _ in 0..30 {
        site.clock.advance(Duration::from_secs(20));
        let looks = site.host.count("domains") + 2;
        while site.host.count("domains") < looks {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let asked = site.host.count("guest_report");
    assert!(
        (3..=10).contains(&asked),
        "asked {asked} times in ten minutes"
    );
}

async fn highly_available(site: &Site) -> VmId {
    let vm = site.bare("web1").await;
    let params = VmUpdateParams {
        settings: VmSettings {
            high_availability: Some(true),
            ..VmSettings::default()
        },
        ..VmUpdateParams::default()
    };
    site.manager
        .vm_update(&site.admin, vm, params)
        .await
        .expect("changed");
    site.start(vm).await;
    vm
}

#[tokio::test]
async fn a_highly_available_vm_whose_process_died_is_started_again() {
    let site = Site::new().await;
    let vm = highly_available(&site).await;
    let first = site.vm(vm).run.epoch;
    site.host.end_guest(vm.0, OffReason::Crashed);
    site.until("it runs again", |inventory| {
        inventory
            .vms
            .get(&vm)
            .is_some_and(|vm| vm.run.epoch == first + 1 && vm.run.status == VmStatus::Up)
    })
    .await;
    site.idle().await;
    assert_eq!(site.events(9602).len(), 1, "it is said");
    assert_eq!(site.host.starts().len(), 2);
    // The next deaths come with pauses, and after some it is left down.
    for _ in 0..4 {
        let epoch = site.vm(vm).run.epoch;
        site.host.end_guest(vm.0, OffReason::Crashed);
        site.vm_is(vm, VmStatus::Down).await;
        site.clock.advance(Duration::from_secs(60));
        site.until("it runs again", |inventory| {
            inventory
                .vms
                .get(&vm)
                .is_some_and(|vm| vm.run.epoch == epoch + 1 && vm.run.status == VmStatus::Up)
        })
        .await;
        site.idle().await;
    }
    site.host.end_guest(vm.0, OffReason::Crashed);
    site.until("it is given up", |inventory| {
        inventory
            .events
            .newest_first()
            .any(|event| event.code == 9603)
    })
    .await;
    site.clock.advance(Duration::from_secs(3600));
    site.vm_is(vm, VmStatus::Down).await;
    assert_eq!(site.host.starts().len(), 6);
}

#[tokio::test]
async fn what_somebody_stopped_or_a_guest_ended_stays_down() {
    let site = Site::new().await;
    let vm = highly_available(&site).await;
    for end in [OffReason::Shutdown, OffReason::Destroyed] {
        site.host.end_guest(vm.0, end);
        site.vm_is(vm, VmStatus::Down).await;
        assert!(site.vm(vm).run.restart.is_none(), "{end:?}");
        site.start(vm).await;
    }
    site.manager
        .vm_stop(&site.admin, vm, VmStopParams::default())
        .await
        .expect("accepted");
    site.vm_is(vm, VmStatus::Down).await;
    site.idle().await;
    assert!(site.vm(vm).run.restart.is_none());
    assert!(site.events(9602).is_empty());
}
