//! A pool's page: its machines, who may take one.

use super::edit::EditPool;
use super::items;
use super::list::{rows, status};
use crate::app::{App, app};
use crate::client;
use crate::components::asking::{Question, Questions, ask};
use crate::components::names::{host_link, vm_link};
use crate::components::permissions::ObjectPermissions;
use crate::components::pools::{maintenance, squares};
use crate::components::status::badge;
use crate::components::vm_actions::power_items;
use crate::format::{short_user, span};
use crate::route::{PoolTab, Route};
use crate::store::{Id, Pool, Vm, natural};
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::menu::{Menu, item};
use crate::ui::page::{Head, Tabs, crumb, facts, missing, section};
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Status", "c-140", "", false),
    column("Name", "", "", false),
    column("Whose", "c-180", "", false),
    column("Host", "c-120", "", false),
    column("Uptime", "c-80", "", false),
    column("", "c-60", "sf-right", false),
];

/// The page.
#[component]
pub fn PoolPage(
    /// Which pool.
    id: Id,
) -> AnyView {
    let app = app();
    let there = {
        let id = id.clone();
        Memo::new(move |_| app.store.pools.has(&id))
    };
    view! { {move || if there.get() { view! { <Found id=id.clone()/> }.into_any() } else { missing(t("There is no such pool"), &Route::Pools, t("All pools")) }} }
        .into_any()
}

#[component]
fn Found(id: Id) -> AnyView {
    let app = app();
    let store = app.store;
    let pool = {
        let id = id.clone();
        Memo::new(move |_| store.pools.get(&id))
    };
    let asked = RwSignal::new(None::<Question>);
    let editing = RwSignal::new(None::<Option<Id>>);
    let name = Signal::derive(move || pool.get().map(|pool| pool.name.clone()).unwrap_or_default());
    let tab = {
        let id = id.clone();
        Memo::new(move |_| match app.navigation.route.get() {
            Route::Pool(here, tab) if here == id => tab,
            _ => PoolTab::Machines,
        })
    };
    let members = {
        let id = id.clone();
        Memo::new(move |_| {
            let mut vms = store.vms.all();
            vms.retain(|vm| vm.pool.as_ref() == Some(&id));
            vms.sort_by(|a, b| natural(&a.name, &b.name));
            vms.iter().map(|vm| vm.id.clone()).collect::<Vec<_>>()
        })
    };
    let count = Signal::derive(move || members.with(Vec::len));
    let tabs = vec![
        (
            t("Machines"),
            Route::Pool(id.clone(), PoolTab::Machines),
            Some(count),
        ),
        (
            t("Permissions"),
            Route::Pool(id.clone(), PoolTab::Permissions),
            None,
        ),
    ];
    let more = Signal::derive(move || {
        pool.get()
            .map(|pool| items(app, &pool, asked, editing))
            .unwrap_or_default()
    });
    let refusal = Signal::derive(move || {
        pool.get()
            .and_then(|pool| pool.offers.refusal("edit").map(str::to_owned))
    });
    let id_edit = id.clone();
    let body = move || {
        match tab.get() {
        PoolTab::Permissions => view! {
            <p class="sf-pad sf-dim">{t("Whoever has the role VmPoolUser here sees “Get a desktop” in the User Portal.")}</p>
            <ObjectPermissions kind="vm_pool" id=id.clone()/>
        }
        .into_any(),
        PoolTab::Machines => machines(app, pool, members, asked),
    }
    };
    view! {
        {crumb(t("Pools"), &Route::Pools, name)}
        <Head
            title=name
            beside=move || pool.get().map(|pool| badge(status(&pool)))
            end=move || { let id = id_edit.clone(); view! {
                <Button label=t("Edit") icon="edit" kind=Kind::Primary refusal=refusal on_press=move |()| editing.set(Some(Some(id.clone())))/>
                <Menu name=t("More actions") items=more/>
            } }
        />
        <Tabs label=t("Sections") tabs=tabs route=app.navigation.route/>
        {body}
        {move || editing.get().map(|id| view! { <EditPool id=id on_close=move |()| editing.set(None)/> })}
        <Questions asked=asked/>
    }
    .into_any()
}

fn machines(
    app: App,
    pool: Memo<Option<Arc<Pool>>>,
    members: Memo<Vec<Id>>,
    asked: RwSignal<Option<Question>>,
) -> AnyView {
    let table = move || {
        let rows: Vec<_> = members
            .get()
            .iter()
            .filter_map(|id| app.store.vms.get(id))
            .map(|vm| row(app, &vm, asked))
            .collect();
        if rows.is_empty() {
            view! { <p class="sf-dim">{t("It has no machine yet.")}</p> }.into_any()
        } else {
            plain_table(t("Machines of the pool"), COLUMNS, rows)
        }
    };
    view! {
        <div class="sf-pad sf-stack is-16">
            <div></div>
            <div class="sf-grid is-main">
                {section(t("Machines"), (), table)}
                <div class="sf-stack is-16">
                    {move || pool.get().map(|pool| view! { {maintenance(&pool)}{squares(&pool)}{facts(rows(app, &pool))} })}
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Whoever has a role on the machine itself has it from the pool.
fn owner(app: App, vm: &Vm) -> String {
    app.store
        .permissions
        .all()
        .iter()
        .filter(|permission| permission.kind == "vm" && permission.object.as_ref() == Some(&vm.id))
        .find_map(|permission| permission.user.clone())
        .map(|user| short_user(&app.store.users.name_of(&user)).to_owned())
        .unwrap_or_default()
}

fn row(app: App, vm: &Arc<Vm>, asked: RwSignal<Option<Question>>) -> Vec<AnyView> {
    let calm = Arc::new(vm.without_figures());
    let mut items = power_items(app, &calm, &[]);
    let leaving = Arc::clone(&calm);
    items.push(item(
        t("Take out of the pool"),
        "external",
        vm.offers.refusal("detach_from_pool").map(str::to_owned),
        move || {
            let (id, name) = (leaving.id.clone(), leaving.name.clone());
            asked.set(Some(Question {
                title: fill("Take {0} out of the pool?", &[&name]),
                impact: vec![
                    t("It becomes a machine like any other, with its disks and whoever has it now.").to_owned(),
                    t("The pool has one machine less.").to_owned(),
                ],
                button: t("Take it out"),
                danger: false,
                typed: None,
                tick: None,
                go: Callback::new(move |()| {
                    let refused = fill("{0} stays in the pool", &[&name]);
                    ask(app, None, refused, client::vms::action(&id, "detach"));
                }),
            }));
        },
    ));
    let whose = owner(app, vm);
    vec![
        badge(vm.status.status()),
        vm_link(app, &vm.id),
        view! { <span class="sf-dim">{if whose.is_empty() { t("nobody's").to_owned() } else { whose }}</span> }.into_any(),
        host_link(app, vm.host.as_ref()),
        if vm.status.has_screen() && vm.uptime > 0 { span(vm.uptime).into_any() } else { crate::components::names::dash() },
        view! { <Menu name=fill("Actions for {0}", &[&vm.name]) items=Signal::derive(move || items.clone())/> }.into_any(),
    ]
}
