//! Events and jobs of external callers.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{
    Event, EventId, Job, JobId, JobStatus, LogSeverity, ObjectId, Permit, StepId, StepStatus,
};
use crate::operation::{new_job, new_step};
use crate::writer::Draft;

use super::check;
use super::params::{EventAddParams, JobAddParams, StepAddParams};

/// Steps of an external job.
const MOST_STEPS: usize = 1000;
/// Longest data of an external event, in bytes.
const LONGEST_DATA: usize = 64 * 1024;

impl Manager {
    /// Writes an external caller's event to the audit log.
    pub async fn event_add(&self, caller: &Caller, params: EventAddParams) -> Result<Arc<Event>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::INJECT_EXTERNAL_EVENTS, ObjectId::System)?;
                check::label("origin", &params.origin)?;
                if params.origin.eq_ignore_ascii_case("ovirt") {
                    return Err(Error::conflict("Cannot add External Event. The origin oVirt is reserved."));
                }
                check::text("description", &params.description)?;
                if params.custom_data.as_ref().is_some_and(|data| data.len() > LONGEST_DATA) {
                    return Err(Error::invalid("custom_data", "The custom data is too long."));
                }
                let twice = draft.events.newest_first().any(|event| {
                    event.custom_id == Some(params.custom_id) && event.origin == params.origin
                });
                if twice {
                    return Err(Error::conflict(
                        "Cannot add External Event. An event of this origin and custom id exists already.",
                    ));
                }
                let number = code::EXTERNAL_EVENT
                    + match params.severity {
                        LogSeverity::Normal => 0,
                        LogSeverity::Warning => 1,
                        LogSeverity::Error => 2,
                        LogSeverity::Alert => 3,
                    };
                let mut event = EventDraft::new(number, &params.description).severity(params.severity);
                for object in params.objects {
                    if !draft.contains(object) {
                        return Err(Error::not_found(object.uuid()));
                    }
                    event = match object {
                        ObjectId::Vm(id) => event.vm(id, draft),
                        ObjectId::Host(id) => event.host(id, draft),
                        ObjectId::Cluster(id) => event.cluster(id, draft),
                        ObjectId::DataCenter(id) => event.data_center(id),
                        ObjectId::StorageDomain(id) => event.storage_domain(id),
                        ObjectId::Template(id) => event.template(id),
                        _ => event,
                    };
                }
                let event = event
                    .external(params.origin, params.custom_id, params.custom_data, params.flood_rate)
                    .by(&caller, draft);
                let id = draft.event(event);
                draft.events.get(id).cloned().ok_or_else(|| Error::not_found(id))
            })
            .await
    }

    /// Takes an event out of sight. It stays in the log, marked.
    pub async fn event_remove(&self, caller: &Caller, id: EventId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(
                    draft,
                    &caller,
                    Permit::AUDIT_LOG_MANAGEMENT,
                    ObjectId::System,
                )?;
                let event = draft
                    .events
                    .get(id)
                    .filter(|event| !event.removed)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                draft.put_event(Arc::new(Event {
                    removed: true,
                    ..(*event).clone()
                }));
                let event = EventDraft::new(
                    code::EVENT_REMOVED,
                    format!("Audit Log message {id} was removed."),
                );
                draft.event(event.by(&caller, draft));
                Ok(())
            })
            .await
    }

    /// Begins an external caller's job.
    pub async fn job_add(&self, caller: &Caller, params: JobAddParams) -> Result<Arc<Job>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(
                    draft,
                    &caller,
                    Permit::INJECT_EXTERNAL_TASKS,
                    ObjectId::System,
                )?;
                check::text("description", &params.description)?;
                let mut job = new_job(&caller, params.description, Vec::new(), draft.now());
                job.external = true;
                job.auto_cleared = params.auto_cleared;
                draft.put(job.clone())?;
                let event = EventDraft::new(
                    code::EXTERNAL_JOB_ADDED,
                    format!("New external Job {} was added.", job.description),
                );
                draft.event(event.by(&caller, draft));
                Ok(Arc::new(job))
            })
            .await
    }

    /// Ends an external caller's job, and what of its steps still goes on.
    pub async fn job_end(&self, caller: &Caller, id: JobId, succeeded: bool) -> Result<Arc<Job>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut job = external(draft, &caller, id)?;
                let now = draft.now();
                if job.end_time.is_some() {
                    return Err(Error::conflict(
                        "Cannot end Job. The job has ended already.",
                    ));
                }
                job.status = if succeeded {
                    JobStatus::Finished
                } else {
                    JobStatus::Failed
                };
                job.end_time = Some(now);
                job.last_updated = now;
                for step in job.steps.iter_mut().filter(|step| step.end_time.is_none()) {
                    step.status = step_status(succeeded);
                    step.end_time = Some(now);
                }
                draft.put(job.clone())?;
                Ok(Arc::new(job))
            })
            .await
    }

    /// Takes an external caller's job away.
    pub async fn job_clear(&self, caller: &Caller, id: JobId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                external(draft, &caller, id)?;
                draft.remove(id);
                Ok(())
            })
            .await
    }

    /// Begins a step of an external caller's job.
    pub async fn step_add(&self, caller: &Caller, params: StepAddParams) -> Result<Arc<Job>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut job = external(draft, &caller, params.job)?;
                check::text("description", &params.description)?;
                if job.steps.len() >= MOST_STEPS {
                    return Err(Error::conflict(
                        "Cannot add Step. The job has too many steps.",
                    ));
                }
                if let Some(parent) = params.parent
                    && !job.steps.iter().any(|step| step.id == parent)
                {
                    return Err(Error::not_found(parent));
                }
                let now = draft.now();
                let number = job
                    .steps
                    .iter()
                    .filter(|step| step.parent == params.parent)
                    .count();
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                let mut step = new_step(
                    params.description,
                    params.step_type,
                    params.parent,
                    number,
                    now,
                );
                step.external = true;
                job.steps.push(step);
                job.last_updated = now;
                draft.put(job.clone())?;
                Ok(Arc::new(job))
            })
            .await
    }

    /// Ends a step of an external caller's job.
    pub async fn step_end(
        &self,
        caller: &Caller,
        job: JobId,
        step: StepId,
        succeeded: bool,
    ) -> Result<Arc<Job>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut job = external(draft, &caller, job)?;
                let now = draft.now();
                let it = job
                    .steps
                    .iter_mut()
                    .find(|it| it.id == step)
                    .ok_or_else(|| Error::not_found(step))?;
                it.status = step_status(succeeded);
                it.end_time = Some(now);
                job.last_updated = now;
                draft.put(job.clone())?;
                Ok(Arc::new(job))
            })
            .await
    }
}

fn step_status(succeeded: bool) -> StepStatus {
    if succeeded {
        StepStatus::Finished
    } else {
        StepStatus::Failed
    }
}

fn external(draft: &Draft, caller: &Caller, id: JobId) -> Result<Job> {
    access::require(
        draft,
        caller,
        Permit::INJECT_EXTERNAL_TASKS,
        ObjectId::System,
    )?;
    let job = draft.jobs.get(&id).ok_or_else(|| Error::not_found(id))?;
    if !job.external {
        return Err(Error::conflict(
            "Cannot change Job. It is not an external job.",
        ));
    }
    Ok((**job).clone())
}
