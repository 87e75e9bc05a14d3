//! Recorded conversations: what a real server said to our client, channel by channel, with what the
//! picture was in the end. `spice/tests/data/session/*.session`; made by `tests/lab/sessions.rs`, read
//! by the tests here and by benchmarks (`#[path]` this file).
//!
//! A file is a zlib stream of: `SAFFREC1`, then records, numbers little-endian:
//!
//! ```text
//! 0  kind u8  id u8  words u8  common caps u32…  words u8  channel caps u32…    a channel opened
//! 1  kind u8  id u8  ms u32  length u32  bytes…                                 it said this
//! 2  kind u8  id u8                                                             it closed
//! 3  width u32  height u32  checksum u64                                        the picture in the end
//! ```
//!
//! `ms` is the time since the recording began. Messages are whole or cut as they came. The checksum is
//! FNV-1a (64 bits) over red, green and blue of every pixel of the screen, row by row.

use spice::ChannelRef;
use spice::link::{Capabilities, ChannelType};

const MAGIC: &[u8] = b"SAFFREC1";
/// The most that one unpacks to.
const MAX_BYTES: usize = 256 << 20;

/// One thing that happened.
pub enum Record<'a> {
    /// A channel was linked, with what the server can.
    Opened(ChannelRef, Capabilities, Capabilities),
    /// Bytes came, so many milliseconds after the beginning.
    Said(ChannelRef, u32, &'a [u8]),
    /// A channel closed.
    Closed(ChannelRef),
    /// Nothing more; width, height and checksum of the screen.
    End(u32, u32, u64),
}

/// A conversation, unpacked.
pub struct Recording(Vec<u8>);

#[allow(dead_code, reason = "some only write, some only read")]
impl Recording {
    pub fn new() -> Self {
        Self(MAGIC.to_vec())
    }

    pub fn open(packed: &[u8]) -> Option<Self> {
        let bytes =
            miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, MAX_BYTES).ok()?;
        bytes.starts_with(MAGIC).then_some(Self(bytes))
    }

    pub fn packed(&self) -> Vec<u8> {
        miniz_oxide::deflate::compress_to_vec_zlib(&self.0, 9)
    }

    /// Bytes, unpacked.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    pub fn opened(&mut self, channel: ChannelRef, common: &Capabilities, caps: &Capabilities) {
        self.head(0, channel);
        for words in [common.words(), caps.words()] {
            self.0.push(words.len() as u8);
            for word in words {
                self.0.extend(word.to_le_bytes());
            }
        }
    }

    pub fn said(&mut self, channel: ChannelRef, ms: u32, bytes: &[u8]) {
        self.head(1, channel);
        self.0.extend(ms.to_le_bytes());
        self.0.extend((bytes.len() as u32).to_le_bytes());
        self.0.extend(bytes);
    }

    pub fn closed(&mut self, channel: ChannelRef) {
        self.head(2, channel);
    }

    pub fn end(&mut self, width: u32, height: u32, checksum: u64) {
        self.0.push(3);
        self.0.extend(width.to_le_bytes());
        self.0.extend(height.to_le_bytes());
        self.0.extend(checksum.to_le_bytes());
    }

    fn head(&mut self, record: u8, channel: ChannelRef) {
        self.0.extend([record, channel.kind.0, channel.id]);
    }

    /// What happened, in order. Ends early if the file is cut.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = &self.0[MAGIC.len()..];
        std::iter::from_fn(move || {
            let kind = take(&mut rest, 1)?[0];
            if kind == 3 {
                let (width, height) = (number(&mut rest)?, number(&mut rest)?);
                let checksum = take(&mut rest, 8)?.first_chunk()?;
                return Some(Record::End(width, height, u64::from_le_bytes(*checksum)));
            }
            let name = take(&mut rest, 2)?;
            let channel = ChannelRef {
                kind: ChannelType(name[0]),
                id: name[1],
            };
            Some(match kind {
                0 => Record::Opened(channel, capabilities(&mut rest)?, capabilities(&mut rest)?),
                1 => {
                    let (ms, length) = (number(&mut rest)?, number(&mut rest)?);
                    Record::Said(channel, ms, take(&mut rest, length as usize)?)
                }
                _ => Record::Closed(channel),
            })
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*take(rest, 4)?.first_chunk()?))
}

fn capabilities(rest: &mut &[u8]) -> Option<Capabilities> {
    let count = take(rest, 1)?[0];
    let words: Option<Vec<u32>> = (0..count).map(|_| number(rest)).collect();
    Some(Capabilities::from_words(&words?))
}

/// FNV-1a over what is seen of pixels of red, green, blue, alpha.
pub fn checksum(pixels: &[u8]) -> u64 {
    let (pixels, _) = pixels.as_chunks::<4>();
    pixels
        .iter()
        .flat_map(|pixel| &pixel[..3])
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
