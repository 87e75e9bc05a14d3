//! A chart of what was seen since the page was opened, with one cross-hair
//! shared by charts that share a cursor. Knows percents and times only.

use super::bar::points;
use leptos::prelude::*;

/// A chart's data: `(milliseconds since 1970, percent)`, oldest first.
pub type Series = Vec<(f64, f32)>;

/// What a chart writes at its sides.
#[derive(Clone, PartialEq)]
pub struct Scale {
    /// At the top, in the middle, at the bottom.
    pub marks: [String; 3],
}

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

/// An area chart.
#[component]
pub fn Chart(
    /// What it shows.
    #[prop(into)]
    series: Signal<Series>,
    /// What it writes at its side.
    #[prop(into)]
    scale: Signal<Scale>,
    /// What it shows, in words.
    #[prop(into)]
    label: Signal<String>,
    /// Writes a value next to the cross-hair.
    #[prop(into)]
    value: Callback<f32, String>,
    /// Where the cross-hair is, as a part of the width.
    cursor: RwSignal<Option<f64>>,
) -> AnyView {
    let plot = NodeRef::<leptos::html::Div>::new();
    let line = Memo::new(move |_| {
        series.with(|series| {
            points(
                &series.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
                600.0,
                100.0,
            )
        })
    });
    let times = move || {
        series.with(|series| match (series.first(), series.last()) {
            (Some((first, _)), Some((last, _))) if last > first => {
                [*first, (first + last) / 2.0, *last]
                    .map(|at| view! { <span>{clock_time(at, last - first < 600_000.0)}</span> })
                    .collect_view()
            }
            _ => Vec::new().collect_view(),
        })
    };
    let hair = move || {
        let part = cursor.get()?;
        series.with(|series| {
            let place = ((series.len().checked_sub(1)?) as f64 * part).round() as usize;
            let (at, percent) = *series.get(place)?;
            let x = [&(part * 100.0).round().to_string(), "%"].concat();
            let y = [&(100.0 - percent).round().to_string(), "%"].concat();
            let (anchor, dx) = if part > 0.6 {
                ("end", "-8")
            } else {
                ("start", "8")
            };
            let words = [clock_time(at, true), value.run(percent)].join(", ");
            Some(view! {
                <line class="cross" x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
                <circle class="dot" cx=x.clone() cy=y.clone() r="3.5"></circle>
                <text class="tip" x=x y=y dx=dx dy="-7" text-anchor=anchor>{words}</text>
            })
        })
    };
    view! {
        <div class="sf-chart is-low" role="img" aria-label=label>
            <div class="sf-chart__y" aria-hidden="true">
                {move || scale.get().marks.map(|mark| view! { <span>{mark}</span> }).collect_view()}
            </div>
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
                </svg>
                <svg viewBox="0 0 600 100" preserveAspectRatio="none">
                    <path class="area" d=move || line.with(|line| if line.contains(' ') { ["M0,100 L", &line.replace(' ', " L"), " L600,100z"].concat() } else { String::new() })></path>
                    <polyline class="line" points=line></polyline>
                </svg>
                <svg>{hair}</svg>
            </div>
            <div class="sf-chart__x" aria-hidden="true">{times}</div>
        </div>
    }
    .into_any()
}
