//! What the server is asked for, where it can be asked.

use super::Outgoing;
use crate::link::Capabilities;
use crate::message::stream::{
    CAP_PREF_COMPRESSION, CAP_PREF_VIDEO_CODEC_TYPE, ImageCompression, PREFERRED_COMPRESSION,
    PREFERRED_VIDEO_CODEC_TYPE,
};
use crate::stream::VideoCodec;

/// How pictures and video are best coded for this client, here and now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// How pictures are coded; `None` leaves it to the server.
    pub compression: Option<ImageCompression>,
    /// Codecs of video, the best first; none leaves it to the server.
    pub codecs: Vec<VideoCodec>,
}

/// Tells a display's server what changed between two preferences.
pub(crate) fn tell(
    before: &Preferences,
    now: &Preferences,
    server: &Capabilities,
    outgoing: &mut Outgoing,
) {
    if let Some(compression) = now.compression
        && before.compression != now.compression
        && server.has(CAP_PREF_COMPRESSION)
    {
        outgoing.message(PREFERRED_COMPRESSION, |writer| {
            writer.u8(compression.number());
        });
    }
    let count = u8::try_from(now.codecs.len()).unwrap_or(u8::MAX);
    if count > 0 && before.codecs != now.codecs && server.has(CAP_PREF_VIDEO_CODEC_TYPE) {
        outgoing.message(PREFERRED_VIDEO_CODEC_TYPE, |writer| {
            writer.u8(count);
            for codec in now.codecs.iter().take(count.into()) {
                writer.u8(codec.number());
            }
        });
    }
}
