//! What every installation begins with: roles, permits, events, operating systems (`seed.json`,
//! facts of oVirt's engine).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::LogSeverity;

/// The contents of `seed.json` that the manager uses.
#[derive(Debug, Deserialize)]
struct Seed {
    permits: BTreeMap<u32, SeedPermit>,
    roles: BTreeMap<uuid::Uuid, SeedRole>,
    instance_types: Vec<String>,
    network_filters: Vec<String>,
    operating_systems: BTreeMap<String, u32>,
    events: BTreeMap<u32, (String, LogSeverity)>,
}

#[derive(Debug, Deserialize)]
struct SeedPermit {
    name: String,
    administrative: bool,
}

#[derive(Debug, Deserialize)]
struct SeedRole {
    name: String,
    administrative: bool,
    permits: Vec<u32>,
}

static SEED: LazyLock<Seed> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../seed.json")).expect("seed.json is checked by a test")
});

/// A permit of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeededPermit {
    /// Its number.
    pub id: u32,
    /// Its word.
    pub name: &'static str,
    /// Whether only administrators have it.
    pub administrative: bool,
}

/// Every permit there is.
pub fn permits() -> impl Iterator<Item = SeededPermit> {
    SEED.permits.iter().map(|(id, permit)| SeededPermit {
        id: *id,
        name: &permit.name,
        administrative: permit.administrative,
    })
}

/// Every operating system with oVirt's number.
pub fn operating_systems() -> impl Iterator<Item = (&'static str, u32)> {
    SEED.operating_systems
        .iter()
        .map(|(name, number)| (name.as_str(), *number))
}

/// Every event code with its word and severity.
pub fn event_codes() -> impl Iterator<Item = (u32, &'static str, LogSeverity)> {
    SEED.events
        .iter()
        .map(|(code, (word, severity))| (*code, word.as_str(), *severity))
}

/// The severity of an event code; normal for a code that the seed lacks.
#[must_use]
pub fn severity(code: u32) -> LogSeverity {
    SEED.events
        .get(&code)
        .map_or(LogSeverity::Normal, |(_, severity)| *severity)
}
