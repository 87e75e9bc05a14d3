//! Video: the decoders of the browser, one for each stream, and the pictures that wait to be shown.
//!
//! ```text
//! coded frame ──▶ decoder ──▶ ready (two a stream) ──▶ copied ──▶ the session's surface
//!                 beside us        at an animation frame, or at once when nothing was shown of late
//! ```
//!
//! Measured in Chromium without a graphics card: copying a picture into our memory and from there to
//! the canvas takes 0.7 ms at 720p and 1.6 ms at 1080p; drawing it on the canvas as a picture takes
//! 2.6 ms and 4.8 ms, and then what reads it must still fetch it. So all are copied.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use console_worker::Decoder as Who;
use spice::{Alpha, CodedFrame, Pixels, Session, VideoCodec};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::OffscreenCanvas;

use crate::console::Step;
use crate::webcodecs::{self, VideoDecoder, VideoFrame};
use crate::{clock, paint, step};

/// What this browser decodes.
#[derive(Debug, Clone, Default)]
pub struct Able {
    /// Codecs, and whether the graphics card has them.
    pub codecs: Vec<(VideoCodec, bool)>,
}

impl Able {
    /// Asks the browser.
    pub async fn ask() -> Self {
        let mut codecs = Vec::new();
        if webcodecs::has("ImageDecoder") && webcodecs::has("VideoFrame") {
            codecs.push((VideoCodec::Mjpeg, false));
        }
        if webcodecs::has("VideoDecoder") {
            for codec in VideoCodec::ALL {
                let asked = match codec {
                    VideoCodec::H264 => Some(H264_FULL_COLOUR.to_owned()),
                    codec => name_of(codec, &[]),
                };
                if let Some(name) = asked
                    && VideoDecoder::supports(&name, false).await
                {
                    codecs.push((codec, VideoDecoder::supports(&name, true).await));
                }
            }
        }
        Self { codecs }
    }

    /// Who decodes frames of that codec.
    pub fn who(&self, codec: VideoCodec) -> Who {
        match self.codecs.iter().find(|(able, _)| *able == codec) {
            Some((_, true)) => Who::Hardware,
            Some((_, false)) => Who::Software,
            None => Who::Wasm,
        }
    }
}

/// The H.264 that libspice-server makes: its encoder is given pictures with all of their colours
/// (High 4:4:4 Predictive), which not every decoder of H.264 knows; Firefox's does not.
const H264_FULL_COLOUR: &str = "avc1.f4001f";

/// A codec as the browser names it; for H.264 with what the key frame tells.
fn name_of(codec: VideoCodec, key_frame: &[u8]) -> Option<String> {
    Some(match codec {
        VideoCodec::Mjpeg => return None,
        VideoCodec::Vp8 => "vp8".to_owned(),
        VideoCodec::Vp9 => "vp09.00.41.08".to_owned(),
        VideoCodec::H264 => {
            // Constrained baseline, level 3.1, unless it says otherwise.
            let [profile, constraints, level] =
                spice::stream::h264_profile(key_frame).unwrap_or([0x42, 0xc0, 0x1f]);
            format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
        }
        VideoCodec::H265 => "hev1.1.6.L123.B0".to_owned(),
    })
}

/// A decoder and its callbacks.
struct Decoder {
    decoder: VideoDecoder,
    codec: VideoCodec,
    /// Frames in it: number and when they went in.
    inside: VecDeque<(u64, f64)>,
    _output: Closure<dyn FnMut(VideoFrame)>,
    _error: Closure<dyn FnMut(JsValue)>,
}

/// A decoded picture.
struct Ready {
    stream: u64,
    frame: u64,
    image: VideoFrame,
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.image.close();
    }
}

/// Buffers for pictures, used again and again.
type Pool = Rc<RefCell<Vec<Pixels>>>;

/// See the file's head.
#[derive(Default)]
pub struct Player {
    decoders: BTreeMap<u64, Decoder>,
    /// Closed decoders whose callback may be running; dropped at the next step.
    closed: Vec<Decoder>,
    /// When MJPEG frames were begun.
    stills: BTreeMap<u64, f64>,
    ready: VecDeque<Ready>,
    copying: usize,
    pool: Pool,
    /// The stream whose decoder gave up, when, and how it is coded.
    failed: Option<(u64, f64, VideoCodec)>,
    /// The session waits for pictures: show each as soon as it is there.
    pub hurry: bool,
    /// From frame to picture, in milliseconds, smoothed.
    pub frame_ms: Option<f64>,
}

