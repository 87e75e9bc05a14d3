//! Video streams: parts of a surface that the server sends as coded frames. MJPEG frames are
//! decoded here, in order with everything else, and drawn at once.

use std::collections::HashMap;

use crate::Error;
use crate::draw::rop::Rop2;
use crate::draw::{self, Source, Target, Unused};
use crate::image::jpeg::FrameDecoder;
use crate::message::display::{CODEC_MJPEG, StreamCreate, StreamData};
use crate::message::types::{Clip, Point, Rect, ScaleMode};
use crate::pixels::Pixels;
use crate::surface::Surface;

/// The most streams at once; servers have 50 at most.
pub const MAX_STREAMS: usize = 256;

/// A stream, and what its decoder remembers of earlier frames.
#[derive(Debug)]
pub struct Stream {
    /// What it is like.
    pub create: StreamCreate,
    decoder: FrameDecoder,
}

/// The streams of a display channel.
#[derive(Debug, Default)]
pub struct Streams {
    streams: HashMap<u32, Stream>,
}

impl Streams {
    /// SPICE_MSG_DISPLAY_STREAM_CREATE
    pub fn create(&mut self, create: StreamCreate) -> Result<(), Error> {
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&create.id) {
            return Err(Error::limit(
                "number of streams",
                MAX_STREAMS as u64 + 1,
                MAX_STREAMS as u64,
            ));
        }
        self.streams.insert(
            create.id,
            Stream {
                create,
                decoder: FrameDecoder::default(),
            },
        );
        Ok(())
    }

    /// SPICE_MSG_DISPLAY_STREAM_CLIP
    pub fn clip(&mut self, id: u32, clip: Clip) -> Result<(), Error> {
        let stream = self
            .streams
            .get_mut(&id)
            .ok_or(Error::missing("stream", id.into()))?;
        stream.create.clip = clip;
        Ok(())
    }

    /// SPICE_MSG_DISPLAY_STREAM_DESTROY
    pub fn destroy(&mut self, id: u32) -> Result<(), Error> {
        self.streams
            .remove(&id)
            .map(drop)
            .ok_or(Error::missing("stream", id.into()))
    }

    /// SPICE_MSG_DISPLAY_STREAM_DESTROY_ALL
    pub fn destroy_all(&mut self) {
        self.streams.clear();
    }

    /// A surface is gone, and its streams with it.
    pub fn surface_gone(&mut self, surface_id: u32) {
        self.streams
            .retain(|_, stream| stream.create.surface_id != surface_id);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The stream of that number.
    pub fn get_mut(&mut self, id: u32) -> Result<&mut Stream, Error> {
        self.streams
            .get_mut(&id)
            .ok_or(Error::missing("stream", id.into()))
    }
}

/// Decodes a frame and draws it; returns where.
pub fn draw(
    stream: &mut Stream,
    frame: &StreamData<'_>,
    surface: &mut Surface,
) -> Result<Vec<Rect>, Error> {
    let create = &stream.create;
    if create.codec != CODEC_MJPEG {
        return Err(Error::unsupported("video codec", create.codec.into()));
    }
    let mut picture = stream.decoder.decode(frame.data)?;
    if !create.top_down {
        turn_over(&mut picture);
    }
    let bounds = frame.dest.unwrap_or(create.dest);
    let mut target = Target::new(surface, bounds, &create.clip, None)?;
    let (width, height) = (picture.width.cast_signed(), picture.height.cast_signed());
    let area = Rect::new(0, 0, width, height);
    let source = Source {
        picture: &picture,
        origin: Point::default(),
        area,
        scale: ScaleMode::Nearest,
        unused: Unused::Clear,
    };
    draw::copy(&mut target, &source, Rop2::COPY);
    Ok(target.region().to_vec())
}

/// Puts the last row first.
fn turn_over(picture: &mut Pixels) {
    let width = picture.width as usize;
    let half = picture.data.len() / width / 2 * width;
    let (upper, lower) = picture.data.split_at_mut(half);
    let rows = upper.chunks_exact_mut(width);
    for (above, below) in rows.zip(lower.rchunks_exact_mut(width)) {
        above.swap_with_slice(below);
    }
}
