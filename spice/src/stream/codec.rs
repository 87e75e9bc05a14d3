//! The codecs of video streams: their numbers and names, and what of a frame can be told without
//! decoding it.

use crate::message::display::CAP_CODEC_MJPEG;
use crate::message::stream::{CAP_CODEC_H264, CAP_CODEC_H265, CAP_CODEC_VP8, CAP_CODEC_VP9};

/// SpiceVideoCodecType
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VideoCodec {
    /// A JPEG picture for each frame.
    Mjpeg,
    /// VP8.
    Vp8,
    /// H.264, as a byte stream with start codes.
    H264,
    /// VP9.
    Vp9,
    /// H.265, as a byte stream with start codes.
    H265,
}

impl VideoCodec {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mjpeg, Self::Vp8, Self::H264, Self::Vp9, Self::H265];

    /// The codec of that number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// The protocol's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Mjpeg => 1,
            Self::Vp8 => 2,
            Self::H264 => 3,
            Self::Vp9 => 4,
            Self::H265 => 5,
        }
    }

    /// Its name in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::Vp8 => "vp8",
            Self::H264 => "h264",
            Self::Vp9 => "vp9",
            Self::H265 => "h265",
        }
    }

    /// The display channel's capability that says we can decode it.
    pub const fn capability(self) -> u32 {
        match self {
            Self::Mjpeg => CAP_CODEC_MJPEG,
            Self::Vp8 => CAP_CODEC_VP8,
            Self::H264 => CAP_CODEC_H264,
            Self::Vp9 => CAP_CODEC_VP9,
            Self::H265 => CAP_CODEC_H265,
        }
    }

    /// Each frame is a picture by itself, so that any of them may be left out.
    pub const fn stands_alone(self) -> bool {
        matches!(self, Self::Mjpeg)
    }

    /// Decoding may begin with this frame.
    pub fn is_key_frame(self, data: &[u8]) -> bool {
        match self {
            Self::Mjpeg => true,
            // The lowest bit of a VP8 frame is clear in a key frame.
            Self::Vp8 => data.first().is_some_and(|first| first & 1 == 0),
            Self::Vp9 => is_vp9_key(data),
            Self::H264 => nal_units(data).any(|nal| nal.first().is_some_and(|b| b & 0x1f == 5)),
            // 16 to 21 are the pictures at which decoding may begin.
            Self::H265 => nal_units(data).any(|nal| {
                nal.first()
                    .is_some_and(|b| (16..=21).contains(&(b >> 1 & 0x3f)))
            }),
        }
    }
}

/// The frame marker (2 bits), profile (2 bits, and one more for profile 3), a bit for a frame shown
/// again, a bit for a frame that is no key frame.
fn is_vp9_key(data: &[u8]) -> bool {
    let Some(first) = data.first() else {
        return false;
    };
    let reserved = usize::from(first & 0x30 == 0x30);
    let bit = |index: usize| first >> (7 - index) & 1;
    first >> 6 == 2 && bit(4 + reserved) == 0 && bit(5 + reserved) == 0
}

/// Profile, constraints and level of an H.264 stream, from the parameters before a key frame: what
/// stands after `avc1.` in a codec's name.
pub fn h264_profile(data: &[u8]) -> Option<[u8; 3]> {
    nal_units(data).find_map(|nal| match nal {
        [header, profile, constraints, level, ..] if header & 0x1f == 7 => {
            Some([*profile, *constraints, *level])
        }
        _ => None,
    })
}

/// What lies behind each start code (00 00 01).
fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    core::iter::from_fn(move || {
        let at = rest.windows(3).position(|three| three == [0, 0, 1])?;
        rest = rest.get(at + 3..).unwrap_or_default();
        Some(rest)
    })
}
