//! One console's state as signals, and its line to the worker.
//!
//! Signals are written by what the worker says and by the bar's buttons; the view derives from them.

use std::cell::RefCell;
use std::rc::Rc;

use console_worker::{Cursor, FromWorker, Phase, ToWorker};
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use super::input::{Keyboard, Locks, Send, Wheel};
use super::link::Link;
use super::pointer;
use super::statistics::Meter;
use crate::client;
use crate::store::Id;
use crate::task;

/// How the guest's picture is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As large as the window allows, in proportion.
    Fit,
    /// One guest pixel on one pixel of the screen.
    Pixel,
}

/// What is open above the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// Keys to send.
    Keys,
    /// Power, and the disc in the drive.
    Power,
}

/// Where the connection stands, and what to tell the person.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The worker's word for it.
    pub phase: Phase,
    /// The close code that led here; 0 when none did.
    pub code: u16,
    /// A sentence, or nothing.
    pub reason: String,
    /// When it came to this phase, milliseconds since 1970.
    pub since: f64,
}

/// A console. Copies are the same console.
#[derive(Clone, Copy)]
pub struct Session {
    /// The machine.
    pub vm: StoredValue<Id>,
    /// Where the connection stands.
    pub state: RwSignal<State>,
    /// The guest's screen in its pixels; zero before the first picture.
    pub size: RwSignal<(u32, u32)>,
    /// Whether the guest takes positions rather than movements.
    pub client_mouse: RwSignal<bool>,
    /// The guest's lock keys.
    pub locks: RwSignal<Locks>,
    /// How it is shown.
    pub scale: RwSignal<Scale>,
    /// What is open.
    pub menu: RwSignal<Option<Menu>>,
    /// Whether the overlay is shown.
    pub overlay: RwSignal<bool>,
    /// Its figures.
    pub meter: RwSignal<Meter>,
    /// Modifier keys held by the bar, not by a finger.
    pub held: RwSignal<Vec<u16>>,
    /// The last trouble that did not end the session.
    pub problem: RwSignal<Option<String>>,
    inner: StoredValue<Inner, LocalStorage>,
}

#[derive(Clone)]
struct Inner(Rc<RefCell<Parts>>);

struct Parts {
    link: Option<Link>,
    keyboard: Keyboard,
    wheel: Wheel,
    canvas: Option<HtmlCanvasElement>,
    cursor: Option<pointer::Shape>,
    /// Who waits for the exact picture (scripts of the test suite).
    pictures: Vec<js_sys::Function>,
    sampled: f64,
}

impl Session {
    /// A console that is not connected yet.
    pub fn new(vm: Id) -> Self {
        let platform = window().navigator().platform().unwrap_or_default();
        let scale = match stored(&vm).as_deref() {
            Some("pixel") => Scale::Pixel,
            _ => Scale::Fit,
        };
        Self {
            vm: StoredValue::new(vm),
            state: RwSignal::new(State {
                phase: Phase::Connecting,
                code: 0,
                reason: String::new(),
                since: task::now(),
            }),
            size: RwSignal::new((0, 0)),
            client_mouse: RwSignal::new(true),
            locks: RwSignal::new(Locks::default()),
            scale: RwSignal::new(scale),
            menu: RwSignal::new(None),
            overlay: RwSignal::new(false),
            meter: RwSignal::new(Meter::default()),
            held: RwSignal::new(Vec::new()),
            problem: RwSignal::new(None),
            inner: StoredValue::new_local(Inner(Rc::new(RefCell::new(Parts {
                link: None,
                keyboard: Keyboard::new(platform.starts_with("Mac")),
                wheel: Wheel::default(),
                canvas: None,
                cursor: None,
                pictures: Vec::new(),
                sampled: 0.0,
            })))),
        }
    }

    /// Gets the first ticket and starts the worker on this canvas.
    pub fn start(self, canvas: HtmlCanvasElement) {
        self.parts(|parts| parts.canvas = Some(canvas.clone()));
        let Some(vm) = self.vm.try_get_value() else {
            return;
        };
        task::run(async move {
            loop {
                match client::vms::console_ticket(&vm).await {
                    Ok(ticket) => {
                        self.begin(&canvas, &ticket);
                        return;
                    }
                    Err(fault) => {
                        let phase = phase_of(fault.status);
                        if self.set_state(phase, fault.status, fault.text()).is_none()
                            || phase == Phase::Closed
                        {
                            return;
                        }
                    }
                }
                self.wait_for_reason_to_change().await;
            }
        });
    }

    /// Between two tries for the first ticket: a few seconds, or until somebody presses a button.
    async fn wait_for_reason_to_change(self) {
        for _ in 0..20 {
            task::pause(250).await;
            let waiting = self
                .state
                .try_with_untracked(|state| state.phase == Phase::Waiting);
            if waiting != Some(true) {
                return;
            }
        }
    }

