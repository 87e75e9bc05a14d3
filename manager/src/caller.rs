//! Who asks: given with every call, decided by the gateway from the login.

use std::net::IpAddr;

use crate::model::{SessionId, UserId};

/// Who asks for something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Their session; the manager's own work has none.
    pub session: Option<SessionId>,
    /// The request's id: at most 36 of `[A-Za-z0-9_-]`; written to events and jobs.
    pub correlation_id: String,
    /// Where the request came from.
    pub source: Option<IpAddr>,
    /// Whether only what the user's own permissions show is wanted (oVirt's `filter`).
    pub filter: bool,
}

impl Caller {
    /// The manager itself, for work that nobody asked for. Has every right.
    #[must_use]
    pub fn system() -> Self {
        Self {
            user: UserId::ZERO,
            session: None,
            correlation_id: uuid::Uuid::new_v4().to_string(),
            source: None,
            filter: false,
        }
    }

    /// Whether this is the manager itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.user == UserId::ZERO && self.session.is_none()
    }

    /// The user whom events name; none for the manager itself.
    #[must_use]
    pub fn person(&self) -> Option<UserId> {
        (!self.is_system()).then_some(self.user)
    }
}
