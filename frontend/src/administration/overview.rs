//! Overview: is all well, what needs somebody, how full is it, what goes on.

use crate::app::{App, app};
use crate::components::events::short_list;

use crate::components::status::mark;
use crate::format::{bytes, bytes_of, percent, share};
use crate::route::{Route, StorageTab, VmTab};
use crate::store::{Status, Tone, Vm};
use crate::text::{fill, plural, t};
use crate::ui::bar::{bar, spark};
use crate::ui::button::LinkButton;
use crate::ui::page::{Head, section};
use leptos::prelude::*;
use std::sync::Arc;

/// A domain this full needs somebody, in percent.
const FULL: f64 = 90.0;

/// Something that needs somebody, with its way out.
#[derive(Clone, PartialEq)]
pub struct Attention {
    tone: Tone,
    title: String,
    why: String,
    route: Route,
    act: &'static str,
}

/// Everything that needs somebody, worst first.
pub fn attention(app: App) -> Vec<Attention> {
    let store = app.store;
    let mut list = Vec::new();
    for host in store.hosts.all() {
        let status = Status::of_host(&host.status);
        let route = Route::Host(host.id.clone());
        if matches!(status.tone, Tone::Bad | Tone::Warn) {
            list.push(Attention {
                tone: status.tone,
                title: fill("{0}: {1}", &[&host.name, status.word]),
                why: host.status_detail.clone(),
                route,
                act: t("Open host"),
            });
        } else if host.acceleration == "tcg" {
            list.push(Attention {
                tone: Tone::Warn,
                title: fill("{0} has no hardware acceleration", &[&host.name]),
                why: host.acceleration_reason.clone(),
                route,
                act: t("Open host"),
            });
        }
    }
    for domain in store.storage_domains.all() {
        let status = Status::of_storage_domain(&domain.status);
        let route = Route::Storage(StorageTab::Domains);
        let used = share(domain.used, domain.total());
        if matches!(status.tone, Tone::Bad | Tone::Warn) {
            list.push(Attention {
                tone: status.tone,
                title: fill("{0}: {1}", &[&domain.name, status.word]),
                why: String::new(),
                route,
                act: t("Open storage"),
            });
        } else if used >= FULL {
            list.push(Attention {
                tone: Tone::Warn,
                title: fill("{0} is nearly full", &[&domain.name]),
                why: [&bytes_of(domain.used, domain.total()), ", ", &percent(used)].concat(),
                route,
                act: t("Open storage"),
            });
        }
    }
    for vm in store.vms.all() {
        let status = vm.status.status();
        if vm.status.needs_somebody() {
            let why = if vm.status_detail.is_empty() {
                t("It is not running as it should.").to_owned()
            } else {
                vm.status_detail.clone()
            };
            list.push(Attention {
                tone: status.tone,
                title: fill("{0}: {1}", &[&vm.name, status.word]),
                why,
                route: Route::Vm(vm.id.clone(), VmTab::Summary),
                act: t("Open"),
            });
        }
    }
    for disk in store.disks.all() {
        if disk.status == "illegal" {
            list.push(Attention {
                tone: Tone::Warn,
                title: fill("{0} cannot be used", &[&disk.name]),
                why: t("Its image is not complete or was refused.").to_owned(),
                route: Route::Storage(StorageTab::Disks),
                act: t("Open disks"),
            });
        }
    }
    list.sort_by(|a, b| a.tone.cmp(&b.tone).then_with(|| a.title.cmp(&b.title)));
    list
}

