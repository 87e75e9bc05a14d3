//! Changes a VM. What a running VM cannot change at once is kept for its next run.

use std::sync::Arc;
use std::time::Duration;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::domain;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::host::MODULE_BYTES;
use crate::model::{JobId, Permit, Vm, VmHardware, VmId, VmStatus};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::check;
use super::params::VmUpdateParams;

/// How long a change of a VM waits for the running guest.
const HOT_PLUG_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether the manager is still there.
const LOOK: Duration = Duration::from_millis(100);

impl Manager {
    /// Changes a VM.
    pub async fn vm_update(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmUpdateParams,
    ) -> Result<Arc<Vm>> {
        let caller = caller.clone();
        let (updated, job) = self
            .core
            .writer
            .apply(move |draft| update(draft, &caller, vm, params))
            .await?;
        let Some(job) = job else {
            return Ok(updated);
        };
        // What is plugged into the running guest takes a moment, and the answer shows whether it
        // was. Whatever does not come in time waits for the next start, or comes later.
        let stopped = async {
            while !self.is_stopped() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            _ = self.wait(job) => {}
            () = stopped => {}
            () = tokio::time::sleep(HOT_PLUG_PATIENCE) => {}
        }
        Ok(self.inventory().vms.get(&vm).cloned().unwrap_or(updated))
    }
}

fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    mut params: VmUpdateParams,
) -> Result<(Arc<Vm>, Option<JobId>)> {
    access::require(draft, caller, Permit::EDIT_VM_PROPERTIES, id)?;
    let old = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &old, VmAction::Edit).map_err(Error::conflict)?;
    let mut vm = (*old).clone();
    check::set_text("description", &mut vm.description, params.description)?;
    check::set_text("comment", &mut vm.comment, params.comment)?;
    vm.delete_protected = params.delete_protected.unwrap_or(vm.delete_protected);
    vm.use_latest_template = params.use_latest_template.unwrap_or(vm.use_latest_template);
    if let Some(cluster) = params.cluster.filter(|cluster| *cluster != vm.cluster) {
        check::down(&vm, "update VM's cluster")?;
        access::require(draft, caller, Permit::CREATE_VM, cluster)?;
        let target = draft
            .clusters
            .get(&cluster)
            .ok_or_else(|| Error::not_found(cluster))?;
        if Some(target.data_center) != draft.data_center_of_cluster(vm.cluster) {
            return Err(Error::conflict(
                "Cannot update VM. The target cluster is in another Data Center.",
            ));
        }
        vm.cluster = cluster;
        vm.hardware.cpu_profile = Some(target.cpu_profile);
    }
    if let Some(name) = params.name.filter(|name| *name != vm.name) {
        check::vm_name(&name)?;
        let data_center = draft.data_center_of_cluster(vm.cluster);
        check::vm_name_free(draft, &name, data_center, Some(id), "update")?;
        vm.name = name;
    }
    let running = vm.run.status != VmStatus::Down;
    if !params.settings.is_empty() || params.instance_type.is_some() {
        let later = running || params.next_run;
        let mut hardware = match (&vm.next_run, later) {
            (Some(next), true) => (**next).clone(),
            _ => vm.hardware.clone(),
        };
        if let Some(kind) = params.instance_type {
            vm.instance_type = kind;
            if let Some(kind) = kind {
                let kind = draft
                    .instance_types
                    .get(&kind)
                    .ok_or_else(|| Error::not_found(kind))?;
                super::instance_type::take_over(&mut hardware, kind);
            }
        }
        // The most that it may be given while it runs does not follow what it is given.
        if running
            && params.settings.memory_max.is_none()
            && params
                .settings
                .memory
                .is_some_and(|memory| memory <= hardware.memory_max)
        {
            params.settings.memory_max = Some(hardware.memory_max);
        }
        params
            .settings
            .put_into(&mut hardware, draft, caller, id.into())?;
        // Who changes what the instance type decides does not follow it any more.
        let follows = vm
            .instance_type
            .and_then(|kind| draft.instance_types.get(&kind))
            .is_some_and(|kind| super::instance_type::agrees(&hardware, kind));
        if !follows {
            vm.instance_type = None;
        }
        if later {
            at_once(&mut vm.hardware, &hardware);
            vm.next_run = (hardware != vm.hardware).then(|| Box::new(hardware));
        } else {
            vm.hardware = hardware;
        }
    }
    if vm == *old {
        return Ok((old, None));
    }
    let event = EventDraft::new(
        code::VM_UPDATED,
        format!("VM {} configuration was updated.", vm.name),
    );
    draft.put(vm.clone())?;
    draft.event(event.vm(id, draft).by(caller, draft));
    let job = if params.next_run {
        None
    } else {
        hot_plug(draft, caller, &vm)?
    };
    if job.is_none() {
        draft.job_done(
            caller,
            format!("Editing VM {} configuration", vm.name),
            vec![id.into()],
        )?;
    }
    Ok((Arc::new(vm), job))
}

