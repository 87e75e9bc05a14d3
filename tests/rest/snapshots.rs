//! `/vms/{id}/snapshots` and what shows them.

use api::types::{Action, Disk, Snapshot, Vm};
use http::Method;
use tests::site::TestSite;

use super::{Api, admin};

async fn until_ok(api: &Api, path: &str) -> Snapshot {
    for _ in 0..500 {
        let snapshot: Snapshot = api.get(path).await;
        if snapshot.snapshot_status.map(|it| it.as_str()) != Some("locked") {
            return snapshot;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} stays locked");
}

async fn down(api: &Api, path: &str) {
    for _ in 0..500 {
        let vm: Vm = api.get(path).await;
        if vm.status.map(|it| it.as_str()) == Some("down") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} does not come down");
}

fn kinds(all: &[Snapshot]) -> Vec<&'static str> {
    all.iter()
        .filter_map(|it| it.snapshot_type.map(|kind| kind.as_str()))
        .collect()
}

async fn with_snapshot(site: &TestSite, api: &Api) -> (String, String) {
    let vm = format!("vms/{}", site.vm("web1").await);
    let attachment = "<disk_attachment><bootable>true</bootable><interface>virtio</interface><active>true</active><disk><name>web1-1</name><format>cow</format><provisioned_size>1073741824</provisioned_size><storage_domains><storage_domain><name>data</name></storage_domain></storage_domains></disk></disk_attachment>";
    let answer = api
        .send(Method::POST, &format!("{vm}/diskattachments"), attachment)
        .await;
    assert!([201, 202].contains(&answer.status), "{}", answer.text());
    site.until(|inventory| {
        inventory.operations.is_empty()
            && inventory
                .disks
                .iter()
                .any(|disk| disk.name == "web1-1" && disk.status.as_str() == "ok")
    })
    .await;
    let path = format!("{vm}/snapshots");
    let sent = Snapshot {
        description: Some("before the upgrade".to_owned()),
        persist_memorystate: Some(false),
        ..Snapshot::default()
    };
    let made: Snapshot = api.add(&path, &sent).await;
    let one = format!("{path}/{}", made.id.expect("an id"));
    (vm, one)
}

#[tokio::test]
async fn a_snapshot_is_taken_shown_left_and_removed() {
    let (site, api) = admin().await;
    let (vm, one) = with_snapshot(&site, &api).await;
    let taken = until_ok(&api, &one).await;
    assert_eq!(taken.description.as_deref(), Some("before the upgrade"));
    assert_eq!(taken.persist_memorystate, Some(false));
    let path = format!("{vm}/snapshots");
    let all: Vec<Snapshot> = api.list(&path).await;
    assert_eq!(kinds(&all), ["active", "regular"]);
    let disks: Vec<Disk> = api.list(&format!("{one}/disks")).await;
    assert_eq!(disks.len(), 1);
    let now: Vec<Disk> = api
        .list(&format!(
            "{path}/{}/disks",
            all[0].id.as_ref().expect("an id")
        ))
        .await;
    assert_ne!(
        now[0].image_id, disks[0].image_id,
        "the VM goes on elsewhere"
    );

    down(&api, &vm).await;
    let show = Action {
        snapshot: Some(
            Snapshot {
                id: taken.id.clone(),
                ..Snapshot::default()
            }
            .into(),
        ),
        ..Action::default()
    };
    api.act(&format!("{vm}/previewsnapshot"), &show).await;
    down(&api, &vm).await;
    assert_eq!(
        until_ok(&api, &one)
            .await
            .snapshot_status
            .map(|it| it.as_str()),
        Some("in_preview")
    );
    api.refused(Method::DELETE, &one, "", 409).await;
    api.act(&format!("{vm}/undosnapshot"), &Action::default())
        .await;
    down(&api, &vm).await;
    api.refused(
        Method::POST,
        &format!("{vm}/commitsnapshot"),
        "<action/>",
        409,
    )
    .await;
    api.act(&format!("{one}/restore"), &Action::default()).await;
    down(&api, &vm).await;
    until_ok(&api, &one).await;
    api.delete(&one).await;
    for _ in 0..500 {
        if api.list::<Snapshot>(&path).await.len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(kinds(&api.list::<Snapshot>(&path).await), ["active"]);
    api.gone(&one).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_reason() {
    let (site, api) = admin().await;
    let (vm, one) = with_snapshot(&site, &api).await;
    until_ok(&api, &one).await;
    down(&api, &vm).await;
    let fault = api
        .refused(
            Method::POST,
            &format!("{vm}/previewsnapshot"),
            "<action/>",
            400,
        )
        .await;
    assert!(fault.contains("snapshot.id"), "{fault}");
    let id = one.rsplit('/').next().expect("an id");
    let body = format!(
        "<vm><name>x</name><cluster><name>Default</name></cluster><template><name>Blank</name></template><snapshots><snapshot id=\"{id}\"/></snapshots></vm>"
    );
    let fault = api.refused(Method::POST, "vms", &body, 409).await;
    assert!(fault.contains("not made from Snapshots"), "{fault}");
    api.gone(&format!(
        "{vm}/snapshots/00000000-0000-0000-0000-0000000000ff"
    ))
    .await;
}
