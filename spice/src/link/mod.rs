//! The link stage, with which every SPICE channel begins: capabilities are exchanged and the
//! ticket is checked. The console's proxy goes through it for the browser ([`Link`], feature
//! `ticket`); the browser only greets the proxy ([`admission`]).
//!
//! ```text
//! client: LinkMess ──▶                       server
//!                   ◀── LinkReply (public key, capabilities)
//!         [mechanism], ticket ──▶
//!                   ◀── result; from here on SPICE messages
//! ```

use core::fmt;

use crate::Error;
use crate::wire::{Reader, Writer};

pub mod admission;
#[cfg(feature = "ticket")]
mod state;
#[cfg(feature = "ticket")]
pub mod ticket;

#[cfg(feature = "ticket")]
pub use state::{Link, LinkFailure, Linked};

/// "REDQ": the first bytes each way.
pub const MAGIC: u32 = 0x5144_4552;
/// The protocol's version, as server and client have had it since 2010.
pub const VERSION: (u32, u32) = (2, 2);
/// Bytes of SpiceLinkHeader.
pub const HEADER_BYTES: usize = 16;
/// Bytes of the server's key in SpiceLinkReply (SPICE_TICKET_PUBKEY_BYTES).
pub const PUBLIC_KEY_BYTES: usize = 162;
/// Bytes of the encrypted ticket.
pub const TICKET_BYTES: usize = 128;
/// The most bytes a link message or reply may have after its header: the server's own limit.
pub const MAX_BODY_BYTES: u32 = 4096;

/// SPICE_CHANNEL_*: the kind of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelType(pub u8);

impl fmt::Debug for ChannelType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "ChannelType({})", self.0),
            name => f.write_str(name),
        }
    }
}

impl ChannelType {
    /// Session, mouse mode, agent.
    pub const MAIN: Self = Self(1);
    /// Pictures.
    pub const DISPLAY: Self = Self(2);
    /// Keyboard and pointer.
    pub const INPUTS: Self = Self(3);
    /// Shape and place of the pointer.
    pub const CURSOR: Self = Self(4);
    /// Sound from the guest.
    pub const PLAYBACK: Self = Self(5);
    /// Sound to the guest.
    pub const RECORD: Self = Self(6);
    /// Smart cards.
    pub const SMARTCARD: Self = Self(8);
    /// USB redirection.
    pub const USBREDIR: Self = Self(9);
    /// A stream of bytes by name.
    pub const PORT: Self = Self(10);
    /// Folder sharing.
    pub const WEBDAV: Self = Self(11);

    /// The protocol's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MAIN => "main",
            Self::DISPLAY => "display",
            Self::INPUTS => "inputs",
            Self::CURSOR => "cursor",
            Self::PLAYBACK => "playback",
            Self::RECORD => "record",
            Self::SMARTCARD => "smartcard",
            Self::USBREDIR => "usbredir",
            Self::PORT => "port",
            Self::WEBDAV => "webdav",
            _ => "unknown",
        }
    }
}

/// A set of capability bits, as words of 32.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Capabilities(Vec<u32>);

impl Capabilities {
    /// The most words anybody may send.
    pub const MAX_WORDS: usize = 64;

    /// SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION.
    pub const AUTH_SELECTION: u32 = 0;
    /// SPICE_COMMON_CAP_AUTH_SPICE.
    pub const AUTH_SPICE: u32 = 1;
    /// SPICE_COMMON_CAP_AUTH_SASL.
    pub const AUTH_SASL: u32 = 2;
    /// SPICE_COMMON_CAP_MINI_HEADER.
    pub const MINI_HEADER: u32 = 3;

    /// These bits and no others. Bits past [`Self::MAX_WORDS`] are left out.
    pub fn of(bits: &[u32]) -> Self {
        let mut caps = Self::default();
        for bit in bits {
            caps.set(*bit);
        }
        caps
    }

    /// These words. Words past [`Self::MAX_WORDS`] are left out.
    pub fn from_words(words: &[u32]) -> Self {
        Self(words.iter().copied().take(Self::MAX_WORDS).collect())
    }

