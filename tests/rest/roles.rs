//! `/roles`

use api::types::{Permit, Role};
use http::Method;

use super::admin;

#[tokio::test]
async fn the_seeds_roles_are_there_and_stay() {
    let (_site, api) = admin().await;
    let roles: Vec<Role> = api.list("roles?follow=permits").await;
    let role = |name: &str| {
        roles
            .iter()
            .find(|role| role.name.as_deref() == Some(name))
            .unwrap()
    };
    assert_eq!(
        role("SuperUser").id.as_deref(),
        Some("00000000-0000-0000-0000-000000000001")
    );
    assert_eq!(role("SuperUser").administrative, Some(true));
    assert_eq!(role("UserRole").administrative, Some(false));
    let permits = role("UserVmManager").permits.clone().unwrap();
    let edit = permits
        .iter()
        .find(|it| it.name.as_deref() == Some("edit_vm_properties"))
        .unwrap();
    assert_eq!(edit.id.as_deref(), Some("3"));
    let path = format!("roles/{}", role("UserRole").id.as_ref().unwrap());
    let answer = api.send(Method::DELETE, &path, "").await;
    assert!([400, 409].contains(&answer.status), "{}", answer.text());
    let answer = api
        .send(Method::PUT, &path, "<role><name>x</name></role>")
        .await;
    assert!([400, 409].contains(&answer.status), "{}", answer.text());
}

#[tokio::test]
async fn a_role_is_added_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let permit = |id: &str| Permit {
        id: Some(id.into()),
        ..Permit::default()
    };
    let login = Permit {
        name: Some("login".into()),
        ..Permit::default()
    };
    let role = Role {
        name: Some("Watcher".into()),
        administrative: Some(false),
        permits: Some(vec![permit("7"), login].into()),
        ..Role::default()
    };
    let added = api.add("roles", &role).await;
    let path = format!("roles/{}", added.id.as_ref().unwrap());
    let base = format!("{path}/permits");
    assert_eq!(api.list::<Permit>(&base).await.len(), 2);
    api.add(&base, &permit("22")).await;
    assert_eq!(api.list::<Permit>(&base).await.len(), 3);
    api.delete(&format!("{base}/22")).await;
    api.gone(&format!("{base}/22")).await;
    let change = Role {
        description: Some("looks".into()),
        ..Role::default()
    };
    assert_eq!(
        api.put(&path, &change).await.description.as_deref(),
        Some("looks")
    );
    assert_eq!(
        api.list::<Permit>(&base).await.len(),
        2,
        "what was not sent stays"
    );
    api.delete(&path).await;
    api.gone(&path).await;
    let fault = api.refused(Method::POST, "roles", "<role/>", 400).await;
    assert_eq!(
        fault,
        "Incomplete parameters: Role [name, permits.id] required for add"
    );
    let unknown = "<role><name>x</name><permits><permit id=\"99999\"/></permits></role>";
    api.refused(Method::POST, "roles", unknown, 404).await;
}
