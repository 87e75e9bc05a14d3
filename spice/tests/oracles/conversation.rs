//! A whole session, as it may happen: channels open with any capabilities, say anything in any
//! pieces, close and open again, and the person types and points meanwhile.

use spice::link::Capabilities;
use spice::{
    Button, ChannelRef, Config, Event, MouseMode, Scancode, Session, VideoCodec, VideoEvent,
};

use super::LIMITS;

const CHANNELS: [ChannelRef; 4] = [
    ChannelRef::MAIN,
    ChannelRef::DISPLAY,
    ChannelRef::INPUTS,
    ChannelRef::CURSOR,
];

/// Steps: one byte for what happens (the channel in its lowest two bits), and for bytes of a server
/// two more for how many they are.
pub fn conversation(data: &[u8]) {
    let mut session = Session::new(Config {
        caches: LIMITS,
        codecs: VideoCodec::ALL.to_vec(),
        ..Config::default()
    });
    let mut open = [false; CHANNELS.len()];
    let mut now = 0;
    let mut rest = data;
    while let [step, after @ ..] = rest {
        rest = after;
        now += 1000;
        let number = usize::from(step & 3);
        let channel = CHANNELS[number];
        let mut word = || {
            let (word, after) = rest.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
            rest = after;
            u16::from_le_bytes(*word)
        };
        match step >> 2 & 15 {
            0..8 => {
                let size = usize::from(word()).min(rest.len());
                let (bytes, after) = rest.split_at(size);
                rest = after;
                session.receive(channel, now, bytes);
            }
            8 => {
                session.closed(channel);
                open[number] = false;
            }
            9 | 10 => {
                if !open[number] {
                    let bits = |word: u16| -> Vec<u32> {
                        (0..16).filter(|bit| word >> bit & 1 != 0).collect()
                    };
                    let common = Capabilities::of(&bits(word()));
                    let caps = Capabilities::of(&bits(word()));
                    session.opened(channel, &common, &caps, now);
                    open[number] = true;
                }
            }
            11 => session.key(Scancode(word()), step & 64 != 0),
            12 => session.pointer_motion(word().cast_signed().into(), word().cast_signed().into()),
            13 => session.pointer_position(word().into(), word().into()),
            14 => {
                session.pointer_button(Button::Left, step & 64 != 0);
                session.wheel(word().cast_signed().into());
                session.request_mouse_mode(MouseMode::Client);
            }
            _ => session.release_all(),
        }
        settle(&mut session);
    }
}

fn settle(session: &mut Session) {
    while let Some(event) = session.poll_event() {
        if let Event::Video(VideoEvent::Frame(frame)) = event {
            session.video_dropped(frame.frame);
        }
    }
    let mut out = Vec::new();
    for channel in CHANNELS {
        out.clear();
        session.poll_transmit(channel, &mut out);
        // What we say answers what was said, and is no flood.
        assert!(out.len() < 1 << 20, "{} bytes for {channel:?}", out.len());
    }
    let mut damage = Vec::new();
    session.take_damage(&mut damage);
    match session.screen() {
        None => assert!(damage.is_empty()),
        Some(screen) => {
            for rect in &damage {
                assert!(rect.left >= 0 && rect.top >= 0 && !rect.is_empty());
                assert!(rect.right as u32 <= screen.width && rect.bottom as u32 <= screen.height);
            }
        }
    }
}
