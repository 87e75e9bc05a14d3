//! oVirt's search language: a query is read against the table of fields of its collection
//! (`parse`), then asked of each object that the caller may see (`evaluate`).
//!
//! ```text
//! name=web* and status=up or Hosts.name="h 1" sortby memory desc page 2
//! ```
//!
//! Everything is answered from one snapshot of the inventory. What an object is related to counts
//! only as far as the caller may see it, so that nobody can ask their way to hidden things.

mod date;
mod evaluate;
mod field;
mod item;
mod parse;
mod related;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::access::Access;
use crate::caller::Caller;
use crate::error::Result;
use crate::inventory::Inventory;
use crate::model::{
    Cluster, DataCenter, Disk, Event, EventId, Group, Host, InstanceType, Job, Network,
    StorageDomain, Template, Timestamp, User, Vm, VmPool, VnicProfile,
};
use crate::{Error, Manager};

use evaluate::Context;
use field::Collection;
use item::Item;
use parse::Query;

/// Objects of a page when the query asks for a page and the request for no maximum.
const PAGE: usize = 100;

/// What a request for a list says besides its query.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListOptions {
    /// At most so many.
    pub max: Option<usize>,
    /// Whether letters must agree in case.
    pub case_sensitive: bool,
    /// Events only: none with this number or a lower one.
    pub from: Option<EventId>,
}

/// What can be searched for.
pub trait Searchable: Sized + 'static {
    #[doc(hidden)]
    const COLLECTION: Collection;
    #[doc(hidden)]
    fn all(inventory: &Inventory) -> Box<dyn Iterator<Item = &Arc<Self>> + '_>;
    #[doc(hidden)]
    fn item(&self) -> Item<'_>;
    #[doc(hidden)]
    fn visible(&self, access: &Access, caller: &Caller) -> bool;
    /// The order of a list that nobody asked to sort.
    #[doc(hidden)]
    fn usual_order(&self, other: &Self) -> Ordering;
}

macro_rules! searchable {
    ($($kind:ident in $map:ident;)*) => {$(
        impl Searchable for $kind {
            const COLLECTION: Collection = Collection::$kind;
            fn all(inventory: &Inventory) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
                Box::new(inventory.$map.iter())
            }
            fn item(&self) -> Item<'_> {
                Item::$kind(self)
            }
            fn visible(&self, access: &Access, caller: &Caller) -> bool {
                access.visible(caller, self.id)
            }
            fn usual_order(&self, other: &Self) -> Ordering {
                self.item().name().cmp(&other.item().name()).then_with(|| self.id.cmp(&other.id))
            }
        }
    )*};
}

searchable! {
    Cluster in clusters;
    DataCenter in data_centers;
    Disk in disks;
    Group in groups;
    Host in hosts;
    InstanceType in instance_types;
    Network in networks;
    StorageDomain in storage_domains;
    Template in templates;
    User in users;
    Vm in vms;
    VmPool in vm_pools;
    VnicProfile in vnic_profiles;
}

impl Searchable for Job {
    const COLLECTION: Collection = Collection::Job;
    fn all(inventory: &Inventory) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(inventory.jobs.iter())
    }
    fn item(&self) -> Item<'_> {
        Item::Job(self)
    }
    fn visible(&self, access: &Access, caller: &Caller) -> bool {
        access.visible(caller, self.id)
    }
    /// Newest first.
    fn usual_order(&self, other: &Self) -> Ordering {
        other
            .start_time
            .cmp(&self.start_time)
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl Searchable for Event {
    const COLLECTION: Collection = Collection::Event;
    fn all(inventory: &Inventory) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(inventory.events.newest_first())
    }
    fn item(&self) -> Item<'_> {
        Item::Event(self)
    }
    fn visible(&self, access: &Access, caller: &Caller) -> bool {
        !self.removed && access.event_visible(caller, self)
    }
    /// Newest first.
    fn usual_order(&self, other: &Self) -> Ordering {
        other.id.cmp(&self.id)
    }
}

impl Manager {
    /// The objects of a kind that the caller may see and that a query matches, in the order and of
    /// the page that it asks for.
    ///
    /// Refuses a list that is not filtered to somebody who is no administrator, and a query that
    /// cannot be read, with the sentence that says why.
    pub fn list<T: Searchable>(
        &self,
        caller: &Caller,
        query: Option<&str>,
        options: ListOptions,
    ) -> Result<Vec<Arc<T>>> {
        let access = self.access();
        access.may_list(caller)?;
        let query = match query {
            Some(text) => {
                parse::parse(T::COLLECTION, text).map_err(|why| Error::invalid("search", why))?
            }
            None => Query::default(),
        };
        let now = self.now();
        Ok(run(&access, caller, &query, options, now))
    }
}

fn run<T: Searchable>(
    access: &Access,
    caller: &Caller,
    query: &Query,
    options: ListOptions,
    now: Timestamp,
) -> Vec<Arc<T>> {
    let inventory = access.inventory();
    let context = Context::new(access, caller, query, options.case_sensitive, now);
    let limit = match (query.page, options.max) {
        (Some(_), max) => max.unwrap_or(PAGE),
        (None, max) => max.unwrap_or(usize::MAX),
    };
    let skip = query
        .page
        .map_or(0, |page| (page - 1).saturating_mul(limit));
    let events = T::COLLECTION == Collection::Event;
    let matching = T::all(inventory)
        .take_while(|object| match (object.item(), options.from) {
            (Item::Event(event), Some(from)) => event.id > from,
            _ => true,
        })
        .filter(|object| context.matches(query, object.item()))
        .filter(|object| object.visible(access, caller));
    // The log is there in its order, and too long to be gone through for its first page.
    if events && query.sort.is_none() {
        return matching.skip(skip).take(limit).cloned().collect();
    }
    let mut found: Vec<Arc<T>> = matching.cloned().collect();
    match &query.sort {
        None => found.sort_by(|a, b| a.usual_order(b)),
        Some(sort) => {
            let mut keyed: Vec<_> = found
                .into_iter()
                .map(|object| (context.sort_key(sort, object.item()), object))
                .collect();
            keyed.sort_by(|(key, a), (other, b)| {
                let order = key.compare(other);
                let order = if sort.descending {
                    order.reverse()
                } else {
                    order
                };
                order.then_with(|| a.usual_order(b))
            });
            found = keyed.into_iter().map(|(_, object)| object).collect();
        }
    }
    found.into_iter().skip(skip).take(limit).collect()
}
