//! Drawings and video on a display whose surfaces are there already: what is random gets past the
//! headers and into the painting.

use spice::link::Capabilities;
use spice::message::display::{
    COPY_BITS, DRAW_ALPHA_BLEND, DRAW_BLACKNESS, DRAW_BLEND, DRAW_COMPOSITE, DRAW_COPY, DRAW_FILL,
    DRAW_INVERS, DRAW_OPAQUE, DRAW_ROP3, DRAW_STROKE, DRAW_TEXT, DRAW_TRANSPARENT, DRAW_WHITENESS,
    INVAL_ALL_PALETTES, INVAL_LIST, STREAM_CLIP, STREAM_CREATE, STREAM_DATA, STREAM_DATA_SIZED,
    STREAM_DESTROY, STREAM_DESTROY_ALL, SURFACE_CREATE,
};
use spice::message::stream::STREAM_ACTIVATE_REPORT;
use spice::wire::Writer;
use spice::{Alpha, ChannelRef, Config, Error, Event, Pixels, Session, VideoCodec, VideoEvent};

use super::{LIMITS, MAX_AREA, declared_area};

/// The formats of the surfaces there are: 32 bits, with alpha, alpha alone, 16 bits, one bit.
const FORMATS: [u32; 5] = [32, 96, 8, 16, 1];
const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;

/// What a piece of [`drawing`] is, by its first byte.
const DRAWINGS: [u16; 16] = [
    DRAW_FILL,
    DRAW_OPAQUE,
    DRAW_COPY,
    DRAW_BLEND,
    DRAW_BLACKNESS,
    DRAW_WHITENESS,
    DRAW_INVERS,
    DRAW_ROP3,
    DRAW_STROKE,
    DRAW_TEXT,
    DRAW_TRANSPARENT,
    DRAW_ALPHA_BLEND,
    DRAW_COMPOSITE,
    COPY_BITS,
    INVAL_LIST,
    INVAL_ALL_PALETTES,
];

/// What a piece of [`stream`] is; higher ones answer a frame that was handed out.
const STREAMS: [u16; 8] = [
    STREAM_CREATE,
    STREAM_DATA,
    STREAM_DATA_SIZED,
    STREAM_CLIP,
    STREAM_DESTROY,
    STREAM_DESTROY_ALL,
    STREAM_ACTIVATE_REPORT,
    COPY_BITS,
];

/// Drawings: one byte for the kind, two for the length, and the message's body. Gives what was wrong
/// with them.
pub fn drawing(data: &[u8]) -> Vec<Error> {
    drawn(data).1
}

/// The session that [`drawing`] leaves, and what was wrong.
pub fn drawn(data: &[u8]) -> (Session, Vec<Error>) {
    let mut display = Display::new();
    for (kind, body) in pieces(data) {
        display.say(DRAWINGS[usize::from(kind) % DRAWINGS.len()], body);
        display.check();
    }
    (display.session, display.problems)
}

/// Video in the same form. A kind that is no message's answers the oldest frame handed out: with a
/// picture, or that there will be none.
pub fn stream(data: &[u8]) -> Vec<Error> {
    streamed(data).1
}

/// The session that [`stream`] leaves, and what was wrong.
pub fn streamed(data: &[u8]) -> (Session, Vec<Error>) {
    let mut display = Display::new();
    for (kind, body) in pieces(data) {
        match STREAMS.get(usize::from(kind)) {
            Some(&(STREAM_DATA | STREAM_DATA_SIZED)) if declared_area(body) > MAX_AREA => {}
            Some(&message) => display.say(message, body),
            None => display.answer(kind),
        }
        display.check();
    }
    (display.session, display.problems)
}

/// Cuts up what these oracles take.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [kind, low, high, rest @ ..] = data else {
            return None;
        };
        let size = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (piece, rest) = rest.split_at(size);
        data = rest;
        Some((*kind, piece))
    })
}

struct Display {
    session: Session,
    /// Frames that wait for the decoder.
    frames: Vec<u64>,
    problems: Vec<Error>,
    now: u64,
}

impl Display {
    fn new() -> Self {
        let mut display = Self {
            session: Session::new(Config {
                caches: LIMITS,
                codecs: vec![VideoCodec::Vp8, VideoCodec::H264],
                ..Config::default()
            }),
            frames: Vec::new(),
            problems: Vec::new(),
            now: 0,
        };
        let common = Capabilities::of(&[Capabilities::MINI_HEADER]);
        let none = Capabilities::default();
        display
            .session
            .opened(ChannelRef::DISPLAY, &common, &none, 0);
        for (id, format) in (0..).zip(FORMATS) {
            let mut body = Vec::new();
            let mut writer = Writer::new(&mut body);
            writer.u32(id).u32(WIDTH).u32(HEIGHT).u32(format);
            writer.u32(u32::from(id == 0));
            display.say(SURFACE_CREATE, &body);
        }
        assert_eq!(display.session.surface_count(), FORMATS.len());
        display
    }

    fn say(&mut self, kind: u16, body: &[u8]) {
        let mut message = Vec::new();
        let mut writer = Writer::new(&mut message);
        writer.u16(kind).u32(body.len() as u32).bytes(body);
        // Every second message is late, so that video in between is too.
        self.now += 40_000;
        self.session
            .receive(ChannelRef::DISPLAY, self.now, &message);
    }

    fn answer(&mut self, kind: u8) {
        if self.frames.is_empty() {
            return;
        }
        let frame = self.frames.remove(0);
        match kind % 4 {
            0 => self.session.video_dropped(frame),
            1 => self.session.video_failed(frame),
            _ => {
                let (width, height) = (u32::from(kind % 16) + 1, u32::from(kind / 16) + 1);
                let pixels = vec![[kind; 4]; (width * height) as usize];
                let picture = Pixels::new(width, height, Alpha::Premultiplied, pixels)
                    .expect("as many pixels as it says");
                self.session.video_decoded(frame, &picture);
            }
        }
    }

    fn check(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Video(VideoEvent::Frame(frame)) => self.frames.push(frame.frame),
                Event::Problem(problem) => self.problems.push(problem.error),
                _ => {}
            }
        }
        let mut out = Vec::new();
        self.session.poll_transmit(ChannelRef::DISPLAY, &mut out);
        let mut damage = Vec::new();
        self.session.take_damage(&mut damage);
        let screen = self.session.screen().expect("there is a screen");
        assert_eq!((screen.width, screen.height), (WIDTH, HEIGHT));
        assert!(screen.pixels.chunks_exact(4).all(|pixel| pixel[3] == 255));
        for rect in &damage {
            assert!(rect.left >= 0 && rect.top >= 0 && !rect.is_empty());
            assert!(rect.right as u32 <= WIDTH && rect.bottom as u32 <= HEIGHT);
        }
        assert!(self.session.image_cache_bytes() <= LIMITS.image_cache_bytes + (1 << 20));
    }
}
