//! Masks: pictures of one bit per pixel that say which pixels of a box are drawn.

use crate::Error;
use crate::message::types::Image;
use crate::pixels::checked_area;
use crate::surface::{Format, Surface};
use crate::wire::Reader;

/// A mask's bits, rows from the top, first pixel highest.
#[derive(Debug, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    stride: usize,
    bits: Vec<u8>,
}

/// SPICE_BITMAP_FMT_1BIT_LE: the first pixel is the lowest bit.
const ONE_BIT_LE: u8 = 1;
/// SPICE_BITMAP_FMT_1BIT_BE: the first pixel is the highest bit.
const ONE_BIT_BE: u8 = 2;
/// SPICE_BITMAP_FLAGS_PAL_FROM_CACHE
const PALETTE_FROM_CACHE: u8 = 2;
/// SPICE_BITMAP_FLAGS_TOP_DOWN
const TOP_DOWN: u8 = 4;

impl Mask {
    /// Reads a mask sent as a BITMAP, the only way in which servers send them.
    pub fn read(image: &Image<'_>) -> Result<Self, Error> {
        let mut body = Reader::new(image.body);
        let format = body.u8("mask format")?;
        if !matches!(format, ONE_BIT_LE | ONE_BIT_BE) {
            return Err(Error::unsupported("mask format", format.into()));
        }
        let flags = body.u8("mask flags")?;
        let width = body.u32("mask width")?;
        let height = body.u32("mask height")?;
        let stride = body.u32("mask stride")? as usize;
        if flags & PALETTE_FROM_CACHE != 0 {
            body.u64("mask palette")?;
        } else {
            body.u32("mask palette")?;
        }
        checked_area(width, height)?;
        let row_bytes = width.div_ceil(8) as usize;
        if stride < row_bytes {
            return Err(Error::invalid("mask stride", stride as u64));
        }
        let rows = (height as usize)
            .checked_mul(stride)
            .ok_or(Error::truncated("mask"))?;
        let data = body.bytes(rows, "mask")?;
        let mut bits = Vec::with_capacity(row_bytes * height as usize);
        let mut put = |row: &[u8]| bits.extend_from_slice(row.get(..row_bytes).unwrap_or_default());
        let rows = data.chunks_exact(stride);
        if flags & TOP_DOWN != 0 {
            rows.for_each(&mut put)
        } else {
            rows.rev().for_each(&mut put)
        }
        if format == ONE_BIT_LE {
            bits.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        Ok(Self {
            width,
            height,
            stride: row_bytes,
            bits,
        })
    }

    /// The bits of a surface that has nothing else.
    pub fn of_surface(surface: &Surface) -> Result<Self, Error> {
        if surface.format() != Format::A1 {
            return Err(Error::unsupported("mask of a surface's format", 0));
        }
        let stride = surface.width().div_ceil(8) as usize;
        let mut bits = Vec::with_capacity(stride * surface.height() as usize);
        for row in surface.pixels().chunks_exact(surface.width() as usize) {
            for eight in row.chunks(8) {
                let byte = eight
                    .iter()
                    .enumerate()
                    .fold(0, |byte, (x, [_, _, _, a])| byte | (a & 0x80) >> x);
                bits.push(byte);
            }
        }
        Ok(Self {
            width: surface.width(),
            height: surface.height(),
            stride,
            bits,
        })
    }

    /// Bytes of memory the bits take.
    pub fn bytes(&self) -> usize {
        self.bits.len()
    }

    /// The bit of a pixel; none outside the mask.
    fn bit(&self, x: i64, y: i64) -> Option<bool> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        if x >= self.width || y >= self.height {
            return None;
        }
        let byte = self.bits.get(y as usize * self.stride + x as usize / 8)?;
        Some(byte >> (7 - x % 8) & 1 != 0)
    }

    /// The runs of pixels, between columns `left` and `right` of row `y` of the mask, that are
    /// drawn: those whose bit is set, or clear when `inverted`. What lies outside is not drawn.
    pub fn runs(
        &self,
        y: i64,
        left: i64,
        right: i64,
        inverted: bool,
        mut run: impl FnMut(i64, i64),
    ) {
        let left = left.max(0);
        let right = right.min(self.width.into());
        let mut start = None;
        for x in left..right {
            if self.bit(x, y).is_some_and(|bit| bit != inverted) {
                start.get_or_insert(x);
            } else if let Some(start) = start.take() {
                run(start, x);
            }
        }
        if let Some(start) = start {
            run(start, right);
        }
    }
}
