//! Access: people, roles, who may do what.

use crate::app::{App, app};
use crate::client::access;
use crate::components::names::dash;
use crate::components::password::objection;
use crate::components::permissions::{GiveRole, list};
use crate::components::status::label;
use crate::route::{AccessTab, Route};
use crate::store::{Id, Role, Tone, User, natural};
use crate::task;
use crate::text::{fill, plural, t};
use crate::ui::button::{Button, IconButton, Kind};
use crate::ui::dialog::Dialog;
use crate::ui::form::{Choice, TextField};
use crate::ui::order::Order;
use crate::ui::page::{Head, Tabs};
use crate::ui::table::{Cells, Column, Sort, Table, column};
use leptos::prelude::*;
use serde_json::json;
use std::sync::Arc;

const USERS: &[Column] = &[
    column("User name", "", "f-name", true),
    column("Name", "c-220", "f-host", true),
    column("Mail", "c-220", "", true),
    column("Roles", "", "", false),
    column("", "c-60", "sf-right f-act", false),
];

const ROLES: &[Column] = &[
    column("Name", "c-220", "f-name", true),
    column("Kind", "c-140", "f-status", true),
    column("What for", "", "f-host", false),
    column("Given", "c-100", "sf-right f-meta", true),
];

/// The page.
#[component]
pub fn Access(
    /// Users, roles or permissions.
    tab: AccessTab,
) -> AnyView {
    let app = app();
    let store = app.store;
    let tabs = vec![
        (
            t("Users"),
            Route::Access(AccessTab::Users),
            Some(Signal::derive(move || store.users.len())),
        ),
        (
            t("Roles"),
            Route::Access(AccessTab::Roles),
            Some(Signal::derive(move || store.roles.len())),
        ),
        (
            t("Permissions"),
            Route::Access(AccessTab::Permissions),
            Some(Signal::derive(move || store.permissions.len())),
        ),
    ];
    let adding_user = RwSignal::new(false);
    let giving = RwSignal::new(false);
    let end = move || {
        match tab {
        AccessTab::Users => view! { <Button label=t("Add user") icon="plus" kind=Kind::Primary on_press=move |()| adding_user.set(true)/> }.into_any(),
        AccessTab::Permissions => view! { <Button label=t("Give a role") icon="plus" kind=Kind::Primary on_press=move |()| giving.set(true)/> }.into_any(),
        AccessTab::Roles => ().into_any(),
    }
    };
    let body = match tab {
        AccessTab::Users => view! { <Users/> }.into_any(),
        AccessTab::Roles => view! { <Roles/> }.into_any(),
        AccessTab::Permissions => view! { <div class="sf-scroll" tabindex="0" role="region" aria-label=t("Permissions")>{move || list(app, store.permissions.all())}</div> }.into_any(),
    };
    view! {
        <Head title=t("Access") end=end/>
        <Tabs label=t("Sections") tabs=tabs route=app.navigation.route/>
        <div class="sf-body">{body}</div>
        {move || adding_user.get().then(|| view! { <AddUser on_close=Callback::new(move |()| adding_user.set(false))/> })}
        {move || giving.get().then(|| view! { <GiveRole kind="" object=Id::from("") on_close=move |()| giving.set(false)/> })}
    }
    .into_any()
}

fn roles_of(app: App, user: &Id) -> Vec<String> {
    let mut roles: Vec<String> = app
        .store
        .permissions
        .all()
        .iter()
        .filter(|permission| permission.user.as_ref() == Some(user))
        .filter_map(|permission| {
            permission
                .role
                .as_ref()
                .map(|role| app.store.roles.name_of(role))
        })
        .collect();
    roles.sort();
    roles.dedup();
    roles
}

