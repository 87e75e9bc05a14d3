//! Virtual machines: the list, a machine's page, making one.

pub mod create;
pub mod dialogs;
pub mod disks;
pub mod edit;
pub mod hardware;
pub mod list;
pub mod network;
pub mod options;
pub mod page;
pub mod panel;
pub mod query_field;
pub mod run_once;
pub mod summary;
