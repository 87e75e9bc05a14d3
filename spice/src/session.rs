//! A console's whole SPICE session: which channels there are, when each is opened, and what goes
//! from one to another. The caller connects the channels, says what time it is, and paints.

mod input;

use crate::Error;
use crate::channel::preferences::{self, Preferences};
use crate::channel::{self, Channel, Context, Incoming, Next, Role};
use crate::event::{ChannelRef, Event, Events, Problem};
use crate::image::CacheLimits;
use crate::link::{Capabilities, ChannelType};
use crate::message::common::{self, Header, Wait};
use crate::message::main::MouseMode;
use crate::message::types::Rect;
use crate::pixels::Pixels;
use crate::statistics::Statistics;
use crate::stream::{MediaClock, VideoCodec, VideoEvent};
use crate::surface::Surface;

/// What a session is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How much the caches of pictures may hold. The server is told half of it.
    pub caches: CacheLimits,
    /// Who should move the pointer, if the server leaves the choice.
    pub mouse_mode: MouseMode,
    /// The server may send video. Without it, one that knows several codecs sends pictures.
    pub video: bool,
    /// Codecs of video that the caller decodes ([`VideoEvent`]). MJPEG can be shown without it.
    pub codecs: Vec<VideoCodec>,
    /// What servers are asked for from the beginning.
    pub preferences: Preferences,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            caches: CacheLimits::default(),
            mouse_mode: MouseMode::Client,
            video: true,
            codecs: Vec::new(),
            preferences: Preferences::default(),
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
    clock: MediaClock,
    /// The caller's time when it last told, in microseconds.
    now_us: u64,
}

