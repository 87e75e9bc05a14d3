//! `<action>`: what an action takes and how it answers.

use crate::types::{Action, Fault, Job};

/// `<status>` of an action that is done with.
pub const COMPLETE: &str = "complete";
/// `<status>` of an action asked for with `async=true`.
pub const PENDING: &str = "pending";
/// `<status>` of an action that was refused.
pub const FAILED: &str = "failed";

/// The answer of an action that is done.
pub fn complete() -> Action {
    Action {
        status: Some(COMPLETE.into()),
        ..Action::default()
    }
}

/// The answer of an action that goes on, with the job to watch.
pub fn pending(job: Option<Job>) -> Action {
    Action {
        status: Some(PENDING.into()),
        job: job.map(Into::into),
        ..Action::default()
    }
}

/// The answer of an action that was refused.
pub fn failed(fault: Fault) -> Action {
    Action {
        status: Some(FAILED.into()),
        fault: Some(fault.into()),
        ..Action::default()
    }
}
