//! Figures in bulk: two or three calls for the whole host, however many guests it has. Loads are
//! differences between two samples, so the sampler remembers the last one.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use uuid::Uuid;
use virt::connect::Connect;

use super::connection::failed;
use super::device_figures::{Names, devices_of};
use super::events::{self, RawStatistics};
use super::local;
use crate::host::{HostError, HostSample, StatSample, Statistics};

/// The last sample, for differences.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    host: Option<Processors>,
    domains: HashMap<Uuid, (Instant, u64)>,
    names: HashMap<Uuid, Names>,
}

/// Nanoseconds that the host's processors have spent.
#[derive(Debug, Clone, Copy)]
struct Processors {
    user: u64,
    system: u64,
    all: u64,
}

/// What the host has said, not yet compared with anything.
pub(super) struct Sample {
    at: SystemTime,
    moment: Instant,
    cpu: Vec<(String, u64)>,
    memory: Vec<(String, u64)>,
    domains: Vec<RawStatistics>,
    /// Whether the host is this machine, which can tell more.
    local: bool,
}

/// Asks the host.
pub(super) fn sample(connection: &Connect, local: bool) -> Result<Sample, HostError> {
    Ok(Sample {
        // Not every driver has the node's figures; the guests' are what matters.
        cpu: events::node_cpu(connection).unwrap_or_default(),
        memory: events::node_memory(connection).unwrap_or_default(),
        domains: events::bulk_statistics(connection).map_err(|e| failed(&e))?,
        at: SystemTime::now(),
        moment: Instant::now(),
        local,
    })
}

/// All memory of the node in bytes, if it says so. What virNodeGetInfo says can be wrong (memory
/// added later is missing).
pub(super) fn node_memory_bytes(connection: &Connect) -> Option<u64> {
    value(&events::node_memory(connection).ok()?, "total").map(|kib| kib * 1024)
}

fn value(values: &[(String, u64)], name: &str) -> Option<u64> {
    values.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
}

impl Sampler {
    /// The domains whose devices are not known by name, or are others than they were.
    pub fn unnamed(&self, sample: &Sample) -> Vec<Uuid> {
        let known = |raw: &&RawStatistics| {
            raw.names.is_empty()
                || self
                    .names
                    .get(&raw.id)
                    .is_some_and(|names| names.fits(&raw.names))
        };
        sample
            .domains
            .iter()
            .filter(|raw| !known(raw))
            .map(|raw| raw.id)
            .collect()
    }

    /// Remembers which devices of the sample's domains are which.
    pub fn learn(&mut self, sample: &Sample, found: Vec<(Uuid, Names)>) {
        for (id, mut names) in found {
            if let Some(raw) = sample.domains.iter().find(|raw| raw.id == id) {
                names.remember(&raw.names);
                self.names.insert(id, names);
            }
        }
    }

    /// Turns what the host has said into figures, and remembers it.
    pub fn take(&mut self, sample: Sample) -> Statistics {
        let mut statistics = Statistics::at(sample.at);
        statistics.host = self.host(&sample);
        if sample.local {
            local::complete(&mut statistics.host);
            statistics.interfaces = local::interfaces();
        }
        for raw in &sample.domains {
            statistics.domains.push(self.domain(raw, sample.moment));
            if let Some(names) = self.names.get(&raw.id) {
                devices_of(raw, names, &mut statistics);
            }
        }
        let running = |id: &Uuid| statistics.domains.iter().any(|d| d.id == *id);
        self.domains.retain(|id, _| running(id));
        self.names.retain(|id, _| running(id));
        statistics
    }

    fn host(&mut self, sample: &Sample) -> HostSample {
        let of = |name| value(&sample.cpu, name);
        let now = of("user")
            .zip(of("kernel"))
            .zip(of("idle"))
            .map(|((user, system), idle)| Processors {
                user,
                system,
                all: user + system + idle + of("iowait").unwrap_or(0),
            });
        let part = |of: fn(&Processors) -> u64| {
            let (now, before) = now.as_ref().zip(self.host.as_ref())?;
            percent(
                of(now).checked_sub(of(before))?,
                now.all.checked_sub(before.all)?,
            )
        };
        let cpu_percent = part(|it| it.user + it.system);
        let cpu_user_percent = part(|it| it.user);
        let cpu_system_percent = part(|it| it.system);
        self.host = now;
        let kib = |name| value(&sample.memory, name).map(|kib| kib * 1024);
        let total = kib("total");
        let given_back =
            kib("free").map(|free| free + kib("buffers").unwrap_or(0) + kib("cached").unwrap_or(0));
        HostSample {
            cpu_percent,
            cpu_user_percent,
            cpu_system_percent,
            memory_used_bytes: total
                .zip(given_back)
                .map(|(total, free)| total.saturating_sub(free)),
            memory_total_bytes: total,
            memory_buffers_bytes: kib("buffers"),
            memory_cached_bytes: kib("cached"),
            ..HostSample::default()
        }
    }

