//! Both portals, rendered in the browser only: a portal is one more client of
//! the API, fed by the live stream. Three programs (`bin/`) start here, so that
//! neither portal downloads the other, nor a console.
//!
//! | | |
//! |---|---|
//! | `route`, `navigation` | addresses, typed both ways; the address bar |
//! | `client` | the API over fetch, one file per resource; nothing else sends requests |
//! | `live` → `store` | the stream of changes, and all resources by id |
//! | `ui` | widgets that know no oVirt |
//! | `components` | what both portals show; the frame around every page |
//! | `administration`, `user` | pages |
//! | `console`, `screen` | a machine's screen, and the program around it |
//! | `making` | a new machine: the plan of a form, its requests, the same as text |
//! | `upload`, `work`, `task` | what outlives the page it was begun on |
//! | `text`, `format`, `query`, `json` | words, numbers, the query language, reading the API's JSON |

mod administration;
mod app;
mod client;
mod components;
mod console;
mod format;
mod json;
mod live;
mod making;
mod navigation;
mod panic;
mod query;
mod route;
mod screen;
mod store;
mod task;
mod text;
mod ui;
mod upload;
mod user;
mod work;

use leptos::prelude::*;

/// Starts the Administration Portal.
pub fn administration() {
    start(|| view! { <administration::Administration/> }.into_any());
}

/// Starts a machine's console.
pub fn console() {
    start(|| view! { <screen::Screen/> }.into_any());
}

/// Starts the User Portal.
pub fn user() {
    start(|| view! { <user::User/> }.into_any());
}

fn start(portal: fn() -> AnyView) {
    panic::install();
    // The page's own words end where the program's begin.
    if let Some(words) = document().get_element_by_id("boot") {
        words.remove();
    }
    mount_to_body(portal);
}
