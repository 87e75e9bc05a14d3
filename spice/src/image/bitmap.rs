//! Bitmaps: pictures sent as they are, from one bit a pixel with a palette to 32 bits.

#![allow(
    clippy::indexing_slicing,
    reason = "row lengths are checked before the rows are cut"
)]

use super::palette::Palette;
use super::{expand_555, flip};
use crate::error::Error;
use crate::pixels::{Alpha, Pixel, Pixels, checked_area};

/// SpiceBitmapFmt: how a bitmap's pixels are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BitmapFormat(pub u8);

impl BitmapFormat {
    /// One bit a pixel, the leftmost lowest. (SPICE_BITMAP_FMT_1BIT_LE)
    pub const ONE_BIT_LE: Self = Self(1);
    /// One bit a pixel, the leftmost highest. (SPICE_BITMAP_FMT_1BIT_BE)
    pub const ONE_BIT_BE: Self = Self(2);
    /// Four bits a pixel, the left one low. (SPICE_BITMAP_FMT_4BIT_LE)
    pub const FOUR_BIT_LE: Self = Self(3);
    /// Four bits a pixel, the left one high. (SPICE_BITMAP_FMT_4BIT_BE)
    pub const FOUR_BIT_BE: Self = Self(4);
    /// A byte a pixel, into a palette. (SPICE_BITMAP_FMT_8BIT)
    pub const EIGHT_BIT: Self = Self(5);
    /// Five bits a colour, little-endian. (SPICE_BITMAP_FMT_16BIT)
    pub const SIXTEEN_BIT: Self = Self(6);
    /// Blue, green, red. (SPICE_BITMAP_FMT_24BIT)
    pub const TWENTY_FOUR_BIT: Self = Self(7);
    /// Blue, green, red, unused. (SPICE_BITMAP_FMT_32BIT)
    pub const THIRTY_TWO_BIT: Self = Self(8);
    /// Blue, green, red, alpha. (SPICE_BITMAP_FMT_RGBA)
    pub const RGBA: Self = Self(9);
    /// Alpha alone. (SPICE_BITMAP_FMT_8BIT_A)
    pub const ALPHA: Self = Self(10);

    /// How the pixels are packed, if they are numbers in a palette.
    fn depth(self) -> Option<Depth> {
        Some(match self {
            Self::ONE_BIT_LE => Depth::OneLittle,
            Self::ONE_BIT_BE => Depth::OneBig,
            Self::FOUR_BIT_LE => Depth::FourLittle,
            Self::FOUR_BIT_BE => Depth::FourBig,
            Self::EIGHT_BIT => Depth::Eight,
            _ => return None,
        })
    }

    /// Whether the pixels mean nothing without a palette.
    pub fn needs_palette(self) -> bool {
        self.depth().is_some()
    }

    fn row_bytes(self, width: u32) -> Result<usize, Error> {
        let pixels = width as usize;
        Ok(match self {
            Self::SIXTEEN_BIT => pixels * 2,
            Self::TWENTY_FOUR_BIT => pixels * 3,
            Self::THIRTY_TWO_BIT | Self::RGBA => pixels * 4,
            Self::ALPHA => pixels,
            _ => match self.depth() {
                Some(depth) => depth.row_bytes(width),
                None => return Err(Error::invalid("bitmap format", u64::from(self.0))),
            },
        })
    }
}

/// How a bitmap lies in its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How its pixels are packed.
    pub format: BitmapFormat,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// Whether the first row is the top one. (SPICE_BITMAP_FLAGS_TOP_DOWN)
    pub top_down: bool,
}

