//! Events and jobs as pages show them.

use super::{Entity, Id, Status, Told, Tone};
use crate::json::{id, list, moment, some_text, text, whole};
use serde_json::Value;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `normal`
    Normal,
    /// `warning`
    Warning,
    /// `error`
    Error,
    /// `alert`
    Alert,
}

impl Severity {
    fn read(word: &str) -> Severity {
        match word {
            "warning" => Severity::Warning,
            "error" => Severity::Error,
            "alert" => Severity::Alert,
            _ => Severity::Normal,
        }
    }

    /// Icon and colour.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Severity::Normal => Status::new("Done", "st-ok", Tone::Ok),
            Severity::Warning => Status::new("Warning", "st-warn", Tone::Warn),
            Severity::Error => Status::new("Error", "st-error", Tone::Bad),
            Severity::Alert => Status::new("Alert", "st-error", Tone::Bad),
        }
    }
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number; newer ones are greater.
    pub index: u64,
    /// What kind of event, by number.
    pub code: u64,
    /// How much it matters.
    pub severity: Severity,
    /// Milliseconds since 1970.
    pub time: f64,
    /// What happened.
    pub description: String,
    /// Ties everything of one request together.
    pub correlation: String,
    /// Who did it.
    pub user: Option<Id>,
    /// The name of who did it, if the server tells.
    pub user_name: Option<String>,
    /// To which machine.
    pub vm: Option<Id>,
    /// Its name, if the server tells.
    pub vm_name: Option<String>,
    /// On which host.
    pub host: Option<Id>,
    /// In which storage domain.
    pub storage_domain: Option<Id>,
}

impl Event {
    pub(super) fn read(data: &Value) -> Event {
        Event {
            index: whole(data, &["id"])
                .or_else(|| whole(data, &["index"]))
                .unwrap_or(0),
            code: whole(data, &["code"]).unwrap_or(0),
            severity: Severity::read(&text(data, &["severity"])),
            time: moment(data, &["time"]).unwrap_or(0.0),
            description: text(data, &["description"]),
            correlation: text(data, &["correlation_id"]),
            user: id(data, &["user"]),
            user_name: some_text(data, &["user", "user_name"])
                .or_else(|| some_text(data, &["user", "name"])),
            vm: id(data, &["vm"]),
            vm_name: some_text(data, &["vm", "name"]),
            host: id(data, &["host"]),
            storage_domain: id(data, &["storage_domain"]),
        }
    }
}

/// A part of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does.
    pub description: String,
    /// The API's `step_status`.
    pub status: String,
    /// Of 100, if known.
    pub progress: Option<u64>,
}

/// Work that goes on in the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: Id,
    /// What it does.
    pub description: String,
    /// The API's `job_status`.
    pub status: String,
    /// Milliseconds since 1970.
    pub started: f64,
    /// Milliseconds since 1970.
    pub ended: Option<f64>,
    /// Who asked for it.
    pub owner: Option<Id>,
    /// Its parts, in order.
    pub steps: Vec<Step>,
    /// Of 100, by the server's own reckoning.
    pub told_progress: Option<u64>,
    /// It can be stopped.
    pub cancellable: bool,
    /// What it waits for before it tries again.
    pub waiting: String,
}

impl Job {
    /// Still going on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == "started"
    }

    /// How far it is, in percent: by its steps' own figures, else by how many are done.
    #[must_use]
    pub fn progress(&self) -> Option<u64> {
        if self.told_progress.is_some() {
            return self.told_progress;
        }
        if self.steps.is_empty() {
            return None;
        }
        let done: u64 = self
            .steps
            .iter()
            .map(|step| match step.status.as_str() {
                "finished" => 100,
                "started" => step.progress.unwrap_or(0).min(100),
                _ => 0,
            })
            .sum();
        Some(done / self.steps.len() as u64)
    }

    /// The step it is at: its place, counted from one, and what it does.
    #[must_use]
    pub fn current_step(&self) -> Option<(usize, &Step)> {
        self.steps
            .iter()
            .enumerate()
            .find(|(_, step)| step.status == "started")
            .map(|(place, step)| (place + 1, step))
    }
}

impl Entity for Job {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        let mut steps: Vec<(u64, Step)> = list(data, &["steps"])
            .iter()
            .map(|step| {
                (
                    whole(step, &["number"]).unwrap_or(0),
                    Step {
                        description: text(step, &["description"]),
                        status: text(step, &["status"]),
                        progress: whole(step, &["progress"]),
                    },
                )
            })
            .collect();
        steps.sort_by_key(|(number, _)| *number);
        let extra = |name: &str| told.extra.other.get(name);
        Job {
            id: Id::from(told.id),
            description: text(data, &["description"]),
            status: text(data, &["status"]),
            started: moment(data, &["start_time"]).unwrap_or(told.at),
            ended: moment(data, &["end_time"]),
            owner: id(data, &["owner"]),
            steps: steps.into_iter().map(|(_, step)| step).collect(),
            told_progress: extra("progress").and_then(Value::as_u64),
            cancellable: told.offers.get("cancel").is_some_and(|offer| offer.allowed),
            waiting: extra("waiting")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        &self.description
    }
}
