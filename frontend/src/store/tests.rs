//! The store seen from a page: what it reads after what the stream told.

use super::*;
use serde_json::json;

fn tell(store: &Store, kind: Kind, id: &str, data: Value) {
    tell_at(store, kind, id, data, json!({}), json!({}), 0.0);
}

fn tell_at(store: &Store, kind: Kind, id: &str, data: Value, offers: Value, extra: Value, at: f64) {
    let offers = serde_json::from_value(offers).unwrap();
    let extra = serde_json::from_value(extra).unwrap();
    let told = Told {
        id,
        data: &data,
        offers: &offers,
        extra: &extra,
        at,
    };
    store.upsert(kind, &told);
    store.flush();
}

#[test]
fn a_machine_is_read_as_the_api_writes_it() {
    let store = Store::default();
    let vm = json!({
        "name": "web1", "status": "up", "memory": "2147483648", "cluster": {"id": "c1"}, "host": {"id": "h1"},
        "cpu": {"topology": {"sockets": "2", "cores": "2", "threads": "1"}},
        "os": {"type": "debian_12", "boot": {"devices": {"device": ["cdrom", "hd"]}}},
        "disk_attachments": {"disk_attachment": [{"id": "d1", "bootable": "true", "interface": "virtio", "disk": {"id": "d1"}}]},
        "nics": {"nic": [{"id": "n1", "name": "nic1", "mac": {"address": "56:6f:00:00:00:01"}, "vnic_profile": {"id": "p1"}}]},
        "cdroms": {"cdrom": [{"id": "00000000-0000-0000-0000-000000000000", "file": {"id": "iso1"}}]},
    });
    let offers = json!({"start": {"allowed": false, "reason": "VM is running."}, "shutdown": {"allowed": true}});
    let extra = json!({"cpu_percent": 38.5, "memory_bytes": 1_073_741_824u64, "uptime_s": 60, "consoles": ["ana@internal"]});
    tell_at(&store, Kind::Vm, "v1", vm, offers, extra, 0.0);
    let vm = store.vms.peek("v1").unwrap();
    assert_eq!(
        (vm.name.as_str(), vm.status, vm.vcpus(), vm.memory),
        ("web1", VmStatus::Up, 4, 2 << 30)
    );
    assert_eq!(vm.boot, ["cdrom", "hd"]);
    assert_eq!(vm.disks[0].disk.as_ref(), "d1");
    assert!(vm.disks[0].bootable);
    assert_eq!(vm.nics[0].mac, "56:6f:00:00:00:01");
    assert_eq!(vm.cd.as_deref(), Some("iso1"));
    assert_eq!(vm.offers.refusal("start"), Some("VM is running."));
    assert!(vm.offers.allows("shutdown"));
    assert_eq!(vm.offers.refusal("suspend"), None);
    assert!(!vm.offers.allows("suspend"));
    assert_eq!(vm.memory_percent(), Some(50.0));
    assert_eq!(vm.consoles, ["ana@internal"]);
}

#[test]
fn an_empty_drive_has_no_disk_in_it() {
    let store = Store::default();
    tell(
        &store,
        Kind::Vm,
        "v1",
        json!({"cdroms": {"cdrom": [{"id": "0", "file": {"id": ""}}]}}),
    );
    assert_eq!(store.vms.peek("v1").unwrap().cd, None);
}

#[test]
fn samples_are_kept_while_it_runs_and_forgotten_when_it_stops() {
    let store = Store::default();
    for second in 0..200 {
        tell_at(
            &store,
            Kind::Vm,
            "v1",
            json!({"status": "up", "memory": "1024"}),
            json!({}),
            json!({"cpu_percent": 10.0}),
            f64::from(second) * 2_000.0,
        );
    }
    assert_eq!(store.vms.peek("v1").unwrap().samples.len(), 150);
    assert_eq!(store.vms.peek("v1").unwrap().samples[149].at, 398_000.0);
    tell(&store, Kind::Vm, "v1", json!({"status": "down"}));
    assert!(store.vms.peek("v1").unwrap().samples.is_empty());
}

#[test]
fn two_changes_in_one_second_are_one_sample() {
    let store = Store::default();
    for at in [0.0, 300.0, 600.0, 1_200.0] {
        tell_at(
            &store,
            Kind::Vm,
            "v1",
            json!({"status": "up"}),
            json!({}),
            json!({"cpu_percent": at}),
            at,
        );
    }
    assert_eq!(store.vms.peek("v1").unwrap().samples.len(), 2);
}

