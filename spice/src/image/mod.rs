//! Still pictures: what an image in a drawing message is, and the decoder for each kind.
//!
//! One file per codec, all of them pure functions of bytes except GLZ, which has a window. The
//! caches that the server fills and empties are here too. What a picture is drawn with, and images
//! that are really surfaces, are the display channel's.

#![allow(
    clippy::indexing_slicing,
    reason = "chunks have the length they are asked for"
)]

pub mod bitmap;
pub mod cache;
pub mod glz;
pub mod jpeg;
pub mod lz;
pub mod lz4;
pub mod palette;
pub mod quic;

use std::sync::Arc;

use bitmap::{BitmapFormat, Layout};
use cache::ImageCache;
use glz::GlzWindow;
use palette::{MAX_COLOURS, Palette, PaletteCache};

use crate::error::Error;
use crate::message::types::{Image, ImageFlags, ImageType};
use crate::pixels::{Pixel, Pixels};
use crate::surface::Format;
use crate::wire::Reader;

/// The kinds of image that [`decode`] can decode.
pub const SUPPORTED: &[ImageType] = &[
    ImageType::BITMAP,
    ImageType::QUIC,
    ImageType::LZ_PLT,
    ImageType::LZ_RGB,
    ImageType::GLZ_RGB,
    ImageType::FROM_CACHE,
    ImageType::FROM_CACHE_LOSSLESS,
    ImageType::JPEG,
    ImageType::JPEG_ALPHA,
    ImageType::ZLIB_GLZ_RGB,
    ImageType::LZ4,
];

/// SPICE_BITMAP_FLAGS_PAL_CACHE_ME: keep the palette that comes with this.
const PALETTE_CACHE_ME: u8 = 1;
/// SPICE_BITMAP_FLAGS_PAL_FROM_CACHE: the palette is one kept before.
const PALETTE_FROM_CACHE: u8 = 2;
/// SPICE_BITMAP_FLAGS_TOP_DOWN: the first row is the top one.
const TOP_DOWN: u8 = 4;

/// How much the caches of one display channel may hold: at least what the server was told, which
/// then does the forgetting itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of pictures that the server may name again.
    pub image_cache_bytes: usize,
    /// Pixels of pictures that GLZ may refer to.
    pub glz_window_pixels: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            image_cache_bytes: 160 << 20,
            glz_window_pixels: (64 << 20) / size_of::<Pixel>(),
        }
    }
}

/// Everything of a display channel's images that outlives one image.
#[derive(Debug)]
pub struct ImageContext {
    images: ImageCache,
    palettes: PaletteCache,
    palette_format: Format,
    window: GlzWindow,
}

impl ImageContext {
    /// Empty caches.
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            images: ImageCache::new(limits.image_cache_bytes),
            palettes: PaletteCache::default(),
            palette_format: Format::Xrgb,
            window: GlzWindow::new(limits.glz_window_pixels),
        }
    }

    /// Says what a palette's colours are from now on: they are of the format of the surface that
    /// the picture is for.
    pub fn set_palette_format(&mut self, format: Format) {
        self.palette_format = format;
    }

    /// Forgets an image. (SPICE_MSG_DISPLAY_INVAL_LIST)
    pub fn invalidate_image(&mut self, id: u64) {
        self.images.remove(id);
    }

    /// Forgets all images. (SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS)
    pub fn invalidate_all_images(&mut self) {
        self.images.clear();
    }

    /// Forgets a palette. (SPICE_MSG_DISPLAY_INVAL_PALETTE)
    pub fn invalidate_palette(&mut self, id: u64) {
        self.palettes.remove(id);
    }

    /// Forgets all palettes. (SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES)
    pub fn invalidate_all_palettes(&mut self) {
        self.palettes.clear();
    }

    /// Forgets everything, for a connection that starts anew. (SPICE_MSG_DISPLAY_RESET)
    pub fn reset(&mut self) {
        self.images.clear();
        self.palettes.clear();
        self.window.clear();
    }

    /// How many bytes of pixels are held. A picture in both the cache and the window counts twice.
    pub fn cached_bytes(&self) -> usize {
        self.images.bytes() + self.window.pixels() * size_of::<Pixel>()
    }
}

