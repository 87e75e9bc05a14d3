//! The bar at the top edge: who this is, how well it goes, and every control of the console.
//!
//! It hides in full screen until the pointer or the focus comes to the edge, and can be moved along
//! it, so that it never keeps a part of the guest's picture from the person.

use console_worker::Phase;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use super::presets;
use super::quality::Quality;
use super::session::{Menu, Scale, Session};
use crate::ui::icon::icon;

/// Share of the window's width that one press of an arrow key moves the bar by, in percent.
const STEP: f64 = 5.0;

/// The bar.
#[component]
pub fn Bar(
    /// The console.
    session: Session,
    /// The machine's name.
    name: Signal<String>,
    /// Whether the picture fills the screen.
    full: RwSignal<bool>,
) -> impl IntoView {
    let place = RwSignal::new(50.0_f64);
    let dragging = RwSignal::new(false);
    let quality = Memo::new(move |_| session.quality());
    let words = move || quality.with(Quality::sentence);
    let round_trip = move || {
        let measured = session.meter.with(|meter| meter.round_trip());
        measured.filter(|_| session.state.with(|state| state.phase == Phase::Connected))
    };
    let machine = session.guest.machine();
    let toggle = move |menu: Menu| {
        session.menu.update(|open| {
            *open = if *open == Some(menu) {
                None
            } else {
                Some(menu)
            }
        });
    };
    let expanded = move |menu: Menu| move || (session.menu.get() == Some(menu)).to_string();
    let scale_word = move || match session.scale.get() {
        Scale::Fit => "Fit",
        Scale::Pixel => "1:1",
    };
    let grab = move |event: PointerEvent| {
        if let Some(target) = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
        {
            let _ = target.set_pointer_capture(event.pointer_id());
        }
        dragging.set(true);
    };
    let drag = move |event: PointerEvent| {
        let width = window()
            .inner_width()
            .ok()
            .and_then(|width| width.as_f64())
            .unwrap_or(0.0);
        if dragging.get_untracked() && width > 0.0 {
            place.set((f64::from(event.client_x()) / width * 100.0).clamp(10.0, 90.0));
        }
    };
    let nudge = move |event: web_sys::KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowLeft" => -STEP,
            "ArrowRight" => STEP,
            _ => return,
        };
        event.prevent_default();
        place.update(|place| *place = (*place + step).clamp(10.0, 90.0));
    };
    view! {
        <div
            class="sf-pill"
            role="toolbar"
            aria-label="Console"
            class:is-hiding=full
            style:inset-inline-start=move || format!("{}%", place.get())
        >
            <button
                type="button"
                class="sf-grip"
                aria-label="Move the bar along the edge; arrow keys work too"
                on:pointerdown=grab
                on:pointermove=drag
                on:pointerup=move |_| dragging.set(false)
                on:keydown=nudge
            >
                {icon("grip")}
            </button>
            <span class="sf-pill__id">
                <b class="sf-pill__name" title=move || name.get()>{move || short(&name.get()).to_owned()}</b>
                <span
                    class=move || format!("sf-bars is-{}", quality.with(|quality| quality.bars))
                    role="img"
                    aria-label=move || format!("Connection: {}", words())
                    title=words
                >
                    <i></i><i></i><i></i><i></i>
                </span>
                {move || {
                    round_trip()
                        .map(|ms| {
                            view! { <span class="sf-pill__ms sf-hide-s" title="Round trip to the gateway">{format!("{ms:.0} ms")}</span> }
                        })
                }}
            </span>
            <span class="sf-pill__sep"></span>
            <button
                type="button"
                aria-label="Keys"
                aria-haspopup="menu"
                aria-expanded=expanded(Menu::Keys)
                on:click=move |_| toggle(Menu::Keys)
            >
                {icon("keyboard")}
                <span class="sf-hide-s">"Keys"</span>
            </button>
            {machine
                .map(|_| {
                    view! {
                        <button
                            type="button"
                            aria-label="Power and disc"
                            aria-haspopup="menu"
                            aria-expanded=expanded(Menu::Power)
                            on:click=move |_| toggle(Menu::Power)
                        >
                            {icon("power")}
                        </button>
                    }
                })}
            <span class="sf-pill__sep sf-hide-s"></span>
            <button
                type="button"
                aria-label=move || match session.scale.get() {
                    Scale::Fit => "Scale: fit to window; press for one pixel to one pixel",
                    Scale::Pixel => "Scale: one pixel to one pixel; press to fit the window",
                }
                on:click=move |_| {
                    session
                        .set_scale(match session.scale.get_untracked() {
                            Scale::Fit => Scale::Pixel,
                            Scale::Pixel => Scale::Fit,
                        });
                }
            >
                {icon("fit")}
                <span class="sf-hide-s">{scale_word}</span>
            </button>
            <button
                type="button"
                aria-label=move || format!("Quality: {}", presets::title(session.preset.get()))
                aria-haspopup="menu"
                aria-expanded=expanded(Menu::Quality)
                on:click=move |_| toggle(Menu::Quality)
            >
                {icon("settings")}
                <span class="sf-hide-s">{move || presets::title(session.preset.get())}</span>
            </button>
            <button
                type="button"
                aria-label="Statistics"
                aria-pressed=move || session.overlay.get().to_string()
                on:click=move |_| session.overlay.update(|shown| *shown = !*shown)
            >
                {icon("signal")}
            </button>
            <span class="sf-pill__sep"></span>
            <button
                type="button"
                aria-label=move || if full.get() { "Leave full screen" } else { "Full screen" }
                aria-pressed=move || full.get().to_string()
                on:click=move |_| super::view::toggle_full_screen()
            >
                {icon("max")}
            </button>
            {machine
                .map(|machine| {
                    view! {
                        <a
                            href=leave_address(&machine.id.get_value())
                            aria-label="Close console, the machine keeps running"
                        >
                            {icon("close")}
                        </a>
                    }
                })}
        </div>
        <Announce session=session/>
    }
    .into_any()
}

/// Says changes of the connection to those who do not see the picture.
#[component]
fn Announce(session: Session) -> impl IntoView {
    let words = move || {
        session.state.with(|state| match state.phase {
            Phase::Connecting => "Connecting".to_owned(),
            Phase::Connected => "Connected".to_owned(),
            Phase::Reconnecting | Phase::Waiting | Phase::Closed => state.reason.clone(),
        })
    };
    view! { <p class="sf-sr" role="status">{words}</p> }
}

/// A server's address without the words before it; other names as they are.
fn short(name: &str) -> &str {
    name.split_once("://").map_or(name, |(_, address)| address)
}

/// Back to the machine's own page, in the portal that this is.
fn leave_address(vm: &str) -> String {
    let admin = window()
        .location()
        .pathname()
        .unwrap_or_default()
        .starts_with("/admin");
    let base = if admin {
        "/admin/vms/"
    } else {
        "/user/desktops/"
    };
    [base, vm].concat()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_servers_name_in_the_bar_is_its_address() {
        assert_eq!(short("spice+tls://[::1]:5930"), "[::1]:5930");
        assert_eq!(short("mira"), "mira");
    }
}
