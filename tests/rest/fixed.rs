//! What is there from the beginning.

use api::types::{
    ClusterLevel, CpuProfile, InstanceType, MacPool, NetworkFilter, OperatingSystemInfo,
    SystemOption,
};
use http::Method;

use super::admin;

#[tokio::test]
async fn clients_find_what_they_take_for_granted() {
    let (_site, api) = admin().await;
    let systems: Vec<OperatingSystemInfo> = api.list("operatingsystems").await;
    let names: Vec<_> = systems.iter().filter_map(|it| it.name.as_deref()).collect();
    for name in ["other", "other_linux", "rhel_8x64", "windows_2019x64"] {
        assert!(names.contains(&name), "{name}");
    }
    let text = api.send(Method::GET, "operatingsystems", "").await.text();
    assert!(
        text.contains("<operation_systems>"),
        "the only tag that the SDK can read"
    );
    let level: ClusterLevel = api.get("clusterlevels/4.3").await;
    let permits = level.permits.unwrap();
    assert!(
        permits
            .iter()
            .any(|it| it.name.as_deref() == Some("edit_vm_properties"))
    );
    let option: SystemOption = api.get("options/ServerCPUList").await;
    assert!(
        option.values.unwrap()[0]
            .value
            .as_ref()
            .unwrap()
            .contains("EPYC")
    );
    let filters: Vec<NetworkFilter> = api.list("networkfilters").await;
    assert!(
        filters
            .iter()
            .any(|it| it.name.as_deref() == Some("vdsm-no-mac-spoofing"))
    );
    let sizes: Vec<InstanceType> = api.list("instancetypes?search=name%3DSmall").await;
    assert_eq!(sizes[0].memory, Some(2 << 30));
    let pools: Vec<MacPool> = api.list("macpools").await;
    assert_eq!(pools[0].default_pool, Some(true));
    let profiles: Vec<CpuProfile> = api.list("cpuprofiles?follow=cluster").await;
    assert_eq!(
        profiles[0].cluster.as_ref().unwrap().name.as_deref(),
        Some("Default")
    );
}

#[tokio::test]
async fn what_is_fixed_is_not_changed() {
    let (_site, api) = admin().await;
    api.gone("options/NoSuchOption").await;
    api.gone("clusterlevels/3.0").await;
    api.refused(Method::POST, "operatingsystems", "<operating_system/>", 405)
        .await;
    api.refused(Method::DELETE, "clusterlevels/4.7", "", 405)
        .await;
}
