//! SPICE_MSG_DISPLAY_DRAW_BLACKNESS: all bits clear.

use super::Target;

/// Makes the target black.
pub fn blackness(target: &mut Target<'_>) {
    target.runs(false, |_, _, run| run.fill([0; 4]));
}
