//! A virtual machine as pages show it, with the figures seen since the page was
//! opened. Reads the API's `vm`; changes nothing and asks nothing.

use super::guest::Guest;
use super::{Entity, Id, Offers, Status, Told, Tone};
use crate::json::{at, flag, id, list, moment, some_text, text, whole};
use std::sync::Arc;

/// How many samples a chart can go back: five minutes at one in two seconds.
const SAMPLES: usize = 150;

/// The API's `vm_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VmStatus {
    /// `not_responding`
    NotResponding,
    /// `unknown`
    Unknown,
    /// `paused`
    Paused,
    /// `migrating`
    Migrating,
    /// `wait_for_launch`, `powering_up`
    Starting,
    /// `reboot_in_progress`
    Rebooting,
    /// `powering_down`
    ShuttingDown,
    /// `saving_state`
    Suspending,
    /// `restoring_state`
    Resuming,
    /// `image_locked`
    Preparing,
    /// `up`
    Up,
    /// `suspended`
    Suspended,
    /// `down`
    Down,
}

impl VmStatus {
    fn read(word: &str) -> VmStatus {
        match word {
            "up" => VmStatus::Up,
            "down" => VmStatus::Down,
            "suspended" => VmStatus::Suspended,
            "paused" => VmStatus::Paused,
            "migrating" => VmStatus::Migrating,
            "wait_for_launch" | "powering_up" => VmStatus::Starting,
            "reboot_in_progress" => VmStatus::Rebooting,
            "powering_down" => VmStatus::ShuttingDown,
            "saving_state" => VmStatus::Suspending,
            "restoring_state" => VmStatus::Resuming,
            "image_locked" => VmStatus::Preparing,
            "not_responding" => VmStatus::NotResponding,
            _ => VmStatus::Unknown,
        }
    }

    /// Word, icon and tone.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            VmStatus::Up => Status::new("Up", "st-up", Tone::Ok),
            VmStatus::Down => Status::new("Down", "st-down", Tone::Off),
            VmStatus::Suspended => Status::new("Suspended", "st-paused", Tone::Off),
            VmStatus::Paused => Status::new("Paused", "st-paused", Tone::Warn),
            VmStatus::Migrating => Status::new("Migrating", "st-migrating", Tone::Busy),
            VmStatus::Starting => Status::new("Starting", "st-starting", Tone::Busy),
            VmStatus::Rebooting => Status::new("Rebooting", "st-starting", Tone::Busy),
            VmStatus::ShuttingDown => Status::new("Shutting down", "st-starting", Tone::Busy),
            VmStatus::Suspending => Status::new("Suspending", "st-starting", Tone::Busy),
            VmStatus::Resuming => Status::new("Resuming", "st-starting", Tone::Busy),
            VmStatus::Preparing => Status::new("Preparing", "st-create", Tone::Busy),
            VmStatus::NotResponding => Status::new("Not responding", "st-error", Tone::Bad),
            VmStatus::Unknown => Status::new("Unknown", "st-unknown", Tone::Warn),
        }
    }

    /// Whether it has a screen to show.
    #[must_use]
    pub fn has_screen(self) -> bool {
        matches!(
            self,
            VmStatus::Up
                | VmStatus::Paused
                | VmStatus::Migrating
                | VmStatus::Starting
                | VmStatus::Rebooting
                | VmStatus::ShuttingDown
        )
    }

    /// Whether it is at rest.
    #[must_use]
    pub fn is_off(self) -> bool {
        matches!(self, VmStatus::Down | VmStatus::Suspended)
    }

    /// Whether somebody should look at it.
    #[must_use]
    pub fn needs_somebody(self) -> bool {
        matches!(
            self,
            VmStatus::Paused | VmStatus::NotResponding | VmStatus::Unknown
        )
    }
}

/// A disk in a machine; the attachment has its disk's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// The disk's id.
    pub disk: Id,
    /// Boots from it.
    pub bootable: bool,
    /// `virtio`, `virtio_scsi`, `sata` …
    pub interface: String,
    /// Seen by the guest.
    pub active: bool,
    /// The guest may not write.
    pub read_only: bool,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Nic {
    /// Its id.
    pub id: Id,
    /// Its name, `nic1`.
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// `virtio`, `e1000e` …
    pub interface: String,
    /// Plugged into the machine.
    pub plugged: bool,
    /// Its cable is in.
    pub linked: bool,
    /// vNIC profile.
    pub profile: Option<Id>,
}

