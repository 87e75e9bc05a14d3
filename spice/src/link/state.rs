//! The client's side of the link stage, as the proxy goes through it on behalf of a browser.

use core::fmt;

use super::{Capabilities, HEADER_BYTES, LinkError, LinkMessage, LinkReply, read_header, ticket};
use crate::Error;

/// What came of a link stage that went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// What the server can do on every channel.
    pub common_caps: Capabilities,
    /// What it can do on this one.
    pub channel_caps: Capabilities,
}

/// Why a link stage did not go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFailure {
    /// The server sent something that is no SPICE, or no SPICE we know.
    Unreadable(Error),
    /// The server refuses.
    Refused(LinkError),
}

impl fmt::Display for LinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinkFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            Self::Refused(_) => None,
        }
    }
}

impl From<Error> for LinkFailure {
    fn from(error: Error) -> Self {
        Self::Unreadable(error)
    }
}

enum Stage {
    Reply,
    Result(Linked),
    Done,
}

/// The client's side of one channel's link stage.
///
/// ```text
/// Reply ──reply read, ticket sent──▶ Result ──0──▶ Done: the caller has `Linked`
/// ```
///
/// The ticket mechanism is chosen here: of the common capabilities given, the AUTH bits are
/// replaced by what this can do.
pub struct Link {
    stage: Stage,
    password: String,
    received: Vec<u8>,
    transmit: Vec<u8>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Reply => "Reply",
            Stage::Result(_) => "Result",
            Stage::Done => "Done",
        };
        f.debug_struct("Link")
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Starts with the message to send; `password` is what the server wants as its ticket.
    pub fn new(message: &LinkMessage, password: &str) -> Self {
        let mut message = message.clone();
        let caps = &mut message.common_caps;
        caps.set(Capabilities::AUTH_SELECTION);
        caps.set(Capabilities::AUTH_SPICE);
        caps.clear(Capabilities::AUTH_SASL);
        Self {
            stage: Stage::Reply,
            password: password.to_owned(),
            received: Vec::new(),
            transmit: message.encode(),
        }
    }

    /// Takes what the server sent. Returns how many of the bytes belonged to the link stage, and
    /// its outcome once it is over; what follows those bytes are SPICE messages.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(usize, Option<Linked>), LinkFailure> {
        let mut taken = 0;
        loop {
            let needed = match &self.stage {
                Stage::Reply => match self.received.first_chunk::<HEADER_BYTES>() {
                    None => HEADER_BYTES,
                    Some(header) => HEADER_BYTES + read_header(header)? as usize,
                },
                Stage::Result(_) => 4,
                Stage::Done => return Ok((taken, None)),
            };
            let missing = needed.saturating_sub(self.received.len());
            if missing > 0 {
                let left = bytes.get(taken..).unwrap_or_default();
                let part = left.get(..missing.min(left.len())).unwrap_or_default();
                if part.is_empty() {
                    return Ok((taken, None));
                }
                self.received.extend_from_slice(part);
                taken += part.len();
                continue;
            }
            let whole = core::mem::take(&mut self.received);
            match core::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Reply => {
                    self.stage = self.answer(whole.get(HEADER_BYTES..).unwrap_or_default())?;
                }
                Stage::Result(linked) => {
                    let result = whole.first_chunk().copied().map(u32::from_le_bytes);
                    return match LinkError(result.unwrap_or(LinkError::ERROR.0)) {
                        LinkError::OK => Ok((taken, Some(linked))),
                        refusal => Err(LinkFailure::Refused(refusal)),
                    };
                }
                Stage::Done => {}
            }
        }
    }

    /// Moves what is to be sent to the end of `buffer`; false when there is nothing.
    pub fn poll_transmit(&mut self, buffer: &mut Vec<u8>) -> bool {
        let any = !self.transmit.is_empty();
        buffer.append(&mut self.transmit);
        any
    }

    fn answer(&mut self, body: &[u8]) -> Result<Stage, LinkFailure> {
        let reply = LinkReply::decode(body)?;
        if reply.error != LinkError::OK {
            return Err(LinkFailure::Refused(reply.error));
        }
        if reply.common_caps.has(Capabilities::AUTH_SELECTION) {
            if !reply.common_caps.has(Capabilities::AUTH_SPICE) {
                return Err(Error::unsupported("the server's way to log in", 0).into());
            }
            self.transmit
                .extend_from_slice(&Capabilities::AUTH_SPICE.to_le_bytes());
        }
        let ticket = ticket::encrypt(&reply.public_key, &self.password)?;
        self.transmit.extend_from_slice(&ticket);
        self.password.clear();
        let LinkReply {
            common_caps,
            channel_caps,
            ..
        } = reply;
        Ok(Stage::Result(Linked {
            common_caps,
            channel_caps,
        }))
    }
}
