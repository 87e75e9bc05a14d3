//! What is drawn on surfaces: from the message to the operation in [`crate::draw`].

use std::sync::Arc;

use super::{Display, MAX_MASK_BYTES, note};
use crate::Error;
use crate::channel::Context;
use crate::draw::mask::Mask;
use crate::draw::rop::{Inputs, Rop2, Rop3};
use crate::draw::{self, MaskUse, Operator, Paint, Sampled, Source, Target, Unused};
use crate::image;
use crate::message::composite::{Composite, Operand, Repeat};
use crate::message::display::{self, Base};
use crate::message::stroke::Stroke;
use crate::message::text::Text;
use crate::message::types::{Brush, Image, ImageFlags, ImageType, Point, QMask, Rect, ScaleMode};
use crate::pixels::{Alpha, Pixels};
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

/// SPICE_BITMAP_FMT_8BIT_A
const ALPHA_BITMAP: u8 = 10;

/// A picture of a composition.
struct Seen {
    picture: Arc<Pixels>,
    format: Format,
    /// Which pixel of what is looked at is the picture's first.
    corner: Point,
}

impl Seen {
    fn through(&self, operand: &Operand<'_>) -> Sampled<'_> {
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
    pub(super) fn draw(
        &mut self,
        kind: u16,
        reader: &mut Reader<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        if !(display::DRAW_FILL..=display::DRAW_ALPHA_BLEND).contains(&kind)
            && !matches!(kind, display::COPY_BITS | display::DRAW_COMPOSITE)
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
            display::DRAW_STROKE => {
                let stroke = Stroke::read(reader)?;
                let paint = self.paint(&stroke.brush, &base, context)?;
                let rop = Rop2::new(stroke.rop, Inputs::BrushOnDest);
                let (segments, style) = (&stroke.segments, stroke.style.as_ref());
                let mut done = Ok(());
                self.on(&base, None, context, |target| {
                    done = draw::stroke(target, segments, style, &paint, rop);
                })?;
                done
            }
            display::DRAW_TEXT => {
                let text = Text::read(reader)?;
                let fore = self.paint(&text.fore, &base, context)?;
                let back = self.paint(&text.back, &base, context)?;
                self.on(&base, None, context, |target| {
                    draw::text_background(target, text.back_area, &back);
                    draw::text(target, text.depth, &text.glyphs, &fore);
                })
            }
            display::DRAW_COMPOSITE => {
                let composite = Composite::read(reader)?;
                self.composite(&composite, &base, context)
            }
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
                Format::Argb | Format::A8 | Format::A1 => Unused::Set,
                _ => Unused::AsDrawn,
            },
        })
    }

    fn composite(
        &mut self,
        composite: &Composite<'_>,
        base: &Base,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let source = self.seen(&composite.source, composite.source_opaque, base, context)?;
        let mask = composite
            .mask
            .as_ref()
            .map(|mask| self.seen(mask, false, base, context))
            .transpose()?;
        let operator = Operator::of(composite.operator)?;
        let source = source.through(&composite.source);
        let mask = mask.as_ref().zip(composite.mask.as_ref());
        let mask = mask.map(|(seen, operand)| seen.through(operand));
        self.on(base, None, context, |target| {
            draw::composite(
                target,
                operator,
                &source,
                mask.as_ref(),
                composite.component_alpha,
            );
        })
    }

    /// A picture of a composition, as it is seen: what is no surface is first brought into the
    /// format of the one that is drawn on.
    fn seen(
        &mut self,
        operand: &Operand<'_>,
        opaque: bool,
        base: &Base,
        context: &mut Context<'_>,
    ) -> Result<Seen, Error> {
        let image = &operand.image;
        let kind = image.descriptor.kind;
        if kind == ImageType::SURFACE {
            let id = image.surface_id()?;
            let surface = self
                .surfaces
                .get(&id)
                .ok_or(Error::missing("surface", id.into()))?;
            *context.statistics.images.entry(kind).or_default() += 1;
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
        let mut picture = image::decode(*image, &mut self.images)?;
        *context.statistics.images.entry(kind).or_default() += 1;
        let only_alpha = kind == ImageType::BITMAP && image.body.first() == Some(&ALPHA_BITMAP);
        let surface = self.surfaces.get(&base.surface_id);
        let format = match surface.map_or(Format::Xrgb, Surface::format) {
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

/// A bitmap comes with a palette that later ones will name. (SPICE_BITMAP_FLAGS_PAL_CACHE_ME)
fn has_palette_to_keep(image: &Image<'_>) -> bool {
    matches!(image.body, [_format, flags, ..] if flags & 1 != 0)
}
