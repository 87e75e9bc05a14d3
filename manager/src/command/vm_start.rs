//! Starts a VM: from nothing, from its saved memory, or out of a pause.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{ObjectId, Vm, VmId, VmStatus};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::scheduler;
use crate::writer::Draft;

use super::params::{Accepted, VmStartParams};

impl Manager {
    /// Starts a VM. Returns when the start is written down; the VM is then `wait_for_launch`.
    pub async fn vm_start(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmStartParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| start(draft, &caller, vm, params))
            .await
    }
}

fn start(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    params: VmStartParams,
) -> Result<Accepted<Arc<Vm>>> {
    access::require_any(draft, caller, VmAction::Start.permits(), id)?;
    let old = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &old, VmAction::Start).map_err(Error::conflict)?;
    let mut vm = (*old).clone();
    let (kind, actions, verb) = match old.run.status {
        VmStatus::Paused => {
            let host = old
                .run
                .host
                .ok_or_else(|| Error::conflict("Cannot run VM. Its host is not known."))?;
            (
                OperationKind::VmResume { vm: id },
                vec![(
                    Action::DomainResume { vm: id, host },
                    "Resuming the domain".to_owned(),
                )],
                "Resuming",
            )
        }
        VmStatus::Suspended => {
            let host = match old.run.saved_on {
                Some(host) => host,
                None => scheduler::choose(draft, &vm, &vm.hardware)
                    .map_err(|reason| Error::conflict(format!("Cannot run VM. {reason}")))?,
            };
            vm.run.status = VmStatus::RestoringState;
            vm.run.epoch += 1;
            vm.run.host = Some(host);
            let epoch = vm.run.epoch;
            (
                OperationKind::VmStart { vm: id },
                vec![(
                    Action::DomainRestore {
                        vm: id,
                        host,
                        epoch,
                    },
                    "Restoring the domain from its saved state".to_owned(),
                )],
                "Restoring",
            )
        }
        _ => {
            if let Some(next) = vm.next_run.take() {
                vm.hardware = *next;
            }
            if !params.once.is_empty() {
                let usual = vm.hardware.clone();
                params
                    .once
                    .put_into(&mut vm.hardware, draft, caller, id.into())?;
                // Comes back when the run is over.
                vm.next_run = Some(Box::new(usual));
                vm.run.run_once = true;
            }
            let cd = params.cdrom.unwrap_or(vm.cdrom);
            if let Some(cd) = cd
                && params.cdrom.is_some()
            {
                super::cdrom::require_cd(draft, caller, cd)?;
            }
            // A CD that is gone, or not ready, does not keep a VM from starting.
            vm.run.cdrom = cd.filter(|cd| {
                draft
                    .disks
                    .get(cd)
                    .is_some_and(|disk| disk.status == crate::model::DiskStatus::Ok)
            });
            let host = scheduler::choose(draft, &vm, &vm.hardware)
                .map_err(|reason| Error::conflict(format!("Cannot run VM. {reason}")))?;
            vm.run.status = VmStatus::WaitForLaunch;
            vm.run.epoch += 1;
            vm.run.host = Some(host);
            vm.run.status_detail = None;
            let epoch = vm.run.epoch;
            let mut actions = vec![(
                Action::DomainStart {
                    vm: id,
                    host,
                    epoch,
                },
                "Starting the domain".to_owned(),
            )];
            if params.pause || vm.hardware.start_paused {
                actions.push((
                    Action::DomainPause { vm: id, host },
                    "Pausing the domain".to_owned(),
                ));
            }
            (OperationKind::VmStart { vm: id }, actions, "Launching")
        }
    };
    let host = vm.run.host;
    let host_name = host
        .and_then(|host| draft.hosts.get(&host))
        .map(|host| host.name.clone());
    draft.put(vm.clone())?;
    let event = EventDraft::new(
        code::VM_STARTED,
        format!(
            "VM {} was started by {} (Host: {}).",
            vm.name,
            super::who(draft, caller),
            host_name.unwrap_or_else(|| "unknown".to_owned())
        ),
    );
    draft.event(event.vm(id, draft).by(caller, draft));
    let mut objects = vec![ObjectId::Vm(id)];
    objects.extend(host.map(ObjectId::Host));
    let job = draft.begin(
        caller,
        Plan {
            kind,
            description: format!("{verb} VM {}", vm.name),
            locks: vec![id.into()],
            objects,
            actions,
        },
    )?;
    Ok(Accepted {
        value: Arc::new(vm),
        job: Some(job),
    })
}
