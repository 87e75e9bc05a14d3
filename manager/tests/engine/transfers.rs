//! Images on their way in and out.

use std::time::Duration;

use manager::model::{
    DiskContentType, DiskFormat, DiskId, TransferDirection, TransferPhase, TransferTimeoutPolicy,
};
use manager::{DiskAddParams, ErrorKind, TransferAddParams};

use crate::site::{Site, refusal};

const MIB: u64 = 1 << 20;

/// The smallest thing that is an ISO image.
pub fn iso_image() -> Vec<u8> {
    const SECTOR: usize = 2048;
    let mut image = vec![0; 20 * SECTOR];
    image[16 * SECTOR..16 * SECTOR + 7].copy_from_slice(b"\x01CD001\x01");
    image[16 * SECTOR + 80..16 * SECTOR + 84].copy_from_slice(&20_u32.to_le_bytes());
    image[16 * SECTOR + 128..16 * SECTOR + 130].copy_from_slice(&2048_u16.to_le_bytes());
    image[17 * SECTOR..17 * SECTOR + 7].copy_from_slice(b"\xffCD001\x01");
    image
}

/// A qcow2 header that wants a file of the host's as backing.
fn hostile_qcow2() -> Vec<u8> {
    let name = b"/etc/shadow";
    let mut image = vec![0; 64 << 10];
    image[0..4].copy_from_slice(b"QFI\xfb");
    image[4..8].copy_from_slice(&2_u32.to_be_bytes());
    image[8..16].copy_from_slice(&512_u64.to_be_bytes());
    image[16..20].copy_from_slice(&(name.len() as u32).to_be_bytes());
    image[20..24].copy_from_slice(&16_u32.to_be_bytes());
    image[24..32].copy_from_slice(&MIB.to_be_bytes());
    image[512..512 + name.len()].copy_from_slice(name);
    image
}

async fn disk(site: &Site, size: u64, format: DiskFormat, iso: bool) -> DiskId {
    let params = DiskAddParams {
        format,
        content_type: if iso {
            DiskContentType::Iso
        } else {
            DiskContentType::Data
        },
        ..site.disk_params("image", size)
    };
    let added = site
        .manager
        .disk_add(&site.admin, params)
        .await
        .expect("added");
    assert!(site.finished(&added).await);
    added.value.id
}

fn upload(disk: DiskId) -> TransferAddParams {
    TransferAddParams {
        disk,
        direction: TransferDirection::Upload,
        format: None,
        vmdk: false,
        shallow: false,
        inactivity_timeout: None,
        timeout_policy: None,
    }
}

async fn begin(site: &Site, params: TransferAddParams) -> manager::model::TransferId {
    let id = site
        .manager
        .transfer_add(&site.admin, params)
        .await
        .expect("accepted")
        .id;
    phase(site, id, TransferPhase::Transferring).await;
    id
}

async fn phase(site: &Site, id: manager::model::TransferId, phase: TransferPhase) {
    site.until(&format!("the transfer is {phase}"), |inventory| {
        inventory
            .transfers
            .get(&id)
            .is_some_and(|it| it.phase == phase)
    })
    .await;
}

