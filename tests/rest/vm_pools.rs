//! `/templates`, `/instancetypes` and `/vmpools`, one out of the other, as a script would.

use api::types::{Action, InstanceType, Template, Vm, VmPool};
use http::Method;
use manager::model::VmStatus;

use super::{admin, named};

#[tokio::test]
async fn a_template_becomes_a_pool_whose_vms_are_given_out() {
    let (site, api) = admin().await;
    let origin = site.vm("origin").await;
    let sent = Template {
        name: Some("gold".into()),
        vm: named!(Vm, "origin"),
        ..Template::default()
    };
    let gold = api.add("templates", &sent).await;
    let gold = format!("templates/{}", gold.id.unwrap());
    site.until(|inventory| {
        let made = inventory.templates.iter().find(|it| it.name == "gold");
        made.is_some_and(|it| it.status == manager::model::TemplateStatus::Ok)
    })
    .await;

    let large = InstanceType {
        name: Some("odd".into()),
        memory: Some(96 << 20),
        ..InstanceType::default()
    };
    let kind = api.add("instancetypes", &large).await;
    assert_eq!(kind.memory, Some(96 << 20));
    let kind = format!("instancetypes/{}", kind.id.unwrap());

    let sent = VmPool {
        name: Some("desk-##".into()),
        cluster: named!(Cluster, "Default"),
        template: named!(Template, "gold"),
        instance_type: named!(InstanceType, "odd"),
        size: Some(2),
        ..VmPool::default()
    };
    let pool = api.add("vmpools", &sent).await;
    assert_eq!((pool.size, pool.max_user_vms), (Some(2), Some(1)));
    let pool = format!("vmpools/{}", pool.id.unwrap());
    let vms: Vec<Vm> = api.list("vms?search=pool%3Ddesk-*+sortby+name").await;
    let names: Vec<_> = vms.iter().filter_map(|vm| vm.name.as_deref()).collect();
    assert_eq!(names, ["desk-01", "desk-02"]);
    assert!(vms.iter().all(|vm| vm.memory == Some(96 << 20)));

    // Nobody takes the template away from under them.
    let fault = api.refused(Method::DELETE, &gold, "", 409).await;
    assert!(fault.contains("desk-01, desk-02"), "{fault}");

    let none = VmPool {
        size: Some(1001),
        ..VmPool::default()
    };
    api.refused(Method::PUT, &pool, &api::Typed::to_xml(&none), 400)
        .await;
    api.act(&format!("{pool}/deactivate"), &Action::default())
        .await;
    let allocate = format!("{pool}/allocatevm");
    let fault = api.refused(Method::POST, &allocate, "<action/>", 409).await;
    assert!(fault.contains("in maintenance"), "{fault}");
    api.act(&format!("{pool}/activate"), &Action::default())
        .await;
    site.until(|inventory| {
        let mut desks = inventory.vms.iter().filter(|vm| vm.pool.is_some());
        desks.all(|vm| vm.run.status == VmStatus::Down && inventory.lock_of(vm.id).is_none())
    })
    .await;
    let given = api.act(&allocate, &Action::default()).await;
    let given = given.vm.and_then(|vm| vm.id.clone()).expect("a VM");
    site.until(|inventory| {
        let vm = inventory.vms.iter().find(|vm| vm.id.to_string() == given);
        vm.is_some_and(|vm| vm.run.status == VmStatus::Up)
    })
    .await;
    let fault = api.refused(Method::POST, &allocate, "<action/>", 409).await;
    assert!(fault.contains("maximum number of VMs"), "{fault}");

    api.delete(&pool).await;
    site.until(|inventory| {
        inventory.vm_pools.is_empty() && inventory.vms.iter().all(|vm| vm.id == origin)
    })
    .await;
    api.gone(&pool).await;
    api.delete(&gold).await;
    api.delete(&kind).await;
    api.gone(&kind).await;
}
