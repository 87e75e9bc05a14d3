//! Clusters, and the networks they have.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    BiosType, Cluster, ClusterId, ClusterNetwork, CpuProfileId, NetworkId, NetworkStatus,
    NetworkUsage, Permit,
};
use crate::rules;
use crate::seed;
use crate::writer::Draft;

use super::check;
use super::data_center::check_version;
use super::params::{ClusterAddParams, ClusterNetworkParams, ClusterSettings, ClusterUpdateParams};

fn name_free(inventory: &Inventory, name: &str, except: Option<ClusterId>) -> Result<()> {
    if inventory
        .clusters
        .iter()
        .any(|it| it.name == name && Some(it.id) != except)
    {
        return Err(Error::conflict(
            "Cannot create Cluster. Cluster name is already in use.",
        ));
    }
    Ok(())
}

/// What is only there with a cluster goes with it.
pub(super) fn forget(draft: &mut Draft, cluster: ClusterId) {
    let profiles = draft.cpu_profiles.iter();
    let profiles = profiles
        .filter(|it| it.cluster == cluster)
        .map(|it| it.id.into());
    let groups = draft.affinity_groups.iter();
    let groups = groups
        .filter(|it| it.cluster == cluster)
        .map(|it| it.id.into());
    let inside: Vec<crate::model::ObjectId> = profiles.chain(groups).collect();
    inside.into_iter().for_each(|it| draft.remove(it));
}

/// Checks a policy as a whole.
fn check_policy(draft: &Draft, cluster: &Cluster) -> Result<()> {
    let policy = &cluster.policy;
    if !draft.scheduling_policies.contains_key(&policy.scheduling) {
        return Err(Error::not_found(policy.scheduling));
    }
    if !draft.mac_pools.contains_key(&cluster.mac_pool) {
        return Err(Error::not_found(cluster.mac_pool));
    }
    if policy.scheduling_properties.len() > 64 {
        return Err(Error::invalid(
            "custom_scheduling_policy_properties",
            "There are too many properties.",
        ));
    }
    for (name, value) in &policy.scheduling_properties {
        check::label("custom_scheduling_policy_properties", name)?;
        check::text("custom_scheduling_policy_properties", value)?;
    }
    if policy.fencing.connectivity_threshold > 100 || policy.memory_warning > 100 {
        return Err(Error::invalid(
            "fencing_policy",
            "A threshold is 0 to 100 per cent.",
        ));
    }
    if let Some(proxy) = &policy.spice_proxy {
        check::label("display.proxy", proxy)?;
    }
    if let Some(serial) = &policy.serial_value {
        check::label("serial_number.value", serial)?;
    }
    if policy.switch_type == crate::model::SwitchType::Ovs {
        return Err(Error::conflict(
            "Cannot edit Cluster. The hosts have no Open vSwitch: the switch type is legacy.",
        ));
    }
    Ok(())
}

fn put_into(draft: &Draft, settings: ClusterSettings, cluster: &mut Cluster) -> Result<()> {
    check_version(settings.version)?;
    check::set_text(
        "description",
        &mut cluster.description,
        settings.description,
    )?;
    check::set_text("comment", &mut cluster.comment, settings.comment)?;
    check::set_text("cpu.type", &mut cluster.cpu_type, settings.cpu_type)?;
    if settings.bios_type == Some(BiosType::ClusterDefault) {
        return Err(Error::invalid(
            "bios_type",
            "A cluster's own BIOS type cannot be its default.",
        ));
    }
    if settings
        .memory_over_commit
        .is_some_and(|percent| !(100..=10_000).contains(&percent))
    {
        return Err(Error::invalid(
            "memory_policy.over_commit.percent",
            "The memory over-commitment must be 100 to 10000 per cent.",
        ));
    }
    cluster.version = settings.version.unwrap_or(cluster.version);
    cluster.bios_type = settings.bios_type.unwrap_or(cluster.bios_type);
    cluster.ballooning = settings.ballooning.unwrap_or(cluster.ballooning);
    cluster.ksm = settings.ksm.unwrap_or(cluster.ksm);
    cluster.memory_over_commit = settings
        .memory_over_commit
        .unwrap_or(cluster.memory_over_commit);
    cluster.threads_as_cores = settings
        .threads_as_cores
        .unwrap_or(cluster.threads_as_cores);
    cluster.virt_service = settings.virt_service.unwrap_or(cluster.virt_service);
    cluster.ha_reservation = settings.ha_reservation.unwrap_or(cluster.ha_reservation);
    cluster.mac_pool = settings.mac_pool.unwrap_or(cluster.mac_pool);
    settings.policy.apply(&mut cluster.policy);
    check_policy(draft, cluster)
}

