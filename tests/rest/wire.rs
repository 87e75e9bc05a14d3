//! The wire itself: forms, parameters, links, errors.

use api::types::{Api as Root, DiskAttachment, Nic, Vm};
use api::{Link, Typed};
use http::Method;

use super::{admin, new_vm, read};

#[tokio::test]
async fn the_root_says_who_we_are_and_where_everything_is() {
    let (_site, api) = admin().await;
    let root: Root = api.get("").await;
    let link = |rel: &str, href: &str| Link {
        rel: rel.into(),
        href: href.into(),
    };
    for wanted in [
        link("vms", "/ovirt-engine/api/vms"),
        link("vms/search", "/ovirt-engine/api/vms?search={query}"),
        link(
            "events/search",
            "/ovirt-engine/api/events?search={query}&from={event_id}",
        ),
        link("imagetransfers", "/ovirt-engine/api/imagetransfers"),
    ] {
        assert!(root.links.links.contains(&wanted), "{wanted:?}");
    }
    let version = root.product_info.as_ref().unwrap().version.clone().unwrap();
    assert_eq!((version.major, version.minor), (Some(4), Some(5)));
    assert!(
        root.summary
            .as_ref()
            .unwrap()
            .vms
            .as_ref()
            .unwrap()
            .total
            .is_some()
    );
    assert!(
        root.special_objects
            .as_ref()
            .unwrap()
            .blank_template
            .is_some()
    );
    assert!(root.authenticated_user.as_ref().unwrap().id.is_some());
    // Somebody who asks for their own things gets no summary of everybody's.
    let root: Root = api.get("?filter=true").await;
    assert!(root.summary.is_none());
    for path in [
        "/ovirt-engine/api",
        "/ovirt-engine/api/",
        "/ovirt-engine/api/v4",
        "/ovirt-engine/api/v4/vms/",
    ] {
        api.send(Method::GET, path, "").await.expect(200);
    }
}

#[tokio::test]
async fn links_are_followed_and_the_rest_stay_links() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await;
    let path = format!("vms/{}", vm.id.as_ref().unwrap());
    api.add(
        &format!("{path}/nics"),
        &Nic {
            name: Some("nic1".into()),
            ..Nic::default()
        },
    )
    .await;
    let vm: Vm = api
        .get(&format!(
            "{path}?follow=nics,cluster.data_center,disk_attachments"
        ))
        .await;
    assert_eq!(vm.nics.as_ref().unwrap()[0].name.as_deref(), Some("nic1"));
    let nic = &vm.nics.as_ref().unwrap()[0];
    assert!(
        nic.links
            .actions
            .iter()
            .any(|link| link.rel == "deactivate"),
        "{nic:?}"
    );
    assert_eq!(vm.disk_attachments.as_ref().map(|it| it.len()), Some(0));
    let cluster = vm.cluster.as_ref().unwrap();
    assert_eq!(cluster.name.as_deref(), Some("Default"));
    assert_eq!(
        cluster.data_center.as_ref().unwrap().name.as_deref(),
        Some("Default")
    );
    let rels: Vec<_> = vm
        .links
        .links
        .iter()
        .map(|link| link.rel.as_str())
        .collect();
    assert!(
        rels.contains(&"snapshots") && !rels.contains(&"nics"),
        "{rels:?}"
    );
    let vms: Vec<Vm> = api.list("vms?follow=Cluster").await;
    assert_eq!(
        vms[0].cluster.as_ref().unwrap().name.as_deref(),
        Some("Default")
    );
    // What does not exist is passed over, and an empty wish is none.
    let plain: Vm = api.get(&format!("{path}?follow=")).await;
    assert_eq!(
        api.get::<Vm>(&format!("{path}?follow=moon.phase")).await,
        plain
    );
    api.refused(
        Method::GET,
        &format!("{path}?follow=vm.vm.vm.vm.vm.vm.vm"),
        "",
        400,
    )
    .await;
}

#[tokio::test]
async fn json_is_spoken_as_well() {
    let (site, _) = admin().await;
    let client = site.token("admin@internal").await;
    let answer = client
        .post(
            "/ovirt-engine/api/vms",
            &serde_json::json!({
                "name": "web1", "memory": 268_435_456, "cluster": {"name": "Default"},
                "template": {"id": "00000000-0000-0000-0000-000000000000"},
                "cpu": {"topology": {"cores": "2", "sockets": 1, "threads": 1}},
            }),
        )
        .await;
    assert!([201, 202].contains(&answer.status), "{}", answer.text());
    let vm = answer.json();
    assert_eq!(vm["memory"], "268435456");
    assert_eq!(vm["stateless"], "false");
    assert!(vm["creation_time"].is_i64());
    let path = format!(
        "/ovirt-engine/api/vms/{}/diskattachments",
        vm["id"].as_str().unwrap()
    );
    let headers = [("accept", "application/json")];
    let empty = client.send(Method::GET, &path, &headers, "").await.unwrap();
    assert_eq!(empty.json(), serde_json::json!({}));
    let empty = client.get(&path).await;
    assert!(
        empty.text().ends_with("<disk_attachments/>"),
        "{}",
        empty.text()
    );
    let broken = [("content-type", "application/json")];
    let answer = client
        .send(
            Method::POST,
            "/ovirt-engine/api/vms",
            &broken,
            "{\"name\": ",
        )
        .await;
    assert_eq!(answer.unwrap().status, 400);
    let odd = [("content-type", "image/png")];
    let answer = client
        .send(Method::POST, "/ovirt-engine/api/vms", &odd, "x")
        .await;
    assert_eq!(answer.unwrap().status, 415);
}

