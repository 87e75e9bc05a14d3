//! What messages are made of: rectangles, clips, brushes, masks, raster operations, images.
//! Values we do not know stay as they are: newtypes with constants, not enums.

use crate::Error;
use crate::wire::Reader;

/// SpicePoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Pixels from the left.
    pub x: i32,
    /// Pixels from the top.
    pub y: i32,
}

impl Point {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            x: reader.i32("point")?,
            y: reader.i32("point")?,
        })
    }
}

/// SpiceRect: what lies from `left` up to, not including, `right`, and so downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// First row.
    pub top: i32,
    /// First column.
    pub left: i32,
    /// The row after the last.
    pub bottom: i32,
    /// The column after the last.
    pub right: i32,
}

impl Rect {
    /// Bytes on the wire.
    pub const WIRE: u64 = 16;

    /// A rectangle by its corner and size.
    pub const fn new(left: i32, top: i32, width: i32, height: i32) -> Self {
        Self {
            top,
            left,
            bottom: top.saturating_add(height),
            right: left.saturating_add(width),
        }
    }

    /// Reads one. Turned-around corners are refused, so that sizes never wrap.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let top = reader.i32("rectangle")?;
        let left = reader.i32("rectangle")?;
        let bottom = reader.i32("rectangle")?;
        let right = reader.i32("rectangle")?;
        if bottom < top || right < left {
            return Err(Error::invalid(
                "rectangle corner",
                u64::from(bottom.cast_unsigned()),
            ));
        }
        Ok(Self {
            top,
            left,
            bottom,
            right,
        })
    }

    /// Columns.
    pub const fn width(&self) -> u32 {
        self.right.wrapping_sub(self.left).cast_unsigned()
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.bottom.wrapping_sub(self.top).cast_unsigned()
    }

    /// Nothing lies in it.
    pub const fn is_empty(&self) -> bool {
        self.right <= self.left || self.bottom <= self.top
    }

    /// What lies in both; empty when nothing does.
    pub fn intersect(&self, other: &Self) -> Self {
        let left = self.left.max(other.left);
        let top = self.top.max(other.top);
        Self {
            top,
            left,
            bottom: self.bottom.min(other.bottom).max(top),
            right: self.right.min(other.right).max(left),
        }
    }

    /// The smallest rectangle around both.
    pub fn around(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        Self {
            top: self.top.min(other.top),
            left: self.left.min(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }

    /// All of `other` lies in it.
    pub const fn contains(&self, other: &Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && self.right >= other.right
            && self.bottom >= other.bottom
    }
}

/// SpiceClip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clip {
    /// SPICE_CLIP_TYPE_NONE: everything may be drawn.
    #[default]
    None,
    /// SPICE_CLIP_TYPE_RECTS: only what lies in one of these.
    Rects(Vec<Rect>),
}

impl Clip {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.u8("clip type")? {
            0 => Ok(Self::None),
            1 => {
                let count = reader.u32("number of clip rectangles")?;
                let count = reader.check_count(count.into(), Rect::WIRE, "clip rectangles")?;
                (0..count)
                    .map(|_| Rect::read(reader))
                    .collect::<Result<_, _>>()
                    .map(Self::Rects)
            }
            other => Err(Error::invalid("clip type", other.into())),
        }
    }
}

/// SpiceImageType.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageType(pub u8);

impl ImageType {
    /// Rows of pixels as they are.
    pub const BITMAP: Self = Self(0);
    /// QUIC.
    pub const QUIC: Self = Self(1);
    /// LZ over palette indices.
    pub const LZ_PLT: Self = Self(100);
    /// LZ over colours.
    pub const LZ_RGB: Self = Self(101);
    /// LZ that refers to earlier pictures.
    pub const GLZ_RGB: Self = Self(102);
    /// A picture sent before.
    pub const FROM_CACHE: Self = Self(103);
    /// What a surface shows now.
    pub const SURFACE: Self = Self(104);
    /// JPEG.
    pub const JPEG: Self = Self(105);
    /// A picture sent before, as it was before a lossy codec.
    pub const FROM_CACHE_LOSSLESS: Self = Self(106);
    /// GLZ within zlib.
    pub const ZLIB_GLZ_RGB: Self = Self(107);
    /// JPEG with LZ-coded alpha.
    pub const JPEG_ALPHA: Self = Self(108);
    /// LZ4.
    pub const LZ4: Self = Self(109);
}

/// SpiceImageFlags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageFlags(pub u8);

impl ImageFlags {
    /// Keep it: it will be asked for by FROM_CACHE.
    pub const CACHE_ME: Self = Self(1);
    /// The highest bits of the pixels are set.
    pub const HIGH_BITS_SET: Self = Self(2);
    /// Keep it instead of the lossy one kept before.
    pub const CACHE_REPLACE_ME: Self = Self(4);

    /// All bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// SpiceImageDescriptor: 18 bytes before every picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageDescriptor {
    /// The picture's name in the cache; all 64 bits count.
    pub id: u64,
    /// How it is coded.
    pub kind: ImageType,
    /// Whether to keep it.
    pub flags: ImageFlags,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// SpiceImage: one picture within a message.
#[derive(Clone, Copy, Debug)]
pub struct Image<'m> {
    /// What and how large it is.
    pub descriptor: ImageDescriptor,
    /// The whole message body: palettes lie at offsets from its first byte.
    pub message: &'m [u8],
    /// What follows the descriptor, up to the end of the message.
    pub body: &'m [u8],
}

