//! States: icon, word and colour, the same set everywhere.

use crate::store::Status;
use crate::ui::icon::{icon, icon_with};
use leptos::prelude::*;

/// Icon, word and colour.
#[must_use]
pub fn badge(status: Status) -> AnyView {
    view! { <span class=status.tone.class()>{icon(status.icon)}{status.word}</span> }.into_any()
}

/// The icon alone, for lines whose words say the rest; its word is read out.
#[must_use]
pub fn mark(status: Status) -> AnyView {
    let class = match status.tone {
        crate::store::Tone::Ok => "sf-i sf-c-ok",
        crate::store::Tone::Busy => "sf-i sf-c-busy",
        crate::store::Tone::Warn => "sf-i sf-c-warn",
        crate::store::Tone::Bad => "sf-i sf-c-bad",
        crate::store::Tone::Off => "sf-i sf-c-off",
    };
    view! { {icon_with(status.icon, class)} }.into_any()
}

/// A word in a small box: a tag, a kind.
#[must_use]
pub fn label(words: impl Into<String>, class: &'static str) -> AnyView {
    let words: String = words.into();
    let class = if class.is_empty() {
        "pf-v6-c-label pf-m-compact".to_owned()
    } else {
        ["pf-v6-c-label pf-m-compact ", class].concat()
    };
    view! { <span class=class><span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text">{words}</span></span></span> }.into_any()
}
