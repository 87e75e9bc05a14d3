//! A console's whole SPICE session: which channels there are, when each is opened, and what goes
//! from one to another. The caller connects the channels, says what time it is, and paints.

use crate::Error;
use crate::channel::{self, AckWindow, Channel, Context, Incoming, Next, Role};
use crate::event::{ChannelRef, Event, Events, Problem};
use crate::image::CacheLimits;
use crate::link::{Capabilities, ChannelType};
use crate::message::common::{self, Disconnecting, Header, Notify, Ping, SetAck, Wait};
use crate::message::inputs::{Button, Leds, Scancode};
use crate::message::main::MouseMode;
use crate::message::types::Rect;
use crate::statistics::Statistics;
use crate::surface::Surface;
use crate::wire::Reader;

/// What a session is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How much the caches of pictures may hold. The server is told half of it.
    pub caches: CacheLimits,
    /// Who should move the pointer, if the server leaves the choice.
    pub mouse_mode: MouseMode,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            caches: CacheLimits::default(),
            mouse_mode: MouseMode::Client,
        }
    }
}

/// The screen as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Screen<'s> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green, blue, and 255, row by row from the top, without padding: a canvas's image data.
    pub pixels: &'s [u8],
}

/// A SPICE client without sockets.
///
/// ```text
/// new ──OpenChannel(main)──▶ opened ──▶ receive … ──OpenChannel(display, …)──▶ opened …
/// ```
///
/// After every call, send what `poll_transmit` has for each channel, and ask `poll_event` until
/// there is nothing.
#[derive(Debug)]
pub struct Session {
    config: Config,
    channels: Vec<Channel>,
    /// Channels the caller was asked to connect.
    asked: Vec<ChannelRef>,
    events: Events,
    statistics: Statistics,
}

impl Session {
    /// A session whose first event asks for the main channel.
    pub fn new(config: Config) -> Self {
        let mut session = Self {
            config,
            channels: Vec::new(),
            asked: Vec::new(),
            events: Events::default(),
            statistics: Statistics::default(),
        };
        session.ask_for(ChannelRef::MAIN, 0);
        session
    }

    /// A channel is connected, and the server can do this much on it.
    pub fn opened(
        &mut self,
        channel: ChannelRef,
        common_caps: &Capabilities,
        _channel_caps: &Capabilities,
        now_us: u64,
    ) {
        self.closed(channel);
        self.statistics.last_received_us = now_us;
        let role = match channel.kind {
            ChannelType::MAIN => Role::Main(channel::main::Main::new(self.config.mouse_mode)),
            ChannelType::DISPLAY => {
                Role::Display(Box::new(channel::display::Display::new(self.config.caches)))
            }
            ChannelType::INPUTS => Role::Inputs(channel::inputs::Inputs::default()),
            ChannelType::CURSOR => Role::Cursor(channel::cursor::Cursor::default()),
            _ => return,
        };
        let mut channel = Channel::new(channel, role, common_caps);
        if let Role::Display(_) = channel.role {
            channel::display::Display::greet(&self.config.caches, &mut channel.outgoing);
        }
        self.channels.push(channel);
    }

    /// Takes what has come on a channel, cut anywhere.
    pub fn receive(&mut self, channel: ChannelRef, now_us: u64, bytes: &[u8]) {
        let Some(channel) = self.channels.iter_mut().find(|have| have.name == channel) else {
            return;
        };
        self.statistics.bytes_received += bytes.len() as u64;
        self.statistics.last_received_us = now_us;
        channel.incoming.buffer.extend_from_slice(bytes);
        // What one channel reads may be what another waits for.
        while (0..self.channels.len()).any(|index| self.advance(index)) {}
    }

    /// A channel's connection is gone. Without the main channel there is no session.
    pub fn closed(&mut self, channel: ChannelRef) {
        self.channels.retain(|have| have.name != channel);
    }

