//! What hosts report becomes changes: a host's state and facts, what its domains do, how full its
//! storage is, and figures. One task per host listens to its events and looks at everything every
//! few seconds, so that a missed event is made good.
//!
//! A VM that an operation works on is left to the operation; it is looked at when that is over.

mod domains;
mod external;
mod figures;
mod guests;
mod restart;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::Manager;
use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::host::{
    AccelerationKind, HostEvent, HostReport, Hypervisor, NetworkSpec, PoolInfo, Reachable,
};
use crate::model::{
    Acceleration, CpuTopology, DataCenter, DataCenterStatus, Host, HostFacts, HostId, HostParts,
    HostStatus, StorageDomainId, StorageDomainStatus, VmId, VmStatus,
};
use crate::writer::Draft;

pub(crate) use external::shape;
use figures::Figures;

/// How long a host may be away before its VMs are not known any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the first connection may take before anybody is told that there is none.
const FIRST_CONTACT: Duration = Duration::from_secs(3);
/// Looks at domains between two looks at storage.
const STORAGE_EVERY: u32 = 3;

/// What the task of one host remembers.
struct Watch {
    manager: Manager,
    id: HostId,
    host: Arc<dyn Hypervisor>,
    figures: Figures,
    guests: guests::Guests,
    /// Since when it has not answered.
    away: Option<Duration>,
    /// Since when guests have been asked to end.
    ending: HashMap<VmId, Duration>,
    known: bool,
    /// Whether it has answered since the manager's start.
    met: bool,
    rounds: u32,
}

/// Watches a host until the manager ends.
pub(crate) async fn watch(manager: Manager, id: HostId, host: Arc<dyn Hypervisor>) {
    let mut events = host.events();
    let sweep = manager.core.timeouts.sweep;
    let mut ticks = interval_at(Instant::now(), sweep);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch {
        manager,
        id,
        host,
        figures: Figures::default(),
        guests: guests::Guests::default(),
        away: None,
        ending: HashMap::new(),
        known: false,
        met: false,
        rounds: 0,
    };
    loop {
        let core = Arc::clone(&watch.manager.core);
        let wake = core.wake.notified();
        let outcome = tokio::select! {
            event = events.recv() => match event {
                Ok(event) => watch.event(event).await,
                Err(RecvError::Lagged(_)) => watch.round().await,
                Err(RecvError::Closed) => return,
            },
            _ = ticks.tick() => watch.round().await,
            () = wake => watch.round().await,
        };
        if let Err(error) = outcome {
            tracing::warn!(host = %watch.id, %error, "What the host reported could not be written");
        }
    }
}

impl Watch {
    async fn event(&mut self, event: HostEvent) -> Result<()> {
        match event {
            HostEvent::Connected => {
                // It may be another start of the same machine, with other versions.
                self.known = false;
                self.round().await
            }
            HostEvent::Disconnected { reason } => self.disconnected(&reason).await,
            HostEvent::Domain { id, .. }
            | HostEvent::Defined { id }
            | HostEvent::Undefined { id } => self.look_at(VmId(id)).await,
            HostEvent::Agent { id, connected } => {
                let guests = self.guests.clone();
                guests
                    .changed(&self.manager, &self.host, VmId(id), connected)
                    .await;
                // A VM may be up because of it.
                self.look_at(VmId(id)).await
            }
            HostEvent::Rebooted { id } => self.rebooted(VmId(id)).await,
            HostEvent::DeviceRemoved { id, device } => self.device_removed(VmId(id), device).await,
            HostEvent::Statistics(statistics) => {
                self.figures.take(&self.manager, self.id, &statistics).await
            }
            HostEvent::Graphics { .. } => Ok(()),
        }
    }

