//! Figures: samples of a host, its domains and their devices become rates and shares.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::SystemTime;

use uuid::Uuid;

use crate::Manager;
use crate::error::Result;
use crate::history::HistoryObject;
use crate::host::{
    DiskSample, HostSample, InterfaceCounters, InterfaceSample, StatSample, Statistics,
};
use crate::inventory::Inventory;
use crate::model::{
    DiskId, DiskStatistics, HostId, HostInterface, HostStatistics, Mac, NicId, NicStatistics,
    Timestamp, VmId, VmStatistics,
};

/// What is remembered from one sample to the next.
#[derive(Debug, Default)]
pub(super) struct Figures {
    at: Option<SystemTime>,
    last: HashMap<Uuid, StatSample>,
    /// A shared disk is in several domains.
    disks: HashMap<(Uuid, DiskId), DiskSample>,
    nics: HashMap<NicId, InterfaceCounters>,
    interfaces: HashMap<String, InterfaceCounters>,
}

/// What one sample says.
#[derive(Debug, Default)]
struct Measured {
    vms: Vec<(VmId, VmStatistics)>,
    disks: Vec<(DiskId, Option<DiskStatistics>)>,
    nics: Vec<(NicId, Option<NicStatistics>)>,
    host: HostStatistics,
}

/// So many a second.
fn rate(now: u64, before: u64, seconds: f64) -> f64 {
    if seconds <= 0.0 {
        return 0.0;
    }
    // A counter that went back belongs to a new process.
    #[allow(clippy::cast_precision_loss)]
    let counted = now.saturating_sub(before) as f64;
    counted / seconds
}

/// Seconds that one of some requests took.
fn latency(ns: u64, ns_before: u64, count: u64, count_before: u64) -> Option<f64> {
    let count = count.checked_sub(count_before).filter(|count| *count > 0)?;
    #[allow(clippy::cast_precision_loss)]
    Some(ns.checked_sub(ns_before)? as f64 / count as f64 / 1e9)
}

/// What the guest uses of the memory it has. Only the guest knows: the process on the host keeps
/// every page that was ever touched, and has memory of its own.
fn used_by_guest(domain: &StatSample) -> Option<u64> {
    domain
        .memory_bytes?
        .checked_sub(domain.memory_unused_bytes?)
}

fn disk(now: &DiskSample, before: &DiskSample, seconds: f64) -> DiskStatistics {
    DiskStatistics {
        read: rate(now.read_bytes, before.read_bytes, seconds),
        write: rate(now.written_bytes, before.written_bytes, seconds),
        read_operations: rate(now.reads, before.reads, seconds),
        write_operations: rate(now.writes, before.writes, seconds),
        read_latency: latency(now.read_ns, before.read_ns, now.reads, before.reads),
        write_latency: latency(now.write_ns, before.write_ns, now.writes, before.writes),
        flush_latency: latency(now.flush_ns, before.flush_ns, now.flushes, before.flushes),
    }
}

/// Two VMs' use of one disk as one.
fn together(mut one: DiskStatistics, other: &DiskStatistics) -> DiskStatistics {
    let slower = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    one.read += other.read;
    one.write += other.write;
    one.read_operations += other.read_operations;
    one.write_operations += other.write_operations;
    one.read_latency = slower(one.read_latency, other.read_latency);
    one.write_latency = slower(one.write_latency, other.write_latency);
    one.flush_latency = slower(one.flush_latency, other.flush_latency);
    one
}

fn nic(now: &InterfaceCounters, before: &InterfaceCounters, seconds: f64) -> NicStatistics {
    NicStatistics {
        receive: rate(now.received_bytes, before.received_bytes, seconds),
        transmit: rate(now.sent_bytes, before.sent_bytes, seconds),
        receive_dropped: rate(now.received_dropped, before.received_dropped, seconds),
        transmit_dropped: rate(now.sent_dropped, before.sent_dropped, seconds),
        receive_errors: rate(now.received_errors, before.received_errors, seconds),
        transmit_errors: rate(now.sent_errors, before.sent_errors, seconds),
        received_total: now.received_bytes,
        sent_total: now.sent_bytes,
        receive_errors_total: now.received_errors,
        transmit_errors_total: now.sent_errors,
    }
}