    /// The words, lowest bits first.
    pub fn words(&self) -> &[u32] {
        &self.0
    }

    /// Whether a bit is set.
    pub fn has(&self, bit: u32) -> bool {
        self.0
            .get((bit / 32) as usize)
            .is_some_and(|word| word >> (bit % 32) & 1 != 0)
    }

    /// Sets a bit.
    pub fn set(&mut self, bit: u32) {
        let index = (bit / 32) as usize;
        if index >= Self::MAX_WORDS {
            return;
        }
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        if let Some(word) = self.0.get_mut(index) {
            *word |= 1 << (bit % 32);
        }
    }

    /// Clears a bit.
    pub fn clear(&mut self, bit: u32) {
        if let Some(word) = self.0.get_mut((bit / 32) as usize) {
            *word &= !(1 << (bit % 32));
        }
    }

    /// Reads `count` words.
    pub fn read(reader: &mut Reader<'_>, count: u32) -> Result<Self, Error> {
        if count as usize > Self::MAX_WORDS {
            let limit = Self::MAX_WORDS as u64;
            return Err(Error::limit(
                "number of capability words",
                count.into(),
                limit,
            ));
        }
        (0..count)
            .map(|_| reader.u32("capabilities"))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = (0..).take(self.0.len() * 32).filter(|bit| self.has(*bit));
        f.debug_set().entries(bits).finish()
    }
}

/// SpiceLinkErr: why a server refuses a link, or a channel was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkError(pub u32);

impl LinkError {
    /// All is well.
    pub const OK: Self = Self(0);
    /// No reason given.
    pub const ERROR: Self = Self(1);
    /// Wrong first bytes.
    pub const INVALID_MAGIC: Self = Self(2);
    /// A link message that cannot be read.
    pub const INVALID_DATA: Self = Self(3);
    /// Another version of the protocol.
    pub const VERSION_MISMATCH: Self = Self(4);
    /// The channel is served over TLS only.
    pub const NEED_SECURED: Self = Self(5);
    /// The channel is served without TLS only.
    pub const NEED_UNSECURED: Self = Self(6);
    /// Wrong or expired password.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// No session of that number.
    pub const BAD_CONNECTION_ID: Self = Self(8);
    /// No such channel.
    pub const CHANNEL_NOT_AVAILABLE: Self = Self(9);
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::OK => "no error",
            Self::ERROR => "the server gives no reason",
            Self::INVALID_MAGIC => "the server does not take us for a SPICE client",
            Self::INVALID_DATA => "the server cannot read the link message",
            Self::VERSION_MISMATCH => "the server speaks another version of SPICE",
            Self::NEED_SECURED => "the server wants TLS on this channel",
            Self::NEED_UNSECURED => "the server wants no TLS on this channel",
            Self::PERMISSION_DENIED => "the password is wrong or has expired",
            Self::BAD_CONNECTION_ID => "the server has no such session",
            Self::CHANNEL_NOT_AVAILABLE => "the server has no such channel",
            Self(other) => return write!(f, "the server gives reason {other}"),
        })
    }
}

/// SpiceLinkMess: what a client opens a channel with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkMessage {
    /// 0 for a new session, else the session's number.
    pub connection_id: u32,
    /// Which kind of channel.
    pub channel_type: ChannelType,
    /// Which of that kind.
    pub channel_id: u8,
    /// What the client can do on every channel.
    pub common_caps: Capabilities,
    /// What it can do on this one.
    pub channel_caps: Capabilities,
}

impl LinkMessage {
    /// Bytes before the capabilities.
    const FIXED: u32 = 18;

    /// Header and message.
    pub fn encode(&self) -> Vec<u8> {
        let (common, channel) = (self.common_caps.words(), self.channel_caps.words());
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        let words = u32::try_from(common.len() + channel.len()).unwrap_or(u32::MAX);
        write_header(
            &mut writer,
            Self::FIXED.saturating_add(words.saturating_mul(4)),
        );
        writer
            .u32(self.connection_id)
            .u8(self.channel_type.0)
            .u8(self.channel_id);
        write_caps(&mut writer, common, channel, Self::FIXED);
        bytes
    }

