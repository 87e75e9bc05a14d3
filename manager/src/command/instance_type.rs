//! Instance types: named sizes. A VM that follows one has the type's values, also when they
//! change later.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    InstanceType, InstanceTypeId, ObjectId, Permit, Vm, VmHardware, VmPool, VmStatus,
};
use crate::seed;
use crate::writer::Draft;

use super::params::{InstanceTypeAddParams, InstanceTypeUpdateParams};
use super::{check, settings};

/// What an instance type gives to VMs, and what it says nothing of as in Blank.
#[must_use]
pub fn hardware_of(kind: &InstanceType) -> VmHardware {
    if let Some(hardware) = &kind.hardware {
        return (**hardware).clone();
    }
    let mut hardware = seed::blank_hardware();
    hardware.memory = kind.memory;
    hardware.memory_guaranteed = kind.memory;
    hardware.memory_max = kind.memory.saturating_mul(4);
    hardware.topology = kind.topology;
    hardware
}

/// Gives a VM's hardware what the instance type decides. One that an installation begins with
/// decides memory and processors alone.
pub(super) fn take_over(hardware: &mut VmHardware, kind: &InstanceType) {
    let from = hardware_of(kind);
    hardware.memory = from.memory;
    hardware.memory_guaranteed = from.memory_guaranteed;
    hardware.memory_max = from.memory_max;
    hardware.topology = from.topology;
    if kind.hardware.is_none() {
        return;
    }
    hardware.ballooning = from.ballooning;
    hardware.cpu_shares = from.cpu_shares;
    hardware.custom_cpu_model = from.custom_cpu_model;
    hardware.custom_emulated_machine = from.custom_emulated_machine;
    hardware.display.monitors = from.display.monitors;
    hardware.display.smartcard = from.display.smartcard;
    hardware.high_availability = from.high_availability;
    hardware.io_threads = from.io_threads;
    hardware.migration_downtime = from.migration_downtime;
    hardware.multi_queues = from.multi_queues;
    hardware.rng_source = from.rng_source;
    hardware.serial_console = from.serial_console;
    hardware.soundcard = from.soundcard;
    hardware.usb = from.usb;
    hardware.virtio_scsi = from.virtio_scsi;
    hardware.virtio_scsi_multi_queues = from.virtio_scsi_multi_queues;
}

/// Whether hardware has what the instance type decides.
pub(super) fn agrees(hardware: &VmHardware, kind: &InstanceType) -> bool {
    let mut same = hardware.clone();
    take_over(&mut same, kind);
    same == *hardware
}

fn name_free(inventory: &Inventory, name: &str, except: Option<InstanceTypeId>) -> Result<()> {
    let taken = inventory
        .instance_types
        .iter()
        .any(|other| other.name == name && Some(other.id) != except);
    if taken {
        return Err(Error::conflict(
            "Cannot add Instance Type. The Instance Type name is already in use, please choose a unique name and try again.",
        ));
    }
    Ok(())
}

impl Manager {
    /// Makes an instance type.
    pub async fn instance_type_add(
        &self,
        caller: &Caller,
        params: InstanceTypeAddParams,
    ) -> Result<Arc<InstanceType>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| add(draft, &caller, params))
            .await
    }

    /// Changes an instance type and every VM that follows it; a running one at its next start.
    pub async fn instance_type_update(
        &self,
        caller: &Caller,
        id: InstanceTypeId,
        params: InstanceTypeUpdateParams,
    ) -> Result<Arc<InstanceType>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| update(draft, &caller, id, params))
            .await
    }

    /// Removes an instance type. VMs that followed it keep what they have.
    pub async fn instance_type_remove(&self, caller: &Caller, id: InstanceTypeId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| remove(draft, &caller, id))
            .await
    }
}

