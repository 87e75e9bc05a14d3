//! The list of virtual machines: filtered, sorted, holding still; a panel for
//! the one that is looked at, a bar for those that are ticked.

use super::create::CreateDialog;
use super::dialogs::{VmDialog, VmDialogs};
use super::panel::Panel;
use super::query_field::QueryField;
use crate::app::{App, app};
use crate::client;
use crate::components::names::{dash, host_link};
use crate::components::status::badge;
use crate::components::vm_actions::VmAction;
use crate::format::{percent, short_user, span};
use crate::query::{Term, has_words, search};
use crate::route::{Route, VmTab};
use crate::store::{Id, Status, Tone, Vm, natural};
use crate::task;
use crate::text::{fill, plural, t};
use crate::ui::bar::spark;
use crate::ui::button::{Button, IconButton, Kind, LinkButton, copyable};
use crate::ui::icon::icon;
use crate::ui::order::Order;
use crate::ui::page::{Empty, Head};
use crate::ui::table::{Cells, Column, Sort, Table, column};
use crate::ui::yes;
use leptos::prelude::*;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-120", "f-status", true),
    column("Name", "", "f-name", true),
    column("Host", "c-100 sf-hide-m", "f-host", true),
    column("Cluster", "c-80 sf-hide-m", "sf-hide-m", true),
    column("IP address", "c-ip sf-hide-m", "sf-hide-m", true),
    column("CPU", "c-spark", "sf-right f-meta", true),
    column("Memory", "c-spark", "sf-right", true),
    column("Uptime", "c-up", "sf-right", true),
    column("Console", "c-80", "", true),
];

/// A ready-made view: its words, and whether a machine is in it.
type View = (&'static str, fn(&Vm) -> bool);

const VIEWS: &[View] = &[
    ("All", |_| true),
    ("Running", |vm| vm.status.has_screen()),
    ("Stopped", |vm| vm.status.is_off()),
    ("Need attention", |vm| vm.status.needs_somebody()),
];

/// What the page knows of a field; `None` when only the server can judge.
fn fact(app: App, vm: &Vm, field: &str) -> Option<String> {
    let store = app.store;
    Some(match field {
        "name" => vm.name.clone(),
        "status" => status_word(vm).to_owned(),
        "host" => vm
            .host
            .as_ref()
            .and_then(|host| store.hosts.peek(host))
            .map(|host| host.name.clone())
            .unwrap_or_default(),
        "cluster" => vm
            .cluster
            .as_ref()
            .and_then(|cluster| store.clusters.peek(cluster))
            .map(|cluster| cluster.name.clone())
            .unwrap_or_default(),
        "memory" => (vm.memory >> 20).to_string(),
        "description" => vm.description.clone(),
        "comment" => vm.comment.clone(),
        "os" => vm.os.clone(),
        "fqdn" => vm.fqdn.clone(),
        "ip" => vm.addresses.join(" "),
        "id" => vm.id.to_string(),
        "template" => vm
            .template
            .as_ref()
            .and_then(|template| store.templates.peek(template))
            .map(|template| template.name.clone())
            .unwrap_or_default(),
        _ => return None,
    })
}

/// The API's word for a state, for comparing.
fn status_word(vm: &Vm) -> &'static str {
    use crate::store::VmStatus as S;
    match vm.status {
        S::Up => "up",
        S::Down => "down",
        S::Suspended => "suspended",
        S::Paused => "paused",
        S::Migrating => "migrating",
        S::Starting => "powering_up",
        S::Rebooting => "reboot_in_progress",
        S::ShuttingDown => "powering_down",
        S::Suspending => "saving_state",
        S::Resuming => "restoring_state",
        S::Preparing => "image_locked",
        S::NotResponding => "not_responding",
        S::Unknown => "unknown",
    }
}

