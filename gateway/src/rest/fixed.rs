//! What is there from the beginning and changes with the program alone: operating systems,
//! compatibility levels, options, network filters, the directory.

use api::path;
use api::types::{
    self, ClusterLevel, CpuType, Domain, NetworkFilter, OperatingSystemInfo, Permit, SystemOption,
    SystemOptionValue, Version,
};
use manager::seed;

use super::convert::word;
use super::fault::{Refused, Result};
use super::people;
use super::view::{Found, View, list_or_pick, one, pick};

pub(super) fn read(view: &View, path: &[&str]) -> Result<Found> {
    match path {
        ["operatingsystems", rest @ ..] => list_or_pick(operating_systems(), rest),
        ["clusterlevels", level, rest @ ..] if !rest.is_empty() => {
            let Found::One(_) = pick(cluster_levels(), level)? else {
                return Err(Refused::not_found(level));
            };
            Err(super::beneath(rest))
        }
        ["clusterlevels", rest @ ..] => list_or_pick(cluster_levels(), rest),
        ["options", rest @ ..] => list_or_pick(options(), rest),
        ["networkfilters", rest @ ..] => list_or_pick(network_filters(), rest),
        ["domains", rest @ ..] => domains(view, rest),
        [_] => Err(Refused::unbuilt()),
        [.., last] => Err(Refused::not_found(last)),
        [] => Err(Refused::unbuilt()),
    }
}

fn operating_systems() -> Vec<OperatingSystemInfo> {
    let mut systems: Vec<_> = seed::operating_systems().collect();
    systems.sort_by_key(|(_, number)| *number);
    systems
        .into_iter()
        .map(|(name, number)| OperatingSystemInfo {
            id: Some(number.to_string()),
            href: Some(path::operating_system(number).to_string()),
            name: Some(name.to_owned()),
            description: Some(readable(name)),
            architecture: word(if name.contains("ppc64") {
                "ppc64"
            } else if name.contains("s390x") {
                "s390x"
            } else {
                "x86_64"
            }),
            tpm_support: word(if name.contains("ppc64") || name.contains("s390x") {
                "unsupported"
            } else if name == "windows_11" {
                "required"
            } else {
                "supported"
            }),
            ..OperatingSystemInfo::default()
        })
        .collect()
}