/// Pictures of a stream that wait to be shown: one more than is shown next, so that a picture that
/// comes a little early is not lost.
const MAX_READY: usize = 2;
/// More streams at once have no decoder.
const MAX_DECODERS: usize = 16;
/// A decoder that has not answered for so long is made anew.
const STUCK_MS: f64 = 1000.0;
/// A key frame is waited for so long.
const STILL_MS: f64 = 1500.0;

impl Player {
    /// Decodes a frame.
    pub fn frame(&mut self, coded: CodedFrame, session: &mut Session) {
        let now = clock::now_ms();
        let frame = coded.frame;
        if coded.codec == VideoCodec::Mjpeg {
            self.stills.insert(frame, now);
            spawn_local(async move {
                let decoded = webcodecs::decode_jpeg(&coded.data).await;
                step(match decoded {
                    Ok(image) => Step::Decoded {
                        stream: coded.stream,
                        frame,
                        image,
                    },
                    Err(_) => Step::Undecodable(frame),
                });
            });
            return;
        }
        let stream = coded.stream;
        let stuck = self
            .decoders
            .get(&stream)
            .and_then(|decoder| decoder.inside.front())
            .is_some_and(|(_, since)| now - since > STUCK_MS);
        if stuck && coded.key {
            self.broken(stream, session);
        }
        if !self.decoders.contains_key(&stream) {
            match (coded.key && self.decoders.len() < MAX_DECODERS).then(|| make(&coded)) {
                Some(Ok(decoder)) => {
                    self.decoders.insert(stream, decoder);
                }
                _ => return session.video_failed(frame),
            }
        }
        if self.failed.is_some_and(|(failed, ..)| failed == stream) {
            // It goes on with a key frame.
            self.failed = None;
        }
        let Some(decoder) = self.decoders.get_mut(&stream) else {
            return;
        };
        decoder.inside.push_back((frame, now));
        let pushed = decoder.decoder.push(&coded.data, coded.key, frame as f64);
        if pushed.is_err() {
            self.broken(stream, session);
        }
    }

    /// A picture came out of a decoder.
    pub fn decoded(&mut self, stream: u64, frame: u64, image: VideoFrame, session: &mut Session) {
        let now = clock::now_ms();
        let since = match self.decoders.get_mut(&stream) {
            Some(decoder) => {
                let mut since = None;
                // Frames before it that gave no picture are over.
                while let Some((inside, began)) = decoder.inside.front().copied()
                    && inside <= frame
                {
                    decoder.inside.pop_front();
                    since = Some(began);
                }
                since
            }
            None => self.stills.remove(&frame),
        };
        if let Some(since) = since {
            let took = now - since;
            let before = self.frame_ms.unwrap_or(took);
            self.frame_ms = Some(before + (took - before) / 16.0);
        }
        let newer = |ready: &Ready| ready.stream == stream && ready.frame > frame;
        self.ready.push_back(Ready {
            stream,
            frame,
            image,
        });
        if self.ready.iter().any(newer) {
            // Stills may come back in any order.
            self.drop_ready(frame, session);
        }
        let of_stream = |ready: &&Ready| ready.stream == stream;
        while self.ready.iter().filter(of_stream).count() > MAX_READY {
            let oldest = self.ready.iter().find(of_stream);
            let Some(oldest) = oldest.map(|ready| ready.frame) else {
                break;
            };
            self.drop_ready(oldest, session);
        }
    }

    fn drop_ready(&mut self, frame: u64, session: &mut Session) {
        self.ready.retain(|ready| ready.frame != frame);
        session.video_dropped(frame);
    }

    /// A still could not be decoded.
    pub fn undecodable(&mut self, frame: u64, session: &mut Session) {
        self.stills.remove(&frame);
        session.video_failed(frame);
    }

    /// A stream's decoder is broken: its frames are lost, and the next key frame gets a new one.
    pub fn broken(&mut self, stream: u64, session: &mut Session) {
        if let Some(decoder) = self.take(stream) {
            self.failed = Some((stream, clock::now_ms(), decoder.codec));
            let mut lost = decoder.inside.iter();
            if let Some((first, _)) = lost.next() {
                session.video_failed(*first);
            }
            lost.for_each(|(frame, _)| session.video_dropped(*frame));
            self.closed.push(decoder);
        }
    }

    /// The codec of a stream that stands still since its decoder gave up: SPICE clients cannot ask
    /// for a key frame, and servers make none of themselves.
    pub fn stands_still(&self) -> Option<VideoCodec> {
        let (_, since, codec) = self.failed?;
        (clock::now_ms() - since > STILL_MS).then_some(codec)
    }

