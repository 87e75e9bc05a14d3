//! A picture laid over the box of a drawing: as it is, or brought to the box's size.

use super::scale::{Scaler, Snap};
use crate::message::types::{Point, Rect, ScaleMode};
use crate::pixels::{Alpha, Pixel, Pixels};
use crate::surface::Format;

/// The part of a picture that a drawing uses.
#[derive(Clone, Copy, Debug)]
pub struct Source<'p> {
    /// The picture.
    pub picture: &'p Pixels,
    /// Where its corner lies in what `area` counts in: not at 0, 0 when only a part of the source
    /// was made into a picture.
    pub origin: Point,
    /// The part of the source that fills the drawing's box.
    pub area: Rect,
    /// How it is brought to size if it has another.
    pub scale: ScaleMode,
    /// SPICE_IMAGE_FLAGS_HIGH_BITS_SET: the unused bits of an opaque picture are set.
    pub high_bits: bool,
}

impl<'p> Source<'p> {
    /// Lays the part over `bounds` of a surface, whose coverage then is that of the picture, or
    /// its unused bits.
    pub(super) fn over(&self, bounds: Rect, format: Format) -> Laid<'p> {
        // When it brings to size, the server takes the unused bits for what they stand for.
        let clear =
            self.has_size_of(&bounds) && clears_coverage(self.picture, self.high_bits, format);
        Laid {
            clear,
            ..self.laid(bounds, Snap::None)
        }
    }

    /// The same for operations of three inputs.
    pub(super) fn snapped_over(&self, bounds: Rect, format: Format) -> Laid<'p> {
        let clear = clears_coverage(self.picture, self.high_bits, format);
        Laid {
            clear,
            ..self.laid(bounds, Snap::Dest)
        }
    }

    /// Lays the part over `bounds`, to be blended: an opaque picture covers all.
    pub(super) fn blended_over(&self, bounds: Rect) -> Laid<'p> {
        self.laid(bounds, Snap::None)
    }

    fn has_size_of(&self, bounds: &Rect) -> bool {
        self.area.width() == bounds.width() && self.area.height() == bounds.height()
    }

    fn laid(&self, bounds: Rect, snap: Snap) -> Laid<'p> {
        let Self {
            picture,
            origin,
            area,
            scale,
            ..
        } = *self;
        let scaler = (!self.has_size_of(&bounds))
            .then(|| Scaler::new(picture, origin, &area, &bounds, scale, snap));
        Laid {
            picture,
            scaler,
            clear: false,
            dx: i64::from(area.left) - i64::from(bounds.left) - i64::from(origin.x),
            dy: i64::from(area.top) - i64::from(bounds.top) - i64::from(origin.y),
            scratch: Vec::new(),
        }
    }
}

/// The unused bits of a picture become the coverage of a surface that has any. The server keeps
/// them clear unless the guest says that they are set; our pictures have them set for canvases.
pub(super) fn clears_coverage(picture: &Pixels, high_bits: bool, format: Format) -> bool {
    picture.alpha == Alpha::Opaque && !high_bits && format == Format::Argb
}

/// A picture laid over a box.
#[derive(Debug)]
pub(super) struct Laid<'p> {
    picture: &'p Pixels,
    scaler: Option<Scaler<'p>>,
    /// Coverage is 0 everywhere.
    clear: bool,
    dx: i64,
    dy: i64,
    scratch: Vec<Pixel>,
}

impl Laid<'_> {
    /// No pixel of it lets anything shine through.
    pub(super) fn is_opaque(&self) -> bool {
        // Brought to size, its edges mix with the nothing around it.
        self.picture.alpha == Alpha::Opaque && self.scaler.is_none()
    }

    /// The picture's pixels for the run of `length` pixels that begins at (x, y) of the surface,
    /// and how many pixels of the run lie before the first of them. Where a picture that is not
    /// brought to size has no pixels, the run has none.
    pub(super) fn run(&mut self, x: i32, y: i32, length: usize) -> (usize, &[Pixel]) {
        if let Some(scaler) = &self.scaler {
            self.scratch.resize(length, [0; 4]);
            scaler.row(y, x, &mut self.scratch);
            if self.clear {
                clear_coverage(&mut self.scratch);
            }
            return (0, &self.scratch);
        }
        let Ok(y) = u32::try_from(i64::from(y) + self.dy) else {
            return (0, &[]);
        };
        let row = self.picture.row(y);
        let start = i64::from(x) + self.dx;
        let end = start.saturating_add(length as i64);
        let width = row.len() as i64;
        let (from, to) = (start.clamp(0, width), end.clamp(0, width));
        let pixels = row.get(from as usize..to as usize).unwrap_or_default();
        let skip = (from - start) as usize;
        if self.clear {
            self.scratch.clear();
            self.scratch.extend_from_slice(pixels);
            clear_coverage(&mut self.scratch);
            return (skip, &self.scratch);
        }
        (skip, pixels)
    }
}

pub(super) fn clear_coverage(pixels: &mut [Pixel]) {
    pixels.iter_mut().for_each(|[_, _, _, a]| *a = 0);
}
