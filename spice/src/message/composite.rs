//! SPICE_MSG_DISPLAY_DRAW_COMPOSITE: what the X Render extension does, as a drawing.

use super::types::{Image, Point};
use crate::Error;
use crate::wire::Reader;

/// SpiceTransform: from a destination pixel to a picture's, 16.16 fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// What a step to the right, a step down and the origin add to the column.
    pub x: [i32; 3],
    /// What they add to the row.
    pub y: [i32; 3],
}

impl Transform {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut row = || -> Result<[i32; 3], Error> {
            Ok([
                reader.i32("transform")?,
                reader.i32("transform")?,
                reader.i32("transform")?,
            ])
        };
        Ok(Self {
            x: row()?,
            y: row()?,
        })
    }
}

/// What lies beside a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing.
    None,
    /// The same picture, again and again.
    Normal,
    /// The pixels of its edge.
    Pad,
    /// The same picture, mirrored every other time.
    Reflect,
}

impl Repeat {
    const fn of(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Normal,
            2 => Self::Pad,
            _ => Self::Reflect,
        }
    }
}

/// How pixels between those of a picture are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest one. ("fast" and "nearest")
    Nearest,
    /// Mixed of the four around. ("good", "best" and "bilinear")
    Bilinear,
}

impl Filter {
    fn of(bits: u32) -> Result<Self, Error> {
        match bits & 7 {
            0 | 3 => Ok(Self::Nearest),
            1 | 2 | 4 => Ok(Self::Bilinear),
            other => Err(Error::unsupported("filter", other.into())),
        }
    }
}

/// One of the two pictures.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'m> {
    /// The picture.
    pub image: Image<'m>,
    /// Which of its pixels lies at the box's corner, before it is transformed.
    pub origin: Point,
    /// What lies beside it.
    pub repeat: Repeat,
    /// How it is sampled.
    pub filter: Filter,
    /// How it is turned and brought to size, if it is.
    pub transform: Option<Transform>,
}

/// SpiceComposite
#[derive(Clone, Copy, Debug)]
pub struct Composite<'m> {
    /// The operator, by its number in the Render extension.
    pub operator: u8,
    /// What is laid on.
    pub source: Operand<'m>,
    /// How much of it.
    pub mask: Option<Operand<'m>>,
    /// The mask has a coverage for each colour.
    pub component_alpha: bool,
    /// The source's coverage is not looked at.
    pub source_opaque: bool,
}

impl<'m> Composite<'m> {
    /// Reads one.
    pub fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let flags = reader.u32("composite")?;
        let has = |bit: u32| flags >> bit & 1 != 0;
        let source = Image::read(reader)?;
        let mask = has(19).then(|| Image::read(reader)).transpose()?;
        let source_transform = has(20).then(|| Transform::read(reader)).transpose()?;
        let mask_transform = has(21).then(|| Transform::read(reader)).transpose()?;
        let mut point = || -> Result<Point, Error> {
            Ok(Point {
                x: reader.i16("composite")?.into(),
                y: reader.i16("composite")?.into(),
            })
        };
        let (source_origin, mask_origin) = (point()?, point()?);
        let mask = match mask {
            None => None,
            Some(image) => Some(Operand {
                image,
                origin: mask_origin,
                repeat: Repeat::of(flags >> 16),
                filter: Filter::of(flags >> 11)?,
                transform: mask_transform,
            }),
        };
        Ok(Self {
            operator: flags as u8,
            source: Operand {
                image: source,
                origin: source_origin,
                repeat: Repeat::of(flags >> 14),
                filter: Filter::of(flags >> 8)?,
                transform: source_transform,
            },
            mask,
            component_alpha: has(18),
            source_opaque: has(22),
        })
    }
}
