//! All resources of one kind by id. What does not depend on the kind is written
//! once over erased rows: fourteen kinds would otherwise be fourteen copies of
//! it in what the browser downloads.

use super::{Id, Told, natural};
use leptos::prelude::*;
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A kind of resource that the store keeps.
pub trait Entity: PartialEq + Send + Sync + 'static {
    /// Reads it; `before` is what was known of it.
    fn read(told: &Told<'_>, before: Option<&Self>) -> Self;
    /// Its id.
    fn id(&self) -> &Id;
    /// Its name, for lists and links.
    fn name(&self) -> &str;
}

type Row = Arc<dyn Any + Send + Sync>;
type Rows = HashMap<Id, ArcRwSignal<Row>>;

/// What a shelf must know of its kind.
struct Kind {
    /// Reads a resource; nothing when it is as it was before.
    read: fn(&Told<'_>, Option<&Row>) -> Option<Row>,
    name: fn(&Row) -> &str,
}

fn read<T: Entity>(told: &Told<'_>, before: Option<&Row>) -> Option<Row> {
    let before = before.and_then(|row| row.downcast_ref::<T>());
    let after = T::read(told, before);
    (before != Some(&after)).then(|| Arc::new(after) as Row)
}

fn name<T: Entity>(row: &Row) -> &str {
    row.downcast_ref::<T>().map_or("", Entity::name)
}

/// Resources of a kind that only `kind` knows.
pub(super) struct Shelf {
    kind: Kind,
    rows: RwLock<Rows>,
    stale: Mutex<HashSet<Id>>,
    members: ArcTrigger,
    any: ArcTrigger,
    members_changed: AtomicBool,
    any_changed: AtomicBool,
}

impl Shelf {
    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows_mut(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn stale(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, id: &str) -> Option<ArcRwSignal<Row>> {
        self.rows().get(id).cloned()
    }

    fn peek(&self, id: &str) -> Option<Row> {
        self.row(id).map(|row| row.get_untracked())
    }

    fn get(&self, id: &str) -> Option<Row> {
        match self.row(id) {
            Some(row) => Some(row.get()),
            None => {
                self.members.track();
                None
            }
        }
    }

    fn peek_all(&self) -> Vec<Row> {
        self.rows()
            .values()
            .map(|row| row.get_untracked())
            .collect()
    }

    fn by_name(&self) -> Vec<Row> {
        self.any.track();
        let mut all: Vec<(Id, Row)> = self
            .rows()
            .iter()
            .map(|(id, row)| (id.clone(), row.get_untracked()))
            .collect();
        all.sort_by(|a, b| {
            natural((self.kind.name)(&a.1), (self.kind.name)(&b.1)).then_with(|| a.0.cmp(&b.0))
        });
        all.into_iter().map(|(_, row)| row).collect()
    }

    pub(super) fn upsert(&self, told: &Told<'_>) {
        let id = Id::from(told.id);
        self.stale().remove(&id);
        match self.row(&id) {
            Some(row) => {
                let before = row.get_untracked();
                if let Some(after) = (self.kind.read)(told, Some(&before)) {
                    row.set(after);
                    self.any_changed.store(true, Ordering::Relaxed);
                }
            }
            None => {
                if let Some(new) = (self.kind.read)(told, None) {
                    self.rows_mut().insert(id, ArcRwSignal::new(new));
                    self.members_changed.store(true, Ordering::Relaxed);
                    self.any_changed.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    pub(super) fn remove(&self, id: &str) {
        let gone = self.rows_mut().remove(id);
        if let Some(row) = gone {
            self.members_changed.store(true, Ordering::Relaxed);
            self.any_changed.store(true, Ordering::Relaxed);
            // Pages of this very object listen to its row only.
            row.notify();
        }
    }

    /// A new snapshot begins: what it does not name is gone.
    pub(super) fn begin(&self) {
        let ids = self.rows().keys().cloned().collect();
        *self.stale() = ids;
    }

    /// The snapshot is complete.
    pub(super) fn end(&self) {
        let gone = std::mem::take(&mut *self.stale());
        for id in gone {
            self.remove(&id);
        }
    }

    /// Tells lists what has changed since the last time.
    pub(super) fn flush(&self) {
        if self.members_changed.swap(false, Ordering::Relaxed) {
            self.members.notify();
        }
        if self.any_changed.swap(false, Ordering::Relaxed) {
            self.any.notify();
        }
    }
}

/// All resources of one kind.
pub struct Collection<T: Entity>(Arc<Shelf>, PhantomData<fn() -> T>);

impl<T: Entity> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Collection(Arc::clone(&self.0), PhantomData)
    }
}

impl<T: Entity> Default for Collection<T> {
    fn default() -> Self {
        let shelf = Shelf {
            kind: Kind {
                read: read::<T>,
                name: name::<T>,
            },
            rows: RwLock::default(),
            stale: Mutex::default(),
            members: ArcTrigger::new(),
            any: ArcTrigger::new(),
            members_changed: AtomicBool::new(false),
            any_changed: AtomicBool::new(false),
        };
        Collection(Arc::new(shelf), PhantomData)
    }
}

fn typed<T: Entity>(row: Row) -> Option<Arc<T>> {
    row.downcast().ok()
}

fn all_typed<T: Entity>(rows: Vec<Row>) -> Vec<Arc<T>> {
    rows.into_iter().filter_map(typed).collect()
}

impl<T: Entity> Collection<T> {
    pub(super) fn shelf(&self) -> &Shelf {
        &self.0
    }

    /// The resource as it is now, without listening.
    #[must_use]
    pub fn peek(&self, id: &str) -> Option<Arc<T>> {
        self.0.peek(id).and_then(typed)
    }

    /// The resource; what reads it runs again when it changes, comes or goes.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<T>> {
        self.0.get(id).and_then(typed)
    }

    /// Whether it is (still) there; runs again when something comes or goes.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.members.track();
        self.0.rows().contains_key(id)
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
        all_typed(self.0.peek_all())
    }

    /// Everything, sorted by name; runs again when anything changes.
    #[must_use]
    pub fn by_name(&self) -> Vec<Arc<T>> {
        all_typed(self.0.by_name())
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
        self.0.rows().len()
    }

    /// The name of a resource, or its id while it is not known.
    #[must_use]
    pub fn name_of(&self, id: &str) -> String {
        match self.0.get(id) {
            Some(row) => (self.0.kind.name)(&row).to_owned(),
            None => id.to_owned(),
        }
    }
}
