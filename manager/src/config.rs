//! What the manager is told at its start. It reads no file and no environment of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::host::Hypervisor;
use crate::model::Secret;

/// Configuration of a manager.
#[derive(Clone, Debug)]
pub struct Config {
    /// The state directory; made where it is missing.
    pub state: PathBuf,
    /// Where libvirt answers.
    pub libvirt_uri: String,
    /// This machine's name, for its entry among the hosts.
    pub host_name: String,
    /// The address that consoles listen on and that native viewers are told.
    pub display_address: String,
    /// The first password of `admin@internal`; made up where there is none.
    pub admin_password: Option<Secret>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// The host to use instead of libvirt at `libvirt_uri`.
    pub hypervisor: Option<Arc<dyn Hypervisor>>,
    /// Limits in time.
    pub timeouts: Timeouts,
    /// Where to stop dead, for tests of recovery.
    pub crash: Option<crate::operation::CrashPlan>,
}

/// Limits in time.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// A login without a request.
    pub session_idle: Duration,
    /// A login altogether.
    pub session_absolute: Duration,
    /// A console ticket until its use.
    pub console_ticket: Duration,
    /// Between two looks at all domains of a host, events or not.
    pub sweep: Duration,
    /// Before an operation tries a host again that did not answer.
    pub retry: Duration,
    /// A guest that was asked to end and does not.
    pub shutdown: Duration,
    /// A finished job, until it is taken away.
    pub job_kept: Duration,
    /// A failed job, until it is taken away.
    pub failed_job_kept: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            session_idle: Duration::from_secs(30 * 60),
            session_absolute: Duration::from_secs(12 * 60 * 60),
            console_ticket: Duration::from_secs(30),
            sweep: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            shutdown: Duration::from_secs(300),
            job_kept: Duration::from_secs(10 * 60),
            failed_job_kept: Duration::from_secs(60 * 60),
        }
    }
}

impl Config {
    /// The configuration for this machine, with its state in a directory.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            state: state.into(),
            libvirt_uri: "qemu:///system".to_owned(),
            host_name: "localhost".to_owned(),
            display_address: "127.0.0.1".to_owned(),
            admin_password: None,
            clock: Arc::new(SystemClock::default()),
            hypervisor: None,
            timeouts: Timeouts::default(),
            crash: None,
        }
    }
}
