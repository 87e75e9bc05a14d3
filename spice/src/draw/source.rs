//! A picture laid over the box of a drawing: as it is, or brought to the box's size.

use super::scale::Scaler;
use crate::message::types::{Rect, ScaleMode};
use crate::pixels::{Alpha, Pixel, Pixels};

/// The part of a picture that a drawing uses.
#[derive(Clone, Copy, Debug)]
pub struct Source<'p> {
    /// The picture.
    pub picture: &'p Pixels,
    /// The part of it that fills the drawing's box.
    pub area: Rect,
    /// How it is brought to size if it has another.
    pub scale: ScaleMode,
}

impl<'p> Source<'p> {
    /// Lays the part over `bounds`.
    pub(super) fn over(&self, bounds: Rect) -> Laid<'p> {
        let Self { picture, area, scale } = *self;
        let same = area.width() == bounds.width() && area.height() == bounds.height();
        let scaler = (!same).then(|| Scaler::new(picture, &area, &bounds, scale));
        Laid {
            picture,
            scaler,
            dx: i64::from(area.left) - i64::from(bounds.left),
            dy: i64::from(area.top) - i64::from(bounds.top),
            scratch: Vec::new(),
        }
    }
}

/// A picture laid over a box.
#[derive(Debug)]
pub(super) struct Laid<'p> {
    picture: &'p Pixels,
    scaler: Option<Scaler<'p>>,
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
            return (0, &self.scratch);
        }
        let Ok(y) = u32::try_from(i64::from(y) + self.dy) else { return (0, &[]) };
        let row = self.picture.row(y);
        let start = i64::from(x) + self.dx;
        let end = start.saturating_add(length as i64);
        let width = row.len() as i64;
        let (from, to) = (start.clamp(0, width), end.clamp(0, width));
        let pixels = row.get(from as usize..to as usize).unwrap_or_default();
        ((from - start) as usize, pixels)
    }
}
