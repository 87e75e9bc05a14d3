//! What a host does with disks' content beyond making and opening volumes: moved, thinned out,
//! wiped, imported and exported, moved under a running guest, and held to limits. A part of
//! [`super::Hypervisor`], kept apart because it is long; the same rules hold: every call is
//! idempotent and ends by a deadline of its own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DiskSpec, HostFuture, Plugged, VolumeFormat, VolumeInfo, VolumeRef, VolumeSpec};
use crate::image::ImageFormat;
use crate::image::ova::{Digest, Ova};

/// Work on disks' content.
pub trait DiskWork: Send + Sync {
    /// Per cent of the work that makes a volume, where some is going on. Never waits.
    fn progress(&self, volume: VolumeRef) -> Option<u32>;

    /// Tells the work that makes a volume to stop, if some goes on; its call then fails, and nothing
    /// of it is left. Never waits.
    fn stop(&self, volume: VolumeRef);

    /// Makes `target` a copy of `source`'s file as it is, whatever it stands on included, holes
    /// kept. A copy that was cut short never becomes visible.
    fn volume_duplicate(&self, source: VolumeRef, target: VolumeRef) -> HostFuture<'_, ()>;

    /// Gives the space of zeros in a volume back that nobody has open and that stands on nothing.
    fn volume_sparsify(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> HostFuture<'_, VolumeInfo>;

    /// Overwrites with zeros whatever a volume has on the storage. Success when there is none.
    fn volume_wipe(&self, volume: VolumeRef) -> HostFuture<'_, ()>;

    /// Makes a volume with the content of an image that came from outside. It is judged by our own
    /// header parser, as the format that is declared, before anything else reads it.
    fn volume_import(&self, content: Content, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo>;

    /// The one folder of the host's that OVA files are read from and written to.
    fn ova_folder(&self) -> PathBuf;

    /// Reads what an OVA has. Nothing of it is unpacked.
    fn ova_read(&self, file: OvaFile) -> HostFuture<'_, Ova>;

    /// Writes an OVA into the folder. Fails when there is another file of that name.
    fn ova_write(&self, export: OvaExport) -> HostFuture<'_, ()>;

    /// Whether there is an OVA of that name that was made by this operation.
    fn ova_written(&self, name: String, stamp: Uuid) -> HostFuture<'_, bool>;

    /// Begins to copy a running guest's disk to another volume, which is made, and returns when
    /// both have the same content and everything that the guest writes goes to both. Success when
    /// it is so already. `volume` says how the other volume is made.
    fn disk_mirror(&self, vm: Uuid, target: DiskSpec, volume: VolumeSpec) -> HostFuture<'_, ()>;

    /// Lets a running guest go on with the volume that its disk was mirrored to. Success when it
    /// has it already.
    fn disk_pivot(&self, disk: Plugged, target: VolumeRef) -> HostFuture<'_, ()>;

    /// Gives a mirror up; the guest goes on with the volume that it has. Success when there is
    /// none.
    fn disk_mirror_end(&self, disk: Plugged) -> HostFuture<'_, ()>;

    /// The volume that a domain has as a disk: the running guest, else its definition.
    fn disk_source(&self, disk: Plugged) -> HostFuture<'_, Option<VolumeRef>>;

    /// Holds a running guest's disk to these limits from now on.
    fn disk_limits(&self, disk: Plugged, limits: DiskLimits) -> HostFuture<'_, ()>;
}

/// Limits of a disk's throughput, each 0 for none. Where the sum has a limit, its parts have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskLimits {
    /// Bytes a second, reading and writing together.
    pub bytes: u64,
    /// Bytes a second read.
    pub read_bytes: u64,
    /// Bytes a second written.
    pub write_bytes: u64,
    /// Requests a second, reading and writing together.
    pub requests: u64,
    /// Reading requests a second.
    pub read_requests: u64,
    /// Writing requests a second.
    pub write_requests: u64,
}

impl DiskLimits {
    /// By libvirt's names.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("total_bytes_sec", self.bytes),
            ("read_bytes_sec", self.read_bytes),
            ("write_bytes_sec", self.write_bytes),
            ("total_iops_sec", self.requests),
            ("read_iops_sec", self.read_requests),
            ("write_iops_sec", self.write_requests),
        ]
    }
}

/// Where an image from outside is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "where")]
pub enum OvaFile {
    /// The content of a volume: something that was uploaded.
    Volume {
        /// Its storage domain.
        storage_domain: Uuid,
        /// Its name there.
        volume: Uuid,
    },
    /// A file in the host's folder, by its plain name.
    Folder {
        /// The name.
        name: String,
    },
}

impl OvaFile {
    /// An uploaded volume.
    #[must_use]
    pub fn of(volume: VolumeRef) -> Self {
        Self::Volume {
            storage_domain: volume.storage_domain,
            volume: volume.volume,
        }
    }
}

/// An image from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Where it is.
    pub file: OvaFile,
    /// Where in the file it begins; a multiple of 512.
    pub offset: u64,
    /// Bytes of it; all that follow where nothing is said.
    pub bytes: Option<u64>,
    /// How it is written, as declared.
    pub format: ImageFormat,
    /// What it must hash to.
    pub digest: Option<Digest>,
}

/// An OVA to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OvaExport {
    /// Plain name of the file.
    pub name: String,
    /// The operation that makes it; the description has it too.
    pub stamp: Uuid,
    /// The description, complete.
    pub description: String,
    /// The volumes that become its disks, with their names in the archive.
    pub disks: Vec<(VolumeRef, String)>,
}

/// Whether a name of a file in the folder leads nowhere else.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
        && !name.chars().any(char::is_control)
}
