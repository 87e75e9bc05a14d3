//! The pictures, brushes and masks that a drawing's message brings or names.

use std::sync::Arc;

use super::{Display, MAX_MASK_BYTES};
use crate::Error;
use crate::channel::Context;
use crate::draw::mask::Mask;
use crate::draw::{MaskUse, Paint, Sampled, Source, Unused};
use crate::image;
use crate::message::composite::{Operand, Repeat};
use crate::message::display::Base;
use crate::message::types::{Brush, Image, ImageFlags, ImageType, Point, QMask, Rect, ScaleMode};
use crate::pixels::{Alpha, Pixels};
use crate::surface::{Format, Surface};

/// A picture and the part of it that is meant.
pub(super) struct Part {
    picture: Arc<Pixels>,
    /// Where the picture's corner lies in what `area` counts in.
    origin: Point,
    area: Rect,
    /// What stands in its unused bits.
    unused: Unused,
}

impl Part {
    pub(super) fn source(&self, scale: ScaleMode) -> Source<'_> {
        let Self {
            picture,
            origin,
            area,
            unused,
        } = self;
        Source {
            picture,
            origin: *origin,
            area: *area,
            scale,
            unused: *unused,
        }
    }
}

/// SPICE_BITMAP_FMT_8BIT_A
const ALPHA_BITMAP: u8 = 10;
/// SPICE_BITMAP_FMT_16BIT
const SIXTEEN_BIT_BITMAP: u8 = 6;

/// A picture of a composition.
pub(super) struct Seen {
    picture: Arc<Pixels>,
    format: Format,
    /// Which pixel of what is looked at is the picture's first.
    corner: Point,
}

impl Seen {
    pub(super) fn through(&self, operand: &Operand<'_>) -> Sampled<'_> {
        Sampled {
            picture: &self.picture,
            format: self.format,
            corner: self.corner,
            origin: operand.origin,
            repeat: operand.repeat,
            filter: operand.filter,
            transform: operand.transform,
        }
    }
}

impl Display {
    /// What the pixels of the surface are that a drawing goes to. One that is not there is taken
    /// for a screen: the pictures of the drawing may be named again by others.
    fn format_of(&self, surface_id: u32) -> Format {
        self.surfaces
            .get(&surface_id)
            .map_or(Format::Xrgb, Surface::format)
    }

    /// A picture that is not a surface, decoded. A palette's colours are of the format of the
    /// surface that is drawn on.
    fn picture(
        &mut self,
        image: &Image<'_>,
        format: Format,
        context: &mut Context<'_>,
    ) -> Result<Arc<Pixels>, Error> {
        self.images.set_palette_format(format);
        let picture = image::decode(*image, &mut self.images)?;
        let kind = image.descriptor.kind;
        *context.statistics.images.entry(kind).or_default() += 1;
        Ok(picture)
    }

