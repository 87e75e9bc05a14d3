//! Events: a short list for a page's corner and the timeline for activity.

use crate::app::{App, app};
use crate::components::names::{user_name, vm_link};
use crate::components::status::mark;
use crate::format;
use crate::store::Event;
use crate::text::t;
use crate::ui::button::copyable;
use crate::ui::chart::clock_time;
use crate::ui::each::{each, member};
use leptos::prelude::*;
use std::sync::Arc;

/// The newest few, each in a line.
#[must_use]
pub fn short_list(app: App, events: Vec<Arc<Event>>) -> AnyView {
    if events.is_empty() {
        return view! { <p class="sf-dim">{t("Nothing happened yet.")}</p> }.into_any();
    }
    let now = app.clock.get();
    let lines = events
        .into_iter()
        .map(|event| {
            let who = user_name(app, event.user.as_ref(), event.user_name.as_deref());
            let when = format::ago(event.time, now.max(event.time));
            let side = if who.is_empty() {
                when
            } else {
                [who.as_str(), ", ", &when].concat()
            };
            view! {
                <li class="sf-item">
                    {mark(event.severity.status())}
                    <p>{event.description.clone()}</p>
                    <span class="sf-dim sf-nowrap" title=exact(event.time)>{side}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="sf-tl">{lines}</ul> }.into_any()
}

/// Date and time to the second, in the person's own words for them.
#[must_use]
pub fn exact(at: f64) -> String {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at));
    [
        String::from(date.to_locale_date_string("default", &wasm_bindgen::JsValue::UNDEFINED))
            .as_str(),
        " ",
        &clock_time(at, true),
    ]
    .concat()
}

/// The day, in words: today, yesterday, or its date.
#[must_use]
pub fn day(at: f64, now: f64) -> String {
    let midnight = |at: f64| {
        let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at));
        date.set_hours(0);
        date.set_minutes(0);
        date.set_seconds(0);
        date.set_milliseconds(0);
        date.get_time()
    };
    let days = ((midnight(now) - midnight(at)) / 86_400_000.0).round();
    let options = js_sys::Object::new();
    for (key, value) in [("weekday", "long"), ("day", "numeric"), ("month", "long")] {
        drop(js_sys::Reflect::set(&options, &key.into(), &value.into()));
    }
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at));
    let words = String::from(date.to_locale_date_string("default", &options));
    match days as i64 {
        0 => [t("Today"), ", ", &words].concat(),
        1 => [t("Yesterday"), ", ", &words].concat(),
        _ => words,
    }
}

/// One line of the timeline; opened, it shows what ties it to others.
#[component]
pub fn EventLine(
    /// The event.
    event: Arc<Event>,
) -> AnyView {
    let app = app();
    let open = RwSignal::new(false);
    let name = event.description.clone();
    let (user, told) = (event.user.clone(), event.user_name.clone());
    let who = move || user_name(app, user.as_ref(), told.as_deref());
    let (vm, vm_name, host) = (event.vm.clone(), event.vm_name.clone(), event.host.clone());
    let object = move || match (&vm, &host) {
        (Some(vm), _) if app.store.vms.has(vm) => vm_link(app, vm),
        (Some(_), _) => vm_name.clone().unwrap_or_default().into_any(),
        (None, Some(host)) => super::names::host_link(app, Some(host)),
        _ => ().into_any(),
    };
    let (correlation, code, time) = (event.correlation.clone(), event.code, event.time);
    view! {
        <li class="sf-ev" class:is-open=open>
            <time title=exact(time)>{clock_time(time, false)}</time>
            <span class="sf-ev__dot">{mark(event.severity.status())}</span>
            <div>
                <button type="button" class="sf-evline" aria-expanded=move || crate::ui::yes(open.get()) on:click=move |_| open.update(|open| *open = !*open)>{name}</button>
                {move || open.get().then(|| view! {
                    <p class="sf-sub">{exact(time)} ", " {t("code")} " " {code} ", " {t("correlation")} " " {copyable(correlation.clone())}</p>
                })}
            </div>
            <span class="sf-dim sf-ell">{who}</span>
            <span class="sf-ell">{object}</span>
        </li>
    }
    .into_any()
}

/// The timeline, a heading for each day; lines stay as they are when others come.
#[component]
pub fn Timeline(
    /// Newest first.
    #[prop(into)]
    events: Signal<Vec<Arc<Event>>>,
) -> AnyView {
    let app = app();
    let lines = move || {
        let now = app.clock.get_untracked();
        let mut lines = Vec::new();
        let mut last = String::new();
        for event in events.get() {
            let day = day(event.time, now);
            if day != last {
                let heading = day.clone();
                lines.push(member(day.clone(), move || {
                    view! { <li class="sf-tl__day">{heading.clone()}</li> }.into_any()
                }));
                last = day;
            }
            lines.push(member(event.index.to_string(), move || {
                view! { <EventLine event=Arc::clone(&event)/> }.into_any()
            }));
        }
        lines
    };
    view! { <ol class="sf-tl">{each(lines)}</ol> }.into_any()
}
