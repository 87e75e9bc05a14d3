//! Histories: what was measured is there after a restart, only for who may see it, and goes with
//! its object.

use std::time::{Duration, SystemTime};

use manager::host::{
    DiskSample, HostSample, InterfaceCounters, InterfaceSample, NicSample, StatSample, Statistics,
};
use manager::model::{DiskId, HostId, NicId, Timestamp, VmId};
use manager::{HistoryChart, HistoryObject, HistoryRange, NicAddParams, VmRemoveParams};

use crate::site::Site;

#[allow(clippy::cast_precision_loss)]
fn cpu(seconds: u64) -> f64 {
    10.0 + seconds as f64
}

/// Counters after so many seconds of the same load.
fn sample(vm: VmId, disk: DiskId, nic: NicId, seconds: u64) -> Statistics {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds);
    let counters = InterfaceCounters {
        received_bytes: 500 * seconds,
        sent_bytes: 100 * seconds,
        received_dropped: 2 * seconds,
        ..InterfaceCounters::default()
    };
    let mut figures = Statistics::at(at);
    figures.host = HostSample {
        cpu_percent: Some(20.0),
        memory_used_bytes: Some(1 << 30),
        ..HostSample::default()
    };
    figures.domains = vec![StatSample {
        id: vm.0,
        cpu_percent: Some(cpu(seconds)),
        net_received_bytes: counters.received_bytes,
        ..StatSample::default()
    }];
    figures.disks = vec![DiskSample {
        domain: vm.0,
        disk: disk.0,
        read_bytes: 4096 * seconds,
        reads: seconds,
        read_ns: 3_000_000 * seconds,
        ..DiskSample::default()
    }];
    figures.nics = vec![NicSample {
        domain: vm.0,
        nic: nic.0,
        counters,
    }];
    figures.interfaces = vec![InterfaceSample {
        name: "eth0".to_owned(),
        up: true,
        counters,
        ..InterfaceSample::default()
    }];
    figures
}

fn host_id(site: &Site) -> HostId {
    let inventory = site.manager.inventory();
    inventory.hosts.iter().next().expect("a host").id
}

struct Measured {
    site: Site,
    vm: VmId,
    disk: DiskId,
    nic: NicId,
}

/// A VM that has been measured for twenty seconds.
async fn measured() -> Measured {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let nic = NicAddParams {
        name: "nic1".to_owned(),
        interface: None,
        mac: None,
        vnic_profile: Some(site.profile()),
        linked: None,
        plugged: None,
    };
    site.manager
        .nic_add(&site.admin, vm, nic)
        .await
        .expect("accepted");
    site.idle().await;
    site.start(vm).await;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let nic = site.vm(vm).nics[0].id;
    // The clock stands at a full minute; all samples fall into this one.
    for seconds in [0, 5, 10, 15, 20] {
        let figures = sample(vm, disk, nic, seconds);
        site.host.report_figures(figures);
        let wanted = cpu(seconds);
        site.until("the sample is taken", |inventory| {
            let figures = inventory.vm_statistics.get(&vm);
            let rate = if seconds == 0 { 0.0 } else { 500.0 };
            figures.is_some_and(|it| it.cpu_percent == Some(wanted) && it.network_receive == rate)
        })
        .await;
        site.clock.advance(Duration::from_secs(5));
    }
    Measured {
        site,
        vm,
        disk,
        nic,
    }
}

fn series<'a>(chart: &'a HistoryChart, name: &str) -> (&'a [Option<f32>], &'a [Option<f32>]) {
    let series = chart.series.iter().find(|it| it.name == name);
    let series = series.unwrap_or_else(|| panic!("{name} is in the chart"));
    (&series.average, &series.maximum)
}

fn known(values: &[Option<f32>]) -> Vec<f32> {
    values.iter().flatten().copied().collect()
}

