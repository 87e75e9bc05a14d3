//! The list of hosts.

use crate::app::{App, app};
use crate::components::names::dash;
use crate::components::status::badge;
use crate::format::{percent, share};
use crate::query::has_words;
use crate::route::Route;
use crate::store::{Host, Id, Status, natural};
use crate::text::{fill, t};
use crate::ui::bar::spark;
use crate::ui::icon::icon;
use crate::ui::order::Order;
use crate::ui::page::{Empty, Head};
use crate::ui::table::{Cells, Column, Sort, Table, column};
use leptos::prelude::*;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-140", "f-status", true),
    column("Name", "c-180", "f-name", true),
    column("Cluster", "c-120 sf-hide-m", "sf-hide-m", true),
    column("Hardware or reason", "", "f-host", false),
    column("CPU", "c-spark", "sf-right f-meta", true),
    column("Memory", "c-spark", "sf-right", true),
    column("VMs", "c-60", "sf-right", true),
];

/// A host's state; one that only emulates is not as it should be.
#[must_use]
pub fn host_status(host: &Host) -> Status {
    let status = Status::of_host(&host.status);
    if host.status == "up" && host.acceleration == "tcg" {
        Status::new("Degraded", "st-warn", crate::store::Tone::Warn)
    } else {
        status
    }
}

/// How many machines run on a host.
#[must_use]
pub fn machines_on(app: App, host: &Id) -> usize {
    app.store
        .vms
        .all()
        .iter()
        .filter(|vm| vm.host.as_ref() == Some(host))
        .count()
}

/// A field that filters by words.
#[component]
pub fn WordFilter(
    /// What is filtered.
    #[prop(into)]
    name: String,
    /// The words.
    words: RwSignal<String>,
) -> AnyView {
    view! {
        <div class="sf-query">
            <div class="pf-v6-c-text-input-group">
                <div class="pf-v6-c-text-input-group__main pf-m-icon">
                    <span class="pf-v6-c-text-input-group__icon">{icon("search")}</span>
                    <span class="pf-v6-c-text-input-group__text">
                        <input class="pf-v6-c-text-input-group__text-input" type="text" data-query="" autocomplete="off" placeholder=t("Type words to filter") aria-label=name prop:value=words on:input:target=move |event| words.set(event.target().value())/>
                    </span>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// The page.
#[component]
pub fn Hosts() -> AnyView {
    let app = app();
    let store = app.store;
    let words = RwSignal::new(String::new());
    let sort = RwSignal::new(Sort {
        column: 0,
        descending: false,
    });
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut hosts: Vec<Arc<Host>> = store
            .hosts
            .all()
            .into_iter()
            .filter(|host| {
                words.with(|words| {
                    has_words(
                        words,
                        &[
                            &host.name,
                            &host.address,
                            &host.hardware,
                            &host.cpu_name,
                            host_status(host).word,
                        ],
                    )
                })
            })
            .collect();
        hosts.sort_by(|a, b| {
            let order = match by.column {
                0 => host_status(a).tone.cmp(&host_status(b).tone),
                2 => natural(&cluster_name(app, a), &cluster_name(app, b)),
                4 => a.cpu_percent.total_cmp(&b.cpu_percent),
                5 => share(a.memory_used, a.memory_total)
                    .total_cmp(&share(b.memory_used, b.memory_total)),
                6 => machines_on(app, &a.id).cmp(&machines_on(app, &b.id)),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        hosts
            .into_iter()
            .map(|host| host.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending, words.get()));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        store
            .hosts
            .get(id)
            .map(|host| cells(app, &host))
            .unwrap_or_default()
    });
    let on_key = Callback::new(move |(id, key): (Id, String)| {
        if key == "Enter" {
            app.navigation.go(&Route::Host(id));
        }
    });
    let open = RwSignal::new(None::<Id>);
    // A host has a page, not a panel: a click opens it.
    Effect::new(move |_| {
        if let Some(id) = open.get() {
            open.set(None);
            app.navigation.go(&Route::Host(id));
        }
    });
    view! {
        <Head title=t("Hosts") beside=move || view! { <span class="sf-n">{move || store.hosts.len()}</span> }/>
        <div class="sf-tools"><WordFilter name=t("Filter hosts") words=words/></div>
        <div class="sf-body">
            {move || if store.hosts.len() == 0 {
                view! { <Empty title=t("No host yet") words=t("A host is a machine of iron that virtual machines run on. The one this program runs on is added by itself when libvirt answers.")/> }.into_any()
            } else {
                view! { <Table label=t("Hosts") columns=COLUMNS rows=order.shown cells=Arc::clone(&cells) name=move |id: Id| store.hosts.peek(&id).map(|host| host.name.clone()).unwrap_or_default() sort=sort open=open on_key=on_key/> }.into_any()
            }}
        </div>
    }
    .into_any()
}

fn cluster_name(app: App, host: &Host) -> String {
    host.cluster
        .as_ref()
        .map(|cluster| app.store.clusters.name_of(cluster))
        .unwrap_or_default()
}

fn cells(app: App, host: &Host) -> Vec<AnyView> {
    let up = host.status == "up";
    let figure = |value: f64, pick: fn(&crate::store::Sample) -> f32| {
        if !up {
            return dash();
        }
        let values: Vec<f32> = host.samples.iter().rev().take(23).rev().map(pick).collect();
        view! { <span class="sf-sparkcell">{spark(&values, 52.0, 18.0)}<b>{percent(value)}</b></span> }.into_any()
    };
    let words = if !up && !host.status_detail.is_empty() {
        host.status_detail.clone()
    } else if host.acceleration == "tcg" {
        fill(
            "no KVM, machines are emulated: {0}",
            &[&host.acceleration_reason],
        )
    } else {
        fill(
            "{0}, {1} threads",
            &[
                if host.cpu_name.is_empty() {
                    t("Processor")
                } else {
                    &host.cpu_name
                },
                &host.cpus().to_string(),
            ],
        )
    };
    let cluster = cluster_name(app, host);
    let title = words.clone();
    vec![
        badge(host_status(host)),
        view! { <a class="sf-name" href=Route::Host(host.id.clone()).path() tabindex="-1">{host.name.clone()}</a> }.into_any(),
        view! { <span class="sf-dim">{cluster}</span> }.into_any(),
        view! { <span title=title>{words}</span> }.into_any(),
        figure(host.cpu_percent, |sample| sample.cpu),
        figure(share(host.memory_used, host.memory_total), |sample| sample.memory),
        machines_on(app, &host.id).into_any(),
    ]
}
