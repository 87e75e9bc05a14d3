//! Data centers.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    DataCenter, DataCenterId, DataCenterStatus, Network, NetworkId, ObjectId, Permit, QuotaMode,
    Version, VnicPassThroughMode, VnicProfile, VnicProfileId,
};
use crate::rules;
use crate::seed;

use super::check;
use super::params::{DataCenterAddParams, DataCenterUpdateParams};

fn name_free(inventory: &Inventory, name: &str, except: Option<DataCenterId>) -> Result<()> {
    if inventory
        .data_centers
        .iter()
        .any(|it| it.name == name && Some(it.id) != except)
    {
        return Err(Error::conflict(
            "Cannot create Data Center. The Data Center name is already in use.",
        ));
    }
    Ok(())
}

/// The only level that is run here.
pub(super) fn check_version(version: Option<Version>) -> Result<()> {
    match version {
        Some(version)
            if version.major != seed::VERSION.major || version.minor > seed::VERSION.minor =>
        {
            Err(Error::conflict(format!(
                "The Compatibility Version {version} is not supported; the highest is {}.",
                seed::VERSION
            )))
        }
        _ => Ok(()),
    }
}

impl Manager {
    /// Makes a data center, with the management network that clusters in it need.
    pub async fn data_center_add(
        &self,
        caller: &Caller,
        params: DataCenterAddParams,
    ) -> Result<Arc<DataCenter>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(
                    draft,
                    &caller,
                    Permit::CREATE_STORAGE_POOL,
                    ObjectId::System,
                )?;
                check::short_name(&params.name)?;
                check::text("description", &params.description)?;
                check::text("comment", &params.comment)?;
                check_version(params.version)?;
                name_free(draft, &params.name, None)?;
                let data_center = DataCenter {
                    id: DataCenterId::random(),
                    name: params.name,
                    description: params.description,
                    comment: params.comment,
                    local: params.local,
                    status: DataCenterStatus::Uninitialized,
                    version: params.version.unwrap_or(seed::VERSION),
                    quota_mode: params.quota_mode.unwrap_or(QuotaMode::Disabled),
                    mac_pool: seed::MAC_POOL,
                };
                draft.put(data_center.clone())?;
                let network = Network {
                    id: NetworkId::random(),
                    name: seed::MANAGEMENT_NETWORK.to_owned(),
                    description: "Management Network".to_owned(),
                    comment: String::new(),
                    data_center: data_center.id,
                    vlan: None,
                    mtu: 0,
                    vm_network: true,
                    stp: false,
                    port_isolation: false,
                    vdsm_name: seed::MANAGEMENT_NETWORK.to_owned(),
                    label: None,
                    name_servers: Vec::new(),
                    qos: None,
                };
                draft.put(VnicProfile {
                    id: VnicProfileId::random(),
                    name: network.name.clone(),
                    description: String::new(),
                    comment: String::new(),
                    network: network.id,
                    port_mirroring: false,
                    pass_through: VnicPassThroughMode::Disabled,
                    migratable: true,
                    network_filter: None,
                    custom_properties: Vec::new(),
                    qos: None,
                })?;
                draft.put(network)?;
                seed::policies(draft)?;
                let event = EventDraft::new(
                    code::DATA_CENTER_ADDED,
                    format!("Data Center {} was added.", data_center.name),
                );
                draft.event(event.data_center(data_center.id).by(&caller, draft));
                Ok(Arc::new(data_center))
            })
            .await
    }

    /// Changes a data center.
    pub async fn data_center_update(
        &self,
        caller: &Caller,
        id: DataCenterId,
        params: DataCenterUpdateParams,
    ) -> Result<Arc<DataCenter>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::EDIT_STORAGE_POOL_CONFIGURATION, id)?;
                let old = draft
                    .data_centers
                    .get(&id)
                    .ok_or_else(|| Error::not_found(id))?;
                let mut it = (**old).clone();
                if let Some(name) = params.name {
                    check::short_name(&name)?;
                    name_free(draft, &name, Some(id))?;
                    it.name = name;
                }
                check::set_text("description", &mut it.description, params.description)?;
                check::set_text("comment", &mut it.comment, params.comment)?;
                check_version(params.version)?;
                it.version = params.version.unwrap_or(it.version);
                it.quota_mode = params.quota_mode.unwrap_or(it.quota_mode);
                it.local = params.local.unwrap_or(it.local);
                draft.put(it.clone())?;
                let event = EventDraft::new(
                    code::DATA_CENTER_UPDATED,
                    format!("Data Center {} was updated.", it.name),
                );
                draft.event(event.data_center(id).by(&caller, draft));
                Ok(Arc::new(it))
            })
            .await
    }

    /// Removes a data center without storage, hosts and VMs, and with it its clusters and
    /// networks.
    pub async fn data_center_remove(&self, caller: &Caller, id: DataCenterId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::DELETE_STORAGE_POOL, id)?;
                let it = draft
                    .data_centers
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                rules::data_center_delete(draft, id).map_err(Error::conflict)?;
                let clusters: Vec<_> = draft
                    .clusters
                    .iter()
                    .filter(|cluster| cluster.data_center == id)
                    .map(|cluster| cluster.id)
                    .collect();
                let networks: Vec<_> = draft
                    .networks
                    .iter()
                    .filter(|network| network.data_center == id)
                    .map(|network| network.id)
                    .collect();
                let profiles: Vec<_> = draft
                    .vnic_profiles
                    .iter()
                    .filter(|profile| networks.contains(&profile.network))
                    .map(|profile| profile.id)
                    .collect();
                let inside: Vec<ObjectId> = draft
                    .quotas
                    .iter()
                    .filter(|it| it.data_center == id)
                    .map(|it| it.id.into())
                    .chain(
                        draft
                            .qoss
                            .iter()
                            .filter(|it| it.data_center == id)
                            .map(|it| it.id.into()),
                    )
                    .collect();
                inside.into_iter().for_each(|it| draft.remove(it));
                for cluster in &clusters {
                    super::cluster::forget(draft, *cluster);
                }
                clusters.into_iter().for_each(|it| draft.remove(it));
                profiles.into_iter().for_each(|it| draft.remove(it));
                networks.into_iter().for_each(|it| draft.remove(it));
                draft.remove(id);
                let event = EventDraft::new(
                    code::DATA_CENTER_REMOVED,
                    format!("Data Center {} was removed.", it.name),
                );
                draft.event(event.by(&caller, draft));
                Ok(())
            })
            .await
    }
}
