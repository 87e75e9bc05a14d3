//! Snapshots, stopped in the middle of being taken, shown, gone back to, and removed.

use manager::model::{SnapshotId, SnapshotStatus, VmId, VmStatus};
use manager::{SnapshotAddParams, SnapshotUseParams, VmStartParams};

use super::Deed;
use crate::site::Site;
use crate::snapshots::take;

fn only(site: &Site, vm: VmId) -> SnapshotId {
    let all = site.manager.inventory().snapshots_of_vm(vm);
    all.first().expect("a snapshot").id
}

async fn preview(site: &Site, vm: VmId) {
    let shown = site
        .manager
        .snapshot_preview(
            &site.admin,
            vm,
            only(site, vm),
            SnapshotUseParams::default(),
        )
        .await
        .expect("accepted");
    assert!(site.finished(&shown).await);
}

pub(super) async fn set_up(site: &Site, deed: Deed, vm: VmId) {
    match deed {
        Deed::SnapshotLive => site.start(vm).await,
        Deed::SnapshotRemoveLive => {
            site.start(vm).await;
            take(site, vm, "one", true).await;
        }
        Deed::SnapshotPreview | Deed::SnapshotRestore | Deed::SnapshotRemove => {
            take(site, vm, "one", false).await;
        }
        Deed::SnapshotUndo | Deed::SnapshotCommit => {
            take(site, vm, "one", false).await;
            preview(site, vm).await;
        }
        Deed::SnapshotReturn => {
            site.start(vm).await;
            let id = take(site, vm, "one", true).await;
            site.stop(vm).await;
            let with_memory = SnapshotUseParams {
                memory: true,
                disks: None,
            };
            let restored = site
                .manager
                .snapshot_restore(&site.admin, vm, id, with_memory)
                .await
                .expect("accepted");
            assert!(site.finished(&restored).await);
        }
        _ => {}
    }
}

pub(super) async fn perform(site: &Site, deed: Deed, vm: VmId) {
    let (manager, admin) = (&site.manager, &site.admin);
    match deed {
        Deed::SnapshotAdd | Deed::SnapshotLive => {
            let params = SnapshotAddParams {
                description: "one".to_owned(),
                memory: true,
                disks: None,
            };
            manager
                .snapshot_add(admin, vm, params)
                .await
                .expect("accepted");
        }
        Deed::SnapshotPreview => {
            manager
                .snapshot_preview(admin, vm, only(site, vm), SnapshotUseParams::default())
                .await
                .expect("accepted");
        }
        Deed::SnapshotRestore => {
            manager
                .snapshot_restore(admin, vm, only(site, vm), SnapshotUseParams::default())
                .await
                .expect("accepted");
        }
        Deed::SnapshotUndo => {
            manager.snapshot_undo(admin, vm).await.expect("accepted");
        }
        Deed::SnapshotCommit => {
            manager.snapshot_commit(admin, vm).await.expect("accepted");
        }
        Deed::SnapshotRemove | Deed::SnapshotRemoveLive => {
            manager
                .snapshot_remove(admin, vm, only(site, vm))
                .await
                .expect("accepted");
        }
        Deed::SnapshotReturn => {
            manager
                .vm_start(admin, vm, VmStartParams::default())
                .await
                .expect("accepted");
        }
        other => unreachable!("{other:?} is of another file"),
    }
}

pub(super) fn check(site: &Site, deed: Deed, vm: VmId, context: &str) {
    let inventory = site.manager.inventory();
    let kept = inventory.snapshots_of_vm(vm);
    let statuses: Vec<_> = kept.iter().map(|it| it.status).collect();
    let vm = site.vm(vm);
    let layers: Vec<usize> = vm
        .disk_attachments
        .iter()
        .map(|it| site.disk(it.disk).layers().count())
        .collect();
    let up = vm.run.status == VmStatus::Up;
    match deed {
        Deed::SnapshotAdd | Deed::SnapshotLive => {
            assert_eq!(statuses, [SnapshotStatus::Ok], "{context}");
            assert_eq!(layers, [2, 2], "{context}");
            assert_eq!(up, deed == Deed::SnapshotLive, "{context}");
            assert_eq!(kept[0].memory.is_some(), up, "{context}");
        }
        Deed::SnapshotPreview => {
            assert!(statuses.contains(&SnapshotStatus::InPreview), "{context}");
            assert_eq!((statuses.len(), layers), (2, vec![2, 2]), "{context}");
        }
        Deed::SnapshotUndo | Deed::SnapshotCommit | Deed::SnapshotRestore => {
            assert_eq!(statuses, [SnapshotStatus::Ok], "{context}");
            assert_eq!(layers, [2, 2], "{context}");
        }
        Deed::SnapshotRemove | Deed::SnapshotRemoveLive => {
            assert!(kept.is_empty(), "{context}");
            assert_eq!(layers, [1, 1], "{context}");
            assert_eq!(up, deed == Deed::SnapshotRemoveLive, "{context}");
        }
        Deed::SnapshotReturn => {
            assert!(up && vm.memory.is_none(), "{context}");
        }
        other => unreachable!("{other:?} is of another file"),
    }
    if up {
        let spec = site.host.spec(vm.id.0).expect("runs");
        for (disk, it) in spec.disks.iter().zip(&vm.disk_attachments) {
            let wanted = site.disk(it.disk).image().0;
            assert_eq!(
                disk.source.volume, wanted,
                "{context}: what the guest writes to"
            );
        }
    }
}
