//! What is drawn on surfaces: from the message to the operation in [`crate::draw`].

use super::{Display, note};
use crate::Error;
use crate::channel::Context;
use crate::draw::rop::{Inputs, Rop2, Rop3};
use crate::draw::{self, MaskUse, Operator, Target};
use crate::message::composite::Composite;
use crate::message::display::{self, Base};
use crate::message::stroke::Stroke;
use crate::message::text::Text;
use crate::message::types::{QMask, ScaleMode};
use crate::wire::Reader;

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
                let part = self.part(
                    &copy.image,
                    &copy.source,
                    &base.bounds,
                    base.surface_id,
                    false,
                    context,
                )?;
                let mask = self.mask(&copy.mask)?;
                let rop = Rop2::new(copy.rop, Inputs::SourceOnDest);
                let source = part.source(copy.scale);
                self.on(&base, mask, context, |target| {
                    draw::copy(target, &source, rop)
                })
            }
            display::DRAW_OPAQUE => {
                let opaque = display::Opaque::read(reader)?;
                let part = self.part(
                    &opaque.image,
                    &opaque.source,
                    &base.bounds,
                    base.surface_id,
                    false,
                    context,
                )?;
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
                let part = self.part(
                    &rop3.image,
                    &rop3.source,
                    &base.bounds,
                    base.surface_id,
                    false,
                    context,
                )?;
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
                    base.surface_id,
                    false,
                    context,
                )?;
                let source = part.source(ScaleMode::Nearest);
                self.on(&base, None, context, |target| {
                    draw::transparent(target, &source, transparent.colour);
                })
            }
            display::DRAW_ALPHA_BLEND => {
                let blend = display::AlphaBlend::read(reader)?;
                let part = self.part(
                    &blend.image,
                    &blend.source,
                    &base.bounds,
                    base.surface_id,
                    true,
                    context,
                )?;
                let source = part.source(ScaleMode::Nearest);
                self.on(&base, None, context, |target| {
                    draw::alpha_blend(target, &source, blend.alpha, blend.surface_has_alpha);
                    if !blend.dest_has_alpha {
                        draw::forget_coverage(target);
                    }
                })
            }
            display::DRAW_STROKE => {
                let stroke = Stroke::read(reader)?;
                let paint = self.paint(&stroke.brush, &base, context)?;
                let rop = Rop2::new(stroke.rop, Inputs::BrushOnDest);
                let style = stroke.style.as_ref();
                let mut done = Ok(());
                self.on(&base, None, context, |target| {
                    done = draw::stroke(target, &stroke.path, style, &paint, rop);
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
}
