//! The guest's screen in the portal: canvas, keyboard, pointer, the bar at the top edge.
//!
//! The worker (package `console-worker`) owns sockets, decoding and canvas; here is what needs the
//! page's main thread: [`view`] mounts the canvas and joins the rest, [`session`] is the console's
//! state and its line to the worker, [`input`] and [`scancode`] turn events into what a guest
//! understands, [`bar`] and [`menus`] are the controls, [`statistics`] the overlay.

mod bar;
mod input;
mod link;
mod menus;
mod pointer;
mod scancode;
mod session;
mod statistics;
mod view;

pub use view::View;
