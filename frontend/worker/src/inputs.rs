//! What the person does, on its way to the guest: the page's own end of the inputs channel. It has a
//! WebSocket of its own that the page's main thread writes to in the event's own handler, so that no
//! key ever waits behind a picture that the worker decodes.
//!
//! ```text
//! worker: FromWorker::Inputs (greeting) ─▶ open ─▶ (socket open: greeting) ─▶ (welcome) ─▶ linked
//! page:   Input ─▶ tell ─▶ socket            socket ─▶ happened ─▶ lights, troubles, closed
//! ```
//!
//! The session is the worker's: it says when to open and to close, and with what greeting, and is told
//! when the connection broke. A server says little here, so little is let through: a hostile one that
//! says much keeps itself busy and not the page.

use std::fmt;

use spice::link::admission::{Frame, KIND_DATA, Welcome};
use spice::{Button, Event, InputsChannel, Leds, MouseMode, Scancode, Severity};
use wasm_bindgen::JsValue;

use crate::socket::{self, Socket};
use crate::{ChannelFigures, Statistics};

/// How many bytes the gateway may send ahead. A person who moves the pointer all the time makes the
/// server say four hundred a second.
pub const WINDOW: u32 = 16 << 10;

/// After [`Heard::MayGrantLater`], [`Inputs::grant`] is to be called when so much time has passed:
/// the page deals with one window in this time and no more.
pub const GRANT_PAUSE_MS: u64 = 250;

/// Something that the person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A key went down or up.
    Key {
        /// XT set 1 make code; `0xe0xx` for the extended keys.
        scancode: u16,
        /// Down, or up.
        down: bool,
    },
    /// The pointer is here, in the guest's pixels (client mouse mode).
    Position {
        /// From the left edge.
        x: u32,
        /// From the top edge.
        y: u32,
    },
    /// The pointer moved by so much (server mouse mode).
    Motion {
        /// To the right.
        dx: i32,
        /// Downwards.
        dy: i32,
    },
    /// A button went down or up: 1 left, 2 middle, 3 right, 6 side, 7 extra.
    Button {
        /// `SPICE_MOUSE_BUTTON_*`.
        button: u8,
        /// Down, or up.
        down: bool,
    },
    /// The wheel turned by so many steps, downwards when positive.
    Wheel(i32),
    /// The lock keys of the person's keyboard.
    Locks {
        /// Caps Lock is on.
        caps: bool,
        /// Num Lock is on.
        num: bool,
        /// Scroll Lock is on.
        scroll: bool,
    },
    /// Every key and button up: the page lost the focus.
    ReleaseAll,
}

/// What comes from the guest's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The guest's lock keys.
    Locks {
        /// Caps Lock is on.
        caps: bool,
        /// Num Lock is on.
        num: bool,
        /// Scroll Lock is on.
        scroll: bool,
    },
    /// Something went wrong that did not end the channel.
    Problem(String),
    /// Call [`Inputs::grant`] after [`GRANT_PAUSE_MS`].
    MayGrantLater,
    /// The channel is over; to be told to the worker.
    Closed {
        /// Which, as [`Inputs::open`] was told.
        serial: u32,
        /// The WebSocket close code; 0 when none led here.
        code: u16,
        /// A sentence for the person.
        reason: String,
    },
}

/// What is said first on the channel; has its one-time key in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Greeting(pub Vec<u8>);

impl fmt::Debug for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Greeting(…)")
    }
}

