//! Templates: the list with a panel, a template's page, making and deleting them.

pub mod list;
pub mod page;

use crate::app::{App, app};
use crate::client::templates;
use crate::components::asking::{FormDialog, Question, ask};
use crate::store::{Id, Template};
use crate::text::{fill, plural, t};
use crate::ui::form::{Check, TextField};
use crate::ui::menu::{Item, item};
use leptos::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Machines that were made from it.
#[must_use]
pub fn used_by(app: App, template: &Id) -> usize {
    app.store
        .vms
        .all()
        .iter()
        .filter(|vm| vm.template.as_ref() == Some(template))
        .count()
}

/// All versions of a template, oldest first.
#[must_use]
pub fn versions(app: App, template: &Template) -> Vec<Arc<Template>> {
    let mut all = app.store.templates.all();
    all.retain(|other| other.family() == template.family());
    all.sort_by_key(|template| template.version);
    all
}

/// What can be done with a template, as lines of a menu.
#[must_use]
pub fn items(
    app: App,
    template: &Arc<Template>,
    asked: RwSignal<Option<Question>>,
    editing: RwSignal<Option<Id>>,
    creating: RwSignal<Option<Id>>,
) -> Vec<Item> {
    let refusal = |action: &str| template.offers.refusal(action).map(str::to_owned);
    let (create, edit, gone) = (
        template.id.clone(),
        template.id.clone(),
        Arc::clone(template),
    );
    vec![
        item(
            t("New VM from it"),
            "plus",
            refusal("create_vm"),
            move || creating.set(Some(create.clone())),
        ),
        item(t("Edit"), "edit", refusal("edit"), move || {
            editing.set(Some(edit.clone()))
        }),
        item(t("Delete"), "trash", refusal("delete"), move || {
            asked.set(Some(deletion(app, &gone)))
        }),
    ]
}

/// The question before a template is deleted.
fn deletion(app: App, template: &Arc<Template>) -> Question {
    let full = fill("{0} {1}", &[&template.name, &template.version_words()]);
    let id = template.id.clone();
    let name = template.name.clone();
    Question {
        title: fill("Delete template {0}?", &[&full]),
        impact: vec![
            plural(
                template.disks.len(),
                "{0} disk of it is deleted.",
                "{0} disks of it are deleted.",
            ),
            t("Machines that were cloned from it keep their own disks and stay.").to_owned(),
            t("Other versions of it stay.").to_owned(),
            t("This cannot be undone.").to_owned(),
        ],
        button: t("Delete"),
        danger: true,
        typed: Some(name),
        tick: None,
        go: Callback::new(move |()| {
            ask(
                app,
                Some(fill("Template {0} is being deleted", &[&full])),
                fill("Template {0} was not deleted", &[&full]),
                templates::remove(&id),
            );
        }),
    }
}

/// Name, description, protection of a template.
#[component]
pub fn EditTemplate(
    /// Which one.
    id: Id,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let Some(template) = app.store.templates.peek(&id) else {
        return ().into_any();
    };
    let name = RwSignal::new(template.name.clone());
    let description = RwSignal::new(template.description.clone());
    let version = RwSignal::new(template.version_name.clone());
    let protected = RwSignal::new(template.delete_protected);
    let title = fill("Edit template {0}", &[&template.name]);
    let body = {
        let before = Arc::clone(&template);
        Memo::new(move |_| {
            let mut body = Map::new();
            let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
            name.with(|name| {
                if name.trim() != before.name {
                    put("name", json!(name.trim()));
                }
            });
            description.with(|text| {
                if *text != before.description {
                    put("description", json!(text));
                }
            });
            version.with(|text| {
                if *text != before.version_name {
                    put("version", json!({ "version_name": text }));
                }
            });
            if protected.get() != before.delete_protected {
                put("delete_protected", json!(protected.get().to_string()));
            }
            Value::Object(body)
        })
    };
    let refusal = Signal::derive(move || {
        if name.with(|name| name.trim().is_empty()) {
            return Some(t("It needs a name.").to_owned());
        }
        body.with(|body| body.as_object().is_some_and(Map::is_empty))
            .then(|| t("Nothing was changed.").to_owned())
    });
    let go = move |()| {
        let refused = fill("{0} was not changed", &[&template.name]);
        ask(
            app,
            None,
            refused,
            templates::update(&template.id, body.get_untracked()),
        );
    };
    view! {
        <FormDialog title=title button=t("Save") refusal=refusal on_go=go on_close=on_close>
            <TextField id="template-edit-name" label=t("Name") value=name first=true/>
            <TextField id="template-edit-description" label=t("Description") value=description/>
            <TextField id="template-edit-version" label=t("What this version is called") value=version/>
            <Check label=t("Protect it from being deleted") value=protected/>
        </FormDialog>
    }
    .into_any()
}