/// Makes pixels of a bitmap (SPICE_IMAGE_TYPE_BITMAP).
pub fn decode(data: &[u8], layout: &Layout, palette: Option<&Palette>) -> Result<Pixels, Error> {
    let area = checked_area(layout.width, layout.height)?;
    let row = layout.format.row_bytes(layout.width)?;
    let stride = layout.stride as usize;
    if stride < row {
        return Err(Error::invalid("bitmap stride", u64::from(layout.stride)));
    }
    // The last row need not be padded. Both factors are small: `row` and `height` by
    // `checked_area`, `stride` by the type.
    let needed = stride as u64 * u64::from(layout.height - 1) + row as u64;
    if (data.len() as u64) < needed {
        return Err(Error::truncated("bitmap data"));
    }
    let mut pixels = Vec::with_capacity(area);
    let rows = data
        .chunks(stride)
        .take(layout.height as usize)
        .map(|bytes| &bytes[..row]);
    match layout.format {
        BitmapFormat::SIXTEEN_BIT => {
            for row in rows {
                let row = row.chunks_exact(2);
                pixels.extend(row.map(|p| expand_555(u16::from_le_bytes([p[0], p[1]]))));
            }
        }
        BitmapFormat::TWENTY_FOUR_BIT => {
            for row in rows {
                pixels.extend(row.chunks_exact(3).map(|p| [p[2], p[1], p[0], 255]));
            }
        }
        BitmapFormat::THIRTY_TWO_BIT => {
            for row in rows {
                pixels.extend(row.chunks_exact(4).map(|p| [p[2], p[1], p[0], 255]));
            }
        }
        BitmapFormat::RGBA => {
            for row in rows {
                pixels.extend(row.chunks_exact(4).map(|p| [p[2], p[1], p[0], p[3]]));
            }
        }
        BitmapFormat::ALPHA => {
            for row in rows {
                pixels.extend(row.iter().map(|&alpha| [0, 0, 0, alpha]));
            }
        }
        format => {
            let Some(depth) = format.depth() else {
                return Err(Error::invalid("bitmap format", u64::from(format.0)));
            };
            let Some(palette) = palette else {
                return Err(Error::missing("palette of bitmap", 0));
            };
            pixels.resize(area, [0; 4]);
            for (places, row) in pixels.chunks_exact_mut(layout.width as usize).zip(rows) {
                depth.expand(row, palette, places);
            }
        }
    }
    if !layout.top_down {
        flip(&mut pixels, layout.width as usize);
    }
    let alpha = match layout.format {
        BitmapFormat::RGBA | BitmapFormat::ALPHA => Alpha::Premultiplied,
        _ => Alpha::Opaque,
    };
    Pixels::new(layout.width, layout.height, alpha, pixels)
}

/// How palette pixels are packed into bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Depth {
    OneLittle,
    OneBig,
    FourLittle,
    FourBig,
    Eight,
}

impl Depth {
    pub fn row_bytes(self, width: u32) -> usize {
        let width = width as usize;
        match self {
            Self::OneLittle | Self::OneBig => width.div_ceil(8),
            Self::FourLittle | Self::FourBig => width.div_ceil(2),
            Self::Eight => width,
        }
    }