#[tokio::test]
async fn what_was_measured_is_there_after_a_restart_in_every_resolution() {
    let Measured {
        site,
        vm,
        disk,
        nic,
    } = measured().await;
    let live = site
        .manager
        .history(&site.admin, HistoryObject::Vm(vm), HistoryRange::Live)
        .await
        .expect("shown");
    assert_eq!(live.step, 2000);
    let cpu = known(series(&live, "cpu").0);
    assert!(cpu.contains(&10.0) && cpu.last() == Some(&30.0), "{cpu:?}");
    let site = site.restart().await;
    let of = async |object: HistoryObject, range| {
        site.manager
            .history(&site.admin, object, range)
            .await
            .expect("shown")
    };
    for range in [
        HistoryRange::Hour,
        HistoryRange::Day,
        HistoryRange::Week,
        HistoryRange::Month,
        HistoryRange::Year,
    ] {
        let chart = of(HistoryObject::Vm(vm), range).await;
        let (average, maximum) = series(&chart, "cpu");
        assert_eq!(known(average), [20.0], "{range:?}");
        assert_eq!(known(maximum), [30.0], "{range:?}");
        assert!(
            known(series(&chart, "memory").0).is_empty(),
            "the guest does not tell"
        );
        assert_eq!(known(series(&chart, "network_receive").1), [500.0]);
        let point = average.iter().position(Option::is_some).expect("one");
        let begins = chart.from.0 + i64::try_from(point).expect("small") * chart.step;
        let now = site.manager.now().0;
        assert!(
            begins <= now && now - begins <= chart.step + 60_000,
            "{range:?}: it is of now"
        );
    }
    let chart = of(HistoryObject::Disk(disk), HistoryRange::Hour).await;
    assert_eq!(known(series(&chart, "read").1), [4096.0]);
    assert_eq!(known(series(&chart, "read_operations").1), [1.0]);
    assert_eq!(known(series(&chart, "read_latency").0), [0.003]);
    for object in [
        HistoryObject::Nic(nic),
        HistoryObject::HostNic(host_id(&site), "eth0".to_owned()),
    ] {
        let chart = of(object, HistoryRange::Hour).await;
        assert_eq!(known(series(&chart, "transmit").1), [100.0]);
        assert_eq!(known(series(&chart, "receive_dropped").1), [2.0]);
    }
    let chart = of(HistoryObject::Host(host_id(&site)), HistoryRange::Hour).await;
    assert_eq!(known(series(&chart, "cpu").0), [20.0]);
    assert_eq!(known(series(&chart, "network_receive").1), [500.0]);
    let now = site.manager.now();
    let part = HistoryRange::Between(Timestamp(now.0 - 600_000), now);
    let chart = of(HistoryObject::Vm(vm), part).await;
    assert_eq!((chart.step, chart.count), (60_000, 11));
    let wrong = HistoryRange::Between(now, Timestamp(now.0 - 1));
    let refused = site
        .manager
        .history(&site.admin, HistoryObject::Vm(vm), wrong)
        .await;
    assert!(refused.is_err(), "an end before its beginning");
}

#[tokio::test]
async fn a_history_is_for_those_who_see_its_object_and_goes_with_it() {
    let Measured {
        site,
        vm,
        disk,
        nic,
    } = measured().await;
    let mallory = site.user("mallory").await;
    for object in [
        HistoryObject::Vm(vm),
        HistoryObject::Disk(disk),
        HistoryObject::Nic(nic),
        HistoryObject::Host(host_id(&site)),
    ] {
        let hour = HistoryRange::Hour;
        let refused = site.manager.history(&mallory, object.clone(), hour).await;
        assert!(refused.is_err(), "{object:?}");
    }
    let site = site.restart().await;
    let kept = |kind: &str| {
        std::fs::read_dir(site.directory.0.join("history").join(kind)).map_or(0, Iterator::count)
    };
    assert_eq!((kept("vm"), kept("disk"), kept("nic")), (1, 1, 1));
    site.stop(vm).await;
    let gone = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await
        .expect("accepted");
    site.finished(&gone).await;
    // With the next minute's writing they are gone too.
    let mut last = sample(vm, disk, nic, 100);
    last.host.cpu_percent = Some(21.0);
    site.host.report_figures(last);
    site.until("the sample is taken", |inventory| {
        inventory
            .host_statistics
            .iter()
            .any(|it| it.cpu_percent == Some(21.0))
    })
    .await;
    let site = site.restart().await;
    let kept = |kind: &str| {
        std::fs::read_dir(site.directory.0.join("history").join(kind)).map_or(0, Iterator::count)
    };
    assert_eq!((kept("vm"), kept("disk"), kept("nic")), (0, 0, 0));
    assert_eq!(kept("host"), 1, "the host's stays");
}
