//! The task bar: what the server is doing, what this page is sending, what
//! failed lately; one line until asked.

use crate::app::{App, app};
use crate::client::jobs;
use crate::components::asking::ask;
use crate::components::names::user_name;
use crate::components::status::{badge, mark};
use crate::format;
use crate::store::{Id, Job, Status, Tone};
use crate::text::{fill, t};
use crate::ui::bar::bar;
use crate::ui::icon::small_icon;
use crate::upload::{UploadState, pace};
use crate::work::WorkState;
use leptos::prelude::*;

/// How long a finished job stays in the list, in milliseconds.
const LATELY: f64 = 10.0 * 60_000.0;

/// One line of the bar, whatever it comes from.
#[derive(Clone, PartialEq)]
struct Line {
    key: String,
    status: Status,
    title: String,
    detail: String,
    percent: Option<u64>,
    left: String,
    owner: String,
    running: bool,
    started: f64,
    own: Option<u32>,
    /// The job that can be stopped.
    stops: Option<Id>,
}

fn of_job(app: App, job: &Job) -> Line {
    let detail = match job.current_step() {
        Some((place, step)) => fill(
            "{0} of {1}: {2}",
            &[
                &place.to_string(),
                &job.steps.len().to_string(),
                &step.description,
            ],
        ),
        None => String::new(),
    };
    let detail = if job.waiting.is_empty() {
        detail
    } else {
        job.waiting.clone()
    };
    let end = job.ended.unwrap_or_else(|| app.clock.get());
    Line {
        key: job.id.to_string(),
        status: Status::of_job(&job.status),
        title: job.description.clone(),
        detail,
        percent: if job.is_running() {
            job.progress()
        } else {
            None
        },
        left: format::span(((end - job.started) / 1000.0).max(0.0) as u64),
        owner: user_name(app, job.owner.as_ref(), None),
        running: job.is_running(),
        started: job.started,
        own: None,
        stops: (job.is_running() && job.cancellable).then(|| job.id.clone()),
    }
}

fn lines(app: App) -> Vec<Line> {
    let now = app.clock.get();
    let mut lines: Vec<Line> = app
        .store
        .jobs
        .all()
        .iter()
        .filter(|job| job.is_running() || job.ended.is_none_or(|ended| now - ended < LATELY))
        .map(|job| of_job(app, job))
        .collect();
    for upload in app.uploads.all() {
        let state = upload.state.get();
        let (word, icon, tone) = match &state {
            UploadState::Reading | UploadState::Preparing => {
                ("Preparing", "st-starting", Tone::Busy)
            }
            UploadState::Sending => ("Uploading", "st-starting", Tone::Busy),
            UploadState::Retrying => ("Retrying", "st-warn", Tone::Warn),
            UploadState::Paused => ("Paused", "st-paused", Tone::Off),
            UploadState::Checking => ("Checking", "st-starting", Tone::Busy),
            UploadState::Done => ("Done", "st-ok", Tone::Ok),
            UploadState::Failed(_) => ("Failed", "st-error", Tone::Bad),
        };
        let sent = upload.sent.get();
        lines.push(Line {
            key: ["upload", &upload.key.to_string()].concat(),
            status: Status::new(word, icon, tone),
            title: upload.name.get_value(),
            detail: if let UploadState::Failed(fault) = &state {
                fault.text()
            } else {
                format::bytes_of(sent, upload.size)
            },
            percent: (!state.is_over()).then(|| upload.percent() as u64),
            left: if state == UploadState::Sending {
                pace(sent, upload.size, upload.speed.get())
            } else {
                String::new()
            },
            owner: t("you").to_owned(),
            running: !state.is_over(),
            started: now,
            own: None,
            stops: None,
        });
    }
    for work in app.works.all() {
        let (status, detail, percent, running) = match work.state.get() {
            WorkState::Step(place, of, words) => (
                Status::new("Running", "st-starting", Tone::Busy),
                fill(
                    "{0} of {1}: {2}",
                    &[&place.to_string(), &of.to_string(), &words],
                ),
                Some((place.saturating_sub(1) * 100 / of.max(1)) as u64),
                true,
            ),
            WorkState::Done => (
                Status::new("Done", "st-ok", Tone::Ok),
                String::new(),
                None,
                false,
            ),
            WorkState::Failed(fault) => (
                Status::new("Failed", "st-error", Tone::Bad),
                fault.text(),
                None,
                false,
            ),
        };
        lines.push(Line {
            key: ["work", &work.key.to_string()].concat(),
            status,
            title: work.title.get_value(),
            detail,
            percent,
            left: String::new(),
            owner: t("you").to_owned(),
            running,
            started: now,
            own: (!running).then_some(work.key),
            stops: None,
        });
    }
    lines.sort_by(|a, b| {
        b.running
            .cmp(&a.running)
            .then(b.started.total_cmp(&a.started))
            .then_with(|| a.key.cmp(&b.key))
    });
    lines
}

