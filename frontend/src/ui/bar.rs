//! Bars and sparklines: SVG attributes, so that no style has to be written.

use leptos::prelude::*;

fn with_percent(value: f64) -> String {
    let tenths = (value.clamp(0.0, 100.0) * 10.0).round() as u64;
    [
        &(tenths / 10).to_string(),
        ".",
        &(tenths % 10).to_string(),
        "%",
    ]
    .concat()
}

/// A bar of parts side by side, each in percent of the whole with its class; the label says what it shows.
#[must_use]
pub fn bar(parts: &[(f64, &'static str)], label: String, thin: bool) -> AnyView {
    let mut from = 0.0;
    let rects: Vec<_> = parts
        .iter()
        .map(|(share, class)| {
            let share = share.min(100.0 - from).max(0.0);
            let rect = view! { <rect x=with_percent(from) width=with_percent(share) height="100%" class=*class></rect> };
            from += share;
            rect
        })
        .collect();
    view! { <svg class=if thin { "sf-bar is-thin" } else { "sf-bar" } role="img" aria-label=label>{rects}</svg> }.into_any()
}

/// Points of a line over a box of this size; values are percents.
#[must_use]
pub fn points(values: &[f32], width: f32, height: f32) -> String {
    let mut out = String::with_capacity(values.len() * 10);
    let step = if values.len() > 1 {
        width / (values.len() - 1) as f32
    } else {
        0.0
    };
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(' ');
        }
        push_tenths(&mut out, place as f32 * step);
        out.push(',');
        // The top and bottom pixel belong to the stroke's own width.
        push_tenths(
            &mut out,
            height - 1.2 - (height - 2.4) * value.clamp(0.0, 100.0) / 100.0,
        );
    }
    out
}

fn push_tenths(out: &mut String, value: f32) {
    let tenths = (value.max(0.0) * 10.0).round() as u32;
    out.push_str(&(tenths / 10).to_string());
    if !tenths.is_multiple_of(10) {
        out.push('.');
        out.push_str(&(tenths % 10).to_string());
    }
}

/// A sparkline; the figure next to it says the value.
#[must_use]
pub fn spark(values: &[f32], width: f32, height: f32) -> AnyView {
    let last = values.last().copied().unwrap_or(0.0);
    let class = if last >= 95.0 {
        "sf-spark is-bad"
    } else if last >= 85.0 {
        "sf-spark is-warn"
    } else {
        "sf-spark"
    };
    let line = points(values, width, height);
    let view_box = [
        "0 0 ",
        &(width as u32).to_string(),
        " ",
        &(height as u32).to_string(),
    ]
    .concat();
    let bottom = (height as u32).to_string();
    let area = [
        "M0,",
        &bottom,
        " L",
        &line.replace(' ', " L"),
        " L",
        &(width as u32).to_string(),
        ",",
        &bottom,
        "z",
    ]
    .concat();
    if values.len() < 2 {
        return view! { <svg class=class viewBox=view_box aria-hidden="true"></svg> }.into_any();
    }
    view! {
        <svg class=class viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
            <path d=area></path>
            <polyline points=line></polyline>
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_edge_to_edge_and_stays_inside() {
        assert_eq!(
            points(&[0.0, 100.0, 250.0], 52.0, 18.0),
            "0,16.8 26,1.2 52,1.2"
        );
        assert_eq!(points(&[50.0], 52.0, 18.0), "0,9");
        assert_eq!(points(&[], 52.0, 18.0), "");
    }

    #[test]
    fn shares_are_written_in_tenths_of_a_percent() {
        assert_eq!(with_percent(41.26), "41.3%");
        assert_eq!(with_percent(200.0), "100.0%");
    }
}
