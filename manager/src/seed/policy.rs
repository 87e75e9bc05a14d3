//! What administrators' settings begin with: the MAC pool, scheduling policies and their units,
//! and what each data center, cluster and storage domain has of its own.

use uuid::Uuid;

use super::{MAC_FIRST, MAC_LAST, MAC_POOL, named_id};
use crate::error::Result;
use crate::model::{
    CpuProfile, DiskProfile, MacPool, MacRange, Quota, SchedulingPolicy, SchedulingPolicyId,
};
use crate::writer::Draft;

/// A unit that scheduling policies are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedulingUnit {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'static str,
    /// `filter`, `weight` or `load_balancing`.
    pub kind: &'static str,
    /// What it does.
    pub description: &'static str,
}

const UNITS: &[(&str, &str, &str)] = &[
    (
        "filter",
        "Memory",
        "Leaves out hosts without enough memory.",
    ),
    (
        "filter",
        "CPU",
        "Leaves out hosts with fewer processors than the VM.",
    ),
    (
        "filter",
        "PinToHost",
        "Leaves out hosts that the VM is not pinned to.",
    ),
    (
        "filter",
        "Network",
        "Leaves out hosts without the networks of the VM.",
    ),
    (
        "filter",
        "VmAffinityGroups",
        "Keeps enforcing groups of VMs.",
    ),
    (
        "filter",
        "VmToHostsAffinityGroups",
        "Keeps enforcing groups of VMs and hosts.",
    ),
    ("filter", "Label", "Keeps affinity labels."),
    (
        "weight",
        "OptimalForEvenDistributionMemory",
        "Prefers hosts with more free memory.",
    ),
    (
        "weight",
        "VmAffinityGroups",
        "Prefers hosts that keep groups of VMs.",
    ),
    (
        "weight",
        "VmToHostsAffinityGroups",
        "Prefers hosts that keep groups of VMs and hosts.",
    ),
    ("weight", "None", "Prefers none."),
    ("load_balancing", "None", "Moves nothing."),
];

/// Every unit.
pub fn scheduling_units() -> impl Iterator<Item = SchedulingUnit> {
    UNITS
        .iter()
        .map(|(kind, name, description)| SchedulingUnit {
            id: unit(kind, name),
            name,
            kind,
            description,
        })
}

fn unit(kind: &str, name: &str) -> Uuid {
    named_id(&format!("scheduling unit {kind} {name}"))
}

/// oVirt's own policies, with the names that automation asks for.
fn scheduling_policies() -> Vec<SchedulingPolicy> {
    let filters: Vec<(Uuid, i32)> = UNITS
        .iter()
        .filter(|(kind, ..)| *kind == "filter")
        .map(|(kind, name, _)| (unit(kind, name), 0))
        .collect();
    let weights: Vec<(Uuid, u32)> = UNITS
        .iter()
        .filter(|(kind, name, _)| *kind == "weight" && *name != "None")
        .map(|(kind, name, _)| (unit(kind, name), 1))
        .collect();
    let policy = |id: Uuid, name: &str, properties: &[(&str, &str)]| SchedulingPolicy {
        id: SchedulingPolicyId(id),
        name: name.to_owned(),
        description: String::new(),
        locked: true,
        default: id == SchedulingPolicy::NONE.0,
        properties: properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        filters: filters.clone(),
        weights: weights.clone(),
        balance: Some(unit("load_balancing", "None")),
    };
    vec![
        policy(SchedulingPolicy::NONE.0, "none", &[]),
        policy(
            Uuid::from_u128(0x20d2_5257_b4bd_4589_92a6_c4c5_c5d3_fd1a),
            "evenly_distributed",
            &[
                ("CpuOverCommitDurationMinutes", "2"),
                ("HighUtilization", "80"),
            ],
        ),
        policy(
            Uuid::from_u128(0x5a2b_0939_7d46_4b73_a469_e9c2_c7fc_6a53),
            "power_saving",
            &[
                ("CpuOverCommitDurationMinutes", "2"),
                ("HighUtilization", "80"),
                ("LowUtilization", "20"),
            ],
        ),
        policy(
            Uuid::from_u128(0x8d5d_7bec_68de_4a67_b53e_0ac5_4686_d579),
            "vm_evenly_distributed",
            &[
                ("HighVmCount", "10"),
                ("MigrationThreshold", "5"),
                ("SpmVmGrace", "5"),
            ],
        ),
    ]
}

/// Puts in place what every installation has, and what data centers, clusters and storage domains
/// that were made before this version lack.
pub(crate) fn policies(draft: &mut Draft) -> Result<()> {
    if !draft.mac_pools.contains_key(&MAC_POOL) {
        draft.put(MacPool {
            id: MAC_POOL,
            name: "Default".to_owned(),
            description: "Default MAC pool".to_owned(),
            default: true,
            allow_duplicates: false,
            ranges: vec![MacRange {
                from: MAC_FIRST,
                to: MAC_LAST,
            }],
        })?;
    }
    for policy in scheduling_policies() {
        let there = draft.scheduling_policies.get(&policy.id);
        if there.is_none_or(|there| **there != policy) {
            draft.put(policy)?;
        }
    }
    let centers: Vec<_> = draft.data_centers.iter().map(|center| center.id).collect();
    for center in centers {
        let own = draft.quotas.iter();
        if !own
            .into_iter()
            .any(|it| it.default && it.data_center == center)
        {
            draft.put(Quota::unlimited(center, "Default".to_owned(), true))?;
        }
    }
    let clusters: Vec<_> = draft.clusters.iter().cloned().collect();
    for cluster in clusters {
        if !draft.cpu_profiles.contains_key(&cluster.cpu_profile) {
            draft.put(CpuProfile {
                id: cluster.cpu_profile,
                name: cluster.name.clone(),
                description: String::new(),
                cluster: cluster.id,
                qos: None,
            })?;
        }
    }
    let domains: Vec<_> = draft.storage_domains.iter().cloned().collect();
    for domain in domains {
        if !draft.disk_profiles.contains_key(&domain.disk_profile) {
            draft.put(DiskProfile {
                id: domain.disk_profile,
                name: domain.name.clone(),
                description: String::new(),
                storage_domain: domain.id,
                qos: None,
            })?;
        }
    }
    Ok(())
}