/// Begins to give a running VM the processors and the memory of its next run, as far as that goes
/// without a restart: sockets more or fewer, memory in whole modules more.
fn hot_plug(draft: &mut Draft, caller: &Caller, vm: &Vm) -> Result<Option<JobId>> {
    let Some(next) = &vm.next_run else {
        return Ok(None);
    };
    let Some(host) = vm.run.host else {
        return Ok(None);
    };
    // A run with settings of its own is not what is configured.
    if vm.run.status != VmStatus::Up || vm.run.once.is_some() || draft.lock_of(vm.id).is_some() {
        return Ok(None);
    }
    let now = &vm.hardware;
    let mut actions = Vec::new();
    let more = next.memory.saturating_sub(now.memory);
    let memory = (more > 0 && more.is_multiple_of(MODULE_BYTES) && next.memory <= now.memory_max)
        .then_some(next.memory);
    if memory.is_some() {
        actions.push((
            Action::MemoryPlug {
                vm: vm.id,
                host,
                module: uuid::Uuid::new_v4(),
                bytes: more,
            },
            format!("Plugging {} MiB of memory", more >> 20),
        ));
    }
    let same_kind =
        now.topology.cores == next.topology.cores && now.topology.threads == next.topology.threads;
    let sockets = (same_kind
        && next.topology.sockets != now.topology.sockets
        && next.topology.sockets <= domain::sockets_max(now))
    .then_some(next.topology.sockets);
    if sockets.is_some() {
        actions.push((
            Action::CpusSet {
                vm: vm.id,
                host,
                vcpus: u32::try_from(next.topology.count()).unwrap_or(u32::MAX),
            },
            format!(
                "Setting the number of processors to {}",
                next.topology.count()
            ),
        ));
    }
    if actions.is_empty() {
        return Ok(None);
    }
    let plan = Plan {
        kind: OperationKind::VmHotPlug {
            vm: vm.id,
            sockets,
            memory,
        },
        description: format!("Changing processors and memory of running VM {}", vm.name),
        locks: vec![vm.id.into()],
        objects: vec![vm.id.into(), host.into()],
        actions,
    };
    draft.begin(caller, plan).map(Some)
}

/// What a running VM takes over at once: what only the manager looks at.
fn at_once(running: &mut VmHardware, next: &VmHardware) {
    running.high_availability = next.high_availability;
    running.placement = next.placement.clone();
    running.vm_type = next.vm_type;
    running.start_paused = next.start_paused;
    running.stateless = next.stateless;
    running.storage_error_resume = next.storage_error_resume;
    running.migration_downtime = next.migration_downtime;
    running.memory_guaranteed = next.memory_guaranteed.min(running.memory);
    running.boot_menu = next.boot_menu;
    running.boot_devices.clone_from(&next.boot_devices);
    running.initialization.clone_from(&next.initialization);
    let display = &mut running.display;
    display.allow_override = next.display.allow_override;
    display
        .disconnect_action
        .clone_from(&next.display.disconnect_action);
    display.disconnect_action_delay = next.display.disconnect_action_delay;
    display.copy_paste = next.display.copy_paste;
    display.file_transfer = next.display.file_transfer;
}
