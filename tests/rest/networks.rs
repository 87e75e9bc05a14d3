//! `/networks`

use api::types::{Network, NetworkUsage, Vlan, VnicProfile};
use http::Method;

use super::{admin, named};

fn blue() -> Network {
    Network {
        name: Some("blue".into()),
        data_center: named!(DataCenter, "Default"),
        vlan: Some(
            Vlan {
                id: Some("77".into()),
                ..Vlan::default()
            }
            .into(),
        ),
        ..Network::default()
    }
}

#[tokio::test]
async fn a_network_is_added_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let added = api.add("networks", &blue()).await;
    let path = format!("networks/{}", added.id.as_ref().unwrap());
    assert_eq!(added.vlan.as_ref().unwrap().id.as_deref(), Some("77"));
    assert_eq!(added.usages, Some(vec![NetworkUsage::Vm]));
    let profiles: Vec<VnicProfile> = api.list(&format!("{path}/vnicprofiles")).await;
    assert_eq!(
        profiles[0].name.as_deref(),
        Some("blue"),
        "a profile of its name comes with it"
    );
    let change = Network {
        mtu: Some(9000),
        comment: Some("c".into()),
        ..Network::default()
    };
    let changed = api.put(&path, &change).await;
    assert_eq!(
        (changed.mtu, changed.comment.as_deref()),
        (Some(9000), Some("c"))
    );
    assert_eq!(changed.vlan, added.vlan, "what was not sent stays");
    let untagged = Network {
        vlan: Some(Vlan::default().into()),
        ..Network::default()
    };
    assert!(api.put(&path, &untagged).await.vlan.is_none());
    let found: Vec<Network> = api
        .list("networks?search=name%3Dblue+and+datacenter%3DDefault")
        .await;
    assert_eq!(found.len(), 1);
    api.delete(&path).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn what_cannot_be_a_network_is_refused() {
    let (_site, api) = admin().await;
    let fault = api
        .refused(Method::POST, "networks", "<network/>", 400)
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: Network [name, data_center.id|name] required for add"
    );
    let tagged = "<network><name>n</name><data_center><name>Default</name></data_center><vlan id=\"x\"/></network>";
    api.refused(Method::POST, "networks", tagged, 400).await;
    api.add("networks", &blue()).await;
    let same =
        "<network><name>blue</name><data_center><name>Default</name></data_center></network>";
    api.refused(Method::POST, "networks", same, 409).await;
    let found: Vec<Network> = api.list("networks?search=name%3Dovirtmgmt").await;
    let path = format!("networks/{}", found[0].id.as_ref().unwrap());
    api.refused(Method::DELETE, &path, "", 409).await;
}
