//! A machine's page: its head with state and actions, and its tabs.

use super::disks::Disks;
use super::edit::EditDialog;
use super::hardware::Hardware;
use super::network::Network;
use super::summary::Summary;
use crate::app::app;
use crate::components::cd::CdDialog;
use crate::components::events::Timeline;
use crate::components::permissions::ObjectPermissions;
use crate::components::status::{badge, label};
use crate::components::vm_actions::{ActionButton, DeleteDialog, VmAction, power_items};
use crate::format::span;
use crate::route::{Route, VmTab};
use crate::store::Id;
use crate::text::{fill, t};
use crate::ui::button::{Kind, LinkButton};
use crate::ui::menu::{Menu, item};
use crate::ui::page::{Head, Tabs, crumb, missing};
use leptos::prelude::*;

/// The page.
#[component]
pub fn VmPage(
    /// Which machine.
    id: Id,
) -> AnyView {
    let app = app();
    let store = app.store;
    let there = {
        let id = id.clone();
        Memo::new(move |_| store.vms.has(&id))
    };
    view! {
        {move || if there.get() { view! { <Found id=id.clone()/> }.into_any() } else { missing(t("There is no such virtual machine"), &Route::Vms { create: false }, t("All virtual machines")) }}
    }
    .into_any()
}

#[component]
fn Found(id: Id) -> AnyView {
    let app = app();
    let store = app.store;
    let vm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id))
    };
    let editing = RwSignal::new(false);
    let deleting = RwSignal::new(false);
    let changing_cd = RwSignal::new(false);
    let name = Signal::derive(move || vm.get().map(|vm| vm.name.clone()).unwrap_or_default());
    let off = Memo::new(move |_| vm.get().is_some_and(|vm| vm.status.is_off()));
    let tab = {
        let id = id.clone();
        Memo::new(move |_| match app.navigation.route.get() {
            Route::Vm(here, tab) if here == id => tab,
            _ => VmTab::Summary,
        })
    };
    let tabs = {
        let to = |tab| Route::Vm(id.clone(), tab);
        let disks = Signal::derive(move || vm.get().map_or(0, |vm| vm.disks.len()));
        let nics = Signal::derive(move || vm.get().map_or(0, |vm| vm.nics.len()));
        vec![
            (t("Summary"), to(VmTab::Summary), None),
            (t("Hardware"), to(VmTab::Hardware), None),
            (t("Disks"), to(VmTab::Disks), Some(disks)),
            (t("Network"), to(VmTab::Network), Some(nics)),
            (t("Permissions"), to(VmTab::Permissions), None),
            (t("Activity"), to(VmTab::Activity), None),
        ]
    };
    let beside = move || {
        vm.get().map(|vm| {
            let where_ = match (&vm.host, vm.status.has_screen() && vm.uptime > 0) {
                (Some(host), true) => fill("{0} on {1}", &[&span(vm.uptime), &store.hosts.name_of(host)]),
                _ => String::new(),
            };
            view! { {badge(vm.status.status())}<span class="sf-dim sf-hide-m">{where_}</span>{vm.tags.iter().map(|tag| label(tag.clone(), "")).collect_view()} }
        })
    };
    let more = Signal::derive(move || {
        let Some(vm) = vm.get() else {
            return Vec::new();
        };
        let mut items = power_items(app, &vm, &[]);
        items.push(item(
            t("Change CD"),
            "disc",
            vm.offers.refusal("cdrom").map(str::to_owned),
            move || changing_cd.set(true),
        ));
        items.push(item(
            t("Edit"),
            "edit",
            vm.offers.refusal("update").map(str::to_owned),
            move || editing.set(true),
        ));
        items.push(item(
            t("Delete"),
            "trash",
            VmAction::Delete.refusal(&vm),
            move || deleting.set(true),
        ));
        items
    });
    let console = Route::VmConsole(id.clone()).path();
    let actions = {
        let id = id.clone();
        move || {
            let (id, console) = (id.clone(), console.clone());
            let hidden = view! { <span class="sf-hide-m"><ActionButton id=id.clone() action=VmAction::Reboot/></span> };
            if off.get() {
                view! { <ActionButton id=id action=VmAction::Start kind=Kind::Primary/> }.into_any()
            } else {
                view! { <LinkButton label=t("Console") icon="console" kind=Kind::Primary href=console new_tab=true/><span class="sf-hide-s"><ActionButton id=id action=VmAction::Shutdown/></span>{hidden} }.into_any()
            }
        }
    };
    let actions = StoredValue::new(actions);
    let body = {
        let id = id.clone();
        move || {
            let id = id.clone();
            match tab.get() {
                VmTab::Summary => view! { <Summary id=id/> }.into_any(),
                VmTab::Hardware => {
                    view! { <Hardware id=id on_edit=move |()| editing.set(true)/> }.into_any()
                }
                VmTab::Disks => {
                    view! { <Disks id=id on_cd=move |()| changing_cd.set(true)/> }.into_any()
                }
                VmTab::Network => view! { <Network id=id/> }.into_any(),
                VmTab::Permissions => view! { <ObjectPermissions kind="vm" id=id/> }.into_any(),
                VmTab::Activity => {
                    let events = Signal::derive(move || {
                        store.events(200, |event| event.vm.as_ref() == Some(&id))
                    });
                    view! { <Timeline events=events/> }.into_any()
                }
            }
        }
    };
    let (id_edit, id_delete, id_cd) = (id.clone(), id.clone(), id.clone());
    view! {
        {crumb(t("Virtual machines"), &Route::Vms { create: false }, name)}
        <Head
            title=name
            beside=beside
            end=move || view! { {move || actions.with_value(|actions| actions())}<Menu name=t("More actions") items=more/> }
        />
        <Tabs label=t("Sections") tabs=tabs route=app.navigation.route/>
        {body}
        {move || editing.get().then(|| view! { <EditDialog id=id_edit.clone() on_close=move |()| editing.set(false)/> })}
        {move || changing_cd.get().then(|| view! { <CdDialog vm=id_cd.clone() on_close=move |()| changing_cd.set(false)/> })}
        {move || deleting.get().then(|| view! {
            <DeleteDialog ids=vec![id_delete.clone()] on_close=move |went: bool| {
                deleting.set(false);
                if went { app.navigation.go(&Route::Vms { create: false }); }
            }/>
        })}
    }
    .into_any()
}
