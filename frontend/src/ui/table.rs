//! The one table: windowed, sortable, with selection, roving focus and keys.
//! Knows rows by id and draws what its columns' owner gives it.
//!
//! Only the rows in view (and a few around) are in the document; two empty rows
//! take the place of the others. Below 700 px a row folds to two lines, by CSS,
//! and is 53 px high instead of 33.

use super::each::{each, member};
use super::icon::icon;
use super::yes;
use crate::store::Id;
use crate::text::{fill, t};
use leptos::ev;
use leptos::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// Below so many rows all are drawn.
const WINDOW_FROM: usize = 120;
/// Drawn above and below what is in view.
const AROUND: usize = 12;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What its head says.
    pub label: &'static str,
    /// Class of its `col`, which gives its width.
    pub width: &'static str,
    /// Class of its cells: `sf-right`, `f-name` …
    pub class: &'static str,
    /// Whether its head sorts.
    pub sorts: bool,
}

/// A column.
#[must_use]
pub const fn column(
    label: &'static str,
    width: &'static str,
    class: &'static str,
    sorts: bool,
) -> Column {
    Column {
        label,
        width,
        class,
        sorts,
    }
}

/// By which column, and whether from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Its place.
    pub column: usize,
    /// Greatest first.
    pub descending: bool,
}

/// The cells of a row, one per column.
pub type Cells = Arc<dyn Fn(&Id) -> Vec<AnyView> + Send + Sync>;

/// Which rows are drawn, of so many, at this scroll position.
#[must_use]
pub fn window_of(count: usize, top: f64, height: f64, row: f64) -> std::ops::Range<usize> {
    if count <= WINDOW_FROM || row <= 0.0 {
        return 0..count;
    }
    let first = (top / row).max(0.0) as usize;
    let shown = (height / row).max(1.0) as usize + 1;
    first.saturating_sub(AROUND).min(count)..(first + shown + AROUND).min(count)
}

