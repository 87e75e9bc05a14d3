//! See ARCHITECTURE.md.

pub mod error;
pub mod host;
pub mod image;
pub mod model;

pub use error::{Error, ErrorKind, Result};
