//! Runs open operations, each in a task of its own. The same code runs what was just begun and
//! what an earlier manager left behind.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Manager;
use crate::error::{Error, Result};
use crate::host::HostError;
use crate::model::{OperationId, StepStatus, StepType};
use crate::writer::Draft;

use super::act::{Observed, Outcome};
use super::begin::new_step;
use super::cancel;
use super::{
    Action, CrashPhase, Operation, OperationKind, OperationState, OperationStep, StepState, record,
};

/// The longest wait before a host is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Between two looks at how far a step is.
const PROGRESS: Duration = Duration::from_secs(1);

/// What runs.
#[derive(Debug, Default)]
pub(crate) struct Executor {
    running: Mutex<HashSet<OperationId>>,
    /// Wakes operations that wait for a host.
    pub(crate) host_back: Notify,
}

impl Manager {
    /// Runs an operation, unless it runs already.
    pub(crate) fn operation_run(&self, id: OperationId) {
        let running = &self.core.executor.running;
        if !running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id)
        {
            return;
        }
        let manager = self.clone();
        self.core.spawn(async move {
            let outcome = manager.operation_drive(id).await;
            if let Err(error) = outcome {
                tracing::error!(%id, %error, "An operation stopped; it goes on at the next start");
            }
            let running = &manager.core.executor.running;
            running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
        });
    }

    /// Runs everything that is open.
    pub(crate) fn operations_resume(&self) {
        let open: Vec<_> = self
            .inventory()
            .operations
            .iter()
            .map(|operation| operation.id)
            .collect();
        for id in open {
            self.operation_run(id);
        }
    }

    async fn operation_drive(&self, id: OperationId) -> Result<()> {
        // A step that is intended when we come to it may have happened under an earlier manager.
        let mut inherited = true;
        loop {
            let inventory = self.inventory();
            let Some(operation) = inventory.operations.get(&id) else {
                return Ok(());
            };
            let next = operation
                .steps
                .iter()
                .position(|step| matches!(step.state, StepState::Planned | StepState::Intended));
            let Some(index) = next else {
                return self
                    .retry_apply(move |draft| record::complete(draft, id))
                    .await;
            };
            let step = &operation.steps[index];
            if let Some(sentence) = cancel::before(operation, step) {
                self.retry_apply(move |draft| failed(draft, id, index, &sentence))
                    .await?;
                continue;
            }
            if step.state == StepState::Planned {
                inherited = false;
                self.retry_apply(move |draft| intend(draft, id, index))
                    .await?;
            }
            match self.step(operation, &step.action, inherited).await {
                Some(Ok(outcome)) => {
                    self.retry_apply(move |draft| record::done(draft, id, index, &outcome))
                        .await?;
                }
                Some(Err(error)) => {
                    let sentence = sentence(&error);
                    tracing::warn!(%id, action = step.action.name(), error = %sentence, "A step failed");
                    self.retry_apply(move |draft| failed(draft, id, index, &sentence))
                        .await?;
                }
                // Stopped dead by a crash plan.
                None => return Ok(()),
            }
            inherited = false;
        }
    }

    /// Brings one effect about. `None` when the manager was stopped on the way.
    async fn step(
        &self,
        operation: &Operation,
        action: &Action,
        inherited: bool,
    ) -> Option<Result<Outcome, HostError>> {
        let mut wait = self.core.timeouts.retry;
        let mut look_first = inherited;
        loop {
            if self.core.published.is_stopped() {
                return None;
            }
            let attempt = self.followed(operation, action, look_first).await?;
            match attempt {
                Err(error) if error.is_transient() => {
                    tracing::debug!(operation = %operation.id, action = action.name(), %error, "Waiting for a host");
                    if let Some(cancelled) = self.cancelled(operation.id) {
                        return Some(Err(cancelled));
                    }
                    self.say_waiting(operation.id, action, &error).await;
                    let back = self.core.executor.host_back.notified();
                    let _ = tokio::time::timeout(wait, back).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    look_first = true;
                }
                decided => return Some(decided),
            }
        }
    }

    /// An attempt whose progress is shown in its job meanwhile.
    async fn followed(
        &self,
        operation: &Operation,
        action: &Action,
        look_first: bool,
    ) -> Option<Result<Outcome, HostError>> {
        let mut attempt = std::pin::pin!(self.attempt(operation, action, look_first));
        let mut shown = None;
        let mut stopped = false;
        loop {
            if let Ok(outcome) = tokio::time::timeout(PROGRESS, &mut attempt).await {
                return outcome;
            }
            if !stopped && self.cancelled(operation.id).is_some() {
                stopped = true;
                self.stop_action(action).await;
            }
            let progress = self.action_progress(action);
            if progress.is_none() || progress == shown {
                continue;
            }
            shown = progress;
            let (id, action) = (operation.id, action.clone());
            let written = self
                .core
                .writer
                .apply(move |draft| record::progress(draft, id, &action, progress))
                .await;
            if let Err(error) = written {
                tracing::debug!(%error, "Progress could not be shown");
            }
        }
    }

    async fn attempt(
        &self,
        operation: &Operation,
        action: &Action,
        look_first: bool,
    ) -> Option<Result<Outcome, HostError>> {
        if look_first {
            match self.observe(operation, action).await {
                Ok(Observed::Yes(outcome)) => return Some(Ok(outcome)),
                Ok(Observed::No | Observed::CannotTell) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        self.crash_point(action, CrashPhase::BeforeAct)?;
        let outcome = match self.act(operation, action).await {
            Ok(outcome) => outcome,
            Err(error) => return Some(Err(error)),
        };
        self.crash_point(action, CrashPhase::AfterAct)?;
        let seen = match self.observe(operation, action).await {
            Ok(Observed::Yes(seen)) => Ok(seen),
            Ok(Observed::CannotTell) => Ok(outcome),
            Ok(Observed::No) => Err(HostError::Failed {
                what: "The host reported success, but the result is not there.".to_owned(),
            }),
            Err(error) => Err(error),
        };
        self.crash_point(action, CrashPhase::AfterObserve)?;
        Some(seen)
    }

    /// Ends the manager here if a test said so.
    fn crash_point(&self, action: &Action, phase: CrashPhase) -> Option<()> {
        if let Some(plan) = &self.core.crash
            && (plan.0)(action.name(), phase)
        {
            self.core.published.stop();
        }
        (!self.core.published.is_stopped()).then_some(())
    }

    /// Writes what must be written: where the disk is full or the database away for a moment, the
    /// operation waits rather than forgetting what it did.
    async fn retry_apply(
        &self,
        work: impl Fn(&mut Draft) -> Result<()> + Send + Sync + 'static,
    ) -> Result<()> {
        let work = Arc::new(work);
        loop {
            let attempt = Arc::clone(&work);
            match self.core.writer.apply(move |draft| attempt(draft)).await {
                Err(Error::NoSpace { .. } | Error::Unavailable { .. })
                    if !self.core.published.is_stopped() && !self.core.writer.is_closed() =>
                {
                    tokio::time::sleep(self.core.timeouts.retry).await;
                }
                outcome => return outcome,
            }
        }
    }
}

pub(super) fn sentence(error: &HostError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        let mut sentence: String = first.to_uppercase().chain(letters).collect();
        if !sentence.ends_with('.') {
            sentence.push('.');
        }
        sentence
    })
}

