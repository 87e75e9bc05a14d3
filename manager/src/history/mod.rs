//! What was measured of machines, hosts, disks and interfaces, for a year at falling resolution:
//! every sample for some minutes in memory, minutes for a day, quarters of an hour for thirty
//! days, six hours for a year, each with average and maximum.
//!
//! ```text
//! monitor ──take──▶ the minute that goes on (memory) ──turn──▶ one file an object (`ring`)
//!                └▶ the last minutes (memory)                        │
//! portal ◀──────────────────── history() ◀───────────────────────────┘
//! ```
//!
//! A file has a fixed size and goes with its object. Kept beside the state and not in it: losing it
//! loses charts. The manager's end loses nothing, its death at most the minute that goes on.

mod chart;
mod ring;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

pub use chart::{HistoryChart, HistoryRange, HistorySeries};
use ring::{Ring, Slot, Value};

use crate::Manager;
use crate::inventory::Inventory;
use crate::model::{DiskId, HostId, NicId, VmId};

/// Samples kept in memory of an object that nobody looks at, and of one that somebody does.
const LIVE: usize = 32;
const LIVE_WATCHED: usize = 320;
/// Objects that may be looked at closely at a time.
const WATCHED: usize = 256;
/// How long an object counts as looked at.
const ATTENTION: i64 = 120_000;
/// A host's interface that has not been there for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(31 * 24 * 3600);

/// What has a history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HistoryObject {
    /// A virtual machine.
    Vm(VmId),
    /// A host.
    Host(HostId),
    /// A disk.
    Disk(DiskId),
    /// A VM's network interface.
    Nic(NicId),
    /// A host's network interface, by name.
    HostNic(HostId, String),
}

/// A series of figures of a kind of object: its name and unit.
pub(crate) type SeriesDef = (&'static str, &'static str);

const VM: &[SeriesDef] = &[
    ("cpu", "percent"),
    ("memory", "bytes"),
    ("network_receive", "bytes_per_second"),
    ("network_transmit", "bytes_per_second"),
    ("disk_read", "bytes_per_second"),
    ("disk_write", "bytes_per_second"),
];
const HOST: &[SeriesDef] = &[
    ("cpu", "percent"),
    ("memory", "bytes"),
    ("network_receive", "bytes_per_second"),
    ("network_transmit", "bytes_per_second"),
];
const DISK: &[SeriesDef] = &[
    ("read", "bytes_per_second"),
    ("write", "bytes_per_second"),
    ("read_operations", "per_second"),
    ("write_operations", "per_second"),
    ("read_latency", "seconds"),
    ("write_latency", "seconds"),
];
const NIC: &[SeriesDef] = &[
    ("receive", "bytes_per_second"),
    ("transmit", "bytes_per_second"),
    ("receive_dropped", "per_second"),
    ("transmit_dropped", "per_second"),
    ("receive_errors", "per_second"),
    ("transmit_errors", "per_second"),
];

impl HistoryObject {
    /// What is kept of it, in order.
    pub(crate) fn series(&self) -> &'static [SeriesDef] {
        match self {
            Self::Vm(_) => VM,
            Self::Host(_) => HOST,
            Self::Disk(_) => DISK,
            Self::Nic(_) | Self::HostNic(..) => NIC,
        }
    }

    fn folder(&self) -> &'static str {
        match self {
            Self::Vm(_) => "vm",
            Self::Host(_) => "host",
            Self::Disk(_) => "disk",
            Self::Nic(_) => "nic",
            Self::HostNic(..) => "host_nic",
        }
    }

    /// An interface's name is the host's; in a path there is only its hash.
    fn file(&self) -> String {
        match self {
            Self::Vm(id) => id.to_string(),
            Self::Host(id) => id.to_string(),
            Self::Disk(id) => id.to_string(),
            Self::Nic(id) => id.to_string(),
            Self::HostNic(host, name) => {
                use sha2::{Digest as _, Sha256};
                let hash = Sha256::digest(name);
                let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{host}.{hash}")
            }
        }
    }
}

