//! The panel beside the list: what one wants to know first, and do first.

use super::dialogs::{VmDialog, items};
use crate::app::app;
use crate::components::names::{host_link, os_words};
use crate::components::status::badge;
use crate::components::thumb::Thumb;
use crate::components::vm_actions::{ActionButton, VmAction, power_items};
use crate::format::{bytes, bytes_of, percent, short_user, span};
use crate::route::{Route, VmTab};
use crate::store::{Id, Sample, Vm};
use crate::text::{fill, plural, t};
use crate::ui::bar::spark;
use crate::ui::button::{IconButton, Kind, LinkButton, copyable, copyable_id};
use crate::ui::menu::Menu;
use crate::ui::page::{fact, facts, reason};
use leptos::prelude::*;

/// Disks in a line: how many, how large.
pub fn disks_words(vm: &Vm) -> String {
    let app = app();
    let disks: Vec<_> = vm
        .disks
        .iter()
        .filter_map(|attachment| app.store.disks.get(&attachment.disk))
        .collect();
    if vm.disks.is_empty() {
        return t("none").to_owned();
    }
    let (actual, size) = disks.iter().fold((0, 0), |(actual, size), disk| {
        (actual + disk.actual, size + disk.size)
    });
    [vm.disks.len().to_string(), bytes_of(actual, size)].join(", ")
}

fn mini(
    name: &'static str,
    vm: &Vm,
    pick: fn(&Sample) -> f32,
    value: String,
    of: String,
) -> AnyView {
    let values: Vec<f32> = vm.samples.iter().map(pick).collect();
    view! { <div class="sf-mini"><span>{name}</span>{spark(&values, 220.0, 26.0)}<span><b>{value}</b>" "{of}</span></div> }.into_any()
}

/// The panel.
#[component]
pub fn Panel(
    /// Which machine.
    id: Id,
    /// Which panel is open.
    open: RwSignal<Option<Id>>,
    /// Which dialog is open.
    dialog: RwSignal<Option<VmDialog>>,
) -> AnyView {
    let app = app();
    let vm = {
        let id = id.clone();
        Memo::new(move |_| app.store.vms.get(&id))
    };
    let name = Signal::derive(move || vm.get().map(|vm| vm.name.clone()).unwrap_or_default());
    let state = Memo::new(move |_| vm.get().map(|vm| vm.status));
    let page = Route::Vm(id.clone(), VmTab::Summary);
    let console = Route::VmConsole(id.clone());
    let more = Signal::derive(move || {
        let Some(vm) = vm.get() else {
            return Vec::new();
        };
        let mut all = power_items(app, &vm, &[VmAction::Start, VmAction::Shutdown]);
        all.extend(items(&vm, dialog));
        all
    });
    let open_page = page.clone();
    let buttons = {
        let (id, console) = (id.clone(), console.path());
        move || {
            let state = state.get();
            let off = state.is_some_and(|state| state.is_off());
            view! {
                {if off {
                    view! { <ActionButton id=id.clone() action=VmAction::Start kind=Kind::Primary/> }.into_any()
                } else {
                    view! { <LinkButton label=t("Console") icon="console" kind=Kind::Primary href=console.clone() new_tab=true/> }.into_any()
                }}
                {(!off).then(|| view! { <ActionButton id=id.clone() action=VmAction::Shutdown/> })}
            }
        }
    };
    let body = move || {
        let Some(vm) = vm.get() else {
            return ().into_any();
        };
        let who = if vm.consoles.is_empty() {
            t("nobody connected").to_owned()
        } else {
            vm.consoles
                .iter()
                .map(|name| short_user(name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let figures = vm.status.has_screen().then(|| {
            view! {
                <div>
                    <h3>{t("Since this page was opened")}</h3>
                    {mini(t("CPU"), &vm, |sample| sample.cpu, vm.cpu_percent.map_or_else(|| "–".to_owned(), percent), fill("of {0}", &[&vm.vcpus().to_string()]))}
                    {mini(t("Memory"), &vm, |sample| sample.memory, vm.memory_used.map_or_else(|| "–".to_owned(), bytes), fill("of {0}", &[&bytes(vm.memory)]))}
                </div>
            }
        });
        let cluster = vm
            .cluster
            .as_ref()
            .map(|cluster| app.store.clusters.name_of(cluster))
            .unwrap_or_default();
        let mut rows = vec![
            (t("Host"), host_link(app, vm.host.as_ref())),
            (t("Cluster"), fact(cluster)),
            (
                t("Address"),
                copyable(vm.addresses.first().cloned().unwrap_or_default()),
            ),
            (t("System"), fact(os_words(&vm.os))),
            (
                t("Processor"),
                fact(fill("{0} vCPU", &[&vm.vcpus().to_string()])),
            ),
            (t("Memory"), fact(bytes(vm.memory))),
            (t("Disks"), fact(disks_words(&vm))),
            (
                t("Network"),
                fact(plural(vm.nics.len(), "{0} interface", "{0} interfaces")),
            ),
            (t("Console"), fact(who)),
            (t("ID"), copyable_id(&vm.id)),
        ];
        if !vm.description.is_empty() {
            rows.insert(0, (t("What for"), fact(vm.description.clone())));
        }
        view! {
            {(!vm.status_detail.is_empty()).then(|| reason("sf-reason is-warn", "st-warn", vm.status_detail.clone()))}
            {(vm.status.is_off() && !vm.stop_reason.is_empty()).then(|| reason("sf-reason is-calm", "info", vm.stop_reason.clone()))}
            {vm.next_run.then(|| reason("sf-reason is-calm", "info", t("Its settings change at the next start.")))}
            {figures}
            {facts(rows)}
        }
        .into_any()
    };
    let line = move || {
        vm.get().map(|vm| {
            let up = if vm.status.has_screen() && vm.uptime > 0 {
                span(vm.uptime)
            } else {
                String::new()
            };
            view! { {badge(vm.status.status())}<span class="sf-dim">{up}</span> }
        })
    };
    view! {
        <aside class="sf-panel is-over" aria-label=name>
            <div class="sf-stack is-12">
                <div class="sf-row">
                    <h2 class="sf-grow sf-ell">{name}</h2>
                    <IconButton name=t("Open page (Enter)") icon="max" on_press=move |()| app.navigation.go(&open_page)/>
                    <IconButton name=t("Close panel (Esc)") icon="close" on_press=move |()| open.set(None)/>
                </div>
                <div class="sf-row is-between">{line}</div>
                <Thumb id=id console=console tag=true/>
                <div class="sf-row is-tight">
                    {buttons}
                    <span class="sf-edge"><Menu name=t("More actions") items=more/></span>
                </div>
                {body}
            </div>
        </aside>
    }
    .into_any()
}
