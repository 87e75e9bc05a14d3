//! What a brush paints: one colour, or a picture repeated in all directions.

use std::sync::Arc;

use super::source::{Unused, coverage, set_coverage};
use crate::message::types::Point;
use crate::pixels::{Pixel, Pixels};
use crate::surface::Format;

/// A brush, ready to paint.
#[derive(Clone, Debug)]
pub enum Paint {
    /// Nothing.
    None,
    /// One colour.
    Colour(Pixel),
    /// A picture repeated in all directions.
    Pattern {
        /// The picture.
        picture: Arc<Pixels>,
        /// Where its corner lies on the surface.
        origin: Point,
        /// What stands in the bits that the picture does not use.
        unused: Unused,
    },
}

impl Paint {
    /// The one colour it paints, if it is not a pattern. What paints nothing counts as black, as
    /// raster operations need something to work with.
    pub(super) const fn colour(&self) -> Option<Pixel> {
        match self {
            Self::None => Some([0; 4]),
            Self::Colour(colour) => Some(*colour),
            Self::Pattern { .. } => None,
        }
    }

    /// What the brush lays over the run that begins at (x, y) of a surface: its coverage counts.
    pub(super) fn row_over(&self, x: i32, y: i32, format: Format, out: &mut [Pixel]) {
        self.row(x, y, Format::Xrgb, out);
        match self {
            Self::Pattern {
                unused: Unused::AsDrawn,
                ..
            } => set_coverage(out, 255),
            // Pictures are brought into the surface's format first, which may not have coverage.
            Self::Pattern { .. } if matches!(format, Format::Rgb555 | Format::Rgb565) => {
                format.settle(out);
            }
            _ => {}
        }
    }

    /// What the brush paints on the run that begins at (x, y) of a surface.
    pub(super) fn row(&self, x: i32, y: i32, format: Format, out: &mut [Pixel]) {
        match self {
            Self::None => out.fill([0; 4]),
            Self::Colour(colour) => out.fill(*colour),
            Self::Pattern {
                picture,
                origin,
                unused,
            } => {
                let row = i64::from(y) - i64::from(origin.y);
                let row = picture.row(row.rem_euclid(picture.height.max(1).into()) as u32);
                let column = i64::from(x) - i64::from(origin.x);
                let column = column.rem_euclid(picture.width.max(1).into()) as usize;
                let tiles = row.iter().cycle().skip(column);
                out.iter_mut()
                    .zip(tiles)
                    .for_each(|(out, pixel)| *out = *pixel);
                if let Some(coverage) = coverage(picture, *unused, format) {
                    set_coverage(out, coverage);
                }
            }
        }
    }
}
