//! A machine's screen as a picture. Asked for again when the stream says that
//! the machine did something, but not more often than its age matters; nothing
//! is asked for while the page is hidden or the machine is off.

use crate::app::app;
use crate::client::vms::screenshot;
use crate::format;
use crate::route::Route;
use crate::store::{Id, VmStatus};
use crate::text::{fill, t};
use crate::ui::icon::icon;
use leptos::prelude::*;

/// A picture younger than this is good enough, in milliseconds.
const FRESH: f64 = 10_000.0;

/// The screen of a machine; a link to its console when it has one.
#[component]
pub fn Thumb(
    /// Which machine.
    id: Id,
    /// Where its console is.
    console: Route,
    /// Over the picture: what it waits for.
    #[prop(optional, into)]
    over: ViewFn,
    /// Whether something is over the picture.
    #[prop(optional, into)]
    covered: Signal<bool>,
    /// Says the picture's age and who is connected.
    #[prop(optional)]
    tag: bool,
) -> AnyView {
    let app = app();
    let vm = {
        let id = id.clone();
        Memo::new(move |_| app.store.vms.get(&id))
    };
    let taken = RwSignal::new(0.0_f64);
    let failed = RwSignal::new(false);
    let status = Memo::new(move |_| vm.get().map_or(VmStatus::Unknown, |vm| vm.status));
    let has_screen = Memo::new(move |_| status.get().has_screen());
    // The stream tells figures of a running machine every few seconds: reason enough to look again.
    Effect::new(move |_| {
        if vm.get().is_none() || !has_screen.get() || document().hidden() {
            return;
        }
        let now = crate::task::now();
        if now - taken.get_untracked() > FRESH {
            taken.set(now);
        }
    });
    let picture = {
        let id = id.clone();
        move || {
            let at = taken.get();
            let shown = has_screen.get() && at > 0.0;
            if shown && !failed.get() {
                let source = screenshot(&id, at);
                view! { <img src=source alt="" on:error=move |_| failed.set(true) on:load=move |_| failed.set(false)/> }.into_any()
            } else {
                let words = if has_screen.get() {
                    t("No picture yet")
                } else {
                    t("Off")
                };
                view! { <span class="sf-thumb__none">{icon("vm")}<span>{words}</span></span> }
                    .into_any()
            }
        }
    };
    Effect::new(move |_| {
        taken.track();
        failed.set(false);
    });
    let words = move || {
        let age = format::ago(taken.get(), app.clock.get().max(taken.get()));
        let consoles = vm.get().map(|vm| vm.consoles.clone()).unwrap_or_default();
        let who = if consoles.is_empty() {
            t("nobody connected").to_owned()
        } else {
            consoles
                .iter()
                .map(|name| format::short_user(name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        [age.as_str(), ", ", &who].concat()
    };
    let name = Memo::new(move |_| vm.get().map(|vm| vm.name.clone()).unwrap_or_default());
    let body = move || {
        view! {
            {picture.clone()}
            {move || covered.get().then(|| over.run())}
            {move || (tag && has_screen.get() && !failed.get()).then(|| view! { <span class="sf-thumb__tag">{words}</span> })}
        }
        .into_any()
    };
    let class = move || {
        if has_screen.get() && !covered.get() {
            "sf-thumb"
        } else {
            "sf-thumb is-off"
        }
    };
    let path = console.path();
    view! {
        {move || {
            if has_screen.get() && !covered.get() {
                view! { <a class=class href=path.clone() target="_blank"><span class="sf-sr">{move || fill("Open the console of {0} in a new tab.", &[&name.get()])}" "</span>{body.clone()()}</a> }.into_any()
            } else {
                view! { <div class=class>{body.clone()()}</div> }.into_any()
            }
        }}
    }
    .into_any()
}
