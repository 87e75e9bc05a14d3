//! Network interfaces of VMs.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::catalogue;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{Mac, Nic, NicId, NicInterface, Permit, Vm, VmId, VnicProfileId};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::writer::Draft;

use super::check;
use super::disk_attach::running_on;
use super::params::{Accepted, NicAddParams, NicUpdateParams};
use super::vm_add::MOST_NICS;
use super::{pool_of_cluster, to_number};

fn from_number(number: u64) -> Mac {
    let mut address = [0; 6];
    address.copy_from_slice(&number.to_be_bytes()[2..]);
    Mac(address)
}

/// An address of the cluster's pool that nobody uses.
fn free_mac(inventory: &Inventory, vm: &Vm) -> Result<Mac> {
    let pool = pool_of_cluster(inventory, vm.cluster);
    let ranges = pool.map(|pool| pool.ranges.as_slice()).unwrap_or_default();
    ranges
        .iter()
        .find_map(|range| {
            let (first, last) = (to_number(range.from), to_number(range.to));
            let size = last.checked_sub(first)? + 1;
            // Begun anywhere, so that an address that was just given back is not given away at
            // once.
            let start = (uuid::Uuid::new_v4().as_u128() as u64) % size;
            (0..size)
                .map(|step| from_number(first + (start + step) % size))
                .filter(|mac| mac.0[0] & 1 == 0)
                .find(|mac| {
                    !inventory.mac_in_use(*mac, None) && !vm.nics.iter().any(|nic| nic.mac == *mac)
                })
        })
        .ok_or_else(|| {
            Error::conflict("Cannot add Interface. There are no free MAC addresses in the pool.")
        })
}

fn check_mac(inventory: &Inventory, mac: Mac, vm: &Vm, except: Option<NicId>) -> Result<()> {
    if mac.0[0] & 1 == 1 || mac.0 == [0; 6] {
        return Err(Error::invalid(
            "mac.address",
            "The MAC address is not one of a single interface.",
        ));
    }
    let own = vm
        .nics
        .iter()
        .any(|nic| nic.mac == mac && Some(nic.id) != except);
    let twice = pool_of_cluster(inventory, vm.cluster).is_some_and(|pool| pool.allow_duplicates);
    if own || (!twice && inventory.mac_in_use(mac, Some(vm.id))) {
        return Err(Error::conflict(format!(
            "Cannot add Interface. MAC Address {mac} is already in use."
        )));
    }
    Ok(())
}

pub(super) fn check_profile(
    inventory: &Inventory,
    caller: &Caller,
    vm: &Vm,
    profile: Option<VnicProfileId>,
) -> Result<()> {
    let Some(id) = profile else { return Ok(()) };
    let profile = inventory
        .vnic_profiles
        .get(&id)
        .ok_or_else(|| Error::not_found(id))?;
    access::require(inventory, caller, Permit::CONFIGURE_VM_NETWORK, id)?;
    let network = inventory
        .networks
        .get(&profile.network)
        .ok_or_else(|| Error::not_found(profile.network))?;
    let in_cluster = inventory
        .clusters
        .get(&vm.cluster)
        .is_some_and(|cluster| cluster.networks.iter().any(|it| it.network == network.id));
    if !in_cluster {
        return Err(Error::conflict(format!(
            "Cannot add Interface. The Network {} is not in the VM's cluster.",
            network.name
        )));
    }
    if !network.vm_network {
        return Err(Error::conflict(format!(
            "Cannot add Interface. The Network {} is not a VM network.",
            network.name
        )));
    }
    Ok(())
}

fn check_interface(interface: NicInterface) -> Result<()> {
    if matches!(
        interface,
        NicInterface::PciPassthrough | NicInterface::SpaprVlan
    ) {
        return Err(Error::conflict(
            "Cannot add Interface. The interface type is not supported by the VM's operating system.",
        ));
    }
    Ok(())
}

/// Checks a new interface for a VM.
pub(super) fn new_nic(
    draft: &Draft,
    caller: &Caller,
    vm: &Vm,
    params: NicAddParams,
) -> Result<Nic> {
    check::label("name", &params.name)?;
    if vm.nics.len() >= MOST_NICS {
        return Err(Error::conflict(
            "Cannot add Interface. The VM has too many interfaces.",
        ));
    }
    if vm.nics.iter().any(|nic| nic.name == params.name) {
        return Err(Error::conflict(
            "Cannot add Interface. The network interface name is already in use.",
        ));
    }
    check_profile(draft, caller, vm, params.vnic_profile)?;
    let interface = params
        .interface
        .unwrap_or_else(|| catalogue::os(&vm.hardware.os_type).nic);
    check_interface(interface)?;
    let mac = match params.mac {
        Some(mac) => {
            check_mac(draft, mac, vm, None)?;
            mac
        }
        None => free_mac(draft, vm)?,
    };
    Ok(Nic {
        id: NicId::random(),
        name: params.name,
        interface,
        mac,
        vnic_profile: params.vnic_profile,
        linked: params.linked.unwrap_or(true),
        plugged: params.plugged.unwrap_or(true),
        filter_parameters: Vec::new(),
    })
}

fn the_vm(draft: &Draft, caller: &Caller, id: VmId) -> Result<Arc<Vm>> {
    access::require(draft, caller, Permit::CONFIGURE_VM_NETWORK, id)?;
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::vm(draft, &vm, VmAction::ConfigureNics).map_err(Error::conflict)?;
    Ok(vm)
}

