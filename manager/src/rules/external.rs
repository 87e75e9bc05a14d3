//! What can be done with a machine that somebody else has made.

use super::BUSY;
use crate::inventory::Inventory;
use crate::model::{HostStatus, Vm};

/// Why an external VM cannot be adopted now.
pub(super) fn adoptable(inventory: &Inventory, vm: &Vm, locked: bool) -> Result<(), String> {
    let Some(host) = vm.external else {
        return Err("Cannot adopt VM. It is not an external one.".to_owned());
    };
    if locked {
        return Err(format!("Cannot adopt VM. {BUSY}"));
    }
    if inventory
        .hosts
        .get(&host)
        .is_none_or(|host| host.status != HostStatus::Up)
    {
        return Err("Cannot adopt VM. Its host is not up.".to_owned());
    }
    let Some(external) = inventory.externals.get(&vm.id) else {
        return Err("Cannot adopt VM. It has not been looked at yet.".to_owned());
    };
    match &external.domain.refusals[..] {
        [] => Ok(()),
        reasons => Err(format!("Cannot adopt VM. {}", reasons.join(" "))),
    }
}
