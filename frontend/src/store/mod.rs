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
mod infrastructure;
mod people;
mod status;
mod vm;

pub use activity::{Event, Job, Severity};
pub use infrastructure::{
    Cluster, DataCenter, Disk, Host, Network, StorageDomain, Template, VnicProfile,
};
pub use people::{Group, Permission, Role, User};
pub use status::{Status, Tone};
pub use vm::{Attachment, Nic, Sample, Vm, VmStatus};

use api::live::{Extra, Kind, Offer};
use leptos::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A kind of resource that the store keeps.
pub trait Entity: PartialEq + Send + Sync + 'static {
    /// Reads it; `before` is what was known of it.
    fn read(told: &Told<'_>, before: Option<&Self>) -> Self;
    /// Its id.
    fn id(&self) -> &Id;
    /// Its name, for lists and links.
    fn name(&self) -> &str;
}

struct Inner<T> {
    rows: RwLock<HashMap<Id, ArcRwSignal<Arc<T>>>>,
    stale: Mutex<HashSet<Id>>,
    members: ArcTrigger,
    any: ArcTrigger,
    members_changed: AtomicBool,
    any_changed: AtomicBool,
}

/// All resources of one kind.
pub struct Collection<T: Entity>(Arc<Inner<T>>);

impl<T: Entity> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Collection(Arc::clone(&self.0))
    }
}

impl<T: Entity> Default for Collection<T> {
    fn default() -> Self {
        Collection(Arc::new(Inner {
            rows: RwLock::default(),
            stale: Mutex::default(),
            members: ArcTrigger::new(),
            any: ArcTrigger::new(),
            members_changed: AtomicBool::new(false),
            any_changed: AtomicBool::new(false),
        }))
    }
}

impl<T: Entity> Collection<T> {
    fn row(&self, id: &str) -> Option<ArcRwSignal<Arc<T>>> {
        self.0
            .rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// The resource as it is now, without listening.
    #[must_use]
    pub fn peek(&self, id: &str) -> Option<Arc<T>> {
        self.row(id).map(|row| row.get_untracked())
    }

    /// The resource; what reads it runs again when it changes, comes or goes.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<T>> {
        match self.row(id) {
            Some(row) => Some(row.get()),
            None => {
                self.0.members.track();
                None
            }
        }
    }

    /// Whether it is (still) there; runs again when something comes or goes.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.members.track();
        self.0
            .rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(id)
    }

    /// Everything, in no order; runs again (once a frame at most) when anything changes.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<T>> {
        self.0.any.track();
        self.peek_all()
    }

    /// Everything, without listening.
    #[must_use]
    pub fn peek_all(&self) -> Vec<Arc<T>> {
        self.0
            .rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|row| row.get_untracked())
            .collect()
    }

    /// Everything, sorted by name; runs again when anything changes.
    #[must_use]
    pub fn by_name(&self) -> Vec<Arc<T>> {
        let mut all = self.all();
        all.sort_by(|a, b| natural(a.name(), b.name()).then_with(|| a.id().cmp(b.id())));
        all
    }

    /// Everything; runs again only when something comes or goes.
    #[must_use]
    pub fn members(&self) -> Vec<Arc<T>> {
        self.0.members.track();
        self.peek_all()
    }

    /// How many; runs again when something comes or goes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members.track();
        self.0
            .rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The name of a resource, or its id while it is not known.
    #[must_use]
    pub fn name_of(&self, id: &str) -> String {
        self.get(id)
            .map_or_else(|| id.to_owned(), |found| found.name().to_owned())
    }

    fn upsert(&self, told: &Told<'_>) {
        let id = Id::from(told.id);
        self.0
            .stale
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        if let Some(row) = self.row(&id) {
            let before = row.get_untracked();
            let after = T::read(told, Some(&before));
            if *before != after {
                row.set(Arc::new(after));
                self.0.any_changed.store(true, Ordering::Relaxed);
            }
        } else {
            let row = ArcRwSignal::new(Arc::new(T::read(told, None)));
            self.0
                .rows
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, row);
            self.0.members_changed.store(true, Ordering::Relaxed);
            self.0.any_changed.store(true, Ordering::Relaxed);
        }
    }

    fn remove(&self, id: &str) {
        let gone = self
            .0
            .rows
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        if let Some(row) = gone {
            self.0.members_changed.store(true, Ordering::Relaxed);
            self.0.any_changed.store(true, Ordering::Relaxed);
            // Pages of this very object listen to its row only.
            self.0.members.notify();
            row.notify();
        }
    }

    /// A new snapshot begins: what it does not name is gone.
    fn begin(&self) {
        let ids = self
            .0
            .rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect();
        *self.0.stale.lock().unwrap_or_else(PoisonError::into_inner) = ids;
    }

    fn end(&self) {
        let gone =
            std::mem::take(&mut *self.0.stale.lock().unwrap_or_else(PoisonError::into_inner));
        for id in gone {
            self.remove(&id);
        }
    }

    fn flush(&self) {
        if self.0.members_changed.swap(false, Ordering::Relaxed) {
            self.0.members.notify();
        }
        if self.0.any_changed.swap(false, Ordering::Relaxed) {
            self.0.any.notify();
        }
    }
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

