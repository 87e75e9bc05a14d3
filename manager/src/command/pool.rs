//! Pools of VMs: made, changed, removed; a VM given to a user, and taken out of its pool. What
//! happens by itself (VMs come back, are started ahead, follow their template) is in `keeper.rs`.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    Permission, PermissionId, Permit, Role, Subject, UserId, Vm, VmId, VmPool, VmPoolId,
    VmPoolType, VmStatus,
};
use crate::operation::update_vm;
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::params::{
    Accepted, VmAddParams, VmPoolAddParams, VmPoolUpdateParams, VmRemoveParams, VmSettings,
    VmStartParams,
};
use super::{check, vm_add, vm_remove, vm_start};

/// Most VMs of a pool.
const MOST_VMS: u32 = 1000;
/// What stands for a digit of a VM's number.
const MASK: [char; 2] = ['#', '?'];

/// What the VMs of a pool are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCount {
    /// VMs that run.
    pub running: u32,
    /// VMs that somebody has.
    pub assigned: u32,
    /// VMs that run and nobody has.
    pub ready: u32,
    /// VMs that are down and nobody has.
    pub free: u32,
    /// VMs that the caller has.
    pub mine: u32,
}

/// Counts the VMs of a pool by what they are doing.
#[must_use]
pub fn pool_count(inventory: &Inventory, pool: &VmPool, caller: &Caller) -> PoolCount {
    rules::pool_count(inventory, pool, caller)
}

fn assignments(inventory: &Inventory, vm: VmId) -> impl Iterator<Item = &Arc<Permission>> {
    inventory
        .permissions_on(vm.into())
        .filter(|it| it.role == Role::USER_ROLE && matches!(it.subject, Subject::User(_)))
}

/// Who has a pool's VM: the user who was given the role of a user on it.
pub(crate) fn holder(inventory: &Inventory, vm: VmId) -> Option<UserId> {
    assignments(inventory, vm).find_map(|it| match it.subject {
        Subject::User(user) => Some(user),
        Subject::Group(_) => None,
    })
}

/// The name of the VM of a number: in the place of the mask's signs, else behind a dash.
fn vm_name(pool: &str, number: u32) -> String {
    let Some(start) = pool.find(MASK) else {
        return format!("{pool}-{number}");
    };
    let digits = pool[start..]
        .chars()
        .take_while(|letter| MASK.contains(letter))
        .count();
    let (before, after) = (&pool[..start], &pool[start + digits..]);
    let after = after.replace(MASK, "");
    format!("{before}{number:0digits$}{after}")
}

fn check_name(name: &str) -> Result<()> {
    check::vm_name(&vm_name(name, MOST_VMS))
}

fn name_free(
    inventory: &Inventory,
    name: &str,
    pool: Option<VmPoolId>,
    cluster: crate::model::ClusterId,
) -> Result<()> {
    let center = inventory.data_center_of_cluster(cluster);
    let taken = inventory.vm_pools.iter().any(|other| {
        other.name == name
            && Some(other.id) != pool
            && inventory.data_center_of_cluster(other.cluster) == center
    });
    if taken {
        return Err(Error::conflict(
            "Cannot add VM-Pool. The VM-Pool name is already in use, please choose a unique name and try again.",
        ));
    }
    Ok(())
}

fn log(draft: &mut Draft, caller: &Caller, pool: &VmPool, number: u32, text: String) {
    let event = EventDraft::new(number, text).cluster(pool.cluster, draft);
    let event = event.by(caller, draft);
    draft.event(event);
}

