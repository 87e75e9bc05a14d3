//! `/imagetransfers`; the data itself is tested with the addresses that it goes to.

use api::types::{
    Action, Disk, DiskFormat, ImageTransfer, ImageTransferDirection, ImageTransferPhase,
};
use http::Method;
use manager::model::DiskStatus;

use super::disks::{new_disk, ready};
use super::{Api, admin};

async fn transferring(api: &Api, path: &str) -> ImageTransfer {
    loop {
        let transfer: ImageTransfer = api.get(path).await;
        match transfer.phase {
            Some(ImageTransferPhase::Initializing) => tokio::task::yield_now().await,
            Some(ImageTransferPhase::Transferring) => return transfer,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_image_is_uploaded() {
    let (site, api) = admin().await;
    let disk = Disk {
        format: Some(DiskFormat::Raw),
        ..new_disk("up")
    };
    let disk = ready(&site, &api, &disk).await;
    let transfer = ImageTransfer {
        disk: Some(
            Disk {
                id: Some(disk.clone()),
                ..Disk::default()
            }
            .into(),
        ),
        direction: Some(ImageTransferDirection::Upload),
        format: Some(DiskFormat::Raw),
        ..ImageTransfer::default()
    };
    let added = api.add("imagetransfers", &transfer).await;
    let path = format!("imagetransfers/{}", added.id.as_ref().unwrap());
    let transfer = transferring(&api, &path).await;
    let url = transfer.transfer_url.unwrap();
    assert_eq!(transfer.proxy_url.as_ref(), Some(&url));
    let address = url
        .split_once("/images/")
        .map(|(_, secret)| format!("/images/{secret}"))
        .unwrap();
    let range = [("content-range", "bytes 0-4095/*")];
    let stranger = site.stranger();
    let answer = stranger
        .send(Method::PUT, &address, &range, vec![7u8; 4096])
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    // While it is written nobody else has it.
    api.refused(Method::DELETE, &format!("disks/{disk}"), "", 409)
        .await;
    api.act(&format!("{path}/finalize"), &Action::default())
        .await;
    site.until(|inventory| {
        inventory
            .disks
            .iter()
            .all(|disk| disk.status == DiskStatus::Ok)
    })
    .await;
    let after = api.send(Method::GET, &path, "").await;
    if after.status == 200 {
        let after: ImageTransfer = super::read(&after);
        assert_eq!(after.phase, Some(ImageTransferPhase::FinishedSuccess));
        assert!(after.transfer_url.is_none());
    }
    let answer = stranger
        .send(Method::PUT, &address, &range, vec![7u8; 4096])
        .await
        .unwrap();
    assert!(answer.status >= 400, "the address is good for one transfer");
}

#[tokio::test]
async fn a_transfer_is_given_up() {
    let (site, api) = admin().await;
    let disk = ready(&site, &api, &new_disk("down")).await;
    let transfer = ImageTransfer {
        disk: Some(
            Disk {
                id: Some(disk.clone()),
                ..Disk::default()
            }
            .into(),
        ),
        direction: Some(ImageTransferDirection::Download),
        ..ImageTransfer::default()
    };
    let added = api.add("imagetransfers", &transfer).await;
    let path = format!("imagetransfers/{}", added.id.as_ref().unwrap());
    transferring(&api, &path).await;
    api.act(&format!("{path}/cancel"), &Action::default()).await;
    site.until(|inventory| {
        inventory
            .disks
            .iter()
            .all(|disk| disk.status == DiskStatus::Ok)
    })
    .await;
}

#[tokio::test]
async fn a_transfer_needs_a_disk() {
    let (_site, api) = admin().await;
    let fault = api
        .refused(Method::POST, "imagetransfers", "<image_transfer/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: ImageTransfer [disk.id|image.id|snapshot.id] required for add"
    );
    let unknown =
        "<image_transfer><disk id=\"00000000-0000-0000-0000-0000000000ff\"/></image_transfer>";
    api.refused(Method::POST, "imagetransfers", unknown, 404)
        .await;
    let path = "imagetransfers/00000000-0000-0000-0000-0000000000ff/finalize";
    api.refused(Method::POST, path, "<action/>", 404).await;
}
