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

    /// The word in `step:phase`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeAct => "before_act",
            Self::AfterAct => "after_act",
            Self::AfterObserve => "after_observe",
        }
    }
}

/// Decides, for a step's name and phase, whether the manager stops there.
#[derive(Clone)]
pub struct CrashPlan(pub Arc<dyn Fn(&'static str, CrashPhase) -> bool + Send + Sync>);

impl fmt::Debug for CrashPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrashPlan")
    }
}

impl CrashPlan {
    /// A plan that ends the whole process, as SIGKILL would, at `step:phase`, for tests that start
    /// the real program. `None` where the text names no step or phase.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (step, phase) = text.split_once(':')?;
        let step = *super::Action::NAMES.iter().find(|name| **name == step)?;
        let phase = CrashPhase::ALL
            .into_iter()
            .find(|it| it.as_str() == phase)?;
        Some(Self(Arc::new(move |at, when| {
            if at == step && when == phase {
                std::process::abort();
            }
            false
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_step_and_a_phase_that_there_are() {
        assert!(CrashPlan::parse("domain_start:after_act").is_some());
        for text in ["domain_start", "domain_start:later", "fly:after_act", ""] {
            assert!(CrashPlan::parse(text).is_none(), "{text}");
        }
        let plan = CrashPlan::parse("domain_start:after_act").expect("a plan");
        assert!(!(plan.0)("domain_start", CrashPhase::BeforeAct));
    }
}