/// What [`Session::advance`] came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Advance {
    /// There was nothing to do.
    Nothing,
    /// All that could be done was.
    Some,
    /// The caller wants to do something else first.
    Stopped,
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
            clock: MediaClock::default(),
            now_us: 0,
        };
        session.ask_for(ChannelRef::MAIN, 0);
        session
    }

    /// A channel is connected, and the server can do this much on it.
    pub fn opened(
        &mut self,
        channel: ChannelRef,
        common_caps: &Capabilities,
        channel_caps: &Capabilities,
        now_us: u64,
    ) {
        self.closed(channel);
        self.now_us = now_us;
        self.statistics.last_received_us = now_us;
        let role = match channel.kind {
            ChannelType::MAIN => Role::Main(channel::main::Main::new(self.config.mouse_mode)),
            ChannelType::DISPLAY => {
                let mut display = channel::display::Display::new(self.config.caches);
                display.decode_outside(&self.config.codecs);
                Role::Display(Box::new(display))
            }
            ChannelType::INPUTS => Role::Inputs(channel::inputs::Inputs::default()),
            ChannelType::CURSOR => Role::Cursor(channel::cursor::Cursor::default()),
            _ => return,
        };
        let mut channel = Channel::new(channel, role, common_caps, channel_caps);
        if let Role::Display(_) = channel.role {
            channel::display::Display::greet(&self.config.caches, &mut channel.outgoing);
        }
        self.channels.push(channel);
    }

    /// Takes what has come on a channel, cut anywhere, and does all that it asks for.
    pub fn receive(&mut self, channel: ChannelRef, now_us: u64, bytes: &[u8]) {
        self.push(channel, now_us, bytes);
        self.work(now_us, || true);
    }

    /// Takes what has come on a channel, cut anywhere, for [`Self::work`] to deal with.
    pub fn push(&mut self, channel: ChannelRef, now_us: u64, bytes: &[u8]) {
        let Some(channel) = self.channels.iter_mut().find(|have| have.name == channel) else {
            return;
        };
        self.statistics.bytes_received += bytes.len() as u64;
        self.statistics.last_received_us = now_us;
        channel.incoming.push(bytes);
    }

    /// Deals with what has come, until all is done or `go_on` says no; it is asked after each
    /// message. True when it said no.
    pub fn work(&mut self, now_us: u64, mut go_on: impl FnMut() -> bool) -> bool {
        self.now_us = now_us;
        self.with_displays(|display, context| {
            display.give_up_frames(context.now_us, context);
        });
        loop {
            let mut any = false;
            for index in 0..self.channels.len() {
                match self.advance(index, &mut go_on) {
                    Advance::Nothing => {}
                    // What one channel reads may be what another waits for.
                    Advance::Some => any = true,
                    Advance::Stopped => return true,
                }
            }
            if !any {
                return false;
            }
        }
    }

    /// Bytes that have come on a channel and could be dealt with, but have not been: 0 when more
    /// must come first.
    pub fn backlog(&self, channel: ChannelRef) -> usize {
        let channel = self.channels.iter().find(|have| have.name == channel);
        channel.map_or(0, |channel| channel.incoming.backlog())
    }

    /// Messages that were dealt with on a channel.
    pub fn messages(&self, channel: ChannelRef) -> u64 {
        let channel = self.channels.iter().find(|have| have.name == channel);
        channel.map_or(0, |channel| channel.incoming.messages)
    }

    /// A frame that was handed out ([`VideoEvent::Frame`]) is decoded: draws it. False when nobody
    /// wants it any more. Frames of its stream that came before it are given up.
    pub fn video_decoded(&mut self, frame: u64, picture: &Pixels) -> bool {
        let mut shown = false;
        let mut problem = None;
        self.with_displays(
            |display, context| match display.decoded(frame, picture, context) {
                Ok(done) => shown |= done,
                Err(error) => problem = Some(error),
            },
        );
        if let Some(error) = problem {
            let message = crate::message::display::STREAM_DATA;
            self.problem(ChannelRef::DISPLAY, message, error);
        }
        shown
    }

    /// A frame that was handed out is not shown: it is too late, or newer ones are there.
    pub fn video_dropped(&mut self, frame: u64) {
        self.with_displays(|display, context| display.left_out(frame, context));
    }

    /// A frame that was handed out cannot be decoded. Until the next key frame its stream has none
    /// to hand out.
    pub fn video_failed(&mut self, frame: u64) {
        let error = Error::invalid("video frame", frame);
        self.with_displays(|display, context| display.failed(frame, error, context));
    }

    /// Whether the server may send video, on displays that are opened from now on.
    pub const fn allow_video(&mut self, video: bool) {
        self.config.video = video;
    }

    /// Asks the servers of the displays, as far as they can be asked, for other codecs.
    pub fn set_preferences(&mut self, preferences: Preferences) {
        let before = core::mem::replace(&mut self.config.preferences, preferences);
        for channel in &mut self.channels {
            if channel.told {
                let now = &self.config.preferences;
                preferences::tell(&before, now, &channel.server, &mut channel.outgoing);
            }
        }
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

    /// How many surfaces the guest keeps, the screen among them.
    pub fn surface_count(&self) -> usize {
        self.displays()
            .map(channel::display::Display::surface_count)
            .sum()
    }

    /// Bytes of pictures kept for the server to refer to.
    pub fn image_cache_bytes(&self) -> usize {
        self.displays()
            .map(channel::display::Display::cached_bytes)
            .sum()
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

    /// The session's counters.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    fn ask_for(&mut self, channel: ChannelRef, connection_id: u32) {
        let channel_caps = match channel.kind {
            ChannelType::MAIN => channel::main::capabilities(),
            ChannelType::DISPLAY => {
                let mut caps = channel::display::capabilities();
                channel::display::video::add_capabilities(&mut caps, &self.config);
                caps
            }
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

    fn with_displays(
        &mut self,
        mut call: impl FnMut(&mut channel::display::Display, &mut Context<'_>),
    ) {
        let context = &mut Context {
            events: &mut self.events,
            statistics: &mut self.statistics,
            now_us: self.now_us,
            clock: &mut self.clock,
        };
        for channel in &mut self.channels {
            if let Role::Display(display) = &mut channel.role {
                call(display, context);
            }
        }
    }

    fn main(&self) -> Option<&channel::main::Main> {
        self.channels
            .iter()
            .find_map(|channel| match &channel.role {
                Role::Main(main) => Some(main),
                _ => None,
            })
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

    /// Deals with all whole messages of a channel, up to one after which it must wait.
    fn advance(&mut self, index: usize, go_on: &mut impl FnMut() -> bool) -> Advance {
        let Some(channel) = self.channels.get_mut(index) else {
            return Advance::Nothing;
        };
        let buffer = core::mem::take(&mut channel.incoming.buffer);
        let mut position = channel.incoming.done;
        let mut came_to = Advance::Nothing;
        while self.may_go_on(index, buffer.len() - position) {
            let Some(channel) = self.channels.get_mut(index) else {
                break;
            };
            let before = position;
            match channel.incoming.next(&buffer, &mut position) {
                Next::Nothing => break,
                Next::Refused(kind, error, beginning) => {
                    let name = channel.name;
                    self.problem(name, kind, error);
                    self.mark(index, kind, buffer.get(beginning).unwrap_or_default());
                }
                Next::Message(header, body) => {
                    let body = buffer.get(body).unwrap_or_default();
                    if self.is_held(index, &header, body, buffer.len() - before) {
                        position = before;
                        break;
                    }
                    self.message(index, &header, body);
                }
            }
            came_to = Advance::Some;
            if !go_on() {
                came_to = Advance::Stopped;
                break;
            }
        }
        if let Some(channel) = self.channels.get_mut(index) {
            channel.incoming.buffer = buffer;
            channel.incoming.done = position;
        }
        came_to
    }

    /// Whether a message must wait for video frames; the caller is told once.
    fn is_held(&mut self, index: usize, header: &Header, body: &[u8], buffered: usize) -> bool {
        let Some(channel) = self.channels.get_mut(index) else {
            return false;
        };
        let Role::Display(display) = &mut channel.role else {
            return false;
        };
        let held = buffered <= Incoming::MAX_WAITING_BYTES
            && display.must_wait(header.kind, body, header.sub_list != 0);
        if held && !channel.held {
            self.events.push(Event::Video(VideoEvent::Awaited));
        }
        channel.held = held;
        held
    }

    /// Marks the place of a drawing that could not be done.
    fn mark(&mut self, index: usize, kind: u16, body: &[u8]) {
        let context = &mut Context {
            events: &mut self.events,
            statistics: &mut self.statistics,
            now_us: self.now_us,
            clock: &mut self.clock,
        };
        if let Some(channel) = self.channels.get_mut(index)
            && let Role::Display(display) = &mut channel.role
        {
            display.mark(kind, body, context);
        }
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
        if kind >= common::FIRST_OF_CHANNEL && !channel.told && name.kind == ChannelType::DISPLAY {
            // Not with our greeting: libspice-server (0.15) that reads both at once, while it has
            // streams, falls over.
            channel.told = true;
            let Channel {
                outgoing, server, ..
            } = channel;
            let nothing = Preferences::default();
            preferences::tell(&nothing, &self.config.preferences, server, outgoing);
        }
        let result = if kind < common::FIRST_OF_CHANNEL {
            channel::common::message(channel, kind, body, &mut self.events)
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
                now_us: self.now_us,
                clock: &mut self.clock,
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
                Role::Display(display) => match display.video(kind, body, outgoing, context) {
                    Ok(true) => Ok(()),
                    Ok(false) => display
                        .message(kind, body, context)
                        .map(|more| waits.extend(more)),
                    Err(error) => Err(error),
                },
                Role::Inputs(inputs) => inputs.message(kind, body, outgoing, context.events),
                Role::Cursor(cursor) => cursor.message(kind, body, context),
            }
        };
        if let Err(error) = result {
            self.problem(name, kind, error);
            self.mark(index, kind, body);
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
        self.statistics.error(error.kind());
        self.events.push(Event::Problem(Problem {
            channel,
            message,
            error,
        }));
    }
}
