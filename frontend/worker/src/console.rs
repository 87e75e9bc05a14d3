//! One console: the SPICE session, its sockets and its canvas, and when to connect again.
//!
//! ```text
//!              ticket                 main channel linked           surface painted
//! Connecting ─────────▶ (socket open) ───────────────────▶ session ────────────────▶ Connected
//!     ▲                                                       │ main channel gone
//!     │ pause, then a new ticket from the page                ▼
//!     └──────────────────────────────────────────────── Reconnecting ──▶ Closed (4401, 4404)
//!                                                             │ the page has no ticket to give
//!                                                             ▼
//!                                                          Waiting (asks again every few seconds)
//! ```
//!
//! Everything happens on the worker's one thread, one [`Step`] at a time; nothing here blocks.

use std::collections::BTreeMap;

use console_worker::{ChannelFigures, Cursor, FromWorker, Phase, Statistics, ToWorker};
use spice::link::ChannelType;
use spice::link::admission::{Hello, Key, Welcome};
use spice::{Button, ChannelRef, CursorEvent, Event, Leds, MouseMode, Scancode, Session, Severity};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::OffscreenCanvas;

use crate::paint::{Area, Frame, Painter};
use crate::socket::{Input, Socket};
use crate::{clock, post};

/// Something happened.
pub enum Step {
    /// The page said something.
    Page(ToWorker),
    /// A socket did something.
    Socket(Input),
    /// An animation frame is due.
    Frame,
    /// The pause is over.
    Timer,
}

/// What the caller is to do after a step.
#[derive(Default)]
pub struct Wanted {
    /// Call with [`Step::Frame`] at the next animation frame.
    pub frame: bool,
    /// Call with [`Step::Timer`] after so many milliseconds, instead of any earlier wish.
    pub timer_ms: Option<i32>,
    /// Make a PNG file of this canvas and post it.
    pub picture: Option<OffscreenCanvas>,
    /// The console is over: close the worker.
    pub end: bool,
}

/// One channel's socket.
struct Line {
    channel: ChannelRef,
    socket: Socket,
    /// What is said first, until it is said.
    hello: Option<Hello>,
    /// The gateway has said welcome.
    linked: bool,
}

/// See the file's head.
pub struct Console {
    url: String,
    painter: Option<Painter>,
    session: Option<Session>,
    lines: BTreeMap<u32, Line>,
    /// Closed sockets whose callback is still running; dropped at the next step.
    closing: Vec<Line>,
    /// For the channels to come: first the ticket, for the main channel, then what the gateway gave.
    keys: Vec<Key>,
    next_serial: u32,
    phase: Phase,
    /// Attempts since the picture was last live.
    attempts: u32,
    /// The page has been asked for a ticket and has not answered.
    asked: bool,
    client_mouse: bool,
    pointer: (i32, i32),
    pointer_shown: bool,
    damaged: bool,
    /// The server says that the screen is worth showing, though nothing may have been drawn yet.
    ready: bool,
    changed: Vec<spice::Rect>,
    frame_wanted: bool,
    figures: Statistics,
    /// Figures of earlier sessions of this console.
    before: Statistics,
    channel_names: Vec<ChannelFigures>,
}

const WAIT_MS: i32 = 5_000;
/// Pauses before the first, second … attempt; the last one repeats.
const PAUSES_MS: [i32; 6] = [100, 300, 700, 1_500, 3_000, 5_000];

impl Console {
    /// Without canvas and connection, until the page's first message.
    pub fn new() -> Self {
        Self {
            url: String::new(),
            painter: None,
            session: None,
            lines: BTreeMap::new(),
            closing: Vec::new(),
            keys: Vec::new(),
            next_serial: 0,
            phase: Phase::Connecting,
            attempts: 0,
            asked: false,
            client_mouse: false,
            pointer: (0, 0),
            pointer_shown: false,
            damaged: false,
            ready: false,
            changed: Vec::new(),
            frame_wanted: false,
            figures: Statistics::default(),
            before: Statistics::default(),
            channel_names: Vec::new(),
        }
    }

