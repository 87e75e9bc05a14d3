//! Pools, and VMs that keep nothing.

use manager::model::{
    DiskFormat, Subject, TemplateId, VmId, VmPool, VmPoolId, VmPoolType, VmStatus,
};
use manager::{VmPoolAddParams, VmPoolUpdateParams, VmSettings, VmUpdateParams};

use crate::site::{Site, refusal};
use crate::templates::template;

fn params(site: &Site, name: &str, template: TemplateId) -> VmPoolAddParams {
    VmPoolAddParams {
        name: name.to_owned(),
        description: String::new(),
        comment: String::new(),
        cluster: site.cluster(),
        template,
        use_latest_template: false,
        instance_type: None,
        pool_type: None,
        stateful: false,
        size: Some(2),
        prestarted_vms: 0,
        max_user_vms: None,
        settings: VmSettings::default(),
    }
}

async fn pool(site: &Site, change: impl FnOnce(&mut VmPoolAddParams)) -> VmPoolId {
    let vm = site.with_disks("source", 1).await;
    let gold = template(site, "gold", vm).await;
    let mut params = params(site, "desk-##", gold);
    change(&mut params);
    let pool = site
        .manager
        .vm_pool_add(&site.admin, params)
        .await
        .expect("made");
    site.idle().await;
    pool.id
}

fn vms(site: &Site, pool: VmPoolId) -> Vec<VmId> {
    let inventory = site.manager.inventory();
    let mut vms: Vec<_> = inventory
        .vms_of_pool(pool)
        .map(|vm| (vm.name.clone(), vm.id))
        .collect();
    vms.sort();
    vms.into_iter().map(|(_, id)| id).collect()
}

#[tokio::test]
async fn a_pool_has_vms_named_by_its_mask_and_grows_and_shrinks() {
    let site = Site::new().await;
    let id = pool(&site, |_| {}).await;
    let names = |site: &Site| -> Vec<String> {
        vms(site, id)
            .iter()
            .map(|vm| site.vm(*vm).name.clone())
            .collect()
    };
    assert_eq!(names(&site), ["desk-01", "desk-02"]);
    let size = |size| VmPoolUpdateParams {
        size: Some(size),
        ..VmPoolUpdateParams::default()
    };
    site.manager
        .vm_pool_update(&site.admin, id, size(4))
        .await
        .expect("grows");
    site.idle().await;
    assert_eq!(names(&site).len(), 4);
    site.manager
        .vm_pool_update(&site.admin, id, size(1))
        .await
        .expect("shrinks");
    site.until("it has one VM", |inventory| {
        inventory.vms_of_pool(id).count() == 1
    })
    .await;
    assert_eq!(names(&site), ["desk-01"], "the last ones go first");
}

#[tokio::test]
async fn a_user_gets_a_desktop_that_is_anew_for_the_next_one() {
    let site = Site::new().await;
    let id = pool(&site, |_| {}).await;
    let ana = site.user("ana").await;
    assert!(
        site.manager.vm_pool_allocate(&ana, id).await.is_err(),
        "not hers to use"
    );
    site.grant(&ana, "UserRole", id).await;
    let given = site
        .manager
        .vm_pool_allocate(&ana, id)
        .await
        .expect("given");
    let vm = given.value.id;
    site.vm_is(vm, VmStatus::Up).await;
    site.idle().await;
    let has = |site: &Site| {
        site.manager
            .inventory()
            .permissions_on(vm.into())
            .any(|it| it.subject == Subject::User(ana.user))
    };
    assert!(has(&site));
    let again = site.manager.vm_pool_allocate(&ana, id).await;
    assert!(again.is_err(), "one at a time: {again:?}");
    let disk = site.vm(vm).disk_attachments[0].disk;
    let written = site.disk(disk).image();
    assert_eq!(
        site.disk(disk).backing.len(),
        2,
        "a run of its own on the VM's disk on the template's"
    );
    site.stop(vm).await;
    site.until("the VM is anew and nobody's", |inventory| {
        inventory
            .vms
            .get(&vm)
            .is_some_and(|vm| vm.run.temporary.is_empty())
            && inventory
                .permissions_on(vm.into())
                .all(|it| it.subject != Subject::User(ana.user))
    })
    .await;
    site.idle().await;
    assert!(
        !site.host.volume_sizes().contains_key(&written.0),
        "what was written is gone"
    );
    assert_eq!(site.disk(disk).image().0, disk.0);
}

