//! What every channel does: cut the stream of bytes into messages, number them, acknowledge them
//! after they have been dealt with, answer pings, wait for other channels. What a channel's own
//! messages do is in the file of that channel.
//!
//! ```text
//! bytes ──▶ Incoming ──messages──▶ main / display / inputs / cursor ──▶ events, pixels
//!                │
//!                └─ ack, pong ──▶ Outgoing ──▶ bytes
//! ```

pub(crate) mod common;
pub(crate) mod cursor;
pub(crate) mod display;
pub(crate) mod inputs;
pub(crate) mod main;
pub(crate) mod preferences;

use crate::Error;
use crate::event::{ChannelRef, Events};
use crate::link::Capabilities;
use crate::message::common::{self as wire, Header, SetAck, Wait};
use crate::statistics::Statistics;
use crate::stream::MediaClock;
use crate::wire::{Reader, Writer};

/// The longest message taken; a longer one is left out. A picture of the largest size fits.
pub const MAX_MESSAGE_BYTES: u32 = 256 << 20;

/// The most bytes of user input that wait to be sent; what comes then is lost, as it would be on
/// a line that is dead.
const MAX_INPUT_BYTES: usize = 256 << 10;

/// What the handlers of messages share.
#[derive(Debug)]
pub(crate) struct Context<'s> {
    pub(crate) events: &'s mut Events,
    pub(crate) statistics: &'s mut Statistics,
    /// The caller's time, in microseconds.
    pub(crate) now_us: u64,
    /// The server's multimedia time.
    pub(crate) clock: &'s mut MediaClock,
}

/// One open channel.
#[derive(Debug)]
pub(crate) struct Channel<R = Role> {
    pub(crate) name: ChannelRef,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    pub(crate) ack: AckWindow,
    /// What must have been read elsewhere before this channel goes on.
    pub(crate) waits: Vec<Wait>,
    /// The next message waits for video frames, and the caller was told so.
    pub(crate) held: bool,
    /// The server was told our preferences.
    pub(crate) told: bool,
    /// What the server can do on this channel.
    pub(crate) server: Capabilities,
    pub(crate) role: R,
}

/// What a channel is for.
#[derive(Debug)]
pub(crate) enum Role {
    Main(main::Main),
    Display(Box<display::Display>),
    Inputs(inputs::Inputs),
    Cursor(cursor::Cursor),
}

impl<R> Channel<R> {
    pub(crate) fn new(
        name: ChannelRef,
        role: R,
        common_caps: &Capabilities,
        server: &Capabilities,
    ) -> Self {
        let mini = common_caps.has(Capabilities::MINI_HEADER);
        Self {
            name,
            incoming: Incoming {
                mini,
                largest: MAX_MESSAGE_BYTES,
                ..Incoming::default()
            },
            outgoing: Outgoing {
                mini,
                ..Outgoing::default()
            },
            ack: AckWindow::default(),
            waits: Vec::new(),
            held: false,
            told: false,
            server: server.clone(),
            role,
        }
    }
}

/// Bytes received and not yet dealt with.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    mini: bool,
    /// The longest message taken.
    pub(crate) largest: u32,
    pub(crate) buffer: Vec<u8>,
    /// How many of them have been dealt with.
    pub(crate) done: usize,
    /// Messages dealt with.
    pub(crate) messages: u64,
    /// Bytes still to be left out.
    skip: u64,
    /// The number of the last message dealt with.
    pub(crate) serial: u64,
}

/// What [`Incoming::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A message: its header and where its body lies in the buffer.
    Message(Header, core::ops::Range<usize>),
    /// A message that is left out: its number, and where its beginning lies in the buffer.
    Refused(u16, Error, core::ops::Range<usize>),
    /// Nothing whole.
    Nothing,
}

impl Incoming {
    /// The most bytes kept of a channel that waits for another.
    pub(crate) const MAX_WAITING_BYTES: usize = 64 << 20;

    /// So much room is kept when all has been dealt with.
    const MAX_IDLE_BYTES: usize = 4 << 20;

