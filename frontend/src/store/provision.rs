//! What machines are made from and go back to, as pages show it: templates,
//! snapshots, pools, instance types.

use super::{Entity, Id, Offers, Status, Told, Tone};
use crate::json::{flag, id, list, moment, text, whole};

macro_rules! named {
    ($type:ty) => {
        fn id(&self) -> &Id {
            &self.id
        }
        fn name(&self) -> &str {
            &self.name
        }
    };
}

/// The one template that is nothing but defaults.
const BLANK: &str = "00000000-0000-0000-0000-000000000000";

/// A template, one version of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: Id,
    /// Its name; versions share it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `ok`, `locked`, `illegal`
    pub status: String,
    /// Its cluster; none for every cluster.
    pub cluster: Option<Id>,
    /// Its first version.
    pub base: Option<Id>,
    /// Counted from 1.
    pub version: u64,
    /// What the version is called.
    pub version_name: String,
    /// In bytes.
    pub memory: u64,
    /// Processors.
    pub vcpus: u64,
    /// The API's `os.type`.
    pub os: String,
    /// The API's `bios.type`.
    pub bios: String,
    /// Milliseconds since 1970.
    pub created: Option<f64>,
    /// Cannot be deleted.
    pub delete_protected: bool,
    /// Its disks.
    pub disks: Vec<Id>,
    /// How many network interfaces it has.
    pub nics: usize,
    /// Machines made from it boot with first-boot settings.
    pub initialized: bool,
    /// What may be done with it.
    pub offers: Offers,
}

impl Template {
    /// Whether it is oVirt's Blank: nothing but defaults.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        &*self.id == BLANK
    }

    /// The id that all its versions share.
    #[must_use]
    pub fn family(&self) -> &Id {
        self.base.as_ref().unwrap_or(&self.id)
    }

    /// `v3` or `v3 hardened`
    #[must_use]
    pub fn version_words(&self) -> String {
        let number = ["v", &self.version.max(1).to_string()].concat();
        if self.version_name.is_empty() || self.version_name == "base version" {
            number
        } else {
            [&number, " ", self.version_name.as_str()].concat()
        }
    }

    /// Word, icon and tone.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.status.as_str() {
            "ok" | "" => Status::new("Ready", "st-ok", Tone::Ok),
            "locked" => Status::new("Being made", "st-starting", Tone::Busy),
            _ => Status::new("Not usable", "st-error", Tone::Bad),
        }
    }
}

fn vcpus(data: &serde_json::Value) -> u64 {
    ["sockets", "cores", "threads"]
        .iter()
        .map(|part| whole(data, &["cpu", "topology", part]).unwrap_or(1).max(1))
        .product()
}

impl Entity for Template {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        Template {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            status: text(data, &["status"]),
            cluster: id(data, &["cluster"]),
            base: id(data, &["version", "base_template"]),
            version: whole(data, &["version", "version_number"]).unwrap_or(1),
            version_name: text(data, &["version", "version_name"]),
            memory: whole(data, &["memory"]).unwrap_or(0),
            vcpus: vcpus(data),
            os: text(data, &["os", "type"]),
            bios: text(data, &["bios", "type"]),
            created: moment(data, &["creation_time"]),
            delete_protected: flag(data, &["delete_protected"]).unwrap_or(false),
            disks: list(data, &["disk_attachments"])
                .iter()
                .filter_map(|item| id(item, &["disk"]).or_else(|| id(item, &[])))
                .collect(),
            nics: list(data, &["nics"]).len(),
            initialized: data.get("initialization").is_some(),
            offers: Offers::read(told.offers),
        }
    }
    named!(Template);
}

/// What a snapshot is to its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotKind {
    /// What the machine writes now.
    Active,
    /// One that somebody took.
    Regular,
    /// Where the machine was before it looked at an older one.
    Preview,
    /// What a machine without memory goes back to.
    Stateless,
}

/// A snapshot of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Its id.
    pub id: Id,
    /// Its machine.
    pub vm: Option<Id>,
    /// What it is called.
    pub description: String,
    /// What it is to its machine.
    pub kind: SnapshotKind,
    /// `ok`, `locked`, `in_preview`
    pub status: String,
    /// Milliseconds since 1970.
    pub date: Option<f64>,
    /// Holds the machine's memory.
    pub memory: bool,
    /// The one before it.
    pub parent: Option<Id>,
    /// How many disks it holds; unknown when the server does not say.
    pub disks: Option<usize>,
    /// What may be done with it.
    pub offers: Offers,
}

