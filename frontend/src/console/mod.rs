//! The guest's screen: canvas, keyboard, pointer, the bar at the top edge; of a machine of the
//! portal, or of any SPICE server (`saffron view`).
//!
//! The worker (package `console-worker`) owns decoding, canvas and all sockets but one: what the
//! person does goes to the guest from here. Here is what needs the page's main thread:
//!
//! | | |
//! |---|---|
//! | `view`, `cover` | the page: the canvas, and what lies over it while there is no live picture |
//! | `guest` | whose screen it is, and who gives tickets for it |
//! | `session`, `link`, `memory` | the console's state, its line to the worker, what the browser keeps |
//! | `events`, `input`, `person`, `scancode`, `pointer` | what the person does → what a guest understands, and there |
//! | `bar`, `menus`, `presets` | the controls |
//! | `meter`, `quality` | what the worker's figures say, in plain functions |
//! | `statistics`, `script` | who is told: the overlay, and scripts |

mod bar;
mod cover;
mod events;
mod guest;
mod input;
mod link;
mod memory;
mod menus;
mod meter;
mod person;
mod pointer;
mod presets;
mod quality;
mod scancode;
mod script;
mod session;
mod statistics;
mod view;

pub use guest::{Guest, Machine, Prompt};
pub use view::View;
