//! Who uses an image: a disk's content may be spread over several files, and some of them are
//! shared between disks (a template's and its thin clones'), or kept by snapshots. Counted when
//! asked, never kept.

use std::collections::BTreeMap;

use crate::model::{Disk, DiskId, ImageId, SnapshotId};

use super::Inventory;

/// Something whose content is read from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageUser {
    /// The disk.
    pub disk: DiskId,
    /// The snapshot that keeps it of the disk; none for the disk itself.
    pub snapshot: Option<SnapshotId>,
}

impl Inventory {
    /// What an image is part of: disks of VMs and templates, and what snapshots keep of them.
    #[must_use]
    pub fn users_of_image(&self, image: ImageId) -> Vec<ImageUser> {
        let disks = self
            .disks
            .iter()
            .filter(|disk| disk.layers().any(|layer| layer.image == image))
            .map(|disk| ImageUser {
                disk: disk.id,
                snapshot: None,
            });
        let snapshots = self.snapshots.iter().flat_map(|snapshot| {
            snapshot
                .disks
                .iter()
                .filter(|disk| disk.layers().any(|layer| layer.image == image))
                .map(|disk| ImageUser {
                    disk: disk.disk,
                    snapshot: Some(snapshot.id),
                })
        });
        disks.chain(snapshots).collect()
    }

    /// The images that a disk and its snapshots use; what stands on another comes before it.
    #[must_use]
    pub fn images_of_disk(&self, disk: &Disk) -> Vec<ImageId> {
        // How many images an image stands on is the same wherever it is seen.
        let mut depths: BTreeMap<ImageId, usize> = BTreeMap::new();
        let mut see = |layers: Vec<ImageId>| {
            let number = layers.len();
            for (at, image) in layers.into_iter().enumerate() {
                depths.insert(image, number - at);
            }
        };
        see(disk.layers().map(|layer| layer.image).collect());
        for kept in self
            .snapshots
            .iter()
            .filter_map(|snapshot| snapshot.disk(disk.id))
        {
            see(kept.layers().map(|layer| layer.image).collect());
        }
        let mut images: Vec<_> = depths.into_iter().collect();
        images.sort_by_key(|(_, depth)| std::cmp::Reverse(*depth));
        images.into_iter().map(|(image, _)| image).collect()
    }

    /// The images that are a disk's alone, so that they go with it; what stands on another comes
    /// before it.
    #[must_use]
    pub fn own_images(&self, disk: &Disk) -> Vec<ImageId> {
        self.images_of_disk(disk)
            .into_iter()
            .filter(|image| {
                self.users_of_image(*image)
                    .iter()
                    .all(|user| user.disk == disk.id)
            })
            .collect()
    }
}
