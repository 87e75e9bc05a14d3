//! What travels between portals, scripts and the gateway: oVirt 4's types in XML and JSON,
//! the tree of services with its paths, and the messages of our own live stream.
//!
//! The types are generated from `model.json` by `build.rs`; reading and writing them is
//! written once, over the tables of [`table`], so that a type costs data and no code.
//! This crate knows nothing of HTTP, of the manager or of the page.
//!
//! ```
//! use api::{Typed as _, types::Vm};
//!
//! let vm = Vm::from_json_str(r#"{"name":"web1","memory":1073741824}"#)?;
//! assert_eq!(vm.memory, Some(1 << 30));
//! # Ok::<(), api::Error>(())
//! ```

pub mod action;
pub mod date;
pub mod error;
pub mod fault;
pub mod json;
pub mod link;
pub mod live;
pub mod openapi;
pub mod part;
pub mod path;
pub mod service;
pub mod table;
pub mod types;
#[cfg(feature = "xml")]
pub mod xml;

pub use date::Date;
pub use error::Error;
pub use link::{Link, Links};
pub use part::{List, Part};
pub use table::{Object, Typed};

/// The version of the API we answer to: oVirt 4.5.
pub const VERSION: (i64, i64) = (4, 5);

/// Where the API is mounted.
pub const ROOT: &str = "/ovirt-engine/api";

/// A document may be so long, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Elements may be nested so deep.
pub const MAX_DEPTH: usize = 64;
/// A document may have so many elements and values.
pub const MAX_NODES: usize = 10_000;
