//! What was measured of a machine, host, disk or interface: live, or over an
//! hour up to a year; as charts with one cross-hair, as a table, as a file.

use crate::app::app;
use crate::client::history::{self, History};
use crate::format::{bytes, percent};
use crate::store::Id;
use crate::task;
use crate::text::{fill, t};
use crate::ui::chart::{Line, Plot, Plotted, ceiling, moment};
use crate::ui::dialog::Dialog;
use crate::ui::form::Segments;
use crate::ui::icon::icon;
use crate::ui::page::reason;
use leptos::prelude::*;
use std::time::Duration;

/// Ranges as the server calls them, their words, and how often they are asked for anew, in seconds.
const RANGES: [(&str, &str, u64); 6] = [
    ("live", "Live", 2),
    ("hour", "Hour", 20),
    ("day", "Day", 60),
    ("week", "Week", 300),
    ("month", "Month", 300),
    ("year", "Year", 300),
];

/// Lines of the table at most.
const LINES: usize = 60;

/// What is drawn: a title and the figures in it.
type Chart = (&'static str, &'static [(&'static str, &'static str)]);

/// The charts of a kind.
fn charts(kind: &str) -> &'static [Chart] {
    match kind {
        "vms" => &[
            ("Processor", &[("cpu", "processor")]),
            ("Memory", &[("memory", "memory")]),
            ("Disks", &[("disk_read", "read"), ("disk_write", "written")]),
            (
                "Network",
                &[
                    ("network_receive", "received"),
                    ("network_transmit", "sent"),
                ],
            ),
        ],
        "hosts" => &[
            ("Processor", &[("cpu", "processor")]),
            ("Memory", &[("memory", "memory")]),
            (
                "Network",
                &[
                    ("network_receive", "received"),
                    ("network_transmit", "sent"),
                ],
            ),
        ],
        "disks" => &[
            ("Data", &[("read", "read"), ("write", "written")]),
            (
                "Operations",
                &[("read_operations", "reads"), ("write_operations", "writes")],
            ),
            (
                "Waiting",
                &[("read_latency", "reads"), ("write_latency", "writes")],
            ),
        ],
        _ => &[
            ("Data", &[("receive", "received"), ("transmit", "sent")]),
            (
                "Dropped",
                &[
                    ("receive_dropped", "received"),
                    ("transmit_dropped", "sent"),
                ],
            ),
        ],
    }
}

fn per_second(value: f64) -> String {
    fill("{0}/s", &[&bytes(value.max(0.0) as u64)])
}

fn plain_bytes(value: f64) -> String {
    bytes(value.max(0.0) as u64)
}

fn times(value: f64) -> String {
    let tenths = (value.max(0.0) * 10.0).round();
    fill("{0}/s", &[&(tenths / 10.0).to_string()])
}

fn milliseconds(value: f64) -> String {
    let micro = (value.max(0.0) * 10_000.0).round();
    fill("{0} ms", &[&(micro / 10.0).to_string()])
}

/// How values of a unit are written.
fn writer(unit: &str) -> fn(f64) -> String {
    match unit {
        "percent" => percent,
        "bytes" => plain_bytes,
        "bytes_per_second" => per_second,
        "seconds" => milliseconds,
        _ => times,
    }
}

/// A round amount of bytes at or above the largest, at least a KiB.
fn binary(largest: f64) -> f64 {
    let mut unit = 1024.0;
    while largest >= unit * 1024.0 {
        unit *= 1024.0;
    }
    ceiling((largest / unit).max(1.0)) * unit
}

/// The part of a history that one chart shows.
fn plotted(
    history: &History,
    chart: &Chart,
    whole: Option<f64>,
    marks: &[f64],
) -> (Plotted, String) {
    let mut unit = String::new();
    let lines: Vec<Line> = chart
        .1
        .iter()
        .filter_map(|(name, words)| {
            let series = history.series.iter().find(|series| series.name == *name)?;
            unit.clone_from(&series.unit);
            Some(Line {
                name: t(words),
                values: series.average.clone(),
            })
        })
        .collect();
    let largest = lines
        .iter()
        .flat_map(|line| line.values.iter().flatten())
        .copied()
        .fold(0.0_f64, f64::max);
    let top = match unit.as_str() {
        "percent" => 100.0,
        "bytes" => whole.unwrap_or_else(|| binary(largest)),
        "bytes_per_second" => binary(largest),
        "seconds" => ceiling(largest.max(0.001)),
        _ => ceiling(largest.max(1.0)),
    };
    let count = lines
        .iter()
        .map(|line| line.values.len())
        .max()
        .unwrap_or(0);
    let until = history.from + history.step * count as f64;
    let marks = marks
        .iter()
        .copied()
        .filter(|at| *at >= history.from && *at <= until)
        .collect();
    (
        Plotted {
            from: history.from,
            step: history.step,
            top,
            lines,
            marks,
        },
        unit,
    )
}

