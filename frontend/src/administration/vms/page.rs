//! A machine's page: its head with state and actions, and its tabs.

use super::dialogs::{VmDialog, VmDialogs, items};
use super::disks::Disks;
use super::hardware::Hardware;
use super::network::Network;
use super::summary::Summary;
use crate::app::app;
use crate::components::events::Timeline;
use crate::components::guest::GuestTab;
use crate::components::permissions::ObjectPermissions;
use crate::components::snapshots::Snapshots;
use crate::components::status::{badge, label};
use crate::components::vm_actions::{ActionButton, VmAction, power_items};
use crate::format::span;
use crate::route::{Route, VmTab};
use crate::store::{Id, SnapshotKind};
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind, LinkButton};
use crate::ui::menu::Menu;
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
    let dialog = RwSignal::new(None::<VmDialog>);
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
        let own = id.clone();
        let snapshots = Signal::derive(move || {
            store
                .snapshots
                .all()
                .iter()
                .filter(|one| one.vm.as_ref() == Some(&own) && one.kind == SnapshotKind::Regular)
                .count()
        });
        let mut tabs = vec![
            (t("Summary"), to(VmTab::Summary), None),
            (t("Hardware"), to(VmTab::Hardware), None),
            (t("Disks"), to(VmTab::Disks), Some(disks)),
            (t("Network"), to(VmTab::Network), Some(nics)),
            (t("Snapshots"), to(VmTab::Snapshots), Some(snapshots)),
            (t("Guest"), to(VmTab::Guest), None),
            (t("Permissions"), to(VmTab::Permissions), None),
            (t("Activity"), to(VmTab::Activity), None),
        ];
        if !store
            .vms
            .peek(&id)
            .is_some_and(|vm| vm.offers.knows("snapshot_add"))
        {
            let hidden = to(VmTab::Snapshots);
            tabs.retain(|(_, tab, _)| *tab != hidden);
        }
        tabs
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
        let mut all = power_items(app, &vm, &[]);
        all.extend(items(&vm, dialog));
        all
    });
    let console = Route::VmConsole(id.clone()).path();
    let actions = {
        let id = id.clone();
        move || {
            let (id, console) = (id.clone(), console.clone());
            let external = vm.with(|vm| vm.as_ref().is_some_and(|vm| vm.external));
            let adopt = external.then(|| {
                let adopted = id.clone();
                let refusal = Signal::derive(move || vm.get().and_then(|vm| vm.offers.refusal("adopt").map(str::to_owned)));
                view! { <Button label=t("Adopt") icon="import" kind=Kind::Primary refusal=refusal on_press=move |()| dialog.set(Some(VmDialog::Adopt(adopted.clone())))/> }
            });
            if let Some(adopt) = adopt {
                return adopt.into_any();
            }
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
                    let edited = id.clone();
                    view! { <Hardware id=id on_edit=move |()| dialog.set(Some(VmDialog::Edit(edited.clone())))/> }.into_any()
                }
                VmTab::Disks => {
                    let changed = id.clone();
                    view! { <Disks id=id on_cd=move |()| dialog.set(Some(VmDialog::Cd(changed.clone())))/> }.into_any()
                }
                VmTab::Network => view! { <Network id=id/> }.into_any(),
                VmTab::Snapshots => view! { <Snapshots id=id/> }.into_any(),
                VmTab::Guest => view! { <GuestTab id=id/> }.into_any(),
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
    view! {
        {crumb(t("Virtual machines"), &Route::Vms { create: false }, name)}
        <Head
            title=name
            beside=beside
            end=move || view! { {move || actions.with_value(|actions| actions())}<Menu name=t("More actions") items=more/> }
        />
        <Tabs label=t("Sections") tabs=tabs route=app.navigation.route/>
        {body}
        <VmDialogs dialog=dialog on_deleted=move |()| app.navigation.go(&Route::Vms { create: false })/>
    }
    .into_any()
}
