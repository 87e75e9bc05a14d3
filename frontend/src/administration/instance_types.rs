//! Instance types: sizes by name, for machines that are all alike in that.

use crate::administration::hosts::WordFilter;
use crate::app::{App, app};
use crate::client::instance_types;
use crate::components::asking::{FormDialog, Question, Questions, ask};
use crate::components::listing::{by, listing};
use crate::format::{GIB, MIB, bytes, parse_bytes};
use crate::store::{Id, InstanceType, natural};
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::form::TextField;
use crate::ui::menu::{Menu, item};
use crate::ui::page::{Empty, Head};
use crate::ui::table::{Cells, Column, Table, column};
use leptos::prelude::*;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Name", "c-220", "f-name", true),
    column("Processors", "c-120", "f-status", true),
    column("Memory", "c-140", "f-meta", true),
    column("Description", "", "f-host", false),
    column("", "c-60", "sf-right f-act", false),
];

fn said(_: App, one: &InstanceType) -> String {
    one.description.clone()
}

fn compare(_: App, a: &InstanceType, b: &InstanceType, column: usize) -> Ordering {
    match column {
        1 => a.vcpus.cmp(&b.vcpus),
        2 => a.memory.cmp(&b.memory),
        _ => natural(&a.name, &b.name),
    }
}

/// The page.
#[component]
pub fn InstanceTypes() -> AnyView {
    let app = app();
    let store = app.store;
    let words = RwSignal::new(String::new());
    let sort = by(2);
    let asked = RwSignal::new(None::<Question>);
    // `Some(None)` for a new one.
    let editing = RwSignal::new(None::<Option<Id>>);
    let order = listing(
        sort,
        words,
        move || store.instance_types.all(),
        said,
        compare,
    );
    let cells: Cells = Arc::new(move |id| {
        let Some(one) = store.instance_types.get(id) else {
            return Vec::new();
        };
        let (edit, gone) = (one.id.clone(), Arc::clone(&one));
        let items = vec![
            item(
                t("Edit"),
                "edit",
                one.offers.refusal("edit").map(str::to_owned),
                move || editing.set(Some(Some(edit.clone()))),
            ),
            item(
                t("Delete"),
                "trash",
                one.offers.refusal("delete").map(str::to_owned),
                move || asked.set(Some(deletion(app, &gone))),
            ),
        ];
        vec![
            view! { <span class="sf-strong">{one.name.clone()}</span> }.into_any(),
            fill("{0} vCPU", &[&one.vcpus.to_string()]).into_any(),
            bytes(one.memory).into_any(),
            view! { <span class="sf-dim">{one.description.clone()}</span> }.into_any(),
            view! { <Menu name=fill("Actions for {0}", &[&one.name]) items=Signal::derive(move || items.clone())/> }.into_any(),
        ]
    });
    let new = move || view! { <Button label=t("New instance type") icon="plus" kind=Kind::Primary on_press=move |()| editing.set(Some(None))/> };
    view! {
        <Head title=t("Instance types") beside=move || view! { <span class="sf-n">{move || store.instance_types.len()}</span> } end=new/>
        <div class="sf-tools"><WordFilter name=t("Filter instance types") words=words/></div>
        <div class="sf-body">
            {move || if store.instance_types.len() == 0 {
                view! { <Empty title=t("No instance type yet") words=t("An instance type is a size with a name: so many processors, so much memory. Machines that have one are alike in that, and people choose a word instead of figures.") act=new/> }.into_any()
            } else {
                view! { <Table label=t("Instance types") columns=COLUMNS rows=order.shown cells=Arc::clone(&cells) name=move |id: Id| store.instance_types.peek(&id).map(|one| one.name.clone()).unwrap_or_default() sort=sort/> }.into_any()
            }}
        </div>
        {move || editing.get().map(|id| view! { <Edit id=id on_close=move |()| editing.set(None)/> })}
        <Questions asked=asked/>
    }
    .into_any()
}

fn deletion(app: App, one: &Arc<InstanceType>) -> Question {
    let (id, name) = (one.id.clone(), one.name.clone());
    Question {
        title: fill("Delete instance type {0}?", &[&name]),
        impact: vec![t("Machines that have this size keep their processors and memory, but follow it no more.").to_owned()],
        button: t("Delete"),
        danger: true,
        typed: None,
        tick: None,
        go: Callback::new(move |()| {
            let refused = fill("{0} was not deleted", &[&name]);
            ask(app, None, refused, instance_types::remove(&id));
        }),
    }
}

fn document(name: &str, description: &str, vcpus: u64, memory: u64) -> Value {
    json!({
        "name": name, "description": description, "memory": memory,
        "memory_policy": { "guaranteed": memory, "max": memory.saturating_mul(4) },
        "cpu": { "topology": { "sockets": vcpus, "cores": 1, "threads": 1 } },
    })
}

#[component]
fn Edit(id: Option<Id>, #[prop(into)] on_close: Callback<()>) -> AnyView {
    let app = app();
    let before = id.as_ref().and_then(|id| app.store.instance_types.peek(id));
    let of = |pick: fn(&InstanceType) -> String, new: &str| {
        RwSignal::new(before.as_deref().map_or_else(|| new.to_owned(), pick))
    };
    let name = of(|one| one.name.clone(), "");
    let description = of(|one| one.description.clone(), "");
    let vcpus = of(|one| one.vcpus.to_string(), "2");
    let memory = of(|one| bytes(one.memory), "4 GiB");
    let count = move || {
        vcpus.with(|text| {
            text.trim()
                .parse::<u64>()
                .ok()
                .filter(|n| (1..=512).contains(n))
        })
    };
    let amount =
        move || memory.with(|text| parse_bytes(text, GIB).filter(|amount| *amount >= 32 * MIB));
    let wrong_vcpus =
        Signal::derive(move || count().is_none().then(|| t("Between 1 and 512").to_owned()));
    let wrong_memory = Signal::derive(move || {
        amount()
            .is_none()
            .then(|| t("At least 32 MiB, with its unit: 512 MiB, 6 GiB").to_owned())
    });
    let refusal = Signal::derive(move || {
        if name.with(|name| name.trim().is_empty()) {
            Some(t("It needs a name.").to_owned())
        } else {
            wrong_vcpus.get().or_else(|| wrong_memory.get())
        }
    });
    let title = before.as_ref().map_or_else(
        || t("New instance type").to_owned(),
        |one| fill("Edit {0}", &[&one.name]),
    );
    let button = if before.is_some() {
        t("Save")
    } else {
        t("Create")
    };
    let go = move |()| {
        let name = name.get_untracked().trim().to_owned();
        let body = document(
            &name,
            &description.get_untracked(),
            untrack(count).unwrap_or(1),
            untrack(amount).unwrap_or(GIB),
        );
        let answer = match &id {
            Some(id) => instance_types::update(id, body),
            None => instance_types::add(body),
        };
        ask(app, None, fill("{0} was not saved", &[&name]), answer);
    };
    view! {
        <FormDialog title=title button=button refusal=refusal on_go=go on_close=on_close>
            <TextField id="type-name" label=t("Name") value=name first=true/>
            <TextField id="type-description" label=t("Description") value=description/>
            <div class="sf-fields is-2">
                <TextField id="type-vcpus" label=t("Processors") value=vcpus wrong=wrong_vcpus/>
                <TextField id="type-memory" label=t("Memory") value=memory wrong=wrong_memory/>
            </div>
        </FormDialog>
    }
    .into_any()
}
