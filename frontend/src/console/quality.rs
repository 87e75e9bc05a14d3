//! How good the connection is, in words, and what holds it back: plain functions of what was
//! measured. The worst of all that was found counts, and is named with its figure.

use console_worker::Phase;

/// What was measured of late.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Readings {
    /// How far the picture is behind what the server has sent, in milliseconds.
    pub lag_ms: Option<f64>,
    /// To the gateway and back, in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// The part of its time that the worker decodes and paints, 0 to 1.
    pub busy: f64,
    /// From a coded video frame to its picture, in milliseconds.
    pub frame_ms: Option<f64>,
    /// Video frames that came, a second.
    pub received: f64,
    /// Of these, not shown.
    pub dropped: f64,
    /// How busy the guest's processors are, 0 to 1, where that is known.
    pub guest_load: Option<f64>,
    /// How busy its host's are.
    pub host_load: Option<f64>,
}

/// What holds the picture back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bottleneck {
    /// The way between here and the gateway.
    Network,
    /// The machine that the guest runs on, or its SPICE server.
    Host,
    /// The guest itself.
    Guest,
    /// Decoding and painting here.
    Browser,
}

impl Bottleneck {
    /// As a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "the network",
            Self::Host => "the host",
            Self::Guest => "the guest",
            Self::Browser => "this browser",
        }
    }
}

/// The verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Bars of four; none when there is no connection.
    pub bars: u8,
    /// What holds it back, when something does, and how that was seen.
    pub cause: Option<(Bottleneck, String)>,
}

impl Quality {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self.bars {
            0 => "Not connected",
            1 => "Poor",
            2 => "Fair",
            3 => "Good",
            _ => "Very good",
        }
    }

    /// The word, and what holds it back.
    pub fn sentence(&self) -> String {
        match &self.cause {
            Some((bottleneck, why)) => {
                format!(
                    "{}: {} holds it back ({why})",
                    self.word(),
                    bottleneck.name()
                )
            }
            None => self.word().to_owned(),
        }
    }
}

/// From here on the worker has little time left.
const BUSY: f64 = 0.65;
const VERY_BUSY: f64 = 0.9;
/// Round trips that a person begins to feel, feels, and suffers, in milliseconds.
const ROUND_TRIPS: [f64; 3] = [80.0, 200.0, 400.0];
/// The same of a picture that is behind.
const LAGS: [f64; 3] = [200.0, 600.0, 1_500.0];
/// Decoding one frame takes longer than a frame lasts: at 30, at 15 and at 7 a second.
const FRAMES_MS: [f64; 3] = [50.0, 100.0, 200.0];
/// Parts of a film's frames that are not shown.
const DROPS: [f64; 3] = [0.08, 0.2, 0.5];
/// Fewer frames a second than these are no film.
const RATES: [f64; 3] = [18.0, 10.0, 4.0];
/// Below this a stream has ended or just begun.
const FILM: f64 = 1.0;
/// Processors as busy as that do not keep up.
const OVERLOAD: f64 = 0.95;

/// Four bars less one for each limit that is passed.
fn bars_above(value: f64, limits: [f64; 3]) -> u8 {
    4 - limits.iter().filter(|limit| value > **limit).count() as u8
}

fn bars_below(value: f64, limits: [f64; 3]) -> u8 {
    4 - limits.iter().filter(|limit| value < **limit).count() as u8
}

