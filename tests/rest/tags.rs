//! `/tags`, and the tags of a VM

use api::types::{Tag, Vm};
use http::Method;

use super::{admin, named};

#[tokio::test]
async fn tags_make_a_tree() {
    let (_site, api) = admin().await;
    let parent = api
        .add(
            "tags",
            &Tag {
                name: Some("all".into()),
                ..Tag::default()
            },
        )
        .await;
    let child = Tag {
        name: Some("green".into()),
        parent: named!(Tag, "all"),
        ..Tag::default()
    };
    let child = api.add("tags", &child).await;
    assert_eq!(child.parent.as_ref().unwrap().id, parent.id);
    let path = format!("tags/{}", child.id.as_ref().unwrap());
    let change = Tag {
        description: Some("grass".into()),
        ..Tag::default()
    };
    let changed = api.put(&path, &change).await;
    assert_eq!(changed.description.as_deref(), Some("grass"));
    assert_eq!(changed.parent, child.parent, "what was not sent stays");
    assert_eq!(api.list::<Tag>("tags").await.len(), 3);
    api.delete(&path).await;
    api.gone(&path).await;
    let fault = api.refused(Method::POST, "tags", "<tag/>", 400).await;
    assert_eq!(fault, "Incomplete parameters: Tag [name] required for add");
    api.refused(Method::POST, "tags", "<tag><name>all</name></tag>", 409)
        .await;
    let root = "tags/00000000-0000-0000-0000-000000000000";
    let answer = api.send(Method::DELETE, root, "").await;
    assert!(
        [400, 403, 409].contains(&answer.status),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_vm_is_tagged_and_found_by_it() {
    let (site, api) = admin().await;
    let vm = site.vm("web1").await;
    site.vm("web2").await;
    let tag = api
        .add(
            "tags",
            &Tag {
                name: Some("green".into()),
                ..Tag::default()
            },
        )
        .await;
    let base = format!("vms/{vm}/tags");
    let assigned = api
        .add(
            &base,
            &Tag {
                id: tag.id.clone(),
                ..Tag::default()
            },
        )
        .await;
    assert_eq!(assigned.name.as_deref(), Some("green"));
    assert_eq!(api.list::<Tag>(&base).await.len(), 1);
    let found: Vec<Vm> = api.list("vms?search=tag%3Dgreen").await;
    assert_eq!(found[0].id, Some(vm.to_string()));
    let path = format!("{base}/{}", tag.id.as_ref().unwrap());
    api.delete(&path).await;
    api.gone(&path).await;
    api.refused(Method::POST, &base, "<tag><name>none</name></tag>", 404)
        .await;
    api.refused(Method::POST, &base, "<tag/>", 400).await;
}
