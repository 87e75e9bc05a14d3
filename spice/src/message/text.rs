//! SPICE_MSG_DISPLAY_DRAW_TEXT: glyphs laid on a surface through a brush.

use super::types::{Brush, Point, Rect};
use crate::Error;
use crate::wire::Reader;

/// How many bits of coverage a glyph's pixels have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// SPICE_STRING_FLAGS_RASTER_A1: one, the leftmost pixel highest.
    One,
    /// SPICE_STRING_FLAGS_RASTER_A4: four, the left pixel high.
    Four,
    /// SPICE_STRING_FLAGS_RASTER_A8: eight.
    Eight,
}

impl Depth {
    /// Bytes of a row.
    pub fn row_bytes(self, width: u16) -> usize {
        let width = usize::from(width);
        match self {
            Self::One => width.div_ceil(8),
            Self::Four => width.div_ceil(2),
            Self::Eight => width,
        }
    }
}

/// SpiceRasterGlyph
#[derive(Clone, Copy, Debug)]
pub struct Glyph<'m> {
    /// Where its left upper corner lies on the surface.
    pub corner: Point,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// The rows, the lowest first.
    pub data: &'m [u8],
}

impl<'m> Glyph<'m> {
    /// Bytes on the wire but for the pixels.
    const WIRE: u64 = 20;

    fn read(reader: &mut Reader<'m>, depth: Depth) -> Result<Self, Error> {
        let position = Point::read(reader)?;
        let origin = Point::read(reader)?;
        let width = reader.u16("glyph")?;
        let height = reader.u16("glyph")?;
        let bytes = depth.row_bytes(width) * usize::from(height);
        Ok(Self {
            corner: Point {
                x: position.x.saturating_add(origin.x),
                y: position.y.saturating_add(origin.y),
            },
            width,
            height,
            data: reader.bytes(bytes, "glyph")?,
        })
    }

    /// The box it fills.
    pub fn bounds(&self) -> Rect {
        Rect::new(
            self.corner.x,
            self.corner.y,
            self.width.into(),
            self.height.into(),
        )
    }
}

/// SpiceText
#[derive(Clone, Debug)]
pub struct Text<'m> {
    /// How their pixels are packed.
    pub depth: Depth,
    /// The glyphs; at least one.
    pub glyphs: Vec<Glyph<'m>>,
    /// What is filled with the back brush first; empty: nothing.
    pub back_area: Rect,
    /// What the glyphs are painted with.
    pub fore: Brush<'m>,
    /// What the area behind them is painted with.
    pub back: Brush<'m>,
}

impl<'m> Text<'m> {
    /// Reads one. The modes that follow the brushes are always the same: glyphs are laid over,
    /// the area behind is put.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let string = reader.u32("offset of a string")?;
        if string == 0 {
            return Err(Error::invalid("offset of a string", 0));
        }
        let back_area = Rect::read(reader)?;
        let fore = Brush::read(reader)?;
        let back = Brush::read(reader)?;
        let (depth, glyphs) = read_string(reader.whole(), string)?;
        Ok(Self {
            depth,
            glyphs,
            back_area,
            fore,
            back,
        })
    }
}

fn read_string(message: &[u8], offset: u32) -> Result<(Depth, Vec<Glyph<'_>>), Error> {
    let mut reader = Reader::at(message, offset as usize, "offset of a string")?;
    let count = reader.u16("length of a string")?;
    let flags = reader.u8("flags of a string")?;
    let depth = match flags {
        _ if flags & 1 != 0 => Depth::One,
        _ if flags & 2 != 0 => Depth::Four,
        _ if flags & 4 != 0 => Depth::Eight,
        _ => return Err(Error::unsupported("flags of a string", flags.into())),
    };
    if count == 0 {
        return Err(Error::invalid("length of a string", 0));
    }
    let count = reader.check_count(count.into(), Glyph::WIRE, "glyphs")?;
    let glyphs = (0..count)
        .map(|_| Glyph::read(&mut reader, depth))
        .collect::<Result<_, _>>()?;
    Ok((depth, glyphs))
}