    /// Looks at everything.
    async fn round(&mut self) -> Result<()> {
        if let Reachable::No { reason, .. } = self.host.reachable() {
            return self.disconnected(&reason).await;
        }
        let domains = match self.host.domains().await {
            Ok(domains) => domains,
            Err(error) if error.is_transient() => {
                return self.disconnected(&error.to_string()).await;
            }
            Err(error) => {
                tracing::warn!(host = %self.id, %error, "The host does not list its domains");
                return Ok(());
            }
        };
        let back = self.away.take().is_some();
        self.met = true;
        external::reconcile(self, &domains, true).await?;
        let listening = guests::listening(&domains);
        domains::reconcile_all(self, domains).await?;
        let guests = self.guests.clone();
        guests
            .round(&self.manager, self.id, &self.host, listening)
            .await;
        if back {
            self.manager.core.executor.host_back.notify_waiters();
        }
        if !self.known || self.not_up() {
            self.introduce().await?;
        }
        if self.rounds.is_multiple_of(STORAGE_EVERY) || back {
            self.look_at_storage().await?;
        }
        restart::round(&self.manager).await?;
        self.rounds = self.rounds.wrapping_add(1);
        Ok(())
    }

    fn not_up(&self) -> bool {
        self.manager
            .inventory()
            .hosts
            .get(&self.id)
            .is_some_and(|host| !matches!(host.status, HostStatus::Up | HostStatus::Maintenance))
    }

    /// The host is there: who it is and what it can do.
    async fn introduce(&mut self) -> Result<()> {
        let report = match self.host.report().await {
            Ok(report) => report,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => {
                let (id, reason) = (self.id, error.to_string());
                return self
                    .manager
                    .core
                    .writer
                    .apply(move |draft| {
                        set_host(draft, id, HostStatus::NonOperational, &reason, None)
                    })
                    .await;
            }
        };
        for network in self.networks() {
            match self
                .host
                .ensure_network(NetworkSpec {
                    name: network.clone(),
                })
                .await
            {
                Ok(made) => {
                    tracing::info!(host = %self.id, %network, kind = ?made.kind, reason = %made.reason, "Network is usable")
                }
                Err(error) => {
                    tracing::warn!(host = %self.id, %network, %error, "Network is not usable")
                }
            }
        }
        let id = self.id;
        let facts = facts(&report);
        tracing::info!(host = %id, acceleration = %facts.acceleration, reason = %facts.acceleration_reason, "Host runs guests by");
        self.look_at_storage().await?;
        let spice = report.spice;
        self.manager
            .core
            .writer
            .apply(move |draft| {
                let sentence = format!("{} {}", if facts.acceleration == Acceleration::Kvm {
                    "Guests run with KVM."
                } else {
                    "Guests run without hardware acceleration."
                }, facts.acceleration_reason);
                let (status, detail) = if spice {
                    (HostStatus::Up, sentence)
                } else {
                    (
                        HostStatus::NonOperational,
                        "QEMU on this host was built without SPICE, or its SPICE modules are missing.".to_owned(),
                    )
                };
                set_host(draft, id, status, &detail, Some(facts))
            })
            .await?;
        self.known = true;
        self.manager.core.executor.host_back.notify_waiters();
        Ok(())
    }

    fn networks(&self) -> Vec<String> {
        let inventory = self.manager.inventory();
        let cluster = inventory
            .hosts
            .get(&self.id)
            .and_then(|host| inventory.clusters.get(&host.cluster));
        cluster
            .into_iter()
            .flat_map(|cluster| &cluster.networks)
            .filter_map(|it| inventory.networks.get(&it.network))
            .filter(|network| network.vm_network)
            .map(|network| network.vdsm_name.clone())
            .collect()
    }

    async fn disconnected(&mut self, reason: &str) -> Result<()> {
        let now = self.manager.core.clock.monotonic();
        let since = *self.away.get_or_insert(now);
        if !self.met && now.saturating_sub(since) < FIRST_CONTACT {
            return Ok(());
        }
        let patient = now.saturating_sub(since) < PATIENCE;
        let id = self.id;
        let reason = reason.to_owned();
        let inventory = self.manager.inventory();
        let Some(host) = inventory.hosts.get(&id) else {
            return Ok(());
        };
        let wanted = if patient {
            HostStatus::Connecting
        } else {
            HostStatus::NonResponsive
        };
        if host.status == wanted
            || host.status == HostStatus::Maintenance
            || (patient && host.status == HostStatus::NonResponsive)
        {
            return Ok(());
        }
        self.manager
            .core
            .writer
            .apply(move |draft| {
                set_host(draft, id, wanted, &reason, None)?;
                if !patient {
                    lost(draft, id)?;
                }
                Ok(())
            })
            .await
    }

