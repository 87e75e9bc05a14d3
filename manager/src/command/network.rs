//! Logical networks and vNIC profiles.

use std::sync::Arc;

use crate::Manager;
use crate::access::{self, EVERYONE};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    DataCenterId, Network, NetworkFilterId, NetworkId, Permission, PermissionId, Permit, QosId,
    QosType, RoleId, Subject, VnicPassThroughMode, VnicProfile, VnicProfileId,
};
use crate::rules;
use crate::seed;
use crate::writer::Draft;

use super::check;
use super::params::{
    NetworkAddParams, NetworkUpdateParams, VnicProfileAddParams, VnicProfileUpdateParams,
};

/// VnicProfileUser
const VNIC_PROFILE_USER: RoleId = RoleId(uuid::Uuid::from_u128(
    0xdef0000a_0000_0000_0000_def000000010,
));
/// Longest name of a network device.
const LONGEST_DEVICE_NAME: usize = 15;

fn name_free(
    inventory: &Inventory,
    name: &str,
    data_center: DataCenterId,
    except: Option<NetworkId>,
) -> Result<()> {
    let taken = inventory
        .networks
        .iter()
        .any(|it| it.name == name && it.data_center == data_center && Some(it.id) != except);
    if taken {
        return Err(Error::conflict(
            "Cannot add Network. The following Logical Network name is already in use: it exists in the Data Center.",
        ));
    }
    Ok(())
}

fn check_vlan(
    inventory: &Inventory,
    vlan: Option<u16>,
    data_center: DataCenterId,
    except: Option<NetworkId>,
) -> Result<()> {
    let Some(vlan) = vlan else { return Ok(()) };
    if vlan > 4094 {
        return Err(Error::invalid(
            "vlan.id",
            "VLAN ID must be a number between 0 and 4094.",
        ));
    }
    let taken = inventory
        .networks
        .iter()
        .any(|it| it.vlan == Some(vlan) && it.data_center == data_center && Some(it.id) != except);
    if taken {
        return Err(Error::conflict(format!(
            "Cannot add Network. VLAN ID {vlan} is already in use in the Data Center."
        )));
    }
    Ok(())
}

fn check_mtu(mtu: Option<u32>) -> Result<()> {
    match mtu {
        Some(mtu) if mtu != 0 && !(68..=65_535).contains(&mtu) => Err(Error::invalid(
            "mtu",
            "MTU must be 0 or between 68 and 65535.",
        )),
        _ => Ok(()),
    }
}

/// A QoS of the right kind and data center.
fn check_qos(
    inventory: &Inventory,
    qos: Option<QosId>,
    kind: QosType,
    data_center: DataCenterId,
) -> Result<()> {
    let Some(id) = qos else { return Ok(()) };
    let it = inventory
        .qoss
        .get(&id)
        .ok_or_else(|| Error::not_found(id))?;
    if it.kind != kind || it.data_center != data_center {
        return Err(Error::conflict(format!(
            "Cannot edit Network. QoS {} is not one of kind {kind} of the same Data Center.",
            it.name
        )));
    }
    Ok(())
}

fn check_servers(servers: &[String]) -> Result<()> {
    let fine = |server: &String| server.parse::<std::net::IpAddr>().is_ok();
    if servers.len() > 8 || !servers.iter().all(fine) {
        return Err(Error::invalid(
            "dns_resolver_configuration.name_servers",
            "Name servers are at most eight IP addresses.",
        ));
    }
    Ok(())
}

/// Name of a network's device on hosts: its own where that fits, else one made from its id.
fn device_name(name: &str, id: NetworkId) -> String {
    let fits = name.len() <= LONGEST_DEVICE_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if fits {
        name.to_owned()
    } else {
        format!("on{}", &id.0.simple().to_string()[..13])
    }
}

