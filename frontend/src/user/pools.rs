//! Pools as one card each: "Get a desktop" takes a machine of it and connects.

use super::desktops::{Connecting, connect};
use crate::app::app;
use crate::components::pools::{allocate, fullness, kind_words, maintenance, squares};
use crate::store::Id;
use crate::text::{fill, plural, t};
use crate::ui::button::{Button, Kind};
use crate::ui::each::{each, member};
use leptos::prelude::*;

/// The cards of all pools that the person may use.
#[component]
pub fn PoolCards() -> AnyView {
    let app = app();
    let ids = Memo::new(move |_| {
        let pools = app.store.pools.by_name();
        pools.iter().map(|pool| pool.id.clone()).collect::<Vec<_>>()
    });
    each(move || {
        ids.get()
            .into_iter()
            .map(|id| {
                member(&*id.clone(), move || {
                    view! { <Card id=id.clone()/> }.into_any()
                })
            })
            .collect()
    })
}

#[component]
fn Card(id: Id) -> AnyView {
    let app = app();
    let pool = Memo::new(move |_| app.store.pools.get(&id));
    let name = Signal::derive(move || pool.get().map(|pool| pool.name.clone()).unwrap_or_default());
    let busy = RwSignal::new(false);
    let connecting = RwSignal::new(Connecting::No);
    let refusal = Signal::derive(move || {
        if busy.get() || connecting.get() == Connecting::Waiting {
            return Some(t("It is being prepared; the console opens by itself.").to_owned());
        }
        pool.get()
            .and_then(|pool| pool.offers.refusal("allocate").map(str::to_owned))
    });
    let got = Callback::new(move |vm: Id| {
        if let Some(vm) = app.store.vms.peek(&vm) {
            connect(app, &vm, connecting);
        }
    });
    let press = move |()| {
        if let Some(pool) = pool.get_untracked() {
            allocate(app, &pool, busy, got);
        }
    };
    let cannot = move || {
        refusal
            .get()
            .filter(|_| !busy.get() && connecting.get() == Connecting::No)
            .filter(|why| !why.is_empty())
            .map(|why| view! { <p class="sf-dim">{why}</p> })
    };
    view! {
        <article class="sf-desk" aria-label=name>
            <div class="sf-poolart">{move || pool.get().map(|pool| view! { {squares(&pool)}<span class="sf-dim">{fullness(&pool)}</span> })}</div>
            <div class="sf-desk__body">
                <h2 class="sf-ell">{name}</h2>
                {move || pool.get().map(|pool| {
                    let mine = (pool.mine > 0).then(|| plural(pool.mine as usize, "You have {0} of them.", "You have {0} of them."));
                    view! {
                        <p class="sf-dim">{kind_words(&pool)}</p>
                        {(!pool.description.is_empty()).then(|| view! { <p class="sf-dim">{pool.description.clone()}</p> })}
                        {mine.map(|words| view! { <p class="sf-dim">{words}</p> })}
                        {maintenance(&pool)}
                    }
                })}
                {cannot}
                {move || (busy.get() || connecting.get() == Connecting::Waiting).then(|| view! { <p class="sf-dim" role="status">{t("A desktop is being prepared; the console opens by itself.")}</p> })}
            </div>
            <div class="sf-desk__acts">
                <Button label=t("Get a desktop") icon="console" kind=Kind::Primary name=fill("Get a desktop of {0}", &[&name.get_untracked()]) refusal=refusal on_press=press/>
            </div>
        </article>
    }
    .into_any()
}
