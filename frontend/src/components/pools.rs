//! Pools as both portals show them: how full they are, and getting a machine of one.

use crate::app::App;
use crate::client::pools;
use crate::store::{Id, Pool};
use crate::task;
use crate::text::{fill, t};
use crate::ui::page::reason;
use leptos::prelude::*;

/// Squares are drawn for at most so many machines.
const SQUARES: u64 = 36;

/// A square for each machine: somebody's, waiting for somebody, off.
#[must_use]
pub fn squares(pool: &Pool) -> AnyView {
    let used = pool.assigned.min(pool.size);
    let ready = pool.ready.min(pool.size - used);
    let words = fill(
        "{0} of {1} in use, {2} ready",
        &[
            &used.to_string(),
            &pool.size.to_string(),
            &ready.to_string(),
        ],
    );
    let squares = (0..pool.size.min(SQUARES))
        .map(|place| {
            // More than fit: the proportions stay right.
            let place = if pool.size > SQUARES {
                place * pool.size / SQUARES
            } else {
                place
            };
            let class = if place < used {
                "is-used"
            } else if place < used + ready {
                "is-ready"
            } else {
                ""
            };
            view! { <i class=class></i> }
        })
        .collect_view();
    view! { <div class="sf-pooldots" role="img" aria-label=words>{squares}</div> }.into_any()
}

/// How full it is, in words.
#[must_use]
pub fn fullness(pool: &Pool) -> String {
    if pool.ready > 0 {
        fill(
            "{0} of {1} in use, {2} ready at once",
            &[
                &pool.assigned.to_string(),
                &pool.size.to_string(),
                &pool.ready.to_string(),
            ],
        )
    } else {
        fill(
            "{0} of {1} in use",
            &[&pool.assigned.to_string(), &pool.size.to_string()],
        )
    }
}

/// What its kind means.
#[must_use]
pub fn kind_words(pool: &Pool) -> &'static str {
    match (pool.automatic, pool.stateful) {
        (true, false) => t("a fresh one each time"),
        (true, true) => t("goes back when shut down, keeps its state"),
        (false, false) => t("yours until given back, fresh at each start"),
        (false, true) => t("yours until given back, keeps its state"),
    }
}

/// Why nothing can be had from it, as a reason.
#[must_use]
pub fn maintenance(pool: &Pool) -> Option<AnyView> {
    pool.maintenance.then(|| {
        reason(
            "sf-reason is-warn",
            "st-maint",
            t("It is in maintenance: nothing is given out and nothing is started ahead."),
        )
    })
}

/// Asks for a machine of the pool and tells which one it was.
pub fn allocate(app: App, pool: &Pool, busy: RwSignal<bool>, then: Callback<Id>) {
    let (id, name) = (pool.id.clone(), pool.name.clone());
    busy.set(true);
    task::run(async move {
        let answer = pools::act(&id, "allocatevm").await;
        let _: Option<bool> = busy.try_set(false);
        match answer {
            Ok(answer) => {
                if let Some(vm) = crate::json::id(&answer, &["vm"]) {
                    // The stream may tell of it a moment later.
                    let wanted = vm.clone();
                    app.store
                        .until(move |store| store.vms.peek(&wanted).map(drop))
                        .await;
                    let _ = then.try_run(vm);
                }
            }
            Err(fault) => app.say_fault(fill("No machine of {0} could be had", &[&name]), fault),
        }
    });
}
