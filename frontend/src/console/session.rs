//! One console's state as signals, and its line to the worker.
//!
//! Signals are written by what the worker says and by the bar's buttons; the view derives from them.

use std::cell::RefCell;
use std::rc::Rc;

use console_worker::inputs::Inputs;
use console_worker::{Cursor, FromWorker, Phase, Preset, Statistics, ToWorker};
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use super::guest::{Guest, Prompt};
use super::input::{Keyboard, Locks, Pace, Wheel};
use super::link::Link;
use super::memory::{PRESET, SCALE, keep, kept};
use super::meter::Meter;
use super::pointer;
use super::quality::{self, Quality};
use crate::task;

/// The close code of a refused password, where there is one to refuse.
const PASSWORD_REFUSED: u16 = 4403;

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
    /// What matters most in the picture.
    Quality,
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
    /// Whose screen it is.
    pub guest: Guest,
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
    /// What matters most in the picture.
    pub preset: RwSignal<Preset>,
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

pub(super) struct Parts {
    link: Option<Link>,
    pub(super) inputs: Inputs,
    pub(super) keyboard: Keyboard,
    pub(super) wheel: Wheel,
    pub(super) pace: Pace,
    canvas: Option<HtmlCanvasElement>,
    cursor: Option<pointer::Shape>,
    /// Scripts that wait for the exact picture.
    pictures: Vec<js_sys::Function>,
    /// Scripts that wait for figures.
    readers: Vec<js_sys::Function>,
}

impl Session {
    /// A console that is not connected yet.
    pub fn new(guest: Guest) -> Self {
        let platform = window().navigator().platform().unwrap_or_default();
        let scale = match kept(guest, SCALE).as_deref() {
            Some("pixel") => Scale::Pixel,
            _ => Scale::Fit,
        };
        let preset = kept(guest, PRESET)
            .and_then(|name| Preset::of(&name))
            .unwrap_or_default();
        Self {
            guest,
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
            preset: RwSignal::new(preset),
            menu: RwSignal::new(None),
            overlay: RwSignal::new(false),
            meter: RwSignal::new(Meter::default()),
            held: RwSignal::new(Vec::new()),
            problem: RwSignal::new(None),
            inner: StoredValue::new_local(Inner(Rc::new(RefCell::new(Parts {
                link: None,
                inputs: Inputs::default(),
                keyboard: Keyboard::new(platform.starts_with("Mac")),
                wheel: Wheel::default(),
                pace: Pace::default(),
                canvas: None,
                cursor: None,
                pictures: Vec::new(),
                readers: Vec::new(),
            })))),
        }
    }

