//! The statistics overlay: what arrived and what was shown, in words and figures.

use console_worker::{Phase, Statistics};
use leptos::prelude::*;

/// Samples kept for the chart: one a second.
const HISTORY: usize = 60;

/// Two samples of the worker's figures and what lies between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meter {
    last: Option<Statistics>,
    /// Painted frames of each of the last seconds, the newest last.
    pub frames: Vec<f64>,
    /// Bits of the last second.
    pub bits: f64,
    /// Display messages of the last second.
    pub draws: f64,
    /// Milliseconds of decoding and painting in the last second.
    pub busy_ms: f64,
}

impl Meter {
    /// Takes the next sample; `seconds` since the one before.
    pub fn sample(&mut self, now: Statistics, seconds: f64) {
        if let Some(last) = self.last.take()
            && seconds > 0.0
        {
            // A worker that began anew counts from zero.
            let rate = |new: f64, old: f64| (new - old).max(0.0) / seconds;
            self.bits = rate(now.bytes, last.bytes) * 8.0;
            self.draws = rate(now.draws, last.draws);
            self.busy_ms = rate(now.decode_ms + now.paint_ms, last.decode_ms + last.paint_ms);
            self.frames.push(rate(now.frames, last.frames));
            if self.frames.len() > HISTORY {
                self.frames.remove(0);
            }
        }
        self.last = Some(now);
    }

    /// The newest sample.
    pub fn now(&self) -> Option<&Statistics> {
        self.last.as_ref()
    }

    /// The connection's quality: bars of four and a word, with what is slow when something is.
    pub fn quality(&self, phase: Phase) -> (u8, &'static str) {
        if phase != Phase::Connected {
            return (0, "Not connected");
        }
        match self.busy_ms {
            busy if busy > 900.0 => (2, "Slow: this browser decodes as fast as it can"),
            busy if busy > 600.0 => (3, "Good, this browser is busy"),
            _ => (4, "Very good"),
        }
    }

    /// The figures as lines of text, for the clipboard.
    pub fn text(&self, phase: Phase, size: (u32, u32)) -> String {
        let mut text = String::from(self.quality(phase).1);
        for (name, value) in self.rows(size) {
            text.push('\n');
            text.push_str(name);
            text.push_str(": ");
            text.push_str(&value);
        }
        text
    }

    /// Name and value of each figure.
    pub fn rows(&self, size: (u32, u32)) -> Vec<(&'static str, String)> {
        let Some(now) = &self.last else {
            return Vec::new();
        };
        let painted = self.frames.last().copied().unwrap_or(0.0);
        let per_draw = if now.draws > 0.0 {
            now.decode_ms / now.draws
        } else {
            0.0
        };
        let mut rows = vec![
            (
                "Shown",
                format!("{painted:.0} frames/s, {:.0} draws/s", self.draws),
            ),
            ("Picture", format!("{} × {}", size.0, size.1)),
            (
                "Decode",
                format!("{per_draw:.2} ms a draw, busy {:.0} %", self.busy_ms / 10.0),
            ),
            (
                "Data rate",
                format!(
                    "{:.1} Mbit/s, {:.1} MiB so far",
                    self.bits / 1e6,
                    now.bytes / 1_048_576.0
                ),
            ),
        ];
        if now.stream_frames > 0.0 {
            rows.push(("Video", format!("{:.0} frames", now.stream_frames)));
        }
        rows.push(("Connections", format!("{:.0}", now.connections)));
        rows.push(("Unreadable", format!("{:.0} messages", now.errors)));
        if !now.last_error.is_empty() {
            rows.push(("Last error", now.last_error.clone()));
        }
        rows
    }

    /// The chart's line in a box of 600 by 100, and its highest value.
    fn line(&self) -> (String, f64) {
        let top = self.frames.iter().copied().fold(30.0_f64, f64::max);
        let step = 600.0 / (HISTORY - 1) as f64;
        let first = HISTORY - self.frames.len();
        let points = self.frames.iter().enumerate().map(|(index, frames)| {
            let x = (first + index) as f64 * step;
            format!("{x:.1},{:.1}", 100.0 - frames / top * 100.0)
        });
        (points.collect::<Vec<_>>().join(" "), top)
    }
}

/// The overlay.
#[component]
pub fn Overlay(
    /// The figures.
    meter: RwSignal<Meter>,
    /// How the connection stands.
    phase: Signal<Phase>,
    /// The guest's screen, in pixels.
    size: Signal<(u32, u32)>,
) -> impl IntoView {
    let copy = move |_| {
        let text = meter.with(|meter| meter.text(phase.get_untracked(), size.get_untracked()));
        // Refused without a secure context or the focus; then the figures are still on the screen.
        let _ = window().navigator().clipboard().write_text(&text);
    };
    view! {
        <section class="sf-hud" aria-label="Statistics">
            <div class="sf-row is-between">
                <b class="sf-strong">{move || meter.with(|meter| meter.quality(phase.get()).1)}</b>
                <button class="sf-link" type="button" on:click=copy>"Copy"</button>
            </div>
            <div class="sf-chart" role="img" aria-label="Frames per second over one minute">
                <div class="sf-chart__y" aria-hidden="true">
                    <span>{move || meter.with(|meter| format!("{:.0}", meter.line().1))}</span>
                    <span>"0"</span>
                </div>
                <div class="sf-chart__plot" aria-hidden="true">
                    <svg viewBox="0 0 600 100" preserveAspectRatio="none">
                        <polyline class="line" points=move || meter.with(|meter| meter.line().0)/>
                    </svg>
                </div>
            </div>
            <dl>
                {move || {
                    meter
                        .with(|meter| meter.rows(size.get()))
                        .into_iter()
                        .map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> })
                        .collect_view()
                }}
            </dl>
            <div class="sf-hud__chan">
                {move || {
                    let channels = meter
                        .with(|meter| meter.now().map(|now| now.channels.clone()))
                        .unwrap_or_default();
                    channels
                        .into_iter()
                        .map(|name| view! { <span><i></i>{name}</span> })
                        .collect_view()
                }}
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(frames: f64, bytes: f64) -> Statistics {
        Statistics {
            frames,
            bytes,
            ..Statistics::default()
        }
    }

    #[test]
    fn a_rate_is_what_lies_between_two_samples() {
        let mut meter = Meter::default();
        meter.sample(figures(100.0, 1000.0), 1.0);
        assert!(meter.frames.is_empty());
        meter.sample(figures(160.0, 251_000.0), 2.0);
        assert_eq!(meter.frames, [30.0]);
        assert_eq!(meter.bits, 1_000_000.0);
    }

    #[test]
    fn a_worker_that_began_anew_gives_no_negative_rate() {
        let mut meter = Meter::default();
        meter.sample(figures(100.0, 1000.0), 1.0);
        meter.sample(figures(3.0, 10.0), 1.0);
        assert_eq!((meter.frames.clone(), meter.bits), (vec![0.0], 0.0));
    }

    #[test]
    fn the_chart_keeps_one_minute() {
        let mut meter = Meter::default();
        for second in 0..200 {
            meter.sample(figures(f64::from(second) * 60.0, 0.0), 1.0);
        }
        assert_eq!(meter.frames.len(), 60);
        assert_eq!(meter.line().1, 60.0);
    }

    #[test]
    fn a_lost_connection_is_never_called_good() {
        assert_eq!(Meter::default().quality(Phase::Reconnecting).0, 0);
        assert_eq!(Meter::default().quality(Phase::Connected).0, 4);
    }
}
