//! See ARCHITECTURE.md.

pub mod guest;
pub mod libvirtd;
