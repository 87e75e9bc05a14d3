//! Logging in: user name, password, the password that must be changed first.

use crate::app::{App, Login, Portal, app};
use crate::client::session;
use crate::components::password::PasswordForm;
use crate::route::Route;
use crate::task;
use crate::text::t;
use crate::ui::icon::{icon, small_icon};
use crate::ui::page::reason;
use leptos::prelude::*;

/// Where a person goes who is logged in and stands at the door.
#[must_use]
pub fn home(administrator: bool) -> Route {
    if administrator {
        Route::Overview
    } else {
        Route::Desktops
    }
}

fn frame(title: &'static str, words: String, body: AnyView) -> AnyView {
    document().set_title(&[title, " · Saffron"].concat());
    view! {
        <main class="sf-login" id="main">
            <section class="sf-login__art" aria-label=t("About this site")>
                <span class="sf-brand">{icon("mark")}"Saffron"</span>
                <div class="sf-login__say">
                    <h2>{t("Your machines, in this browser.")}</h2>
                    <p>{t("Screen, keyboard and mouse of every machine open in a tab. Nothing to install, nothing to trust but this address.")}</p>
                </div>
            </section>
            <section class="sf-login__form" aria-labelledby="login-title">
                <div class="sf-stack is-16">
                    <div class="sf-stack"><h1 id="login-title">{title}</h1><p class="sf-dim">{words}</p></div>
                    {body}
                </div>
            </section>
        </main>
    }
    .into_any()
}

/// The page for those who are not logged in, or must change their password.
#[component]
pub fn LoginPage() -> AnyView {
    let app = app();
    let typed = StoredValue::new(String::new());
    let place = window().location().host().unwrap_or_default();
    view! {
        {move || match app.login.get() {
            Login::Asking => ().into_any(),
            Login::In(session) if session.must_change_password => must_change(app, session, typed.get_value()),
            Login::In(_) => ().into_any(),
            Login::Out(why) => frame(t("Log in"), place.clone(), view! { <LoginForm why=why typed=typed/> }.into_any()),
        }}
    }
    .into_any()
}

fn must_change(app: App, session: session::Session, old: String) -> AnyView {
    let done = move |()| {
        let mut session = session.clone();
        session.must_change_password = false;
        app.logged_in(session);
    };
    let form = if old.is_empty() {
        view! { <PasswordForm on_changed=done/> }.into_any()
    } else {
        view! { <PasswordForm old=old on_changed=done/> }.into_any()
    };
    frame(
        t("Choose your own password"),
        t("The present one was made for you and is good for this once.").to_owned(),
        form,
    )
}

#[component]
fn LoginForm(why: Option<String>, typed: StoredValue<String>) -> AnyView {
    let app = app();
    let refused = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let shown = RwSignal::new(false);
    let user_field = NodeRef::<leptos::html::Input>::new();
    let password_field = NodeRef::<leptos::html::Input>::new();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        // Read from the fields, not from events: password managers fill in silently.
        let value = |field: NodeRef<leptos::html::Input>| {
            field
                .get_untracked()
                .map(|field| field.value())
                .unwrap_or_default()
        };
        let (user, password) = (value(user_field), value(password_field));
        if busy.get_untracked() {
            return;
        }
        if user.trim().is_empty() || password.is_empty() {
            refused.set(Some(t("Type your user name and your password.").to_owned()));
            return;
        }
        busy.set(true);
        refused.set(None);
        task::run(async move {
            let user = user.trim();
            // Accounts of this server are in the profile `internal`; nobody should have to know that.
            let full = if user.contains('@') {
                user.to_owned()
            } else {
                [user, "@internal"].concat()
            };
            let outcome = session::log_in(&full, &password).await;
            let _: Option<bool> = busy.try_set(false);
            match outcome {
                Ok(session) => {
                    if session.must_change_password {
                        typed.set_value(password);
                    }
                    app.logged_in(session);
                }
                Err(fault) => {
                    let _ = refused.try_set(Some(fault.text()));
                    if let Some(Some(field)) = password_field.try_get_untracked() {
                        field.select();
                    }
                }
            }
        });
    };
    Effect::new(move |_| {
        if let Some(field) = user_field.get() {
            drop(field.focus());
        }
    });
    view! {
        {why.map(|why| reason("sf-reason", "info", why))}
        <form class="sf-stack is-12" on:submit=submit>
            <div class="sf-field">
                <label for="username">{t("User name")}</label>
                <input class="sf-input" id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" node_ref=user_field/>
            </div>
            <div class="sf-field">
                <div class="sf-row is-between">
                    <label for="password">{t("Password")}</label>
                    <button type="button" class="sf-link" aria-pressed=move || crate::ui::yes(shown.get()) on:click=move |_| shown.update(|shown| *shown = !*shown)>
                        {move || if shown.get() { t("Hide") } else { t("Show") }}
                    </button>
                </div>
                <input class="sf-input" id="password" name="password" type=move || if shown.get() { "text" } else { "password" } autocomplete="current-password" node_ref=password_field/>
            </div>
            <div role="alert">{move || refused.get().map(|why| reason("sf-reason is-bad", "st-error", why))}</div>
            <button class="pf-v6-c-button pf-m-primary pf-m-block" type="submit" aria-disabled=move || busy.get().then_some("true")>
                {move || if busy.get() { t("Logging in…") } else { t("Log in") }}
            </button>
        </form>
        <p class="sf-help">{t("A name without @ belongs to the profile internal.")}</p>
        <p class="sf-help sf-row is-top">{small_icon("shield")}<span>{t("Every log-in and console session is recorded in the audit log.")}</span></p>
    }
    .into_any()
}

/// Sends a logged-in person from the door to where they work.
pub fn pass_the_door(app: App) {
    let Some(session) = app
        .session()
        .filter(|session| !session.must_change_password)
    else {
        return;
    };
    let stranger = app.portal == Portal::Administration && !session.administrator;
    match app.navigation.route.get() {
        Route::Door => app.navigation.replace(&home(session.administrator)),
        _ if stranger => app.navigation.replace(&Route::Desktops),
        _ => {}
    }
}
