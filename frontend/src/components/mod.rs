//! What both portals show: states, a machine's picture and actions, events,
//! permissions, and the frame around every page.

pub mod account;
pub mod asking;
pub mod cd;
pub mod events;
pub mod first_boot;
pub mod frame;
pub mod gate;
pub mod guest;
pub mod history;
pub mod listing;
pub mod login;
pub mod make_template;
pub mod names;
pub mod palette;
pub mod password;
pub mod permissions;
pub mod pools;
pub mod profile;
pub mod snapshots;
pub mod status;
pub mod systems;
pub mod tasks;
pub mod thumb;
pub mod vm_actions;