fn compare(app: App, a: &Vm, b: &Vm, column: usize) -> Ordering {
    let text = |vm: &Vm, field: &str| fact(app, vm, field).unwrap_or_default();
    match column {
        0 => a
            .status
            .status()
            .tone
            .cmp(&b.status.status().tone)
            .then(a.status.cmp(&b.status)),
        2 => natural(&text(a, "host"), &text(b, "host")),
        3 => natural(&text(a, "cluster"), &text(b, "cluster")),
        4 => natural(&text(a, "ip"), &text(b, "ip")),
        5 => a
            .cpu_percent
            .unwrap_or(-1.0)
            .total_cmp(&b.cpu_percent.unwrap_or(-1.0)),
        6 => {
            let known = |vm: &Vm| vm.memory_percent().unwrap_or(-1.0);
            known(a).total_cmp(&known(b))
        }
        7 => a.uptime.cmp(&b.uptime),
        8 => a.consoles.len().cmp(&b.consoles.len()),
        _ => natural(&a.name, &b.name),
    }
}

/// Ids that the server found for the chips it had to judge.
#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    ids: Option<HashSet<Id>>,
    fault: Option<String>,
}

/// The page.
#[component]
pub fn VmList() -> AnyView {
    let app = app();
    let store = app.store;
    let view_at = RwSignal::new(0_usize);
    let terms = RwSignal::new(Vec::<Term>::new());
    let words = RwSignal::new(String::new());
    let sort = RwSignal::new(Sort {
        column: 0,
        descending: false,
    });
    let selection = RwSignal::new(HashSet::<Id>::new());
    let open = RwSignal::new(None::<Id>);
    let dialog = RwSignal::new(None::<VmDialog>);
    let answer = RwSignal::new(Answer::default());

    // Chips that the page cannot judge are asked of the server, again whenever machines come or go.
    Effect::new(move |_| {
        let asked = terms.get();
        let _ = store.vms.len();
        let foreign: Vec<Term> = asked
            .into_iter()
            .filter(|term| fact(app, &blank(), &term.field).is_none())
            .collect();
        if foreign.is_empty() {
            answer.set(Answer::default());
            return;
        }
        let query = search(&foreign);
        task::run(async move {
            let found = match client::vms::search(&query).await {
                Ok(ids) => Answer {
                    ids: Some(ids.into_iter().collect()),
                    fault: None,
                },
                Err(fault) => Answer {
                    ids: Some(HashSet::new()),
                    fault: Some(fault.text()),
                },
            };
            let _ = answer.try_set(found);
        });
    });
    let passes = move |vm: &Vm| {
        let in_view = VIEWS.get(view_at.get()).is_none_or(|(_, is)| is(vm));
        let by_server =
            answer.with(|answer| answer.ids.as_ref().is_none_or(|ids| ids.contains(&vm.id)));
        in_view
            && by_server
            && terms.with(|terms| {
                terms
                    .iter()
                    .all(|term| fact(app, vm, &term.field).is_none_or(|fact| term.accepts(&fact)))
            })
            && words.with(|words| {
                // A half-typed chip is not a word to look for.
                words.contains(['=', '<', '>']) || {
                    let (host, cluster) = (
                        fact(app, vm, "host").unwrap_or_default(),
                        fact(app, vm, "cluster").unwrap_or_default(),
                    );
                    has_words(
                        words,
                        &[
                            &vm.name,
                            &vm.description,
                            &vm.fqdn,
                            &host,
                            &cluster,
                            &vm.addresses.join(" "),
                            vm.status.status().word,
                            &vm.tags.join(" "),
                        ],
                    )
                }
            })
    };
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut found: Vec<Arc<Vm>> = store
            .vms
            .all()
            .into_iter()
            .filter(|vm| passes(vm))
            .collect();
        found.sort_by(|a, b| {
            let order = compare(app, a, b, by.column);
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
            .then_with(|| a.id.cmp(&b.id))
        });
        found
            .into_iter()
            .map(|vm| vm.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| {
        (
            sort.get().column,
            sort.get().descending,
            view_at.get(),
            terms.get(),
            words.get(),
        )
    });
    let order = Order::follow(fresh, question);
    // What is gone cannot stay ticked or open.
    Effect::new(move |_| {
        let there: HashSet<Id> = store.vms.members().iter().map(|vm| vm.id.clone()).collect();
        if selection.with_untracked(|ticked| ticked.iter().any(|id| !there.contains(id))) {
            selection.update(|ticked| ticked.retain(|id| there.contains(id)));
        }
        if open.with_untracked(|open| open.as_ref().is_some_and(|id| !there.contains(id))) {
            open.set(None);
        }
    });
    let on_key = Callback::new(move |(id, key): (Id, String)| match key.as_str() {
        "Enter" => app.navigation.go(&Route::Vm(id, VmTab::Summary)),
        "o" => drop(window().open_with_url_and_target(&Route::VmConsole(id).path(), "_blank")),
        "e" => dialog.set(Some(VmDialog::Edit(id))),
        "s" => dialog.set(Some(VmDialog::Snapshot(id))),
        _ => {}
    });
    let creating = Memo::new(move |_| app.navigation.route.get() == Route::Vms { create: true });
    let cells: Cells = Arc::new(move |id| match store.vms.get(id) {
        Some(vm) => cells(app, &vm),
        None => Vec::new(),
    });
    let views = move || {
        let buttons = VIEWS
        .iter()
        .enumerate()
        .map(|(place, (label, is))| {
            let count = move || store.vms.all().iter().filter(|vm| is(vm)).count();
            view! {
                <button type="button" class={if place > 1 { "sf-view sf-hide-s" } else { "sf-view" }} aria-pressed=move || yes(view_at.get() == place) on:click=move |_| view_at.set(place)>
                    {t(label)}" "<span class="sf-n">{count}</span>
                </button>
            }
        })
        .collect_view();
        view! { <div class="sf-views" role="group" aria-label=t("Views")>{buttons}</div> }
    };
    let nothing = move || store.vms.len() == 0;
    view! {
        <Head
            title=t("Virtual machines")
            beside=views
            end=move || view! { <LinkButton label=t("New VM") icon="plus" kind=Kind::Primary href=Route::Vms { create: true }.path()/> }
        />
        <div class="sf-tools">
            <QueryField terms=terms words=words wrong=Signal::derive(move || answer.with(|answer| answer.fault.clone()))/>
            <span class="sf-grow"></span>
            {move || order.moved.get().then(|| view! { <button type="button" class="sf-view sf-hide-s" title=t("Rows changed while you looked; nothing moved") on:click=move |_| order.again()>{t("Order changed, resort")}</button> })}
            <span class="sf-sr" role="status">{move || plural(order.shown.with(Vec::len), "{0} virtual machine", "{0} virtual machines")}</span>
        </div>
        <div class="sf-body">
            {move || if nothing() {
                view! {
                    <Empty
                        title=t("No virtual machine yet")
                        words=t("A virtual machine is a computer made of software: it has processors, memory, disks and a screen, and it runs on one of your hosts. Making one takes three decisions.")
                        act=move || view! { <LinkButton label=t("New VM") icon="plus" kind=Kind::Primary href=Route::Vms { create: true }.path()/> }
                        command="curl -X POST …/ovirt-engine/api/vms -d '{\"name\": …}'"
                    />
                }.into_any()
            } else {
                view! {
                    <Table
                        label=t("Virtual machines")
                        columns=COLUMNS
                        rows=order.shown
                        cells=Arc::clone(&cells)
                        name=move |id: Id| store.vms.peek(&id).map(|vm| vm.name.clone()).unwrap_or_default()
                        sort=sort
                        selection=selection
                        open=open
                        on_key=on_key
                        room=Signal::derive(move || selection.with(|ticked| !ticked.is_empty()))
                    />
                }.into_any()
            }}
            {move || open.get().map(|id| view! { <Panel id=id open=open dialog=dialog/> })}
            <SelectionBar selection=selection rows=order.shown on_delete=move |ids| dialog.set(Some(VmDialog::Delete(ids)))/>
        </div>
        {move || creating.get().then(|| view! {
            <CreateDialog made=open on_close=move |()| app.navigation.go(&Route::Vms { create: false })/>
        })}
        <VmDialogs dialog=dialog on_deleted=move |()| selection.set(HashSet::new())/>
    }
    .into_any()
}

