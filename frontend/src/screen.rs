//! The console's program: one guest's screen, and what stands before it. A console opens in a tab
//! of its own, so it need not carry a portal, nor a portal a console. `saffron view` serves the
//! very same program for a bare SPICE server, without portal or log-in.

use crate::app::{App, Portal};
use crate::client::view;
use crate::components::gate::Gate;
use crate::console::{Guest, Machine, Prompt, View};
use crate::route::Route;
use crate::task;
use crate::text::t;
use crate::ui::icon::icon;
use crate::ui::page::missing;
use leptos::prelude::*;

/// Pauses between two questions which server this is, in milliseconds; the last one repeats.
const PAUSES_MS: [i32; 4] = [300, 1_000, 2_000, 5_000];

/// The program.
#[component]
pub fn Screen() -> AnyView {
    let bare = document()
        .document_element()
        .is_some_and(|root| root.has_attribute("data-view"));
    if bare {
        view! { <Bare/> }.into_any()
    } else {
        view! { <OfPortal/> }.into_any()
    }
}

/// A machine of the portal.
#[component]
fn OfPortal() -> AnyView {
    let path = window().location().pathname().unwrap_or_default();
    let portal = if path.starts_with("/user/") {
        Portal::User
    } else {
        Portal::Administration
    };
    let app = App::start(portal);
    provide_context(app);
    let inside = move || match app.navigation.route.get() {
        Route::VmConsole(id) | Route::DesktopConsole(id) => {
            let guest = Guest::Machine(Machine::new(app, id));
            view! { <View guest=guest/> }.into_any()
        }
        _ => missing(
            t("There is no such console"),
            &Route::Door,
            t("Go to the portal"),
        ),
    };
    view! { <Gate inside=inside/> }.into_any()
}

/// A SPICE server.
#[component]
fn Bare() -> AnyView {
    let server = RwSignal::new(None::<view::Server>);
    let trouble = RwSignal::new(None::<String>);
    task::run(async move {
        let mut pauses = PAUSES_MS.into_iter().chain(std::iter::repeat(5_000));
        loop {
            match view::server().await {
                Ok(found) => {
                    server.set(Some(found));
                    return;
                }
                Err(fault) => trouble.set(Some(fault.text())),
            }
            task::pause(pauses.next().unwrap_or(5_000)).await;
        }
    });
    let shown = move || match server.get() {
        Some(server) => {
            let guest = Guest::Server(Prompt::new(server));
            view! { <View guest=guest/> }.into_any()
        }
        None => view! {
            <main class="sf-boot">
                <span class="sf-brand">{icon("mark")}"Saffron"</span>
                <p role="status">{move || trouble.get()}</p>
            </main>
        }
        .into_any(),
    };
    shown.into_any()
}
