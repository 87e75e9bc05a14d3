//! Why a console's WebSocket is closed: a code for the page and a sentence for the person.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The longest reason that a close frame can carry (125 bytes less the code).
const REASON_MAX: usize = 123;

/// What ended, or never began, a channel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The server ends (1001); the page tries again soon.
    GoingAway,
    /// The browser's first message is none of ours.
    BadHello,
    /// Login session ended, or the right to this console was lost.
    Revoked,
    /// Ticket or channel key unknown, used before, or too old.
    TicketRefused,
    /// The SPICE server refuses the password that the person gave.
    PasswordRefused,
    /// The virtual machine does not exist any more.
    VmGone,
    /// No first message within its time.
    HelloLate,
    /// The virtual machine does not run.
    VmNotRunning,
    /// Too many channels.
    TooMany,
    /// The SPICE server cannot be reached, or refuses.
    Unreachable,
    /// The SPICE server's connection has ended: guest stopped or was reset.
    ConnectionEnded,
}

impl End {
    /// The WebSocket close code.
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::BadHello => 4400,
            Self::Revoked => 4401,
            Self::TicketRefused | Self::PasswordRefused => 4403,
            Self::VmGone => 4404,
            Self::HelloLate => 4408,
            Self::VmNotRunning => 4409,
            Self::TooMany => 4429,
            Self::Unreachable => 4502,
            Self::ConnectionEnded => 4503,
        }
    }
}

/// A reason to close, with its sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The kind, which gives the code.
    pub end: End,
    /// What the person reads.
    pub sentence: String,
}

impl Refusal {
    /// Closes because of `end`, which `sentence` explains.
    pub fn new(end: End, sentence: impl Into<String>) -> Self {
        Self {
            end,
            sentence: sentence.into(),
        }
    }

    /// As a close frame; a sentence that is too long is cut at a character.
    pub(crate) fn frame(&self) -> CloseFrame {
        let mut length = self.sentence.len().min(REASON_MAX);
        while !self.sentence.is_char_boundary(length) {
            length -= 1;
        }
        CloseFrame {
            code: CloseCode::from(self.end.code()),
            reason: self.sentence[..length].to_owned().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let refusal = Refusal::new(End::Unreachable, "ü".repeat(100));
        let frame = refusal.frame();
        assert_eq!(frame.reason.len(), 122);
        assert_eq!(u16::from(frame.code), 4502);
    }
}
