//! Surfaces come and go; the first one, or the one so marked, is the screen.

use super::{Display, MAX_SURFACE_BYTES, MAX_SURFACES, note};
use crate::Error;
use crate::channel::Context;
use crate::event::Event;
use crate::message::display::{Mode, SurfaceCreate};
use crate::message::types::SurfaceFormat;
use crate::pixels::checked_area;
use crate::surface::{Format, Surface};

impl Display {
    pub(super) fn create_surface(
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
            Format::A8 | Format::A1 if create.primary => {
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

    pub(super) fn destroy_surface(
        &mut self,
        id: u32,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let surface = self
            .surfaces
            .remove(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        self.surface_bytes -= surface.bytes();
        self.streams_of_surface_end(id, context);
        if self.primary == Some(id) {
            self.primary = None;
            self.damage.clear();
            context.events.push(Event::ScreenGone);
        }
        Ok(())
    }

    /// How servers made the screen before there were surfaces.
    pub(super) fn mode(&mut self, mode: Mode, context: &mut Context<'_>) -> Result<(), Error> {
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

    pub(super) fn reset(&mut self, context: &mut Context<'_>) {
        self.streams_end(context);
        self.images.invalidate_all_palettes();
        let Some(screen) = self.primary.and_then(|id| self.surfaces.get_mut(&id)) else {
            return;
        };
        screen.clear();
        note(&mut self.damage, &[screen.bounds()], context);
    }
}