/// The minute that goes on.
#[derive(Debug)]
struct Open {
    minute: u32,
    sums: Vec<(f64, u32, f32)>,
    count: u32,
}

/// The last samples, as they came.
#[derive(Debug, Default)]
struct Live {
    samples: VecDeque<(i64, Vec<f32>)>,
    watched_until: i64,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<HistoryObject, Open>,
    live: HashMap<HistoryObject, Live>,
    /// Minutes that are over and not yet written.
    over: Vec<(HistoryObject, u32, Slot)>,
}

/// The histories of everything.
#[derive(Debug)]
pub(crate) struct History {
    directory: PathBuf,
    state: Mutex<State>,
    /// Held while files are written, so that two turns do not meet in one.
    writing: tokio::sync::Mutex<()>,
}

/// The minute of a moment (ms since 1970).
fn minute(at: i64) -> u32 {
    u32::try_from(at.div_euclid(60_000)).unwrap_or(0)
}

impl History {
    /// Those kept in a directory, which is made when there is something to keep.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            state: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, object: &HistoryObject) -> PathBuf {
        self.directory.join(object.folder()).join(object.file())
    }

    /// Takes samples of one moment; not a number where nothing was measured.
    pub(crate) fn take(&self, at: i64, samples: Vec<(HistoryObject, Vec<f32>)>) {
        let minute = minute(at);
        let mut state = self.lock();
        let State { open, live, over } = &mut *state;
        for (object, values) in samples {
            let live = live.entry(object.clone()).or_default();
            let most = if live.watched_until > at {
                LIVE_WATCHED
            } else {
                LIVE
            };
            while live.samples.len() >= most {
                live.samples.pop_front();
            }
            live.samples.push_back((at, values.clone()));
            let entry = open.entry(object.clone()).or_insert_with(|| Open {
                minute,
                sums: Vec::new(),
                count: 0,
            });
            if entry.minute != minute {
                let done = std::mem::replace(
                    entry,
                    Open {
                        minute,
                        sums: Vec::new(),
                        count: 0,
                    },
                );
                over.extend(close(object, done));
            }
            entry.count += 1;
            entry.sums.resize(values.len(), (0.0, 0, f32::NAN));
            for (sum, value) in entry.sums.iter_mut().zip(values) {
                if value.is_finite() {
                    sum.0 += f64::from(value);
                    sum.1 += 1;
                    sum.2 = sum.2.max(value);
                }
            }
        }
    }

    /// Takes what is over by now; with `all`, the minute that goes on too.
    fn due(&self, now: i64, all: bool) -> Vec<(HistoryObject, u32, Slot)> {
        let current = minute(now);
        let mut state = self.lock();
        let mut due = std::mem::take(&mut state.over);
        let objects: Vec<HistoryObject> = state
            .open
            .iter()
            .filter(|(_, open)| all || open.minute != current)
            .map(|(object, _)| object.clone())
            .collect();
        for object in objects {
            if let Some(open) = state.open.remove(&object) {
                due.extend(close(object, open));
            }
        }
        // What has not been measured for long has nothing to show live.
        state.live.retain(|_, live| {
            live.samples
                .back()
                .is_some_and(|(at, _)| now.saturating_sub(*at) < 10 * 60_000)
        });
        due
    }

    /// The last samples of an object, which counts as looked at from now on.
    fn live(&self, object: &HistoryObject, now: i64) -> Vec<(i64, Vec<f32>)> {
        let mut state = self.lock();
        let watched = state
            .live
            .values()
            .filter(|live| live.watched_until > now)
            .count();
        let Some(live) = state.live.get_mut(object) else {
            return Vec::new();
        };
        if watched < WATCHED || live.watched_until > now {
            live.watched_until = now.saturating_add(ATTENTION);
        }
        live.samples.iter().cloned().collect()
    }
}

