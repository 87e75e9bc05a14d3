//! A chart of one or two lines over time with gaps, one cross-hair shared by
//! charts that share a cursor, and the same as a table.

use crate::text::t;
use leptos::prelude::*;

/// `01:04:31`, in the person's time zone.
#[must_use]
pub fn clock_time(at: f64, seconds: bool) -> String {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at));
    let two = |number: u32| {
        if number < 10 {
            ["0", &number.to_string()].concat()
        } else {
            number.to_string()
        }
    };
    let mut out = [&two(date.get_hours()), ":", &two(date.get_minutes())].concat();
    if seconds {
        out.push(':');
        out.push_str(&two(date.get_seconds()));
    }
    out
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it shows.
    pub name: &'static str,
    /// Nothing where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// What a chart shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plotted {
    /// Of the first point, in milliseconds since 1970.
    pub from: f64,
    /// Between points, in milliseconds.
    pub step: f64,
    /// The value at the upper edge.
    pub top: f64,
    /// One or two lines.
    pub lines: Vec<Line>,
    /// Moments that are marked.
    pub marks: Vec<f64>,
}

impl Plotted {
    fn count(&self) -> usize {
        self.lines
            .iter()
            .map(|line| line.values.len())
            .max()
            .unwrap_or(0)
    }

    fn until(&self) -> f64 {
        self.from + self.step * self.count().saturating_sub(1) as f64
    }
}

/// A round number at or above the largest value.
#[must_use]
pub fn ceiling(largest: f64) -> f64 {
    if largest <= 0.0 || !largest.is_finite() {
        return 1.0;
    }
    let tenth = 10_f64.powf(largest.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .iter()
        .map(|factor| factor * tenth)
        .find(|top| *top >= largest)
        .unwrap_or(largest)
}

fn tenths(out: &mut String, value: f64) {
    let tenths = (value.max(0.0) * 10.0).round() as u64;
    out.push_str(&(tenths / 10).to_string());
    if !tenths.is_multiple_of(10) {
        out.push('.');
        out.push_str(&(tenths % 10).to_string());
    }
}

/// The way of a line over a box of 600 by 100; it is lifted where nothing was measured.
#[must_use]
pub fn way(values: &[Option<f64>], top: f64) -> String {
    let mut out = String::with_capacity(values.len() * 12);
    let step = 600.0 / values.len().saturating_sub(1).max(1) as f64;
    let mut down = false;
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else {
            down = false;
            continue;
        };
        out.push(if down { 'L' } else { 'M' });
        tenths(&mut out, place as f64 * step);
        out.push(',');
        let share = if top > 0.0 {
            (value / top).clamp(0.0, 1.0)
        } else {
            0.0
        };
        tenths(&mut out, 98.8 - 97.6 * share);
        // A single point between gaps is a dot, not nothing.
        let alone = !down && values.get(place + 1).is_none_or(Option::is_none);
        if alone {
            out.push_str("h1");
        }
        down = true;
    }
    out
}

/// Time or day, as the length asks for.
#[must_use]
pub fn moment(at: f64, length: f64) -> String {
    if length <= 2.0 * 86_400_000.0 {
        return clock_time(at, length < 900_000.0);
    }
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at));
    let options = js_sys::Object::new();
    for (key, value) in [("day", "numeric"), ("month", "short")] {
        drop(js_sys::Reflect::set(&options, &key.into(), &value.into()));
    }
    String::from(date.to_locale_date_string("default", &options))
}

fn percent(part: f64) -> String {
    [&(part * 100.0).round().to_string(), "%"].concat()
}

