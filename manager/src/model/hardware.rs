//! Parts of a VM's hardware that have a form of their own.

use serde::{Deserialize, Serialize};

/// A device that acts when the guest stops telling it that it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchdog {
    /// What happens then.
    pub action: WatchdogAction,
}

impl Watchdog {
    /// The one model that x86 guests have (oVirt: `model`).
    pub const MODEL: &'static str = "i6300esb";
}

/// What happens when a watchdog fires (oVirt's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchdogAction {
    /// Nothing.
    None,
    /// It is restarted.
    Reset,
    /// It is ended.
    Poweroff,
    /// Its memory is written to a file of the host's.
    Dump,
    /// It stands still.
    Pause,
}

impl WatchdogAction {
    /// oVirt's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reset => "reset",
            Self::Poweroff => "poweroff",
            Self::Dump => "dump",
            Self::Pause => "pause",
        }
    }

    /// The action of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [
            Self::None,
            Self::Reset,
            Self::Poweroff,
            Self::Dump,
            Self::Pause,
        ]
        .into_iter()
        .find(|action| action.as_str() == word)
    }
}

/// Which of the host's processors a virtual one may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuPin {
    /// The virtual processor, from 0 on.
    pub vcpu: u32,
    /// The host's: `0-3,^2`, `1,5`.
    pub cpus: String,
}

impl CpuPin {
    /// Whether the set of processors is written as it should be.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let number = |text: &str| text.len() <= 4 && text.parse::<u16>().is_ok();
        !self.cpus.is_empty()
            && self.cpus.len() <= 256
            && self.cpus.split(',').all(|part| {
                let part = part.strip_prefix('^').unwrap_or(part);
                match part.split_once('-') {
                    Some((from, to)) => number(from) && number(to),
                    None => number(part),
                }
            })
    }
}

/// A part of the VM's memory with the processors that are near it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumaNode {
    /// Its id.
    pub id: uuid::Uuid,
    /// Its number in the guest.
    pub index: u32,
    /// Its memory in MiB.
    pub memory_mib: u64,
    /// Its virtual processors.
    pub cpus: Vec<u32>,
    /// The host's nodes that its memory is taken from; none means any.
    pub host_nodes: Vec<u32>,
    /// How strictly.
    pub tune_mode: NumaTuneMode,
}

/// How strictly memory is taken from the host's nodes (oVirt's words).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumaTuneMode {
    /// In turns from all of them.
    #[default]
    Interleave,
    /// From others too when they are full.
    Preferred,
    /// From no other.
    Strict,
}

impl NumaTuneMode {
    /// oVirt's word, and libvirt's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interleave => "interleave",
            Self::Preferred => "preferred",
            Self::Strict => "strict",
        }
    }

    /// The mode of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Interleave, Self::Preferred, Self::Strict]
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }
}
