//! `/vms`

use api::types::{Action, Cpu, CpuTopology, Host, MemoryPolicy, OperatingSystem, Vm, VmStatus};
use http::Method;
use manager::model::{HostStatus, Role, VmStatus as Status};

use super::{Api, admin, named, new_vm, read};

#[tokio::test]
async fn a_vm_is_added_with_what_was_sent_and_defaults_for_the_rest() {
    let (_site, api) = admin().await;
    let sent = Vm {
        description: Some("d & <e> é".into()),
        memory: Some(1 << 28),
        memory_policy: Some(
            MemoryPolicy {
                guaranteed: Some(1 << 28),
                ..Default::default()
            }
            .into(),
        ),
        cpu: Some(
            Cpu {
                topology: Some(
                    CpuTopology {
                        cores: Some(2),
                        sockets: Some(1),
                        threads: Some(1),
                    }
                    .into(),
                ),
                ..Cpu::default()
            }
            .into(),
        ),
        os: Some(
            OperatingSystem {
                type_: Some("debian_9".into()),
                ..Default::default()
            }
            .into(),
        ),
        ..new_vm("web1")
    };
    let added = api.add("vms", &sent).await;
    let id = added.id.clone().unwrap();
    let vm: Vm = api.get(&format!("vms/{id}")).await;
    assert_eq!(vm.name.as_deref(), Some("web1"));
    assert_eq!(vm.description.as_deref(), Some("d & <e> é"));
    assert_eq!(vm.memory, Some(1 << 28));
    assert_eq!(
        vm.cpu.as_ref().unwrap().topology.as_ref().unwrap().cores,
        Some(2)
    );
    assert_eq!(vm.os.as_ref().unwrap().type_.as_deref(), Some("debian_9"));
    assert_eq!(vm.status, Some(VmStatus::Down));
    for present in [
        vm.creation_time.is_some(),
        vm.stop_time.is_some(),
        vm.bios.is_some(),
        vm.display.is_some(),
        vm.high_availability.is_some(),
        vm.placement_policy.is_some(),
        vm.migration.is_some(),
        vm.time_zone.is_some(),
        vm.usb.is_some(),
        vm.cpu_profile.is_some(),
    ] {
        assert!(present, "{vm:?}");
    }
    let rels: Vec<_> = vm
        .links
        .links
        .iter()
        .map(|link| link.rel.as_str())
        .collect();
    assert!(
        rels.contains(&"snapshots") && rels.contains(&"nics"),
        "{rels:?}"
    );
}

#[tokio::test]
async fn a_vm_without_its_mandatory_elements_is_refused() {
    let (_site, api) = admin().await;
    let refused = |body: &'static str| api.refused(Method::POST, "vms", body, 400);
    assert_eq!(
        refused("<vm/>").await,
        "Incomplete parameters: Vm [name, cluster.id|name, template.id|name] required for add"
    );
    let nameless =
        "<vm><cluster><name>Default</name></cluster><template><name>Blank</name></template></vm>";
    assert_eq!(
        refused(nameless).await,
        "Incomplete parameters: Vm [name] required for add"
    );
    let answer = api
        .send(
            Method::POST,
            "vms",
            "<vm><name>a</name><cluster><name>nowhere</name></cluster></vm>",
        )
        .await;
    assert_eq!(answer.status, 404);
    api.refused(Method::POST, "vms", "<vm><name>", 400).await;
    api.refused(Method::POST, "vms", "<host/>", 400).await;
}

#[tokio::test]
async fn a_name_is_used_once() {
    let (_site, api) = admin().await;
    api.add("vms", &new_vm("web1")).await;
    let body = "<vm><name>web1</name><cluster><name>Default</name></cluster><template><name>Blank</name></template></vm>";
    let fault = api.refused(Method::POST, "vms", body, 409).await;
    assert!(
        fault.starts_with("Operation Failed: [") && fault.ends_with(']'),
        "{fault}"
    );
}