/// The charts.
#[component]
pub fn HistoryCharts(
    /// `vms`, `hosts`, `disks`, `nics`.
    kind: &'static str,
    /// Which one.
    id: Id,
    /// What is at the upper edge of the chart of memory, in bytes.
    #[prop(optional, into)]
    whole: Signal<Option<f64>>,
    /// Which range is shown at first.
    #[prop(optional)]
    first: usize,
) -> AnyView {
    let app = app();
    let range = RwSignal::new(first);
    let as_table = RwSignal::new(false);
    let history = RwSignal::new(None::<Result<History, String>>);
    let cursor = RwSignal::new(None::<f64>);
    let ask = {
        let id = id.clone();
        move || {
            let (id, place) = (id.clone(), range.get_untracked());
            let Some((word, ..)) = RANGES.get(place) else {
                return;
            };
            task::run(async move {
                let answer = history::get(kind, &id, word)
                    .await
                    .map_err(|fault| fault.text());
                // Another range may have been chosen meanwhile.
                if range.try_get_untracked() != Some(place) {
                    return;
                }
                let failed = answer.is_err();
                let known =
                    history.try_with_untracked(|known| matches!(known, Some(Ok(_)))) == Some(true);
                // A question that failed leaves what is shown: the next one comes soon.
                if !(failed && known) {
                    let _ = history.try_set(Some(answer));
                }
            });
        }
    };
    Effect::new(move |before: Option<Option<IntervalHandle>>| {
        if let Some(Some(before)) = before {
            before.clear();
        }
        let seconds = RANGES
            .get(range.get())
            .map_or(60, |(_, _, seconds)| *seconds);
        history.set(None);
        ask();
        let again = ask.clone();
        let handle = set_interval_with_handle(
            move || {
                let hidden = document().hidden();
                if !hidden {
                    again();
                }
            },
            Duration::from_secs(seconds),
        )
        .ok();
        if let Some(handle) = handle {
            on_cleanup(move || handle.clear());
        }
        handle
    });
    let own = id.clone();
    let marks = Memo::new(move |_| {
        let events = app.store.events(40, |event| match kind {
            "vms" => event.vm.as_ref() == Some(&own),
            "hosts" => event.host.as_ref() == Some(&own) && event.vm.is_none(),
            _ => false,
        });
        events.iter().map(|event| event.time).collect::<Vec<_>>()
    });
    let file = {
        let id = id.clone();
        move || {
            let word = RANGES.get(range.get()).map_or("hour", |(word, ..)| *word);
            history::path(kind, &id, word, true)
        }
    };
    let has = Memo::new(move |_| {
        history.with(|history| match history {
            None => 0_u8,
            Some(Err(_)) => 1,
            Some(Ok(_)) => 2,
        })
    });
    let drawn = move || match has.get() {
        0 => view! { <p class="sf-dim" role="status">{t("Loading")}</p> }.into_any(),
        1 => {
            let why = history.with_untracked(|history| match history {
                Some(Err(why)) => why.clone(),
                _ => String::new(),
            });
            reason("sf-reason is-warn", "st-warn", why)
        }
        _ if as_table.get() => table(kind, history),
        _ => {
            let all = charts(kind)
                .iter()
                .map(|chart| one(chart, history, whole, marks, cursor))
                .collect_view();
            view! { <div class="sf-grid is-2">{all}</div> }.into_any()
        }
    };
    view! {
        <div class="sf-stack is-12">
            <div class="sf-row is-wrap">
                <Segments label=t("Range") words=RANGES.iter().map(|(_, words, _)| t(words)).collect() value=range/>
                <span class="sf-grow"></span>
                <button type="button" class="sf-link" aria-pressed=move || crate::ui::yes(as_table.get()) on:click=move |_| as_table.update(|is| *is = !*is)>{move || if as_table.get() { t("As charts") } else { t("As a table") }}</button>
                <a class="sf-link" href=file download="">{icon("download")}" CSV"</a>
            </div>
            {drawn}
        </div>
    }
    .into_any()
}

fn one(
    chart: &'static Chart,
    history: RwSignal<Option<Result<History, String>>>,
    whole: Signal<Option<f64>>,
    marks: Memo<Vec<f64>>,
    cursor: RwSignal<Option<f64>>,
) -> AnyView {
    let whole = move || (chart.0 == "Memory").then(|| whole.get()).flatten();
    let data = Memo::new(move |_| {
        history.with(|history| match history {
            Some(Ok(history)) => marks.with(|marks| plotted(history, chart, whole(), marks)),
            _ => Default::default(),
        })
    });
    let unit = data.with_untracked(|(_, unit)| unit.clone());
    let value = writer(&unit);
    let now = move || {
        data.with(|(data, _)| {
            let said: Vec<String> = data
                .lines
                .iter()
                .map(|line| {
                    let last = line.values.iter().rev().take(3).flatten().next();
                    let last = last.map_or_else(|| "–".to_owned(), |last| value(*last));
                    if data.lines.len() > 1 {
                        [line.name, " ", &last].concat()
                    } else {
                        last
                    }
                })
                .collect();
            said.join(", ")
        })
    };
    let label = Signal::derive(move || fill("{0}: {1} at the end", &[t(chart.0), &now()]));
    view! {
        <div>
            <div class="sf-chart__head"><b>{t(chart.0)}</b><span class="sf-strong">{now}</span></div>
            <Plot data=Signal::derive(move || data.with(|(data, _)| data.clone())) label=label value=value cursor=cursor/>
        </div>
    }
    .into_any()
}

