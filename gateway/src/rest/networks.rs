//! `/networks`.

use api::path;
use api::types::{self, Vlan};
use manager::model::{Network, NetworkUsage, VnicProfile};
use manager::{Inventory, NetworkAddParams, NetworkUpdateParams};

use super::convert::{int, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, beneath, permissions, profiles, vnic_profiles};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Network, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let network = view.network(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &network))),
        ["permissions", rest @ ..] => permissions::read(view, network.id.into(), rest),
        ["vnicprofiles", rest @ ..] => {
            let own = |it: &&std::sync::Arc<VnicProfile>| it.network == network.id;
            let own = view.inventory().vnic_profiles.iter().filter(own);
            let own = own.filter(|it| view.sees(it.id));
            list_or_pick(
                own.map(|it| vnic_profiles::to_api(view.inventory(), it))
                    .collect(),
                rest,
            )
        }
        ["networklabels", rest @ ..] => list_or_pick(labels(&network), rest),
        rest => Err(beneath(rest)),
    }
}

/// A network's label: one, or none.
fn labels(network: &Network) -> Vec<types::NetworkLabel> {
    let base = path::network(network.id).child("networklabels");
    let labels = network.label.iter();
    labels
        .map(|label| types::NetworkLabel {
            id: Some(label.clone()),
            href: Some(base.item(label).to_string()),
            network: reference!(Network, path::network(network.id), network.id),
            ..types::NetworkLabel::default()
        })
        .collect()
}

/// A network as the API shows it, outside of any cluster.
pub(super) fn to_api(_: &Inventory, it: &Network) -> types::Network {
    types::Network {
        id: Some(it.id.to_string()),
        href: Some(path::network(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        data_center: reference!(
            DataCenter,
            path::data_center(it.data_center),
            it.data_center
        ),
        vlan: it.vlan.map(|tag| {
            Vlan {
                id: Some(tag.to_string()),
                ..Vlan::default()
            }
            .into()
        }),
        mtu: int(it.mtu),
        stp: Some(it.stp),
        port_isolation: Some(it.port_isolation),
        usages: Some(if it.vm_network {
            word("vm").into_iter().collect()
        } else {
            Vec::new()
        }),
        vdsm_name: Some(it.vdsm_name.clone()),
        ..types::Network::default()
    }
}

fn vlan(sent: &types::Network) -> Result<Option<Option<u16>>> {
    let Some(vlan) = sent.vlan.as_deref() else {
        return Ok(None);
    };
    match vlan.id.as_deref().filter(|tag| !tag.is_empty()) {
        None => Ok(Some(None)),
        Some(tag) => tag
            .parse()
            .map(|tag| Some(Some(tag)))
            .map_err(|_| Refused::value("vlan.id", tag)),
    }
}

fn is_for_vms(sent: &types::Network) -> Option<bool> {
    let usages = sent.usages.as_ref()?;
    Some(
        usages
            .iter()
            .any(|usage| usage.as_str() == NetworkUsage::Vm.as_str()),
    )
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let manager = change.view.manager();
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change, &change.sent.body()?).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let network = change.view.network(id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::Network = change.sent.body()?;
            let name_servers = name_servers(&sent);
            let qos = profiles::qos_of(
                &change.view,
                sent.qos.as_deref(),
                manager::model::QosType::Hostnetwork,
            )?;
            let params = NetworkUpdateParams {
                vlan: vlan(&sent)?,
                vm_network: is_for_vms(&sent),
                mtu: super::convert::number("mtu", sent.mtu)?,
                stp: sent.stp,
                port_isolation: sent.port_isolation,
                name: sent.name,
                description: sent.description,
                comment: sent.comment,
                name_servers: name_servers.clone(),
                qos,
            };
            let network = manager
                .network_update(change.caller(), network.id, params)
                .await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &network,
            ))))
        }
        (Verb::Delete, []) => {
            manager.network_remove(change.caller(), network.id).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["networklabels"]) => {
            let sent: types::NetworkLabel = change.sent.body()?;
            let Some(label) = sent.id.or(sent.name).filter(|label| !label.is_empty()) else {
                return Err(Refused::incomplete("NetworkLabel", &["id"], "add"));
            };
            let network = manager
                .network_label(change.caller(), network.id, Some(label))
                .await?;
            let label = labels(&network).pop();
            let label = label.ok_or_else(|| Refused::not_found("label"))?;
            Ok(Answer::Created(Box::new(label)))
        }
        (Verb::Delete, ["networklabels", label]) => {
            if network.label.as_deref() != Some(*label) {
                return Err(Refused::not_found(label));
            }
            manager
                .network_label(change.caller(), network.id, None)
                .await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["vnicprofiles"]) => {
            let mut sent: types::VnicProfile = change.sent.body()?;
            sent.network = reference!(Network, path::network(network.id), network.id);
            vnic_profiles::add(change, &sent).await
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, network.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// The name servers of a network, where they are sent.
fn name_servers(sent: &types::Network) -> Option<Vec<String>> {
    let resolver = sent.dns_resolver_configuration.as_deref()?;
    resolver.name_servers.clone()
}

/// Adds a network; also under a data center.
pub(super) async fn add(change: &Change<'_>, sent: &types::Network) -> Result<Answer> {
    let data_center = match sent.data_center.as_deref() {
        Some(it) => change
            .view
            .data_center_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let name = sent.name.clone().filter(|name| !name.is_empty());
    let (Some(name), Some(data_center)) = (name.clone(), &data_center) else {
        let mut missing = Vec::new();
        missing.extend(name.is_none().then_some("name"));
        missing.extend(data_center.is_none().then_some("data_center.id|name"));
        return Err(Refused::incomplete("Network", &missing, "add"));
    };
    let params = NetworkAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        comment: sent.comment.clone().unwrap_or_default(),
        data_center: data_center.id,
        vlan: vlan(sent)?.flatten(),
        mtu: super::convert::number("mtu", sent.mtu)?,
        // A network is for VMs unless it says what else it is for.
        vm_network: is_for_vms(sent).unwrap_or(true),
        stp: sent.stp.unwrap_or(false),
        port_isolation: sent.port_isolation.unwrap_or(false),
        with_profile: sent.profile_required.unwrap_or(true),
        name_servers: name_servers(sent).unwrap_or_default(),
        qos: profiles::qos_of(
            &change.view,
            sent.qos.as_deref(),
            manager::model::QosType::Hostnetwork,
        )?
        .flatten(),
    };
    let network = change
        .view
        .manager()
        .network_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(
        change.view.again().inventory(),
        &network,
    ))))
}
