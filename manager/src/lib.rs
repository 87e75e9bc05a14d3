//! The engine: decides, remembers and watches. It knows no HTTP; the gateway is its only user.
//!
//! [`Manager`] is the façade. Reads are answered from an immutable snapshot
//! ([`Manager::inventory`]) and need no await; every change goes through one write door that
//! persists first and publishes then ([`Manager::subscribe`]).

pub mod access;
mod caller;
pub mod clock;
mod command;
mod config;
pub mod console;
pub mod error;
mod event;
pub mod host;
pub mod image;
pub mod inventory;
mod map;
pub mod model;
pub mod operation;
pub mod seed;
mod store;
mod writer;

use std::sync::Arc;

pub use access::Access;
pub use caller::Caller;
pub use command::*;
pub use config::{Config, Timeouts};
pub use error::{Error, ErrorKind, Result};
pub use inventory::{Applied, Change, Entity, Inventory};
pub use map::Map;
pub use writer::{Missed, Subscription};

use writer::Published;

/// The manager. Cheap to clone; all clones are the same manager.
#[derive(Clone, Debug)]
pub struct Manager {
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    published: Arc<Published>,
}

impl Manager {
    /// Opens the state directory and starts. The first start makes what an installation begins
    /// with.
    pub async fn open(config: Config) -> Result<Self> {
        let mut store = store::Store::open(&config.state).await?;
        let (inventory, _) = store.load().await?;
        let published = Arc::new(Published::new(inventory));
        Ok(Self {
            core: Arc::new(Core { published }),
        })
    }

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
}
