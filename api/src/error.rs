//! Why a document cannot be taken: what was being read, and where.

use std::fmt;

use crate::types::Fault;

/// A document that cannot be read as the type that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not XML or JSON at all, or XML with a document type.
    Malformed(String),
    /// Longer, deeper or with more elements than is taken.
    TooLarge(&'static str),
    /// The root element is another one.
    Root {
        /// The tag that would have been right.
        expected: &'static str,
        /// The tag that was there.
        found: String,
    },
    /// A word where there should be a number, and the like.
    Value {
        /// Names of the elements down to the one with the value.
        path: String,
        /// What should be there: `integer`, `boolean`, …
        expected: &'static str,
        /// What was there, cut to a readable length.
        found: String,
    },
    /// A word that the enum does not have.
    EnumValue {
        /// Names of the elements down to the one with the value.
        path: String,
        /// The enum's name in the model.
        expected: &'static str,
        /// What was there, cut to a readable length.
        found: String,
    },
}

impl Error {
    /// The fault that the API answers with.
    pub fn fault(&self) -> Fault {
        let reason = match self {
            Error::Malformed(_) | Error::TooLarge(_) | Error::Root { .. } => {
                "Request syntactically incorrect."
            }
            Error::Value { .. } => "Invalid value",
            Error::EnumValue { .. } => "Invalid Enum value",
        };
        crate::fault::fault(reason, self.to_string())
    }

    /// The same error, one element further out.
    pub(crate) fn within(mut self, tag: &str) -> Self {
        if let Error::Value { path, .. } | Error::EnumValue { path, .. } = &mut self {
            if path.is_empty() {
                *path = tag.to_string();
            } else {
                *path = format!("{tag}.{path}");
            }
        }
        self
    }

    pub(crate) fn value(expected: &'static str, found: &str) -> Self {
        Error::Value {
            path: String::new(),
            expected,
            found: shorten(found),
        }
    }

    pub(crate) fn enum_value(expected: &'static str, found: &str) -> Self {
        Error::EnumValue {
            path: String::new(),
            expected,
            found: shorten(found),
        }
    }
}

/// What a peer sent goes back only so far.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Malformed(why) => write!(f, "The document cannot be read: {why}."),
            Error::TooLarge(what) => write!(f, "The document has too many {what}."),
            Error::Root { expected, found } => {
                write!(
                    f,
                    "The document should be <{expected}>, but it is <{found}>."
                )
            }
            Error::Value {
                path,
                expected,
                found,
            } => {
                write!(f, "The value '{found}' of '{path}' is no valid {expected}.")
            }
            Error::EnumValue {
                path,
                expected,
                found,
            } => {
                write!(
                    f,
                    "The value '{found}' of '{path}' is no valid value of {expected}."
                )
            }
        }
    }
}

impl std::error::Error for Error {}
