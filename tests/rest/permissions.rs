//! `…/permissions`

use api::types::{Group, Permission, Vm};
use http::Method;
use manager::model::Role;

use super::{Api, admin, named};

#[tokio::test]
async fn a_permission_is_given_and_taken_back() {
    let (site, api) = admin().await;
    let vm = site.vm("web1").await;
    let base = format!("vms/{vm}/permissions");
    let permission = Permission {
        role: named!(Role, "UserRole"),
        group: named!(Group, "Everyone"),
        ..Permission::default()
    };
    let added = api.add(&base, &permission).await;
    assert!(added.role.as_ref().unwrap().id.is_some() && added.vm.is_some());
    let path = format!("{base}/{}", added.id.as_ref().unwrap());
    assert_eq!(api.get::<Permission>(&path).await.group, added.group);
    assert_eq!(
        api.list::<Permission>(&format!("{base}?follow=role"))
            .await
            .len(),
        1
    );
    // The same, seen from the group.
    let groups: Vec<Group> = api.list("groups?search=name%3DEveryone").await;
    let theirs = format!("groups/{}/permissions", groups[0].id.as_ref().unwrap());
    let theirs: Vec<Permission> = api.list(&theirs).await;
    assert!(theirs.iter().any(|it| it.id == added.id));
    api.delete(&path).await;
    api.gone(&path).await;
    api.refused(Method::DELETE, &path, "", 404).await;
}

#[tokio::test]
async fn a_permission_needs_a_role_and_somebody() {
    let (site, api) = admin().await;
    let vm = site.vm("web1").await;
    let base = format!("vms/{vm}/permissions");
    let fault = api.refused(Method::POST, &base, "<permission/>", 400).await;
    assert_eq!(
        fault,
        "Incomplete parameters: Permission [user|group.id] required for add"
    );
    let roleless = "<permission><group><name>Everyone</name></group></permission>";
    let fault = api.refused(Method::POST, &base, roleless, 400).await;
    assert_eq!(
        fault,
        "Incomplete parameters: Permission [role.id|name] required for add"
    );
    let unknown = "<permission><role><name>King</name></role><group><name>Everyone</name></group></permission>";
    api.refused(Method::POST, &base, unknown, 404).await;
    // A permission of one object is not one of another.
    let system: Vec<Permission> = api.list("permissions").await;
    let id = system[0].id.clone().unwrap();
    api.refused(Method::DELETE, &format!("{base}/{id}"), "", 404)
        .await;
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let (site, admin) = admin().await;
    let vm = site.vm("web1").await;
    let id = site.person("eva", Role::USER_VM_MANAGER, vm.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    let base = format!("vms/{vm}/permissions");
    let up =
        format!("<permission><role><name>SuperUser</name></role><user id=\"{id}\"/></permission>");
    let answer = eva.send(Method::POST, &base, &up).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let answer = eva.send(Method::POST, "permissions", &up).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    // On the system, the administrator may.
    let everywhere = Permission {
        role: named!(Role, "UserRole"),
        user: Some(
            api::types::User {
                id: Some(id.to_string()),
                ..Default::default()
            }
            .into(),
        ),
        ..Permission::default()
    };
    let added = admin.add("permissions", &everywhere).await;
    let vms: Vec<Vm> = eva.list("vms?filter=true").await;
    assert_eq!(vms.len(), 1);
    admin
        .delete(&format!("permissions/{}", added.id.unwrap()))
        .await;
}
