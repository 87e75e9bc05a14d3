//! The root: links to every collection, who we are, a summary, the time.

use api::service::ServiceDef;
use api::types::{Api, ApiSummary, ApiSummaryItem, ProductInfo, SpecialObjects, Version};
use api::{Date, Link, ROOT, path};
use manager::model::{HostStatus, StorageDomainStatus, VmStatus};
use manager::seed;

use super::convert::{int, reference};
use super::fault::Result;
use super::view::{Found, View, one};

/// The collections whose link has a sibling with a search template.
const SEARCHABLE: &[&str] = &[
    "clusters",
    "datacenters",
    "disks",
    "groups",
    "hosts",
    "instancetypes",
    "networks",
    "storagedomains",
    "templates",
    "users",
    "vmpools",
    "vms",
];

pub(super) fn read(view: &View) -> Result<Found> {
    let mut links = Vec::new();
    for name in ServiceDef::root().children() {
        links.push(Link {
            href: format!("{ROOT}/{name}"),
            rel: name.to_owned(),
        });
        let search = if name == "events" {
            "?search={query}&from={event_id}"
        } else if SEARCHABLE.contains(&name) {
            "?search={query}"
        } else {
            continue;
        };
        links.push(Link {
            href: format!("{ROOT}/{name}{search}"),
            rel: format!("{name}/search"),
        });
    }
    let mut api = Api {
        authenticated_user: reference!(User, path::user(view.caller.user), view.caller.user),
        effective_user: reference!(User, path::user(view.caller.user), view.caller.user),
        product_info: Some(
            ProductInfo {
                name: Some("Saffron".to_owned()),
                vendor: Some("Saffron".to_owned()),
                instance_id: None,
                version: Some(version().into()),
            }
            .into(),
        ),
        special_objects: Some(
            SpecialObjects {
                blank_template: reference!(Template, path::template(seed::BLANK), seed::BLANK),
                root_tag: reference!(Tag, path::tag(seed::ROOT_TAG), seed::ROOT_TAG),
            }
            .into(),
        ),
        // Only for those who see everything that is counted.
        summary: (!view.caller.filter && view.administrator()).then(|| summary(view).into()),
        time: Some(now()),
        ..Api::default()
    };
    api.links.links = links;
    Ok(one(api))
}

/// The version of oVirt whose API this is; clients compare major and minor.
fn version() -> Version {
    let (major, minor) = api::VERSION;
    Version {
        major: Some(major),
        minor: Some(minor),
        build: Some(0),
        revision: Some(0),
        full_version: Some(format!(
            "{major}.{minor}.0-saffron-{}",
            env!("CARGO_PKG_VERSION")
        )),
        ..Version::default()
    }
}

fn now() -> Date {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Date::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn summary(view: &View) -> ApiSummary {
    let inventory = view.inventory();
    let item = |active: usize, total: usize| {
        Some(
            ApiSummaryItem {
                active: int(active),
                total: int(total),
            }
            .into(),
        )
    };
    let up = |status: VmStatus| status == VmStatus::Up;
    ApiSummary {
        hosts: item(
            inventory
                .hosts
                .iter()
                .filter(|host| host.status == HostStatus::Up)
                .count(),
            inventory.hosts.len(),
        ),
        storage_domains: item(
            inventory
                .storage_domains
                .iter()
                .filter(|domain| domain.status == StorageDomainStatus::Active)
                .count(),
            inventory.storage_domains.len(),
        ),
        users: item(
            inventory.users.iter().filter(|user| user.enabled).count(),
            inventory.users.len(),
        ),
        vms: item(
            inventory.vms.iter().filter(|vm| up(vm.run.status)).count(),
            inventory.vms.len(),
        ),
    }
}