impl Manager {
    /// Makes a logical network.
    pub async fn network_add(
        &self,
        caller: &Caller,
        params: NetworkAddParams,
    ) -> Result<Arc<Network>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(
                    draft,
                    &caller,
                    Permit::CREATE_STORAGE_POOL_NETWORK,
                    params.data_center,
                )?;
                check::vm_name(&params.name)?;
                check::text("description", &params.description)?;
                check::text("comment", &params.comment)?;
                check_mtu(params.mtu)?;
                name_free(draft, &params.name, params.data_center, None)?;
                check_vlan(draft, params.vlan, params.data_center, None)?;
                check_servers(&params.name_servers)?;
                check_qos(draft, params.qos, QosType::Hostnetwork, params.data_center)?;
                let id = NetworkId::random();
                let network = Network {
                    id,
                    vdsm_name: device_name(&params.name, id),
                    name: params.name,
                    description: params.description,
                    comment: params.comment,
                    data_center: params.data_center,
                    vlan: params.vlan,
                    mtu: params.mtu.unwrap_or(0),
                    vm_network: params.vm_network,
                    stp: params.stp,
                    port_isolation: params.port_isolation,
                    label: None,
                    name_servers: params.name_servers,
                    qos: params.qos,
                };
                draft.put(network.clone())?;
                if params.with_profile && network.vm_network {
                    let profile = VnicProfile {
                        id: VnicProfileId::random(),
                        name: network.name.clone(),
                        description: String::new(),
                        comment: String::new(),
                        network: id,
                        port_mirroring: false,
                        pass_through: VnicPassThroughMode::Disabled,
                        migratable: true,
                        network_filter: default_filter(),
                        custom_properties: Vec::new(),
                        qos: None,
                    };
                    draft.put(profile)?;
                }
                let event = EventDraft::new(
                    code::NETWORK_ADDED,
                    format!("Network {} was added to Data Center.", network.name),
                );
                draft.event(event.data_center(network.data_center).by(&caller, draft));
                Ok(Arc::new(network))
            })
            .await
    }

    /// Changes a logical network.
    pub async fn network_update(
        &self,
        caller: &Caller,
        id: NetworkId,
        params: NetworkUpdateParams,
    ) -> Result<Arc<Network>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::CONFIGURE_STORAGE_POOL_NETWORK, id)?;
                let old = draft
                    .networks
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                let mut it = (*old).clone();
                if let Some(name) = params.name.filter(|name| *name != it.name) {
                    if it.name == seed::MANAGEMENT_NETWORK {
                        return Err(Error::conflict(
                            "Cannot edit Network. The management network cannot be renamed.",
                        ));
                    }
                    check::vm_name(&name)?;
                    name_free(draft, &name, it.data_center, Some(id))?;
                    it.name = name;
                }
                check::set_text("description", &mut it.description, params.description)?;
                check::set_text("comment", &mut it.comment, params.comment)?;
                if let Some(vlan) = params.vlan {
                    check_vlan(draft, vlan, it.data_center, Some(id))?;
                    it.vlan = vlan;
                }
                check_mtu(params.mtu)?;
                it.mtu = params.mtu.unwrap_or(it.mtu);
                if params.vm_network == Some(false) && it.vm_network {
                    rules::network_delete(draft, id).map_err(|reason| {
                        Error::conflict(reason.replace("remove Network", "edit Network"))
                    })?;
                }
                it.vm_network = params.vm_network.unwrap_or(it.vm_network);
                it.stp = params.stp.unwrap_or(it.stp);
                it.port_isolation = params.port_isolation.unwrap_or(it.port_isolation);
                if let Some(servers) = params.name_servers {
                    check_servers(&servers)?;
                    it.name_servers = servers;
                }
                it.qos = params.qos.unwrap_or(it.qos);
                check_qos(draft, it.qos, QosType::Hostnetwork, it.data_center)?;
                draft.put(it.clone())?;
                let event = EventDraft::new(
                    code::NETWORK_UPDATED,
                    format!("Network {} was updated.", it.name),
                );
                draft.event(event.data_center(it.data_center).by(&caller, draft));
                Ok(Arc::new(it))
            })
            .await
    }

    /// Gives a network its label, or takes it away.
    pub async fn network_label(
        &self,
        caller: &Caller,
        id: NetworkId,
        label: Option<String>,
    ) -> Result<Arc<Network>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::CONFIGURE_STORAGE_POOL_NETWORK, id)?;
            let old = draft
                .networks
                .get(&id)
                .ok_or_else(|| Error::not_found(id))?;
            let mut it = (**old).clone();
            if let Some(label) = &label {
                check::short_name(label)?;
                if it.label.is_some() {
                    return Err(Error::conflict(
                        "Cannot label Network. The Network is already labeled.",
                    ));
                }
            } else if it.label.is_none() {
                return Err(Error::not_found("label"));
            }
            it.label = label;
            draft.put(it.clone())?;
            let event = EventDraft::new(
                code::NETWORK_UPDATED,
                format!("Network {} was updated.", it.name),
            );
            draft.event(event.data_center(it.data_center).by(caller, draft));
            Ok(Arc::new(it))
        })
        .await
    }

    /// Removes a logical network with its profiles, from its clusters as well.
    pub async fn network_remove(&self, caller: &Caller, id: NetworkId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::DELETE_STORAGE_POOL_NETWORK, id)?;
                let it = draft
                    .networks
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                rules::network_delete(draft, id).map_err(Error::conflict)?;
                let profiles: Vec<_> = draft
                    .vnic_profiles
                    .iter()
                    .filter(|profile| profile.network == id)
                    .map(|profile| profile.id)
                    .collect();
                profiles.into_iter().for_each(|it| draft.remove(it));
                let clusters: Vec<_> = draft
                    .clusters
                    .iter()
                    .filter(|it| it.networks.iter().any(|there| there.network == id))
                    .cloned()
                    .collect();
                for cluster in clusters {
                    let mut cluster = (*cluster).clone();
                    cluster.networks.retain(|there| there.network != id);
                    draft.put(cluster)?;
                }
                draft.remove(id);
                let event = EventDraft::new(
                    code::NETWORK_REMOVED,
                    format!("Network {} was removed.", it.name),
                );
                draft.event(event.data_center(it.data_center).by(&caller, draft));
                Ok(())
            })
            .await
    }

    /// Makes a vNIC profile.
    pub async fn vnic_profile_add(
        &self,
        caller: &Caller,
        params: VnicProfileAddParams,
    ) -> Result<Arc<VnicProfile>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(
                    draft,
                    &caller,
                    Permit::CREATE_NETWORK_VNIC_PROFILE,
                    params.network,
                )?;
                check::vm_name(&params.name)?;
                profile_name_free(draft, &params.name, params.network, None)?;
                check::text("description", &params.description)?;
                check::text("comment", &params.comment)?;
                let network = draft
                    .networks
                    .get(&params.network)
                    .cloned()
                    .ok_or_else(|| Error::not_found(params.network))?;
                if !network.vm_network {
                    return Err(Error::conflict(
                        "Cannot add VM network interface profile. The Network is not a VM network.",
                    ));
                }
                check_profile(
                    params.pass_through,
                    params.network_filter,
                    &params.custom_properties,
                )?;
                check_qos(draft, params.qos, QosType::Network, network.data_center)?;
                let profile = VnicProfile {
                    id: VnicProfileId::random(),
                    name: params.name,
                    description: params.description,
                    comment: params.comment,
                    network: params.network,
                    port_mirroring: params.port_mirroring,
                    pass_through: params.pass_through.unwrap_or(VnicPassThroughMode::Disabled),
                    migratable: params.migratable.unwrap_or(true),
                    network_filter: params.network_filter.or_else(default_filter),
                    custom_properties: params.custom_properties,
                    qos: params.qos,
                };
                draft.put(profile.clone())?;
                log_profile(draft, &caller, &profile, code::VNIC_PROFILE_ADDED, "added");
                Ok(Arc::new(profile))
            })
            .await
    }

    /// Changes a vNIC profile.
    pub async fn vnic_profile_update(
        &self,
        caller: &Caller,
        id: VnicProfileId,
        params: VnicProfileUpdateParams,
    ) -> Result<Arc<VnicProfile>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::CONFIGURE_NETWORK_VNIC_PROFILE, id)?;
                let old = draft
                    .vnic_profiles
                    .get(&id)
                    .ok_or_else(|| Error::not_found(id))?;
                let mut it = (**old).clone();
                if let Some(name) = params.name {
                    check::vm_name(&name)?;
                    profile_name_free(draft, &name, it.network, Some(id))?;
                    it.name = name;
                }
                check::set_text("description", &mut it.description, params.description)?;
                check::set_text("comment", &mut it.comment, params.comment)?;
                let filter = params.network_filter.unwrap_or(it.network_filter);
                let properties = params.custom_properties.unwrap_or_default();
                check_profile(params.pass_through, filter, &properties)?;
                it.network_filter = filter;
                it.qos = params.qos.unwrap_or(it.qos);
                if let Some(network) = draft.networks.get(&it.network) {
                    check_qos(draft, it.qos, QosType::Network, network.data_center)?;
                }
                it.port_mirroring = params.port_mirroring.unwrap_or(it.port_mirroring);
                it.pass_through = params.pass_through.unwrap_or(it.pass_through);
                it.migratable = params.migratable.unwrap_or(it.migratable);
                draft.put(it.clone())?;
                log_profile(draft, &caller, &it, code::VNIC_PROFILE_UPDATED, "updated");
                Ok(Arc::new(it))
            })
            .await
    }

    /// Removes a vNIC profile that nothing uses.
    pub async fn vnic_profile_remove(&self, caller: &Caller, id: VnicProfileId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::DELETE_NETWORK_VNIC_PROFILE, id)?;
                let it = draft
                    .vnic_profiles
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                rules::vnic_profile_delete(draft, id).map_err(Error::conflict)?;
                draft.remove(id);
                log_profile(draft, &caller, &it, code::VNIC_PROFILE_REMOVED, "removed");
                Ok(())
            })
            .await
    }

    /// Lets every user use a vNIC profile (oVirt's "allow all users to use this profile").
    pub async fn vnic_profile_share(&self, caller: &Caller, id: VnicProfileId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let role = draft
                    .roles
                    .get(&VNIC_PROFILE_USER)
                    .cloned()
                    .ok_or_else(|| Error::not_found("VnicProfileUser"))?;
                access::require_grant(draft, &caller, &role, id.into())?;
                draft.put(Permission {
                    id: PermissionId::random(),
                    role: role.id,
                    subject: Subject::Group(EVERYONE),
                    object: id.into(),
                })
            })
            .await
    }
}

