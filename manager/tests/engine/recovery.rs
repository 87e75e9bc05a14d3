//! The manager is stopped dead at every step of every operation, before the host is asked, after
//! it has done it, and after that was seen; once, and once more during the recovery. Another one
//! is started on what is left. Then: everything that was accepted has come to one end, nothing
//! was done twice, and the host has exactly what the inventory says.

mod images;
mod snapshots;
mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use manager::host::HostError;
use manager::host::guest::GuestReport;
use manager::host::sim::Fault;
use manager::model::{
    DiskFormat, DiskId, DiskStatus, Initialization, TransferDirection, TransferPhase, VmId,
    VmStatus,
};
use manager::operation::{Action, CrashPhase, CrashPlan};
use manager::{
    DiskAttachmentUpdateParams, DiskCopyParams, DiskUpdateParams, NicAddParams, TransferAddParams,
    VmRemoveParams, VmSettings, VmStartParams, VmStopParams, VmUpdateParams,
};

use crate::site::{Site, new_disk};

const GIB: u64 = 1 << 30;
/// A domain of somebody else's.
const FOREIGN: VmId = VmId(uuid::Uuid::from_u128(0xf0f0));

/// What is stopped in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Create,
    Start,
    StartPaused,
    ResumePaused,
    Stop,
    Shutdown,
    Reboot,
    Reset,
    Suspend,
    Restore,
    Delete,
    Copy,
    Extend,
    Freeze,
    Thaw,
    Adopt,
    AdoptInVain,
    CdChange,
    Plug,
    Unplug,
    NicAdd,
    NicRemove,
    Upload,
    UploadConverted,
    DownloadConverted,
    Move,
    MoveLive,
    MoveLiveFails,
    Sparsify,
    Convert,
    Import,
    Export,
    FirstBoot,
    StartWithoutSettings,
    HotPlug,
    TemplateAdd,
    TemplateRemove,
    Thin,
    Refresh,
    StartForgetful,
    StopForgetful,
    SnapshotAdd,
    SnapshotLive,
    SnapshotPreview,
    SnapshotRestore,
    SnapshotUndo,
    SnapshotCommit,
    SnapshotRemove,
    SnapshotRemoveLive,
    SnapshotReturn,
}

impl Deed {
    const ALL: [Self; 50] = [
        Self::Create,
        Self::Start,
        Self::StartPaused,
        Self::ResumePaused,
        Self::Stop,
        Self::Shutdown,
        Self::Reboot,
        Self::Reset,
        Self::Suspend,
        Self::Restore,
        Self::Delete,
        Self::Copy,
        Self::Extend,
        Self::Freeze,
        Self::Thaw,
        Self::Adopt,
        Self::AdoptInVain,
        Self::CdChange,
        Self::Plug,
        Self::Unplug,
        Self::NicAdd,
        Self::NicRemove,
        Self::Upload,
        Self::UploadConverted,
        Self::DownloadConverted,
        Self::Move,
        Self::MoveLive,
        Self::MoveLiveFails,
        Self::Sparsify,
        Self::Convert,
        Self::Import,
        Self::Export,
        Self::FirstBoot,
        Self::StartWithoutSettings,
        Self::HotPlug,
        Self::TemplateAdd,
        Self::TemplateRemove,
        Self::Thin,
        Self::Refresh,
        Self::StartForgetful,
        Self::StopForgetful,
        Self::SnapshotAdd,
        Self::SnapshotLive,
        Self::SnapshotPreview,
        Self::SnapshotRestore,
        Self::SnapshotUndo,
        Self::SnapshotCommit,
        Self::SnapshotRemove,
        Self::SnapshotRemoveLive,
        Self::SnapshotReturn,
    ];
}

/// What a deed stands on.
#[derive(Clone, Copy)]
struct Stage {
    vm: VmId,
    disk: DiskId,
    iso: DiskId,
}