fn intend(draft: &mut Draft, id: OperationId, index: usize) -> Result<()> {
    record::update_step(draft, id, index, StepState::Intended, |step, now| {
        step.status = StepStatus::Started;
        step.start_time = now;
    })
}

/// A step did not succeed and never will: what the steps before it made is taken away again by
/// steps that are added now.
fn failed(draft: &mut Draft, id: OperationId, index: usize, error: &str) -> Result<()> {
    let reason = error.to_owned();
    record::update_step(draft, id, index, StepState::Failed, move |step, now| {
        step.status = StepStatus::Failed;
        step.end_time = Some(now);
        step.error = Some(reason);
    })?;
    let Some(operation) = draft.operations.get(&id) else {
        return Ok(());
    };
    let mut operation = (**operation).clone();
    let action = operation.steps[index].action.clone();
    if operation.state != OperationState::Forward || tolerates(&operation.kind, &action) {
        return Ok(());
    }
    let undo: Vec<Action> = operation
        .steps
        .iter()
        .filter(|step| step.state != StepState::Planned)
        .rev()
        .flat_map(|step| undo(draft, &step.action))
        .collect();
    operation.state = OperationState::Undoing {
        error: error.to_owned(),
    };
    let now = draft.now();
    let job = draft.jobs.get(&operation.job).map(|job| (**job).clone());
    let Some(mut job) = job else { return Ok(()) };
    for step in &mut operation.steps {
        if step.state == StepState::Planned {
            step.state = StepState::Failed;
            if let Some(shown) = job.steps.iter_mut().find(|shown| shown.id == step.job_step) {
                shown.status = StepStatus::Aborted;
                shown.end_time = Some(now);
            }
        }
    }
    let first = u32::try_from(operation.steps.len()).unwrap_or(u32::MAX);
    let parent = job
        .steps
        .iter()
        .find(|step| step.parent.is_none() && step.step_type == StepType::Executing)
        .map(|step| step.id);
    for (number, action) in (first..).zip(undo) {
        let mut shown = new_step(
            "Cleaning up".to_owned(),
            StepType::Executing,
            parent,
            number,
            now,
        );
        shown.status = StepStatus::Unknown;
        operation.steps.push(OperationStep {
            job_step: shown.id,
            action,
            state: StepState::Planned,
        });
        job.steps.push(shown);
    }
    job.last_updated = now;
    draft.put(job)?;
    draft.put(operation)
}

