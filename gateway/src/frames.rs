//! Counts the frames of a WebSocket message while its bytes pass by: a message in very many pieces
//! costs its receiver much for little, and no browser sends one.
//!
//! Only frame headers are read here; the protocol itself is tungstenite's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A message may come in so many pieces.
const FRAGMENTS_MAX: u32 = 16;

/// A stream whose incoming WebSocket frames are counted.
#[derive(Debug)]
pub struct Counted<S> {
    inner: S,
    counter: Counter,
}

impl<S> Counted<S> {
    /// Counts from the first frame on.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            counter: Counter::default(),
        }
    }
}

/// Where in a frame the next byte is.
#[derive(Debug, Default)]
struct Counter {
    header: [u8; 14],
    filled: usize,
    payload_left: u64,
    fragments: u32,
}

impl Counter {
    /// Takes bytes as they arrive; `false` when a message has too many fragments.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skip = usize::try_from(self.payload_left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                self.payload_left -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            self.header[self.filled] = bytes[0];
            self.filled += 1;
            bytes = &bytes[1..];
            if self.filled >= 2 && self.filled == self.header_length() && !self.frame() {
                return false;
            }
        }
        true
    }

    /// How long this frame's header is, known from its second byte on.
    fn header_length(&self) -> usize {
        let extended = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        2 + extended + mask
    }

    /// A header is complete.
    fn frame(&mut self) -> bool {
        let [first, second, rest @ ..] = self.header;
        self.payload_left = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([rest[0], rest[1]])),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&rest[..8]);
                u64::from_be_bytes(length)
            }
            length => u64::from(length),
        };
        self.filled = 0;
        // Control frames may come between a message's fragments.
        if first & 0x08 == 0 {
            self.fragments = if first & 0x80 == 0 {
                self.fragments + 1
            } else {
                0
            };
        }
        self.fragments < FRAGMENTS_MAX
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if let Some(new) = buffer.filled().get(before..)
            && !self.counter.pass(new)
        {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a WebSocket message has too many fragments",
            )));
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked binary frame as a browser sends it.
    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match payload {
            0..126 => frame.push(0x80 | payload as u8),
            126..65536 => {
                frame.push(0x80 | 126);
                frame.extend((payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + payload, 0);
        frame
    }

    #[test]
    fn whole_messages_of_any_length_pass_however_they_are_cut() {
        let mut bytes = Vec::new();
        for payload in [0, 1, 125, 126, 65535, 65536, 3] {
            bytes.extend(frame(0x82, payload));
        }
        for cut in [1, 2, 3, 7, 1000] {
            let mut counter = Counter::default();
            assert!(bytes.chunks(cut).all(|part| counter.pass(part)));
            assert_eq!((counter.filled, counter.payload_left), (0, 0));
        }
    }

    #[test]
    fn a_message_in_sixteen_pieces_passes_and_one_in_more_does_not() {
        let mut counter = Counter::default();
        assert!(counter.pass(&frame(0x02, 5)));
        for _ in 0..14 {
            assert!(counter.pass(&frame(0x00, 0)));
            assert!(counter.pass(&frame(0x89, 4)), "a ping in between");
        }
        assert!(counter.pass(&frame(0x80, 5)), "the sixteenth is the last");
        for _ in 0..15 {
            assert!(counter.pass(&frame(0x00, 0)));
        }
        assert!(!counter.pass(&frame(0x00, 0)));
    }
}