#[test]
fn what_a_new_snapshot_does_not_name_is_gone() {
    let store = Store::default();
    tell(&store, Kind::Vm, "v1", json!({"name": "a"}));
    tell(&store, Kind::Vm, "v2", json!({"name": "b"}));
    store.begin_snapshot();
    tell(&store, Kind::Vm, "v2", json!({"name": "b"}));
    store.end_snapshot();
    store.flush();
    assert!(store.vms.peek("v1").is_none());
    assert_eq!(store.vms.peek("v2").unwrap().name, "b");
}

#[test]
fn unknown_kinds_and_broken_objects_do_no_harm() {
    let store = Store::default();
    tell(&store, Kind::Unknown, "x", json!({}));
    tell(&store, Kind::Vm, "v1", json!([1, 2]));
    tell(&store, Kind::Host, "h1", json!("nothing"));
    assert_eq!(store.vms.peek("v1").unwrap().status, VmStatus::Unknown);
    assert_eq!(store.hosts.peek("h1").unwrap().cpus(), 1);
}

#[test]
fn events_are_kept_once_and_newest_first_in_whatever_order_they_come() {
    let store = Store::default();
    for index in [5, 3, 9, 5, 9] {
        store.add_event(
            &json!({"id": index.to_string(), "severity": "error", "description": "x", "time": 1}),
        );
    }
    let seen: Vec<u64> = store
        .events(10, |_| true)
        .iter()
        .map(|event| event.index)
        .collect();
    assert_eq!(seen, [9, 5, 3]);
    assert_eq!(
        store
            .events(10, |event| event.severity == Severity::Warning)
            .len(),
        0
    );
    assert_eq!(store.oldest_event(), Some(3));
}

#[test]
fn the_page_keeps_a_bounded_number_of_events() {
    let store = Store::default();
    for index in 0..3_000 {
        store.add_event(&json!({"id": index}));
    }
    assert_eq!(store.events(usize::MAX, |_| true).len(), 2_000);
    assert_eq!(store.oldest_event(), Some(1_000));
}

#[test]
fn a_jobs_progress_follows_its_steps() {
    let store = Store::default();
    let steps = json!({"step": [
        {"number": "1", "status": "started", "description": "copying", "progress": "50"},
        {"number": "0", "status": "finished", "description": "checking"},
    ]});
    tell(
        &store,
        Kind::Job,
        "j1",
        json!({"description": "Adding disk", "status": "started", "steps": steps}),
    );
    let job = store.jobs.peek("j1").unwrap();
    assert_eq!(job.progress(), Some(75));
    assert_eq!(
        job.current_step()
            .map(|(place, step)| (place, step.description.as_str())),
        Some((2, "copying"))
    );
}

#[test]
fn names_are_sorted_as_people_count() {
    let mut names = ["vm-10", "vm-2", "VM-1", "vm-2a"];
    names.sort_by(|a, b| natural(a, b));
    assert_eq!(names, ["VM-1", "vm-2", "vm-2a", "vm-10"]);
}

#[test]
fn a_waiting_task_goes_on_when_the_stream_says_so() {
    use std::task::{Context, Poll, Waker};
    let store = Store::default();
    let mut wait = Box::pin(store.until(|store| {
        store
            .vms
            .peek("v1")
            .filter(|vm| vm.status == VmStatus::Down)
            .map(|vm| vm.name.clone())
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut context).is_pending());
    tell(
        &store,
        Kind::Vm,
        "v1",
        json!({"name": "a", "status": "image_locked"}),
    );
    assert!(wait.as_mut().poll(&mut context).is_pending());
    tell(
        &store,
        Kind::Vm,
        "v1",
        json!({"name": "a", "status": "down"}),
    );
    assert_eq!(
        wait.as_mut().poll(&mut context),
        Poll::Ready("a".to_owned())
    );
}

#[test]
fn nobody_finds_anything_after_another_person_logs_in() {
    let store = Store::default();
    tell(&store, Kind::Vm, "v1", json!({"name": "a"}));
    store.add_event(&json!({"id": 1}));
    store.clear();
    assert!(store.vms.peek_all().is_empty());
    assert!(store.events(1, |_| true).is_empty());
}

#[test]
fn a_guest_that_tells_no_figures_has_none() {
    let store = Store::default();
    let extra = json!({"uptime_s": 5});
    tell_at(
        &store,
        Kind::Vm,
        "v1",
        json!({"status": "up", "memory": "1024"}),
        json!({}),
        extra,
        0.0,
    );
    let vm = store.vms.peek("v1").unwrap();
    assert_eq!((vm.cpu_percent, vm.memory_percent()), (None, None));
}
