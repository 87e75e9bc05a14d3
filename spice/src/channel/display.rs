//! The display channel: surfaces, what is drawn on them, video streams, and the caches of images.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Context, Outgoing};
use crate::Error;
use crate::draw::mask::Mask;
use crate::draw::rop::{Inputs, Rop2, Rop3};
use crate::draw::{self, MaskUse, Paint, Source, Target, Unused};
use crate::event::Event;
use crate::image::{self, CacheLimits, ImageContext};
use crate::link::Capabilities;
use crate::message::common::Wait;
use crate::message::display::{self, Base, Mode, StreamCreate, StreamData, SurfaceCreate};
use crate::message::types::{
    Brush, Clip, Image, ImageFlags, ImageType, Point, QMask, Rect, ScaleMode, SurfaceFormat,
};
use crate::pixels::{Pixels, checked_area};
use crate::stream::{self, Streams};
use crate::surface::{Damage, Format, Surface};
use crate::wire::Reader;

/// The most memory all surfaces of a display may take, in bytes.
pub const MAX_SURFACE_BYTES: u64 = 1 << 30;
/// The most surfaces; a QXL device has 1024 unless told otherwise.
const MAX_SURFACES: usize = 65_536;
/// The most bytes of masks kept.
const MAX_MASK_BYTES: usize = 16 << 20;
/// Caches have numbers, so that channels may share them; ours do not.
const CACHE_ID: u8 = 1;

/// State of a display channel.
#[derive(Debug)]
pub(crate) struct Display {
    surfaces: HashMap<u32, Surface>,
    surface_bytes: u64,
    primary: Option<u32>,
    images: ImageContext,
    masks: HashMap<u64, Arc<Mask>>,
    mask_bytes: usize,
    streams: Streams,
    pub(crate) damage: Damage,
}

