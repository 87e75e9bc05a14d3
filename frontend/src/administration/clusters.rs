//! Clusters and data centers: which hosts stand together.

use crate::app::{App, app};
use crate::components::names::dash;
use crate::store::{Cluster, Id, natural};
use crate::text::t;
use crate::ui::order::Order;
use crate::ui::page::Head;
use crate::ui::table::{Cells, Column, Sort, Table, column};
use leptos::prelude::*;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Name", "", "f-name", true),
    column("Data center", "c-180", "f-host", true),
    column("Hosts", "c-80", "sf-right", true),
    column("VMs", "c-80", "sf-right f-meta", true),
    column("Processor type", "c-220", "", false),
    column("Level", "c-80", "f-status", false),
];

fn counts(app: App, cluster: &Id) -> (usize, usize) {
    let hosts = app
        .store
        .hosts
        .all()
        .iter()
        .filter(|host| host.cluster.as_ref() == Some(cluster))
        .count();
    let vms = app
        .store
        .vms
        .all()
        .iter()
        .filter(|vm| vm.cluster.as_ref() == Some(cluster))
        .count();
    (hosts, vms)
}

fn center(app: App, cluster: &Cluster) -> String {
    cluster
        .data_center
        .as_ref()
        .map(|center| app.store.data_centers.name_of(center))
        .unwrap_or_default()
}

/// The page.
#[component]
pub fn Clusters() -> AnyView {
    let app = app();
    let store = app.store;
    let sort = RwSignal::new(Sort {
        column: 0,
        descending: false,
    });
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut clusters = store.clusters.all();
        clusters.sort_by(|a, b| {
            let order = match by.column {
                1 => natural(&center(app, a), &center(app, b)),
                2 => counts(app, &a.id).0.cmp(&counts(app, &b.id).0),
                3 => counts(app, &a.id).1.cmp(&counts(app, &b.id).1),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        clusters
            .into_iter()
            .map(|cluster| cluster.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        let Some(cluster) = store.clusters.get(id) else {
            return Vec::new();
        };
        let (hosts, vms) = counts(app, id);
        vec![
            view! { <span class="sf-strong">{cluster.name.clone()}</span>" "<span class="sf-dim">{cluster.description.clone()}</span> }.into_any(),
            view! { <span class="sf-dim">{center(app, &cluster)}</span> }.into_any(),
            hosts.into_any(),
            vms.into_any(),
            if cluster.cpu_type.is_empty() { dash() } else { cluster.cpu_type.clone().into_any() },
            view! { <span class="sf-dim">{cluster.version.clone()}</span> }.into_any(),
        ]
    });
    view! {
        <Head title=t("Clusters") beside=move || view! { <span class="sf-n">{move || store.clusters.len()}</span> }/>
        <p class="sf-pad sf-dim">{t("A cluster is a set of hosts of the same kind; a machine may run on any of them. A data center holds clusters that share storage and networks.")}</p>
        <div class="sf-body"><Table label=t("Clusters") columns=COLUMNS rows=order.shown cells=cells name=move |id: Id| store.clusters.peek(&id).map(|cluster| cluster.name.clone()).unwrap_or_default() sort=sort/></div>
    }
    .into_any()
}