/// Figures at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at: f64,
    /// Of all its processors, in percent.
    pub cpu: f32,
    /// Of its memory, in percent.
    pub memory: f32,
}

/// A virtual machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Vm {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// A free note.
    pub comment: String,
    /// Its state.
    pub status: VmStatus,
    /// Why it is so, when the server says.
    pub status_detail: String,
    /// Why it stopped.
    pub stop_reason: String,
    /// Its cluster.
    pub cluster: Option<Id>,
    /// Where it runs.
    pub host: Option<Id>,
    /// Made from.
    pub template: Option<Id>,
    /// The pool it belongs to.
    pub pool: Option<Id>,
    /// In bytes.
    pub memory: u64,
    /// In bytes.
    pub memory_guaranteed: u64,
    /// In bytes.
    pub memory_maximum: u64,
    /// Processor sockets.
    pub sockets: u64,
    /// Cores per socket.
    pub cores: u64,
    /// Threads per core.
    pub threads: u64,
    /// The API's `os.type`.
    pub os: String,
    /// The API's `bios.type`.
    pub bios: String,
    /// Boot order: `hd`, `cdrom`, `network`.
    pub boot: Vec<String>,
    /// Milliseconds since 1970.
    pub created: Option<f64>,
    /// Its configuration at the next start is another.
    pub next_run: bool,
    /// Cannot be deleted.
    pub delete_protected: bool,
    /// Full host name that its agent tells.
    pub fqdn: String,
    /// Addresses that its agent tells.
    pub addresses: Vec<String>,
    /// What its agent tells besides.
    pub guest: Guest,
    /// Somebody else made it on a host; it is only looked at here.
    pub external: bool,
    /// How it is called there, and what speaks against taking it over.
    pub external_notes: Vec<String>,
    /// At each start it becomes the newest version of its template.
    pub latest: bool,
    /// Its disks.
    pub disks: Vec<Attachment>,
    /// Its network interfaces.
    pub nics: Vec<Nic>,
    /// The disk in its CD drive.
    pub cd: Option<Id>,
    /// Tags on it.
    pub tags: Vec<String>,
    /// Of all its processors, in percent; unknown before the second sample.
    pub cpu_percent: Option<f64>,
    /// In bytes; unknown while the guest does not tell.
    pub memory_used: Option<u64>,
    /// In seconds.
    pub uptime: u64,
    /// Who has its console open.
    pub consoles: Vec<String>,
    /// What may be done with it.
    pub offers: Offers,
    /// Figures seen so far, oldest first.
    pub samples: Arc<Vec<Sample>>,
}

impl Vm {
    /// Processors the guest sees.
    #[must_use]
    pub fn vcpus(&self) -> u64 {
        self.sockets.max(1) * self.cores.max(1) * self.threads.max(1)
    }

    /// The machine without its figures, which change every few seconds: what
    /// is drawn from this keeps its menus open meanwhile.
    #[must_use]
    pub fn without_figures(&self) -> Vm {
        Vm {
            cpu_percent: None,
            memory_used: None,
            uptime: 0,
            samples: Arc::default(),
            ..self.clone()
        }
    }

    /// Memory in use of what it has, in percent; unknown while the guest does not tell.
    #[must_use]
    pub fn memory_percent(&self) -> Option<f64> {
        let used = self.memory_used?;
        Some(crate::format::share(used, self.memory))
    }
}

