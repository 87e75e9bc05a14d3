//! How much of a display the gateway may send ahead of what has been dealt with. A WebSocket has no
//! such thing of its own, and a viewer that takes all it can get is seconds behind after a few
//! photographs. Knows numbers only.
//!
//! ```text
//! allowed = window at the beginning + grants          allowed >= dealt with + window
//! ```

/// One channel's window, and how far its picture is behind.
#[derive(Debug, Clone)]
pub struct Flow {
    window: u64,
    /// What the gateway may have sent in all.
    allowed: u64,
    received: u64,
    dealt: u64,
    probe: Option<Probe>,
    next_probe: u32,
    /// When a probe was sent last.
    probed_ms: Option<f64>,
    /// The shortest times of the last probes, the newest last.
    trips: Vec<f64>,
    lag_ms: Option<f64>,
    /// What had been dealt with when the window was looked at last, and when.
    looked: (u64, f64),
}

/// A question on its way.
#[derive(Debug, Clone, Copy)]
struct Probe {
    id: u32,
    sent_ms: f64,
    /// What had been received when the answer came: once that is dealt with, the probe is over.
    mark: Option<u64>,
}

impl Flow {
    /// The window a display begins with.
    pub const FIRST_WINDOW: u32 = 2 << 20;
    const LEAST_WINDOW: u64 = 128 << 10;
    const LARGEST_WINDOW: u64 = 8 << 20;
    /// Probes are so far apart, or where much comes, so far at least.
    const PROBE_MS: f64 = 1000.0;
    const PROBE_BUSY_MS: f64 = 150.0;
    /// A picture later than this is the window's fault, if it can be.
    const LATE_MS: f64 = 150.0;
    /// A picture earlier than this leaves room for a larger window.
    const EARLY_MS: f64 = 100.0;
    const TRIPS: usize = 15;

    /// A channel opened with [`Self::FIRST_WINDOW`].
    pub fn new(now_ms: f64) -> Self {
        Self {
            window: Self::FIRST_WINDOW.into(),
            allowed: Self::FIRST_WINDOW.into(),
            received: 0,
            dealt: 0,
            probe: None,
            next_probe: 0,
            probed_ms: None,
            trips: Vec::new(),
            lag_ms: None,
            looked: (0, now_ms),
        }
    }

    /// So many bytes came.
    pub const fn received(&mut self, bytes: u64) {
        self.received += bytes;
    }

    /// All but `backlog` bytes of what came are dealt with. Returns what to grant now.
    pub fn dealt(&mut self, backlog: u64, now_ms: f64) -> Option<u32> {
        self.dealt = self.dealt.max(self.received.saturating_sub(backlog));
        if let Some(Probe {
            sent_ms,
            mark: Some(mark),
            ..
        }) = self.probe
            && self.dealt >= mark
        {
            self.probe = None;
            self.measured(now_ms - sent_ms, now_ms);
        }
        // In pieces of a quarter, so that grants are few and the window is never nearly used up.
        let grant = (self.dealt + self.window).saturating_sub(self.allowed);
        if grant < self.window / 4 {
            return None;
        }
        let grant = u32::try_from(grant).unwrap_or(u32::MAX);
        self.allowed += u64::from(grant);
        Some(grant)
    }

    /// The number of a probe to be sent now, if one is due.
    pub fn probe(&mut self, now_ms: f64) -> Option<u32> {
        let much = self.received - self.looked.0 >= self.window;
        let apart = if much {
            Self::PROBE_BUSY_MS
        } else {
            Self::PROBE_MS
        };
        let due = self.probed_ms.is_none_or(|then| now_ms - then >= apart);
        if self.probe.is_some() || !due {
            return None;
        }
        let id = self.next_probe;
        self.next_probe = id.wrapping_add(1);
        self.probed_ms = Some(now_ms);
        self.probe = Some(Probe {
            id,
            sent_ms: now_ms,
            mark: None,
        });
        Some(id)
    }

    /// A probe came back.
    pub const fn answered(&mut self, id: u32) {
        if let Some(probe) = &mut self.probe
            && probe.id == id
        {
            probe.mark = Some(self.received);
        }
    }

