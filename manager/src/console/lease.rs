//! Open channels. Whoever has one open holds a [`ConsoleLease`] and is told through it when the
//! channel must close.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::Manager;
use crate::host::{HostError, Hypervisor};
use crate::model::{SessionId, UserId, VmId};

/// Why an open channel must close; each is a sentence for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleEnd {
    /// The login has ended.
    #[error("Your session has ended. Log in again.")]
    SessionEnded,
    /// The right to this console was taken away.
    #[error("You may not use this console any more.")]
    AccessLost,
    /// The VM's run is over.
    #[error("The virtual machine has stopped.")]
    VmStopped,
    /// The VM is gone.
    #[error("The virtual machine does not exist any more.")]
    VmGone,
    /// The console's main channel has closed.
    #[error("The console was closed.")]
    MainClosed,
    /// The manager is ending.
    #[error("The server is going away.")]
    GoingAway,
}

#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) vm: VmId,
    pub(super) epoch: u64,
    pub(super) main: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    lease: Lease,
    end: watch::Sender<Option<ConsoleEnd>>,
}

#[derive(Debug, Default)]
pub(super) struct Leases {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Entry>>,
}

impl Leases {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn mains_of(&self, vm: VmId) -> Vec<(u64, UserId)> {
        self.lock()
            .iter()
            .filter(|(_, entry)| entry.lease.vm == vm && entry.lease.main.is_none())
            .map(|(id, entry)| (*id, entry.lease.user))
            .collect()
    }

    pub(super) fn review(&self, verdict: impl Fn(&Lease) -> Option<ConsoleEnd>) {
        for entry in self.lock().values() {
            if let Some(end) = verdict(&entry.lease) {
                entry.end.send_if_modified(|current| {
                    let first = current.is_none();
                    *current = current.or(Some(end));
                    first
                });
            }
        }
    }
}

/// An open channel. Dropped when it closes; a dropped main channel ends all others of its console.
#[derive(Debug)]
pub struct ConsoleLease {
    id: u64,
    manager: Manager,
    leases: Arc<Leases>,
    end: watch::Receiver<Option<ConsoleEnd>>,
    host: Arc<dyn Hypervisor>,
    lease: Lease,
}

impl ConsoleLease {
    /// `None` when the main channel that it belongs to has closed.
    pub(super) fn open(
        manager: &Manager,
        leases: &Arc<Leases>,
        lease: Lease,
        host: Arc<dyn Hypervisor>,
    ) -> Option<Self> {
        let id = leases.next.fetch_add(1, Ordering::Relaxed);
        let (sender, end) = watch::channel(None);
        let mut open = leases.lock();
        if lease.main.is_some_and(|main| !open.contains_key(&main)) {
            return None;
        }
        open.insert(
            id,
            Entry {
                lease: lease.clone(),
                end: sender,
            },
        );
        drop(open);
        Some(Self {
            id,
            manager: manager.clone(),
            leases: Arc::clone(leases),
            end,
            host,
            lease,
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Returns when the channel must close, and says why.
    pub async fn ended(&mut self) -> ConsoleEnd {
        match self.end.wait_for(Option::is_some).await {
            Ok(end) => end.unwrap_or(ConsoleEnd::GoingAway),
            Err(_) => ConsoleEnd::GoingAway,
        }
    }

    /// Makes the display's password useless, after a channel was opened with it.
    pub async fn expire_password(&self) -> Result<(), HostError> {
        self.host.expire_display_password(self.lease.vm.0).await
    }
}

impl Drop for ConsoleLease {
    fn drop(&mut self) {
        let mut open = self.leases.lock();
        open.remove(&self.id);
        if self.lease.main.is_some() {
            return;
        }
        for entry in open
            .values()
            .filter(|entry| entry.lease.main == Some(self.id))
        {
            entry.end.send_if_modified(|current| {
                let first = current.is_none();
                *current = current.or(Some(ConsoleEnd::MainClosed));
                first
            });
        }
        drop(open);
        self.manager
            .console_closed(self.id, self.lease.user, self.lease.vm);
    }
}
