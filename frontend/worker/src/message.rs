//! The messages and their form on the wire between page and worker.
//!
//! A message is a JavaScript array: a short word that names it, then its fields in order. Both ends
//! are built from one commit, so there is no version; an array that cannot be read is dropped.

use js_sys::{Array, JsString, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::OffscreenCanvas;

use crate::inputs::Greeting;
use crate::{Preset, Statistics};

/// Something that travels as one array.
pub trait Message: Sized {
    /// As the array that `postMessage` takes.
    fn encode(&self) -> Array;
    /// `None` when the array is none of ours.
    fn decode(value: &JsValue) -> Option<Self>;
}

/// What the page asks of the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum ToWorker {
    /// The first message: where to paint, and how to reach the gateway.
    Init {
        /// The canvas whose control was transferred; must be in the transfer list.
        canvas: OffscreenCanvas,
        /// `wss://…/saffron/console`.
        url: String,
        /// The one-time console ticket: 64 hexadecimal digits.
        ticket: String,
    },
    /// The answer to [`FromWorker::NeedTicket`]: 64 hexadecimal digits.
    Ticket(String),
    /// The answer to [`FromWorker::NeedTicket`] when none is to be had: do not ask again before
    /// the page says [`ToWorker::Reconnect`].
    NoTicket {
        /// A sentence for the person.
        reason: String,
    },
    /// Try to connect now instead of at the end of the pause.
    Reconnect,
    /// The inputs channel's connection, which the page has, is gone.
    InputsClosed {
        /// Which, as [`FromWorker::Inputs`] said.
        serial: u32,
        /// The WebSocket close code; 0 when none led here.
        code: u16,
        /// A sentence for the person.
        reason: String,
    },
    /// What the picture is to be good at, from now on; [`Preset::Balanced`] until said.
    Preset(Preset),
    /// Answer with [`FromWorker::Picture`].
    Picture,
    /// Answer with [`FromWorker::Statistics`].
    Statistics,
    /// Close all channels and end.
    Close,
}

/// How the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The first connection is being made.
    Connecting,
    /// The guest's picture is live.
    Connected,
    /// It was there and is being made again; the last picture stays.
    Reconnecting,
    /// It waits for the page (the machine is off, or the right is gone).
    Waiting,
    /// For good.
    Closed,
}

/// The guest's pointer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cursor {
    /// The guest shows none.
    Hidden,
    /// This picture.
    Shape {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// The pixel that points, from the left.
        hot_x: u32,
        /// The pixel that points, from the top.
        hot_y: u32,
        /// Rows from the top, four bytes a pixel, not multiplied by alpha.
        rgba: Vec<u8>,
    },
}

/// What the worker tells the page.
#[derive(Debug, Clone, PartialEq)]
pub enum FromWorker {
    /// The connection's state changed.
    State {
        /// The new state.
        phase: Phase,
        /// The WebSocket close code that led here; 0 when none did.
        code: u16,
        /// A sentence for the person; empty when there is nothing to say.
        reason: String,
    },
    /// Get a fresh ticket and send [`ToWorker::Ticket`] or [`ToWorker::NoTicket`].
    NeedTicket,
    /// The guest's screen has this size; the canvas was given it.
    Size {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Whether the guest takes positions (client mode) or movements (server mode).
    MouseMode {
        /// Client mode.
        client: bool,
    },
    /// The guest's pointer changed (client mode; in server mode the worker paints it).
    Cursor(Cursor),
    /// Open the inputs channel, instead of any earlier one ([`crate::inputs`]).
    Inputs {
        /// Its number.
        serial: u32,
        /// What is said first on it.
        greeting: Greeting,
    },
    /// Close the inputs channel.
    NoInputs,
    /// Something went wrong that did not end the session.
    Problem(String),
    /// The exact current picture as a PNG file; empty when there is none yet.
    Picture(Vec<u8>),
    /// The figures asked for.
    Statistics(Box<Statistics>),
}

/// Reads an array's fields in order.
pub(crate) struct Fields {
    array: Array,
    next: u32,
}

impl Fields {
    pub(crate) const fn new(array: Array) -> Self {
        Self { array, next: 0 }
    }

    fn of(value: &JsValue) -> Option<(String, Self)> {
        let mut fields = Self::new(value.dyn_ref::<Array>()?.clone());
        Some((fields.text()?, fields))
    }

    /// Some are left.
    pub(crate) fn more(&self) -> bool {
        self.next < self.array.length()
    }

    pub(crate) fn value(&mut self) -> JsValue {
        let value = self.array.get(self.next);
        self.next += 1;
        value
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        self.value().as_string()
    }

    pub(crate) fn number(&mut self) -> Option<f64> {
        self.value().as_f64()
    }

