//! SPICE_MSG_DISPLAY_DRAW_TRANSPARENT: a picture of which one colour is left out.

use super::{Source, Target};
use crate::pixels::Pixel;
use crate::surface::Format;

/// Lays the picture over the target but for the pixels of `colour` (0x00RRGGBB).
pub fn transparent(target: &mut Target<'_>, source: &Source<'_>, colour: u32) {
    let format = target.surface.format();
    // Colours are compared as the surface would hold them, and coverage counts only where there is
    // nothing else; there what does not cover is left out.
    let seen = |mut pixel: Pixel| {
        format.settle(core::slice::from_mut(&mut pixel));
        let [r, g, b, a] = pixel;
        match format {
            Format::A8 | Format::A1 => [a; 3],
            _ => [r, g, b],
        }
    };
    let key = match format {
        Format::A8 | Format::A1 => [0; 3],
        _ => seen(Format::Xrgb.colour(colour)),
    };
    let mut laid = source.over(target.bounds, format);
    target.runs(false, |x, y, run| {
        let (skip, pixels) = laid.run(x, y, run.len());
        for (dest, source) in run.iter_mut().skip(skip).zip(pixels) {
            if seen(*source) != key {
                *dest = *source;
            }
        }
    });
}
