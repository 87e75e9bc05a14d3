//! The person's own menu: profile, theme, the other portal, logging out.

use crate::app::{App, Portal, Theme, app};
use crate::client::session;
use crate::format::{initials, short_user};
use crate::route::Route;
use crate::task;
use crate::text::{fill, t};
use crate::ui::menu::{Item, Menu, item};
use leptos::prelude::*;

/// Logs out, here and at the server.
pub fn log_out(app: App) {
    task::run(async move {
        match session::log_out().await {
            Ok(()) => app.logged_out(None),
            Err(fault) => app.say_fault(t("You are still logged in"), fault),
        }
    });
}

fn items(app: App, administrator: bool) -> Vec<Item> {
    let mut items = vec![item(t("Profile and password"), "user", None, move || {
        app.navigation.go(&Route::Profile {
            administration: app.portal == Portal::Administration,
        })
    })];
    match app.portal {
        Portal::Administration => items.push(item(t("User Portal"), "cards", None, move || {
            app.navigation.go(&Route::Desktops)
        })),
        Portal::User if administrator => items.push(item(
            t("Administration Portal"),
            "overview",
            None,
            move || app.navigation.go(&Route::Overview),
        )),
        Portal::User => {}
    }
    items.push(item(t("Log out"), "power", None, move || log_out(app)));
    items
}

/// The avatar and what is behind it.
#[component]
pub fn Account() -> AnyView {
    let app = app();
    view! {
        {move || app.session().map(|session| {
            let letters = initials(&session.name);
            // What is written on it belongs to its name: people say what they see.
            let name = fill("{0} {1}, account", &[&letters, short_user(&session.name)]);
            let administrator = session.administrator;
            view! {
                <Menu
                    name=name
                    items=Signal::derive(move || items(app, administrator))
                    face=ViewFn::from(move || view! { <span class="sf-avatar" aria-hidden="true">{letters.clone()}</span> })
                />
            }
        })}
    }
    .into_any()
}

/// Light, dark, or as the system has it: one press further each time.
#[component]
pub fn ThemeButton() -> AnyView {
    let app = app();
    let next = move || match app.theme.get() {
        Theme::System => Theme::Light,
        Theme::Light => Theme::Dark,
        Theme::Dark => Theme::System,
    };
    let name = Signal::derive(move || {
        t(match app.theme.get() {
            Theme::System => "Colours as the system has them; switch to light",
            Theme::Light => "Light; switch to dark",
            Theme::Dark => "Dark; switch to as the system has it",
        })
        .to_owned()
    });
    let icon = Signal::derive(move || match app.theme.get() {
        Theme::System => "settings",
        Theme::Light => "sun",
        Theme::Dark => "moon",
    });
    view! { <crate::ui::button::IconButton name=name icon=icon on_press=move |()| app.set_theme(next())/> }.into_any()
}
