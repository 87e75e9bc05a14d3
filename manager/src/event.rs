//! The audit log: how an event is made. Numbers, words and severities are those of oVirt's engine
//! (`seed.json`); the sentences are our own.

pub(crate) mod code;

use std::net::IpAddr;

use crate::caller::Caller;
use crate::inventory::Inventory;
use crate::model::{
    ClusterId, DataCenterId, DiskId, Event, EventId, HostId, LogSeverity, StorageDomainId,
    TemplateId, Timestamp, UserId, VmId,
};
use crate::seed;

/// Longest sentence kept, in characters.
const LONGEST: usize = 4000;

/// An event before it has its number and time.
#[derive(Clone, Debug)]
pub struct EventDraft {
    event: Event,
}

impl EventDraft {
    /// An event of oVirt's code with its sentence.
    #[must_use]
    pub fn new(code: u32, description: impl AsRef<str>) -> Self {
        Self {
            event: Event {
                id: EventId::default(),
                code,
                severity: seed::severity(code),
                time: Timestamp::default(),
                description: one_line(description.as_ref()),
                correlation_id: None,
                user: None,
                user_name: None,
                source: None,
                vm: None,
                host: None,
                cluster: None,
                data_center: None,
                storage_domain: None,
                template: None,
                disk: None,
                origin: "oVirt".to_owned(),
                custom_id: None,
                custom_data: None,
                flood_rate: 0,
                removed: false,
            },
        }
    }

    /// Who caused it.
    #[must_use]
    pub fn by(self, caller: &Caller, inventory: &Inventory) -> Self {
        let person = caller.person();
        self.caused(person, &caller.correlation_id, caller.source, inventory)
    }

    /// Who caused it, where no caller is at hand any more.
    #[must_use]
    pub(crate) fn caused(
        mut self,
        user: Option<UserId>,
        correlation_id: &str,
        source: Option<IpAddr>,
        inventory: &Inventory,
    ) -> Self {
        self.event.user = user;
        self.event.user_name = user
            .and_then(|id| inventory.users.get(&id))
            .map(|user| user.user_name.clone());
        self.event.correlation_id = (!correlation_id.is_empty()).then(|| correlation_id.to_owned());
        self.event.source = source;
        self
    }

    /// The VM, and with it its host and cluster.
    #[must_use]
    pub fn vm(mut self, vm: VmId, inventory: &Inventory) -> Self {
        self.event.vm = Some(vm);
        if let Some(vm) = inventory.vms.get(&vm) {
            self.event.host = self.event.host.or(vm.run.host);
            self = self.cluster(vm.cluster, inventory);
        }
        self
    }

    /// The cluster, and with it its data center.
    #[must_use]
    pub fn cluster(mut self, cluster: ClusterId, inventory: &Inventory) -> Self {
        self.event.cluster = Some(cluster);
        self.event.data_center = self
            .event
            .data_center
            .or_else(|| inventory.data_center_of_cluster(cluster));
        self
    }

    /// The host, and with it its cluster.
    #[must_use]
    pub fn host(mut self, host: HostId, inventory: &Inventory) -> Self {
        self.event.host = Some(host);
        match inventory.hosts.get(&host) {
            Some(host) => self.cluster(host.cluster, inventory),
            None => self,
        }
    }

    /// The data center.
    #[must_use]
    pub fn data_center(mut self, id: DataCenterId) -> Self {
        self.event.data_center = Some(id);
        self
    }

    /// The storage domain.
    #[must_use]
    pub fn storage_domain(mut self, id: StorageDomainId) -> Self {
        self.event.storage_domain = Some(id);
        self
    }

    /// The template.
    #[must_use]
    pub fn template(mut self, id: TemplateId) -> Self {
        self.event.template = Some(id);
        self
    }

    /// The disk, and with it its storage domain.
    #[must_use]
    pub fn disk(mut self, disk: DiskId, inventory: &Inventory) -> Self {
        self.event.disk = Some(disk);
        self.event.storage_domain = self
            .event
            .storage_domain
            .or_else(|| inventory.disks.get(&disk).map(|disk| disk.storage_domain));
        self
    }

    /// Another severity than the code's own.
    #[must_use]
    pub fn severity(mut self, severity: LogSeverity) -> Self {
        self.event.severity = severity;
        self
    }

    /// What an external caller says of itself.
    #[must_use]
    pub(crate) fn external(
        mut self,
        origin: String,
        custom_id: i64,
        custom_data: Option<String>,
        flood_rate: u32,
    ) -> Self {
        self.event.origin = one_line(&origin);
        self.event.custom_id = Some(custom_id);
        self.event.custom_data = custom_data;
        self.event.flood_rate = flood_rate;
        self
    }

    /// Gives it number and time.
    #[must_use]
    pub(crate) fn build(mut self, id: EventId, time: Timestamp) -> Event {
        self.event.id = id;
        self.event.time = time;
        self.event
    }
}

/// A text that stays on one line whatever is in it, so that nobody forges entries of a log.
fn one_line(text: &str) -> String {
    text.chars()
        .take(LONGEST)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_line_breaks_stays_one_line() {
        let event = EventDraft::new(34, "VM a\n2026-01-01 admin login ok\u{1b}[2J was created")
            .build(EventId(1), Timestamp(0));
        assert_eq!(
            event.description,
            "VM a 2026-01-01 admin login ok [2J was created"
        );
        assert_eq!(event.severity, LogSeverity::Normal);
    }
}
