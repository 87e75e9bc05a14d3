//! The console's figures: what its sessions and lines counted, as the page gets it.

use std::collections::BTreeMap;

use console_worker::wish::Second;
use console_worker::{ChannelFigures, MonitorFigures, Statistics};
use spice::{Monitor, Session};

use crate::clock;
use crate::line::Line;
use crate::video::{Able, Player};

/// See the file's head.
#[derive(Default)]
pub struct Figures {
    /// Counted here, over all connections.
    pub own: Statistics,
    /// Counted by sessions that are over.
    before: Counted,
    /// How monitors lie.
    monitors: Vec<MonitorFigures>,
    /// At the last second's end: when, and `own`'s bytes, decoding and painting.
    second: (f64, f64, f64),
}

/// What a session counts.
#[derive(Default)]
struct Counted {
    messages: BTreeMap<&'static str, u64>,
    images: BTreeMap<&'static str, u64>,
    errors: BTreeMap<&'static str, u64>,
    received: u64,
    shown: u64,
    dropped: u64,
    sent: u64,
    problems: u64,
}

impl Counted {
    fn add(&mut self, session: &Session) {
        let counted = session.statistics();
        for (name, count) in counted.display_messages() {
            *self.messages.entry(name).or_default() += count;
        }
        for (name, count) in counted.images_by_name() {
            *self.images.entry(name).or_default() += count;
        }
        for (name, count) in &counted.errors {
            *self.errors.entry(name).or_default() += count;
        }
        self.received += counted.stream_received;
        self.shown += counted.stream_frames;
        self.dropped += counted.stream_dropped;
        self.sent += counted.bytes_sent;
        self.problems += counted.problems;
    }
}

impl Figures {
    /// A session is over.
    pub fn session_over(&mut self, session: &Session) {
        self.before.add(session);
        self.own.connect_ms = None;
        self.own.first_paint_ms = None;
    }

    /// The guest's monitors lie so.
    pub fn set_monitors(&mut self, monitors: &[Monitor]) {
        let figures = |monitor: &Monitor| MonitorFigures {
            id: monitor.id,
            x: monitor.x,
            y: monitor.y,
            width: monitor.width,
            height: monitor.height,
        };
        self.monitors = monitors.iter().map(figures).collect();
    }

    /// About once a second: what it was like.
    pub fn second(&mut self, lag_ms: f64) -> Second {
        let now = clock::now_ms();
        let (then, bytes, busy) = self.second;
        let busy_now = self.own.decode_ms + self.own.paint_ms;
        self.second = (now, self.own.bytes_received, busy_now);
        let passed = now - then;
        if passed <= 0.0 {
            return Second::default();
        }
        self.own.bits_per_second = (self.own.bytes_received - bytes) * 8000.0 / passed;
        Second {
            bits: self.own.bits_per_second,
            lag_ms,
            decoding: (busy_now - busy) / passed,
        }
    }

    /// All of them.
    pub fn all<'l>(
        &self,
        session: Option<&Session>,
        lines: impl Iterator<Item = &'l Line>,
        player: &Player,
        able: &Able,
    ) -> Statistics {
        let mut counted = Counted::default();
        let mut all = self.own.clone();
        if let Some(session) = session {
            counted.add(session);
            all.surfaces = session.surface_count() as f64;
            all.image_cache_bytes = session.image_cache_bytes() as f64;
            if let Some(codec) = session.statistics().codec {
                all.codec = Some(codec.name().to_owned());
                all.decoder = Some(able.who(codec));
            }
        }
        let sum = |now: &BTreeMap<&'static str, u64>, before: &BTreeMap<&'static str, u64>| {
            let mut sum = before.clone();
            for (name, count) in now {
                *sum.entry(name).or_default() += count;
            }
            let named = |(name, count): (&str, u64)| (name.to_owned(), count as f64);
            sum.into_iter().map(named).collect::<Vec<_>>()
        };
        all.messages = sum(&counted.messages, &self.before.messages);
        all.images = sum(&counted.images, &self.before.images);
        all.errors_by_kind = sum(&counted.errors, &self.before.errors);
        // Pings and acknowledgements are not the display's own.
        let own = all.messages.iter().filter(|(name, _)| name != "common");
        all.display_messages = own.map(|(_, count)| count).sum();
        all.stream_frames.received = (counted.received + self.before.received) as f64;
        all.stream_frames.shown = (counted.shown + self.before.shown) as f64;
        all.stream_frames.dropped = (counted.dropped + self.before.dropped) as f64;
        all.bytes_sent = (counted.sent + self.before.sent) as f64;
        all.errors = (counted.problems + self.before.problems) as f64;
        all.frame_ms = player.frame_ms;
        all.monitors.clone_from(&self.monitors);
        all.time_origin_ms = clock::origin_ms();
        let now = clock::now_ms();
        for line in lines {
            if let Some(flow) = line.flow() {
                all.lag_ms = flow.lag_ms(now);
                all.round_trip_ms = flow.round_trip_ms();
            }
            all.channels.push(ChannelFigures {
                name: format!("{} {}", line.channel.kind.name(), line.channel.id),
                bytes: line.bytes as f64,
                messages: session.map_or(0, |session| session.messages(line.channel)) as f64,
                state: line.state().to_owned(),
            });
        }
        all
    }
}