async fn set_up(site: &Site, deed: Deed) -> Stage {
    let vm = site.with_disks("web1", 2).await;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let iso = site.iso("cd.iso").await;
    match deed {
        Deed::Create
        | Deed::Start
        | Deed::StartPaused
        | Deed::Delete
        | Deed::Copy
        | Deed::Extend
        | Deed::Upload
        | Deed::UploadConverted
        | Deed::DownloadConverted => {}
        Deed::Move
        | Deed::MoveLive
        | Deed::MoveLiveFails
        | Deed::Sparsify
        | Deed::Convert
        | Deed::Import
        | Deed::Export => images::set_up(site, deed, vm).await,
        Deed::TemplateAdd
        | Deed::TemplateRemove
        | Deed::Thin
        | Deed::Refresh
        | Deed::StartForgetful
        | Deed::StopForgetful => templates::set_up(site, deed, vm).await,
        Deed::SnapshotAdd
        | Deed::SnapshotLive
        | Deed::SnapshotPreview
        | Deed::SnapshotRestore
        | Deed::SnapshotUndo
        | Deed::SnapshotCommit
        | Deed::SnapshotRemove
        | Deed::SnapshotRemoveLive
        | Deed::SnapshotReturn => snapshots::set_up(site, deed, vm).await,
        Deed::FirstBoot => first_boot_settings(site, vm).await,
        Deed::StartWithoutSettings => {
            first_boot_settings(site, vm).await;
            site.start(vm).await;
            site.stop(vm).await;
        }
        Deed::ResumePaused => {
            let params = VmStartParams {
                pause: true,
                ..Default::default()
            };
            let started = site
                .manager
                .vm_start(&site.admin, vm, params)
                .await
                .expect("accepted");
            site.finished(&started).await;
            site.vm_is(vm, VmStatus::Paused).await;
        }
        Deed::Restore => {
            site.start(vm).await;
            let saved = site
                .manager
                .vm_suspend(&site.admin, vm)
                .await
                .expect("accepted");
            site.finished(&saved).await;
        }
        Deed::Adopt | Deed::AdoptInVain => {
            site.start(vm).await;
            if deed == Deed::AdoptInVain {
                let error = HostError::Failed {
                    what: "no".to_owned(),
                };
                site.host.next("adopt", Fault::Fails(error));
            }
            site.host
                .add_foreign(vm.0, FOREIGN.0, crate::adoption::foreign());
            site.until("it is seen", |inventory| {
                inventory.externals.contains_key(&FOREIGN)
            })
            .await;
        }
        Deed::Freeze | Deed::Thaw => {
            site.start(vm).await;
            site.host.set_guest(vm.0, Some(GuestReport::default()));
            site.until("the guest has told", |inventory| {
                inventory.guests.contains_key(&vm)
                    && inventory.vms.get(&vm).is_some_and(|vm| vm.run.has_agent)
            })
            .await;
            if deed == Deed::Thaw {
                let frozen = site.manager.vm_freeze(&site.admin, vm).await;
                site.finished(&frozen.expect("accepted")).await;
            }
        }
        Deed::Unplug => site.start(vm).await,
        Deed::Plug => {
            site.start(vm).await;
            unplug(site, vm, disk, false).await;
            site.idle().await;
        }
        Deed::NicRemove => {
            add_nic(site, vm).await;
            site.start(vm).await;
        }
        Deed::Stop
        | Deed::Shutdown
        | Deed::Reboot
        | Deed::Reset
        | Deed::Suspend
        | Deed::CdChange
        | Deed::HotPlug
        | Deed::NicAdd => site.start(vm).await,
    }
    if matches!(deed, Deed::Delete) {
        site.start(vm).await;
        site.stop(vm).await;
    }
    Stage { vm, disk, iso }
}

