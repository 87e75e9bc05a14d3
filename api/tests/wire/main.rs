//! What the wire promises, type by type: see the modules.
#![allow(clippy::unwrap_used)]

mod hostile;
mod oracles;
mod recorded;
mod round_trip;
mod services;