fn add(
    draft: &mut Draft,
    caller: &Caller,
    params: InstanceTypeAddParams,
) -> Result<Arc<InstanceType>> {
    access::require(draft, caller, Permit::CREATE_TEMPLATE, ObjectId::System)?;
    draft.require_space()?;
    check::vm_name(&params.name)?;
    check::text("description", &params.description)?;
    name_free(draft, &params.name, None)?;
    let mut hardware = seed::blank_hardware();
    params
        .settings
        .put_into(&mut hardware, draft, caller, ObjectId::System)?;
    settings::validate(&hardware, draft)?;
    let it = InstanceType {
        id: InstanceTypeId::random(),
        name: params.name,
        description: params.description,
        memory: hardware.memory,
        topology: hardware.topology,
        creation_time: draft.now(),
        hardware: Some(Box::new(hardware)),
    };
    draft.put(it.clone())?;
    let event = EventDraft::new(
        code::TEMPLATE_ADDED_AT_ONCE,
        format!("Instance Type {} was created.", it.name),
    );
    draft.event(event.by(caller, draft));
    Ok(Arc::new(it))
}

fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: InstanceTypeId,
    params: InstanceTypeUpdateParams,
) -> Result<Arc<InstanceType>> {
    access::require(draft, caller, Permit::EDIT_TEMPLATE_PROPERTIES, id)?;
    let old = draft
        .instance_types
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    let mut it = (*old).clone();
    if let Some(name) = params.name.filter(|name| *name != old.name) {
        check::vm_name(&name)?;
        name_free(draft, &name, Some(id))?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    if !params.settings.is_empty() {
        let mut hardware = hardware_of(&old);
        params
            .settings
            .put_into(&mut hardware, draft, caller, ObjectId::System)?;
        settings::validate(&hardware, draft)?;
        it.memory = hardware.memory;
        it.topology = hardware.topology;
        it.hardware = Some(Box::new(hardware));
    }
    if it == *old {
        return Ok(old);
    }
    draft.put(it.clone())?;
    if it.hardware != old.hardware {
        let followers: Vec<_> = draft
            .vms
            .iter()
            .filter(|vm| vm.instance_type == Some(id))
            .cloned()
            .collect();
        for vm in followers {
            draft.put(following((*vm).clone(), &it))?;
        }
    }
    let event = EventDraft::new(
        code::TEMPLATE_UPDATED,
        format!("Instance Type {} was updated.", it.name),
    );
    draft.event(event.by(caller, draft));
    Ok(Arc::new(it))
}

/// A VM with its instance type's new values: at once when it is down, else at its next start.
fn following(mut vm: Vm, kind: &InstanceType) -> Vm {
    if vm.run.status == VmStatus::Down {
        take_over(&mut vm.hardware, kind);
        return vm;
    }
    let mut next = match vm.next_run.take() {
        Some(next) => *next,
        None => vm.hardware.clone(),
    };
    take_over(&mut next, kind);
    vm.next_run = (next != vm.hardware).then(|| Box::new(next));
    vm
}

fn remove(draft: &mut Draft, caller: &Caller, id: InstanceTypeId) -> Result<()> {
    access::require(draft, caller, Permit::DELETE_TEMPLATE, id)?;
    let old = draft
        .instance_types
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    if seed::is_seeded(id) {
        return Err(Error::conflict(format!(
            "Cannot remove Instance Type. {} is a pre-defined Instance Type.",
            old.name
        )));
    }
    let followers: Vec<_> = draft
        .vms
        .iter()
        .filter(|vm| vm.instance_type == Some(id))
        .cloned()
        .collect();
    for vm in followers {
        draft.put(Vm {
            instance_type: None,
            ..(*vm).clone()
        })?;
    }
    let pools: Vec<_> = draft
        .vm_pools
        .iter()
        .filter(|pool| pool.instance_type == Some(id))
        .cloned()
        .collect();
    for pool in pools {
        draft.put(VmPool {
            instance_type: None,
            ..(*pool).clone()
        })?;
    }
    draft.remove(id);
    let event = EventDraft::new(
        code::TEMPLATE_REMOVED,
        format!("Instance Type {} was removed.", old.name),
    );
    draft.event(event.by(caller, draft));
    Ok(())
}
