//! What this browser keeps of each console: choices of the person, by guest.

use super::guest::Guest;
use crate::app::storage;

/// How the picture is shown.
pub const SCALE: &str = "scale";
/// What matters most in it.
pub const PRESET: &str = "preset";

fn key(guest: Guest, what: &str) -> String {
    ["saffron-console-", what, "-", &guest.key()].concat()
}

/// What was chosen, if anything was and the browser keeps things.
pub fn kept(guest: Guest, what: &str) -> Option<String> {
    storage()?.get_item(&key(guest, what)).ok()?
}

/// Keeps a choice.
pub fn keep(guest: Guest, what: &str, word: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(&key(guest, what), word);
    }
}
