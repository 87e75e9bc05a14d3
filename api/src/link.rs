//! `<link>`: where an object's sub-collections and actions are.

/// `<link href=.. rel=../>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The absolute path.
    pub href: String,
    /// What is there: the last segment of the path, as a rule.
    pub rel: String,
}

/// What comes with an object besides its own fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// `<actions>`: every action of the type, whatever the object's state (as oVirt does).
    pub actions: Vec<Link>,
    /// Links to the sub-collections that are not inline.
    pub links: Vec<Link>,
    /// `<creation_status>` of an object that is not there completely yet.
    pub creation_status: Option<CreationState>,
}

/// How far the making of an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationState {
    /// Done.
    Complete,
    /// Given up.
    Failed,
    /// Running.
    InProgress,
    /// Not begun.
    Pending,
}

impl CreationState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            CreationState::Complete => "complete",
            CreationState::Failed => "failed",
            CreationState::InProgress => "in_progress",
            CreationState::Pending => "pending",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [
            Self::Complete,
            Self::Failed,
            Self::InProgress,
            Self::Pending,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}