    /// How far the picture was behind when last measured; more while an answer is overdue.
    pub fn lag_ms(&self, now_ms: f64) -> Option<f64> {
        let waiting = self.probe.map(|probe| now_ms - probe.sent_ms);
        match (self.lag_ms, waiting) {
            (Some(lag), Some(waiting)) => Some(lag.max(waiting)),
            (lag, waiting) => lag.or(waiting.filter(|waiting| *waiting > Self::PROBE_MS)),
        }
    }

    /// The shortest way to the gateway and back of late.
    pub fn round_trip_ms(&self) -> Option<f64> {
        self.trips.iter().copied().reduce(f64::min)
    }

    /// The window now, in bytes.
    pub const fn window(&self) -> u64 {
        self.window
    }

    fn measured(&mut self, took_ms: f64, now_ms: f64) {
        self.lag_ms = Some(took_ms);
        self.trips.push(took_ms);
        if self.trips.len() > Self::TRIPS {
            self.trips.remove(0);
        }
        let (dealt, then) = self.looked;
        self.looked = (self.dealt, now_ms);
        let passed = now_ms - then;
        if passed <= 0.0 {
            return;
        }
        let per_ms = (self.dealt - dealt) as f64 / passed;
        if took_ms > Self::LATE_MS {
            // What comes in two thirds of the time that is just bearable.
            let fitting = (per_ms * 100.0) as u64;
            self.window = self.window.min(fitting).max(Self::LEAST_WINDOW);
        } else if took_ms < Self::EARLY_MS {
            let trip = self.round_trip_ms().unwrap_or(took_ms);
            if per_ms * (trip + 20.0) > self.window as f64 / 2.0 {
                self.window = (self.window * 2).min(Self::LARGEST_WINDOW);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = Flow::FIRST_WINDOW as u64;

    #[test]
    fn what_is_dealt_with_is_granted_again_in_large_pieces() {
        let mut flow = Flow::new(0.0);
        flow.received(FIRST / 8);
        assert_eq!(flow.dealt(0, 1.0), None);
        flow.received(FIRST / 4);
        assert_eq!(flow.dealt(FIRST / 8, 2.0), Some(FIRST as u32 / 4));
        assert_eq!(flow.dealt(0, 3.0), None);
    }

    #[test]
    fn nothing_is_granted_for_what_waits() {
        let mut flow = Flow::new(0.0);
        flow.received(FIRST);
        assert_eq!(flow.dealt(FIRST, 1.0), None);
        assert_eq!(flow.dealt(0, 9.0), Some(FIRST as u32));
    }

    #[test]
    fn a_probe_is_over_when_what_came_before_it_is_dealt_with() {
        let mut flow = Flow::new(0.0);
        let id = flow.probe(10.0).expect("a probe");
        assert_eq!(flow.probe(20.0), None);
        flow.received(1000);
        flow.answered(id);
        flow.received(500);
        flow.dealt(600, 30.0);
        assert_eq!(flow.lag_ms(30.0), None);
        flow.dealt(500, 34.0);
        assert_eq!(flow.lag_ms(40.0), Some(24.0));
        assert_eq!(flow.round_trip_ms(), Some(24.0));
        // One a second.
        assert_eq!(flow.probe(900.0), None);
        assert_eq!(flow.probe(1010.0), Some(1));
    }

    #[test]
    fn a_slow_line_gets_a_small_window_and_a_fast_one_a_large() {
        // 1 MB/s: a whole window would take a second.
        let mut flow = Flow::new(0.0);
        for second in 1..5 {
            let now = f64::from(second) * 1000.0;
            let id = flow.probe(now).expect("a probe");
            flow.received(1_000_000);
            flow.answered(id);
            flow.dealt(0, now + 900.0);
        }
        assert!(flow.window() < 200_000, "{}", flow.window());
        // 100 MB/s over 30 ms.
        let mut flow = Flow::new(0.0);
        for second in 1..5 {
            let now = f64::from(second) * 1000.0;
            let id = flow.probe(now).expect("a probe");
            flow.received(100_000_000);
            flow.answered(id);
            flow.dealt(0, now + 30.0);
        }
        assert_eq!(flow.window(), 8 << 20);
    }

    #[test]
    fn an_answer_that_does_not_come_shows() {
        let mut flow = Flow::new(0.0);
        flow.probe(0.0);
        assert_eq!(flow.lag_ms(500.0), None);
        assert_eq!(flow.lag_ms(3000.0), Some(3000.0));
    }
}
