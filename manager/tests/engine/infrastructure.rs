//! What VMs stand on, tags, events, jobs; and that all of it is there after a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use manager::model::{LogSeverity, NetworkUsage, ObjectId};
use manager::{
    Change, ClusterAddParams, ClusterNetworkParams, ClusterSettings, ClusterUpdateParams,
    DataCenterAddParams, Entity, ErrorKind, EventAddParams, JobAddParams, NetworkAddParams,
    NicAddParams, StepAddParams, TagAddParams, VnicProfileAddParams,
};

use crate::site::{Site, refusal};

fn network(site: &Site, name: &str) -> NetworkAddParams {
    NetworkAddParams {
        name: name.to_owned(),
        description: String::new(),
        comment: String::new(),
        data_center: site
            .manager
            .inventory()
            .data_centers
            .iter()
            .next()
            .expect("one")
            .id,
        vlan: None,
        mtu: None,
        vm_network: true,
        stp: false,
        port_isolation: false,
        name_servers: Vec::new(),
        qos: None,
        with_profile: true,
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 2).await;
    site.manager
        .nic_add(
            &site.admin,
            vm,
            NicAddParams {
                name: "nic1".to_owned(),
                interface: None,
                mac: None,
                vnic_profile: Some(site.profile()),
                linked: None,
                plugged: None,
            },
        )
        .await
        .expect("added");
    site.manager
        .tag_add(
            &site.admin,
            TagAddParams {
                name: "t".to_owned(),
                description: String::new(),
                parent: None,
            },
        )
        .await
        .expect("added");
    site.user("uma").await;
    site.start(vm).await;
    let all = |site: &Site| {
        let inventory = site.manager.inventory();
        let mut all: Vec<String> = inventory
            .entities()
            // A host's state is what it is at this moment.
            .filter(|entity| !matches!(entity, Entity::Host(_) | Entity::StorageDomain(_)))
            .map(|entity| format!("{entity:?}"))
            .collect();
        all.sort();
        all
    };
    let before = all(&site);
    let event = site.manager.inventory().events.last();
    let site = site.restart().await;
    assert_eq!(all(&site), before);
    assert!(site.manager.inventory().events.last() > event);
    assert!(site.manager.inventory().events.get(event).is_some());
    assert_eq!(site.host.starts().len(), 1);
    site.stop(vm).await;
}

#[tokio::test]
async fn a_subscriber_sees_every_change_in_order_and_can_resume() {
    let site = Site::new().await;
    let mut changes = site.manager.subscribe();
    let start = site.manager.inventory();
    let vm = site.bare("web1").await;
    let mut revision = start.revision();
    loop {
        let applied = changes.next().await.expect("a change");
        assert_eq!(applied.revision, revision + 1);
        revision = applied.revision;
        let seen = applied
            .changes
            .iter()
            .any(|change| matches!(change, Change::Put(Entity::Vm(it)) if it.id == vm));
        if seen {
            break;
        }
    }
    let (missed, _) = site
        .manager
        .resume(start.epoch(), start.revision())
        .expect("known");
    assert_eq!(
        missed.first().map(|applied| applied.revision),
        Some(start.revision() + 1)
    );
    assert!(missed.iter().any(|applied| applied.revision == revision));
    assert!(
        site.manager
            .resume(uuid::Uuid::new_v4(), start.revision())
            .is_none()
    );
    assert!(site.manager.resume(start.epoch(), u64::MAX).is_none());
    assert!(start.vms.is_empty(), "a snapshot does not change");
}