    /// Takes one step.
    pub fn step(&mut self, step: Step) -> Wanted {
        self.closing.clear();
        let mut wanted = Wanted::default();
        match step {
            Step::Page(message) => self.page(message, &mut wanted),
            Step::Socket(input) => self.socket(input, &mut wanted),
            Step::Frame => self.frame(),
            Step::Timer => self.timer(&mut wanted),
        }
        self.pump(&mut wanted);
        wanted
    }

    fn page(&mut self, message: ToWorker, wanted: &mut Wanted) {
        match message {
            ToWorker::Init {
                canvas,
                url,
                ticket,
            } => match Painter::new(canvas) {
                Ok(painter) => {
                    self.painter = Some(painter);
                    self.url = url;
                    self.connect(&ticket, wanted);
                }
                Err(error) => self.close(0, &text(&error), wanted),
            },
            ToWorker::Ticket(ticket) => {
                self.asked = false;
                if self.phase != Phase::Closed && self.lines.is_empty() {
                    self.connect(&ticket, wanted);
                }
            }
            ToWorker::NoTicket { reason } => {
                self.asked = false;
                if self.phase != Phase::Closed {
                    self.enter(Phase::Waiting, 0, &reason);
                    wanted.timer_ms = Some(WAIT_MS);
                }
            }
            ToWorker::Reconnect => {
                if self.lines.is_empty() {
                    self.ask();
                }
            }
            ToWorker::Picture => {
                let picture = self.picture();
                match picture {
                    Some(canvas) => wanted.picture = Some(canvas),
                    None => post(&FromWorker::Picture(Vec::new())),
                }
            }
            ToWorker::Statistics => post(&FromWorker::Statistics(Box::new(self.statistics()))),
            ToWorker::Preset(preset) => self.figures.preset = preset,
            ToWorker::Close => self.close(1000, "", wanted),
            input => self.input(&input),
        }
    }

    /// What the person does; dropped while there is no session to take it.
    fn input(&mut self, message: &ToWorker) {
        let Some(session) = &mut self.session else {
            return;
        };
        match *message {
            ToWorker::Key { scancode, down } => session.key(Scancode(scancode), down),
            ToWorker::Position { x, y } => session.pointer_position(x, y),
            ToWorker::Motion { dx, dy } => session.pointer_motion(dx, dy),
            ToWorker::Button { button, down } => match button {
                // A step of the wheel is a press and a release in one.
                4 | 5 if !down => {}
                4 => session.wheel(-1),
                5 => session.wheel(1),
                _ => {
                    if let Some(button) = button_of(button) {
                        session.pointer_button(button, down);
                    }
                }
            },
            ToWorker::Locks { caps, num, scroll } => session.set_leds(Leds { scroll, num, caps }),
            ToWorker::ReleaseAll => session.release_all(),
            _ => {}
        }
    }

    fn connect(&mut self, ticket: &str, wanted: &mut Wanted) {
        let Some(key) = parse_key(ticket) else {
            self.close(4400, "The console ticket cannot be read.", wanted);
            return;
        };
        self.drop_session();
        self.keys.push(key);
        // Its first event asks for the main channel, which takes that key.
        self.session = Some(Session::new(spice::Config::default()));
        self.figures.connections += 1.0;
        if self.phase == Phase::Waiting {
            self.enter(Phase::Reconnecting, 0, "");
        }
    }

    fn open(&mut self, channel: ChannelRef, hello: Hello, wanted: &mut Wanted) {
        let serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
        match Socket::open(&self.url, serial, crate::socket_reported) {
            Ok(socket) => {
                let line = Line {
                    channel,
                    socket,
                    hello: Some(hello),
                    linked: false,
                };
                self.lines.insert(serial, line);
            }
            Err(error) => self.close(0, &text(&error), wanted),
        }
    }

