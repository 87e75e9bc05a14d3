//! The console's page: the canvas that the worker paints on, and the DOM's events on it.

use console_worker::{Phase, ToWorker};
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{CompositionEvent, HtmlCanvasElement, KeyboardEvent, PointerEvent, WheelEvent};

use super::bar::Bar;
use super::input::{KeyEvent, Locks, button, guest_point};
use super::menus::Open;
use super::scancode::{self, scancode};
use super::session::{Scale, Session, State};
use super::statistics::Overlay;
use crate::app::App;
use crate::client;
use crate::store::Id;
use crate::task;

/// The picture's id in the page; there is one console on it.
const PICTURE: &str = "picture";

/// How often the overlay's figures are asked for, in milliseconds.
const SAMPLE_MS: u64 = 1_000;

/// The guest's screen, over the whole page.
#[component]
pub fn View(
    /// The machine's id.
    vm: Id,
) -> impl IntoView {
    let app = expect_context::<App>();
    let session = Session::new(vm.clone());
    let canvas = NodeRef::<html::Canvas>::new();
    let full = RwSignal::new(false);
    let window_size = RwSignal::new(inner_size());
    let store = app.store.clone();
    let known = {
        let (store, vm) = (store.clone(), vm.clone());
        Memo::new(move |_| store.vms.get(&vm).map(|vm| (vm.name.clone(), vm.status)))
    };
    let name = Signal::derive(move || known.get().map_or_else(String::new, |(name, _)| name));
    let has_screen = Memo::new(move |_| known.get().is_some_and(|(_, status)| status.has_screen()));

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
    let sampling = set_interval_with_handle(
        move || {
            if session
                .state
                .with_untracked(|state| state.phase == Phase::Connected)
            {
                session.tell(&ToWorker::Statistics);
            }
        },
        std::time::Duration::from_millis(SAMPLE_MS),
    );
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
        script.withdraw();
        session.end();
    });

    let shown = move || shown_size(session.size.get(), window_size.get(), session.scale.get());
    let held = move || session.state.with(|state| state.phase != Phase::Connected);
    let leave = leave_address(&vm);
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
                    on:keydown=move |event| key(session, &event, true)
                    on:keyup=move |event| key(session, &event, false)
                    on:compositionstart=move |event: CompositionEvent| event.prevent_default()
                    on:focus=move |_| session.menu.set(None)
                    on:blur=move |_| session.release_all()
                    on:pointerenter=move |event: PointerEvent| {
                        // A focus event does not tell the lock keys; the pointer's do.
                        session.focus(locks(|name| event.get_modifier_state(name)));
                    }
                    on:pointerdown=move |event| pointer_down(session, &event)
                    on:pointerup=move |event| pointer_up(session, &event)
                    on:pointermove=move |event| pointer_move(session, &event)
                    on:pointercancel=move |_| session.release_all()
                    on:wheel=move |event: WheelEvent| {
                        event.prevent_default();
                        session.wheel(event.delta_y(), event.delta_mode());
                    }
                    on:contextmenu=move |event| event.prevent_default()
                ></canvas>
            </div>
            <Bar session=session name=name leave=leave full=full/>
            <Open session=session app=app/>
            {move || {
                session
                    .overlay
                    .get()
                    .then(|| {
                        let phase = Signal::derive(move || session.state.with(|state| state.phase));
                        view! { <Overlay meter=session.meter phase=phase size=session.size.into()/> }
                    })
            }}
            <Cover session=session app=app name=name/>
            <MouseHint session=session/>
            <KeyBar session=session/>
        </main>
    }
    .into_any()
}

