//! One console: the SPICE session, its lines, its video and its canvas, and when to connect again.
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
//! Everything happens on the worker's one thread, one [`Step`] at a time. Nothing here blocks, and no
//! step works on messages for longer than [`SLICE_MS`], so that a picture is painted in time. What
//! the person does is not here at all: the page has the inputs channel's connection, and the session
//! its beginning and its end.

mod connection;
mod events;
mod picture;
mod wishes;

use std::collections::BTreeMap;

use console_worker::socket::Input;
use console_worker::wish::Weather;
use console_worker::{FromWorker, Phase, ToWorker};
use js_sys::Uint8Array;
use spice::link::admission::{Key, Welcome};
use spice::{ChannelRef, Pixels, Session, VideoCodec};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::OffscreenCanvas;

use crate::figures::Figures;
use crate::line::{Came, Line};
use crate::paint::{Area, Painter};
use crate::video::{Able, Player};
use crate::webcodecs::VideoFrame;
use crate::{clock, post};

/// Something happened.
pub enum Step {
    /// It is known what this browser decodes.
    Able(Able),
    /// The page said something.
    Page(ToWorker),
    /// A socket did something.
    Socket(Input),
    /// An animation frame is due.
    Frame,
    /// Time to go on with messages that wait.
    Work,
    /// The pause is over.
    Timer,
    /// A second has passed.
    Second,
    /// A decoder made a picture of a frame.
    Decoded {
        /// The frame's stream.
        stream: u64,
        /// The frame.
        frame: u64,
        /// What it shows.
        image: VideoFrame,
    },
    /// A frame that stands alone could not be decoded.
    Undecodable(u64),
    /// A stream's decoder gave up.
    Broken(u64),
    /// A decoder whose stream has ended gave all it had.
    Flushed(u64),
    /// A frame's pixels are here, unless that failed.
    Copied {
        /// The frame.
        frame: u64,
        /// Its pixels.
        picture: Option<Pixels>,
    },
}

/// What the caller is to do after a step.
#[derive(Default)]
pub struct Wanted {
    /// Call with [`Step::Frame`] at the next animation frame.
    pub frame: bool,
    /// Call with [`Step::Work`] once everything else that has happened is dealt with.
    pub work: bool,
    /// Call with [`Step::Timer`] after so many milliseconds, instead of any earlier wish.
    pub timer_ms: Option<i32>,
    /// Make a PNG file of this canvas and post it.
    pub picture: Option<OffscreenCanvas>,
    /// The console is over: close the worker.
    pub end: bool,
}

/// See the file's head.
pub struct Console {
    url: String,
    /// `None` until the browser has said; the ticket waits for it.
    able: Option<Able>,
    ticket: Option<String>,
    painter: Option<Painter>,
    session: Option<Session>,
    player: Player,
    lines: BTreeMap<u32, Line>,
    /// Closed lines whose callback is still running; dropped at the next step.
    closing: Vec<Line>,
    /// For the channels to come: first the ticket, for the main channel, then what the gateway gave.
    keys: Vec<Key>,
    next_serial: u32,
    /// The page's inputs channel, while it is open.
    inputs: Option<u32>,
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
    frame_wanted: bool,
    work_wanted: bool,
    /// Who asked for the exact picture waits until video is in it.
    picture_wanted: bool,
    weather: Weather,
    /// Codecs whose decoder gave up once, as it may when the graphics card is reset.
    gave_up: Vec<VideoCodec>,
    figures: Figures,
    /// Filled and emptied again and again.
    changed: Vec<spice::Rect>,
    areas: Vec<Area>,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

const WAIT_MS: i32 = 5_000;
/// Pauses before the first, second … attempt; the last one repeats.
const PAUSES_MS: [i32; 6] = [100, 300, 700, 1_500, 3_000, 5_000];
/// So long messages are dealt with before everything else has its turn.
const SLICE_MS: f64 = 2.0;
/// Between two pictures at 60 Hz, and a little less: a change after such a pause is painted at once.
const FRAME_MS: f64 = 15.0;

impl Console {
    /// Without canvas and connection, until the page's first message.
    pub fn new() -> Self {
        Self {
            url: String::new(),
            able: None,
            ticket: None,
            painter: None,
            session: None,
            player: Player::default(),
            lines: BTreeMap::new(),
            closing: Vec::new(),
            keys: Vec::new(),
            next_serial: 0,
            inputs: None,
            phase: Phase::Connecting,
            attempts: 0,
            asked: false,
            client_mouse: false,
            pointer: (0, 0),
            pointer_shown: false,
            damaged: false,
            ready: false,
            frame_wanted: false,
            work_wanted: false,
            picture_wanted: false,
            weather: Weather::default(),
            gave_up: Vec::new(),
            figures: Figures::default(),
            changed: Vec::new(),
            areas: Vec::new(),
            incoming: Vec::new(),
            outgoing: Vec::new(),
        }
    }