#[tokio::test]
async fn networks_and_profiles_are_made_used_and_removed() {
    let site = Site::new().await;
    let (manager, admin) = (&site.manager, &site.admin);
    let made = manager
        .network_add(
            admin,
            NetworkAddParams {
                vlan: Some(77),
                ..network(&site, "a-rather-long-name")
            },
        )
        .await
        .expect("made");
    assert!(made.vdsm_name.len() <= 15 && made.vdsm_name.starts_with("on"));
    let profile = manager
        .inventory()
        .vnic_profiles
        .iter()
        .find(|it| it.network == made.id)
        .cloned()
        .expect("made with it");
    let twice = manager
        .network_add(admin, network(&site, "a-rather-long-name"))
        .await;
    assert!(refusal(twice).contains("already in use"));
    let vlan = manager
        .network_add(
            admin,
            NetworkAddParams {
                vlan: Some(77),
                ..network(&site, "n2")
            },
        )
        .await;
    assert!(refusal(vlan).contains("VLAN ID 77"));
    let vlan = manager
        .network_add(
            admin,
            NetworkAddParams {
                vlan: Some(5000),
                ..network(&site, "n2")
            },
        )
        .await;
    assert_eq!(vlan.expect_err("refused").kind(), ErrorKind::Invalid);
    let vm = site.bare("web1").await;
    let nic = || NicAddParams {
        name: "nic1".to_owned(),
        interface: None,
        mac: None,
        vnic_profile: Some(profile.id),
        linked: None,
        plugged: None,
    };
    let refused = manager.nic_add(admin, vm, nic()).await;
    assert!(refusal(refused).contains("not in the VM's cluster"));
    let usages = BTreeSet::from([NetworkUsage::Display]);
    let cluster = manager
        .cluster_network_add(
            admin,
            site.cluster(),
            made.id,
            ClusterNetworkParams {
                required: Some(false),
                usages: Some(usages),
            },
        )
        .await
        .expect("added");
    let displays = cluster
        .networks
        .iter()
        .filter(|it| it.usages.contains(&NetworkUsage::Display));
    assert_eq!(displays.count(), 1);
    let added = manager
        .nic_add(admin, vm, nic())
        .await
        .expect("added")
        .value;
    let refused = manager.network_remove(admin, made.id).await;
    assert!(refusal(refused).contains("used by VM web1"));
    let refused = manager.vnic_profile_remove(admin, profile.id).await;
    assert!(refusal(refused).contains("used by VM web1"));
    manager
        .nic_remove(admin, vm, added.id)
        .await
        .expect("removed");
    manager
        .network_remove(admin, made.id)
        .await
        .expect("removed");
    assert!(!manager.inventory().vnic_profiles.contains_key(&profile.id));
    assert_eq!(
        manager
            .inventory()
            .clusters
            .iter()
            .next()
            .expect("one")
            .networks
            .len(),
        1
    );
    let management = manager.inventory().networks.iter().next().expect("one").id;
    let refused = manager.network_remove(admin, management).await;
    assert!(refusal(refused).contains("management network"));
    let second = VnicProfileAddParams {
        name: "ovirtmgmt".to_owned(),
        description: String::new(),
        comment: String::new(),
        network: management,
        port_mirroring: false,
        pass_through: None,
        migratable: None,
        network_filter: None,
        custom_properties: Vec::new(),
        qos: None,
    };
    let refused = manager.vnic_profile_add(admin, second).await;
    assert!(refusal(refused).contains("already used"));
}

#[tokio::test]
async fn clusters_and_data_centers_are_made_changed_and_removed_when_empty() {
    let site = Site::new().await;
    let (manager, admin) = (&site.manager, &site.admin);
    let first = site.cluster();
    let data_center = manager
        .data_center_add(
            admin,
            DataCenterAddParams {
                name: "second".to_owned(),
                description: String::new(),
                comment: String::new(),
                local: false,
                version: None,
                quota_mode: None,
            },
        )
        .await
        .expect("made");
    assert_eq!(data_center.status.as_str(), "uninitialized");
    let cluster = manager
        .cluster_add(
            admin,
            ClusterAddParams {
                name: "c2".to_owned(),
                data_center: data_center.id,
                management_network: None,
                settings: ClusterSettings::default(),
            },
        )
        .await
        .expect("made");
    let change = ClusterUpdateParams {
        settings: ClusterSettings {
            ballooning: Some(false),
            ..Default::default()
        },
        ..Default::default()
    };
    assert!(
        !manager
            .cluster_update(admin, cluster.id, change)
            .await
            .expect("changed")
            .ballooning
    );
    let taken = ClusterUpdateParams {
        name: Some("Default".to_owned()),
        ..Default::default()
    };
    assert!(refusal(manager.cluster_update(admin, cluster.id, taken).await).contains("in use"));
    let refused = manager.cluster_remove(admin, first).await;
    assert!(refusal(refused).contains("Hosts"));
    let mut params = site.vm_params("web1");
    params.cluster = cluster.id;
    let vm = manager.vm_add(admin, params).await.expect("added").value.id;
    assert!(refusal(manager.cluster_remove(admin, cluster.id).await).contains("VMs"));
    let refused = manager
        .vm_start(admin, vm, manager::VmStartParams::default())
        .await;
    assert!(refusal(refused).contains("no available running Hosts"));
    // The same name in another data center is another VM.
    let mut params = site.vm_params("web1");
    params.cluster = first;
    manager.vm_add(admin, params).await.expect("added");
    manager
        .vm_remove(admin, vm, manager::VmRemoveParams::default())
        .await
        .expect("removed");
    manager
        .data_center_remove(admin, data_center.id)
        .await
        .expect("removed");
    let inventory = manager.inventory();
    assert_eq!((inventory.clusters.len(), inventory.networks.len()), (1, 1));
}

#[tokio::test]
async fn tags_are_put_on_and_taken_off_and_go_with_their_parents() {
    let site = Site::new().await;
    let (manager, admin) = (&site.manager, &site.admin);
    let tag = async |name: &str, parent| {
        let params = TagAddParams {
            name: name.to_owned(),
            description: String::new(),
            parent,
        };
        manager.tag_add(admin, params).await.expect("added").id
    };
    let above = tag("above", None).await;
    let below = tag("below", Some(above)).await;
    let vm = site.bare("web1").await;
    manager
        .tag_assign(admin, vm.into(), below)
        .await
        .expect("put on");
    assert!(site.vm(vm).tags.contains(&below));
    let circle = manager::TagUpdateParams {
        parent: Some(below),
        ..Default::default()
    };
    assert!(refusal(manager.tag_update(admin, above, circle).await).contains("under itself"));
    manager.tag_remove(admin, above).await.expect("removed");
    assert!(site.vm(vm).tags.is_empty());
    assert!(!manager.inventory().tags.contains_key(&below));
    assert_eq!(site.events(440).len(), 1);
}

