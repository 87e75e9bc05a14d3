//! Hosts, clusters, storage and networks as pages show them.

use super::vm::{Sample, with_sample};
use super::{Entity, Id, Offers, Told};
use crate::json::{flag, id, list, text, whole};
use std::sync::Arc;

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

/// A host.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// A free note.
    pub comment: String,
    /// The API's `host_status`.
    pub status: String,
    /// Why it is so.
    pub status_detail: String,
    /// Its cluster.
    pub cluster: Option<Id>,
    /// Address the manager reaches it by.
    pub address: String,
    /// Processor model.
    pub cpu_name: String,
    /// Sockets.
    pub sockets: u64,
    /// Cores per socket.
    pub cores: u64,
    /// Threads per core.
    pub threads: u64,
    /// Operating system and its version.
    pub os: String,
    /// Kernel.
    pub kernel: String,
    /// libvirt's version.
    pub libvirt: String,
    /// QEMU's version.
    pub qemu: String,
    /// Hardware maker and model.
    pub hardware: String,
    /// `kvm` or `tcg`.
    pub acceleration: String,
    /// Why it is that one.
    pub acceleration_reason: String,
    /// In percent.
    pub cpu_percent: f64,
    /// In bytes.
    pub memory_used: u64,
    /// In bytes.
    pub memory_total: u64,
    /// What may be done with it.
    pub offers: Offers,
    /// Figures seen so far.
    pub samples: Arc<Vec<Sample>>,
}

impl Host {
    /// Threads its processors run at once.
    #[must_use]
    pub fn cpus(&self) -> u64 {
        self.sockets.max(1) * self.cores.max(1) * self.threads.max(1)
    }

    /// Whether guests run at full speed.
    #[must_use]
    pub fn is_accelerated(&self) -> bool {
        self.acceleration == "kvm"
    }
}

impl Entity for Host {
    fn read(told: &Told<'_>, before: Option<&Self>) -> Self {
        let (data, extra) = (told.data, told.extra);
        let cpu_percent = extra.cpu_percent.unwrap_or(0.0);
        let memory_used = extra.memory_used_bytes.unwrap_or(0);
        let memory_total = extra
            .memory_total_bytes
            .or_else(|| whole(data, &["memory"]))
            .unwrap_or(0);
        let version = |path: &[&str]| text(data, &[path, &["full_version"]].concat());
        let hardware = [
            text(data, &["hardware_information", "manufacturer"]),
            text(data, &["hardware_information", "product_name"]),
        ]
        .join(" ");
        Host {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            comment: text(data, &["comment"]),
            status: text(data, &["status"]),
            status_detail: text(data, &["status_detail"]),
            cluster: id(data, &["cluster"]),
            address: text(data, &["address"]),
            cpu_name: text(data, &["cpu", "name"]),
            sockets: whole(data, &["cpu", "topology", "sockets"]).unwrap_or(1),
            cores: whole(data, &["cpu", "topology", "cores"]).unwrap_or(1),
            threads: whole(data, &["cpu", "topology", "threads"]).unwrap_or(1),
            os: [text(data, &["os", "type"]), version(&["os", "version"])]
                .join(" ")
                .trim()
                .to_owned(),
            kernel: text(data, &["os", "reported_kernel_cmdline"])
                .split_whitespace()
                .next()
                .unwrap_or("")
                .to_owned(),
            libvirt: version(&["libvirt_version"]),
            qemu: extra
                .other
                .get("qemu_version")
                .and_then(|version| version.as_str())
                .unwrap_or("")
                .to_owned(),
            hardware: hardware.trim().to_owned(),
            acceleration: extra.acceleration.clone().unwrap_or_default(),
            acceleration_reason: extra.acceleration_reason.clone().unwrap_or_default(),
            cpu_percent,
            memory_used,
            memory_total,
            offers: Offers::read(told.offers),
            samples: with_sample(
                before
                    .map(|host| Arc::clone(&host.samples))
                    .unwrap_or_default(),
                Sample {
                    at: told.at,
                    cpu: cpu_percent as f32,
                    memory: crate::format::share(memory_used, memory_total) as f32,
                },
                extra.cpu_percent.is_some(),
            ),
        }
    }
    named!(Host);
}

/// A cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its data center.
    pub data_center: Option<Id>,
    /// Processor type all its hosts offer.
    pub cpu_type: String,
    /// `major.minor`
    pub version: String,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for Cluster {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        Cluster {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            data_center: id(data, &["data_center"]),
            cpu_type: text(data, &["cpu", "type"]),
            version: [
                text(data, &["version", "major"]),
                text(data, &["version", "minor"]),
            ]
            .join("."),
            offers: Offers::read(told.offers),
        }
    }
    named!(Cluster);
}