    async fn look_at_storage(&mut self) -> Result<()> {
        let inventory = self.manager.inventory();
        let own: Vec<StorageDomainId> = inventory
            .storage_domains
            .iter()
            .filter(|domain| domain.host == Some(self.id))
            .map(|domain| domain.id)
            .collect();
        for domain in own {
            match self.host.ensure_pool(domain.0).await {
                Ok(pool) => {
                    self.manager
                        .core
                        .writer
                        .apply(move |draft| set_domain(draft, domain, Ok(pool)))
                        .await?;
                }
                Err(error) if error.is_transient() => {}
                Err(error) => {
                    let reason = error.to_string();
                    self.manager
                        .core
                        .writer
                        .apply(move |draft| set_domain(draft, domain, Err(reason)))
                        .await?;
                }
            }
        }
        Ok(())
    }
}

fn facts(report: &HostReport) -> HostFacts {
    let (os_name, os_version) = match report.operating_system.find(|c: char| c.is_ascii_digit()) {
        Some(place) => {
            let (name, version) = report.operating_system.split_at(place);
            (name.trim().to_owned(), version.to_owned())
        }
        None => (report.operating_system.clone(), String::new()),
    };
    HostFacts {
        hostname: report.hostname.clone(),
        cpu_model: report.cpu_model.clone(),
        cpu_speed: f64::from(report.cpu_mhz),
        topology: CpuTopology {
            sockets: report.sockets,
            cores: report.cores_per_socket,
            threads: report.threads_per_core,
        },
        memory: report.memory_bytes,
        os_name,
        os_version,
        kernel_version: report.kernel_version.clone(),
        libvirt_version: report.libvirt_version.clone(),
        qemu_version: report.qemu_version.clone(),
        acceleration: match report.acceleration.kind {
            AccelerationKind::Kvm => Acceleration::Kvm,
            AccelerationKind::Tcg => Acceleration::Tcg,
        },
        acceleration_reason: report.acceleration.reason.clone(),
        parts: HostParts {
            uefi: report.parts.uefi,
            secure_boot: report.parts.secure_boot,
            tpm: report.parts.tpm,
        },
    }
}

/// Sets a host's state, with its event. One that was set aside stays so.
fn set_host(
    draft: &mut Draft,
    id: HostId,
    status: HostStatus,
    detail: &str,
    facts: Option<HostFacts>,
) -> Result<()> {
    let Some(old) = draft.hosts.get(&id).cloned() else {
        return Ok(());
    };
    let mut host = (*old).clone();
    if facts.is_some() {
        host.report = facts;
    }
    if host.status != HostStatus::Maintenance {
        host.status = status;
        detail.clone_into(&mut host.status_detail);
    }
    if host == *old {
        return Ok(());
    }
    let changed = host.status != old.status;
    let name = host.name.clone();
    let cluster = host.cluster;
    draft.put(host)?;
    if changed {
        let (number, text) = match status {
            HostStatus::Up => (
                code::HOST_DETECTED,
                format!("Status of host {name} was set to Up. {detail}"),
            ),
            HostStatus::Connecting => (
                code::HOST_CONNECTING,
                format!("Host {name} is not responding. It is being connected again. {detail}"),
            ),
            HostStatus::NonResponsive => (
                code::HOST_NOT_RESPONDING,
                format!("Host {name} is not responding. {detail}"),
            ),
            _ => (
                code::HOST_FAILURE,
                format!("Host {name} cannot be used. {detail}"),
            ),
        };
        draft.event(EventDraft::new(number, text).host(id, draft));
    }
    if let Some(data_center) = draft.data_center_of_cluster(cluster) {
        set_data_center(draft, data_center)?;
    }
    Ok(())
}