impl<'m> Image<'m> {
    /// The picture at `offset` of a message.
    pub fn at(message: &'m [u8], offset: u32) -> Result<Self, Error> {
        let mut reader = Reader::at(message, offset as usize, "offset of an image")?;
        let descriptor = ImageDescriptor {
            id: reader.u64("image descriptor")?,
            kind: ImageType(reader.u8("image descriptor")?),
            flags: ImageFlags(reader.u8("image descriptor")?),
            width: reader.u32("image descriptor")?,
            height: reader.u32("image descriptor")?,
        };
        Ok(Self {
            descriptor,
            message,
            body: reader.left(),
        })
    }

    /// Reads an offset and the picture there; 0 is no picture.
    pub fn read_optional(reader: &mut Reader<'m>) -> Result<Option<Self>, Error> {
        match reader.u32("offset of an image")? {
            0 => Ok(None),
            offset => Self::at(reader.whole(), offset).map(Some),
        }
    }

    /// Reads an offset and the picture there.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        Self::read_optional(reader)?.ok_or(Error::invalid("offset of an image", 0))
    }

    /// The surface an image of type SURFACE shows.
    pub fn surface_id(&self) -> Result<u32, Error> {
        Reader::new(self.body).u32("surface of an image")
    }
}

/// SpiceBrush.
#[derive(Clone, Copy, Debug)]
pub enum Brush<'m> {
    /// SPICE_BRUSH_TYPE_NONE.
    None,
    /// SPICE_BRUSH_TYPE_SOLID: one colour, in the surface's own format.
    Solid(u32),
    /// SPICE_BRUSH_TYPE_PATTERN: a picture repeated in all directions from a point.
    Pattern {
        /// The picture.
        image: Image<'m>,
        /// Where its corner lies on the surface.
        origin: Point,
    },
}

impl<'m> Brush<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        match reader.u8("brush type")? {
            0 => Ok(Self::None),
            1 => Ok(Self::Solid(reader.u32("brush colour")?)),
            2 => {
                let image = Image::read(reader)?;
                Ok(Self::Pattern {
                    image,
                    origin: Point::read(reader)?,
                })
            }
            other => Err(Error::invalid("brush type", other.into())),
        }
    }
}

/// SpiceQMask: which pixels of the box are drawn.
#[derive(Clone, Copy, Debug)]
pub struct QMask<'m> {
    /// SPICE_MASK_FLAGS_INVERS: the clear bits are drawn instead of the set ones.
    pub inverted: bool,
    /// Which pixel of the mask lies at the box's corner.
    pub origin: Point,
    /// The mask, 1 bit per pixel; none: everything is drawn.
    pub bitmap: Option<Image<'m>>,
}

impl<'m> QMask<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        Ok(Self {
            inverted: reader.u8("mask flags")? & 1 != 0,
            origin: Point::read(reader)?,
            bitmap: Image::read_optional(reader)?,
        })
    }
}

/// SpiceRopd: a raster operation of two inputs, as flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rop(pub u16);

impl Rop {
    /// The source is inverted first.
    pub const INVERS_SRC: Self = Self(1);
    /// The brush is inverted first.
    pub const INVERS_BRUSH: Self = Self(2);
    /// The destination is inverted first.
    pub const INVERS_DEST: Self = Self(4);
    /// The first input as it is.
    pub const OP_PUT: Self = Self(8);
    /// Either.
    pub const OP_OR: Self = Self(16);
    /// Both.
    pub const OP_AND: Self = Self(32);
    /// One of the two.
    pub const OP_XOR: Self = Self(64);
    /// All bits clear.
    pub const OP_BLACKNESS: Self = Self(128);
    /// All bits set.
    pub const OP_WHITENESS: Self = Self(256);
    /// The destination inverted.
    pub const OP_INVERS: Self = Self(512);
    /// The result is inverted at last.
    pub const INVERS_RES: Self = Self(1024);

    /// All bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// SpiceImageScaleMode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleMode {
    /// SPICE_IMAGE_SCALE_MODE_INTERPOLATE.
    Interpolate,
    /// SPICE_IMAGE_SCALE_MODE_NEAREST.
    Nearest,
}

impl ScaleMode {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.u8("scale mode")? {
            0 => Ok(Self::Interpolate),
            1 => Ok(Self::Nearest),
            other => Err(Error::invalid("scale mode", other.into())),
        }
    }
}

/// SpiceSurfaceFmt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceFormat(pub u32);

impl SurfaceFormat {
    /// 1 bit of alpha.
    pub const A1: Self = Self(1);
    /// 8 bits of alpha.
    pub const A8: Self = Self(8);
    /// 5 bits per colour.
    pub const RGB555: Self = Self(16);
    /// 5, 6 and 5 bits.
    pub const RGB565: Self = Self(80);
    /// 8 bits per colour, 8 bits unused.
    pub const XRGB: Self = Self(32);
    /// 8 bits per colour and of alpha.
    pub const ARGB: Self = Self(96);
}
