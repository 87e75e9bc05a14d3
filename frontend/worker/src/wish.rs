//! What the server is asked for: follows from what the person wants most, what this browser can
//! decode, and how the link does. Knows numbers only.

use crate::Preset;

/// How pictures are to be coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// As the server is set.
    Servers,
    /// Fast to decode.
    Fast,
    /// Small, and without loss.
    Small,
}

/// Which codecs of video come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Video {
    /// None of them, where the server agrees.
    None,
    /// Those that the graphics card decodes, then those that are easy.
    Easy,
    /// Those that need the least of the link.
    Small,
}

/// The server's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Pictures.
    pub pictures: Pictures,
    /// Video.
    pub video: Video,
}

/// What one second was like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Second {
    /// Bits received.
    pub bits: f64,
    /// How far the picture was behind, in milliseconds.
    pub lag_ms: f64,
    /// The part of the second that decoding took, from 0 to 1.
    pub decoding: f64,
}

/// Watches the link; changes its mind only after some seconds of the same weather.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    link: Link,
    /// Seconds in a row in which the link was too slow, or decoding.
    slow: u32,
    busy: u32,
    clear: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Link {
    /// Nothing is wrong.
    #[default]
    Good,
    /// It carries less than the server has.
    Slow,
    /// It carries more than we can decode.
    Busy,
}

impl Weather {
    const LATE_MS: f64 = 250.0;
    /// A link that carries this much is not slow.
    const FAST_BITS: f64 = 60e6;
    const BUSY: f64 = 0.85;
    /// After so many seconds of a slow link, or of too much to decode, or of neither.
    const SLOW: u32 = 4;
    const TOO_BUSY: u32 = 10;
    const CLEAR: u32 = 30;

    /// One second more.
    pub fn pass(&mut self, second: Second) {
        let slow =
            second.lag_ms > Self::LATE_MS && second.bits < Self::FAST_BITS && second.decoding < 0.5;
        let busy = second.decoding > Self::BUSY;
        let count = |count: u32, so: bool| if so { count + 1 } else { 0 };
        self.slow = count(self.slow, slow);
        self.busy = count(self.busy, busy);
        self.clear = count(self.clear, second.lag_ms < Self::LATE_MS / 2.0 && !busy);
        if self.slow >= Self::SLOW {
            self.link = Link::Slow;
        } else if self.busy >= Self::TOO_BUSY {
            self.link = Link::Busy;
        } else if self.clear >= Self::CLEAR && self.link == Link::Slow {
            // A server cannot be told to do as it did; what is easy to decode is what a good link
            // is best used for.
            self.link = Link::Busy;
        }
    }

    /// What to ask for.
    pub const fn wish(self, preset: Preset) -> Wish {
        let (pictures, video) = match preset {
            Preset::SharpText => (Pictures::Small, Video::None),
            Preset::Video => (Pictures::Fast, Video::Easy),
            Preset::LowBandwidth => (Pictures::Small, Video::Small),
            Preset::Balanced => match self.link {
                Link::Good => (Pictures::Servers, Video::Easy),
                Link::Slow => (Pictures::Small, Video::Small),
                Link::Busy => (Pictures::Fast, Video::Easy),
            },
        };
        Wish { pictures, video }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Second = Second {
        bits: 2e6,
        lag_ms: 800.0,
        decoding: 0.1,
    };
    const FINE: Second = Second {
        bits: 2e6,
        lag_ms: 5.0,
        decoding: 0.1,
    };

    fn after(weather: &mut Weather, second: Second, seconds: u32) -> Wish {
        (0..seconds).for_each(|_| weather.pass(second));
        weather.wish(Preset::Balanced)
    }

    #[test]
    fn a_good_link_leaves_pictures_to_the_server() {
        let wish = after(&mut Weather::default(), FINE, 100);
        assert_eq!(wish.pictures, Pictures::Servers);
        assert_eq!(wish.video, Video::Easy);
    }

    #[test]
    fn a_slow_link_asks_for_small_pictures_and_does_not_waver() {
        let mut weather = Weather::default();
        assert_eq!(after(&mut weather, SLOW, 3).pictures, Pictures::Servers);
        assert_eq!(after(&mut weather, SLOW, 1).pictures, Pictures::Small);
        assert_eq!(after(&mut weather, FINE, 20).pictures, Pictures::Small);
        after(&mut weather, SLOW, 1);
        assert_eq!(after(&mut weather, FINE, 29).pictures, Pictures::Small);
        assert_eq!(after(&mut weather, FINE, 1).pictures, Pictures::Fast);
    }

    #[test]
    fn too_much_to_decode_asks_for_what_decodes_fast() {
        let busy = Second {
            bits: 400e6,
            lag_ms: 300.0,
            decoding: 0.95,
        };
        let mut weather = Weather::default();
        assert_eq!(after(&mut weather, busy, 9).pictures, Pictures::Servers);
        assert_eq!(after(&mut weather, busy, 1).pictures, Pictures::Fast);
    }

    #[test]
    fn what_a_person_asks_for_is_asked_whatever_the_weather() {
        let mut weather = Weather::default();
        after(&mut weather, SLOW, 50);
        assert_eq!(weather.wish(Preset::SharpText).video, Video::None);
        assert_eq!(weather.wish(Preset::Video).video, Video::Easy);
        let least = weather.wish(Preset::LowBandwidth);
        assert_eq!(
            (least.pictures, least.video),
            (Pictures::Small, Video::Small)
        );
    }
}
