//! Charts' figures, for the portals only: oVirt's API knows the present alone.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header;
use manager::model::Timestamp;
use manager::{HistoryChart, HistoryObject, HistoryRange};
use serde::Deserialize;
use serde_json::json;

use crate::auth::Caller;
use crate::error::Problem;
use crate::state::Shared;

/// The addresses of histories.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/saffron/history/{kind}/{id}", get(of_object))
        .route("/saffron/history/hosts/{id}/nics/{name}", get(of_host_nic))
}

/// Which stretch of time, and in which form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    range: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    format: Option<String>,
}

impl Wish {
    fn range(&self) -> Result<HistoryRange, Problem> {
        if let (Some(from), Some(to)) = (self.from, self.to) {
            return Ok(HistoryRange::Between(Timestamp(from), Timestamp(to)));
        }
        if self.from.is_some() || self.to.is_some() {
            return Err(Problem::bad("Both from and to are needed."));
        }
        Ok(match self.range.as_deref() {
            Some("live") => HistoryRange::Live,
            None | Some("hour") => HistoryRange::Hour,
            Some("day") => HistoryRange::Day,
            Some("week") => HistoryRange::Week,
            Some("month") => HistoryRange::Month,
            Some("year") => HistoryRange::Year,
            Some(_) => {
                return Err(Problem::bad(
                    "The range must be live, hour, day, week, month or year.",
                ));
            }
        })
    }
}

async fn of_object(
    State(shared): State<Shared>,
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("There is no such object.");
    let object = match kind.as_str() {
        "vms" => id.parse().ok().map(HistoryObject::Vm),
        "hosts" => id.parse().ok().map(HistoryObject::Host),
        "disks" => id.parse().ok().map(HistoryObject::Disk),
        "nics" => id.parse().ok().map(HistoryObject::Nic),
        _ => None,
    };
    answer(
        &shared,
        &caller,
        object.ok_or_else(unknown)?,
        &kind,
        &id,
        &wish,
    )
    .await
}

async fn of_host_nic(
    State(shared): State<Shared>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    let host = id
        .parse()
        .map_err(|_| Problem::not_found("There is no such host."))?;
    let object = HistoryObject::HostNic(host, name);
    answer(&shared, &caller, object, "host_nics", &id, &wish).await
}

async fn answer(
    shared: &Shared,
    caller: &Caller,
    object: HistoryObject,
    kind: &str,
    id: &str,
    wish: &Wish,
) -> Result<Response, Problem> {
    let chart = shared
        .manager()
        .history(caller, object, wish.range()?)
        .await?;
    let kind = kind.strip_suffix('s').unwrap_or(kind);
    match wish.format.as_deref() {
        None | Some("json") => {
            let series: Vec<_> = chart
                .series
                .iter()
                .map(|it| {
                    json!({
                        "name": it.name,
                        "unit": it.unit,
                        "average": it.average,
                        "maximum": it.maximum,
                    })
                })
                .collect();
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            let body = json!({
                "kind": kind,
                "id": id,
                "range": wish.range,
                "from": chart.from.0,
                "step": chart.step,
                "count": chart.count,
                "series": series,
            });
            Ok((no_store, Json(body)).into_response())
        }
        Some("csv") => {
            let name = format!("attachment; filename=\"{kind}-{id}.csv\"");
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                (header::CONTENT_DISPOSITION, name),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            Ok((headers, csv(&chart)).into_response())
        }
        Some(_) => Err(Problem::bad("The format must be json or csv.")),
    }
}

/// A line for each point, a column for each series' average and maximum. Names are ours and
/// figures are numbers: nothing in it needs quotes.
fn csv(chart: &HistoryChart) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("time");
    for series in &chart.series {
        let (name, unit) = (series.name, series.unit);
        let _ = write!(out, ",{name} ({unit}),{name} maximum ({unit})");
    }
    out.push_str("\r\n");
    for point in 0..chart.count {
        let step = i64::try_from(point).unwrap_or(0).saturating_mul(chart.step);
        let at = i128::from(chart.from.0.saturating_add(step)) * 1_000_000;
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(at)
            .ok()
            .and_then(|time| {
                time.format(&time::format_description::well_known::Rfc3339)
                    .ok()
            })
            .unwrap_or_default();
        out.push_str(&time);
        for series in &chart.series {
            for column in [&series.average, &series.maximum] {
                out.push(',');
                if let Some(Some(value)) = column.get(point) {
                    let _ = write!(out, "{value}");
                }
            }
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use manager::HistorySeries;

    #[test]
    fn a_table_has_a_line_for_each_point_and_gaps_stay_empty() {
        let chart = HistoryChart {
            from: Timestamp(1_767_225_600_000),
            step: 60_000,
            count: 2,
            series: vec![HistorySeries {
                name: "cpu",
                unit: "percent",
                average: vec![Some(1.5), None],
                maximum: vec![Some(3.0), None],
            }],
        };
        assert_eq!(
            csv(&chart),
            "time,cpu (percent),cpu maximum (percent)\r\n2026-01-01T00:00:00Z,1.5,3\r\n2026-01-01T00:01:00Z,,\r\n"
        );
    }
}
