//! `/vms/{id}/diskattachments`

use api::types::{Disk, DiskAttachment, DiskInterface};
use http::Method;
use manager::model::DiskStatus;

use super::disks::{new_disk, ready};
use super::{admin, new_vm};

#[tokio::test]
async fn a_disk_is_attached_changed_and_detached() {
    let (site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let disk = ready(&site, &api, &new_disk("d1")).await;
    let base = format!("vms/{vm}/diskattachments");
    let attachment = DiskAttachment {
        disk: Some(
            Disk {
                id: Some(disk.clone()),
                ..Disk::default()
            }
            .into(),
        ),
        interface: Some(DiskInterface::VirtioScsi),
        bootable: Some(true),
        active: Some(true),
        ..DiskAttachment::default()
    };
    let added = api.add(&base, &attachment).await;
    assert_eq!(
        added.id.as_deref(),
        Some(disk.as_str()),
        "an attachment has the id of its disk"
    );
    let path = format!("{base}/{disk}");
    let read: DiskAttachment = api.get(&path).await;
    assert_eq!(read.bootable, Some(true));
    assert_eq!(read.interface, Some(DiskInterface::VirtioScsi));
    assert_eq!(
        read.disk.as_ref().unwrap().href.as_deref(),
        Some(format!("/ovirt-engine/api/disks/{disk}").as_str())
    );
    let change = DiskAttachment {
        bootable: Some(false),
        ..DiskAttachment::default()
    };
    assert_eq!(api.put(&path, &change).await.bootable, Some(false));
    let found: Vec<Disk> = api.list("disks?search=vm_names%3Dweb1").await;
    assert_eq!(found.len(), 1);
    api.delete(&format!("{path}?detach_only=true")).await;
    api.gone(&path).await;
    api.get::<Disk>(&format!("disks/{disk}")).await;
    api.refused(Method::DELETE, &path, "", 404).await;
    api.refused(Method::PUT, &path, "<disk_attachment/>", 404)
        .await;
}

#[tokio::test]
async fn a_new_disk_comes_with_its_attachment_and_goes_with_it() {
    let (site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let base = format!("vms/{vm}/diskattachments");
    let attachment = DiskAttachment {
        disk: Some(new_disk("d1").into()),
        interface: Some(DiskInterface::Virtio),
        bootable: Some(true),
        ..DiskAttachment::default()
    };
    let disk = api.add(&base, &attachment).await.id.unwrap();
    site.until(|inventory| {
        inventory
            .disks
            .iter()
            .any(|disk| disk.status == DiskStatus::Ok)
    })
    .await;
    api.delete(&format!("{base}/{disk}")).await;
    api.gone(&format!("{base}/{disk}")).await;
    let there: Disk = api.get(&format!("disks/{disk}")).await;
    assert_eq!(there.name.as_deref(), Some("d1"), "taken out, not away");
    let again = DiskAttachment {
        disk: Some(
            Disk {
                id: Some(disk.clone()),
                ..Disk::default()
            }
            .into(),
        ),
        ..attachment
    };
    api.add(&base, &again).await;
    api.delete(&format!("{base}/{disk}?detach_only=false"))
        .await;
    site.until(|inventory| inventory.disks.is_empty()).await;
    api.gone(&format!("disks/{disk}")).await;
}

#[tokio::test]
async fn an_attachment_without_a_disk_is_refused() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let base = format!("vms/{vm}/diskattachments");
    let fault = api
        .refused(Method::POST, &base, "<disk_attachment/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: DiskAttachment [disk] required for add"
    );
    let unknown =
        "<disk_attachment><disk id=\"00000000-0000-0000-0000-0000000000ff\"/></disk_attachment>";
    api.refused(Method::POST, &base, unknown, 404).await;
    let odd = "<disk_attachment><interface>scsi</interface><disk/></disk_attachment>";
    let fault = api.refused(Method::POST, &base, odd, 400).await;
    assert!(fault.starts_with("Invalid Enum value"), "{fault}");
}
