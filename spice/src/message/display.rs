//! Messages of the display channel.

use super::types::{Brush, Clip, Image, Point, QMask, Rect, Rop, ScaleMode, SurfaceFormat};
use crate::Error;
use crate::wire::Reader;

/// SPICE_MSG_DISPLAY_MODE
pub const MODE: u16 = 101;
/// SPICE_MSG_DISPLAY_MARK
pub const MARK: u16 = 102;
/// SPICE_MSG_DISPLAY_RESET
pub const RESET: u16 = 103;
/// SPICE_MSG_DISPLAY_COPY_BITS
pub const COPY_BITS: u16 = 104;
/// SPICE_MSG_DISPLAY_INVAL_LIST
pub const INVAL_LIST: u16 = 105;
/// SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS
pub const INVAL_ALL_PIXMAPS: u16 = 106;
/// SPICE_MSG_DISPLAY_INVAL_PALETTE
pub const INVAL_PALETTE: u16 = 107;
/// SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES
pub const INVAL_ALL_PALETTES: u16 = 108;
/// SPICE_MSG_DISPLAY_STREAM_CREATE
pub const STREAM_CREATE: u16 = 122;
/// SPICE_MSG_DISPLAY_STREAM_DATA
pub const STREAM_DATA: u16 = 123;
/// SPICE_MSG_DISPLAY_STREAM_CLIP
pub const STREAM_CLIP: u16 = 124;
/// SPICE_MSG_DISPLAY_STREAM_DESTROY
pub const STREAM_DESTROY: u16 = 125;
/// SPICE_MSG_DISPLAY_STREAM_DESTROY_ALL
pub const STREAM_DESTROY_ALL: u16 = 126;
/// SPICE_MSG_DISPLAY_DRAW_FILL
pub const DRAW_FILL: u16 = 302;
/// SPICE_MSG_DISPLAY_DRAW_OPAQUE
pub const DRAW_OPAQUE: u16 = 303;
/// SPICE_MSG_DISPLAY_DRAW_COPY
pub const DRAW_COPY: u16 = 304;
/// SPICE_MSG_DISPLAY_DRAW_BLEND
pub const DRAW_BLEND: u16 = 305;
/// SPICE_MSG_DISPLAY_DRAW_BLACKNESS
pub const DRAW_BLACKNESS: u16 = 306;
/// SPICE_MSG_DISPLAY_DRAW_WHITENESS
pub const DRAW_WHITENESS: u16 = 307;
/// SPICE_MSG_DISPLAY_DRAW_INVERS
pub const DRAW_INVERS: u16 = 308;
/// SPICE_MSG_DISPLAY_DRAW_ROP3
pub const DRAW_ROP3: u16 = 309;
/// SPICE_MSG_DISPLAY_DRAW_STROKE
pub const DRAW_STROKE: u16 = 310;
/// SPICE_MSG_DISPLAY_DRAW_TEXT
pub const DRAW_TEXT: u16 = 311;
/// SPICE_MSG_DISPLAY_DRAW_TRANSPARENT
pub const DRAW_TRANSPARENT: u16 = 312;
/// SPICE_MSG_DISPLAY_DRAW_ALPHA_BLEND
pub const DRAW_ALPHA_BLEND: u16 = 313;
/// SPICE_MSG_DISPLAY_SURFACE_CREATE
pub const SURFACE_CREATE: u16 = 314;
/// SPICE_MSG_DISPLAY_SURFACE_DESTROY
pub const SURFACE_DESTROY: u16 = 315;
/// SPICE_MSG_DISPLAY_STREAM_DATA_SIZED
pub const STREAM_DATA_SIZED: u16 = 316;
/// SPICE_MSG_DISPLAY_MONITORS_CONFIG
pub const MONITORS_CONFIG: u16 = 317;
/// SPICE_MSG_DISPLAY_DRAW_COMPOSITE
pub const DRAW_COMPOSITE: u16 = 318;

/// SPICE_MSGC_DISPLAY_INIT
pub const CLIENT_INIT: u16 = 101;

/// SPICE_DISPLAY_CAP_SIZED_STREAM
pub const CAP_SIZED_STREAM: u32 = 0;
/// SPICE_DISPLAY_CAP_MONITORS_CONFIG
pub const CAP_MONITORS_CONFIG: u32 = 1;
/// SPICE_DISPLAY_CAP_COMPOSITE
pub const CAP_COMPOSITE: u32 = 2;
/// SPICE_DISPLAY_CAP_A8_SURFACE
pub const CAP_A8_SURFACE: u32 = 3;
/// SPICE_DISPLAY_CAP_LZ4_COMPRESSION
pub const CAP_LZ4_COMPRESSION: u32 = 5;
/// SPICE_DISPLAY_CAP_MULTI_CODEC
pub const CAP_MULTI_CODEC: u32 = 8;
/// SPICE_DISPLAY_CAP_CODEC_MJPEG
pub const CAP_CODEC_MJPEG: u32 = 9;