    /// Takes one step.
    pub fn step(&mut self, step: Step) -> Wanted {
        self.closing.clear();
        self.player.tidy();
        let mut wanted = Wanted::default();
        match step {
            Step::Able(able) => {
                self.able = Some(able);
                if let Some(ticket) = self.ticket.take() {
                    self.connect(&ticket, &mut wanted);
                }
            }
            Step::Page(message) => self.page(message, &mut wanted),
            Step::Socket(input) => self.socket(input, &mut wanted),
            Step::Frame => self.frame(),
            Step::Work => {
                self.work_wanted = false;
                self.work();
            }
            Step::Timer => self.timer(),
            Step::Second => self.second(&mut wanted),
            Step::Decoded { .. }
            | Step::Undecodable(_)
            | Step::Broken(_)
            | Step::Flushed(_)
            | Step::Copied { .. } => self.video(step),
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
            ToWorker::Preset(preset) => {
                self.figures.own.preset = preset;
                self.tell_wish();
            }
            ToWorker::Picture => self.picture_wanted = true,
            ToWorker::Statistics => {
                let able = self.able.clone().unwrap_or_default();
                let lines = self.lines.values();
                let session = self.session.as_ref();
                let all = self.figures.all(session, lines, &self.player, &able);
                post(&FromWorker::Statistics(Box::new(all)));
            }
            ToWorker::Close => self.close(1000, "", wanted),
            ToWorker::InputsClosed {
                serial,
                code,
                reason,
            } => {
                if self.inputs.take_if(|open| *open == serial).is_some() {
                    self.over(ChannelRef::INPUTS, code, &reason, wanted);
                }
            }
        }
    }

    fn socket(&mut self, input: Input, wanted: &mut Wanted) {
        match input {
            Input::Opened(serial) => {
                if let Some(line) = self.lines.get_mut(&serial) {
                    line.greet();
                }
            }
            Input::Message(serial, bytes) => self.message(serial, &bytes, wanted),
            Input::Closed {
                serial,
                code,
                reason,
            } => self.closed(serial, code, &reason, wanted),
        }
    }

    fn message(&mut self, serial: u32, bytes: &Uint8Array, wanted: &mut Wanted) {
        let (Some(line), Some(session)) = (self.lines.get_mut(&serial), &mut self.session) else {
            return;
        };
        self.incoming.resize(bytes.length() as usize, 0);
        bytes.copy_to(&mut self.incoming);
        let length = self.incoming.len();
        line.bytes += length as u64;
        self.figures.own.bytes_received += length as f64;
        let now = clock::now_us();
        if !line.linked {
            match Welcome::decode(&self.incoming) {
                Ok(welcome) => {
                    line.linked = true;
                    let (common, caps) = (&welcome.common_caps, &welcome.channel_caps);
                    session.opened(line.channel, common, caps, now);
                    self.keys.extend(welcome.keys);
                    if line.channel == ChannelRef::MAIN {
                        self.figures.own.connect_ms = Some(clock::now_ms());
                    }
                }
                Err(error) => {
                    let reason = format!("The gateway's greeting cannot be read: {error}.");
                    self.lost(4502, &reason, wanted);
                }
            }
            return;
        }
        match line.came(&self.incoming) {
            Came::Data(data) => session.push(line.channel, now, data),
            Came::Nothing => {}
            Came::Unreadable => {
                self.lost(4502, "The gateway said something unreadable.", wanted);
                return;
            }
        }
        // Later, if that was wished for already: the queue may be long.
        if !self.work_wanted {
            self.work();
        }
    }

    /// Deals with messages that wait, for a while.
    fn work(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        let began = clock::now_ms();
        let more = session.work((began * 1000.0) as u64, || {
            clock::now_ms() - began < SLICE_MS
        });
        self.figures.own.decode_ms += clock::now_ms() - began;
        self.work_wanted |= more;
    }

    fn second(&mut self, wanted: &mut Wanted) {
        if let Some(codec) = self.player.stands_still() {
            self.begin_video_anew(codec, wanted);
            return;
        }
        let now = clock::now_ms();
        let flow = self.lines.values().find_map(Line::flow);
        let lag = flow.and_then(|flow| flow.lag_ms(now)).unwrap_or(0.0);
        let second = self.figures.second(lag);
        if self.phase == Phase::Connected {
            let preset = self.figures.own.preset;
            let before = self.weather.wish(preset);
            self.weather.pass(second);
            if before != self.weather.wish(preset) {
                self.tell_wish();
            }
        }
        if !self.work_wanted {
            self.work();
        }
    }

    /// Takes out of the session what it has to say, sends what it has to send, and sees to it that
    /// what is left is done.
    fn pump(&mut self, wanted: &mut Wanted) {
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            self.event(event, wanted);
        }
        if let Some(session) = &mut self.session {
            for line in self.lines.values_mut().filter(|line| line.linked) {
                line.dealt(session.backlog(line.channel));
                self.outgoing.clear();
                self.outgoing.push(Line::ROOM);
                if session.poll_transmit(line.channel, &mut self.outgoing) {
                    line.send(&self.outgoing);
                }
            }
            if session.backlog(ChannelRef::DISPLAY) == 0 {
                self.player.hurry = false;
            }
        }
        self.show(wanted);
        wanted.work = self.work_wanted;
    }
}

fn text(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "The browser refused without saying why.".to_owned())
}
