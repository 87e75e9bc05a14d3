//! LZ4 images: rows as a bitmap would have them, packed in blocks of the LZ4 format that may refer
//! back into the blocks before. Servers take this over LZ where both sides have it, for it is
//! quicker to pack.
//!
//! All blocks of a picture are unpacked into one buffer, so what a later block refers to is simply
//! there. 32-bit pixels are unpacked in their final place.

#![allow(
    clippy::indexing_slicing,
    reason = "lengths are checked once per copy, not per byte"
)]

use super::bitmap::BitmapFormat;
use super::lz;
use super::{expand_555, flip};
use crate::error::Error;
use crate::pixels::{Alpha, Pixel, Pixels, checked_area};

/// References shorter than this are never written, so lengths count from it.
const SHORTEST: usize = 4;
/// A length of this is continued in the bytes that follow.
const LONG: usize = 15;
/// One byte of input lengthens a reference by this many bytes at most.
const BYTES_PER_BYTE: usize = 256;
/// How many literals are copied at once, wanted or not.
const BLOCK: usize = 16;
/// A token, all the literals it can have without a longer length, and a distance; with some to spare.
const HEAD: usize = 20;

/// Decodes a picture (SPICE_IMAGE_TYPE_LZ4).
pub fn decode(data: &[u8], width: u32, height: u32) -> Result<Pixels, Error> {
    let [top_down, format, blocks @ ..] = data else {
        return Err(Error::truncated("lz4 header"));
    };
    let area = checked_area(width, height)?;
    let mut alpha = Alpha::Opaque;
    let mut pixels = match BitmapFormat(*format) {
        BitmapFormat::SIXTEEN_BIT => unpack_narrow(blocks, area, |bytes: &[u8; 2]| {
            expand_555(u16::from_le_bytes(*bytes))
        })?,
        BitmapFormat::TWENTY_FOUR_BIT => {
            unpack_narrow(blocks, area, |&[blue, green, red]: &[u8; 3]| {
                [red, green, blue, 255]
            })?
        }
        BitmapFormat::THIRTY_TWO_BIT => unpack_wide(blocks, area, 0xff)?,
        BitmapFormat::RGBA => {
            alpha = Alpha::Premultiplied;
            unpack_wide(blocks, area, 0)?
        }
        BitmapFormat(format) => return Err(Error::invalid("lz4 bitmap format", format.into())),
    };
    if *top_down == 0 {
        flip(&mut pixels, width as usize);
    }
    Pixels::new(width, height, alpha, pixels)
}

/// Unpacks pixels of two or three bytes and widens them.
fn unpack_narrow<const BYTES: usize>(
    blocks: &[u8],
    area: usize,
    widen: impl Fn(&[u8; BYTES]) -> Pixel,
) -> Result<Vec<Pixel>, Error> {
    let size = area * BYTES;
    check_size(blocks, size)?;
    let mut packed = vec![0; size];
    unpack(blocks, &mut packed)?;
    Ok(packed.as_chunks().0.iter().map(widen).collect())
}

/// Unpacks pixels of four bytes where they are to be, then brings their colours in order and sets
/// bits of the last byte.
fn unpack_wide(blocks: &[u8], area: usize, alpha: u8) -> Result<Vec<Pixel>, Error> {
    check_size(blocks, area * size_of::<Pixel>())?;
    let mut pixels = vec![[0u8; 4]; area];
    unpack(blocks, pixels.as_flattened_mut())?;
    let alpha = u32::from(alpha) << 24;
    for pixel in &mut pixels {
        let wire = u32::from_le_bytes(*pixel);
        let swapped = (wire & 0x00ff_00ff).rotate_left(16);
        *pixel = (swapped | (wire & 0xff00_ff00) | alpha).to_le_bytes();
    }
    Ok(pixels)
}

/// Refuses a picture that the input cannot hold, before it gets memory.
fn check_size(blocks: &[u8], size: usize) -> Result<(), Error> {
    if size / BYTES_PER_BYTE > blocks.len() {
        return Err(Error::truncated("lz4 blocks"));
    }
    Ok(())
}

