//! Why a host did not do what it was asked to. Says what is known about the outcome; what to do
//! about it is the caller's business.

use std::time::Duration;

/// What went wrong with a call to a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There was no connection, so nothing was asked.
    #[error("the host cannot be reached: {reason}")]
    Unreachable {
        /// Why there is no connection.
        reason: String,
    },
    /// The connection broke while the host was working on it.
    #[error("the connection to the host broke while it was asked to {what}")]
    Broken {
        /// What it was asked.
        what: &'static str,
    },
    /// The host took the call and has not answered in time.
    #[error("the host has not answered within {} s when asked to {what}", after.as_secs())]
    NoAnswer {
        /// What it was asked.
        what: &'static str,
        /// How long we have waited.
        after: Duration,
    },
    /// Too many calls wait for this host already. Nothing was asked.
    #[error("the host is busy: {what} had to wait too long")]
    Busy {
        /// What was to be asked.
        what: &'static str,
    },
    /// There is no such thing.
    #[error("{what} does not exist")]
    NotFound {
        /// The thing, with its id.
        what: String,
    },
    /// The thing is not in a state in which this can be done.
    #[error("{what}")]
    WrongState {
        /// The sentence.
        what: String,
    },
    /// A value cannot be given to a hypervisor.
    #[error("{field} {reason}")]
    Invalid {
        /// The field, by its name in our types.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is full.
    #[error("no space left on the storage: {what}")]
    NoSpace {
        /// What was being written.
        what: String,
    },
    /// The guest kept hold of a device.
    #[error("the guest does not release {device}")]
    GuestRefused {
        /// The device.
        device: String,
    },
    /// This hypervisor cannot do that.
    #[error("the host cannot do this: {what}")]
    Unsupported {
        /// What it said.
        what: String,
    },
    /// The hypervisor refused, in its own words.
    #[error("{what}")]
    Failed {
        /// Its words.
        what: String,
    },
}

impl HostError {
    /// Whether it may have been done all the same: then observe before going on. A missing answer
    /// is never an answer.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::NoAnswer { .. })
    }

    /// Whether trying again later makes sense without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Broken { .. }
                | Self::NoAnswer { .. }
                | Self::Busy { .. }
        )
    }
}