    /// Takes a decoder out and closes it.
    fn take(&mut self, stream: u64) -> Option<Decoder> {
        let decoder = self.decoders.remove(&stream)?;
        // One that is broken is closed already.
        let _ = decoder.decoder.end();
        Some(decoder)
    }

    /// No callback is running.
    pub fn tidy(&mut self) {
        self.closed.clear();
    }

    /// No more frames of a stream will come: those inside come out, then the decoder goes.
    pub fn ended(&mut self, stream: u64) {
        if self.failed.is_some_and(|(failed, ..)| failed == stream) {
            self.failed = None;
        }
        let Some(decoder) = self.decoders.get(&stream) else {
            return;
        };
        let flushed = decoder.decoder.flush();
        spawn_local(async move {
            if let Ok(flushed) = flushed {
                // Broken or not, it is over.
                let _ = JsFuture::from(flushed).await;
            }
            step(Step::Flushed(stream));
        });
    }

    /// A decoder that was ended has given all it had.
    pub fn flushed(&mut self, stream: u64, session: &mut Session) {
        if let Some(decoder) = self.take(stream) {
            for (frame, _) in &decoder.inside {
                session.video_dropped(*frame);
            }
            self.closed.push(decoder);
        }
    }

    /// Pictures wait to be shown.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Pictures are on their way to the session.
    pub const fn is_copying(&self) -> bool {
        self.copying > 0
    }

    /// Shows one picture of each stream, or in a hurry all there are. [`Step::Copied`] follows.
    pub fn show(&mut self) {
        let mut shown: Vec<u64> = Vec::new();
        let mut index = 0;
        while let Some(ready) = self.ready.get(index) {
            if shown.contains(&ready.stream) && !self.hurry {
                index += 1;
                continue;
            }
            shown.push(ready.stream);
            if let Some(ready) = self.ready.remove(index) {
                self.copying += 1;
                let buffer = self.pool.borrow_mut().pop();
                spawn_local(async move {
                    let frame = ready.frame;
                    let picture = copy(&ready.image, buffer).await.ok();
                    drop(ready);
                    step(Step::Copied { frame, picture });
                });
            }
        }
    }

    /// A picture is in our memory.
    pub fn copied(&mut self, frame: u64, picture: Option<Pixels>, session: &mut Session) {
        self.copying -= 1;
        match picture {
            Some(picture) => {
                session.video_decoded(frame, &picture);
                let mut pool = self.pool.borrow_mut();
                if pool.len() < MAX_READY {
                    pool.push(picture);
                }
            }
            None => session.video_failed(frame),
        }
    }

    /// The session is gone; what still comes out of decoders is nobody's.
    pub fn forget_all(&mut self) {
        while let Some(stream) = self.decoders.keys().next().copied() {
            let decoder = self.take(stream);
            self.closed.extend(decoder);
        }
        self.stills.clear();
        self.failed = None;
        self.ready.clear();
        self.hurry = false;
    }
}

fn make(coded: &CodedFrame) -> Result<Decoder, JsValue> {
    let stream = coded.stream;
    let name = name_of(coded.codec, &coded.data).ok_or(JsValue::NULL)?;
    let output = Closure::<dyn FnMut(VideoFrame)>::new(move |image: VideoFrame| {
        let frame = image.timestamp() as u64;
        step(Step::Decoded {
            stream,
            frame,
            image,
        });
    });
    let error = Closure::<dyn FnMut(JsValue)>::new(move |_| step(Step::Broken(stream)));
    let decoder = VideoDecoder::make(
        &name,
        output.as_ref().unchecked_ref(),
        error.as_ref().unchecked_ref(),
    )?;
    Ok(Decoder {
        decoder,
        codec: coded.codec,
        inside: VecDeque::new(),
        _output: output,
        _error: error,
    })
}

/// The picture's pixels, in `buffer` if that is of use.
async fn copy(image: &VideoFrame, buffer: Option<Pixels>) -> Result<Pixels, JsValue> {
    let (width, height) = image.size().ok_or(JsValue::NULL)?;
    let area = spice::checked_area(width, height).map_err(|_| JsValue::NULL)?;
    let mut data = buffer.map(|buffer| buffer.data).unwrap_or_default();
    data.resize(area, [0; 4]);
    if image.copies_as_rgba(width, height) {
        image.copy(data.as_flattened_mut()).await?;
    } else {
        // Through a canvas, where the browser cannot convert otherwise.
        let canvas = OffscreenCanvas::new(width, height)?;
        paint::read(&canvas, image, data.as_flattened_mut())?;
    }
    Pixels::new(width, height, Alpha::Opaque, data).map_err(|_| JsValue::NULL)
}
