//! All resources by id, as the pages show them. Written by `live` (and cleared
//! by `session`), read by pages; `upsert` and `remove` are the only writes, so a
//! page can never invent a state. Every resource has a signal of its own: a row
//! changes without its list being made again.
//!
//! ```text
//! live ──apply──▶ Collection<T> ──row signal──▶ the row that shows it (at once)
//!                      └──flush──▶ members / any ──▶ lists, counts (once a frame)
//! ```

mod activity;
mod collection;
mod guest;
mod infrastructure;
mod people;
mod provision;
mod status;
mod vm;

pub use activity::{Event, Job, Severity};
pub use collection::{Collection, Entity};
pub use guest::Agent;
pub use infrastructure::{Cluster, DataCenter, Disk, Host, Network, StorageDomain, VnicProfile};
pub use people::{Group, Permission, Role, User};
pub use provision::{InstanceType, Pool, Snapshot, SnapshotKind, Template};
pub use status::{Status, Tone};
pub use vm::{Attachment, Nic, Sample, Vm, VmStatus};

use api::live::{Extra, Kind, Offer};
use collection::Shelf;
use leptos::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Poll, Waker};

/// A resource's id, shared rather than copied.
pub type Id = Arc<str>;

/// How many events the page keeps; older ones are asked for.
const EVENTS_KEPT: usize = 2_000;

/// What an action would be answered: allowed, or why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers(BTreeMap<String, Option<String>>);

impl Offers {
    fn read(told: &BTreeMap<String, Offer>) -> Offers {
        let refusal =
            |offer: &Offer| (!offer.allowed).then(|| offer.reason.clone().unwrap_or_default());
        Offers(
            told.iter()
                .map(|(action, offer)| (action.clone(), refusal(offer)))
                .collect(),
        )
    }

    /// Why the action is not possible now; `None` when it is, or when the server has not said.
    #[must_use]
    pub fn refusal(&self, action: &str) -> Option<&str> {
        self.0.get(action).and_then(Option::as_deref)
    }

    /// Whether the server said anything of the action: what it does not know is not shown.
    #[must_use]
    pub fn knows(&self, action: &str) -> bool {
        self.0.contains_key(action)
    }

    /// Whether the server said that the action is possible.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        matches!(self.0.get(action), Some(None))
    }
}

/// One resource as the live stream tells it.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// Its id.
    pub id: &'a str,
    /// The API's JSON object.
    pub data: &'a Value,
    /// What the caller may do with it now.
    pub offers: &'a BTreeMap<String, Offer>,
    /// Figures that are not in the API's object.
    pub extra: &'a Extra,
    /// When it was told, in milliseconds since 1970.
    pub at: f64,
}

/// `vm-2` before `vm-10`.
pub fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return std::cmp::Ordering::Less,
            (Some(_), None) => return std::cmp::Ordering::Greater,
            (Some(l), Some(r)) if l.is_ascii_digit() && r.is_ascii_digit() => {
                let number = |side: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                    let mut value = 0u64;
                    while let Some(digit) = side.peek().and_then(|c| c.to_digit(10)) {
                        value = value.saturating_mul(10).saturating_add(u64::from(digit));
                        side.next();
                    }
                    value
                };
                let order = number(&mut left).cmp(&number(&mut right));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(l), Some(r)) => {
                let order = l.to_lowercase().cmp(r.to_lowercase());
                if order.is_ne() {
                    return order;
                }
                left.next();
                right.next();
            }
        }
    }
}

/// Everything the pages know.
#[derive(Clone, Default)]
pub struct Store {
    /// Virtual machines.
    pub vms: Collection<Vm>,
    /// Hosts.
    pub hosts: Collection<Host>,
    /// Clusters.
    pub clusters: Collection<Cluster>,
    /// Data centers.
    pub data_centers: Collection<DataCenter>,
    /// Storage domains.
    pub storage_domains: Collection<StorageDomain>,
    /// Disks, images and ISOs.
    pub disks: Collection<Disk>,
    /// Templates.
    pub templates: Collection<Template>,
    /// Snapshots of machines.
    pub snapshots: Collection<Snapshot>,
    /// Pools of machines.
    pub pools: Collection<Pool>,
    /// Sizes by name.
    pub instance_types: Collection<InstanceType>,
    /// Logical networks.
    pub networks: Collection<Network>,
    /// vNIC profiles.
    pub vnic_profiles: Collection<VnicProfile>,
    /// Users.
    pub users: Collection<User>,
    /// Groups.
    pub groups: Collection<Group>,
    /// Roles.
    pub roles: Collection<Role>,
    /// Permissions.
    pub permissions: Collection<Permission>,
    /// Jobs.
    pub jobs: Collection<Job>,
    events: Arc<RwLock<VecDeque<Arc<Event>>>>,
    events_changed: ArcTrigger,
    waiting: Arc<Mutex<Vec<Waker>>>,
}

