//! Commands: one file for each kind of thing a caller can ask for. Each authorises, validates and
//! changes the inventory in one go; what touches a host goes on as an operation.

mod activity;
mod cdrom;
mod check;
mod cluster;
mod data_center;
mod disk;
mod disk_attach;
mod disk_move;
mod guest;
mod host;
mod instance_type;
mod network;
mod nic;
mod ova;
mod params;
mod permission;
mod policy;
mod pool;
mod settings;
mod snapshot;
mod storage_domain;
mod tag;
mod template;
mod transfer;
mod user;
mod vm_add;
mod vm_adopt;
mod vm_forget;
mod vm_from;
mod vm_refresh;
mod vm_remove;
mod vm_start;
mod vm_stop;
mod vm_update;

pub use instance_type::hardware_of as instance_type_hardware;
pub use ova::{OvaImportParams, OvaSource};
pub use params::*;
pub use policy::*;
pub(crate) use policy::{forget_affinity, pool_of_cluster, to_number};
pub use pool::{PoolCount, pool_count};
pub(crate) use pool::{go_on_removing, holder, start, take_back};
pub use snapshot::{SnapshotAddParams, SnapshotUseParams};
pub use storage_domain::StorageDomainAddParams;
pub(crate) use template::{forget as forget_template, newest_version, stands_on};
pub(crate) use transfer::Transfers;
pub use transfer::{CHECKSUM_BLOCK, ChecksumAlgorithm, Extent, TransferData};
pub(crate) use vm_adopt::{give_back, take};
pub(crate) use vm_forget::forget;
pub(crate) use vm_refresh::{refresh, renew};
pub(crate) use vm_start::start_again;

use crate::caller::Caller;
use crate::inventory::Inventory;
use crate::model::ObjectId;

/// Who asks, as events name them.
fn who(inventory: &Inventory, caller: &Caller) -> String {
    if caller.is_system() {
        return "the manager".to_owned();
    }
    inventory
        .users
        .get(&caller.user)
        .map_or_else(|| caller.user.to_string(), |user| user.user_name.clone())
}

/// The name of an object, or its id where it has none.
fn name_of(inventory: &Inventory, object: ObjectId) -> String {
    let name = match object {
        ObjectId::DataCenter(id) => inventory.data_centers.get(&id).map(|it| it.name.clone()),
        ObjectId::Cluster(id) => inventory.clusters.get(&id).map(|it| it.name.clone()),
        ObjectId::Host(id) => inventory.hosts.get(&id).map(|it| it.name.clone()),
        ObjectId::StorageDomain(id) => inventory.storage_domains.get(&id).map(|it| it.name.clone()),
        ObjectId::Network(id) => inventory.networks.get(&id).map(|it| it.name.clone()),
        ObjectId::VnicProfile(id) => inventory.vnic_profiles.get(&id).map(|it| it.name.clone()),
        ObjectId::Template(id) => inventory.templates.get(&id).map(|it| it.name.clone()),
        ObjectId::Vm(id) => inventory.vms.get(&id).map(|it| it.name.clone()),
        ObjectId::Disk(id) => inventory.disks.get(&id).map(|it| it.name.clone()),
        ObjectId::Snapshot(id) => inventory
            .snapshots
            .get(&id)
            .map(|it| it.description.clone()),
        ObjectId::User(id) => inventory.users.get(&id).map(|it| it.user_name.clone()),
        ObjectId::Group(id) => inventory.groups.get(&id).map(|it| it.name.clone()),
        ObjectId::Role(id) => inventory.roles.get(&id).map(|it| it.name.clone()),
        ObjectId::Tag(id) => inventory.tags.get(&id).map(|it| it.name.clone()),
        ObjectId::InstanceType(id) => inventory.instance_types.get(&id).map(|it| it.name.clone()),
        ObjectId::AffinityGroup(id) => inventory.affinity_groups.get(&id).map(|it| it.name.clone()),
        ObjectId::AffinityLabel(id) => inventory.affinity_labels.get(&id).map(|it| it.name.clone()),
        ObjectId::Quota(id) => inventory.quotas.get(&id).map(|it| it.name.clone()),
        ObjectId::Qos(id) => inventory.qoss.get(&id).map(|it| it.name.clone()),
        ObjectId::CpuProfile(id) => inventory.cpu_profiles.get(&id).map(|it| it.name.clone()),
        ObjectId::DiskProfile(id) => inventory.disk_profiles.get(&id).map(|it| it.name.clone()),
        ObjectId::MacPool(id) => inventory.mac_pools.get(&id).map(|it| it.name.clone()),
        ObjectId::Bookmark(id) => inventory.bookmarks.get(&id).map(|it| it.name.clone()),
        ObjectId::SchedulingPolicy(id) => inventory
            .scheduling_policies
            .get(&id)
            .map(|it| it.name.clone()),
        ObjectId::VmPool(id) => inventory.vm_pools.get(&id).map(|it| it.name.clone()),
        ObjectId::System
        | ObjectId::Permission(_)
        | ObjectId::Job(_)
        | ObjectId::Operation(_)
        | ObjectId::Transfer(_) => None,
    };
    name.unwrap_or_else(|| object.uuid().to_string())
}

/// An object's kind and name, as events say it.
fn described(inventory: &Inventory, object: ObjectId) -> String {
    if object == ObjectId::System {
        return "System".to_owned();
    }
    format!(
        "{} {}",
        object.kind().replace('_', " "),
        name_of(inventory, object)
    )
}