    fn begin(self, canvas: &HtmlCanvasElement, ticket: &str) {
        let root = document().document_element();
        let script = root
            .as_ref()
            .and_then(|root| root.get_attribute("data-worker"))
            .unwrap_or_default();
        let host = window().location().host().unwrap_or_default();
        let url = ["wss://", &host, "/saffron/console"].concat();
        let heard = move |message| self.hear(message);
        let died = move |reason: String| {
            let sentence = ["The console stopped: ", &reason].concat();
            self.set_state(Phase::Closed, 0, sentence);
        };
        match Link::start(&script, canvas, &url, ticket, heard, died) {
            Ok(link) => {
                self.parts(|parts| parts.link = Some(link));
            }
            Err(_) => {
                let sentence = "This browser cannot draw in a worker (OffscreenCanvas). Use a current Chrome, Edge, Firefox or Safari.";
                self.set_state(Phase::Closed, 0, sentence.to_owned());
            }
        }
    }

    /// Something from the worker.
    fn hear(self, message: FromWorker) {
        match message {
            FromWorker::State {
                phase,
                code,
                reason,
            } => {
                self.set_state(phase, code, reason);
                if phase != Phase::Connected {
                    // What was down before is up in the guest's eyes once the connection is new.
                    self.parts(|parts| parts.keyboard.release_all());
                    self.held.try_set(Vec::new());
                }
            }
            FromWorker::NeedTicket => self.fetch_ticket(),
            FromWorker::Size { width, height } => {
                self.size.try_set((width, height));
            }
            FromWorker::MouseMode { client } => {
                self.client_mouse.try_set(client);
                if client {
                    document().exit_pointer_lock();
                }
                self.show_cursor();
            }
            FromWorker::Cursor(cursor) => {
                let shape = match cursor {
                    Cursor::Hidden => pointer::Shape::hidden(),
                    Cursor::Shape {
                        width,
                        height,
                        hot_x,
                        hot_y,
                        rgba,
                    } => pointer::Shape::of(&rgba, width, height, hot_x, hot_y),
                };
                self.parts(|parts| parts.cursor = Some(shape));
                self.show_cursor();
            }
            FromWorker::Locks { caps, num, scroll } => {
                let locks = Locks { caps, num, scroll };
                self.parts(|parts| parts.keyboard.guest_locks(locks));
                self.locks.try_set(locks);
            }
            FromWorker::Problem(problem) => {
                self.problem.try_set(Some(problem));
            }
            FromWorker::Picture(png) => {
                let bytes = js_sys::Uint8Array::from(png.as_slice());
                let waiting = self.parts(|parts| std::mem::take(&mut parts.pictures));
                for resolve in waiting.into_iter().flatten() {
                    let _ = resolve.call1(&wasm_bindgen::JsValue::NULL, &bytes);
                }
            }
            FromWorker::Statistics(figures) => {
                let now = task::now();
                let last = self.parts(|parts| std::mem::replace(&mut parts.sampled, now));
                let seconds = (now - last.unwrap_or(now)) / 1000.0;
                self.meter
                    .try_update(|meter| meter.sample(figures, seconds));
            }
        }
    }

    fn fetch_ticket(self) {
        let Some(vm) = self.vm.try_get_value() else {
            return;
        };
        task::run(async move {
            match client::vms::console_ticket(&vm).await {
                Ok(ticket) => self.tell(&ToWorker::Ticket(ticket)),
                Err(fault) if phase_of(fault.status) == Phase::Closed => {
                    self.tell(&ToWorker::Close);
                    self.set_state(Phase::Closed, fault.status, fault.text());
                }
                Err(fault) => self.tell(&ToWorker::NoTicket {
                    reason: fault.text(),
                }),
            }
        });
    }

    /// Tells the worker something; nothing when there is none.
    pub fn tell(self, message: &ToWorker) {
        self.parts(|parts| {
            if let Some(link) = &parts.link {
                link.send(message);
            }
        });
    }

    /// The machine came up, or the person asks: connect now.
    pub fn reconnect(self) {
        self.tell(&ToWorker::Reconnect);
        // Before the first ticket there is no worker: the loop of `start` looks at this.
        let state = self
            .state
            .try_with_untracked(|state| state.phase == Phase::Waiting);
        if state == Some(true) {
            self.set_state(Phase::Connecting, 0, String::new());
        }
    }

    /// A key event of the picture; whether the browser must not act on it.
    pub fn key(self, event: super::input::KeyEvent<'_>) -> bool {
        let done = self.parts(|parts| parts.keyboard.event(event));
        let (sends, taken) = done.unwrap_or_default();
        self.send_all(&sends);
        taken
    }

