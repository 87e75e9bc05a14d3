//! Summary of a machine: its screen, its load live and over time, facts,
//! what happened lately.

use super::panel::disks_words;
use crate::app::app;
use crate::components::events::{exact, short_list};
use crate::components::history::HistoryCharts;
use crate::components::names::{firmware_words, host_link, os_words};
use crate::components::thumb::Thumb;
use crate::format::bytes;
use crate::route::{Route, VmTab};
use crate::store::Id;
use crate::text::{fill, t};
use crate::ui::button::{copyable, copyable_id};
use crate::ui::page::{fact, facts, reason, section};
use leptos::prelude::*;

/// The tab.
#[component]
pub fn Summary(
    /// Which machine.
    id: Id,
) -> AnyView {
    let app = app();
    let store = app.store;
    let vm = {
        let id = id.clone();
        Memo::new(move |_| store.vms.get(&id))
    };
    let running = Memo::new(move |_| vm.get().is_some_and(|vm| vm.status.has_screen()));
    let whole = Signal::derive(move || vm.get().map(|vm| vm.memory as f64));
    let id_charts = id.clone();
    let charts = move || {
        // What runs is looked at live, what is off in its past.
        let first = if running.get() { 0 } else { 2 };
        view! { <HistoryCharts kind="vms" id=id_charts.clone() whole=whole first=first/> }
    };
    let latest = {
        let id = id.clone();
        move || short_list(app, store.events(6, |event| event.vm.as_ref() == Some(&id)))
    };
    let rows = move || {
        let Some(vm) = vm.get() else {
            return ().into_any();
        };
        let name_of_cluster = vm
            .cluster
            .as_ref()
            .map(|cluster| store.clusters.name_of(cluster))
            .unwrap_or_default();
        let template = vm
            .template
            .as_ref()
            .map(|template| store.templates.name_of(template))
            .unwrap_or_default();
        let cd = vm
            .cd
            .as_ref()
            .map_or_else(|| t("empty").to_owned(), |disk| store.disks.name_of(disk));
        let mut rows = vec![
            (t("Host"), host_link(app, vm.host.as_ref())),
            (t("Cluster"), fact(name_of_cluster)),
        ];
        for address in vm.addresses.iter().take(3) {
            rows.push((t("Address"), copyable(address.clone())));
        }
        if !vm.fqdn.is_empty() {
            rows.push((t("Host name"), copyable(vm.fqdn.clone())));
        }
        rows.extend([
            (t("System"), fact(os_words(&vm.os))),
            (t("Firmware"), fact(firmware_words(&vm.bios))),
            (
                t("Processor"),
                fact(fill("{0} vCPU", &[&vm.vcpus().to_string()])),
            ),
            (t("Memory"), fact(bytes(vm.memory))),
            (t("Disks"), fact(disks_words(&vm))),
            (t("CD"), fact(cd)),
            (t("Template"), fact(template)),
            (t("Made"), fact(vm.created.map(exact).unwrap_or_default())),
            (t("ID"), copyable_id(&vm.id)),
        ]);
        let notes = [vm.description.clone(), vm.comment.clone()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>();
        view! {
            {facts(rows)}
            {(!notes.is_empty()).then(|| view! { <section><h3 class="sf-label">{t("Notes")}</h3>{notes.into_iter().map(|note| view! { <p class="sf-dim">{note}</p> }).collect_view()}</section> })}
        }
        .into_any()
    };
    let reasons = move || {
        vm.get().map(|vm| {
            view! {
                {(!vm.status_detail.is_empty()).then(|| reason("sf-reason is-warn", "st-warn", vm.status_detail.clone()))}
                {(vm.status.is_off() && !vm.stop_reason.is_empty()).then(|| reason("sf-reason is-calm", "info", vm.stop_reason.clone()))}
                {vm.next_run.then(|| reason("sf-reason is-calm", "info", t("Its settings change at the next start. Shut it down and start it again to have them now.")))}
            }
        })
    };
    let activity = Route::Vm(id.clone(), VmTab::Activity).path();
    let console = Route::VmConsole(id.clone());
    view! {
        <div class="sf-pad sf-stack is-16">
            <div></div>
            <div class="sf-grid is-main">
                <div class="sf-stack is-16">
                    {reasons}
                    {charts}
                    {section(t("Recent activity"), view! { <a class="sf-link" href=activity>{t("All")}</a> }, latest)}
                </div>
                <div class="sf-stack is-16">
                    <Thumb id=id console=console tag=true/>
                    {rows}
                </div>
            </div>
        </div>
    }
    .into_any()
}
