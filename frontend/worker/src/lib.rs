//! What the console's page and its worker say to each other: plain data, turned into JavaScript
//! arrays and back by hand, so that the page carries no serializer; and the one channel that is the
//! page's own, which carries what the person does ([`inputs`]).
//!
//! The worker itself (sockets, decoding, painting) is this package's binary. Nothing here is exported
//! to JavaScript: every module that links this library would carry the export.

pub mod flow;
pub mod inputs;
mod message;
mod preset;
pub mod socket;
mod statistics;
pub mod wish;

pub use message::{Cursor, FromWorker, Message, Phase, ToWorker};
pub use preset::Preset;
pub use statistics::{ChannelFigures, Decoder, MonitorFigures, Statistics, StreamFrames};