    /// Adds what has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // What is done with is thrown away when that costs little: nothing, or less is moved than
        // has been read since.
        if self.done == self.buffer.len() {
            self.buffer.clear();
            self.done = 0;
            if self.buffer.capacity() > Self::MAX_IDLE_BYTES {
                self.buffer.shrink_to(Self::MAX_IDLE_BYTES);
            }
        } else if self.done > self.buffer.len() / 2 {
            self.buffer.drain(..self.done);
            self.done = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait to be dealt with, when a whole message is among them.
    pub(crate) fn backlog(&self) -> usize {
        let waiting = self.buffer.len() - self.done;
        let Ok(mut reader) = Reader::at(&self.buffer, self.done, "message header") else {
            return 0;
        };
        match Header::read(&mut reader, self.mini) {
            Ok(header) if reader.left().len() as u64 >= header.size.into() => waiting,
            _ => 0,
        }
    }

    /// Looks for a message at `position` of the buffer, and moves on past it.
    pub(crate) fn next(&mut self, buffer: &[u8], position: &mut usize) -> Next {
        if self.skip > 0 {
            let left = (buffer.len() - *position) as u64;
            let skipped = self.skip.min(left);
            self.skip -= skipped;
            *position += skipped as usize;
            if self.skip > 0 {
                return Next::Nothing;
            }
        }
        let Ok(mut reader) = Reader::at(buffer, *position, "message header") else {
            return Next::Nothing;
        };
        let Ok(header) = Header::read(&mut reader, self.mini) else {
            return Next::Nothing;
        };
        let start = reader.position();
        if header.size > self.largest {
            // Its beginning says what is missing from the picture.
            let end = start + display::mark::MARK_BYTES as usize;
            if end > buffer.len() {
                return Next::Nothing;
            }
            *position = start;
            self.skip = header.size.into();
            self.count(&header);
            let limit = self.largest.into();
            let error = Error::limit("message size", header.size.into(), limit);
            return Next::Refused(header.kind, error, start..end);
        }
        let end = start + header.size as usize;
        if end > buffer.len() {
            return Next::Nothing;
        }
        *position = end;
        Next::Message(header, start..end)
    }

    /// A message has been dealt with.
    pub(crate) fn count(&mut self, header: &Header) {
        self.messages += 1;
        self.serial = header.serial.unwrap_or(self.serial.wrapping_add(1));
    }
}

/// Bytes to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    mini: bool,
    serial: u64,
    pub(crate) buffer: Vec<u8>,
    pub(crate) messages: u64,
}

impl Outgoing {
    /// Sends a message.
    pub(crate) fn message(&mut self, kind: u16, write: impl FnOnce(&mut Writer<'_>)) {
        let mut body = Vec::new();
        write(&mut Writer::new(&mut body));
        self.serial += 1;
        self.messages += 1;
        let header = Header {
            serial: (!self.mini).then_some(self.serial),
            kind,
            size: u32::try_from(body.len()).unwrap_or(u32::MAX),
            sub_list: 0,
        };
        let mut writer = Writer::new(&mut self.buffer);
        header.write(&mut writer);
        writer.bytes(&body);
    }

    /// There is room for user input.
    pub(crate) fn has_room(&self) -> bool {
        self.buffer.len() < MAX_INPUT_BYTES
    }
}

/// How often the server wants to be told that we keep up.
#[derive(Debug, Default)]
pub(crate) struct AckWindow {
    window: u32,
    count: u32,
}

impl AckWindow {
    /// SPICE_MSG_SET_ACK
    pub(crate) fn set(&mut self, set: SetAck, outgoing: &mut Outgoing) {
        self.window = set.window;
        self.count = 0;
        outgoing.message(wire::ACK_SYNC, |writer| {
            writer.u32(set.generation);
        });
    }

    /// A message has been dealt with; true when that was acknowledged.
    pub(crate) fn count(&mut self, outgoing: &mut Outgoing) -> bool {
        if self.window == 0 {
            return false;
        }
        self.count += 1;
        if self.count < self.window {
            return false;
        }
        self.count = 0;
        outgoing.message(wire::ACK, |_| {});
        true
    }
}
