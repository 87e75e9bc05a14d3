//! A button that opens a list of actions; a disabled one says why.

use crate::app::app;
use crate::store::Tone;
use crate::text::t;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A line of a menu.
#[derive(Clone)]
pub struct Item {
    /// Its word.
    pub label: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Why it is not possible now.
    pub refusal: Option<String>,
    /// What it does.
    pub act: Callback<()>,
}

/// A menu behind an icon.
#[component]
pub fn Menu(
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
    /// The icon.
    #[prop(optional)]
    icon: &'static str,
    /// Its lines, read when it opens.
    #[prop(into)]
    items: Signal<Vec<Item>>,
    /// What the button shows instead of an icon.
    #[prop(optional, into)]
    face: Option<ViewFn>,
) -> AnyView {
    let icon = if icon.is_empty() { "more" } else { icon };
    let open = RwSignal::new(false);
    let root = NodeRef::<leptos::html::Span>::new();
    let button = NodeRef::<leptos::html::Button>::new();
    let outside = window_event_listener(ev::pointerdown, move |event| {
        if open.get_untracked() {
            let inside = root.get_untracked().is_some_and(|root| {
                root.contains(
                    event
                        .target()
                        .and_then(|target| target.dyn_into::<web_sys::Node>().ok())
                        .as_ref(),
                )
            });
            if !inside {
                open.set(false);
            }
        }
    });
    on_cleanup(move || outside.remove());
    let close = move || {
        open.set(false);
        if let Some(button) = button.get_untracked() {
            drop(button.focus());
        }
    };
    let focus_item = move |step: i32| {
        let Some(root) = root.get_untracked() else {
            return;
        };
        let Ok(list) = root.query_selector_all("[role=menuitem]") else {
            return;
        };
        let count = list.length() as i32;
        if count == 0 {
            return;
        }
        let active = document().active_element();
        let here = (0..count).find(|place| {
            list.item(*place as u32)
                .zip(active.clone())
                .is_some_and(|(node, active)| node.is_same_node(Some(&active)))
        });
        let next = match (here, step) {
            (None, _) => 0,
            (Some(here), step) => (here + step).rem_euclid(count),
        };
        if let Some(item) = list
            .item(next as u32)
            .and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok())
        {
            drop(item.focus());
        }
    };
    let app = app();
    view! {
        <span
            class="sf-menu"
            node_ref=root
            on:keydown=move |event| {
                if !open.get_untracked() {
                    return;
                }
                match event.key().as_str() {
                    "Escape" => { event.prevent_default(); event.stop_propagation(); close(); }
                    "ArrowDown" => { event.prevent_default(); focus_item(1); }
                    "ArrowUp" => { event.prevent_default(); focus_item(-1); }
                    "Tab" => open.set(false),
                    _ => {}
                }
            }
        >
            <button
                type="button"
                class="pf-v6-c-button pf-m-plain"
                aria-label=name
                title=name
                aria-haspopup="menu"
                aria-expanded=move || super::yes(open.get())
                node_ref=button
                on:click=move |_| {
                    open.update(|open| *open = !*open);
                    if open.get_untracked() {
                        request_animation_frame(move || focus_item(1));
                    }
                }
            >
                {match face { Some(face) => face.run(), None => super::icon::icon(icon) }}
            </button>
            {move || open.get().then(|| view! {
                <div class="pf-v6-c-menu sf-pop" role="menu" aria-label=name>
                    {items.get_untracked().into_iter().map(|item| {
                        let refusal = item.refusal.clone();
                        let hint = item.refusal.clone();
                        view! {
                            <button
                                type="button"
                                class="sf-opt"
                                role="menuitem"
                                tabindex="-1"
                                aria-disabled=item.refusal.as_ref().map(|_| "true")
                                title=item.refusal.clone()
                                on:click=move |_| {
                                    close();
                                    match &refusal {
                                        Some(why) => app.say(Tone::Warn, t("Not possible now"), vec![why.clone()], None),
                                        None => item.act.run(()),
                                    }
                                }
                            >
                                {super::icon::icon(item.icon)}
                                <span>{item.label}{hint.map(|why| view! { <small class="sf-why">{why}</small> })}</span>
                            </button>
                        }
                    }).collect_view()}
                </div>
            })}
        </span>
    }
    .into_any()
}

/// A line of a menu.
#[must_use]
pub fn item(
    label: &'static str,
    icon: &'static str,
    refusal: Option<String>,
    act: impl Fn() + Send + Sync + 'static,
) -> Item {
    Item {
        label,
        icon,
        refusal,
        act: Callback::new(move |()| act()),
    }
}
