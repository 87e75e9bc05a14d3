//! What a session has seen and done, counted: for the person who looks at the console's figures,
//! and for tests.

use std::collections::BTreeMap;

use crate::link::ChannelType;
use crate::message::display;
use crate::message::stream::STREAM_ACTIVATE_REPORT;
use crate::message::types::ImageType;
use crate::stream::VideoCodec;

/// Counters of one session. They only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes received on all channels.
    pub bytes_received: u64,
    /// Bytes sent on all channels.
    pub bytes_sent: u64,
    /// Messages received on all channels.
    pub messages_received: u64,
    /// Messages sent on all channels.
    pub messages_sent: u64,
    /// Messages received, by channel and number. Past [`Self::MAX_KINDS`] new ones are not listed.
    pub messages: BTreeMap<(ChannelType, u16), u64>,
    /// Pictures decoded or found in the cache, by kind.
    pub images: BTreeMap<ImageType, u64>,
    /// Drawing operations done.
    pub draws: u64,
    /// Frames of video streams received.
    pub stream_received: u64,
    /// Frames of video streams drawn.
    pub stream_frames: u64,
    /// Frames of video streams that were not drawn.
    pub stream_dropped: u64,
    /// How the last frame was coded.
    pub codec: Option<VideoCodec>,
    /// Messages that could not be read or done.
    pub problems: u64,
    /// The same by [`crate::Error::kind`], and `video` for frames that could not be decoded.
    pub errors: BTreeMap<&'static str, u64>,
    /// Acknowledgements sent.
    pub acks: u64,
    /// When the last bytes came, in microseconds of the caller's clock.
    pub last_received_us: u64,
}

impl Statistics {
    /// The most kinds of message told apart.
    pub const MAX_KINDS: usize = 256;

    pub(crate) fn message(&mut self, channel: ChannelType, kind: u16) {
        self.messages_received += 1;
        if self.messages.len() < Self::MAX_KINDS || self.messages.contains_key(&(channel, kind)) {
            *self.messages.entry((channel, kind)).or_default() += 1;
        }
    }

    /// Something could not be read or done.
    pub(crate) fn error(&mut self, kind: &'static str) {
        self.problems += 1;
        *self.errors.entry(kind).or_default() += 1;
    }

    /// Display messages by name, in the order of their numbers.
    pub fn display_messages(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.messages
            .iter()
            .filter(|((channel, _), _)| *channel == ChannelType::DISPLAY)
            .map(|((_, kind), count)| (display_message_name(*kind), *count))
    }

    /// Pictures by kind, by name.
    pub fn images_by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.images
            .iter()
            .map(|(kind, count)| (image_type_name(*kind), *count))
    }
}

/// A message of the display channel, in small letters; those that every channel has are `common`.
fn display_message_name(kind: u16) -> &'static str {
    match kind {
        0..=100 => "common",
        display::MODE => "mode",
        display::MARK => "mark",
        display::RESET => "reset",
        display::COPY_BITS => "copy_bits",
        display::INVAL_LIST => "inval_list",
        display::INVAL_ALL_PIXMAPS => "inval_all_pixmaps",
        display::INVAL_PALETTE => "inval_palette",
        display::INVAL_ALL_PALETTES => "inval_all_palettes",
        display::STREAM_CREATE => "stream_create",
        display::STREAM_DATA => "stream_data",
        display::STREAM_CLIP => "stream_clip",
        display::STREAM_DESTROY => "stream_destroy",
        display::STREAM_DESTROY_ALL => "stream_destroy_all",
        display::DRAW_FILL => "draw_fill",
        display::DRAW_OPAQUE => "draw_opaque",
        display::DRAW_COPY => "draw_copy",
        display::DRAW_BLEND => "draw_blend",
        display::DRAW_BLACKNESS => "draw_blackness",
        display::DRAW_WHITENESS => "draw_whiteness",
        display::DRAW_INVERS => "draw_invers",
        display::DRAW_ROP3 => "draw_rop3",
        display::DRAW_STROKE => "draw_stroke",
        display::DRAW_TEXT => "draw_text",
        display::DRAW_TRANSPARENT => "draw_transparent",
        display::DRAW_ALPHA_BLEND => "draw_alpha_blend",
        display::SURFACE_CREATE => "surface_create",
        display::SURFACE_DESTROY => "surface_destroy",
        display::STREAM_DATA_SIZED => "stream_data_sized",
        display::MONITORS_CONFIG => "monitors_config",
        display::DRAW_COMPOSITE => "draw_composite",
        STREAM_ACTIVATE_REPORT => "stream_activate_report",
        _ => "unknown",
    }
}

/// A kind of picture, in small letters.
fn image_type_name(kind: ImageType) -> &'static str {
    match kind {
        ImageType::BITMAP => "bitmap",
        ImageType::QUIC => "quic",
        ImageType::LZ_PLT => "lz_plt",
        ImageType::LZ_RGB => "lz_rgb",
        ImageType::GLZ_RGB => "glz_rgb",
        ImageType::FROM_CACHE => "from_cache",
        ImageType::SURFACE => "surface",
        ImageType::JPEG => "jpeg",
        ImageType::FROM_CACHE_LOSSLESS => "from_cache_lossless",
        ImageType::ZLIB_GLZ_RGB => "zlib_glz_rgb",
        ImageType::JPEG_ALPHA => "jpeg_alpha",
        ImageType::LZ4 => "lz4",
        _ => "unknown",
    }
}