/// What lies over the last picture while there is no live one: why, since when, and the way out.
#[component]
fn Cover(session: Session, app: App, name: Signal<String>) -> impl IntoView {
    let id = session.vm.get_value();
    let start = {
        let id = id.clone();
        move || {
            app.store
                .vms
                .get(&id)
                .is_some_and(|vm| vm.offers.allows("start") && vm.status.is_off())
        }
    };
    let failed = RwSignal::new(None::<String>);
    move || {
        let state = session.state.get();
        if state.phase == Phase::Connected {
            failed.set(None);
            return None;
        }
        let id = id.clone();
        let can_start = start();
        let start_now = move |_| {
            let id = id.clone();
            failed.set(None);
            task::run(async move {
                if let Err(fault) = client::vms::act(&id, "start").await {
                    failed.try_set(Some(fault.text()));
                }
            });
        };
        let reload = state.phase == Phase::Closed;
        Some(
            view! {
                <div class="sf-held" role="status">
                    <p class="sf-held__title">{headline(&state, &name.get(), can_start)}</p>
                    <p>{state.reason.clone()}</p>
                    {move || failed.get().map(|text| view! { <p role="alert">{text}</p> })}
                    <div class="sf-row">
                        {can_start
                            .then(|| {
                                view! {
                                    <button class="pf-v6-c-button pf-m-primary" type="button" on:click=start_now.clone()>
                                        <span class="pf-v6-c-button__text">"Start"</span>
                                    </button>
                                }
                            })}
                        {(!reload && !can_start && state.phase != Phase::Connecting)
                            .then(|| {
                                view! {
                                    <button
                                        class="pf-v6-c-button pf-m-secondary"
                                        type="button"
                                        on:click=move |_| session.reconnect()
                                    >
                                        <span class="pf-v6-c-button__text">"Connect now"</span>
                                    </button>
                                }
                            })}
                        {reload
                            .then(|| {
                                view! {
                                    <button
                                        class="pf-v6-c-button pf-m-secondary"
                                        type="button"
                                        on:click=move |_| {
                                            let _ = window().location().reload();
                                        }
                                    >
                                        <span class="pf-v6-c-button__text">"Open again"</span>
                                    </button>
                                }
                            })}
                    </div>
                </div>
            }
            .into_any(),
        )
    }
}

fn headline(state: &State, name: &str, off: bool) -> String {
    if off {
        return format!("{name} is off");
    }
    match state.phase {
        Phase::Connecting => format!("Connecting to {name}"),
        Phase::Reconnecting => format!("The connection to {name} is being made again"),
        Phase::Waiting => format!("Waiting for {name}"),
        Phase::Connected | Phase::Closed => "This console is closed".to_owned(),
    }
}

/// In server mode the guest takes movements only, so the browser's pointer must be locked.
#[component]
fn MouseHint(session: Session) -> impl IntoView {
    move || {
        let live = session.state.with(|state| state.phase == Phase::Connected);
        (live && !session.client_mouse.get()).then(|| {
            view! {
                <div class="sf-toast" role="status">
                    <span>"This guest takes mouse movements: click to give it the pointer, "</span>
                    <kbd class="sf-kbd">"Esc"</kbd>
                    <span>" gives it back."</span>
                </div>
            }
        })
    }
}

/// Keys that a touch screen lacks; shown on narrow windows only.
#[component]
fn KeyBar(session: Session) -> impl IntoView {
    let press = move |word: &'static str, name: &'static str, code: &'static str| {
        view! {
            <button
                type="button"
                aria-label=name
                on:click=move |_| {
                    if let Some(key) = scancode(code) {
                        session.chord(&[key]);
                    }
                }
            >
                {word}
            </button>
        }
    };
    let hold = move |word: &'static str, key: u16| {
        view! {
            <button
                type="button"
                aria-pressed=move || session.held.with(|held| held.contains(&key)).to_string()
                on:click=move |_| session.hold(key)
            >
                {word}
            </button>
        }
    };
    view! {
        <div class="sf-keybar" role="toolbar" aria-label="Keys">
            {press("Esc", "Escape", "Escape")}
            {press("Tab", "Tab", "Tab")}
            {hold("Ctrl", scancode::CONTROL)}
            {hold("Alt", scancode::ALT)}
            {hold("Win", scancode::META)}
            {press("↑", "Up", "ArrowUp")}
            {press("↓", "Down", "ArrowDown")}
            {press("←", "Left", "ArrowLeft")}
            {press("→", "Right", "ArrowRight")}
            {press("⏎", "Enter", "Enter")}
        </div>
    }
    .into_any()
}

fn key(session: Session, event: &KeyboardEvent, down: bool) {
    let on = |name: &str| event.get_modifier_state(name);
    let locks = Locks {
        caps: on("CapsLock"),
        num: on("NumLock"),
        scroll: on("ScrollLock"),
    };
    let (code, key) = (event.code(), event.key());
    let event_of = KeyEvent {
        code: &code,
        key: &key,
        down,
        time: event.time_stamp(),
        locks,
    };
    if session.key(event_of) {
        event.prevent_default();
        event.stop_propagation();
    }
    let modifier = matches!(
        key.as_str(),
        "Control" | "Alt" | "Shift" | "Meta" | "AltGraph"
    );
    if !down && !modifier {
        session.release_held();
    }
}

fn locks(on: impl Fn(&str) -> bool) -> Locks {
    Locks {
        caps: on("CapsLock"),
        num: on("NumLock"),
        scroll: on("ScrollLock"),
    }
}

fn pointer_down(session: Session, event: &PointerEvent) {
    let Some(canvas) = canvas_of(event) else {
        return;
    };
    event.prevent_default();
    let _ = canvas.focus();
    if !session.client_mouse.get_untracked() && document().pointer_lock_element().is_none() {
        // The click that gives the guest the pointer is not for the guest.
        canvas.request_pointer_lock();
        return;
    }
    let _ = canvas.set_pointer_capture(event.pointer_id());
    point(session, event, &canvas);
    if let Some(button) = button(event.button()) {
        session.tell(&ToWorker::Button { button, down: true });
    }
}

