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
    /// What stands in the bits that a picture without coverage does not use.
    pub unused: Unused,
}

/// What stands in the bits that a picture without coverage does not use. They matter where a
/// surface keeps them: they become its coverage, or its own unused bits, which a later blend may
/// take for coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// Nothing: so pictures come, though ours have the bits set, for canvases.
    Clear,
    /// All set. (SPICE_IMAGE_FLAGS_HIGH_BITS_SET)
    Set,
    /// What the surface it shows has there; the picture has it too.
    AsDrawn,
    /// What the screen it shows had there, which is not kept. Servers leave nothing there.
    NotKept,
}

impl<'p> Source<'p> {
    /// Lays the part over `bounds` of a surface of that format.
    pub(super) fn over(&self, bounds: Rect, format: Format) -> Laid<'p> {
        Laid {
            coverage: coverage(self.picture, self.unused, format),
            ..self.laid(bounds, Snap::None)
        }
    }

    /// The same for a copy as it is. When it brings to size, the server takes the unused bits for
    /// what they stand for.
    pub(super) fn copied_over(&self, bounds: Rect, format: Format) -> Laid<'p> {
        let mut laid = self.over(bounds, format);
        if let Some(scaler) = &mut laid.scaler {
            // What is mixed loses bits that have no meaning.
            laid.coverage = match format {
                Format::Rgbx if self.picture.alpha == Alpha::Opaque => Some(0),
                _ => None,
            };
            scaler.covering = self.unused == Unused::AsDrawn && format == Format::Argb;
        }
        laid
    }

    /// The same for operations of three inputs.
    pub(super) fn snapped_over(&self, bounds: Rect, format: Format) -> Laid<'p> {
        Laid {
            coverage: coverage(self.picture, self.unused, format),
            ..self.laid(bounds, Snap::Dest)
        }
    }

    /// Lays the part over `bounds`, to be blended. What a picture without coverage has there
    /// counts only if `unused_count`.
    pub(super) fn blended_over(&self, bounds: Rect, unused_count: bool) -> Laid<'p> {
        let coverage = match (self.unused, unused_count) {
            (Unused::AsDrawn | Unused::NotKept, false) => Some(255),
            (Unused::NotKept, true) => Some(0),
            _ => None,
        };
        Laid {
            coverage,
            ..self.laid(bounds, Snap::None)
        }
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
            coverage: None,
            dx: i64::from(area.left) - i64::from(bounds.left) - i64::from(origin.x),
            dy: i64::from(area.top) - i64::from(bounds.top) - i64::from(origin.y),
            scratch: Vec::new(),
        }
    }
}

/// What a surface of that format gets for coverage from all of a picture, where that is not what
/// the picture's pixels say.
pub(super) fn coverage(picture: &Pixels, unused: Unused, format: Format) -> Option<u8> {
    match (unused, format) {
        (Unused::NotKept, Format::Argb | Format::Rgbx) => Some(0),
        (Unused::Clear, Format::Argb | Format::Rgbx) if picture.alpha == Alpha::Opaque => Some(0),
        _ => None,
    }
}

/// A picture laid over a box.
#[derive(Debug)]
pub(super) struct Laid<'p> {
    picture: &'p Pixels,
    scaler: Option<Scaler<'p>>,
    /// The coverage of all pixels, if it is not what they say.
    coverage: Option<u8>,
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
            if let Some(coverage) = self.coverage {
                set_coverage(&mut self.scratch, coverage);
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
        if let Some(coverage) = self.coverage {
            self.scratch.clear();
            self.scratch.extend_from_slice(pixels);
            set_coverage(&mut self.scratch, coverage);
            return (skip, &self.scratch);
        }
        (skip, pixels)
    }
}

pub(super) fn set_coverage(pixels: &mut [Pixel], coverage: u8) {
    pixels.iter_mut().for_each(|[_, _, _, a]| *a = coverage);
}
