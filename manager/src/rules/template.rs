//! Why a template, a pool or a pool's VM cannot be changed, used or removed now.

use crate::caller::Caller;
use crate::command::{PoolCount, holder, newest_version, stands_on};
use crate::inventory::Inventory;
use crate::model::{Disk, Template, TemplateStatus, UserId, Vm, VmPool, VmStatus};
use crate::operation::Action;
use crate::seed;

use super::{BUSY, VmAction, vm};

/// Most names in one refusal.
const MOST_NAMES: usize = 10;

fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut all: Vec<&str> = names.take(MOST_NAMES + 1).collect();
    all.sort_unstable();
    if all.is_empty() {
        return None;
    }
    let more = all.len() > MOST_NAMES;
    all.truncate(MOST_NAMES);
    let mut text = all.join(", ");
    if more {
        text.push_str(" and others");
    }
    Some(text)
}

/// Why a template cannot be changed now.
pub(crate) fn template_edit(inventory: &Inventory, it: &Template) -> Result<(), String> {
    if it.id == seed::BLANK {
        return Err("Cannot edit Template. Blank template can not be edited.".to_owned());
    }
    usable(inventory, it, "edit Template")
}

fn usable(inventory: &Inventory, it: &Template, what: &str) -> Result<(), String> {
    match it.status {
        TemplateStatus::Locked => Err(format!(
            "Cannot {what}. The Template is locked. Please try again later."
        )),
        _ if inventory.lock_of(it.id).is_some() => Err(format!("Cannot {what}. {BUSY}")),
        _ => Ok(()),
    }
}

/// Why no VM can be made from a template now.
pub(crate) fn template_use(inventory: &Inventory, it: &Template) -> Result<(), String> {
    usable(inventory, it, "add VM")?;
    if it.status == TemplateStatus::Illegal {
        return Err("Cannot add VM. The Template is in ILLEGAL status.".to_owned());
    }
    Ok(())
}

/// Why a template cannot be removed now.
pub(crate) fn template_delete(inventory: &Inventory, it: &Template) -> Result<(), String> {
    const WHAT: &str = "remove Template";
    if it.id == seed::BLANK {
        return Err(format!("Cannot {WHAT}. Blank template can not be removed."));
    }
    if it.delete_protected {
        return Err(format!(
            "Cannot {WHAT}. Delete protection is enabled. In order to delete, disable Delete protection first."
        ));
    }
    usable(inventory, it, WHAT)?;
    let users = inventory
        .vms
        .iter()
        .filter(|vm| stands_on(vm, it.id))
        .map(|vm| vm.name.as_str());
    if let Some(vms) = names(users) {
        return Err(format!(
            "Cannot {WHAT}. Template is being used by the following VMs: {vms}."
        ));
    }
    // The pool of a version goes over to the next one; that of the last version has nowhere to go.
    let last = !inventory
        .templates
        .iter()
        .any(|other| other.base == it.base && other.id != it.id);
    let pools = inventory
        .vm_pools
        .iter()
        .filter(|pool| pool.template == it.id && (last || !pool.use_latest_template))
        .map(|pool| pool.name.as_str());
    if let Some(pools) = names(pools) {
        return Err(format!(
            "Cannot {WHAT}. Template is being used by the following VM-Pools: {pools}."
        ));
    }
    for attachment in &it.disk_attachments {
        let standing = inventory.disks.get(&attachment.disk).map(|disk| {
            let users = inventory.users_of_image(disk.image());
            let others = users
                .into_iter()
                .filter(|user| user.disk != attachment.disk);
            others
                .filter_map(|user| inventory.disks.get(&user.disk))
                .cloned()
                .collect::<Vec<_>>()
        });
        let standing = standing.unwrap_or_default();
        if let Some(disks) = names(standing.iter().map(|disk| disk.name.as_str())) {
            return Err(format!(
                "Cannot {WHAT}. Template is being used by the following disks: {disks}."
            ));
        }
        let read = inventory.operations.iter().any(|operation| {
            operation.steps.iter().any(
                |step| matches!(step.action, Action::VolumeCopy { source, .. } if source == attachment.disk),
            )
        });
        if read || inventory.lock_of(attachment.disk).is_some() {
            return Err(format!("Cannot {WHAT}. {BUSY}"));
        }
    }
    Ok(())
}

