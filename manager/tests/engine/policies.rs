//! What administrators set: affinity, quotas, MAC pools, QoS and profiles.

use std::collections::BTreeSet;

use manager::model::{DiskFormat, MacRange, QosType, QuotaMode, VmId};
use manager::{
    AffinityGroupParams, AffinityRuleParams, ClusterSettings, ClusterUpdateParams,
    DataCenterUpdateParams, MacPoolParams, NicAddParams, ProfileParams, QosParams,
    QuotaClusterLimitParams, QuotaParams, QuotaStorageLimitParams, VmSettings, VmStartParams,
    VmUpdateParams,
};

use crate::site::{Site, refusal};

const GIB: u64 = 1 << 30;

fn data_center(site: &Site) -> manager::model::DataCenterId {
    site.manager
        .inventory()
        .data_centers
        .iter()
        .next()
        .expect("a data center")
        .id
}

async fn enforce(site: &Site, mode: QuotaMode) {
    let params = DataCenterUpdateParams {
        quota_mode: Some(mode),
        ..DataCenterUpdateParams::default()
    };
    site.manager
        .data_center_update(&site.admin, data_center(site), params)
        .await
        .expect("changed");
}

async fn in_quota(site: &Site, vm: VmId, quota: manager::model::QuotaId) {
    let settings = VmSettings {
        quota: Some(quota),
        ..VmSettings::default()
    };
    let change = VmUpdateParams {
        settings,
        ..VmUpdateParams::default()
    };
    site.manager
        .vm_update(&site.admin, vm, change)
        .await
        .expect("changed");
}

#[tokio::test]
async fn vms_that_must_be_apart_cannot_both_run_on_one_host() {
    let site = Site::new().await;
    let (one, two) = (site.bare("one").await, site.bare("two").await);
    let params = AffinityGroupParams {
        name: Some("apart".to_owned()),
        vms_rule: AffinityRuleParams {
            enabled: Some(true),
            positive: Some(false),
            enforcing: Some(true),
        },
        vms: Some(BTreeSet::from([one, two])),
        ..AffinityGroupParams::default()
    };
    let group = site
        .manager
        .affinity_group_add(&site.admin, site.cluster(), params)
        .await
        .expect("made");
    site.start(one).await;
    let refused = site
        .manager
        .vm_start(&site.admin, two, VmStartParams::default())
        .await;
    let text = refusal(refused);
    assert!(text.contains("apart"), "{text}");
    site.manager
        .affinity_group_remove(&site.admin, group.id)
        .await
        .expect("removed");
    site.start(two).await;
}

#[tokio::test]
async fn an_enforced_quota_refuses_what_passes_it_and_an_audited_one_only_says_so() {
    let site = Site::new().await;
    let quota = site
        .manager
        .quota_add(
            &site.admin,
            data_center(&site),
            QuotaParams {
                name: Some("small".to_owned()),
                cluster_hard: Some(0),
                storage_hard: Some(0),
                ..QuotaParams::default()
            },
        )
        .await
        .expect("made")
        .id;
    site.manager
        .quota_cluster_limit_add(
            &site.admin,
            quota,
            QuotaClusterLimitParams {
                cluster: None,
                vcpus: Some(1),
                memory: None,
            },
        )
        .await
        .expect("limited");
    site.manager
        .quota_storage_limit_add(
            &site.admin,
            quota,
            QuotaStorageLimitParams {
                storage_domain: None,
                limit: Some(3),
            },
        )
        .await
        .expect("limited");
    let (one, two) = (site.bare("one").await, site.bare("two").await);
    for vm in [one, two] {
        in_quota(&site, vm, quota).await;
    }
    enforce(&site, QuotaMode::Enabled).await;
    site.start(one).await;
    let start = || async {
        site.manager
            .vm_start(&site.admin, two, VmStartParams::default())
            .await
    };
    let text = refusal(start().await);
    assert!(text.contains("small") && text.contains("vCPU"), "{text}");
    let disk = |gib: u64| {
        let mut params = site.disk_params("data", gib * GIB);
        params.quota = Some(quota);
        params
    };
    let added = site
        .manager
        .disk_add(&site.admin, disk(2))
        .await
        .expect("fits");
    site.finished(&added).await;
    let text = refusal(site.manager.disk_add(&site.admin, disk(2)).await);
    assert!(text.contains("small"), "{text}");
    enforce(&site, QuotaMode::Audit).await;
    start().await.expect("audited only");
}

#[tokio::test]
async fn new_interfaces_have_addresses_of_their_clusters_pool() {
    let site = Site::new().await;
    let range = MacRange {
        from: "02:aa:00:00:00:10".parse().expect("an address"),
        to: "02:aa:00:00:00:11".parse().expect("an address"),
    };
    let pool = site
        .manager
        .mac_pool_add(
            &site.admin,
            MacPoolParams {
                name: Some("mine".to_owned()),
                ranges: Some(vec![range]),
                ..MacPoolParams::default()
            },
        )
        .await
        .expect("made");
    let settings = ClusterSettings {
        mac_pool: Some(pool.id),
        ..ClusterSettings::default()
    };
    site.manager
        .cluster_update(
            &site.admin,
            site.cluster(),
            ClusterUpdateParams {
                name: None,
                settings,
            },
        )
        .await
        .expect("changed");
    let vm = site.bare("one").await;
    let nic = |name: &str| NicAddParams {
        name: name.to_owned(),
        interface: None,
        mac: None,
        vnic_profile: Some(site.profile()),
        linked: None,
        plugged: None,
    };
    for name in ["nic1", "nic2"] {
        site.manager
            .nic_add(&site.admin, vm, nic(name))
            .await
            .expect("added");
    }
    let macs: BTreeSet<String> = site
        .vm(vm)
        .nics
        .iter()
        .map(|nic| nic.mac.to_string())
        .collect();
    let wanted = ["02:aa:00:00:00:10", "02:aa:00:00:00:11"];
    assert_eq!(macs, wanted.map(str::to_owned).into());
    let refused = site.manager.nic_add(&site.admin, vm, nic("nic3")).await;
    assert!(refusal(refused).to_lowercase().contains("mac"));
    let used = site.manager.mac_pool_remove(&site.admin, pool.id).await;
    assert!(used.is_err(), "a cluster uses it");
}

#[tokio::test]
async fn a_disk_profiles_limit_reaches_the_domain() {
    let site = Site::new().await;
    let qos = site
        .manager
        .qos_add(
            &site.admin,
            data_center(&site),
            QosType::Storage,
            QosParams {
                name: Some("slow".to_owned()),
                limits: vec![("max_iops", 100)],
                ..QosParams::default()
            },
        )
        .await
        .expect("made");
    let profile = site
        .manager
        .disk_profile_add(
            &site.admin,
            site.domain(),
            ProfileParams {
                name: Some("slow".to_owned()),
                qos: Some(Some(qos.id)),
                ..ProfileParams::default()
            },
        )
        .await
        .expect("made");
    let mut params = site.vm_params("one");
    let mut disk = site.disk_params("data", GIB);
    disk.format = DiskFormat::Cow;
    disk.disk_profile = Some(profile.id);
    params.disks.push(crate::site::new_disk(disk));
    let added = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("accepted");
    site.finished(&added).await;
    site.start(added.value.id).await;
    let spec = site.host.spec(added.value.id.0).expect("runs");
    assert_eq!(spec.disks[0].limits.requests, 100);
}
