//! See ARCHITECTURE.md.

pub mod host;
pub mod image;
