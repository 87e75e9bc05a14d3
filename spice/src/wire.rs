//! Reading and writing little-endian numbers in slices, every length checked against what is
//! left. What the numbers mean, `message` knows.

use crate::Error;

/// Reads from the front of a slice and remembers how far it got.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    whole: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            whole: bytes,
            position: 0,
        }
    }

    /// Starts at byte `offset` of a message, where one of its pointers leads.
    pub fn at(bytes: &'a [u8], offset: usize, what: &'static str) -> Result<Self, Error> {
        if offset > bytes.len() {
            return Err(Error::invalid(what, offset as u64));
        }
        Ok(Self {
            whole: bytes,
            position: offset,
        })
    }

    /// The slice the reader was made from, whatever has been read of it.
    pub const fn whole(&self) -> &'a [u8] {
        self.whole
    }

    /// Bytes read so far.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The bytes not read yet.
    pub fn left(&self) -> &'a [u8] {
        self.whole.get(self.position..).unwrap_or_default()
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let left = self.left();
        let Some(bytes) = left.get(..count) else {
            return Err(Error::Truncated {
                what,
                needed: count as u64,
                left: left.len() as u64,
            });
        };
        self.position += count;
        Ok(bytes)
    }

    /// The next `N` bytes, copied.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let left = self.left();
        let Some(bytes) = left.first_chunk::<N>() else {
            return Err(Error::Truncated {
                what,
                needed: N as u64,
                left: left.len() as u64,
            });
        };
        self.position += N;
        Ok(*bytes)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Error> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Two bytes with a sign.
    pub fn i16(&mut self, what: &'static str) -> Result<i16, Error> {
        self.array(what).map(i16::from_le_bytes)
    }

    /// Four bytes with a sign.
    pub fn i32(&mut self, what: &'static str) -> Result<i32, Error> {
        self.array(what).map(i32::from_le_bytes)
    }

    /// A count that says how many entries of `size` bytes follow: checked before anybody
    /// allocates for it.
    pub fn check_count(&self, count: u64, size: u64, what: &'static str) -> Result<usize, Error> {
        let left = self.left().len() as u64;
        match count.checked_mul(size) {
            Some(needed) if needed <= left => Ok(count as usize),
            needed => Err(Error::Truncated {
                what,
                needed: needed.unwrap_or(u64::MAX),
                left,
            }),
        }
    }
}

/// Appends to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to the end of `buffer`.
    pub const fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self { buffer }
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Two bytes with a sign.
    pub fn i16(&mut self, value: i16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Four bytes with a sign.
    pub fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}
