//! The console's page: the canvas that the worker paints on, and what lies around it.

use console_worker::{Phase, ToWorker};
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{CompositionEvent, PointerEvent, WheelEvent};

use super::bar::Bar;
use super::cover::{Cover, MouseHint};
use super::events;
use super::guest::Guest;
use super::menus::{KeyBar, Open};
use super::script::Script;
use super::session::{Menu, Scale, Session};
use super::statistics::Overlay;

/// The picture's id in the page; there is one console on it.
const PICTURE: &str = "picture";

/// How often figures are asked for while the overlay is open, in milliseconds.
const SAMPLE_MS: u64 = 1_000;
/// Every so many of these times when it is not: enough for the bar's word on the connection.
const SELDOM: u32 = 5;

/// The guest's screen, over the whole page.
#[component]
pub fn View(
    /// Whose.
    guest: Guest,
) -> impl IntoView {
    let session = Session::new(guest);
    let canvas = NodeRef::<html::Canvas>::new();
    let full = RwSignal::new(false);
    let window_size = RwSignal::new(inner_size());
    let name = Signal::derive(move || guest.name());
    let has_screen = Memo::new(move |_| {
        guest.machine().is_some_and(|machine| {
            let vm = machine.id.with_value(|id| machine.app.store.vms.get(id));
            vm.is_some_and(|vm| vm.status.has_screen())
        })
    });

    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            session.start(canvas.clone());
            let _ = canvas.focus();
        }
    });
    // The machine came up: do not wait for the end of the pause.
    Effect::new(move |before: Option<bool>| {
        let now = has_screen.get();
        if now && before == Some(false) {
            session.reconnect();
        }
        now
    });
    Effect::new(move |_| {
        let title = name.get();
        document().set_title(if title.is_empty() { "Console" } else { &title });
    });
    let ticks = StoredValue::new(0_u32);
    let sample = move || {
        let tick = ticks.try_update_value(|ticks| {
            *ticks = ticks.wrapping_add(1);
            *ticks
        });
        let live = session
            .state
            .with_untracked(|state| state.phase == Phase::Connected);
        let seldom = tick.unwrap_or(0).is_multiple_of(SELDOM);
        // The overlay is told of a lost connection too, or it would show the last of the old one.
        if !document().hidden() && (session.overlay.get_untracked() || (live && seldom)) {
            session.tell(&ToWorker::Statistics);
        }
    };
    let sampling = set_interval_with_handle(sample, std::time::Duration::from_millis(SAMPLE_MS));
    // Who opens the overlay or the menu wants figures now.
    Effect::new(move |_| {
        if session.overlay.get() || session.menu.get() == Some(Menu::Quality) {
            session.tell(&ToWorker::Statistics);
        }
    });
    let listeners = [
        window_event_listener(ev::resize, move |_| window_size.set(inner_size())),
        window_event_listener(ev::blur, move |_| session.release_all()),
        window_event_listener(ev::keydown, move |event| {
            // Escape in the picture is the guest's and never gets here.
            if event.key() == "Escape" && session.menu.get_untracked().is_some() {
                session.menu.set(None);
                focus_picture();
            }
        }),
        window_event_listener(ev::fullscreenchange, move |_| {
            full.set(document().fullscreen_element().is_some());
        }),
        window_event_listener(ev::visibilitychange, move |_| {
            if document().hidden() {
                session.release_all();
            }
        }),
    ];
    let script = Script::offer(session);
    on_cleanup(move || {
        if let Ok(handle) = sampling {
            handle.clear();
        }
        for listener in listeners {
            listener.remove();
        }
        if let Some(script) = script {
            script.withdraw();
        }
        session.end();
    });

    let shown = move || shown_size(session.size.get(), window_size.get(), session.scale.get());
    let held = move || session.state.with(|state| state.phase != Phase::Connected);
    view! {
        <main
            class="sf-con"
            class:is-held=held
            class:is-pixel=move || session.scale.get() == Scale::Pixel
            aria-label=move || format!("Console of {}", name.get())
        >
            <h1 class="sf-sr">{move || format!("Console of {}", name.get())}</h1>
            <div class="sf-con__stage">
                <canvas
                    class="sf-con__picture"
                    id=PICTURE
                    node_ref=canvas
                    tabindex="0"
                    role="application"
                    aria-label=move || {
                        let (width, height) = session.size.get();
                        format!("Screen of {}, {width} by {height} pixels. Keys go to the machine.", name.get())
                    }
                    style:width=move || format!("{}px", shown().0)
                    style:height=move || format!("{}px", shown().1)
                    on:keydown=move |event| events::key(session, &event, true)
                    on:keyup=move |event| events::key(session, &event, false)
                    on:compositionstart=move |event: CompositionEvent| event.prevent_default()
                    on:focus=move |_| session.menu.set(None)
                    on:blur=move |_| session.release_all()
                    on:pointerenter=move |event: PointerEvent| {
                        // A focus event does not tell the lock keys; the pointer's do.
                        session.focus(events::locks(|name| event.get_modifier_state(name)));
                    }
                    on:pointerdown=move |event| events::pointer_down(session, &event)
                    on:pointerup=move |event| events::pointer_up(session, &event)
                    on:pointermove=move |event| events::pointer_move(session, &event)
                    on:pointercancel=move |_| session.release_all()
                    on:wheel=move |event: WheelEvent| {
                        event.prevent_default();
                        session.wheel(event.delta_y(), event.delta_mode());
                    }
                    on:contextmenu=move |event| event.prevent_default()
                ></canvas>
            </div>
            <Bar session=session name=name full=full/>
            <Open session=session/>
            {move || session.overlay.get().then(|| view! { <Overlay session=session/> })}
            <Cover session=session name=name/>
            <MouseHint session=session/>
            <KeyBar session=session/>
        </main>
    }
    .into_any()
}

