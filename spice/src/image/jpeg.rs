//! JPEG: stills on slow links, and each picture of an MJPEG stream. Decoding is `zune-jpeg`'s; here
//! are the limits, and the pixels made ours.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::lz;
use crate::error::Error;
use crate::pixels::{Alpha, Pixels, checked_area};

/// Scans of one picture: a progressive picture has about ten, and each costs a pass over all of it.
const MAX_SCANS: usize = 32;
/// One byte cannot code more pixels than this: a block of 64 takes at least a bit.
const PIXELS_PER_BYTE: usize = 1024;
/// The longest side a stream's picture may have, before its area is looked at.
const MAX_SIDE: usize = 16_384;

/// Decodes a picture that must have the size its message says (SPICE_IMAGE_TYPE_JPEG).
pub fn decode(data: &[u8], width: u32, height: u32) -> Result<Pixels, Error> {
    decode_any_size(data, Some((width, height)))
}

/// Decodes the pictures of one MJPEG stream. Servers send the tables of quantisation and codes
/// with the first picture, and later only those that change: this remembers them.
#[derive(Clone, Debug, Default)]
pub struct FrameDecoder {
    /// By the number in their first byte, as the picture had them: four of quantisation.
    quantisation: [Vec<u8>; 4],
    /// Four for the first coefficient of a block, four for the others.
    codes: [Vec<u8>; 8],
}

impl FrameDecoder {
    /// Decodes the stream's next picture.
    pub fn decode(&mut self, data: &[u8]) -> Result<Pixels, Error> {
        let whole = self.with_tables(data)?;
        let pixels = decode_any_size(&whole, None)?;
        self.remember(data.get(2..).unwrap_or_default());
        Ok(pixels)
    }

    /// The stream's next picture with all tables it needs, for a decoder that remembers none. Its
    /// size is one we take; more is not known of it.
    pub fn complete(&mut self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let whole = self.with_tables(data)?;
        let Some((width, height)) = size(&whole) else {
            return Err(Error::invalid("jpeg header", data.len() as u64));
        };
        if checked_area(width, height)? / PIXELS_PER_BYTE > data.len() {
            return Err(Error::truncated("jpeg data"));
        }
        self.remember(data.get(2..).unwrap_or_default());
        Ok(whole)
    }

    fn with_tables(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let Some(rest) = data.strip_prefix(&[0xff, SOI]) else {
            return Err(Error::invalid("jpeg frame", data.len() as u64));
        };
        let mut whole = vec![0xff, SOI];
        for (marker, tables) in [
            (DQT, self.quantisation.as_slice()),
            (DHT, self.codes.as_slice()),
        ] {
            for table in tables.iter().filter(|table| !table.is_empty()) {
                let size = u16::try_from(table.len() + 2).unwrap_or(u16::MAX);
                whole.extend_from_slice(&[0xff, marker]);
                whole.extend_from_slice(&size.to_be_bytes());
                whole.extend_from_slice(table);
            }
        }
        // The picture's own tables come after those and take their places.
        whole.extend_from_slice(rest);
        Ok(whole)
    }

    /// Keeps the tables of a picture that could be decoded.
    fn remember(&mut self, mut rest: &[u8]) {
        while let Some((marker, segment, after)) = next_segment(rest) {
            let mut tables = segment;
            while let Some((&name, values)) = tables.split_first() {
                let (slot, size) = match marker {
                    // Of bytes, or of two bytes each.
                    DQT => {
                        let size = if name >> 4 == 0 { 64 } else { 128 };
                        (self.quantisation.get_mut(usize::from(name & 0x0f)), size)
                    }
                    // How many codes there are of each length, then their values.
                    DHT => {
                        let Some((counts, _)) = values.split_at_checked(16) else {
                            break;
                        };
                        let codes: usize = counts.iter().map(|&count| usize::from(count)).sum();
                        let index = usize::from(name >> 4) * 4 + usize::from(name & 0x0f);
                        (
                            self.codes.get_mut(index).filter(|_| name & 0x0f < 4),
                            16 + codes,
                        )
                    }
                    _ => break,
                };
                let (Some(slot), Some(table)) = (slot, tables.get(..=size)) else {
                    break;
                };
                slot.clear();
                slot.extend_from_slice(table);
                tables = tables.get(size + 1..).unwrap_or_default();
            }
            rest = after;
        }
    }
}

