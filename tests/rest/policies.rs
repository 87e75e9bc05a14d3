//! What administrators set: affinity, quotas, QoS, profiles, MAC pools, bookmarks, scheduling
//! policies, keys and options of users, labels of networks.

use api::types::{
    AffinityGroup, AffinityLabel, AffinityRule, Bookmark, CpuProfile, DataCenter, Disk,
    DiskProfile, Filter, Mac, MacPool, NetworkLabel, Nic, Qos, Quota, QuotaClusterLimit,
    QuotaStorageLimit, Range, SchedulingPolicy, SshPublicKey, UserOption, Vm,
};
use http::Method;

use super::{Api, admin, named};

async fn id_of(api: &Api, collection: &str) -> String {
    let path = format!("/ovirt-engine/api/{collection}");
    let headers = [("accept", "application/json")];
    let answer = api
        .client
        .send(Method::GET, &path, &headers, "")
        .await
        .expect("an answer")
        .expect(200)
        .json();
    let all = answer.as_object().and_then(|it| it.values().next());
    let first = all.and_then(|all| all[0]["id"].as_str());
    first.expect("one at least").to_owned()
}

#[tokio::test]
async fn vms_that_are_kept_apart_do_not_run_on_the_one_host_together() {
    let (site, api) = admin().await;
    let running = site.running_vm("one").await;
    let second = site.vm("two").await;
    let groups = format!("clusters/{}/affinitygroups", id_of(&api, "clusters").await);
    let group = AffinityGroup {
        name: Some("apart".into()),
        description: Some("never together".into()),
        vms_rule: Some(
            AffinityRule {
                enabled: Some(true),
                positive: Some(false),
                enforcing: Some(true),
            }
            .into(),
        ),
        vms: Some(
            [running, second]
                .map(|id| Vm {
                    id: Some(id.to_string()),
                    ..Vm::default()
                })
                .to_vec()
                .into(),
        ),
        ..AffinityGroup::default()
    };
    let group = api.add(&groups, &group).await;
    let path = format!("{groups}/{}", group.id.as_ref().unwrap());
    // What Ansible reads without asking whether it is there.
    assert_eq!(group.hosts_rule.as_ref().unwrap().positive, Some(true));
    assert_eq!((group.positive, group.enforcing), (Some(false), Some(true)));
    assert_eq!(group.broken, Some(false));
    assert_eq!(api.list::<Vm>(&format!("{path}/vms")).await.len(), 2);
    let fault = api
        .refused(
            Method::POST,
            &format!("vms/{second}/start"),
            "<action/>",
            409,
        )
        .await;
    assert!(fault.contains("apart"), "{fault}");
    api.delete(&format!("{path}/vms/{second}")).await;
    let started = api
        .send(Method::POST, &format!("vms/{second}/start"), "<action/>")
        .await;
    assert_eq!(started.status, 200, "{}", started.text());
    api.refused(Method::POST, &groups, "<affinity_group/>", 400)
        .await;
    let twice = "<affinity_group><name>apart</name></affinity_group>";
    api.refused(Method::POST, &groups, twice, 409).await;
    api.delete(&path).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn labels_are_on_vms_and_hosts_seen_from_either_side() {
    let (site, api) = admin().await;
    let vm = site.vm("web1").await;
    let host = id_of(&api, "hosts").await;
    let label = AffinityLabel {
        name: Some("ssd".into()),
        ..AffinityLabel::default()
    };
    let label = api.add("affinitylabels", &label).await;
    let id = label.id.clone().unwrap();
    let on_vm = format!("vms/{vm}/affinitylabels");
    api.add(&on_vm, &label).await;
    let seen: Vec<Vm> = api.list(&format!("affinitylabels/{id}/vms")).await;
    assert_eq!(seen[0].name.as_deref(), Some("web1"));
    api.send(
        Method::POST,
        &format!("affinitylabels/{id}/hosts"),
        &format!("<host id=\"{host}\"/>"),
    )
    .await
    .expect(201);
    let there: Vec<AffinityLabel> = api.list(&format!("hosts/{host}/affinitylabels")).await;
    assert_eq!(there.len(), 1);
    api.delete(&format!("{on_vm}/{id}")).await;
    assert!(api.list::<AffinityLabel>(&on_vm).await.is_empty());
    api.delete(&format!("affinitylabels/{id}")).await;
    assert!(api.list::<AffinityLabel>("affinitylabels").await.is_empty());
}

#[tokio::test]
async fn a_quota_refuses_the_disk_that_is_too_much() {
    let (_site, api) = admin().await;
    let center = id_of(&api, "datacenters").await;
    let enforced = DataCenter {
        quota_mode: Some("enabled".parse().unwrap()),
        ..DataCenter::default()
    };
    api.put(&format!("datacenters/{center}"), &enforced).await;
    let quotas = format!("datacenters/{center}/quotas");
    let quota = Quota {
        name: Some("small".into()),
        storage_hard_limit_pct: Some(0),
        ..Quota::default()
    };
    let quota = api.add(&quotas, &quota).await;
    assert_eq!(quota.cluster_hard_limit_pct, Some(20));
    let path = format!("{quotas}/{}", quota.id.as_ref().unwrap());
    let limit = QuotaStorageLimit {
        limit: Some(2),
        ..QuotaStorageLimit::default()
    };
    let limits = format!("{path}/quotastoragelimits");
    let limit = api.add(&limits, &limit).await;
    let cluster = QuotaClusterLimit {
        vcpu_limit: Some(4),
        memory_limit: Some(8.0),
        ..QuotaClusterLimit::default()
    };
    let cluster = api
        .add(&format!("{path}/quotaclusterlimits"), &cluster)
        .await;
    assert_eq!(cluster.vcpu_usage, Some(0));
    let disk = |name: &str, gib: i64| Disk {
        name: Some(name.into()),
        provisioned_size: Some(gib << 30),
        format: Some("cow".parse().unwrap()),
        storage_domains: Some(
            vec![api::types::StorageDomain {
                name: Some("data".into()),
                ..Default::default()
            }]
            .into(),
        ),
        quota: Some(quota.clone().into()),
        ..Disk::default()
    };
    let first = api.add("disks", &disk("first", 2)).await;
    let used: QuotaStorageLimit = api
        .get(&format!("{limits}/{}", limit.id.as_ref().unwrap()))
        .await;
    assert_eq!(used.usage, Some(2.0));
    let body = api::Typed::to_xml(&disk("second", 1));
    let fault = api.refused(Method::POST, "disks", &body, 409).await;
    assert!(fault.contains("Quota has insufficient storage"), "{fault}");
    let refused = api.send(Method::DELETE, &path, "").await;
    assert_eq!(refused.status, 409, "it is used by {:?}", first.name);
    api.refused(Method::POST, &quotas, "<quota/>", 400).await;
    let own: Vec<Quota> = api.list(&quotas).await;
    assert!(own.iter().any(|it| it.name.as_deref() == Some("Default")));
}

#[tokio::test]
async fn qualities_of_service_are_used_by_profiles() {
    let (_site, api) = admin().await;
    let center = id_of(&api, "datacenters").await;
    let qoss = format!("datacenters/{center}/qoss");
    let qos = |name: &str, kind: &str| Qos {
        name: Some(name.into()),
        type_: Some(kind.parse().unwrap()),
        ..Qos::default()
    };
    let slow = Qos {
        max_iops: Some(100),
        ..qos("slow", "storage")
    };
    let slow = api.add(&qoss, &slow).await;
    let half = Qos {
        cpu_limit: Some(50),
        ..qos("half", "cpu")
    };
    let half = api.add(&qoss, &half).await;
    let wrong = "<qos><name>x</name><type>cpu</type><max_iops>1</max_iops></qos>";
    api.refused(Method::POST, &qoss, wrong, 400).await;
    let profile = DiskProfile {
        name: Some("bronze".into()),
        storage_domain: named!(StorageDomain, "data"),
        qos: Some(slow.clone().into()),
        ..DiskProfile::default()
    };
    let profile = api.add("diskprofiles", &profile).await;
    assert_eq!(profile.qos.as_ref().unwrap().id, slow.id);
    let mixed = CpuProfile {
        name: Some("mixed".into()),
        cluster: named!(Cluster, "Default"),
        qos: Some(slow.clone().into()),
        ..CpuProfile::default()
    };
    let body = api::Typed::to_xml(&mixed);
    api.refused(Method::POST, "cpuprofiles", &body, 409).await;
    let right = CpuProfile {
        qos: Some(half.into()),
        ..mixed
    };
    let right = api.add("cpuprofiles", &right).await;
    let change = Qos {
        max_iops: Some(200),
        ..Qos::default()
    };
    let slow_path = format!("{qoss}/{}", slow.id.as_ref().unwrap());
    assert_eq!(api.put(&slow_path, &change).await.max_iops, Some(200));
    api.delete(&slow_path).await;
    let path = format!("diskprofiles/{}", profile.id.as_ref().unwrap());
    assert!(api.get::<DiskProfile>(&path).await.qos.is_none());
    api.delete(&path).await;
    api.delete(&format!("cpuprofiles/{}", right.id.as_ref().unwrap()))
        .await;
}

#[tokio::test]
async fn new_interfaces_have_addresses_of_their_clusters_pool() {
    let (site, api) = admin().await;
    let pool = MacPool {
        name: Some("small".into()),
        ranges: Some(
            vec![Range {
                from: Some("02:00:00:00:00:01".into()),
                to: Some("02:00:00:00:00:01".into()),
            }]
            .into(),
        ),
        ..MacPool::default()
    };
    let pool = api.add("macpools", &pool).await;
    let cluster = id_of(&api, "clusters").await;
    let body = format!(
        "<cluster><mac_pool id=\"{}\"/></cluster>",
        pool.id.as_ref().unwrap()
    );
    api.send(Method::PUT, &format!("clusters/{cluster}"), &body)
        .await
        .expect(200);
    let vm = site.vm("web1").await;
    let nics = format!("vms/{vm}/nics");
    let nic = |name: &str| Nic {
        name: Some(name.into()),
        ..Nic::default()
    };
    let first = api.add(&nics, &nic("nic1")).await;
    let expected = Mac {
        address: Some("02:00:00:00:00:01".into()),
    };
    assert_eq!(first.mac.as_deref(), Some(&expected));
    let body = api::Typed::to_xml(&nic("nic2"));
    let fault = api.refused(Method::POST, &nics, &body, 409).await;
    assert!(fault.contains("no free MAC"), "{fault}");
    let path = format!("macpools/{}", pool.id.as_ref().unwrap());
    api.refused(Method::DELETE, &path, "", 409).await;
    let odd = "<mac_pool><name>odd</name><ranges><range><from>03:00:00:00:00:01</from><to>03:00:00:00:00:02</to></range></ranges></mac_pool>";
    api.refused(Method::POST, "macpools", odd, 400).await;
}

#[tokio::test]
async fn small_things_are_made_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let bookmark = Bookmark {
        name: Some("running".into()),
        value: Some("Vms: status=up".into()),
        ..Bookmark::default()
    };
    let bookmark = api.add("bookmarks", &bookmark).await;
    let path = format!("bookmarks/{}", bookmark.id.as_ref().unwrap());
    let change = Bookmark {
        value: Some("Vms: status=down".into()),
        ..Bookmark::default()
    };
    assert_eq!(api.put(&path, &change).await.name, bookmark.name);
    api.delete(&path).await;
    api.refused(Method::POST, "bookmarks", "<bookmark/>", 400)
        .await;

    let user = id_of(&api, "users?search=usrname=admin@internal-authz").await;
    let keys = format!("users/{user}/sshpublickeys");
    let key = SshPublicKey {
        content: Some("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 me@here".into()),
        ..SshPublicKey::default()
    };
    let key = api.add(&keys, &key).await;
    let bad = "<ssh_public_key><content>-oProxyCommand=x y</content></ssh_public_key>";
    api.refused(Method::POST, &keys, bad, 400).await;
    api.delete(&format!("{keys}/{}", key.id.as_ref().unwrap()))
        .await;
    assert!(api.list::<SshPublicKey>(&keys).await.is_empty());
    let options = format!("users/{user}/options");
    let option = |content: &str| UserOption {
        name: Some("columns".into()),
        content: Some(content.into()),
        ..UserOption::default()
    };
    api.add(&options, &option("[1]")).await;
    api.add(&options, &option("[2]")).await;
    let kept: Vec<UserOption> = api.list(&options).await;
    assert_eq!(kept.len(), 1, "one of the same name is replaced");
    assert_eq!(kept[0].content.as_deref(), Some("[2]"));

    let network = id_of(&api, "networks").await;
    let labels = format!("networks/{network}/networklabels");
    let label = NetworkLabel {
        id: Some("blue".into()),
        ..NetworkLabel::default()
    };
    api.add(&labels, &label).await;
    api.refused(Method::POST, &labels, "<network_label id=\"red\"/>", 409)
        .await;
    api.delete(&format!("{labels}/blue")).await;
    assert!(api.list::<NetworkLabel>(&labels).await.is_empty());
}

