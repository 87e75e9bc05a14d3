//! Network interfaces of a machine.

use crate::app::{App, app};
use crate::client::{correlation_id, vms};
use crate::components::history::HistoryDialog;
use crate::components::names::interface_words;
use crate::components::status::badge;
use crate::store::{Id, Nic, Status, Tone};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind, copyable};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Choice, TextField};
use crate::ui::menu::{Menu, item};
use crate::ui::page::section;
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    column("Link", "c-120", "", false),
    column("Name", "c-120", "", false),
    column("Network", "", "", false),
    column("MAC address", "c-180", "", false),
    column("Interface", "c-100", "", false),
    column("", "c-60", "sf-right", false),
];

fn profile_options(app: App) -> Vec<(String, String)> {
    let mut options = vec![(String::new(), t("No network").to_owned())];
    options.extend(app.store.vnic_profiles.by_name().iter().map(|profile| {
        let network = profile
            .network
            .as_ref()
            .map(|network| app.store.networks.name_of(network))
            .unwrap_or_default();
        (
            profile.id.to_string(),
            if network == profile.name {
                network
            } else {
                [profile.name.as_str(), " (", &network, ")"].concat()
            },
        )
    }));
    options
}

fn change(app: App, vm: Id, nic: Id, name: String, body: Value) {
    task::run(async move {
        if let Err(fault) = vms::update_nic(&vm, &nic, &body).await {
            app.say_fault(fill("{0} was not changed", &[&name]), fault);
        }
    });
}

/// The tab.
#[component]
pub fn Network(
    /// Which machine.
    id: Id,
) -> AnyView {
    let app = app();
    let vm = {
        let id = id.clone();
        Memo::new(move |_| app.store.vms.get(&id).map(|vm| vm.without_figures()))
    };
    let adding = RwSignal::new(false);
    let moving = RwSignal::new(None::<Nic>);
    let charted = RwSignal::new(None::<Nic>);
    let refusal = Signal::derive(move || {
        vm.get()
            .and_then(|vm| vm.offers.refusal("update").map(str::to_owned))
    });
    let table = {
        let id = id.clone();
        move || {
            let Some(vm) = vm.get() else {
                return ().into_any();
            };
            if vm.nics.is_empty() {
                return view! { <p class="sf-dim">{t("It has no network interface.")}</p> }
                    .into_any();
            }
            let refusal = vm.offers.refusal("update").map(str::to_owned);
            plain_table(
                t("Network interfaces"),
                COLUMNS,
                vm.nics
                    .iter()
                    .map(|nic| row(app, &id, nic, refusal.clone(), moving, charted))
                    .collect(),
            )
        }
    };
    let dialogs = move || {
        if adding.get() {
            return view! { <AddNic vm=id.clone() on_close=Callback::new(move |()| adding.set(false))/> }.into_any();
        }
        match moving.get() {
            Some(nic) => view! { <MoveNic vm=id.clone() nic=nic on_close=Callback::new(move |()| moving.set(None))/> }.into_any(),
            None => ().into_any(),
        }
    };
    view! {
        <div class="sf-pad sf-stack is-24">
            <div></div>
            {section(t("Network interfaces"), view! { <Button label=t("Add interface") icon="plus" refusal=refusal on_press=move |()| adding.set(true)/> }, table)}
            {dialogs}
            {move || charted.get().map(|nic| view! { <HistoryDialog kind="nics" id=nic.id.clone() name=nic.name.clone() on_close=move |()| charted.set(None)/> })}
        </div>
    }
    .into_any()
}