fn default_filter() -> Option<NetworkFilterId> {
    seed::network_filters()
        .find(|(_, name)| *name == "vdsm-no-mac-spoofing")
        .map(|(id, _)| id)
}

fn check_profile(
    pass_through: Option<VnicPassThroughMode>,
    filter: Option<NetworkFilterId>,
    properties: &[(String, String)],
) -> Result<()> {
    if pass_through == Some(VnicPassThroughMode::Enabled) {
        return Err(Error::conflict(
            "Cannot add VM network interface profile. Hosts here give no devices of theirs to VMs.",
        ));
    }
    if filter.is_some_and(|filter| !seed::network_filters().any(|(id, _)| id == filter)) {
        return Err(Error::invalid(
            "network_filter",
            "There is no such network filter.",
        ));
    }
    if let Some((key, _)) = properties.first() {
        return Err(Error::conflict(format!(
            "Some of the specified custom properties are not configured by the system. The keys are: {}.",
            key.chars().take(64).collect::<String>()
        )));
    }
    Ok(())
}

fn profile_name_free(
    inventory: &Inventory,
    name: &str,
    network: NetworkId,
    except: Option<VnicProfileId>,
) -> Result<()> {
    let taken = inventory
        .vnic_profiles
        .iter()
        .any(|it| it.name == name && it.network == network && Some(it.id) != except);
    if taken {
        return Err(Error::conflict(
            "Cannot add VM network interface profile. The VM network interface profile's name is already used by an existing profile for the same network.",
        ));
    }
    Ok(())
}

fn log_profile(draft: &mut Draft, caller: &Caller, profile: &VnicProfile, code: u32, verb: &str) {
    let data_center = draft
        .networks
        .get(&profile.network)
        .map(|network| network.data_center);
    let mut event = EventDraft::new(
        code,
        format!("VM network interface profile {} was {verb}.", profile.name),
    );
    if let Some(data_center) = data_center {
        event = event.data_center(data_center);
    }
    draft.event(event.by(caller, draft));
}
