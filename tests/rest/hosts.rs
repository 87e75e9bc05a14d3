//! `/hosts`

use api::types::{Action, Host, HostStatus};
use http::Method;
use manager::model::{HostStatus as Status, Role};

use super::{Api, admin};

#[tokio::test]
async fn the_host_says_what_it_is() {
    let (_site, api) = admin().await;
    let hosts: Vec<Host> = api.list("hosts?search=status%3Dup").await;
    let path = format!("hosts/{}", hosts[0].id.as_ref().unwrap());
    let host: Host = api.get(&path).await;
    assert_eq!(host.status, Some(HostStatus::Up));
    assert!(host.memory.unwrap() > 0 && host.max_scheduling_memory.is_some());
    assert!(host.cpu.as_ref().unwrap().topology.is_some());
    assert!(host.os.as_ref().unwrap().type_.is_some());
    assert!(host.version.as_ref().unwrap().full_version.is_some());
    assert!(host.summary.as_ref().unwrap().active.is_some());
    assert!(host.spm.as_ref().unwrap().status.is_some());
}

#[tokio::test]
async fn a_host_is_set_aside_and_taken_back() {
    let (site, api) = admin().await;
    let hosts: Vec<Host> = api.list("hosts").await;
    let path = format!("hosts/{}", hosts[0].id.as_ref().unwrap());
    let is = |wanted: Status| {
        move |inventory: &manager::Inventory| {
            inventory.hosts.iter().all(|host| host.status == wanted)
        }
    };
    api.act(&format!("{path}/deactivate"), &Action::default())
        .await;
    site.until(is(Status::Maintenance)).await;
    api.refused(
        Method::POST,
        &format!("{path}/deactivate"),
        "<action/>",
        409,
    )
    .await;
    api.act(&format!("{path}/activate"), &Action::default())
        .await;
    site.until(is(Status::Up)).await;
    api.refused(Method::POST, &format!("{path}/activate"), "<action/>", 409)
        .await;
    api.refused(Method::POST, &format!("{path}/fence"), "<action/>", 501)
        .await;
}

#[tokio::test]
async fn a_host_is_described_anew() {
    let (site, api) = admin().await;
    let hosts: Vec<Host> = api.list("hosts").await;
    let path = format!("hosts/{}", hosts[0].id.as_ref().unwrap());
    let change = Host {
        comment: Some("rack 7".into()),
        ..Host::default()
    };
    assert_eq!(
        api.put(&path, &change).await.comment.as_deref(),
        Some("rack 7")
    );
    api.refused(Method::POST, "hosts", "<host/>", 501).await;
    api.refused(Method::DELETE, &path, "", 501).await;
    api.refused(
        Method::PUT,
        "hosts/00000000-0000-0000-0000-0000000000ff",
        "<host/>",
        404,
    )
    .await;
    let vm = site.vm("web1").await;
    site.person("eva", Role::USER_ROLE, vm.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    let answer = eva
        .send(Method::PUT, &path, "<host><comment>x</comment></host>")
        .await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
}
