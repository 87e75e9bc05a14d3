//! The figures of a console and their form on the wire between worker and page.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use crate::Preset;
use crate::message::{Fields, list};

/// Figures of one console since its worker began, over all its connections; what the statistics
/// overlay, scripts and tests read.
///
/// Moments are milliseconds since [`Self::time_origin_ms`]; lengths of time are milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// `performance.timeOrigin` of the worker: milliseconds since 1970.
    pub time_origin_ms: f64,
    /// Display messages dealt with, by name (`draw_copy`, `stream_data` …); never zero.
    pub messages: Vec<(String, f64)>,
    /// Their sum.
    pub display_messages: f64,
    /// Pictures dealt with, by image type (`quic`, `lz_rgb` …); never zero.
    pub images: Vec<(String, f64)>,
    /// Frames of video streams.
    pub stream_frames: StreamFrames,
    /// Animation frames in which something was painted.
    pub frames_painted: f64,
    /// When the main channel of the present connection was linked.
    pub connect_ms: Option<f64>,
    /// When the first picture of the present connection was painted.
    pub first_paint_ms: Option<f64>,
    /// When something was painted last.
    pub last_paint_ms: Option<f64>,
    /// How far the picture is behind what the server has sent; while nothing comes, the round trip.
    pub lag_ms: Option<f64>,
    /// To the gateway and back, with nothing in the way.
    pub round_trip_ms: Option<f64>,
    /// Bytes from the gateway.
    pub bytes_received: f64,
    /// Bytes to the gateway.
    pub bytes_sent: f64,
    /// Over about the last second.
    pub bits_per_second: f64,
    /// Time spent decoding and drawing, without what the browser decodes beside us.
    pub decode_ms: f64,
    /// Time spent painting.
    pub paint_ms: f64,
    /// From a coded video frame to its picture, of late; also what the browser decodes beside us.
    pub frame_ms: Option<f64>,
    /// The codec of the last video frame (`mjpeg`, `vp8` …).
    pub codec: Option<String>,
    /// Who decoded it.
    pub decoder: Option<Decoder>,
    /// The channels of the present connection.
    pub channels: Vec<ChannelFigures>,
    /// How the guest's monitors lie on its screen.
    pub monitors: Vec<MonitorFigures>,
    /// Surfaces the guest keeps.
    pub surfaces: f64,
    /// Memory of the image cache, in bytes.
    pub image_cache_bytes: f64,
    /// Messages and frames that could not be read or done; the session went on.
    pub errors: f64,
    /// The same by kind (`truncated`, `invalid`, `limit`, `unsupported`, `missing`, `video`).
    pub errors_by_kind: Vec<(String, f64)>,
    /// What went wrong last, in words; empty when nothing did.
    pub last_error: String,
    /// Times the connection was made.
    pub connections: f64,
    /// What the person asked for.
    pub preset: Preset,
    /// What the server was asked for last, in words of the protocol (`lz4 vp8 mjpeg`); empty
    /// when all is left to it.
    pub preferences: String,
}

/// What became of the frames of video streams.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StreamFrames {
    /// Came from the server.
    pub received: f64,
    /// Were put into the picture.
    pub shown: f64,
    /// Were not: too late, not readable, or without a key frame before them.
    pub dropped: f64,
}

/// Who decodes video frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// The graphics card, by way of the browser.
    Hardware,
    /// The browser's own code.
    Software,
    /// The console's own code.
    Wasm,
}

impl Decoder {
    const ALL: [Self; 3] = [Self::Hardware, Self::Software, Self::Wasm];

    /// `hardware`, `software` or `wasm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Software => "software",
            Self::Wasm => "wasm",
        }
    }
}

/// One channel of the present connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelFigures {
    /// `main 0`, `display 0` …
    pub name: String,
    /// Bytes received.
    pub bytes: f64,
    /// SPICE messages received.
    pub messages: f64,
    /// `connecting`, `linking` or `open`.
    pub state: String,
}

/// One monitor of the guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonitorFigures {
    /// Its number.
    pub id: u32,
    /// Its left edge on the guest's screen.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

fn counts(counts: &[(String, f64)]) -> JsValue {
    counts
        .iter()
        .flat_map(|(name, count)| [JsValue::from(name.as_str()), JsValue::from(*count)])
        .collect::<Array>()
        .into()
}