    fn flag(&mut self) -> Option<bool> {
        self.value().as_bool()
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.value().dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
    }
}

fn array(name: &str, fields: &[JsValue]) -> Array {
    let array = Array::new_with_length(1 + fields.len() as u32);
    array.set(0, JsString::from(name).into());
    for (index, field) in fields.iter().enumerate() {
        array.set(1 + index as u32, field.clone());
    }
    array
}

/// An array within a message.
pub(crate) fn list(values: impl Iterator<Item = JsValue>) -> JsValue {
    values.collect::<Array>().into()
}

fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

impl Message for ToWorker {
    fn encode(&self) -> Array {
        match self {
            Self::Init {
                canvas,
                url,
                ticket,
            } => array(
                "init",
                &[
                    canvas.clone().into(),
                    url.as_str().into(),
                    ticket.as_str().into(),
                ],
            ),
            Self::Ticket(ticket) => array("ticket", &[ticket.as_str().into()]),
            Self::NoTicket { reason } => array("no-ticket", &[reason.as_str().into()]),
            Self::Reconnect => array("reconnect", &[]),
            Self::InputsClosed {
                serial,
                code,
                reason,
            } => array(
                "inputs-closed",
                &[(*serial).into(), (*code).into(), reason.as_str().into()],
            ),
            Self::Preset(preset) => array("preset", &[preset.name().into()]),
            Self::Picture => array("picture", &[]),
            Self::Statistics => array("statistics", &[]),
            Self::Close => array("close", &[]),
        }
    }

    fn decode(value: &JsValue) -> Option<Self> {
        let (name, mut f) = Fields::of(value)?;
        Some(match name.as_str() {
            "init" => Self::Init {
                canvas: f.value().dyn_into().ok()?,
                url: f.text()?,
                ticket: f.text()?,
            },
            "ticket" => Self::Ticket(f.text()?),
            "no-ticket" => Self::NoTicket { reason: f.text()? },
            "reconnect" => Self::Reconnect,
            "inputs-closed" => Self::InputsClosed {
                serial: f.number()? as u32,
                code: f.number()? as u16,
                reason: f.text()?,
            },
            "preset" => Self::Preset(Preset::of(&f.text()?)?),
            "picture" => Self::Picture,
            "statistics" => Self::Statistics,
            "close" => Self::Close,
            _ => return None,
        })
    }
}

const PHASES: [Phase; 5] = [
    Phase::Connecting,
    Phase::Connected,
    Phase::Reconnecting,
    Phase::Waiting,
    Phase::Closed,
];

impl Message for FromWorker {
    fn encode(&self) -> Array {
        match self {
            Self::State {
                phase,
                code,
                reason,
            } => array(
                "state",
                &[
                    (*phase as u32).into(),
                    (*code).into(),
                    reason.as_str().into(),
                ],
            ),
            Self::NeedTicket => array("need-ticket", &[]),
            Self::Size { width, height } => array("size", &[(*width).into(), (*height).into()]),
            Self::MouseMode { client } => array("mouse-mode", &[(*client).into()]),
            Self::Cursor(Cursor::Hidden) => array("cursor", &[]),
            Self::Cursor(Cursor::Shape {
                width,
                height,
                hot_x,
                hot_y,
                rgba,
            }) => array(
                "cursor",
                &[
                    bytes(rgba),
                    (*width).into(),
                    (*height).into(),
                    (*hot_x).into(),
                    (*hot_y).into(),
                ],
            ),
            Self::Inputs { serial, greeting } => {
                array("inputs", &[(*serial).into(), bytes(&greeting.0)])
            }
            Self::NoInputs => array("no-inputs", &[]),
            Self::Problem(text) => array("problem", &[text.as_str().into()]),
            Self::Picture(png) => array("picture", &[bytes(png)]),
            Self::Statistics(figures) => array("statistics", &figures.fields()),
        }
    }

    fn decode(value: &JsValue) -> Option<Self> {
        let (name, mut f) = Fields::of(value)?;
        Some(match name.as_str() {
            "state" => Self::State {
                phase: *PHASES.get(f.number()? as usize)?,
                code: f.number()? as u16,
                reason: f.text()?,
            },
            "need-ticket" => Self::NeedTicket,
            "size" => Self::Size {
                width: f.number()? as u32,
                height: f.number()? as u32,
            },
            "mouse-mode" => Self::MouseMode { client: f.flag()? },
            "cursor" => Self::Cursor(match f.bytes() {
                None => Cursor::Hidden,
                Some(rgba) => Cursor::Shape {
                    rgba,
                    width: f.number()? as u32,
                    height: f.number()? as u32,
                    hot_x: f.number()? as u32,
                    hot_y: f.number()? as u32,
                },
            }),
            "inputs" => Self::Inputs {
                serial: f.number()? as u32,
                greeting: Greeting(f.bytes()?),
            },
            "no-inputs" => Self::NoInputs,
            "problem" => Self::Problem(f.text()?),
            "picture" => Self::Picture(f.bytes()?),
            "statistics" => Self::Statistics(Box::new(Statistics::read(&mut f)?)),
            _ => return None,
        })
    }
}