/// Remembers what is there now, and gives what was there before.
fn turn<K: Hash + Eq, V>(
    memory: &mut HashMap<K, V>,
    now: impl Iterator<Item = (K, V)>,
) -> HashMap<K, V> {
    std::mem::replace(memory, now.collect())
}

impl Figures {
    /// Takes one sample.
    pub(super) async fn take(
        &mut self,
        manager: &Manager,
        host: HostId,
        sample: &Statistics,
    ) -> Result<()> {
        let seconds = self
            .at
            .and_then(|at| sample.at.duration_since(at).ok())
            .map_or(0.0, |passed| passed.as_secs_f64());
        let inventory = manager.inventory();
        let measured = Measured {
            vms: self.vms(manager, &inventory, sample, seconds),
            disks: self.disks(sample, seconds),
            nics: self.nics(sample, seconds),
            host: self.host(manager, sample, seconds),
        };
        self.at = Some(sample.at);
        manager.core.history.take(
            // The clock that charts are read by.
            manager.core.clock.now().0,
            remembered(&inventory, host, &measured),
        );
        manager
            .core
            .writer
            .apply(move |draft| {
                for (vm, statistics) in measured.vms {
                    // It may have ended since the sample.
                    if draft
                        .vms
                        .get(&vm)
                        .is_some_and(|vm| vm.run.status.is_running())
                    {
                        draft.vm_statistics(vm, Some(statistics));
                    }
                }
                draft.device_statistics(measured.disks, measured.nics);
                draft.host_statistics(host, measured.host);
                Ok(())
            })
            .await
    }

    fn vms(
        &mut self,
        manager: &Manager,
        inventory: &Inventory,
        sample: &Statistics,
        seconds: f64,
    ) -> Vec<(VmId, VmStatistics)> {
        let now = manager.core.clock.now();
        let last = turn(&mut self.last, sample.domains.iter().map(|it| (it.id, *it)));
        let mut new = Vec::new();
        for domain in &sample.domains {
            let id = VmId(domain.id);
            let Some(vm) = inventory
                .vms
                .get(&id)
                .filter(|vm| vm.run.status.is_running())
            else {
                continue;
            };
            let before = last.get(&domain.id).copied().unwrap_or(*domain);
            let uptime = vm
                .run
                .start_time
                .map_or(0, |start| now.0.saturating_sub(start.0) / 1000);
            let rate = |of: fn(&StatSample) -> u64| rate(of(domain), of(&before), seconds);
            new.push((
                id,
                VmStatistics {
                    cpu_percent: domain.cpu_percent,
                    memory_bytes: used_by_guest(domain),
                    uptime_seconds: u64::try_from(uptime).unwrap_or(0),
                    network_receive: rate(|it| it.net_received_bytes),
                    network_transmit: rate(|it| it.net_sent_bytes),
                    disk_read: rate(|it| it.disk_read_bytes),
                    disk_write: rate(|it| it.disk_written_bytes),
                    consoles: manager.core.consoles.users(inventory, id),
                },
            ));
        }
        new
    }

    fn disks(
        &mut self,
        sample: &Statistics,
        seconds: f64,
    ) -> Vec<(DiskId, Option<DiskStatistics>)> {
        let key = |it: &DiskSample| (it.domain, DiskId(it.disk));
        let last = turn(
            &mut self.disks,
            sample.disks.iter().map(|it| (key(it), *it)),
        );
        let mut all: HashMap<DiskId, Option<DiskStatistics>> =
            last.keys().map(|(_, disk)| (*disk, None)).collect();
        for now in &sample.disks {
            let before = last.get(&key(now)).unwrap_or(now);
            let figures = disk(now, before, seconds);
            let entry = all.entry(DiskId(now.disk)).or_default();
            *entry = Some(match entry.take() {
                Some(other) => together(other, &figures),
                None => figures,
            });
        }
        all.into_iter().collect()
    }

