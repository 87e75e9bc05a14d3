//! Video streams: frames go to where the stream lies, decoded here or by the caller.

use super::{Display, note};
use crate::Error;
use crate::channel::{Context, Outgoing};
use crate::event::Event;
use crate::link::Capabilities;
use crate::message::display::{self, StreamCreate, StreamData};
use crate::message::stream::{self as wire, ActivateReport};
use crate::message::types::Clip;
use crate::pixels::Pixels;
use crate::session::Config;
use crate::stream::{
    self, CodedFrame, Flight, MAX_FLIGHTS, MAX_FRAME_BYTES, MAX_OUT, MAX_OUT_ALONE, Reporter,
    SMALL_FRAME, Stream, VideoCodec, VideoEvent,
};
use crate::wire::Reader;

/// A frame that has not come back for so long is given up when something waits for it.
const MAX_FLIGHT_US: u64 = 1_000_000;

/// What we can do about streams.
pub(crate) fn add_capabilities(caps: &mut Capabilities, config: &Config) {
    caps.set(display::CAP_SIZED_STREAM);
    caps.set(display::CAP_MULTI_CODEC);
    caps.set(wire::CAP_STREAM_REPORT);
    caps.set(wire::CAP_PREF_COMPRESSION);
    caps.set(wire::CAP_PREF_VIDEO_CODEC_TYPE);
    if config.video {
        caps.set(display::CAP_CODEC_MJPEG);
        for codec in &config.codecs {
            caps.set(codec.capability());
        }
    }
}

impl Display {
    /// These codecs are the caller's to decode.
    pub(crate) fn decode_outside(&mut self, codecs: &[VideoCodec]) {
        self.streams.outside = codecs.to_vec();
    }

