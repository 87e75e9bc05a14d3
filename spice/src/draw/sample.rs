//! Pictures seen through a transform: which pixel, or which mixture of four, lies under a pixel of
//! the destination; and what lies beside the picture. To the bit as the server's own drawing
//! library (pixman) does it: 16.16 fixed point, 7 bits of weight.

use super::combine_float::Colour;
use crate::message::composite::{Filter, Repeat, Transform};
use crate::message::types::Point;
use crate::pixels::{Pixel, Pixels};
use crate::surface::Format;

/// A picture, and how it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'p> {
    /// The picture.
    pub picture: &'p Pixels,
    /// What its pixels are: alpha counts only if the format has some.
    pub format: Format,
    /// Which pixel of what is looked at is the picture's first: not 0, 0 when only a part of it
    /// was made into a picture.
    pub corner: Point,
    /// Which pixel lies at the box's corner, before the transform.
    pub origin: Point,
    /// What lies beside it.
    pub repeat: Repeat,
    /// How pixels in between are made.
    pub filter: Filter,
    /// How it is turned and brought to size.
    pub transform: Option<Transform>,
}

/// One, 16.16.
const ONE: i64 = 1 << 16;
/// The middle of a pixel.
const HALF: i64 = ONE / 2;

/// A place in a picture, 16.16.
#[derive(Clone, Copy, Debug)]
struct Place {
    x: i64,
    y: i64,
}

