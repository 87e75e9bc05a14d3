//! LZ: the dictionary codec of SPICE for flat pictures. A stream is literals and references to
//! earlier places of the same picture, counted in pixels (or, with a palette, in bytes of packed
//! pixels). GLZ, whose references also reach into other pictures, shares the copying from here.

#![allow(
    clippy::indexing_slicing,
    reason = "lengths are checked once per copy or row, not per pixel"
)]

use super::bitmap::Depth;
use super::palette::Palette;
use super::{expand_555, flip};
use crate::error::Error;
use crate::pixels::{Alpha, Pixel, Pixels, checked_area};

/// "LZ  " as the stream's big-endian number.
pub(super) const MAGIC: u32 = 0x2020_5a4c;
pub(super) const VERSION: u32 = 0x0001_0001;

/// LzImageType: what one unit of the stream is.
pub(super) mod kind {
    pub const PLT1_LE: u32 = 1;
    pub const PLT1_BE: u32 = 2;
    pub const PLT4_LE: u32 = 3;
    pub const PLT4_BE: u32 = 4;
    pub const PLT8: u32 = 5;
    pub const RGB16: u32 = 6;
    pub const RGB24: u32 = 7;
    pub const RGB32: u32 = 8;
    pub const RGBA: u32 = 9;
    pub const XXXA: u32 = 10;
    pub const A8: u32 = 11;
}

/// A first byte below this says how many literals follow, less one.
pub(super) const LITERALS: u8 = 32;
/// One byte of input lengthens a reference by this many units at most; a stream whose picture
/// would need more than that cannot be whole, and gets no memory for it.
pub(super) const UNITS_PER_BYTE: usize = 256;
/// Distances from here on are written with 16 bits more.
const FAR: usize = 8191;

/// Decodes a picture without a palette (SPICE_IMAGE_TYPE_LZ_RGB).
pub fn decode(data: &[u8], width: u32, height: u32) -> Result<Pixels, Error> {
    let mut input = Input(data);
    let header = Header::read(&mut input, width, height)?;
    let area = checked_area(width, height)?;
    check_units(area, &input)?;
    let mut alpha = Alpha::Opaque;
    let mut pixels = match header.kind {
        kind::RGB16 => decode_units::<Rgb16>(&mut input, area)?,
        kind::RGB24 | kind::RGB32 => decode_units::<Rgb>(&mut input, area)?,
        kind::RGBA => {
            alpha = Alpha::Premultiplied;
            let mut pixels = decode_units::<Rgb>(&mut input, area)?;
            let alphas = decode_units::<Byte>(&mut input, area)?;
            for (pixel, alpha) in pixels.iter_mut().zip(alphas) {
                pixel[3] = alpha;
            }
            pixels
        }
        kind::XXXA | kind::A8 => {
            alpha = Alpha::Premultiplied;
            let alphas = decode_units::<Byte>(&mut input, area)?;
            alphas.into_iter().map(|alpha| [0, 0, 0, alpha]).collect()
        }
        kind => return Err(Error::invalid("lz image type", u64::from(kind))),
    };
    if !header.top_down {
        flip(&mut pixels, width as usize);
    }
    Pixels::new(width, height, alpha, pixels)
}

/// Decodes a picture with a palette (SPICE_IMAGE_TYPE_LZ_PLT).
pub fn decode_palette(
    data: &[u8],
    palette: &Palette,
    width: u32,
    height: u32,
) -> Result<Pixels, Error> {
    let mut input = Input(data);
    let header = Header::read(&mut input, width, height)?;
    let area = checked_area(width, height)?;
    let depth = match header.kind {
        kind::PLT1_LE => Depth::OneLittle,
        kind::PLT1_BE => Depth::OneBig,
        kind::PLT4_LE => Depth::FourLittle,
        kind::PLT4_BE => Depth::FourBig,
        kind::PLT8 => Depth::Eight,
        kind => return Err(Error::invalid("lz palette image type", u64::from(kind))),
    };
    let needed = depth.row_bytes(width);
    let stride = header.stride as usize;
    // A row may carry one byte more than it needs, as the drawing program had it.
    if stride < needed || stride > needed + 1 {
        return Err(Error::invalid("lz stride", u64::from(header.stride)));
    }
    let units = stride * height as usize;
    check_units(units, &input)?;
    let packed = decode_units::<Byte>(&mut input, units)?;
    let mut pixels = vec![[0; 4]; area];
    for (row, packed) in pixels
        .chunks_exact_mut(width as usize)
        .zip(packed.chunks_exact(stride))
    {
        depth.expand(packed, palette, row);
    }
    if !header.top_down {
        flip(&mut pixels, width as usize);
    }
    Pixels::new(width, height, Alpha::Opaque, pixels)
}

