//! The one write door. A change is a closure over a [`Draft`] of the inventory; one task runs
//! them one after the other, writes what they changed in one transaction, and only then publishes
//! it. What waits meanwhile is written together, so many callers share one sync to the disk.
//!
//! ```text
//! callers ──▶ bounded queue ──▶ Draft (validates and changes) ──▶ Store ──▶ snapshot + broadcast
//! ```

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::event::EventDraft;
use crate::inventory::{Applied, Change, Entity, Inventory};
use crate::model::{
    DiskId, DiskStatistics, Event, EventId, HostId, HostStatistics, NicId, NicStatistics, ObjectId,
    OperationId, SessionId, Timestamp, UserId, VmId, VmStatistics,
};
use crate::model::{External, Guest};
use crate::store::{CredentialRow, Row, SessionRow, Store, encode};

/// Changes that may wait for the writer.
const QUEUE: usize = 1024;
/// Changes written in one transaction at most.
const TOGETHER: usize = 64;
/// Revisions that a subscriber may lag behind.
const BACKLOG: usize = 1024;
/// Revisions that can be resumed from.
const HISTORY: usize = 2048;

/// The inventory as a change sees it: its own earlier writes included, and nobody else's coming
/// between.
#[derive(Debug)]
pub struct Draft {
    inventory: Inventory,
    now: Timestamp,
    low_space: bool,
    changes: Vec<Change>,
    rows: Vec<Row>,
}

impl std::ops::Deref for Draft {
    type Target = Inventory;

    fn deref(&self) -> &Inventory {
        &self.inventory
    }
}

