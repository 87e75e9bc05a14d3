//! Shapes of the pointer: the protocol's seven layouts, made into pixels that a canvas or a CSS
//! cursor can show.

use crate::Error;
use crate::message::cursor::{CursorHeader, CursorType};
use crate::pixels::Pixel;

/// The longest side of a pointer, in pixels.
pub const MAX_CURSOR_SIDE: u16 = 1024;

/// A pointer's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorShape {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Which column points.
    pub hot_x: u16,
    /// Which row points.
    pub hot_y: u16,
    /// Red, green, blue and alpha, not multiplied; rows from the top, without padding.
    pub pixels: Vec<Pixel>,
}

const BLACK: Pixel = [0, 0, 0, 255];
const WHITE: Pixel = [255, 255, 255, 255];
const CLEAR: Pixel = [0; 4];

/// What one pixel of a masked pointer does to the screen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Shows(Pixel),
    Nothing,
    Inverts,
}

impl CursorShape {
    /// Makes a shape of what a message carries.
    pub fn decode(header: &CursorHeader, data: &[u8]) -> Result<Self, Error> {
        let CursorHeader {
            width,
            height,
            hot_x,
            hot_y,
            kind,
            ..
        } = *header;
        for side in [width, height] {
            if side == 0 {
                return Err(Error::invalid("cursor side", 0));
            }
            if side > MAX_CURSOR_SIDE {
                return Err(Error::limit(
                    "cursor side",
                    side.into(),
                    MAX_CURSOR_SIDE.into(),
                ));
            }
        }
        let size = Size {
            width: width.into(),
            height: height.into(),
        };
        let pixels = match kind {
            CursorType::ALPHA => alpha(size, data)?,
            CursorType::MONO => size.settle(mono(size, data)?),
            _ => size.settle(coloured(size, kind, data)?),
        };
        Ok(Self {
            width,
            height,
            hot_x,
            hot_y,
            pixels,
        })
    }

    /// Bytes of memory the pixels take.
    pub fn bytes(&self) -> usize {
        size_of_val(self.pixels.as_slice())
    }
}

#[derive(Clone, Copy)]
struct Size {
    width: usize,
    height: usize,
}

impl Size {
    /// No screen of a browser can be inverted by a pointer. Pixels that would invert it become
    /// black, with white where nothing is around them: a text pointer is seen on any ground.
    fn settle(self, effects: Vec<Effect>) -> Vec<Pixel> {
        let inverts = |x: usize, y: usize| {
            x < self.width && effects.get(y * self.width + x) == Some(&Effect::Inverts)
        };
        let beside_inverting = |x: usize, y: usize| {
            let (left, right) = (x.saturating_sub(1), x + 1);
            let (upper, lower) = (y.saturating_sub(1), y + 1);
            (upper..=lower).any(|y| (left..=right).any(|x| inverts(x, y)))
        };
        let pixel = |(index, effect): (usize, &Effect)| match effect {
            Effect::Shows(pixel) => *pixel,
            Effect::Inverts => BLACK,
            Effect::Nothing if beside_inverting(index % self.width, index / self.width) => WHITE,
            Effect::Nothing => CLEAR,
        };
        effects.iter().enumerate().map(pixel).collect()
    }

    fn area(self) -> usize {
        self.width * self.height
    }

    /// Bytes of a mask of one bit per pixel.
    fn mask_bytes(self) -> usize {
        self.width.div_ceil(8) * self.height
    }

    /// One mask, pixel by pixel.
    fn mask(self, bytes: &[u8]) -> impl Iterator<Item = bool> {
        bytes
            .chunks(self.width.div_ceil(8))
            .take(self.height)
            .flat_map(move |row| {
                row.iter()
                    .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 != 0))
                    .take(self.width)
            })
    }
}

/// Splits off `count` bytes.
fn split(data: &[u8], count: usize) -> Result<(&[u8], &[u8]), Error> {
    data.split_at_checked(count).ok_or(Error::Truncated {
        what: "cursor",
        needed: count as u64,
        left: data.len() as u64,
    })
}

