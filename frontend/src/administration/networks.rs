//! Logical networks and their vNIC profiles.

use crate::app::{App, app};
use crate::client::networks;
use crate::components::names::dash;
use crate::components::status::{badge, label};
use crate::store::{Id, Network, Status, Tone, natural};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, IconButton, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Choice, TextField};
use crate::ui::order::Order;
use crate::ui::page::Head;
use crate::ui::table::{Cells, Column, Sort, Table, column};
use leptos::prelude::*;
use serde_json::json;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-140", "f-status", false),
    column("Name", "", "f-name", true),
    column("Data center", "c-140", "f-host", true),
    column("VLAN", "c-80", "f-meta", true),
    column("MTU", "c-80", "", true),
    column("Used for", "c-220", "", false),
    column("vNIC profiles", "c-180", "", false),
    column("", "c-60", "sf-right f-act", false),
];

fn profiles(app: App, network: &Id) -> String {
    app.store
        .vnic_profiles
        .by_name()
        .iter()
        .filter(|profile| profile.network.as_ref() == Some(network))
        .map(|profile| profile.name.clone())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The page.
#[component]
pub fn Networks() -> AnyView {
    let app = app();
    let store = app.store;
    let adding = RwSignal::new(false);
    let deleting = RwSignal::new(None::<Arc<Network>>);
    let sort = RwSignal::new(Sort {
        column: 1,
        descending: false,
    });
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut networks = store.networks.all();
        networks.sort_by(|a, b| {
            let order = match by.column {
                3 => a.vlan.cmp(&b.vlan),
                4 => a.mtu.cmp(&b.mtu),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        networks
            .into_iter()
            .map(|network| network.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        let Some(network) = store.networks.get(id) else {
            return Vec::new();
        };
        let center = network
            .data_center
            .as_ref()
            .map(|center| store.data_centers.name_of(center))
            .unwrap_or_default();
        let usages = network
            .usages
            .iter()
            .map(|usage| label(usage.clone(), ""))
            .collect_view();
        let profiles = profiles(app, id);
        let refusal = network.offers.refusal("delete").map(str::to_owned);
        let name = fill("Delete {0}", &[&network.name]);
        let to_delete = Arc::clone(&network);
        vec![
            if network.status == "non_operational" { badge(Status::new("Not everywhere", "st-warn", Tone::Warn)) } else { badge(Status::new("Operational", "st-ok", Tone::Ok)) },
            view! { <span class="sf-strong">{network.name.clone()}</span>" "<span class="sf-dim">{network.description.clone()}</span> }.into_any(),
            view! { <span class="sf-dim">{center}</span> }.into_any(),
            network.vlan.map_or_else(dash, |vlan| vlan.into_any()),
            if network.mtu == 0 { t("default").into_any() } else { network.mtu.into_any() },
            usages.into_any(),
            view! { <span class="sf-dim">{profiles}</span> }.into_any(),
            view! { <IconButton name=name icon="trash" refusal=Signal::derive(move || refusal.clone()) on_press=move |()| deleting.set(Some(Arc::clone(&to_delete)))/> }.into_any(),
        ]
    });
    view! {
        <Head
            title=t("Networks")
            beside=move || view! { <span class="sf-n">{move || store.networks.len()}</span> }
            end=move || view! { <Button label=t("New network") icon="plus" kind=Kind::Primary on_press=move |()| adding.set(true)/> }
        />
        <div class="sf-body"><Table label=t("Networks") columns=COLUMNS rows=order.shown cells=cells name=move |id: Id| store.networks.peek(&id).map(|network| network.name.clone()).unwrap_or_default() sort=sort/></div>
        {move || adding.get().then(|| view! { <AddNetwork on_close=Callback::new(move |()| adding.set(false))/> })}
        {move || deleting.get().map(|network| view! { <RemoveNetwork network=network on_close=Callback::new(move |()| deleting.set(None))/> })}
    }
    .into_any()
}

#[component]
fn AddNetwork(on_close: Callback<()>) -> AnyView {
    let app = app();
    let name = RwSignal::new(String::new());
    let description = RwSignal::new(String::new());
    let vlan = RwSignal::new(String::new());
    let center = RwSignal::new(
        untrack(|| app.store.data_centers.by_name())
            .first()
            .map(|center| center.id.to_string())
            .unwrap_or_default(),
    );
    let centers = Signal::derive(move || {
        app.store
            .data_centers
            .by_name()
            .iter()
            .map(|center| (center.id.to_string(), center.name.clone()))
            .collect::<Vec<_>>()
    });
    let wrong_vlan = Signal::derive(move || {
        vlan.with(|vlan| {
            !vlan.trim().is_empty()
                && !vlan
                    .trim()
                    .parse::<u16>()
                    .is_ok_and(|vlan| (1..4095).contains(&vlan))
        })
        .then(|| t("Between 1 and 4094, or nothing").to_owned())
    });
    let refusal = Signal::derive(move || {
        wrong_vlan.get().or_else(|| {
            name.with(|name| name.trim().is_empty())
                .then(|| t("It needs a name.").to_owned())
        })
    });
    let add = move |()| {
        let mut body = json!({ "name": name.get_untracked().trim(), "description": description.get_untracked(), "data_center": { "id": center.get_untracked() }, "usages": { "usage": ["vm"] } });
        if let Ok(vlan) = vlan.get_untracked().trim().parse::<u16>() {
            body["vlan"] = json!({ "id": vlan });
        }
        task::run(async move {
            if let Err(fault) = networks::add(&body).await {
                app.say_fault(t("The network was not made"), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=t("New network") small=true on_close=on_close foot=move || view! {
            <Button label=t("Add") kind=Kind::Primary refusal=refusal on_press=add/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body sf-fields">
                <TextField id="network-name" label=t("Name") value=name first=true/>
                <TextField id="network-description" label=t("Description") value=description/>
                <TextField id="network-vlan" label=t("VLAN") value=vlan wrong=wrong_vlan help=t("Empty for untagged")/>
                <Choice id="network-center" label=t("Data center") value=center options=centers/>
            </div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn RemoveNetwork(network: Arc<Network>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let title = fill("Delete {0}?", &[&network.name]);
    let go = move |()| {
        let network = Arc::clone(&network);
        task::run(async move {
            if let Err(fault) = networks::remove(&network.id).await {
                app.say_fault(fill("{0} was not deleted", &[&network.name]), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=title small=true on_close=on_close foot=move || view! {
            <Button label=t("Delete") kind=Kind::Danger on_press=go.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body"><p>{t("Its vNIC profiles go with it. Interfaces that use them lose their network.")}</p></div>
        </Dialog>
    }
    .into_any()
}
