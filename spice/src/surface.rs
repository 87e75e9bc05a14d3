//! Surfaces: what the guest draws on. One of them, the primary, is the screen; the others are
//! pictures the guest keeps at the server. Also what has changed on the screen since last asked.

use crate::Error;
use crate::message::types::{Rect, SurfaceFormat};
use crate::pixels::{Alpha, Pixel, Pixels, checked_area};

/// A surface's pixels. Whatever its format on the wire, they are kept as a canvas wants them;
/// formats with fewer bits keep theirs in the highest bits and repeat them below, so that what
/// the raster operations do to bits they do to these too.
///
/// INVARIANT: every pixel is one that [`Format::settle`] leaves as it is.
#[derive(Debug)]
pub struct Surface {
    width: u32,
    height: u32,
    format: Format,
    pixels: Vec<Pixel>,
}

/// What a surface's pixels can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Three colours; alpha is always 255. For what is shown.
    Xrgb,
    /// Three colours, and bits without a meaning, unless a blend says that they are coverage:
    /// guests that know of no other format keep coverage so.
    Rgbx,
    /// Three colours and coverage.
    Argb,
    /// 5 bits per colour.
    Rgb555,
    /// 5, 6 and 5 bits per colour.
    Rgb565,
    /// Coverage only.
    A8,
    /// Coverage only, all or nothing.
    A1,
}

impl Format {
    /// The format of that number.
    pub const fn of(format: SurfaceFormat) -> Result<Self, Error> {
        Ok(match format {
            SurfaceFormat::XRGB => Self::Rgbx,
            SurfaceFormat::ARGB => Self::Argb,
            SurfaceFormat::RGB555 => Self::Rgb555,
            SurfaceFormat::RGB565 => Self::Rgb565,
            SurfaceFormat::A8 => Self::A8,
            SurfaceFormat::A1 => Self::A1,
            other => return Err(Error::unsupported("surface format", other.0 as u64)),
        })
    }

    /// The pixel that a number in a message means on a surface of this format.
    pub const fn colour(self, value: u32) -> Pixel {
        let [b, g, r, a] = value.to_le_bytes();
        match self {
            Self::Xrgb => [r, g, b, 255],
            Self::Argb | Self::Rgbx => [r, g, b, a],
            Self::Rgb555 => {
                let v = value & 0x7fff;
                [
                    five((v >> 10) as u8),
                    five((v >> 5) as u8 & 31),
                    five(v as u8 & 31),
                    255,
                ]
            }
            Self::Rgb565 => {
                let v = value & 0xffff;
                let green = (v >> 5) as u8 & 63;
                [
                    five((v >> 11) as u8),
                    green << 2 | green >> 4,
                    five(v as u8 & 31),
                    255,
                ]
            }
            Self::A8 => [0, 0, 0, b],
            Self::A1 => [0, 0, 0, if b & 1 != 0 { 255 } else { 0 }],
        }
    }

    /// Its pixels have coverage.
    pub const fn has_alpha(self) -> bool {
        matches!(self, Self::Argb | Self::A8 | Self::A1)
    }

    /// A pixel as operators see it: what has no coverage covers all.
    pub(crate) const fn as_seen(self, pixel: Pixel) -> Pixel {
        let [r, g, b, a] = pixel;
        [r, g, b, if self.has_alpha() { a } else { 255 }]
    }

    /// Clears bits that have no meaning, as the server does after laying something over them.
    pub(crate) fn forget_unused(self, pixels: &mut [Pixel]) {
        if self == Self::Rgbx {
            pixels.iter_mut().for_each(|[_, _, _, a]| *a = 0);
        }
    }

    /// A pixel as numbers from 0 to 1, of as many bits as the format has.
    pub(crate) fn float(self, pixel: Pixel) -> [f32; 4] {
        let [r, g, b, a] = pixel;
        let eight = |value: u8| f32::from(value) * (1.0 / 255.0);
        let five = |value: u8| f32::from(value >> 3) * (1.0 / 31.0);
        match self {
            Self::Rgb555 => [five(r), five(g), five(b), eight(a)],
            Self::Rgb565 => [five(r), f32::from(g >> 2) * (1.0 / 63.0), five(b), eight(a)],
            _ => [r, g, b, a].map(eight),
        }
    }

    /// Makes pixels into what this format can hold.
    pub fn settle(self, pixels: &mut [Pixel]) {
        match self {
            Self::Argb | Self::Rgbx => {}
            Self::Xrgb => pixels.iter_mut().for_each(|[_, _, _, a]| *a = 255),
            Self::Rgb555 => pixels.iter_mut().for_each(|[r, g, b, a]| {
                (*r, *g, *b, *a) = (five(*r >> 3), five(*g >> 3), five(*b >> 3), 255);
            }),
            Self::Rgb565 => pixels.iter_mut().for_each(|[r, g, b, a]| {
                (*r, *g, *b, *a) = (five(*r >> 3), *g & 0xfc | *g >> 6, five(*b >> 3), 255);
            }),
            Self::A8 => pixels
                .iter_mut()
                .for_each(|[r, g, b, _]| (*r, *g, *b) = (0, 0, 0)),
            Self::A1 => pixels.iter_mut().for_each(|pixel| {
                let [_, _, _, a] = *pixel;
                *pixel = [0, 0, 0, if a >= 128 { 255 } else { 0 }];
            }),
        }
    }
}

