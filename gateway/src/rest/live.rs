//! What the live stream shows of objects, by the mapping that REST uses.

use api::Typed;
use manager::Inventory;
use manager::model::{Event, ObjectId};
use serde_json::Value;

use super::{
    clusters, data_centers, disks, events, hosts, instance_types, jobs, networks, people,
    permissions, roles, snapshots, storage_domains, tags, templates, vm_pools, vms, vnic_profiles,
};

/// The JSON that REST would answer with; a VM and a job have their parts inline.
pub fn resource(
    inventory: &Inventory,
    _caller: &manager::Caller,
    object: ObjectId,
) -> Option<Value> {
    Some(match object {
        ObjectId::Vm(id) => vms::with_parts(inventory, inventory.vms.get(&id)?).to_json(),
        ObjectId::Host(id) => hosts::to_api(inventory, inventory.hosts.get(&id)?).to_json(),
        ObjectId::Cluster(id) => {
            clusters::to_api(inventory, inventory.clusters.get(&id)?).to_json()
        }
        ObjectId::DataCenter(id) => {
            data_centers::to_api(inventory, inventory.data_centers.get(&id)?).to_json()
        }
        ObjectId::StorageDomain(id) => {
            storage_domains::to_api(inventory, inventory.storage_domains.get(&id)?).to_json()
        }
        ObjectId::Disk(id) => disks::to_api(inventory, inventory.disks.get(&id)?).to_json(),
        ObjectId::Template(id) => {
            templates::with_parts(inventory, inventory.templates.get(&id)?).to_json()
        }
        ObjectId::Network(id) => {
            networks::to_api(inventory, inventory.networks.get(&id)?).to_json()
        }
        ObjectId::VnicProfile(id) => {
            vnic_profiles::to_api(inventory, inventory.vnic_profiles.get(&id)?).to_json()
        }
        ObjectId::User(id) => people::to_api(inventory, inventory.users.get(&id)?).to_json(),
        ObjectId::Group(id) => people::group_to_api(inventory.groups.get(&id)?).to_json(),
        ObjectId::Role(id) => roles::to_api(inventory.roles.get(&id)?).to_json(),
        ObjectId::Permission(id) => {
            permissions::to_api_anywhere(inventory.permissions.get(&id)?).to_json()
        }
        ObjectId::Job(id) => jobs::with_steps(inventory.jobs.get(&id)?).to_json(),
        ObjectId::Tag(id) => tags::to_api(inventory.tags.get(&id)?).to_json(),
        ObjectId::InstanceType(id) => {
            instance_types::to_api(inventory.instance_types.get(&id)?).to_json()
        }
        ObjectId::VmPool(id) => vm_pools::to_api(inventory, inventory.vm_pools.get(&id)?).to_json(),
        ObjectId::Snapshot(id) => {
            snapshots::to_api(inventory, inventory.snapshots.get(&id)?).to_json()
        }
        ObjectId::System
        | ObjectId::AffinityGroup(_)
        | ObjectId::AffinityLabel(_)
        | ObjectId::Quota(_)
        | ObjectId::Qos(_)
        | ObjectId::CpuProfile(_)
        | ObjectId::DiskProfile(_)
        | ObjectId::MacPool(_)
        | ObjectId::Bookmark(_)
        | ObjectId::SchedulingPolicy(_)
        | ObjectId::Operation(_)
        | ObjectId::Transfer(_) => return None,
    })
}

/// The JSON of an event, with the names of its user and VM.
pub fn event(inventory: &Inventory, event: &Event) -> Value {
    events::with_names(inventory, event).to_json()
}
