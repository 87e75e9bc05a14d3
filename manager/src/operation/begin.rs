//! How an operation is begun: everything about it is written in the transaction that accepts it.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::model::{
    Job, JobId, JobStatus, ObjectId, OperationId, Step, StepId, StepStatus, StepType, Timestamp,
};
use crate::writer::Draft;

use super::{Action, Operation, OperationKind, OperationState, OperationStep, StepState};

/// An operation to be begun.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What it is for.
    pub(crate) kind: OperationKind,
    /// What the job says.
    pub(crate) description: String,
    /// What nobody else may change meanwhile.
    pub(crate) locks: Vec<ObjectId>,
    /// What the job is about.
    pub(crate) objects: Vec<ObjectId>,
    /// What is done, with what the job's steps say.
    pub(crate) actions: Vec<(Action, String)>,
}

/// Refuses where an operation has one of the objects to itself.
pub(crate) fn require_unlocked(
    inventory: &Inventory,
    objects: impl IntoIterator<Item = ObjectId>,
    what: &str,
) -> Result<()> {
    for object in objects {
        if inventory.lock_of(object).is_some() {
            return Err(Error::conflict(format!(
                "Cannot {what}. Related operation is currently in progress. Please try again later."
            )));
        }
    }
    Ok(())
}

/// What is allowed even when there is almost no space left.
fn frees_or_ends(kind: &OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::VmStop { .. }
            | OperationKind::VmShutdown { .. }
            | OperationKind::VmRemove { .. }
            | OperationKind::DiskRemove { .. }
            | OperationKind::TemplateRemove { .. }
            | OperationKind::TransferCancel { .. }
            | OperationKind::TransferFinish { .. }
    )
}

impl Draft {
    /// Writes an operation with its job. It runs as soon as this change is on the disk.
    pub(crate) fn begin(&mut self, caller: &Caller, plan: Plan) -> Result<JobId> {
        require_unlocked(self, plan.locks.iter().copied(), "do this")?;
        if !frees_or_ends(&plan.kind) {
            self.require_space()?;
        }
        let now = self.now();
        let operation = OperationId::random();
        let mut job = new_job(caller, plan.description, plan.objects, now);
        job.operation = Some(operation);
        job.steps.push(Step {
            end_time: Some(now),
            status: StepStatus::Finished,
            ..new_step("Validating".to_owned(), StepType::Validating, None, 0, now)
        });
        let executing = new_step("Executing".to_owned(), StepType::Executing, None, 1, now);
        let parent = executing.id;
        job.steps.push(executing);
        let mut steps = Vec::with_capacity(plan.actions.len());
        for (number, (action, description)) in (0..).zip(plan.actions) {
            let mut step = new_step(description, StepType::Executing, Some(parent), number, now);
            step.status = StepStatus::Unknown;
            steps.push(OperationStep {
                job_step: step.id,
                action,
                state: StepState::Planned,
            });
            job.steps.push(step);
        }
        let job_id = job.id;
        self.put(job)?;
        self.put(Operation {
            id: operation,
            kind: plan.kind,
            job: job_id,
            user: caller.person(),
            correlation_id: caller.correlation_id.clone(),
            source: caller.source,
            locks: plan.locks,
            steps,
            state: OperationState::Forward,
            cancelled: None,
            start_time: now,
        })?;
        Ok(job_id)
    }

    /// Writes a job for something that was done at once.
    pub(crate) fn job_done(
        &mut self,
        caller: &Caller,
        description: impl Into<String>,
        objects: Vec<ObjectId>,
    ) -> Result<()> {
        let now = self.now();
        let mut job = new_job(caller, description.into(), objects, now);
        job.status = JobStatus::Finished;
        job.end_time = Some(now);
        for (number, (name, kind)) in (0..).zip([
            ("Validating", StepType::Validating),
            ("Executing", StepType::Executing),
        ]) {
            job.steps.push(Step {
                end_time: Some(now),
                status: StepStatus::Finished,
                ..new_step(name.to_owned(), kind, None, number, now)
            });
        }
        self.put(job)
    }
}

pub(crate) fn new_job(
    caller: &Caller,
    description: String,
    objects: Vec<ObjectId>,
    now: Timestamp,
) -> Job {
    Job {
        id: JobId::random(),
        description,
        status: JobStatus::Started,
        owner: caller.person(),
        correlation_id: Some(caller.correlation_id.clone()),
        start_time: now,
        last_updated: now,
        end_time: None,
        external: false,
        auto_cleared: true,
        objects,
        operation: None,
        steps: Vec::new(),
    }
}

pub(crate) fn new_step(
    description: String,
    step_type: StepType,
    parent: Option<StepId>,
    number: u32,
    now: Timestamp,
) -> Step {
    Step {
        id: StepId::random(),
        parent,
        number,
        description,
        step_type,
        status: StepStatus::Started,
        progress: None,
        start_time: now,
        end_time: None,
        external: false,
        error: None,
        waiting: None,
    }
}
