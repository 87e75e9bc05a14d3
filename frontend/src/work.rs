//! Writes that take several requests, seen as one task in the task bar: which
//! step it is at, what went wrong and at which. Knows no resource.

use crate::client::Fault;
use leptos::prelude::*;

/// How a work stands.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkState {
    /// At this step of so many: what it does now.
    Step(usize, usize, String),
    /// All is done.
    Done,
    /// It stopped, because.
    Failed(Fault),
}

/// One work.
#[derive(Clone, Copy, PartialEq)]
pub struct Work {
    /// Tells it from the others.
    pub key: u32,
    /// What it makes.
    pub title: StoredValue<String>,
    /// How it stands.
    pub state: RwSignal<WorkState>,
}

/// All works of this page.
#[derive(Clone, Copy)]
pub struct Works(RwSignal<Vec<Work>>);

impl Default for Works {
    fn default() -> Self {
        Works(RwSignal::new(Vec::new()))
    }
}

impl Works {
    /// Begins one.
    #[must_use]
    pub fn begin(self, key: u32, title: String) -> Work {
        let owner = Owner::new_root(None);
        // INVARIANT: a work's signals must outlive the page that began it, so they belong to no page.
        let work = owner.with(|| Work {
            key,
            title: StoredValue::new(title),
            state: RwSignal::new(WorkState::Step(0, 1, String::new())),
        });
        std::mem::forget(owner);
        self.0.update(|works| works.push(work));
        work
    }

    /// All that are not put away.
    #[must_use]
    pub fn all(self) -> Vec<Work> {
        self.0.get()
    }

    /// Puts one away.
    pub fn dismiss(self, key: u32) {
        self.0.update(|works| works.retain(|work| work.key != key));
    }
}