/// Decodes the alpha plane of a picture whose colours came otherwise, top row first.
pub(super) fn decode_alpha(data: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let mut input = Input(data);
    let header = Header::read(&mut input, width, height)?;
    let area = checked_area(width, height)?;
    if header.kind != kind::XXXA {
        return Err(Error::invalid("alpha plane type", u64::from(header.kind)));
    }
    check_units(area, &input)?;
    let mut alphas = decode_units::<Byte>(&mut input, area)?;
    if !header.top_down {
        flip(&mut alphas, width as usize);
    }
    Ok(alphas)
}

/// What stands before the coded units; all numbers are big-endian.
struct Header {
    kind: u32,
    stride: u32,
    top_down: bool,
}

impl Header {
    fn read(input: &mut Input, width: u32, height: u32) -> Result<Self, Error> {
        check_start(input)?;
        let kind = input.u32()?;
        check_size(input, width, height)?;
        let stride = input.u32()?;
        let top_down = input.u32()? != 0;
        Ok(Self {
            kind,
            stride,
            top_down,
        })
    }
}

/// Reads the magic and version that LZ and GLZ share.
pub(super) fn check_start(input: &mut Input) -> Result<(), Error> {
    let magic = input.u32()?;
    if magic != MAGIC {
        return Err(Error::invalid("lz magic", u64::from(magic)));
    }
    let version = input.u32()?;
    if version != VERSION {
        return Err(Error::invalid("lz version", u64::from(version)));
    }
    Ok(())
}

/// Reads the picture's size, which must be the one expected.
pub(super) fn check_size(input: &mut Input, width: u32, height: u32) -> Result<(), Error> {
    let claimed = input.u32()?;
    if claimed != width {
        return Err(Error::invalid("lz width", u64::from(claimed)));
    }
    let claimed = input.u32()?;
    if claimed != height {
        return Err(Error::invalid("lz height", u64::from(claimed)));
    }
    Ok(())
}

/// Refuses a picture that the rest of the input cannot hold.
pub(super) fn check_units(units: usize, input: &Input) -> Result<(), Error> {
    if units / UNITS_PER_BYTE > input.0.len() {
        return Err(Error::truncated("lz stream"));
    }
    Ok(())
}

/// The bytes not read yet.
pub(super) struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    #[inline(always)]
    pub fn byte(&mut self) -> Result<u8, Error> {
        let Some((&byte, rest)) = self.0.split_first() else {
            return Err(Error::truncated("lz stream"));
        };
        self.0 = rest;
        Ok(byte)
    }

    #[inline(always)]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let Some((taken, rest)) = self.0.split_at_checked(count) else {
            return Err(Error::truncated("lz stream"));
        };
        self.0 = rest;
        Ok(taken)
    }

    pub fn u32(&mut self) -> Result<u32, Error> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn u64(&mut self) -> Result<u64, Error> {
        Ok((u64::from(self.u32()?) << 32) | u64::from(self.u32()?))
    }
}

/// One kind of unit: how a literal is read, and what lengths of references leave out.
pub(super) trait Unit {
    /// What the decoder makes of a unit.
    type Out: Copy + Default;
    /// The bytes of a literal.
    const BYTES: usize;
    /// References shorter than this were not worth writing, so lengths count from it.
    const SHORTEST: usize;
    /// Makes one unit of its bytes.
    fn read(bytes: &[u8]) -> Self::Out;
    /// Makes units of as many bytes as they have.
    #[inline(always)]
    fn read_all(bytes: &[u8], out: &mut [Self::Out]) {
        for (place, bytes) in out.iter_mut().zip(bytes.chunks_exact(Self::BYTES)) {
            *place = Self::read(bytes);
        }
    }
}