/// The chart.
#[component]
pub fn Plot(
    /// What it shows.
    #[prop(into)]
    data: Signal<Plotted>,
    /// What it shows, in words.
    #[prop(into)]
    label: Signal<String>,
    /// Writes a value.
    value: fn(f64) -> String,
    /// Where the cross-hair is, as a part of the width.
    cursor: RwSignal<Option<f64>>,
) -> AnyView {
    let plot = NodeRef::<leptos::html::Div>::new();
    let lines = move || {
        data.with(|data| {
            data.lines
                .iter()
                .enumerate()
                .map(|(place, line)| {
                    let class = if place == 0 { "line" } else { "line is-2" };
                    view! { <path class=class d=way(&line.values, data.top)></path> }
                })
                .collect_view()
        })
    };
    let marks = move || {
        data.with(|data| {
            let length = (data.until() - data.from).max(1.0);
            data.marks
                .iter()
                .map(|at| {
                    let x = percent(((at - data.from) / length).clamp(0.0, 1.0));
                    view! { <line class="mark" x1=x.clone() x2=x y1="0" y2="100%"></line> }
                })
                .collect_view()
        })
    };
    let hair = move || {
        let part = cursor.get()?;
        data.with(|data| {
            let place = (data.count().checked_sub(1)? as f64 * part).round() as usize;
            let at = data.from + data.step * place as f64;
            let mut words = moment(at, 0.0);
            if data.until() - data.from > 2.0 * 86_400_000.0 {
                words = [moment(at, f64::MAX), " ".to_owned(), words].concat();
            }
            for line in &data.lines {
                let said = match line.values.get(place).copied().flatten() {
                    Some(number) => value(number),
                    None => t("not measured").to_owned(),
                };
                words.push_str(", ");
                if data.lines.len() > 1 {
                    words.push_str(line.name);
                    words.push(' ');
                }
                words.push_str(&said);
            }
            let x = percent(part);
            let (anchor, dx) = if part > 0.6 {
                ("end", "-8")
            } else {
                ("start", "8")
            };
            Some(view! {
                <line class="cross" x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
                <text class="tip" x=x y="14" dx=dx text-anchor=anchor>{words}</text>
            })
        })
    };
    let sides = move || {
        data.with(|data| [value(data.top), value(data.top / 2.0), value(0.0)])
            .map(|mark| view! { <span>{mark}</span> })
            .collect_view()
    };
    let times = move || {
        data.with(|data| {
            let length = data.until() - data.from;
            (length > 0.0).then(|| {
                [data.from, data.from + length / 2.0, data.until()]
                    .map(|at| view! { <span>{moment(at, length)}</span> })
                    .collect_view()
            })
        })
    };
    view! {
        <div class="sf-chart is-low is-wide" role="img" aria-label=label>
            <div class="sf-chart__y" aria-hidden="true">{sides}</div>
            <div
                class="sf-chart__plot"
                aria-hidden="true"
                node_ref=plot
                on:pointermove=move |event| {
                    if let Some(plot) = plot.get_untracked() {
                        let width = f64::from(plot.client_width()).max(1.0);
                        let left = plot.get_bounding_client_rect().left();
                        cursor.set(Some(((f64::from(event.client_x()) - left) / width).clamp(0.0, 1.0)));
                    }
                }
                on:pointerleave=move |_| cursor.set(None)
            >
                <svg>
                    <line class="grid" x1="0" x2="100%" y1="0%" y2="0%"></line>
                    <line class="grid" x1="0" x2="100%" y1="50%" y2="50%"></line>
                    <line class="grid" x1="0" x2="100%" y1="100%" y2="100%"></line>
                    {marks}
                </svg>
                <svg viewBox="0 0 600 100" preserveAspectRatio="none">{lines}</svg>
                <svg>{hair}</svg>
            </div>
            <div class="sf-chart__x" aria-hidden="true">{times}</div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_lifted_where_nothing_was_measured() {
        assert_eq!(
            way(&[Some(0.0), Some(100.0), None, Some(50.0)], 100.0),
            "M0,98.8L200,1.2M600,50h1"
        );
        assert_eq!(way(&[], 1.0), "");
        assert_eq!(way(&[None, None], 1.0), "");
    }

    #[test]
    fn the_upper_edge_is_a_round_number() {
        assert_eq!(ceiling(0.0), 1.0);
        assert_eq!(ceiling(7.0), 10.0);
        assert_eq!(ceiling(130.0), 200.0);
        assert_eq!(ceiling(2000.0), 2000.0);
        assert_eq!(ceiling(f64::NAN), 1.0);
    }
}
