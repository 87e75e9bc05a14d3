//! Whoever has a role on one VM alone can change nothing else, by any method, at any address of
//! the model; and a list shows them what asking for each object would.

use std::collections::BTreeSet;

use api::service::ServiceDef;
use api::types::{GraphicsConsole, Vm};
use http::Method;
use manager::model::Role;
use tests::site::TestSite;

use super::{Api, admin};

/// Every address of the model to a depth, with the ids of what is there.
fn addresses(
    service: &'static ServiceDef,
    path: &str,
    api: &Ids,
    found: &mut Vec<(String, &'static ServiceDef)>,
) {
    found.push((path.to_owned(), service));
    if path.split('/').count() > 4 {
        return;
    }
    for child in service.children() {
        let below = if path.is_empty() {
            child.to_owned()
        } else {
            format!("{path}/{child}")
        };
        if let Some(service) = service.under(child) {
            addresses(service, &below, api, found);
        }
    }
    if service.is_collection() {
        for id in api.of(path) {
            let below = format!("{path}/{id}");
            if let Some(service) = service.under(&id) {
                addresses(service, &below, api, found);
            }
        }
    }
}

/// What an administrator sees in each collection.
#[derive(Default)]
struct Ids(std::collections::BTreeMap<String, Vec<String>>);

impl Ids {
    fn of(&self, collection: &str) -> Vec<String> {
        let missing = "00000000-0000-0000-0000-0000000000ff".to_owned();
        let mut ids: Vec<String> = self
            .0
            .get(collection)
            .into_iter()
            .flatten()
            .take(2)
            .cloned()
            .collect();
        ids.push(missing);
        ids
    }

    async fn learn(&mut self, api: &Api, collection: &str) {
        let answer = api.send(Method::GET, collection, "").await;
        if answer.status != 200 {
            return;
        }
        // Every object of a collection begins with its address.
        let own = format!("href=\"{}/{collection}/", api::ROOT);
        let mut ids = BTreeSet::new();
        for part in answer.text().split(&own).skip(1) {
            let id = part.split('"').next().unwrap_or_default();
            if !id.is_empty() && !id.contains('/') {
                ids.insert(id.to_owned());
            }
        }
        self.0
            .insert(collection.to_owned(), ids.into_iter().collect());
    }
}

async fn ids(site: &TestSite, api: &Api) -> Ids {
    let mut ids = Ids::default();
    for name in ServiceDef::root().children() {
        ids.learn(api, name).await;
    }
    let vms: Vec<String> = site
        .manager()
        .inventory()
        .vms
        .iter()
        .map(|vm| vm.id.to_string())
        .collect();
    for vm in vms {
        for part in ["graphicsconsoles", "cdroms", "nics", "permissions"] {
            ids.learn(api, &format!("vms/{vm}/{part}")).await;
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_one_vm_changes_nothing_else_anywhere() {
    let (site, admin) = admin().await;
    let other = site.running_vm("other").await;
    let mine = site.vm("mine").await;
    site.person("eva", Role::USER_VM_MANAGER, mine.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    let ids = ids(&site, &admin).await;
    let mut found = Vec::new();
    addresses(ServiceDef::root(), "", &ids, &mut found);
    assert!(found.len() > 300, "{}", found.len());
    let before = site.manager().inventory();
    let mut asked = 0;
    let secrets = [other.to_string(), "password".to_owned()];
    for (path, _) in &found {
        let answer = eva
            .send(Method::GET, &format!("{path}?filter=true"), "")
            .await;
        let text = answer.text();
        // A refusal repeats what was asked for.
        let shows = |secret: &String| answer.status == 200 && text.contains(secret.as_str());
        assert!(!secrets.iter().any(shows), "{path}: {text}");
    }
    for (path, service) in &found {
        if path.contains(&mine.to_string()) {
            continue;
        }
        let body = service
            .element
            .map_or_else(|| "<action/>".to_owned(), |def| format!("<{}/>", def.tag));
        let mut requests: Vec<(Method, String)> = service
            .actions
            .iter()
            .map(|action| (Method::POST, format!("{path}/{action}")))
            .collect();
        requests.extend(
            [Method::POST, Method::PUT, Method::DELETE].map(|method| (method, path.clone())),
        );
        for (method, path) in requests {
            let answer = eva.send(method.clone(), &path, &body).await;
            asked += 1;
            assert!(
                (400..500).contains(&answer.status) || answer.status == 501,
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    assert!(asked > 1000, "{asked}");
    let after = site.manager().inventory();
    assert_eq!(after.vms.get(&other), before.vms.get(&other));
    assert_eq!(after.permissions.len(), before.permissions.len());
    assert_eq!(after.users.len(), before.users.len());
    assert_eq!(after.disks.len(), before.disks.len());
    assert_eq!(after.tags.len(), before.tags.len());
}

#[tokio::test]
async fn what_is_foreign_looks_like_what_is_missing() {
    let (site, _) = admin().await;
    let other = site.vm("other").await;
    let mine = site.vm("mine").await;
    site.person("eva", Role::USER_ROLE, mine.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    let missing = "00000000-0000-0000-0000-0000000000ff";
    for (method, tail) in [
        (Method::GET, ""),
        (Method::GET, "/nics"),
        (Method::POST, "/start"),
        (Method::PUT, ""),
        (Method::DELETE, ""),
        (Method::POST, "/diskattachments"),
    ] {
        let ask = async |id: &str| {
            let answer = eva
                .send(method.clone(), &format!("vms/{id}{tail}"), "<vm/>")
                .await;
            (answer.status, answer.text().replace(id, "ID"))
        };
        let foreign = ask(&other.to_string()).await;
        assert_eq!(foreign, ask(missing).await, "{method} {tail}");
        assert_eq!(foreign.0, 404);
    }
}

#[tokio::test]
async fn only_who_may_open_a_console_is_told_where_it_listens() {
    let (site, admin) = admin().await;
    let vm = site.running_vm("web1").await;
    // Somebody who may be shown the VM, and start it, but has no right to its console.
    let role = api::types::Role {
        name: Some("Starter".into()),
        administrative: Some(false),
        permits: Some(
            ["22", "1300"]
                .map(|id| api::types::Permit {
                    id: Some(id.into()),
                    ..Default::default()
                })
                .to_vec()
                .into(),
        ),
        ..Default::default()
    };
    let role = admin.add("roles", &role).await.id.unwrap().parse().unwrap();
    site.person("eva", role, vm.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    let path = format!("vms/{vm}/graphicsconsoles?current=true");
    let seen: Vec<GraphicsConsole> = eva.list(&path).await;
    assert!(
        seen[0].address.is_none() && seen[0].port.is_none(),
        "{seen:?}"
    );
    let seen: Vec<GraphicsConsole> = admin.list(&path).await;
    assert!(
        seen[0].address.is_some() && seen[0].port.is_some(),
        "{seen:?}"
    );
    let display = |vm: Vm| vm.display.unwrap().address.clone();
    assert!(display(eva.get(&format!("vms/{vm}")).await).is_none());
    assert!(display(admin.get(&format!("vms/{vm}")).await).is_some());
    let ticket = format!("vms/{vm}/ticket");
    eva.refused(Method::POST, &ticket, "<action/>", 403).await;
}

#[tokio::test]
async fn a_long_list_comes_whole() {
    let (site, api) = admin().await;
    for number in 0..60 {
        site.vm(&format!("vm{number:02}")).await;
    }
    let vms: Vec<Vm> = api.list("vms").await;
    assert_eq!(vms.len(), 60);
    let text = api.send(Method::GET, "vms", "").await.text();
    assert!(
        text.len() > 100_000,
        "long enough to come in pieces: {}",
        text.len()
    );
    assert!(text.ends_with("</vms>"));
    assert_eq!(text.matches("</vm>").count(), 60);
}
