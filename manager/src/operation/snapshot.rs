//! The steps of snapshots, and what they mean for the records of images.

use std::time::Duration;

use crate::Manager;
use crate::domain;
use crate::error::Result;
use crate::host::{
    Chain, DomainInfo, HostError, MergeProgress, MergeSpec, Overlay, TakeSpec, VolumeRef,
};
use crate::inventory::Inventory;
use crate::model::{Disk, DiskId, HostId, ImageId, Layer, Snapshot, SnapshotId, VmId};
use crate::writer::Draft;

use super::act::{Observed, Outcome};
use super::record::update_disk;

/// How often a running merge is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// Two images that become one.
#[derive(Clone, Copy)]
pub(super) struct Merge<'a> {
    pub disk: DiskId,
    pub top: Layer,
    pub base: Layer,
    pub backing: &'a [Layer],
    pub above: Option<ImageId>,
}

fn gone(what: impl std::fmt::Display) -> HostError {
    HostError::NotFound {
        what: what.to_string(),
    }
}

/// The disks of a snapshot that a running domain has, with what they write to from now on.
fn overlays(inventory: &Inventory, snapshot: &Snapshot, info: &DomainInfo) -> Vec<Overlay> {
    snapshot
        .disks
        .iter()
        .filter(|it| info.disks.contains(&it.disk.0))
        .filter_map(|it| inventory.disks.get(&it.disk))
        .map(|disk| Overlay {
            disk: disk.id.0,
            volume: domain::volume(disk),
        })
        .collect()
}

impl Manager {
    pub(super) async fn snapshot_take(
        &self,
        inventory: &Inventory,
        vm: VmId,
        host: HostId,
        snapshot: SnapshotId,
    ) -> Result<Outcome, HostError> {
        let host = self.host_by_id(host)?;
        let snapshot = inventory
            .snapshots
            .get(&snapshot)
            .ok_or_else(|| gone(format!("snapshot {snapshot}")))?;
        let info = host
            .domain(vm.0)
            .await?
            .filter(|info| info.state.is_active())
            .ok_or_else(|| HostError::WrongState {
                what: "The VM has ended meanwhile.".to_owned(),
            })?;
        let memory = snapshot.memory.map(|memory| VolumeRef {
            storage_domain: memory.storage_domain.0,
            volume: memory.image.0,
        });
        let spec = TakeSpec {
            disks: overlays(inventory, snapshot, &info),
            memory,
        };
        if !spec.disks.is_empty() || spec.memory.is_some() {
            host.snapshot_take(vm.0, spec).await?;
        }
        Ok(Outcome::Nothing)
    }

    pub(super) async fn snapshot_taken(
        &self,
        inventory: &Inventory,
        vm: VmId,
        host: HostId,
        snapshot: SnapshotId,
    ) -> Result<Observed, HostError> {
        let host = self.host_by_id(host)?;
        let Some(snapshot) = inventory.snapshots.get(&snapshot) else {
            return Ok(Observed::No);
        };
        let Some(info) = host.domain(vm.0).await? else {
            return Ok(Observed::No);
        };
        let wanted = overlays(inventory, snapshot, &info);
        if wanted.is_empty() {
            return Ok(Observed::CannotTell);
        }
        let writes = |overlay: &Overlay| {
            info.chains.iter().any(|chain| {
                chain.disk == overlay.disk && chain.volumes.first() == Some(&overlay.volume)
            })
        };
        Ok(if wanted.iter().all(writes) {
            Observed::Yes(Outcome::Nothing)
        } else {
            Observed::No
        })
    }

