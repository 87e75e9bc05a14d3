//! Commands: one file for each kind of thing a caller can ask for. Each authorises, validates and
//! changes the inventory in one go; what touches a host goes on as an operation.

mod params;
mod pending;

pub use params::*;
