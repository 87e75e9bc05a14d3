//! What must close when a right is lost: everything that stays open (live streams, consoles)
//! listens here.

use tokio::sync::broadcast;

use crate::model::{SessionId, VmId};

/// Something that was open on a right must close, or look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// A session has ended.
    Session(SessionId),
    /// A VM's run has ended, or the VM is gone.
    Vm(VmId),
    /// Roles, permissions, groups or users have changed: look again whether it may stay open.
    Access,
    /// Too much was missed: look at everything again.
    Everything,
}

/// Where revocations are sent.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    sender: broadcast::Sender<Revoked>,
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(1024),
        }
    }
}

impl Bus {
    pub(crate) fn send(&self, revoked: Revoked) {
        // Nobody listening is no error.
        let _ = self.sender.send(revoked);
    }

    pub(crate) fn listen(&self) -> Revocations {
        Revocations {
            receiver: self.sender.subscribe(),
        }
    }
}

/// The stream of revocations.
#[derive(Debug)]
pub struct Revocations {
    receiver: broadcast::Receiver<Revoked>,
}

impl Revocations {
    /// The next one; `None` when the manager has ended and everything must close.
    pub async fn next(&mut self) -> Option<Revoked> {
        match self.receiver.recv().await {
            Ok(revoked) => Some(revoked),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Revoked::Everything),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