/// The page.
#[component]
pub fn Overview() -> AnyView {
    let app = app();
    let store = app.store;
    let needs = Memo::new(move |_| attention(app));
    let sentence = Signal::derive(move || {
        needs.with(|needs| match needs.as_slice() {
            [] => t("All good.").to_owned(),
            [one] => fill("One thing needs you: {0}.", &[&one.title]),
            many => fill(
                "{0} things need you, {1} first.",
                &[&many.len().to_string(), &many[0].title],
            ),
        })
    });
    let tone = move || needs.with(|needs| needs.first().map_or(Tone::Ok, |first| first.tone));
    let counts = move || {
        let (vms, hosts) = (store.vms.all(), store.hosts.all());
        let running = vms.iter().filter(|vm| vm.status.has_screen()).count();
        let up = hosts.iter().filter(|host| host.status == "up").count();
        let sessions: usize = vms.iter().map(|vm| vm.consoles.len()).sum();
        [
            fill(
                "{0} of {1} VMs running",
                &[&running.to_string(), &vms.len().to_string()],
            ),
            fill(
                "{0} of {1} hosts up",
                &[&up.to_string(), &hosts.len().to_string()],
            ),
            plural(sessions, "{0} console session", "{0} console sessions"),
        ]
        .join(", ")
    };
    view! {
        <div class="sf-health">
            {move || {
                let (icon, tone) = match tone() { Tone::Bad => ("st-error", Tone::Bad), Tone::Warn => ("st-warn", Tone::Warn), _ => ("st-ok", Tone::Ok) };
                mark(Status::new("", icon, tone))
            }}
            <h1>{sentence}</h1>
            <span class="sf-grow"></span>
            <span class="sf-dim sf-nowrap sf-hide-m">{counts}</span>
        </div>
        <span hidden=true><Head title=t("Overview")/></span>
        <div class="sf-pad sf-stack is-24">
            <div class="sf-grid is-64">
                {section(t("Needs attention"), (), move || attention_list(needs.get()))}
                {section(t("Running now"), view! { <a class="sf-link" href=Route::Activity.path()>{t("All activity")}</a> }, move || running(app))}
            </div>
            {section(
                t("Capacity"),
                view! { <span class="sf-row is-loose sf-dim sf-hide-s"><span><i class="sf-key"></i>{t("in use")}</span><span><i class="sf-key is-2"></i>{t("promised to VMs")}</span></span> },
                move || capacity(app),
            )}
            <div class="sf-grid is-64">
                {section(t("Latest"), view! { <a class="sf-link" href=Route::Activity.path()>{t("All activity")}</a> }, move || short_list(app, store.events(8, |_| true)))}
                {section(t("Uses the most"), (), move || consumers(app))}
            </div>
        </div>
    }
    .into_any()
}

