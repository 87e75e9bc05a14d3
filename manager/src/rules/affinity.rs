//! Affinity: which hosts a VM may run on because of the others, and whether groups are kept.

use std::collections::BTreeSet;

use crate::inventory::Inventory;
use crate::model::{AffinityGroup, AffinityLabelId, HostId, Vm, VmId};

/// The VMs of a group, by themselves or by their labels.
pub fn vms_of(inventory: &Inventory, group: &AffinityGroup) -> BTreeSet<VmId> {
    let labels = group
        .vm_labels
        .iter()
        .filter_map(|id| inventory.affinity_labels.get(id));
    let labelled = labels.flat_map(|label| label.vms.iter().copied());
    group.vms.iter().copied().chain(labelled).collect()
}

/// The hosts of a group, by themselves or by their labels.
pub fn hosts_of(inventory: &Inventory, group: &AffinityGroup) -> BTreeSet<HostId> {
    let labels = group
        .host_labels
        .iter()
        .filter_map(|id| inventory.affinity_labels.get(id));
    let labelled = labels.flat_map(|label| label.hosts.iter().copied());
    group.hosts.iter().copied().chain(labelled).collect()
}

/// The labels of a VM.
pub fn labels_of_vm(inventory: &Inventory, vm: VmId) -> BTreeSet<AffinityLabelId> {
    let labels = inventory.affinity_labels.iter();
    labels
        .filter(|it| it.vms.contains(&vm))
        .map(|it| it.id)
        .collect()
}

/// The labels of a host.
pub fn labels_of_host(inventory: &Inventory, host: HostId) -> BTreeSet<AffinityLabelId> {
    let labels = inventory.affinity_labels.iter();
    labels
        .filter(|it| it.hosts.contains(&host))
        .map(|it| it.id)
        .collect()
}

/// Where the other VMs of a group run, with one of them for each host.
fn others<'a>(
    inventory: &'a Inventory,
    members: &BTreeSet<VmId>,
    vm: VmId,
) -> Vec<(HostId, &'a Vm)> {
    members
        .iter()
        .filter(|id| **id != vm)
        .filter_map(|id| inventory.vms.get(id))
        .filter(|other| other.run.status.is_running())
        .filter_map(|other| other.run.host.map(|host| (host, &**other)))
        .collect()
}

/// What speaks against a host: a reason that rules it out, or the weight of wishes it breaks.
pub(crate) fn against(inventory: &Inventory, vm: &Vm, host: HostId) -> Result<f64, String> {
    let mut broken = 0.0;
    for label in inventory.affinity_labels.iter() {
        if label.implicit_group && label.vms.contains(&vm.id) && !label.hosts.contains(&host) {
            return Err(format!(
                "does not have the affinity label {}, which the VM has",
                label.name
            ));
        }
    }
    for group in inventory.affinity_groups.iter() {
        if group.cluster != vm.cluster {
            continue;
        }
        let members = vms_of(inventory, group);
        if !members.contains(&vm.id) {
            continue;
        }
        if group.vms_rule.enabled {
            let others = others(inventory, &members, vm.id);
            let against = if group.vms_rule.positive {
                let away = others.iter().find(|(there, _)| *there != host);
                away.map(|(_, other)| {
                    format!(
                        "is not where VM {} runs, which the affinity group {} keeps the VM with",
                        other.name, group.name
                    )
                })
            } else {
                let here = others.iter().find(|(there, _)| *there == host);
                here.map(|(_, other)| {
                    format!(
                        "runs VM {}, which the affinity group {} keeps the VM apart from",
                        other.name, group.name
                    )
                })
            };
            match against {
                Some(reason) if group.vms_rule.enforcing => return Err(reason),
                Some(_) => broken += 1.0 + group.priority.max(0.0),
                None => {}
            }
        }
        let hosts = hosts_of(inventory, group);
        if group.hosts_rule.enabled
            && !hosts.is_empty()
            && hosts.contains(&host) != group.hosts_rule.positive
        {
            if group.hosts_rule.enforcing {
                let why = if group.hosts_rule.positive {
                    "does not belong to"
                } else {
                    "is kept from the VM by"
                };
                return Err(format!("{why} the affinity group {}", group.name));
            }
            broken += 1.0 + group.priority.max(0.0);
        }
    }
    Ok(broken)
}

/// Whether a group is broken by where its VMs run now.
pub fn broken(inventory: &Inventory, group: &AffinityGroup) -> bool {
    let running: Vec<HostId> = vms_of(inventory, group)
        .iter()
        .filter_map(|id| inventory.vms.get(id))
        .filter(|vm| vm.run.status.is_running())
        .filter_map(|vm| vm.run.host)
        .collect();
    let distinct: BTreeSet<HostId> = running.iter().copied().collect();
    let among = group.vms_rule.enabled
        && if group.vms_rule.positive {
            distinct.len() > 1
        } else {
            distinct.len() < running.len()
        };
    let hosts = hosts_of(inventory, group);
    let with_hosts = group.hosts_rule.enabled
        && !hosts.is_empty()
        && running
            .iter()
            .any(|host| hosts.contains(host) != group.hosts_rule.positive);
    among || with_hosts
}