impl Sampled<'_> {
    /// The transform, unless it changes nothing.
    fn transform(&self) -> Option<&Transform> {
        const ONE: i32 = 1 << 16;
        const NOTHING: Transform = Transform {
            x: [ONE, 0, 0],
            y: [0, ONE, 0],
        };
        self.transform.as_ref().filter(|it| **it != NOTHING)
    }

    /// Whether pixel (x, y) of a box of that size can be looked for at all: places are numbers of
    /// 16 bits, and what is seen beyond them the server does not draw.
    pub(super) fn reaches(&self, width: u32, height: u32) -> bool {
        let Some((low, high)) = self.extents(width, height, 1) else {
            return false;
        };
        let fits = |value: i64| (-(1 << 31)..1 << 31).contains(&value);
        let (before, after) = match self.filter {
            Filter::Nearest => (9, 7),
            Filter::Bilinear => (HALF + 8, HALF + 8),
        };
        self.picture.width < 0x7fff
            && self.picture.height < 0x7fff
            && (self.transform().is_none()
                || [
                    low.x - before,
                    low.y - before,
                    high.x + after,
                    high.y + after,
                ]
                .into_iter()
                .all(fits))
    }

    /// No pixel of a box of that size sees anything beside the picture, or shines through.
    pub(super) fn is_opaque(&self, width: u32, height: u32) -> bool {
        if self.format.has_alpha() {
            return false;
        }
        if self.repeat != Repeat::None {
            return true;
        }
        let Some((low, high)) = self.extents(width, height, 0) else {
            return false;
        };
        let (before, after) = match self.filter {
            Filter::Bilinear if self.transform().is_some() => (HALF, HALF),
            _ => (1, -1),
        };
        (low.x - before) >> 16 >= 0
            && (low.y - before) >> 16 >= 0
            && (high.x + after) >> 16 < self.picture.width.into()
            && (high.y + after) >> 16 < self.picture.height.into()
    }

    /// The places furthest apart that a box of that size sees, with `around` more pixels on all
    /// sides; none when it is too large for 16 bits.
    fn extents(&self, width: u32, height: u32, around: i64) -> Option<(Place, Place)> {
        let left = i64::from(self.origin.x) - around;
        let top = i64::from(self.origin.y) - around;
        let right = i64::from(self.origin.x) + i64::from(width) - 1 + around;
        let bottom = i64::from(self.origin.y) + i64::from(height) - 1 + around;
        let fits = |value: i64| (-0x8000..0x8000).contains(&value);
        if ![left, top, right, bottom].into_iter().all(fits) {
            return None;
        }
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
        let [first, ..] = corners.map(|(x, y)| self.place(x, y));
        let (mut low, mut high) = (first, first);
        for (x, y) in corners {
            let place = self.place(x, y);
            low = Place {
                x: low.x.min(place.x),
                y: low.y.min(place.y),
            };
            high = Place {
                x: high.x.max(place.x),
                y: high.y.max(place.y),
            };
        }
        Some((low, high))
    }

    /// Where the middle of pixel (x, y) is looked for.
    fn place(&self, x: i64, y: i64) -> Place {
        let Some(transform) = self.transform() else {
            return Place {
                x: x * ONE + HALF,
                y: y * ONE + HALF,
            };
        };
        let along = |[right, down, start]: [i32; 3]| {
            let (right, down) = (i64::from(right), i64::from(down));
            // The halves are rounded once, together.
            right * x + down * y + i64::from(start) + (((right + down) * HALF + HALF) >> 16)
        };
        Place {
            x: along(transform.x),
            y: along(transform.y),
        }
    }

    /// What the run sees that begins at (x, y) of the box.
    pub(super) fn row(&self, x: i64, y: i64, out: &mut [Pixel]) {
        let (x, y) = (x + i64::from(self.origin.x), y + i64::from(self.origin.y));
        if self.transform().is_none() {
            if self.repeat == Repeat::None {
                return self.plain_row(x, y, out);
            }
            for (index, out) in out.iter_mut().enumerate() {
                *out = self.pixel(x + index as i64, y);
            }
            return;
        }
        self.places(x, y, out, |this, place| match this.filter {
            Filter::Nearest => this.pixel((place.x - 1) >> 16, (place.y - 1) >> 16),
            Filter::Bilinear => this.bilinear(place),
        });
    }

    /// Part of a row as it is, and nothing beside it.
    fn plain_row(&self, x: i64, y: i64, out: &mut [Pixel]) {
        let row = u32::try_from(y - i64::from(self.corner.y))
            .map(|y| self.picture.row(y))
            .unwrap_or_default();
        let start = x - i64::from(self.corner.x);
        let length = out.len() as i64;
        let before = (-start).clamp(0, length) as usize;
        let after = (row.len() as i64 - start).clamp(before as i64, length) as usize;
        out.fill([0; 4]);
        let from = (start + before as i64) as usize;
        let (Some(out), Some(row)) = (
            out.get_mut(before..after),
            row.get(from..from + (after - before)),
        ) else {
            return;
        };
        out.copy_from_slice(row);
        if !self.format.has_alpha() {
            out.iter_mut().for_each(|[_, _, _, a]| *a = 255);
        }
    }

    /// The same with floating-point numbers, of as many bits as the picture has.
    pub(super) fn row_float(&self, x: i64, y: i64, out: &mut [Colour]) {
        let (x, y) = (x + i64::from(self.origin.x), y + i64::from(self.origin.y));
        if self.transform().is_none() {
            for (index, out) in out.iter_mut().enumerate() {
                *out = self.colour(x + index as i64, y);
            }
            return;
        }
        self.places(x, y, out, |this, place| match this.filter {
            Filter::Nearest => this.colour((place.x - 1) >> 16, (place.y - 1) >> 16),
            Filter::Bilinear => this.bilinear_float(place),
        });
    }

    fn places<T>(&self, x: i64, y: i64, out: &mut [T], see: impl Fn(&Self, Place) -> T) {
        let mut place = self.place(x, y);
        let (right, down) = match self.transform() {
            Some(transform) => (transform.x[0], transform.y[0]),
            None => (1 << 16, 0),
        };
        for out in out {
            *out = see(self, place);
            place.x += i64::from(right);
            place.y += i64::from(down);
        }
    }

    fn bilinear(&self, place: Place) -> Pixel {
        let (x, y) = (place.x - HALF, place.y - HALF);
        let across = ((x >> 9 & 0x7f) << 1) as u32;
        let down = ((y >> 9 & 0x7f) << 1) as u32;
        let weights = [
            (256 - across) * (256 - down),
            across * (256 - down),
            (256 - across) * down,
            across * down,
        ];
        let corners = self.corners(x >> 16, y >> 16);
        let mut sums = [0u32; 4];
        for (corner, weight) in corners.iter().zip(weights) {
            for (sum, value) in sums.iter_mut().zip(corner) {
                *sum += u32::from(*value) * weight;
            }
        }
        sums.map(|sum| (sum >> 16) as u8)
    }

    fn bilinear_float(&self, place: Place) -> Colour {
        let (x, y) = (place.x - HALF, place.y - HALF);
        let across = (x & 0xffff) as f32 / 65_536.0;
        let down = (y & 0xffff) as f32 / 65_536.0;
        let weights = [
            (1.0 - across) * (1.0 - down),
            across * (1.0 - down),
            (1.0 - across) * down,
            across * down,
        ];
        let (x, y) = (x >> 16, y >> 16);
        let corners = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
        let mut sums = [0.0; 4];
        for ((x, y), weight) in corners.into_iter().zip(weights) {
            for (sum, value) in sums.iter_mut().zip(self.colour(x, y)) {
                *sum += value * weight;
            }
        }
        sums
    }

    fn corners(&self, x: i64, y: i64) -> [Pixel; 4] {
        [
            self.pixel(x, y),
            self.pixel(x + 1, y),
            self.pixel(x, y + 1),
            self.pixel(x + 1, y + 1),
        ]
    }

    /// The pixel of column x and row y; nothing where there is none.
    fn pixel(&self, x: i64, y: i64) -> Pixel {
        self.at(x, y).unwrap_or_default()
    }

    fn colour(&self, x: i64, y: i64) -> Colour {
        match self.at(x, y) {
            Some(pixel) => self.format.float(pixel),
            None => [0.0; 4],
        }
    }

    fn at(&self, x: i64, y: i64) -> Option<Pixel> {
        let (width, height) = (
            i64::from(self.picture.width),
            i64::from(self.picture.height),
        );
        let x = repeated(self.repeat, x - i64::from(self.corner.x), width)?;
        let y = repeated(self.repeat, y - i64::from(self.corner.y), height)?;
        let [r, g, b, a] = *self.picture.row(y as u32).get(x as usize)?;
        Some([r, g, b, if self.format.has_alpha() { a } else { 255 }])
    }
}

fn repeated(repeat: Repeat, at: i64, length: i64) -> Option<i64> {
    match repeat {
        Repeat::None => (0..length).contains(&at).then_some(at),
        Repeat::Normal => at.checked_rem_euclid(length),
        Repeat::Pad => Some(at.clamp(0, length - 1)),
        Repeat::Reflect => {
            let at = at.checked_rem_euclid(2 * length)?;
            Some(if at < length { at } else { 2 * length - 1 - at })
        }
    }
}