/// Unpacks blocks, each behind its length, until the picture is whole.
fn unpack(mut blocks: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let mut at = 0;
    while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((block, rest)) = rest.split_at_checked(length) else {
            return Err(Error::truncated("lz4 block"));
        };
        at = unpack_block(block, out, at)?;
        blocks = rest;
    }
    if at == out.len() && blocks.is_empty() {
        Ok(())
    } else {
        Err(Error::truncated("lz4 blocks"))
    }
}

/// Unpacks one block to `at`, and gives the place after it. Every block ends with literals.
fn unpack_block(block: &[u8], out: &mut [u8], mut at: usize) -> Result<usize, Error> {
    let mut input = Input { block, at: 0 };
    loop {
        let token;
        let distance;
        if let Some(head) = input.ahead::<HEAD>()
            && head[0] >> 4 < LONG as u8
            && let Some(to) = ahead::<BLOCK>(out, at)
        {
            // So much is left that this is not the end; literals too many are overwritten.
            token = head[0];
            let literals = usize::from(token >> 4);
            to.copy_from_slice(&head[1..=BLOCK]);
            distance = usize::from(u16::from_le_bytes([head[literals + 1], head[literals + 2]]));
            input.at += literals + 3;
            at += literals;
        } else {
            token = input.byte()?;
            let mut literals = usize::from(token >> 4);
            if literals == LONG {
                literals += input.more()?;
            }
            let from = input.peek(literals)?;
            let Some(to) = out.get_mut(at..).and_then(|out| out.get_mut(..literals)) else {
                return Err(Error::invalid("lz4 literals", literals as u64));
            };
            to.copy_from_slice(from);
            input.at += literals;
            at += literals;
            if input.at == block.len() {
                return Ok(at);
            }
            distance = input.distance()?;
        }
        let mut length = usize::from(token & 15);
        if length == LONG {
            length += input.more()?;
        }
        length += SHORTEST;
        if length <= 4 * BLOCK && (BLOCK..=at).contains(&distance) && at + 4 * BLOCK <= out.len() {
            // Most are short: whole blocks hold them, and a later one may begin in an earlier.
            let from = at - distance;
            copy_block(out, from, at);
            copy_block(out, from + BLOCK, at + BLOCK);
            if length > 2 * BLOCK {
                copy_block(out, from + 2 * BLOCK, at + 2 * BLOCK);
                copy_block(out, from + 3 * BLOCK, at + 3 * BLOCK);
            }
            at += length;
            continue;
        }
        at = lz::repeat(out, at, distance, length)?;
    }
}

/// Copies a block backwards or forwards; both must be inside.
#[inline(always)]
fn copy_block(out: &mut [u8], from: usize, to: usize) {
    let mut block = [0; BLOCK];
    block.copy_from_slice(&out[from..][..BLOCK]);
    out[to..][..BLOCK].copy_from_slice(&block);
}

/// The next bytes of the output, if there are so many.
#[inline(always)]
fn ahead<const N: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    out.get_mut(at..)?.first_chunk_mut()
}

/// A block, and how far it is read.
struct Input<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Error> {
        let Some(&byte) = self.block.get(self.at) else {
            return Err(Error::truncated("lz4 block"));
        };
        self.at += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn distance(&mut self) -> Result<usize, Error> {
        let Some(bytes) = self.ahead::<2>() else {
            return Err(Error::truncated("lz4 block"));
        };
        self.at += 2;
        Ok(usize::from(u16::from_le_bytes(*bytes)))
    }

    /// The rest of a long length.
    #[inline(always)]
    fn more(&mut self) -> Result<usize, Error> {
        let mut length = 0;
        loop {
            let byte = self.byte()?;
            // The input is far too short to make this overflow.
            length += usize::from(byte);
            if byte != 255 {
                return Ok(length);
            }
        }
    }

