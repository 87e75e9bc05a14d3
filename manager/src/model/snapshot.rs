//! Snapshots of virtual machines: what a VM was at a moment, and the images that keep it.
//!
//! ```text
//! disk ─▶ image that is written to ─▶ image of the newest snapshot ─▶ … ─▶ image of the first
//! ```
//!
//! The "Active VM" that oVirt's API lists is the VM itself and no entity here.

use serde::{Deserialize, Serialize};

use super::id::{DiskId, ImageId, SnapshotId, StorageDomainId, VmId};
use super::infrastructure::{Disk, Layer};
use super::vm::{DiskAttachment, Nic, VmHardware};
use super::wire::{DiskFormat, SnapshotKind, SnapshotStatus, Timestamp};

/// A VM as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Whose it is.
    pub vm: VmId,
    /// What somebody called it.
    pub description: String,
    /// What it is for.
    pub kind: SnapshotKind,
    /// Whether it can be used.
    pub status: SnapshotStatus,
    /// When it was taken.
    pub date: Timestamp,
    /// The guest's memory at that moment.
    pub memory: Option<MemoryImage>,
    /// What the VM consisted of.
    pub hardware: VmHardware,
    /// Its network interfaces.
    pub nics: Vec<Nic>,
    /// Its disks, whether they are part of the snapshot or not.
    pub disk_attachments: Vec<DiskAttachment>,
    /// The CD in its drive.
    pub cdrom: Option<DiskId>,
    /// What is kept of its disks.
    pub disks: Vec<SnapshotDisk>,
    /// A merge of its images was cut short: it shows nothing any more and can only be removed.
    #[serde(default)]
    pub broken: bool,
    /// The snapshot that it was taken after; none for the first.
    pub parent: Option<SnapshotId>,
}

impl Snapshot {
    /// What it keeps of a disk.
    #[must_use]
    pub fn disk(&self, disk: DiskId) -> Option<&SnapshotDisk> {
        self.disks.iter().find(|it| it.disk == disk)
    }
}

/// A disk's content as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDisk {
    /// The disk.
    pub disk: DiskId,
    /// The image that was written to until then.
    pub image: ImageId,
    /// How it is written.
    pub format: DiskFormat,
    /// Whether it takes space only as it was written.
    pub sparse: bool,
    /// What it stands on, nearest first.
    pub backing: Vec<Layer>,
    /// Bytes that the guest saw.
    pub provisioned_size: u64,
    /// Bytes that the image takes.
    pub actual_size: u64,
}

impl SnapshotDisk {
    /// A disk's content as it is now.
    #[must_use]
    pub fn of(disk: &Disk) -> Self {
        Self {
            disk: disk.id,
            image: disk.image(),
            format: disk.format,
            sparse: disk.sparse,
            backing: disk.backing.clone(),
            provisioned_size: disk.provisioned_size,
            actual_size: disk.actual_size,
        }
    }

    /// The image as something that others can stand on.
    #[must_use]
    pub fn top(&self) -> Layer {
        Layer {
            image: self.image,
            format: self.format,
        }
    }

    /// Every image that the content is read from, nearest first.
    pub fn layers(&self) -> impl Iterator<Item = Layer> {
        std::iter::once(self.top()).chain(self.backing.iter().copied())
    }

    /// Makes this the content of its disk again.
    pub(crate) fn give_back(&self, disk: &mut Disk) {
        disk.image = Some(self.image);
        disk.format = self.format;
        disk.sparse = self.sparse;
        disk.backing.clone_from(&self.backing);
        disk.provisioned_size = self.provisioned_size;
        disk.actual_size = self.actual_size;
    }
}

/// A guest's memory in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryImage {
    /// Where it is.
    pub storage_domain: StorageDomainId,
    /// The file.
    pub image: ImageId,
}
