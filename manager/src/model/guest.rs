//! What is known of a running VM's guest from its agent; never stored.

use std::sync::Arc;

use crate::host::foreign::ForeignDomain;
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

/// What is known of an external VM's domain beside what the VM shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Its name with libvirt.
    pub name: String,
    /// What it is, and what speaks against its adoption.
    pub domain: Arc<ForeignDomain>,
}