impl Store {
    /// Where resources of a kind are kept; nowhere for kinds that no page shows.
    fn shelf(&self, kind: Kind) -> Option<&Shelf> {
        Some(match kind {
            Kind::Vm => self.vms.shelf(),
            Kind::Host => self.hosts.shelf(),
            Kind::Cluster => self.clusters.shelf(),
            Kind::DataCenter => self.data_centers.shelf(),
            Kind::StorageDomain => self.storage_domains.shelf(),
            Kind::Disk => self.disks.shelf(),
            Kind::Template => self.templates.shelf(),
            Kind::Network => self.networks.shelf(),
            Kind::VnicProfile => self.vnic_profiles.shelf(),
            Kind::User => self.users.shelf(),
            Kind::Group => self.groups.shelf(),
            Kind::Role => self.roles.shelf(),
            Kind::Permission => self.permissions.shelf(),
            Kind::Job => self.jobs.shelf(),
            Kind::Snapshot => self.snapshots.shelf(),
            Kind::Pool => self.pools.shelf(),
            Kind::InstanceType => self.instance_types.shelf(),
            Kind::Tag | Kind::Unknown => return None,
        })
    }

    fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        const KINDS: [Kind; 17] = [
            Kind::Vm,
            Kind::Host,
            Kind::Cluster,
            Kind::DataCenter,
            Kind::StorageDomain,
            Kind::Disk,
            Kind::Template,
            Kind::Network,
            Kind::VnicProfile,
            Kind::User,
            Kind::Group,
            Kind::Role,
            Kind::Permission,
            Kind::Job,
            Kind::Snapshot,
            Kind::Pool,
            Kind::InstanceType,
        ];
        KINDS.into_iter().filter_map(|kind| self.shelf(kind))
    }

    /// A resource is as told.
    pub fn upsert(&self, kind: Kind, told: &Told<'_>) {
        if let Some(shelf) = self.shelf(kind) {
            shelf.upsert(told);
        }
    }

    /// A resource is gone.
    pub fn remove(&self, kind: Kind, id: &str) {
        if let Some(shelf) = self.shelf(kind) {
            shelf.remove(id);
        }
    }

    /// A snapshot begins.
    pub fn begin_snapshot(&self) {
        self.shelves().for_each(Shelf::begin);
    }

    /// A snapshot is complete: what it did not name is gone.
    pub fn end_snapshot(&self) {
        self.shelves().for_each(Shelf::end);
    }

    /// Tells lists and waiting tasks what has changed since the last time.
    pub fn flush(&self) {
        self.shelves().for_each(Shelf::flush);
        for waker in
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
        {
            waker.wake();
        }
    }

    /// Forgets everything: somebody else logs in.
    pub fn clear(&self) {
        self.begin_snapshot();
        self.end_snapshot();
        self.events
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.events_changed.notify();
        self.flush();
    }

    /// An event, from the stream or from a list; each is kept once, newest first.
    pub fn add_event(&self, data: &Value) {
        self.keep_event(data);
        self.events_changed.notify();
    }

    /// Many events at once.
    pub fn add_events<'a>(&self, events: impl IntoIterator<Item = &'a Value>) {
        for data in events {
            self.keep_event(data);
        }
        self.events_changed.notify();
    }

    fn keep_event(&self, data: &Value) {
        let event = Event::read(data);
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let place = events.partition_point(|known| known.index > event.index);
        if events
            .get(place)
            .is_none_or(|known| known.index != event.index)
        {
            events.insert(place, Arc::new(event));
            events.truncate(EVENTS_KEPT);
        }
    }

    /// The newest events that pass, newest first; runs again when one comes.
    #[must_use]
    pub fn events(
        &self,
        at_most: usize,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Vec<Arc<Event>> {
        self.events_changed.track();
        self.events
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|event| wanted(event))
            .take(at_most)
            .cloned()
            .collect()
    }

    /// The oldest kept event's index, to ask for what is before it.
    #[must_use]
    pub fn oldest_event(&self) -> Option<u64> {
        self.events
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .back()
            .map(|event| event.index)
    }

    /// Waits until the store says so; looks again after each change from the stream.
    pub async fn until<R>(&self, mut check: impl FnMut(&Store) -> Option<R>) -> R {
        std::future::poll_fn(|context| match check(self) {
            Some(answer) => Poll::Ready(answer),
            None => {
                self.waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests;
