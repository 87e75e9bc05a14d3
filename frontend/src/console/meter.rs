//! Figures of the worker over time: rates between two samples, and all of it in rows of words for
//! the overlay and the clipboard. Plain data, no DOM.

use console_worker::{Decoder, Preset, Statistics};

use super::presets;
use super::quality::Readings;
use crate::format;

/// Samples kept for the chart: one a second while the overlay is open.
const HISTORY: usize = 60;
/// Two samples closer than this make no rate.
const LEAST_MS: f64 = 450.0;

/// What changes with time, a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Animation frames painted.
    pub painted: f64,
    /// Display messages.
    pub messages: f64,
    /// Video frames received.
    pub received: f64,
    /// Video frames shown.
    pub shown: f64,
    /// Video frames dropped.
    pub dropped: f64,
    /// Bits from the gateway.
    pub bits: f64,
    /// Part of the time spent decoding and painting, 0 to 1.
    pub busy: f64,
}

/// The newest sample, and what lies between it and the one before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meter {
    newest: Option<Statistics>,
    /// What rates are reckoned from, and when it came.
    base: Option<(Statistics, f64)>,
    rates: Rates,
    /// Painted frames a second at each sample, oldest first.
    history: Vec<f64>,
}

impl Meter {
    /// Takes the next sample, at a time in milliseconds.
    pub fn sample(&mut self, now: Statistics, at: f64) {
        self.newest = Some(now.clone());
        let Some((base, since)) = &self.base else {
            self.base = Some((now, at));
            return;
        };
        let ms = at - since;
        if (0.0..LEAST_MS).contains(&ms) {
            // A script asked between two samples.
            return;
        }
        let began_anew = now.time_origin_ms != base.time_origin_ms;
        let rate = |new: f64, old: f64| {
            if began_anew || ms <= 0.0 {
                0.0
            } else {
                (new - old).max(0.0) / ms * 1000.0
            }
        };
        let (new, old) = (&now.stream_frames, &base.stream_frames);
        self.rates = Rates {
            painted: rate(now.frames_painted, base.frames_painted),
            messages: rate(now.display_messages, base.display_messages),
            received: rate(new.received, old.received),
            shown: rate(new.shown, old.shown),
            dropped: rate(new.dropped, old.dropped),
            bits: rate(now.bytes_received, base.bytes_received) * 8.0,
            busy: rate(now.decode_ms + now.paint_ms, base.decode_ms + base.paint_ms) / 1000.0,
        };
        self.history.push(self.rates.painted);
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
        self.base = Some((now, at));
    }

    /// The newest sample.
    pub fn now(&self) -> Option<&Statistics> {
        self.newest.as_ref()
    }

    /// To the gateway and back, in milliseconds.
    pub fn round_trip(&self) -> Option<f64> {
        self.newest.as_ref()?.round_trip_ms
    }

    /// What the connection's quality is judged by, with how busy guest and host are.
    pub fn readings(&self, (guest_load, host_load): (Option<f64>, Option<f64>)) -> Readings {
        let now = self.newest.as_ref();
        Readings {
            lag_ms: now.and_then(|now| now.lag_ms),
            round_trip_ms: now.and_then(|now| now.round_trip_ms),
            frame_ms: now.and_then(|now| now.frame_ms),
            busy: self.rates.busy,
            received: self.rates.received,
            dropped: self.rates.dropped,
            guest_load,
            host_load,
        }
    }

    /// A preset, how still pictures come, and how films do.
    pub fn in_force(&self, preset: Preset) -> String {
        let Some(now) = &self.newest else {
            return presets::in_force(preset, &[]);
        };
        let codec = now.codec.as_deref().map(codec_name).unwrap_or_default();
        let asked = asked_for(&now.preferences);
        let still = if asked.is_empty() {
            mostly(&now.images)
        } else {
            asked
        };
        presets::in_force(preset, &[&still, &codec])
    }

