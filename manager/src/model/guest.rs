//! What is known of a running VM's guest from its agent; never stored.

use crate::host::guest::GuestReport;

/// What is known of a running VM's guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Whether the agent answered when it was last asked. What it had told before is kept for a
    /// while.
    pub answers: bool,
    /// What it has told.
    pub report: GuestReport,
}
