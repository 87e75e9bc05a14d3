//! The SPICE protocol and its picture codecs: bytes in, bytes and events out.
//!
//! What this crate promises:
//! - It owns no socket, clock, thread or file. The caller gives it the bytes of each channel and
//!   the time, and takes bytes, events and pixels ([`Session`]).
//! - Bytes from a peer never panic it, and never make it allocate what they merely claim.
//! - One message that cannot be read never stops the rest: it is counted, reported as a
//!   [`Event::Problem`], and skipped.
//!
//! [`link`] is for both ends of the console's WebSocket: the proxy finishes SPICE's link stage
//! with it, and the browser's worker greets the proxy with [`link::admission`].

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod channel;
mod cursor;
pub mod draw;
mod error;
mod event;
mod inputs;
pub mod link;
pub mod message;
mod pixels;
mod session;
mod statistics;
pub mod stream;
pub mod surface;
pub mod wire;

pub mod image;

pub use channel::MAX_MESSAGE_BYTES;
pub use channel::display::MAX_SURFACE_BYTES;
pub use channel::preferences::Preferences;
pub use cursor::{CursorShape, MAX_CURSOR_SIDE};
pub use error::Error;
pub use event::{ChannelRef, CursorEvent, Event, Problem};
pub use inputs::InputsChannel;
pub use message::common::Severity;
pub use message::display::Monitor;
pub use message::inputs::{Button, Leds, Scancode};
pub use message::main::MouseMode;
pub use message::stream::ImageCompression;
pub use message::types::Rect;
pub use pixels::{Alpha, MAX_IMAGE_BYTES, MAX_IMAGE_SIDE, Pixel, Pixels, checked_area};
pub use session::{Config, Screen, Session};
pub use statistics::Statistics;
pub use stream::{CodedFrame, VideoCodec, VideoEvent};
