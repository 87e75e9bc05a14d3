//! Ends, restarts and suspends VMs.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{HostId, Vm, VmId, VmStatus};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::check;
use super::params::{Accepted, VmStopParams};

/// What is done to a running VM.
struct Deed {
    action: VmAction,
    kind: OperationKind,
    step: fn(VmId, HostId) -> Action,
    step_text: &'static str,
    verb: &'static str,
    code: u32,
    sentence: &'static str,
    status: Option<VmStatus>,
}

impl Manager {
    /// Ends a VM at once; of a suspended one the saved memory is dropped.
    pub async fn vm_stop(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmStopParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let suspended = self
            .inventory()
            .vms
            .get(&vm)
            .is_some_and(|vm| vm.run.status == VmStatus::Suspended);
        let deed = stopping(vm, suspended);
        self.vm_deed(caller, vm, params.reason, deed).await
    }

    /// Asks a VM's guest to end.
    pub async fn vm_shutdown(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmStopParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let deed = Deed {
            action: VmAction::Shutdown,
            kind: OperationKind::VmShutdown { vm },
            step: |vm, host| Action::DomainShutdown { vm, host },
            step_text: "Asking the guest to shut down",
            verb: "Shutting down",
            code: code::VM_SHUTDOWN,
            sentence: "VM shutdown initiated by {who} on VM {vm}.",
            status: Some(VmStatus::PoweringDown),
        };
        self.vm_deed(caller, vm, params.reason, deed).await
    }

    /// Asks a VM's guest to restart; with `force` the VM is reset.
    pub async fn vm_reboot(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmStopParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let mut deed = Deed {
            action: VmAction::Reboot,
            kind: OperationKind::VmReboot { vm },
            step: |vm, host| Action::DomainReboot { vm, host },
            step_text: "Asking the guest to reboot",
            verb: "Rebooting",
            code: code::VM_REBOOT,
            sentence: "User {who} initiated reboot for VM {vm}.",
            status: None,
        };
        if params.force {
            deed.step = |vm, host| Action::DomainReset { vm, host };
            deed.step_text = "Resetting the domain";
        }
        self.vm_deed(caller, vm, params.reason, deed).await
    }

    /// Restarts a VM at once.
    pub async fn vm_reset(&self, caller: &Caller, vm: VmId) -> Result<Accepted<Arc<Vm>>> {
        let deed = Deed {
            action: VmAction::Reset,
            kind: OperationKind::VmReset { vm },
            step: |vm, host| Action::DomainReset { vm, host },
            step_text: "Resetting the domain",
            verb: "Resetting",
            code: code::VM_RESET,
            sentence: "User {who} reset VM {vm}.",
            status: None,
        };
        self.vm_deed(caller, vm, None, deed).await
    }

    /// Saves a VM's memory and ends it.
    pub async fn vm_suspend(&self, caller: &Caller, vm: VmId) -> Result<Accepted<Arc<Vm>>> {
        let deed = Deed {
            action: VmAction::Suspend,
            kind: OperationKind::VmSuspend { vm },
            step: |vm, host| Action::DomainSuspend { vm, host },
            step_text: "Saving the domain's memory",
            verb: "Suspending",
            code: code::VM_SUSPEND,
            sentence: "Suspending VM {vm} was initiated by User {who}.",
            status: Some(VmStatus::SavingState),
        };
        self.vm_deed(caller, vm, None, deed).await
    }

    async fn vm_deed(
        &self,
        caller: &Caller,
        vm: VmId,
        reason: Option<String>,
        deed: Deed,
    ) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| perform(draft, &caller, vm, reason, deed))
            .await
    }
}

/// What ends a VM at once.
fn stopping(vm: VmId, suspended: bool) -> Deed {
    if suspended {
        Deed {
            action: VmAction::Stop,
            kind: OperationKind::VmStop { vm },
            step: |vm, host| Action::DomainUndefine { vm, host },
            step_text: "Dropping the saved state",
            verb: "Stopping",
            code: code::VM_SUSPENDED_STOPPED,
            sentence: "Suspended VM {vm} had its saved state cleared by {who}.",
            status: None,
        }
    } else {
        Deed {
            action: VmAction::Stop,
            kind: OperationKind::VmStop { vm },
            step: |vm, host| Action::DomainDestroy { vm, host },
            step_text: "Ending the domain",
            verb: "Stopping",
            code: code::VM_STOPPED,
            sentence: "VM {vm} powered off by {who}.",
            status: Some(VmStatus::PoweringDown),
        }
    }
}

/// Ends a VM at once, as a part of a larger change.
pub(super) fn end(draft: &mut Draft, caller: &Caller, vm: VmId) -> Result<()> {
    let suspended = draft
        .vms
        .get(&vm)
        .is_some_and(|vm| vm.run.status == VmStatus::Suspended);
    perform(draft, caller, vm, None, stopping(vm, suspended))?;
    Ok(())
}

fn perform(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    reason: Option<String>,
    deed: Deed,
) -> Result<Accepted<Arc<Vm>>> {
    access::require_any(draft, caller, deed.action.permits(), id)?;
    let old = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &old, deed.action).map_err(Error::conflict)?;
    // Whether it is suspended may have changed since the step was chosen.
    let drops = matches!((deed.step)(id, HostId::ZERO), Action::DomainUndefine { .. });
    if drops != (old.run.status == VmStatus::Suspended && deed.action == VmAction::Stop) {
        return Err(Error::conflict(
            "Cannot stop VM. Related operation is currently in progress. Please try again later.",
        ));
    }
    let host = old
        .run
        .host
        .or(old.run.saved_on)
        .or_else(|| {
            draft
                .hosts
                .iter()
                .find(|host| host.cluster == old.cluster)
                .map(|host| host.id)
        })
        .ok_or_else(|| Error::conflict("Its host is not known."))?;
    let mut vm = (*old).clone();
    if let Some(reason) = &reason {
        check::text("reason", reason)?;
        vm.run.stop_reason = Some(reason.clone());
    }
    if let Some(status) = deed.status {
        vm.run.status = status;
    }
    draft.put(vm.clone())?;
    let mut sentence = deed
        .sentence
        .replace("{vm}", &vm.name)
        .replace("{who}", &super::who(draft, caller));
    if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
        sentence.push_str(&format!(" Reason: {reason}"));
    }
    let event = EventDraft::new(deed.code, sentence);
    draft.event(event.vm(id, draft).by(caller, draft));
    let job = draft.begin(
        caller,
        Plan {
            kind: deed.kind,
            description: format!("{} VM {}", deed.verb, vm.name),
            locks: vec![id.into()],
            objects: vec![id.into(), host.into()],
            actions: vec![((deed.step)(id, host), deed.step_text.to_owned())],
        },
    )?;
    Ok(Accepted {
        value: Arc::new(vm),
        job: Some(job),
    })
}