impl Manager {
    /// Makes a pool with its VMs.
    pub async fn vm_pool_add(
        &self,
        caller: &Caller,
        params: VmPoolAddParams,
    ) -> Result<Arc<VmPool>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| add(draft, &caller, params))
            .await
    }

    /// Changes a pool; a new size makes VMs, or removes free ones.
    pub async fn vm_pool_update(
        &self,
        caller: &Caller,
        id: VmPoolId,
        params: VmPoolUpdateParams,
    ) -> Result<Arc<VmPool>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| update(draft, &caller, id, params))
            .await
    }

    /// Removes a pool with its VMs: running ones are ended first. It is gone with the last of
    /// them.
    pub async fn vm_pool_remove(&self, caller: &Caller, id: VmPoolId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| remove(draft, &caller, id))
            .await
    }

    /// Gives the caller a VM of a pool, and starts it where it does not run yet.
    pub async fn vm_pool_allocate(
        &self,
        caller: &Caller,
        id: VmPoolId,
    ) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| allocate(draft, &caller, id))
            .await
    }

    /// Takes a VM out of its pool; the pool goes with the last one.
    pub async fn vm_detach_from_pool(&self, caller: &Caller, vm: VmId) -> Result<Arc<Vm>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| detach(draft, &caller, vm))
            .await
    }
}

/// The manager at work for somebody: with every right, under their request's id.
fn as_manager(caller: &Caller) -> Caller {
    Caller {
        correlation_id: caller.correlation_id.clone(),
        ..Caller::system()
    }
}

fn numbers(size: u32, prestarted: u32, max_user_vms: u32) -> Result<()> {
    if size > MOST_VMS {
        return Err(Error::invalid(
            "size",
            format!("A VM-Pool has at most {MOST_VMS} VMs."),
        ));
    }
    if prestarted > size {
        return Err(Error::invalid(
            "prestarted_vms",
            "The number of prestarted VMs cannot be larger than the size of the VM-Pool.",
        ));
    }
    if max_user_vms == 0 {
        return Err(Error::invalid(
            "max_user_vms",
            "The maximum number of VMs per user must be at least 1.",
        ));
    }
    Ok(())
}

fn add(draft: &mut Draft, caller: &Caller, params: VmPoolAddParams) -> Result<Arc<VmPool>> {
    access::require(draft, caller, Permit::CREATE_VM_POOL, params.cluster)?;
    access::require(draft, caller, Permit::CREATE_VM, params.template)?;
    draft.require_space()?;
    check_name(&params.name)?;
    check::text("description", &params.description)?;
    check::text("comment", &params.comment)?;
    name_free(draft, &params.name, None, params.cluster)?;
    let size = params.size.unwrap_or(1);
    let max_user_vms = params.max_user_vms.unwrap_or(1);
    numbers(size, params.prestarted_vms, max_user_vms)?;
    if let Some(kind) = params.instance_type
        && !draft.instance_types.contains_key(&kind)
    {
        return Err(Error::not_found(kind));
    }
    let mut pool = VmPool {
        id: VmPoolId::random(),
        name: params.name,
        description: params.description,
        comment: params.comment,
        cluster: params.cluster,
        template: params.template,
        use_latest_template: params.use_latest_template,
        instance_type: params.instance_type,
        pool_type: params.pool_type.unwrap_or(VmPoolType::Automatic),
        stateful: params.stateful,
        prestarted_vms: params.prestarted_vms,
        max_user_vms,
        maintenance: false,
        removing: false,
        creation_time: draft.now(),
        hardware: None,
    };
    if params.settings != VmSettings::default() {
        // What was said once holds for every VM, also those that come later.
        let template = draft
            .templates
            .get(&pool.template)
            .cloned()
            .ok_or_else(|| Error::not_found(pool.template))?;
        let mut hardware = template.hardware.clone();
        if let Some(kind) = pool
            .instance_type
            .and_then(|id| draft.instance_types.get(&id))
        {
            super::instance_type::take_over(&mut hardware, kind);
        }
        params
            .settings
            .put_into(&mut hardware, draft, caller, params.cluster.into())?;
        super::settings::validate(&hardware, draft)?;
        pool.hardware = Some(Box::new(hardware));
    }
    draft.put(pool.clone())?;
    for _ in 0..size {
        add_vm(draft, caller, &pool)?;
    }
    log(
        draft,
        caller,
        &pool,
        code::POOL_ADDED,
        format!("VM-Pool {} was created with {size} VMs.", pool.name),
    );
    draft.job_done(
        caller,
        format!("Creating VM-Pool {}", pool.name),
        vec![pool.cluster.into()],
    )?;
    Ok(Arc::new(pool))
}