fn is_narrow() -> bool {
    window()
        .match_media("(max-width: 700px)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches())
}

/// The table.
#[component]
pub fn Table(
    /// What it lists.
    label: &'static str,
    /// Its columns.
    columns: &'static [Column],
    /// Its rows, in order.
    #[prop(into)]
    rows: Signal<Vec<Id>>,
    /// Draws a row.
    cells: Cells,
    /// Names a row.
    #[prop(into)]
    name: Callback<Id, String>,
    /// What sorts it.
    sort: RwSignal<Sort>,
    /// Rows that are ticked, if rows can be.
    #[prop(optional)]
    selection: Option<RwSignal<HashSet<Id>>>,
    /// The row whose panel is open, if rows have panels.
    #[prop(optional)]
    open: Option<RwSignal<Option<Id>>>,
    /// A key on a row: `Enter`, `o`, `e` …
    #[prop(optional, into)]
    on_key: Option<Callback<(Id, String)>>,
    /// Leaves room for a bar at the bottom.
    #[prop(optional, into)]
    room: Signal<bool>,
    /// Below the rows.
    #[prop(optional, into)]
    after: ViewFn,
) -> AnyView {
    let scroller = NodeRef::<leptos::html::Div>::new();
    let top = RwSignal::new(0.0_f64);
    let height = RwSignal::new(800.0_f64);
    let narrow = RwSignal::new(is_narrow());
    let at = RwSignal::new(0_usize);
    let measure = move || {
        if let Some(element) = scroller.get_untracked() {
            top.set(f64::from(element.scroll_top()));
            height.set(f64::from(element.client_height()));
        }
        let now = is_narrow();
        if narrow.get_untracked() != now {
            narrow.set(now);
        }
    };
    Effect::new(move |_| {
        if scroller.get().is_some() {
            measure();
        }
    });
    let resized = window_event_listener(ev::resize, move |_| measure());
    on_cleanup(move || resized.remove());

    let row_height = Memo::new(move |_| if narrow.get() { 53.0 } else { 33.0 });
    let count = Memo::new(move |_| rows.with(Vec::len));
    let drawn =
        Memo::new(move |_| window_of(count.get(), top.get(), height.get(), row_height.get()));
    let visible = Memo::new(move |_| {
        let range = drawn.get();
        rows.with(|rows| {
            let end = range.end.min(rows.len());
            let start = range.start.min(end);
            rows[start..end]
                .iter()
                .enumerate()
                .map(|(place, id)| (start + place, id.clone()))
                .collect::<Vec<_>>()
        })
    });
    let focus_row = move |place: usize| {
        at.set(place);
        let Some(element) = scroller.get_untracked() else {
            return;
        };
        let row = row_height.get_untracked();
        let (first, last) = (place as f64 * row, (place + 1) as f64 * row + 30.0);
        let (seen, tall) = (
            f64::from(element.scroll_top()),
            f64::from(element.client_height()),
        );
        if first < seen {
            element.set_scroll_top(first as i32);
        } else if last > seen + tall {
            element.set_scroll_top((last - tall) as i32);
        }
        request_animation_frame(move || {
            if let Ok(Some(row)) = element
                .query_selector(&["tr[aria-rowindex='", &(place + 2).to_string(), "']"].concat())
                && let Ok(row) = row.dyn_into::<web_sys::HtmlElement>()
            {
                drop(row.focus());
            }
        });
    };
    let tick = move |id: &Id| {
        if let Some(selection) = selection {
            selection.update(|ticked| {
                if !ticked.remove(id) {
                    ticked.insert(id.clone());
                }
            });
        }
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let in_row = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .is_some_and(|element| element.tag_name() == "TR");
        if !in_row || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let count = count.get_untracked();
        let here = at.get_untracked();
        let page = ((height.get_untracked() / row_height.get_untracked()) as usize).max(1);
        let to = match event.key().as_str() {
            "ArrowDown" | "j" => Some((here + 1).min(count.saturating_sub(1))),
            "ArrowUp" | "k" => Some(here.saturating_sub(1)),
            "Home" => Some(0),
            "End" => Some(count.saturating_sub(1)),
            "PageDown" => Some((here + page).min(count.saturating_sub(1))),
            "PageUp" => Some(here.saturating_sub(page)),
            key => {
                let Some(id) = rows.with_untracked(|rows| rows.get(here).cloned()) else {
                    return;
                };
                match key {
                    "x" => {
                        event.prevent_default();
                        tick(&id);
                    }
                    " " if open.is_some() => {
                        event.prevent_default();
                        if let Some(open) = open {
                            open.set(Some(id));
                        }
                    }
                    "Escape" if open.is_some_and(|open| open.with_untracked(Option::is_some)) => {
                        event.prevent_default();
                        if let Some(open) = open {
                            open.set(None);
                        }
                    }
                    _ => {
                        if let Some(on_key) = on_key
                            && (key == "Enter" || key.len() == 1)
                        {
                            on_key.run((id, key.to_owned()));
                        }
                    }
                }
                None
            }
        };
        if let Some(to) = to {
            event.prevent_default();
            focus_row(to);
        }
    };
    let all_ticked = move || {
        selection.is_some_and(|selection| {
            selection.with(|ticked| !ticked.is_empty() && ticked.len() == count.get())
        })
    };
    let head_cells = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let is = move || sort.with(|sort| sort.column == place);
            let direction = move || is().then(|| if sort.get().descending { "descending" } else { "ascending" });
            let class = ["pf-v6-c-table__th ", column.class].concat();
            if !column.sorts {
                return view! { <th class=class scope="col">{head_words(column)}</th> }.into_any();
            }
            view! {
                <th class=class scope="col" aria-sort=direction>
                    <button
                        type="button"
                        class="sf-th"
                        on:click=move |_| sort.update(|sort| *sort = Sort { column: place, descending: sort.column == place && !sort.descending })
                    >
                        {t(column.label)}
                        {move || is().then(|| icon(if sort.get().descending { "down" } else { "up" }))}
                    </button>
                </th>
            }
            .into_any()
        })
        .collect_view();
    let span = (columns.len() + usize::from(selection.is_some())).to_string();
    let span_below = span.clone();
    let draw = move |(place, id): (usize, Id)| {
        let cells = Arc::clone(&cells);
        let (id_open, id_ticked, id_click, id_double, id_label) =
            (id.clone(), id.clone(), id.clone(), id.clone(), id.clone());
        let is_ticked = Memo::new(move |_| {
            selection.is_some_and(|selection| selection.with(|ticked| ticked.contains(&id_ticked)))
        });
        let is_open = Memo::new(move |_| {
            open.is_some_and(|open| open.with(|open| open.as_ref() == Some(&id_open)))
        });
        let id_tick = id.clone();
        view! {
            <tr
                class="pf-v6-c-table__tr"
                class:is-sel=is_ticked
                class:is-open=is_open
                aria-rowindex=(place + 2).to_string()
                aria-selected=selection.map(|_| move || yes(is_ticked.get()))
                tabindex=move || if at.get() == place { "0" } else { "-1" }
                on:focus=move |_| at.set(place)
                on:click=move |event| {
                    at.set(place);
                    if inside_control(&event) {
                        return;
                    }
                    if let Some(open) = open {
                        if is_narrow() {
                            if let Some(on_key) = on_key { on_key.run((id_click.clone(), "Enter".to_owned())); }
                        } else {
                            open.set(Some(id_click.clone()));
                        }
                    }
                }
                on:dblclick=move |event| {
                    if !inside_control(&event)
                        && let Some(on_key) = on_key { on_key.run((id_double.clone(), "Enter".to_owned())); }
                }
            >
                {selection.map(|_| view! {
                    <td class="pf-v6-c-table__td c-chk">
                        <input
                            class="sf-check"
                            type="checkbox"
                            tabindex="-1"
                            aria-label=move || fill("Select {0}", &[&name.run(id_label.clone())])
                            prop:checked=is_ticked
                            on:change=move |_| tick(&id_tick)
                        />
                    </td>
                })}
                {move || cells(&id).into_iter().zip(columns).map(|(cell, column)| view! { <td class=["pf-v6-c-table__td ", column.class].concat()>{cell}</td> }).collect_view()}
            </tr>
        }
        .into_any()
    };
    let draw = Arc::new(draw);
    let drawn_rows = move || {
        let rows = visible.get().into_iter();
        rows.map(|(place, id)| {
            let draw = Arc::clone(&draw);
            member([&place.to_string(), " ", &id].concat(), move || {
                draw((place, id.clone()))
            })
        })
        .collect()
    };
    let gap =
        move |rows: usize| [&((rows as f64 * row_height.get()) as u64).to_string(), "px"].concat();
    view! {
        <div class="sf-scroll" class:has-selbar=room node_ref=scroller on:scroll=move |_| measure() on:keydown=on_keydown>
            <table class="pf-v6-c-table pf-m-compact sf-table is-fold" role="grid" aria-label=label aria-rowcount=move || (count.get() + 1).to_string() aria-multiselectable=selection.map(|_| "true")>
                <colgroup>
                    {selection.map(|_| view! { <col class="c-chk"/> })}
                    {columns.iter().map(|column| view! { <col class=column.width/> }).collect_view()}
                </colgroup>
                <thead class="pf-v6-c-table__thead">
                    <tr class="pf-v6-c-table__tr" aria-rowindex="1">
                        {selection.map(|selection| view! {
                            <th class="pf-v6-c-table__th c-chk" scope="col">
                                <input
                                    class="sf-check"
                                    type="checkbox"
                                    aria-label=t("Select all")
                                    prop:checked=all_ticked
                                    on:change:target=move |event| {
                                        if event.target().checked() {
                                            let all = rows.with_untracked(|rows| rows.iter().cloned().collect());
                                            selection.set(all);
                                        } else {
                                            selection.set(HashSet::new());
                                        }
                                    }
                                />
                            </th>
                        })}
                        {head_cells}
                    </tr>
                </thead>
                <tbody class="pf-v6-c-table__tbody">
                    {move || (drawn.get().start > 0).then(|| view! { <tr class="sf-gap-row" aria-hidden="true"><td colspan=span.clone() style:height=gap(drawn.get().start)></td></tr> })}
                    {each(drawn_rows)}
                    {move || (drawn.get().end < count.get()).then(|| view! { <tr class="sf-gap-row" aria-hidden="true"><td colspan=span_below.clone() style:height=gap(count.get() - drawn.get().end)></td></tr> })}
                </tbody>
            </table>
            {after.run()}
        </div>
    }
    .into_any()
}