    fn socket(&mut self, input: Input, wanted: &mut Wanted) {
        match input {
            Input::Opened(serial) => self.greet(serial),
            Input::Message(serial, bytes) => self.message(serial, &bytes, wanted),
            Input::Closed {
                serial,
                code,
                reason,
            } => self.closed(serial, code, &reason, wanted),
        }
    }

    fn greet(&mut self, serial: u32) {
        if let Some(line) = self.lines.get_mut(&serial)
            && let Some(hello) = line.hello.take()
        {
            line.socket.send(&hello.encode());
        }
    }

    fn message(&mut self, serial: u32, bytes: &[u8], wanted: &mut Wanted) {
        let (Some(line), Some(session)) = (self.lines.get_mut(&serial), &mut self.session) else {
            return;
        };
        self.figures.bytes_received += bytes.len() as f64;
        let channel = line.channel;
        let now = clock::now_us();
        if line.linked {
            session.receive(channel, now, bytes);
            self.figures.decode_ms += (clock::now_us() - now) as f64 / 1000.0;
            return;
        }
        match Welcome::decode(bytes) {
            Ok(welcome) => {
                line.linked = true;
                session.opened(channel, &welcome.common_caps, &welcome.channel_caps, now);
                self.keys.extend(welcome.keys);
                self.name_channels();
            }
            Err(error) => {
                let reason = format!("The gateway's greeting cannot be read: {error}.");
                self.lost(4502, &reason, wanted);
            }
        }
    }

    fn closed(&mut self, serial: u32, code: u16, reason: &str, wanted: &mut Wanted) {
        let Some(line) = self.lines.remove(&serial) else {
            return;
        };
        let channel = line.channel;
        self.closing.push(line);
        self.name_channels();
        let main = channel.kind == ChannelType::MAIN;
        let needed = main
            || matches!(
                channel.kind,
                ChannelType::DISPLAY | ChannelType::INPUTS | ChannelType::CURSOR
            );
        if matches!(code, 4401 | 4404) {
            self.close(code, reason, wanted);
        } else if needed {
            // Without its picture or its keys a console is of no use; one new session is simpler
            // and surer than a channel of its own, and the picture comes back whole.
            self.lost(code, reason, wanted);
        } else if let Some(session) = &mut self.session {
            session.closed(channel);
        }
    }

    /// The connection is gone, and is to come back.
    fn lost(&mut self, code: u16, reason: &str, wanted: &mut Wanted) {
        if self.phase == Phase::Closed {
            return;
        }
        self.drop_session();
        let phase = match self.phase {
            Phase::Connecting => Phase::Connecting,
            _ => Phase::Reconnecting,
        };
        self.enter(phase, code, reason);
        let index = (self.attempts as usize).min(PAUSES_MS.len() - 1);
        self.attempts = self.attempts.saturating_add(1);
        wanted.timer_ms = PAUSES_MS.get(index).copied();
    }

    fn timer(&mut self, _wanted: &mut Wanted) {
        if self.phase != Phase::Closed && self.lines.is_empty() {
            self.ask();
        }
    }

    fn ask(&mut self) {
        if !self.asked {
            self.asked = true;
            post(&FromWorker::NeedTicket);
        }
    }

    fn close(&mut self, code: u16, reason: &str, wanted: &mut Wanted) {
        self.drop_session();
        self.enter(Phase::Closed, code, reason);
        wanted.end = code == 1000;
    }

    fn drop_session(&mut self) {
        if let Some(session) = self.session.take() {
            add(&mut self.before, &of_session(&session));
        }
        self.closing
            .extend(std::mem::take(&mut self.lines).into_values());
        self.keys.clear();
        self.ready = false;
        self.damaged = false;
        self.name_channels();
        self.pointer_shown = false;
        if let Some(painter) = &mut self.painter {
            painter.point(None);
        }
    }

