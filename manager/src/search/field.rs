//! Which fields and prefixes a query may name, collection by collection: the tables of
//! `seed.json`, with what each field holds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A collection that can be searched, or what a prefix leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Clusters.
    Cluster,
    /// Data centers.
    DataCenter,
    /// Disks.
    Disk,
    /// Events.
    Event,
    /// Groups.
    Group,
    /// Hosts.
    Host,
    /// Instance types.
    InstanceType,
    /// Jobs.
    Job,
    /// Networks.
    Network,
    /// Network interfaces of VMs: only behind the prefix `vnic`.
    Nic,
    /// Storage domains.
    StorageDomain,
    /// Templates.
    Template,
    /// Users.
    User,
    /// Virtual machines.
    Vm,
    /// Pools of virtual machines.
    VmPool,
    /// vNIC profiles.
    VnicProfile,
    /// What we do not have yet: quotas, Gluster volumes, providers, interfaces of hosts.
    Nothing,
}

/// What a field holds, and so how it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Time,
}

#[derive(Debug, Deserialize)]
struct Table {
    fields: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
}

static TABLES: LazyLock<BTreeMap<String, Table>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Seed {
        search: BTreeMap<String, Table>,
    }
    let seed: Seed = serde_json::from_str(include_str!("../../seed.json"))
        .expect("seed.json is checked by a test");
    seed.search
});

/// Fields that hold numbers, whatever the collection.
const NUMBERS: &[&str] = &[
    "active_vms",
    "actual_size",
    "assigned_vm_count",
    "childcount",
    "committed",
    "committed_mem",
    "cpu_speed",
    "cpu_usage",
    "cpus",
    "critical_space_threshold (gb)",
    "custom_event_id",
    "free_size",
    "guaranteed_memory",
    "ha_score",
    "load",
    "low_space_threshold (%)",
    "mem",
    "mem_usage",
    "memory",
    "migrating_vms",
    "migration_progress_percent",
    "mtu",
    "network_usage",
    "number_of_vms",
    "provisioned_size",
    "running_vm_count",
    "size",
    "spm_id",
    "total_size",
    "uptime",
    "used_size",
    "vcpus",
    "vlanid",
];

const TIMES: &[&str] = &["creation_date", "creationdate", "last_modified", "time"];

impl Collection {
    fn table(self) -> Option<&'static Table> {
        TABLES.get(match self {
            Self::Cluster => "clusters",
            Self::DataCenter => "datacenters",
            Self::Disk => "disks",
            Self::Event => "events",
            Self::Group => "groups",
            Self::Host => "hosts",
            // oVirt keeps instance types among its templates.
            Self::InstanceType | Self::Template => "templates",
            Self::Job => "jobs",
            Self::Network => "networks",
            Self::StorageDomain => "storagedomains",
            Self::User => "users",
            Self::Vm => "vms",
            Self::VmPool => "vmpools",
            Self::VnicProfile => "vnicprofiles",
            Self::Nic | Self::Nothing => return None,
        })
    }

    /// The field of a name in any case.
    pub(super) fn field(self, name: &str) -> Option<&'static str> {
        // What the tables lack and clients ask for all the same.
        const MORE: &[&str] = &["id", "name"];
        const NIC: &[&str] = &["name", "network_name", "mac", "id"];
        const RELATED: &[&str] = &["cluster_name", "network_name", "host_name"];
        let same = |field: &&str| field.eq_ignore_ascii_case(name);
        if self == Self::Nic {
            return NIC.iter().copied().find(|field| same(field));
        }
        let known = self.table().and_then(|table| {
            table
                .fields
                .iter()
                .map(String::as_str)
                .find(|field| same(field))
        });
        known
            .or_else(|| MORE.iter().copied().find(|field| same(field)))
            .or_else(|| {
                matches!(self, Self::Cluster | Self::Network | Self::Host)
                    .then(|| RELATED.iter().copied().find(|field| same(field)))
                    .flatten()
            })
    }

    /// What a prefix leads to from here.
    pub(super) fn prefix(self, name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let target = match name.as_str() {
            "cluster" | "clusters" => Self::Cluster,
            "datacenter" | "datacenters" => Self::DataCenter,
            "disk" | "disks" => Self::Disk,
            "event" | "events" => Self::Event,
            "group" | "groups" => Self::Group,
            "host" | "hosts" => Self::Host,
            "job" | "jobs" => Self::Job,
            "network" | "networks" => Self::Network,
            "storage" | "storages" => Self::StorageDomain,
            "template" | "templates" => Self::Template,
            "user" | "users" => Self::User,
            "vm" | "vms" => Self::Vm,
            "pool" | "pools" => Self::VmPool,
            "vnic" => Self::Nic,
            "vnicprofile" | "vnicprofiles" => Self::VnicProfile,
            // A network in a cluster or on a host: whichever of the two this is not.
            "cluster_network" if self == Self::Network => Self::Cluster,
            "cluster_network" => Self::Network,
            "host_network" if self == Self::Network => Self::Host,
            "host_network" => Self::Network,
            "nic" | "provider" | "quota" | "volume" | "volumes" => Self::Nothing,
            _ => return None,
        };
        let listed = self
            .table()
            .is_some_and(|table| table.prefixes.contains(&name));
        (listed || target == self).then_some(target)
    }

    /// What a field holds.
    pub(super) fn kind(self, field: &str) -> Kind {
        if TIMES.contains(&field) {
            Kind::Time
        } else if NUMBERS.contains(&field) || (self == Self::Event && field == "type") {
            Kind::Number
        } else {
            Kind::Text
        }
    }

    /// Whether its field names are not known here, so that any will do.
    pub(super) fn is_open(self) -> bool {
        self == Self::Nothing
    }
}
