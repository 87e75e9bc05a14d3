//! What a VM's guest is asked to do through its agent.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::model::{Permit, Vm, VmId};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::params::Accepted;

impl Manager {
    /// Lets a guest write down everything and then write nothing, for a copy from outside.
    pub async fn vm_freeze(&self, caller: &Caller, vm: VmId) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        let writer = &self.core.writer;
        writer
            .apply(move |draft| begin(draft, &caller, vm, true))
            .await
    }

    /// Lets a guest write again.
    pub async fn vm_thaw(&self, caller: &Caller, vm: VmId) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        let writer = &self.core.writer;
        writer
            .apply(move |draft| begin(draft, &caller, vm, false))
            .await
    }
}

fn begin(draft: &mut Draft, caller: &Caller, id: VmId, freeze: bool) -> Result<Accepted<Arc<Vm>>> {
    access::require(draft, caller, Permit::MANIPULATE_VM_SNAPSHOTS, id)?;
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    let action = if freeze {
        VmAction::Freeze
    } else {
        VmAction::Thaw
    };
    rules::vm(draft, &vm, action).map_err(Error::conflict)?;
    let host = vm
        .run
        .host
        .ok_or_else(|| Error::conflict("Cannot reach the guest. Its host is not known."))?;
    let (kind, step, text, verb) = if freeze {
        (
            OperationKind::VmFreeze { vm: id },
            Action::GuestFreeze { vm: id, host },
            "Asking the guest to hold its file systems still",
            "Freezing file systems of",
        )
    } else {
        (
            OperationKind::VmThaw { vm: id },
            Action::GuestThaw { vm: id, host },
            "Letting the guest's file systems go on",
            "Thawing file systems of",
        )
    };
    let job = draft.begin(
        caller,
        Plan {
            kind,
            description: format!("{verb} VM {}", vm.name),
            locks: vec![id.into()],
            objects: vec![id.into(), host.into()],
            actions: vec![(step, text.to_owned())],
        },
    )?;
    Ok(Accepted {
        value: vm,
        job: Some(job),
    })
}
