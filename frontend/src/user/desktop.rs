//! One desktop: its screen, what can be done with it, what it is, what happened.

use super::desktops::{Connecting, connect, spec};
use crate::app::app;
use crate::components::cd::CdDialog;
use crate::components::events::short_list;
use crate::components::make_template::MakeTemplate;
use crate::components::snapshots::Snapshots;
use crate::components::status::badge;
use crate::components::thumb::Thumb;
use crate::components::vm_actions::{ActionButton, VmAction, power_items};
use crate::format::{percent, span};
use crate::route::Route;
use crate::store::Id;
use crate::text::t;
use crate::ui::button::{Button, Kind, copyable, copyable_id};
use crate::ui::menu::{Menu, item};
use crate::ui::page::{Head, crumb, fact, facts, missing, reason, section};
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn Desktop(
    /// Which machine.
    id: Id,
) -> AnyView {
    let app = app();
    let there = {
        let id = id.clone();
        Memo::new(move |_| app.store.vms.has(&id))
    };
    view! { {move || if there.get() { view! { <Found id=id.clone()/> }.into_any() } else { missing(t("There is no such desktop"), &Route::Desktops, t("My desktops")) }} }.into_any()
}

#[component]
fn Found(id: Id) -> AnyView {
    let app = app();
    let store = app.store;
    let vm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id))
    };
    let calm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id).map(|vm| vm.without_figures()))
    };
    let connecting = RwSignal::new(Connecting::No);
    let changing_cd = RwSignal::new(false);
    let saving = RwSignal::new(false);
    let name = Signal::derive(move || calm.get().map(|vm| vm.name.clone()).unwrap_or_default());
    let waits = Signal::derive(move || connecting.get() == Connecting::Waiting);
    let refusal = Signal::derive(move || {
        let vm = calm.get()?;
        if waits.get() {
            Some(t("It is being started; the console opens by itself.").to_owned())
        } else if vm.status.has_screen() {
            vm.offers.refusal("console").map(str::to_owned)
        } else {
            VmAction::Start.refusal(&vm)
        }
    });
    let press = move |()| {
        if let Some(vm) = calm.get_untracked() {
            connect(app, &vm, connecting);
        }
    };
    let more = Signal::derive(move || {
        let Some(vm) = calm.get() else {
            return Vec::new();
        };
        let mut items = power_items(
            app,
            &Arc::new(vm.clone()),
            &[VmAction::Shutdown, VmAction::Reboot],
        );
        if vm.offers.knows("create_template") {
            items.push(item(
                t("Save as template"),
                "template",
                vm.offers.refusal("create_template").map(str::to_owned),
                move || saving.set(true),
            ));
        }
        items.push(item(
            t("Change CD"),
            "disc",
            vm.offers.refusal("cdrom").map(str::to_owned),
            move || changing_cd.set(true),
        ));
        items
    });
    let over = move || view! { <div class="sf-thumb__mid" role="status"><b>{t("Connecting")}</b><span>{t("The console opens as soon as the machine runs.")}</span></div> };
    let rows = move || {
        let Some(vm) = vm.get() else {
            return ().into_any();
        };
        let running = vm.status.has_screen();
        let mut rows = vec![(t("System"), fact(spec(&vm)))];
        if running {
            rows.push((t("Running for"), fact(span(vm.uptime))));
            rows.push((
                t("Processor"),
                fact(vm.cpu_percent.map(percent).unwrap_or_default()),
            ));
            rows.push((
                t("Memory"),
                fact(vm.memory_percent().map(percent).unwrap_or_default()),
            ));
        }
        for address in vm.addresses.iter().take(3) {
            rows.push((t("Address"), copyable(address.clone())));
        }
        rows.push((
            t("CD"),
            fact(
                vm.cd
                    .as_ref()
                    .map_or_else(|| t("empty").to_owned(), |disk| store.disks.name_of(disk)),
            ),
        ));
        if !vm.description.is_empty() {
            rows.push((t("What for"), fact(vm.description.clone())));
        }
        rows.push((t("ID"), copyable_id(&vm.id)));
        facts(rows)
    };
    let latest = {
        let id = id.clone();
        move || {
            short_list(
                app,
                store.events(12, |event| event.vm.as_ref() == Some(&id)),
            )
        }
    };
    let (id_shutdown, id_reboot, id_cd) = (id.clone(), id.clone(), id.clone());
    let (id_save, id_snapshots) = (id.clone(), id.clone());
    // Whoever may change it may come back to an earlier moment too.
    let may_snapshot = Memo::new(move |_| {
        calm.get()
            .is_some_and(|vm| vm.offers.allows("snapshot_add"))
    });
    let snapshots = move || {
        may_snapshot.get().then(|| view! { <section class="sf-sec"><div class="sf-pad"><h2>{t("Snapshots")}</h2></div><Snapshots id=id_snapshots.clone()/></section> })
    };
    let end = move || {
        view! {
            <Button label=t("Connect") icon="console" kind=Kind::Primary refusal=refusal on_press=press/>
            <span class="sf-hide-s"><ActionButton id=id_shutdown.clone() action=VmAction::Shutdown/></span>
            <span class="sf-hide-s"><ActionButton id=id_reboot.clone() action=VmAction::Reboot/></span>
            <Menu name=t("More actions") items=more/>
        }
    };
    view! {
        {crumb(t("My desktops"), &Route::Desktops, name)}
        <Head title=name beside=move || calm.get().map(|vm| badge(vm.status.status())) end=end/>
        <div class="sf-pad">
            <div class="sf-grid is-2">
                <div class="sf-stack is-16">
                    {move || calm.get().filter(|vm| !vm.status_detail.is_empty()).map(|vm| reason("sf-reason is-warn", "st-warn", vm.status_detail.clone()))}
                    <Thumb id=id.clone() console=Route::DesktopConsole(id) covered=waits over=over tag=true/>
                </div>
                <div class="sf-stack is-16">
                    {rows}
                    {section(t("Recent activity"), (), latest)}
                </div>
            </div>
        </div>
        {snapshots}
        {move || saving.get().then(|| view! { <MakeTemplate id=id_save.clone() on_close=move |()| saving.set(false)/> })}
        {move || changing_cd.get().then(|| view! { <CdDialog vm=id_cd.clone() on_close=move |()| changing_cd.set(false)/> })}
    }
    .into_any()
}
