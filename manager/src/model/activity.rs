//! What happens and happened: events, jobs with their steps, image transfers, login sessions.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::id::{
    ClusterId, DataCenterId, DiskId, EventId, HostId, JobId, ObjectId, OperationId, SessionId,
    StepId, StorageDomainId, TemplateId, TransferId, UserId, VmId,
};
use super::wire::{
    DiskFormat, JobStatus, LogSeverity, StepStatus, StepType, Timestamp, TransferDirection,
    TransferPhase, TransferTimeoutPolicy,
};

/// An entry of the audit log. It names things by their name of that moment in its sentence, and
/// by id as long as they exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// oVirt's code, as 34 (VM added).
    pub code: u32,
    /// How bad it is.
    pub severity: LogSeverity,
    /// When it was.
    pub time: Timestamp,
    /// The sentence.
    pub description: String,
    /// The request that caused it.
    pub correlation_id: Option<String>,
    /// Who caused it.
    pub user: Option<UserId>,
    /// Their `name@domain` at that time.
    pub user_name: Option<String>,
    /// Where they called from.
    pub source: Option<IpAddr>,
    /// The VM.
    pub vm: Option<VmId>,
    /// The host.
    pub host: Option<HostId>,
    /// The cluster.
    pub cluster: Option<ClusterId>,
    /// The data center.
    pub data_center: Option<DataCenterId>,
    /// The storage domain.
    pub storage_domain: Option<StorageDomainId>,
    /// The template.
    pub template: Option<TemplateId>,
    /// The disk.
    pub disk: Option<DiskId>,
    /// Who made it: `oVirt`, or what an external caller says.
    pub origin: String,
    /// An external caller's number.
    pub custom_id: Option<i64>,
    /// An external caller's data.
    pub custom_data: Option<String>,
    /// Seconds in which the same event is not repeated.
    pub flood_rate: u32,
    /// Removed by a person: not shown, and kept.
    pub removed: bool,
}

/// A piece of work in progress, or done lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is done, as a sentence.
    pub description: String,
    /// What became of it.
    pub status: JobStatus,
    /// Who asked.
    pub owner: Option<UserId>,
    /// The request.
    pub correlation_id: Option<String>,
    /// When it began.
    pub start_time: Timestamp,
    /// When something changed last.
    pub last_updated: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Whether a caller made it, who also ends it.
    pub external: bool,
    /// Whether it is taken away by itself after its end.
    pub auto_cleared: bool,
    /// What it is about.
    pub objects: Vec<ObjectId>,
    /// The operation that it shows.
    pub operation: Option<OperationId>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// The step that it is a part of.
    pub parent: Option<StepId>,
    /// Its place among its siblings, from 0.
    pub number: u32,
    /// What is done, as a sentence.
    pub description: String,
    /// Which part of the job.
    pub step_type: StepType,
    /// What became of it.
    pub status: StepStatus,
    /// Per cent, where it is known.
    pub progress: Option<u32>,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Whether a caller made it, who also ends it.
    pub external: bool,
    /// Why it failed, as a sentence.
    pub error: Option<String>,
    /// What it waits for before it is tried again, as a sentence.
    #[serde(default)]
    pub waiting: Option<String>,
}

/// An image on its way into or out of a disk. The secret in its address is not kept here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// The disk.
    pub disk: DiskId,
    /// Which way.
    pub direction: TransferDirection,
    /// How the data is written.
    pub format: DiskFormat,
    /// The data of an upload is a VMDK image, whatever `format` says.
    #[serde(default)]
    pub vmdk: bool,
    /// A download is of the disk's own image alone, without what it stands on.
    #[serde(default)]
    pub shallow: bool,
    /// How far it is.
    pub phase: TransferPhase,
    /// Seconds without data after which `timeout_policy` is applied; 0 means never.
    pub inactivity_timeout: u32,
    /// What to do then.
    pub timeout_policy: TransferTimeoutPolicy,
    /// Bytes that have passed.
    pub transferred: u64,
    /// Bytes that may pass at most.
    pub size_limit: u64,
    /// The host whose storage it is.
    pub host: Option<HostId>,
    /// Who asked.
    pub owner: UserId,
    /// When it began.
    pub creation_time: Timestamp,
    /// When data passed last.
    pub last_activity: Timestamp,
    /// Why it failed, as a sentence.
    pub error: Option<String>,
}

/// Through which door somebody logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPurpose {
    /// A portal, by cookie.
    Portal,
    /// The API, by bearer token.
    Token,
    /// The API, by HTTP basic authentication.
    Basic,
}

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id; not its token.
    pub id: SessionId,
    /// Who.
    pub user: UserId,
    /// Through which door.
    pub purpose: SessionPurpose,
    /// Whether nothing but a change of the password is allowed.
    pub must_change_password: bool,
    /// When it began.
    pub start_time: Timestamp,
    /// Where it began.
    pub source: Option<IpAddr>,
}
