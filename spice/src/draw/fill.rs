//! SPICE_MSG_DISPLAY_DRAW_FILL: a brush on the surface.

use super::rop::Rop2;
use super::{Paint, Target};

/// Paints the target.
pub fn fill(target: &mut Target<'_>, paint: &Paint, rop: Rop2) {
    if rop.does_nothing() {
        return;
    }
    if let Some(colour) = paint.colour() {
        target.runs(false, |_, _, run| rop.apply_colour(run, colour));
        return;
    }
    let format = target.surface.format();
    let mut painted = Vec::new();
    target.runs(false, |x, y, run| {
        painted.resize(run.len(), [0; 4]);
        paint.row(x, y, format, &mut painted);
        rop.apply(run, &painted);
    });
}
