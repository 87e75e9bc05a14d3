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
/// The longest side a stream's picture may have, before its area is looked at.
const MAX_SIDE: usize = 16_384;

/// Decodes a picture that must have the size its message says (SPICE_IMAGE_TYPE_JPEG).
pub fn decode(data: &[u8], width: u32, height: u32) -> Result<Pixels, Error> {
    decode_any_size(data, Some((width, height)))
}

/// Decodes a picture of a video stream, which has the size it has. (MJPEG)
pub fn decode_frame(data: &[u8]) -> Result<Pixels, Error> {
    decode_any_size(data, None)
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
