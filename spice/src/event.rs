//! What a session tells its caller, and the queue it waits in.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Error;
use crate::cursor::CursorShape;
use crate::link::{Capabilities, ChannelType, LinkError};
use crate::message::common::Severity;
use crate::message::display::Monitor;
use crate::message::inputs::Leds;
use crate::message::main::MouseMode;
use crate::stream::VideoEvent;

/// One channel of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelRef {
    /// Its kind.
    pub kind: ChannelType,
    /// Which of that kind.
    pub id: u8,
}

impl ChannelRef {
    /// The channel every session begins with.
    pub const MAIN: Self = Self {
        kind: ChannelType::MAIN,
        id: 0,
    };
    /// The first display.
    pub const DISPLAY: Self = Self {
        kind: ChannelType::DISPLAY,
        id: 0,
    };
    /// Keyboard and pointer.
    pub const INPUTS: Self = Self {
        kind: ChannelType::INPUTS,
        id: 0,
    };
    /// The first display's pointer.
    pub const CURSOR: Self = Self {
        kind: ChannelType::CURSOR,
        id: 0,
    };
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Connect a channel with these, then call `opened`.
    OpenChannel {
        /// Which channel.
        channel: ChannelRef,
        /// The session's number; 0 for the main channel.
        connection_id: u32,
        /// What we can do on every channel.
        common_caps: Capabilities,
        /// What we can do on this one.
        channel_caps: Capabilities,
    },
    /// There is a screen of this size, black for now; any before it is gone.
    Screen {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// There is no screen any more.
    ScreenGone,
    /// The server says that the screen is worth showing. (SPICE_MSG_DISPLAY_MARK)
    ScreenReady,
    /// Parts of the screen have changed: `take_damage` says which. Said once until taken.
    Damaged,
    /// The pointer changed.
    Cursor(CursorEvent),
    /// Who moves the pointer changed.
    MouseMode(MouseMode),
    /// The guest's keyboard lights.
    Leds(Leds),
    /// The guest's name.
    Name(String),
    /// The guest's UUID.
    Uuid([u8; 16]),
    /// An agent in the guest came or went.
    Agent {
        /// It is there.
        connected: bool,
    },
    /// How monitors lie on surfaces.
    Monitors(Vec<Monitor>),
    /// Video is to be decoded.
    Video(VideoEvent),
    /// A message could not be read or done. The session goes on.
    Problem(Problem),
    /// The server has something to say.
    Notice {
        /// How grave it is.
        severity: Severity,
        /// Its words.
        text: String,
    },
    /// The server will close a channel.
    Disconnecting {
        /// Which channel.
        channel: ChannelRef,
        /// Why.
        reason: LinkError,
    },
    /// The guest moves to another host: connect anew, to wherever it then is.
    Migrating,
}

/// A message that could not be read or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it came.
    pub channel: ChannelRef,
    /// Its number.
    pub message: u16,
    /// Why it could not.
    pub error: Error,
}

/// What the pointer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorEvent {
    /// It is shown, and looks so.
    Shape(Arc<CursorShape>),
    /// It is there now. Of interest in server mouse mode only.
    Moved {
        /// Columns from the left.
        x: i16,
        /// Rows from the top.
        y: i16,
    },
    /// It is not shown.
    Hidden,
}

/// Events on their way to the caller. Of what comes often only the last is kept, and of what a
/// hostile server could send without end only so many.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: VecDeque<Event>,
}

impl Events {
    /// The most events that wait. A caller that asks after every call never has nearly as many.
    const MAX_WAITING: usize = 4096;
    /// The most problems that wait; they are counted in any case.
    const MAX_PROBLEMS: usize = 64;

    pub(crate) fn push(&mut self, event: Event) {
        match &event {
            Event::Cursor(CursorEvent::Moved { .. }) => {
                if let Some(last @ Event::Cursor(CursorEvent::Moved { .. })) = self.queue.back_mut()
                {
                    *last = event;
                    return;
                }
            }
            Event::Damaged if self.queue.contains(&Event::Damaged) => return,
            Event::Problem(_) => {
                let waiting = self
                    .queue
                    .iter()
                    .filter(|event| matches!(event, Event::Problem(_)));
                if waiting.count() >= Self::MAX_PROBLEMS {
                    return;
                }
            }
            _ => {}
        }
        if self.queue.len() >= Self::MAX_WAITING {
            self.queue.pop_front();
        }
        self.queue.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }
}