/// What a head says; a column of buttons says it to screen readers only.
fn head_words(column: &Column) -> AnyView {
    if column.label.is_empty() {
        view! { <span class="sf-sr">{t("More")}</span> }.into_any()
    } else {
        t(column.label).into_any()
    }
}

/// Links, buttons and boxes in a row do their own thing.
fn inside_control(event: &web_sys::MouseEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .and_then(|element| {
            element
                .closest("a, button, input, select, label")
                .ok()
                .flatten()
        })
        .is_some()
}

/// A table without windowing, for a handful of rows inside a page.
#[must_use]
pub fn plain_table(
    label: &'static str,
    columns: &'static [Column],
    rows: Vec<Vec<AnyView>>,
) -> AnyView {
    let head = columns
        .iter()
        .map(|column| {
            let class = ["pf-v6-c-table__th ", column.class].concat();
            view! { <th class=class scope="col">{head_words(column)}</th> }
        })
        .collect_view();
    let body = rows
        .into_iter()
        .map(|cells| {
            let cells = cells.into_iter().zip(columns).map(|(cell, column)| view! { <td class=["pf-v6-c-table__td ", column.class].concat()>{cell}</td> }).collect_view();
            view! { <tr class="pf-v6-c-table__tr">{cells}</tr> }
        })
        .collect_view();
    view! {
        <table class="pf-v6-c-table pf-m-compact sf-table is-stack" aria-label=label>
            <colgroup>{columns.iter().map(|column| view! { <col class=column.width/> }).collect_view()}</colgroup>
            <thead class="pf-v6-c-table__thead"><tr class="pf-v6-c-table__tr">{head}</tr></thead>
            <tbody class="pf-v6-c-table__tbody">{body}</tbody>
        </table>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::window_of;

    #[test]
    fn short_lists_are_drawn_whole() {
        assert_eq!(window_of(42, 0.0, 600.0, 33.0), 0..42);
    }

    #[test]
    fn long_lists_are_drawn_around_what_is_seen() {
        let drawn = window_of(10_000, 33_000.0, 660.0, 33.0);
        assert_eq!(drawn, 988..1033);
        assert!(drawn.len() < 60, "however long the list is");
    }

    #[test]
    fn the_window_stays_inside_the_list() {
        assert_eq!(window_of(200, 0.0, 660.0, 33.0).start, 0);
        assert_eq!(window_of(200, 6_600.0, 660.0, 33.0), 188..200);
        assert_eq!(window_of(200, 1e9, 660.0, 33.0), 200..200);
    }
}
