//! Consoles: one-time tickets and where they lead. Everything here lives in memory only.

use std::time::Duration;

use crate::model::{Secret, VmId};

/// Leave to open one console, once.
#[derive(Clone, Debug)]
pub struct ConsoleTicket {
    /// 64 hexadecimal digits.
    pub secret: Secret,
    /// How long until its first use.
    pub expires_in: Duration,
    /// The VM.
    pub vm: VmId,
    /// Its name.
    pub vm_name: String,
}

/// A password for a native viewer.
#[derive(Clone, Debug)]
pub struct DisplayTicket {
    /// The password.
    pub value: Secret,
    /// How long it opens connections.
    pub valid: Duration,
}
