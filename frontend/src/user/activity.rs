//! What was done with my desktops, by me and by others.

use crate::app::app;
use crate::components::events::Timeline;
use crate::text::t;
use crate::ui::page::Head;
use leptos::prelude::*;

/// How many are drawn.
const DRAWN: usize = 300;

/// The page.
#[component]
pub fn MyActivity() -> AnyView {
    let app = app();
    let events = Memo::new(move |_| app.store.events(DRAWN, |_| true));
    let none = Memo::new(move |_| events.with(Vec::is_empty));
    let body = move || {
        if none.get() {
            view! { <p class="sf-pad sf-dim">{t("Nothing happened yet.")}</p> }.into_any()
        } else {
            view! { <Timeline events=events/> }.into_any()
        }
    };
    view! {
        <Head title=t("Activity")/>
        <div class="sf-body"><div class="sf-scroll" tabindex="0" role="region" aria-label=t("Timeline")>{body}</div></div>
    }
    .into_any()
}