#[tokio::test]
async fn others_add_events_and_jobs_of_their_own() {
    let site = Site::new().await;
    let (manager, admin) = (&site.manager, &site.admin);
    let vm = site.bare("web1").await;
    let params = |id, origin: &str| EventAddParams {
        origin: origin.to_owned(),
        custom_id: id,
        severity: LogSeverity::Warning,
        description: "backup\nis late".to_owned(),
        custom_data: None,
        flood_rate: 0,
        objects: vec![vm.into()],
    };
    let event = manager
        .event_add(admin, params(1, "backup"))
        .await
        .expect("added");
    assert_eq!(
        (event.code, event.vm, event.description.as_str()),
        (9802, Some(vm), "backup is late")
    );
    assert!(
        refusal(manager.event_add(admin, params(1, "backup")).await).contains("exists already")
    );
    assert!(refusal(manager.event_add(admin, params(2, "oVirt")).await).contains("reserved"));
    manager
        .event_remove(admin, event.id)
        .await
        .expect("removed");
    assert!(
        manager
            .inventory()
            .events
            .get(event.id)
            .is_some_and(|event| event.removed)
    );
    assert_eq!(
        manager
            .event_remove(admin, event.id)
            .await
            .expect_err("gone")
            .kind(),
        ErrorKind::NotFound
    );

    let job = JobAddParams {
        description: "Patching".to_owned(),
        auto_cleared: true,
    };
    let job = manager.job_add(admin, job).await.expect("added");
    let step = StepAddParams {
        job: job.id,
        parent: None,
        description: "Download".to_owned(),
        step_type: manager::model::StepType::Executing,
    };
    let job = manager.step_add(admin, step).await.expect("added");
    let step = job.steps[0].id;
    let job = manager
        .step_end(admin, job.id, step, true)
        .await
        .expect("ended");
    assert_eq!(job.steps[0].status.as_str(), "finished");
    let job = manager.job_end(admin, job.id, false).await.expect("ended");
    assert_eq!(job.status.as_str(), "failed");
    assert!(refusal(manager.job_end(admin, job.id, true).await).contains("ended already"));
    manager.job_clear(admin, job.id).await.expect("cleared");
    assert!(!manager.inventory().jobs.contains_key(&job.id));
    let own = manager
        .inventory()
        .jobs
        .iter()
        .next()
        .expect("of the VM")
        .id;
    assert!(refusal(manager.job_clear(admin, own).await).contains("not an external job"));
    let stranger = site.user("mallory").await;
    assert!(
        manager
            .event_add(&stranger, params(3, "evil"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn jobs_go_a_while_after_their_end() {
    let site = Site::new().await;
    site.bare("web1").await;
    assert!(!site.manager.inventory().jobs.is_empty());
    site.clock.advance(Duration::from_secs(601));
    let site = site.restart().await;
    site.until("the jobs are gone", |inventory| inventory.jobs.is_empty())
        .await;
}

#[tokio::test]
async fn figures_come_and_go_with_the_run_and_faster_while_somebody_looks() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let figures = manager::host::Hypervisor::statistics(&*site.host)
        .await
        .expect("taken");
    site.host.report_figures(figures);
    site.until("figures", |inventory| {
        inventory.vm_statistics.contains_key(&vm)
    })
    .await;
    assert!(
        site.manager
            .inventory()
            .vm_statistics
            .get(&vm)
            .is_some_and(|it| it.memory_bytes.is_some_and(|used| used > 0))
    );
    let first = site.manager.watch();
    let second = site.manager.watch();
    drop(first);
    assert_eq!(
        (site.host.count("watch"), site.host.count("unwatch")),
        (1, 0)
    );
    drop(second);
    assert_eq!(site.host.count("unwatch"), 1);
    site.stop(vm).await;
    assert!(!site.manager.inventory().vm_statistics.contains_key(&vm));
    assert!(site.manager.access().visible(&site.admin, ObjectId::System));
}

#[tokio::test]
async fn a_state_directory_that_was_moved_is_found_where_it_is() {
    let site = Site::new().await;
    let path = |site: &Site| {
        site.manager
            .inventory()
            .storage_domains
            .iter()
            .next()
            .expect("one")
            .path
            .clone()
    };
    assert!(path(&site).starts_with(&*site.directory.0.to_string_lossy()));
    site.manager.close().await;
    let moved = crate::site::Directory(
        std::env::temp_dir().join(format!("saffron-manager-{}", uuid::Uuid::new_v4())),
    );
    std::fs::rename(&site.directory.0, &moved.0).expect("moved");
    let mut config = manager::Config::new(&moved.0);
    config.hypervisor = Some(site.host.clone());
    let other = manager::Manager::open(config).await.expect("opens");
    let now = other
        .inventory()
        .storage_domains
        .iter()
        .next()
        .expect("one")
        .path
        .clone();
    assert!(now.starts_with(&*moved.0.to_string_lossy()), "{now}");
    other.close().await;
}
