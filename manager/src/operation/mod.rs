//! Durable operations: work that touches a host. An operation is written with all its steps and
//! the ids of everything it will make, in one transaction with its audit event and its job, before
//! its first effect. Each step then goes
//!
//! ```text
//! intend (durable) → act (idempotent, names made from ids) → observe → record (durable)
//! ```
//!
//! and nothing is concluded from a missing answer. After a restart the ordinary executor goes on
//! with whatever is open; there is no other recovery.
//!
//! Left to others: what may be begun (`command/`), what a host is (`host/`).

mod act;
mod act_images;
mod action;
mod begin;
mod cancel;
mod crash;
mod executor;
mod kind;
mod provision;
mod record;
mod snapshot;
mod stateless;

pub(crate) use act::{transfer_volume, transfers_directly};
pub use action::Action;
pub(crate) use begin::{Plan, new_job, new_step, require_unlocked};
pub(crate) use cancel::cancellable;
pub use crash::{CrashPhase, CrashPlan};
pub(crate) use executor::Executor;
pub use kind::{OperationKind, Placed};
pub(crate) use record::{ended, graphics, suspended, update_vm};
pub(crate) use stateless::with_overlay;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::{JobId, ObjectId, OperationId, StepId, Timestamp, UserId};

/// Work in progress, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id, stamped into what it makes.
    pub id: OperationId,
    /// What it is for.
    pub kind: OperationKind,
    /// The job that shows it.
    pub job: JobId,
    /// Who asked.
    pub user: Option<UserId>,
    /// The request.
    pub correlation_id: String,
    /// Where the request came from.
    pub source: Option<IpAddr>,
    /// What nobody else may change meanwhile.
    pub locks: Vec<ObjectId>,
    /// Every step, in order.
    pub steps: Vec<OperationStep>,
    /// How far it is.
    pub state: OperationState,
    /// Who wants it to be given up.
    #[serde(default)]
    pub cancelled: Option<String>,
    /// When it was begun.
    pub start_time: Timestamp,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OperationState {
    /// Going on.
    Forward,
    /// Failed; what it had made is being taken away by the steps that were added to it.
    Undoing {
        /// Why it failed.
        error: String,
    },
}

/// A step as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationStep {
    /// Its place in the job.
    pub job_step: StepId,
    /// What it does.
    pub action: Action,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Planned,
    /// It may have happened.
    Intended,
    /// It has happened.
    Done,
    /// It did not happen, and what there was of it is gone or harmless.
    Failed,
}