    /// Moves what is to be sent on a channel to the end of `buffer`; false when there is nothing.
    pub fn poll_transmit(&mut self, channel: ChannelRef, buffer: &mut Vec<u8>) -> bool {
        let Some(channel) = self.channels.iter_mut().find(|have| have.name == channel) else {
            return false;
        };
        let outgoing = &mut channel.outgoing;
        self.statistics.bytes_sent += outgoing.buffer.len() as u64;
        self.statistics.messages_sent += core::mem::take(&mut outgoing.messages);
        let any = !outgoing.buffer.is_empty();
        buffer.append(&mut outgoing.buffer);
        any
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// The channels that are connected.
    pub fn channels(&self) -> impl Iterator<Item = ChannelRef> {
        self.channels.iter().map(|channel| channel.name)
    }

    /// The screen, if there is one.
    pub fn screen(&self) -> Option<Screen<'_>> {
        let surface = self
            .displays()
            .find_map(channel::display::Display::screen)?;
        Some(Screen {
            width: surface.width(),
            height: surface.height(),
            pixels: surface.pixels().as_flattened(),
        })
    }

    /// One of the guest's surfaces, on the screen or not.
    pub fn surface(&self, surface_id: u32) -> Option<&Surface> {
        self.displays()
            .find_map(|display| display.surface(surface_id))
    }

    /// Adds to `list` the parts of the screen that changed since last asked. They may overlap.
    pub fn take_damage(&mut self, list: &mut Vec<Rect>) {
        for channel in &mut self.channels {
            if let Role::Display(display) = &mut channel.role {
                display.damage.take(list);
            }
        }
    }

    /// Who moves the guest's pointer.
    pub fn mouse_mode(&self) -> MouseMode {
        self.main().map(|main| main.mouse_mode).unwrap_or_default()
    }

    /// Asks the server for a mouse mode; [`Event::MouseMode`] says what it chose.
    pub fn request_mouse_mode(&mut self, mode: MouseMode) {
        self.config.mouse_mode = mode;
        for channel in &mut self.channels {
            if let Role::Main(main) = &mut channel.role {
                main.wanted = mode;
                main.ask_for_mode(&mut channel.outgoing);
            }
        }
    }

    /// A key goes down, again and again while it repeats, or up.
    pub fn key(&mut self, key: Scancode, down: bool) {
        self.with_inputs(|inputs, outgoing| inputs.key(key, down, outgoing));
    }

    /// The keyboard lights as the user's keyboard has them; the server makes the guest follow.
    pub fn set_leds(&mut self, leds: Leds) {
        self.with_inputs(|inputs, outgoing| inputs.leds(leds, outgoing));
    }

    /// The pointer moved by so much. Only sent when the server moves the pointer.
    pub fn pointer_motion(&mut self, dx: i32, dy: i32) {
        if self.mouse_mode() == MouseMode::Server {
            self.with_inputs(|inputs, outgoing| inputs.motion(dx, dy, outgoing));
        }
    }

    /// The pointer is there now. Only sent when the client moves the pointer.
    pub fn pointer_position(&mut self, x: u32, y: u32) {
        if self.mouse_mode() == MouseMode::Client {
            self.with_inputs(|inputs, outgoing| inputs.position(x, y, outgoing));
        }
    }

    /// A button of the pointer goes down or up.
    pub fn pointer_button(&mut self, button: Button, down: bool) {
        self.with_inputs(|inputs, outgoing| inputs.button(button, down, outgoing));
    }

    /// The wheel turned; positive steps are downwards.
    pub fn wheel(&mut self, steps: i32) {
        self.with_inputs(|inputs, outgoing| inputs.wheel(steps, outgoing));
    }

    /// All keys and buttons that are down go up.
    pub fn release_all(&mut self) {
        self.with_inputs(|inputs, outgoing| inputs.release_all(outgoing));
    }

