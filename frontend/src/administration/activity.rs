//! Activity: events and jobs in one timeline, filtered.

use crate::administration::hosts::WordFilter;
use crate::app::{App, app};
use crate::client::events;
use crate::components::events::{Timeline, exact};
use crate::components::names::user_name;
use crate::components::status::badge;
use crate::format::span;
use crate::query::has_words;
use crate::store::{Event, Job, Severity, Status, Tone};
use crate::task;
use crate::text::{plural, t};
use crate::ui::button::Button;
use crate::ui::page::Head;
use crate::ui::table::{Column, column, plain_table};
use crate::ui::yes;
use leptos::prelude::*;
use std::sync::Arc;

const JOBS: &[Column] = &[
    column("Status", "c-120", "", false),
    column("What", "", "", false),
    column("Step", "c-220", "", false),
    column("Took", "c-80", "sf-right", false),
    column("Who", "c-120", "", false),
    column("Started", "c-180", "", false),
];

/// How many events a page of older ones has.
const OLDER: u32 = 200;
/// How many are drawn.
const DRAWN: usize = 600;

/// The page.
#[component]
pub fn Activity() -> AnyView {
    let app = app();
    let store = app.store;
    let kind = RwSignal::new(0_usize);
    let words = RwSignal::new(String::new());
    let asking = RwSignal::new(false);
    let views = [t("Events"), t("Problems"), t("Tasks")];
    let running = move || {
        store
            .jobs
            .all()
            .iter()
            .filter(|job| job.is_running())
            .count()
    };
    let passes = move |event: &Event| {
        let who = user_name(app, event.user.as_ref(), event.user_name.as_deref());
        (kind.get() != 1 || event.severity >= Severity::Warning)
            && words.with(|words| {
                has_words(
                    words,
                    &[
                        &event.description,
                        &event.correlation,
                        &who,
                        event.vm_name.as_deref().unwrap_or(""),
                    ],
                )
            })
    };
    let found = Memo::new(move |_| store.events(DRAWN, passes));
    let older = move |()| {
        let Some(oldest) = store.oldest_event() else {
            return;
        };
        asking.set(true);
        task::run(async move {
            // The API's search has no "before this one" but by time; ids are asked by paging backwards.
            let page = 2 + store
                .events(usize::MAX, |event| event.index >= oldest)
                .len()
                / OLDER as usize;
            match events::newest(
                OLDER,
                &["sortby time desc page ", &page.to_string()].concat(),
            )
            .await
            {
                Ok(more) if more.is_empty() => {
                    app.say(Tone::Off, t("There is nothing older."), Vec::new(), None)
                }
                Ok(more) => app.store.add_events(more.iter()),
                Err(fault) => app.say_fault(t("Older events could not be read"), fault),
            }
            let _: Option<bool> = asking.try_set(false);
        });
    };
    let buttons = move || {
        view! {
            <div class="sf-views" role="group" aria-label=t("Kind")>
                {views.into_iter().enumerate().map(|(place, words)| view! {
                    <button type="button" class="sf-view" aria-pressed=move || yes(kind.get() == place) on:click=move |_| kind.set(place)>
                        {words}
                        {(place == 2).then(|| view! { " "<span class="sf-n">{running}</span> })}
                    </button>
                }).collect_view()}
            </div>
        }
    };
    let body = move || {
        if kind.get() == 2 {
            return jobs(app, &words.get());
        }
        if found.with(Vec::is_empty) {
            return view! { <p class="sf-pad sf-dim">{t("No event is like that.")}</p> }.into_any();
        }
        view! {
            <Timeline events=found/>
            <div class="sf-pad sf-row"><Button label=t("Older events") refusal=Signal::derive(move || asking.get().then(|| t("Being read").to_owned())) on_press=older/></div>
        }
        .into_any()
    };
    view! {
        <Head title=t("Activity") beside=buttons/>
        <div class="sf-tools">
            <WordFilter name=t("Filter activity") words=words/>
            <span class="sf-grow"></span>
            <span class="sf-dim sf-nowrap sf-hide-s" role="status">{move || plural(found.with(Vec::len), "{0} event", "{0} events")}</span>
        </div>
        <div class="sf-body"><div class="sf-scroll" tabindex="0" role="region" aria-label=t("Timeline")>{body}</div></div>
    }
    .into_any()
}

fn jobs(app: App, words: &str) -> AnyView {
    let mut jobs: Vec<Arc<Job>> = app
        .store
        .jobs
        .all()
        .into_iter()
        .filter(|job| has_words(words, &[&job.description]))
        .collect();
    jobs.sort_by(|a, b| b.started.total_cmp(&a.started));
    if jobs.is_empty() {
        return view! { <p class="sf-pad sf-dim">{t("No task is like that.")}</p> }.into_any();
    }
    let now = app.clock.get();
    let rows = jobs
        .into_iter()
        .take(200)
        .map(|job| {
            let step = job
                .current_step()
                .map(|(_, step)| step.description.clone())
                .unwrap_or_default();
            let took = ((job.ended.unwrap_or(now) - job.started) / 1000.0).max(0.0) as u64;
            vec![
                badge(Status::of_job(&job.status)),
                view! { <span class="sf-strong">{job.description.clone()}</span> }.into_any(),
                view! { <span class="sf-dim">{step}</span> }.into_any(),
                span(took).into_any(),
                user_name(app, job.owner.as_ref(), None).into_any(),
                exact(job.started).into_any(),
            ]
        })
        .collect();
    plain_table(t("Tasks"), JOBS, rows)
}
