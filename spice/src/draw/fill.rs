//! SPICE_MSG_DISPLAY_DRAW_FILL: a brush on the surface.

use super::rop::Rop2;
use super::{Paint, Target};

/// Paints the target.
pub fn fill(target: &mut Target<'_>, paint: &Paint, rop: Rop2) {
    if rop.does_nothing() {
        return;
    }
    let format = target.surface.format();
    if let Some(colour) = paint.colour() {
        let mut settled = [colour];
        format.settle(&mut settled);
        let [colour] = settled;
        let done = rop == Rop2::COPY;
        target.runs(done, |_, _, run| rop.apply_colour(run, colour));
        return;
    }
    let mut painted = Vec::new();
    target.runs(false, |x, y, run| {
        painted.resize(run.len(), [0; 4]);
        paint.row(x, y, format, &mut painted);
        rop.apply(run, &painted);
    });
}