#[tokio::test]
async fn vms_are_started_ahead_and_given_out_running() {
    let site = Site::new().await;
    let id = pool(&site, |params| params.prestarted_vms = 1).await;
    site.until("one runs", |inventory| {
        inventory
            .vms_of_pool(id)
            .filter(|vm| vm.run.status == VmStatus::Up)
            .count()
            == 1
    })
    .await;
    site.idle().await;
    let ana = site.user("ana").await;
    site.grant(&ana, "UserRole", id).await;
    let given = site
        .manager
        .vm_pool_allocate(&ana, id)
        .await
        .expect("given");
    assert_eq!(given.value.run.status, VmStatus::Up);
    site.until("the next one is started", |inventory| {
        inventory
            .vms_of_pool(id)
            .filter(|vm| vm.run.status == VmStatus::Up)
            .count()
            == 2
    })
    .await;
}

#[tokio::test]
async fn maintenance_gives_nothing_out_and_a_removed_pool_leaves_nothing() {
    let site = Site::new().await;
    let id = pool(&site, |params| params.pool_type = Some(VmPoolType::Manual)).await;
    let ana = site.user("ana").await;
    site.grant(&ana, "UserRole", id).await;
    let change = VmPoolUpdateParams {
        maintenance: Some(true),
        ..VmPoolUpdateParams::default()
    };
    site.manager
        .vm_pool_update(&site.admin, id, change)
        .await
        .expect("changed");
    assert!(refusal(site.manager.vm_pool_allocate(&ana, id).await).contains("maintenance"));
    let change = VmPoolUpdateParams {
        maintenance: Some(false),
        ..VmPoolUpdateParams::default()
    };
    site.manager
        .vm_pool_update(&site.admin, id, change)
        .await
        .expect("changed");
    let vm = site
        .manager
        .vm_pool_allocate(&ana, id)
        .await
        .expect("given")
        .value
        .id;
    site.vm_is(vm, VmStatus::Up).await;
    site.idle().await;
    site.stop(vm).await;
    site.idle().await;
    let hers = site
        .manager
        .inventory()
        .permissions_on(vm.into())
        .any(|it| it.subject == Subject::User(ana.user));
    assert!(hers, "a manual pool's VM stays with its user");
    site.manager
        .vm_pool_remove(&site.admin, id)
        .await
        .expect("accepted");
    let gone = |inventory: &manager::Inventory| -> bool {
        let left: Option<&std::sync::Arc<VmPool>> = inventory.vm_pools.get(&id);
        left.is_none() && inventory.vms.iter().all(|vm| vm.pool != Some(id))
    };
    site.until("the pool is gone", gone).await;
    site.idle().await;
    // The source's disk and the template's.
    assert_eq!(site.host.volume_sizes().len(), 2);
}

#[tokio::test]
async fn a_stateless_vm_writes_beside_its_disk_and_forgets_it_whatever_ends_the_run() {
    let site = Site::new().await;
    let vm = site.with_disks("kiosk", 1).await;
    let settings = VmSettings {
        stateless: Some(true),
        ..VmSettings::default()
    };
    site.manager
        .vm_update(
            &site.admin,
            vm,
            VmUpdateParams {
                settings,
                ..VmUpdateParams::default()
            },
        )
        .await
        .expect("changed");
    let disk = site.vm(vm).disk_attachments[0].disk;
    for ends in ["stopped", "shut down inside", "died"] {
        site.start(vm).await;
        let spec = site.host.spec(vm.0).expect("runs");
        assert_ne!(spec.disks[0].source.volume, disk.0, "{ends}");
        assert_eq!(spec.disks[0].backing[0].volume.volume, disk.0, "{ends}");
        match ends {
            "stopped" => site.stop(vm).await,
            "died" => site.host.end_guest(vm.0, manager::host::OffReason::Crashed),
            _ => site
                .host
                .end_guest(vm.0, manager::host::OffReason::Shutdown),
        }
        site.until(&format!("{ends}: it has forgotten"), |inventory| {
            inventory.operations.is_empty()
                && inventory.vms.get(&vm).is_some_and(|vm| {
                    vm.run.status == VmStatus::Down && vm.run.temporary.is_empty()
                })
        })
        .await;
        assert_eq!(site.disk(disk).format, DiskFormat::Cow, "{ends}");
        assert_eq!(
            site.host.volume_sizes().keys().copied().collect::<Vec<_>>(),
            [disk.0],
            "{ends}"
        );
    }
}
