//! The console's program: one machine's screen, and what stands before it. A
//! console opens in a tab of its own, so it need not carry a portal, nor a
//! portal a console.

use crate::app::{App, Portal};
use crate::components::gate::Gate;
use crate::console::View;
use crate::route::Route;
use crate::text::t;
use crate::ui::page::missing;
use leptos::prelude::*;

/// The program.
#[component]
pub fn Screen() -> AnyView {
    let path = window().location().pathname().unwrap_or_default();
    let portal = if path.starts_with("/user/") {
        Portal::User
    } else {
        Portal::Administration
    };
    let app = App::start(portal);
    provide_context(app);
    let inside = move || match app.navigation.route.get() {
        Route::VmConsole(id) | Route::DesktopConsole(id) => view! { <View vm=id/> }.into_any(),
        _ => missing(
            t("There is no such console"),
            &Route::Door,
            t("Go to the portal"),
        ),
    };
    view! { <Gate inside=inside/> }.into_any()
}
