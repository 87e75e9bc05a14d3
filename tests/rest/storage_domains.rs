//! `/storagedomains`

use api::types::{Disk, DiskProfile, StorageDomain, StorageDomainType};
use http::Method;
use manager::model::DiskStatus;

use super::admin;
use super::disks::new_disk;

#[tokio::test]
async fn the_storage_domain_says_how_much_room_it_has() {
    let (_site, api) = admin().await;
    let query = "storagedomains?search=name%3D%22data%22+and+datacenter%3DDefault";
    let domains: Vec<StorageDomain> = api.list(query).await;
    let path = format!("storagedomains/{}", domains[0].id.as_ref().unwrap());
    let domain: StorageDomain = api.get(&path).await;
    assert_eq!(domain.type_, Some(StorageDomainType::Data));
    assert!(domain.available.unwrap() > 0);
    assert!(domain.used.is_some() && domain.committed.is_some());
    assert!(domain.storage.as_ref().unwrap().type_.is_some());
    assert_eq!(domain.data_centers.as_ref().unwrap().len(), 1);
    let profiles: Vec<DiskProfile> = api.list(&format!("{path}/diskprofiles")).await;
    assert_eq!(profiles[0].name.as_deref(), Some("data"));
}

#[tokio::test]
async fn a_storage_domain_is_described_anew_and_takes_disks() {
    let (site, api) = admin().await;
    let domains: Vec<StorageDomain> = api.list("storagedomains").await;
    let path = format!("storagedomains/{}", domains[0].id.as_ref().unwrap());
    let change = StorageDomain {
        comment: Some("fast".into()),
        warning_low_space_indicator: Some(20),
        ..StorageDomain::default()
    };
    let changed = api.put(&path, &change).await;
    assert_eq!(changed.comment.as_deref(), Some("fast"));
    assert_eq!(changed.warning_low_space_indicator, Some(20));
    let bad = "<storage_domain><warning_low_space_indicator>-1</warning_low_space_indicator></storage_domain>";
    api.refused(Method::PUT, &path, bad, 400).await;
    let disk = Disk {
        storage_domains: None,
        ..new_disk("d1")
    };
    let disk = api.add(&format!("{path}/disks"), &disk).await.id.unwrap();
    site.until(|inventory| {
        inventory
            .disks
            .iter()
            .any(|disk| disk.status == DiskStatus::Ok)
    })
    .await;
    let disks: Vec<Disk> = api.list(&format!("{path}/disks")).await;
    assert_eq!(disks[0].id.as_deref(), Some(disk.as_str()));
    api.delete(&format!("{path}/disks/{disk}")).await;
    site.until(|inventory| inventory.disks.is_empty()).await;
    api.refused(Method::DELETE, &format!("{path}/disks/{disk}"), "", 404)
        .await;
    let fault = api.refused(Method::DELETE, &path, "", 409).await;
    assert!(fault.contains("master"), "{fault}");
}