/// `rhel_9x64` is `Rhel 9 x64` for a person.
fn readable(name: &str) -> String {
    let name = name
        .replace("_ppc64", " ppc64")
        .replace("_s390x", " s390x")
        .replace("x64", " x64");
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The compatibility levels that clients ask about; 4.3 is asked for whatever the cluster has.
const LEVELS: &[(u32, u32)] = &[(4, 2), (4, 3), (4, 4), (4, 5), (4, 6), (4, 7)];

/// Processor types of x86-64 that oVirt names, with QEMU's model and its rank.
const CPU_TYPES: &[(i64, &str, &str)] = &[
    (2, "Intel Nehalem Family", "Nehalem"),
    (4, "Intel Westmere Family", "Westmere"),
    (6, "Intel SandyBridge Family", "SandyBridge"),
    (8, "Intel IvyBridge Family", "IvyBridge"),
    (10, "Intel Haswell Family", "Haswell"),
    (12, "Intel Broadwell Family", "Broadwell"),
    (14, "Intel Skylake Client Family", "Skylake-Client"),
    (16, "Intel Skylake Server Family", "Skylake-Server"),
    (18, "Intel Cascadelake Server Family", "Cascadelake-Server"),
    (20, "Intel Icelake Server Family", "Icelake-Server-noTSX"),
    (2, "AMD Opteron G4", "Opteron_G4"),
    (4, "AMD Opteron G5", "Opteron_G5"),
    (6, "AMD EPYC", "EPYC"),
];

fn cluster_levels() -> Vec<ClusterLevel> {
    LEVELS
        .iter()
        .map(|(major, minor)| {
            let id = format!("{major}.{minor}");
            let href = path::cluster_level(&id);
            let permits = seed::permits().map(|permit| Permit {
                id: Some(permit.id.to_string()),
                name: Some(permit.name.to_owned()),
                administrative: Some(permit.administrative),
                ..Permit::default()
            });
            let cpu_types = CPU_TYPES.iter().map(|(level, name, _)| CpuType {
                name: Some((*name).to_owned()),
                level: Some(*level),
                architecture: word("x86_64"),
            });
            ClusterLevel {
                name: Some(id.clone()),
                href: Some(href.to_string()),
                id: Some(id),
                permits: Some(permits.collect()),
                cpu_types: Some(cpu_types.collect()),
                ..ClusterLevel::default()
            }
        })
        .collect()
}

/// Options of the engine that clients read, where they mean something here.
fn options() -> Vec<SystemOption> {
    let levels = || {
        LEVELS
            .iter()
            .map(|(major, minor)| format!("{major}.{minor}"))
    };
    let of_levels = |name: &str, value: &str| SystemOption {
        values: Some(
            levels()
                .map(|level| SystemOptionValue {
                    value: Some(value.to_owned()),
                    version: Some(level),
                })
                .collect(),
        ),
        ..option(name)
    };
    let general = |name: &str, value: &str| SystemOption {
        values: Some(
            vec![SystemOptionValue {
                value: Some(value.to_owned()),
                version: Some("general".to_owned()),
            }]
            .into(),
        ),
        ..option(name)
    };
    let cpus: Vec<String> = CPU_TYPES
        .iter()
        .map(|(level, name, model)| format!("{level}:{name}:model_{model}:{model}:x86_64"))
        .collect();
    vec![
        of_levels("ServerCPUList", &cpus.join("; ")),
        of_levels("ClusterEmulatedMachines", "q35,pc"),
        of_levels("IsMigrationSupported", "{x86_64=false}"),
        of_levels("IsSuspendSupported", "{x86_64=true}"),
        of_levels("IsMemorySnapshotSupported", "{x86_64=false}"),
        general(
            "SupportedClusterLevels",
            &levels().collect::<Vec<_>>().join(","),
        ),
        general("ApplicationMode", "255"),
        general("DefaultMTU", "1500"),
        general("BlankTemplateName", "Blank"),
        general("DefaultManagementNetwork", seed::MANAGEMENT_NETWORK),
    ]
}

fn option(name: &str) -> SystemOption {
    SystemOption {
        id: Some(name.to_owned()),
        href: Some(path::option(name).to_string()),
        name: Some(name.to_owned()),
        ..SystemOption::default()
    }
}

fn network_filters() -> Vec<NetworkFilter> {
    seed::network_filters()
        .map(|(id, name)| NetworkFilter {
            id: Some(id.to_string()),
            href: Some(path::network_filter(id).to_string()),
            name: Some(name.to_owned()),
            version: Some(
                Version {
                    major: Some(4),
                    minor: Some(0),
                    ..Version::default()
                }
                .into(),
            ),
            ..NetworkFilter::default()
        })
        .collect()
}

/// The manager's own directory, and who is in it.
fn domains(view: &View, rest: &[&str]) -> Result<Found> {
    let id = people::domain_id(seed::INTERNAL_DOMAIN);
    let base = path::domain(&id);
    let domain = Domain {
        id: Some(id.clone()),
        href: Some(base.to_string()),
        name: Some(seed::INTERNAL_DOMAIN.to_owned()),
        ..Domain::default()
    };
    let inventory = view.inventory();
    match rest {
        [given, ..] if !given.eq_ignore_ascii_case(&id) => Err(Refused::not_found(given)),
        [] => list_or_pick(vec![domain], &[]),
        [_] => Ok(one(domain)),
        [_, "users", rest @ ..] => {
            let users = inventory
                .users
                .iter()
                .filter(|user| user.domain == seed::INTERNAL_DOMAIN && view.sees(user.id));
            let users = users.map(|user| types::User {
                href: Some(base.users().item(user.id).to_string()),
                ..people::to_api(inventory, user)
            });
            list_or_pick(users.collect(), rest)
        }
        [_, "groups", rest @ ..] => {
            let groups = inventory
                .groups
                .iter()
                .filter(|group| group.domain == seed::INTERNAL_DOMAIN && view.sees(group.id));
            let groups = groups.map(|group| types::Group {
                href: Some(base.groups().item(group.id).to_string()),
                ..people::group_to_api(group)
            });
            list_or_pick(groups.collect(), rest)
        }
        [.., last] => Err(Refused::not_found(last)),
    }
}
