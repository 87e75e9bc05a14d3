//! Rows of a list: what passes the filter, in the order of its column, holding still.

use crate::app::{App, app};
use crate::query::has_words;
use crate::store::{Entity, Id, natural};
use crate::ui::order::Order;
use crate::ui::table::Sort;
use leptos::prelude::*;
use std::cmp::Ordering;
use std::sync::Arc;

/// Follows the members of a collection.
#[must_use]
pub fn listing<T: Entity>(
    sort: RwSignal<Sort>,
    words: RwSignal<String>,
    all: impl Fn() -> Vec<Arc<T>> + Send + Sync + 'static,
    said: fn(App, &T) -> String,
    compare: fn(App, &T, &T, usize) -> Ordering,
) -> Order {
    let app = app();
    let fresh = Memo::new(move |_| {
        let by = sort.get();
        let mut rows = all();
        words.with(|words| {
            if !words.is_empty() {
                rows.retain(|row| has_words(words, &[row.name(), &said(app, row)]));
            }
        });
        rows.sort_by(|a, b| {
            let order = compare(app, a, b, by.column);
            (if by.descending {
                order.reverse()
            } else {
                order
            })
            .then_with(|| natural(a.name(), b.name()))
            .then_with(|| a.id().cmp(b.id()))
        });
        rows.iter().map(|row| row.id().clone()).collect::<Vec<Id>>()
    });
    let question = Memo::new(move |_| (sort.get().column, sort.get().descending, words.get()));
    Order::follow(fresh, question)
}

/// Sorts by a column, smallest first.
#[must_use]
pub fn by(column: usize) -> RwSignal<Sort> {
    RwSignal::new(Sort {
        column,
        descending: false,
    })
}
