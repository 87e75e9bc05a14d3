//! What tests stand on: sites of their own, clients, peers that follow a script, real parts.

pub mod browser;
pub mod browsers;
pub mod guest;
pub mod http;
pub mod libvirtd;
pub mod live;
pub mod real;
pub mod serial;
pub mod site;
pub mod spice;
