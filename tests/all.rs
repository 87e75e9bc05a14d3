//! All integration tests, one binary: a folder for each subject.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what went wrong by failing there"
)]

mod access;
mod agent;
mod browsers;
mod compat;
mod console;
mod failure;
mod guest;
mod images;
mod lab;
mod live;
mod portal;
mod rest;
mod server;
mod view;
