//! A display channel read message by message, without our client: what a server sends, as it is.

use std::io::{Read, Write};

use spice::link::{Capabilities, ChannelType};
use spice::message::{common, display, main};
use spice::wire::{Reader, Writer};

use super::channel;

/// The width of the monitor that ends a recording.
pub const END: u32 = 4242;

/// Opens a session and its display channel; gives the DRAW_COPY messages from then on to the END,
/// and the channels, still open.
pub fn read_display(port: u16, opened: impl FnOnce()) -> (Vec<Vec<u8>>, [Messages; 2]) {
    let message = channel::message(0, ChannelType::MAIN, 0, Capabilities::default());
    let mut main = Messages::open(channel::open(port, &message, "").expect("the main channel"));
    let mut session = 0;
    loop {
        let (kind, body) = main.next();
        if kind == main::INIT {
            session = Reader::new(&body)
                .u32("session")
                .expect("the session's number");
            main.send(main::ATTACH_CHANNELS, &[]);
        }
        if kind == main::CHANNELS_LIST {
            break;
        }
    }
    let caps = Capabilities::of(&[display::CAP_MONITORS_CONFIG, display::CAP_LZ4_COMPRESSION]);
    let message = channel::message(session, ChannelType::DISPLAY, 0, caps);
    let mut screen =
        Messages::open(channel::open(port, &message, "").expect("the display channel"));
    let mut init = Vec::new();
    // Image cache and GLZ window: their numbers, and sizes in pixels.
    Writer::new(&mut init)
        .u8(1)
        .u64(20 << 20)
        .u8(1)
        .u32(16 << 20);
    screen.send(display::CLIENT_INIT, &init);
    let mut opened = Some(opened);
    let mut messages = Vec::new();
    loop {
        let (kind, body) = screen.next();
        match kind {
            // The screen as it is comes first and ends with this.
            display::MARK => {
                if let Some(opened) = opened.take() {
                    opened();
                    messages.clear();
                }
            }
            display::DRAW_COPY => messages.push(body),
            display::MONITORS_CONFIG => {
                let monitors = display::read_monitors(&mut Reader::new(&body)).expect("monitors");
                if monitors.first().is_some_and(|monitor| monitor.width == END) {
                    return (messages, [main, screen]);
                }
            }
            _ => {}
        }
    }
}

/// The messages of a channel, with acknowledgements and pings answered.
pub struct Messages {
    channel: channel::Channel,
    window: u32,
    unacknowledged: u32,
}

impl Messages {
    fn open(channel: channel::Channel) -> Self {
        Self {
            channel,
            window: 0,
            unacknowledged: 0,
        }
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let early = count.min(self.channel.early.len());
        let mut bytes: Vec<u8> = self.channel.early.drain(..early).collect();
        bytes.resize(count, 0);
        self.channel
            .stream
            .read_exact(&mut bytes[early..])
            .expect("the server goes on");
        bytes
    }

    fn send(&mut self, kind: u16, body: &[u8]) {
        let mut message = Vec::new();
        Writer::new(&mut message)
            .u16(kind)
            .u32(body.len() as u32)
            .bytes(body);
        self.channel
            .stream
            .write_all(&message)
            .expect("the server goes on");
    }

    fn next(&mut self) -> (u16, Vec<u8>) {
        let header = self.read(6);
        let kind = u16::from_le_bytes([header[0], header[1]]);
        let size = u32::from_le_bytes([header[2], header[3], header[4], header[5]]);
        let body = self.read(size as usize);
        match kind {
            common::SET_ACK => {
                self.window = Reader::new(&body[4..]).u32("window").expect("a window");
                self.unacknowledged = 0;
                self.send(common::ACK_SYNC, &body[..4]);
            }
            common::PING => self.send(common::PONG, &body[..12]),
            _ => {}
        }
        if kind != common::SET_ACK && self.window > 0 {
            self.unacknowledged += 1;
            if self.unacknowledged == self.window {
                self.unacknowledged = 0;
                self.send(common::ACK, &[]);
            }
        }
        (kind, body)
    }
}

/// Leaves out the pings, which the server measures the link with and are a quarter of a megabyte.
/// The rest becomes one piece a message.
pub fn without_pings(mut transcript: &[u8]) -> Vec<u8> {
    let mut waiting: [Vec<u8>; 4] = Default::default();
    let mut out = Vec::new();
    while let [channel, low, high, rest @ ..] = transcript {
        let (piece, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        transcript = rest;
        let waiting = &mut waiting[usize::from(*channel)];
        waiting.extend_from_slice(piece);
        while let Some(header) = waiting.first_chunk::<6>() {
            let size =
                6 + u32::from_le_bytes([header[2], header[3], header[4], header[5]]) as usize;
            let kind = u16::from_le_bytes([header[0], header[1]]);
            if waiting.len() < size {
                break;
            }
            let message: Vec<u8> = waiting.drain(..size).collect();
            if kind != common::PING {
                let size = u16::try_from(size).expect("small sessions have small messages");
                Writer::new(&mut out).u8(*channel).u16(size).bytes(&message);
            }
        }
    }
    out
}