fn row(
    app: App,
    vm: &Id,
    nic: &Nic,
    refusal: Option<String>,
    moving: RwSignal<Option<Nic>>,
    charted: RwSignal<Option<Nic>>,
) -> Vec<AnyView> {
    let status = if nic.linked && nic.plugged {
        Status::new("Connected", "st-up", Tone::Ok)
    } else {
        Status::new("Cable out", "st-down", Tone::Off)
    };
    let network = nic.profile.as_ref().map_or_else(
        || t("none").to_owned(),
        |profile| app.store.vnic_profiles.name_of(profile),
    );
    let items = {
        let (vm, nic) = (vm.clone(), nic.clone());
        Signal::derive(move || {
            let (toggle_vm, toggle_nic, remove_vm, remove_nic, move_nic) = (
                vm.clone(),
                nic.clone(),
                vm.clone(),
                nic.clone(),
                nic.clone(),
            );
            let chart_nic = nic.clone();
            vec![
                item(t("Charts"), "activity", None, move || {
                    charted.set(Some(chart_nic.clone()))
                }),
                item(
                    if nic.linked {
                        t("Pull the cable")
                    } else {
                        t("Put the cable in")
                    },
                    "network",
                    refusal.clone(),
                    move || {
                        change(
                            app,
                            toggle_vm.clone(),
                            toggle_nic.id.clone(),
                            toggle_nic.name.clone(),
                            json!({ "linked": (!toggle_nic.linked).to_string() }),
                        );
                    },
                ),
                item(t("Another network"), "edit", refusal.clone(), move || {
                    moving.set(Some(move_nic.clone()))
                }),
                item(t("Remove"), "trash", refusal.clone(), move || {
                    let (vm, nic) = (remove_vm.clone(), remove_nic.clone());
                    task::run(async move {
                        if let Err(fault) = vms::remove_nic(&vm, &nic.id).await {
                            app.say_fault(fill("{0} was not removed", &[&nic.name]), fault);
                        }
                    });
                }),
            ]
        })
    };
    let menu_name = fill("Actions for interface {0}", &[&nic.name]);
    vec![
        badge(status),
        view! { <span class="sf-strong">{nic.name.clone()}</span> }.into_any(),
        network.into_any(),
        copyable(nic.mac.clone()),
        interface_words(&nic.interface).into_any(),
        view! { <Menu name=menu_name items=items/> }.into_any(),
    ]
}

#[component]
fn AddNic(vm: Id, on_close: Callback<()>) -> AnyView {
    let app = app();
    let count = app.store.vms.peek(&vm).map_or(0, |vm| vm.nics.len());
    let name = RwSignal::new(["nic", &(count + 1).to_string()].concat());
    let profile = RwSignal::new(
        untrack(|| app.store.vnic_profiles.by_name())
            .first()
            .map(|profile| profile.id.to_string())
            .unwrap_or_default(),
    );
    let interface = RwSignal::new("virtio".to_owned());
    let interfaces = Signal::derive(|| {
        ["virtio", "e1000e", "e1000", "rtl8139"]
            .iter()
            .map(|kind| ((*kind).to_owned(), interface_words(kind)))
            .collect::<Vec<_>>()
    });
    let refusal = Signal::derive(move || {
        name.with(|name| name.trim().is_empty())
            .then(|| t("It needs a name.").to_owned())
    });
    let add = move |()| {
        let vm = vm.clone();
        let mut body =
            json!({ "name": name.get_untracked().trim(), "interface": interface.get_untracked() });
        let profile = profile.get_untracked();
        if !profile.is_empty() {
            body["vnic_profile"] = json!({ "id": profile });
        }
        task::run(async move {
            if let Err(fault) = vms::add_nic(&vm, &body, &correlation_id()).await {
                app.say_fault(t("The interface was not added"), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=t("Add a network interface") small=true on_close=on_close foot=move || view! {
            <Button label=t("Add") kind=Kind::Primary refusal=refusal on_press=add.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body sf-fields">
                <TextField id="nic-name" label=t("Name") value=name/>
                <Choice id="nic-profile" label=t("Network") value=profile options=Signal::derive(move || profile_options(app))/>
                <Choice id="nic-interface" label=t("Interface") value=interface options=interfaces help=t("VirtIO is the fastest; others are for systems without its driver.")/>
            </div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn MoveNic(vm: Id, nic: Nic, on_close: Callback<()>) -> AnyView {
    let app = app();
    let profile = RwSignal::new(nic.profile.as_deref().unwrap_or("").to_owned());
    let title = fill("Network of {0}", &[&nic.name]);
    let go = move |()| {
        change(
            app,
            vm.clone(),
            nic.id.clone(),
            nic.name.clone(),
            json!({ "vnic_profile": { "id": profile.get_untracked() } }),
        );
        on_close.run(());
    };
    view! {
        <Dialog title=title small=true on_close=on_close foot=move || view! {
            <Button label=t("Change") kind=Kind::Primary on_press=go.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body"><Choice id="nic-move" label=t("Network") value=profile options=Signal::derive(move || profile_options(app))/></div>
        </Dialog>
    }
    .into_any()
}
