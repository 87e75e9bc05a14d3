//! Places where a test can stop the manager dead. Every step of every operation has three, and
//! has them by being a step: nobody can forget to register one.

use std::fmt;
use std::sync::Arc;

/// Where in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrashPhase {
    /// The intention is on the disk, the host has not been asked.
    BeforeAct,
    /// The host has done it, and nobody has looked.
    AfterAct,
    /// It has been seen, and not been written down.
    AfterObserve,
}

impl CrashPhase {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::BeforeAct, Self::AfterAct, Self::AfterObserve];

    /// The word in `SAFFRON_CRASH=step:phase`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeAct => "before_act",
            Self::AfterAct => "after_act",
            Self::AfterObserve => "after_observe",
        }
    }
}

/// Decides, for a step's name and phase, whether the manager ends there.
#[derive(Clone)]
pub struct CrashPlan(pub Arc<dyn Fn(&'static str, CrashPhase) -> bool + Send + Sync>);

impl fmt::Debug for CrashPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrashPlan")
    }
}