fn alpha(size: Size, data: &[u8]) -> Result<Vec<Pixel>, Error> {
    let (data, _) = split(data, size.area() * 4)?;
    let (pixels, _) = data.as_chunks::<4>();
    let straight = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * 255 + alpha / 2) / alpha).min(255) as u8
    };
    let pixel = |[b, g, r, a]: &[u8; 4]| match *a {
        0 => CLEAR,
        255 => [*r, *g, *b, 255],
        a => [straight(*r, a), straight(*g, a), straight(*b, a), a],
    };
    Ok(pixels.iter().map(pixel).collect())
}

fn mono(size: Size, data: &[u8]) -> Result<Vec<Effect>, Error> {
    let (and, rest) = split(data, size.mask_bytes())?;
    let (xor, _) = split(rest, size.mask_bytes())?;
    let effect = |(and, xor)| match (and, xor) {
        (false, false) => Effect::Shows(BLACK),
        (false, true) => Effect::Shows(WHITE),
        (true, false) => Effect::Nothing,
        (true, true) => Effect::Inverts,
    };
    Ok(size.mask(and).zip(size.mask(xor)).map(effect).collect())
}

fn coloured(size: Size, kind: CursorType, data: &[u8]) -> Result<Vec<Effect>, Error> {
    let opaque = |[b, g, r, _]: [u8; 4]| [r, g, b, 255];
    let (colours, rest): (Vec<Pixel>, &[u8]) = match kind {
        CursorType::COLOR4 => {
            let row_bytes = size.width.div_ceil(2);
            let (indices, rest) = split(data, row_bytes * size.height)?;
            let (palette, rest) = split(rest, 16 * 4)?;
            let (palette, _) = palette.as_chunks::<4>();
            let nibbles = indices.chunks(row_bytes).flat_map(|row| {
                row.iter()
                    .flat_map(|byte| [byte >> 4, byte & 15])
                    .take(size.width)
            });
            let colour = |index: u8| palette.get(usize::from(index)).copied().unwrap_or_default();
            (nibbles.map(colour).map(opaque).collect(), rest)
        }
        CursorType::COLOR8 => {
            let (indices, rest) = split(data, size.area())?;
            let (palette, rest) = split(rest, 256 * 4)?;
            let (palette, _) = palette.as_chunks::<4>();
            let colour = |index: &u8| {
                palette
                    .get(usize::from(*index))
                    .copied()
                    .unwrap_or_default()
            };
            (indices.iter().map(colour).map(opaque).collect(), rest)
        }
        CursorType::COLOR16 => {
            let (data, rest) = split(data, size.area() * 2)?;
            let (pixels, _) = data.as_chunks::<2>();
            let format = crate::surface::Format::Rgb555;
            let pixel = |bytes: &[u8; 2]| format.colour(u16::from_le_bytes(*bytes).into());
            (pixels.iter().map(pixel).collect(), rest)
        }
        CursorType::COLOR24 => {
            let (data, rest) = split(data, size.area() * 3)?;
            let (pixels, _) = data.as_chunks::<3>();
            (
                pixels.iter().map(|[b, g, r]| [*r, *g, *b, 255]).collect(),
                rest,
            )
        }
        CursorType::COLOR32 => {
            let (data, rest) = split(data, size.area() * 4)?;
            let (pixels, _) = data.as_chunks::<4>();
            (pixels.iter().copied().map(opaque).collect(), rest)
        }
        other => return Err(Error::unsupported("cursor type", other.0.into())),
    };
    let (mask, _) = split(rest, size.mask_bytes())?;
    // A set bit lets the screen through, and the colour is exclusive-ored to it: black leaves the
    // screen as it is, and all else is as near to inverting as makes no difference.
    let effect = |(colour, masked)| match (masked, colour) {
        (false, colour) => Effect::Shows(colour),
        (true, BLACK) => Effect::Nothing,
        (true, _) => Effect::Inverts,
    };
    Ok(colours
        .into_iter()
        .zip(size.mask(mask))
        .map(effect)
        .collect())
}
