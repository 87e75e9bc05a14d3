//! The front door.
pub mod assets;
mod auth;
pub mod config;
pub mod connection;
mod error;
mod frames;
pub mod headers;
pub mod request;
mod server;
pub mod tls;
mod websocket;
