//! What a person may want most of a picture.

/// What the picture is to be good at. It says what the server is asked for, where it can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// Every pixel exact: pictures are never coded with loss.
    SharpText,
    /// Follows the link: fast to decode where there is room, small where there is none.
    #[default]
    Balanced,
    /// Moving pictures first.
    Video,
    /// As few bytes as can be.
    LowBandwidth,
}

impl Preset {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 4] = [
        Self::SharpText,
        Self::Balanced,
        Self::Video,
        Self::LowBandwidth,
    ];

    /// One word, for settings and scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SharpText => "sharp-text",
            Self::Balanced => "balanced",
            Self::Video => "video",
            Self::LowBandwidth => "low-bandwidth",
        }
    }

    /// The preset of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }
}