/// See the file's head. Begins without a connection.
#[derive(Default)]
pub struct Inputs {
    line: Option<Line>,
    mouse_mode: MouseMode,
    counted: Counted,
    /// Filled and emptied again and again.
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

/// One connection.
struct Line {
    serial: u32,
    socket: Socket,
    /// Until it is said.
    greeting: Option<Greeting>,
    /// Once the gateway has said welcome, and until the end.
    channel: Option<InputsChannel>,
    bytes: u64,
    /// Dealt with, and not yet granted again.
    ungranted: u32,
    /// [`Inputs::grant`] will be called.
    granting: bool,
}

/// Over all connections.
#[derive(Default)]
struct Counted {
    received: u64,
    sent: u64,
    problems: Vec<(&'static str, u64)>,
    last_problem: String,
}

impl Inputs {
    /// Begins to connect to `url`, instead of any earlier connection. What its socket reports goes
    /// to `report`, which hands it to [`Self::happened`]. Fails only when the browser refuses the
    /// address itself.
    pub fn open(
        &mut self,
        url: &str,
        serial: u32,
        greeting: Greeting,
        report: impl Fn(socket::Input) + Clone + 'static,
    ) -> Result<(), JsValue> {
        self.line = Some(Line {
            serial,
            socket: Socket::open(url, serial, report)?,
            greeting: Some(greeting),
            channel: None,
            bytes: 0,
            ungranted: 0,
            granting: false,
        });
        Ok(())
    }

    /// Closes the connection without a word to anybody.
    pub fn close(&mut self) {
        self.line = None;
    }

    /// Whether the guest takes positions (client mode) or movements (server mode).
    pub fn set_client_mouse(&mut self, client: bool) {
        let mode = match client {
            true => MouseMode::Client,
            false => MouseMode::Server,
        };
        self.mouse_mode = mode;
        if let Some(channel) = self.channel() {
            channel.set_mouse_mode(mode);
        }
    }

    /// Sends what the person does; it is lost while there is no connection.
    pub fn tell(&mut self, input: Input) {
        let Some(channel) = self.channel() else {
            return;
        };
        match input {
            Input::Key { scancode, down } => channel.key(Scancode(scancode), down),
            Input::Position { x, y } => channel.pointer_position(x, y),
            Input::Motion { dx, dy } => channel.pointer_motion(dx, dy),
            Input::Button { button, down } => {
                if let Some(button) = button_of(button) {
                    channel.pointer_button(button, down);
                }
            }
            Input::Wheel(steps) => channel.wheel(steps),
            Input::Locks { caps, num, scroll } => channel.set_leds(Leds { scroll, num, caps }),
            Input::ReleaseAll => channel.release_all(),
        }
        self.send();
    }

    /// Something happened to a socket.
    pub fn happened(&mut self, input: socket::Input) -> Vec<Heard> {
        let Some(line) = self.line.as_mut() else {
            return Vec::new();
        };
        if line.serial != input.serial() {
            return Vec::new();
        }
        match input {
            socket::Input::Opened(_) => {
                if let Some(greeting) = line.greeting.take() {
                    line.socket.send(&greeting.0);
                }
                Vec::new()
            }
            socket::Input::Message(_, bytes) => {
                self.incoming.resize(bytes.length() as usize, 0);
                bytes.copy_to(&mut self.incoming);
                let length = self.incoming.len() as u64;
                line.bytes += length;
                self.counted.received += length;
                self.message()
            }
            socket::Input::Closed {
                serial,
                code,
                reason,
            } => {
                // The socket itself goes when its callback is over.
                line.channel = None;
                vec![Heard::Closed {
                    serial,
                    code,
                    reason,
                }]
            }
        }
    }

    /// Lets the gateway send again what was dealt with.
    pub fn grant(&mut self) {
        if let Some(line) = &mut self.line
            && line.granting
        {
            line.granting = false;
            let grant = std::mem::take(&mut line.ungranted);
            line.socket.send(&Frame::Grant(grant).encode());
        }
    }