    /// Gets the first ticket and starts the worker on this canvas.
    pub fn start(self, canvas: HtmlCanvasElement) {
        self.parts(|parts| parts.canvas = Some(canvas.clone()));
        task::run(async move {
            loop {
                match self.guest.ticket().await {
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
        let url = address();
        let heard = move |message| self.hear(message);
        let died = move |reason: String| {
            let sentence = ["The console stopped: ", &reason].concat();
            self.set_state(Phase::Closed, 0, sentence);
        };
        match Link::start(&script, canvas, &url, ticket, heard, died) {
            Ok(link) => {
                if let Some(preset) = self.preset.try_get_untracked() {
                    link.send(&ToWorker::Preset(preset));
                }
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
                if code == PASSWORD_REFUSED
                    && let Some(prompt) = self.guest.prompt()
                {
                    prompt.refused(reason.clone());
                }
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
                self.parts(|parts| parts.inputs.set_client_mouse(client));
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
            FromWorker::Inputs { serial, greeting } => self.open_inputs(serial, greeting),
            FromWorker::NoInputs => {
                self.parts(|parts| parts.inputs.close());
            }
            FromWorker::Problem(problem) => {
                self.problem.try_set(Some(problem));
            }
            FromWorker::Picture(png) => {
                let bytes = js_sys::Uint8Array::from(png.as_slice());
                let waiting = self.parts(|parts| std::mem::take(&mut parts.pictures));
                settle(waiting, &bytes);
            }
            FromWorker::Statistics(mut figures) => {
                self.parts(|parts| parts.inputs.add_to(&mut figures));
                self.answer_readers(Some(&figures));
                self.meter
                    .try_update(|meter| meter.sample(*figures, task::now()));
            }
        }
    }

    /// Gets a ticket for connecting again; asks for a password first where one is being asked for.
    pub fn fetch_ticket(self) {
        if self.guest.prompt().is_some_and(Prompt::is_open) {
            // The person is asked first; their answer leads here again.
            return;
        }
        task::run(async move {
            match self.guest.ticket().await {
                Ok(ticket) => self.tell(&ToWorker::Ticket(ticket)),
                Err(fault) if fault.status == 400 && self.guest.prompt().is_some() => {
                    if let Some(prompt) = self.guest.prompt() {
                        prompt.refused(fault.text());
                    }
                }
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

    /// Another way to show it; remembered for this machine.
    pub fn set_scale(self, scale: Scale) {
        self.scale.set(scale);
        let word = match scale {
            Scale::Fit => "fit",
            Scale::Pixel => "pixel",
        };
        keep(self.guest, SCALE, word);
        self.show_cursor();
    }

    /// Something else matters most in the picture; remembered for this machine.
    pub fn set_preset(self, preset: Preset) {
        self.preset.set(preset);
        keep(self.guest, PRESET, preset.name());
        self.tell(&ToWorker::Preset(preset));
        self.tell(&ToWorker::Statistics);
    }

    /// How good the connection is, and what holds it back.
    pub fn quality(self) -> Quality {
        let phase = self.state.with(|state| state.phase);
        self.meter.with(|meter| self.judge(phase, meter))
    }

    /// The same without listening; nothing when the console is gone.
    pub fn try_quality(self) -> Option<Quality> {
        let phase = self.state.try_with_untracked(|state| state.phase)?;
        self.meter
            .try_with_untracked(|meter| self.judge(phase, meter))
    }

    fn judge(self, phase: Phase, meter: &Meter) -> Quality {
        let load = self.guest.machine().map(super::guest::Machine::load);
        quality::judge(phase, &meter.readings(load.unwrap_or_default()))
    }

    /// Asks for the exact picture; `resolve` is called with a PNG file's bytes.
    pub fn picture(self, resolve: js_sys::Function) {
        let asked = self.parts(|parts| {
            parts.pictures.push(resolve);
            parts.link.is_some()
        });
        self.tell(&ToWorker::Picture);
        if asked != Some(true) {
            let waiting = self.parts(|parts| std::mem::take(&mut parts.pictures));
            settle(waiting, &js_sys::Uint8Array::new_with_length(0));
        }
    }

    /// Asks for fresh figures; `resolve` is called with what scripts see of them.
    pub fn figures(self, resolve: js_sys::Function) {
        let closed = self
            .state
            .try_with_untracked(|state| state.phase == Phase::Closed);
        let asked = self.parts(|parts| {
            parts.readers.push(resolve);
            parts.link.is_some()
        });
        if asked == Some(true) && closed == Some(false) {
            self.tell(&ToWorker::Statistics);
        } else {
            self.answer_readers(None);
        }
    }

    /// With what the worker says, or the last it said.
    fn answer_readers(self, figures: Option<&Statistics>) {
        let waiting = self.parts(|parts| std::mem::take(&mut parts.readers));
        if waiting.as_ref().is_none_or(Vec::is_empty) {
            return;
        }
        let last = self
            .meter
            .try_with_untracked(|meter| meter.now().cloned())
            .flatten();
        let object = super::script::object(self, figures.or(last.as_ref()));
        settle(waiting, &object);
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
        let link = self.parts(|parts| {
            parts.inputs.close();
            parts.link.take()
        });
        drop(link);
    }

    fn set_state(self, phase: Phase, code: u16, reason: String) -> Option<()> {
        self.state.try_update(|state| {
            if state.phase != phase {
                state.since = task::now();
            }
            state.phase = phase;
            state.code = code;
            state.reason = reason;
        })?;
        if phase == Phase::Closed {
            // The worker answers nobody any more, and what it had is over.
            self.parts(|parts| parts.inputs.close());
            self.answer_readers(None);
            let waiting = self.parts(|parts| std::mem::take(&mut parts.pictures));
            settle(waiting, &js_sys::Uint8Array::new_with_length(0));
        }
        Some(())
    }

    /// Nothing when the console is gone already.
    pub(super) fn parts<R>(self, with: impl FnOnce(&mut Parts) -> R) -> Option<R> {
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

/// The gateway's address for consoles: `saffron view` serves plain HTTP on this very machine.
pub(super) fn address() -> String {
    let location = window().location();
    let scheme = match location.protocol().as_deref() {
        Ok("http:") => "ws://",
        _ => "wss://",
    };
    let host = location.host().unwrap_or_default();
    [scheme, &host, "/saffron/console"].concat()
}

fn settle(waiting: Option<Vec<js_sys::Function>>, value: &wasm_bindgen::JsValue) {
    for resolve in waiting.into_iter().flatten() {
        let _ = resolve.call1(&wasm_bindgen::JsValue::NULL, value);
    }
}
