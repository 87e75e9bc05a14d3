//! What the fields of an object hold, as a query names them.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::evaluate::Value;
use super::field::Collection;
use crate::inventory::Inventory;
use crate::model::{
    Cluster, DataCenter, Disk, Event, Group, Host, HostStatus, InstanceType, Job, Network, Nic,
    ObjectId, StorageDomain, Template, User, Vm, VmPool, VmStatus, VnicProfile,
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// An object that can be asked.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Item<'a> {
    Cluster(&'a Cluster),
    DataCenter(&'a DataCenter),
    Disk(&'a Disk),
    Event(&'a Event),
    Group(&'a Group),
    Host(&'a Host),
    InstanceType(&'a InstanceType),
    Job(&'a Job),
    Network(&'a Network),
    Nic(&'a Nic),
    StorageDomain(&'a StorageDomain),
    Template(&'a Template),
    User(&'a User),
    Vm(&'a Vm),
    VmPool(&'a VmPool),
    VnicProfile(&'a VnicProfile),
}

fn text(value: impl Into<String>) -> Vec<Value> {
    vec![Value::Text(value.into())]
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<Value> {
    values
        .into_iter()
        .map(|value| Value::Text(value.to_string()))
        .collect()
}

/// A status's word, with and without the underscores that some clients leave out.
fn word(word: &str) -> Vec<Value> {
    let plain = word.replace('_', "");
    if plain == word {
        text(word)
    } else {
        texts([word, &plain])
    }
}

#[allow(clippy::cast_precision_loss)] // Sizes are compared as people write them.
fn amount(value: u64, unit: u64) -> Vec<Value> {
    vec![Value::Number(value as f64 / unit as f64)]
}

fn count(value: usize) -> Vec<Value> {
    amount(value as u64, 1)
}

fn decimal(value: Option<f64>) -> Vec<Value> {
    value.map(Value::Number).into_iter().collect()
}

fn id(value: Uuid) -> Vec<Value> {
    text(value.to_string())
}

fn name_of<'a, K, V>(
    map: &'a crate::map::Map<K, V>,
    key: Option<K>,
    name: impl Fn(&'a V) -> &'a str,
) -> Vec<Value>
where
    K: Ord + std::hash::Hash + Clone,
{
    key.and_then(|key| map.get(&key))
        .map(|it| text(name(it)))
        .unwrap_or_default()
}

impl<'a> Item<'a> {
    pub(super) fn collection(self) -> Collection {
        match self {
            Self::Cluster(_) => Collection::Cluster,
            Self::DataCenter(_) => Collection::DataCenter,
            Self::Disk(_) => Collection::Disk,
            Self::Event(_) => Collection::Event,
            Self::Group(_) => Collection::Group,
            Self::Host(_) => Collection::Host,
            Self::InstanceType(_) => Collection::InstanceType,
            Self::Job(_) => Collection::Job,
            Self::Network(_) => Collection::Network,
            Self::Nic(_) => Collection::Nic,
            Self::StorageDomain(_) => Collection::StorageDomain,
            Self::Template(_) => Collection::Template,
            Self::User(_) => Collection::User,
            Self::Vm(_) => Collection::Vm,
            Self::VmPool(_) => Collection::VmPool,
            Self::VnicProfile(_) => Collection::VnicProfile,
        }
    }

    pub(super) fn object(self) -> Option<ObjectId> {
        Some(match self {
            Self::Cluster(it) => it.id.into(),
            Self::DataCenter(it) => it.id.into(),
            Self::Disk(it) => it.id.into(),
            Self::Group(it) => it.id.into(),
            Self::Host(it) => it.id.into(),
            Self::InstanceType(it) => it.id.into(),
            Self::Job(it) => it.id.into(),
            Self::Network(it) => it.id.into(),
            Self::StorageDomain(it) => it.id.into(),
            Self::Template(it) => it.id.into(),
            Self::User(it) => it.id.into(),
            Self::Vm(it) => it.id.into(),
            Self::VmPool(it) => it.id.into(),
            Self::VnicProfile(it) => it.id.into(),
            Self::Event(_) | Self::Nic(_) => return None,
        })
    }

    /// What it is listed by.
    pub(super) fn name(self) -> String {
        match self {
            Self::Cluster(it) => &it.name,
            Self::DataCenter(it) => &it.name,
            Self::Disk(it) => &it.name,
            Self::Event(it) => &it.description,
            Self::Group(it) => &it.name,
            Self::Host(it) => &it.name,
            Self::InstanceType(it) => &it.name,
            Self::Job(it) => &it.description,
            Self::Network(it) => &it.name,
            Self::Nic(it) => &it.name,
            Self::StorageDomain(it) => &it.name,
            Self::Template(it) => &it.name,
            Self::User(it) => &it.user_name,
            Self::Vm(it) => &it.name,
            Self::VmPool(it) => &it.name,
            Self::VnicProfile(it) => &it.name,
        }
        .clone()
    }

    /// The texts that a free text is looked for in.
    pub(super) fn texts(self) -> Vec<&'a str> {
        match self {
            Self::Cluster(it) => vec![&it.name, &it.description, &it.comment],
            Self::DataCenter(it) => vec![&it.name, &it.description, &it.comment],
            Self::Disk(it) => vec![&it.name, &it.description],
            Self::Event(it) => vec![&it.description],
            Self::Group(it) => vec![&it.name],
            Self::Host(it) => vec![&it.name, &it.address, &it.comment, it.status.as_str()],
            Self::InstanceType(it) => vec![&it.name, &it.description],
            Self::Job(it) => vec![&it.description],
            Self::Network(it) => vec![&it.name, &it.description, &it.comment],
            Self::Nic(it) => vec![&it.name],
            Self::StorageDomain(it) => vec![&it.name, &it.description, &it.comment],
            Self::Template(it) => vec![&it.name, &it.description, &it.comment],
            Self::User(it) => vec![&it.name, &it.last_name, &it.user_name, &it.department],
            Self::Vm(it) => {
                vec![
                    &it.name,
                    &it.description,
                    &it.comment,
                    it.run.status.as_str(),
                    &it.hardware.os_type,
                ]
            }
            Self::VmPool(it) => vec![&it.name, &it.description, &it.comment],
            Self::VnicProfile(it) => vec![&it.name, &it.description, &it.comment],
        }
    }

    /// What a field holds; nothing where the model has nothing to say.
    pub(super) fn values(self, inventory: &Inventory, field: &str) -> Vec<Value> {
        if matches!(field, "name" | "id") && !matches!(self, Self::User(_) | Self::Event(_)) {
            return if field == "name" {
                text(self.name())
            } else {
                self.object()
                    .map(|object| id(object.uuid()))
                    .unwrap_or_default()
            };
        }
        match self {
            Self::Cluster(it) => cluster(it, field),
            Self::DataCenter(it) => data_center(it, field),
            Self::Disk(it) => disk(inventory, it, field),
            Self::Event(it) => event(inventory, it, field),
            Self::Group(it) => {
                if field == "grpname" {
                    text(&*it.name)
                } else {
                    Vec::new()
                }
            }
            Self::Host(it) => host(inventory, it, field),
            Self::InstanceType(it) => instance_type(it, field),
            Self::Job(it) => match field {
                "correlation_id" => texts(&it.correlation_id),
                _ => Vec::new(),
            },
            Self::Network(it) => network(inventory, it, field),
            Self::Nic(it) => nic(inventory, it, field),
            Self::StorageDomain(it) => storage_domain(inventory, it, field),
            Self::Template(it) => template(inventory, it, field),
            Self::User(it) => user(inventory, it, field),
            Self::Vm(it) => vm(inventory, it, field),
            Self::VmPool(it) => vm_pool(inventory, it, field),
            Self::VnicProfile(it) => vnic_profile(inventory, it, field),
        }
    }
}

fn tags(inventory: &Inventory, tags: &BTreeSet<crate::model::TagId>) -> Vec<Value> {
    // A tag's ancestors hold what it holds.
    let mut names = BTreeSet::new();
    for tag in tags {
        let mut next = Some(*tag);
        while let Some(tag) = next.and_then(|id| inventory.tags.get(&id)) {
            if !names.insert(tag.name.clone()) {
                break;
            }
            next = tag.parent;
        }
    }
    texts(names)
}

fn data_center_name(inventory: &Inventory, cluster: crate::model::ClusterId) -> Vec<Value> {
    let id = inventory.data_center_of_cluster(cluster);
    name_of(&inventory.data_centers, id, |it| &it.name)
}

fn vm(inventory: &Inventory, it: &Vm, field: &str) -> Vec<Value> {
    let statistics = inventory.vm_statistics.get(&it.id);
    match field {
        "comment" => text(&*it.comment),
        "description" => text(&*it.description),
        "status" => word(it.run.status.as_str()),
        "on_host" => name_of(&inventory.hosts, it.run.host, |it| &it.name),
        "uptime" => statistics
            .map(|it| amount(it.uptime_seconds, 1))
            .unwrap_or_default(),
        "os" => text(&*it.hardware.os_type),
        "creationdate" => vec![Value::Time(it.creation_time)],
        "cpu_usage" => decimal(statistics.and_then(|it| it.cpu_percent)),
        "mem_usage" => decimal(
            statistics
                .and_then(|statistics| statistics.memory_bytes)
                .map(|used| percent(used, it.hardware.memory)),
        ),
        "memory" => amount(it.hardware.memory, MIB),
        "guaranteed_memory" => amount(it.hardware.memory_guaranteed, MIB),
        "cluster" => name_of(&inventory.clusters, Some(it.cluster), |it| &it.name),
        "pool" => name_of(&inventory.vm_pools, it.pool, |it| &it.name),
        "datacenter" => data_center_name(inventory, it.cluster),
        "tag" => tags(inventory, &it.tags),
        "type" => text(it.hardware.vm_type.as_str()),
        "architecture" => text("x86_64"),
        "custom_emulated_machine" => texts(&it.hardware.custom_emulated_machine),
        "custom_cpu_type" => texts(&it.hardware.custom_cpu_model),
        "compatibility_level" => {
            let own = it.hardware.custom_compatibility_version;
            let cluster = inventory.clusters.get(&it.cluster).map(|it| it.version);
            texts(own.or(cluster))
        }
        "custom_compatibility_level" => texts(it.hardware.custom_compatibility_version),
        "next_run_config_exists" => texts([it.next_run.is_some()]),
        "has_illegal_images" => {
            let illegal = it.disk_attachments.iter().any(|attachment| {
                inventory
                    .disks
                    .get(&attachment.disk)
                    .is_some_and(|disk| disk.status == crate::model::DiskStatus::Illegal)
            });
            texts([illegal])
        }
        "ip" => inventory
            .guests
            .get(&it.id)
            .map(|guest| texts(guest.report.addresses()))
            .unwrap_or_default(),
        "fqdn" => inventory
            .guests
            .get(&it.id)
            .map(|guest| texts(&guest.report.host_name))
            .unwrap_or_default(),
        "apps" => inventory
            .guests
            .get(&it.id)
            .map(|guest| texts(guest.report.applications()))
            .unwrap_or_default(),
        "loggedinuser" => inventory
            .guests
            .get(&it.id)
            .map(|guest| texts(guest.report.users.iter().map(|user| user.name.clone())))
            .unwrap_or_default(),
        "bios_type" => word(it.hardware.bios_type.as_str()),
        "vcpus" => amount(it.hardware.topology.count(), 1),
        _ => Vec::new(),
    }
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

fn host(inventory: &Inventory, it: &Host, field: &str) -> Vec<Value> {
    let facts = it.report.as_ref();
    let statistics = inventory.host_statistics.get(&it.id);
    match field {
        "host_name" => text(&*it.name),
        "comment" => text(&*it.comment),
        "status" => word(it.status.as_str()),
        "external_status" => text("ok"),
        "cluster" => name_of(&inventory.clusters, Some(it.cluster), |it| &it.name),
        "address" => text(&*it.address),
        "cpu_usage" | "load" => decimal(statistics.and_then(|it| it.cpu_percent)),
        "mem_usage" => {
            decimal(statistics.and_then(|it| Some(percent(it.memory_used?, it.memory_total))))
        }
        "version" => texts(facts.map(|it| it.libvirt_version.clone())),
        "cpus" => facts
            .map(|it| amount(it.topology.count(), 1))
            .unwrap_or_default(),
        "memory" => facts.map(|it| amount(it.memory, MIB)).unwrap_or_default(),
        "cpu_speed" => decimal(facts.map(|it| it.cpu_speed)),
        "cpu_model" => texts(facts.map(|it| it.cpu_model.clone())),
        "active_vms" => count(
            inventory
                .vms_of_host(it.id)
                .filter(|vm| vm.run.status == VmStatus::Up)
                .count(),
        ),
        "migrating_vms" => {
            let migrating = |vm: &&std::sync::Arc<Vm>| vm.run.status == VmStatus::Migrating;
            count(inventory.vms_of_host(it.id).filter(migrating).count())
        }
        "committed_mem" => {
            let memory = inventory
                .vms_of_host(it.id)
                .map(|vm| vm.hardware.memory)
                .sum();
            amount(memory, MIB)
        }
        "tag" => tags(inventory, &it.tags),
        "type" => text("rhel"),
        "datacenter" => data_center_name(inventory, it.cluster),
        "architecture" => text("x86_64"),
        "update_available" => texts([false]),
        // The one who manages the storage is the only host there is.
        "spm_id" => count(usize::from(it.status == HostStatus::Up)),
        "ha_score" => count(0),
        _ => Vec::new(),
    }
}

fn cluster(it: &Cluster, field: &str) -> Vec<Value> {
    match field {
        "cluster_name" => text(&*it.name),
        "description" => text(&*it.description),
        "comment" => text(&*it.comment),
        "architecture" => text("x86_64"),
        "compatibility_level" => texts([it.version]),
        "cpu_type" => text(&*it.cpu_type),
        _ => Vec::new(),
    }
}

fn data_center(it: &DataCenter, field: &str) -> Vec<Value> {
    match field {
        "description" => text(&*it.description),
        "comment" => text(&*it.comment),
        "local" => texts([it.local]),
        "status" => word(it.status.as_str()),
        "compatibility_version" => texts([it.version]),
        _ => Vec::new(),
    }
}

fn storage_domain(inventory: &Inventory, it: &StorageDomain, field: &str) -> Vec<Value> {
    match field {
        "status" => word(it.status.as_str()),
        "shared_status" => text(if it.data_center.is_some() {
            "active"
        } else {
            "unattached"
        }),
        "external_status" => text("ok"),
        "datacenter" => name_of(&inventory.data_centers, it.data_center, |it| &it.name),
        "type" => text(it.domain_type.as_str()),
        "free_size" => amount(it.available, GIB),
        "used_size" => amount(it.used, GIB),
        "total_size" => amount(it.available.saturating_add(it.used), GIB),
        "committed" => amount(inventory.committed_bytes(it.id), GIB),
        "comment" => text(&*it.comment),
        "description" => text(&*it.description),
        "wipe_after_delete" => texts([it.wipe_after_delete]),
        "discard_after_delete" => texts([it.discard_after_delete]),
        "low_space_threshold (%)" => amount(it.warning_low_space.into(), 1),
        "critical_space_threshold (gb)" => amount(it.critical_space.into(), 1),
        "backup" => texts([false]),
        _ => Vec::new(),
    }
}

fn disk(inventory: &Inventory, it: &Disk, field: &str) -> Vec<Value> {
    match field {
        "alias" => text(&*it.name),
        "description" => text(&*it.description),
        "provisioned_size" | "size" => amount(it.provisioned_size, GIB),
        "actual_size" => amount(it.actual_size, GIB),
        "creation_date" | "last_modified" => vec![Value::Time(it.creation_time)],
        "shareable" => texts([it.shareable]),
        "status" => word(it.status.as_str()),
        "disk_type" => text("image"),
        "disk_content_type" => word(it.content_type.as_str()),
        "allocation_policy" => texts(if it.sparse {
            ["thin", "sparse"]
        } else {
            ["preallocated", "raw"]
        }),
        "number_of_vms" => count(inventory.vms_of_disk(it.id).count()),
        "vm_names" => texts(inventory.vms_of_disk(it.id).map(|vm| vm.name.clone())),
        "wipe_after_delete" => texts([it.wipe_after_delete]),
        _ => Vec::new(),
    }
}

fn template(inventory: &Inventory, it: &Template, field: &str) -> Vec<Value> {
    match field {
        "comment" => text(&*it.comment),
        "description" => text(&*it.description),
        "os" => text(&*it.hardware.os_type),
        "creationdate" => vec![Value::Time(it.creation_time)],
        "childcount" => count(
            inventory
                .vms
                .iter()
                .filter(|vm| vm.template == it.id)
                .count(),
        ),
        "mem" => amount(it.hardware.memory, MIB),
        "status" => word(it.status.as_str()),
        "sealed" => texts([false]),
        // One without a cluster, as Blank, can be used in all of them.
        "cluster" => match it.cluster {
            Some(cluster) => name_of(&inventory.clusters, Some(cluster), |it| &it.name),
            None => texts(inventory.clusters.iter().map(|it| it.name.clone())),
        },
        "datacenter" => match it.cluster {
            Some(cluster) => data_center_name(inventory, cluster),
            None => texts(inventory.data_centers.iter().map(|it| it.name.clone())),
        },
        "architecture" => text("x86_64"),
        "version_name" => text(&*it.version_name),
        "tag" => tags(inventory, &it.tags),
        "_vmt_id" => id(it.id.0),
        _ => Vec::new(),
    }
}

fn instance_type(it: &InstanceType, field: &str) -> Vec<Value> {
    match field {
        "description" => text(&*it.description),
        "creationdate" => vec![Value::Time(it.creation_time)],
        "mem" => amount(it.memory, MIB),
        "status" => text("ok"),
        _ => Vec::new(),
    }
}

fn vm_pool(inventory: &Inventory, it: &VmPool, field: &str) -> Vec<Value> {
    match field {
        "comment" => text(&*it.comment),
        "description" => text(&*it.description),
        "type" => text(it.pool_type.as_str()),
        "cluster" => name_of(&inventory.clusters, Some(it.cluster), |it| &it.name),
        "datacenter" => data_center_name(inventory, it.cluster),
        "architecture" => text("x86_64"),
        "assigned_vm_count" => count(inventory.vms_of_pool(it.id).count()),
        "running_vm_count" => count(
            inventory
                .vms_of_pool(it.id)
                .filter(|vm| vm.run.status.is_running())
                .count(),
        ),
        _ => Vec::new(),
    }
}

fn user(inventory: &Inventory, it: &User, field: &str) -> Vec<Value> {
    match field {
        "id" => id(it.id.0),
        "name" => texts([&it.name, &it.principal]),
        "lastname" => text(&*it.last_name),
        // With the domain, with the profile, and alone: clients send all three.
        "usrname" | "login" => {
            let profile = it.domain.trim_end_matches("-authz");
            texts([
                it.user_name.clone(),
                format!("{}@{profile}", it.principal),
                it.principal.clone(),
            ])
        }
        "user_and_domain" => texts([
            format!("{}@{}", it.principal, it.domain),
            it.user_name.clone(),
        ]),
        "directory" => text(&*it.domain),
        "department" => text(&*it.department),
        "tag" => tags(inventory, &it.tags),
        "type" => text("user"),
        _ => Vec::new(),
    }
}

fn network(inventory: &Inventory, it: &Network, field: &str) -> Vec<Value> {
    match field {
        "network_name" => text(&*it.name),
        "description" => text(&*it.description),
        "comment" => text(&*it.comment),
        "vlanid" => it
            .vlan
            .map(|vlan| amount(vlan.into(), 1))
            .unwrap_or_default(),
        "stp" => texts([it.stp]),
        "mtu" => amount(it.mtu.into(), 1),
        "vmnetwork" => texts([it.vm_network]),
        "datacenter" => name_of(&inventory.data_centers, Some(it.data_center), |it| &it.name),
        _ => Vec::new(),
    }
}

fn vnic_profile(inventory: &Inventory, it: &VnicProfile, field: &str) -> Vec<Value> {
    let network = inventory.networks.get(&it.network);
    match field {
        "description" => text(&*it.description),
        "port_mirroring" => texts([it.port_mirroring]),
        "passthrough" => texts([it.pass_through == crate::model::VnicPassThroughMode::Enabled]),
        "network_name" => texts(network.map(|it| it.name.clone())),
        "datacenter" => {
            let id = network.map(|it| it.data_center);
            name_of(&inventory.data_centers, id, |it| &it.name)
        }
        "compatibility_version" => {
            let center = network.and_then(|it| inventory.data_centers.get(&it.data_center));
            texts(center.map(|it| it.version))
        }
        "network_filter" => texts(
            crate::seed::network_filters()
                .find(|(id, _)| Some(*id) == it.network_filter)
                .map(|(_, name)| name),
        ),
        _ => Vec::new(),
    }
}

fn nic(inventory: &Inventory, it: &Nic, field: &str) -> Vec<Value> {
    match field {
        "mac" => texts([it.mac]),
        "network_name" => {
            let profile = it
                .vnic_profile
                .and_then(|id| inventory.vnic_profiles.get(&id));
            name_of(&inventory.networks, profile.map(|it| it.network), |it| {
                &it.name
            })
        }
        _ => Vec::new(),
    }
}

fn event(inventory: &Inventory, it: &Event, field: &str) -> Vec<Value> {
    let uuid = |value: Option<Uuid>| value.map(id).unwrap_or_default();
    match field {
        "id" => texts([it.id]),
        "type" => amount(it.code.into(), 1),
        "severity" => text(it.severity.as_str()),
        "message" | "name" => text(&*it.description),
        "time" => vec![Value::Time(it.time)],
        "usrname" => texts(&it.user_name),
        "event_host" => name_of(&inventory.hosts, it.host, |it| &it.name),
        "event_vm" => name_of(&inventory.vms, it.vm, |it| &it.name),
        "event_template" => name_of(&inventory.templates, it.template, |it| &it.name),
        "event_storage" => name_of(&inventory.storage_domains, it.storage_domain, |it| &it.name),
        "event_datacenter" => name_of(&inventory.data_centers, it.data_center, |it| &it.name),
        "correlation_id" => texts(&it.correlation_id),
        "origin" => text(&*it.origin),
        "custom_event_id" => it
            .custom_id
            .and_then(|id| u64::try_from(id).ok())
            .map(|id| amount(id, 1))
            .unwrap_or_default(),
        "deleted" => texts([it.removed]),
        "_event_vm_id" => uuid(it.vm.map(|id| id.0)),
        "_event_template_id" => uuid(it.template.map(|id| id.0)),
        "_event_storage_id" => uuid(it.storage_domain.map(|id| id.0)),
        "_event_host_id" => uuid(it.host.map(|id| id.0)),
        "_event_datacenter_id" => uuid(it.data_center.map(|id| id.0)),
        "usrid" => uuid(it.user.map(|id| id.0)),
        _ => Vec::new(),
    }
}
