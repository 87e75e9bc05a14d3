//! Making a template from a machine: a new one, or the next version of one.

use crate::app::app;
use crate::client::templates;
use crate::components::asking::{FormDialog, ask};
use crate::components::names::objection_to_name;
use crate::format::bytes;
use crate::store::{Id, natural};
use crate::text::{fill, plural, t};
use crate::ui::form::{Check, Choice, TextField};
use crate::ui::page::reason;
use leptos::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The document that asks for it.
#[must_use]
pub fn body(vm: &str, name: &str, description: &str, base: &str, version: &str) -> Value {
    let mut body = Map::new();
    body.insert("name".into(), json!(name));
    if !description.is_empty() {
        body.insert("description".into(), json!(description));
    }
    body.insert("vm".into(), json!({ "id": vm }));
    if !base.is_empty() {
        let mut of = Map::new();
        of.insert("base_template".into(), json!({ "id": base }));
        if !version.is_empty() {
            of.insert("version_name".into(), json!(version));
        }
        body.insert("version".into(), Value::Object(of));
    }
    Value::Object(body)
}

/// The dialog.
#[component]
pub fn MakeTemplate(
    /// From which machine.
    id: Id,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let store = app.store;
    let Some(vm) = store.vms.peek(&id) else {
        return ().into_any();
    };
    let name = RwSignal::new(String::new());
    let description = RwSignal::new(String::new());
    // What it is a version of; empty for a template of its own.
    let base = RwSignal::new(String::new());
    let version = RwSignal::new(String::new());
    let seal = RwSignal::new(false);
    let permissions = RwSignal::new(false);
    let bases = Signal::derive(move || {
        let mut options = vec![(String::new(), t("A new template").to_owned())];
        let mut seen = HashSet::new();
        let mut all = store.templates.by_name();
        all.sort_by(|a, b| natural(&a.name, &b.name).then(a.version.cmp(&b.version)));
        for template in all.iter().filter(|template| !template.is_blank()) {
            if seen.insert(template.family().clone()) {
                options.push((
                    template.family().to_string(),
                    fill("The next version of {0}", &[&template.name]),
                ));
            }
        }
        options
    });
    let of_version = Memo::new(move |_| !base.with(String::is_empty));
    let wrong = Signal::derive(move || {
        if of_version.get() {
            return None;
        }
        name.with(|name| {
            objection_to_name(name, |name| {
                store
                    .templates
                    .peek_all()
                    .iter()
                    .any(|template| template.name == name)
            })
        })
        .map(|why| {
            if why.starts_with("There is already") {
                t("There is already a template of this name; make a version of it instead.")
            } else {
                t(why)
            }
            .to_owned()
        })
    });
    let shown = Signal::derive(move || {
        (!name.with(String::is_empty))
            .then(|| wrong.get())
            .flatten()
    });
    let off = vm.status.is_off();
    let size: u64 = vm
        .disks
        .iter()
        .filter_map(|attachment| store.disks.peek(&attachment.disk))
        .map(|disk| disk.actual)
        .sum();
    let copies = fill(
        "{0} copied, {1} of data. The machine stays as it is.",
        &[
            &plural(vm.disks.len(), "{0} disk is", "{0} disks are"),
            &bytes(size),
        ],
    );
    let go = move |()| {
        let family = base.get_untracked();
        let name = if family.is_empty() {
            name.get_untracked().trim().to_owned()
        } else {
            store
                .templates
                .peek(&family)
                .map(|template| template.name.clone())
                .unwrap_or_default()
        };
        let document = body(
            &id,
            &name,
            description.get_untracked().trim(),
            &family,
            version.get_untracked().trim(),
        );
        let answer = templates::add(document, seal.get_untracked(), permissions.get_untracked());
        ask(
            app,
            Some(fill("Template {0} is being made", &[&name])),
            fill("Template {0} was not made", &[&name]),
            answer,
        );
    };
    view! {
        <FormDialog title=fill("Make a template of {0}", &[&vm.name]) button=t("Make template") refusal=wrong on_go=go on_close=on_close>
            {(!off).then(|| reason("sf-reason is-warn", "st-warn", t("It is running. Shut it down first: a template is made of disks that nobody writes.")))}
            {move || (bases.with(Vec::len) > 1).then(|| view! { <Choice id="template-base" label=t("As") value=base options=bases/> })}
            {move || if of_version.get() {
                view! { <TextField id="template-version" label=t("What the version is called") value=version help=t("Optional: hardened, with office …; its number comes by itself.")/> }.into_any()
            } else {
                view! { <TextField id="template-name" label=t("Name") value=name wrong=shown first=true/> }.into_any()
            }}
            <TextField id="template-description" label=t("Description") value=description/>
            <Check label=t("Seal it: take out host name, keys and whatever belongs to this machine alone") value=seal/>
            <Check label=t("Those who may use the machine may use the template") value=permissions/>
            <p class="sf-help">{copies.clone()}</p>
        </FormDialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_its_own_and_a_version_are_asked_for_as_the_api_has_it() {
        assert_eq!(
            body("1", "golden", "", "", ""),
            json!({"name": "golden", "vm": {"id": "1"}})
        );
        assert_eq!(
            body("1", "golden", "new", "7", "hardened"),
            json!({"name": "golden", "description": "new", "vm": {"id": "1"},
                "version": {"base_template": {"id": "7"}, "version_name": "hardened"}})
        );
    }
}
