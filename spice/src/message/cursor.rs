//! Messages of the cursor channel.

use crate::Error;
use crate::wire::Reader;

/// SPICE_MSG_CURSOR_INIT
pub const INIT: u16 = 101;
/// SPICE_MSG_CURSOR_RESET
pub const RESET: u16 = 102;
/// SPICE_MSG_CURSOR_SET
pub const SET: u16 = 103;
/// SPICE_MSG_CURSOR_MOVE
pub const MOVE: u16 = 104;
/// SPICE_MSG_CURSOR_HIDE
pub const HIDE: u16 = 105;
/// SPICE_MSG_CURSOR_TRAIL
pub const TRAIL: u16 = 106;
/// SPICE_MSG_CURSOR_INVAL_ONE
pub const INVAL_ONE: u16 = 107;
/// SPICE_MSG_CURSOR_INVAL_ALL
pub const INVAL_ALL: u16 = 108;

/// SpicePoint16: where the pointer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Pixels from the left.
    pub x: i16,
    /// Pixels from the top.
    pub y: i16,
}

impl Position {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            x: reader.i16("cursor position")?,
            y: reader.i16("cursor position")?,
        })
    }
}

/// SpiceCursorType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorType(pub u8);

impl CursorType {
    /// Colours with coverage.
    pub const ALPHA: Self = Self(0);
    /// Two masks of 1 bit.
    pub const MONO: Self = Self(1);
    /// 16 colours and a mask.
    pub const COLOR4: Self = Self(2);
    /// 256 colours and a mask.
    pub const COLOR8: Self = Self(3);
    /// 15 bits of colour and a mask.
    pub const COLOR16: Self = Self(4);
    /// 24 bits of colour and a mask.
    pub const COLOR24: Self = Self(5);
    /// 24 bits of colour in 32, and a mask.
    pub const COLOR32: Self = Self(6);
}

/// SpiceCursorHeader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorHeader {
    /// The shape's name in the cache.
    pub unique: u64,
    /// How it is laid out.
    pub kind: CursorType,
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Which column points.
    pub hot_x: u16,
    /// Which row points.
    pub hot_y: u16,
}

/// SpiceCursor: a shape, or the name of one sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<'m> {
    /// The shape's size and kind; none: there is no shape.
    pub header: Option<CursorHeader>,
    /// SPICE_CURSOR_FLAGS_CACHE_ME: keep it.
    pub cache_me: bool,
    /// SPICE_CURSOR_FLAGS_FROM_CACHE: it was sent before.
    pub from_cache: bool,
    /// Its bits.
    pub data: &'m [u8],
}

impl<'m> Cursor<'m> {
    /// Reads one, up to the end of the message.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let flags = reader.u16("cursor flags")?;
        let header = if flags & 1 != 0 {
            None
        } else {
            Some(CursorHeader {
                unique: reader.u64("cursor header")?,
                kind: CursorType(reader.u8("cursor header")?),
                width: reader.u16("cursor header")?,
                height: reader.u16("cursor header")?,
                hot_x: reader.u16("cursor header")?,
                hot_y: reader.u16("cursor header")?,
            })
        };
        let (cache_me, from_cache) = (flags & 2 != 0, flags & 4 != 0);
        Ok(Self {
            header,
            cache_me,
            from_cache,
            data: reader.left(),
        })
    }
}

/// SPICE_MSG_CURSOR_INIT and SPICE_MSG_CURSOR_SET
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorSet<'m> {
    /// Where the pointer is.
    pub position: Position,
    /// It is shown.
    pub visible: bool,
    /// Its shape.
    pub cursor: Cursor<'m>,
}

impl<'m> CursorSet<'m> {
    /// Reads SPICE_MSG_CURSOR_INIT.
    pub fn read_init(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let position = Position::read(reader)?;
        reader.u32("cursor trail")?;
        Ok(Self {
            position,
            visible: reader.u8("cursor")? != 0,
            cursor: Cursor::read(reader)?,
        })
    }

    /// Reads SPICE_MSG_CURSOR_SET.
    pub fn read_set(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let position = Position::read(reader)?;
        Ok(Self {
            position,
            visible: reader.u8("cursor")? != 0,
            cursor: Cursor::read(reader)?,
        })
    }
}
