//! The inputs channel alone: for a caller that has the rest of the session elsewhere. In a browser
//! pictures are decoded by a worker, and what the person does must never wait for one.
//!
//! A [`Session`](crate::Session) asks for this channel as for any other; whoever links it here does
//! not tell the session that it is open, but tells us who moves the pointer.

use crate::channel::inputs::Inputs;
use crate::channel::{self, Channel, Next};
use crate::event::{ChannelRef, Event, Events, Problem};
use crate::link::Capabilities;
use crate::message::common::{self, Header};
use crate::message::inputs::{Button, Leds, Scancode};
use crate::message::main::MouseMode;

/// An inputs channel that is linked.
///
/// After every call, send what [`Self::poll_transmit`] has; after [`Self::receive`] ask
/// [`Self::poll_event`] until there is nothing.
#[derive(Debug)]
pub struct InputsChannel {
    channel: Channel<Inputs>,
    mode: MouseMode,
    events: Events,
}

impl InputsChannel {
    /// The longest message taken from the server; a longer one is left out. Those it has are of a
    /// few bytes, but for notices.
    pub const MAX_MESSAGE_BYTES: u32 = 64 << 10;

    /// The channel is linked, and the server can do this much on it.
    pub fn new(
        common_caps: &Capabilities,
        channel_caps: &Capabilities,
        mouse_mode: MouseMode,
    ) -> Self {
        let inputs = Inputs::default();
        let mut channel = Channel::new(ChannelRef::INPUTS, inputs, common_caps, channel_caps);
        channel.incoming.largest = Self::MAX_MESSAGE_BYTES;
        Self {
            channel,
            mode: mouse_mode,
            events: Events::default(),
        }
    }

    /// Takes what has come, cut anywhere, and does all that it asks for.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.channel.incoming.push(bytes);
        let buffer = core::mem::take(&mut self.channel.incoming.buffer);
        let mut position = self.channel.incoming.done;
        loop {
            match self.channel.incoming.next(&buffer, &mut position) {
                Next::Nothing => break,
                Next::Refused(kind, error, _) => self.problem(kind, error),
                Next::Message(header, body) => {
                    self.message(&header, buffer.get(body).unwrap_or_default());
                }
            }
        }
        self.channel.incoming.buffer = buffer;
        self.channel.incoming.done = position;
    }

    /// Moves what is to be sent to the end of `buffer`; false when there is nothing.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> bool {
        let outgoing = &mut self.channel.outgoing;
        let any = !outgoing.buffer.is_empty();
        buffer.append(&mut outgoing.buffer);
        any
    }

    /// What happened next: [`Event::Leds`], [`Event::Notice`], [`Event::Problem`] or
    /// [`Event::Disconnecting`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Messages that were dealt with.
    pub const fn messages(&self) -> u64 {
        self.channel.incoming.messages
    }

    /// Who moves the guest's pointer from now on. What was meant for the other mode is void.
    pub fn set_mouse_mode(&mut self, mode: MouseMode) {
        if self.mode != mode {
            self.mode = mode;
            self.channel.role.forget_moves();
        }
    }

    /// A key goes down, again and again while it repeats, or up.
    pub fn key(&mut self, key: Scancode, down: bool) {
        let (inputs, outgoing) = (&mut self.channel.role, &mut self.channel.outgoing);
        inputs.key(key, down, outgoing);
    }

    /// The keyboard lights as the user's keyboard has them; the server makes the guest follow.
    pub fn set_leds(&mut self, leds: Leds) {
        self.channel.role.leds(leds, &mut self.channel.outgoing);
    }

    /// The pointer moved by so much. Only sent when the server moves the pointer.
    pub fn pointer_motion(&mut self, dx: i32, dy: i32) {
        if self.mode == MouseMode::Server {
            let (inputs, outgoing) = (&mut self.channel.role, &mut self.channel.outgoing);
            inputs.motion(dx, dy, outgoing);
        }
    }

    /// The pointer is there now. Only sent when the client moves the pointer.
    pub fn pointer_position(&mut self, x: u32, y: u32) {
        if self.mode == MouseMode::Client {
            let (inputs, outgoing) = (&mut self.channel.role, &mut self.channel.outgoing);
            inputs.position(x, y, outgoing);
        }
    }

    /// A button of the pointer goes down or up.
    pub fn pointer_button(&mut self, button: Button, down: bool) {
        let (inputs, outgoing) = (&mut self.channel.role, &mut self.channel.outgoing);
        inputs.button(button, down, outgoing);
    }

    /// The wheel turned; positive steps are downwards.
    pub fn wheel(&mut self, steps: i32) {
        self.channel.role.wheel(steps, &mut self.channel.outgoing);
    }

    /// All keys and buttons that are down go up.
    pub fn release_all(&mut self) {
        self.channel.role.release_all(&mut self.channel.outgoing);
    }

    /// Deals with one message, and acknowledges it.
    fn message(&mut self, header: &Header, body: &[u8]) {
        if header.sub_list != 0 {
            match common::sub_messages(body, header.sub_list) {
                Ok(messages) => {
                    for (kind, body) in messages {
                        self.dispatch(kind, body);
                    }
                }
                Err(error) => self.problem(header.kind, error),
            }
        }
        self.dispatch(header.kind, body);
        self.channel.incoming.count(header);
        if header.kind != common::SET_ACK {
            self.channel.ack.count(&mut self.channel.outgoing);
        }
    }

    fn dispatch(&mut self, kind: u16, body: &[u8]) {
        let channel = &mut self.channel;
        let result = if kind < common::FIRST_OF_CHANNEL {
            channel::common::message(channel, kind, body, &mut self.events)
        } else {
            let (inputs, outgoing) = (&mut channel.role, &mut channel.outgoing);
            inputs.message(kind, body, outgoing, &mut self.events)
        };
        // The other channels are elsewhere; keys need not wait for what they read.
        channel.waits.clear();
        if let Err(error) = result {
            self.problem(kind, error);
        }
    }

    fn problem(&mut self, message: u16, error: crate::Error) {
        self.events.push(Event::Problem(Problem {
            channel: ChannelRef::INPUTS,
            message,
            error,
        }));
    }
}
