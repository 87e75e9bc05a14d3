//! Snapshots: what they keep, what comes back, and what goes with them.

use manager::model::{DiskId, SnapshotId, SnapshotStatus, VmId, VmStatus};
use manager::{
    SnapshotAddParams, SnapshotUseParams, VmRemoveParams, VmSettings, VmStartParams, VmUpdateParams,
};

use crate::site::{Site, refusal};

const GIB: u64 = 1 << 30;

pub async fn take(site: &Site, vm: VmId, name: &str, memory: bool) -> SnapshotId {
    let params = SnapshotAddParams {
        description: name.to_owned(),
        memory,
        disks: None,
    };
    let added = site
        .manager
        .snapshot_add(&site.admin, vm, params)
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    added.value.id
}

fn disk(site: &Site, vm: VmId) -> DiskId {
    site.vm(vm).disk_attachments[0].disk
}

fn layers(site: &Site, vm: VmId) -> usize {
    site.disk(disk(site, vm)).layers().count()
}

#[tokio::test]
async fn a_snapshot_of_a_vm_that_is_down_lets_its_disks_be_written_elsewhere() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 2).await;
    let first = take(&site, vm, "first", true).await;
    let inventory = site.manager.inventory();
    let snapshot = inventory.snapshots.get(&first).expect("taken");
    assert_eq!(snapshot.status, SnapshotStatus::Ok);
    assert!(snapshot.memory.is_none(), "what is down has none");
    assert_eq!(snapshot.disks.len(), 2);
    assert_eq!(layers(&site, vm), 2);
    assert_eq!(site.host.volume_sizes().len(), 4);
    let second = take(&site, vm, "second", false).await;
    let inventory = site.manager.inventory();
    assert_eq!(
        inventory.snapshots.get(&second).expect("taken").parent,
        Some(first)
    );
    site.start(vm).await;
    assert_eq!(
        site.host.spec(vm.0).expect("runs").disks[0].backing.len(),
        2
    );
}

#[tokio::test]
async fn a_running_guest_goes_on_in_new_images_and_its_memory_comes_back_with_its_disks() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    site.start(vm).await;
    let id = take(&site, vm, "with memory", true).await;
    let kept = site
        .manager
        .inventory()
        .snapshots
        .get(&id)
        .expect("taken")
        .clone();
    let memory = kept.memory.expect("kept");
    assert!(site.host.volume_sizes().contains_key(&memory.image.0));
    let spec = site.host.spec(vm.0).expect("runs");
    assert_eq!(
        spec.disks[0].source.volume,
        site.disk(disk(&site, vm)).image().0
    );
    assert_eq!(
        spec.disks[0].backing[0].volume.volume,
        kept.disks[0].image.0
    );
    let use_memory = SnapshotUseParams {
        memory: true,
        disks: None,
    };
    let refused = site
        .manager
        .snapshot_restore(&site.admin, vm, id, use_memory.clone())
        .await;
    assert!(refusal(refused).contains("VM is running"));
    site.stop(vm).await;
    let restored = site
        .manager
        .snapshot_restore(&site.admin, vm, id, use_memory)
        .await
        .expect("accepted");
    assert!(site.finished(&restored).await);
    assert_eq!(site.vm(vm).memory, Some(memory));
    let before = site.host.count("restore_memory");
    site.start(vm).await;
    assert_eq!(site.host.count("restore_memory"), before + 1);
    assert_eq!(site.vm(vm).memory, None, "once");
    assert_eq!(
        site.disk(disk(&site, vm)).backing[0].image,
        kept.disks[0].image
    );
}