    #[inline(always)]
    fn ahead<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.block.get(self.at..)?.first_chunk()
    }

    #[inline(always)]
    fn peek(&self, count: usize) -> Result<&'a [u8], Error> {
        let rest = self.block.get(self.at..).unwrap_or_default();
        match rest.get(..count) {
            Some(bytes) => Ok(bytes),
            None => Err(Error::truncated("lz4 block")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of blocks, with their lengths put in front.
    fn picture(top_down: u8, format: BitmapFormat, blocks: &[&[u8]]) -> Vec<u8> {
        let mut data = vec![top_down, format.0];
        for block in blocks {
            data.extend_from_slice(&(block.len() as u32).to_be_bytes());
            data.extend_from_slice(block);
        }
        data
    }

    #[test]
    fn a_block_refers_into_the_one_before_it() {
        // Two pixels as literals; then a reference to both of them, and none behind it.
        let first = [0x80, 1, 2, 3, 0, 4, 5, 6, 0];
        let second = [0x04, 8, 0, 0x00];
        let data = picture(1, BitmapFormat::THIRTY_TWO_BIT, &[&first, &second]);
        let decoded = decode(&data, 2, 2).unwrap();
        let row = [[3, 2, 1, 255], [6, 5, 4, 255]];
        assert_eq!(decoded.data, [row, row].as_flattened());
        assert_eq!(decoded.alpha, Alpha::Opaque);
    }

    #[test]
    fn every_format_has_its_own_pixels() {
        let literals = |bytes: &[u8]| {
            let mut block = vec![(bytes.len() as u8) << 4];
            block.extend_from_slice(bytes);
            block
        };
        let one = |format, bytes: &[u8]| {
            decode(&picture(1, format, &[&literals(bytes)]), 1, 1).map(|pixels| pixels.data[0])
        };
        assert_eq!(
            one(BitmapFormat::SIXTEEN_BIT, &[0x1f, 0x7c]),
            Ok([255, 0, 255, 255])
        );
        assert_eq!(
            one(BitmapFormat::TWENTY_FOUR_BIT, &[1, 2, 3]),
            Ok([3, 2, 1, 255])
        );
        assert_eq!(
            one(BitmapFormat::THIRTY_TWO_BIT, &[1, 2, 3, 9]),
            Ok([3, 2, 1, 255])
        );
        assert_eq!(one(BitmapFormat::RGBA, &[1, 2, 3, 9]), Ok([3, 2, 1, 9]));
        assert!(one(BitmapFormat::EIGHT_BIT, &[1]).is_err());
    }

    #[test]
    fn rows_come_from_the_bottom_unless_it_says_otherwise() {
        let block = [0x80, 1, 2, 3, 0, 4, 5, 6, 0];
        let decoded = decode(&picture(0, BitmapFormat::THIRTY_TWO_BIT, &[&block]), 1, 2).unwrap();
        assert_eq!(decoded.data, [[6, 5, 4, 255], [3, 2, 1, 255]]);
    }

    #[test]
    fn what_does_not_fit_the_picture_is_refused() {
        let decode =
            |blocks: &[&[u8]]| decode(&picture(1, BitmapFormat::THIRTY_TWO_BIT, blocks), 2, 1);
        // Whole, for comparison: one pixel, and a reference to it.
        assert!(decode(&[&[0x40, 1, 2, 3, 4, 4, 0, 0x00]]).is_ok());
        // Too little, too much, and nothing at all.
        assert!(decode(&[&[0x40, 1, 2, 3, 4]]).is_err());
        assert!(decode(&[&[0x45, 1, 2, 3, 4, 4, 0, 0x00]]).is_err());
        assert!(decode(&[]).is_err());
        // References before the picture, and to nowhere.
        assert!(decode(&[&[0x40, 1, 2, 3, 4, 5, 0, 0x00]]).is_err());
        assert!(decode(&[&[0x40, 1, 2, 3, 4, 0, 0, 0x00]]).is_err());
        // A reference without literals behind it, and a length that never ends.
        assert!(decode(&[&[0x40, 1, 2, 3, 4, 4, 0]]).is_err());
        assert!(decode(&[&[0xf0, 255, 255, 255]]).is_err());
        // A block longer than the rest.
        let mut cut = picture(1, BitmapFormat::THIRTY_TWO_BIT, &[&[0x80; 9]]);
        cut.pop();
        assert!(super::decode(&cut, 2, 1).is_err());
        // More than a few bytes can ever become.
        let claim = picture(1, BitmapFormat::THIRTY_TWO_BIT, &[&[0x40, 1, 2, 3, 4]]);
        assert_eq!(
            super::decode(&claim, 16_000, 4_000),
            Err(Error::truncated("lz4 blocks"))
        );
    }
}