/// SpiceMsgDisplayBase: what every drawing operation begins with.
#[derive(Clone, Debug)]
pub struct Base {
    /// What is drawn on.
    pub surface_id: u32,
    /// Where.
    pub bounds: Rect,
    /// Which parts of that.
    pub clip: Clip,
}

impl Base {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            surface_id: reader.u32("surface of a drawing")?,
            bounds: Rect::read(reader)?,
            clip: Clip::read(reader)?,
        })
    }
}

/// SpiceFill
#[derive(Clone, Copy, Debug)]
pub struct Fill<'m> {
    /// With what.
    pub brush: Brush<'m>,
    /// How brush and destination meet.
    pub rop: Rop,
    /// Where.
    pub mask: QMask<'m>,
}

impl<'m> Fill<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let brush = Brush::read(reader)?;
        Ok(Self {
            brush,
            rop: Rop(reader.u16("fill")?),
            mask: QMask::read(reader)?,
        })
    }
}

/// SpiceOpaque
#[derive(Clone, Copy, Debug)]
pub struct Opaque<'m> {
    /// What is copied first.
    pub image: Image<'m>,
    /// Which part of it.
    pub source: Rect,
    /// What is then laid over it.
    pub brush: Brush<'m>,
    /// How brush and picture meet.
    pub rop: Rop,
    /// How the picture is brought to size.
    pub scale: ScaleMode,
    /// Where.
    pub mask: QMask<'m>,
}

impl<'m> Opaque<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        Ok(Self {
            image: Image::read(reader)?,
            source: Rect::read(reader)?,
            brush: Brush::read(reader)?,
            rop: Rop(reader.u16("opaque")?),
            scale: ScaleMode::read(reader)?,
            mask: QMask::read(reader)?,
        })
    }
}

/// SpiceCopy and SpiceBlend, which are laid out alike and mean the same.
#[derive(Clone, Copy, Debug)]
pub struct Copy<'m> {
    /// What is copied.
    pub image: Image<'m>,
    /// Which part of it.
    pub source: Rect,
    /// How picture and destination meet.
    pub rop: Rop,
    /// How the picture is brought to size.
    pub scale: ScaleMode,
    /// Where.
    pub mask: QMask<'m>,
}

impl<'m> Copy<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        Ok(Self {
            image: Image::read(reader)?,
            source: Rect::read(reader)?,
            rop: Rop(reader.u16("copy")?),
            scale: ScaleMode::read(reader)?,
            mask: QMask::read(reader)?,
        })
    }
}

/// SpiceRop3
#[derive(Clone, Copy, Debug)]
pub struct Rop3<'m> {
    /// The source.
    pub image: Image<'m>,
    /// Which part of it.
    pub source: Rect,
    /// The pattern.
    pub brush: Brush<'m>,
    /// The result for each of the eight cases of pattern, source and destination, as bits.
    pub rop3: u8,
    /// How the picture is brought to size.
    pub scale: ScaleMode,
    /// Where.
    pub mask: QMask<'m>,
}

impl<'m> Rop3<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        Ok(Self {
            image: Image::read(reader)?,
            source: Rect::read(reader)?,
            brush: Brush::read(reader)?,
            rop3: reader.u8("rop3")?,
            scale: ScaleMode::read(reader)?,
            mask: QMask::read(reader)?,
        })
    }
}

/// SpiceTransparent
#[derive(Clone, Copy, Debug)]
pub struct Transparent<'m> {
    /// What is copied.
    pub image: Image<'m>,
    /// Which part of it.
    pub source: Rect,
    /// The colour that is left out, as 0x00RRGGBB.
    pub colour: u32,
}

impl<'m> Transparent<'m> {
    /// Reads one. The wire has the colour twice: in the picture's format, and as it really is.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let image = Image::read(reader)?;
        let source = Rect::read(reader)?;
        reader.u32("transparent colour")?;
        Ok(Self {
            image,
            source,
            colour: reader.u32("transparent colour")?,
        })
    }
}

/// SpiceAlphaBlend
#[derive(Clone, Copy, Debug)]
pub struct AlphaBlend<'m> {
    /// SPICE_ALPHA_FLAGS_DEST_HAS_ALPHA: the unused bits of a surface without coverage that is
    /// drawn on become its coverage.
    pub dest_has_alpha: bool,
    /// SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA: the unused bits of a surface without coverage are
    /// its coverage.
    pub surface_has_alpha: bool,
    /// How much of the picture is laid over, 0 to 255.
    pub alpha: u8,
    /// What is laid over.
    pub image: Image<'m>,
    /// Which part of it.
    pub source: Rect,
}

impl<'m> AlphaBlend<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let flags = reader.u8("alpha blend")?;
        Ok(Self {
            dest_has_alpha: flags & 1 != 0,
            surface_has_alpha: flags & 2 != 0,
            alpha: reader.u8("alpha blend")?,
            image: Image::read(reader)?,
            source: Rect::read(reader)?,
        })
    }
}

/// Where a COPY_BITS takes its pixels from, after its [`Base`].
pub fn read_copy_bits(reader: &mut Reader<'_>) -> Result<Point, Error> {
    Point::read(reader)
}

