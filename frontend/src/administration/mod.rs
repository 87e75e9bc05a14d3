//! The Administration Portal: its navigation and its pages, one folder or file each.

mod access;
mod activity;
mod clusters;
mod disks;
mod host;
mod hosts;
mod instance_types;
mod networks;
mod overview;
mod pools;
mod storage;
mod templates;
mod vms;

use crate::app::{App, Portal};
use crate::components::frame::{Entry, Frame, Section};
use crate::components::profile::ProfilePage;
use crate::route::{AccessTab, Route, StorageTab};
use crate::text::t;
use crate::ui::page::missing;
use leptos::prelude::*;

/// The portal.
#[component]
pub fn Administration() -> AnyView {
    provide_context(App::start(Portal::Administration));
    view! { <Frame navigation=navigation page=page/> }.into_any()
}

fn entry(
    words: &'static str,
    icon: &'static str,
    route: Route,
    count: Option<Signal<usize>>,
) -> Entry {
    Entry {
        words,
        icon,
        route,
        count,
        warns: false,
    }
}

fn navigation(app: App) -> Vec<Section> {
    let store = app.store;
    let attention = Signal::derive(move || overview::attention(app).len());
    vec![
        Section {
            title: "",
            entries: vec![Entry {
                warns: true,
                ..entry("Overview", "overview", Route::Overview, Some(attention))
            }],
        },
        Section {
            title: "Compute",
            entries: vec![
                entry(
                    "Virtual machines",
                    "vm",
                    Route::Vms { create: false },
                    Some(Signal::derive(move || store.vms.len())),
                ),
                entry(
                    "Templates",
                    "template",
                    Route::Templates,
                    Some(Signal::derive(move || store.templates.len())),
                ),
                entry(
                    "Pools",
                    "pool",
                    Route::Pools,
                    Some(Signal::derive(move || store.pools.len())),
                ),
                entry(
                    "Instance types",
                    "cpu",
                    Route::InstanceTypes,
                    Some(Signal::derive(move || store.instance_types.len())),
                ),
            ],
        },
        Section {
            title: "Infrastructure",
            entries: vec![
                entry(
                    "Hosts",
                    "host",
                    Route::Hosts,
                    Some(Signal::derive(move || store.hosts.len())),
                ),
                entry(
                    "Clusters",
                    "cluster",
                    Route::Clusters,
                    Some(Signal::derive(move || store.clusters.len())),
                ),
                entry(
                    "Storage",
                    "storage",
                    Route::Storage(StorageTab::Domains),
                    Some(Signal::derive(move || store.storage_domains.len())),
                ),
                entry(
                    "Networks",
                    "network",
                    Route::Networks,
                    Some(Signal::derive(move || store.networks.len())),
                ),
            ],
        },
        Section {
            title: "Operations",
            entries: vec![entry("Activity", "activity", Route::Activity, None)],
        },
        Section {
            title: "System",
            entries: vec![entry(
                "Access",
                "access",
                Route::Access(AccessTab::Users),
                None,
            )],
        },
    ]
}

fn page(_: App, route: Route) -> AnyView {
    match route {
        Route::Overview | Route::Door => view! { <overview::Overview/> }.into_any(),
        Route::Vms { .. } => view! { <vms::list::VmList/> }.into_any(),
        Route::Vm(id, _) => view! { <vms::page::VmPage id=id/> }.into_any(),
        Route::Templates => view! { <templates::list::Templates/> }.into_any(),
        Route::Template(id, _) => view! { <templates::page::TemplatePage id=id/> }.into_any(),
        Route::InstanceTypes => view! { <instance_types::InstanceTypes/> }.into_any(),
        Route::Pools => view! { <pools::list::Pools/> }.into_any(),
        Route::Pool(id, _) => view! { <pools::page::PoolPage id=id/> }.into_any(),
        Route::Hosts => view! { <hosts::Hosts/> }.into_any(),
        Route::Host(id) => view! { <host::HostPage id=id/> }.into_any(),
        Route::Clusters => view! { <clusters::Clusters/> }.into_any(),
        Route::Storage(tab) => view! { <storage::Storage tab=tab/> }.into_any(),
        Route::Networks => view! { <networks::Networks/> }.into_any(),
        Route::Activity => view! { <activity::Activity/> }.into_any(),
        Route::Access(tab) => view! { <access::Access tab=tab/> }.into_any(),
        Route::Profile { .. } => view! { <ProfilePage/> }.into_any(),
        Route::Desktops
        | Route::Desktop(_)
        | Route::DesktopConsole(_)
        | Route::VmConsole(_)
        | Route::MyActivity
        | Route::Unknown => missing(
            t("There is no such page"),
            &Route::Overview,
            t("Go to the overview"),
        ),
    }
}
