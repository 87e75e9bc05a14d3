//! Giving an operation up before its end: wanted by who began it or an administrator, done where
//! the executor stands. It then fails like any other, and what it had made is taken away.

use crate::Manager;
use crate::access::{self, Access};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::host::{HostError, VolumeRef};
use crate::model::{Job, JobId, ObjectId, OperationId, Permit};

use super::executor::sentence;
use super::{Action, Operation, OperationKind, OperationState, OperationStep, StepState};

/// Whether something is left that would be lost if nobody went on with it: these are brought to
/// their end.
fn may_be_given_up(kind: &OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::VmAdd { .. }
            | OperationKind::VmStart { .. }
            | OperationKind::VmSuspend { .. }
            | OperationKind::VmExport { .. }
            | OperationKind::VmAdopt { .. }
            | OperationKind::DiskAdd { .. }
            | OperationKind::DiskCopy { .. }
            | OperationKind::TemplateAdd { .. }
    )
}

/// Why a job cannot be given up by this caller now.
pub(crate) fn cancellable(
    access: &Access,
    caller: &Caller,
    job: &Job,
) -> std::result::Result<(), String> {
    let inventory = access.inventory();
    let Some(operation) = job.operation.and_then(|id| inventory.operations.get(&id)) else {
        return Err("Cannot cancel Job. It has ended, or is not the manager's.".to_owned());
    };
    if job.owner != Some(caller.user)
        && !access.may(caller, Permit::INJECT_EXTERNAL_TASKS, ObjectId::System)
    {
        return Err("User is not authorized to perform this action.".to_owned());
    }
    if operation.state != OperationState::Forward || operation.cancelled.is_some() {
        return Err("Cannot cancel Job. It is being given up already.".to_owned());
    }
    if !may_be_given_up(&operation.kind) {
        return Err(
            "Cannot cancel Job. Work of this kind is always brought to its end.".to_owned(),
        );
    }
    Ok(())
}

fn given_up_by(who: &str) -> String {
    format!("It was cancelled by {who}.")
}

/// Before a step is begun: why it is not any more.
pub(super) fn before(operation: &Operation, step: &OperationStep) -> Option<String> {
    if operation.state != OperationState::Forward || step.state != StepState::Planned {
        return None;
    }
    operation.cancelled.as_deref().map(given_up_by)
}

impl Manager {
    /// Gives the work of a job up. What it had made is taken away again; the job ends `aborted`.
    /// What has happened already when this comes stays.
    pub async fn job_cancel(&self, caller: &Caller, id: JobId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let job = draft
                    .jobs
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                let access = Access::new(std::sync::Arc::new((**draft).clone()));
                if job.owner != Some(caller.user) {
                    access::require(
                        draft,
                        &caller,
                        Permit::INJECT_EXTERNAL_TASKS,
                        ObjectId::System,
                    )?;
                }
                cancellable(&access, &caller, &job).map_err(Error::conflict)?;
                let Some(operation) = job.operation.and_then(|id| draft.operations.get(&id)) else {
                    return Ok(());
                };
                let mut operation = (**operation).clone();
                let who = draft
                    .users
                    .get(&caller.user)
                    .map_or_else(|| "the manager".to_owned(), |user| user.user_name.clone());
                operation.cancelled = Some(who);
                draft.put(operation)
            })
            .await?;
        // Whoever waits for a host looks again.
        self.core.executor.host_back.notify_waiters();
        Ok(())
    }

    /// Whether an operation that goes forward is to be given up, as the error it then ends with.
    pub(super) fn cancelled(&self, id: OperationId) -> Option<HostError> {
        let inventory = self.inventory();
        let operation = inventory.operations.get(&id)?;
        if operation.state != OperationState::Forward {
            return None;
        }
        operation.cancelled.as_deref().map(|who| HostError::Failed {
            what: given_up_by(who),
        })
    }

    /// Tells what goes on for a step to stop, where that can be told.
    pub(super) async fn stop_action(&self, action: &Action) {
        let inventory = self.inventory();
        match action {
            Action::VolumeCopy { disk, .. } | Action::VolumeImport { disk, .. } => {
                let Some(disk) = inventory.disks.get(disk) else {
                    return;
                };
                let volume = VolumeRef {
                    storage_domain: disk.storage_domain.0,
                    volume: disk.image().0,
                };
                if let Ok(host) = self.host_of_domain(&inventory, disk.storage_domain) {
                    host.stop(volume);
                }
            }
            Action::DomainSuspend { vm, host } => {
                if let Ok(host) = self.host_by_id(*host)
                    && let Err(error) = host.abort_suspend(vm.0).await
                {
                    tracing::debug!(%error, "Saving a domain could not be given up");
                }
            }
            _ => {}
        }
    }

    /// Shows in the job what a step waits for.
    pub(super) async fn say_waiting(&self, id: OperationId, action: &Action, error: &HostError) {
        let reason = sentence(error);
        let action = action.clone();
        let shown = self
            .core
            .writer
            .apply(move |draft| {
                let Some(operation) = draft.operations.get(&id) else {
                    return Ok(());
                };
                let step = operation
                    .steps
                    .iter()
                    .find(|step| step.state == StepState::Intended && step.action == action)
                    .map(|step| step.job_step);
                let job = draft.jobs.get(&operation.job).cloned();
                let (Some(step), Some(job)) = (step, job) else {
                    return Ok(());
                };
                let mut job = (*job).clone();
                let Some(step) = job.steps.iter_mut().find(|it| it.id == step) else {
                    return Ok(());
                };
                if step.waiting.as_ref() == Some(&reason) {
                    return Ok(());
                }
                step.waiting = Some(reason);
                job.last_updated = draft.now();
                draft.put(job)
            })
            .await;
        if let Err(error) = shown {
            tracing::debug!(%error, "What a step waits for could not be shown");
        }
    }
}