/// Full screen on or off; on, the browser's own shortcuts go to the guest where it lets them.
pub fn toggle_full_screen() {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
        return;
    }
    if let Some(root) = document().document_element() {
        let _ = root.request_fullscreen();
        lock_keyboard();
    }
}

/// `navigator.keyboard.lock()`: Chromium only; elsewhere the Keys menu has what the browser keeps.
fn lock_keyboard() {
    let navigator = JsValue::from(window().navigator());
    let keyboard = js_sys::Reflect::get(&navigator, &"keyboard".into()).unwrap_or_default();
    let lock = js_sys::Reflect::get(&keyboard, &"lock".into()).unwrap_or_default();
    if let Ok(lock) = lock.dyn_into::<js_sys::Function>() {
        let _ = lock.call0(&keyboard);
    }
}

/// Gives the keyboard back to the guest after a menu.
pub fn focus_picture() {
    let picture = document().get_element_by_id(PICTURE);
    if let Some(picture) =
        picture.and_then(|picture| picture.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = picture.focus();
    }
}

fn inner_size() -> (f64, f64) {
    let number =
        |value: Result<JsValue, JsValue>| value.ok().and_then(|v| v.as_f64()).unwrap_or(0.0);
    (
        number(window().inner_width()),
        number(window().inner_height()),
    )
}

/// The size in CSS pixels at which a guest's picture is shown in a window.
fn shown_size(guest: (u32, u32), window_px: (f64, f64), scale: Scale) -> (f64, f64) {
    let (width, height) = (f64::from(guest.0), f64::from(guest.1));
    if width == 0.0 || height == 0.0 {
        return window_px;
    }
    let factor = match scale {
        Scale::Fit => (window_px.0 / width).min(window_px.1 / height),
        Scale::Pixel => 1.0 / device_pixels(),
    };
    (width * factor, height * factor)
}

fn device_pixels() -> f64 {
    let ratio = window().device_pixel_ratio();
    if ratio > 0.0 { ratio } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_keeps_the_proportion_and_stays_in_the_window() {
        assert_eq!(
            shown_size((800, 600), (1600.0, 600.0), Scale::Fit),
            (800.0, 600.0)
        );
        assert_eq!(
            shown_size((800, 600), (400.0, 900.0), Scale::Fit),
            (400.0, 300.0)
        );
    }

    #[test]
    fn before_the_first_picture_the_canvas_fills_the_window() {
        assert_eq!(
            shown_size((0, 0), (400.0, 900.0), Scale::Fit),
            (400.0, 900.0)
        );
    }
}
