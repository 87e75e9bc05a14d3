//! Our console client against real parts: a libspice-server that draws on command.

mod channel;
pub mod client;
mod conformance;
mod console;
pub mod draw_server;
mod drawing;
mod guests;
mod messages;
mod recorded;
#[path = "../../spice/tests/recording.rs"]
pub mod recording;
mod scenes;
mod sessions;
