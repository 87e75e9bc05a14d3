//! What can go wrong with a request, in kinds that the gateway turns into statuses.

use std::time::Duration;

/// Why a request was refused or failed. Messages are sentences for a person, as oVirt writes them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong (400).
    #[error("{message}")]
    Invalid {
        /// The field, by its oVirt name, where one is to blame.
        field: Option<&'static str>,
        /// What is wrong with it.
        message: String,
    },
    /// Nobody is logged in, or not any more (401).
    #[error("{message}")]
    Unauthenticated {
        /// Why.
        message: String,
    },
    /// Too many attempts (429).
    #[error("too many attempts, try again in {} s", retry_after.as_secs().max(1))]
    Delayed {
        /// When to try again.
        retry_after: Duration,
    },
    /// The caller has no right to it (403).
    #[error("{message}")]
    Denied {
        /// What right is missing.
        message: String,
    },
    /// There is no such thing, or none that the caller may know of (404).
    #[error("Entity not found: {what}")]
    NotFound {
        /// Kind and id or name.
        what: String,
    },
    /// It cannot be done now (409).
    #[error("[{}]", messages.join(", "))]
    Conflict {
        /// Why, each a sentence.
        messages: Vec<String>,
    },
    /// There is no room for it (507; oVirt's clients get 409).
    #[error("[{}]", messages.join(", "))]
    NoSpace {
        /// Why, each a sentence.
        messages: Vec<String>,
    },
    /// It was tried and failed (500).
    #[error("{message}")]
    Failed {
        /// What failed.
        message: String,
    },
    /// It cannot be tried now: a host does not answer, or the manager is ending (503).
    #[error("{message}")]
    Unavailable {
        /// Why.
        message: String,
    },
}

/// The kinds of [`Error`], for whoever only needs to choose a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400
    Invalid,
    /// 401
    Unauthenticated,
    /// 429
    Delayed,
    /// 403
    Denied,
    /// 404
    NotFound,
    /// 409
    Conflict,
    /// 507, or 409 for oVirt's clients
    NoSpace,
    /// 500
    Failed,
    /// 503
    Unavailable,
}

/// A request's outcome.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Unauthenticated { .. } => ErrorKind::Unauthenticated,
            Self::Delayed { .. } => ErrorKind::Delayed,
            Self::Denied { .. } => ErrorKind::Denied,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::NoSpace { .. } => ErrorKind::NoSpace,
            Self::Failed { .. } => ErrorKind::Failed,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }

    /// The sentences of a refusal, for oVirt's bracketed list; one for all other kinds.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        match self {
            Self::Conflict { messages } | Self::NoSpace { messages } => messages.clone(),
            other => vec![other.to_string()],
        }
    }

    /// A wrong field.
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field: Some(field),
            message: message.into(),
        }
    }

    /// A missing object.
    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::NotFound {
            what: what.to_string(),
        }
    }

    /// A refusal for one reason.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict {
            messages: vec![message.into()],
        }
    }

    /// A missing right.
    pub(crate) fn denied() -> Self {
        Self::Denied {
            message: "User is not authorized to perform this action.".into(),
        }
    }

    /// A failure.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
        }
    }

    /// Something that does not answer.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
        }
    }
}
