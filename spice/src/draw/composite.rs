//! SPICE_MSG_DISPLAY_DRAW_COMPOSITE: a picture laid on the surface by an operator of the X Render
//! extension, under a mask, both seen through transforms.

use super::Target;
use super::combine::{Combine, masked};
use super::combine_float::{Colour, CombineFloat};
use super::sample::Sampled;
use crate::Error;
use crate::pixels::Pixel;
use crate::surface::Format;

/// An operator of the Render extension.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    number: u8,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Bytes(Combine),
    Floats(CombineFloat),
}

impl Operator {
    /// OVER_REVERSE
    const OVER_REVERSE: u8 = 4;
    /// SATURATE
    const SATURATE: u8 = 13;

    /// The operator of that number.
    pub fn of(number: u8) -> Result<Self, Error> {
        let how = match (Combine::of(number), CombineFloat::of(number)) {
            (Some(bytes), _) => How::Bytes(bytes),
            (None, Some(floats)) => How::Floats(floats),
            (None, None) => return Err(Error::unsupported("operator", number.into())),
        };
        Ok(Self { number, how })
    }
}

/// Lays `source` on the target, as far as `mask` lets it; with `component` the mask has a coverage
/// for each colour.
pub fn composite(
    target: &mut Target<'_>,
    operator: Operator,
    source: &Sampled<'_>,
    mask: Option<&Sampled<'_>>,
    component: bool,
) {
    let (width, height) = (target.bounds.width(), target.bounds.height());
    if !source.reaches(width, height) || !mask.is_none_or(|mask| mask.reaches(width, height)) {
        return;
    }
    let mut how = operator.how;
    if operator.number == Operator::SATURATE
        && source.is_opaque(width, height)
        && mask.is_none_or(|mask| !component && mask.is_opaque(width, height))
    {
        // Nothing of it has room but what the destination leaves: the server knows.
        how = Combine::of(Operator::OVER_REVERSE).map_or(how, How::Bytes);
    }
    match how {
        How::Bytes(combine) => by_bytes(target, combine, source, mask, component),
        How::Floats(combine) => by_floats(target, combine, source, mask, component),
    }
}

/// Where a run of the surface lies in the box.
fn in_box(target: &Target<'_>) -> (i64, i64) {
    (target.bounds.left.into(), target.bounds.top.into())
}

fn by_bytes(
    target: &mut Target<'_>,
    combine: Combine,
    source: &Sampled<'_>,
    mask: Option<&Sampled<'_>>,
    component: bool,
) {
    let (left, top) = in_box(target);
    let format = target.surface.format();
    let (mut sources, mut masks): (Vec<Pixel>, Vec<Pixel>) = Default::default();
    target.runs(false, |x, y, run| {
        let (x, y) = (i64::from(x) - left, i64::from(y) - top);
        sources.resize(run.len(), [0; 4]);
        source.row(x, y, &mut sources);
        if let Some(mask) = mask {
            masks.resize(run.len(), [0; 4]);
            mask.row(x, y, &mut masks);
        }
        let pairs = run.iter_mut().zip(&sources);
        match (combine, mask) {
            // What nearly all of them are.
            (Combine::PorterDuff(parts), None) => pairs.for_each(|(dest, source)| {
                let [_, _, _, alpha] = *source;
                *dest = parts.pixel(*source, [alpha; 4], format.as_seen(*dest));
            }),
            (Combine::PorterDuff(parts), Some(_)) => {
                pairs.zip(&masks).for_each(|((dest, source), mask)| {
                    let (source, coverage) = masked(*source, Some(*mask), component);
                    *dest = parts.pixel(source, coverage, format.as_seen(*dest));
                });
            }
            _ => {
                let mut masks = masks.iter();
                for (dest, source) in pairs {
                    let (source, coverage) = masked(*source, masks.next().copied(), component);
                    *dest = combine.pixel(source, coverage, format.as_seen(*dest));
                }
            }
        }
        format.forget_unused(run);
    });
}

fn by_floats(
    target: &mut Target<'_>,
    combine: CombineFloat,
    source: &Sampled<'_>,
    mask: Option<&Sampled<'_>>,
    component: bool,
) {
    let (left, top) = in_box(target);
    let format: Format = target.surface.format();
    let (mut sources, mut masks): (Vec<Colour>, Vec<Colour>) = Default::default();
    target.runs(false, |x, y, run| {
        let (x, y) = (i64::from(x) - left, i64::from(y) - top);
        sources.resize(run.len(), [0.0; 4]);
        source.row_float(x, y, &mut sources);
        if let Some(mask) = mask {
            masks.resize(run.len(), [0.0; 4]);
            mask.row_float(x, y, &mut masks);
        }
        let mut masks = masks.iter();
        for (dest, source) in run.iter_mut().zip(&sources) {
            let result = combine.pixel(
                *source,
                masks.next().copied(),
                component,
                format.float(format.as_seen(*dest)),
            );
            *dest = result.map(byte);
        }
        format.forget_unused(run);
    });
}

/// A number from 0 to 1 as a byte.
fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 256.0).min(255.0) as u8
}
