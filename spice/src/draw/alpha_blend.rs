//! SPICE_MSG_DISPLAY_DRAW_ALPHA_BLEND: a picture laid over the surface by its coverage.

use super::combine::{over, share};
use super::{Source, Target};
use crate::surface::Format;

/// Lays `alpha` / 255 of the picture over the target. With `unused_count`, the unused bits of a
/// surface without coverage are its coverage.
pub fn alpha_blend(target: &mut Target<'_>, source: &Source<'_>, alpha: u8, unused_count: bool) {
    if alpha == 0 {
        return;
    }
    let mut laid = source.blended_over(target.bounds, unused_count);
    target.runs(false, |x, y, run| {
        let (skip, pixels) = laid.run(x, y, run.len());
        for (dest, source) in run.iter_mut().skip(skip).zip(pixels) {
            let mut source = *source;
            if alpha != 255 {
                source = source.map(|value| share(value, alpha));
            }
            *dest = over(source, *dest);
        }
    });
}

/// Clears the unused bits in the box of the target: so the server does it after a blend that does
/// not mean them, when it finds those of the box's first pixel set.
pub fn forget_coverage(target: &mut Target<'_>) {
    let bounds = target.bounds.intersect(&target.surface.bounds());
    let format = target.surface.format();
    let first = target.surface.run(bounds.top, bounds.left, bounds.right);
    if format != Format::Rgbx || !matches!(first.first(), Some([_, _, _, 255])) {
        return;
    }
    for y in bounds.top..bounds.bottom {
        format.forget_unused(target.surface.run_mut(y, bounds.left, bounds.right));
    }
}
