//! Who uses an image: a disk's content may be spread over several files, and some of them are
//! shared between disks (a template's and its thin clones'). Counted when asked, never kept.

use crate::model::{Disk, DiskId, ImageId};

use super::Inventory;

/// Something whose content is read from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageUser {
    /// The disk.
    pub disk: DiskId,
}

impl Inventory {
    /// What an image is part of: disks of VMs and templates, and what snapshots keep of them.
    #[must_use]
    pub fn users_of_image(&self, image: ImageId) -> Vec<ImageUser> {
        self.disks
            .iter()
            .filter(|disk| disk.layers().any(|layer| layer.image == image))
            .map(|disk| ImageUser { disk: disk.id })
            .collect()
    }

    /// The images that are a disk's alone, so that they go with it; what stands on another comes
    /// before it.
    #[must_use]
    pub fn own_images(&self, disk: &Disk) -> Vec<ImageId> {
        disk.layers()
            .map(|layer| layer.image)
            .filter(|image| {
                self.users_of_image(*image)
                    .iter()
                    .all(|user| user.disk == disk.id)
            })
            .collect()
    }
}