/// How good it is.
pub fn judge(phase: Phase, r: &Readings) -> Quality {
    if phase != Phase::Connected {
        return Quality {
            bars: 0,
            cause: None,
        };
    }
    let mut worst = Quality {
        bars: 4,
        cause: None,
    };
    // Of two that are equally bad the first found is named: it explains the later ones.
    let mut found = |bars: u8, bottleneck: Bottleneck, why: String| {
        if bars < worst.bars {
            worst = Quality {
                bars,
                cause: Some((bottleneck, why)),
            };
        }
    };
    let late = r.lag_ms.unwrap_or(0.0) - r.round_trip_ms.unwrap_or(0.0);

    // This browser: no time left. What is late meanwhile is late because of it.
    let busy = format!("decoding takes {:.0} % of its time", r.busy * 100.0);
    if r.busy > VERY_BUSY {
        found(bars_above(late, LAGS).min(2), Bottleneck::Browser, busy);
    } else if r.busy > BUSY {
        found(bars_above(late, LAGS).min(3), Bottleneck::Browser, busy);
    }
    if let Some(frame) = r.frame_ms.filter(|_| r.received > FILM) {
        let why = format!("a video frame takes {frame:.0} ms");
        found(bars_above(frame, FRAMES_MS), Bottleneck::Browser, why);
    }

    // The network: the way is long, or the picture late though there is time to decode it.
    if let Some(round_trip) = r.round_trip_ms {
        let why = format!("round trip {round_trip:.0} ms");
        found(
            bars_above(round_trip, ROUND_TRIPS),
            Bottleneck::Network,
            why,
        );
    }
    if r.busy <= BUSY {
        let why = format!("the picture is {late:.0} ms behind");
        found(bars_above(late, LAGS), Bottleneck::Network, why);
    }
    if r.received > FILM {
        let part = r.dropped / r.received;
        let why = format!("{:.0} % of video frames are too late", part * 100.0);
        let long_way = late > LAGS[0] || r.round_trip_ms > Some(ROUND_TRIPS[0]);
        // What is late though the way is short and there is time here was late when it set out.
        let bottleneck = match (r.busy > BUSY, long_way) {
            (true, _) => Bottleneck::Browser,
            (false, true) => Bottleneck::Network,
            (false, false) => Bottleneck::Host,
        };
        found(bars_above(part, DROPS), bottleneck, why);
    }

    // What comes is shown, but little comes: those who make the picture are slow.
    let overloaded = |load: Option<f64>| load.filter(|load| *load > OVERLOAD);
    let processors = |load: f64| format!("its processors are {:.0} % busy", load * 100.0);
    let film = if r.received > FILM {
        bars_below(r.received, RATES)
    } else {
        4
    };
    let bars = film.min(3);
    if let Some(load) = overloaded(r.host_load) {
        found(bars, Bottleneck::Host, processors(load));
    }
    if let Some(load) = overloaded(r.guest_load) {
        found(bars, Bottleneck::Guest, processors(load));
    }
    let why = format!("it sends {:.0} video frames a second", r.received);
    found(film, Bottleneck::Host, why);
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(readings: Readings) -> Quality {
        judge(Phase::Connected, &readings)
    }

    fn cause(readings: Readings) -> (u8, Option<Bottleneck>) {
        let quality = judged(readings);
        (
            quality.bars,
            quality.cause.map(|(bottleneck, _)| bottleneck),
        )
    }

    fn film() -> Readings {
        Readings {
            lag_ms: Some(9.0),
            round_trip_ms: Some(8.0),
            busy: 0.2,
            frame_ms: Some(4.0),
            received: 60.0,
            ..Readings::default()
        }
    }

    #[test]
    fn a_lost_connection_is_never_called_good() {
        let lost = judge(Phase::Reconnecting, &film());
        assert_eq!(
            (lost.bars, lost.sentence()),
            (0, "Not connected".to_owned())
        );
    }

    #[test]
    fn nothing_measured_and_nothing_wrong_is_very_good() {
        assert_eq!(judged(Readings::default()).sentence(), "Very good");
        assert_eq!(judged(film()).sentence(), "Very good");
    }

    #[test]
    fn a_long_way_is_the_networks_fault() {
        let mut readings = film();
        readings.round_trip_ms = Some(240.0);
        readings.lag_ms = Some(260.0);
        assert_eq!(
            judged(readings).sentence(),
            "Fair: the network holds it back (round trip 240 ms)"
        );
    }

    #[test]
    fn a_picture_that_is_behind_while_there_is_time_to_decode_is_the_networks_fault() {
        let mut readings = film();
        readings.lag_ms = Some(2_000.0);
        assert_eq!(cause(readings), (1, Some(Bottleneck::Network)));
    }

    #[test]
    fn a_picture_that_is_behind_while_this_browser_has_no_time_is_its_own_fault() {
        let mut readings = film();
        readings.lag_ms = Some(2_000.0);
        readings.busy = 0.97;
        assert_eq!(
            judged(readings).sentence(),
            "Poor: this browser holds it back (decoding takes 97 % of its time)"
        );
    }

    #[test]
    fn frames_that_decode_slowly_beside_the_worker_are_this_browsers_fault() {
        let mut readings = film();
        readings.frame_ms = Some(120.0);
        assert_eq!(cause(readings), (2, Some(Bottleneck::Browser)));
        // A value that is left from a film that has ended says nothing.
        readings.received = 0.0;
        assert_eq!(cause(readings), (4, None));
    }

    #[test]
    fn dropped_frames_are_the_fault_of_whoever_made_them_late() {
        let mut readings = film();
        readings.dropped = 20.0;
        assert_eq!(cause(readings), (2, Some(Bottleneck::Host)));
        readings.round_trip_ms = Some(90.0);
        assert_eq!(cause(readings), (2, Some(Bottleneck::Network)));
        readings.busy = 0.8;
        assert_eq!(cause(readings), (2, Some(Bottleneck::Browser)));
        // One frame of many is nothing to speak of.
        readings = film();
        readings.dropped = 2.0;
        assert_eq!(cause(readings), (4, None));
    }

    #[test]
    fn a_slow_film_is_the_hosts_fault_unless_the_guest_is_known_to_be_busy() {
        let mut readings = film();
        readings.received = 8.0;
        assert_eq!(
            judged(readings).sentence(),
            "Fair: the host holds it back (it sends 8 video frames a second)"
        );
        readings.guest_load = Some(1.0);
        assert_eq!(cause(readings), (2, Some(Bottleneck::Guest)));
        readings.host_load = Some(0.99);
        assert_eq!(cause(readings), (2, Some(Bottleneck::Host)));
    }

    #[test]
    fn busy_processors_alone_leave_the_connection_good() {
        let mut readings = film();
        readings.guest_load = Some(0.99);
        assert_eq!(
            judged(readings).sentence(),
            "Good: the guest holds it back (its processors are 99 % busy)"
        );
    }
}