impl Manager {
    /// Makes a cluster.
    pub async fn cluster_add(
        &self,
        caller: &Caller,
        params: ClusterAddParams,
    ) -> Result<Arc<Cluster>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::CREATE_CLUSTER, params.data_center)?;
                check::short_name(&params.name)?;
                name_free(draft, &params.name, None)?;
                let network = match params.management_network {
                    Some(id) => draft
                        .networks
                        .get(&id)
                        .filter(|it| it.data_center == params.data_center),
                    None => draft.networks.iter().find(|it| {
                        it.data_center == params.data_center && it.name == seed::MANAGEMENT_NETWORK
                    }),
                };
                let network = network.map(|network| network.id).ok_or_else(|| {
                    Error::conflict(
                        "Cannot create Cluster. The management network is not in the Data Center.",
                    )
                })?;
                let mut cluster = Cluster {
                    id: ClusterId::random(),
                    name: params.name,
                    description: String::new(),
                    comment: String::new(),
                    data_center: params.data_center,
                    cpu_type: String::new(),
                    version: seed::VERSION,
                    bios_type: BiosType::Q35SeaBios,
                    ballooning: true,
                    ksm: false,
                    memory_over_commit: 100,
                    threads_as_cores: false,
                    virt_service: true,
                    ha_reservation: false,
                    mac_pool: seed::MAC_POOL,
                    cpu_profile: CpuProfileId::random(),
                    management_network: network,
                    networks: vec![ClusterNetwork {
                        network,
                        required: true,
                        usages: [
                            NetworkUsage::Display,
                            NetworkUsage::Management,
                            NetworkUsage::Migration,
                            NetworkUsage::DefaultRoute,
                        ]
                        .into(),
                        status: NetworkStatus::Operational,
                    }],
                    policy: crate::model::ClusterPolicy::default(),
                };
                put_into(draft, params.settings, &mut cluster)?;
                draft.put(cluster.clone())?;
                seed::policies(draft)?;
                let event = EventDraft::new(
                    code::CLUSTER_ADDED,
                    format!("Cluster {} was added.", cluster.name),
                );
                draft.event(event.cluster(cluster.id, draft).by(&caller, draft));
                Ok(Arc::new(cluster))
            })
            .await
    }

    /// Changes a cluster.
    pub async fn cluster_update(
        &self,
        caller: &Caller,
        id: ClusterId,
        params: ClusterUpdateParams,
    ) -> Result<Arc<Cluster>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::EDIT_CLUSTER_CONFIGURATION, id)?;
                let old = draft
                    .clusters
                    .get(&id)
                    .ok_or_else(|| Error::not_found(id))?;
                let mut cluster = (**old).clone();
                if let Some(name) = params.name {
                    check::short_name(&name)?;
                    name_free(draft, &name, Some(id))?;
                    cluster.name = name;
                }
                put_into(draft, params.settings, &mut cluster)?;
                draft.put(cluster.clone())?;
                let event = EventDraft::new(
                    code::CLUSTER_UPDATED,
                    format!("Cluster {} was updated.", cluster.name),
                );
                draft.event(event.cluster(id, draft).by(&caller, draft));
                Ok(Arc::new(cluster))
            })
            .await
    }

    /// Removes an empty cluster.
    pub async fn cluster_remove(&self, caller: &Caller, id: ClusterId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::DELETE_CLUSTER, id)?;
                let it = draft
                    .clusters
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                rules::cluster_delete(draft, id).map_err(Error::conflict)?;
                forget(draft, id);
                draft.remove(id);
                let event = EventDraft::new(
                    code::CLUSTER_REMOVED,
                    format!("Cluster {} was removed.", it.name),
                );
                draft.event(event.data_center(it.data_center).by(&caller, draft));
                Ok(())
            })
            .await
    }

    /// Gives a network to a cluster.
    pub async fn cluster_network_add(
        &self,
        caller: &Caller,
        cluster: ClusterId,
        network: NetworkId,
        params: ClusterNetworkParams,
    ) -> Result<Arc<Cluster>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut it = the_cluster(draft, &caller, cluster, network)?;
                if it.networks.iter().any(|there| there.network == network) {
                    return Err(Error::conflict(
                        "Cannot attach Network to Cluster. The Network is already attached to it.",
                    ));
                }
                let usages = params.usages.unwrap_or_default();
                take_single_usages(&mut it, &usages);
                it.networks.push(ClusterNetwork {
                    network,
                    required: params.required.unwrap_or(true),
                    usages,
                    // There is one kind of host, and it can make any network.
                    status: NetworkStatus::Operational,
                });
                put_changed(draft, &caller, it, network, "attached to")
            })
            .await
    }

    /// Changes what a network is in a cluster.
    pub async fn cluster_network_update(
        &self,
        caller: &Caller,
        cluster: ClusterId,
        network: NetworkId,
        params: ClusterNetworkParams,
    ) -> Result<Arc<Cluster>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut it = the_cluster(draft, &caller, cluster, network)?;
                if !it.networks.iter().any(|there| there.network == network) {
                    return Err(Error::not_found(network));
                }
                if let Some(usages) = &params.usages {
                    take_single_usages(&mut it, usages);
                }
                let management = it.management_network;
                for there in it
                    .networks
                    .iter_mut()
                    .filter(|there| there.network == network)
                {
                    there.required = params.required.unwrap_or(there.required);
                    if let Some(usages) = &params.usages {
                        there.usages.clone_from(usages);
                        if network == management {
                            there.usages.insert(NetworkUsage::Management);
                        }
                    }
                }
                put_changed(draft, &caller, it, network, "changed in")
            })
            .await
    }

    /// Takes a network from a cluster.
    pub async fn cluster_network_remove(
        &self,
        caller: &Caller,
        cluster: ClusterId,
        network: NetworkId,
    ) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let mut it = the_cluster(draft, &caller, cluster, network)?;
                if it.management_network == network {
                    return Err(Error::conflict(
                        "Cannot detach Network from Cluster. It is the management network.",
                    ));
                }
                let used = draft
                    .vms
                    .iter()
                    .filter(|vm| vm.cluster == cluster)
                    .find(|vm| {
                        vm.nics.iter().any(|nic| {
                            crate::domain::network_of(draft, nic).is_some_and(|it| it.id == network)
                        })
                    });
                if let Some(vm) = used {
                    return Err(Error::conflict(format!(
                        "Cannot detach Network from Cluster. It is used by VM {}.",
                        vm.name
                    )));
                }
                let count = it.networks.len();
                it.networks.retain(|there| there.network != network);
                if it.networks.len() == count {
                    return Err(Error::not_found(network));
                }
                put_changed(draft, &caller, it, network, "detached from").map(|_| ())
            })
            .await
    }
}

