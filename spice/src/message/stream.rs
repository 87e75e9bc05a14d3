//! Messages of the display channel about video streams and about what the client prefers. Streams'
//! own messages (create, data, clip …) are in [`super::display`].

use crate::Error;
use crate::wire::{Reader, Writer};

/// SPICE_MSG_DISPLAY_STREAM_ACTIVATE_REPORT
pub const STREAM_ACTIVATE_REPORT: u16 = 319;

/// SPICE_MSGC_DISPLAY_STREAM_REPORT
pub const STREAM_REPORT: u16 = 102;
/// SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION
pub const PREFERRED_COMPRESSION: u16 = 103;
/// SPICE_MSGC_DISPLAY_PREFERRED_VIDEO_CODEC_TYPE
pub const PREFERRED_VIDEO_CODEC_TYPE: u16 = 105;

/// SPICE_DISPLAY_CAP_STREAM_REPORT
pub const CAP_STREAM_REPORT: u32 = 4;
/// SPICE_DISPLAY_CAP_PREF_COMPRESSION
pub const CAP_PREF_COMPRESSION: u32 = 6;
/// SPICE_DISPLAY_CAP_CODEC_VP8
pub const CAP_CODEC_VP8: u32 = 10;
/// SPICE_DISPLAY_CAP_CODEC_H264
pub const CAP_CODEC_H264: u32 = 11;
/// SPICE_DISPLAY_CAP_PREF_VIDEO_CODEC_TYPE
pub const CAP_PREF_VIDEO_CODEC_TYPE: u32 = 12;
/// SPICE_DISPLAY_CAP_CODEC_VP9
pub const CAP_CODEC_VP9: u32 = 13;
/// SPICE_DISPLAY_CAP_CODEC_H265
pub const CAP_CODEC_H265: u32 = 14;

/// SPICE_MSG_DISPLAY_STREAM_ACTIVATE_REPORT: the server wants to know how a stream's frames fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivateReport {
    /// Which stream.
    pub stream: u32,
    /// Names this use of the stream's number; reports carry it.
    pub unique_id: u32,
    /// A report is due after so many frames …
    pub max_window: u32,
    /// … or after so many milliseconds.
    pub timeout_ms: u32,
}

impl ActivateReport {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            stream: reader.u32("stream report")?,
            unique_id: reader.u32("stream report")?,
            max_window: reader.u32("stream report")?,
            timeout_ms: reader.u32("stream report")?,
        })
    }
}

/// SPICE_MSGC_DISPLAY_STREAM_REPORT: how a stream's frames fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// Which stream.
    pub stream: u32,
    /// From the [`ActivateReport`].
    pub unique_id: u32,
    /// Multimedia time of the first frame the report is about.
    pub start_time: u32,
    /// And of the last.
    pub end_time: u32,
    /// How many frames came.
    pub frames: u32,
    /// How many of them were not shown.
    pub drops: u32,
    /// How many milliseconds before its time the last frame came; negative: after it.
    pub last_delay: i32,
    /// Milliseconds of sound that wait to be played; [`Self::NO_AUDIO`] without sound.
    pub audio_delay: u32,
}

impl StreamReport {
    /// There is no sound to keep to.
    pub const NO_AUDIO: u32 = u32::MAX;

    /// Writes one.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.stream).u32(self.unique_id);
        writer.u32(self.start_time).u32(self.end_time);
        writer.u32(self.frames).u32(self.drops);
        writer.i32(self.last_delay).u32(self.audio_delay);
    }
}

/// SpiceImageCompression: how the server may code pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageCompression {
    /// Not at all.
    Off,
    /// Photographs with QUIC, others with GLZ.
    AutoGlz,
    /// Photographs with QUIC, others with LZ.
    AutoLz,
    /// With QUIC.
    Quic,
    /// With GLZ, which refers to earlier pictures.
    Glz,
    /// With LZ.
    Lz,
    /// With LZ4: fastest, and largest.
    Lz4,
}

impl ImageCompression {
    /// The protocol's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Off => 1,
            Self::AutoGlz => 2,
            Self::AutoLz => 3,
            Self::Quic => 4,
            Self::Glz => 5,
            Self::Lz => 6,
            Self::Lz4 => 7,
        }
    }

    /// Its name, as SPICE servers' settings have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::AutoGlz => "auto_glz",
            Self::AutoLz => "auto_lz",
            Self::Quic => "quic",
            Self::Glz => "glz",
            Self::Lz => "lz",
            Self::Lz4 => "lz4",
        }
    }
}