    /// The session's counters.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    fn ask_for(&mut self, channel: ChannelRef, connection_id: u32) {
        let channel_caps = match channel.kind {
            ChannelType::MAIN => channel::main::capabilities(),
            ChannelType::DISPLAY => channel::display::capabilities(),
            ChannelType::INPUTS => channel::inputs::capabilities(),
            ChannelType::CURSOR => channel::cursor::capabilities(),
            _ => return,
        };
        let common_caps = Capabilities::of(&[Capabilities::MINI_HEADER]);
        self.asked.push(channel);
        self.events.push(Event::OpenChannel {
            channel,
            connection_id,
            common_caps,
            channel_caps,
        });
    }

    fn displays(&self) -> impl Iterator<Item = &channel::display::Display> {
        self.channels
            .iter()
            .filter_map(|channel| match &channel.role {
                Role::Display(display) => Some(&**display),
                _ => None,
            })
    }

    fn main(&self) -> Option<&channel::main::Main> {
        self.channels
            .iter()
            .find_map(|channel| match &channel.role {
                Role::Main(main) => Some(main),
                _ => None,
            })
    }

    fn with_inputs(
        &mut self,
        call: impl FnOnce(&mut channel::inputs::Inputs, &mut channel::Outgoing),
    ) {
        let inputs = self
            .channels
            .iter_mut()
            .find_map(|channel| match &mut channel.role {
                Role::Inputs(inputs) => Some((inputs, &mut channel.outgoing)),
                _ => None,
            });
        if let Some((inputs, outgoing)) = inputs {
            call(inputs, outgoing);
        }
    }

    /// Whether what a channel waits for has happened. A channel that is not there will never do
    /// anything more.
    fn is_over(&self, wait: &Wait) -> bool {
        let other = ChannelRef {
            kind: wait.channel_type,
            id: wait.channel_id,
        };
        self.channels
            .iter()
            .find(|channel| channel.name == other)
            .is_none_or(|channel| channel.incoming.serial >= wait.serial)
    }

    /// Deals with all whole messages of a channel, up to one after which it must wait. True when
    /// there were any.
    fn advance(&mut self, index: usize) -> bool {
        let Some(channel) = self.channels.get_mut(index) else {
            return false;
        };
        let buffer = core::mem::take(&mut channel.incoming.buffer);
        let mut position = 0;
        let mut any = false;
        while self.may_go_on(index, buffer.len() - position) {
            let Some(channel) = self.channels.get_mut(index) else {
                break;
            };
            match channel.incoming.next(&buffer, &mut position) {
                Next::Nothing => break,
                Next::Refused(kind, error) => {
                    let name = channel.name;
                    self.problem(name, kind, error);
                }
                Next::Message(header, body) => {
                    self.message(index, &header, buffer.get(body).unwrap_or_default());
                }
            }
            any = true;
        }
        if let Some(channel) = self.channels.get_mut(index) {
            channel.incoming.buffer = buffer;
            channel.incoming.buffer.drain(..position);
        }
        any
    }

    fn may_go_on(&mut self, index: usize, buffered: usize) -> bool {
        let Some(channel) = self.channels.get(index) else {
            return false;
        };
        if channel.waits.is_empty() {
            return true;
        }
        if channel.waits.iter().all(|wait| self.is_over(wait)) {
            if let Some(channel) = self.channels.get_mut(index) {
                channel.waits.clear();
            }
            return true;
        }
        if buffered <= Incoming::MAX_WAITING_BYTES {
            return false;
        }
        let name = channel.name;
        if let Some(channel) = self.channels.get_mut(index) {
            channel.waits.clear();
        }
        let limit = Incoming::MAX_WAITING_BYTES as u64;
        let error = Error::limit("bytes of a waiting channel", buffered as u64, limit);
        self.problem(name, common::WAIT_FOR_CHANNELS, error);
        true
    }

    /// Deals with one message, and acknowledges it.
    fn message(&mut self, index: usize, header: &Header, body: &[u8]) {
        if header.sub_list != 0 {
            match common::sub_messages(body, header.sub_list) {
                Ok(messages) => {
                    for (kind, body) in messages {
                        self.dispatch(index, kind, body);
                    }
                }
                Err(error) => {
                    if let Some(name) = self.channels.get(index).map(|channel| channel.name) {
                        self.problem(name, header.kind, error);
                    }
                }
            }
        }
        self.dispatch(index, header.kind, body);
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        channel.incoming.count(header);
        if header.kind != common::SET_ACK && channel.ack.count(&mut channel.outgoing) {
            self.statistics.acks += 1;
        }
    }

    fn dispatch(&mut self, index: usize, kind: u16, body: &[u8]) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let name = channel.name;
        self.statistics.message(name.kind, kind);
        let result = if kind < common::FIRST_OF_CHANNEL {
            common_message(channel, kind, body, &mut self.events)
        } else {
            let Channel {
                role,
                outgoing,
                waits,
                ..
            } = channel;
            let context = &mut Context {
                events: &mut self.events,
                statistics: &mut self.statistics,
            };
            match role {
                Role::Main(main) => {
                    let before = main.mouse_mode;
                    let result = main.message(kind, body, outgoing, context);
                    let (after, session) = (main.mouse_mode, main.session_id);
                    if before != after {
                        self.with_inputs(|inputs, _| inputs.forget_moves());
                    }
                    result.map(|channels| {
                        if let (Some(channels), Some(session)) = (channels, session) {
                            self.open_channels(&channels, session);
                        }
                    })
                }
                Role::Display(display) => display
                    .message(kind, body, context)
                    .map(|more| waits.extend(more)),
                Role::Inputs(inputs) => inputs.message(kind, body, outgoing, context),
                Role::Cursor(cursor) => cursor.message(kind, body, context),
            }
        };
        if let Err(error) = result {
            self.problem(name, kind, error);
        }
    }

    /// Asks for those of the server's channels that we have a use for.
    fn open_channels(&mut self, channels: &[(ChannelType, u8)], session: u32) {
        for wanted in [ChannelRef::DISPLAY, ChannelRef::INPUTS, ChannelRef::CURSOR] {
            let there = channels.contains(&(wanted.kind, wanted.id));
            if there && !self.asked.contains(&wanted) {
                self.ask_for(wanted, session);
            }
        }
    }

    fn problem(&mut self, channel: ChannelRef, message: u16, error: Error) {
        self.statistics.problems += 1;
        self.events.push(Event::Problem(Problem {
            channel,
            message,
            error,
        }));
    }
}

