//! What was done with my desktops, by me and by others.

use crate::app::app;
use crate::components::events::timeline;
use crate::text::t;
use crate::ui::page::Head;
use leptos::prelude::*;

/// How many are drawn.
const DRAWN: usize = 300;

/// The page.
#[component]
pub fn MyActivity() -> AnyView {
    let app = app();
    let body = move || {
        let events = app.store.events(DRAWN, |_| true);
        if events.is_empty() {
            view! { <p class="sf-pad sf-dim">{t("Nothing happened yet.")}</p> }.into_any()
        } else {
            view! { <ol class="sf-tl">{timeline(app, events)}</ol> }.into_any()
        }
    };
    view! {
        <Head title=t("Activity")/>
        <div class="sf-body"><div class="sf-scroll" tabindex="0" role="region" aria-label=t("Timeline")>{body}</div></div>
    }
    .into_any()
}
