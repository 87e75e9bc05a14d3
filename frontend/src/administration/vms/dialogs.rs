//! Dialogs about a machine, opened from its page, the list and the panel: one
//! place for them, so that each page has all of them.

use super::edit::EditDialog;
use super::run_once::RunOnce;
use crate::app::{App, app};
use crate::client;
use crate::components::asking::{FormDialog, ask};
use crate::components::cd::CdDialog;
use crate::components::make_template::MakeTemplate;
use crate::components::names::objection_to_name;
use crate::components::snapshots::TakeSnapshot;
use crate::components::vm_actions::DeleteDialog;
use crate::store::{Id, Vm};
use crate::text::{fill, t};
use crate::ui::form::TextField;
use crate::ui::menu::{Item, item};
use leptos::prelude::*;
use std::sync::Arc;

/// Which dialog.
#[derive(Clone, Debug, PartialEq)]
pub enum VmDialog {
    /// Changing it.
    Edit(Id),
    /// Its CD drive.
    Cd(Id),
    /// Taking a snapshot.
    Snapshot(Id),
    /// Making a template of it.
    Template(Id),
    /// Making another machine like it.
    Clone(Id),
    /// Starting it in another way, once.
    RunOnce(Id),
    /// Taking over one that somebody else made.
    Adopt(Id),
    /// Deleting some.
    Delete(Vec<Id>),
}

/// Lines of a menu for everything about a machine that is not its power.
#[must_use]
pub fn items(vm: &Arc<Vm>, dialog: RwSignal<Option<VmDialog>>) -> Vec<Item> {
    let refusal = |action: &str| vm.offers.refusal(action).map(str::to_owned);
    let open = |words, icon, refusal, what: VmDialog| {
        item(words, icon, refusal, move || dialog.set(Some(what.clone())))
    };
    let id = || vm.id.clone();
    if vm.external {
        return vec![open(
            t("Adopt"),
            "import",
            refusal("adopt"),
            VmDialog::Adopt(id()),
        )];
    }
    let every = [
        ("start", t("Run once"), "play", VmDialog::RunOnce(id())),
        (
            "snapshot_add",
            t("Take snapshot"),
            "snapshot",
            VmDialog::Snapshot(id()),
        ),
        (
            "create_template",
            t("Make template"),
            "template",
            VmDialog::Template(id()),
        ),
        ("clone", t("Clone"), "copy", VmDialog::Clone(id())),
        ("cdrom", t("Change CD"), "disc", VmDialog::Cd(id())),
        ("update", t("Edit"), "edit", VmDialog::Edit(id())),
        ("delete", t("Delete"), "trash", VmDialog::Delete(vec![id()])),
    ];
    every
        .into_iter()
        .filter(|(action, ..)| {
            // What every server has, whether it says so or not.
            matches!(*action, "cdrom" | "update" | "delete") || vm.offers.knows(action)
        })
        .map(|(action, words, icon, what)| open(words, icon, refusal(action), what))
        .collect()
}

/// The dialog that is open.
#[component]
pub fn VmDialogs(
    /// Which one.
    dialog: RwSignal<Option<VmDialog>>,
    /// Machines are being deleted.
    #[prop(optional, into)]
    on_deleted: Option<Callback<()>>,
) -> AnyView {
    let close = Callback::new(move |()| dialog.set(None));
    view! {
        {move || dialog.get().map(|open| match open {
            VmDialog::Edit(id) => view! { <EditDialog id=id on_close=close/> }.into_any(),
            VmDialog::Cd(id) => view! { <CdDialog vm=id on_close=close/> }.into_any(),
            VmDialog::Snapshot(id) => view! { <TakeSnapshot id=id on_close=close/> }.into_any(),
            VmDialog::Template(id) => view! { <MakeTemplate id=id on_close=close/> }.into_any(),
            VmDialog::Clone(id) => view! { <Clone id=id on_close=close/> }.into_any(),
            VmDialog::RunOnce(id) => view! { <RunOnce id=id on_close=close/> }.into_any(),
            VmDialog::Adopt(id) => view! { <Adopt id=id on_close=close/> }.into_any(),
            VmDialog::Delete(ids) => view! {
                <DeleteDialog ids=ids on_close=move |went: bool| {
                    dialog.set(None);
                    if let (true, Some(on_deleted)) = (went, on_deleted) { on_deleted.run(()); }
                }/>
            }.into_any(),
        })}
    }
    .into_any()
}

/// A name for a machine that is not there yet, and why it will not do.
fn fresh_name(
    app: App,
    name: RwSignal<String>,
) -> (Signal<Option<String>>, Signal<Option<String>>) {
    let wrong = Signal::derive(move || {
        name.with(|name| {
            objection_to_name(name, |name| {
                app.store.vms.peek_all().iter().any(|vm| vm.name == name)
            })
        })
        .map(|why| t(why).to_owned())
    });
    let shown = Signal::derive(move || {
        (!name.with(String::is_empty))
            .then(|| wrong.get())
            .flatten()
    });
    (wrong, shown)
}

#[component]
fn Clone(id: Id, on_close: Callback<()>) -> AnyView {
    let app = app();
    let Some(vm) = app.store.vms.peek(&id) else {
        return ().into_any();
    };
    let name = RwSignal::new(String::new());
    let (wrong, shown) = fresh_name(app, name);
    let go = move |()| {
        let name = name.get_untracked().trim().to_owned();
        let done = fill("{0} is being made", &[&name]);
        ask(
            app,
            Some(done),
            fill("{0} was not made", &[&name]),
            client::vms::clone(&id, &name),
        );
    };
    view! {
        <FormDialog title=fill("Clone {0}", &[&vm.name]) button=t("Clone") refusal=wrong on_go=go on_close=on_close>
            <TextField id="clone-name" label=t("Name") value=name wrong=shown first=true/>
            <p class="sf-help">{t("A copy with disks and network addresses of its own. What must be unique inside, such as host name and keys, is copied too: seal a template if that matters.")}</p>
        </FormDialog>
    }
    .into_any()
}

#[component]
fn Adopt(id: Id, on_close: Callback<()>) -> AnyView {
    let app = app();
    let Some(vm) = app.store.vms.peek(&id) else {
        return ().into_any();
    };
    let name = RwSignal::new(
        vm.name
            .strip_prefix("external-")
            .unwrap_or(&vm.name)
            .to_owned(),
    );
    let (wrong, shown) = fresh_name(app, name);
    let notes = vm.external_notes.clone();
    let go = move |()| {
        let name = name.get_untracked().trim().to_owned();
        let done = fill("{0} is being taken over", &[&name]);
        ask(
            app,
            Some(done),
            fill("{0} was not taken over", &[&name]),
            client::vms::adopt(&id, &name),
        );
    };
    view! {
        <FormDialog title=fill("Adopt {0}", &[&vm.name]) button=t("Adopt") refusal=wrong on_go=go on_close=on_close>
            <TextField id="adopt-name" label=t("Its name here") value=name wrong=shown first=true/>
            <p class="sf-help">{t("It goes on running. From then on it is managed here: its disks, settings, permissions and history.")}</p>
            {(!notes.is_empty()).then(|| view! { <ul class="sf-impacts">{notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view()}</ul> })}
        </FormDialog>
    }
    .into_any()
}