impl Manager {
    /// Gives an interface to a VM. A running VM gets it at once.
    pub async fn nic_add(
        &self,
        caller: &Caller,
        vm: VmId,
        params: NicAddParams,
    ) -> Result<Accepted<Nic>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let old = the_vm(draft, &caller, vm)?;
                let nic = new_nic(draft, &caller, &old, params)?;
                let mut changed = (*old).clone();
                changed.nics.push(nic.clone());
                draft.put(changed)?;
                let event = EventDraft::new(
                    code::NIC_ADDED,
                    format!("Interface {} was added to VM {}.", nic.name, old.name),
                );
                draft.event(event.vm(vm, draft).by(&caller, draft));
                let action = running_on(&old)
                    .filter(|_| nic.plugged)
                    .map(|host| Action::NicPlug {
                        vm,
                        host,
                        nic: nic.id,
                    });
                let job = finish(draft, &caller, &old, &nic, action, "plugged", false)?;
                Ok(Accepted { value: nic, job })
            })
            .await
    }

    /// Changes an interface of a VM.
    pub async fn nic_update(
        &self,
        caller: &Caller,
        vm: VmId,
        nic: NicId,
        params: NicUpdateParams,
    ) -> Result<Accepted<Nic>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| update(draft, &caller, vm, nic, params))
            .await
    }

    /// Takes an interface from a VM.
    pub async fn nic_remove(&self, caller: &Caller, vm: VmId, nic: NicId) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let old = the_vm(draft, &caller, vm)?;
                let it = old
                    .nics
                    .iter()
                    .find(|it| it.id == nic)
                    .cloned()
                    .ok_or_else(|| Error::not_found(nic))?;
                let event = EventDraft::new(
                    code::NIC_REMOVED,
                    format!("Interface {} was removed from VM {}.", it.name, old.name),
                );
                draft.event(event.vm(vm, draft).by(&caller, draft));
                let action = running_on(&old)
                    .filter(|_| it.plugged)
                    .map(|host| Action::NicUnplug { vm, host, nic });
                if action.is_none() {
                    let mut changed = (*old).clone();
                    changed.nics.retain(|it| it.id != nic);
                    draft.put(changed)?;
                }
                let job = finish(draft, &caller, &old, &it, action, "unplugged", true)?;
                Ok(Accepted { value: (), job })
            })
            .await
    }
}

fn finish(
    draft: &mut Draft,
    caller: &Caller,
    vm: &Vm,
    nic: &Nic,
    action: Option<Action>,
    state: &str,
    remove: bool,
) -> Result<Option<crate::model::JobId>> {
    let description = format!("Changing Interface {} of VM {}", nic.name, vm.name);
    let Some(action) = action else {
        draft.job_done(caller, description, vec![vm.id.into()])?;
        return Ok(None);
    };
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::DevicesChange {
                vm: vm.id,
                summary: format!("interface {} was {state}", nic.name),
                remove_disks: Vec::new(),
                remove_nics: if remove { vec![nic.id] } else { Vec::new() },
            },
            description,
            locks: vec![vm.id.into()],
            objects: vec![vm.id.into()],
            actions: vec![(action, format!("Interface {} is being {state}", nic.name))],
        },
    )?;
    Ok(Some(job))
}

fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: VmId,
    nic: NicId,
    params: NicUpdateParams,
) -> Result<Accepted<Nic>> {
    let vm = the_vm(draft, caller, id)?;
    let old = vm
        .nics
        .iter()
        .find(|it| it.id == nic)
        .cloned()
        .ok_or_else(|| Error::not_found(nic))?;
    let mut new = old.clone();
    if let Some(name) = params.name {
        check::label("name", &name)?;
        if vm.nics.iter().any(|it| it.id != nic && it.name == name) {
            return Err(Error::conflict(
                "Cannot edit Interface. The network interface name is already in use.",
            ));
        }
        new.name = name;
    }
    if let Some(profile) = params.vnic_profile {
        if profile != new.vnic_profile {
            check_profile(draft, caller, &vm, profile)?;
        }
        new.vnic_profile = profile;
    }
    if let Some(mac) = params.mac.filter(|mac| *mac != old.mac) {
        check_mac(draft, mac, &vm, Some(nic))?;
        new.mac = mac;
    }
    if let Some(interface) = params.interface {
        check_interface(interface)?;
        new.interface = interface;
    }
    new.linked = params.linked.unwrap_or(new.linked);
    new.plugged = params.plugged.unwrap_or(new.plugged);
    if new == old {
        return Ok(Accepted {
            value: new,
            job: None,
        });
    }
    let host = running_on(&vm);
    let fixed = new.mac != old.mac || new.interface != old.interface;
    if host.is_some() && old.plugged && fixed {
        return Err(Error::conflict(
            "Cannot edit Interface. The MAC address and type of a plugged interface of a running VM cannot be changed.",
        ));
    }
    let action = host.and_then(|host| match (old.plugged, new.plugged) {
        (true, false) => Some(Action::NicUnplug { vm: id, host, nic }),
        (_, true)
            if !old.plugged || new.linked != old.linked || new.vnic_profile != old.vnic_profile =>
        {
            Some(Action::NicPlug { vm: id, host, nic })
        }
        _ => None,
    });
    let mut changed = (*vm).clone();
    for it in &mut changed.nics {
        if it.id == nic {
            *it = new.clone();
        }
    }
    draft.put(changed)?;
    let event = EventDraft::new(
        code::NIC_UPDATED,
        format!("Interface {} of VM {} was updated.", new.name, vm.name),
    );
    draft.event(event.vm(id, draft).by(caller, draft));
    let state = if new.plugged { "plugged" } else { "unplugged" };
    let job = finish(draft, caller, &vm, &new, action, state, false)?;
    Ok(Accepted { value: new, job })
}