#[tokio::test]
async fn a_preview_shows_what_was_and_undo_brings_back_what_is() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let id = take(&site, vm, "before", false).await;
    let settings = VmSettings {
        memory: Some(2 * GIB),
        ..VmSettings::default()
    };
    let change = VmUpdateParams {
        settings,
        ..VmUpdateParams::default()
    };
    site.manager
        .vm_update(&site.admin, vm, change)
        .await
        .expect("changed");
    let (image, memory) = (
        site.disk(disk(&site, vm)).image(),
        site.vm(vm).hardware.memory,
    );
    let preview = || async {
        let shown = site
            .manager
            .snapshot_preview(&site.admin, vm, id, SnapshotUseParams::default())
            .await
            .expect("accepted");
        assert!(site.finished(&shown).await);
    };
    preview().await;
    let status = |site: &Site| {
        site.manager
            .inventory()
            .snapshots
            .get(&id)
            .map(|it| it.status)
    };
    assert_eq!(status(&site), Some(SnapshotStatus::InPreview));
    assert_ne!(site.disk(disk(&site, vm)).image(), image);
    assert_ne!(site.vm(vm).hardware.memory, memory, "the hardware, too");
    let again = site
        .manager
        .snapshot_preview(&site.admin, vm, id, SnapshotUseParams::default())
        .await;
    assert!(again.is_err());
    let taken = site
        .manager
        .snapshot_add(
            &site.admin,
            vm,
            SnapshotAddParams {
                description: "x".to_owned(),
                memory: false,
                disks: None,
            },
        )
        .await;
    assert!(refusal(taken).contains("previewing"));
    site.start(vm).await;
    site.stop(vm).await;
    let undone = site
        .manager
        .snapshot_undo(&site.admin, vm)
        .await
        .expect("accepted");
    assert!(site.finished(&undone).await);
    assert_eq!(site.disk(disk(&site, vm)).image(), image);
    assert_eq!(site.vm(vm).hardware.memory, memory);
    assert_eq!(status(&site), Some(SnapshotStatus::Ok));
    assert_eq!(site.manager.inventory().snapshots_of_vm(vm).len(), 1);
    assert_eq!(
        site.host.volume_sizes().len(),
        2,
        "the preview's image is gone"
    );
    preview().await;
    let committed = site
        .manager
        .snapshot_commit(&site.admin, vm)
        .await
        .expect("accepted");
    assert!(site.finished(&committed).await);
    assert_ne!(site.disk(disk(&site, vm)).image(), image);
    assert!(
        !site.host.volume_sizes().contains_key(&image.0),
        "what was before is gone"
    );
    assert_eq!(site.manager.inventory().snapshots_of_vm(vm).len(), 1);
}

#[tokio::test]
async fn a_removed_snapshot_leaves_the_vm_as_it_is_running_or_not() {
    for running in [false, true] {
        let site = Site::new().await;
        let vm = site.with_disks("web1", 1).await;
        if running {
            site.start(vm).await;
        }
        let mut ids = Vec::new();
        for name in ["one", "two", "three"] {
            ids.push(take(&site, vm, name, running).await);
        }
        assert_eq!(layers(&site, vm), 4);
        // The middle one, the last, the first.
        for (at, left) in [(1, 3), (2, 2), (0, 1)] {
            let removed = site
                .manager
                .snapshot_remove(&site.admin, vm, ids[at])
                .await
                .expect("accepted");
            assert!(site.finished(&removed).await, "{at}");
            assert_eq!(layers(&site, vm), left, "{at} running {running}");
            if running {
                let spec = site.host.spec(vm.0).expect("runs");
                assert_eq!(spec.disks[0].backing.len(), left - 1);
                assert_eq!(
                    spec.disks[0].source.volume,
                    site.disk(disk(&site, vm)).image().0
                );
            }
        }
        assert_eq!(
            site.host.volume_sizes().len(),
            1,
            "images and memories are gone"
        );
        assert_eq!(site.disk(disk(&site, vm)).image().0, disk(&site, vm).0);
        assert!(site.manager.inventory().snapshots.iter().next().is_none());
    }
}