/// A machine without facts: which fields can be judged does not depend on the machine.
fn blank() -> Vm {
    use crate::store::{Entity, Told};
    Vm::read(
        &Told {
            id: "",
            data: &serde_json::Value::Null,
            offers: &Default::default(),
            extra: &Default::default(),
            at: 0.0,
        },
        None,
    )
}

fn cells(app: App, vm: &Vm) -> Vec<AnyView> {
    let running = vm.status.has_screen();
    let figure = |value: Option<f64>, pick: fn(&crate::store::Sample) -> f32| {
        if let Some(value) = value.filter(|_| running) {
            let values: Vec<f32> = vm.samples.iter().rev().take(23).rev().map(pick).collect();
            view! { <span class="sf-sparkcell">{spark(&values, 52.0, 18.0)}<b>{percent(value)}</b></span> }.into_any()
        } else {
            view! { <span class="sf-sparkcell"><b class="sf-dim3">"–"</b></span> }.into_any()
        }
    };
    let cluster = vm
        .cluster
        .as_ref()
        .map(|cluster| app.store.clusters.name_of(cluster))
        .unwrap_or_default();
    let path = Route::Vm(vm.id.clone(), VmTab::Summary).path();
    let console = vm.consoles.first().map(|name| {
        let short = short_user(name).to_owned();
        let letters = crate::format::initials(name);
        view! { <span class="sf-user"><span class="sf-avatar is-sm" aria-hidden="true">{letters}</span>{short}</span> }
    });
    vec![
        badge(vm.status.status()),
        view! { <a class="sf-name" href=path tabindex="-1">{vm.name.clone()}</a> }.into_any(),
        if vm.host.is_some() {
            host_link(app, vm.host.as_ref())
        } else {
            view! { <span class="sf-dim3">{cluster.clone()}</span> }.into_any()
        },
        view! { <span class="sf-dim">{cluster}</span> }.into_any(),
        vm.addresses
            .first()
            .map_or_else(dash, |address| copyable(address.clone())),
        figure(vm.cpu_percent, |sample| sample.cpu),
        figure(vm.memory_percent(), |sample| sample.memory),
        if running && vm.uptime > 0 {
            span(vm.uptime).into_any()
        } else {
            dash()
        },
        console.into_any(),
    ]
}

