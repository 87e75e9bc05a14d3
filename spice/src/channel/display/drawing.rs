//! What is drawn on surfaces: from the message to the operation in [`crate::draw`].

use std::sync::Arc;

use super::{Display, MAX_MASK_BYTES, note};
use crate::Error;
use crate::channel::Context;
use crate::draw::mask::Mask;
use crate::draw::rop::{Inputs, Rop2, Rop3};
use crate::draw::{self, MaskUse, Paint, Source, Target, Unused};
use crate::image;
use crate::message::display::{self, Base};
use crate::message::types::{Brush, Image, ImageFlags, ImageType, Point, QMask, Rect, ScaleMode};
use crate::pixels::Pixels;
use crate::surface::{Format, Surface};
use crate::wire::Reader;

/// A picture and the part of it that is meant.
struct Part {
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
impl Display {
    pub(super) fn draw(
        &mut self,
        kind: u16,
        reader: &mut Reader<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        if !(display::DRAW_FILL..=display::DRAW_ALPHA_BLEND).contains(&kind)
            && kind != display::COPY_BITS
        {
            return Err(Error::unsupported("display message", kind.into()));
        }
        let base = Base::read(reader)?;
        // Pictures are decoded before the surface is looked for: later ones may need them.
        match kind {
            display::COPY_BITS => {
                let from = display::read_copy_bits(reader)?;
                self.on(&base, None, context, |target| draw::copy_bits(target, from))
            }
            display::DRAW_FILL => {
                let fill = display::Fill::read(reader)?;
                let paint = self.paint(&fill.brush, &base, context)?;
                let mask = self.mask(&fill.mask)?;
                let rop = Rop2::new(fill.rop, Inputs::BrushOnDest);
                self.on(&base, mask, context, |target| {
                    draw::fill(target, &paint, rop)
                })
            }
            display::DRAW_COPY | display::DRAW_BLEND => {
                let copy = display::Copy::read(reader)?;
                let part = self.part(&copy.image, &copy.source, &base.bounds, context)?;
                let mask = self.mask(&copy.mask)?;
                let rop = Rop2::new(copy.rop, Inputs::SourceOnDest);
                let source = part.source(copy.scale);
                self.on(&base, mask, context, |target| {
                    draw::copy(target, &source, rop)
                })
            }
            display::DRAW_OPAQUE => {
                let opaque = display::Opaque::read(reader)?;
                let part = self.part(&opaque.image, &opaque.source, &base.bounds, context)?;
                let paint = self.paint(&opaque.brush, &base, context)?;
                let mask = self.mask(&opaque.mask)?;
                let rop = Rop2::new(opaque.rop, Inputs::BrushOnSource);
                let source = part.source(opaque.scale);
                self.on(&base, mask, context, |target| {
                    draw::opaque(target, &source, &paint, rop);
                })
            }
            display::DRAW_BLACKNESS => {
                let mask = self.mask(&QMask::read(reader)?)?;
                self.on(&base, mask, context, draw::blackness)
            }
            display::DRAW_WHITENESS => {
                let mask = self.mask(&QMask::read(reader)?)?;
                self.on(&base, mask, context, draw::whiteness)
            }
            display::DRAW_INVERS => {
                let mask = self.mask(&QMask::read(reader)?)?;
                self.on(&base, mask, context, draw::invert)
            }
            display::DRAW_ROP3 => {
                let rop3 = display::Rop3::read(reader)?;
                let part = self.part(&rop3.image, &rop3.source, &base.bounds, context)?;
                let paint = self.paint(&rop3.brush, &base, context)?;
                let mask = self.mask(&rop3.mask)?;
                let source = part.source(rop3.scale);
                self.on(&base, mask, context, |target| {
                    draw::rop3(target, &source, &paint, Rop3(rop3.rop3));
                })
            }
            display::DRAW_TRANSPARENT => {
                let transparent = display::Transparent::read(reader)?;
                let part = self.part(
                    &transparent.image,
                    &transparent.source,
                    &base.bounds,
                    context,
                )?;
                let source = part.source(ScaleMode::Nearest);
                self.on(&base, None, context, |target| {
                    draw::transparent(target, &source, transparent.colour);
                })
            }
            display::DRAW_ALPHA_BLEND => {
                let blend = display::AlphaBlend::read(reader)?;
                let part = self.part(&blend.image, &blend.source, &base.bounds, context)?;
                let source = part.source(ScaleMode::Nearest);
                self.on(&base, None, context, |target| {
                    draw::alpha_blend(target, &source, blend.alpha, blend.surface_has_alpha);
                })
            }
            // Stroke, text: not drawn yet.
            other => Err(Error::unsupported("drawing", other.into())),
        }
    }

    /// Draws on the surface of `base`, and notes what changed.
    fn on(
        &mut self,
        base: &Base,
        mask: Option<MaskUse>,
        context: &mut Context<'_>,
        draw: impl FnOnce(&mut Target<'_>),
    ) -> Result<(), Error> {
        let id = base.surface_id;
        let surface = self
            .surfaces
            .get_mut(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        let mut target = Target::new(surface, base.bounds, &base.clip, mask)?;
        draw(&mut target);
        context.statistics.draws += 1;
        if self.primary == Some(id) {
            note(&mut self.damage, target.region(), context);
        }
        Ok(())
    }

    /// A picture of a message, wherever it comes from.
    fn part(
        &mut self,
        image: &Image<'_>,
        area: &Rect,
        bounds: &Rect,
        context: &mut Context<'_>,
    ) -> Result<Part, Error> {
        let kind = image.descriptor.kind;
        let unused = match image.descriptor.flags.has(ImageFlags::HIGH_BITS_SET) {
            true => Unused::Set,
            false => Unused::Clear,
        };
        if kind != ImageType::SURFACE {
            let picture = image::decode(*image, &mut self.images)?;
            *context.statistics.images.entry(kind).or_default() += 1;
            return Ok(Part {
                picture,
                origin: Point::default(),
                area: *area,
                unused,
            });
        }
        let id = image.surface_id()?;
        let surface = self
            .surfaces
            .get(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        *context.statistics.images.entry(kind).or_default() += 1;
        // Bringing it to another size looks at the neighbours of the part too, as many as make a
        // pixel of the box.
        let margin = |part: u32, whole: u32| (part / whole.max(1)).min(1 << 15).cast_signed() + 2;
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
                Format::Argb | Format::A8 => Unused::Set,
                _ => Unused::AsDrawn,
            },
        })
    }

    fn paint(
        &mut self,
        brush: &Brush<'_>,
        base: &Base,
        context: &mut Context<'_>,
    ) -> Result<Paint, Error> {
        Ok(match brush {
            Brush::None => Paint::None,
            Brush::Solid(colour) => {
                let surface = self.surfaces.get(&base.surface_id);
                let format = surface.map_or(Format::Xrgb, Surface::format);
                Paint::Colour(format.colour(*colour))
            }
            Brush::Pattern { image, origin } => {
                let (width, height) = (image.descriptor.width, image.descriptor.height);
                let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
                let all = Rect::new(0, 0, side(width), side(height));
                let part = self.part(image, &all, &all, context)?;
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

    fn mask(&mut self, mask: &QMask<'_>) -> Result<Option<MaskUse>, Error> {
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

/// A bitmap comes with a palette that later ones will name. (SPICE_BITMAP_FLAGS_PAL_CACHE_ME)
fn has_palette_to_keep(image: &Image<'_>) -> bool {
    matches!(image.body, [_format, flags, ..] if flags & 1 != 0)
}
