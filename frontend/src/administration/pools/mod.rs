//! Pools: the list with a panel, a pool's page with its machines, making and changing them.

pub mod edit;
pub mod list;
pub mod page;

use crate::app::App;
use crate::client::pools;
use crate::components::asking::{Question, ask};
use crate::store::{Id, Pool};
use crate::text::{fill, plural, t};
use crate::ui::menu::{Item, item};
use leptos::prelude::*;
use std::sync::Arc;

/// What can be done with a pool, as lines of a menu.
#[must_use]
pub fn items(
    app: App,
    pool: &Arc<Pool>,
    asked: RwSignal<Option<Question>>,
    editing: RwSignal<Option<Option<Id>>>,
) -> Vec<Item> {
    let refusal = |action: &str| pool.offers.refusal(action).map(str::to_owned);
    let (edit, gone, turned) = (pool.id.clone(), Arc::clone(pool), Arc::clone(pool));
    let (words, icon, action) = if pool.maintenance {
        (t("End maintenance"), "play", "activate")
    } else {
        (t("Maintenance"), "st-maint", "deactivate")
    };
    vec![
        item(t("Edit"), "edit", refusal("edit"), move || {
            editing.set(Some(Some(edit.clone())))
        }),
        item(words, icon, refusal(action), move || {
            let refused = fill("{0} was not changed", &[&turned.name]);
            ask(app, None, refused, pools::act(&turned.id, action));
        }),
        item(t("Delete"), "trash", refusal("delete"), move || {
            asked.set(Some(deletion(app, &gone)))
        }),
    ]
}

fn deletion(app: App, pool: &Pool) -> Question {
    let (id, name) = (pool.id.clone(), pool.name.clone());
    let mut impact = vec![plural(
        pool.size as usize,
        "{0} machine is deleted with its disks.",
        "{0} machines are deleted with their disks.",
    )];
    if pool.assigned > 0 {
        impact.push(plural(
            pool.assigned as usize,
            "{0} person has one of them now.",
            "{0} of them are in use now.",
        ));
    }
    impact.push(t("The template stays.").to_owned());
    impact.push(t("This cannot be undone.").to_owned());
    Question {
        title: fill("Delete pool {0}?", &[&name]),
        impact,
        button: t("Delete"),
        danger: true,
        typed: Some(name.clone()),
        tick: None,
        go: Callback::new(move |()| {
            ask(
                app,
                Some(fill("{0} is being deleted", &[&name])),
                fill("{0} was not deleted", &[&name]),
                pools::remove(&id),
            );
        }),
    }
}