fn the_cluster(
    draft: &Draft,
    caller: &Caller,
    cluster: ClusterId,
    network: NetworkId,
) -> Result<Cluster> {
    access::require(draft, caller, Permit::ASSIGN_CLUSTER_NETWORK, cluster)?;
    let it = draft
        .clusters
        .get(&cluster)
        .ok_or_else(|| Error::not_found(cluster))?;
    let network = draft
        .networks
        .get(&network)
        .ok_or_else(|| Error::not_found(network))?;
    if network.data_center != it.data_center {
        return Err(Error::conflict(
            "Cannot attach Network to Cluster. The Network is in another Data Center.",
        ));
    }
    Ok((**it).clone())
}

/// Some uses belong to one network of a cluster at a time.
fn take_single_usages(cluster: &mut Cluster, usages: &std::collections::BTreeSet<NetworkUsage>) {
    for single in [
        NetworkUsage::Display,
        NetworkUsage::Migration,
        NetworkUsage::DefaultRoute,
    ] {
        if usages.contains(&single) {
            for there in &mut cluster.networks {
                there.usages.remove(&single);
            }
        }
    }
}

fn put_changed(
    draft: &mut Draft,
    caller: &Caller,
    cluster: Cluster,
    network: NetworkId,
    verb: &str,
) -> Result<Arc<Cluster>> {
    let name = draft
        .networks
        .get(&network)
        .map(|it| it.name.clone())
        .unwrap_or_default();
    draft.put(cluster.clone())?;
    let event = EventDraft::new(
        code::CLUSTER_NETWORK_UPDATED,
        format!("Network {name} was {verb} Cluster {}.", cluster.name),
    );
    draft.event(event.cluster(cluster.id, draft).by(caller, draft));
    Ok(Arc::new(cluster))
}