#[component]
fn Users() -> AnyView {
    let app = app();
    let store = app.store;
    let sort = RwSignal::new(Sort {
        column: 0,
        descending: false,
    });
    let deleting = RwSignal::new(None::<Arc<User>>);
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut users = store.users.all();
        users.sort_by(|a, b| {
            let order = match by.column {
                1 => natural(&a.person, &b.person),
                2 => natural(&a.email, &b.email),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        users
            .into_iter()
            .map(|user| user.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        let Some(user) = store.users.get(id) else {
            return Vec::new();
        };
        let roles = roles_of(app, id);
        let shown = if roles.is_empty() {
            dash()
        } else {
            view! { <span class="sf-perm">{roles.into_iter().map(|role| label(role, "")).collect_view()}</span> }.into_any()
        };
        let me = app.session().is_some_and(|session| session.user == user.id);
        let refusal = if me {
            Some(t("This is you.").to_owned())
        } else {
            user.offers.refusal("delete").map(str::to_owned)
        };
        let name = fill("Delete {0}", &[&user.name]);
        let to_delete = Arc::clone(&user);
        vec![
            view! { <span class="sf-strong">{user.name.clone()}</span>{me.then(|| view! { " "<span class="sf-dim">{t("you")}</span> })} }.into_any(),
            user.person.clone().into_any(),
            view! { <span class="sf-dim">{user.email.clone()}</span> }.into_any(),
            shown,
            view! { <IconButton name=name icon="trash" refusal=Signal::derive(move || refusal.clone()) on_press=move |()| deleting.set(Some(Arc::clone(&to_delete)))/> }.into_any(),
        ]
    });
    view! {
        <Table label=t("Users") columns=USERS rows=order.shown cells=cells name=move |id: Id| store.users.peek(&id).map(|user| user.name.clone()).unwrap_or_default() sort=sort/>
        {move || deleting.get().map(|user| view! { <RemoveUser user=user on_close=Callback::new(move |()| deleting.set(None))/> })}
    }
    .into_any()
}

#[component]
fn AddUser(on_close: Callback<()>) -> AnyView {
    let app = app();
    let store = app.store;
    let name = RwSignal::new(String::new());
    let person = RwSignal::new(String::new());
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let role = RwSignal::new(
        store
            .roles
            .members()
            .iter()
            .find(|role| role.name == "UserRole")
            .map(|role| role.id.to_string())
            .unwrap_or_default(),
    );
    let roles = Signal::derive(move || {
        let mut options = vec![(String::new(), t("No role yet").to_owned())];
        options.extend(
            store
                .roles
                .by_name()
                .iter()
                .map(|role| (role.id.to_string(), role.name.clone())),
        );
        options
    });
    let wrong_name = Signal::derive(move || {
        name.with(|name| {
            let name = name.trim();
            if name.is_empty() {
                None
            } else if !name
                .chars()
                .all(|c| c.is_alphanumeric() || "._-@".contains(c))
            {
                Some(t("Letters, digits, and . _ - only.").to_owned())
            } else {
                let local = name.split('@').next().unwrap_or(name);
                store
                    .users
                    .members()
                    .iter()
                    .any(|user| user.name.split('@').next() == Some(local))
                    .then(|| t("There is already a user of this name.").to_owned())
            }
        })
    });
    let wrong_password = Signal::derive(move || {
        password.with(|password| {
            if password.is_empty() {
                None
            } else {
                objection("", password, password).map(|why| t(why).to_owned())
            }
        })
    });
    let refusal = Signal::derive(move || {
        wrong_name
            .get()
            .or_else(|| wrong_password.get())
            .or_else(|| {
                (name.with(|name| name.trim().is_empty()) || password.with(String::is_empty))
                    .then(|| t("It needs a user name and a first password.").to_owned())
            })
    });
    let add = move |()| {
        let local = name
            .get_untracked()
            .trim()
            .split('@')
            .next()
            .unwrap_or("")
            .to_owned();
        let (first, last) = person
            .get_untracked()
            .trim()
            .split_once(' ')
            .map(|(first, last)| (first.to_owned(), last.to_owned()))
            .unwrap_or_else(|| (person.get_untracked().trim().to_owned(), String::new()));
        let full = [local.as_str(), "@internal-authz"].concat();
        let body = json!({
            "user_name": full, "name": first, "last_name": last, "email": email.get_untracked().trim(),
            "password": password.get_untracked(), "domain": { "name": "internal-authz" },
        });
        let role = role.get_untracked();
        task::run(async move {
            if let Err(fault) = access::add_user(&body).await {
                app.say_fault(t("The user was not added"), fault);
                return;
            }
            app.say(
                Tone::Ok,
                fill("{0} was added", &[&local]),
                vec![t("The first password must be changed at the first login.").to_owned()],
                None,
            );
            if role.is_empty() {
                return;
            }
            // The stream tells the new user's id.
            let wanted = local.clone();
            let user = app
                .store
                .until(move |store| {
                    store
                        .users
                        .peek_all()
                        .iter()
                        .find(|user| user.name.split('@').next() == Some(wanted.as_str()))
                        .map(|user| user.id.clone())
                })
                .await;
            if let Err(fault) = access::add_permission(&user, &role, "", "").await {
                app.say_fault(t("The role was not given"), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=t("Add a user") small=true on_close=on_close foot=move || view! {
            <Button label=t("Add") kind=Kind::Primary refusal=refusal on_press=add/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body sf-fields">
                <TextField id="user-name" label=t("User name") value=name wrong=wrong_name first=true help=t("In the profile internal")/>
                <div class="sf-fields is-2">
                    <TextField id="user-person" label=t("Name") value=person/>
                    <TextField id="user-email" label=t("Mail") value=email kind="email"/>
                </div>
                <TextField id="user-password" label=t("First password") value=password wrong=wrong_password kind="password" autocomplete="new-password" help=t("It must be changed at the first login.")/>
                <Choice id="user-role" label=t("Role on everything") value=role options=roles help=t("A role on single machines is given on their pages.")/>
            </div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn RemoveUser(user: Arc<User>, on_close: Callback<()>) -> AnyView {
    let app = app();
    let title = fill("Delete {0}?", &[&user.name]);
    let go = move |()| {
        let user = Arc::clone(&user);
        task::run(async move {
            if let Err(fault) = access::remove_user(&user.id).await {
                app.say_fault(fill("{0} was not deleted", &[&user.name]), fault);
            }
        });
        on_close.run(());
    };
    view! {
        <Dialog title=title small=true on_close=on_close foot=move || view! {
            <Button label=t("Delete") kind=Kind::Danger on_press=go.clone()/>
            <Button label=t("Cancel") kind=Kind::Link on_press=on_close/>
        }>
            <div class="sf-dialog__body"><p>{t("Sessions and open consoles of this person end at once; roles are taken away. Machines stay.")}</p></div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Roles() -> AnyView {
    let app = app();
    let store = app.store;
    let sort = RwSignal::new(Sort {
        column: 0,
        descending: false,
    });
    let open = RwSignal::new(None::<Id>);
    let given = move |role: &Id| {
        store
            .permissions
            .all()
            .iter()
            .filter(|permission| permission.role.as_ref() == Some(role))
            .count()
    };
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut roles = store.roles.all();
        roles.sort_by(|a, b| {
            let order = match by.column {
                1 => b.administrative.cmp(&a.administrative),
                3 => given(&a.id).cmp(&given(&b.id)),
                _ => natural(&a.name, &b.name),
            };
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(&a.name, &b.name))
        });
        roles
            .into_iter()
            .map(|role| role.id.clone())
            .collect::<Vec<_>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending));
    let order = Order::follow(fresh, question);
    let cells: Cells = Arc::new(move |id| {
        let Some(role) = store.roles.get(id) else {
            return Vec::new();
        };
        vec![
            view! { <span class="sf-strong">{role.name.clone()}</span> }.into_any(),
            if role.administrative { label(t("administration"), "is-accent") } else { label(t("use"), "") },
            view! { <span class="sf-dim" title=role.description.clone()>{role.description.clone()}</span> }.into_any(),
            given(id).into_any(),
        ]
    });
    view! {
        <Table label=t("Roles") columns=ROLES rows=order.shown cells=cells name=move |id: Id| store.roles.peek(&id).map(|role| role.name.clone()).unwrap_or_default() sort=sort open=open/>
        {move || open.get().and_then(|id| store.roles.peek(&id)).map(|role| view! { <RolePanel role=role open=open/> })}
    }
    .into_any()
}

#[component]
fn RolePanel(role: Arc<Role>, open: RwSignal<Option<Id>>) -> AnyView {
    let permits = RwSignal::new(Some(role.permits.clone()).filter(|permits| !permits.is_empty()));
    let wrong = RwSignal::new(None::<String>);
    if permits.get_untracked().is_none() {
        let id = role.id.clone();
        task::run(async move {
            match access::permits(&id).await {
                Ok(mut names) => {
                    names.sort();
                    let _ = permits.try_set(Some(names));
                }
                Err(fault) => {
                    let _ = wrong.try_set(Some(fault.text()));
                }
            }
        });
    }
    let body = move || {
        match (permits.get(), wrong.get()) {
        (Some(names), _) => view! {
            <p class="sf-dim">{plural(names.len(), "{0} permit", "{0} permits")}</p>
            <span class="sf-perm">{names.into_iter().map(|name| label(name.replace('_', " "), "")).collect_view()}</span>
        }
        .into_any(),
        (None, Some(why)) => crate::ui::page::reason("sf-reason is-bad", "st-error", why),
        (None, None) => view! { <span class="sf-skel"></span> }.into_any(),
    }
    };
    view! {
        <aside class="sf-panel is-over" aria-label=role.name.clone()>
            <div class="sf-stack is-12">
                <div class="sf-row"><h2 class="sf-grow sf-ell">{role.name.clone()}</h2><IconButton name=t("Close panel (Esc)") icon="close" on_press=move |()| open.set(None)/></div>
                <p>{role.description.clone()}</p>
                {body}
            </div>
        </aside>
    }
    .into_any()
}
