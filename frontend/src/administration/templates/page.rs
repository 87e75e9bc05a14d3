//! A template's page: facts, its versions, its disks, the machines made from it, permissions.

use super::list::rows;
use super::{EditTemplate, items, versions};
use crate::administration::vms::create::CreateDialog;
use crate::app::{App, app};
use crate::components::asking::{Question, Questions};
use crate::components::events::exact;
use crate::components::names::vm_link;
use crate::components::permissions::ObjectPermissions;
use crate::components::status::{badge, label};
use crate::format::bytes_of;
use crate::route::{Route, TemplateTab};
use crate::store::{Id, Status, Template, natural};
use crate::text::t;
use crate::ui::button::{Button, Kind};
use crate::ui::menu::Menu;
use crate::ui::page::{Head, Tabs, crumb, facts, missing, section};
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;
use std::sync::Arc;

const VERSIONS: &[Column] = &[
    column("Version", "c-180", "", false),
    column("Status", "c-120", "", false),
    column("Description", "", "", false),
    column("Made", "c-180", "", false),
];
const DISKS: &[Column] = &[
    column("Status", "c-120", "", false),
    column("Name", "", "", false),
    column("Size", "c-160", "", false),
    column("Format", "c-80", "", false),
    column("Storage domain", "c-140", "", false),
];

/// The page.
#[component]
pub fn TemplatePage(
    /// Which template.
    id: Id,
) -> AnyView {
    let app = app();
    let there = {
        let id = id.clone();
        Memo::new(move |_| app.store.templates.has(&id))
    };
    view! { {move || if there.get() { view! { <Found id=id.clone()/> }.into_any() } else { missing(t("There is no such template"), &Route::Templates, t("All templates")) }} }
        .into_any()
}

#[component]
fn Found(id: Id) -> AnyView {
    let app = app();
    let store = app.store;
    let template = {
        let id = id.clone();
        Memo::new(move |_| store.templates.get(&id))
    };
    let asked = RwSignal::new(None::<Question>);
    let editing = RwSignal::new(None::<Id>);
    let creating = RwSignal::new(None::<Id>);
    let made = RwSignal::new(None::<Id>);
    let name = Signal::derive(move || {
        template
            .get()
            .map(|one| one.name.clone())
            .unwrap_or_default()
    });
    let tab = {
        let id = id.clone();
        Memo::new(move |_| match app.navigation.route.get() {
            Route::Template(here, tab) if here == id => tab,
            _ => TemplateTab::Summary,
        })
    };
    let tabs = vec![
        (
            t("Summary"),
            Route::Template(id.clone(), TemplateTab::Summary),
            None,
        ),
        (
            t("Permissions"),
            Route::Template(id.clone(), TemplateTab::Permissions),
            None,
        ),
    ];
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
    let beside = move || {
        template.get().map(|one| view! { {badge(one.status())}{label(one.version_words(), "")}{one.delete_protected.then(|| label(t("protected"), ""))} })
    };
    let id_create = id.clone();
    let id_body = id.clone();
    let body = move || match tab.get() {
        TemplateTab::Permissions => {
            view! { <ObjectPermissions kind="template" id=id_body.clone()/> }.into_any()
        }
        TemplateTab::Summary => template
            .get()
            .map(|one| summary(app, &one))
            .unwrap_or_else(|| ().into_any()),
    };
    view! {
        {crumb(t("Templates"), &Route::Templates, name)}
        <Head
            title=name
            beside=beside
            end=move || { let id = id_create.clone(); view! {
                <Button label=t("New VM from it") icon="plus" kind=Kind::Primary refusal=refusal on_press=move |()| creating.set(Some(id.clone()))/>
                <Menu name=t("More actions") items=more/>
            } }
        />
        <Tabs label=t("Sections") tabs=tabs route=app.navigation.route/>
        {body}
        {move || creating.get().map(|template| view! { <CreateDialog made=made from=template on_close=move |()| creating.set(None)/> })}
        {move || editing.get().map(|id| view! { <EditTemplate id=id on_close=move |()| editing.set(None)/> })}
        <Questions asked=asked/>
    }
    .into_any()
}