    /// Name and value of each figure; the guest's screen is so large.
    pub fn rows(&self, size: (u32, u32)) -> Vec<(&'static str, String)> {
        let Some(now) = &self.newest else {
            return Vec::new();
        };
        let Rates {
            painted,
            messages,
            received,
            shown,
            dropped,
            bits,
            busy,
        } = self.rates;
        let mut rows = vec![
            (
                "Painted",
                format!("{painted:.0} fps, {} in all", whole(now.frames_painted)),
            ),
            ("Drawn", format!("{messages:.0} messages/s")),
        ];
        let frames = &now.stream_frames;
        if frames.received > 0.0 {
            rows.push((
                "Video",
                format!("{shown:.0} shown, {received:.0} received, {dropped:.0} dropped/s"),
            ));
            rows.push((
                "Video in all",
                format!(
                    "{} shown, {} received, {} dropped",
                    whole(frames.shown),
                    whole(frames.received),
                    whole(frames.dropped)
                ),
            ));
        }
        if let Some(codec) = &now.codec {
            let by = match now.decoder {
                Some(Decoder::Hardware) => " in hardware",
                Some(Decoder::Software) => " in software",
                Some(Decoder::Wasm) => " in the console itself",
                None => "",
            };
            rows.push(("Codec", format!("{}{by}", codec_name(codec))));
        }
        rows.push(("Picture", format!("{} × {}", size.0, size.1)));
        if now.monitors.len() > 1 {
            let monitors = now.monitors.iter().map(|monitor| {
                format!(
                    "{} × {} at {}, {}",
                    monitor.width, monitor.height, monitor.x, monitor.y
                )
            });
            rows.push(("Monitors", monitors.collect::<Vec<_>>().join("; ")));
        }
        let decode = match now.frame_ms {
            Some(frame) if frames.received > 0.0 => {
                format!("{frame:.1} ms a video frame, busy {:.0} %", busy * 100.0)
            }
            _ => format!("busy {:.0} % of the time", busy * 100.0),
        };
        rows.push(("Decode", decode));
        if let Some(round_trip) = now.round_trip_ms {
            rows.push(("Round trip", format!("{round_trip:.1} ms")));
        }
        if let Some(lag) = now.lag_ms {
            rows.push(("Lag", format!("{lag:.0} ms")));
        }
        rows.push((
            "Data rate",
            format!(
                "{}, {} so far",
                rate(bits),
                format::bytes(now.bytes_received as u64)
            ),
        ));
        rows.push(("Image cache", format::bytes(now.image_cache_bytes as u64)));
        rows.push(("Surfaces", whole(now.surfaces)));
        rows.push(("Connections", whole(now.connections)));
        rows.push(("Errors", errors(now)));
        if !now.last_error.is_empty() {
            rows.push(("Last error", now.last_error.clone()));
        }
        rows
    }

    /// Everything as lines of text, for the clipboard. `quality` comes first.
    pub fn text(&self, quality: &str, size: (u32, u32), preset: Preset) -> String {
        let mut lines = vec![quality.to_owned(), self.in_force(preset)];
        for (name, value) in self.rows(size) {
            lines.push(format!("{name}: {value}"));
        }
        let Some(now) = &self.newest else {
            return lines.join("\n");
        };
        for channel in &now.channels {
            lines.push(format!(
                "{}: {}, {}, {} messages",
                channel.name,
                channel.state,
                format::bytes(channel.bytes as u64),
                whole(channel.messages)
            ));
        }
        for (heading, counts) in [("Messages", &now.messages), ("Images", &now.images)] {
            let counts: Vec<String> = counts
                .iter()
                .map(|(name, count)| format!("{name} {}", whole(*count)))
                .collect();
            if !counts.is_empty() {
                lines.push(format!("{heading}: {}", counts.join(", ")));
            }
        }
        lines.join("\n")
    }

    /// The chart's line in a box of 600 by 100, and its highest value.
    pub fn line(&self) -> (String, f64) {
        let top = self.history.iter().copied().fold(30.0_f64, f64::max);
        let step = 600.0 / (HISTORY - 1) as f64;
        let first = HISTORY - self.history.len();
        let points = self.history.iter().enumerate().map(|(index, frames)| {
            let x = (first + index) as f64 * step;
            format!("{x:.1},{:.1}", 100.0 - frames / top * 100.0)
        });
        (points.collect::<Vec<_>>().join(" "), top)
    }

    /// The area below that line.
    pub fn area(&self) -> String {
        let line = self.line().0;
        let Some((first, _)) = line.split_once(',') else {
            return String::new();
        };
        format!("{first},100 {line} 600,100")
    }
}

fn whole(number: f64) -> String {
    format::count(number as u64)
}

fn rate(bits: f64) -> String {
    match bits {
        ..1e4 => format!("{bits:.0} bit/s"),
        ..1e6 => format!("{:.0} kbit/s", bits / 1e3),
        _ => format!("{:.1} Mbit/s", bits / 1e6),
    }
}

