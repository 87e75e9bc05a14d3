//! What must hold for whatever bytes a peer sends: one function for each parser and decoder, used by
//! the fuzz targets, by the corpus, and by mutations of it.
//!
//! All of them end, and none panics; what else must be so is asserted.

#![allow(dead_code, reason = "a fuzz target uses one of them")]

#[path = "oracles/conversation.rs"]
mod conversation;
#[path = "oracles/display.rs"]
mod display;

#[allow(unused_imports, reason = "a fuzz target uses one of them")]
pub use conversation::conversation;
#[allow(unused_imports, reason = "a fuzz target uses one of them")]
pub use display::{drawing, drawn, stream, streamed};

use spice::image::{CacheLimits, ImageContext, SUPPORTED, decode};
use spice::link::admission::{Hello, Welcome};
use spice::link::{
    Capabilities, ChannelType, HEADER_BYTES, LinkMessage, LinkReply, MAX_BODY_BYTES, read_header,
};
use spice::message::types::{Image, ImageType};
use spice::{Alpha, ChannelRef, Config, Event, Session};

/// Larger pictures are only slower to fuzz.
const MAX_AREA: u64 = 1 << 20;
/// Small, so that the limits are met.
const LIMITS: CacheLimits = CacheLimits {
    image_cache_bytes: 1 << 20,
    glz_window_pixels: 1 << 18,
};

/// Images one after the other with the same caches. For each there is the length of its message,
/// where in it the image is, and the message; others than of these kinds are passed over.
///
/// Gives how many were decoded, and the last of them.
pub fn images(data: &[u8], kinds: &[ImageType]) -> (usize, Option<std::sync::Arc<spice::Pixels>>) {
    let mut context = ImageContext::new(LIMITS);
    let mut decoded = 0;
    let mut last = None;
    for (message, offset) in records(data) {
        let Ok(image) = Image::at(message, offset) else {
            continue;
        };
        let descriptor = image.descriptor;
        let area = u64::from(descriptor.width) * u64::from(descriptor.height);
        if !kinds.contains(&descriptor.kind)
            || (area > MAX_AREA && spice::checked_area(descriptor.width, descriptor.height).is_ok())
        {
            continue;
        }
        let result = decode(image, &mut context);
        assert!(context.cached_bytes() <= LIMITS.image_cache_bytes + LIMITS.glz_window_pixels * 4);
        let Ok(picture) = result else { continue };
        assert!(SUPPORTED.contains(&descriptor.kind));
        assert_eq!(
            (picture.width, picture.height),
            (descriptor.width, descriptor.height)
        );
        assert_eq!(picture.data.len() as u64, area);
        if picture.alpha == Alpha::Opaque {
            assert!(picture.data.iter().all(|pixel| pixel[3] == 255));
        }
        decoded += 1;
        last = Some(picture);
    }
    (decoded, last)
}

/// Cuts up what [`images`] takes.
pub fn records(mut data: &[u8]) -> impl Iterator<Item = (&[u8], u32)> {
    std::iter::from_fn(move || {
        let (size, rest) = data.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<4>()?;
        let size = (u32::from_le_bytes(*size) as usize).min(rest.len());
        let (message, rest) = rest.split_at(size);
        data = rest;
        Some((message, u32::from_le_bytes(*offset)))
    })
}

/// Bitmaps, from the cache too.
pub fn bitmap(data: &[u8]) {
    images(
        data,
        &[
            ImageType::BITMAP,
            ImageType::FROM_CACHE,
            ImageType::FROM_CACHE_LOSSLESS,
        ],
    );
}

/// QUIC images.
pub fn quic(data: &[u8]) {
    images(data, &[ImageType::QUIC]);
}

/// LZ images, with palettes too.
pub fn lz(data: &[u8]) {
    images(data, &[ImageType::LZ_RGB, ImageType::LZ_PLT]);
}

/// LZ4 images.
pub fn lz4(data: &[u8]) {
    images(data, &[ImageType::LZ4]);
}

/// GLZ images that were deflated as well, alone: others would hide them from a fuzzer.
pub fn zlib_glz(data: &[u8]) {
    images(data, &[ImageType::ZLIB_GLZ_RGB]);
}

/// JPEG images with alpha, alone.
pub fn jpeg_alpha(data: &[u8]) {
    images(data, &[ImageType::JPEG_ALPHA]);
}

