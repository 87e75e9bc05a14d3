//! Dialogs: over the page, which is inert meanwhile; Escape and the cross
//! close; the focus goes in and comes back.

use super::button::IconButton;
use crate::app::app;
use crate::text::t;
use leptos::ev;
use leptos::portal::Portal;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

fn focused() -> Option<web_sys::HtmlElement> {
    document().active_element()?.dyn_into().ok()
}

/// Keeps the page beneath inert, moves the focus in and gives it back at the end.
pub fn hold_focus(inside: NodeRef<leptos::html::Div>, on_escape: Callback<()>) {
    let app = app();
    let before = StoredValue::new_local(focused());
    app.veils.update(|count| *count += 1);
    Effect::new(move |_| {
        if let Some(element) = inside.get() {
            // First what asks for it, then a field, then the box itself.
            let first = [
                "[autofocus]",
                "input:not([type=hidden]), select, textarea",
                "button",
            ]
            .iter()
            .find_map(|selector| element.query_selector(selector).ok().flatten());
            match first.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
                Some(first) => drop(first.focus()),
                None => drop(element.focus()),
            }
        }
    });
    let escape = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" && !event.default_prevented() {
            event.prevent_default();
            on_escape.run(());
        }
    });
    on_cleanup(move || {
        escape.remove();
        app.veils.update(|count| *count = count.saturating_sub(1));
        if let Some(Some(before)) = before.try_get_value() {
            // The page is inert until the next turn.
            request_animation_frame(move || drop(before.focus()));
        }
    });
}

/// A dialog.
#[component]
pub fn Dialog(
    /// What it is about.
    #[prop(into)]
    title: Signal<String>,
    /// Next to the title, before the cross.
    #[prop(optional, into)]
    head: ViewFn,
    /// Only as large as its content.
    #[prop(optional)]
    small: bool,
    /// Its buttons.
    #[prop(into)]
    foot: ViewFn,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
    /// What it shows.
    children: ChildrenFn,
) -> AnyView {
    view! {
        <Portal>
            <DialogBox title=title head=head.clone() small=small foot=foot.clone() on_close=on_close children=children.clone()/>
        </Portal>
    }
    .into_any()
}

#[component]
fn DialogBox(
    title: Signal<String>,
    head: ViewFn,
    small: bool,
    foot: ViewFn,
    on_close: Callback<()>,
    children: ChildrenFn,
) -> AnyView {
    let inside = NodeRef::<leptos::html::Div>::new();
    hold_focus(inside, on_close);
    view! {
        <div class="sf-veil">
            <div class=if small { "pf-v6-c-modal-box sf-dialog is-small" } else { "pf-v6-c-modal-box sf-dialog" } role="dialog" aria-modal="true" aria-labelledby="dialog-title" tabindex="-1" node_ref=inside>
                <div class="sf-dialog__head">
                    <h2 id="dialog-title">{title}</h2>
                    <div class="sf-row">
                        {move || head.run()}
                        <IconButton name=t("Close") icon="close" on_press=on_close/>
                    </div>
                </div>
                {children()}
                <div class="sf-dialog__foot">{move || foot.run()}</div>
            </div>
        </div>
    }
    .into_any()
}
