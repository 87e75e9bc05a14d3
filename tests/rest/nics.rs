//! `/vms/{id}/nics`

use api::types::{Action, Mac, Nic, NicInterface, Vm, VnicProfile};
use http::Method;

use super::{admin, named, new_vm};

#[tokio::test]
async fn a_network_interface_is_added_changed_unplugged_and_taken_away() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let base = format!("vms/{vm}/nics");
    let profiles: Vec<VnicProfile> = api.list("vnicprofiles?search=name%3Dovirtmgmt").await;
    let nic = Nic {
        name: Some("n1".into()),
        interface: Some(NicInterface::Virtio),
        vnic_profile: Some(
            VnicProfile {
                id: profiles[0].id.clone(),
                ..Default::default()
            }
            .into(),
        ),
        ..Nic::default()
    };
    let added = api.add(&base, &nic).await;
    let path = format!("{base}/{}", added.id.as_ref().unwrap());
    assert_eq!((added.plugged, added.linked), (Some(true), Some(true)));
    assert_eq!(
        added.mac.as_ref().unwrap().address.as_ref().unwrap().len(),
        17
    );
    assert_eq!(added.vm.as_ref().unwrap().id, Some(vm.clone()));
    let changed = api
        .put(
            &path,
            &Nic {
                linked: Some(false),
                ..Nic::default()
            },
        )
        .await;
    assert_eq!(changed.linked, Some(false));
    assert_eq!(
        changed.vnic_profile, added.vnic_profile,
        "what was not sent stays"
    );
    api.act(&format!("{path}/deactivate"), &Action::default())
        .await;
    assert_eq!(api.get::<Nic>(&path).await.plugged, Some(false));
    api.act(&format!("{path}/activate"), &Action::default())
        .await;
    assert_eq!(api.get::<Nic>(&path).await.plugged, Some(true));
    // An empty reference pulls the plug out of the network.
    let none = Nic {
        vnic_profile: Some(VnicProfile::default().into()),
        ..Nic::default()
    };
    assert!(api.put(&path, &none).await.vnic_profile.is_none());
    api.delete(&path).await;
    assert!(api.list::<Nic>(&base).await.is_empty());
    api.refused(Method::DELETE, &path, "", 404).await;
}

#[tokio::test]
async fn a_network_may_be_named_instead_of_a_profile() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let nic = Nic {
        name: Some("n1".into()),
        network: named!(Network, "ovirtmgmt"),
        ..Nic::default()
    };
    let added = api.add(&format!("vms/{vm}/nics"), &nic).await;
    assert!(added.vnic_profile.is_some());
}

#[tokio::test]
async fn what_cannot_be_an_interface_is_refused() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await.id.unwrap();
    let base = format!("vms/{vm}/nics");
    let fault = api.refused(Method::POST, &base, "<nic/>", 400).await;
    assert_eq!(fault, "Incomplete parameters: Nic [name] required for add");
    let bad_mac = "<nic><name>n</name><mac><address>no</address></mac></nic>";
    let fault = api.refused(Method::POST, &base, bad_mac, 400).await;
    assert_eq!(
        fault,
        "Invalid value: The value 'no' of 'mac.address' is not valid."
    );
    let nic = Nic {
        name: Some("n1".into()),
        mac: Some(
            Mac {
                address: Some("56:6f:00:00:00:01".into()),
            }
            .into(),
        ),
        ..Nic::default()
    };
    api.add(&base, &nic).await;
    api.refused(Method::POST, &base, "<nic><name>n1</name></nic>", 409)
        .await;
    let same_mac = "<nic><name>n2</name><mac><address>56:6f:00:00:00:01</address></mac></nic>";
    api.refused(Method::POST, &base, same_mac, 409).await;
    let unknown = "<nic><name>n2</name><vnic_profile><name>x</name></vnic_profile></nic>";
    api.refused(Method::POST, &base, unknown, 404).await;
    let vm: Vm = api.get(&format!("vms/{vm}?follow=nics")).await;
    assert_eq!(vm.nics.as_ref().unwrap().len(), 1);
}
