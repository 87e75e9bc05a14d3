//! Both portals, rendered in the browser; see ARCHITECTURE.md.
use leptos::prelude::*;

/// Starts the Administration Portal.
pub fn administration() { leptos::mount::mount_to_body(|| view! { <p>"Administration"</p> }); }
/// Starts the User Portal.
pub fn user() { leptos::mount::mount_to_body(|| view! { <p>"User"</p> }); }