#[tokio::test]
async fn only_what_is_sent_changes() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await;
    let path = format!("vms/{}", vm.id.as_ref().unwrap());
    let before: Vm = api.get(&path).await;
    let changed = api
        .put(
            &path,
            &Vm {
                description: Some("new".into()),
                ..Vm::default()
            },
        )
        .await;
    assert_eq!(
        changed,
        Vm {
            description: Some("new".into()),
            ..before
        }
    );
    assert_eq!(api.get::<Vm>(&path).await, changed);
    // What was read can be sent back.
    assert_eq!(api.put(&path, &changed).await, changed);
    let fault = api
        .refused(Method::PUT, &path, "<vm><memory>much</memory></vm>", 400)
        .await;
    assert_eq!(
        fault,
        "Invalid value: The value 'much' of 'memory' is no valid integer."
    );
    let fault = api
        .refused(Method::PUT, &path, "<vm><type>mainframe</type></vm>", 400)
        .await;
    assert!(fault.starts_with("Invalid Enum value"), "{fault}");
    api.refused(Method::PUT, &path, "<vm><memory>-5</memory></vm>", 400)
        .await;
    api.refused(
        Method::PUT,
        "vms/00000000-0000-0000-0000-0000000000ff",
        "<vm/>",
        404,
    )
    .await;
}

#[tokio::test]
async fn a_vm_runs_and_ends() {
    let (site, api) = admin().await;
    let id = site.vm("web1").await;
    let path = format!("vms/{id}");
    api.act(&format!("{path}/start"), &Action::default()).await;
    let is = |status: Status| {
        move |inventory: &manager::Inventory| {
            inventory
                .vms
                .get(&id)
                .is_some_and(|vm| vm.run.status == status)
        }
    };
    site.until(is(Status::Up)).await;
    let vm: Vm = api.get(&path).await;
    assert_eq!(vm.status, Some(VmStatus::Up));
    assert!(vm.host.is_some() && vm.start_time.is_some());
    let fault = api
        .refused(Method::POST, &format!("{path}/start"), "<action/>", 409)
        .await;
    assert!(
        fault.starts_with("Operation Failed: [") && fault.contains("running"),
        "{fault}"
    );
    let fault = api.refused(Method::DELETE, &path, "", 409).await;
    assert!(fault.starts_with("Operation Failed: ["), "{fault}");
    // Asked to answer before it is done.
    let answer = api
        .send(Method::POST, &format!("{path}/stop?async=true"), "")
        .await
        .expect(202);
    assert_eq!(read::<Action>(&answer).status.as_deref(), Some("pending"));
    site.until(is(Status::Down)).await;
    api.refused(Method::POST, &format!("{path}/stop"), "<action/>", 409)
        .await;
    api.delete(&path).await;
    site.until(|inventory| !inventory.vms.contains_key(&id))
        .await;
    api.gone(&path).await;
}

#[tokio::test]
async fn a_vm_is_suspended_and_goes_on() {
    let (site, api) = admin().await;
    let id = site.running_vm("web1").await;
    let path = format!("vms/{id}");
    let is = |status: Status| {
        move |inventory: &manager::Inventory| {
            inventory
                .vms
                .get(&id)
                .is_some_and(|vm| vm.run.status == status)
        }
    };
    api.act(&format!("{path}/suspend"), &Action::default())
        .await;
    site.until(is(Status::Suspended)).await;
    api.refused(Method::POST, &format!("{path}/suspend"), "<action/>", 409)
        .await;
    api.act(&format!("{path}/start"), &Action::default()).await;
    site.until(is(Status::Up)).await;
    api.act(&format!("{path}/reset"), &Action::default()).await;
}

