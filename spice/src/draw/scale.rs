//! Bringing a picture to another size, to the bit as the server's own drawing library does it
//! (pixman: 16.16 fixed point, nearest or bilinear with 7 bits of weight), so that what the
//! client shows is what the server has.

use crate::message::types::{Point, Rect, ScaleMode};
use crate::pixels::{Pixel, Pixels};

/// How columns and rows of a destination box map to a picture.
#[derive(Clone, Copy, Debug)]
pub struct Scaler<'p> {
    picture: &'p Pixels,
    origin: Point,
    mode: ScaleMode,
    /// All of the picture covers, whatever its pixels say.
    pub(super) covering: bool,
    /// The destination box's corner.
    left: i32,
    top: i32,
    x: Axis,
    y: Axis,
}

/// One direction: picture coordinate = `step * (pixel + ½) + start`, 16.16.
#[derive(Clone, Copy, Debug)]
struct Axis {
    step: i64,
    start: i64,
}

impl Axis {
    fn new(source_start: i32, source_length: u32, dest_length: u32, snap: Snap) -> Self {
        let dest_length = dest_length.max(1);
        let step = i64::from(source_length) * 65_536 / i64::from(dest_length);
        // The half pixel is rounded once, as a transformed point is.
        let half = (step * 0x8000 + 0x8000) >> 16;
        let start = match snap {
            Snap::None => i64::from(source_start) << 16,
            Snap::Dest => {
                let scale = f64::from(source_length) / f64::from(dest_length);
                // A part without pixels has no scale; `as` makes what comes of that a number.
                step * i64::from((f64::from(source_start) / scale + 0.5).floor() as i32)
            }
        };
        Self {
            step,
            start: half + start,
        }
    }

    fn at(self, pixel: i32) -> i64 {
        self.step * i64::from(pixel) + self.start
    }
}

/// Where the part that is brought to size begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snap {
    /// Where it says.
    None,
    /// At the nearest place where a pixel of the destination could begin: so the server does it
    /// for operations of three inputs.
    Dest,
}

impl<'p> Scaler<'p> {
    /// Maps `source` to all of `dest`. The picture's corner lies at `origin` of what `source`
    /// counts in.
    pub fn new(
        picture: &'p Pixels,
        origin: Point,
        source: &Rect,
        dest: &Rect,
        mode: ScaleMode,
        snap: Snap,
    ) -> Self {
        Self {
            picture,
            origin,
            mode,
            covering: false,
            left: dest.left,
            top: dest.top,
            x: Axis::new(source.left, source.width(), dest.width(), snap),
            y: Axis::new(source.top, source.height(), dest.height(), snap),
        }
    }

    /// What lies at row `y` of the destination, from column `left` on. What falls outside the
    /// picture is 0.
    pub fn row(&self, y: i32, left: i32, out: &mut [Pixel]) {
        let y = self.y.at(y.saturating_sub(self.top));
        let shift = i64::from(self.origin.x) << 16;
        let pixel = |row: &[Pixel], x: i64| {
            let [r, g, b, a] = usize::try_from(x).ok().and_then(|x| row.get(x)).copied()?;
            Some([r, g, b, if self.covering { 255 } else { a }])
        };
        let pixel = |row: &[Pixel], x: i64| pixel(row, x).unwrap_or_default();
        let column = |index: usize| {
            let pixel = i64::from(left) - i64::from(self.left) + index as i64;
            self.x.step * pixel + self.x.start - shift
        };
        match self.mode {
            ScaleMode::Nearest => {
                let row = self.picture_row((y - 1) >> 16);
                for (index, out) in out.iter_mut().enumerate() {
                    *out = pixel(row, (column(index) - 1) >> 16);
                }
            }
            ScaleMode::Interpolate => {
                let y = y - 0x8000;
                let (upper, lower) = (self.picture_row(y >> 16), self.picture_row((y >> 16) + 1));
                let down = weight(y);
                for (index, out) in out.iter_mut().enumerate() {
                    let x = column(index) - 0x8000;
                    let (x, across) = (x >> 16, weight(x));
                    let inside = usize::try_from(x).ok().filter(|_| !self.covering);
                    let two = |row: &'p [Pixel]| row.get(inside?..)?.first_chunk::<2>();
                    let corners = match (two(upper), two(lower)) {
                        (Some([a, b]), Some([c, d])) => [*a, *b, *c, *d],
                        _ => [
                            pixel(upper, x),
                            pixel(upper, x + 1),
                            pixel(lower, x),
                            pixel(lower, x + 1),
                        ],
                    };
                    *out = blend(corners, across, down);
                }
            }
        }
    }

    fn picture_row(&self, y: i64) -> &'p [Pixel] {
        u32::try_from(y - i64::from(self.origin.y))
            .map(|y| self.picture.row(y))
            .unwrap_or_default()
    }
}

/// The highest 7 bits of the fraction, as a weight of 256.
fn weight(fixed: i64) -> u32 {
    ((fixed >> 9 & 0x7f) << 1) as u32
}

/// A pixel with room between its values: red and blue, green and coverage.
fn spread(pixel: Pixel) -> (u64, u64) {
    let pixel = u64::from(u32::from_le_bytes(pixel));
    let apart = |pair: u64| pair & 0xff | (pair & 0xff_0000) << 16;
    (apart(pixel), apart(pixel >> 8))
}

/// Mixes the upper two and the lower two of four pixels. Nothing is rounded before the end, so
/// the order does not matter.
fn blend([a, b, c, d]: [Pixel; 4], across: u32, down: u32) -> Pixel {
    let (across, down) = (u64::from(across), u64::from(down));
    let [a, b, c, d] = [a, b, c, d].map(spread);
    let mix = |a: u64, b: u64, c: u64, d: u64| {
        let left = a * (256 - down) + c * down;
        let right = b * (256 - down) + d * down;
        let sum = left * (256 - across) + right * across;
        [(sum >> 16) as u8, (sum >> 48) as u8]
    };
    let [red, blue] = mix(a.0, b.0, c.0, d.0);
    let [green, alpha] = mix(a.1, b.1, c.1, d.1);
    [red, green, blue, alpha]
}