#[tokio::test]
async fn policies_of_the_beginning_are_locked_and_own_ones_are_not() {
    let (_site, api) = admin().await;
    let all: Vec<SchedulingPolicy> = api.list("schedulingpolicies").await;
    let none = all.iter().find(|it| it.name.as_deref() == Some("none"));
    let none = none.expect("oVirt's policy none");
    assert_eq!(none.locked, Some(true));
    let path = format!("schedulingpolicies/{}", none.id.as_ref().unwrap());
    api.refused(Method::DELETE, &path, "", 409).await;
    let own = SchedulingPolicy {
        name: Some("mine".into()),
        ..SchedulingPolicy::default()
    };
    let own = api.add("schedulingpolicies", &own).await;
    let path = format!("schedulingpolicies/{}", own.id.as_ref().unwrap());
    let filter = Filter {
        scheduling_policy_unit: named!(SchedulingPolicyUnit, "Memory"),
        ..Filter::default()
    };
    let filter = api.add(&format!("{path}/filters"), &filter).await;
    let filter = format!("{path}/filters/{}", filter.id.as_ref().unwrap());
    api.delete(&filter).await;
    api.gone(&filter).await;
    api.delete(&path).await;
}

#[tokio::test]
async fn every_list_has_at_most_what_was_asked_for() {
    let (site, api) = admin().await;
    site.vm("web1").await;
    for list in [
        "operatingsystems",
        "networkfilters",
        "schedulingpolicies",
        "roles",
        "vms",
    ] {
        let headers = [("accept", "application/json")];
        let path = format!("/ovirt-engine/api/{list}?max=1");
        let answer = api.client.send(Method::GET, &path, &headers, "").await;
        let answer = answer.expect("an answer").expect(200).json();
        let all = answer.as_object().and_then(|it| it.values().next());
        let count = all.and_then(|it| it.as_array()).map(Vec::len);
        assert_eq!(count, Some(1), "{list}");
    }
}
