//! SPICE_MSG_DISPLAY_DRAW_ROP3: brush, picture and surface meet, bit by bit.

use super::rop::Rop3;
use super::{Paint, Source, Target};

/// Draws picture and brush on the target; `rop` is how the three meet.
pub fn rop3(target: &mut Target<'_>, source: &Source<'_>, paint: &Paint, rop: Rop3) {
    let format = target.surface.format();
    let mut laid = source.snapped_over(target.bounds, format);
    let mut painted = Vec::new();
    target.runs(false, |x, y, run| {
        painted.resize(run.len(), [0; 4]);
        paint.row(x, y, format, &mut painted);
        let (skip, pixels) = laid.run(x, y, run.len());
        let under = run.iter_mut().zip(&painted).skip(skip);
        for ((dest, paint), source) in under.zip(pixels) {
            let [paint, source, old] = [*paint, *source, *dest].map(u32::from_le_bytes);
            *dest = rop.bits(paint, source, old).to_le_bytes();
        }
    });
}
