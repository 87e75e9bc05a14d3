//! Video streams: parts of a surface that the server sends as coded frames.
//!
//! MJPEG frames can be decoded here, in order with everything else, and drawn at once. Other
//! frames, and large MJPEG ones where the caller is faster with them, are handed out and come back
//! later, decoded; until then nothing that reads or covers where they go is done, so that the
//! picture is what it would be if all had happened in order.
//!
//! ```text
//! data ──▶ Stream ──Event::Video──▶ caller's decoder ──video_decoded──▶ surface
//!            │ too many are out: MJPEG keeps the newest only; others hold the channel
//! ```

mod codec;
mod flight;
mod report;

use std::collections::HashMap;

pub use codec::{VideoCodec, h264_profile};
pub(crate) use flight::{Flight, Flights};
pub use report::MediaClock;
pub(crate) use report::Reporter;

use crate::Error;
use crate::draw::rop::Rop2;
use crate::draw::{self, Source, Target, Unused};
use crate::image::jpeg::FrameDecoder;
use crate::message::display::StreamCreate;
use crate::message::types::{Clip, Point, Rect, ScaleMode};
use crate::pixels::{Pixels, checked_area};
use crate::surface::Surface;

/// The most streams at once; servers have 50 at most.
pub const MAX_STREAMS: usize = 256;
/// The most frames of a stream that are being decoded, where each stands alone: enough to keep a
/// decoder busy, few enough that the picture is hardly older than it must be.
pub(crate) const MAX_OUT_ALONE: usize = 2;
/// The same where frames build on each other and cannot be left out.
pub(crate) const MAX_OUT: usize = 4;
/// The most frames of all streams that are not back.
pub(crate) const MAX_FLIGHTS: usize = 64;
/// The most bytes of a coded frame; as pixels, a frame of 1080p has eight million.
pub(crate) const MAX_FRAME_BYTES: usize = 16 << 20;
/// MJPEG frames of fewer pixels are decoded here even where the caller offers to: handing one out
/// and taking it back takes longer.
pub(crate) const SMALL_FRAME: usize = 128 * 128;

/// A coded frame for the caller to decode.
#[derive(Clone, PartialEq, Eq)]
pub struct CodedFrame {
    /// The stream's number in this session; never used again. Frames of one stream go to one
    /// decoder, in order.
    pub stream: u64,
    /// The frame's number in this session.
    pub frame: u64,
    /// How it is coded.
    pub codec: VideoCodec,
    /// It needs no earlier frame.
    pub key: bool,
    /// Columns, as the stream's beginning said.
    pub width: u32,
    /// Rows, likewise.
    pub height: u32,
    /// The frame.
    pub data: Vec<u8>,
}

impl core::fmt::Debug for CodedFrame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            stream,
            frame,
            codec,
            key,
            ..
        } = self;
        write!(
            f,
            "frame {frame} of stream {stream} ({}, key {key}, {} bytes)",
            codec.name(),
            self.data.len()
        )
    }
}

/// What is to be done about video. Whoever decodes answers each frame with
/// [`crate::Session::video_decoded`], `video_dropped` or `video_failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoEvent {
    /// Decode this.
    Frame(CodedFrame),
    /// The display channel waits for frames that were handed out: give back at once what is
    /// decoded.
    Awaited,
    /// No more frames of that stream will come.
    Ended {
        /// Its number in this session.
        stream: u64,
    },
}

/// A stream, and what its decoder remembers of earlier frames.
#[derive(Debug)]
pub struct Stream {
    /// What it is like.
    pub create: StreamCreate,
    /// Its number in the session.
    pub(crate) number: u64,
    /// How its frames are coded, when that is known.
    pub(crate) codec: Option<VideoCodec>,
    /// Frames are of no use before the next key frame.
    pub(crate) broken: bool,
    pub(crate) reporter: Option<Reporter>,
    pub(crate) decoder: FrameDecoder,
}

/// The streams of a display channel.
#[derive(Debug, Default)]
pub struct Streams {
    streams: HashMap<u32, Stream>,
    pub(crate) flights: Flights,
    /// Codecs that the caller decodes.
    pub(crate) outside: Vec<VideoCodec>,
    pub(crate) numbers: u64,
}