/// Decodes an image, or finds it in the cache, and keeps it if the server says so.
///
/// Surfaces (SPICE_IMAGE_TYPE_SURFACE) are the caller's. The picture has the size its descriptor
/// says. A failure leaves the context fit for the next image.
pub fn decode(image: Image<'_>, context: &mut ImageContext) -> Result<Arc<Pixels>, Error> {
    let descriptor = &image.descriptor;
    let (id, width, height) = (descriptor.id, descriptor.width, descriptor.height);
    let lossless = !matches!(descriptor.kind, ImageType::JPEG | ImageType::JPEG_ALPHA);
    let body = Reader::new(image.body);
    let picture = match descriptor.kind {
        ImageType::FROM_CACHE | ImageType::FROM_CACHE_LOSSLESS => {
            let lossless = descriptor.kind == ImageType::FROM_CACHE_LOSSLESS;
            let Some(picture) = context.images.get(id, lossless) else {
                return Err(Error::missing("cached image", id));
            };
            let picture = Arc::clone(picture);
            if (picture.width, picture.height) != (width, height) {
                return Err(Error::invalid("size of cached image", id));
            }
            return Ok(picture);
        }
        ImageType::BITMAP => Arc::new(decode_bitmap(image, body, context)?),
        ImageType::QUIC => Arc::new(quic::decode(sized(body)?, width, height)?),
        ImageType::LZ_RGB => Arc::new(lz::decode(sized(body)?, width, height)?),
        ImageType::LZ_PLT => Arc::new(decode_lz_palette(image, body, context)?),
        ImageType::GLZ_RGB => context.window.decode(sized(body)?, width, height)?,
        ImageType::ZLIB_GLZ_RGB => decode_zlib_glz(body, width, height, context)?,
        ImageType::LZ4 => Arc::new(lz4::decode(sized(body)?, width, height)?),
        ImageType::JPEG => Arc::new(jpeg::decode(sized(body)?, width, height)?),
        ImageType::JPEG_ALPHA => Arc::new(decode_jpeg_alpha(body, width, height)?),
        kind => return Err(Error::unsupported("image type", u64::from(kind.0))),
    };
    if descriptor.flags.0 & (ImageFlags::CACHE_ME.0 | ImageFlags::CACHE_REPLACE_ME.0) != 0 {
        context.images.insert(id, Arc::clone(&picture), lossless);
    }
    Ok(picture)
}

/// The bytes of an image that says itself how many they are. (BinaryData)
fn sized(mut body: Reader<'_>) -> Result<&[u8], Error> {
    let size = body.u32("image data size")?;
    body.bytes(size as usize, "image data")
}

fn decode_bitmap(
    image: Image<'_>,
    mut body: Reader<'_>,
    context: &mut ImageContext,
) -> Result<Pixels, Error> {
    let format = BitmapFormat(body.u8("bitmap format")?);
    let flags = body.u8("bitmap flags")?;
    let width = body.u32("bitmap width")?;
    let height = body.u32("bitmap height")?;
    let stride = body.u32("bitmap stride")?;
    if width != image.descriptor.width {
        return Err(Error::invalid("bitmap width", u64::from(width)));
    }
    if height != image.descriptor.height {
        return Err(Error::invalid("bitmap height", u64::from(height)));
    }
    let palette = read_palette(image.message, &mut body, flags, &mut context.palettes)?
        .map(|palette| Palette::of_format(palette, context.palette_format));
    let layout = Layout {
        format,
        width,
        height,
        stride,
        top_down: flags & TOP_DOWN != 0,
    };
    bitmap::decode(body.left(), &layout, palette.as_deref())
}