/// One more VM for a pool. Whoever may change the pool may have it made: the manager makes it.
fn add_vm(draft: &mut Draft, caller: &Caller, pool: &VmPool) -> Result<()> {
    let center = draft.data_center_of_cluster(pool.cluster);
    let name = (1..)
        .map(|number| vm_name(&pool.name, number))
        .find(|name| draft.vm_by_name(name, center).is_none())
        .unwrap_or_default();
    let params = VmAddParams {
        name,
        description: String::new(),
        comment: String::new(),
        cluster: pool.cluster,
        template: pool.template,
        instance_type: pool.instance_type,
        delete_protected: false,
        origin: None,
        settings: VmSettings::default(),
        disks: Vec::new(),
        nics: Vec::new(),
        cdrom: None,
        clone: false,
        template_disks: Vec::new(),
        use_latest_template: pool.use_latest_template,
        clone_permissions: false,
    };
    let vm = vm_add::add(draft, &as_manager(caller), params)?.value.id;
    let hardware = pool.hardware.clone();
    update_vm(draft, vm, |vm| {
        vm.pool = Some(pool.id);
        if let Some(hardware) = hardware {
            let profile = vm.hardware.cpu_profile;
            vm.hardware = *hardware;
            vm.hardware.cpu_profile = profile;
        }
    })
}

/// Removes a VM of a pool with its disks.
pub(crate) fn remove_vm(draft: &mut Draft, caller: &Caller, vm: VmId) -> Result<()> {
    update_vm(draft, vm, |vm| {
        vm.pool = None;
        vm.delete_protected = false;
    })?;
    let params = VmRemoveParams::default();
    vm_remove::remove(draft, &as_manager(caller), vm, &params)?;
    Ok(())
}

fn the_pool(draft: &Draft, id: VmPoolId) -> Result<Arc<VmPool>> {
    draft
        .vm_pools
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))
}

fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: VmPoolId,
    params: VmPoolUpdateParams,
) -> Result<Arc<VmPool>> {
    access::require(draft, caller, Permit::EDIT_VM_POOL_CONFIGURATION, id)?;
    let old = the_pool(draft, id)?;
    rules::pool_edit(&old, "edit VM-Pool").map_err(Error::conflict)?;
    let mut pool = (*old).clone();
    if let Some(name) = params.name.filter(|name| *name != old.name) {
        check_name(&name)?;
        name_free(draft, &name, Some(id), pool.cluster)?;
        pool.name = name;
    }
    check::set_text("description", &mut pool.description, params.description)?;
    check::set_text("comment", &mut pool.comment, params.comment)?;
    pool.pool_type = params.pool_type.unwrap_or(pool.pool_type);
    pool.stateful = params.stateful.unwrap_or(pool.stateful);
    pool.use_latest_template = params
        .use_latest_template
        .unwrap_or(pool.use_latest_template);
    pool.prestarted_vms = params.prestarted_vms.unwrap_or(pool.prestarted_vms);
    pool.max_user_vms = params.max_user_vms.unwrap_or(pool.max_user_vms);
    pool.maintenance = params.maintenance.unwrap_or(pool.maintenance);
    let has = u32::try_from(draft.vms_of_pool(id).count()).unwrap_or(u32::MAX);
    let size = params.size.unwrap_or(has);
    if params.prestarted_vms.is_none() {
        pool.prestarted_vms = pool.prestarted_vms.min(size);
    }
    numbers(size, pool.prestarted_vms, pool.max_user_vms)?;
    draft.put(pool.clone())?;
    if pool.use_latest_template != old.use_latest_template {
        let vms: Vec<VmId> = draft.vms_of_pool(id).map(|vm| vm.id).collect();
        for vm in vms {
            let latest = pool.use_latest_template;
            update_vm(draft, vm, |vm| vm.use_latest_template = latest)?;
        }
    }
    if size > has {
        draft.require_space()?;
        for _ in has..size {
            add_vm(draft, caller, &pool)?;
        }
    } else if size < has {
        shrink(draft, caller, &pool, (has - size) as usize)?;
    }
    log(
        draft,
        caller,
        &pool,
        code::POOL_UPDATED,
        format!("VM-Pool {} was updated.", pool.name),
    );
    draft.job_done(
        caller,
        format!("Editing VM-Pool {}", pool.name),
        vec![pool.cluster.into()],
    )?;
    Ok(Arc::new(pool))
}