/// The same figures as a table, no longer than can be read.
fn table(kind: &'static str, history: RwSignal<Option<Result<History, String>>>) -> AnyView {
    let columns: Vec<(&str, &str, &str)> = charts(kind)
        .iter()
        .flat_map(|(title, names)| {
            names
                .iter()
                .map(move |(name, words)| (*title, *name, *words))
        })
        .collect();
    let head = columns
        .iter()
        .map(|(title, _, words)| view! { <th class="pf-v6-c-table__th sf-right" scope="col">{t(title)}" "{t(words)}</th> })
        .collect_view();
    let body = move || {
        history.with(|history| {
            let Some(Ok(history)) = history else {
                return Vec::new();
            };
            let count = history.series.iter().map(|series| series.average.len()).max().unwrap_or(0);
            let every = count.div_ceil(LINES).max(1);
            let length = history.step * count as f64;
            (0..count)
                .rev()
                .step_by(every)
                .map(|place| {
                    let at = history.from + history.step * place as f64;
                    let mut time = moment(at, 0.0);
                    if length > 86_400_000.0 {
                        time = [moment(at, f64::MAX), " ".to_owned(), time].concat();
                    }
                    let cells = columns
                        .iter()
                        .map(|(_, name, _)| {
                            let series = history.series.iter().find(|series| series.name == *name);
                            let value = series.and_then(|series| {
                                let value = series.average.get(place).copied().flatten()?;
                                Some(writer(&series.unit)(value))
                            });
                            view! { <td class="pf-v6-c-table__td sf-right">{value.unwrap_or_else(|| "–".to_owned())}</td> }
                        })
                        .collect_view();
                    view! { <tr class="pf-v6-c-table__tr"><th class="pf-v6-c-table__td" scope="row">{time}</th>{cells}</tr> }
                })
                .collect()
        })
    };
    view! {
        <div class="sf-tablebox" tabindex="0" role="region" aria-label=t("Figures as a table")>
            <table class="pf-v6-c-table pf-m-compact sf-table" aria-label=t("Figures")>
                <thead class="pf-v6-c-table__thead"><tr class="pf-v6-c-table__tr"><th class="pf-v6-c-table__th" scope="col">{t("Time")}</th>{head}</tr></thead>
                <tbody class="pf-v6-c-table__tbody">{body}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The charts in a dialog, for what has no page of its own.
#[component]
pub fn HistoryDialog(
    /// `disks`, `nics`.
    kind: &'static str,
    /// Which one.
    id: Id,
    /// What it is called.
    name: String,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    view! {
        <Dialog title=name on_close=on_close foot=move || view! { <crate::ui::button::Button label=t("Close") on_press=on_close/> }>
            <div class="sf-dialog__body"><HistoryCharts kind=kind id=id.clone() first=1/></div>
        </Dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::history::Series;

    #[test]
    fn a_chart_takes_its_figures_and_marks_what_happened_meanwhile() {
        let history = History {
            from: 1_000.0,
            step: 1_000.0,
            series: vec![
                Series {
                    name: "disk_write".into(),
                    unit: "bytes_per_second".into(),
                    average: vec![Some(1.0), None, Some(130.0)],
                },
                Series {
                    name: "cpu".into(),
                    unit: "percent".into(),
                    average: vec![Some(5.0); 3],
                },
            ],
        };
        let (data, unit) = plotted(&history, &charts("vms")[2], None, &[500.0, 2_500.0]);
        assert_eq!((unit.as_str(), data.top), ("bytes_per_second", 1024.0));
        assert_eq!(binary(3_000_000.0), 5.0 * 1024.0 * 1024.0);
        assert_eq!(data.lines.len(), 1);
        assert_eq!(data.marks, [2_500.0]);
        let (cpu, _) = plotted(&history, &charts("vms")[0], None, &[]);
        assert_eq!(cpu.top, 100.0);
    }

    #[test]
    fn values_are_written_with_their_unit() {
        assert_eq!(writer("bytes_per_second")(2048.0), "2 KiB/s");
        assert_eq!(writer("seconds")(0.0123), "12.3 ms");
        assert_eq!(writer("per_second")(2.55), "2.6/s");
    }
}
