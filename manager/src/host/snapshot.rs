//! What a host is asked to do with running guests' chains of images: to go on writing elsewhere,
//! and to merge one image into the one below it.

use uuid::Uuid;

use super::VolumeRef;

/// A moment of a running guest, to be kept. What is written from then on goes to other volumes,
/// which stand on those that were written to until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeSpec {
    /// Every plugged disk, with the volume that is written to from now on. It is there already, is
    /// qcow2 and stands on what the disk writes to.
    pub disks: Vec<Overlay>,
    /// Where the guest's memory is kept; the guest goes on meanwhile.
    pub memory: Option<VolumeRef>,
}

/// A disk and what it writes to from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlay {
    /// The disk.
    pub disk: Uuid,
    /// The volume.
    pub volume: VolumeRef,
}

/// An image of a running guest's disk that is to become part of the one that it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeSpec {
    /// The disk.
    pub disk: Uuid,
    /// The image; of no use any more afterwards.
    pub top: VolumeRef,
    /// What it stands on; has the content of both afterwards.
    pub base: VolumeRef,
}

/// How far a merge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeProgress {
    /// It has just been begun.
    Begun,
    /// It goes on.
    Working {
        /// Bytes done.
        done: u64,
        /// Bytes to do; may grow, as the guest goes on writing.
        total: u64,
    },
    /// The guest does not use the image any more.
    Done,
}

/// What a domain's disk reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskChain {
    /// The disk.
    pub disk: Uuid,
    /// Its volumes, the written one first.
    pub volumes: Vec<VolumeRef>,
}