    fn nics(&mut self, sample: &Statistics, seconds: f64) -> Vec<(NicId, Option<NicStatistics>)> {
        let last = turn(
            &mut self.nics,
            sample.nics.iter().map(|it| (NicId(it.nic), it.counters)),
        );
        let mut all: HashMap<NicId, Option<NicStatistics>> =
            last.keys().map(|nic| (*nic, None)).collect();
        for it in &sample.nics {
            let id = NicId(it.nic);
            let before = last.get(&id).unwrap_or(&it.counters);
            all.insert(id, Some(nic(&it.counters, before, seconds)));
        }
        all.into_iter().collect()
    }

    fn host(&mut self, manager: &Manager, sample: &Statistics, seconds: f64) -> HostStatistics {
        let last = turn(
            &mut self.interfaces,
            sample
                .interfaces
                .iter()
                .map(|it| (it.name.clone(), it.counters)),
        );
        let interfaces = sample.interfaces.iter().map(|it| {
            let before = last.get(&it.name).unwrap_or(&it.counters);
            interface(it, nic(&it.counters, before, seconds))
        });
        host(&sample.host, manager.core.clock.now(), interfaces.collect())
    }
}

fn interface(it: &InterfaceSample, statistics: NicStatistics) -> HostInterface {
    HostInterface {
        name: it.name.clone(),
        mac: it.mac.map(Mac),
        mtu: it.mtu,
        speed: it.speed_mbps.map(|mbps| u64::from(mbps) * 1_000_000),
        up: it.up,
        bridge: it.bridge,
        statistics,
    }
}

fn host(sample: &HostSample, now: Timestamp, interfaces: Vec<HostInterface>) -> HostStatistics {
    let boot = sample.boot_time.and_then(|at| at.checked_mul(1000));
    let uptime = boot.map_or(0, |at| now.0.saturating_sub(at) / 1000);
    HostStatistics {
        cpu_percent: sample.cpu_percent,
        memory_used: sample.memory_used_bytes,
        memory_total: sample.memory_total_bytes.unwrap_or(0),
        uptime_seconds: u64::try_from(uptime).unwrap_or(0),
        boot_time: boot.map(Timestamp),
        cpu_user_percent: sample.cpu_user_percent,
        cpu_system_percent: sample.cpu_system_percent,
        load_5_minutes: sample.load_5_minutes,
        memory_buffers: sample.memory_buffers_bytes,
        memory_cached: sample.memory_cached_bytes,
        swap_total: sample.swap_total_bytes,
        swap_free: sample.swap_free_bytes,
        swap_cached: sample.swap_cached_bytes,
        interfaces,
    }
}

