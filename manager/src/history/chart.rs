//! What a chart shows: one stretch of time of one object, every series with average and maximum.

use super::ring::{LEVELS, Ring};
use super::{HistoryObject, exists, minute};
use crate::Manager;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::model::{ObjectId, Timestamp};

/// A live chart's time and resolution, in milliseconds.
const LIVE_SPAN: i64 = 5 * 60_000;
const LIVE_STEP: i64 = 2_000;
/// A sample stands for the time until the next one, at most for so long.
const LIVE_HOLDS: i64 = 12_000;

/// Which stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryRange {
    /// The last five minutes, as they were measured.
    Live,
    /// An hour of minutes.
    Hour,
    /// A day of minutes.
    Day,
    /// A week of quarters of an hour.
    Week,
    /// Thirty days of quarters of an hour.
    Month,
    /// A year of six hours.
    Year,
    /// From one moment to another, as finely as it is known.
    Between(Timestamp, Timestamp),
}

/// One stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryChart {
    /// When the first point begins.
    pub from: Timestamp,
    /// Milliseconds from one point to the next.
    pub step: i64,
    /// How many points there are.
    pub count: usize,
    /// The series, in the order of their kind.
    pub series: Vec<HistorySeries>,
}

/// One series; `None` where nothing was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct HistorySeries {
    /// `cpu`, `network_receive` …
    pub name: &'static str,
    /// `percent`, `bytes`, `bytes_per_second`, `per_second`, `seconds`.
    pub unit: &'static str,
    /// The average of each point's time.
    pub average: Vec<Option<f32>>,
    /// The most in each point's time.
    pub maximum: Vec<Option<f32>>,
}

impl HistoryChart {
    fn empty(object: &HistoryObject, from: i64, step: i64, count: usize) -> Self {
        Self {
            from: Timestamp(from),
            step,
            count,
            series: object
                .series()
                .iter()
                .map(|(name, unit)| HistorySeries {
                    name,
                    unit,
                    average: vec![None; count],
                    maximum: vec![None; count],
                })
                .collect(),
        }
    }

    fn put(&mut self, series: usize, point: usize, average: f32, maximum: f32) {
        let shown = |value: f32| value.is_finite().then_some(value);
        if let Some(series) = self.series.get_mut(series)
            && point < self.count
        {
            series.average[point] = shown(average);
            series.maximum[point] = shown(maximum);
        }
    }
}

/// Which ring, its first slot and how many.
fn stretch(range: HistoryRange, now: i64) -> Result<(usize, u32, u32)> {
    let last = |level: usize, count: u32| {
        let end = minute(now) / (LEVELS[level].step / 60);
        (level, end.saturating_sub(count - 1), count)
    };
    Ok(match range {
        HistoryRange::Live | HistoryRange::Hour => last(0, 60),
        HistoryRange::Day => last(0, LEVELS[0].slots),
        HistoryRange::Week => last(1, 7 * 96),
        HistoryRange::Month => last(1, LEVELS[1].slots),
        HistoryRange::Year => last(2, LEVELS[2].slots),
        HistoryRange::Between(from, to) => {
            let (from, to) = (from.0.max(0), to.0.min(now));
            if from >= to {
                return Err(Error::invalid(
                    "from",
                    "The beginning must lie before the end, and not in the future.",
                ));
            }
            let known = |level: &crate::history::ring::Level| {
                i64::from(level.step) * i64::from(level.slots) * 1000
            };
            let level = LEVELS
                .iter()
                .position(|level| now - from <= known(level))
                .unwrap_or(LEVELS.len() - 1);
            let slot = |at: i64| minute(at) / (LEVELS[level].step / 60);
            let end = slot(to);
            let first = slot(from).max(end.saturating_sub(LEVELS[level].slots - 1));
            (level, first, end - first + 1)
        }
    })
}

impl Manager {
    /// What was measured of an object; only of what the caller may know of.
    pub async fn history(
        &self,
        caller: &Caller,
        object: HistoryObject,
        range: HistoryRange,
    ) -> Result<HistoryChart> {
        let access = self.access();
        let inventory = access.inventory();
        let shown: Option<ObjectId> = match &object {
            HistoryObject::Vm(id) => Some((*id).into()),
            HistoryObject::Host(id) | HistoryObject::HostNic(id, _) => Some((*id).into()),
            HistoryObject::Disk(id) => Some((*id).into()),
            HistoryObject::Nic(id) => inventory
                .vms
                .iter()
                .find(|vm| vm.nics.iter().any(|nic| nic.id == *id))
                .map(|vm| vm.id.into()),
        };
        let shown = shown.filter(|it| exists(inventory, &object) && access.visible(caller, *it));
        if shown.is_none() {
            return Err(Error::not_found("the object"));
        }
        let now = self.core.clock.now().0;
        if range == HistoryRange::Live {
            return Ok(self.live(&object, now));
        }
        let (level, first, count) = stretch(range, now)?;
        let path = self.core.history.path(&object);
        let series = object.series().len();
        let slots = tokio::task::spawn_blocking(move || {
            let Some(ring) = Ring::look(&path, series)? else {
                return Ok(Vec::new());
            };
            ring.read(level, first, count)
        })
        .await
        .map_err(|_| Error::failed("The history could not be read."))?
        .map_err(|error: std::io::Error| {
            Error::failed(format!("The history could not be read: {error}."))
        })?;
        let step = i64::from(LEVELS[level].step) * 1000;
        let mut chart = HistoryChart::empty(&object, i64::from(first) * step, step, count as usize);
        for (point, slot) in slots.iter().enumerate() {
            for (number, value) in slot.iter().flat_map(|slot| slot.values.iter().enumerate()) {
                chart.put(number, point, value.average, value.maximum);
            }
        }
        Ok(chart)
    }

    fn live(&self, object: &HistoryObject, now: i64) -> HistoryChart {
        let count = LIVE_SPAN / LIVE_STEP;
        let end = now.div_euclid(LIVE_STEP);
        let from = (end - count + 1) * LIVE_STEP;
        let points = usize::try_from(count).unwrap_or(0);
        let mut chart = HistoryChart::empty(object, from, LIVE_STEP, points);
        let samples = self.core.history.live(object, now);
        for (number, (at, values)) in samples.iter().enumerate() {
            let next = samples.get(number + 1).map_or(now + 1, |(at, _)| *at);
            let until = next.min(at + LIVE_HOLDS);
            let mut moment = at.div_euclid(LIVE_STEP) * LIVE_STEP;
            while moment < until {
                if let Ok(point) = usize::try_from((moment - from).div_euclid(LIVE_STEP)) {
                    for (series, value) in values.iter().enumerate() {
                        chart.put(series, point, *value, *value);
                    }
                }
                moment += LIVE_STEP;
            }
        }
        chart
    }
}
