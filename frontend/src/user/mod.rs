//! The User Portal: the same components, the machines that are one's own.

mod activity;
mod create;
mod desktop;
mod desktops;
mod pools;

use crate::app::{App, Portal};
use crate::components::frame::{Entry, Frame, Section};
use crate::components::profile::ProfilePage;
use crate::route::Route;
use crate::text::t;
use crate::ui::page::missing;
use leptos::prelude::*;

/// The portal.
#[component]
pub fn User() -> AnyView {
    provide_context(App::start(Portal::User));
    view! { <Frame navigation=navigation page=page/> }.into_any()
}

fn navigation(_: App) -> Vec<Section> {
    let entry = |words, icon, route| Entry {
        words,
        icon,
        route,
        count: None,
        warns: false,
    };
    vec![Section {
        title: "",
        entries: vec![
            entry("My desktops", "vm", Route::Desktops),
            entry("Activity", "activity", Route::MyActivity),
            entry(
                "Profile",
                "user",
                Route::Profile {
                    administration: false,
                },
            ),
        ],
    }]
}

fn page(_: App, route: Route) -> AnyView {
    match route {
        Route::Desktops | Route::Door => view! { <desktops::Desktops/> }.into_any(),
        Route::Desktop(id) => view! { <desktop::Desktop id=id/> }.into_any(),
        Route::MyActivity => view! { <activity::MyActivity/> }.into_any(),
        Route::Profile { .. } => view! { <ProfilePage/> }.into_any(),
        _ => missing(
            t("There is no such page"),
            &Route::Desktops,
            t("Go to my desktops"),
        ),
    }
}