    /// Through the guest that uses the images where one runs, else by the host's tools. Asked until
    /// it is done; a guest that ends meanwhile changes the way and nothing else.
    pub(super) async fn image_merge(&self, merge: Merge<'_>) -> Result<Outcome, HostError> {
        loop {
            if self.core.published.is_stopped() {
                return Err(HostError::Unreachable {
                    reason: "the manager is ending".to_owned(),
                });
            }
            let inventory = self.inventory();
            let disk = inventory
                .disks
                .get(&merge.disk)
                .ok_or_else(|| gone(format!("disk {}", merge.disk)))?;
            let place = |image: ImageId| VolumeRef {
                storage_domain: disk.storage_domain.0,
                volume: image.0,
            };
            if let Some((host, vm)) = self.runs_with(&inventory, disk).await? {
                let spec = MergeSpec {
                    disk: disk.id.0,
                    top: place(merge.top.image),
                    base: place(merge.base.image),
                };
                let host = self.host_by_id(host)?;
                match host.merge_live(vm.0, spec).await {
                    Ok(MergeProgress::Done) => return Ok(Outcome::Nothing),
                    Ok(_) => tokio::time::sleep(LOOK).await,
                    Err(error) => {
                        // It may have ended between the look and the call.
                        if self.runs_with(&inventory, disk).await?.is_some() {
                            return Err(error);
                        }
                    }
                }
                continue;
            }
            let host = self.host_of_domain(&inventory, disk.storage_domain)?;
            let base = place(merge.base.image);
            // Only the image that a guest writes to is left behind by a merge while it runs.
            if merge.above.is_none() && self.written_below(&inventory, disk, base).await? {
                let format = domain::format(merge.base.format);
                let there = host.volume_info(base, format).await?;
                if there.is_some_and(|there| there.virtual_bytes < disk.provisioned_size) {
                    host.volume_resize(base, format, disk.provisioned_size, None)
                        .await?;
                }
                return Ok(Outcome::Nothing);
            }
            let below = std::iter::once(merge.base).chain(merge.backing.iter().copied());
            let below: Vec<Layer> = below.collect();
            let chain = Chain {
                volume: place(merge.top.image),
                format: domain::format(merge.top.format),
                backing: domain::backing(disk.storage_domain, &below),
            };
            host.volume_merge(chain, merge.above.map(place)).await?;
            return Ok(Outcome::Nothing);
        }
    }

    /// Whether the last run of the disk's VM wrote to the lower image. Then it was merged while
    /// the guest ran, and what the guest wrote afterwards would be lost by doing it again; or the
    /// guest has not run since the upper image was made, and there is nothing in it. Known from
    /// the definition, which libvirt keeps up with snapshots and merges of the running domain.
    async fn written_below(
        &self,
        inventory: &Inventory,
        disk: &Disk,
        base: VolumeRef,
    ) -> Result<bool, HostError> {
        for vm in inventory.vms_of_disk(disk.id) {
            for known in inventory.hosts.iter().filter(|it| it.cluster == vm.cluster) {
                let info = self.host_by_id(known.id)?.domain(vm.id.0).await?;
                let wrote = info.is_some_and(|info| {
                    info.chains.iter().any(|chain| {
                        chain.disk == disk.id.0 && chain.volumes.first() == Some(&base)
                    })
                });
                if wrote {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The running VM that has a disk plugged, and where.
    async fn runs_with(
        &self,
        inventory: &Inventory,
        disk: &Disk,
    ) -> Result<Option<(HostId, VmId)>, HostError> {
        for vm in inventory.vms_of_disk(disk.id) {
            let Some(host) = vm.run.host else { continue };
            let info = self.host_by_id(host)?.domain(vm.id.0).await?;
            let runs =
                info.is_some_and(|info| info.state.is_active() && info.disks.contains(&disk.id.0));
            if runs {
                return Ok(Some((host, vm.id)));
            }
        }
        Ok(None)
    }
}

/// A chain without the image that has become part of the one below it.
fn without(
    image: &mut ImageId,
    format: &mut crate::model::DiskFormat,
    backing: &mut Vec<Layer>,
    top: ImageId,
) {
    if *image == top && !backing.is_empty() {
        let below = backing.remove(0);
        *image = below.image;
        *format = below.format;
    } else {
        backing.retain(|layer| layer.image != top);
    }
}

/// Two images of a disk are one: whatever stood on the upper one stands on the lower.
pub(super) fn merged(draft: &mut Draft, disk: DiskId, top: ImageId) -> Result<()> {
    update_disk(draft, disk, |disk| {
        let (mut image, mut format) = (disk.image(), disk.format);
        without(&mut image, &mut format, &mut disk.backing, top);
        disk.image = (image.0 != disk.id.0).then_some(image);
        disk.format = format;
    })?;
    let kept: Vec<_> = draft
        .snapshots
        .iter()
        .filter(|it| it.disk(disk).is_some())
        .cloned()
        .collect();
    for snapshot in kept {
        let mut snapshot = (*snapshot).clone();
        for it in snapshot.disks.iter_mut().filter(|it| it.disk == disk) {
            without(&mut it.image, &mut it.format, &mut it.backing, top);
        }
        draft.put(snapshot)?;
    }
    Ok(())
}