/// A host has been away for long: what runs on it is not known any more.
fn lost(draft: &mut Draft, id: HostId) -> Result<()> {
    let vms: Vec<_> = draft
        .vms_of_host(id)
        .filter(|vm| vm.run.status.is_running() && vm.run.status != VmStatus::Unknown)
        .filter(|vm| draft.lock_of(vm.id).is_none())
        .cloned()
        .collect();
    for vm in vms {
        let mut vm = (*vm).clone();
        vm.run.status = VmStatus::Unknown;
        let (name, vm_id) = (vm.name.clone(), vm.id);
        draft.put(vm)?;
        let event = EventDraft::new(
            code::VM_UNKNOWN,
            format!("VM {name} was set to the Unknown status: its host does not answer."),
        );
        draft.event(event.vm(vm_id, draft));
    }
    let domains: Vec<_> = draft
        .storage_domains
        .iter()
        .filter(|domain| domain.host == Some(id))
        .map(|it| it.id)
        .collect();
    for domain in domains {
        set_domain(draft, domain, Err("The host does not answer.".to_owned()))?;
    }
    Ok(())
}

/// Sets a storage domain's state and space.
fn set_domain(
    draft: &mut Draft,
    id: StorageDomainId,
    pool: Result<PoolInfo, String>,
) -> Result<()> {
    /// A change of space smaller than this is not worth a write to the disk.
    const WORTH: u64 = 16 << 20;
    let Some(old) = draft.storage_domains.get(&id).cloned() else {
        return Ok(());
    };
    let mut domain = (*old).clone();
    match &pool {
        Ok(pool) => {
            domain.status = StorageDomainStatus::Active;
            if domain.available.abs_diff(pool.available_bytes) >= WORTH
                || old.status != StorageDomainStatus::Active
            {
                domain.available = pool.available_bytes;
                domain.used = pool.used_bytes;
            }
        }
        Err(_) => domain.status = StorageDomainStatus::Inactive,
    }
    if domain == *old {
        return Ok(());
    }
    let low = |it: &crate::model::StorageDomain| {
        let all = it.available.saturating_add(it.used);
        it.status == StorageDomainStatus::Active
            && all > 0
            && it.available / (all / 100).max(1) < u64::from(it.warning_low_space)
    };
    let warn = low(&domain) && !low(&old);
    let text = match &pool {
        Err(reason) if old.status == StorageDomainStatus::Active => Some((
            code::HOST_FAILURE,
            format!("Storage Domain {} cannot be used. {reason}", domain.name),
        )),
        _ if warn => Some((
            code::STORAGE_LOW,
            format!(
                "Warning, Low disk space. Storage Domain {} has {} GiB of free space.",
                domain.name,
                domain.available >> 30
            ),
        )),
        _ => None,
    };
    let data_center = domain.data_center;
    draft.put(domain)?;
    if let Some((number, text)) = text {
        draft.event(EventDraft::new(number, text).storage_domain(id));
    }
    match data_center {
        Some(data_center) => set_data_center(draft, data_center),
        None => Ok(()),
    }
}

/// A data center is up when some host and its first storage domain are.
fn set_data_center(draft: &mut Draft, id: crate::model::DataCenterId) -> Result<()> {
    let Some(old) = draft.data_centers.get(&id).cloned() else {
        return Ok(());
    };
    let in_it = |host: &Host| draft.data_center_of_cluster(host.cluster) == Some(id);
    let host_up = draft
        .hosts
        .iter()
        .any(|host| in_it(host) && host.status == HostStatus::Up);
    let domains: Vec<_> = draft
        .storage_domains
        .iter()
        .filter(|it| it.data_center == Some(id))
        .map(|it| it.status)
        .collect();
    let status = if domains.is_empty() {
        DataCenterStatus::Uninitialized
    } else if !host_up {
        DataCenterStatus::NotOperational
    } else if domains
        .iter()
        .all(|status| *status == StorageDomainStatus::Active)
    {
        DataCenterStatus::Up
    } else {
        DataCenterStatus::Problematic
    };
    if old.status == status {
        return Ok(());
    }
    draft.put(DataCenter {
        status,
        ..(*old).clone()
    })
}
