//! `saffron view`: the console page for any SPICE server, against a real libspice-server that draws
//! on command, plain and over TLS.

mod browser;
mod controls;
mod latency;
mod page;
mod program;
mod projector;
mod server;
mod site;
