//! The crate's one error: what was being read, and why it cannot be.

use core::fmt;

/// Why a peer's bytes cannot be read. Every `what` names the thing as the protocol does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Fewer bytes are left than the thing needs.
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes it needs; 0 when that is not known beforehand.
        needed: u64,
        /// Bytes that were left.
        left: u64,
    },
    /// A value that the protocol does not allow here.
    Invalid {
        /// What was being read.
        what: &'static str,
        /// The value found.
        value: u64,
    },
    /// A value past one of our named limits.
    Limit {
        /// What is limited.
        what: &'static str,
        /// The value found.
        value: u64,
        /// The largest value allowed.
        limit: u64,
    },
    /// Allowed by the protocol, but this crate has no code for it.
    Unsupported {
        /// What is not supported.
        what: &'static str,
        /// Which of them.
        value: u64,
    },
    /// Refers to something that is not there: an image, palette, surface, stream or cursor.
    Missing {
        /// What is missing.
        what: &'static str,
        /// Its number.
        id: u64,
    },
}

impl Error {
    /// Which of these it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::Invalid { .. } => "invalid",
            Self::Limit { .. } => "limit",
            Self::Unsupported { .. } => "unsupported",
            Self::Missing { .. } => "missing",
        }
    }

    /// [`Error::Truncated`] where the needed length is not known.
    pub const fn truncated(what: &'static str) -> Self {
        Self::Truncated {
            what,
            needed: 0,
            left: 0,
        }
    }

    /// [`Error::Invalid`].
    pub const fn invalid(what: &'static str, value: u64) -> Self {
        Self::Invalid { what, value }
    }

    /// [`Error::Limit`].
    pub const fn limit(what: &'static str, value: u64, limit: u64) -> Self {
        Self::Limit { what, value, limit }
    }

    /// [`Error::Unsupported`].
    pub const fn unsupported(what: &'static str, value: u64) -> Self {
        Self::Unsupported { what, value }
    }

    /// [`Error::Missing`].
    pub const fn missing(what: &'static str, id: u64) -> Self {
        Self::Missing { what, id }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated {
                what, needed: 0, ..
            } => write!(f, "{what} ends too early"),
            Self::Truncated { what, needed, left } => {
                write!(f, "{what} needs {needed} bytes, {left} are left")
            }
            Self::Invalid { what, value } => write!(f, "{what} cannot be {value:#x}"),
            Self::Limit { what, value, limit } => {
                write!(f, "{what} is {value}, at most {limit} is allowed")
            }
            Self::Unsupported { what, value } => write!(f, "{what} {value} is not supported"),
            Self::Missing { what, id } => write!(f, "{what} {id:#x} is not known"),
        }
    }
}

impl std::error::Error for Error {}