fn close(object: HistoryObject, open: Open) -> Option<(HistoryObject, u32, Slot)> {
    #[allow(clippy::cast_possible_truncation, reason = "a chart's precision")]
    let values = open
        .sums
        .iter()
        .map(|(sum, count, maximum)| Value {
            average: if *count == 0 {
                f32::NAN
            } else {
                (sum / f64::from(*count)) as f32
            },
            maximum: *maximum,
        })
        .collect();
    let slot = Slot {
        count: open.count,
        values,
    };
    (open.count > 0).then_some((object, open.minute, slot))
}

impl Manager {
    /// Writes the minutes that are over, and takes away the histories of what is gone. With `all`,
    /// as at the end, the minute that goes on is written too.
    pub(crate) async fn history_turn(&self, all: bool) {
        let history = &self.core.history;
        let due = history.due(self.core.clock.now().0, all);
        if due.is_empty() {
            return;
        }
        let _one = history.writing.lock().await;
        let inventory = self.inventory();
        let directory = history.directory.clone();
        let files: Vec<_> = due
            .into_iter()
            .filter(|(object, ..)| exists(&inventory, object))
            .map(|(object, minute, slot)| (history.path(&object), object, minute, slot))
            .collect();
        let done = tokio::task::spawn_blocking(move || {
            for (path, object, minute, slot) in files {
                let written = made(&path)
                    .and_then(|()| Ring::open(&path, object.series().len()))
                    .and_then(|ring| ring.add(minute, &slot));
                if let Err(error) = written {
                    tracing::warn!(path = %path.display(), %error, "A history could not be written");
                    break;
                }
            }
            tidy(&directory, &inventory);
        });
        if let Err(error) = done.await {
            tracing::error!(%error, "Writing histories failed");
        }
    }
}

fn made(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    match path.parent() {
        Some(parent) if !parent.is_dir() => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent),
        _ => Ok(()),
    }
}

fn exists(inventory: &Inventory, object: &HistoryObject) -> bool {
    match object {
        HistoryObject::Vm(id) => inventory.vms.contains_key(id),
        HistoryObject::Host(id) | HistoryObject::HostNic(id, _) => inventory.hosts.contains_key(id),
        HistoryObject::Disk(id) => inventory.disks.contains_key(id),
        // Looked up by its VM when it was measured; `tidy` has the whole list.
        HistoryObject::Nic(_) => true,
    }
}

/// Removes the files of what is gone.
fn tidy(directory: &Path, inventory: &Inventory) {
    let nics: HashSet<NicId> = inventory
        .vms
        .iter()
        .flat_map(|vm| vm.nics.iter().map(|nic| nic.id))
        .collect();
    let there = |folder: &str, name: &str, path: &Path| -> bool {
        let id = |text: &str| text.parse::<Uuid>().ok();
        match folder {
            "vm" => id(name).is_some_and(|id| inventory.vms.contains_key(&VmId(id))),
            "host" => id(name).is_some_and(|id| inventory.hosts.contains_key(&HostId(id))),
            "disk" => id(name).is_some_and(|id| inventory.disks.contains_key(&DiskId(id))),
            "nic" => id(name).is_some_and(|id| nics.contains(&NicId(id))),
            _ => {
                let host = name.split('.').next().and_then(id);
                let recent = || {
                    let changed = path.metadata().and_then(|facts| facts.modified());
                    changed.is_ok_and(|at| at.elapsed().is_ok_and(|passed| passed < FORGOTTEN))
                };
                host.is_some_and(|id| inventory.hosts.contains_key(&HostId(id))) && recent()
            }
        }
    };
    for folder in ["vm", "host", "disk", "nic", "host_nic"] {
        let Ok(entries) = std::fs::read_dir(directory.join(folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !there(folder, name, &path)) {
                // It is tried again in a minute.
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}
