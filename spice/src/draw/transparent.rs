//! SPICE_MSG_DISPLAY_DRAW_TRANSPARENT: a picture of which one colour is left out.

use super::{Source, Target};
use crate::pixels::Pixel;
use crate::surface::Format;

/// Lays the picture over the target but for the pixels of `colour` (0x00RRGGBB).
pub fn transparent(target: &mut Target<'_>, source: &Source<'_>, colour: u32) {
    let format = target.surface.format();
    // Colours are compared as the surface would hold them, and coverage does not count.
    let seen = |mut pixel: Pixel| {
        if !matches!(format, Format::A8 | Format::A1) {
            format.settle(core::slice::from_mut(&mut pixel));
        }
        let [r, g, b, _] = pixel;
        [r, g, b]
    };
    let key = seen(Format::Xrgb.colour(colour));
    let mut laid = source.over(target.bounds, target.surface.format());
    target.runs(false, |x, y, run| {
        let (skip, pixels) = laid.run(x, y, run.len());
        for (dest, source) in run.iter_mut().skip(skip).zip(pixels) {
            if seen(*source) != key {
                *dest = *source;
            }
        }
    });
}
