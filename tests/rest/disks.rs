//! `/disks`

use api::types::{Action, Disk, DiskContentType, DiskFormat, DiskStatus};
use http::Method;
use manager::model::DiskStatus as Status;
use tests::site::TestSite;

use super::{Api, admin, named};

pub fn new_disk(name: &str) -> Disk {
    Disk {
        alias: Some(name.into()),
        provisioned_size: Some(1 << 20),
        format: Some(DiskFormat::Cow),
        storage_domains: Some(
            vec![api::types::StorageDomain {
                name: Some("data".into()),
                ..Default::default()
            }]
            .into(),
        ),
        ..Disk::default()
    }
}

/// Adds a disk and waits for it.
pub async fn ready(site: &TestSite, api: &Api, disk: &Disk) -> String {
    let id = api.add("disks", disk).await.id.expect("an id");
    let wanted = id.clone();
    site.until(move |inventory| {
        inventory
            .disks
            .iter()
            .any(|disk| disk.id.to_string() == wanted && disk.status == Status::Ok)
    })
    .await;
    id
}

#[tokio::test]
async fn a_disk_is_made_changed_and_taken_away() {
    let (site, api) = admin().await;
    let id = ready(&site, &api, &new_disk("d1")).await;
    let path = format!("disks/{id}");
    let disk: Disk = api.get(&path).await;
    assert_eq!(disk.name.as_deref(), Some("d1"));
    assert_eq!(disk.alias.as_deref(), Some("d1"));
    assert_eq!(disk.provisioned_size, Some(1 << 20));
    assert_eq!(disk.format, Some(DiskFormat::Cow));
    assert_eq!(disk.sparse, Some(true));
    assert_eq!(disk.status, Some(DiskStatus::Ok));
    assert_eq!(disk.content_type, Some(DiskContentType::Data));
    assert_eq!(disk.storage_domains.as_ref().unwrap().len(), 1);
    let change = Disk {
        name: Some("d2".into()),
        description: Some("x".into()),
        ..Disk::default()
    };
    let changed = api.put(&path, &change).await;
    assert_eq!(changed.alias.as_deref(), Some("d2"));
    let found: Vec<Disk> = api.list("disks?search=alias%3Dd2").await;
    assert_eq!(found.len(), 1);
    api.delete(&path).await;
    site.until(|inventory| inventory.disks.is_empty()).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn a_disk_that_cannot_be_is_refused() {
    let (_site, api) = admin().await;
    let fault = api
        .refused(Method::POST, "disks", "<disk><name>d</name></disk>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: Disk [provisioned_size] required for add"
    );
    let negative = "<disk><name>d</name><provisioned_size>-1</provisioned_size></disk>";
    api.refused(Method::POST, "disks", negative, 400).await;
    let nowhere = "<disk><name>d</name><provisioned_size>1</provisioned_size><storage_domain><name>x</name></storage_domain></disk>";
    api.refused(Method::POST, "disks", nowhere, 404).await;
    let huge = Disk {
        provisioned_size: Some(1 << 60),
        format: Some(DiskFormat::Raw),
        ..new_disk("huge")
    };
    use api::Typed as _;
    let answer = api.send(Method::POST, "disks", &huge.to_xml()).await;
    assert!([400, 409].contains(&answer.status), "{}", answer.text());
    api.refused(
        Method::DELETE,
        "disks/00000000-0000-0000-0000-0000000000ff",
        "",
        404,
    )
    .await;
    api.refused(
        Method::PUT,
        "disks/00000000-0000-0000-0000-0000000000ff",
        "<disk/>",
        404,
    )
    .await;
}

#[tokio::test]
async fn a_disk_is_copied() {
    let (site, api) = admin().await;
    let id = ready(&site, &api, &new_disk("d1")).await;
    let action = Action {
        disk: Some(
            Disk {
                alias: Some("d2".into()),
                ..Disk::default()
            }
            .into(),
        ),
        storage_domain: named!(StorageDomain, "data"),
        ..Action::default()
    };
    api.act(&format!("disks/{id}/copy"), &action).await;
    site.until(|inventory| {
        inventory
            .disks
            .iter()
            .any(|disk| disk.name == "d2" && disk.status == Status::Ok)
    })
    .await;
    api.refused(
        Method::POST,
        &format!("disks/{id}/refreshlun"),
        "<action/>",
        501,
    )
    .await;
    api.refused(
        Method::POST,
        &format!("disks/{id}/nosuchthing"),
        "<action/>",
        404,
    )
    .await;
}

#[tokio::test]
async fn a_cds_image_is_a_disk_of_its_kind() {
    let (site, api) = admin().await;
    let iso = Disk {
        content_type: Some(DiskContentType::Iso),
        format: None,
        ..new_disk("debian.iso")
    };
    let id = ready(&site, &api, &iso).await;
    let disk: Disk = api.get(&format!("disks/{id}")).await;
    assert_eq!(disk.format, Some(DiskFormat::Raw));
    let domain = disk.storage_domains.as_ref().unwrap()[0]
        .id
        .clone()
        .unwrap();
    let files: Vec<api::types::File> = api.list(&format!("storagedomains/{domain}/files")).await;
    assert_eq!(files[0].id.as_deref(), Some(id.as_str()));
    assert_eq!(files[0].name.as_deref(), Some("debian.iso"));
}
