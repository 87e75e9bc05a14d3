//! SPICE_MSG_DISPLAY_DRAW_WHITENESS: all bits set.

use super::Target;

/// Makes the target white.
pub fn whiteness(target: &mut Target<'_>) {
    target.runs(false, |_, _, run| run.fill([0xff; 4]));
}