impl Draft {
    pub(crate) fn new(inventory: Inventory, now: Timestamp) -> Self {
        Self {
            inventory,
            now,
            low_space: false,
            changes: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The time of this change.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Refuses what can wait while there is little space where the state is kept, so that what
    /// goes on already can be written to its end.
    pub(crate) fn require_space(&self) -> Result<()> {
        if !self.low_space {
            return Ok(());
        }
        Err(Error::NoSpace {
            messages: vec![
                "There is almost no space left where the manager keeps its state.".to_owned(),
            ],
        })
    }

    /// Puts an entity in its place.
    pub(crate) fn put(&mut self, entity: impl Into<Entity>) -> Result<()> {
        let entity = entity.into();
        self.rows.push(Row::Put {
            object: entity.id(),
            document: encode(&entity)?,
        });
        self.inventory.put(entity.clone());
        self.changes.push(Change::Put(entity));
        Ok(())
    }

    /// Takes an entity away, and the permissions given on it or to it.
    pub(crate) fn remove(&mut self, object: impl Into<ObjectId>) {
        let object = object.into();
        let mut permissions: Vec<_> = self
            .inventory
            .permissions_on(object)
            .map(|permission| permission.id)
            .collect();
        let subject = match object {
            ObjectId::User(id) => Some(crate::model::Subject::User(id)),
            ObjectId::Group(id) => Some(crate::model::Subject::Group(id)),
            _ => None,
        };
        if let Some(subject) = subject {
            permissions.extend(
                self.inventory
                    .permissions_of(subject)
                    .map(|permission| permission.id),
            );
        }
        if let Err(error) = crate::command::forget_affinity(self, object) {
            tracing::error!(%error, "An affinity group keeps somebody who is gone");
        }
        for permission in permissions {
            self.remove_one(ObjectId::Permission(permission));
        }
        self.remove_one(object);
    }

    fn remove_one(&mut self, object: ObjectId) {
        if !self.inventory.contains(object) {
            return;
        }
        self.rows.push(Row::Remove(object));
        self.inventory.remove(object);
        self.changes.push(Change::Removed(object));
    }

    /// Writes to the audit log.
    pub(crate) fn event(&mut self, event: EventDraft) -> EventId {
        let id = EventId(self.inventory.last_event().0 + 1);
        let event = Arc::new(event.build(id, self.now));
        tracing::info!(target: "audit", id = id.0, code = event.code, severity = %event.severity,
            correlation_id = event.correlation_id.as_deref().unwrap_or(""), "{}", event.description);
        self.put_event(event);
        id
    }

    /// Puts an event in the place of the one with its number.
    pub(crate) fn put_event(&mut self, event: Arc<Event>) {
        self.rows.push(Row::Event(Arc::clone(&event)));
        self.inventory.event_put(Arc::clone(&event));
        self.changes.push(Change::Event(event));
    }

    /// Forgets the oldest events in the store.
    pub(crate) fn forget_events_before(&mut self, id: EventId) {
        self.rows.push(Row::EventsBefore(id.0));
    }

    pub(crate) fn credential(&mut self, row: CredentialRow) {
        self.rows.push(Row::Credential(row));
    }

    pub(crate) fn credential_remove(&mut self, user: UserId) {
        self.rows.push(Row::CredentialRemove(user));
    }

    pub(crate) fn session(&mut self, row: SessionRow) {
        self.rows.push(Row::Session(Box::new(row)));
    }

    pub(crate) fn session_remove(&mut self, id: SessionId) {
        self.rows.push(Row::SessionRemove(id));
    }

    /// New figures of a VM; never stored.
    pub(crate) fn vm_statistics(&mut self, vm: VmId, statistics: Option<VmStatistics>) {
        match statistics {
            Some(statistics) => {
                self.inventory
                    .vm_statistics
                    .insert(vm, Arc::new(statistics));
            }
            None => {
                // A run that is over has no guest either.
                let guest = self.inventory.guests.remove(&vm).is_some();
                if self.inventory.vm_statistics.remove(&vm).is_none() && !guest {
                    return;
                }
            }
        }
        self.changes.push(Change::Statistics(vm.into()));
    }

    /// What an external VM's domain is; never stored.
    pub(crate) fn external(&mut self, vm: VmId, external: External) {
        self.inventory.externals.insert(vm, Arc::new(external));
        self.changes.push(Change::Statistics(vm.into()));
    }

    /// A VM is no external one any more.
    pub(crate) fn external_taken(&mut self, vm: VmId) {
        self.inventory.externals.remove(&vm);
        self.changes.push(Change::Statistics(vm.into()));
    }

    /// What a VM's guest tells; never stored.
    pub(crate) fn guest(&mut self, vm: VmId, guest: Option<Guest>) {
        match guest {
            Some(guest) => {
                let guest = Arc::new(guest);
                let old = self.inventory.guests.insert(vm, Arc::clone(&guest));
                if old.is_some_and(|old| old == guest) {
                    return;
                }
            }
            None => {
                if self.inventory.guests.remove(&vm).is_none() {
                    return;
                }
            }
        }
        self.changes.push(Change::Statistics(vm.into()));
    }

    /// New figures of a host; never stored.
    pub(crate) fn host_statistics(&mut self, host: HostId, statistics: HostStatistics) {
        self.inventory
            .host_statistics
            .insert(host, Arc::new(statistics));
        self.changes.push(Change::Statistics(host.into()));
    }

    /// New figures of devices, and which have none any more; never stored. Comes with a VM's or
    /// host's figures, which are what is published.
    pub(crate) fn device_statistics(
        &mut self,
        disks: Vec<(DiskId, Option<DiskStatistics>)>,
        nics: Vec<(NicId, Option<NicStatistics>)>,
    ) {
        for (id, figures) in disks {
            match figures {
                Some(figures) => {
                    self.inventory.disk_statistics.insert(id, Arc::new(figures));
                }
                None => {
                    self.inventory.disk_statistics.remove(&id);
                }
            }
        }
        for (id, figures) in nics {
            match figures {
                Some(figures) => {
                    self.inventory.nic_statistics.insert(id, Arc::new(figures));
                }
                None => {
                    self.inventory.nic_statistics.remove(&id);
                }
            }
        }
    }

    /// What was made, its rows and its passwords, for the start, which has no writer yet.
    pub(crate) fn into_parts(self) -> (Inventory, Vec<Row>, Vec<CredentialRow>) {
        let credentials = self
            .rows
            .iter()
            .filter_map(|row| match row {
                Row::Credential(row) => Some(row.clone()),
                _ => None,
            })
            .collect();
        (self.inventory, self.rows, credentials)
    }
}

/// A change on its way through the writer.
trait Write: Send {
    /// Runs it on the draft; false when it refused and the draft must be dropped.
    fn run(&mut self, draft: &mut Draft) -> bool;
    /// Tells the caller.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

struct Call<F, T> {
    work: Option<F>,
    value: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Write for Call<F, T>
where
    F: FnOnce(&mut Draft) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, draft: &mut Draft) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        // A fault in one command must not end the writer for all others.
        let value = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(draft)))
            .unwrap_or_else(|_| Err(Error::failed("An internal error prevented the change.")));
        let fine = value.is_ok();
        self.value = Some(value);
        fine
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let value = match (self.value, outcome) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::failed("a change was not run")),
        };
        // A caller that has gone away does not undo what it asked for.
        let _ = self.reply.send(value);
    }
}

/// What the writer shares with everybody who reads.
#[derive(Debug)]
pub(crate) struct Published {
    current: RwLock<Arc<Inventory>>,
    history: Mutex<VecDeque<Arc<Applied>>>,
    sender: broadcast::Sender<Arc<Applied>>,
    stopped: AtomicBool,
    low_space: AtomicBool,
}

impl Published {
    pub(crate) fn new(inventory: Inventory) -> Self {
        Self {
            current: RwLock::new(Arc::new(inventory)),
            history: Mutex::default(),
            sender: broadcast::Sender::new(BACKLOG),
            stopped: AtomicBool::new(false),
            low_space: AtomicBool::new(false),
        }
    }

