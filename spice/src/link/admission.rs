//! How the console's worker greets the proxy, and the proxy's answer: the first message each way
//! on every WebSocket of the console. After the answer both ways carry SPICE messages, cut
//! anywhere; where the worker asked for a window, inside of [`Frame`]s.
//!
//! Little endian. `Hello`: "SFN1", 1, key (32), channel type (1), channel id (1), connection id
//! (4), common capabilities, channel capabilities, window (4). `Welcome`: "SFN1", 2, common
//! capabilities, channel capabilities, keys. Lists are a count byte and that many words (4) or
//! keys (32). `Frame`: a kind byte, then SPICE bytes (kind 0) or one word (4): a grant (kind 1),
//! a probe's number (kind 2).

use core::fmt;

use super::{Capabilities, ChannelType};
use crate::Error;
use crate::wire::{Reader, Writer};

/// A ticket or a channel key: worth as much as a password while it lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The most keys a [`Welcome`] carries.
pub const MAX_KEYS: usize = 64;

/// The most bytes a [`Hello`] takes.
pub const MAX_HELLO_BYTES: usize =
    4 + 1 + 32 + 1 + 1 + 4 + 2 * (1 + 4 * Capabilities::MAX_WORDS) + 4;

/// The largest window, in bytes: larger ones, and grants beyond it, count as this much.
pub const MAX_WINDOW: u32 = 16 << 20;

/// First byte of a frame with SPICE bytes.
pub const KIND_DATA: u8 = 0;
/// First byte of a grant.
pub const KIND_GRANT: u8 = 1;
/// First byte of a probe.
pub const KIND_PROBE: u8 = 2;

const MAGIC: [u8; 4] = *b"SFN1";
const HELLO: u8 = 1;
const WELCOME: u8 = 2;

/// What the worker asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// For the main channel the console ticket, for others one of the channel keys.
    pub key: Key,
    /// Which kind of channel.
    pub channel_type: ChannelType,
    /// Which of that kind.
    pub channel_id: u8,
    /// 0 for the main channel, the session's number for the others.
    pub connection_id: u32,
    /// What the client can do on every channel.
    pub common_caps: Capabilities,
    /// What it can do on this one.
    pub channel_caps: Capabilities,
    /// How many SPICE bytes the proxy may send before the first grant. 0: any number, and both
    /// ways are bytes without frames. Else every message after the greeting is a [`Frame`].
    pub window: u32,
}

impl Hello {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.bytes(&MAGIC).u8(HELLO).bytes(&self.key.0);
        writer
            .u8(self.channel_type.0)
            .u8(self.channel_id)
            .u32(self.connection_id);
        write_caps(&mut writer, &self.common_caps);
        write_caps(&mut writer, &self.channel_caps);
        writer.u32(self.window);
        bytes
    }

    /// Reads a message, all of it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = begin(bytes, HELLO)?;
        let hello = Self {
            key: Key(reader.array("hello key")?),
            channel_type: ChannelType(reader.u8("hello channel type")?),
            channel_id: reader.u8("hello channel id")?,
            connection_id: reader.u32("hello connection id")?,
            common_caps: read_caps(&mut reader)?,
            channel_caps: read_caps(&mut reader)?,
            window: reader.u32("hello window")?,
        };
        end(&reader)?;
        Ok(hello)
    }
}

/// What the proxy answers when the SPICE server has let it in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// What the server can do on every channel.
    pub common_caps: Capabilities,
    /// What it can do on this one.
    pub channel_caps: Capabilities,
    /// On the main channel: keys for further channels, each good once. Else empty.
    pub keys: Vec<Key>,
}

impl Welcome {
    /// The message's bytes. Keys past [`MAX_KEYS`] are left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.bytes(&MAGIC).u8(WELCOME);
        write_caps(&mut writer, &self.common_caps);
        write_caps(&mut writer, &self.channel_caps);
        let keys = self.keys.iter().take(MAX_KEYS);
        writer.u8(u8::try_from(keys.len()).unwrap_or(u8::MAX));
        for key in keys {
            writer.bytes(&key.0);
        }
        bytes
    }

    /// Reads a message, all of it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = begin(bytes, WELCOME)?;
        let common_caps = read_caps(&mut reader)?;
        let channel_caps = read_caps(&mut reader)?;
        let count = usize::from(reader.u8("welcome keys")?);
        if count > MAX_KEYS {
            return Err(Error::limit("welcome keys", count as u64, MAX_KEYS as u64));
        }
        let keys = (0..count)
            .map(|_| reader.array("welcome key").map(Key))
            .collect::<Result<Vec<_>, _>>()?;
        end(&reader)?;
        Ok(Self {
            common_caps,
            channel_caps,
            keys,
        })
    }
}

/// One message of a channel that has a window ([`Hello::window`]).
///
/// A WebSocket tells its sender nothing about how far the page behind it has got, so the worker
/// says so itself: the proxy reads no more from the SPICE server than it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// SPICE bytes, cut anywhere; may be empty. Down the channel, each counts against the window;
    /// up, nothing does.
    Data(&'a [u8]),
    /// Worker to proxy only: so many more SPICE bytes may be sent.
    Grant(u32),
    /// Worker to proxy: send this back, after all that you have read so far. Proxy to worker: the
    /// answer, with the same number. Does not count against the window.
    Probe(u32),
}

impl<'a> Frame<'a> {
    /// Reads a message, all of it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let Some((kind, rest)) = bytes.split_first() else {
            return Err(Error::invalid("bytes of a frame", 0));
        };
        let word = || match rest.try_into() {
            Ok(word) => Ok(u32::from_le_bytes(word)),
            Err(_) => Err(Error::invalid("bytes of a frame", bytes.len() as u64)),
        };
        match *kind {
            KIND_DATA => Ok(Self::Data(rest)),
            KIND_GRANT => word().map(Self::Grant),
            KIND_PROBE => word().map(Self::Probe),
            other => Err(Error::invalid("kind of frame", other.into())),
        }
    }

    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, word, data) = match *self {
            Self::Data(data) => (KIND_DATA, None, data),
            Self::Grant(bytes) => (KIND_GRANT, Some(bytes), [].as_slice()),
            Self::Probe(id) => (KIND_PROBE, Some(id), [].as_slice()),
        };
        let mut bytes = Vec::with_capacity(1 + 4 + data.len());
        bytes.push(kind);
        if let Some(word) = word {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(data);
        bytes
    }
}

fn begin(bytes: &[u8], kind: u8) -> Result<Reader<'_>, Error> {
    let mut reader = Reader::new(bytes);
    let magic = reader.array("greeting")?;
    if magic != MAGIC {
        return Err(Error::invalid("greeting", u32::from_le_bytes(magic).into()));
    }
    match reader.u8("kind of greeting")? {
        found if found == kind => Ok(reader),
        other => Err(Error::invalid("kind of greeting", other.into())),
    }
}

fn end(reader: &Reader<'_>) -> Result<(), Error> {
    match reader.left().len() {
        0 => Ok(()),
        extra => Err(Error::invalid("bytes after a greeting", extra as u64)),
    }
}

fn write_caps(writer: &mut Writer<'_>, caps: &Capabilities) {
    let words = caps.words();
    writer.u8(u8::try_from(words.len()).unwrap_or(u8::MAX));
    for word in words {
        writer.u32(*word);
    }
}

fn read_caps(reader: &mut Reader<'_>) -> Result<Capabilities, Error> {
    let count = u32::from(reader.u8("number of capability words")?);
    Capabilities::read(reader, count)
}
