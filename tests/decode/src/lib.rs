//! The decoders of `spice` with nothing around them, natively and as a wasm module: what they make
//! of recorded files, to be held side by side, and how long they take. `cargo xtask bench decode` and
//! `cargo xtask ci` drive it; the program is `main.rs`, the module is driven by `decode.mjs`.

#[cfg(target_arch = "wasm32")]
mod exports;
#[allow(clippy::expect_used, reason = "it is a test's")]
#[path = "../../../spice/tests/oracles.rs"]
mod oracles;
#[allow(dead_code, reason = "it writes recordings too")]
#[path = "../../../spice/tests/recording.rs"]
mod recording;

use std::fmt::Write;

use recording::{Record, Recording};
use spice::image::{CacheLimits, ImageContext, decode};
use spice::link::Capabilities;
use spice::message::display::{Base, DRAW_COPY};
use spice::message::types::{Image, ImageType};
use spice::wire::Reader;
use spice::{ChannelRef, Config, Error, Event, Session};

/// What kind of file a recording is, by the folder it lies in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Images one after the other, each in its message. (`spice/tests/data/image`)
    Images,
    /// A whole conversation. (`session`)
    Session,
    /// Pieces of what a server might say, most of it wrong. (`message`)
    Pieces,
    /// Drawings on surfaces that are there already. (`drawing`)
    Drawings,
    /// Video on them. (`stream`)
    Video,
}

impl Kind {
    /// By a number, as it goes into the wasm module.
    pub fn of_number(number: u32) -> Option<Self> {
        let kinds = [
            Self::Images,
            Self::Session,
            Self::Pieces,
            Self::Drawings,
            Self::Video,
        ];
        kinds.get(number as usize).copied()
    }
}

/// What comes of a file, a line for each picture: its size, checksum and alpha, or why there is none.
pub fn verdict(kind: Kind, data: &[u8]) -> String {
    match kind {
        Kind::Images => images(data),
        Kind::Session => session(data),
        Kind::Pieces => pieces(data),
        Kind::Drawings => surfaces(oracles::drawn(data)),
        Kind::Video => surfaces(oracles::streamed(data)),
    }
}

/// Decodes every image of a recording; gives how many pixels that was.
pub fn decode_all(data: &[u8]) -> u64 {
    let mut context = ImageContext::new(CacheLimits::default());
    records(data)
        .filter_map(|(message, offset)| {
            let image = Image::at(message, offset).ok()?;
            Some(decode(image, &mut context).ok()?.data.len() as u64)
        })
        .sum()
}

/// The images of a recorded conversation's display that a codec made, in the form of a recording of
/// images; none if it is no conversation. What comes from a cache or has a palette is left out.
pub fn coded_images(session: &[u8]) -> Vec<u8> {
    let mut images = Vec::new();
    let Some(recording) = Recording::open(session) else {
        return images;
    };
    let mut stream = Vec::new();
    for record in recording.records() {
        if let Record::Said(ChannelRef::DISPLAY, _, bytes) = record {
            stream.extend_from_slice(bytes);
        }
    }
    let mut rest = stream.as_slice();
    // Recorded with mini-headers: a type, a size, and the body.
    while let Some((header, after)) = rest.split_first_chunk::<6>() {
        let [low, high, size @ ..] = *header;
        let size = (u32::from_le_bytes(size) as usize).min(after.len());
        let (body, after) = after.split_at(size);
        rest = after;
        if u16::from_le_bytes([low, high]) != DRAW_COPY {
            continue;
        }
        let mut reader = Reader::new(body);
        let coded = Base::read(&mut reader)
            .and_then(|_| reader.u32("offset of an image"))
            .ok()
            .filter(|&offset| {
                Image::at(body, offset).is_ok_and(|image| CODED.contains(&image.descriptor.kind))
            });
        if let Some(offset) = coded {
            images.extend_from_slice(&(body.len() as u32).to_le_bytes());
            images.extend_from_slice(&offset.to_le_bytes());
            images.extend_from_slice(body);
        }
    }
    images
}

/// The kinds that [`coded_images`] takes.
const CODED: [ImageType; 6] = [
    ImageType::QUIC,
    ImageType::LZ_RGB,
    ImageType::GLZ_RGB,
    ImageType::ZLIB_GLZ_RGB,
    ImageType::JPEG,
    ImageType::LZ4,
];