/// GLZ images, deflated ones too.
pub fn glz(data: &[u8]) {
    images(data, &[ImageType::GLZ_RGB, ImageType::ZLIB_GLZ_RGB]);
}

/// JPEG images, with alpha too, and as frames of a stream.
pub fn jpeg(data: &[u8]) {
    images(data, &[ImageType::JPEG, ImageType::JPEG_ALPHA]);
    let mut decoder = spice::image::jpeg::FrameDecoder::default();
    for (message, _) in records(data) {
        // What is in front of the picture is not the decoder's.
        let start = message
            .windows(2)
            .position(|marker| marker == [0xff, 0xd8])
            .unwrap_or(0);
        let frame = &message[start..];
        if declared_area(frame) <= MAX_AREA {
            let _ = decoder.decode(frame);
        }
    }
}

/// Roughly what a JPEG's header says it is; at worst too much.
fn declared_area(frame: &[u8]) -> u64 {
    let sizes = frame
        .windows(9)
        .filter(|marker| marker[0] == 0xff && marker[1] & 0xf0 == 0xc0);
    sizes
        .map(|marker| {
            let height = u64::from(u16::from_be_bytes([marker[5], marker[6]]));
            let width = u64::from(u16::from_be_bytes([marker[7], marker[8]]));
            width * height
        })
        .max()
        .unwrap_or(0)
}

/// The link stage from both ends, and the console's greeting. What can be read can be written, and
/// is then read as the same.
pub fn link(data: &[u8]) {
    if let Some(header) = data.first_chunk::<HEADER_BYTES>()
        && let Ok(size) = read_header(header)
    {
        assert!(size <= MAX_BODY_BYTES);
    }
    if let Ok(message) = LinkMessage::decode(data) {
        assert_eq!(
            LinkMessage::decode(&message.encode()[HEADER_BYTES..]),
            Ok(message)
        );
    }
    if let Ok(reply) = LinkReply::decode(data) {
        assert_eq!(
            LinkReply::decode(&reply.encode()[HEADER_BYTES..]),
            Ok(reply)
        );
    }
    if let Ok(hello) = Hello::decode(data) {
        assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
    }
    if let Ok(welcome) = Welcome::decode(data) {
        assert_eq!(Welcome::decode(&welcome.encode()), Ok(welcome));
    }
}

/// The channels whose bytes [`message`] understands, by the first byte of each piece.
const CHANNELS: [ChannelRef; 4] = [
    ChannelRef::MAIN,
    ChannelRef::DISPLAY,
    ChannelRef::INPUTS,
    ChannelRef::CURSOR,
];

/// A session's bytes: pieces of one byte for the channel, two for the length, and that many bytes
/// just as they come from a server.
pub fn message(data: &[u8]) {
    let mut session = Session::new(Config {
        caches: LIMITS,
        ..Config::default()
    });
    let common = Capabilities::of(&[Capabilities::MINI_HEADER]);
    for channel in CHANNELS {
        session.opened(channel, &common, &Capabilities::default(), 0);
    }
    let mut rest = data;
    let mut out = Vec::new();
    let mut damage = Vec::new();
    while let [channel, low, high, after @ ..] = rest {
        let size = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (piece, after) = after.split_at(size);
        rest = after;
        session.receive(CHANNELS[usize::from(*channel) % CHANNELS.len()], 0, piece);
        while let Some(event) = session.poll_event() {
            if let Event::OpenChannel { channel, .. } = event {
                assert!(channel.kind != ChannelType::MAIN || channel.id == 0);
            }
        }
        for channel in CHANNELS {
            out.clear();
            session.poll_transmit(channel, &mut out);
        }
        damage.clear();
        session.take_damage(&mut damage);
        let Some(screen) = session.screen() else {
            assert!(damage.is_empty());
            continue;
        };
        assert_eq!(
            screen.pixels.len() as u64,
            4 * u64::from(screen.width) * u64::from(screen.height)
        );
        for rect in &damage {
            assert!(rect.left >= 0 && rect.top >= 0 && !rect.is_empty());
            assert!(rect.right as u32 <= screen.width && rect.bottom as u32 <= screen.height);
        }
        // A screen of tens of millions of pixels is allowed, but slow to look through every time.
        if screen.pixels.len() as u64 <= 4 * MAX_AREA {
            assert!(screen.pixels.chunks_exact(4).all(|pixel| pixel[3] == 255));
        }
    }
}