#[tokio::test]
async fn an_uploaded_cd_can_be_inserted_and_until_then_not() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let cd = disk(&site, MIB, DiskFormat::Raw, true).await;
    let id = begin(&site, upload(cd)).await;
    assert_eq!(site.disk(cd).status.as_str(), "locked");
    let early = site
        .manager
        .cdrom_change(&site.admin, vm, Some(cd), false)
        .await;
    assert!(refusal(early).contains("locked"));
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    assert_eq!(secret.expose().len(), 64);
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    let image = iso_image();
    let (first, second) = image.split_at(10_000);
    data.write_at(10_000, second.to_vec())
        .await
        .expect("written");
    data.write_at(0, first.to_vec()).await.expect("written");
    data.flush().await.expect("flushed");
    site.manager
        .transfer_finalize(&site.admin, id)
        .await
        .expect("accepted");
    phase(&site, id, TransferPhase::FinishedSuccess).await;
    let transferred = site
        .manager
        .inventory()
        .transfers
        .get(&id)
        .expect("kept")
        .transferred;
    assert_eq!(transferred, image.len() as u64);
    assert_eq!(site.disk(cd).status.as_str(), "ok");
    site.manager
        .cdrom_change(&site.admin, vm, Some(cd), false)
        .await
        .expect("changed");
    assert_eq!(site.vm(vm).cdrom, Some(cd));
    // What was over once is over.
    let late = data.write_at(0, vec![0; 10]).await;
    assert!(refusal(late).contains("stopped"));
    let late = site.manager.transfer_open(secret.expose()).await;
    assert_eq!(late.expect_err("refused").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_hostile_image_is_refused_and_goes_with_its_disk() {
    let site = Site::new().await;
    let target = disk(&site, 16 * MIB, DiskFormat::Cow, false).await;
    let id = begin(&site, upload(target)).await;
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    data.write_at(0, hostile_qcow2()).await.expect("written");
    site.manager
        .transfer_finalize(&site.admin, id)
        .await
        .expect("accepted");
    phase(&site, id, TransferPhase::FinishedFailure).await;
    site.idle().await;
    assert!(site.manager.inventory().disks.is_empty());
    assert!(site.host.volume_sizes().is_empty());
    let transfer = site
        .manager
        .inventory()
        .transfers
        .get(&id)
        .cloned()
        .expect("kept");
    let error = transfer.error.clone().expect("said");
    assert!(error.contains("refused"), "{error}");
    let event = &site.events(1034)[0];
    assert!(
        event.description.contains("another file"),
        "{}",
        event.description
    );
    assert_eq!(event.severity.as_str(), "error");
}

#[tokio::test]
async fn what_is_no_cd_is_refused_as_one() {
    let site = Site::new().await;
    let cd = disk(&site, MIB, DiskFormat::Raw, true).await;
    let id = begin(&site, upload(cd)).await;
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    data.write_at(0, vec![7; 40_000]).await.expect("written");
    site.manager
        .transfer_finalize(&site.admin, id)
        .await
        .expect("accepted");
    phase(&site, id, TransferPhase::FinishedFailure).await;
}

#[tokio::test]
async fn more_than_a_disk_holds_is_not_taken() {
    let site = Site::new().await;
    let target = disk(&site, MIB, DiskFormat::Raw, false).await;
    let id = begin(&site, upload(target)).await;
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    assert_eq!(data.size(), MIB);
    for (offset, length) in [(MIB, 1), (MIB - 1, 2), (u64::MAX, 1), (0, 9 * MIB as usize)] {
        let refused = data.write_at(offset, vec![1; length]).await;
        assert_eq!(
            refused.expect_err("refused").kind(),
            ErrorKind::Invalid,
            "{offset}"
        );
    }
    data.zero(0, MIB).await.expect("zeroed");
    data.write_at(MIB - 1, vec![1])
        .await
        .expect("the last byte");
}

#[tokio::test]
async fn a_cancelled_upload_takes_its_disk_with_it() {
    let site = Site::new().await;
    let target = disk(&site, MIB, DiskFormat::Raw, false).await;
    let id = begin(&site, upload(target)).await;
    site.manager
        .transfer_cancel(&site.admin, id)
        .await
        .expect("accepted");
    phase(&site, id, TransferPhase::CancelledUser).await;
    site.idle().await;
    assert!(site.manager.inventory().disks.is_empty() && site.host.volume_sizes().is_empty());
}

#[tokio::test]
async fn a_download_gives_what_was_uploaded_and_leaves_the_disk() {
    let site = Site::new().await;
    let target = disk(&site, MIB, DiskFormat::Raw, false).await;
    let id = begin(&site, upload(target)).await;
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    let image: Vec<u8> = (0..MIB).map(|place| (place % 251) as u8).collect();
    data.write_at(0, image.clone()).await.expect("written");
    site.manager
        .transfer_finalize(&site.admin, id)
        .await
        .expect("accepted");
    phase(&site, id, TransferPhase::FinishedSuccess).await;

    let download = TransferAddParams {
        direction: TransferDirection::Download,
        ..upload(target)
    };
    let id = begin(&site, download).await;
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    assert_eq!(
        data.read_at(0, 2 * MIB as usize).await.expect("read"),
        image
    );
    assert_eq!(data.read_at(MIB, 10).await.expect("read"), b"");
    assert!(refusal(data.write_at(0, vec![0]).await).contains("downloaded"));
    site.manager
        .transfer_finalize(&site.admin, id)
        .await
        .expect("accepted");
    phase(&site, id, TransferPhase::FinishedSuccess).await;
    assert_eq!(site.disk(target).status.as_str(), "ok");
}

#[tokio::test]
async fn a_transfer_that_nobody_feeds_is_stopped_as_was_agreed() {
    let site = Site::new().await;
    for (policy, end) in [
        (TransferTimeoutPolicy::Pause, TransferPhase::PausedSystem),
        (TransferTimeoutPolicy::Cancel, TransferPhase::CancelledUser),
    ] {
        let target = disk(&site, MIB, DiskFormat::Raw, false).await;
        let params = TransferAddParams {
            inactivity_timeout: Some(60),
            timeout_policy: Some(policy),
            ..upload(target)
        };
        let id = begin(&site, params).await;
        site.clock.advance(Duration::from_secs(61));
        phase(&site, id, end).await;
        if end == TransferPhase::PausedSystem {
            site.manager
                .transfer_resume(&site.admin, id)
                .await
                .expect("resumed");
            let secret = site
                .manager
                .transfer_secret(&site.admin, id)
                .expect("there");
            let data = site
                .manager
                .transfer_open(secret.expose())
                .await
                .expect("open");
            data.write_at(0, vec![1; 10]).await.expect("written");
            site.manager
                .transfer_cancel(&site.admin, id)
                .await
                .expect("accepted");
        }
        site.idle().await;
    }
}

#[tokio::test]
async fn a_disk_of_a_running_vm_is_not_transferred() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    site.start(vm).await;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let refused = site.manager.transfer_add(&site.admin, upload(disk)).await;
    assert!(refusal(refused).contains("is not down"));
}

#[tokio::test]
async fn somebody_else_has_no_part_in_a_transfer() {
    let site = Site::new().await;
    let target = disk(&site, MIB, DiskFormat::Raw, false).await;
    let id = begin(&site, upload(target)).await;
    let stranger = site.user("mallory").await;
    let refused = site.manager.transfer_secret(&stranger, id);
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::NotFound);
    let refused = site.manager.transfer_cancel(&stranger, id).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::NotFound);
    let guessed = site.manager.transfer_open(&"0".repeat(64)).await;
    assert_eq!(guessed.expect_err("refused").kind(), ErrorKind::NotFound);
}