macro_rules! each {
    ($store:expr, $method:ident) => {{
        let store = $store;
        store.vms.$method();
        store.hosts.$method();
        store.clusters.$method();
        store.data_centers.$method();
        store.storage_domains.$method();
        store.disks.$method();
        store.templates.$method();
        store.networks.$method();
        store.vnic_profiles.$method();
        store.users.$method();
        store.groups.$method();
        store.roles.$method();
        store.permissions.$method();
        store.jobs.$method();
    }};
}

impl Store {
    /// A resource is as told. Kinds that no page shows are passed over.
    pub fn upsert(&self, kind: Kind, told: &Told<'_>) {
        match kind {
            Kind::Vm => self.vms.upsert(told),
            Kind::Host => self.hosts.upsert(told),
            Kind::Cluster => self.clusters.upsert(told),
            Kind::DataCenter => self.data_centers.upsert(told),
            Kind::StorageDomain => self.storage_domains.upsert(told),
            Kind::Disk => self.disks.upsert(told),
            Kind::Template => self.templates.upsert(told),
            Kind::Network => self.networks.upsert(told),
            Kind::VnicProfile => self.vnic_profiles.upsert(told),
            Kind::User => self.users.upsert(told),
            Kind::Group => self.groups.upsert(told),
            Kind::Role => self.roles.upsert(told),
            Kind::Permission => self.permissions.upsert(told),
            Kind::Job => self.jobs.upsert(told),
            Kind::Tag | Kind::Unknown => {}
        }
    }

    /// A resource is gone.
    pub fn remove(&self, kind: Kind, id: &str) {
        match kind {
            Kind::Vm => self.vms.remove(id),
            Kind::Host => self.hosts.remove(id),
            Kind::Cluster => self.clusters.remove(id),
            Kind::DataCenter => self.data_centers.remove(id),
            Kind::StorageDomain => self.storage_domains.remove(id),
            Kind::Disk => self.disks.remove(id),
            Kind::Template => self.templates.remove(id),
            Kind::Network => self.networks.remove(id),
            Kind::VnicProfile => self.vnic_profiles.remove(id),
            Kind::User => self.users.remove(id),
            Kind::Group => self.groups.remove(id),
            Kind::Role => self.roles.remove(id),
            Kind::Permission => self.permissions.remove(id),
            Kind::Job => self.jobs.remove(id),
            Kind::Tag | Kind::Unknown => {}
        }
    }

    /// A snapshot begins.
    pub fn begin_snapshot(&self) {
        each!(self, begin);
    }

    /// A snapshot is complete: what it did not name is gone.
    pub fn end_snapshot(&self) {
        each!(self, end);
    }

    /// Tells lists and waiting tasks what has changed since the last time.
    pub fn flush(&self) {
        each!(self, flush);
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