    /// Deals with a message about streams; false when it is none.
    pub(crate) fn video(
        &mut self,
        kind: u16,
        body: &[u8],
        outgoing: &mut Outgoing,
        context: &mut Context<'_>,
    ) -> Result<bool, Error> {
        let reader = &mut Reader::new(body);
        match kind {
            display::STREAM_CREATE => {
                let old = self.streams.create(StreamCreate::read(reader)?)?;
                self.ended(old, context);
            }
            display::STREAM_DATA | display::STREAM_DATA_SIZED => {
                let sized = kind == display::STREAM_DATA_SIZED;
                let frame = StreamData::read(reader, sized)?;
                context.statistics.stream_received += 1;
                let result = self.frame(&frame, outgoing, context);
                if result.is_err() {
                    self.dropped(frame.id, context);
                }
                result?;
            }
            display::STREAM_CLIP => {
                let id = reader.u32("stream")?;
                self.streams.clip(id, Clip::read(reader)?)?;
            }
            display::STREAM_DESTROY => {
                let ended = self.streams.destroy(reader.u32("stream")?)?;
                self.ended(Some(ended), context);
            }
            display::STREAM_DESTROY_ALL => {
                let ended = self.streams.destroy_all();
                self.ended(ended, context);
            }
            wire::STREAM_ACTIVATE_REPORT => {
                let wanted = ActivateReport::read(reader)?;
                // Servers also want reports about streams that came to nothing for want of a codec.
                if let Ok(stream) = self.streams.get_mut(wanted.stream) {
                    stream.reporter = Some(Reporter::new(wanted));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The streams on a surface end with it.
    pub(super) fn streams_of_surface_end(&mut self, surface: u32, context: &mut Context<'_>) {
        let ended = self.streams.surface_gone(surface);
        self.ended(ended, context);
    }

    /// All streams end, and nothing of them is shown any more.
    pub(super) fn streams_end(&mut self, context: &mut Context<'_>) {
        self.streams.flights.list.clear();
        let ended = self.streams.destroy_all();
        self.ended(ended, context);
    }

    /// A message must wait until frames that are out have come back.
    pub(crate) fn must_wait(&self, kind: u16, body: &[u8], has_more: bool) -> bool {
        let flights = &self.streams.flights;
        if flights.list.is_empty() {
            return false;
        }
        match kind {
            _ if has_more => true,
            display::STREAM_DATA | display::STREAM_DATA_SIZED => {
                let sized = kind == display::STREAM_DATA_SIZED;
                let Ok(frame) = StreamData::read(&mut Reader::new(body), sized) else {
                    return false;
                };
                let Some(stream) = self.streams.get(frame.id) else {
                    return false;
                };
                let create = &stream.create;
                let full = flights.list.len() >= MAX_FLIGHTS
                    || stream.codec.is_some_and(|codec| !codec.stands_alone())
                        && flights.out(stream.number) >= MAX_OUT;
                full || flights.bar_frame(stream.number, create.surface_id, &frame, create.dest)
            }
            display::COPY_BITS
            | display::DRAW_FILL..=display::DRAW_ALPHA_BLEND
            | display::DRAW_COMPOSITE => flights.bar_drawing(kind, body),
            _ => false,
        }
    }

    /// Gives up frames that have been out for too long.
    pub(crate) fn give_up_frames(&mut self, now_us: u64, context: &mut Context<'_>) {
        let late = |flight: &Flight| now_us.saturating_sub(flight.since_us) > MAX_FLIGHT_US;
        while let Some(flight) = self.streams.flights.list.iter().find(|flight| late(flight)) {
            let frame = flight.frame;
            let error = Error::limit(
                "time to decode a frame in microseconds",
                frame,
                MAX_FLIGHT_US,
            );
            self.failed(frame, error, context);
        }
    }

    /// A frame is decoded: shows it. False when nobody wants it any more.
    pub(crate) fn decoded(
        &mut self,
        frame: u64,
        picture: &Pixels,
        context: &mut Context<'_>,
    ) -> Result<bool, Error> {
        let Some(flight) = self.streams.flights.take(frame) else {
            return Ok(false);
        };
        // Frames that came before it and are not back are of no use any more.
        let before = self.streams.flights.list.len();
        let late = |other: &Flight| other.stream == flight.stream && other.frame < frame;
        self.streams.flights.list.retain(|other| !late(other));
        let late = before - self.streams.flights.list.len();
        context.statistics.stream_dropped += late as u64;
        let result = self.show(&flight, picture, context);
        self.hand_out_waiting(flight.stream, context);
        result.map(|()| true)
    }

    /// A frame that was handed out will not be shown: it is too late, or newer ones are there.
    pub(crate) fn left_out(&mut self, frame: u64, context: &mut Context<'_>) {
        if let Some(flight) = self.streams.flights.take(frame) {
            context.statistics.stream_dropped += 1;
            if let Some(stream) = self.streams.by_number(flight.stream)
                && let Some(reporter) = &mut stream.reporter
            {
                reporter.dropped();
            }
            self.hand_out_waiting(flight.stream, context);
        }
    }

    /// A frame that was handed out cannot be decoded, nor what builds on it.
    pub(crate) fn failed(&mut self, frame: u64, error: Error, context: &mut Context<'_>) {
        let stream = self
            .streams
            .flights
            .list
            .iter()
            .find(|flight| flight.frame == frame);
        let Some(number) = stream.map(|flight| flight.stream) else {
            return;
        };
        if let Some(stream) = self.streams.by_number(number)
            && stream.codec.is_some_and(|codec| !codec.stands_alone())
        {
            stream.broken = true;
        }
        context.statistics.error("video");
        context.events.push(Event::Problem(crate::Problem {
            channel: crate::ChannelRef::DISPLAY,
            message: display::STREAM_DATA,
            error,
        }));
        self.left_out(frame, context);
    }

    fn frame(
        &mut self,
        frame: &StreamData<'_>,
        outgoing: &mut Outgoing,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let clock = context.clock.now(context.now_us);
        let stream = self.streams.get_mut(frame.id)?;
        if let Some(reporter) = &mut stream.reporter
            && let Some(report) = reporter.came(frame.time, clock, context.now_us)
        {
            outgoing.message(wire::STREAM_REPORT, |writer| report.write(writer));
        }
        let Some(codec) = stream.codec else {
            self.dropped(frame.id, context);
            return Ok(());
        };
        context.statistics.codec = Some(codec);
        let small =
            |create: &StreamCreate| create.width as usize * (create.height as usize) < SMALL_FRAME;
        let outside = self.streams.outside.contains(&codec);
        if frame.data.len() > MAX_FRAME_BYTES {
            self.streams.get_mut(frame.id)?.broken = !codec.stands_alone();
            let (value, limit) = (frame.data.len() as u64, MAX_FRAME_BYTES as u64);
            return Err(Error::limit("bytes of a video frame", value, limit));
        }
        let stream = self.streams.get_mut(frame.id)?;
        if codec == VideoCodec::Mjpeg && (!outside || small(&stream.create)) {
            return self.decode_here(frame, context);
        }
        let key = codec.is_key_frame(frame.data);
        if stream.broken && !key {
            self.dropped(frame.id, context);
            return Ok(());
        }
        stream.broken = false;
        let data = match codec {
            VideoCodec::Mjpeg => stream.decoder.complete(frame.data)?,
            _ => frame.data.to_vec(),
        };
        self.hand_out(frame, codec, data, context)
    }

    /// Decodes a frame and shows it, in order with everything else.
    fn decode_here(
        &mut self,
        frame: &StreamData<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let stream = self.streams.get_mut(frame.id)?;
        let picture = stream.decoder.decode(frame.data)?;
        let flight = flight_of(stream, frame, 0, context.now_us);
        self.show(&flight, &picture, context)
    }

    fn show(
        &mut self,
        flight: &Flight,
        picture: &Pixels,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let id = flight.surface;
        let surface = self
            .surfaces
            .get_mut(&id)
            .ok_or(Error::missing("surface", id.into()))?;
        let region = stream::draw(
            picture,
            flight.top_down,
            flight.bounds,
            &flight.clip,
            surface,
        )?;
        context.statistics.stream_frames += 1;
        if self.primary == Some(id) {
            note(&mut self.damage, &region, context);
        }
        Ok(())
    }

    fn hand_out(
        &mut self,
        frame: &StreamData<'_>,
        codec: VideoCodec,
        data: Vec<u8>,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let number = self.streams.next_number();
        let stream = self.streams.get_mut(frame.id)?;
        let mut flight = flight_of(stream, frame, number, context.now_us);
        let stream_number = stream.number;
        if codec.stands_alone() {
            // Only the newest waits.
            let list = &self.streams.flights.list;
            let waits = |have: &&Flight| have.stream == stream_number && have.waiting.is_some();
            if let Some(older) = list.iter().find(waits).map(|flight| flight.frame) {
                self.left_out(older, context);
            }
            flight.waiting = Some(data);
            self.streams.flights.list.push(flight);
            self.hand_out_waiting(stream_number, context);
        } else {
            let coded = coded(stream, number, codec, data);
            self.streams.flights.list.push(flight);
            context.events.push(Event::Video(VideoEvent::Frame(coded)));
        }
        Ok(())
    }

    /// Hands out the frame of a stream that waits, if there is one and few enough are out.
    fn hand_out_waiting(&mut self, stream: u64, context: &mut Context<'_>) {
        if self.streams.flights.out(stream) >= MAX_OUT_ALONE {
            return;
        }
        let list = &mut self.streams.flights.list;
        let waits = |have: &&mut Flight| have.stream == stream && have.waiting.is_some();
        let Some(flight) = list.iter_mut().find(waits) else {
            return;
        };
        let Some(data) = flight.waiting.take() else {
            return;
        };
        let (frame, bounds) = (flight.frame, flight.bounds);
        let coded = match self.streams.by_number(stream) {
            Some(stream) => coded(stream, frame, VideoCodec::Mjpeg, data),
            None => CodedFrame {
                stream,
                frame,
                codec: VideoCodec::Mjpeg,
                key: true,
                width: bounds.width(),
                height: bounds.height(),
                data,
            },
        };
        context.events.push(Event::Video(VideoEvent::Frame(coded)));
    }

    fn dropped(&mut self, stream: u32, context: &mut Context<'_>) {
        context.statistics.stream_dropped += 1;
        if let Ok(stream) = self.streams.get_mut(stream)
            && let Some(reporter) = &mut stream.reporter
        {
            reporter.dropped();
        }
    }

    #[expect(clippy::unused_self, reason = "reads better as one of its calls")]
    fn ended(&self, streams: impl IntoIterator<Item = Stream>, context: &mut Context<'_>) {
        for stream in streams {
            let stream = stream.number;
            context
                .events
                .push(Event::Video(VideoEvent::Ended { stream }));
        }
    }
}

fn flight_of(stream: &Stream, frame: &StreamData<'_>, number: u64, now_us: u64) -> Flight {
    Flight {
        frame: number,
        stream: stream.number,
        surface: stream.create.surface_id,
        bounds: frame.dest.unwrap_or(stream.create.dest),
        clip: stream.create.clip.clone(),
        top_down: stream.create.top_down,
        since_us: now_us,
        waiting: None,
    }
}

fn coded(stream: &Stream, frame: u64, codec: VideoCodec, data: Vec<u8>) -> CodedFrame {
    CodedFrame {
        stream: stream.number,
        frame,
        codec,
        key: codec.is_key_frame(&data),
        width: stream.create.width,
        height: stream.create.height,
        data,
    }
}
