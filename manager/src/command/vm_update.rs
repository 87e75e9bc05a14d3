//! Changes a VM. What a running VM cannot change at once is kept for its next run.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{Permit, Vm, VmHardware, VmId, VmStatus};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::check;
use super::params::VmUpdateParams;

impl Manager {
    /// Changes a VM.
    pub async fn vm_update(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmUpdateParams,
    ) -> Result<Arc<Vm>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| update(draft, &caller, vm, params))
            .await
    }
}

fn update(draft: &mut Draft, caller: &Caller, id: VmId, params: VmUpdateParams) -> Result<Arc<Vm>> {
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
                hardware.memory = kind.memory;
                hardware.memory_guaranteed = kind.memory;
                hardware.memory_max = kind.memory.saturating_mul(4);
                hardware.topology = kind.topology;
            }
        }
        params
            .settings
            .put_into(&mut hardware, draft, caller, id.into())?;
        if later {
            at_once(&mut vm.hardware, &hardware);
            vm.next_run = (hardware != vm.hardware).then(|| Box::new(hardware));
        } else {
            vm.hardware = hardware;
        }
    }
    if vm == *old {
        return Ok(old);
    }
    let event = EventDraft::new(
        code::VM_UPDATED,
        format!("VM {} configuration was updated.", vm.name),
    );
    draft.put(vm.clone())?;
    draft.event(event.vm(id, draft).by(caller, draft));
    draft.job_done(
        caller,
        format!("Editing VM {} configuration", vm.name),
        vec![id.into()],
    )?;
    Ok(Arc::new(vm))
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