    /// The state now.
    pub(crate) fn inventory(&self) -> Arc<Inventory> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops all writing for good, as a crash would; for tests.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Says whether there is little space where the state is kept; true when that is news.
    pub(crate) fn set_low_space(&self, low: bool) -> bool {
        self.low_space.swap(low, Ordering::SeqCst) != low
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.sender.subscribe(),
        }
    }

    /// What was published after a revision, if that is still known, and what will be.
    pub(crate) fn resume(
        &self,
        epoch: Uuid,
        revision: u64,
    ) -> Option<(Vec<Arc<Applied>>, Subscription)> {
        // The history is written under this lock before it is sent: nothing is missed between.
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let inventory = self.inventory();
        if inventory.epoch() != epoch || revision > inventory.revision() {
            return None;
        }
        let subscription = self.subscribe();
        if revision == inventory.revision() {
            return Some((Vec::new(), subscription));
        }
        if history.front()?.revision > revision + 1 {
            return None;
        }
        let missed = history
            .iter()
            .filter(|applied| applied.revision > revision)
            .cloned()
            .collect();
        Some((missed, subscription))
    }

    fn publish(&self, inventory: Inventory, applied: Vec<Arc<Applied>>) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(inventory);
        for applied in applied {
            if history.len() == HISTORY {
                history.pop_front();
            }
            history.push_back(Arc::clone(&applied));
            // Nobody listening is no error.
            let _ = self.sender.send(applied);
        }
    }
}

/// The stream of changes, bounded.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Applied>>,
}

/// A subscriber was too slow, or the manager has ended: take a new snapshot or give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// Changes were dropped.
    #[error("changes were missed")]
    Lagged,
    /// There will be none any more.
    #[error("the manager has ended")]
    Ended,
}

impl Subscription {
    /// The next revision's changes.
    pub async fn next(&mut self) -> Result<Arc<Applied>, Missed> {
        self.receiver.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(_) => Missed::Lagged,
            broadcast::error::RecvError::Closed => Missed::Ended,
        })
    }
}

/// The way to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Write>>,
}

impl std::fmt::Debug for Box<dyn Write> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Write")
    }
}

impl Writer {
    /// Starts the writer. `begun` is told of every operation that was written for the first time.
    pub(crate) fn start(
        store: Store,
        published: Arc<Published>,
        clock: Arc<dyn Clock>,
        ended: watch::Receiver<bool>,
        begun: impl Fn(OperationId) + Send + 'static,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(store, published, clock, ended, begun, receiver));
        (Self { queue }, task)
    }

    /// Whether nothing is written any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Runs a change and returns when it is on the disk and published.
    pub(crate) async fn apply<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Draft) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let call = Call {
            work: Some(work),
            value: None,
            reply,
        };
        let ended = || Error::unavailable("The manager is ending.");
        self.queue.send(Box::new(call)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

async fn run(
    mut store: Store,
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    mut ended: watch::Receiver<bool>,
    begun: impl Fn(OperationId),
    mut queue: mpsc::Receiver<Box<dyn Write>>,
) {
    let mut open = true;
    loop {
        let first = tokio::select! {
            first = queue.recv() => first,
            _ = ended.wait_for(|ended| *ended), if open => {
                // What waits already is still written.
                open = false;
                queue.close();
                continue;
            }
        };
        let Some(first) = first else { break };
        let mut waiting = vec![first];
        while waiting.len() < TOGETHER
            && let Ok(next) = queue.try_recv()
        {
            waiting.push(next);
        }
        if published.is_stopped() {
            for write in waiting {
                write.finish(Err(Error::unavailable("The manager has been stopped.")));
            }
            continue;
        }
        let before = published.inventory();
        let mut state = (*before).clone();
        let mut rows = Vec::new();
        let mut applied = Vec::new();
        let mut refused = Vec::new();
        let mut accepted = Vec::new();
        for mut write in waiting {
            let mut draft = Draft::new(state.clone(), clock.now());
            draft.low_space = published.low_space.load(Ordering::SeqCst);
            if !write.run(&mut draft) {
                refused.push(write);
                continue;
            }
            accepted.push(write);
            if draft.changes.is_empty() {
                rows.append(&mut draft.rows);
                continue;
            }
            let revision = draft.inventory.next_revision();
            state = draft.inventory;
            rows.append(&mut draft.rows);
            applied.push(Arc::new(Applied {
                revision,
                changes: draft.changes,
            }));
        }
        let outcome = store.commit(&rows).await;
        if outcome.is_ok() && !applied.is_empty() {
            let operations: Vec<_> = applied
                .iter()
                .flat_map(|applied| &applied.changes)
                .filter_map(|change| match change {
                    Change::Put(Entity::Operation(operation))
                        if !before.operations.contains_key(&operation.id) =>
                    {
                        Some(operation.id)
                    }
                    _ => None,
                })
                .collect();
            published.publish(state, applied);
            operations.into_iter().for_each(&begun);
        }
        // A refusal may rest on a change that was not kept after all; it is told as it was.
        for write in refused {
            write.finish(Ok(()));
        }
        for write in accepted {
            write.finish(outcome.clone());
        }
    }
    store.close().await;
}