#[tokio::test]
async fn only_version_4_is_spoken() {
    let (site, _) = admin().await;
    let client = site.token("admin@internal").await;
    for (version, status) in [("4", 200), ("3", 400), ("x", 400)] {
        let headers = [("version", version)];
        let answer = client
            .send(Method::GET, "/ovirt-engine/api/vms", &headers, "")
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{version}");
    }
}

#[tokio::test]
async fn every_collection_of_the_model_answers() {
    let (_site, api) = admin().await;
    for name in api::service::ServiceDef::root().children() {
        let answer = api.send(Method::GET, name, "").await;
        let service = api::service::ServiceDef::at([name]).unwrap();
        let Some(element) = service.element else {
            assert_eq!(answer.status, 404, "{name}");
            continue;
        };
        let text = answer.expect(200).text();
        assert!(
            text.contains(&format!("<{}>", element.tags))
                || text.contains(&format!("<{}/>", element.tags)),
            "{name}: {text}"
        );
        api.gone(&format!("{name}/no-such-id")).await;
    }
    api.gone("nosuchthing").await;
    api.refused(Method::DELETE, "vms", "", 405).await;
    api.refused(Method::PATCH, "vms", "", 405).await;
    api.refused(Method::POST, "vmpools", "<vm_pool/>", 400)
        .await;
}

#[tokio::test]
async fn every_link_and_reference_leads_somewhere() {
    let (site, api) = admin().await;
    site.running_vm("web1").await;
    let mut todo = vec!["/ovirt-engine/api".to_owned()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(href) = todo.pop() {
        if !seen.insert(href.clone()) || seen.len() > 1500 {
            continue;
        }
        let answer = api.send(Method::GET, &href, "").await;
        // Two services only take what is sent to them.
        if href.ends_with("/externalvmimports") || href.ends_with("/externaltemplateimports") {
            continue;
        }
        assert_eq!(answer.status, 200, "{href}: {}", answer.text());
        let text = answer.text();
        let actions = text
            .split("<actions>")
            .skip(1)
            .filter_map(|part| part.split("</actions>").next());
        let actions: Vec<&str> = actions.collect();
        for part in text.split("href=\"").skip(1) {
            let href = part.split('"').next().unwrap().to_owned();
            let is_action = actions
                .iter()
                .any(|list| list.contains(&format!("\"{href}\"")));
            if !is_action && !href.contains('{') {
                todo.push(href);
            }
        }
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[tokio::test]
async fn a_correlation_id_comes_back_and_is_in_the_log() {
    let (site, api) = admin().await;
    let client = site.token("admin@internal").await;
    let headers = [
        ("correlation-id", "my-request"),
        ("content-type", "application/xml"),
    ];
    let body = new_vm("web1").to_xml();
    let answer = client
        .send(Method::POST, "/ovirt-engine/api/vms", &headers, body)
        .await
        .unwrap();
    assert_eq!(answer.header("correlation-id"), "my-request");
    let events: Vec<api::types::Event> =
        api.list("events?search=correlation_id%3Dmy-request").await;
    assert!(!events.is_empty());
    assert!(
        events
            .iter()
            .all(|event| event.correlation_id.as_deref() == Some("my-request"))
    );
}

#[tokio::test]
async fn everything_is_there_only_when_asked_for() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await;
    let path = format!("vms/{}", vm.id.as_ref().unwrap());
    assert!(api.get::<Vm>(&path).await.console.is_none());
    assert!(
        api.get::<Vm>(&format!("{path}?all_content=true"))
            .await
            .console
            .is_some()
    );
    assert!(
        api.get::<Vm>(&format!("{path};all_content"))
            .await
            .console
            .is_some()
    );
}

#[tokio::test]
async fn an_attachment_is_followed_to_its_disk() {
    let (_site, api) = admin().await;
    let vm = api.add("vms", &new_vm("web1")).await;
    let path = format!("vms/{}", vm.id.as_ref().unwrap());
    let answer = api
        .send(
            Method::POST,
            &format!("{path}/diskattachments"),
            "<disk_attachment><disk><name>d</name><provisioned_size>1048576</provisioned_size>\
             <format>cow</format></disk><interface>virtio</interface><bootable>true</bootable></disk_attachment>",
        )
        .await;
    let added: DiskAttachment = read(&answer);
    assert!(
        added.disk.as_ref().unwrap().name.is_none(),
        "a reference has href and id alone"
    );
    let vm: Vm = api
        .get(&format!("{path}?follow=disk_attachments.disk"))
        .await;
    let disk = vm.disk_attachments.as_ref().unwrap()[0]
        .disk
        .clone()
        .unwrap();
    assert_eq!(disk.provisioned_size, Some(1 << 20));
}