    fn domain(&mut self, raw: &RawStatistics, moment: Instant) -> StatSample {
        let of = |name: &str| value(&raw.values, name);
        let sum = |prefix: &str, suffix: &str| -> u64 {
            let matching = |name: &str| name.starts_with(prefix) && name.ends_with(suffix);
            raw.values
                .iter()
                .filter(|(name, _)| matching(name))
                .fold(0, |sum, (_, v)| sum.saturating_add(*v))
        };
        let cpu_time_ns = of("cpu.time");
        let vcpus = of("vcpu.current").unwrap_or(1).max(1);
        let before = cpu_time_ns.and_then(|time| self.domains.insert(raw.id, (moment, time)));
        let cpu_percent = cpu_time_ns
            .zip(before)
            .and_then(|(time, (then, time_then))| {
                let elapsed =
                    u64::try_from(moment.saturating_duration_since(then).as_nanos()).ok()?;
                percent(time.checked_sub(time_then)?, elapsed.checked_mul(vcpus)?)
            });
        let kib = |name| of(name).map(|kib| kib.saturating_mul(1024));
        StatSample {
            id: raw.id,
            cpu_time_ns,
            cpu_percent,
            memory_bytes: kib("balloon.current"),
            memory_unused_bytes: kib("balloon.usable").or_else(|| kib("balloon.unused")),
            memory_resident_bytes: kib("balloon.rss"),
            net_received_bytes: sum("net.", ".rx.bytes"),
            net_sent_bytes: sum("net.", ".tx.bytes"),
            disk_read_bytes: sum("block.", ".rd.bytes"),
            disk_written_bytes: sum("block.", ".wr.bytes"),
        }
    }
}

/// QEMU's own threads come on top of the virtual CPUs, so more than 100 is cut.
fn percent(part: u64, whole: u64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a percentage")]
    let percent = (whole != 0).then(|| part as f64 / whole as f64 * 100.0)?;
    Some(percent.clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn sample(moment: Instant, cpu_time: u64, busy: u64) -> Sample {
        let named =
            |pairs: &[(&str, u64)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        Sample {
            at: SystemTime::now(),
            moment,
            cpu: named(&[
                ("user", busy),
                ("kernel", 0),
                ("idle", 4_000 - busy),
                ("iowait", 0),
            ]),
            memory: named(&[
                ("total", 1000),
                ("free", 300),
                ("buffers", 50),
                ("cached", 150),
            ]),
            domains: vec![RawStatistics {
                id: Uuid::from_u128(7),
                values: named(&[
                    ("cpu.time", cpu_time),
                    ("vcpu.current", 2),
                    ("balloon.current", 1024),
                    ("net.count", 2),
                    ("net.0.rx.bytes", 5),
                    ("net.1.rx.bytes", 6),
                    ("net.1.tx.bytes", 7),
                    ("block.0.rd.bytes", 8),
                    ("block.1.wr.bytes", 9),
                ]),
                names: Vec::new(),
            }],
            local: false,
        }
    }

    #[test]
    fn load_is_the_difference_between_two_samples() {
        let (mut sampler, begin) = (Sampler::default(), Instant::now());
        let first = sampler.take(sample(begin, 0, 1_000));
        assert_eq!(first.domains[0].cpu_percent, None);
        assert_eq!(first.host.cpu_percent, None);
        let mut later = sample(begin + Duration::from_secs(2), 1_000_000_000, 1_000);
        later.cpu = vec![
            ("user".into(), 1_500),
            ("kernel".into(), 0),
            ("idle".into(), 4_500),
            ("iowait".into(), 0),
        ];
        let second = sampler.take(later);
        assert_eq!(
            second.domains[0].cpu_percent,
            Some(25.0),
            "1 s of 2 s on 2 processors"
        );
        assert_eq!(second.host.cpu_percent, Some(25.0), "500 of 2000");
        let domain = second.domains[0];
        assert_eq!(domain.net_received_bytes, 11);
        assert_eq!(domain.net_sent_bytes, 7);
        assert_eq!((domain.disk_read_bytes, domain.disk_written_bytes), (8, 9));
        assert_eq!(domain.memory_bytes, Some(1 << 20));
        assert_eq!(second.host.memory_used_bytes, Some(500 * 1024));
    }

    #[test]
    fn a_guest_that_started_anew_has_no_load_yet() {
        let (mut sampler, begin) = (Sampler::default(), Instant::now());
        sampler.take(sample(begin, 5_000_000_000, 0));
        let again = sampler.take(sample(begin + Duration::from_secs(1), 1_000, 0));
        assert_eq!(again.domains[0].cpu_percent, None);
    }
}