impl Streams {
    /// SPICE_MSG_DISPLAY_STREAM_CREATE. Returns the stream whose place it takes.
    pub(crate) fn create(&mut self, create: StreamCreate) -> Result<Option<Stream>, Error> {
        let id = create.id;
        checked_area(create.width, create.height)?;
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&id) {
            let limit = MAX_STREAMS as u64;
            return Err(Error::limit("number of streams", limit + 1, limit));
        }
        let known = VideoCodec::of(create.codec);
        let codec =
            known.filter(|codec| *codec == VideoCodec::Mjpeg || self.outside.contains(codec));
        let number = self.next_number();
        let stream = Stream {
            number,
            codec,
            broken: codec.is_some_and(|codec| !codec.stands_alone()),
            reporter: None,
            decoder: FrameDecoder::default(),
            create,
        };
        let unsupported = Error::unsupported("video codec", stream.create.codec.into());
        let old = self.streams.insert(id, stream);
        // Its frames are dropped, and the one problem is told here.
        codec.map(|_| old).ok_or(unsupported)
    }

    /// SPICE_MSG_DISPLAY_STREAM_CLIP
    pub(crate) fn clip(&mut self, id: u32, clip: Clip) -> Result<(), Error> {
        self.get_mut(id)?.create.clip = clip;
        Ok(())
    }

    /// SPICE_MSG_DISPLAY_STREAM_DESTROY
    pub(crate) fn destroy(&mut self, id: u32) -> Result<Stream, Error> {
        self.streams
            .remove(&id)
            .ok_or(Error::missing("stream", id.into()))
    }

    /// SPICE_MSG_DISPLAY_STREAM_DESTROY_ALL
    pub(crate) fn destroy_all(&mut self) -> Vec<Stream> {
        self.streams.drain().map(|(_, stream)| stream).collect()
    }

    /// A surface is gone, and its streams and their frames with it.
    pub(crate) fn surface_gone(&mut self, surface_id: u32) -> Vec<Stream> {
        self.flights
            .list
            .retain(|flight| flight.surface != surface_id);
        let gone = |_: &u32, stream: &mut Stream| stream.create.surface_id == surface_id;
        self.streams
            .extract_if(gone)
            .map(|(_, stream)| stream)
            .collect()
    }

    /// The stream of that number.
    pub(crate) fn get_mut(&mut self, id: u32) -> Result<&mut Stream, Error> {
        self.streams
            .get_mut(&id)
            .ok_or(Error::missing("stream", id.into()))
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Stream> {
        self.streams.get(&id)
    }

    /// The stream of that number in the session, if it has not ended.
    pub(crate) fn by_number(&mut self, number: u64) -> Option<&mut Stream> {
        self.streams
            .values_mut()
            .find(|stream| stream.number == number)
    }

    /// A number that was not used before.
    pub(crate) const fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

/// Draws a decoded frame; returns where.
pub(crate) fn draw(
    picture: &Pixels,
    top_down: bool,
    bounds: Rect,
    clip: &Clip,
    surface: &mut Surface,
) -> Result<Vec<Rect>, Error> {
    let turned;
    let picture = if top_down {
        picture
    } else {
        turned = turned_over(picture);
        &turned
    };
    let mut target = Target::new(surface, bounds, clip, None)?;
    let (width, height) = (picture.width.cast_signed(), picture.height.cast_signed());
    let area = Rect::new(0, 0, width, height);
    let source = Source {
        picture,
        origin: Point::default(),
        area,
        scale: ScaleMode::Nearest,
        unused: Unused::Clear,
    };
    draw::copy(&mut target, &source, Rop2::COPY);
    Ok(target.region().to_vec())
}

/// With the last row first.
fn turned_over(picture: &Pixels) -> Pixels {
    let mut turned = picture.clone();
    let width = turned.width as usize;
    let half = turned.data.len() / width / 2 * width;
    let (upper, lower) = turned.data.split_at_mut(half);
    let rows = upper.chunks_exact_mut(width);
    for (above, below) in rows.zip(lower.rchunks_exact_mut(width)) {
        above.swap_with_slice(below);
    }
    turned
}
