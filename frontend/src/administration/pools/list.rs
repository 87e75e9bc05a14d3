//! The list of pools.

use super::edit::EditPool;
use super::items;
use crate::administration::hosts::WordFilter;
use crate::app::{App, app};
use crate::components::asking::{Question, Questions};
use crate::components::listing::{by, listing};
use crate::components::names::dash;
use crate::components::pools::{fullness, kind_words, maintenance, squares};
use crate::components::status::badge;
use crate::route::{PoolTab, Route};
use crate::store::{Id, Pool, Status, Tone, natural};
use crate::text::t;
use crate::ui::button::{Button, IconButton, Kind, LinkButton, copyable_id};
use crate::ui::menu::Menu;
use crate::ui::page::{Empty, Head, fact, facts};
use crate::ui::table::{Cells, Column, Table, column};
use leptos::prelude::*;
use std::cmp::Ordering;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-120", "f-status", true),
    column("Name", "", "f-name", true),
    column("Template", "c-180", "f-host", true),
    column("Machines", "c-80", "sf-right", true),
    column("In use", "c-80", "sf-right f-meta", true),
    column("Ready", "c-80", "sf-right", true),
    column("Kind", "c-120", "", true),
];

/// A pool's state.
#[must_use]
pub fn status(pool: &Pool) -> Status {
    if pool.maintenance {
        Status::new("Maintenance", "st-maint", Tone::Off)
    } else if pool.size > 0 && pool.assigned >= pool.size {
        Status::new("All in use", "st-warn", Tone::Warn)
    } else {
        Status::new("Ready", "st-ok", Tone::Ok)
    }
}

/// Its template by name and version; "latest" if it follows.
#[must_use]
pub fn template_words(app: App, pool: &Pool) -> String {
    let Some(template) = pool
        .template
        .as_ref()
        .and_then(|template| app.store.templates.get(template))
    else {
        return String::new();
    };
    let version = if pool.latest {
        t("latest").to_owned()
    } else {
        template.version_words()
    };
    [template.name.as_str(), " ", &version].concat()
}

fn kind(pool: &Pool) -> &'static str {
    if pool.automatic {
        t("automatic")
    } else {
        t("manual")
    }
}

fn said(app: App, pool: &Pool) -> String {
    [
        pool.description.as_str(),
        &template_words(app, pool),
        kind(pool),
    ]
    .join(" ")
}

fn compare(app: App, a: &Pool, b: &Pool, column: usize) -> Ordering {
    match column {
        0 => status(a).tone.cmp(&status(b).tone),
        2 => template_words(app, a).cmp(&template_words(app, b)),
        3 => a.size.cmp(&b.size),
        4 => a.assigned.cmp(&b.assigned),
        5 => a.ready.cmp(&b.ready),
        6 => kind(a).cmp(kind(b)),
        _ => natural(&a.name, &b.name),
    }
}

/// The page.
#[component]
pub fn Pools() -> AnyView {
    let app = app();
    let store = app.store;
    let words = RwSignal::new(String::new());
    let sort = by(1);
    let open = RwSignal::new(None::<Id>);
    let asked = RwSignal::new(None::<Question>);
    let editing = RwSignal::new(None::<Option<Id>>);
    let order = listing(sort, words, move || store.pools.all(), said, compare);
    let cells: Cells = Arc::new(move |id| {
        store
            .pools
            .get(id)
            .map(|pool| cells(app, &pool))
            .unwrap_or_default()
    });
    let on_key = Callback::new(move |(id, key): (Id, String)| match key.as_str() {
        "Enter" => app.navigation.go(&Route::Pool(id, PoolTab::Machines)),
        "e" => editing.set(Some(Some(id))),
        _ => {}
    });
    let new = move || view! { <Button label=t("New pool") icon="plus" kind=Kind::Primary on_press=move |()| editing.set(Some(None))/> };
    view! {
        <Head title=t("Pools") beside=move || view! { <span class="sf-n">{move || store.pools.len()}</span> } end=new/>
        <div class="sf-tools"><WordFilter name=t("Filter pools") words=words/></div>
        <div class="sf-body">
            {move || if store.pools.len() == 0 {
                view! { <Empty title=t("No pool yet") words=t("A pool is a number of machines that are all alike, made from one template. People take one when they need it and give it back; some can wait running, so that nobody waits for a start.") act=new command="curl -X POST …/ovirt-engine/api/vmpools -d '{\"name\": …}'"/> }.into_any()
            } else {
                view! { <Table label=t("Pools") columns=COLUMNS rows=order.shown cells=Arc::clone(&cells) name=move |id: Id| store.pools.peek(&id).map(|pool| pool.name.clone()).unwrap_or_default() sort=sort open=open on_key=on_key/> }.into_any()
            }}
            {move || open.get().map(|id| view! { <Panel id=id open=open asked=asked editing=editing/> })}
        </div>
        {move || editing.get().map(|id| view! { <EditPool id=id on_close=move |()| editing.set(None)/> })}
        <Questions asked=asked/>
    }
    .into_any()
}

