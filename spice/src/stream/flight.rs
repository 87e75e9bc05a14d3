//! Frames that somebody else decodes: which are out, where they will go, and what must not happen
//! before they are back.

use crate::Error;
use crate::message::display::{self, Base, Fill, StreamData};
use crate::message::types::{Brush, Clip, Image, ImageType, Point, Rect};
use crate::wire::Reader;

/// A coded frame that was handed out, or waits to be.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Its number in the session.
    pub(crate) frame: u64,
    /// Its stream's number in the session.
    pub(crate) stream: u64,
    /// On what it goes.
    pub(crate) surface: u32,
    /// Where.
    pub(crate) bounds: Rect,
    /// Which parts of that.
    pub(crate) clip: Clip,
    /// It begins with its top row.
    pub(crate) top_down: bool,
    /// When it came, in microseconds of the caller's clock.
    pub(crate) since_us: u64,
    /// The frame itself, while it waits for others of its stream to come back.
    pub(crate) waiting: Option<Vec<u8>>,
}

/// All frames of a display that are not in their surface yet, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    pub(crate) list: Vec<Flight>,
}

impl Flights {
    /// Frames of one stream that are being decoded.
    pub(crate) fn out(&self, stream: u64) -> usize {
        let out = |flight: &&Flight| flight.stream == stream && flight.waiting.is_none();
        self.list.iter().filter(out).count()
    }

    pub(crate) fn take(&mut self, frame: u64) -> Option<Flight> {
        let index = self.list.iter().position(|have| have.frame == frame)?;
        Some(self.list.remove(index))
    }

    /// A frame of `stream` that goes to `surface` must wait: where it goes, a frame of another
    /// stream will, or one of its own that does not go to the very same place.
    pub(crate) fn bar_frame(
        &self,
        stream: u64,
        surface: u32,
        frame: &StreamData<'_>,
        dest: Rect,
    ) -> bool {
        let bounds = frame.dest.unwrap_or(dest);
        self.list.iter().any(|flight| {
            flight.surface == surface
                && overlap(&flight.bounds, &bounds)
                && (flight.stream != stream || flight.bounds != bounds)
        })
    }

    /// A drawing must wait, because it reads or covers what a frame will change.
    pub(crate) fn bar_drawing(&self, kind: u16, body: &[u8]) -> bool {
        if self.list.is_empty() {
            return false;
        }
        let mut reader = Reader::new(body);
        // What cannot be read will draw nothing.
        let Ok(base) = Base::read(&mut reader) else {
            return false;
        };
        self.touches(base.surface_id, &base.bounds)
            || self.is_read(kind, &base, &mut reader).unwrap_or(false)
    }

    fn touches(&self, surface: u32, bounds: &Rect) -> bool {
        self.list
            .iter()
            .any(|flight| flight.surface == surface && overlap(&flight.bounds, bounds))
    }

    fn is_read(&self, kind: u16, base: &Base, reader: &mut Reader<'_>) -> Result<bool, Error> {
        Ok(match kind {
            display::COPY_BITS => {
                let Point { x, y } = display::read_copy_bits(reader)?;
                let (width, height) = (base.bounds.width(), base.bounds.height());
                let from = Rect::new(x, y, width.cast_signed(), height.cast_signed());
                self.touches(base.surface_id, &from)
            }
            display::DRAW_FILL => self.brush_reads(&Fill::read(reader)?.brush)?,
            display::DRAW_COPY | display::DRAW_BLEND | display::DRAW_TRANSPARENT => {
                self.image_reads(&Image::read(reader)?)?
            }
            display::DRAW_ALPHA_BLEND => {
                reader.u16("alpha blend")?;
                self.image_reads(&Image::read(reader)?)?
            }
            display::DRAW_OPAQUE | display::DRAW_ROP3 => {
                let image = self.image_reads(&Image::read(reader)?)?;
                Rect::read(reader)?;
                image || self.brush_reads(&Brush::read(reader)?)?
            }
            display::DRAW_BLACKNESS | display::DRAW_WHITENESS | display::DRAW_INVERS => false,
            // Rare, and with pictures in several places.
            _ => true,
        })
    }

    fn brush_reads(&self, brush: &Brush<'_>) -> Result<bool, Error> {
        match brush {
            Brush::Pattern { image, .. } => self.image_reads(image),
            _ => Ok(false),
        }
    }

    fn image_reads(&self, image: &Image<'_>) -> Result<bool, Error> {
        if image.descriptor.kind != ImageType::SURFACE {
            return Ok(false);
        }
        let surface = image.surface_id()?;
        Ok(self.list.iter().any(|flight| flight.surface == surface))
    }
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    !a.intersect(b).is_empty()
}
