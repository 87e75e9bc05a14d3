//! Figures: samples of a host and its domains become rates and shares.

use std::collections::HashMap;
use std::time::SystemTime;

use uuid::Uuid;

use crate::Manager;
use crate::error::Result;
use crate::host::{StatSample, Statistics};
use crate::model::{HostId, HostStatistics, VmId, VmStatistics};

/// What is remembered from one sample to the next.
#[derive(Debug, Default)]
pub(super) struct Figures {
    at: Option<SystemTime>,
    last: HashMap<Uuid, StatSample>,
}

/// Bytes a second.
fn rate(now: u64, before: u64, seconds: f64) -> f64 {
    if seconds <= 0.0 {
        return 0.0;
    }
    // A counter that went back belongs to a new process.
    #[allow(clippy::cast_precision_loss)]
    let bytes = now.saturating_sub(before) as f64;
    bytes / seconds
}

/// What the guest uses of the memory it has. Only the guest knows: the process on the host keeps
/// every page that was ever touched, and has memory of its own.
fn used_by_guest(domain: &StatSample) -> Option<u64> {
    domain
        .memory_bytes?
        .checked_sub(domain.memory_unused_bytes?)
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
        let now = manager.core.clock.now();
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
            let before = self.last.get(&domain.id).copied().unwrap_or(*domain);
            let uptime = vm
                .run
                .start_time
                .map_or(0, |start| now.0.saturating_sub(start.0) / 1000);
            new.push((
                id,
                VmStatistics {
                    cpu_percent: domain.cpu_percent,
                    memory_bytes: used_by_guest(domain),
                    uptime_seconds: u64::try_from(uptime).unwrap_or(0),
                    network_receive: rate(
                        domain.net_received_bytes,
                        before.net_received_bytes,
                        seconds,
                    ),
                    network_transmit: rate(domain.net_sent_bytes, before.net_sent_bytes, seconds),
                    disk_read: rate(domain.disk_read_bytes, before.disk_read_bytes, seconds),
                    disk_write: rate(
                        domain.disk_written_bytes,
                        before.disk_written_bytes,
                        seconds,
                    ),
                    consoles: manager.core.consoles.users(&inventory, id),
                },
            ));
        }
        self.at = Some(sample.at);
        self.last = sample
            .domains
            .iter()
            .map(|domain| (domain.id, *domain))
            .collect();
        let own = HostStatistics {
            cpu_percent: sample.host.cpu_percent,
            memory_used: sample.host.memory_used_bytes,
            memory_total: sample.host.memory_total_bytes.unwrap_or(0),
            uptime_seconds: 0,
        };
        manager
            .core
            .writer
            .apply(move |draft| {
                for (vm, statistics) in new {
                    // It may have ended since the sample.
                    if draft
                        .vms
                        .get(&vm)
                        .is_some_and(|vm| vm.run.status.is_running())
                    {
                        draft.vm_statistics(vm, Some(statistics));
                    }
                }
                draft.host_statistics(host, own);
                Ok(())
            })
            .await
    }
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
}
