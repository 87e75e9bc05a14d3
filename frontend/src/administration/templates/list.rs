//! The list of templates: a row for each version, a panel for the one that is looked at.

use super::{EditTemplate, items, used_by};
use crate::administration::hosts::WordFilter;
use crate::administration::vms::create::CreateDialog;
use crate::app::{App, app};
use crate::components::asking::{Question, Questions};
use crate::components::events::exact;
use crate::components::listing::{by, listing};
use crate::components::names::{dash, firmware_words, os_words};
use crate::components::status::{badge, label};
use crate::format::{ago, bytes};
use crate::route::{Route, TemplateTab};
use crate::store::{Id, Template, natural};
use crate::text::{fill, plural, t};
use crate::ui::button::{Button, IconButton, Kind, copyable_id};
use crate::ui::menu::Menu;
use crate::ui::page::{Empty, Head, fact, facts};
use crate::ui::table::{Cells, Column, Table, column};
use leptos::prelude::*;
use std::cmp::Ordering;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-100", "f-status", true),
    column("Name", "", "f-name", true),
    column("Version", "c-120", "f-host", true),
    column("System", "c-120 sf-hide-m", "sf-hide-m", true),
    column("Size", "c-140", "", false),
    column("Disks", "c-60", "sf-right", true),
    column("VMs", "c-60", "sf-right f-meta", true),
    column("Made", "c-100", "sf-right", true),
];

fn said(_: App, template: &Template) -> String {
    [
        template.description.as_str(),
        &template.version_words(),
        &os_words(&template.os),
    ]
    .join(" ")
}

fn compare(app: App, a: &Template, b: &Template, column: usize) -> Ordering {
    match column {
        0 => a.status().tone.cmp(&b.status().tone),
        2 => a.version.cmp(&b.version),
        3 => a.os.cmp(&b.os),
        5 => a.disks.len().cmp(&b.disks.len()),
        6 => used_by(app, &a.id).cmp(&used_by(app, &b.id)),
        7 => a
            .created
            .unwrap_or(0.0)
            .total_cmp(&b.created.unwrap_or(0.0)),
        _ => natural(&a.name, &b.name).then(b.version.cmp(&a.version)),
    }
}

/// The page.
#[component]
pub fn Templates() -> AnyView {
    let app = app();
    let store = app.store;
    let words = RwSignal::new(String::new());
    let sort = by(1);
    let open = RwSignal::new(None::<Id>);
    let asked = RwSignal::new(None::<Question>);
    let editing = RwSignal::new(None::<Id>);
    let creating = RwSignal::new(None::<Id>);
    let made = RwSignal::new(None::<Id>);
    let order = listing(sort, words, move || store.templates.all(), said, compare);
    let cells: Cells = Arc::new(move |id| {
        store
            .templates
            .get(id)
            .map(|template| cells(app, &template))
            .unwrap_or_default()
    });
    let on_key = Callback::new(move |(id, key): (Id, String)| match key.as_str() {
        "Enter" => app
            .navigation
            .go(&Route::Template(id, TemplateTab::Summary)),
        "e" => editing.set(Some(id)),
        _ => {}
    });
    let only_blank = move || {
        store
            .templates
            .members()
            .iter()
            .all(|template| template.is_blank())
    };
    view! {
        <Head title=t("Templates") beside=move || view! { <span class="sf-n">{move || store.templates.len()}</span> }/>
        <div class="sf-tools"><WordFilter name=t("Filter templates") words=words/></div>
        <div class="sf-body">
            <Table
                label=t("Templates")
                columns=COLUMNS
                rows=order.shown
                cells=cells
                name=move |id: Id| store.templates.peek(&id).map(|template| template.name.clone()).unwrap_or_default()
                sort=sort
                open=open
                on_key=on_key
                after=move || only_blank().then(|| view! {
                    <Empty
                        title=t("No template of your own yet")
                        words=t("A template is a machine kept as a mould: its disks, its settings, its first-boot answers. Set one machine up as you like it, shut it down, and make a template of it; then a new machine takes seconds.")
                        act=move || view! { <a class="pf-v6-c-button pf-m-secondary" href=Route::Vms { create: false }.path()>{t("Choose a machine")}</a> }
                        command="curl -X POST …/ovirt-engine/api/templates -d '{\"name\": …, \"vm\": {\"id\": …}}'"
                    />
                })
            />
            {move || open.get().map(|id| view! { <Panel id=id open=open asked=asked editing=editing creating=creating/> })}
        </div>
        {move || creating.get().map(|template| view! { <CreateDialog made=made from=template on_close=move |()| creating.set(None)/> })}
        {move || editing.get().map(|id| view! { <EditTemplate id=id on_close=move |()| editing.set(None)/> })}
        <Questions asked=asked/>
    }
    .into_any()
}

