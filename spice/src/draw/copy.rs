//! SPICE_MSG_DISPLAY_DRAW_COPY and SPICE_MSG_DISPLAY_DRAW_BLEND: a picture on the surface.

use super::rop::Rop2;
use super::{Source, Target};
use crate::surface::Format;

/// Lays the picture over the target.
pub fn copy(target: &mut Target<'_>, source: &Source<'_>, rop: Rop2) {
    if rop.does_nothing() {
        return;
    }
    let format = target.surface.format();
    let mut laid = match rop == Rop2::COPY {
        true => source.copied_over(target.bounds, format),
        false => source.over(target.bounds, format),
    };
    let settled = rop == Rop2::COPY
        && laid.is_opaque()
        && matches!(
            target.surface.format(),
            Format::Xrgb | Format::Rgbx | Format::Argb
        );
    target.runs(settled, |x, y, run| {
        let (skip, pixels) = laid.run(x, y, run.len());
        rop.apply(run.get_mut(skip..).unwrap_or_default(), pixels);
    });
}