fn maybe(number: Option<f64>) -> JsValue {
    number.map_or(JsValue::NULL, JsValue::from)
}

impl Fields {
    fn counts(&mut self) -> Option<Vec<(String, f64)>> {
        let mut fields = self.list()?;
        let mut counts = Vec::new();
        while fields.more() {
            counts.push((fields.text()?, fields.number()?));
        }
        Some(counts)
    }

    fn channels(&mut self) -> Option<Vec<ChannelFigures>> {
        let mut fields = self.list()?;
        let mut channels = Vec::new();
        while fields.more() {
            channels.push(ChannelFigures {
                name: fields.text()?,
                bytes: fields.number()?,
                messages: fields.number()?,
                state: fields.text()?,
            });
        }
        Some(channels)
    }

    fn monitors(&mut self) -> Option<Vec<MonitorFigures>> {
        let mut fields = self.list()?;
        let mut monitors = Vec::new();
        while fields.more() {
            monitors.push(MonitorFigures {
                id: fields.number()? as u32,
                x: fields.number()? as u32,
                y: fields.number()? as u32,
                width: fields.number()? as u32,
                height: fields.number()? as u32,
            });
        }
        Some(monitors)
    }

    fn list(&mut self) -> Option<Self> {
        self.value().dyn_into::<Array>().ok().map(Self::new)
    }
}

impl Statistics {
    pub(crate) fn fields(&self) -> Vec<JsValue> {
        let channels = self.channels.iter().flat_map(|channel| {
            [
                JsValue::from(channel.name.as_str()),
                channel.bytes.into(),
                channel.messages.into(),
                channel.state.as_str().into(),
            ]
        });
        let monitors = self.monitors.iter().flat_map(|monitor| {
            [
                JsValue::from(monitor.id),
                monitor.x.into(),
                monitor.y.into(),
                monitor.width.into(),
                monitor.height.into(),
            ]
        });
        vec![
            self.time_origin_ms.into(),
            counts(&self.messages),
            self.display_messages.into(),
            counts(&self.images),
            self.stream_frames.received.into(),
            self.stream_frames.shown.into(),
            self.stream_frames.dropped.into(),
            self.frames_painted.into(),
            maybe(self.connect_ms),
            maybe(self.first_paint_ms),
            maybe(self.last_paint_ms),
            maybe(self.lag_ms),
            maybe(self.round_trip_ms),
            self.bytes_received.into(),
            self.bytes_sent.into(),
            self.bits_per_second.into(),
            self.decode_ms.into(),
            self.paint_ms.into(),
            maybe(self.frame_ms),
            self.codec.as_deref().map_or(JsValue::NULL, JsValue::from),
            self.decoder
                .map_or(JsValue::NULL, |decoder| decoder.name().into()),
            list(channels),
            list(monitors),
            self.surfaces.into(),
            self.image_cache_bytes.into(),
            self.errors.into(),
            counts(&self.errors_by_kind),
            self.last_error.as_str().into(),
            self.connections.into(),
            self.preset.name().into(),
            self.preferences.as_str().into(),
        ]
    }

    pub(crate) fn read(f: &mut Fields) -> Option<Self> {
        Some(Self {
            time_origin_ms: f.number()?,
            messages: f.counts()?,
            display_messages: f.number()?,
            images: f.counts()?,
            stream_frames: StreamFrames {
                received: f.number()?,
                shown: f.number()?,
                dropped: f.number()?,
            },
            frames_painted: f.number()?,
            connect_ms: f.number(),
            first_paint_ms: f.number(),
            last_paint_ms: f.number(),
            lag_ms: f.number(),
            round_trip_ms: f.number(),
            bytes_received: f.number()?,
            bytes_sent: f.number()?,
            bits_per_second: f.number()?,
            decode_ms: f.number()?,
            paint_ms: f.number()?,
            frame_ms: f.number(),
            codec: f.text(),
            decoder: {
                let name = f.text();
                Decoder::ALL
                    .into_iter()
                    .find(|decoder| name.as_deref() == Some(decoder.name()))
            },
            channels: f.channels()?,
            monitors: f.monitors()?,
            surfaces: f.number()?,
            image_cache_bytes: f.number()?,
            errors: f.number()?,
            errors_by_kind: f.counts()?,
            last_error: f.text()?,
            connections: f.number()?,
            preset: Preset::of(&f.text()?)?,
            preferences: f.text()?,
        })
    }
}