/// Markers: start of image, tables, start of the coded picture.
const SOI: u8 = 0xd8;
const DHT: u8 = 0xc4;
const DQT: u8 = 0xdb;
const SOS: u8 = 0xda;

/// The size that the frame header tells.
fn size(whole: &[u8]) -> Option<(u32, u32)> {
    let mut rest = whole.get(2..)?;
    while let Some((marker, segment, after)) = next_segment(rest) {
        // Frame headers, of which C4, C8 and CC are none.
        if (0xc0..=0xcf).contains(&marker) && !matches!(marker, DHT | 0xc8 | 0xcc) {
            let [_, high, low, wide_high, wide_low, ..] = segment else {
                return None;
            };
            let number = |high: &u8, low: &u8| u32::from(u16::from_be_bytes([*high, *low]));
            return Some((number(wide_high, wide_low), number(high, low)));
        }
        rest = after;
    }
    None
}

/// The marker that comes next, what belongs to it, and the rest; nothing from the coded picture on.
fn next_segment(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [0xff, marker, high, low, rest @ ..] = data else {
        return None;
    };
    if *marker == SOS {
        return None;
    }
    let size = usize::from(u16::from_be_bytes([*high, *low])).checked_sub(2)?;
    let (segment, after) = rest.split_at_checked(size)?;
    Some((*marker, segment, after))
}

/// Decodes a picture whose colours are JPEG and whose alpha is LZ (SPICE_IMAGE_TYPE_JPEG_ALPHA).
/// The colours come from the top always; the alpha's own header says how it lies.
pub fn decode_with_alpha(
    colours: &[u8],
    alpha: &[u8],
    width: u32,
    height: u32,
) -> Result<Pixels, Error> {
    let mut pixels = decode(colours, width, height)?;
    let alphas = lz::decode_alpha(alpha, width, height)?;
    for (pixel, alpha) in pixels.data.iter_mut().zip(alphas) {
        pixel[3] = alpha;
    }
    Pixels::new(width, height, Alpha::Premultiplied, pixels.data)
}

fn decode_any_size(data: &[u8], expected: Option<(u32, u32)>) -> Result<Pixels, Error> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGBA);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    decoder
        .decode_headers()
        .map_err(|_| Error::invalid("jpeg header", data.len() as u64))?;
    let Some((width, height)) = decoder.info().map(|info| (info.width, info.height)) else {
        return Err(Error::invalid("jpeg header", data.len() as u64));
    };
    let (width, height) = (u32::from(width), u32::from(height));
    if let Some((expected_width, expected_height)) = expected {
        if width != expected_width {
            return Err(Error::invalid("jpeg width", u64::from(width)));
        }
        if height != expected_height {
            return Err(Error::invalid("jpeg height", u64::from(height)));
        }
    }
    let area = checked_area(width, height)?;
    if area / PIXELS_PER_BYTE > data.len() {
        return Err(Error::truncated("jpeg data"));
    }
    let mut pixels = vec![[0, 0, 0, 255]; area];
    let bytes = pixels.as_flattened_mut();
    if decoder.output_buffer_size() != Some(bytes.len()) {
        return Err(Error::invalid("jpeg colours", data.len() as u64));
    }
    decoder
        .decode_into(bytes)
        .map_err(|_| Error::invalid("jpeg data", data.len() as u64))?;
    for pixel in &mut pixels {
        pixel[3] = 255;
    }
    Pixels::new(width, height, Alpha::Opaque, pixels)
}
