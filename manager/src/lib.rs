//! The engine: decides, remembers and watches. It knows no HTTP; the gateway is its only user.
//!
//! [`Manager`] is the façade. Reads are answered from an immutable snapshot
//! ([`Manager::inventory`]) and need no await; every change goes through one write door that
//! persists first and publishes then ([`Manager::subscribe`]).

pub mod access;
mod caller;
pub mod catalogue;
pub mod clock;
mod command;
mod config;
pub mod console;
mod core;
mod demo;
mod domain;
pub mod error;
mod event;
pub mod first_boot;
mod history;
pub mod host;
pub mod image;
pub mod inventory;
mod keeper;
mod map;
pub mod model;
mod monitor;
pub mod operation;
mod password;
mod revocation;
pub mod rules;
mod scheduler;
pub mod search;
pub mod seed;
mod session;
mod store;
mod time_zone;
mod writer;

use std::sync::Arc;

pub use access::Access;
pub use caller::Caller;
pub use command::*;
pub use config::{Config, Timeouts};
pub use error::{Error, ErrorKind, Result};
pub use history::{HistoryChart, HistoryObject, HistoryRange, HistorySeries};
pub use inventory::{Applied, Change, Entity, Inventory};
pub use map::Map;
pub use revocation::{Revocations, Revoked};
pub use rules::Offer;
pub use session::{Login, LoginParams};
pub use writer::{Missed, Subscription};

use crate::core::Core;
pub use crate::core::WatchGuard;

/// The manager. Cheap to clone; all clones are the same manager.
#[derive(Clone, Debug)]
pub struct Manager {
    core: Arc<Core>,
}

impl Manager {
    /// The state of everything, as it is at this moment.
    #[must_use]
    pub fn inventory(&self) -> Arc<Inventory> {
        self.core.published.inventory()
    }

    /// Answers questions about rights, as they are at this moment.
    #[must_use]
    pub fn access(&self) -> Access {
        Access::new(self.inventory())
    }

    /// Every change from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.core.published.subscribe()
    }

    /// The changes after a revision, if they are still known, and every change from now on.
    #[must_use]
    pub fn resume(
        &self,
        epoch: uuid::Uuid,
        revision: u64,
    ) -> Option<(Vec<Arc<Applied>>, Subscription)> {
        self.core.published.resume(epoch, revision)
    }

    /// What must close when a right is lost.
    #[must_use]
    pub fn revocations(&self) -> Revocations {
        self.core.revocations.listen()
    }

    /// Waits until a job has ended, and gives it as it then is; `None` when it is gone.
    pub async fn wait(&self, job: model::JobId) -> Option<Arc<model::Job>> {
        let mut changes = self.subscribe();
        loop {
            let inventory = self.inventory();
            let it = inventory.jobs.get(&job)?;
            if it.end_time.is_some() {
                return Some(Arc::clone(it));
            }
            if matches!(changes.next().await, Err(Missed::Ended)) {
                return None;
            }
        }
    }
}
