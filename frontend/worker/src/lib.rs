//! What the console's page and its worker say to each other: plain data, turned into JavaScript
//! arrays and back by hand, so that the page carries neither the SPICE core nor a serializer.
//!
//! The worker itself (sockets, decoding, painting) is this package's binary; it is the only side
//! that speaks SPICE. Nothing here is exported to JavaScript: every module that links this library
//! would carry the export.

pub mod flow;
mod message;
mod preset;
mod statistics;
pub mod wish;

pub use message::{Cursor, FromWorker, Message, Phase, ToWorker};
pub use preset::Preset;
pub use statistics::{ChannelFigures, Decoder, MonitorFigures, Statistics, StreamFrames};
