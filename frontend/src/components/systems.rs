//! Choosing an operating system: the server's catalogue, asked for once.

use crate::client;
use crate::components::names::os_words;
use crate::task;
use leptos::prelude::*;

/// The catalogue as options; until it is there, what is chosen and Linux.
#[must_use]
pub fn systems(chosen: String) -> Signal<Vec<(String, String)>> {
    let all = RwSignal::new(Vec::new());
    task::run(async move {
        if let Ok(known) = client::systems::all().await {
            let _ = all.try_set(known);
        }
    });
    Signal::derive(move || {
        let mut options = all.get();
        for own in [chosen.as_str(), "other_linux", "other"] {
            if !own.is_empty() && !options.iter().any(|(name, _)| name == own) {
                options.insert(0, (own.to_owned(), os_words(own)));
            }
        }
        options
    })
}
