//! The server's multimedia time, and what it is told about how a stream's frames fare. From that
//! it finds the bit rate that a link can carry.

use crate::message::stream::{ActivateReport, StreamReport};

/// The server's clock for video and sound, as we know it. (SPICE_MSG_MAIN_MULTI_MEDIA_TIME)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaClock {
    /// A time the server told, in milliseconds, and when by our clock, in microseconds.
    told: Option<(u32, u64)>,
}

impl MediaClock {
    /// The server says what time it is.
    pub const fn set(&mut self, time: u32, now_us: u64) {
        self.told = Some((time, now_us));
    }

    /// What time it is by the server's clock, once it has told. It wraps.
    pub fn now(&self, now_us: u64) -> Option<u32> {
        let (time, then) = self.told?;
        let passed = now_us.saturating_sub(then) / 1000;
        Some(time.wrapping_add(passed as u32))
    }
}

/// Reports about one stream.
#[derive(Clone, Copy, Debug)]
pub struct Reporter {
    wanted: ActivateReport,
    /// Our time of the first frame since the last report, in microseconds.
    since_us: u64,
    report: StreamReport,
}

impl Reporter {
    /// Nothing has come yet.
    pub const fn new(wanted: ActivateReport) -> Self {
        Self {
            wanted,
            since_us: 0,
            report: StreamReport {
                stream: wanted.stream,
                unique_id: wanted.unique_id,
                start_time: 0,
                end_time: 0,
                frames: 0,
                drops: 0,
                last_delay: 0,
                audio_delay: StreamReport::NO_AUDIO,
            },
        }
    }

    /// A frame was not shown, or came after its time.
    pub const fn dropped(&mut self) {
        self.report.drops = self.report.drops.saturating_add(1);
    }

    /// A frame for `time` came when the server's clock showed `clock`. Returns the report when one
    /// is due.
    pub fn came(&mut self, time: u32, clock: Option<u32>, now_us: u64) -> Option<StreamReport> {
        if self.report.frames == 0 {
            self.report.start_time = time;
            self.since_us = now_us;
        }
        self.report.frames += 1;
        self.report.end_time = time;
        self.report.last_delay = clock.map_or(0, |clock| time.wrapping_sub(clock).cast_signed());
        let passed = now_us.saturating_sub(self.since_us) / 1000;
        if self.report.frames < self.wanted.max_window && passed < self.wanted.timeout_ms.into() {
            return None;
        }
        let mut report = self.report;
        report.drops = report.drops.min(report.frames);
        *self = Self::new(self.wanted);
        Some(report)
    }
}
