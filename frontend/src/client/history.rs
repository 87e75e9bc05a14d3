//! What was measured of an object, for charts.

use super::{Call, Fault};
use crate::json::{list, real, text, whole};
use serde_json::Value;

/// One figure over time; nothing where nothing was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// `cpu`, `memory`, `disk_read` …
    pub name: String,
    /// `percent`, `bytes`, `bytes_per_second`, `per_second`, `seconds`
    pub unit: String,
    /// Averages, oldest first.
    pub average: Vec<Option<f64>>,
}

/// Several figures over the same time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Of the first point, in milliseconds since 1970.
    pub from: f64,
    /// Between points, in milliseconds.
    pub step: f64,
    /// The figures.
    pub series: Vec<Series>,
}

/// Where an object's history is: `vms`, `hosts`, `disks`, `nics`.
#[must_use]
pub fn path(kind: &str, id: &str, range: &str, csv: bool) -> String {
    let format = if csv { "&format=csv" } else { "" };
    ["/saffron/history/", kind, "/", id, "?range=", range, format].concat()
}

impl History {
    /// Reads the server's answer.
    #[must_use]
    pub fn read(value: &Value) -> History {
        let numbers = |series: &Value, key: &str| {
            list(series, &[key])
                .iter()
                .map(|point| point.as_f64().filter(|number| number.is_finite()))
                .collect()
        };
        History {
            from: real(value, &["from"]).unwrap_or(0.0),
            step: whole(value, &["step"]).unwrap_or(1).max(1) as f64,
            series: list(value, &["series"])
                .iter()
                .map(|series| Series {
                    name: text(series, &["name"]),
                    unit: text(series, &["unit"]),
                    average: numbers(series, "average"),
                })
                .collect(),
        }
    }
}

/// What was measured in a range: `live`, `hour`, `day`, `week`, `month`, `year`.
pub async fn get(kind: &str, id: &str, range: &str) -> Result<History, Fault> {
    let answer = Call::new("GET", path(kind, id, range, false))
        .send()
        .await?;
    Ok(History::read(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gaps_stay_gaps() {
        let history = History::read(&json!({"from": 1000, "step": 2000, "count": 3, "series": [
            {"name": "cpu", "unit": "percent", "average": [1.5, null, 3], "maximum": [2, null, 4]}]}));
        assert_eq!(history.series[0].average, [Some(1.5), None, Some(3.0)]);
        assert_eq!((history.from, history.step), (1000.0, 2000.0));
    }
}