/// A byte of palette pixels or an alpha value.
pub(super) struct Byte;
/// Five bits a colour, high byte first.
pub(super) struct Rgb16;
/// Blue, green, red.
pub(super) struct Rgb;

impl Unit for Byte {
    type Out = u8;
    const BYTES: usize = 1;
    const SHORTEST: usize = 3;
    #[inline(always)]
    fn read(bytes: &[u8]) -> u8 {
        bytes[0]
    }
}

impl Unit for Rgb16 {
    type Out = Pixel;
    const BYTES: usize = 2;
    const SHORTEST: usize = 2;
    #[inline(always)]
    fn read(bytes: &[u8]) -> Pixel {
        expand_555(u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

impl Unit for Rgb {
    type Out = Pixel;
    const BYTES: usize = 3;
    const SHORTEST: usize = 1;
    #[inline(always)]
    fn read(bytes: &[u8]) -> Pixel {
        [bytes[2], bytes[1], bytes[0], 255]
    }
    #[inline(always)]
    fn read_all(bytes: &[u8], out: &mut [Pixel]) {
        // Four pixels are three words, which is quicker where a processor can turn a word around;
        // in a browser plain bytes become vectors by themselves.
        if cfg!(target_arch = "wasm32") || out.len() < 16 {
            for (pixel, bytes) in out.iter_mut().zip(bytes.chunks_exact(3)) {
                *pixel = Self::read(bytes);
            }
            return;
        }
        let (packed, packed_rest) = bytes.as_chunks::<12>();
        let (pixels, pixels_rest) = out.as_chunks_mut::<4>();
        for (pixels, b) in pixels.iter_mut().zip(packed) {
            let word = |a, b, c, d| u32::from_be_bytes([a, b, c, d]);
            let colours = [
                word(b[0], b[1], b[2], b[3]) >> 8,
                word(b[3], b[4], b[5], b[6]) >> 8,
                word(b[6], b[7], b[8], b[9]) >> 8,
                word(b[8], b[9], b[10], b[11]),
            ];
            *pixels = colours.map(|colour| (colour | 0xff00_0000).to_le_bytes());
        }
        for (pixel, bytes) in pixels_rest.iter_mut().zip(packed_rest.chunks_exact(3)) {
            *pixel = Self::read(bytes);
        }
    }
}

/// Reads literals to `at`, and gives the place after them.
#[inline(always)]
pub(super) fn literals<U: Unit>(
    input: &mut Input,
    count: usize,
    out: &mut [U::Out],
    at: usize,
) -> Result<usize, Error> {
    let bytes = input.take(count * U::BYTES)?;
    let Some(places) = out.get_mut(at..at + count) else {
        return Err(Error::invalid("lz literals", count as u64));
    };
    U::read_all(bytes, places);
    Ok(at + count)
}

/// The length of a reference: what its first byte says, and for long ones as many more bytes as it
/// takes until one is not 255.
#[inline(always)]
pub(super) fn length<U: Unit>(input: &mut Input, control: u8) -> Result<usize, Error> {
    let mut length = usize::from(control >> 5);
    if length == 7 {
        loop {
            let byte = input.byte()?;
            // The input is far too short to make this overflow.
            length += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
    }
    Ok(length + U::SHORTEST - 1)
}

fn decode_units<U: Unit>(input: &mut Input, units: usize) -> Result<Vec<U::Out>, Error> {
    let mut out = vec![U::Out::default(); units];
    let mut at = 0;
    while at < units {
        let control = input.byte()?;
        if control < LITERALS {
            at = literals::<U>(input, usize::from(control) + 1, &mut out, at)?;
            continue;
        }
        let length = length::<U>(input, control)?;
        let mut distance = (usize::from(control & 31) << 8) + usize::from(input.byte()?);
        if distance == FAR {
            let bytes = input.take(2)?;
            distance = usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) + FAR;
        }
        at = repeat(&mut out, at, distance + 1, length)?;
    }
    Ok(out)
}

/// How many bytes are copied at once, and up to how many that beats a call.
const BLOCK_BYTES: usize = 16;
const SHORT_BYTES: usize = 128;

/// Copies `length` units from `distance` units back to `at`, each after the one before, so that a
/// distance shorter than the length repeats a pattern. Gives the place after the last.
#[inline(always)]
pub(super) fn repeat<T: Copy + Default>(
    out: &mut [T],
    at: usize,
    distance: usize,
    length: usize,
) -> Result<usize, Error> {
    let end = at.saturating_add(length);
    if distance > at || distance == 0 || end > out.len() {
        return Err(Error::invalid("lz reference", distance as u64));
    }
    let block = BLOCK_BYTES / size_of::<T>();
    if distance == 1 {
        let unit = out[at - 1];
        out[at..end].fill(unit);
    } else if distance >= block
        && length <= SHORT_BYTES / size_of::<T>()
        && end + block <= out.len()
    {
        // Whole blocks are quicker than exact ends, and what is written past the end is
        // overwritten by what follows.
        let mut to = at;
        while to < end {
            let (before, after) = out.split_at_mut(to);
            let source = &before[to - distance..][..block];
            after[..block].copy_from_slice(source);
            to += block;
        }
    } else if distance >= length {
        out.copy_within(at - distance..at - distance + length, at);
    } else if distance < block {
        // As many whole patterns as a block holds are written block by block.
        let mut pattern = [T::default(); BLOCK_BYTES];
        pattern[..distance].copy_from_slice(&out[at - distance..at]);
        // The distances that there mostly are: one pixel, and two.
        match distance {
            4 => {
                pattern.copy_within(..4, 4);
                pattern.copy_within(..8, 8);
            }
            8 => pattern.copy_within(..8, 8),
            _ => {
                for place in distance..block {
                    pattern[place] = pattern[place - distance];
                }
            }
        }
        let step = block - block % distance;
        let mut to = at;
        while to + block <= end {
            out[to..to + block].copy_from_slice(&pattern[..block]);
            to += step;
        }
        out[to..end].copy_from_slice(&pattern[..end - to]);
    } else {
        // Each round copies a whole number of patterns, and twice as much as the last.
        let start = at - distance;
        let total = distance + length;
        let mut done = distance;
        while done < total {
            let count = done.min(total - done);
            out.copy_within(start..start + count, start + done);
            done += count;
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_copies_as_if_unit_by_unit_at_every_distance_and_length() {
        for at in 1..40usize {
            for distance in 1..=at {
                for length in 0..60usize {
                    let mut out: Vec<u8> = (0..100).collect();
                    let mut expected = out.clone();
                    for place in at..at + length {
                        expected[place] = expected[place - distance];
                    }
                    assert_eq!(repeat(&mut out, at, distance, length), Ok(at + length));
                    assert_eq!(out[..at + length], expected[..at + length]);
                    let mut wide: Vec<u32> = (0..100).collect();
                    assert_eq!(repeat(&mut wide, at, distance, length), Ok(at + length));
                    let narrow = wide.iter().map(|&unit| unit as u8);
                    assert!(
                        narrow
                            .take(at + length)
                            .eq(expected[..at + length].iter().copied())
                    );
                }
            }
        }
    }

    #[test]
    fn a_reference_stays_inside_the_picture() {
        let mut out = [0u8; 10];
        assert!(repeat(&mut out, 5, 6, 1).is_err());
        assert!(repeat(&mut out, 5, 1, 6).is_err());
        assert!(repeat(&mut out, 5, 1, usize::MAX).is_err());
        assert!(repeat(&mut out, 0, 1, 1).is_err());
        assert!(repeat(&mut out, 5, 0, 1).is_err());
        assert_eq!(repeat(&mut out, 5, 5, 5), Ok(10));
    }
}
