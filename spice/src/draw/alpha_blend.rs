//! SPICE_MSG_DISPLAY_DRAW_ALPHA_BLEND: a picture laid over the surface by its coverage.

use super::combine::{over, share};
use super::{Source, Target};

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
