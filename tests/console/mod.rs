//! Consoles: the proxy against a scripted SPICE server, and the gateway's console routes.

mod flow;
mod gate;
mod proxy;