async fn first_boot_settings(site: &Site, vm: VmId) {
    let settings = VmSettings {
        initialization: Some(Initialization {
            host_name: Some("web1.example.org".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let params = VmUpdateParams {
        settings,
        ..Default::default()
    };
    site.manager
        .vm_update(&site.admin, vm, params)
        .await
        .expect("changed");
}

async fn unplug(site: &Site, vm: VmId, disk: DiskId, active: bool) {
    let params = DiskAttachmentUpdateParams {
        active: Some(active),
        ..Default::default()
    };
    site.manager
        .disk_attachment_update(&site.admin, vm, disk, params)
        .await
        .expect("accepted");
}

async fn add_nic(site: &Site, vm: VmId) {
    let nic = NicAddParams {
        name: "nic1".to_owned(),
        interface: None,
        mac: None,
        vnic_profile: Some(site.profile()),
        linked: None,
        plugged: None,
    };
    site.manager
        .nic_add(&site.admin, vm, nic)
        .await
        .expect("accepted");
}

/// Asks for the deed. Whether the answer comes before the crash is no matter.
async fn perform(site: &Site, deed: Deed, stage: Stage) {
    let Stage { vm, disk, iso } = stage;
    let (manager, admin) = (&site.manager, &site.admin);
    match deed {
        Deed::Create => {
            let mut params = site.vm_params("new1");
            params.disks.push(new_disk(site.disk_params("new-1", GIB)));
            params.disks.push(new_disk(site.disk_params("new-2", GIB)));
            manager.vm_add(admin, params).await.expect("accepted");
        }
        Deed::Start
        | Deed::Restore
        | Deed::ResumePaused
        | Deed::FirstBoot
        | Deed::StartWithoutSettings => {
            manager
                .vm_start(admin, vm, VmStartParams::default())
                .await
                .expect("accepted");
        }
        Deed::StartPaused => {
            let params = VmStartParams {
                pause: true,
                ..Default::default()
            };
            manager.vm_start(admin, vm, params).await.expect("accepted");
        }
        Deed::Stop => {
            manager
                .vm_stop(admin, vm, VmStopParams::default())
                .await
                .expect("accepted");
        }
        Deed::Shutdown => {
            manager
                .vm_shutdown(admin, vm, VmStopParams::default())
                .await
                .expect("accepted");
        }
        Deed::Reboot => {
            manager
                .vm_reboot(admin, vm, VmStopParams::default())
                .await
                .expect("accepted");
        }
        Deed::Reset => {
            manager.vm_reset(admin, vm).await.expect("accepted");
        }
        Deed::Suspend => {
            manager.vm_suspend(admin, vm).await.expect("accepted");
        }
        Deed::Delete => {
            manager
                .vm_remove(admin, vm, VmRemoveParams::default())
                .await
                .expect("accepted");
        }
        Deed::Copy => {
            let params = DiskCopyParams {
                name: Some("copy".to_owned()),
                ..Default::default()
            };
            manager
                .disk_copy(admin, disk, params)
                .await
                .expect("accepted");
        }
        Deed::Extend => {
            let params = DiskUpdateParams {
                provisioned_size: Some(8 * GIB),
                ..Default::default()
            };
            manager
                .disk_update(admin, disk, params)
                .await
                .expect("accepted");
        }
        Deed::HotPlug => {
            let settings = VmSettings {
                memory: Some(2 * GIB),
                sockets: Some(3),
                ..Default::default()
            };
            let params = VmUpdateParams {
                settings,
                ..Default::default()
            };
            let _ = manager.vm_update(admin, vm, params).await;
        }
        Deed::Adopt | Deed::AdoptInVain => {
            let adopted = manager.vm_adopt(admin, FOREIGN, None).await;
            adopted.expect("accepted");
        }
        Deed::Freeze => {
            manager.vm_freeze(admin, vm).await.expect("accepted");
        }
        Deed::Thaw => {
            manager.vm_thaw(admin, vm).await.expect("accepted");
        }
        Deed::CdChange => {
            manager
                .cdrom_change(admin, vm, Some(iso), true)
                .await
                .expect("accepted");
        }
        Deed::Plug => unplug(site, vm, disk, true).await,
        Deed::Unplug => unplug(site, vm, disk, false).await,
        Deed::NicAdd => add_nic(site, vm).await,
        Deed::NicRemove => {
            let nic = site.vm(vm).nics[0].id;
            manager.nic_remove(admin, vm, nic).await.expect("accepted");
        }
        Deed::Upload => transfer(site, iso, TransferDirection::Upload, DiskFormat::Raw).await,
        Deed::UploadConverted => {
            transfer(site, disk, TransferDirection::Upload, DiskFormat::Raw).await
        }
        Deed::DownloadConverted => {
            transfer(site, disk, TransferDirection::Download, DiskFormat::Raw).await;
        }
        Deed::Move
        | Deed::MoveLive
        | Deed::MoveLiveFails
        | Deed::Sparsify
        | Deed::Convert
        | Deed::Import
        | Deed::Export => images::perform(site, deed, stage).await,
        Deed::TemplateAdd
        | Deed::TemplateRemove
        | Deed::Thin
        | Deed::Refresh
        | Deed::StartForgetful
        | Deed::StopForgetful => templates::perform(site, deed, vm).await,
        Deed::SnapshotAdd
        | Deed::SnapshotLive
        | Deed::SnapshotPreview
        | Deed::SnapshotRestore
        | Deed::SnapshotUndo
        | Deed::SnapshotCommit
        | Deed::SnapshotRemove
        | Deed::SnapshotRemoveLive
        | Deed::SnapshotReturn => snapshots::perform(site, deed, vm).await,
    }
}

/// A whole transfer, as far as it comes.
async fn transfer(site: &Site, disk: DiskId, direction: TransferDirection, format: DiskFormat) {
    let params = TransferAddParams {
        disk,
        direction,
        format: Some(format),
        vmdk: false,
        shallow: false,
        inactivity_timeout: Some(0),
        timeout_policy: None,
    };
    let (manager, admin) = (&site.manager, &site.admin);
    let id = manager
        .transfer_add(admin, params)
        .await
        .expect("accepted")
        .id;
    finish_transfer(site, id).await;
}

async fn finish_transfer(site: &Site, id: manager::model::TransferId) {
    let (manager, admin) = (&site.manager, &site.admin);
    let ready = |phase| {
        matches!(
            phase,
            TransferPhase::Transferring
                | TransferPhase::FinalizingSuccess
                | TransferPhase::FinishedSuccess
        )
    };
    let mut changes = manager.subscribe();
    loop {
        let phase = manager.inventory().transfers.get(&id).map(|it| it.phase);
        if phase.is_some_and(ready) {
            break;
        }
        // The manager may have been stopped dead while it prepared the transfer.
        if tokio::time::timeout(Duration::from_millis(500), changes.next())
            .await
            .is_err()
        {
            return;
        }
    }
    let Ok(secret) = manager.transfer_secret(admin, id) else {
        return;
    };
    let Ok(data) = manager.transfer_open(secret.expose()).await else {
        return;
    };
    if data.direction() == TransferDirection::Upload {
        data.write_at(0, crate::transfers::iso_image())
            .await
            .expect("written");
    } else {
        data.read_at(0, 512).await.expect("read");
    }
    manager.transfer_finalize(admin, id).await.ok();
}

/// What must be true whatever happened.
fn check(site: &Site, deed: Deed, stage: Stage, at: &str) {
    let inventory = site.manager.inventory();
    let context = format!("{deed:?} stopped at {at}");
    assert!(inventory.operations.is_empty(), "{context}");
    for job in inventory.jobs.iter() {
        assert!(
            job.end_time.is_some(),
            "{context}: {} has no end",
            job.description
        );
        let wanted = match deed {
            Deed::MoveLiveFails if job.description.starts_with("Moving") => "failed",
            Deed::AdoptInVain if job.description.starts_with("Adopting") => "failed",
            _ => "finished",
        };
        assert_eq!(
            job.status.as_str(),
            wanted,
            "{context}: {}",
            job.description
        );
    }
    // Every image has its volume, and there is no other.
    let images: BTreeSet<_> = inventory
        .disks
        .iter()
        .flat_map(|disk| disk.layers().map(|layer| layer.image.0).collect::<Vec<_>>())
        .collect();
    let disks: BTreeMap<_, _> = inventory
        .disks
        .iter()
        .map(|disk| (disk.id.0, disk.provisioned_size))
        .collect();
    let volumes = site.host.volume_sizes();
    let payloads = inventory
        .vms
        .iter()
        .filter_map(|vm| vm.run.payload)
        .map(|payload| payload.volume);
    let kept = inventory.snapshots.iter().flat_map(|snapshot| {
        let images = snapshot.disks.iter().flat_map(|disk| disk.layers());
        let images = images.map(|layer| layer.image.0);
        images
            .chain(snapshot.memory.map(|memory| memory.image.0))
            .collect::<Vec<_>>()
    });
    let images: BTreeSet<_> = images.into_iter().chain(payloads).chain(kept).collect();
    assert_eq!(
        images,
        volumes.keys().copied().collect::<BTreeSet<_>>(),
        "{context}: images and volumes"
    );
    for disk in inventory.disks.iter() {
        assert_eq!(disk.status, DiskStatus::Ok, "{context}: {}", disk.name);
        for vm in inventory.vms_of_disk(disk.id) {
            assert!(
                vm.disk_attachments.iter().any(|it| it.disk == disk.id),
                "{context}"
            );
        }
    }
    for vm in inventory.vms.iter() {
        for attachment in &vm.disk_attachments {
            assert!(
                inventory.disks.contains_key(&attachment.disk),
                "{context}: {}",
                vm.name
            );
        }
    }
    // What runs is what is said to run, in the run that is said, and each run began once.
    let running: BTreeSet<_> = site.host.running().into_iter().collect();
    let said: BTreeSet<_> = inventory
        .vms
        .iter()
        .filter(|vm| vm.run.status.is_running())
        .map(|vm| (vm.id.0, vm.run.epoch))
        .collect();
    assert_eq!(running, said, "{context}: running domains");
    let starts = site.host.starts();
    assert_eq!(
        starts.len(),
        starts.iter().collect::<BTreeSet<_>>().len(),
        "{context}: a run was begun twice: {starts:?}"
    );
    let vm = site.find(stage.vm);
    let status = vm.as_ref().map(|vm| vm.run.status);
    match deed {
        Deed::Create => {
            let made = inventory.vm_by_name("new1", None).expect("made");
            assert_eq!(made.run.status, VmStatus::Down, "{context}");
            assert_eq!(made.disk_attachments.len(), 2, "{context}");
        }
        Deed::Start | Deed::Restore | Deed::ResumePaused | Deed::Reboot | Deed::Reset => {
            assert_eq!(status, Some(VmStatus::Up), "{context}");
        }
        Deed::FirstBoot => {
            assert_eq!(status, Some(VmStatus::Up), "{context}");
            let run = vm.expect("there").run.clone();
            assert!(run.initialized && run.payload.is_some(), "{context}");
        }
        Deed::StartWithoutSettings => {
            assert_eq!(status, Some(VmStatus::Up), "{context}");
            assert_eq!(vm.expect("there").run.payload, None, "{context}");
        }
        Deed::HotPlug => {
            let vm = vm.expect("there");
            let spec = site.host.spec(vm.id.0).expect("runs");
            assert_eq!(
                (vm.hardware.memory, vm.hardware.topology.sockets),
                (2 * GIB, 3),
                "{context}"
            );
            assert_eq!(
                (spec.memory_bytes, spec.cpu.sockets),
                (2 * GIB, 3),
                "{context}"
            );
            assert_eq!(vm.next_run, None, "{context}");
        }
        Deed::StartPaused => assert_eq!(status, Some(VmStatus::Paused), "{context}"),
        Deed::Stop | Deed::Shutdown => assert_eq!(status, Some(VmStatus::Down), "{context}"),
        Deed::Suspend => assert_eq!(status, Some(VmStatus::Suspended), "{context}"),
        Deed::Delete => {
            assert_eq!(status, None, "{context}");
            assert!(site.host.known().is_empty(), "{context}: a domain is left");
        }
        Deed::Copy => {
            assert!(
                inventory.disks.iter().any(|disk| disk.name == "copy"),
                "{context}"
            );
        }
        Deed::Extend => {
            assert_eq!(disks.get(&stage.disk.0), Some(&(8 * GIB)), "{context}");
            assert_eq!(volumes.get(&stage.disk.0), Some(&(8 * GIB)), "{context}");
        }
        Deed::Adopt | Deed::AdoptInVain => {
            let adopted = site.vm(FOREIGN);
            let ours = deed == Deed::Adopt;
            assert_eq!(adopted.external.is_none(), ours, "{context}");
            assert_eq!(adopted.run.status, VmStatus::Up, "{context}");
            assert_eq!(
                adopted.disk_attachments.len(),
                usize::from(ours),
                "{context}"
            );
            assert_eq!(adopted.nics.len(), usize::from(ours), "{context}");
            assert_eq!(adopted.run.epoch, u64::from(ours), "{context}");
        }
        Deed::Freeze | Deed::Thaw => {
            assert_eq!(
                site.host.frozen(stage.vm.0),
                deed == Deed::Freeze,
                "{context}"
            );
        }
        Deed::CdChange => {
            assert_eq!(vm.and_then(|vm| vm.run.cdrom), Some(stage.iso), "{context}");
            let cd = site
                .host
                .spec(stage.vm.0)
                .and_then(|spec| spec.cd)
                .map(|cd| cd.volume);
            assert_eq!(cd, Some(stage.iso.0), "{context}");
        }
        Deed::Plug | Deed::Unplug => {
            let plugged = site
                .host
                .spec(stage.vm.0)
                .is_some_and(|spec| spec.disks.iter().any(|disk| disk.disk == stage.disk.0));
            let said = vm.is_some_and(|vm| {
                vm.disk_attachments
                    .iter()
                    .any(|it| it.disk == stage.disk && it.active)
            });
            assert_eq!(
                (plugged, said),
                (deed == Deed::Plug, deed == Deed::Plug),
                "{context}"
            );
        }
        Deed::NicAdd | Deed::NicRemove => {
            let count = usize::from(deed == Deed::NicAdd);
            let plugged = site.host.spec(stage.vm.0).map(|spec| spec.nics.len());
            assert_eq!(
                (plugged, vm.map(|vm| vm.nics.len())),
                (Some(count), Some(count)),
                "{context}"
            );
        }
        Deed::Upload | Deed::UploadConverted | Deed::DownloadConverted => {
            let transfer = inventory.transfers.iter().next().expect("kept for a while");
            assert_eq!(transfer.phase, TransferPhase::FinishedSuccess, "{context}");
        }
        Deed::Move
        | Deed::MoveLive
        | Deed::MoveLiveFails
        | Deed::Sparsify
        | Deed::Convert
        | Deed::Import
        | Deed::Export => images::check(site, deed, stage.disk, &context),
        Deed::TemplateAdd
        | Deed::TemplateRemove
        | Deed::Thin
        | Deed::Refresh
        | Deed::StartForgetful
        | Deed::StopForgetful => templates::check(site, deed, stage.vm, &context),
        Deed::SnapshotAdd
        | Deed::SnapshotLive
        | Deed::SnapshotPreview
        | Deed::SnapshotRestore
        | Deed::SnapshotUndo
        | Deed::SnapshotCommit
        | Deed::SnapshotRemove
        | Deed::SnapshotRemoveLive
        | Deed::SnapshotReturn => snapshots::check(site, deed, stage.vm, &context),
    }
}

/// Runs a deed with a crash at one place, so many times; whether it came there.
async fn run(deed: Deed, step: &'static str, phase: CrashPhase, times: usize) -> bool {
    let armed = Arc::new(AtomicBool::new(false));
    let hits = Arc::new(AtomicUsize::new(0));
    let plan = {
        let (armed, hits) = (Arc::clone(&armed), Arc::clone(&hits));
        CrashPlan(Arc::new(move |at, when| {
            armed.load(Ordering::SeqCst)
                && at == step
                && when == phase
                && hits.fetch_add(1, Ordering::SeqCst) < times
        }))
    };
    let mut site = Site::with_crash(Some(plan.clone())).await;
    let stage = set_up(&site, deed).await;
    armed.store(true, Ordering::SeqCst);
    perform(&site, deed, stage).await;
    // Until it has stopped dead, or done everything.
    for _ in 0..times {
        let before = hits.load(Ordering::SeqCst);
        let stopped = async {
            while !site.manager.is_stopped() && !site.manager.inventory().operations.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), stopped)
            .await
            .expect("in time");
        if !site.manager.is_stopped() {
            break;
        }
        assert!(hits.load(Ordering::SeqCst) >= before);
        site = site.restart_with(Some(plan.clone())).await;
    }
    let came = hits.load(Ordering::SeqCst) > 0;
    if !came {
        return false;
    }
    site.idle().await;
    // An interrupted transfer is its client's to go on with, as after any lost connection.
    let open: Vec<_> = site
        .manager
        .inventory()
        .transfers
        .iter()
        .filter(|it| it.phase == TransferPhase::Transferring)
        .map(|it| it.id)
        .collect();
    for id in open {
        finish_transfer(&site, id).await;
        site.idle().await;
    }
    if matches!(deed, Deed::Refresh | Deed::StopForgetful) {
        site.until("what follows by itself has followed", |_| {
            templates::quiet(&site)
        })
        .await;
    }
    if deed == Deed::Shutdown {
        site.vm_is(stage.vm, VmStatus::Down).await;
    }
    check(
        &site,
        deed,
        stage,
        &format!("{step}:{}, {times} times", phase.as_str()),
    );
    site.manager.close().await;
    true
}

async fn everywhere(times: usize) {
    let tested = Arc::new(Mutex::new(BTreeSet::new()));
    for deed in Deed::ALL {
        for step in Action::NAMES.iter().copied() {
            for phase in CrashPhase::ALL {
                if !may_come(deed, step) {
                    continue;
                }
                if run(deed, step, phase, times).await {
                    tested
                        .lock()
                        .expect("no panic")
                        .insert((step, phase.as_str()));
                }
            }
        }
    }
    let tested = tested.lock().expect("no panic");
    for step in Action::NAMES {
        for phase in CrashPhase::ALL {
            assert!(
                tested.contains(&(*step, phase.as_str())),
                "no deed was stopped at {step}:{}: a new step needs a deed here",
                phase.as_str()
            );
        }
    }
}

/// Which steps a deed has, so that the rest need not be tried.
fn may_come(deed: Deed, step: &str) -> bool {
    let steps: &[&str] = match deed {
        Deed::Create => &["volume_create"],
        Deed::Start => &["domain_start"],
        Deed::StartPaused => &["domain_start", "domain_pause"],
        Deed::ResumePaused => &["domain_resume"],
        Deed::Stop => &["domain_destroy"],
        Deed::Shutdown => &["domain_shutdown"],
        Deed::Reboot => &["domain_reboot"],
        Deed::Reset => &["domain_reset"],
        Deed::Suspend => &["domain_suspend"],
        Deed::Restore => &["domain_restore"],
        Deed::Delete => &["domain_undefine", "volume_delete"],
        Deed::Copy => &["volume_copy"],
        Deed::Extend => &["volume_resize"],
        Deed::Adopt => &["volume_place", "domain_adopt"],
        Deed::AdoptInVain => &["volume_place", "domain_release", "volume_delete"],
        Deed::Freeze => &["guest_freeze"],
        Deed::Thaw => &["guest_thaw"],
        Deed::CdChange => &["cd_change"],
        Deed::Plug => &["disk_plug"],
        Deed::Unplug => &["disk_unplug"],
        Deed::NicAdd => &["nic_plug"],
        Deed::NicRemove => &["nic_unplug"],
        Deed::Upload => &["transfer_stage", "upload_install"],
        Deed::UploadConverted => &["transfer_stage", "upload_install", "transfer_clean"],
        Deed::DownloadConverted => &["transfer_stage", "transfer_clean"],
        Deed::Move => &["volume_duplicate", "disk_switch", "volume_delete"],
        Deed::MoveLive => &["disk_mirror", "disk_pivot", "volume_delete"],
        Deed::MoveLiveFails => &["disk_mirror_end", "volume_delete"],
        Deed::Sparsify => &["volume_sparsify"],
        Deed::Convert => &["volume_convert", "volume_delete"],
        Deed::Import => &["volume_import"],
        Deed::Export => &["export_stage", "ova_write", "scratch_delete"],
        Deed::FirstBoot => &["payload_write", "domain_start"],
        Deed::StartWithoutSettings => &["payload_delete", "domain_start"],
        Deed::HotPlug => &["memory_plug", "cpus_set"],
        Deed::TemplateAdd => &["volume_copy"],
        Deed::TemplateRemove => &["volume_delete"],
        Deed::Thin => &["volume_create"],
        Deed::Refresh => &["volume_create", "volume_delete"],
        Deed::StartForgetful => &["overlay_create", "domain_start"],
        Deed::StopForgetful => &["overlay_drop"],
        Deed::SnapshotAdd | Deed::SnapshotPreview => &["overlay_create"],
        Deed::SnapshotLive => &["overlay_create", "snapshot_take"],
        Deed::SnapshotRestore => &["overlay_create", "volume_delete"],
        Deed::SnapshotUndo | Deed::SnapshotCommit => &["volume_delete"],
        Deed::SnapshotRemove => &["image_merge", "volume_delete"],
        Deed::SnapshotRemoveLive => &["image_merge", "volume_delete", "memory_delete"],
        Deed::SnapshotReturn => &["domain_return"],
    };
    steps.contains(&step)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_at_any_step_everything_comes_to_its_end() {
    everywhere(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_during_the_recovery_too() {
    everywhere(2).await;
}
