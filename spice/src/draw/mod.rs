//! Drawing: one file per operation, each a function of a [`Target`] and what is drawn. Pictures
//! are decoded before they come here; what changed on the screen, the display channel notes.

mod alpha_blend;
mod blackness;
mod brush;
mod combine;
mod combine_float;
mod composite;
mod copy;
mod copy_bits;
mod dash;
mod fill;
mod invert;
mod line;
pub mod mask;
mod opaque;
mod polygon;
pub mod region;
pub mod rop;
mod rop3;
mod sample;
pub mod scale;
mod source;
mod stroke;
mod text;
mod transparent;
mod whiteness;

use std::sync::Arc;

pub use alpha_blend::{alpha_blend, forget_coverage};
pub use blackness::blackness;
pub use brush::Paint;
pub use composite::{Operator, composite};
pub use copy::copy;
pub use copy_bits::copy_bits;
pub use fill::fill;
pub use invert::invert;
pub use opaque::opaque;
pub use rop3::rop3;
pub use sample::Sampled;
pub use source::{Source, Unused};
pub use stroke::stroke;
pub use text::{text, text_background};
pub use transparent::transparent;
pub use whiteness::whiteness;

use crate::Error;
use crate::message::types::{Clip, Point, Rect};
use crate::pixels::Pixel;
use crate::surface::Surface;
use mask::Mask;

/// A mask, and how it lies on the box of a drawing.
#[derive(Clone, Debug)]
pub struct MaskUse {
    /// Its bits.
    pub mask: Arc<Mask>,
    /// Which of its pixels lies at the box's corner.
    pub origin: Point,
    /// The clear bits are drawn instead of the set ones.
    pub inverted: bool,
}

/// What a drawing works on: a surface, and which of its pixels may change.
#[derive(Debug)]
pub struct Target<'s> {
    surface: &'s mut Surface,
    bounds: Rect,
    region: Vec<Rect>,
    mask: Option<MaskUse>,
}

impl<'s> Target<'s> {
    /// The pixels of `surface` that lie in `bounds`, in `clip` and in `mask`.
    pub fn new(
        surface: &'s mut Surface,
        bounds: Rect,
        clip: &Clip,
        mask: Option<MaskUse>,
    ) -> Result<Self, Error> {
        let region = region::region(&bounds, clip, &surface.bounds())?;
        Ok(Self {
            surface,
            bounds,
            region,
            mask,
        })
    }

    /// The rectangles that may change, of which no two overlap.
    pub fn region(&self) -> &[Rect] {
        &self.region
    }

    /// Draws on the part of the target that lies in `area`.
    fn within(&mut self, area: Rect, draw: impl FnOnce(&mut Target<'_>)) {
        let region = self.region.iter().map(|rect| rect.intersect(&area));
        let mut part = Target {
            surface: &mut *self.surface,
            bounds: self.bounds,
            region: region.filter(|rect| !rect.is_empty()).collect(),
            mask: self.mask.clone(),
        };
        draw(&mut part);
    }

    /// Calls `draw` with those pixels of a piece of a row that may change, and where they begin;
    /// then makes them what the surface can hold. The mask is not looked at.
    fn span(
        &mut self,
        y: i32,
        left: i32,
        right: i32,
        mut draw: impl FnMut(i32, i32, &mut [Pixel]),
    ) {
        let format = self.surface.format();
        // From top to bottom: the first that reaches down to the row, and its neighbours.
        let first = self.region.partition_point(|rect| rect.bottom <= y);
        let rects = self.region.iter().skip(first);
        for rect in rects.take_while(|rect| rect.top <= y) {
            let (left, right) = (left.max(rect.left), right.min(rect.right));
            if left < right {
                let pixels = self.surface.run_mut(y, left, right);
                draw(left, y, pixels);
                format.settle(pixels);
            }
        }
    }

    /// Calls `draw` with every run of pixels that may change, and where it begins (x, y); then
    /// makes the pixels what the surface can hold. With `settled` they already are.
    fn runs(&mut self, settled: bool, mut draw: impl FnMut(i32, i32, &mut [Pixel])) {
        let format = self.surface.format();
        for rect in &self.region {
            for y in rect.top..rect.bottom {
                let mut run = |left: i32, right: i32| {
                    let pixels = self.surface.run_mut(y, left, right);
                    draw(left, y, pixels);
                    if !settled {
                        format.settle(pixels);
                    }
                };
                let Some(mask) = &self.mask else {
                    run(rect.left, rect.right);
                    continue;
                };
                // From the surface's columns and rows to the mask's; 64 bits cannot overflow.
                let dx = i64::from(mask.origin.x) - i64::from(self.bounds.left);
                let dy = i64::from(mask.origin.y) - i64::from(self.bounds.top);
                let (left, right) = (i64::from(rect.left) + dx, i64::from(rect.right) + dx);
                mask.mask.runs(
                    i64::from(y) + dy,
                    left,
                    right,
                    mask.inverted,
                    |left, right| {
                        run((left - dx) as i32, (right - dx) as i32);
                    },
                );
            }
        }
    }
}