/// What goes into the histories, in the order of their series.
fn remembered(
    inventory: &Inventory,
    host: HostId,
    measured: &Measured,
) -> Vec<(HistoryObject, Vec<f32>)> {
    #[allow(clippy::cast_possible_truncation, reason = "a chart's precision")]
    fn value(value: f64) -> f32 {
        value as f32
    }
    fn maybe(of: Option<f64>) -> f32 {
        of.map_or(f32::NAN, value)
    }
    #[allow(clippy::cast_precision_loss, reason = "a chart's precision")]
    fn bytes(of: Option<u64>) -> f32 {
        of.map_or(f32::NAN, |bytes| bytes as f32)
    }
    fn of_nic(it: &NicStatistics) -> Vec<f32> {
        [
            it.receive,
            it.transmit,
            it.receive_dropped,
            it.transmit_dropped,
            it.receive_errors,
            it.transmit_errors,
        ]
        .map(value)
        .to_vec()
    }
    let vms = measured.vms.iter().map(|(id, it)| {
        let values = vec![
            maybe(it.cpu_percent),
            bytes(it.memory_bytes),
            value(it.network_receive),
            value(it.network_transmit),
            value(it.disk_read),
            value(it.disk_write),
        ];
        (HistoryObject::Vm(*id), values)
    });
    let disks = measured.disks.iter().filter_map(|(id, it)| {
        let it = it.as_ref().filter(|_| inventory.disks.contains_key(id))?;
        let values = vec![
            value(it.read),
            value(it.write),
            value(it.read_operations),
            value(it.write_operations),
            maybe(it.read_latency),
            maybe(it.write_latency),
        ];
        Some((HistoryObject::Disk(*id), values))
    });
    let nics = measured.nics.iter().filter_map(|(id, it)| {
        let it = it.as_ref()?;
        Some((HistoryObject::Nic(*id), of_nic(it)))
    });
    let interfaces = measured.host.interfaces.iter().map(|it| {
        let object = HistoryObject::HostNic(host, it.name.clone());
        (object, of_nic(&it.statistics))
    });
    // A bridge counts again what its port has counted.
    let (receive, transmit) = measured
        .host
        .interfaces
        .iter()
        .filter(|it| !it.bridge)
        .fold((0.0, 0.0), |(receive, transmit), it| {
            (
                receive + it.statistics.receive,
                transmit + it.statistics.transmit,
            )
        });
    let own = vec![
        maybe(measured.host.cpu_percent),
        bytes(measured.host.memory_used),
        value(receive),
        value(transmit),
    ];
    vms.chain(disks)
        .chain(nics)
        .chain(interfaces)
        .chain([(HistoryObject::Host(host), own)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_does_not_tell_has_no_figure_of_used_memory() {
        let told = StatSample {
            memory_bytes: Some(1000),
            memory_unused_bytes: Some(300),
            memory_resident_bytes: Some(5000),
            ..StatSample::default()
        };
        assert_eq!(used_by_guest(&told), Some(700));
        let silent = StatSample {
            memory_unused_bytes: None,
            ..told
        };
        assert_eq!(used_by_guest(&silent), None);
        // Two figures of different moments.
        let impossible = StatSample {
            memory_unused_bytes: Some(1001),
            ..told
        };
        assert_eq!(used_by_guest(&impossible), None);
    }

    #[test]
    fn a_disk_of_two_guests_has_both_their_rates() {
        let mut figures = Figures::default();
        let at = SystemTime::UNIX_EPOCH;
        let sample = |domain: u128, read_bytes: u64, reads: u64, read_ns: u64| DiskSample {
            domain: Uuid::from_u128(domain),
            disk: Uuid::from_u128(9),
            read_bytes,
            reads,
            read_ns,
            ..DiskSample::default()
        };
        let mut first = Statistics::at(at);
        first.disks = vec![sample(1, 100, 10, 0), sample(2, 0, 0, 0)];
        let begun = figures.disks(&first, 0.0);
        assert_eq!(
            begun,
            [(DiskId(Uuid::from_u128(9)), Some(DiskStatistics::default()))]
        );
        let mut second = Statistics::at(at);
        second.disks = vec![sample(1, 300, 14, 8_000_000), sample(2, 100, 1, 5_000_000)];
        let [(_, Some(now))] = &figures.disks(&second, 2.0)[..] else {
            panic!("one disk");
        };
        assert_eq!((now.read, now.read_operations), (150.0, 2.5));
        assert_eq!(now.read_latency, Some(0.005), "the slower one's");
        assert_eq!(now.write_latency, None, "nothing was written");
        // When it is plugged out there are no figures of it any more.
        let gone = figures.disks(&Statistics::at(at), 2.0);
        assert_eq!(gone, [(DiskId(Uuid::from_u128(9)), None)]);
    }
}