/// The bar at the bottom.
#[component]
pub fn TaskBar() -> AnyView {
    let app = app();
    let open = RwSignal::new(false);
    let lines = Memo::new(move |_| lines(app));
    let summary = move || {
        let lines = lines.get();
        let running = lines.iter().filter(|line| line.running).count();
        let failed = lines
            .iter()
            .filter(|line| line.status.tone == Tone::Bad)
            .count();
        if failed > 0 {
            fill(
                "{0} running, {1} failed",
                &[&running.to_string(), &failed.to_string()],
            )
        } else {
            fill("{0} running", &[&running.to_string()])
        }
    };
    let rows = move || {
        let lines = lines.get();
        if lines.is_empty() {
            return view! { <div class="sf-trow"><span class="sf-dim sf-nowrap">{t("Nothing is being done.")}</span></div> }.into_any();
        }
        lines
            .into_iter()
            .take(12)
            .map(|line| {
                let progress = line.percent.map(|percent| {
                    let words = format::percent(percent as f64);
                    view! { {bar(&[(percent as f64, "is-busy")], words.clone(), true)}<span class="sf-nowrap">{words}</span> }
                });
                view! {
                    <div class="sf-trow">
                        <span>{badge(line.status)}</span>
                        <b class="sf-ell" title=line.title.clone()>{line.title.clone()}</b>
                        <span class="sf-ell sf-dim" title=line.detail.clone()>{line.detail.clone()}</span>
                        <span class="sf-row">{progress}</span>
                        <span class="sf-dim sf-ell">{line.left}</span>
                        <span class="sf-dim sf-ell">{line.owner}</span>
                        <span class="sf-right">{line.own.map(|key| view! { <button type="button" class="sf-link" on:click=move |_| app.works.dismiss(key)>{t("Put away")}</button> })}{line.stops.map(|job| {
                            let name = fill("Cancel {0}", &[&line.title]);
                            view! { <button type="button" class="sf-link" aria-label=name on:click=move |_| ask(app, None, t("It was not stopped").to_owned(), jobs::end(&job))>{t("Cancel")}</button> }
                        })}</span>
                    </div>
                }
            })
            .collect_view()
            .into_any()
    };
    let short = move || {
        lines
            .get()
            .into_iter()
            .filter(|line| line.running)
            .take(3)
            .map(|line| {
                let progress = line.percent.map(|percent| {
                    let words = format::percent(percent as f64);
                    view! { {bar(&[(percent as f64, "is-busy")], words.clone(), true)}<span>{words}</span> }
                });
                view! { <span class="sf-task">{mark(line.status)}<span class="sf-ell"><b>{line.title}</b></span>{progress}</span> }
            })
            .collect_view()
    };
    view! {
        <section class="sf-tasks" class:is-open=open aria-label=t("Tasks")>
            <div class="sf-tasks__list">{move || open.get().then(rows)}</div>
            <div class="sf-tasks__bar">
                <button type="button" class="sf-link sf-row is-tight" aria-expanded=move || crate::ui::yes(open.get()) on:click=move |_| open.update(|open| *open = !*open)>
                    {move || small_icon(if open.get() { "down" } else { "up" })}
                    {t("Tasks")}
                </button>
                {short}
                <span class="sf-grow"></span>
                <span class="sf-dim sf-nowrap" role="status">{summary}</span>
            </div>
        </section>
    }
    .into_any()
}