/// Removes free VMs, the last ones first.
fn shrink(draft: &mut Draft, caller: &Caller, pool: &VmPool, count: usize) -> Result<()> {
    let mut free: Vec<_> = draft
        .vms_of_pool(pool.id)
        .filter(|vm| rules::is_free(draft, vm))
        .cloned()
        .collect();
    free.sort_by(|a, b| (b.name.len(), &b.name).cmp(&(a.name.len(), &a.name)));
    if free.len() < count {
        return Err(Error::conflict(format!(
            "Cannot edit VM-Pool. Only {} of its VMs are down and nobody's, and {count} would have to be removed.",
            free.len()
        )));
    }
    for vm in free.into_iter().take(count) {
        remove_vm(draft, caller, vm.id)?;
    }
    Ok(())
}

fn remove(draft: &mut Draft, caller: &Caller, id: VmPoolId) -> Result<()> {
    access::require(draft, caller, Permit::DELETE_VM_POOL, id)?;
    let old = the_pool(draft, id)?;
    rules::pool_edit(&old, "remove VM-Pool").map_err(Error::conflict)?;
    let protected = draft.vms_of_pool(id).find(|vm| vm.delete_protected);
    if let Some(vm) = protected {
        return Err(Error::conflict(format!(
            "Cannot remove VM-Pool. Delete protection is enabled for VM {}. In order to delete, disable Delete protection first.",
            vm.name
        )));
    }
    let pool = VmPool {
        removing: true,
        maintenance: true,
        prestarted_vms: 0,
        ..(*old).clone()
    };
    draft.put(pool.clone())?;
    log(
        draft,
        caller,
        &pool,
        code::POOL_REMOVE_STARTED,
        format!("Removal of VM-Pool {} was started.", pool.name),
    );
    draft.job_done(
        caller,
        format!("Removing VM-Pool {}", pool.name),
        vec![pool.cluster.into()],
    )?;
    // What can go at once goes in the same change; the keeper sees to the rest.
    go_on_removing(draft, caller, id)
}

/// Takes away what can be taken away of a pool that is being removed, and the pool itself when
/// nothing is left.
pub(crate) fn go_on_removing(draft: &mut Draft, caller: &Caller, id: VmPoolId) -> Result<()> {
    let pool = the_pool(draft, id)?;
    let vms: Vec<_> = draft.vms_of_pool(id).cloned().collect();
    let mut left = false;
    for vm in vms {
        if vm.run.status == VmStatus::Down && rules::vm(draft, &vm, VmAction::Delete).is_ok() {
            remove_vm(draft, caller, vm.id)?;
            continue;
        }
        left = true;
        if rules::vm(draft, &vm, VmAction::Stop).is_ok() {
            super::vm_stop::end(draft, &as_manager(caller), vm.id)?;
        }
    }
    if left {
        return Ok(());
    }
    draft.remove(id);
    log(
        draft,
        caller,
        &pool,
        code::POOL_REMOVED,
        format!("VM-Pool {} was removed.", pool.name),
    );
    Ok(())
}

