//! Time as a parameter: the wall clock for what people read, a clock that cannot be set for what
//! must not be prolonged or revived (sessions, tickets, delays).

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use crate::model::Timestamp;

/// Where the manager takes its time from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The date and time.
    fn now(&self) -> Timestamp;

    /// Time since the machine's start. Goes on while the machine sleeps or the manager does not
    /// run, and no one can set it.
    fn monotonic(&self) -> Duration;

    /// Which start of the machine [`Clock::monotonic`] counts from.
    fn boot(&self) -> String;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    uptime_at_start: Duration,
    boot: String,
}

impl Default for SystemClock {
    fn default() -> Self {
        // /proc/uptime is CLOCK_BOOTTIME, the same for every process of this boot.
        let uptime = std::fs::read_to_string("/proc/uptime")
            .ok()
            .and_then(|text| {
                text.split_whitespace()
                    .next()
                    .and_then(|word| word.parse().ok())
            })
            .map_or(Duration::ZERO, Duration::from_secs_f64);
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(
            |_| uuid::Uuid::new_v4().to_string(),
            |text| text.trim().to_owned(),
        );
        Self {
            started: Instant::now(),
            uptime_at_start: uptime,
            boot,
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.uptime_at_start + self.started.elapsed()
    }

    fn boot(&self) -> String {
        self.boot.clone()
    }
}

/// A clock that a test turns by hand.
#[derive(Debug)]
pub struct ManualClock {
    time: Mutex<(Timestamp, Duration)>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self {
            time: Mutex::new((Timestamp(1_767_225_600_000), Duration::from_secs(1000))),
        }
    }
}

impl ManualClock {
    /// Lets both clocks go on.
    pub fn advance(&self, by: Duration) {
        let mut time = self
            .time
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        time.0 = Timestamp(time.0.0 + i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        time.1 += by;
    }

    /// Sets the wall clock alone, as an administrator or NTP would.
    pub fn set_wall(&self, now: Timestamp) {
        self.time
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0 = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.time
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0
    }

    fn monotonic(&self) -> Duration {
        self.time
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .1
    }

    fn boot(&self) -> String {
        "manual".to_owned()
    }
}