/// What came of an action on one of many.
#[derive(Clone, PartialEq)]
struct Outcome {
    id: Id,
    action: VmAction,
    name: String,
    said: RwSignal<Option<Result<(), String>>>,
}

/// Asks for each, one after the other, and notes what came of it.
fn send(asked: Vec<Outcome>) {
    task::run(async move {
        for outcome in asked {
            let answer = client::vms::act(&outcome.id, outcome.action.key())
                .await
                .map_err(|fault| fault.text());
            let _ = outcome.said.try_set(Some(answer));
        }
    });
}

/// Actions on everything ticked, and what came of each.
#[component]
fn SelectionBar(
    selection: RwSignal<HashSet<Id>>,
    #[prop(into)] rows: Signal<Vec<Id>>,
    #[prop(into)] on_delete: Callback<Vec<Id>>,
) -> AnyView {
    let app = app();
    let outcomes = RwSignal::new(Vec::<Outcome>::new());
    let title = RwSignal::new(String::new());
    let machines = move || {
        selection.with(|ticked| {
            ticked
                .iter()
                .filter_map(|id| app.store.vms.get(id))
                .collect::<Vec<_>>()
        })
    };
    let refusal = move |action: VmAction| {
        let machines = machines();
        let refusals: Vec<String> = machines
            .iter()
            .filter_map(|vm| action.refusal(vm))
            .collect();
        (!machines.is_empty() && refusals.len() == machines.len()).then(|| {
            if machines.len() == 1 {
                refusals[0].clone()
            } else {
                fill("Possible for none of them: {0}", &[&refusals[0]])
            }
        })
    };
    let run = move |action: VmAction| {
        if let Some(why) = refusal(action) {
            app.say(Tone::Warn, t("Not possible now"), vec![why], None);
            return;
        }
        let mut machines = machines();
        machines.sort_by(|a, b| natural(&a.name, &b.name));
        title.set(fill(
            "{0}: {1}",
            &[
                action.label(),
                &plural(machines.len(), "{0} machine", "{0} machines"),
            ],
        ));
        outcomes.set(
            machines
                .iter()
                .map(|vm| Outcome {
                    id: vm.id.clone(),
                    action,
                    name: vm.name.clone(),
                    said: RwSignal::new(None),
                })
                .collect(),
        );
        send(outcomes.get_untracked());
    };
    let failed = move || {
        outcomes.with(|outcomes| {
            outcomes
                .iter()
                .filter(|outcome| matches!(outcome.said.get(), Some(Err(_))))
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    let again = move |()| {
        let failed = untrack(failed);
        for outcome in &failed {
            outcome.said.set(None);
        }
        send(failed);
    };
    let act = move |action: VmAction| {
        view! {
            <button type="button" aria-disabled=move || refusal(action).map(|_| "true") title=move || refusal(action) on:click=move |_| run(action)>{icon(action.icon())}{action.label()}</button>
        }
    };
    view! {
        {move || selection.with(|ticked| (!ticked.is_empty()).then_some(ticked.len())).map(|count| view! {
            <div class="sf-selbar is-wide" role="toolbar" aria-label=fill("{0} selected", &[&count.to_string()])>
                <span class="sf-strong">{fill("{0} selected", &[&count.to_string()])}</span>
                {move || { let all = rows.with(Vec::len); (all > count).then(|| view! { <button type="button" class="sf-sub" on:click=move |_| selection.set(rows.get_untracked().into_iter().collect())>{fill("Select all {0}", &[&all.to_string()])}</button> }) }}
                <span class="sf-selbar__sep"></span>
                {act(VmAction::Start)}
                {act(VmAction::Shutdown)}
                {act(VmAction::Stop)}
                {act(VmAction::Reboot)}
                {act(VmAction::Suspend)}
                <button type="button" on:click=move |_| on_delete.run(selection.get_untracked().into_iter().collect())>{icon("trash")}{t("Delete")}</button>
                <span class="sf-selbar__sep"></span>
                <button type="button" aria-label=t("Clear selection") title=t("Clear selection") on:click=move |_| selection.set(HashSet::new())>{icon("close")}</button>
            </div>
        })}
        {move || outcomes.with(|outcomes| !outcomes.is_empty()).then(|| view! {
            <div class="sf-outcome" role="status" aria-label=t("What came of it")>
                <div class="sf-row is-between"><span class="sf-strong">{title}</span><IconButton name=t("Close") icon="close" on_press=move |()| outcomes.set(Vec::new())/></div>
                <ul>
                    {move || outcomes.get().into_iter().map(|outcome| view! {
                        <li>
                            <b class="sf-ell">{outcome.name.clone()}</b>
                            {move || match outcome.said.get() {
                                None => badge(Status::new("Asked", "st-starting", Tone::Busy)),
                                Some(Ok(())) => badge(Status::new("Accepted", "st-ok", Tone::Ok)),
                                Some(Err(why)) => view! { <span class="sf-status is-bad">{icon("st-error")}<span>{why}</span></span> }.into_any(),
                            }}
                        </li>
                    }).collect_view()}
                </ul>
                {move || { let count = failed().len(); (count > 0).then(|| view! { <div class="sf-row"><Button label=plural(count, "Try {0} again", "Try {0} again") icon="refresh" on_press=again/></div> }) }}
            </div>
        })}
    }
    .into_any()
}
