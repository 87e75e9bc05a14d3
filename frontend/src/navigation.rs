//! Where the page is: the address bar as a signal, links that stay in the page,
//! going back. What the addresses mean is in `route`.

use crate::route::Route;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};

/// The place in the portal.
#[derive(Clone, Copy)]
pub struct Navigation {
    path: RwSignal<String>,
    /// What the address means.
    pub route: Memo<Route>,
}

impl Navigation {
    /// Reads the address bar and follows it from now on.
    #[must_use]
    pub fn start() -> Navigation {
        let path = RwSignal::new(here());
        let route = Memo::new(move |_| path.with(|path| Route::parse(path)));
        let navigation = Navigation { path, route };
        window_event_listener(ev::popstate, move |_| path.set(here()));
        window_event_listener(ev::click, move |event| {
            if let Some(target) = link_of(&event) {
                event.prevent_default();
                navigation.go_to(&target);
            }
        });
        navigation
    }

    /// Goes there; back comes here.
    pub fn go(&self, route: &Route) {
        self.go_to(&route.path());
    }

    fn go_to(&self, path: &str) {
        if self.path.with_untracked(|here| here == path) {
            return;
        }
        if same_program(&here(), path) {
            if let Ok(history) = window().history() {
                drop(history.push_state_with_url(&JsValue::NULL, "", Some(path)));
            }
            self.path.set(path.to_owned());
        } else {
            drop(window().location().set_href(path));
        }
    }

    /// Goes there and forgets here.
    pub fn replace(&self, route: &Route) {
        let path = route.path();
        if same_program(&here(), &path) {
            if let Ok(history) = window().history() {
                drop(history.replace_state_with_url(&JsValue::NULL, "", Some(&path)));
            }
            self.path.set(path);
        } else {
            drop(window().location().replace(&path));
        }
    }
}

fn here() -> String {
    window().location().pathname().unwrap_or_default()
}

/// The portals and the console are programs of their own: a link from one to another loads it.
fn same_program(from: &str, to: &str) -> bool {
    let program = |path: &str| {
        let portal = path.split('/').nth(1).unwrap_or("").to_owned();
        (portal, path.ends_with("/console"))
    };
    program(from) == program(to)
}

/// The path of a plain click on a link of ours, if it was one.
fn link_of(event: &web_sys::MouseEvent) -> Option<String> {
    if event.default_prevented()
        || event.button() != 0
        || event.ctrl_key()
        || event.meta_key()
        || event.shift_key()
        || event.alt_key()
    {
        return None;
    }
    let element: web_sys::Element = event.target()?.dyn_into().ok()?;
    let anchor = element.closest("a[href]").ok()??;
    if anchor.has_attribute("target") || anchor.has_attribute("download") {
        return None;
    }
    let path = anchor.get_attribute("href")?;
    (path.starts_with('/') && !path.starts_with("//") && Route::parse(&path) != Route::Unknown)
        .then_some(path)
}

#[cfg(test)]
mod tests {
    use super::same_program;

    #[test]
    fn portals_and_consoles_are_programs_of_their_own() {
        assert!(same_program("/admin/vms", "/admin/"));
        assert!(!same_program("/admin/vms", "/user/"));
        assert!(!same_program("/", "/user/"));
        assert!(!same_program("/user/", "/user/desktops/1/console"));
        assert!(!same_program("/user/desktops/1/console", "/user/"));
    }
}
