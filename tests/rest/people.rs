//! `/users`, `/groups` and `/domains`

use api::types::{Domain, Group, Permission, Role, User};
use http::Method;
use tests::site::PASSWORD;

use super::{Api, admin, named};

fn eva() -> User {
    User {
        user_name: Some("eva@internal".into()),
        name: Some("Eva".into()),
        password: Some(PASSWORD.into()),
        domain: named!(Domain, "internal-authz"),
        ..User::default()
    }
}

#[tokio::test]
async fn a_user_is_added_changed_and_taken_away() {
    let (_site, api) = admin().await;
    let added = api.add("users", &eva()).await;
    let path = format!("users/{}", added.id.as_ref().unwrap());
    assert_eq!(added.user_name.as_deref(), Some("eva@internal-authz"));
    assert_eq!(
        added.domain.as_ref().unwrap().name.as_deref(),
        Some("internal-authz")
    );
    assert!(added.password.is_none(), "a password never comes back");
    for query in [
        "usrname%3Deva%40internal",
        "name%3Deva",
        "usrname%3Deva%40internal-authz",
    ] {
        let found: Vec<User> = api.list(&format!("users?search={query}")).await;
        assert_eq!(found.len(), 1, "{query}");
    }
    let group = api
        .add(
            "groups",
            &Group {
                name: Some("staff".into()),
                ..Group::default()
            },
        )
        .await;
    let change = User {
        last_name: Some("Muster".into()),
        groups: Some(
            vec![Group {
                id: group.id.clone(),
                ..Group::default()
            }]
            .into(),
        ),
        ..User::default()
    };
    assert_eq!(
        api.put(&path, &change).await.last_name.as_deref(),
        Some("Muster")
    );
    let groups: Vec<Group> = api.list(&format!("{path}/groups")).await;
    assert_eq!(groups[0].name.as_deref(), Some("staff"));
    api.delete(&format!("groups/{}", group.id.unwrap())).await;
    assert!(
        api.list::<Group>(&format!("{path}/groups"))
            .await
            .is_empty()
    );
    api.delete(&path).await;
    api.gone(&path).await;
}

#[tokio::test]
async fn who_cannot_be_a_user_is_refused() {
    let (_site, api) = admin().await;
    let fault = api.refused(Method::POST, "users", "<user/>", 400).await;
    assert_eq!(
        fault,
        "Incomplete parameters: User [user_name] required for add"
    );
    api.add("users", &eva()).await;
    api.refused(
        Method::POST,
        "users",
        "<user><user_name>eva@internal</user_name></user>",
        409,
    )
    .await;
    let elsewhere = "<user><user_name>x</user_name><domain><name>elsewhere</name></domain></user>";
    api.refused(Method::POST, "users", elsewhere, 404).await;
    api.refused(Method::POST, "groups", "<group/>", 400).await;
    let everyone = "groups/eee00000-0000-0000-0000-123456789eee";
    assert_eq!(
        api.get::<Group>(everyone).await.name.as_deref(),
        Some("Everyone")
    );
    let answer = api.send(Method::DELETE, everyone, "").await;
    assert!(
        [400, 403, 409].contains(&answer.status),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_person_sees_themselves_and_their_own_permissions() {
    let (site, admin) = admin().await;
    let vm = site.vm("web1").await;
    let id = site
        .person("eva", manager::model::Role::USER_ROLE, vm.into())
        .await;
    let eva = Api::of(&site, "eva@internal").await;
    let path = format!("users/{id}");
    assert_eq!(
        eva.get::<User>(&path).await.principal.as_deref(),
        Some("eva")
    );
    let permissions: Vec<Permission> = eva.list(&format!("{path}/permissions")).await;
    assert_eq!(permissions.len(), 1);
    assert!(permissions[0].vm.is_some() && permissions[0].role.is_some());
    let users: Vec<User> = eva.list("users?filter=true").await;
    assert_eq!(users.len(), 1);
    eva.refused(Method::DELETE, &path, "", 403).await;
    let me: User = admin.list("users?search=name%3Dadmin").await.remove(0);
    eva.gone(&format!("users/{}", me.id.as_ref().unwrap()))
        .await;
    let roles: Vec<Role> = admin.list(&format!("users/{}/roles", me.id.unwrap())).await;
    assert_eq!(roles[0].name.as_deref(), Some("SuperUser"));
}

#[tokio::test]
async fn the_directory_is_our_own() {
    let (_site, api) = admin().await;
    let domains: Vec<Domain> = api.list("domains").await;
    assert_eq!(domains[0].name.as_deref(), Some("internal-authz"));
    let path = format!("domains/{}", domains[0].id.as_ref().unwrap());
    assert_eq!(api.list::<User>(&format!("{path}/users")).await.len(), 1);
    api.list::<Group>(&format!("{path}/groups")).await;
    api.gone("domains/ff/users").await;
}
