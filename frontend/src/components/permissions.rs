//! Who may do what with an object: the list, giving a role, taking it away.

use crate::app::{App, app};
use crate::client::access;
use crate::components::names::dash;
use crate::format::short_user;
use crate::store::{Id, Permission, Tone};
use crate::task;
use crate::text::{fill, t};
use crate::ui::button::{Button, IconButton, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::Choice;
use crate::ui::table::{Column, column, plain_table};
use leptos::prelude::*;
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    column("Who", "", "", false),
    column("Role", "c-220", "", false),
    column("On", "c-220", "", false),
    column("", "c-60", "sf-right", false),
];

/// What a permission is on, in words.
#[must_use]
pub fn object_words(app: App, permission: &Permission) -> String {
    let Some(object) = &permission.object else {
        return t("Everything").to_owned();
    };
    let store = app.store;
    let (kind, name) = match permission.kind {
        "vm" => (t("virtual machine"), store.vms.name_of(object)),
        "host" => (t("host"), store.hosts.name_of(object)),
        "cluster" => (t("cluster"), store.clusters.name_of(object)),
        "data_center" => (t("data center"), store.data_centers.name_of(object)),
        "storage_domain" => (t("storage domain"), store.storage_domains.name_of(object)),
        "disk" => (t("disk"), store.disks.name_of(object)),
        "template" => (t("template"), store.templates.name_of(object)),
        "network" => (t("network"), store.networks.name_of(object)),
        "vnic_profile" => (t("vNIC profile"), store.vnic_profiles.name_of(object)),
        _ => (t("object"), object.to_string()),
    };
    [kind, " ", &name].concat()
}

fn who(app: App, permission: &Permission) -> String {
    match (&permission.user, &permission.group) {
        (Some(user), _) => short_user(&app.store.users.name_of(user)).to_owned(),
        (None, Some(group)) => fill("group {0}", &[&app.store.groups.name_of(group)]),
        (None, None) => t("Everybody").to_owned(),
    }
}

/// A table of permissions.
#[must_use]
pub fn list(app: App, mut permissions: Vec<Arc<Permission>>) -> AnyView {
    permissions.sort_by(|a, b| who(app, a).cmp(&who(app, b)).then_with(|| a.id.cmp(&b.id)));
    let rows = permissions
        .into_iter()
        .map(|permission| {
            let person = who(app, &permission);
            let role = permission.role.as_ref().map(|role| app.store.roles.name_of(role)).unwrap_or_default();
            let name = fill("Take {0} away from {1}", &[&role, &person]);
            let refusal = permission.offers.refusal("delete").map(str::to_owned);
            let id = permission.id.clone();
            let take = move |()| {
                let id = id.clone();
                task::run(async move {
                    if let Err(fault) = access::remove_permission(&id).await {
                        app.say_fault(t("The role was not taken away"), fault);
                    }
                });
            };
            let on = object_words(app, &permission);
            vec![
                view! { <span class="sf-strong">{person}</span> }.into_any(),
                if role.is_empty() { dash() } else { role.into_any() },
                view! { <span class="sf-dim">{on}</span> }.into_any(),
                view! { <IconButton name=name icon="trash" refusal=Signal::derive(move || refusal.clone()) on_press=take/> }.into_any(),
            ]
        })
        .collect();
    plain_table(t("Permissions"), COLUMNS, rows)
}

/// Permissions on one object, with what it inherits from everything above.
#[component]
pub fn ObjectPermissions(
    /// The API's kind of object.
    kind: &'static str,
    /// Which one.
    id: Id,
) -> AnyView {
    let app = app();
    let adding = RwSignal::new(false);
    let object = id.clone();
    let direct = move || {
        app.store
            .permissions
            .all()
            .into_iter()
            .filter(|permission| {
                permission.kind == kind && permission.object.as_ref() == Some(&object)
            })
            .collect::<Vec<_>>()
    };
    let inherited = move || {
        app.store
            .permissions
            .all()
            .into_iter()
            .filter(|permission| permission.object.is_none())
            .collect::<Vec<_>>()
    };
    view! {
        <div class="sf-pad sf-stack is-24">
            <section class="sf-sec">
                <div class="sf-sec__head">
                    <h2>{t("Here")}</h2>
                    <Button label=t("Give a role") icon="plus" on_press=move |()| adding.set(true)/>
                </div>
                {move || { let direct = direct(); if direct.is_empty() { view! { <p class="sf-dim">{t("Nobody has a role on this object itself.")}</p> }.into_any() } else { list(app, direct) } }}
            </section>
            <section class="sf-sec">
                <div class="sf-sec__head"><h2>{t("From above")}</h2></div>
                {move || { let inherited = inherited(); if inherited.is_empty() { view! { <p class="sf-dim">{t("Nothing that you can see.")}</p> }.into_any() } else { list(app, inherited) } }}
            </section>
            {move || adding.get().then(|| view! { <GiveRole kind=kind object=id.clone() on_close=move |()| adding.set(false)/> })}
        </div>
    }
    .into_any()
}

/// Gives a role to a user.
#[component]
pub fn GiveRole(
    /// The API's kind of object; empty for everything.
    kind: &'static str,
    /// Which object.
    object: Id,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let user = RwSignal::new(String::new());
    let role = RwSignal::new(String::new());
    let users = Signal::derive(move || {
        let mut options = vec![(String::new(), t("Choose a user").to_owned())];
        options.extend(
            app.store
                .users
                .by_name()
                .iter()
                .map(|user| (user.id.to_string(), user.name.clone())),
        );
        options
    });
    let roles = Signal::derive(move || {
        let mut options = vec![(String::new(), t("Choose a role").to_owned())];
        options.extend(
            app.store
                .roles
                .by_name()
                .iter()
                .map(|role| (role.id.to_string(), role.name.clone())),
        );
        options
    });
    let about = Signal::derive(move || {
        role.with(|id| app.store.roles.get(id))
            .map(|role| role.description.clone())
            .unwrap_or_default()
    });
    let refusal = Signal::derive(move || {
        (user.with(String::is_empty) || role.with(String::is_empty))
            .then(|| t("Choose a user and a role.").to_owned())
    });
    let give = move |()| {
        let (user, role, object) = (user.get_untracked(), role.get_untracked(), object.clone());
        task::run(async move {
            match access::add_permission(&user, &role, kind, &object).await {
                Ok(()) => app.say(Tone::Ok, t("The role was given"), Vec::new(), None),
                Err(fault) => app.say_fault(t("The role was not given"), fault),
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog
            title=t("Give a role")
            small=true
            on_close=on_close
            foot=move || view! {
                <Button label=t("Give") kind=Kind::Primary refusal=refusal on_press=give.clone()/>
                <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
            }
        >
            <div class="sf-dialog__body sf-fields">
                <Choice id="give-user" label=t("Who") value=user options=users/>
                <Choice id="give-role" label=t("Role") value=role options=roles help=about/>
            </div>
        </Dialog>
    }
    .into_any()
}
