//! What happens to pools without anybody asking: VMs come back when their user's run is over and
//! forget it where they keep nothing,
//! VMs are started ahead, those that follow their template get its newest version, and pools that
//! are being removed lose their VMs.
//!
//! Nothing is remembered but what the inventory says: each look compares what is with what shall
//! be, and begins one durable operation or change for each difference. So a manager that was
//! stopped in between goes on where it was, and nothing is done twice.

use std::collections::HashMap;
use std::time::Duration;

use crate::Manager;
use crate::caller::Caller;
use crate::command;
use crate::error::Result;
use crate::inventory::{Change, Entity, Inventory};
use crate::model::{ObjectId, VmId, VmPoolId, VmPoolType, VmStatus};
use crate::rules::{self, VmAction};
use crate::writer::{Draft, Missed};

/// How long changes are gathered before they are looked at.
const GATHER: Duration = Duration::from_millis(20);
/// How often everything is looked at, whatever has changed.
const SOON: Duration = Duration::from_secs(10);
/// How long what did not help is not tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// One thing to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Deed {
    /// A VM's run is over: it is nobody's any more, and what it must forget is forgotten.
    Return(VmId),
    /// What a VM that keeps nothing wrote in a run, whose number is given, is thrown away.
    Forget(VmId, u64),
    /// A VM gets the newest version of its template.
    Refresh(VmId),
    /// A VM is started ahead.
    Prestart(VmId),
    /// A pool that is being removed goes on losing its VMs.
    Remove(VmPoolId),
}

/// Everything that is to be done in a state.
fn deeds(inventory: &Inventory) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for vm in inventory.vms.iter() {
        if vm.run.status != VmStatus::Down || inventory.lock_of(vm.id).is_some() {
            continue;
        }
        if !vm.run.temporary.is_empty() {
            deeds.push(Deed::Forget(vm.id, vm.run.epoch));
        } else if must_return(inventory, vm) {
            deeds.push(Deed::Return(vm.id));
        } else if must_refresh(inventory, vm) {
            deeds.push(Deed::Refresh(vm.id));
        }
    }
    for pool in inventory.vm_pools.iter() {
        if pool.removing {
            let possible = inventory.vms_of_pool(pool.id).any(|vm| {
                let may = |action| rules::vm(inventory, vm, action).is_ok();
                may(VmAction::Stop) || (vm.run.status == VmStatus::Down && may(VmAction::Delete))
            });
            if possible || inventory.vms_of_pool(pool.id).next().is_none() {
                deeds.push(Deed::Remove(pool.id));
            }
            continue;
        }
        if pool.maintenance {
            continue;
        }
        let ahead = inventory
            .vms_of_pool(pool.id)
            .filter(|vm| vm.run.status.is_running() && command::holder(inventory, vm.id).is_none())
            .count();
        let missing = (pool.prestarted_vms as usize).saturating_sub(ahead);
        if missing == 0 {
            continue;
        }
        let mut free: Vec<_> = inventory
            .vms_of_pool(pool.id)
            .filter(|vm| rules::is_free(inventory, vm) && !must_return(inventory, vm))
            .collect();
        free.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        let possible = free
            .into_iter()
            .filter(|vm| rules::vm(inventory, vm, VmAction::Start).is_ok());
        deeds.extend(possible.take(missing).map(|vm| Deed::Prestart(vm.id)));
    }
    deeds
}

/// Whether a VM that is down still has something of the run that is over.
fn must_return(inventory: &Inventory, vm: &crate::model::Vm) -> bool {
    let automatic = vm
        .pool
        .and_then(|pool| inventory.vm_pools.get(&pool))
        .is_some_and(|pool| pool.pool_type == VmPoolType::Automatic);
    automatic && command::holder(inventory, vm.id).is_some()
}

/// Whether a VM's disks are to be made anew from a newer version of its template: one that keeps
/// nothing, and that nobody has.
fn must_refresh(inventory: &Inventory, vm: &crate::model::Vm) -> bool {
    let forgetful = match vm.pool.and_then(|pool| inventory.vm_pools.get(&pool)) {
        Some(pool) => {
            !pool.stateful && !pool.removing && command::holder(inventory, vm.id).is_none()
        }
        None => vm.hardware.stateless,
    };
    forgetful && !rules::up_to_date(inventory, vm)
}

fn perform(draft: &mut Draft, deed: Deed) -> Result<()> {
    // What was seen may be different by now.
    if !deeds(draft).contains(&deed) {
        return Ok(());
    }
    let system = Caller::system();
    match deed {
        Deed::Return(vm) => {
            command::take_back(draft, &system, vm);
            Ok(())
        }
        Deed::Forget(vm, _) => command::forget(draft, &system, vm),
        Deed::Refresh(vm) => command::refresh(draft, &system, vm),
        Deed::Prestart(vm) => command::start(draft, &system, vm),
        Deed::Remove(pool) => command::go_on_removing(draft, &system, pool),
    }
}

/// Whether a change can make something to be done.
fn concerns(change: &Change) -> bool {
    match change {
        Change::Put(entity) => matches!(
            entity,
            Entity::Vm(_)
                | Entity::VmPool(_)
                | Entity::Template(_)
                | Entity::Permission(_)
                | Entity::Host(_)
        ),
        Change::Removed(object) => matches!(
            object,
            ObjectId::Vm(_) | ObjectId::Operation(_) | ObjectId::Permission(_)
        ),
        Change::Event(_) | Change::Statistics(_) => false,
    }
}

impl Manager {
    /// Keeps pools as they shall be, until the manager ends.
    pub(crate) async fn keep_pools(&self) {
        let mut changes = self.subscribe();
        let mut ticks = tokio::time::interval(SOON);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // What was begun and has not helped, with when.
        let mut tried: HashMap<Deed, Duration> = HashMap::new();
        loop {
            tokio::select! {
                applied = changes.next() => match applied {
                    Ok(applied) if !applied.changes.iter().any(concerns) => continue,
                    Ok(_) | Err(Missed::Lagged) => tokio::time::sleep(GATHER).await,
                    Err(Missed::Ended) => return,
                },
                _ = ticks.tick() => {}
            }
            let inventory = self.inventory();
            let wanted = deeds(&inventory);
            let now = self.core.clock.monotonic();
            // Done, or asked for long ago: it may be begun again when it is wanted again.
            tried.retain(|deed, since| {
                let done = match deed {
                    Deed::Prestart(vm) => inventory
                        .vms
                        .get(vm)
                        .is_none_or(|vm| vm.run.status == VmStatus::Up),
                    // While it goes on it is not wanted, and it may fail yet.
                    Deed::Return(vm) | Deed::Forget(vm, _) | Deed::Refresh(vm) => {
                        !wanted.contains(deed) && inventory.lock_of(*vm).is_none()
                    }
                    Deed::Remove(_) => true,
                };
                !done && now.saturating_sub(*since) < PATIENCE
            });
            for deed in wanted {
                if tried.contains_key(&deed) {
                    continue;
                }
                tried.insert(deed, now);
                let outcome = self
                    .core
                    .writer
                    .apply(move |draft| perform(draft, deed))
                    .await;
                if let Err(error) = outcome {
                    tracing::debug!(?deed, %error, "A pool has to wait");
                }
            }
        }
    }
}