    fn named_surface(
        &self,
        image: &Image<'_>,
        context: &mut Context<'_>,
    ) -> Result<&Surface, Error> {
        let id = image.surface_id()?;
        let surface = self
            .surfaces
            .get(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        let kind = image.descriptor.kind;
        *context.statistics.images.entry(kind).or_default() += 1;
        Ok(surface)
    }

    /// A picture of a message, wherever it comes from, of which `area` is to fill `bounds`; with
    /// `blended` it stays as it is, whatever the surface can hold.
    pub(super) fn part(
        &mut self,
        image: &Image<'_>,
        area: &Rect,
        bounds: &Rect,
        surface_id: u32,
        blended: bool,
        context: &mut Context<'_>,
    ) -> Result<Part, Error> {
        let scaled = area.width() != bounds.width() || area.height() != bounds.height();
        if image.descriptor.kind != ImageType::SURFACE {
            let format = self.format_of(surface_id);
            let mut picture = self.picture(image, format, context)?;
            if scaled && !blended && matches!(format, Format::Rgb555 | Format::Rgb565) {
                // The server brings it into the surface's format first, and to size then.
                format.settle(&mut Arc::make_mut(&mut picture).data);
            }
            return Ok(Part {
                picture,
                origin: Point::default(),
                area: *area,
                unused: unused(image),
            });
        }
        let surface = self.named_surface(image, context)?;
        // Bringing it to another size looks at the neighbours of the part too, as many as make a
        // pixel of the box.
        let margin = |part: u32, whole: u32| match scaled {
            true => (part / whole.max(1)).min(1 << 15).cast_signed() + 2,
            false => 0,
        };
        let across = margin(area.width(), bounds.width());
        let down = margin(area.height(), bounds.height());
        let with_neighbours = Rect {
            top: area.top.saturating_sub(down),
            left: area.left.saturating_sub(across),
            bottom: area.bottom.saturating_add(down),
            right: area.right.saturating_add(across),
        };
        let (picture, have) = surface.picture(&with_neighbours).ok_or(Error::invalid(
            "part of a surface",
            u64::from(area.left.cast_unsigned()),
        ))?;
        let origin = Point {
            x: have.left,
            y: have.top,
        };
        Ok(Part {
            picture: Arc::new(picture),
            origin,
            area: *area,
            unused: match surface.format() {
                Format::Rgbx => Unused::AsDrawn,
                Format::Xrgb => Unused::NotKept,
                _ => Unused::Set,
            },
        })
    }

    /// A picture of a composition, as it is seen: what is no surface is first brought into the
    /// format of the one that is drawn on.
    pub(super) fn seen(
        &mut self,
        operand: &Operand<'_>,
        opaque: bool,
        base: &Base,
        context: &mut Context<'_>,
    ) -> Result<Seen, Error> {
        let image = &operand.image;
        let kind = image.descriptor.kind;
        if kind == ImageType::SURFACE {
            let surface = self.named_surface(image, context)?;
            // Only what is seen is copied.
            let area = if operand.repeat == Repeat::None && operand.transform.is_none() {
                let (width, height) = (base.bounds.width(), base.bounds.height());
                let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
                Rect::new(
                    operand.origin.x,
                    operand.origin.y,
                    side(width),
                    side(height),
                )
            } else {
                surface.bounds()
            };
            let (picture, corner) = match surface.picture(&area) {
                Some((picture, have)) => (
                    picture,
                    Point {
                        x: have.left,
                        y: have.top,
                    },
                ),
                // A pixel far away stands for nothing at all.
                None => (
                    Pixels::new(1, 1, Alpha::Premultiplied, vec![[0; 4]])?,
                    Point {
                        x: i32::MIN,
                        y: i32::MIN,
                    },
                ),
            };
            let format = match surface.format() {
                Format::Argb if opaque => Format::Xrgb,
                format => format,
            };
            return Ok(Seen {
                picture: Arc::new(picture),
                format,
                corner,
            });
        }
        let format = self.format_of(base.surface_id);
        let mut picture = self.picture(image, format, context)?;
        let only_alpha = kind == ImageType::BITMAP && image.body.first() == Some(&ALPHA_BITMAP);
        let format = match format {
            Format::Xrgb | Format::Rgbx | Format::Argb => match picture.alpha {
                Alpha::Premultiplied if !only_alpha => Format::Argb,
                _ => Format::Xrgb,
            },
            format => {
                format.settle(&mut Arc::make_mut(&mut picture).data);
                format
            }
        };
        Ok(Seen {
            picture,
            format,
            corner: Point::default(),
        })
    }

    pub(super) fn paint(
        &mut self,
        brush: &Brush<'_>,
        base: &Base,
        context: &mut Context<'_>,
    ) -> Result<Paint, Error> {
        Ok(match brush {
            Brush::None => Paint::None,
            Brush::Solid(colour) => Paint::Colour(self.format_of(base.surface_id).colour(*colour)),
            Brush::Pattern { image, origin } => {
                let (width, height) = (image.descriptor.width, image.descriptor.height);
                let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
                let all = Rect::new(0, 0, side(width), side(height));
                let part = self.part(image, &all, &all, base.surface_id, false, context)?;
                let Part {
                    picture, unused, ..
                } = part;
                Paint::Pattern {
                    picture,
                    origin: *origin,
                    unused,
                }
            }
        })
    }

    pub(super) fn mask(&mut self, mask: &QMask<'_>) -> Result<Option<MaskUse>, Error> {
        let Some(image) = &mask.bitmap else {
            return Ok(None);
        };
        let id = image.descriptor.id;
        let bits = match image.descriptor.kind {
            ImageType::FROM_CACHE | ImageType::FROM_CACHE_LOSSLESS => Arc::clone(
                self.masks
                    .get(&id)
                    .ok_or(Error::missing("cached mask", id))?,
            ),
            ImageType::BITMAP => {
                if has_palette_to_keep(image) {
                    // It means nothing to a mask, but other pictures will name it. Whether a
                    // mask makes a picture as well is of no interest.
                    let _ = image::decode(*image, &mut self.images);
                }
                let bits = Arc::new(Mask::read(image)?);
                if image.descriptor.flags.has(ImageFlags::CACHE_ME) {
                    self.forget_mask(id);
                    if self.mask_bytes + bits.bytes() <= MAX_MASK_BYTES {
                        self.mask_bytes += bits.bytes();
                        self.masks.insert(id, Arc::clone(&bits));
                    }
                }
                bits
            }
            ImageType::SURFACE => {
                let id = image.surface_id()?;
                let surface = self
                    .surfaces
                    .get(&id)
                    .ok_or(Error::missing("surface", id.into()))?;
                Arc::new(Mask::of_surface(surface)?)
            }
            other => return Err(Error::unsupported("mask image type", other.0.into())),
        };
        Ok(Some(MaskUse {
            mask: bits,
            origin: mask.origin,
            inverted: mask.inverted,
        }))
    }

    pub(super) fn forget_mask(&mut self, id: u64) {
        if let Some(mask) = self.masks.remove(&id) {
            self.mask_bytes -= mask.bytes();
        }
    }
}

/// What stands in the bits that a picture does not use.
fn unused(image: &Image<'_>) -> Unused {
    // What is brought from 16 bits to 32 the server fills up.
    let filled = image.descriptor.kind == ImageType::BITMAP
        && image.body.first() == Some(&SIXTEEN_BIT_BITMAP);
    match filled || image.descriptor.flags.has(ImageFlags::HIGH_BITS_SET) {
        true => Unused::Set,
        false => Unused::Clear,
    }
}

/// A bitmap comes with a palette that later ones will name. (SPICE_BITMAP_FLAGS_PAL_CACHE_ME)
fn has_palette_to_keep(image: &Image<'_>) -> bool {
    matches!(image.body, [_format, flags, ..] if flags & 1 != 0)
}
