//! Starts a VM: from nothing, from its saved memory, or out of a pause.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::domain;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::first_boot::reader_of;
use crate::model::{
    BiosType, FirstBoot, ObjectId, Payload, PayloadMedium, StorageDomainStatus, StorageDomainType,
    Vm, VmId, VmStatus,
};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::scheduler;
use crate::writer::Draft;

use super::params::{Accepted, FirstBootWish, VmStartParams};

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

/// Starts a highly available VM again, or says why that is not possible now.
pub(crate) fn start_again(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
) -> Result<std::result::Result<(), String>> {
    let Some(vm) = draft.vms.get(&id).cloned() else {
        return Ok(Ok(()));
    };
    if let Err(reason) = rules::vm(draft, &vm, VmAction::Start) {
        return Ok(Err(reason));
    }
    if let Err(error) = draft.require_space() {
        return Ok(Err(error.to_string()));
    }
    start(draft, caller, id, VmStartParams::default())?;
    Ok(Ok(()))
}

pub(super) fn start(
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
    if let Some(restart) = &mut vm.run.restart {
        // Whoever starts it decides.
        restart.due = None;
    }
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
                None => scheduler::choose(draft, &vm, vm.running_hardware())
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
            vm.run.once = None;
            vm.run.run_once = !params.once.is_empty()
                || params.cdrom.is_some()
                || params.first_boot != FirstBootWish::Usual;
            let mut wish = params.first_boot;
            if params.once.initialization.is_some() && wish == FirstBootWish::Usual {
                wish = FirstBootWish::BySystem;
            }
            if !params.once.is_empty() {
                let mut once = vm.hardware.clone();
                params.once.put_into(&mut once, draft, caller, id.into())?;
                vm.run.once = (once != vm.hardware).then(|| Box::new(once));
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
            rules::quota::take_cluster(draft, caller, &vm, &vm.running_hardware().clone())?;
            let host = scheduler::choose(draft, &vm, vm.running_hardware())
                .map_err(|reason| Error::conflict(format!("Cannot run VM. {reason}")))?;
            vm.run.status = VmStatus::WaitForLaunch;
            vm.run.epoch += 1;
            vm.run.host = Some(host);
            vm.run.status_detail = None;
            let epoch = vm.run.epoch;
            let mut actions = first_boot(draft, &mut vm, wish, epoch)?;
            let keeps_nothing = vm
                .pool
                .and_then(|pool| draft.vm_pools.get(&pool))
                .map_or(vm.running_hardware().stateless, |pool| !pool.stateful);
            if keeps_nothing {
                actions.extend(super::vm_forget::overlays(draft, &mut vm)?);
            }
            actions.push(if vm.memory.is_some() {
                (
                    Action::DomainReturn {
                        vm: id,
                        host,
                        epoch,
                    },
                    "Starting the domain from the snapshot's memory".to_owned(),
                )
            } else {
                (
                    Action::DomainStart {
                        vm: id,
                        host,
                        epoch,
                    },
                    "Starting the domain".to_owned(),
                )
            });
            if params.pause || vm.running_hardware().start_paused {
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

/// Decides whether the guest is given its first-boot settings, and removes those of an earlier
/// start: what must happen before the domain starts.
fn first_boot(
    draft: &Draft,
    vm: &mut Vm,
    wish: FirstBootWish,
    epoch: u64,
) -> Result<Vec<(Action, String)>> {
    let hardware = vm.running_hardware();
    let reader = match wish {
        FirstBootWish::CloudInit => Some(FirstBoot::CloudInit),
        FirstBootWish::Sysprep => Some(FirstBoot::Sysprep),
        FirstBootWish::BySystem => Some(reader_of(&hardware.os_type)),
        FirstBootWish::Usual => (!vm.run.initialized && hardware.initialization.is_some())
            .then(|| reader_of(&hardware.os_type)),
    };
    let old_chipset = domain::bios_type(draft, vm.cluster, hardware) == BiosType::I440fxSeaBios;
    let mut actions = Vec::new();
    if let Some(old) = vm.run.payload.take() {
        actions.push((
            Action::PayloadDelete {
                vm: vm.id,
                volume: old.volume,
                storage_domain: old.storage_domain,
            },
            "Deleting earlier first-boot settings".to_owned(),
        ));
    }
    let Some(reader) = reader else {
        return Ok(actions);
    };
    // Beside the VM's disks; a VM without any has it where its disks would be.
    let data_center = draft.data_center_of_cluster(vm.cluster);
    let of_disk = vm
        .disk_attachments
        .iter()
        .filter_map(|attachment| draft.disks.get(&attachment.disk))
        .map(|disk| disk.storage_domain)
        .next();
    let any = || {
        draft
            .storage_domains
            .iter()
            .filter(|domain| domain.domain_type == StorageDomainType::Data)
            .filter(|domain| domain.status == StorageDomainStatus::Active)
            .find(|domain| domain.data_center == data_center)
            .map(|domain| domain.id)
    };
    let storage_domain = of_disk.or_else(any).ok_or_else(|| {
        Error::conflict(
            "Cannot run VM. There is no active storage domain for its first-boot settings.",
        )
    })?;
    let medium = if reader == FirstBoot::Sysprep && old_chipset {
        PayloadMedium::Floppy
    } else {
        PayloadMedium::Cdrom
    };
    vm.run.payload = Some(Payload {
        volume: uuid::Uuid::new_v4(),
        storage_domain,
        medium,
        reader,
        epoch,
    });
    actions.push((
        Action::PayloadWrite { vm: vm.id, epoch },
        "Writing the first-boot settings".to_owned(),
    ));
    Ok(actions)
}