fn pointer_up(session: Session, event: &PointerEvent) {
    let Some(canvas) = canvas_of(event) else {
        return;
    };
    point(session, event, &canvas);
    if let Some(button) = button(event.button()) {
        session.tell(&ToWorker::Button {
            button,
            down: false,
        });
    }
}

fn pointer_move(session: Session, event: &PointerEvent) {
    let Some(canvas) = canvas_of(event) else {
        return;
    };
    point(session, event, &canvas);
}

fn point(session: Session, event: &PointerEvent, canvas: &HtmlCanvasElement) {
    if session.client_mouse.get_untracked() {
        let (width, height) = session.size.get_untracked();
        let shown = canvas.get_bounding_client_rect();
        let at = |client: i32, edge: f64| f64::from(client) - edge;
        session.tell(&ToWorker::Position {
            x: guest_point(at(event.client_x(), shown.left()), shown.width(), width),
            y: guest_point(at(event.client_y(), shown.top()), shown.height(), height),
        });
    } else if document().pointer_lock_element().is_some() {
        let (dx, dy) = (event.movement_x(), event.movement_y());
        if (dx, dy) != (0, 0) {
            session.tell(&ToWorker::Motion { dx, dy });
        }
    }
}

fn canvas_of(event: &PointerEvent) -> Option<HtmlCanvasElement> {
    event.current_target()?.dyn_into().ok()
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

/// What the page offers to scripts of its own origin, as the test suite does: `saffron.picture()`,
/// a promise of the exact current picture as PNG bytes, and `saffron.statistics()`.
struct Script {
    _picture: Closure<dyn FnMut() -> js_sys::Promise>,
    _statistics: Closure<dyn FnMut() -> JsValue>,
}

impl Script {
    fn offer(session: Session) -> StoredValue<Option<Self>, LocalStorage> {
        let picture = Closure::<dyn FnMut() -> js_sys::Promise>::new(move || {
            js_sys::Promise::new(&mut |resolve, _| session.picture(resolve))
        });
        let statistics = Closure::<dyn FnMut() -> JsValue>::new(move || figures(session));
        let object = js_sys::Object::new();
        let _ = js_sys::Reflect::set(&object, &"picture".into(), picture.as_ref());
        let _ = js_sys::Reflect::set(&object, &"statistics".into(), statistics.as_ref());
        let _ = js_sys::Reflect::set(&window(), &"saffron".into(), &object);
        StoredValue::new_local(Some(Self {
            _picture: picture,
            _statistics: statistics,
        }))
    }
}

/// Takes the offer back when the console closes.
trait Withdraw {
    fn withdraw(self);
}

impl Withdraw for StoredValue<Option<Script>, LocalStorage> {
    fn withdraw(self) {
        let _ = js_sys::Reflect::delete_property(&window(), &"saffron".into());
        self.try_update_value(|script| drop(script.take()));
    }
}

fn figures(session: Session) -> JsValue {
    let object = js_sys::Object::new();
    let set =
        |name: &str, value: JsValue| drop(js_sys::Reflect::set(&object, &name.into(), &value));
    if let Some(state) = session.state.try_get_untracked() {
        let phase = match state.phase {
            Phase::Connecting => "connecting",
            Phase::Connected => "connected",
            Phase::Reconnecting => "reconnecting",
            Phase::Waiting => "waiting",
            Phase::Closed => "closed",
        };
        set("phase", phase.into());
        set("reason", state.reason.into());
    }
    let (width, height) = session.size.try_get_untracked().unwrap_or_default();
    set("width", width.into());
    set("height", height.into());
    set(
        "clientMouse",
        session
            .client_mouse
            .try_get_untracked()
            .unwrap_or(true)
            .into(),
    );
    let now = session
        .meter
        .try_with_untracked(|meter| meter.now().cloned())
        .flatten();
    if let Some(now) = now {
        set("draws", now.draws.into());
        set("frames", now.frames.into());
        set("bytes", now.bytes.into());
        set("streamFrames", now.stream_frames.into());
        set("errors", now.errors.into());
        set("decodeMs", now.decode_ms.into());
        set("paintMs", now.paint_ms.into());
        set("firstPaintMs", now.first_paint_ms.into());
        set("connections", now.connections.into());
        set("lastError", now.last_error.into());
        let channels = js_sys::Array::new();
        for name in now.channels {
            channels.push(&name.into());
        }
        set("channels", channels.into());
    }
    object.into()
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