/// A data center.
#[derive(Clone, Debug, PartialEq)]
pub struct DataCenter {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The API's `data_center_status`.
    pub status: String,
    /// Storage is local to each host.
    pub local: bool,
}

impl Entity for DataCenter {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        DataCenter {
            id: Id::from(told.id),
            name: text(told.data, &["name"]),
            status: text(told.data, &["status"]),
            local: flag(told.data, &["local"]).unwrap_or(false),
        }
    }
    named!(DataCenter);
}

/// A storage domain.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageDomain {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The API's `storage_domain_status`.
    pub status: String,
    /// `data`, `iso`, `export`, `image` …
    pub kind: String,
    /// `localfs`, `nfs` …
    pub storage_type: String,
    /// Where it is.
    pub path: String,
    /// In bytes.
    pub available: u64,
    /// In bytes.
    pub used: u64,
    /// Promised to disks, in bytes.
    pub committed: u64,
    /// What may be done with it.
    pub offers: Offers,
}

impl StorageDomain {
    /// In bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.used.saturating_add(self.available)
    }
}

impl Entity for StorageDomain {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        StorageDomain {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            status: text(data, &["status"]),
            kind: text(data, &["type"]),
            storage_type: text(data, &["storage", "type"]),
            path: text(data, &["storage", "path"]),
            available: whole(data, &["available"]).unwrap_or(0),
            used: whole(data, &["used"]).unwrap_or(0),
            committed: whole(data, &["committed"]).unwrap_or(0),
            offers: Offers::read(told.offers),
        }
    }
    named!(StorageDomain);
}

/// A disk, an image or an ISO.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Its id.
    pub id: Id,
    /// Its name (the API's `alias` too).
    pub name: String,
    /// What it is.
    pub description: String,
    /// The API's `disk_status`.
    pub status: String,
    /// `data`, `iso` …
    pub content: String,
    /// `raw` or `cow`.
    pub format: String,
    /// Size the guest sees, in bytes.
    pub size: u64,
    /// Size it takes, in bytes.
    pub actual: u64,
    /// Takes space only as it is written.
    pub sparse: bool,
    /// Several machines may have it at once.
    pub shareable: bool,
    /// Where it is.
    pub storage_domain: Option<Id>,
    /// What may be done with it.
    pub offers: Offers,
}

impl Disk {
    /// Whether it goes into a CD drive.
    #[must_use]
    pub fn is_iso(&self) -> bool {
        self.content == "iso"
    }
}

impl Entity for Disk {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        let content = text(data, &["content_type"]);
        Disk {
            id: Id::from(told.id),
            name: Some(text(data, &["alias"]))
                .filter(|alias| !alias.is_empty())
                .unwrap_or_else(|| text(data, &["name"])),
            description: text(data, &["description"]),
            status: text(data, &["status"]),
            content: if content.is_empty() {
                "data".to_owned()
            } else {
                content
            },
            format: text(data, &["format"]),
            size: whole(data, &["provisioned_size"]).unwrap_or(0),
            actual: whole(data, &["actual_size"]).unwrap_or(0),
            sparse: flag(data, &["sparse"]).unwrap_or(false),
            shareable: flag(data, &["shareable"]).unwrap_or(false),
            storage_domain: list(data, &["storage_domains"])
                .iter()
                .find_map(|domain| id(domain, &[]))
                .or_else(|| id(data, &["storage_domain"])),
            offers: Offers::read(told.offers),
        }
    }
    named!(Disk);
}

/// A logical network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The API's `network_status`.
    pub status: String,
    /// Its data center.
    pub data_center: Option<Id>,
    /// VLAN tag.
    pub vlan: Option<u64>,
    /// Largest packet.
    pub mtu: u64,
    /// `vm`, `management`, `display` …
    pub usages: Vec<String>,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for Network {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        Network {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            status: text(data, &["status"]),
            data_center: id(data, &["data_center"]),
            vlan: whole(data, &["vlan", "id"]),
            mtu: whole(data, &["mtu"]).unwrap_or(0),
            usages: list(data, &["usages"])
                .iter()
                .filter_map(|usage| usage.as_str().map(str::to_owned))
                .collect(),
            offers: Offers::read(told.offers),
        }
    }
    named!(Network);
}

/// A vNIC profile.
#[derive(Clone, Debug, PartialEq)]
pub struct VnicProfile {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its network.
    pub network: Option<Id>,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for VnicProfile {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        VnicProfile {
            id: Id::from(told.id),
            name: text(told.data, &["name"]),
            network: id(told.data, &["network"]),
            offers: Offers::read(told.offers),
        }
    }
    named!(VnicProfile);
}