    fn enter(&mut self, phase: Phase, code: u16, reason: &str) {
        self.phase = phase;
        if phase == Phase::Connected {
            self.attempts = 0;
        }
        if !reason.is_empty() && phase != Phase::Connected {
            reason.clone_into(&mut self.figures.last_error);
        }
        post(&FromWorker::State {
            phase,
            code,
            reason: reason.to_owned(),
        });
    }

    /// Takes out of the session what it has to say, and sends what it has to send.
    fn pump(&mut self, wanted: &mut Wanted) {
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            self.event(event, wanted);
        }
        let mut buffer = Vec::new();
        if let Some(session) = &mut self.session {
            for line in self.lines.values().filter(|line| line.linked) {
                while session.poll_transmit(line.channel, &mut buffer) {
                    line.socket.send(&buffer);
                    buffer.clear();
                }
            }
        }
        let moved = self.painter.as_ref().is_some_and(Painter::pointer_moved);
        if (self.damaged || moved) && !self.frame_wanted {
            self.frame_wanted = true;
            wanted.frame = true;
        }
    }

    fn event(&mut self, event: Event, wanted: &mut Wanted) {
        match event {
            Event::OpenChannel {
                channel,
                connection_id,
                common_caps,
                channel_caps,
            } => {
                let Some(key) = self.keys.pop() else {
                    let problem = "The gateway gave too few channel keys.".to_owned();
                    post(&FromWorker::Problem(problem));
                    return;
                };
                let hello = Hello {
                    key,
                    channel_type: channel.kind,
                    channel_id: channel.id,
                    connection_id,
                    common_caps,
                    channel_caps,
                    window: 0,
                };
                self.open(channel, hello, wanted);
            }
            Event::Screen { width, height } => {
                if let Some(painter) = &mut self.painter {
                    painter.resize(width, height);
                }
                self.damaged = true;
                post(&FromWorker::Size { width, height });
            }
            Event::Damaged => self.damaged = true,
            Event::MouseMode(mode) => {
                self.client_mouse = mode == MouseMode::Client;
                self.place_pointer();
                post(&FromWorker::MouseMode {
                    client: self.client_mouse,
                });
            }
            Event::Cursor(event) => self.cursor(event),
            Event::Leds(Leds { scroll, num, caps }) => {
                post(&FromWorker::Locks { caps, num, scroll });
            }
            Event::Problem(problem) => {
                self.trouble(format!(
                    "A message of the {} channel (number {}) could not be shown: {}.",
                    problem.channel.kind.name(),
                    problem.message,
                    problem.error
                ));
            }
            // Warnings are not for the person: every server warns that keys are not encrypted, also
            // where the gateway's TLS and a local socket carry them.
            Event::Notice {
                severity: Severity::Error,
                text,
            } => {
                self.trouble(format!("The machine's host says: {text}"));
            }
            Event::Notice { .. } => {}
            Event::Disconnecting { channel, .. } if channel == ChannelRef::MAIN => {
                self.lost(4503, "The machine's host ended the connection.", wanted);
            }
            Event::Migrating => self.lost(4503, "The machine moves to another host.", wanted),
            Event::ScreenReady => {
                self.ready = true;
                self.damaged = true;
            }
            Event::ScreenGone
            | Event::Disconnecting { .. }
            | Event::Name(_)
            | Event::Uuid(_)
            | Event::Agent { .. }
            | Event::Monitors(_) => {}
        }
    }

    fn trouble(&mut self, words: String) {
        words.clone_into(&mut self.figures.last_error);
        post(&FromWorker::Problem(words));
    }

    fn cursor(&mut self, event: CursorEvent) {
        match event {
            CursorEvent::Shape(shape) => {
                let rgba = shape.pixels.as_flattened();
                let (width, height) = (u32::from(shape.width), u32::from(shape.height));
                let (hot_x, hot_y) = (u32::from(shape.hot_x), u32::from(shape.hot_y));
                if let Some(painter) = &mut self.painter {
                    painter.set_sprite(rgba, width, height, hot_x, hot_y);
                }
                self.pointer_shown = true;
                let rgba = rgba.to_vec();
                post(&FromWorker::Cursor(Cursor::Shape {
                    width,
                    height,
                    hot_x,
                    hot_y,
                    rgba,
                }));
            }
            CursorEvent::Hidden => {
                self.pointer_shown = false;
                post(&FromWorker::Cursor(Cursor::Hidden));
            }
            CursorEvent::Moved { x, y } => self.pointer = (x.into(), y.into()),
        }
        self.place_pointer();
    }

    fn place_pointer(&mut self) {
        let ours = !self.client_mouse && self.pointer_shown;
        if let Some(painter) = &mut self.painter {
            painter.point(ours.then_some(self.pointer));
        }
    }

    fn frame(&mut self) {
        self.frame_wanted = false;
        let (Some(session), Some(painter)) = (&mut self.session, &mut self.painter) else {
            return;
        };
        let started = clock::now_us();
        self.damaged = false;
        self.changed.clear();
        session.take_damage(&mut self.changed);
        let changed: Vec<Area> = self
            .changed
            .iter()
            .map(|rect| Area {
                left: rect.left.max(0) as u32,
                top: rect.top.max(0) as u32,
                right: rect.right.max(0) as u32,
                bottom: rect.bottom.max(0) as u32,
            })
            .collect();
        let Some(frame) = frame(session) else { return };
        if let Err(error) = painter.paint(frame, &changed) {
            post(&FromWorker::Problem(text(&error)));
        }
        let now = clock::now_us();
        self.figures.paint_ms += (now - started) as f64 / 1000.0;
        if !changed.is_empty() {
            self.figures.frames_painted += 1.0;
        } else if !self.ready {
            return;
        }
        let now_ms = clock::now_ms();
        self.figures.first_paint_ms.get_or_insert(now_ms);
        self.figures.last_paint_ms = Some(now_ms);
        if self.phase != Phase::Connected {
            self.enter(Phase::Connected, 0, "");
        }
    }

    fn picture(&self) -> Option<OffscreenCanvas> {
        let frame = frame(self.session.as_ref()?)?;
        crate::paint::sprite(frame.rgba, frame.width, frame.height).ok()
    }

    fn statistics(&self) -> Statistics {
        let mut all = self.figures.clone();
        add(&mut all, &self.before);
        if let Some(session) = &self.session {
            add(&mut all, &of_session(session));
        }
        all.channels.clone_from(&self.channel_names);
        all
    }

    fn name_channels(&mut self) {
        self.channel_names = self
            .lines
            .values()
            .filter(|line| line.linked)
            .map(|line| ChannelFigures {
                name: format!("{} {}", line.channel.kind.name(), line.channel.id),
                ..ChannelFigures::default()
            })
            .collect();
    }
}

fn frame(session: &Session) -> Option<Frame<'_>> {
    let screen = session.screen()?;
    Some(Frame {
        rgba: screen.pixels,
        width: screen.width,
        height: screen.height,
    })
}

/// The button of a `SPICE_MOUSE_BUTTON_*` number; the wheel's are not asked for.
fn button_of(number: u8) -> Option<Button> {
    match number {
        1 => Some(Button::Left),
        2 => Some(Button::Middle),
        3 => Some(Button::Right),
        6 => Some(Button::Side),
        7 => Some(Button::Extra),
        _ => None,
    }
}

/// The counters that the session itself keeps.
fn of_session(session: &Session) -> Statistics {
    let counted = session.statistics();
    Statistics {
        display_messages: counted.draws as f64,
        errors: counted.problems as f64,
        ..Statistics::default()
    }
}

fn add(sum: &mut Statistics, other: &Statistics) {
    sum.display_messages += other.display_messages;
    sum.errors += other.errors;
}

/// 64 hexadecimal digits.
fn parse_key(ticket: &str) -> Option<Key> {
    let digits = ticket.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let text = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(text, 16).ok()?;
    }
    Some(Key(key))
}

fn text(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "The browser refused without saying why.".to_owned())
}
