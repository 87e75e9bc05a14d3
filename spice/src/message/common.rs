//! Messages that every channel has (SPICE_MSG_* and SPICE_MSGC_* below 101), and the header that
//! stands before each message.

use crate::Error;
use crate::link::{ChannelType, LinkError};
use crate::wire::{Reader, Writer};

/// SPICE_MSG_MIGRATE
pub const MIGRATE: u16 = 1;
/// SPICE_MSG_MIGRATE_DATA
pub const MIGRATE_DATA: u16 = 2;
/// SPICE_MSG_SET_ACK
pub const SET_ACK: u16 = 3;
/// SPICE_MSG_PING
pub const PING: u16 = 4;
/// SPICE_MSG_WAIT_FOR_CHANNELS
pub const WAIT_FOR_CHANNELS: u16 = 5;
/// SPICE_MSG_DISCONNECTING
pub const DISCONNECTING: u16 = 6;
/// SPICE_MSG_NOTIFY
pub const NOTIFY: u16 = 7;
/// The first number that means something else on each channel.
pub const FIRST_OF_CHANNEL: u16 = 101;

/// SPICE_MSGC_ACK_SYNC
pub const ACK_SYNC: u16 = 1;
/// SPICE_MSGC_ACK
pub const ACK: u16 = 2;
/// SPICE_MSGC_PONG
pub const PONG: u16 = 3;
/// SPICE_MSGC_MIGRATE_FLUSH_MARK
pub const MIGRATE_FLUSH_MARK: u16 = 4;
/// SPICE_MSGC_DISCONNECTING
pub const CLIENT_DISCONNECTING: u16 = 6;

/// SpiceDataHeader or SpiceMiniDataHeader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The message's number among all of its direction on this channel; none in a mini-header.
    pub serial: Option<u64>,
    /// What the message is.
    pub kind: u16,
    /// Bytes after the header.
    pub size: u32,
    /// Where in the message a list of messages that belong before it lies; 0: there is none.
    pub sub_list: u32,
}

impl Header {
    /// Bytes of SpiceDataHeader.
    pub const FULL_BYTES: usize = 18;
    /// Bytes of SpiceMiniDataHeader.
    pub const MINI_BYTES: usize = 6;

    /// Reads one.
    pub fn read(reader: &mut Reader<'_>, mini: bool) -> Result<Self, Error> {
        let serial = if mini {
            None
        } else {
            Some(reader.u64("message header")?)
        };
        let kind = reader.u16("message header")?;
        let size = reader.u32("message header")?;
        let sub_list = if mini {
            0
        } else {
            reader.u32("message header")?
        };
        Ok(Self {
            serial,
            kind,
            size,
            sub_list,
        })
    }

    /// Writes one.
    pub fn write(&self, writer: &mut Writer<'_>) {
        if let Some(serial) = self.serial {
            writer
                .u64(serial)
                .u16(self.kind)
                .u32(self.size)
                .u32(self.sub_list);
        } else {
            writer.u16(self.kind).u32(self.size);
        }
    }
}

/// SpiceSubMessageList: the messages that lie within `body` at `offset`, first to last.
pub fn sub_messages(body: &[u8], offset: u32) -> Result<Vec<(u16, &[u8])>, Error> {
    let mut list = Reader::at(body, offset as usize, "offset of sub-messages")?;
    let count = list.u16("number of sub-messages")?;
    let count = list.check_count(count.into(), 4, "sub-messages")?;
    let mut messages = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = list.u32("sub-messages")?;
        let mut reader = Reader::at(body, offset as usize, "offset of a sub-message")?;
        let kind = reader.u16("sub-message")?;
        let size = reader.u32("sub-message")?;
        messages.push((kind, reader.bytes(size as usize, "sub-message")?));
    }
    Ok(messages)
}

/// SPICE_MSG_SET_ACK
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetAck {
    /// To be given back in ACK_SYNC.
    pub generation: u32,
    /// After how many messages an ACK is due; 0: never.
    pub window: u32,
}

impl SetAck {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            generation: reader.u32("set_ack")?,
            window: reader.u32("set_ack")?,
        })
    }
}

/// SPICE_MSG_PING; what follows its fields only takes up room on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// To be given back.
    pub id: u32,
    /// To be given back.
    pub timestamp: u64,
}

impl Ping {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: reader.u32("ping")?,
            timestamp: reader.u64("ping")?,
        })
    }
}

/// SpiceWaitForChannel: what must have been read elsewhere before this channel goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The other channel's kind.
    pub channel_type: ChannelType,
    /// Which of that kind.
    pub channel_id: u8,
    /// The number of the message that must have been read there.
    pub serial: u64,
}

impl Wait {
    /// Reads the list of a WAIT_FOR_CHANNELS.
    pub fn read_list(reader: &mut Reader<'_>) -> Result<Vec<Self>, Error> {
        let count = reader.u8("number of channels to wait for")?;
        (0..count)
            .map(|_| {
                Ok(Self {
                    channel_type: ChannelType(reader.u8("channel to wait for")?),
                    channel_id: reader.u8("channel to wait for")?,
                    serial: reader.u64("channel to wait for")?,
                })
            })
            .collect()
    }
}

/// SPICE_MSG_DISCONNECTING
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnecting {
    /// Why.
    pub reason: LinkError,
}

impl Disconnecting {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.u64("disconnecting")?;
        Ok(Self {
            reason: LinkError(reader.u32("disconnecting")?),
        })
    }
}

/// How grave a notice is. (SpiceNotifySeverity)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// For information.
    Info,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
}

/// SPICE_MSG_NOTIFY
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// How grave it is.
    pub severity: Severity,
    /// Its number among the protocol's notices.
    pub what: u32,
    /// The server's words.
    pub text: String,
}

impl Notify {
    /// The longest text taken; more is cut off.
    pub const MAX_TEXT_BYTES: usize = 1024;

    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.u64("notify")?;
        let severity = match reader.u32("notify")? {
            0 => Severity::Info,
            1 => Severity::Warning,
            _ => Severity::Error,
        };
        reader.u32("notify")?;
        let what = reader.u32("notify")?;
        let length = reader.u32("notify")?;
        let text = text(
            reader.bytes(length as usize, "text of notify")?,
            Self::MAX_TEXT_BYTES,
        );
        Ok(Self {
            severity,
            what,
            text,
        })
    }
}

/// A peer's text up to its closing zero, made valid and no longer than `limit` bytes.
pub fn text(bytes: &[u8], limit: usize) -> String {
    let bytes = bytes.get(..limit).unwrap_or(bytes);
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}