fn summary(app: App, template: &Arc<Template>) -> AnyView {
    let versions_table = plain_table(
        t("Versions"),
        VERSIONS,
        versions(app, template)
            .iter()
            .rev()
            .map(|version| version_row(version, version.id == template.id))
            .collect(),
    );
    let disks = if template.disks.is_empty() {
        view! { <p class="sf-dim">{t("It has no disk.")}</p> }.into_any()
    } else {
        let rows = template.disks.iter().map(|disk| disk_row(app, disk));
        plain_table(t("Disks"), DISKS, rows.collect())
    };
    let mut users = app.store.vms.all();
    users.retain(|vm| vm.template.as_ref() == Some(&template.id));
    users.sort_by(|a, b| natural(&a.name, &b.name));
    let users = if users.is_empty() {
        view! { <p class="sf-dim">{t("No machine was made from this version.")}</p> }.into_any()
    } else {
        let links = users
            .iter()
            .map(|vm| view! { <li>{vm_link(app, &vm.id)}" "{badge(vm.status.status())}</li> });
        view! { <ul class="sf-plain">{links.collect_view()}</ul> }.into_any()
    };
    let pools: Vec<_> = app
        .store
        .pools
        .by_name()
        .into_iter()
        .filter(|pool| pool.template.as_ref() == Some(&template.id))
        .map(|pool| view! { <li><a class="sf-obj" href=Route::Pool(pool.id.clone(), Default::default()).path()>{pool.name.clone()}</a></li> })
        .collect();
    let pools = (!pools.is_empty()).then(|| {
        section(
            t("Pools of it"),
            (),
            view! { <ul class="sf-plain">{pools}</ul> },
        )
    });
    view! {
        <div class="sf-pad sf-stack is-16">
            <div></div>
            <div class="sf-grid is-main">
                <div class="sf-stack is-24">
                    {section(t("Versions"), (), versions_table)}
                    {section(t("Disks"), (), disks)}
                    {section(t("Machines made from it"), (), users)}
                    {pools}
                </div>
                <div class="sf-stack is-16">
                    {(!template.description.is_empty()).then(|| view! { <p>{template.description.clone()}</p> })}
                    {facts(rows(app, template))}
                </div>
            </div>
        </div>
    }
    .into_any()
}

fn version_row(version: &Template, here: bool) -> Vec<AnyView> {
    let path = Route::Template(version.id.clone(), TemplateTab::Summary).path();
    let words = version.version_words();
    vec![
        if here {
            view! { <span class="sf-strong">{words}</span>" "{label(t("this one"), "is-accent")} }
                .into_any()
        } else {
            view! { <a class="sf-obj" href=path>{words}</a> }.into_any()
        },
        badge(version.status()),
        view! { <span class="sf-dim">{version.description.clone()}</span> }.into_any(),
        view! { <span class="sf-dim">{version.created.map(exact).unwrap_or_default()}</span> }
            .into_any(),
    ]
}

fn disk_row(app: App, id: &Id) -> Vec<AnyView> {
    let Some(disk) = app.store.disks.get(id) else {
        return vec![
            badge(Status::of_disk("")),
            id.to_string().into_any(),
            ().into_any(),
            ().into_any(),
            ().into_any(),
        ];
    };
    let domain = disk
        .storage_domain
        .as_ref()
        .map(|domain| app.store.storage_domains.name_of(domain))
        .unwrap_or_default();
    vec![
        badge(Status::of_disk(&disk.status)),
        view! { <span class="sf-strong">{disk.name.clone()}</span> }.into_any(),
        bytes_of(disk.actual, disk.size).into_any(),
        if disk.format == "cow" { "qcow2" } else { "raw" }.into_any(),
        view! { <span class="sf-dim">{domain}</span> }.into_any(),
    ]
}
