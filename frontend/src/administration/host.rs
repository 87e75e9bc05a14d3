//! A host's page: how it does, whether it has hardware acceleration and why
//! (not), its machines; maintenance.

use crate::administration::hosts::host_status;
use crate::app::app;
use crate::client::hosts;
use crate::components::history::HistoryCharts;
use crate::components::names::vm_link;
use crate::components::status::{badge, mark};
use crate::format::{bytes, percent, share};
use crate::route::Route;
use crate::store::{Host, Id, Status, Tone, natural};
use crate::task;
use crate::text::t;
use crate::ui::button::{Button, copyable, copyable_id};
use crate::ui::page::{Head, crumb, fact, facts, missing, reason, section};
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-140", "", false),
    column("Virtual machine", "", "", false),
    column("CPU", "c-80", "sf-right", false),
    column("Memory", "c-120", "sf-right", false),
];

/// The page.
#[component]
pub fn HostPage(
    /// Which host.
    id: Id,
) -> AnyView {
    let app = app();
    let there = {
        let id = id.clone();
        Memo::new(move |_| app.store.hosts.has(&id))
    };
    view! { {move || if there.get() { view! { <Found id=id.clone()/> }.into_any() } else { missing(t("There is no such host"), &Route::Hosts, t("All hosts")) }} }.into_any()
}

#[component]
fn Found(id: Id) -> AnyView {
    let app = app();
    let store = app.store;
    let host = {
        let id = id.clone();
        Memo::new(move |_| store.hosts.get(&id))
    };
    let name = Signal::derive(move || host.get().map(|host| host.name.clone()).unwrap_or_default());
    let beside = move || {
        host.get().map(|host| {
            let cluster = host
                .cluster
                .as_ref()
                .map(|cluster| store.clusters.name_of(cluster))
                .unwrap_or_default();
            view! { {badge(host_status(&host))}<span class="sf-dim sf-hide-m">{cluster}</span> }
        })
    };
    let refusal = move |action: &'static str| {
        Signal::derive(move || {
            host.get()
                .and_then(|host| host.offers.refusal(action).map(str::to_owned))
        })
    };
    let id_charts = id.clone();
    let act = move |action: &'static str| {
        let id = id.clone();
        Callback::new(move |()| {
            let id = id.clone();
            task::run(async move {
                if let Err(fault) = hosts::act(&id, action).await {
                    app.say_fault(t("The host was not changed"), fault);
                }
            });
        })
    };
    let (maintenance, activate) = (act("deactivate"), act("activate"));
    let resting = Memo::new(move |_| host.get().is_some_and(|host| host.status == "maintenance"));
    let end = move || {
        if resting.get() {
            view! { <Button label=t("Activate") icon="play" refusal=refusal("activate") on_press=activate/> }.into_any()
        } else {
            view! { <Button label=t("Maintenance") icon="settings" refusal=refusal("deactivate") on_press=maintenance/> }.into_any()
        }
    };
    let whole = Signal::derive(move || host.get().map(|host| host.memory_total as f64));
    let charts = view! { <HistoryCharts kind="hosts" id=id_charts whole=whole/> };
    let machines = move || {
        let Some(host) = host.get() else {
            return ().into_any();
        };
        let mut vms: Vec<_> = store
            .vms
            .all()
            .into_iter()
            .filter(|vm| vm.host.as_ref() == Some(&host.id))
            .collect();
        vms.sort_by(|a, b| natural(&a.name, &b.name));
        if vms.is_empty() {
            return view! { <p class="sf-dim">{t("No machine runs here.")}</p> }.into_any();
        }
        let rows = vms
            .iter()
            .map(|vm| {
                vec![
                    badge(vm.status.status()),
                    view! { <span class="sf-strong">{vm_link(app, &vm.id)}</span> }.into_any(),
                    vm.cpu_percent
                        .map_or_else(|| "–".to_owned(), percent)
                        .into_any(),
                    bytes(vm.memory).into_any(),
                ]
            })
            .collect();
        plain_table(t("Virtual machines on this host"), COLUMNS, rows)
    };
    let verdict = move || host.get().map(|host| acceleration(&host));
    view! {
        {crumb(t("Hosts"), &Route::Hosts, name)}
        <Head title=name beside=beside end=end/>
        <div class="sf-pad sf-stack is-16">
            <div></div>
            <div class="sf-grid is-main">
                <div class="sf-stack is-24">
                    {verdict}
                    {charts}
                    {section(t("Virtual machines"), (), machines)}
                </div>
                <div class="sf-stack is-16">
                    {section(t("Checks"), (), move || host.get().map(|host| checks(&host)))}
                    {move || host.get().map(|host| about(&host))}
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Whether guests run at full speed here, and how we know.
fn acceleration(host: &Host) -> AnyView {
    let why = host.acceleration_reason.clone();
    match host.acceleration.as_str() {
        "kvm" => reason(
            "sf-reason is-calm",
            "info",
            view! { <b>{t("Hardware acceleration (KVM) works.")}</b>" "<span class="sf-dim">{why}</span> },
        ),
        "tcg" => reason(
            "sf-reason is-warn",
            "st-warn",
            view! { <b>{t("No hardware acceleration: machines are emulated (TCG) and slow.")}</b><br/><span class="sf-dim">{why}</span> },
        ),
        _ => reason(
            "sf-reason",
            "info",
            t("Whether it has hardware acceleration is not known yet."),
        ),
    }
}

fn checks(host: &Host) -> AnyView {
    let yes = |is: bool| {
        if is {
            Status::new("", "st-ok", Tone::Ok)
        } else {
            Status::new("", "st-warn", Tone::Warn)
        }
    };
    let full = share(host.memory_used, host.memory_total);
    let lines = [
        (
            yes(host.status == "up"),
            t("libvirt answers"),
            host.libvirt.clone(),
        ),
        (
            yes(host.is_accelerated()),
            t("Hardware acceleration"),
            host.acceleration.to_uppercase(),
        ),
        (
            yes(full < 90.0),
            t("Memory to spare"),
            bytes(host.memory_total.saturating_sub(host.memory_used)),
        ),
        (
            yes(host.cpu_percent < 90.0),
            t("Processor to spare"),
            percent(100.0 - host.cpu_percent),
        ),
    ];
    let lines = lines.into_iter().map(|(status, words, value)| view! { <li>{mark(status)}<span>{words}</span><span>{value}</span></li> }).collect_view();
    view! { <ul class="sf-steps">{lines}</ul> }.into_any()
}

fn about(host: &Arc<Host>) -> AnyView {
    facts(vec![
        (t("Address"), copyable(host.address.clone())),
        (t("Hardware"), fact(host.hardware.clone())),
        (t("Processor"), fact(host.cpu_name.clone())),
        (t("System"), fact(host.os.clone())),
        (t("libvirt"), fact(host.libvirt.clone())),
        (t("QEMU"), fact(host.qemu.clone())),
        (t("ID"), copyable_id(&host.id)),
    ])
}