impl Snapshot {
    /// Word, icon and tone.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.status.as_str() {
            "in_preview" => Status::new("In preview", "eye", Tone::Busy),
            "locked" => Status::new("Working", "st-starting", Tone::Busy),
            _ => Status::new("Ready", "st-ok", Tone::Ok),
        }
    }
}

impl Entity for Snapshot {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        let parent = |name: &str| told.extra.other.get(name).and_then(|value| value.as_str());
        Snapshot {
            id: Id::from(told.id),
            vm: id(data, &["vm"]),
            description: text(data, &["description"]),
            kind: match text(data, &["snapshot_type"]).as_str() {
                "active" => SnapshotKind::Active,
                "preview" => SnapshotKind::Preview,
                "stateless" => SnapshotKind::Stateless,
                _ => SnapshotKind::Regular,
            },
            status: text(data, &["snapshot_status"]),
            date: moment(data, &["date"]),
            memory: flag(data, &["persist_memorystate"]).unwrap_or(false),
            parent: parent("parent").map(Id::from),
            disks: told
                .extra
                .other
                .get("disks")
                .and_then(|disks| disks.as_u64().map(|disks| disks as usize))
                .or_else(|| {
                    data.get("disks")
                        .or_else(|| data.get("disk_attachments"))
                        .map(|_| {
                            list(data, &["disks"]).len() + list(data, &["disk_attachments"]).len()
                        })
                }),
            offers: Offers::read(told.offers),
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        &self.description
    }
}

/// A pool of machines that are all alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// A free note.
    pub comment: String,
    /// How many machines it has.
    pub size: u64,
    /// How many wait running.
    pub prestarted: u64,
    /// How many a person may have.
    pub max_per_user: u64,
    /// Machines go back by themselves when they are shut down.
    pub automatic: bool,
    /// Machines keep what was done with them.
    pub stateful: bool,
    /// Follows the newest version of its template.
    pub latest: bool,
    /// Its cluster.
    pub cluster: Option<Id>,
    /// Its template.
    pub template: Option<Id>,
    /// The size its machines have, if it is one with a name.
    pub instance_type: Option<Id>,
    /// Gives nobody anything for now.
    pub maintenance: bool,
    /// Machines that run.
    pub running: u64,
    /// Machines that somebody has.
    pub assigned: u64,
    /// Machines that run and wait for somebody.
    pub ready: u64,
    /// Machines that are off and nobody's.
    pub free: u64,
    /// How many this person has.
    pub mine: u64,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for Pool {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        let figures = told.extra.pool.unwrap_or_default();
        Pool {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            comment: text(data, &["comment"]),
            size: whole(data, &["size"]).unwrap_or(0),
            prestarted: whole(data, &["prestarted_vms"]).unwrap_or(0),
            max_per_user: whole(data, &["max_user_vms"]).unwrap_or(1),
            automatic: text(data, &["type"]) != "manual",
            stateful: flag(data, &["stateful"]).unwrap_or(false),
            latest: flag(data, &["use_latest_template_version"]).unwrap_or(false),
            cluster: id(data, &["cluster"]),
            template: id(data, &["template"]),
            instance_type: id(data, &["instance_type"]),
            maintenance: figures.maintenance,
            running: figures.running.into(),
            assigned: figures.assigned.into(),
            ready: figures.ready.into(),
            free: figures.free.into(),
            mine: figures.mine.into(),
            offers: Offers::read(told.offers),
        }
    }
    named!(Pool);
}

/// A size by name.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceType {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// In bytes.
    pub memory: u64,
    /// In bytes.
    pub memory_guaranteed: u64,
    /// Processors.
    pub vcpus: u64,
    /// Starts again by itself on another host.
    pub high_availability: bool,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for InstanceType {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        InstanceType {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            memory: whole(data, &["memory"]).unwrap_or(0),
            memory_guaranteed: whole(data, &["memory_policy", "guaranteed"]).unwrap_or(0),
            vcpus: vcpus(data),
            high_availability: flag(data, &["high_availability", "enabled"]).unwrap_or(false),
            offers: Offers::read(told.offers),
        }
    }
    named!(InstanceType);
}