#[tokio::test]
async fn without_a_host_nothing_starts() {
    let (site, api) = admin().await;
    let id = site.vm("web1").await;
    let host: Vec<Host> = api.list("hosts").await;
    let host = host[0].id.clone().unwrap();
    api.act(&format!("hosts/{host}/deactivate"), &Action::default())
        .await;
    site.until(|inventory| {
        inventory
            .hosts
            .iter()
            .all(|host| host.status == HostStatus::Maintenance)
    })
    .await;
    let path = format!("vms/{id}/start");
    let fault = api.refused(Method::POST, &path, "<action/>", 409).await;
    assert!(fault.starts_with("Operation Failed: ["), "{fault}");
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let (site, api) = admin().await;
    let id = site.vm("web1").await;
    let fault = api
        .refused(Method::POST, &format!("vms/{id}/migrate"), "<action/>", 501)
        .await;
    assert!(fault.contains("does not support"), "{fault}");
    let path = format!("vms/{id}/backups");
    assert!(api.list::<api::types::Backup>(&path).await.is_empty());
    api.refused(Method::POST, &path, "<backup/>", 501).await;
    api.gone(&format!("{path}/00000000-0000-0000-0000-0000000000ff"))
        .await;
    api.gone(&format!("vms/{id}/nosuchthing")).await;
    api.refused(
        Method::POST,
        &format!("vms/{id}/nosuchthing"),
        "<action/>",
        404,
    )
    .await;
}

#[tokio::test]
async fn somebody_sees_and_starts_only_what_is_theirs() {
    let (site, admin) = admin().await;
    let mine = site.vm("mine").await;
    let other = site.vm("other").await;
    site.person("eva", Role::USER_ROLE, mine.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    let fault = eva.refused(Method::GET, "vms", "", 403).await;
    assert!(fault.contains("insufficient permissions"), "{fault}");
    let vms: Vec<Vm> = eva.list("vms?filter=true").await;
    assert_eq!(
        vms.iter().map(|vm| vm.name.as_deref()).collect::<Vec<_>>(),
        [Some("mine")]
    );
    eva.gone(&format!("vms/{other}")).await;
    eva.refused(
        Method::POST,
        &format!("vms/{other}/start"),
        "<action/>",
        404,
    )
    .await;
    eva.refused(Method::DELETE, &format!("vms/{mine}"), "", 403)
        .await;
    eva.act(&format!("vms/{mine}/start"), &Action::default())
        .await;
    site.until(|inventory| {
        inventory
            .vms
            .get(&mine)
            .is_some_and(|vm| vm.run.status == Status::Up)
    })
    .await;
    assert_eq!(
        admin.get::<Vm>(&format!("vms/{mine}")).await.status,
        Some(VmStatus::Up)
    );
}

#[tokio::test]
async fn vms_are_searched_sorted_and_paged() {
    let (_site, api) = admin().await;
    for name in ["web1", "web2", "db"] {
        api.add("vms", &new_vm(name)).await;
    }
    let names = |query: &'static str| {
        let api = &api;
        async move {
            let vms: Vec<Vm> = api.list(query).await;
            vms.into_iter().filter_map(|vm| vm.name).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("vms").await, ["db", "web1", "web2"]);
    assert_eq!(
        names("vms?search=name%3Dweb*+and+status%3Ddown+sortby+name+desc").await,
        ["web2", "web1"]
    );
    assert_eq!(names("vms?search=name%3DWEB1").await, ["web1"]);
    assert!(
        names("vms?search=name%3DWEB1&case_sensitive=true")
            .await
            .is_empty()
    );
    assert_eq!(names("vms;max=1").await, ["db"]);
    assert_eq!(names("vms?search=sortby+name+page+2&max=2").await, ["web2"]);
    let fault = api
        .refused(Method::GET, "vms?search=colour%3Dred", "", 400)
        .await;
    assert!(fault.contains("'colour' is no field"), "{fault}");
    api.refused(Method::GET, "vms?max=much", "", 400).await;
}

#[tokio::test]
async fn a_vm_takes_its_instance_types_size() {
    let (_site, api) = admin().await;
    let vm = Vm {
        instance_type: named!(InstanceType, "Large"),
        ..new_vm("big")
    };
    let vm = api.add("vms", &vm).await;
    assert_eq!(vm.memory, Some(8 << 30));
    assert!(vm.instance_type.is_some());
}
