//! Widgets that know no oVirt: they render PatternFly's markup and our `sf-`
//! classes, carry names for screen readers, and say why they are disabled.

pub mod bar;
pub mod button;
pub mod chart;
pub mod dialog;
pub mod each;
pub mod form;
pub mod icon;
pub mod menu;
pub mod order;
pub mod page;
pub mod table;

/// What an `aria-` attribute calls it.
#[must_use]
pub fn yes(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}
