//! `/clusters`

use api::types::{Cluster, DataCenter, Network, NetworkUsage, Version};
use http::Method;

use super::{admin, named};

#[tokio::test]
async fn a_cluster_is_added_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let cluster = Cluster {
        name: Some("c2".into()),
        data_center: named!(DataCenter, "Default"),
        ..Cluster::default()
    };
    let added = api.add("clusters", &cluster).await;
    let path = format!("clusters/{}", added.id.as_ref().unwrap());
    assert_eq!(added.version.as_deref().and_then(|it| it.major), Some(4));
    let change = Cluster {
        description: Some("d".into()),
        ballooning_enabled: Some(false),
        ..Cluster::default()
    };
    let changed = api.put(&path, &change).await;
    assert_eq!(changed.description.as_deref(), Some("d"));
    assert_eq!(changed.ballooning_enabled, Some(false));
    assert_eq!(changed.name.as_deref(), Some("c2"));
    let found: Vec<Cluster> = api
        .list("clusters?search=Datacenter.name%3DDefault+sortby+name")
        .await;
    assert_eq!(found.len(), 2);
    let centers: Vec<DataCenter> = api.list("datacenters?search=Clusters.name%3Dc2").await;
    assert_eq!(centers.len(), 1);
    api.delete(&path).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn what_cannot_be_a_cluster_is_refused() {
    let (_site, api) = admin().await;
    let fault = api
        .refused(Method::POST, "clusters", "<cluster/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: Cluster [name, data_center.id|name] required for add"
    );
    let same =
        "<cluster><name>Default</name><data_center><name>Default</name></data_center></cluster>";
    api.refused(Method::POST, "clusters", same, 409).await;
    let clusters: Vec<Cluster> = api.list("clusters").await;
    let path = format!("clusters/{}", clusters[0].id.as_ref().unwrap());
    // It has a host.
    api.refused(Method::DELETE, &path, "", 409).await;
    let bad = "<cluster><bios_type>bios</bios_type></cluster>";
    api.refused(Method::PUT, &path, bad, 400).await;
    let version = Cluster {
        version: Some(
            Version {
                major: Some(-4),
                minor: Some(7),
                ..Default::default()
            }
            .into(),
        ),
        ..Cluster::default()
    };
    use api::Typed as _;
    api.refused(Method::PUT, &path, &version.to_xml(), 400)
        .await;
}

#[tokio::test]
async fn a_network_is_put_into_a_cluster_and_taken_out() {
    let (_site, api) = admin().await;
    let network = Network {
        name: Some("blue".into()),
        data_center: named!(DataCenter, "Default"),
        ..Network::default()
    };
    let network = api.add("networks", &network).await.id.unwrap();
    let clusters: Vec<Cluster> = api.list("clusters").await;
    let base = format!("clusters/{}/networks", clusters[0].id.as_ref().unwrap());
    let mine: Vec<Network> = api.list(&base).await;
    let management = mine
        .iter()
        .find(|it| it.name.as_deref() == Some("ovirtmgmt"))
        .unwrap();
    let usages = management.usages.as_ref().unwrap();
    assert!(usages.contains(&NetworkUsage::Management) && usages.contains(&NetworkUsage::Vm));
    let assigned = Network {
        id: Some(network.clone()),
        required: Some(false),
        ..Network::default()
    };
    let added = api.add(&base, &assigned).await;
    assert_eq!(added.required, Some(false));
    let path = format!("{base}/{network}");
    assert_eq!(
        added.href.as_deref(),
        Some(format!("/ovirt-engine/api/{path}").as_str())
    );
    let change = Network {
        usages: Some(vec![NetworkUsage::Migration, NetworkUsage::Vm]),
        ..Network::default()
    };
    let changed = api.put(&path, &change).await;
    assert!(changed.usages.unwrap().contains(&NetworkUsage::Migration));
    assert_eq!(changed.required, Some(false), "what was not sent stays");
    api.delete(&path).await;
    api.gone(&path).await;
    api.refused(Method::POST, &base, "<network/>", 400).await;
    api.refused(Method::DELETE, &path, "", 404).await;
}
