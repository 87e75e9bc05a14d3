//! `/datacenters`

use api::types::{
    Cluster, DataCenter, DataCenterStatus, Disk, Network, StorageDomain, StorageDomainStatus,
};
use http::Method;

use super::admin;

#[tokio::test]
async fn a_data_center_is_added_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let center = DataCenter {
        name: Some("dc2".into()),
        local: Some(false),
        ..Default::default()
    };
    let added = api.add("datacenters", &center).await;
    let path = format!("datacenters/{}", added.id.as_ref().unwrap());
    assert_eq!(added.status, Some(DataCenterStatus::Uninitialized));
    let change = DataCenter {
        name: Some("dc3".into()),
        ..DataCenter::default()
    };
    assert_eq!(api.put(&path, &change).await.name.as_deref(), Some("dc3"));
    let cluster = Cluster {
        name: Some("c2".into()),
        ..Cluster::default()
    };
    // A cluster that is added under its data center need not name it.
    let base = format!("{path}/clusters");
    api.refused(Method::POST, &base, "<cluster/>", 400).await;
    let answer = api
        .send(Method::POST, &base, &api::Typed::to_xml(&cluster))
        .await;
    assert!([201, 409].contains(&answer.status), "{}", answer.text());
    for cluster in api.list::<Cluster>(&base).await {
        api.delete(&format!("{base}/{}", cluster.id.unwrap())).await;
    }
    api.delete(&path).await;
    api.gone(&path).await;
    let fault = api
        .refused(Method::POST, "datacenters", "<data_center/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: DataCenter [name] required for add"
    );
    let same = "<data_center><name>Default</name><local>false</local></data_center>";
    api.refused(Method::POST, "datacenters", same, 409).await;
}

#[tokio::test]
async fn a_data_center_shows_what_is_in_it() {
    let (_site, api) = admin().await;
    let centers: Vec<DataCenter> = api.list("datacenters?search=name%3DDefault").await;
    assert_eq!(centers[0].status, Some(DataCenterStatus::Up));
    let path = format!("datacenters/{}", centers[0].id.as_ref().unwrap());
    let domains: Vec<StorageDomain> = api.list(&format!("{path}/storagedomains")).await;
    assert_eq!(domains[0].name.as_deref(), Some("data"));
    assert_eq!(domains[0].status, Some(StorageDomainStatus::Active));
    let domain = format!("{path}/storagedomains/{}", domains[0].id.as_ref().unwrap());
    assert!(
        api.list::<Disk>(&format!("{domain}/disks"))
            .await
            .is_empty()
    );
    assert_eq!(
        api.list::<Cluster>(&format!("{path}/clusters")).await.len(),
        1
    );
    assert_eq!(
        api.list::<Network>(&format!("{path}/networks")).await.len(),
        1
    );
    let quotas = api
        .list::<api::types::Quota>(&format!("{path}/quotas"))
        .await;
    assert_eq!(quotas.len(), 1, "its own, which those use who name none");
    // What holds everything cannot go.
    api.refused(Method::DELETE, &path, "", 409).await;
    api.refused(
        Method::POST,
        &format!("{domain}/deactivate"),
        "<action/>",
        501,
    )
    .await;
}