    /// Presses a chord with what the bar holds.
    pub fn chord(self, keys: &[u16]) {
        self.send_all(&Keyboard::chord(keys));
        self.release_held();
    }

    /// Holds a modifier down from the bar, or lets it go.
    pub fn hold(self, key: u16) {
        let held = self.held.try_update(|held| {
            if held.contains(&key) {
                held.retain(|other| *other != key);
                false
            } else {
                held.push(key);
                true
            }
        });
        if let Some(down) = held {
            self.send_all(&[Send::Key(key, down)]);
        }
    }

    /// Lets go of what the bar holds; after the key it was held for.
    pub fn release_held(self) {
        let held = self.held.try_update(std::mem::take).unwrap_or_default();
        let ups: Vec<Send> = held.into_iter().map(|key| Send::Key(key, false)).collect();
        self.send_all(&ups);
    }

    /// The page lost the focus: nothing stays pressed.
    pub fn release_all(self) {
        self.parts(|parts| parts.keyboard.release_all());
        if self.held.try_with_untracked(|held| !held.is_empty()) == Some(true) {
            self.held.try_set(Vec::new());
        }
        self.tell(&ToWorker::ReleaseAll);
    }

    /// The page has the focus, and the person's lock keys are so.
    pub fn focus(self, locks: Locks) {
        let sends = self.parts(|parts| parts.keyboard.focus(locks));
        self.send_all(&sends.unwrap_or_default());
    }

    /// The wheel turned: clicks up or down.
    pub fn wheel(self, delta: f64, mode: u32) {
        let clicks = self
            .parts(|parts| parts.wheel.turn(delta, mode))
            .unwrap_or(0);
        let button = if clicks < 0 { 4 } else { 5 };
        for _ in 0..clicks.unsigned_abs() {
            self.tell(&ToWorker::Button { button, down: true });
            self.tell(&ToWorker::Button {
                button,
                down: false,
            });
        }
    }

    /// Another way to show it; remembered for this machine.
    pub fn set_scale(self, scale: Scale) {
        self.scale.set(scale);
        let word = match scale {
            Scale::Fit => "fit",
            Scale::Pixel => "pixel",
        };
        if let (Some(vm), Ok(Some(storage))) = (self.vm.try_get_value(), window().local_storage()) {
            let _ = storage.set_item(&storage_key(&vm), word);
        }
        self.show_cursor();
    }

    /// Asks for the exact picture; `resolve` is called with a PNG file's bytes.
    pub fn picture(self, resolve: js_sys::Function) {
        self.parts(|parts| parts.pictures.push(resolve));
        self.tell(&ToWorker::Picture);
    }

    /// Puts the guest's pointer on the canvas as the browser's own.
    pub fn show_cursor(self) {
        let client = self.client_mouse.try_get_untracked().unwrap_or(true);
        self.parts(|parts| {
            if let Some(canvas) = &parts.canvas {
                match &parts.cursor {
                    Some(shape) if client => shape.show(canvas),
                    _ => pointer::show_default(canvas, client),
                }
            }
        });
    }

    /// Ends the worker and with it all connections.
    pub fn end(self) {
        let link = self.parts(|parts| parts.link.take());
        drop(link);
    }

    fn send_all(self, sends: &[Send]) {
        for send in sends {
            self.tell(&match *send {
                Send::Key(scancode, down) => ToWorker::Key { scancode, down },
                Send::Locks(Locks { caps, num, scroll }) => ToWorker::Locks { caps, num, scroll },
            });
        }
    }

    fn set_state(self, phase: Phase, code: u16, reason: String) -> Option<()> {
        self.state.try_update(|state| {
            if state.phase != phase {
                state.since = task::now();
            }
            state.phase = phase;
            state.code = code;
            state.reason = reason;
        })
    }

    /// Nothing when the console is gone already.
    fn parts<R>(self, with: impl FnOnce(&mut Parts) -> R) -> Option<R> {
        let inner = self.inner.try_get_value()?;
        // Held only for the length of one call; nothing in here calls back.
        let mut parts = inner.0.try_borrow_mut().ok()?;
        Some(with(&mut parts))
    }
}

/// What a refused ticket means for the console.
fn phase_of(status: u16) -> Phase {
    match status {
        401 | 403 | 404 => Phase::Closed,
        _ => Phase::Waiting,
    }
}

fn storage_key(vm: &str) -> String {
    ["saffron-console-scale-", vm].concat()
}

fn stored(vm: &str) -> Option<String> {
    window()
        .local_storage()
        .ok()??
        .get_item(&storage_key(vm))
        .ok()?
}