fn decode_lz_palette(
    image: Image<'_>,
    mut body: Reader<'_>,
    context: &mut ImageContext,
) -> Result<Pixels, Error> {
    let flags = body.u8("lz palette flags")?;
    let size = body.u32("image data size")?;
    let Some(palette) = read_palette(image.message, &mut body, flags, &mut context.palettes)?
    else {
        return Err(Error::missing("palette of lz image", image.descriptor.id));
    };
    let palette = Palette::of_format(palette, context.palette_format);
    let data = body.bytes(size as usize, "image data")?;
    lz::decode_palette(
        data,
        &palette,
        image.descriptor.width,
        image.descriptor.height,
    )
}

/// Reads which palette an image has: one kept before, one elsewhere in the message, or none.
fn read_palette(
    message: &[u8],
    body: &mut Reader<'_>,
    flags: u8,
    cache: &mut PaletteCache,
) -> Result<Option<Arc<Palette>>, Error> {
    if flags & PALETTE_FROM_CACHE != 0 {
        let id = body.u64("palette id")?;
        return match cache.get(id) {
            Some(palette) => Ok(Some(Arc::clone(palette))),
            None => Err(Error::missing("cached palette", id)),
        };
    }
    let offset = body.u32("palette offset")?;
    if offset == 0 {
        return Ok(None);
    }
    let Some(palette) = message.get(offset as usize..) else {
        return Err(Error::invalid("palette offset", u64::from(offset)));
    };
    let mut reader = Reader::new(palette);
    let id = reader.u64("palette id")?;
    let count = usize::from(reader.u16("palette colours")?);
    if count > MAX_COLOURS {
        return Err(Error::limit(
            "palette colours",
            count as u64,
            MAX_COLOURS as u64,
        ));
    }
    let colours = reader.bytes(count * 4, "palette colours")?;
    let colours = colours
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let palette = Arc::new(Palette::new(colours)?);
    if flags & PALETTE_CACHE_ME != 0 {
        cache.insert(id, Arc::clone(&palette));
    }
    Ok(Some(palette))
}

fn decode_zlib_glz(
    mut body: Reader<'_>,
    width: u32,
    height: u32,
    context: &mut ImageContext,
) -> Result<Arc<Pixels>, Error> {
    let inflated_size = body.u32("glz data size")? as usize;
    let size = body.u32("image data size")?;
    let deflated = body.bytes(size as usize, "image data")?;
    // A GLZ stream is hardly ever longer than the pixels themselves.
    let limit = crate::pixels::checked_area(width, height)? * 5 + 1024;
    if inflated_size > limit {
        return Err(Error::limit(
            "glz data size",
            inflated_size as u64,
            limit as u64,
        ));
    }
    let inflated = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(deflated, inflated_size)
        .map_err(|_| Error::invalid("zlib data", deflated.len() as u64))?;
    context.window.decode(&inflated, width, height)
}

fn decode_jpeg_alpha(mut body: Reader<'_>, width: u32, height: u32) -> Result<Pixels, Error> {
    let _flags = body.u8("jpeg alpha flags")?;
    let jpeg_size = body.u32("jpeg size")?;
    let size = body.u32("image data size")?;
    let mut data = Reader::new(body.bytes(size as usize, "image data")?);
    let colours = data.bytes(jpeg_size as usize, "jpeg data")?;
    jpeg::decode_with_alpha(colours, data.left(), width, height)
}

/// Five bits a colour, red highest, made eight: the upper bits fill the lower, so that white stays
/// white.
#[inline(always)]
fn expand_555(pixel: u16) -> Pixel {
    let expand = |value: u16| {
        let value = (value & 0x1f) as u8;
        (value << 3) | (value >> 2)
    };
    [expand(pixel >> 10), expand(pixel >> 5), expand(pixel), 255]
}

/// Turns rows that came from the bottom up.
fn flip<T>(pixels: &mut [T], width: usize) {
    let mut rows = pixels.chunks_exact_mut(width);
    while let (Some(top), Some(bottom)) = (rows.next(), rows.next_back()) {
        top.swap_with_slice(bottom);
    }
}
