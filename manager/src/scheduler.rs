//! Chooses a host for a VM: a pure function of the inventory.

use crate::domain;
use crate::inventory::Inventory;
use crate::model::{Host, HostId, HostStatus, Vm, VmHardware};
use crate::rules::affinity;

/// The host to run a VM on, or why there is none, as a sentence.
pub(crate) fn choose(
    inventory: &Inventory,
    vm: &Vm,
    hardware: &VmHardware,
) -> Result<HostId, String> {
    let mut reasons = Vec::new();
    let mut best: Option<(f64, u64, HostId)> = None;
    for host in inventory
        .hosts
        .iter()
        .filter(|host| host.cluster == vm.cluster)
    {
        let fit = fits(inventory, host, vm, hardware)
            .and_then(|free| Ok((affinity::against(inventory, vm, host.id)?, free)));
        match fit {
            // Wishes first, then memory; the id so that the answer is always the same.
            Ok((broken, free)) => {
                let better = best
                    .is_none_or(|(least, most, id)| (-broken, free, host.id) > (-least, most, id));
                if better {
                    best = Some((broken, free, host.id));
                }
            }
            Err(reason) => reasons.push(format!("The host {} {reason}", host.name)),
        }
    }
    match best {
        Some((_, _, host)) => Ok(host),
        None if reasons.is_empty() => {
            Err("There are no available running Hosts in the Host Cluster.".to_owned())
        }
        None => Err(format!(
            "There is no host that satisfies current scheduling constraints. {}.",
            reasons.join("; ")
        )),
    }
}

/// Bytes of memory that are free on a host for one more VM, or why it cannot be used.
fn fits(inventory: &Inventory, host: &Host, vm: &Vm, hardware: &VmHardware) -> Result<u64, String> {
    if host.status != HostStatus::Up {
        return Err(format!("is {}", host.status.as_str().replace('_', " ")));
    }
    if !hardware.placement.hosts.is_empty() && !hardware.placement.hosts.contains(&host.id) {
        return Err("is not one of those that the VM may run on".to_owned());
    }
    let Some(facts) = &host.report else {
        return Err("has not reported its size yet".to_owned());
    };
    let bios = domain::bios_type(inventory, vm.cluster, hardware);
    if let Some(lack) = domain::lack(facts, bios, hardware.tpm) {
        return Err(lack.to_owned());
    }
    if hardware.memory > facts.memory {
        return Err(format!(
            "has {} MiB of memory, and the VM needs {} MiB",
            facts.memory >> 20,
            hardware.memory >> 20
        ));
    }
    let taken: u64 = inventory
        .vms_of_host(host.id)
        .filter(|vm| vm.run.status.is_running())
        .map(|vm| vm.running_hardware().memory)
        .fold(0, u64::saturating_add);
    Ok(facts.memory.saturating_sub(taken))
}
