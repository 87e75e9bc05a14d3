//! What a state is called and how it looks: word, icon and tone are one set
//! everywhere. Leaves drawing to `components::status`.

use crate::text::t;

/// The colour of a status; never used for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It failed or cannot go on.
    Bad,
    /// Somebody should look.
    Warn,
    /// Something is happening.
    Busy,
    /// As it should be.
    Ok,
    /// At rest.
    Off,
}

impl Tone {
    /// Class of a status with its icon and word.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Tone::Ok => "sf-status is-ok",
            Tone::Busy => "sf-status is-busy",
            Tone::Warn => "sf-status is-warn",
            Tone::Bad => "sf-status is-bad",
            Tone::Off => "sf-status is-off",
        }
    }
}

/// Icon, word and tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The word a person reads.
    pub word: &'static str,
    /// Name in the icon sprite.
    pub icon: &'static str,
    /// Its colour.
    pub tone: Tone,
}

impl Status {
    /// One of the set.
    #[must_use]
    pub fn new(word: &'static str, icon: &'static str, tone: Tone) -> Status {
        Status {
            word: t(word),
            icon,
            tone,
        }
    }

    /// States of hosts, by the API's `host_status`.
    #[must_use]
    pub fn of_host(status: &str) -> Status {
        match status {
            "up" => Status::new("Up", "st-up", Tone::Ok),
            "maintenance" => Status::new("Maintenance", "st-maint", Tone::Off),
            "preparing_for_maintenance" => Status::new("Emptying", "st-migrating", Tone::Busy),
            "connecting" | "initializing" | "installing" | "reboot" | "unassigned" => {
                Status::new("Connecting", "st-starting", Tone::Busy)
            }
            "non_responsive" => Status::new("No answer", "st-error", Tone::Bad),
            "down" => Status::new("Down", "st-down", Tone::Off),
            "error" | "install_failed" | "non_operational" => {
                Status::new("Not usable", "st-error", Tone::Bad)
            }
            _ => Status::new("Unknown", "st-unknown", Tone::Warn),
        }
    }

    /// States of storage domains, by the API's `storage_domain_status`.
    #[must_use]
    pub fn of_storage_domain(status: &str) -> Status {
        match status {
            "active" | "" => Status::new("Active", "st-ok", Tone::Ok),
            "activating" | "locked" => Status::new("Activating", "st-starting", Tone::Busy),
            "maintenance" | "detaching" | "preparing_for_maintenance" => {
                Status::new("Maintenance", "st-maint", Tone::Off)
            }
            "unattached" => Status::new("Not attached", "st-wait", Tone::Off),
            "inactive" => Status::new("Not reachable", "st-error", Tone::Bad),
            _ => Status::new("Unknown", "st-unknown", Tone::Warn),
        }
    }

    /// States of disks, by the API's `disk_status`.
    #[must_use]
    pub fn of_disk(status: &str) -> Status {
        match status {
            "ok" => Status::new("Ready", "st-ok", Tone::Ok),
            "locked" => Status::new("Working", "st-starting", Tone::Busy),
            "illegal" => Status::new("Not usable", "st-error", Tone::Bad),
            _ => Status::new("Unknown", "st-unknown", Tone::Warn),
        }
    }

    /// States of jobs and steps, by the API's `job_status`.
    #[must_use]
    pub fn of_job(status: &str) -> Status {
        match status {
            "started" => Status::new("Running", "st-starting", Tone::Busy),
            "finished" => Status::new("Done", "st-ok", Tone::Ok),
            "failed" => Status::new("Failed", "st-error", Tone::Bad),
            "aborted" => Status::new("Stopped", "st-error", Tone::Bad),
            _ => Status::new("Unknown", "st-unknown", Tone::Warn),
        }
    }
}