fn allocate(draft: &mut Draft, caller: &Caller, id: VmPoolId) -> Result<Accepted<Arc<Vm>>> {
    access::require(draft, caller, Permit::VM_POOL_BASIC_OPERATIONS, id)?;
    let pool = the_pool(draft, id)?;
    let user = caller.person().ok_or_else(|| {
        Error::conflict("Cannot allocate and run VM from VM-Pool. There is no user.")
    })?;
    rules::pool_allocate(draft, &pool, user).map_err(Error::conflict)?;
    let vm = rules::pool_pick(draft, &pool).map_err(Error::conflict)?;
    let (vm, name, down) = (vm.id, vm.name.clone(), vm.run.status == VmStatus::Down);
    draft.put(Permission {
        id: PermissionId::random(),
        role: Role::USER_ROLE,
        subject: Subject::User(user),
        object: vm.into(),
    })?;
    let event = EventDraft::new(
        code::POOL_VM_GIVEN,
        format!(
            "VM {name} of VM-Pool {} was assigned to {}.",
            pool.name,
            super::who(draft, caller)
        ),
    );
    let event = event.vm(vm, draft);
    draft.event(event.by(caller, draft));
    if down {
        return vm_start::start(draft, caller, vm, VmStartParams::default());
    }
    let value = draft
        .vms
        .get(&vm)
        .cloned()
        .ok_or_else(|| Error::not_found(vm))?;
    draft.job_done(
        caller,
        format!("Allocating VM {name} from VM-Pool {}", pool.name),
        vec![vm.into()],
    )?;
    Ok(Accepted { value, job: None })
}

/// Starts a VM ahead of anybody's wish.
pub(crate) fn start(draft: &mut Draft, caller: &Caller, vm: VmId) -> Result<()> {
    vm_start::start(draft, caller, vm, VmStartParams::default())?;
    Ok(())
}

/// Takes a VM from the user who has it.
pub(crate) fn take_back(draft: &mut Draft, caller: &Caller, vm: VmId) {
    let given: Vec<PermissionId> = assignments(draft, vm).map(|it| it.id).collect();
    if given.is_empty() {
        return;
    }
    for permission in given {
        draft.remove(permission);
    }
    let name = draft
        .vms
        .get(&vm)
        .map_or_else(|| vm.to_string(), |vm| vm.name.clone());
    let event = EventDraft::new(
        code::POOL_VM_RETURNED,
        format!("VM {name} was returned to its VM-Pool."),
    );
    let event = event.vm(vm, draft);
    draft.event(event.by(caller, draft));
}

fn detach(draft: &mut Draft, caller: &Caller, id: VmId) -> Result<Arc<Vm>> {
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    let pool = vm.pool.and_then(|pool| draft.vm_pools.get(&pool).cloned());
    let Some(pool) = pool else {
        access::require(draft, caller, Permit::EDIT_VM_PROPERTIES, id)?;
        return Err(Error::conflict(
            "Cannot detach VM from VM-Pool. VM is not attached to a VM-Pool.",
        ));
    };
    access::require(draft, caller, Permit::EDIT_VM_POOL_CONFIGURATION, pool.id)?;
    rules::vm(draft, &vm, VmAction::DetachFromPool).map_err(Error::conflict)?;
    update_vm(draft, id, |vm| vm.pool = None)?;
    let event = EventDraft::new(
        code::POOL_VM_DETACHED,
        format!("VM {} was detached from VM-Pool {}.", vm.name, pool.name),
    );
    let event = event.vm(id, draft);
    draft.event(event.by(caller, draft));
    if draft.vms_of_pool(pool.id).next().is_none() {
        draft.remove(pool.id);
        let text = format!("VM-Pool {} was removed with its last VM.", pool.name);
        log(draft, caller, &pool, code::POOL_REMOVED, text);
    }
    draft.job_done(
        caller,
        format!("Detaching VM {} from VM-Pool {}", vm.name, pool.name),
        vec![id.into()],
    )?;
    draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_of_a_mask_become_digits() {
        assert_eq!(vm_name("desk", 7), "desk-7");
        assert_eq!(vm_name("desk-##", 7), "desk-07");
        assert_eq!(vm_name("a???b", 12), "a012b");
        assert_eq!(vm_name("a#b#", 123), "a123b");
        assert!(check_name("desk-##").is_ok());
        assert!(check_name("desk ##").is_err());
    }
}