fn attention_list(needs: Vec<Attention>) -> AnyView {
    if needs.is_empty() {
        return view! { <p class="sf-dim">{t("Nothing. Hosts answer, storage has room, machines are as they should be.")}</p> }.into_any();
    }
    let lines = needs
        .into_iter()
        .take(8)
        .map(|one| {
            let icon = if one.tone == Tone::Bad {
                "st-error"
            } else {
                "st-warn"
            };
            view! {
                <li class="sf-item">
                    {mark(Status::new("", icon, one.tone))}
                    <div><p class="sf-strong">{one.title}</p><p class="sf-dim">{one.why}</p></div>
                    <div class="sf-acts"><LinkButton label=one.act href=one.route.path()/></div>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="sf-tl">{lines}</ul> }.into_any()
}

fn running(app: App) -> AnyView {
    let mut jobs: Vec<_> = app
        .store
        .jobs
        .all()
        .into_iter()
        .filter(|job| job.is_running())
        .collect();
    jobs.sort_by(|a, b| b.started.total_cmp(&a.started));
    if jobs.is_empty() {
        return view! { <p class="sf-dim">{t("Nothing is being done.")}</p> }.into_any();
    }
    let lines = jobs
        .into_iter()
        .take(6)
        .map(|job| {
            let step = job.current_step().map(|(_, step)| step.description.clone()).unwrap_or_default();
            let done = job.progress().map(|done| percent(done as f64)).unwrap_or_default();
            view! { <li class="sf-item">{mark(Status::of_job(&job.status))}<div><p>{job.description.clone()}</p><p class="sf-dim">{step}</p></div><span class="sf-dim sf-nowrap">{done}</span></li> }
        })
        .collect_view();
    view! { <ul class="sf-tl">{lines}</ul> }.into_any()
}

struct Cap {
    title: &'static str,
    big: String,
    whole: String,
    used: f64,
    promised: f64,
    facts: Vec<(&'static str, String)>,
}

fn capacity(app: App) -> AnyView {
    let (hosts, vms, domains) = (
        app.store.hosts.all(),
        app.store.vms.all(),
        app.store.storage_domains.all(),
    );
    let on: Vec<&Arc<Vm>> = vms.iter().filter(|vm| vm.status.has_screen()).collect();
    let threads: u64 = hosts.iter().map(|host| host.cpus()).sum();
    let cpu_used = hosts
        .iter()
        .map(|host| host.cpu_percent * host.cpus() as f64)
        .sum::<f64>()
        / (threads.max(1) as f64);
    let vcpus: u64 = on.iter().map(|vm| vm.vcpus()).sum();
    let memory: u64 = hosts.iter().map(|host| host.memory_total).sum();
    let memory_used: u64 = hosts.iter().map(|host| host.memory_used).sum();
    let memory_promised: u64 = on.iter().map(|vm| vm.memory).sum();
    let storage: u64 = domains.iter().map(|domain| domain.total()).sum();
    let storage_used: u64 = domains.iter().map(|domain| domain.used).sum();
    let storage_promised: u64 = domains.iter().map(|domain| domain.committed).sum();
    let times = |part: u64, whole: u64| match (part * 10).checked_div(whole) {
        None => "–".to_owned(),
        Some(tenths) => [
            &(tenths / 10).to_string(),
            ".",
            &(tenths % 10).to_string(),
            " ×",
        ]
        .concat(),
    };
    let busiest = hosts
        .iter()
        .max_by(|a, b| a.cpu_percent.total_cmp(&b.cpu_percent))
        .map(|host| [host.name.as_str(), ", ", &percent(host.cpu_percent)].concat())
        .unwrap_or_default();
    let fullest = domains
        .iter()
        .max_by(|a, b| share(a.used, a.total()).total_cmp(&share(b.used, b.total())))
        .map(|domain| {
            [
                domain.name.as_str(),
                ", ",
                &percent(share(domain.used, domain.total())),
            ]
            .concat()
        })
        .unwrap_or_default();
    let caps = [
        Cap {
            title: t("Processor"),
            big: percent(cpu_used),
            whole: plural(threads as usize, "of {0} thread", "of {0} threads"),
            used: cpu_used,
            promised: share(vcpus, threads),
            facts: vec![
                (t("Promised"), fill("{0} vCPU", &[&vcpus.to_string()])),
                (t("Overcommit"), times(vcpus, threads)),
                (t("Busiest"), busiest),
            ],
        },
        Cap {
            title: t("Memory"),
            big: bytes(memory_used),
            whole: fill(
                "of {0}, {1}",
                &[&bytes(memory), &percent(share(memory_used, memory))],
            ),
            used: share(memory_used, memory),
            promised: share(memory_promised, memory),
            facts: vec![
                (t("Promised"), bytes(memory_promised)),
                (t("Overcommit"), times(memory_promised, memory)),
                (t("Free"), bytes(memory.saturating_sub(memory_used))),
            ],
        },
        Cap {
            title: t("Storage"),
            big: bytes(storage_used),
            whole: fill(
                "of {0}, {1}",
                &[&bytes(storage), &percent(share(storage_used, storage))],
            ),
            used: share(storage_used, storage),
            promised: share(storage_promised, storage),
            facts: vec![
                (t("Promised"), bytes(storage_promised)),
                (t("Free"), bytes(storage.saturating_sub(storage_used))),
                (t("Fullest"), fullest),
            ],
        },
    ];
    let caps = caps
        .into_iter()
        .map(|cap| {
            let words = fill("{0}: {1} used, {2} promised", &[cap.title, &percent(cap.used), &percent(cap.promised)]);
            let facts = cap.facts.into_iter().map(|(name, value)| view! { <li><span>{name}</span><b>{value}</b></li> }).collect_view();
            view! {
                <div class="sf-cap">
                    <h3 class="sf-strong">{cap.title}</h3>
                    <div class="sf-big">{cap.big}" "<small>{cap.whole}</small></div>
                    {bar(&[(cap.used, ""), ((cap.promised - cap.used).max(0.0), "is-2")], words, false)}
                    <ul>{facts}</ul>
                </div>
            }
        })
        .collect_view();
    view! { <div class="sf-grid is-3">{caps}</div> }.into_any()
}

fn consumers(app: App) -> AnyView {
    let mut vms: Vec<_> = app
        .store
        .vms
        .all()
        .into_iter()
        .filter(|vm| vm.status.has_screen())
        .collect();
    let load = |vm: &Vm| vm.cpu_percent.unwrap_or(-1.0);
    vms.sort_by(|a, b| load(b).total_cmp(&load(a)));
    if vms.is_empty() {
        return view! { <p class="sf-dim">{t("No machine is running.")}</p> }.into_any();
    }
    let rows = vms
        .into_iter()
        .take(5)
        .map(|vm| {
            let values: Vec<f32> = vm.samples.iter().rev().take(23).rev().map(|sample| sample.cpu).collect();
            let path = Route::Vm(vm.id.clone(), VmTab::Summary).path();
            view! {
                <li class="sf-item">
                    {mark(vm.status.status())}
                    <a class="sf-name" href=path>{vm.name.clone()}</a>
                    <span class="sf-sparkcell">{spark(&values, 52.0, 18.0)}<b>{vm.cpu_percent.map_or_else(|| "–".to_owned(), percent)}</b></span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="sf-tl">{rows}</ul> }.into_any()
}