impl Entity for Vm {
    fn read(told: &Told<'_>, before: Option<&Self>) -> Self {
        let (data, extra) = (told.data, told.extra);
        let topology = at(data, &["cpu", "topology"]);
        let status = VmStatus::read(&text(data, &["status"]));
        let memory = whole(data, &["memory"]).unwrap_or(0);
        let (cpu_percent, memory_used) = (extra.cpu_percent, extra.memory_bytes);
        let samples = if status.is_off() {
            Arc::default()
        } else {
            let seen = before.map(|vm| Arc::clone(&vm.samples)).unwrap_or_default();
            let sample = Sample {
                at: told.at,
                cpu: cpu_percent.unwrap_or(0.0) as f32,
                memory: crate::format::share(memory_used.unwrap_or(0).min(memory), memory) as f32,
            };
            with_sample(seen, sample, cpu_percent.is_some())
        };
        Vm {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            comment: text(data, &["comment"]),
            status,
            status_detail: text(data, &["status_detail"]),
            stop_reason: text(data, &["stop_reason"]),
            cluster: id(data, &["cluster"]),
            host: id(data, &["host"]),
            template: id(data, &["template"]),
            pool: id(data, &["vm_pool"]),
            memory,
            memory_guaranteed: whole(data, &["memory_policy", "guaranteed"]).unwrap_or(memory),
            memory_maximum: whole(data, &["memory_policy", "max"]).unwrap_or(memory),
            sockets: whole(topology, &["sockets"]).unwrap_or(1),
            cores: whole(topology, &["cores"]).unwrap_or(1),
            threads: whole(topology, &["threads"]).unwrap_or(1),
            os: text(data, &["os", "type"]),
            bios: text(data, &["bios", "type"]),
            boot: list(data, &["os", "boot", "devices"])
                .iter()
                .filter_map(|device| device.as_str().map(str::to_owned))
                .collect(),
            created: moment(data, &["creation_time"]),
            next_run: flag(data, &["next_run_configuration_exists"]).unwrap_or(false),
            delete_protected: flag(data, &["delete_protected"]).unwrap_or(false),
            fqdn: text(data, &["fqdn"]),
            addresses: Guest::addresses(data, extra),
            guest: Guest::read(data, extra),
            external: text(data, &["origin"]) == "external",
            external_notes: extra
                .other
                .get("external")
                .into_iter()
                .flat_map(|external| {
                    ["refusals", "notes"]
                        .into_iter()
                        .flat_map(|key| list(external, &[key]))
                })
                .filter_map(|note| note.as_str().map(str::to_owned))
                .collect(),
            latest: flag(data, &["use_latest_template_version"]).unwrap_or(false),
            disks: list(data, &["disk_attachments"])
                .iter()
                .filter_map(|item| {
                    Some(Attachment {
                        disk: id(item, &["disk"]).or_else(|| id(item, &[]))?,
                        bootable: flag(item, &["bootable"]).unwrap_or(false),
                        interface: text(item, &["interface"]),
                        active: flag(item, &["active"]).unwrap_or(true),
                        read_only: flag(item, &["read_only"]).unwrap_or(false),
                    })
                })
                .collect(),
            nics: list(data, &["nics"])
                .iter()
                .filter_map(|item| {
                    Some(Nic {
                        id: id(item, &[])?,
                        name: text(item, &["name"]),
                        mac: text(item, &["mac", "address"]),
                        interface: text(item, &["interface"]),
                        plugged: flag(item, &["plugged"]).unwrap_or(true),
                        linked: flag(item, &["linked"]).unwrap_or(true),
                        profile: id(item, &["vnic_profile"]),
                    })
                })
                .collect(),
            cd: list(data, &["cdroms"])
                .iter()
                .find_map(|drive| id(drive, &["file"]))
                .filter(|file| !file.is_empty()),
            tags: list(data, &["tags"])
                .iter()
                .filter_map(|tag| some_text(tag, &["name"]))
                .collect(),
            cpu_percent,
            memory_used,
            uptime: extra.uptime_s.unwrap_or(0),
            consoles: extra.consoles.clone().unwrap_or_default(),
            offers: Offers::read(told.offers),
            samples,
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Adds a sample, unless one was taken less than a second ago; forgets the oldest.
pub(super) fn with_sample(
    seen: Arc<Vec<Sample>>,
    sample: Sample,
    measured: bool,
) -> Arc<Vec<Sample>> {
    if !measured
        || seen
            .last()
            .is_some_and(|last| sample.at - last.at < 1_000.0)
    {
        return seen;
    }
    let mut samples = Vec::with_capacity((seen.len() + 1).min(SAMPLES));
    samples.extend_from_slice(&seen[(seen.len() + 1).saturating_sub(SAMPLES)..]);
    samples.push(sample);
    Arc::new(samples)
}
