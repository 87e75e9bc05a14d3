//! The messages of each channel, as the protocol numbers and lays them out: parsed from the
//! server's bytes and written for it. What they do, `channel` and `draw` know.

pub mod common;
pub mod composite;
pub mod cursor;
pub mod display;
pub mod inputs;
pub mod main;
pub mod stream;
pub mod stroke;
pub mod text;
pub mod types;
