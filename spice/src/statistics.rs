//! What a session has seen and done, counted: for the person who looks at the console's figures,
//! and for tests.

use std::collections::BTreeMap;

use crate::link::ChannelType;
use crate::message::types::ImageType;

/// Counters of one session. They only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes received on all channels.
    pub bytes_received: u64,
    /// Bytes sent on all channels.
    pub bytes_sent: u64,
    /// Messages received on all channels.
    pub messages_received: u64,
    /// Messages sent on all channels.
    pub messages_sent: u64,
    /// Messages received, by channel and number. Past [`Self::MAX_KINDS`] new ones are not listed.
    pub messages: BTreeMap<(ChannelType, u16), u64>,
    /// Pictures decoded or found in the cache, by kind.
    pub images: BTreeMap<ImageType, u64>,
    /// Drawing operations done.
    pub draws: u64,
    /// Frames of video streams drawn.
    pub stream_frames: u64,
    /// Messages that could not be read or done.
    pub problems: u64,
    /// Acknowledgements sent.
    pub acks: u64,
    /// When the last bytes came, in microseconds of the caller's clock.
    pub last_received_us: u64,
}

impl Statistics {
    /// The most kinds of message told apart.
    pub const MAX_KINDS: usize = 256;

    pub(crate) fn message(&mut self, channel: ChannelType, kind: u16) {
        self.messages_received += 1;
        if self.messages.len() < Self::MAX_KINDS || self.messages.contains_key(&(channel, kind)) {
            *self.messages.entry((channel, kind)).or_default() += 1;
        }
    }
}