fn size_words(template: &Template) -> String {
    fill(
        "{0} vCPU, {1}",
        &[&template.vcpus.to_string(), &bytes(template.memory)],
    )
}

fn cells(app: App, template: &Template) -> Vec<AnyView> {
    let path = Route::Template(template.id.clone(), TemplateTab::Summary).path();
    let made = template
        .created
        .filter(|_| !template.is_blank())
        .map_or_else(dash, |at| {
            let now = app.clock.get_untracked().max(at);
            view! { <span class="sf-dim" title=exact(at)>{ago(at, now)}</span> }.into_any()
        });
    vec![
        badge(template.status()),
        view! { <a class="sf-name" href=path tabindex="-1">{template.name.clone()}</a>" "<span class="sf-dim">{template.description.clone()}</span> }.into_any(),
        template.version_words().into_any(),
        view! { <span class="sf-dim">{os_words(&template.os)}</span> }.into_any(),
        size_words(template).into_any(),
        template.disks.len().into_any(),
        used_by(app, &template.id).into_any(),
        made,
    ]
}

/// Facts of a template.
#[must_use]
pub fn rows(app: App, template: &Template) -> Vec<(&'static str, AnyView)> {
    let cluster = template
        .cluster
        .as_ref()
        .map_or_else(|| t("any").to_owned(), |id| app.store.clusters.name_of(id));
    vec![
        (t("Version"), fact(template.version_words())),
        (t("System"), fact(os_words(&template.os))),
        (t("Firmware"), fact(firmware_words(&template.bios))),
        (t("Size"), fact(size_words(template))),
        (
            t("Disks"),
            fact(plural(template.disks.len(), "{0} disk", "{0} disks")),
        ),
        (t("Cluster"), fact(cluster)),
        (
            t("First boot"),
            fact(if template.initialized {
                t("set")
            } else {
                t("not set")
            }),
        ),
        (
            t("Used by"),
            fact(plural(used_by(app, &template.id), "{0} VM", "{0} VMs")),
        ),
        (
            t("Made"),
            fact(template.created.map(exact).unwrap_or_default()),
        ),
        (t("ID"), copyable_id(&template.id)),
    ]
}

#[component]
fn Panel(
    id: Id,
    open: RwSignal<Option<Id>>,
    asked: RwSignal<Option<Question>>,
    editing: RwSignal<Option<Id>>,
    creating: RwSignal<Option<Id>>,
) -> AnyView {
    let app = app();
    let template = {
        let id = id.clone();
        Memo::new(move |_| app.store.templates.get(&id))
    };
    let name = Signal::derive(move || {
        template
            .get()
            .map(|one| one.name.clone())
            .unwrap_or_default()
    });
    let page = Route::Template(id.clone(), TemplateTab::Summary);
    let more = Signal::derive(move || {
        template
            .get()
            .map(|one| items(app, &one, asked, editing, creating))
            .unwrap_or_default()
    });
    let refusal = Signal::derive(move || {
        template
            .get()
            .and_then(|one| one.offers.refusal("create_vm").map(str::to_owned))
    });
    let id_create = id.clone();
    view! {
        <aside class="sf-panel is-over" aria-label=name>
            <div class="sf-stack is-12">
                <div class="sf-row">
                    <h2 class="sf-grow sf-ell">{name}</h2>
                    <IconButton name=t("Open page (Enter)") icon="max" on_press=move |()| app.navigation.go(&page)/>
                    <IconButton name=t("Close panel (Esc)") icon="close" on_press=move |()| open.set(None)/>
                </div>
                <div class="sf-row">{move || template.get().map(|one| view! { {badge(one.status())}{one.delete_protected.then(|| label(t("protected"), ""))} })}</div>
                <div class="sf-row is-tight">
                    <Button label=t("New VM from it") icon="plus" kind=Kind::Primary refusal=refusal on_press=move |()| creating.set(Some(id_create.clone()))/>
                    <span class="sf-edge"><Menu name=t("More actions") items=more/></span>
                </div>
                {move || template.get().map(|one| view! {
                    {(!one.description.is_empty()).then(|| view! { <p class="sf-dim">{one.description.clone()}</p> })}
                    {facts(rows(app, &one))}
                })}
            </div>
        </aside>
    }
    .into_any()
}
