//! Conversations with real servers in which many messages are spoiled: cut, filled with nonsense, of
//! unknown kinds, doubled, left out. What is spoiled is counted and the rest goes on.

use spice::link::ChannelType;
use spice::message::display::{DRAW_FILL, SURFACE_CREATE, SURFACE_DESTROY};
use spice::wire::Writer;
use spice::{ChannelRef, Config, Event, Session, VideoCodec, VideoEvent};

use crate::recording::{Record, Recording};
use crate::replay::recordings;

/// Every so manieth display message is spoiled.
const EVERY: usize = 5;

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// What a channel says, cut into messages.
#[derive(Default)]
struct Cutter(Vec<u8>);

impl Cutter {
    fn next(&mut self) -> Option<(u16, Vec<u8>)> {
        let header = self.0.first_chunk::<6>()?;
        let kind = u16::from_le_bytes([header[0], header[1]]);
        let size = u32::from_le_bytes([header[2], header[3], header[4], header[5]]) as usize;
        if self.0.len() < 6 + size {
            return None;
        }
        let body = self.0[6..6 + size].to_vec();
        self.0.drain(..6 + size);
        Some((kind, body))
    }
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes)
        .u16(kind)
        .u32(body.len() as u32)
        .bytes(body);
    bytes
}

/// What comes instead of a message.
fn spoil(way: usize, kind: u16, body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = body.to_vec();
    let length = body.len();
    match way % 9 {
        0 => return message(999, &body),
        1 => body.truncate(length / 2),
        2 => body.truncate(random.below(length)),
        3 => body[length / 3..].fill(0xff),
        4 => body.fill(0),
        5 => {
            // Some number, enormous.
            let at = random.below(length.saturating_sub(4));
            let end = (at + 4).min(length);
            body[at..end].fill(if random.below(2) == 0 { 0x7f } else { 0xff });
        }
        6 => {
            for _ in 0..8 {
                let at = random.below(length);
                if let Some(byte) = body.get_mut(at) {
                    *byte = random.below(256) as u8;
                }
            }
        }
        7 => return Vec::new(),
        _ => return [message(kind, &body), message(kind, &body)].concat(),
    }
    message(kind, &body)
}

fn settle(session: &mut Session, channel: ChannelRef, what: &str) {
    while let Some(event) = session.poll_event() {
        match event {
            Event::Video(VideoEvent::Frame(frame)) => session.video_dropped(frame.frame),
            Event::Disconnecting { .. } => panic!("{what}: the session ended"),
            _ => {}
        }
    }
    session.poll_transmit(channel, &mut Vec::new());
}

/// Gives a session the conversation with every [`EVERY`]th display message spoiled, and then one whole
/// drawing.
fn play(name: &str, recording: &Recording, seed: usize) {
    let mut session = Session::new(Config {
        codecs: vec![VideoCodec::Mjpeg, VideoCodec::Vp8],
        ..Config::default()
    });
    let mut random = Random(seed as u64 + 1);
    let mut cutter = Cutter::default();
    let (mut number, mut spoiled) = (seed, 0);
    for record in recording.records() {
        match record {
            Record::Opened(channel, common, caps) => {
                session.opened(channel, &common, &caps, 0);
                settle(&mut session, channel, name);
            }
            Record::Said(channel, ms, bytes) if channel.kind == ChannelType::DISPLAY => {
                cutter.0.extend_from_slice(bytes);
                while let Some((kind, body)) = cutter.next() {
                    number += 1;
                    // A screen is needed for the rest to go on.
                    let spare = matches!(kind, SURFACE_CREATE | SURFACE_DESTROY);
                    let bytes = if number % EVERY == 0 && !spare {
                        spoiled += 1;
                        spoil(number / EVERY, kind, &body, &mut random)
                    } else {
                        message(kind, &body)
                    };
                    session.receive(channel, u64::from(ms) * 1000, &bytes);
                    settle(&mut session, channel, name);
                }
            }
            Record::Said(channel, ms, bytes) => {
                session.receive(channel, u64::from(ms) * 1000, bytes);
                settle(&mut session, channel, name);
            }
            Record::Closed(channel) => session.closed(channel),
            Record::End(..) => {}
        }
    }
    assert!(spoiled > 10, "{name}: {spoiled} messages were spoiled");
    let statistics = session.statistics();
    assert!(statistics.problems > 0, "{name}: problems are counted");
    let told: u64 = statistics.errors.values().sum();
    assert_eq!(told, statistics.problems, "{name}: by kind too");

    let screen = session.screen().expect("there is a screen");
    let (width, height) = (screen.width, screen.height);
    let mut fill = Vec::new();
    Writer::new(&mut fill)
        .u32(0)
        .u32(0)
        .u32(0)
        .u32(height)
        .u32(width)
        .u8(0)
        .u8(1)
        .u32(0x12_34_56)
        .u16(8)
        .u8(0)
        .u32(0)
        .u32(0)
        .u32(0);
    session.receive(ChannelRef::DISPLAY, 0, &message(DRAW_FILL, &fill));
    settle(&mut session, ChannelRef::DISPLAY, name);
    let screen = session.screen().expect("there is a screen");
    let (pixels, _) = screen.pixels.as_chunks::<4>();
    let right = pixels.iter().all(|pixel| *pixel == [0x12, 0x34, 0x56, 255]);
    assert!(right, "{name}, {seed}: what comes later is drawn");
}

#[test]
fn a_conversation_with_many_spoiled_messages_goes_on() {
    for (name, recording) in recordings() {
        if name.starts_with("photo") {
            // A handful of messages.
            continue;
        }
        for seed in 0..3 {
            play(&name, &recording, seed);
        }
    }
}
