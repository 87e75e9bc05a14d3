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

mod error;
pub mod link;
pub mod message;
mod pixels;
pub mod wire;

pub mod image;

pub use error::Error;
pub use pixels::{Alpha, MAX_IMAGE_BYTES, MAX_IMAGE_SIDE, Pixel, Pixels, checked_area};
