//! Icons: references into the one sprite.

use leptos::prelude::*;
use std::cell::RefCell;

thread_local! {
    static SPRITE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The sprite's hashed address, which the page carries.
fn sprite() -> String {
    SPRITE.with(|cell| {
        cell.borrow_mut()
            .get_or_insert_with(|| {
                document()
                    .document_element()
                    .and_then(|root| root.get_attribute("data-icons"))
                    .unwrap_or_default()
            })
            .clone()
    })
}

/// An icon; its meaning is always written next to it or in its control's name.
#[must_use]
pub fn icon(name: &'static str) -> AnyView {
    icon_with(name, "sf-i")
}

/// A small one.
#[must_use]
pub fn small_icon(name: &'static str) -> AnyView {
    icon_with(name, "sf-i is-sm")
}

/// One with a class.
#[must_use]
pub fn icon_with(name: &'static str, class: &'static str) -> AnyView {
    let href = [&sprite(), "#", name].concat();
    view! { <svg class=class aria-hidden="true"><use_ href=href></use_></svg> }.into_any()
}