/// What we can do on this channel.
pub(crate) fn capabilities() -> Capabilities {
    let mut caps = Capabilities::of(&[
        display::CAP_SIZED_STREAM,
        display::CAP_MONITORS_CONFIG,
        display::CAP_MULTI_CODEC,
        display::CAP_CODEC_MJPEG,
    ]);
    if image::SUPPORTED.contains(&ImageType::LZ4) {
        caps.set(display::CAP_LZ4_COMPRESSION);
    }
    caps
}

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
    fn source(&self, scale: ScaleMode) -> Source<'_> {
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
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            surfaces: HashMap::new(),
            surface_bytes: 0,
            primary: None,
            images: ImageContext::new(limits),
            masks: HashMap::new(),
            mask_bytes: 0,
            streams: Streams::default(),
            damage: Damage::default(),
        }
    }

    /// Tells the server how much it may count on us to keep. (SPICE_MSGC_DISPLAY_INIT)
    pub(crate) fn greet(limits: &CacheLimits, outgoing: &mut Outgoing) {
        // The server counts pixels. It is told half of what we keep, because what it forgets
        // it says a little later than it takes up the room.
        let pixels = limits.image_cache_bytes / 4 / 2;
        let window = (limits.glz_window_pixels / 2).min(i32::MAX as usize);
        outgoing.message(display::CLIENT_INIT, |writer| {
            writer
                .u8(CACHE_ID)
                .u64(pixels as u64)
                .u8(CACHE_ID)
                .u32(window as u32);
        });
    }

    /// The screen.
    pub(crate) fn screen(&self) -> Option<&Surface> {
        self.primary.and_then(|id| self.surfaces.get(&id))
    }

    pub(crate) fn surface(&self, id: u32) -> Option<&Surface> {
        self.surfaces.get(&id)
    }

    /// Deals with a message. Returns what the channel is to wait for.
    pub(crate) fn message(
        &mut self,
        kind: u16,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Vec<Wait>, Error> {
        let reader = &mut Reader::new(body);
        match kind {
            display::MODE => self.mode(Mode::read(reader)?, context)?,
            display::MARK => context.events.push(Event::ScreenReady),
            display::RESET => self.reset(context),
            display::INVAL_LIST => {
                for id in display::read_inval_list(reader)? {
                    self.images.invalidate_image(id);
                    self.forget_mask(id);
                }
            }
            display::INVAL_ALL_PIXMAPS => {
                self.images.invalidate_all_images();
                self.masks.clear();
                self.mask_bytes = 0;
                return Wait::read_list(reader);
            }
            display::INVAL_PALETTE => self.images.invalidate_palette(reader.u64("palette")?),
            display::INVAL_ALL_PALETTES => self.images.invalidate_all_palettes(),
            display::SURFACE_CREATE => {
                self.create_surface(SurfaceCreate::read(reader)?, context)?;
            }
            display::SURFACE_DESTROY => {
                self.destroy_surface(reader.u32("surface")?, context)?;
            }
            display::STREAM_CREATE => self.streams.create(StreamCreate::read(reader)?)?,
            display::STREAM_DATA => self.frame(&StreamData::read(reader, false)?, context)?,
            display::STREAM_DATA_SIZED => self.frame(&StreamData::read(reader, true)?, context)?,
            display::STREAM_CLIP => {
                self.streams
                    .clip(reader.u32("stream")?, Clip::read(reader)?)?;
            }
            display::STREAM_DESTROY => self.streams.destroy(reader.u32("stream")?)?,
            display::STREAM_DESTROY_ALL => self.streams.destroy_all(),
            display::MONITORS_CONFIG => {
                context
                    .events
                    .push(Event::Monitors(display::read_monitors(reader)?));
            }
            _ => self.draw(kind, reader, context)?,
        }
        Ok(Vec::new())
    }

    fn draw(
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

    fn frame(&mut self, frame: &StreamData<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        let stream = self.streams.get_mut(frame.id)?;
        let id = stream.create.surface_id;
        let surface = self
            .surfaces
            .get_mut(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        let region = stream::draw(stream, frame, surface)?;
        context.statistics.stream_frames += 1;
        if self.primary == Some(id) {
            note(&mut self.damage, &region, context);
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

    fn forget_mask(&mut self, id: u64) {
        if let Some(mask) = self.masks.remove(&id) {
            self.mask_bytes -= mask.bytes();
        }
    }

    fn create_surface(
        &mut self,
        create: SurfaceCreate,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let id = create.surface_id;
        if self.surfaces.contains_key(&id) {
            self.destroy_surface(id, context)?;
        }
        let format = match Format::of(create.format)? {
            // Nothing shines through a screen.
            Format::Argb | Format::Rgbx if create.primary => Format::Xrgb,
            Format::A8 if create.primary => {
                return Err(Error::unsupported(
                    "format of the screen",
                    create.format.0.into(),
                ));
            }
            format => format,
        };
        let bytes = checked_area(create.width, create.height)? as u64 * 4;
        let total = self.surface_bytes.saturating_add(bytes);
        if total > MAX_SURFACE_BYTES {
            return Err(Error::limit(
                "memory of surfaces in bytes",
                total,
                MAX_SURFACE_BYTES,
            ));
        }
        if self.surfaces.len() >= MAX_SURFACES {
            let count = self.surfaces.len() as u64 + 1;
            return Err(Error::limit(
                "number of surfaces",
                count,
                MAX_SURFACES as u64,
            ));
        }
        let surface = Surface::new(create.width, create.height, format)?;
        self.surface_bytes = total;
        if create.primary {
            let (width, height) = (create.width, create.height);
            context.events.push(Event::Screen { width, height });
            self.primary = Some(id);
            self.damage.clear();
            note(&mut self.damage, &[surface.bounds()], context);
        }
        self.surfaces.insert(id, surface);
        Ok(())
    }

    fn destroy_surface(&mut self, id: u32, context: &mut Context<'_>) -> Result<(), Error> {
        let surface = self
            .surfaces
            .remove(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        self.surface_bytes -= surface.bytes();
        self.streams.surface_gone(id);
        if self.primary == Some(id) {
            self.primary = None;
            self.damage.clear();
            context.events.push(Event::ScreenGone);
        }
        Ok(())
    }

    /// How servers made the screen before there were surfaces.
    fn mode(&mut self, mode: Mode, context: &mut Context<'_>) -> Result<(), Error> {
        let format = match mode.bits {
            16 => SurfaceFormat::RGB555,
            24 | 32 => SurfaceFormat::XRGB,
            other => return Err(Error::unsupported("bits per pixel", other.into())),
        };
        let (width, height) = (mode.width, mode.height);
        let create = SurfaceCreate {
            surface_id: 0,
            width,
            height,
            format,
            primary: true,
        };
        self.create_surface(create, context)
    }

    fn reset(&mut self, context: &mut Context<'_>) {
        self.streams.destroy_all();
        self.images.invalidate_all_palettes();
        let Some(screen) = self.primary.and_then(|id| self.surfaces.get_mut(&id)) else {
            return;
        };
        screen.clear();
        note(&mut self.damage, &[screen.bounds()], context);
    }
}

/// A bitmap comes with a palette that later ones will name. (SPICE_BITMAP_FLAGS_PAL_CACHE_ME)
fn has_palette_to_keep(image: &Image<'_>) -> bool {
    matches!(image.body, [_format, flags, ..] if flags & 1 != 0)
}

/// Notes what changed on the screen. Many small parts count as one: each is a call to the canvas.
fn note(damage: &mut Damage, region: &[Rect], context: &mut Context<'_>) {
    const MANY: usize = 8;
    if region.len() > MANY {
        damage.add(draw::region::around(region));
    } else {
        region.iter().for_each(|rect| damage.add(*rect));
    }
    if !damage.is_empty() {
        context.events.push(Event::Damaged);
    }
}
