//! `/vnicprofiles`

use api::types::{Network, NetworkFilter, VnicProfile};
use http::Method;

use super::{admin, named};

#[tokio::test]
async fn a_profile_is_added_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let profile = VnicProfile {
        name: Some("slow".into()),
        network: named!(Network, "ovirtmgmt"),
        ..VnicProfile::default()
    };
    let added = api.add("vnicprofiles", &profile).await;
    let path = format!("vnicprofiles/{}", added.id.as_ref().unwrap());
    assert!(added.network_filter.is_some(), "the usual filter");
    let change = VnicProfile {
        network_filter: Some(NetworkFilter::default().into()),
        description: Some("d".into()),
        ..VnicProfile::default()
    };
    let changed = api.put(&path, &change).await;
    assert!(changed.network_filter.is_none());
    assert_eq!(changed.description.as_deref(), Some("d"));
    api.delete(&path).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn a_profile_is_added_under_its_network() {
    let (_site, api) = admin().await;
    let networks: Vec<Network> = api.list("networks").await;
    let base = format!("networks/{}/vnicprofiles", networks[0].id.as_ref().unwrap());
    let profile = VnicProfile {
        name: Some("slow".into()),
        ..VnicProfile::default()
    };
    api.add(&base, &profile).await;
    assert_eq!(api.list::<VnicProfile>(&base).await.len(), 2);
    let again = "<vnic_profile><name>slow</name></vnic_profile>";
    api.refused(Method::POST, &base, again, 409).await;
    let fault = api
        .refused(Method::POST, "vnicprofiles", "<vnic_profile/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: VnicProfile [name, network.id] required for add"
    );
    let filter = "<vnic_profile><name>x</name><network_filter><name>none-such</name></network_filter></vnic_profile>";
    api.refused(Method::POST, &base, filter, 404).await;
}
