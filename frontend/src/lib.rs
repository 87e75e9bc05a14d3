//! Both portals, rendered in the browser; see ARCHITECTURE.md.
#![allow(dead_code)]
mod app;
mod client;
mod format;
mod json;
mod live;
mod navigation;
mod query;
mod route;
mod store;
mod task;
mod text;
mod ui;
mod upload;
mod work;

/// Starts the Administration Portal.
pub fn administration() {
    let app = app::App::start(app::Portal::Administration);
    std::mem::forget(app);
}
/// Starts the User Portal.
pub fn user() {}
