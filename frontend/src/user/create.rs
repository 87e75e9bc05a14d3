//! A power user's new desktop: choose a template, name it, done.

use crate::app::{App, app};
use crate::components::first_boot;
use crate::components::names::{objection_to_name, os_words};
use crate::format::bytes;
use crate::making::first_boot::FirstBoot;
use crate::making::run::make;
use crate::making::{NewVm, Source};
use crate::store::{Id, Template, natural};
use crate::text::{fill, t};
use crate::ui::button::{Button, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Check, TextField};
use leptos::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

/// Templates that this person may make desktops of, the newest version of each.
#[must_use]
pub fn templates(app: App) -> Vec<Arc<Template>> {
    let mut all = app.store.templates.all();
    all.retain(|template| {
        !template.is_blank() && template.status == "ok" && template.offers.allows("create_vm")
    });
    all.sort_by(|a, b| natural(&a.name, &b.name).then(b.version.cmp(&a.version)));
    let mut seen = HashSet::new();
    all.retain(|template| seen.insert(template.family().clone()));
    all
}

/// The dialog.
#[component]
pub fn CreateDesktop(
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let offered = untrack(|| templates(app));
    let chosen = RwSignal::new(offered.first().map(|template| template.id.clone()));
    let name = RwSignal::new(String::new());
    let start = RwSignal::new(true);
    let told = RwSignal::new(FirstBoot::default());
    let made = RwSignal::new(None::<Id>);
    let plan = Memo::new(move |_| {
        let template = chosen.get();
        let known = template
            .as_ref()
            .and_then(|template| app.store.templates.get(template));
        let cluster = known
            .as_ref()
            .and_then(|template| template.cluster.clone())
            .or_else(|| {
                let clusters = app.store.clusters.by_name();
                clusters.first().map(|cluster| cluster.id.clone())
            });
        NewVm {
            name: name.get().trim().to_owned(),
            source: Source::Template,
            template,
            cluster,
            start: start.get(),
            first_boot: told.get(),
            ..NewVm::default()
        }
    });
    let taken = move |name: &str| app.store.vms.peek_all().iter().any(|vm| vm.name == name);
    let refusal = Signal::derive(move || {
        plan.with(|plan| plan.objection(taken))
            .map(|why| t(why).to_owned())
    });
    let wrong = Signal::derive(move || {
        (!name.with(String::is_empty))
            .then(|| name.with(|name| objection_to_name(name, taken)))
            .flatten()
            .map(|why| t(why).to_owned())
    });
    let windows = Signal::derive(move || {
        chosen
            .get()
            .and_then(|template| app.store.templates.get(&template))
            .is_some_and(|template| template.os.starts_with("windows"))
    });
    let create = Callback::new(move |()| {
        if refusal.get_untracked().is_none() {
            make(app, plan.get_untracked(), made);
            on_close.run(());
        }
    });
    let offered = StoredValue::new(offered);
    let tiles = move || {
        offered.get_value().into_iter().map(|template| {
            let (id, is) = (template.id.clone(), template.id.clone());
            let size = fill("{0}, {1} vCPU, {2}", &[&os_words(&template.os), &template.vcpus.to_string(), &bytes(template.memory)]);
            let letters = crate::format::initials(&template.name);
            view! {
                <label class="sf-tile">
                    <input type="radio" name="template" prop:checked=move || chosen.get().as_ref() == Some(&is) on:change=move |_| chosen.set(Some(id.clone()))/>
                    <span class="sf-os" aria-hidden="true">{letters}</span>
                    <span class="sf-grow"><b>{template.name.clone()}</b><small>{if template.description.is_empty() { size } else { template.description.clone() }}</small></span>
                </label>
            }
        })
        .collect_view()
    };
    view! {
        <Dialog
            title=t("New desktop")
            small=true
            on_close=on_close
            foot=move || view! {
                <Button label=t("Create") kind=Kind::Primary refusal=refusal on_press=create/>
                <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
                <span class="sf-grow"></span>
                {move || refusal.get().map(|why| view! { <span class="sf-dim" role="status">{why}</span> })}
            }
        >
            <div class="sf-dialog__body sf-fields">
                <fieldset class="sf-fieldset">
                    <legend class="sf-label">{t("What should it be?")}</legend>
                    <div class="sf-tiles is-2">{tiles}</div>
                </fieldset>
                <TextField id="desktop-name" label=t("What is it called?") value=name wrong=wrong first=true/>
                <Check label=t("Start when ready") value=start/>
                {first_boot::pane(told, windows)}
            </div>
        </Dialog>
    }
    .into_any()
}
