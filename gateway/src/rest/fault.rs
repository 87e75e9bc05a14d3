//! How the API says no: the manager's errors and unreadable documents become a status and a
//! `<fault>`. The only place that knows both sides.

use api::types::Fault;
use http::StatusCode;
use manager::ErrorKind;

/// A request that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(super) status: StatusCode,
    pub(super) fault: Fault,
    /// The path may be one that the model has and we have not built; then the table of services
    /// has the last word.
    pub(super) unbuilt: bool,
}

/// The outcome of a request.
pub(crate) type Result<T, E = Refused> = std::result::Result<T, E>;

impl Refused {
    fn new(status: StatusCode, fault: Fault) -> Self {
        Self {
            status,
            fault,
            unbuilt: false,
        }
    }

    /// A mandatory element is missing: `Vm [name] required for add`.
    pub(super) fn incomplete(type_name: &str, fields: &[&str], method: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            api::fault::incomplete(type_name, fields, method),
        )
    }

    /// An element has a value that it cannot have.
    pub(super) fn value(element: &str, value: impl std::fmt::Display) -> Self {
        let detail = format!("The value '{value}' of '{element}' is not valid.");
        Self::new(
            StatusCode::BAD_REQUEST,
            api::fault::fault("Invalid value", detail),
        )
    }

    /// Wrong in another way.
    pub(super) fn bad(sentence: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, api::fault::refused(&[sentence]))
    }

    /// Not now.
    pub(super) fn conflict(sentence: &str) -> Self {
        Self::new(StatusCode::CONFLICT, api::fault::refused(&[sentence]))
    }

    /// No such thing, or none that the caller may know of.
    pub(super) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            api::fault::not_found(&what.to_string()),
        )
    }

    /// Nothing of ours is at this path; see `unbuilt`.
    pub(super) fn unbuilt() -> Self {
        Self {
            unbuilt: true,
            ..Self::not_found("the path")
        }
    }

    /// There, but not with this method.
    pub(super) fn method() -> Self {
        let sentence = "This address does not take this method.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            api::fault::refused(&[sentence]),
        )
    }

    /// In the API, and not in this version of the manager.
    pub(super) fn not_supported() -> Self {
        let sentence = "This version of the manager does not support this operation.";
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            api::fault::refused(&[sentence]),
        )
    }

    /// An operation that is there, with something in it that is not.
    pub(super) fn unsupported_part() -> Self {
        Self::conflict("This version of the manager does not support what was asked for here.")
    }

    /// Another status for the same fault.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl From<api::Error> for Refused {
    fn from(error: api::Error) -> Self {
        let status = match error {
            api::Error::TooLarge("bytes") => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.fault())
    }
}

impl From<manager::Error> for Refused {
    fn from(error: manager::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Delayed => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            // oVirt has no status of its own for a full storage domain.
            ErrorKind::Conflict | ErrorKind::NoSpace => StatusCode::CONFLICT,
            ErrorKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "A request failed");
        }
        let fault = match &error {
            manager::Error::NotFound { what } => api::fault::not_found(what),
            other => api::fault::refused(&other.messages()),
        };
        Self::new(status, fault)
    }
}