fn errors(now: &Statistics) -> String {
    let kinds: Vec<String> = now
        .errors_by_kind
        .iter()
        .map(|(kind, count)| format!("{kind} {}", whole(*count)))
        .collect();
    if now.errors > 0.0 && !kinds.is_empty() {
        format!("{} ({})", whole(now.errors), kinds.join(", "))
    } else {
        whole(now.errors)
    }
}

/// A codec as people write it.
fn codec_name(codec: &str) -> String {
    match codec {
        "h264" => "H.264".to_owned(),
        "h265" => "H.265".to_owned(),
        other => other.to_uppercase(),
    }
}

/// What the server was asked for still pictures: the first word of `lz4 vp8 mjpeg`, where it is no
/// codec of films.
fn asked_for(preferences: &str) -> String {
    let first = preferences.split_whitespace().next().unwrap_or_default();
    match first {
        "off" => "uncompressed".to_owned(),
        "auto_glz" => "automatic GLZ".to_owned(),
        "auto_lz" => "automatic LZ".to_owned(),
        "quic" | "glz" | "lz" | "lz4" => first.to_uppercase(),
        _ => String::new(),
    }
}

/// How most still pictures came, of a server that cannot be asked: `GLZ` of `glz_rgb`.
fn mostly(images: &[(String, f64)]) -> String {
    let coded = images.iter().filter(|(kind, _)| !kind.starts_with("from_"));
    let most = coded.max_by(|(_, one), (_, other)| one.total_cmp(other));
    let kind = most.map(|(kind, _)| kind.as_str()).unwrap_or_default();
    match kind.split('_').next().unwrap_or_default() {
        "bitmap" => "uncompressed".to_owned(),
        "zlib" => "ZLIB-GLZ".to_owned(),
        word => word.to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_worker::{ChannelFigures, MonitorFigures, StreamFrames};

    fn figures(painted: f64, bytes: f64) -> Statistics {
        Statistics {
            frames_painted: painted,
            bytes_received: bytes,
            ..Statistics::default()
        }
    }

    fn value(rows: &[(&'static str, String)], name: &str) -> String {
        let row = rows.iter().find(|(row, _)| *row == name);
        row.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn a_rate_is_what_lies_between_two_samples() {
        let mut meter = Meter::default();
        meter.sample(figures(100.0, 1000.0), 0.0);
        assert!(meter.history.is_empty());
        meter.sample(figures(160.0, 251_000.0), 2000.0);
        assert_eq!(meter.history, [30.0]);
        assert_eq!(meter.rates.bits, 1_000_000.0);
    }

    #[test]
    fn what_a_script_asks_between_two_samples_spoils_no_rate() {
        let mut meter = Meter::default();
        meter.sample(figures(0.0, 0.0), 0.0);
        meter.sample(figures(30.0, 0.0), 100.0);
        assert_eq!(meter.now().map(|now| now.frames_painted), Some(30.0));
        assert!(meter.history.is_empty());
        meter.sample(figures(60.0, 0.0), 1000.0);
        assert_eq!(meter.history, [60.0]);
    }

    #[test]
    fn a_worker_that_began_anew_gives_no_rate() {
        let mut meter = Meter::default();
        meter.sample(figures(100.0, 1000.0), 0.0);
        let mut anew = figures(300.0, 10_000.0);
        anew.time_origin_ms = 77.0;
        meter.sample(anew, 1000.0);
        assert_eq!((meter.history.clone(), meter.rates.bits), (vec![0.0], 0.0));
    }

    #[test]
    fn the_chart_keeps_one_minute() {
        let mut meter = Meter::default();
        for second in 0..200 {
            let second = f64::from(second);
            meter.sample(figures(second * 60.0, 0.0), second * 1000.0);
        }
        assert_eq!(meter.history.len(), 60);
        assert_eq!(meter.line().1, 60.0);
        let area = meter.area();
        assert!(area.starts_with("0.0,100 0.0,0.0 ") && area.ends_with("600.0,0.0 600,100"));
    }

    #[test]
    fn a_film_is_told_with_what_became_of_its_frames() {
        let mut meter = Meter::default();
        let mut film = figures(0.0, 0.0);
        meter.sample(film.clone(), 0.0);
        film.stream_frames = StreamFrames {
            received: 60.0,
            shown: 58.0,
            dropped: 2.0,
        };
        film.codec = Some("h264".to_owned());
        film.decoder = Some(Decoder::Hardware);
        film.frame_ms = Some(2.14);
        meter.sample(film, 1000.0);
        let rows = meter.rows((1920, 1080));
        assert_eq!(value(&rows, "Video"), "58 shown, 60 received, 2 dropped/s");
        assert_eq!(value(&rows, "Codec"), "H.264 in hardware");
        assert_eq!(value(&rows, "Decode"), "2.1 ms a video frame, busy 0 %");
        assert_eq!(value(&rows, "Picture"), "1920 × 1080");
    }

    #[test]
    fn a_desktop_without_films_has_no_rows_about_them() {
        let mut meter = Meter::default();
        meter.sample(figures(1.0, 2048.0), 0.0);
        let rows = meter.rows((800, 600));
        assert_eq!(value(&rows, "Video"), "");
        assert_eq!(value(&rows, "Monitors"), "");
        assert_eq!(value(&rows, "Data rate"), "0 bit/s, 2 KiB so far");
    }

    #[test]
    fn several_monitors_are_listed_where_they_lie() {
        let monitor = |id, x| MonitorFigures {
            id,
            x,
            y: 0,
            width: 1024,
            height: 768,
        };
        let mut two = figures(0.0, 0.0);
        two.monitors = vec![monitor(0, 0), monitor(1, 1024)];
        let mut meter = Meter::default();
        meter.sample(two, 0.0);
        assert_eq!(
            value(&meter.rows((2048, 768)), "Monitors"),
            "1024 × 768 at 0, 0; 1024 × 768 at 1024, 0"
        );
    }

    #[test]
    fn errors_are_counted_by_kind() {
        let mut bad = figures(0.0, 0.0);
        bad.errors = 3.0;
        bad.errors_by_kind = vec![("truncated".to_owned(), 2.0), ("limit".to_owned(), 1.0)];
        bad.last_error = "An image is larger than it may be.".to_owned();
        let mut meter = Meter::default();
        meter.sample(bad, 0.0);
        let rows = meter.rows((1, 1));
        assert_eq!(value(&rows, "Errors"), "3 (truncated 2, limit 1)");
        assert_eq!(
            value(&rows, "Last error"),
            "An image is larger than it may be."
        );
    }

    #[test]
    fn what_is_in_force_is_what_the_server_was_asked_and_what_it_sends() {
        let mut meter = Meter::default();
        assert_eq!(meter.in_force(Preset::Balanced), "Balanced");
        let mut now = figures(0.0, 0.0);
        now.preferences = "lz4 vp8 mjpeg".to_owned();
        now.codec = Some("vp8".to_owned());
        meter.sample(now, 0.0);
        assert_eq!(meter.in_force(Preset::Balanced), "Balanced: LZ4, VP8");
        assert_eq!(asked_for("auto_glz mjpeg"), "automatic GLZ");
        assert_eq!(asked_for("auto_lz"), "automatic LZ");
        assert_eq!(asked_for("vp8 mjpeg"), "");
        assert_eq!(asked_for(""), "");
        let images = |counts: &[(&str, f64)]| {
            let counts = counts
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count));
            mostly(&counts.collect::<Vec<_>>())
        };
        assert_eq!(
            images(&[("from_cache", 90.0), ("glz_rgb", 60.0), ("quic", 4.0)]),
            "GLZ"
        );
        assert_eq!(images(&[("zlib_glz_rgb", 1.0)]), "ZLIB-GLZ");
        assert_eq!(images(&[]), "");
    }

    #[test]
    fn the_text_to_copy_has_the_channels_and_the_messages_by_type() {
        let mut now = figures(0.0, 0.0);
        now.channels = vec![ChannelFigures {
            name: "display 0".to_owned(),
            bytes: 4096.0,
            messages: 1200.0,
            state: "open".to_owned(),
        }];
        now.messages = vec![("draw_copy".to_owned(), 1100.0)];
        let mut meter = Meter::default();
        meter.sample(now, 0.0);
        let text = meter.text("Very good", (800, 600), Preset::Video);
        assert!(text.starts_with("Very good\nVideo\n"), "{text}");
        assert!(
            text.contains("display 0: open, 4 KiB, 1,200 messages"),
            "{text}"
        );
        assert!(text.ends_with("Messages: draw_copy 1,100"), "{text}");
    }
}