    /// Adds what is known here to the worker's figures.
    pub fn add_to(&self, figures: &mut Statistics) {
        let counted = &self.counted;
        figures.bytes_received += counted.received as f64;
        figures.bytes_sent += counted.sent as f64;
        for (kind, count) in &counted.problems {
            let count = *count as f64;
            figures.errors += count;
            match figures
                .errors_by_kind
                .iter_mut()
                .find(|(have, _)| have == kind)
            {
                Some((_, sum)) => *sum += count,
                None => figures.errors_by_kind.push(((*kind).to_owned(), count)),
            }
        }
        if figures.last_error.is_empty() {
            figures.last_error.clone_from(&counted.last_problem);
        }
        if let Some(line) = &self.line {
            let state = match (&line.channel, &line.greeting) {
                (Some(_), _) => "open",
                (None, None) => "linking",
                (None, Some(_)) => "connecting",
            };
            let messages = line.channel.as_ref().map_or(0, InputsChannel::messages);
            let own = ChannelFigures {
                name: "inputs 0".to_owned(),
                bytes: line.bytes as f64,
                messages: messages as f64,
                state: state.to_owned(),
            };
            // After main and display, in the order of their numbers.
            let place = figures.channels.len().min(2);
            figures.channels.insert(place, own);
        }
    }

    fn channel(&mut self) -> Option<&mut InputsChannel> {
        self.line.as_mut()?.channel.as_mut()
    }

    /// A message of the gateway, which lies in `incoming`.
    fn message(&mut self) -> Vec<Heard> {
        let Some(line) = &mut self.line else {
            return Vec::new();
        };
        let Some(channel) = &mut line.channel else {
            return match Welcome::decode(&self.incoming) {
                Ok(Welcome {
                    common_caps,
                    channel_caps,
                    ..
                }) => {
                    let mode = self.mouse_mode;
                    line.channel = Some(InputsChannel::new(&common_caps, &channel_caps, mode));
                    Vec::new()
                }
                Err(_) => self.unreadable(),
            };
        };
        let Ok(Frame::Data(data)) = Frame::decode(&self.incoming) else {
            return self.unreadable();
        };
        channel.receive(data);
        line.ungranted += data.len() as u32;
        let mut heard = Vec::new();
        if line.ungranted >= WINDOW / 2 && !line.granting {
            line.granting = true;
            heard.push(Heard::MayGrantLater);
        }
        self.listen(&mut heard);
        self.send();
        heard
    }

    fn listen(&mut self, heard: &mut Vec<Heard>) {
        let mut lights = None;
        while let Some(event) = self.channel().and_then(InputsChannel::poll_event) {
            match event {
                // Only the last of one message counts.
                Event::Leds(leds) => lights = Some(leds),
                Event::Problem(problem) => {
                    let kind = problem.error.kind();
                    let counted = &mut self.counted.problems;
                    match counted.iter_mut().find(|(have, _)| *have == kind) {
                        Some((_, count)) => *count += 1,
                        None => counted.push((kind, 1)),
                    }
                    heard.push(self.trouble(format!(
                        "A message of the inputs channel (number {}) could not be read: {}.",
                        problem.message, problem.error
                    )));
                }
                Event::Notice {
                    severity: Severity::Error,
                    text,
                } => heard.push(self.trouble(format!("The machine's host says: {text}"))),
                // Every server warns that keys are not encrypted, also where the gateway's TLS
                // carries them; and who ends the channel will close it.
                _ => {}
            }
        }
        if let Some(Leds { scroll, num, caps }) = lights {
            heard.push(Heard::Locks { caps, num, scroll });
        }
    }

    fn trouble(&mut self, words: String) -> Heard {
        words.clone_into(&mut self.counted.last_problem);
        Heard::Problem(words)
    }

    /// The gateway said something that is none of the protocol.
    fn unreadable(&mut self) -> Vec<Heard> {
        let Some(line) = &mut self.line else {
            return Vec::new();
        };
        line.channel = None;
        vec![Heard::Closed {
            serial: line.serial,
            code: 4502,
            reason: "The gateway said something unreadable.".to_owned(),
        }]
    }

    /// Sends what waits to be sent.
    fn send(&mut self) {
        let Some(line) = &mut self.line else { return };
        let Some(channel) = &mut line.channel else {
            return;
        };
        self.outgoing.clear();
        self.outgoing.push(KIND_DATA);
        if channel.poll_transmit(&mut self.outgoing) {
            self.counted.sent += self.outgoing.len() as u64 - 1;
            line.socket.send(&self.outgoing);
        }
    }
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