fn images(data: &[u8]) -> String {
    let mut context = ImageContext::new(CacheLimits::default());
    let mut lines = String::new();
    for (message, offset) in records(data) {
        let decoded = Image::at(message, offset).and_then(|image| decode(image, &mut context));
        // Writing to a string cannot fail.
        let _ = match decoded {
            Ok(picture) => {
                let sum = checksum(picture.data.as_flattened());
                let (width, height, alpha) = (picture.width, picture.height, picture.alpha);
                writeln!(lines, "{width}x{height} {alpha:?} {sum:016x}")
            }
            Err(error) => writeln!(lines, "refused: {error}"),
        };
    }
    lines
}

fn session(data: &[u8]) -> String {
    let Some(recording) = Recording::open(data) else {
        return "no recording\n".to_owned();
    };
    let mut replay = Replay::new();
    for record in recording.records() {
        match record {
            Record::Opened(channel, common, caps) => {
                replay.session.opened(channel, &common, &caps, 0);
                replay.settle(channel);
            }
            Record::Said(channel, ms, bytes) => {
                let now = u64::from(ms) * 1000;
                replay.session.receive(channel, now, bytes);
                replay.settle(channel);
            }
            Record::Closed(channel) => replay.session.closed(channel),
            Record::End(..) => break,
        }
    }
    replay.screen()
}

/// One byte for the channel, two for the length, and so many bytes, again and again.
fn pieces(mut data: &[u8]) -> String {
    const CHANNELS: [ChannelRef; 4] = [
        ChannelRef::MAIN,
        ChannelRef::DISPLAY,
        ChannelRef::INPUTS,
        ChannelRef::CURSOR,
    ];
    let mut replay = Replay::new();
    let common = Capabilities::of(&[Capabilities::MINI_HEADER]);
    for channel in CHANNELS {
        let none = Capabilities::default();
        replay.session.opened(channel, &common, &none, 0);
    }
    while let [channel, low, high, after @ ..] = data {
        let size = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (piece, after) = after.split_at(size);
        data = after;
        let channel = CHANNELS[usize::from(*channel) % CHANNELS.len()];
        replay.session.receive(channel, 0, piece);
        replay.settle(channel);
    }
    replay.screen()
}

/// Every surface in the end, and what was wrong before.
fn surfaces((session, problems): (Session, Vec<Error>)) -> String {
    let mut lines = String::new();
    for problem in problems {
        let _ = writeln!(lines, "refused: {problem}");
    }
    for surface in (0..).map_while(|id| session.surface(id)) {
        let sum = checksum(surface.pixels().as_flattened());
        let _ = writeln!(lines, "surface {sum:016x}");
    }
    lines
}

/// A session that nobody looks at, and the problems it had.
struct Replay {
    session: Session,
    lines: String,
    out: Vec<u8>,
}

impl Replay {
    fn new() -> Self {
        Self {
            session: Session::new(Config::default()),
            lines: String::new(),
            out: Vec::new(),
        }
    }

    fn settle(&mut self, channel: ChannelRef) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Problem(problem) => {
                    let _ = writeln!(self.lines, "{:?}: {}", problem.channel, problem.error);
                }
                Event::Damaged => self.session.take_damage(&mut Vec::new()),
                _ => {}
            }
        }
        self.out.clear();
        self.session.poll_transmit(channel, &mut self.out);
    }

    fn screen(mut self) -> String {
        let _ = match self.session.screen() {
            Some(screen) => {
                let sum = checksum(screen.pixels);
                writeln!(self.lines, "{}x{} {sum:016x}", screen.width, screen.height)
            }
            None => writeln!(self.lines, "no screen"),
        };
        self.lines
    }
}

/// Each record is the length of a message, where in it the image is, and the message.
fn records(mut data: &[u8]) -> impl Iterator<Item = (&[u8], u32)> {
    std::iter::from_fn(move || {
        let (size, rest) = data.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<4>()?;
        let size = (u32::from_le_bytes(*size) as usize).min(rest.len());
        let (message, rest) = rest.split_at(size);
        data = rest;
        Some((message, u32::from_le_bytes(*offset)))
    })
}

/// FNV-1a over every byte.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