    /// Looks up a row of packed pixels.
    pub fn expand(self, packed: &[u8], palette: &Palette, row: &mut [Pixel]) {
        match self {
            Self::OneLittle | Self::OneBig => {
                let colours = [palette.colour(0), palette.colour(1)];
                let little = matches!(self, Self::OneLittle);
                for (places, &byte) in row.chunks_mut(8).zip(packed) {
                    let byte = if little { byte.reverse_bits() } else { byte };
                    for (x, place) in places.iter_mut().enumerate() {
                        *place = colours[usize::from(byte >> (7 - x) & 1)];
                    }
                }
            }
            Self::FourLittle | Self::FourBig => {
                let little = matches!(self, Self::FourLittle);
                for (places, &byte) in row.chunks_mut(2).zip(packed) {
                    let byte = if little { byte.rotate_left(4) } else { byte };
                    places[0] = palette.colour(byte >> 4);
                    if let Some(place) = places.get_mut(1) {
                        *place = palette.colour(byte & 0x0f);
                    }
                }
            }
            Self::Eight => {
                for (place, &byte) in row.iter_mut().zip(packed) {
                    *place = palette.colour(byte);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Pixel = [0, 0, 0, 255];
    const RED: Pixel = [255, 0, 0, 255];
    const BLUE: Pixel = [0, 0, 255, 255];

    fn palette() -> Palette {
        Palette::new([0x0000_0000, 0x00ff_0000, 0x0000_00ff].into_iter()).unwrap()
    }

    fn pixels(
        format: BitmapFormat,
        width: u32,
        height: u32,
        stride: u32,
        data: &[u8],
    ) -> Vec<Pixel> {
        let layout = Layout {
            format,
            width,
            height,
            stride,
            top_down: true,
        };
        decode(data, &layout, Some(&palette())).unwrap().data
    }

    #[test]
    fn one_bit_pixels_come_from_either_end_of_the_byte() {
        let row = [0b1000_0001, 0b0100_0000];
        let expected = |ones: [usize; 3]| -> Vec<Pixel> {
            (0..10)
                .map(|x| if ones.contains(&x) { RED } else { BLACK })
                .collect()
        };
        assert_eq!(
            pixels(BitmapFormat::ONE_BIT_BE, 10, 1, 2, &row),
            expected([0, 7, 9])
        );
        assert_eq!(
            pixels(BitmapFormat::ONE_BIT_LE, 10, 1, 2, &row),
            expected([0, 7, 7])
        );
    }

    #[test]
    fn four_bit_pixels_come_from_either_end_of_the_byte() {
        let row = [0x12, 0x20];
        assert_eq!(
            pixels(BitmapFormat::FOUR_BIT_BE, 3, 1, 2, &row),
            [RED, BLUE, BLUE]
        );
        assert_eq!(
            pixels(BitmapFormat::FOUR_BIT_LE, 3, 1, 2, &row),
            [BLUE, RED, BLACK]
        );
    }

    #[test]
    fn padding_of_rows_is_skipped_and_may_be_missing_after_the_last() {
        let data = [1, 2, 99, 99, 2, 1];
        assert_eq!(
            pixels(BitmapFormat::EIGHT_BIT, 2, 2, 4, &data),
            [RED, BLUE, BLUE, RED]
        );
    }

    #[test]
    fn a_bitmap_from_the_bottom_up_is_turned() {
        let layout = Layout {
            format: BitmapFormat::EIGHT_BIT,
            width: 1,
            height: 3,
            stride: 1,
            top_down: false,
        };
        let turned = decode(&[0, 1, 2], &layout, Some(&palette())).unwrap();
        assert_eq!(turned.data, [BLUE, RED, BLACK]);
    }

    #[test]
    fn sixteen_bit_colours_reach_full_brightness() {
        let white = pixels(
            BitmapFormat::SIXTEEN_BIT,
            2,
            1,
            4,
            &[0xff, 0x7f, 0x00, 0x40],
        );
        assert_eq!(white, [[255; 4], [132, 0, 0, 255]]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |format, width, height, stride, bytes| {
            let layout = Layout {
                format,
                width,
                height,
                stride,
                top_down: true,
            };
            decode(&vec![0; bytes], &layout, Some(&palette())).is_err()
        };
        assert!(refused(BitmapFormat::RGBA, 2, 2, 8, 15), "a byte short");
        assert!(refused(BitmapFormat::RGBA, 2, 2, 7, 100), "rows overlap");
        assert!(refused(BitmapFormat::RGBA, 0, 2, 8, 100), "no width");
        assert!(refused(BitmapFormat::RGBA, 2, 0, 8, 100), "no height");
        assert!(
            refused(BitmapFormat::RGBA, u32::MAX, u32::MAX, u32::MAX, 100),
            "too large"
        );
        assert!(refused(BitmapFormat(77), 2, 2, 8, 100), "unknown format");
        let layout = Layout {
            format: BitmapFormat::EIGHT_BIT,
            width: 1,
            height: 1,
            stride: 1,
            top_down: true,
        };
        assert!(decode(&[0], &layout, None).is_err(), "no palette");
    }
}
