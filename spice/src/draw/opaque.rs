//! SPICE_MSG_DISPLAY_DRAW_OPAQUE: a picture on the surface, then a brush on the picture.

use super::rop::Rop2;
use super::{Paint, Source, Target, copy, fill};

/// Lays the picture over the target, then paints it; `rop` is how brush and picture meet.
pub fn opaque(target: &mut Target<'_>, source: &Source<'_>, paint: &Paint, rop: Rop2) {
    copy(target, source, Rop2::COPY);
    fill(target, paint, rop);
}