/// Deals with a message that every channel has.
fn common_message(
    channel: &mut Channel,
    kind: u16,
    body: &[u8],
    events: &mut Events,
) -> Result<(), Error> {
    let reader = &mut Reader::new(body);
    let Channel {
        name,
        outgoing,
        ack,
        waits,
        ..
    } = channel;
    match kind {
        common::SET_ACK => AckWindow::set(ack, SetAck::read(reader)?, outgoing),
        common::PING => {
            let ping = Ping::read(reader)?;
            outgoing.message(common::PONG, |writer| {
                writer.u32(ping.id).u64(ping.timestamp);
            });
        }
        common::WAIT_FOR_CHANNELS => waits.extend(Wait::read_list(reader)?),
        common::DISCONNECTING => {
            let Disconnecting { reason } = Disconnecting::read(reader)?;
            events.push(Event::Disconnecting {
                channel: *name,
                reason,
            });
        }
        common::NOTIFY => {
            let Notify { severity, text, .. } = Notify::read(reader)?;
            events.push(Event::Notice { severity, text });
        }
        common::MIGRATE => {
            /// SPICE_MIGRATE_NEED_FLUSH
            const NEED_FLUSH: u32 = 1;
            if reader.u32("migrate flags")? & NEED_FLUSH != 0 {
                outgoing.message(common::MIGRATE_FLUSH_MARK, |_| {});
            }
        }
        // For the next host, to which the caller connects anew.
        common::MIGRATE_DATA => {}
        other => return Err(Error::unsupported("message", other.into())),
    }
    Ok(())
}