#[tokio::test]
async fn branches_stay_and_what_two_stand_on_cannot_be_removed() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let first = take(&site, vm, "first", false).await;
    let second = take(&site, vm, "second", false).await;
    let restored = site
        .manager
        .snapshot_restore(&site.admin, vm, first, SnapshotUseParams::default())
        .await
        .expect("accepted");
    assert!(site.finished(&restored).await);
    let third = take(&site, vm, "third", false).await;
    let parent = |id| {
        site.manager
            .inventory()
            .snapshots
            .get(&id)
            .and_then(|it| it.parent)
    };
    assert_eq!((parent(second), parent(third)), (Some(first), Some(first)));
    let refused = site.manager.snapshot_remove(&site.admin, vm, first).await;
    assert!(refusal(refused).contains("other branches"));
    for id in [second, first, third] {
        let removed = site
            .manager
            .snapshot_remove(&site.admin, vm, id)
            .await
            .expect("accepted");
        assert!(site.finished(&removed).await);
    }
    assert_eq!(site.host.volume_sizes().len(), 1);
}

#[tokio::test]
async fn a_disk_in_a_snapshot_stays_and_a_removed_vm_leaves_nothing() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    site.start(vm).await;
    take(&site, vm, "one", true).await;
    site.stop(vm).await;
    let refused = site.manager.disk_remove(&site.admin, disk(&site, vm)).await;
    assert!(refusal(refused).contains("part of Snapshot 'one'"));
    let refused = site
        .manager
        .disk_detach(&site.admin, vm, disk(&site, vm), false)
        .await;
    assert!(refusal(refused).contains("part of Snapshot 'one'"));
    let removed = site
        .manager
        .vm_remove(&site.admin, vm, VmRemoveParams::default())
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert!(site.host.volume_sizes().is_empty());
    assert!(site.manager.inventory().snapshots.iter().next().is_none());
}

#[tokio::test]
async fn only_who_may_handle_snapshots_does_and_a_stateless_run_has_none() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let ana = site.user("ana").await;
    site.grant(&ana, "UserRole", vm).await;
    let params = SnapshotAddParams {
        description: "hers".to_owned(),
        memory: false,
        disks: None,
    };
    assert!(
        site.manager
            .snapshot_add(&ana, vm, params.clone())
            .await
            .is_err()
    );
    let settings = VmSettings {
        stateless: Some(true),
        ..VmSettings::default()
    };
    let change = VmUpdateParams {
        settings,
        ..VmUpdateParams::default()
    };
    site.manager
        .vm_update(&site.admin, vm, change)
        .await
        .expect("changed");
    site.manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await
        .expect("accepted");
    site.vm_is(vm, VmStatus::Up).await;
    site.idle().await;
    let refused = site.manager.snapshot_add(&site.admin, vm, params).await;
    assert!(refusal(refused).contains("stateless"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_merged_while_the_guest_ran_is_not_merged_again_when_it_has_ended() {
    use manager::host::OffReason;
    use manager::operation::{CrashPhase, CrashPlan};
    let plan = CrashPlan(std::sync::Arc::new(|at, when| {
        at == "image_merge" && when == CrashPhase::AfterAct
    }));
    let site = Site::with_crash(Some(plan)).await;
    let vm = site.with_disks("web1", 1).await;
    site.start(vm).await;
    let id = take(&site, vm, "one", false).await;
    site.manager
        .snapshot_remove(&site.admin, vm, id)
        .await
        .expect("accepted");
    let stopped = async {
        while !site.manager.is_stopped() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), stopped)
        .await
        .expect("in time");
    // What the guest writes from now on is in the lower image only.
    site.host.end_guest(vm.0, OffReason::Shutdown);
    let site = site.restart().await;
    site.idle().await;
    assert_eq!(layers(&site, vm), 1);
    assert_eq!(
        site.host.count("volume_merge"),
        0,
        "what the guest wrote last is not overwritten"
    );

    // What a guest wrote to the upper image, and has ended since, is merged.
    site.vm_is(vm, VmStatus::Down).await;
    site.start(vm).await;
    let id = take(&site, vm, "two", false).await;
    site.stop(vm).await;
    let removed = site
        .manager
        .snapshot_remove(&site.admin, vm, id)
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert_eq!(site.host.count("volume_merge"), 1);
    assert_eq!(layers(&site, vm), 1);
}
