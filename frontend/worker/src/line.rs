//! One channel's connection: its socket, its greeting, its window.

use console_worker::flow::Flow;
use console_worker::socket::Socket;
use spice::ChannelRef;
use spice::link::ChannelType;
use spice::link::admission::{Frame, Hello, KIND_DATA};
use wasm_bindgen::JsValue;

use crate::clock;

/// See the file's head.
pub struct Line {
    /// Whose it is.
    pub channel: ChannelRef,
    socket: Socket,
    /// What is said first, until it is said.
    hello: Option<Hello>,
    /// The gateway has said welcome.
    pub linked: bool,
    /// Bytes that came.
    pub bytes: u64,
    /// How much the gateway may send ahead; `None`: as much as it likes.
    flow: Option<Flow>,
}

/// What came on a line after its greeting.
pub enum Came<'a> {
    /// SPICE bytes.
    Data(&'a [u8]),
    /// Nothing for the session.
    Nothing,
    /// Something that is none of the protocol.
    Unreadable,
}

impl Line {
    /// Begins to connect. Only displays get a window: other channels carry little.
    pub fn open(
        url: &str,
        serial: u32,
        channel: ChannelRef,
        mut hello: Hello,
    ) -> Result<Self, JsValue> {
        let framed = channel.kind == ChannelType::DISPLAY;
        hello.window = if framed { Flow::FIRST_WINDOW } else { 0 };
        Ok(Self {
            channel,
            socket: Socket::open(url, serial, crate::socket_reported)?,
            hello: Some(hello),
            linked: false,
            bytes: 0,
            flow: framed.then(|| Flow::new(clock::now_ms())),
        })
    }

    /// The socket is open: says who we are.
    pub fn greet(&mut self) {
        if let Some(hello) = self.hello.take() {
            self.socket.send(&hello.encode());
        }
    }

    /// How far it has got, in one word.
    pub const fn state(&self) -> &'static str {
        match (self.linked, &self.hello) {
            (true, _) => "open",
            (false, None) => "linking",
            (false, Some(_)) => "connecting",
        }
    }

    /// A message of the gateway, after its welcome.
    pub fn came<'a>(&mut self, bytes: &'a [u8]) -> Came<'a> {
        let Some(flow) = &mut self.flow else {
            return Came::Data(bytes);
        };
        match Frame::decode(bytes) {
            Ok(Frame::Data(data)) => {
                flow.received(data.len() as u64);
                Came::Data(data)
            }
            Ok(Frame::Probe(id)) => {
                flow.answered(id);
                Came::Nothing
            }
            Ok(Frame::Grant(_)) | Err(_) => Came::Unreadable,
        }
    }

    /// All but so many bytes are dealt with: lets the gateway send more, and asks it how far
    /// behind we are when it is time to.
    pub fn dealt(&mut self, backlog: usize) {
        let now = clock::now_ms();
        let Some(flow) = &mut self.flow else { return };
        if let Some(grant) = flow.dealt(backlog as u64, now) {
            self.socket.send(&Frame::Grant(grant).encode());
        }
        if let Some(id) = flow.probe(now) {
            self.socket.send(&Frame::Probe(id).encode());
        }
    }

    /// Sends SPICE bytes, which are taken out of `buffer`. It begins with [`Self::room`].
    pub fn send(&self, buffer: &[u8]) {
        let skip = usize::from(self.flow.is_none());
        self.socket.send(buffer.get(skip..).unwrap_or_default());
    }

    /// What a buffer for [`Self::send`] begins with.
    pub const ROOM: u8 = KIND_DATA;

    /// Its window's figures.
    pub const fn flow(&self) -> Option<&Flow> {
        self.flow.as_ref()
    }
}
