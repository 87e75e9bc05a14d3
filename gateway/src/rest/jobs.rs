//! `/jobs` and their steps: what is going on, and what external callers say they are doing.

use std::sync::Arc;

use api::path;
use api::types;
use manager::model::{Job, Step, StepId};
use manager::{JobAddParams, StepAddParams};

use super::convert::{date, given, int, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, beneath};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Job, _>(params, |_, job| to_api(job));
    };
    let job = view.job(id)?;
    match rest {
        [] => Ok(one(to_api(&job))),
        ["steps", id, rest @ ..] if !rest.is_empty() => {
            find(&job, id)?;
            Err(beneath(rest))
        }
        ["steps", rest @ ..] => list_or_pick(
            job.steps
                .iter()
                .map(|step| step_to_api(&job, step))
                .collect(),
            rest,
        ),
        rest => Err(beneath(rest)),
    }
}

/// A job as the API shows it.
pub(super) fn to_api(it: &Job) -> types::Job {
    types::Job {
        id: Some(it.id.to_string()),
        href: Some(path::job(it.id).to_string()),
        description: Some(it.description.clone()),
        status: word(it.status.as_str()),
        owner: it.owner.map(|id| part!(User, path::user(id), id)),
        start_time: date(it.start_time),
        last_updated: date(it.last_updated),
        end_time: it.end_time.and_then(date),
        external: Some(it.external),
        auto_cleared: Some(it.auto_cleared),
        ..types::Job::default()
    }
}

/// A job with its steps inline, as the live stream shows it.
pub(super) fn with_steps(it: &Job) -> types::Job {
    types::Job {
        steps: Some(it.steps.iter().map(|step| step_to_api(it, step)).collect()),
        ..to_api(it)
    }
}

fn step_to_api(job: &Job, it: &Step) -> types::Step {
    let base = path::job(job.id).steps();
    types::Step {
        id: Some(it.id.to_string()),
        href: Some(base.item(it.id).to_string()),
        job: reference!(Job, path::job(job.id), job.id),
        parent_step: it.parent.map(|id| part!(Step, base.item(id), id)),
        number: int(it.number),
        description: Some(it.description.clone()),
        type_: word(it.step_type.as_str()),
        status: word(it.status.as_str()),
        progress: it.progress.and_then(int),
        start_time: date(it.start_time),
        end_time: it.end_time.and_then(date),
        external: Some(it.external),
        ..types::Step::default()
    }
}

fn find<'a>(job: &'a Job, id: &str) -> Result<&'a Step> {
    job.steps
        .iter()
        .find(|step| step.id.to_string() == id)
        .ok_or_else(|| Refused::not_found(id))
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::Job = change.sent.body()?;
            let Some(description) = sent.description.filter(|it| !it.is_empty()) else {
                return Err(Refused::incomplete("Job", &["description"], "add"));
            };
            let auto_cleared = sent.auto_cleared.unwrap_or(true);
            let params = JobAddParams {
                description,
                auto_cleared,
            };
            let job = manager.job_add(caller, params).await?;
            return Ok(Answer::Created(Box::new(to_api(&job))));
        }
        (Verb::Post, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let job = change.view.job(id)?;
    match rest {
        ["end"] => {
            let sent = change.sent.action()?;
            if !job.external && sent.force == Some(true) {
                // Of the manager's own work only the giving up can be asked for.
                manager.job_cancel(caller, job.id).await?;
            } else {
                manager.job_end(caller, job.id, succeeded(&sent)).await?;
            }
            Ok(change.acted(&sent, None))
        }
        ["clear"] => {
            let sent = change.sent.action()?;
            manager.job_clear(caller, job.id).await?;
            Ok(change.acted(&sent, None))
        }
        ["steps"] => add_step(change, &job).await,
        ["steps", id, "end"] => {
            let sent = change.sent.action()?;
            let step = find(&job, id)?.id;
            manager
                .step_end(caller, job.id, step, succeeded(&sent))
                .await?;
            Ok(change.acted(&sent, None))
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// An end that does not say how it was is a good one.
fn succeeded(sent: &types::Action) -> bool {
    sent.succeeded
        .unwrap_or(sent.status.as_deref() != Some("failed"))
}

async fn add_step(change: &Change<'_>, job: &Arc<Job>) -> Result<Answer> {
    let sent: types::Step = change.sent.body()?;
    let step_type = given("type", sent.type_.map(|it| it.as_str()))?;
    let (Some(description), Some(step_type)) = (sent.description.clone(), step_type) else {
        let mut missing = Vec::new();
        missing.extend(sent.description.is_none().then_some("description"));
        missing.extend(sent.type_.is_none().then_some("type"));
        return Err(Refused::incomplete("Step", &missing, "add"));
    };
    let parent: Option<StepId> = match sent.parent_step.as_deref().and_then(|it| it.id.as_deref()) {
        Some(id) => Some(find(job, id)?.id),
        None => None,
    };
    let known: Vec<StepId> = job.steps.iter().map(|step| step.id).collect();
    let params = StepAddParams {
        job: job.id,
        parent,
        description,
        step_type,
    };
    let job = change
        .view
        .manager()
        .step_add(change.caller(), params)
        .await?;
    // Which one is new is what the job did not have before.
    let step = job.steps.iter().find(|step| !known.contains(&step.id));
    let step = step.ok_or_else(|| Refused::not_found("step"))?;
    Ok(Answer::Created(Box::new(step_to_api(&job, step))))
}
