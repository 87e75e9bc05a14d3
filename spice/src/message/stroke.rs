//! SPICE_MSG_DISPLAY_DRAW_STROKE: lines along a path.

use super::types::{Brush, Rop};
use crate::Error;
use crate::wire::Reader;

/// SpicePointFix: a point in sixteenths of a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PointFix {
    /// Sixteenths of a pixel from the left.
    pub x: i32,
    /// Sixteenths of a pixel from the top.
    pub y: i32,
}

impl PointFix {
    /// Bytes on the wire.
    const WIRE: u64 = 8;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            x: reader.i32("point of a path")?,
            y: reader.i32("point of a path")?,
        })
    }
}

/// SpicePathSeg: some points of a path, and what they are.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'m> {
    /// SPICE_PATH_BEGIN: the first point begins a new line.
    pub begins: bool,
    /// SPICE_PATH_END: the last point ends the line.
    pub ends: bool,
    /// SPICE_PATH_CLOSE: a line that ends here goes on to where it began.
    pub closes: bool,
    /// SPICE_PATH_BEZIER: every three points are the second, third and last of a cubic curve.
    pub bezier: bool,
    points: &'m [u8],
}

impl<'m> Segment<'m> {
    /// Bytes on the wire but for the points.
    const WIRE: u64 = 5;

    fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let flags = reader.u8("flags of a path")?;
        let count = reader.u32("points of a path")?;
        let count = reader.check_count(count.into(), PointFix::WIRE, "points of a path")?;
        let points = reader.bytes(count * PointFix::WIRE as usize, "points of a path")?;
        let segment = Self {
            begins: flags & 1 != 0,
            ends: flags & 2 != 0,
            closes: flags & 8 != 0,
            bezier: flags & 16 != 0,
            points,
        };
        if segment.begins && count == 0 {
            return Err(Error::invalid("points of a path", 0));
        }
        if segment.bezier && (count - usize::from(segment.begins)) % 3 != 0 {
            return Err(Error::invalid("points of a curve", count as u64));
        }
        Ok(segment)
    }

    /// Its points.
    pub fn points(&self) -> impl Iterator<Item = PointFix> + use<'m> {
        self.points
            .chunks_exact(PointFix::WIRE as usize)
            .filter_map(|bytes| PointFix::read(&mut Reader::new(bytes)).ok())
    }
}

/// SpicePath. It is read as it is drawn: hostile ones have very many parts without points.
#[derive(Clone, Copy, Debug)]
pub struct Path<'m> {
    count: u32,
    parts: Reader<'m>,
}

impl<'m> Path<'m> {
    fn at(message: &'m [u8], offset: u32) -> Result<Self, Error> {
        let mut parts = Reader::at(message, offset as usize, "offset of a path")?;
        let count = parts.u32("parts of a path")?;
        parts.check_count(count.into(), Segment::WIRE, "parts of a path")?;
        let path = Self { count, parts };
        path.segments().try_for_each(|part| part.map(drop))?;
        Ok(path)
    }

    /// Its parts.
    pub fn segments(&self) -> impl Iterator<Item = Result<Segment<'m>, Error>> + use<'m> {
        let mut parts = self.parts;
        (0..self.count).map(move |_| Segment::read(&mut parts))
    }
}

/// SpiceStroke
#[derive(Clone, Debug)]
pub struct Stroke<'m> {
    /// The path.
    pub path: Path<'m>,
    /// How the lines are broken; none: they are not.
    pub style: Option<Style>,
    /// With what.
    pub brush: Brush<'m>,
    /// How brush and destination meet.
    pub rop: Rop,
}

/// SPICE_LINE_FLAGS_STYLED: a line of dashes and gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// How long they are, by turns, in sixteenths of a pixel; at least one.
    pub lengths: Vec<i32>,
    /// SPICE_LINE_FLAGS_START_WITH_GAP: the first length is a gap's.
    pub gap_first: bool,
}

impl<'m> Stroke<'m> {
    /// Reads one. What is drawn in gaps (back_mode) no renderer looks at.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let path = reader.u32("offset of a path")?;
        if path == 0 {
            return Err(Error::invalid("offset of a path", 0));
        }
        let flags = reader.u8("line style")?;
        let style = if flags & 8 == 0 {
            None
        } else {
            let count = usize::from(reader.u8("line style")?);
            let offset = reader.u32("offset of a line style")?;
            let mut lengths = Reader::at(reader.whole(), offset as usize, "line style")?;
            if count == 0 || offset == 0 {
                return Err(Error::invalid("number of dashes", count as u64));
            }
            let lengths = (0..count)
                .map(|_| lengths.i32("line style"))
                .collect::<Result<_, _>>()?;
            Some(Style {
                lengths,
                gap_first: flags & 4 != 0,
            })
        };
        let brush = Brush::read(reader)?;
        let rop = Rop(reader.u16("stroke")?);
        reader.u16("stroke")?;
        Ok(Self {
            path: Path::at(reader.whole(), path)?,
            style,
            brush,
            rop,
        })
    }
}
