//! `/clusters` and the networks in them.

use std::collections::BTreeSet;

use api::path;
use api::types::{self, Cpu, ErrorHandling, Ksm, MemoryOverCommit, MemoryPolicy};
use manager::model::{Cluster, ClusterNetwork, NetworkId, NetworkUsage};
use manager::{
    ClusterAddParams, ClusterNetworkParams, ClusterSettings, ClusterUpdateParams, Inventory,
    PolicyEdit,
};

use super::convert::{given, int, number, reference, version_from_api, version_to_api, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, affinity, beneath, networks, permissions, profiles, scheduling};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Cluster, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let cluster = view.cluster(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &cluster))),
        ["networks", rest @ ..] => {
            let networks = cluster.networks.iter().filter(|it| view.sees(it.network));
            let networks = networks.filter_map(|it| in_cluster(view.inventory(), &cluster, it));
            list_or_pick(networks.collect(), rest)
        }
        ["permissions", rest @ ..] => permissions::read(view, cluster.id.into(), rest),
        ["affinitygroups", rest @ ..] => affinity::read_groups(view, &cluster, rest),
        ["cpuprofiles", rest @ ..] => profiles::read_cpu(view, Some(cluster.id), rest),
        rest => Err(beneath(rest)),
    }
}

/// A cluster as the API shows it.
pub(super) fn to_api(_: &Inventory, it: &Cluster) -> types::Cluster {
    types::Cluster {
        id: Some(it.id.to_string()),
        href: Some(path::cluster(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        data_center: reference!(
            DataCenter,
            path::data_center(it.data_center),
            it.data_center
        ),
        mac_pool: reference!(MacPool, path::mac_pool(it.mac_pool), it.mac_pool),
        management_network: reference!(
            Network,
            path::network(it.management_network),
            it.management_network
        ),
        cpu: Some(
            Cpu {
                architecture: word("x86_64"),
                type_: Some(it.cpu_type.clone()),
                ..Cpu::default()
            }
            .into(),
        ),
        version: Some(version_to_api(it.version).into()),
        bios_type: word(it.bios_type.as_str()),
        ballooning_enabled: Some(it.ballooning),
        ksm: Some(
            Ksm {
                enabled: Some(it.ksm),
                merge_across_nodes: Some(true),
            }
            .into(),
        ),
        memory_policy: Some(
            MemoryPolicy {
                over_commit: Some(
                    MemoryOverCommit {
                        percent: int(it.memory_over_commit),
                    }
                    .into(),
                ),
                ..MemoryPolicy::default()
            }
            .into(),
        ),
        threads_as_cores: Some(it.threads_as_cores),
        virt_service: Some(it.virt_service),
        gluster_service: Some(false),
        ha_reservation: Some(it.ha_reservation),
        trusted_service: Some(false),
        tunnel_migration: Some(false),
        optional_reason: Some(it.policy.vm_reason),
        maintenance_reason_required: Some(it.policy.host_reason),
        scheduling_policy: Some(scheduling::policy_part(it.policy.scheduling)),
        custom_scheduling_policy_properties: Some(scheduling::properties(
            &it.policy.scheduling_properties,
        )),
        upgrade_in_progress: Some(false),
        vnc_encryption: Some(false),
        fips_mode: word("disabled"),
        firewall_type: word("firewalld"),
        switch_type: word("legacy"),
        required_rng_sources: Some(word("urandom").into_iter().collect()),
        error_handling: Some(
            ErrorHandling {
                on_error: word("migrate"),
            }
            .into(),
        ),
        ..types::Cluster::default()
    }
}

/// A network as it is in a cluster.
fn in_cluster(
    inventory: &Inventory,
    cluster: &Cluster,
    it: &ClusterNetwork,
) -> Option<types::Network> {
    let network = inventory.networks.get(&it.network)?;
    let mut object = networks::to_api(inventory, network);
    object.href = Some(
        path::cluster(cluster.id)
            .networks()
            .item(it.network)
            .to_string(),
    );
    object.cluster = reference!(Cluster, path::cluster(cluster.id), cluster.id);
    object.required = Some(it.required);
    object.display = Some(it.usages.contains(&NetworkUsage::Display));
    object.status = word(it.status.as_str());
    let mut usages = it.usages.clone();
    if network.vm_network {
        usages.insert(NetworkUsage::Vm);
    }
    object.usages = Some(
        usages
            .iter()
            .filter_map(|usage| word(usage.as_str()))
            .collect(),
    );
    Some(object)
}

/// The scheduling policy that a cluster is to follow, and its numbers.
fn policy(view: &View, sent: &types::Cluster) -> Result<PolicyEdit> {
    let chosen = match sent.scheduling_policy.as_deref() {
        Some(it) => view
            .scheduling_policy_of(it.id.as_deref(), it.name.as_deref())?
            .map(|it| it.id),
        None => None,
    };
    let properties = sent
        .custom_scheduling_policy_properties
        .as_ref()
        .map(scheduling::sent_properties);
    let reason = sent.optional_reason;
    let host_reason = sent.maintenance_reason_required;
    Ok(PolicyEdit::new(move |policy| {
        if let Some(id) = chosen {
            policy.scheduling = id;
        }
        if let Some(properties) = &properties {
            policy.scheduling_properties.clone_from(properties);
        }
        policy.vm_reason = reason.unwrap_or(policy.vm_reason);
        policy.host_reason = host_reason.unwrap_or(policy.host_reason);
    }))
}

fn settings(view: &View, sent: &types::Cluster) -> Result<ClusterSettings> {
    let over_commit = sent
        .memory_policy
        .as_deref()
        .and_then(|it| it.over_commit.as_deref());
    Ok(ClusterSettings {
        description: sent.description.clone(),
        comment: sent.comment.clone(),
        cpu_type: sent.cpu.as_deref().and_then(|cpu| cpu.type_.clone()),
        version: match sent.version.as_deref() {
            Some(version) => version_from_api(version)?,
            None => None,
        },
        bios_type: given("bios_type", sent.bios_type.map(|it| it.as_str()))?,
        ballooning: sent.ballooning_enabled,
        ksm: sent.ksm.as_deref().and_then(|ksm| ksm.enabled),
        memory_over_commit: number(
            "memory_policy.over_commit.percent",
            over_commit.and_then(|it| it.percent),
        )?,
        threads_as_cores: sent.threads_as_cores,
        virt_service: sent.virt_service,
        ha_reservation: sent.ha_reservation,
        mac_pool: match sent.mac_pool.as_deref() {
            Some(it) => view
                .mac_pool_of(it.id.as_deref(), it.name.as_deref())?
                .map(|it| it.id),
            None => None,
        },
        policy: policy(view, sent)?,
    })
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change, &change.sent.body()?).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let cluster = change.view.cluster(id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::Cluster = change.sent.body()?;
            let params = ClusterUpdateParams {
                name: sent.name.clone(),
                settings: settings(&change.view, &sent)?,
            };
            let cluster = manager.cluster_update(caller, cluster.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &cluster,
            ))))
        }
        (Verb::Delete, []) => {
            manager.cluster_remove(caller, cluster.id).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["networks"]) => {
            let sent: types::Network = change.sent.body()?;
            let network = change
                .view
                .network_of(sent.id.as_deref(), sent.name.as_deref())?;
            let Some(network) = network else {
                return Err(Refused::incomplete("Network", &["id|name"], "add"));
            };
            let params = network_params(&sent)?;
            let cluster = manager
                .cluster_network_add(caller, cluster.id, network.id, params)
                .await?;
            Ok(Answer::Created(Box::new(find(
                change, &cluster, network.id,
            )?)))
        }
        (Verb::Put, ["networks", id]) => {
            let network = network_in(&cluster, id)?;
            let params = network_params(&change.sent.body()?)?;
            let cluster = manager
                .cluster_network_update(caller, cluster.id, network, params)
                .await?;
            Ok(Answer::Object(Box::new(find(change, &cluster, network)?)))
        }
        (Verb::Delete, ["networks", id]) => {
            let network = network_in(&cluster, id)?;
            manager
                .cluster_network_remove(caller, cluster.id, network)
                .await?;
            Ok(Answer::Removed)
        }
        (_, ["affinitygroups", rest @ ..]) => {
            affinity::change_groups(change, verb, &cluster, rest).await
        }
        (_, ["cpuprofiles", rest @ ..]) => {
            profiles::change_cpu(change, verb, Some(cluster.id), rest).await
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, cluster.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// Adds a cluster; also under a data center.
pub(super) async fn add(change: &Change<'_>, sent: &types::Cluster) -> Result<Answer> {
    let view = &change.view;
    let data_center = match sent.data_center.as_deref() {
        Some(it) => view.data_center_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let name = sent.name.clone().filter(|name| !name.is_empty());
    let (Some(name), Some(data_center)) = (name.clone(), &data_center) else {
        let mut missing = Vec::new();
        missing.extend(name.is_none().then_some("name"));
        missing.extend(data_center.is_none().then_some("data_center.id|name"));
        return Err(Refused::incomplete("Cluster", &missing, "add"));
    };
    let management_network = match sent.management_network.as_deref() {
        Some(it) => view.network_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let params = ClusterAddParams {
        name,
        data_center: data_center.id,
        management_network: management_network.map(|network| network.id),
        settings: settings(view, sent)?,
    };
    let cluster = view.manager().cluster_add(change.caller(), params).await?;
    Ok(Answer::Created(Box::new(to_api(
        view.again().inventory(),
        &cluster,
    ))))
}

fn network_params(sent: &types::Network) -> Result<ClusterNetworkParams> {
    let mut usages: Option<BTreeSet<NetworkUsage>> = None;
    if let Some(sent) = &sent.usages {
        let set = usages.get_or_insert_default();
        for usage in sent {
            set.extend(given::<NetworkUsage>("usages", Some(usage.as_str()))?);
        }
    }
    // The older element for one of them.
    if let (Some(true), None) = (sent.display, &usages) {
        usages = Some([NetworkUsage::Display].into());
    }
    Ok(ClusterNetworkParams {
        required: sent.required,
        usages,
    })
}

fn network_in(cluster: &Cluster, id: &str) -> Result<NetworkId> {
    let mut networks = cluster.networks.iter().map(|it| it.network);
    networks
        .find(|network| network.to_string() == id)
        .ok_or_else(|| Refused::not_found(id))
}

fn find(change: &Change<'_>, cluster: &Cluster, network: NetworkId) -> Result<types::Network> {
    let view = change.view.again();
    let it = cluster.networks.iter().find(|it| it.network == network);
    it.and_then(|it| in_cluster(view.inventory(), cluster, it))
        .ok_or_else(|| Refused::not_found(network))
}
