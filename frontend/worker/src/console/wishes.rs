//! What servers are asked for: a wish, in terms of this browser and of SPICE.

use console_worker::wish::{Pictures, Video, Wish};
use spice::{ImageCompression, Preferences, VideoCodec};

use super::Console;

impl Console {
    /// What a wish comes to in this browser.
    pub(super) fn preferences(&self, wish: Wish) -> Preferences {
        let compression = match wish.pictures {
            Pictures::Servers => None,
            Pictures::Fast => Some(ImageCompression::Lz4),
            Pictures::Small => Some(ImageCompression::AutoGlz),
        };
        let mut codecs: Vec<(VideoCodec, bool)> = match wish.video {
            Video::None => Vec::new(),
            Video::Easy | Video::Small => self.able.clone().unwrap_or_default().codecs,
        };
        if !codecs.is_empty() && !codecs.iter().any(|(codec, _)| *codec == VideoCodec::Mjpeg) {
            codecs.push((VideoCodec::Mjpeg, false));
        }
        let effort = |codec: VideoCodec| match codec {
            // Half the work of VP8 for hosts too: 52 frames a second at 1080p beside 30.
            VideoCodec::H264 => 0,
            VideoCodec::Vp8 => 1,
            VideoCodec::Vp9 => 2,
            VideoCodec::H265 => 3,
            VideoCodec::Mjpeg => 4,
        };
        match wish.video {
            // VP9 and H.265 are smaller still, but hosts without an encoder in hardware make a few
            // frames a second of them.
            Video::Small => codecs.sort_by_key(|(codec, _)| match codec {
                VideoCodec::H264 => 0,
                VideoCodec::Vp8 => 1,
                VideoCodec::Vp9 => 2,
                VideoCodec::H265 => 3,
                VideoCodec::Mjpeg => 4,
            }),
            _ => codecs.sort_by_key(|(codec, hardware)| (!hardware, effort(*codec))),
        }
        Preferences {
            compression,
            codecs: codecs.into_iter().map(|(codec, _)| codec).collect(),
        }
    }

    pub(super) fn tell_wish(&mut self) {
        let wish = self.weather.wish(self.figures.own.preset);
        let preferences = self.preferences(wish);
        let mut words = Vec::from_iter(preferences.compression.map(ImageCompression::name));
        words.extend(preferences.codecs.iter().map(|codec| codec.name()));
        self.figures.own.preferences = words.join(" ");
        if let Some(session) = &mut self.session {
            session.allow_video(wish.video != Video::None);
            session.set_preferences(preferences);
        }
    }
}