/// SPICE_MSG_DISPLAY_INVAL_LIST: the images to forget; resources of other types are left out.
pub fn read_inval_list(reader: &mut Reader<'_>) -> Result<Vec<u64>, Error> {
    /// SPICE_RES_TYPE_PIXMAP
    const PIXMAP: u8 = 1;
    let count = reader.u16("number of resources")?;
    let count = reader.check_count(count.into(), 9, "resources")?;
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = reader.u8("resource")?;
        let id = reader.u64("resource")?;
        if kind == PIXMAP {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// SPICE_MSG_DISPLAY_MODE: how servers of before surfaces made the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bits per pixel.
    pub bits: u32,
}

impl Mode {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            width: reader.u32("mode")?,
            height: reader.u32("mode")?,
            bits: reader.u32("mode")?,
        })
    }
}

/// SPICE_MSG_DISPLAY_SURFACE_CREATE
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceCreate {
    /// Its number.
    pub surface_id: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What its pixels are.
    pub format: SurfaceFormat,
    /// SPICE_SURFACE_FLAGS_PRIMARY: it is what the screen shows.
    pub primary: bool,
}

impl SurfaceCreate {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            surface_id: reader.u32("surface")?,
            width: reader.u32("surface")?,
            height: reader.u32("surface")?,
            format: SurfaceFormat(reader.u32("surface")?),
            primary: reader.u32("surface")? & 1 != 0,
        })
    }
}

/// SPICE_MSG_DISPLAY_STREAM_CREATE
#[derive(Clone, Debug)]
pub struct StreamCreate {
    /// What it is drawn on.
    pub surface_id: u32,
    /// Its number.
    pub id: u32,
    /// SPICE_STREAM_FLAGS_TOP_DOWN: frames begin with their top row.
    pub top_down: bool,
    /// SpiceVideoCodecType.
    pub codec: u8,
    /// Columns of a frame.
    pub width: u32,
    /// Rows of a frame.
    pub height: u32,
    /// Where frames go.
    pub dest: Rect,
    /// Which parts of that.
    pub clip: Clip,
}

/// SPICE_VIDEO_CODEC_TYPE_MJPEG
pub const CODEC_MJPEG: u8 = 1;

impl StreamCreate {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let surface_id = reader.u32("stream")?;
        let id = reader.u32("stream")?;
        let top_down = reader.u8("stream")? & 1 != 0;
        let codec = reader.u8("stream")?;
        reader.u64("stream")?;
        let width = reader.u32("stream")?;
        let height = reader.u32("stream")?;
        reader.u64("stream")?;
        let dest = Rect::read(reader)?;
        let clip = Clip::read(reader)?;
        Ok(Self {
            surface_id,
            id,
            top_down,
            codec,
            width,
            height,
            dest,
            clip,
        })
    }
}

/// SPICE_MSG_DISPLAY_STREAM_DATA and SPICE_MSG_DISPLAY_STREAM_DATA_SIZED
#[derive(Clone, Copy, Debug)]
pub struct StreamData<'m> {
    /// Which stream.
    pub id: u32,
    /// When the frame is to be seen, in milliseconds of the server's multimedia time.
    pub time: u32,
    /// Where this frame goes, when not where the stream's frames go.
    pub dest: Option<Rect>,
    /// The coded frame.
    pub data: &'m [u8],
}

impl<'m> StreamData<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>, sized: bool) -> Result<Self, Error> {
        let id = reader.u32("stream frame")?;
        let time = reader.u32("stream frame")?;
        let dest = if sized {
            reader.u64("stream frame")?;
            Some(Rect::read(reader)?)
        } else {
            None
        };
        let size = reader.u32("stream frame")?;
        Ok(Self {
            id,
            time,
            dest,
            data: reader.bytes(size as usize, "stream frame")?,
        })
    }
}

/// SpiceHead: a monitor's part of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Its number.
    pub id: u32,
    /// The surface it shows.
    pub surface_id: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The surface's column at its left edge.
    pub x: u32,
    /// The surface's row at its upper edge.
    pub y: u32,
}

/// SPICE_MSG_DISPLAY_MONITORS_CONFIG
pub fn read_monitors(reader: &mut Reader<'_>) -> Result<Vec<Monitor>, Error> {
    const MAX_MONITORS: u64 = 64;
    let count = u64::from(reader.u16("number of monitors")?);
    if count > MAX_MONITORS {
        return Err(Error::limit("number of monitors", count, MAX_MONITORS));
    }
    reader.u16("number of monitors")?;
    let count = reader.check_count(count, 28, "monitors")?;
    let mut monitors = Vec::with_capacity(count);
    for _ in 0..count {
        let monitor = Monitor {
            id: reader.u32("monitor")?,
            surface_id: reader.u32("monitor")?,
            width: reader.u32("monitor")?,
            height: reader.u32("monitor")?,
            x: reader.u32("monitor")?,
            y: reader.u32("monitor")?,
        };
        reader.u32("monitor")?;
        monitors.push(monitor);
    }
    Ok(monitors)
}