/// Whether an operation goes on although this step of it failed.
fn tolerates(kind: &OperationKind, action: &Action) -> bool {
    matches!(
        (kind, action),
        (
            OperationKind::VmRemove { .. },
            Action::VolumeDelete { .. } | Action::PayloadDelete { .. }
        ) | (
            OperationKind::TemplateRemove { .. } | OperationKind::VmRefresh { .. },
            Action::VolumeDelete { .. }
        ) | (
            OperationKind::SnapshotRemove { .. }
                | OperationKind::SnapshotUndo { .. }
                | OperationKind::SnapshotCommit { .. }
                | OperationKind::VmRemove { .. },
            Action::VolumeDelete { .. } | Action::MemoryDelete { .. }
        )
            // The disk is where it was to go; what is left behind is said.
            | (
                OperationKind::DiskMove { .. } | OperationKind::DiskConvert { .. },
                Action::VolumeDelete { .. },
            )
            | (OperationKind::VmExport { .. }, Action::ScratchDelete { .. })
    )
}

/// What takes an effect back.
fn undo(draft: &Draft, action: &Action) -> Vec<Action> {
    match action {
        Action::VolumeCreate { disk }
        | Action::VolumeCopy { disk, .. }
        | Action::VolumeImport { disk, .. } => draft
            .disks
            .get(disk)
            .map(|it| Action::VolumeDelete {
                disk: *disk,
                storage_domain: it.storage_domain,
                image: Some(it.image()),
            })
            .into_iter()
            .collect(),
        Action::VolumePlace { disk, .. } => draft
            .disks
            .get(disk)
            .map(|it| Action::VolumeDelete {
                disk: *disk,
                storage_domain: it.storage_domain,
                image: None,
            })
            .into_iter()
            .collect(),
        Action::DomainAdopt { vm, host, .. } => vec![Action::DomainRelease {
            vm: *vm,
            host: *host,
        }],
        // A guest that may or may not have heard must not stand still for ever.
        Action::GuestFreeze { vm, host } => vec![Action::GuestThaw {
            vm: *vm,
            host: *host,
        }],
        Action::OverlayCreate { disk } => draft
            .disks
            .get(disk)
            .map(|it| Action::OverlayDrop {
                disk: *disk,
                storage_domain: it.storage_domain,
                image: it.image(),
            })
            .into_iter()
            .collect(),
        Action::SnapshotTake { snapshot, .. } => draft
            .snapshots
            .get(snapshot)
            .and_then(|it| it.memory)
            .map(|memory| Action::MemoryDelete {
                storage_domain: memory.storage_domain,
                image: memory.image,
            })
            .into_iter()
            .collect(),
        Action::DomainStart { vm, host, .. } | Action::DomainReturn { vm, host, .. } => {
            vec![Action::DomainDestroy {
                vm: *vm,
                host: *host,
            }]
        }
        Action::VolumeDuplicate {
            disk, image, to, ..
        } => vec![Action::VolumeDelete {
            disk: *disk,
            storage_domain: *to,
            image: Some(*image),
        }],
        Action::DiskMirror { vm, host, disk, to } => {
            let image = draft.disks.get(disk).map(|disk| disk.image());
            vec![
                Action::DiskMirrorEnd {
                    vm: *vm,
                    host: *host,
                    disk: *disk,
                },
                Action::VolumeDelete {
                    disk: *disk,
                    storage_domain: *to,
                    image,
                },
            ]
        }
        Action::VolumeConvert { disk, image, .. } => draft
            .disks
            .get(disk)
            .map(|it| Action::VolumeDelete {
                disk: *disk,
                storage_domain: it.storage_domain,
                image: Some(*image),
            })
            .into_iter()
            .collect(),
        Action::ExportStage { disk, volume } => draft
            .disks
            .get(disk)
            .map(|disk| Action::ScratchDelete {
                storage_domain: disk.storage_domain,
                volume: *volume,
            })
            .into_iter()
            .collect(),
        Action::PayloadWrite { vm, .. } => draft
            .vms
            .get(vm)
            .and_then(|it| it.run.payload)
            .map(|payload| Action::PayloadDelete {
                vm: *vm,
                volume: payload.volume,
                storage_domain: payload.storage_domain,
            })
            .into_iter()
            .collect(),
        Action::TransferStage { transfer } => vec![Action::TransferClean {
            transfer: *transfer,
        }],
        Action::UploadInstall { transfer } => {
            let disk = draft
                .transfers
                .get(transfer)
                .and_then(|transfer| draft.disks.get(&transfer.disk));
            let delete = disk.map(|disk| Action::VolumeDelete {
                disk: disk.id,
                storage_domain: disk.storage_domain,
                image: Some(disk.image()),
            });
            delete
                .into_iter()
                .chain([Action::TransferClean {
                    transfer: *transfer,
                }])
                .collect()
        }
        _ => Vec::new(),
    }
}