    /// Reads the message after its header.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let connection_id = reader.u32("link message")?;
        let channel_type = ChannelType(reader.u8("link message")?);
        let channel_id = reader.u8("link message")?;
        let (common_caps, channel_caps) = read_caps(&mut reader)?;
        Ok(Self {
            connection_id,
            channel_type,
            channel_id,
            common_caps,
            channel_caps,
        })
    }
}

/// SpiceLinkReply: the server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReply {
    /// Whether the server goes on.
    pub error: LinkError,
    /// The key the ticket is encrypted with, as SubjectPublicKeyInfo.
    pub public_key: [u8; PUBLIC_KEY_BYTES],
    /// What the server can do on every channel.
    pub common_caps: Capabilities,
    /// What it can do on this one.
    pub channel_caps: Capabilities,
}

impl LinkReply {
    /// Bytes before the capabilities.
    const FIXED: u32 = 4 + PUBLIC_KEY_BYTES as u32 + 12;

    /// Header and reply.
    pub fn encode(&self) -> Vec<u8> {
        let (common, channel) = (self.common_caps.words(), self.channel_caps.words());
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        let words = u32::try_from(common.len() + channel.len()).unwrap_or(u32::MAX);
        write_header(
            &mut writer,
            Self::FIXED.saturating_add(words.saturating_mul(4)),
        );
        writer.u32(self.error.0).bytes(&self.public_key);
        write_caps(&mut writer, common, channel, Self::FIXED);
        bytes
    }

    /// Reads the reply after its header. A refusal may be cut short after the error.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let error = LinkError(reader.u32("link reply")?);
        if error != LinkError::OK && body.len() < Self::FIXED as usize {
            let (common_caps, channel_caps) = Default::default();
            let public_key = [0; PUBLIC_KEY_BYTES];
            return Ok(Self {
                error,
                public_key,
                common_caps,
                channel_caps,
            });
        }
        let public_key = reader.array("link reply")?;
        let (common_caps, channel_caps) = read_caps(&mut reader)?;
        Ok(Self {
            error,
            public_key,
            common_caps,
            channel_caps,
        })
    }
}

/// Reads SpiceLinkHeader and returns the length of what follows it.
pub fn read_header(header: &[u8; HEADER_BYTES]) -> Result<u32, Error> {
    let mut reader = Reader::new(header);
    let magic = reader.u32("link header")?;
    if magic != MAGIC {
        return Err(Error::invalid("first bytes of a SPICE link", magic.into()));
    }
    let major = reader.u32("link header")?;
    if major != VERSION.0 {
        return Err(Error::unsupported("SPICE protocol version", major.into()));
    }
    reader.u32("link header")?;
    match reader.u32("link header")? {
        size if size <= MAX_BODY_BYTES => Ok(size),
        size => Err(Error::limit(
            "size of a link message",
            size.into(),
            MAX_BODY_BYTES.into(),
        )),
    }
}

fn write_header(writer: &mut Writer<'_>, size: u32) {
    writer.u32(MAGIC).u32(VERSION.0).u32(VERSION.1).u32(size);
}

fn write_caps(writer: &mut Writer<'_>, common: &[u32], channel: &[u32], offset: u32) {
    for words in [common, channel] {
        writer.u32(u32::try_from(words.len()).unwrap_or(u32::MAX));
    }
    writer.u32(offset);
    for word in common.iter().chain(channel) {
        writer.u32(*word);
    }
}

fn read_caps(reader: &mut Reader<'_>) -> Result<(Capabilities, Capabilities), Error> {
    let common = reader.u32("number of common capabilities")?;
    let channel = reader.u32("number of channel capabilities")?;
    let offset = reader.u32("offset of capabilities")?;
    let mut words = Reader::at(reader.whole(), offset as usize, "offset of capabilities")?;
    Ok((
        Capabilities::read(&mut words, common)?,
        Capabilities::read(&mut words, channel)?,
    ))
}
