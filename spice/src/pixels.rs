//! Decoded pictures: what every codec makes and every drawing operation takes.

use crate::Error;

/// One pixel as a canvas wants it: red, green, blue, alpha. `u32::from_le_bytes` of it costs
/// nothing, and `as_flattened` of a row is a canvas's image data without a copy.
pub type Pixel = [u8; 4];

/// The longest side of a picture or surface, in pixels.
pub const MAX_IMAGE_SIDE: u32 = 16_384;

/// The most memory one decoded picture or one surface may take, in bytes.
pub const MAX_IMAGE_BYTES: u64 = 256 << 20;

/// What the alpha byte of a picture's pixels means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpha {
    /// Nothing: it is 255 everywhere.
    Opaque,
    /// Coverage; the colours have been multiplied by it already, as SPICE sends them.
    Premultiplied,
}

/// A decoded picture: rows from the top, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Whether the alpha bytes mean anything.
    pub alpha: Alpha,
    /// The rows, one after the other: `width * height` pixels.
    pub data: Vec<Pixel>,
}

impl Pixels {
    /// A picture of `data`, which must be as long as the size says.
    pub fn new(width: u32, height: u32, alpha: Alpha, data: Vec<Pixel>) -> Result<Self, Error> {
        if checked_area(width, height)? == data.len() {
            Ok(Self {
                width,
                height,
                alpha,
                data,
            })
        } else {
            Err(Error::invalid("number of pixels", data.len() as u64))
        }
    }

    /// One row; empty when there is no such row.
    pub fn row(&self, y: u32) -> &[Pixel] {
        let width = self.width as usize;
        let start = (y as usize).saturating_mul(width);
        self.data
            .get(start..start.saturating_add(width))
            .unwrap_or_default()
    }

    /// Bytes of memory the pixels take.
    pub fn bytes(&self) -> usize {
        size_of_val(self.data.as_slice())
    }
}

/// Number of pixels of a picture, when its size is one we take: sides of 1 to
/// [`MAX_IMAGE_SIDE`], and no more than [`MAX_IMAGE_BYTES`] of memory.
pub fn checked_area(width: u32, height: u32) -> Result<usize, Error> {
    for side in [width, height] {
        if side == 0 {
            return Err(Error::invalid("picture side", 0));
        }
        if side > MAX_IMAGE_SIDE {
            return Err(Error::limit(
                "picture side",
                side.into(),
                MAX_IMAGE_SIDE.into(),
            ));
        }
    }
    let bytes = u64::from(width) * u64::from(height) * 4;
    if bytes > MAX_IMAGE_BYTES {
        return Err(Error::limit(
            "picture memory in bytes",
            bytes,
            MAX_IMAGE_BYTES,
        ));
    }
    Ok(width as usize * height as usize)
}