/// Refuses what would change or take away a disk that a template consists of.
pub(crate) fn not_of_template(
    inventory: &Inventory,
    disk: &Disk,
    what: &str,
) -> Result<(), String> {
    match inventory.template_of_disk(disk.id) {
        Some(template) => Err(format!(
            "Cannot {what}. Disk {} is a part of Template {}.",
            disk.name, template.name
        )),
        None => Ok(()),
    }
}

/// Whether a VM has the template that it shall have.
pub(crate) fn up_to_date(inventory: &Inventory, vm: &Vm) -> bool {
    !vm.use_latest_template
        || newest_version(inventory, vm.template).is_none_or(|newest| newest.id == vm.template)
}

/// Whether nobody has a pool's VM and it can be given out as soon as it runs.
pub(crate) fn is_free(inventory: &Inventory, it: &Vm) -> bool {
    it.run.status == VmStatus::Down
        && it.run.temporary.is_empty()
        && holder(inventory, it.id).is_none()
        && inventory.lock_of(it.id).is_none()
        && up_to_date(inventory, it)
}

/// A VM of the pool that somebody could be given now: one that runs already, or one that can be
/// started.
pub(crate) fn pool_pick<'a>(inventory: &'a Inventory, pool: &VmPool) -> Result<&'a Vm, String> {
    let mut candidates: Vec<&Vm> = inventory.vms_of_pool(pool.id).map(|vm| &**vm).collect();
    candidates.sort_by(|a, b| {
        a.name
            .len()
            .cmp(&b.name.len())
            .then_with(|| a.name.cmp(&b.name))
    });
    let ready = candidates.iter().find(|vm| {
        vm.run.status == VmStatus::Up
            && holder(inventory, vm.id).is_none()
            && inventory.lock_of(vm.id).is_none()
    });
    if let Some(ready) = ready {
        return Ok(ready);
    }
    let mut reason = None;
    for free in candidates.iter().filter(|vm| is_free(inventory, vm)) {
        match vm(inventory, free, VmAction::Start) {
            Ok(()) => return Ok(free),
            Err(why) => reason = reason.or(Some(why)),
        }
    }
    Err(match reason {
        Some(reason) => {
            reason.replace("Cannot run VM.", "Cannot allocate and run VM from VM-Pool.")
        }
        None => {
            "Cannot allocate and run VM from VM-Pool. There are no available VMs in the VM-Pool."
                .to_owned()
        }
    })
}

/// Why a user is given no VM of a pool now.
pub(crate) fn pool_allocate(
    inventory: &Inventory,
    pool: &VmPool,
    user: UserId,
) -> Result<(), String> {
    const WHAT: &str = "allocate and run VM from VM-Pool";
    if pool.maintenance || pool.removing {
        return Err(format!("Cannot {WHAT}. The VM-Pool is in maintenance."));
    }
    let has = inventory
        .vms_of_pool(pool.id)
        .filter(|vm| holder(inventory, vm.id) == Some(user))
        .count();
    if has >= pool.max_user_vms as usize {
        return Err(format!(
            "Cannot {WHAT}. User is already attached to maximum number of VMs from this VM-Pool."
        ));
    }
    pool_pick(inventory, pool).map(|_| ())
}

/// Why a pool cannot be changed or removed now.
pub(crate) fn pool_edit(pool: &VmPool, what: &str) -> Result<(), String> {
    if pool.removing {
        return Err(format!("Cannot {what}. The VM-Pool is being removed."));
    }
    Ok(())
}

/// Why a pool cannot be put into maintenance, or out of it.
pub(crate) fn pool_maintenance(pool: &VmPool, maintenance: bool) -> Result<(), String> {
    pool_edit(pool, "edit VM-Pool")?;
    match (pool.maintenance, maintenance) {
        (true, true) => Err("Cannot edit VM-Pool. It is in maintenance already.".to_owned()),
        (false, false) => Err("Cannot edit VM-Pool. It is not in maintenance.".to_owned()),
        _ => Ok(()),
    }
}

/// What the VMs of a pool are doing, and how many of them the caller has.
pub(crate) fn count(inventory: &Inventory, pool: &VmPool, caller: &Caller) -> PoolCount {
    let mut count = PoolCount::default();
    for vm in inventory.vms_of_pool(pool.id) {
        let has = holder(inventory, vm.id);
        let running = vm.run.status.is_running();
        count.running += u32::from(running);
        count.assigned += u32::from(has.is_some());
        count.ready += u32::from(has.is_none() && vm.run.status == VmStatus::Up);
        count.free += u32::from(has.is_none() && vm.run.status == VmStatus::Down);
        count.mine += u32::from(has.is_some() && has == caller.person());
    }
    count
}
