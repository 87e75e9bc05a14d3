//! The display channel: surfaces, what is drawn on them, video streams, and the caches of images.

mod drawing;
pub(crate) mod mark;
mod pictures;
mod surfaces;
pub(crate) mod video;

use std::collections::HashMap;
use std::sync::Arc;

use crate::Error;
use crate::channel::{Context, Outgoing};
use crate::draw;
use crate::draw::mask::Mask;
use crate::event::Event;
use crate::image::{self, CacheLimits, ImageContext};
use crate::link::Capabilities;
use crate::message::common::Wait;
use crate::message::display::{self, Mode, SurfaceCreate};
use crate::message::types::{ImageType, Rect};
use crate::stream::Streams;
use crate::surface::{Damage, Surface};
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
        display::CAP_MONITORS_CONFIG,
        display::CAP_COMPOSITE,
        display::CAP_A8_SURFACE,
    ]);
    if image::SUPPORTED.contains(&ImageType::LZ4) {
        caps.set(display::CAP_LZ4_COMPRESSION);
    }
    caps
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

    /// How many surfaces there are.
    pub(crate) fn surface_count(&self) -> usize {
        self.surfaces.len()
    }

    /// Bytes of pictures kept.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.images.cached_bytes()
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
            display::MONITORS_CONFIG => {
                context
                    .events
                    .push(Event::Monitors(display::read_monitors(reader)?));
            }
            _ => self.draw(kind, reader, context)?,
        }
        Ok(Vec::new())
    }
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