fn cells(app: App, pool: &Pool) -> Vec<AnyView> {
    let path = Route::Pool(pool.id.clone(), PoolTab::Machines).path();
    let template = template_words(app, pool);
    vec![
        badge(status(pool)),
        view! { <a class="sf-name" href=path tabindex="-1">{pool.name.clone()}</a>" "<span class="sf-dim">{pool.description.clone()}</span> }.into_any(),
        if template.is_empty() { dash() } else { view! { <span class="sf-dim">{template}</span> }.into_any() },
        pool.size.into_any(),
        pool.assigned.into_any(),
        pool.ready.into_any(),
        view! { <span class="sf-dim">{kind(pool)}</span> }.into_any(),
    ]
}

/// Facts of a pool.
#[must_use]
pub fn rows(app: App, pool: &Pool) -> Vec<(&'static str, AnyView)> {
    let cluster = pool
        .cluster
        .as_ref()
        .map(|cluster| app.store.clusters.name_of(cluster))
        .unwrap_or_default();
    let mut rows = vec![
        (t("In use"), fact(fullness(pool))),
        (
            t("Kind"),
            fact([kind(pool), ", ", kind_words(pool)].concat()),
        ),
        (t("Started ahead"), fact(pool.prestarted.to_string())),
        (t("Per person"), fact(pool.max_per_user.to_string())),
        (t("Template"), fact(template_words(app, pool))),
        (t("Cluster"), fact(cluster)),
    ];
    if let Some(size) = &pool.instance_type {
        rows.push((t("Size"), fact(app.store.instance_types.name_of(size))));
    }
    if !pool.comment.is_empty() {
        rows.push((t("Comment"), fact(pool.comment.clone())));
    }
    rows.push((t("ID"), copyable_id(&pool.id)));
    rows
}

#[component]
fn Panel(
    id: Id,
    open: RwSignal<Option<Id>>,
    asked: RwSignal<Option<Question>>,
    editing: RwSignal<Option<Option<Id>>>,
) -> AnyView {
    let app = app();
    let pool = {
        let id = id.clone();
        Memo::new(move |_| app.store.pools.get(&id))
    };
    let name = Signal::derive(move || pool.get().map(|pool| pool.name.clone()).unwrap_or_default());
    let page = Route::Pool(id.clone(), PoolTab::Machines);
    let path = page.path();
    let more = Signal::derive(move || {
        pool.get()
            .map(|pool| items(app, &pool, asked, editing))
            .unwrap_or_default()
    });
    view! {
        <aside class="sf-panel is-over" aria-label=name>
            <div class="sf-stack is-12">
                <div class="sf-row">
                    <h2 class="sf-grow sf-ell">{name}</h2>
                    <IconButton name=t("Open page (Enter)") icon="max" on_press=move |()| app.navigation.go(&page)/>
                    <IconButton name=t("Close panel (Esc)") icon="close" on_press=move |()| open.set(None)/>
                </div>
                <div class="sf-row">{move || pool.get().map(|pool| badge(status(&pool)))}</div>
                <div class="sf-row is-tight">
                    <LinkButton label=t("Its machines") kind=Kind::Primary href=path/>
                    <span class="sf-edge"><Menu name=t("More actions") items=more/></span>
                </div>
                {move || pool.get().map(|pool| view! {
                    {maintenance(&pool)}
                    {squares(&pool)}
                    {(!pool.description.is_empty()).then(|| view! { <p class="sf-dim">{pool.description.clone()}</p> })}
                    {facts(rows(app, &pool))}
                })}
            </div>
        </aside>
    }
    .into_any()
}