/// Five bits as eight.
const fn five(bits: u8) -> u8 {
    bits << 3 | bits >> 2
}

impl Surface {
    /// A black surface.
    pub fn new(width: u32, height: u32, format: Format) -> Result<Self, Error> {
        let area = checked_area(width, height)?;
        let mut pixels = vec![[0; 4]; area];
        format.settle(&mut pixels);
        Ok(Self {
            width,
            height,
            format,
            pixels,
        })
    }

    /// Columns.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// What its pixels are.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// All of it.
    pub const fn bounds(&self) -> Rect {
        Rect::new(0, 0, self.width.cast_signed(), self.height.cast_signed())
    }

    /// Bytes of memory its pixels take.
    pub const fn bytes(&self) -> u64 {
        self.width as u64 * self.height as u64 * 4
    }

    /// The pixels, row by row from the top, without padding.
    pub fn pixels(&self) -> &[Pixel] {
        &self.pixels
    }

    /// Makes it black.
    pub fn clear(&mut self) {
        self.pixels.fill([0; 4]);
        self.format.settle(&mut self.pixels);
    }

    /// Part of a row, from column `left` up to `right`; empty when it is not all on the surface.
    pub fn run(&self, y: i32, left: i32, right: i32) -> &[Pixel] {
        self.range(y, left, right)
            .and_then(|range| self.pixels.get(range))
            .unwrap_or_default()
    }

    /// The same part of a row, to be changed. Whoever changes it settles it.
    pub(crate) fn run_mut(&mut self, y: i32, left: i32, right: i32) -> &mut [Pixel] {
        match self.range(y, left, right) {
            Some(range) => self.pixels.get_mut(range).unwrap_or_default(),
            None => &mut [],
        }
    }

    /// Copies `count` pixels of one row to a place in another, or in the same one.
    pub(crate) fn move_run(&mut self, from: (i32, i32), to: (i32, i32), count: i32) {
        let source = self.range(from.1, from.0, from.0.saturating_add(count));
        let dest = self.range(to.1, to.0, to.0.saturating_add(count));
        if let (Some(source), Some(dest)) = (source, dest) {
            self.pixels.copy_within(source, dest.start);
        }
    }

    fn range(&self, y: i32, left: i32, right: i32) -> Option<core::ops::Range<usize>> {
        let (y, left, right) = (
            u32::try_from(y).ok()?,
            u32::try_from(left).ok()?,
            u32::try_from(right).ok()?,
        );
        if y >= self.height || left > right || right > self.width {
            return None;
        }
        let start = y as usize * self.width as usize;
        Some(start + left as usize..start + right as usize)
    }

    /// A copy of the part of it that lies in `area`, and where that part begins; nothing when it
    /// is empty.
    pub fn picture(&self, area: &Rect) -> Option<(Pixels, Rect)> {
        let area = area.intersect(&self.bounds());
        if area.is_empty() {
            return None;
        }
        let mut data = Vec::with_capacity(area.width() as usize * area.height() as usize);
        for y in area.top..area.bottom {
            data.extend_from_slice(self.run(y, area.left, area.right));
        }
        let alpha = match self.format {
            Format::Argb | Format::Rgbx | Format::A8 | Format::A1 => Alpha::Premultiplied,
            Format::Xrgb | Format::Rgb555 | Format::Rgb565 => Alpha::Opaque,
        };
        Pixels::new(area.width(), area.height(), alpha, data)
            .ok()
            .map(|pixels| (pixels, area))
    }
}

/// Which parts of the screen have changed: few rectangles, rather too large than too many.
#[derive(Debug, Default)]
pub struct Damage {
    rects: Vec<Rect>,
}

impl Damage {
    /// The most rectangles kept apart.
    pub const MAX_RECTS: usize = 32;

    /// Something changed there.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|have| have.contains(&rect)) {
            return;
        }
        self.rects.retain(|have| !rect.contains(have));
        if self.rects.len() < Self::MAX_RECTS {
            self.rects.push(rect);
            return;
        }
        // Joined with the one that grows least.
        let growth = |have: &Rect| area(&have.around(&rect)) - area(have);
        if let Some(nearest) = self.rects.iter_mut().min_by_key(|have| growth(have)) {
            *nearest = nearest.around(&rect);
        }
    }

    /// Nothing has changed.
    pub const fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// Forgets what has changed.
    pub fn clear(&mut self) {
        self.rects.clear();
    }

    /// Moves the rectangles to the end of `list`.
    pub fn take(&mut self, list: &mut Vec<Rect>) {
        list.append(&mut self.rects);
    }
}

fn area(rect: &Rect) -> u64 {
    u64::from(rect.width()) * u64::from(rect.height())
}
