//! MAC address pools.

use std::sync::Arc;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::inventory::Inventory;
use crate::model::{ClusterId, Mac, MacPool, MacPoolId, MacRange, ObjectId, Permit};
use crate::seed;
use crate::writer::Draft;

/// Ranges that a pool may have.
const MOST_RANGES: usize = 256;
/// Addresses that a pool may have: half of all.
const MOST_ADDRESSES: u64 = 1 << 47;

/// What is said of a pool.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::MacPool`.
pub struct MacPoolParams {
    pub name: Option<String>,
    pub description: Option<String>,
    pub allow_duplicates: Option<bool>,
    pub ranges: Option<Vec<MacRange>>,
}

/// An address as a number.
pub(crate) fn to_number(mac: Mac) -> u64 {
    mac.0
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The pool that new interfaces of a cluster's VMs have their addresses from.
pub(crate) fn pool_of_cluster(inventory: &Inventory, cluster: ClusterId) -> Option<&Arc<MacPool>> {
    let own = inventory.clusters.get(&cluster).map(|it| it.mac_pool);
    own.and_then(|id| inventory.mac_pools.get(&id))
        .or_else(|| inventory.mac_pools.get(&seed::MAC_POOL))
}

fn put_into(draft: &Draft, params: MacPoolParams, it: &mut MacPool) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.mac_pools.iter().filter(|other| other.id != it.id);
        name_free(others.map(|other| other.name.as_str()), &name, "MAC Pool")?;
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    it.allow_duplicates = params.allow_duplicates.unwrap_or(it.allow_duplicates);
    if let Some(ranges) = params.ranges {
        it.ranges = ranges;
    }
    if it.name.is_empty() || it.ranges.is_empty() {
        return Err(Error::invalid(
            "ranges",
            "MacPool [name, ranges] required for add",
        ));
    }
    if it.ranges.len() > MOST_RANGES {
        return Err(Error::conflict(
            "Cannot save MAC Pool. It has too many ranges.",
        ));
    }
    let mut all: u64 = 0;
    for range in &it.ranges {
        let (from, to) = (to_number(range.from), to_number(range.to));
        let single = |mac: Mac| mac.0[0] & 1 == 0;
        if from > to || !single(range.from) || !single(range.to) || from == 0 {
            return Err(Error::invalid(
                "ranges",
                format!(
                    "The MAC range {}-{} is not one of single interfaces, from the lower address to the higher.",
                    range.from, range.to
                ),
            ));
        }
        all = all.saturating_add(to - from + 1);
    }
    if all > MOST_ADDRESSES {
        return Err(Error::conflict(
            "Cannot save MAC Pool. Its ranges are too large.",
        ));
    }
    Ok(())
}

impl Manager {
    /// Makes a pool.
    pub async fn mac_pool_add(
        &self,
        caller: &Caller,
        params: MacPoolParams,
    ) -> Result<Arc<MacPool>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::CREATE_MAC_POOL, ObjectId::System)?;
            let mut it = MacPool {
                id: MacPoolId::random(),
                name: String::new(),
                description: String::new(),
                default: false,
                allow_duplicates: false,
                ranges: Vec::new(),
            };
            put_into(draft, params, &mut it)?;
            save(draft, caller, it, code::MAC_POOL_ADDED, "added")
        })
        .await
    }

    /// Changes a pool. Interfaces keep the addresses they have.
    pub async fn mac_pool_update(
        &self,
        caller: &Caller,
        id: MacPoolId,
        params: MacPoolParams,
    ) -> Result<Arc<MacPool>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::EDIT_MAC_POOL, id)?;
            let it = draft
                .mac_pools
                .get(&id)
                .ok_or_else(|| Error::not_found(id))?;
            let mut it = (**it).clone();
            put_into(draft, params, &mut it)?;
            save(draft, caller, it, code::MAC_POOL_UPDATED, "updated")
        })
        .await
    }

    /// Removes a pool that no cluster has.
    pub async fn mac_pool_remove(&self, caller: &Caller, id: MacPoolId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::DELETE_MAC_POOL, id)?;
            let it = draft.mac_pools.get(&id).cloned();
            let it = it.ok_or_else(|| Error::not_found(id))?;
            if it.default {
                return Err(Error::conflict("Cannot remove default MAC Pool."));
            }
            if let Some(cluster) = draft.clusters.iter().find(|cluster| cluster.mac_pool == id) {
                return Err(Error::conflict(format!(
                    "Cannot remove MAC Pool. It is used by Cluster {}.",
                    cluster.name
                )));
            }
            draft.remove(id);
            let text = format!("MAC Pool {} was removed.", it.name);
            log(draft, caller, code::MAC_POOL_REMOVED, text, None);
            Ok(())
        })
        .await
    }
}

fn save(
    draft: &mut Draft,
    caller: &Caller,
    it: MacPool,
    code: u32,
    verb: &str,
) -> Result<Arc<MacPool>> {
    draft.put(it.clone())?;
    let text = format!("MAC Pool {} was {verb}.", it.name);
    log(draft, caller, code, text, None);
    Ok(Arc::new(it))
}
