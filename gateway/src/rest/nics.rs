//! `/vms/{id}/nics`: the network interfaces of a VM.

use std::sync::Arc;

use api::types::{self, Mac};
use api::{Object, path};
use manager::model::{Nic, Template, Vm};
use manager::{Inventory, NicAddParams, NicUpdateParams};

use super::convert::{given, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb, beneath, guest, personal, statistics};

pub(super) fn read(view: &View, vm: &Vm, rest: &[&str]) -> Result<Found> {
    if let [id, rest @ ..] = rest
        && !rest.is_empty()
    {
        let nic = find(vm, id)?;
        return match rest {
            ["statistics", rest @ ..] => {
                statistics::read(statistics::nic(view.inventory(), vm, nic), rest)
            }
            ["reporteddevices", rest @ ..] => {
                list_or_pick(guest::devices_of_nic(view.inventory(), vm, nic), rest)
            }
            ["networkfilterparameters", rest @ ..] => personal::read_parameters(vm, nic, rest),
            rest => Err(beneath(rest)),
        };
    }
    list_or_pick(
        vm.nics
            .iter()
            .map(|nic| to_api(view.inventory(), vm, nic))
            .collect(),
        rest,
    )
}

/// A network interface of a VM as the API shows it.
pub(super) fn to_api(inventory: &Inventory, vm: &Vm, nic: &Nic) -> types::Nic {
    types::Nic {
        href: Some(path::vm(vm.id).nics().item(nic.id).to_string()),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        ..plain(inventory, nic)
    }
}

/// A network interface of a template as the API shows it.
pub(super) fn of_template(inventory: &Inventory, template: &Template, nic: &Nic) -> types::Nic {
    types::Nic {
        href: Some(path::template(template.id).nics().item(nic.id).to_string()),
        template: reference!(Template, path::template(template.id), template.id),
        // Only VMs' interfaces have addresses.
        mac: None,
        ..plain(inventory, nic)
    }
}

fn plain(inventory: &Inventory, nic: &Nic) -> types::Nic {
    let profile = nic
        .vnic_profile
        .and_then(|id| inventory.vnic_profiles.get(&id));
    types::Nic {
        id: Some(nic.id.to_string()),
        name: Some(nic.name.clone()),
        interface: word(nic.interface.as_str()),
        linked: Some(nic.linked),
        plugged: Some(nic.plugged),
        synced: Some(true),
        mac: Some(
            Mac {
                address: Some(nic.mac.to_string()),
            }
            .into(),
        ),
        vnic_profile: nic
            .vnic_profile
            .map(|id| part!(VnicProfile, path::vnic_profile(id), id)),
        network: profile
            .map(|profile| profile.network)
            .map(|id| part!(Network, path::network(id), id)),
        ..types::Nic::default()
    }
}

/// A new network interface as the API describes it.
pub(super) fn from_api(view: &View, sent: &types::Nic) -> Result<NicAddParams> {
    let Some(name) = sent.name.clone().filter(|name| !name.is_empty()) else {
        return Err(Refused::incomplete("Nic", &["name"], "add"));
    };
    Ok(NicAddParams {
        name,
        interface: given("interface", sent.interface.map(|it| it.as_str()))?,
        mac: mac(sent)?,
        vnic_profile: profile(view, sent)?.flatten(),
        linked: sent.linked,
        plugged: sent.plugged,
    })
}

fn mac(sent: &types::Nic) -> Result<Option<manager::model::Mac>> {
    let address = sent.mac.as_deref().and_then(|mac| mac.address.as_deref());
    given("mac.address", address.filter(|address| !address.is_empty()))
}

/// The profile that is meant: named itself, or by its network as old clients do. An empty
/// reference takes it away.
fn profile(
    view: &View,
    sent: &types::Nic,
) -> Result<Option<Option<manager::model::VnicProfileId>>> {
    if let Some(profile) = sent.vnic_profile.as_deref() {
        let profile = view.vnic_profile_of(profile.id.as_deref(), profile.name.as_deref())?;
        return Ok(Some(profile.map(|profile| profile.id)));
    }
    let Some(network) = sent.network.as_deref() else {
        return Ok(None);
    };
    let Some(network) = view.network_of(network.id.as_deref(), network.name.as_deref())? else {
        return Ok(Some(None));
    };
    let mut profiles: Vec<_> = view
        .inventory()
        .vnic_profiles
        .iter()
        .filter(|profile| profile.network == network.id && view.sees(profile.id))
        .collect();
    // The one of the network's own name first.
    profiles.sort_by_key(|profile| (profile.name != network.name, profile.name.clone()));
    let Some(profile) = profiles.first() else {
        return Err(Refused::not_found(format!(
            "vNIC profile of network {}",
            network.name
        )));
    };
    Ok(Some(Some(profile.id)))
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Nic = change.sent.body()?;
            let params = from_api(&change.view, &sent)?;
            let accepted = manager.nic_add(caller, vm.id, params).await?;
            let (vm, nic) = (Arc::clone(vm), accepted.value);
            // It is there at once; only a running guest has still to see it.
            change.finished(accepted.job).await;
            change
                .created(None, move |view| {
                    Ok(Box::new(to_api(view.inventory(), &vm, &nic)) as Box<dyn Object>)
                })
                .await
        }
        (_, [id, "networkfilterparameters", rest @ ..]) => {
            let nic = find(vm, id)?;
            personal::change_parameters(change, verb, (vm, nic), rest).await
        }
        (Verb::Put, [id]) => {
            let sent: types::Nic = change.sent.body()?;
            let params = NicUpdateParams {
                name: sent.name.clone(),
                interface: given("interface", sent.interface.map(|it| it.as_str()))?,
                mac: mac(&sent)?,
                vnic_profile: profile(&change.view, &sent)?,
                linked: sent.linked,
                plugged: sent.plugged,
            };
            let nic = update(change, vm, id, params).await?;
            Ok(Answer::Object(Box::new(nic)))
        }
        (Verb::Post, [id, action @ ("activate" | "deactivate")]) => {
            let sent = change.sent.action()?;
            let plugged = Some(*action == "activate");
            let params = NicUpdateParams {
                plugged,
                ..NicUpdateParams::default()
            };
            update(change, vm, id, params).await?;
            Ok(change.acted(&sent, None))
        }
        (Verb::Delete, [id]) => {
            let accepted = manager.nic_remove(caller, vm.id, find(vm, id)?.id).await?;
            change.finished(accepted.job).await;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn update(
    change: &Change<'_>,
    vm: &Vm,
    id: &str,
    params: NicUpdateParams,
) -> Result<types::Nic> {
    let nic = find(vm, id)?.id;
    let accepted = change
        .view
        .manager()
        .nic_update(change.caller(), vm.id, nic, params)
        .await?;
    change.finished(accepted.job).await;
    Ok(to_api(change.view.again().inventory(), vm, &accepted.value))
}

fn find<'a>(vm: &'a Vm, id: &str) -> Result<&'a Nic> {
    vm.nics
        .iter()
        .find(|nic| nic.id.to_string() == id)
        .ok_or_else(|| Refused::not_found(id))
}
