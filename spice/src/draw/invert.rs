//! SPICE_MSG_DISPLAY_DRAW_INVERS: all bits turned around.

use super::Target;
use super::rop::Rop2;

/// Inverts the target.
pub fn invert(target: &mut Target<'_>) {
    target.runs(false, |_, _, run| Rop2::INVERT.apply_colour(run, [0; 4]));
}
