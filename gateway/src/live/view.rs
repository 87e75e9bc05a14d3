//! What one caller sees of one object: the data that REST would answer with, what they may do with
//! it now, and the figures that oVirt's API has no place for. Also which other objects a change
//! may have changed the view of.

use std::hash::{DefaultHasher, Hash, Hasher};

use api::live::{Extra, Kind, Offer, PoolFigures, Resource};
use manager::model::{HostStatus, ObjectId};
use manager::{Access, Change, Entity, Inventory, Manager};

use crate::rest;

/// The kind's name in the stream; `None` for what the stream does not show.
pub(super) fn kind(object: ObjectId) -> Option<Kind> {
    Some(match object {
        ObjectId::Vm(_) => Kind::Vm,
        ObjectId::Host(_) => Kind::Host,
        ObjectId::Cluster(_) => Kind::Cluster,
        ObjectId::DataCenter(_) => Kind::DataCenter,
        ObjectId::StorageDomain(_) => Kind::StorageDomain,
        ObjectId::Disk(_) => Kind::Disk,
        ObjectId::Snapshot(_) => Kind::Snapshot,
        ObjectId::Template(_) => Kind::Template,
        ObjectId::Network(_) => Kind::Network,
        ObjectId::VnicProfile(_) => Kind::VnicProfile,
        ObjectId::User(_) => Kind::User,
        ObjectId::Group(_) => Kind::Group,
        ObjectId::Role(_) => Kind::Role,
        ObjectId::Permission(_) => Kind::Permission,
        ObjectId::Job(_) => Kind::Job,
        ObjectId::Tag(_) => Kind::Tag,
        ObjectId::InstanceType(_) => Kind::InstanceType,
        ObjectId::VmPool(_) => Kind::Pool,
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

/// Everything that the stream may show, what others refer to first.
pub(super) fn everything(inventory: &Inventory) -> Vec<ObjectId> {
    fn ids<K, V, I: Into<ObjectId>>(
        map: &manager::Map<K, V>,
        id: impl Fn(&V) -> I,
    ) -> Vec<ObjectId> {
        map.iter().map(|entity| id(entity).into()).collect()
    }
    [
        ids(&inventory.tags, |tag| tag.id),
        ids(&inventory.roles, |role| role.id),
        ids(&inventory.data_centers, |data_center| data_center.id),
        ids(&inventory.clusters, |cluster| cluster.id),
        ids(&inventory.networks, |network| network.id),
        ids(&inventory.vnic_profiles, |profile| profile.id),
        ids(&inventory.hosts, |host| host.id),
        ids(&inventory.storage_domains, |domain| domain.id),
        ids(&inventory.instance_types, |kind| kind.id),
        ids(&inventory.templates, |template| template.id),
        ids(&inventory.vm_pools, |pool| pool.id),
        ids(&inventory.disks, |disk| disk.id),
        ids(&inventory.vms, |vm| vm.id),
        ids(&inventory.snapshots, |snapshot| snapshot.id),
        ids(&inventory.groups, |group| group.id),
        ids(&inventory.users, |user| user.id),
        ids(&inventory.permissions, |permission| permission.id),
        ids(&inventory.jobs, |job| job.id),
    ]
    .concat()
}

/// What a change is about, and what else may look different after it: what an object offers
/// depends on the objects around it.
pub(super) fn touched(inventory: &Inventory, change: &Change) -> Vec<ObjectId> {
    match change {
        Change::Put(entity) => {
            let mut touched = vec![entity.id()];
            match entity {
                Entity::Disk(disk) => {
                    touched.extend(
                        inventory
                            .vms_of_disk(disk.id)
                            .map(|vm| ObjectId::from(vm.id)),
                    );
                }
                // An operation has objects to itself, which then offer less.
                Entity::Operation(operation) => touched.extend(operation.locks.iter().copied()),
                Entity::Host(host) => {
                    touched.extend(
                        inventory
                            .vms_of_host(host.id)
                            .map(|vm| ObjectId::from(vm.id)),
                    );
                    // Whether anything can be started depends on whether a host is up.
                    let changed = host.status != HostStatus::Up
                        || inventory.hosts.len() == 1
                        || inventory.vms.len() < 1000;
                    if changed {
                        touched.extend(inventory.vms.iter().map(|vm| ObjectId::from(vm.id)));
                    }
                }
                Entity::StorageDomain(domain) => {
                    let disks = inventory.disks.iter();
                    let disks = disks.filter(|disk| disk.storage_domain == domain.id);
                    touched.extend(disks.map(|disk| ObjectId::from(disk.id)));
                }
                Entity::Vm(vm) => {
                    touched.extend(
                        vm.disk_attachments
                            .iter()
                            .map(|disk| ObjectId::from(disk.disk)),
                    );
                    touched.extend(vm.run.host.map(ObjectId::from));
                    let snapshots = inventory.snapshots_of_vm(vm.id);
                    touched.extend(snapshots.iter().map(|it| ObjectId::from(it.id)));
                    touched.extend(vm.pool.map(ObjectId::from));
                    touched.push(vm.template.into());
                }
                Entity::Snapshot(snapshot) => touched.push(snapshot.vm.into()),
                // Who has a pool's VM is said by the permissions on it.
                Entity::Permission(permission) => touched.extend(pool_of(inventory, permission)),
                _ => {}
            }
            touched
        }
        Change::Removed(object) => vec![*object],
        Change::Statistics(object) => vec![*object],
        Change::Event(_) => Vec::new(),
    }
}

fn pool_of(inventory: &Inventory, permission: &manager::model::Permission) -> Option<ObjectId> {
    match permission.object {
        ObjectId::Vm(id) => inventory.vms.get(&id)?.pool.map(ObjectId::from),
        _ => None,
    }
}

/// What the caller sees of an object; `None` when it is not there, or not for them.
pub(super) fn resource(
    manager: &Manager,
    access: &Access,
    caller: &manager::Caller,
    object: ObjectId,
) -> Option<Resource> {
    let kind = kind(object)?;
    let inventory = access.inventory();
    if !inventory.contains(object) || !access.visible(caller, object) {
        return None;
    }
    let data = rest::live::resource(inventory, caller, object)?;
    let offers = manager
        .offers(caller, object)
        .into_iter()
        .map(|offer| {
            let verdict = match offer.verdict {
                Ok(()) => Offer::allowed(),
                Err(reason) => Offer::refused(reason),
            };
            (offer.action.to_owned(), verdict)
        })
        .collect();
    Some(Resource {
        kind,
        id: object.uuid().to_string(),
        data,
        offers,
        extra: extra(inventory, caller, object),
    })
}

/// Figures, where there are some.
fn extra(inventory: &Inventory, caller: &manager::Caller, object: ObjectId) -> Extra {
    let mut extra = Extra::default();
    match object {
        ObjectId::Vm(id) => {
            if let Some(statistics) = inventory.vm_statistics.get(&id) {
                extra.cpu_percent = statistics.cpu_percent;
                extra.memory_bytes = statistics.memory_bytes;
                extra.uptime_s = Some(statistics.uptime_seconds);
                extra.consoles = Some(statistics.consoles.clone());
            }
            guest(inventory, id, &mut extra.other);
            external(inventory, id, &mut extra.other);
        }
        ObjectId::VmPool(id) => {
            if let Some(pool) = inventory.vm_pools.get(&id) {
                let count = manager::pool_count(inventory, pool, caller);
                extra.pool = Some(PoolFigures {
                    running: count.running,
                    assigned: count.assigned,
                    ready: count.ready,
                    free: count.free,
                    mine: count.mine,
                    maintenance: pool.maintenance,
                });
            }
        }
        ObjectId::Host(id) => {
            if let Some(report) = inventory
                .hosts
                .get(&id)
                .and_then(|host| host.report.as_ref())
            {
                extra.acceleration = Some(report.acceleration.to_string());
                extra.acceleration_reason = Some(report.acceleration_reason.clone());
            }
            if let Some(statistics) = inventory.host_statistics.get(&id) {
                extra.cpu_percent = statistics.cpu_percent;
                extra.memory_used_bytes = statistics.memory_used;
                extra.memory_total_bytes = Some(statistics.memory_total);
            }
        }
        ObjectId::Job(id) => {
            if let Some(job) = inventory.jobs.get(&id) {
                job_extra(inventory, job, &mut extra.other);
            }
        }
        ObjectId::Snapshot(id) => {
            if let Some(snapshot) = inventory.snapshots.get(&id) {
                let parent = snapshot.parent.map(|parent| parent.to_string());
                extra.other.insert("parent".to_owned(), parent.into());
                extra
                    .other
                    .insert("disks".to_owned(), snapshot.disks.len().into());
            }
        }
        _ => {}
    }
    extra
}

/// How far a job is, and what it waits for.
fn job_extra(
    inventory: &Inventory,
    job: &manager::model::Job,
    other: &mut serde_json::Map<String, serde_json::Value>,
) {
    use manager::operation::StepState;
    use serde_json::json;
    let Some(operation) = job.operation.and_then(|id| inventory.operations.get(&id)) else {
        return;
    };
    let progress: u32 = operation
        .steps
        .iter()
        .map(|step| match step.state {
            StepState::Planned => 0,
            StepState::Done | StepState::Failed => 100,
            StepState::Intended => job
                .steps
                .iter()
                .find(|shown| shown.id == step.job_step)
                .and_then(|shown| shown.progress)
                .unwrap_or(0)
                .min(100),
        })
        .fold(0, u32::saturating_add);
    let steps = u32::try_from(operation.steps.len()).unwrap_or(u32::MAX);
    other.insert("progress".to_owned(), json!(progress / steps.max(1)));
    if let Some(reason) = job.steps.iter().find_map(|step| step.waiting.as_ref()) {
        other.insert("waiting".to_owned(), json!(reason));
    }
}

/// What is known of the domain of an external VM.
fn external(
    inventory: &Inventory,
    id: manager::model::VmId,
    other: &mut serde_json::Map<String, serde_json::Value>,
) {
    let Some(external) = inventory.externals.get(&id) else {
        return;
    };
    let disks: Vec<_> = external
        .domain
        .disks
        .iter()
        .map(|it| {
            serde_json::json!({
                "target": it.target,
                "path": it.path.display().to_string(),
                "format": it.format.as_str(),
            })
        })
        .collect();
    other.insert(
        "external".to_owned(),
        serde_json::json!({
            "name": external.name,
            "refusals": external.domain.refusals,
            "notes": external.domain.notes,
            "disks": disks,
        }),
    );
}

/// What a VM's guest tells that oVirt's API has no place for.
fn guest(
    inventory: &Inventory,
    id: manager::model::VmId,
    other: &mut serde_json::Map<String, serde_json::Value>,
) {
    use serde_json::json;
    let Some(guest) = inventory.guests.get(&id) else {
        return;
    };
    let state = if guest.answers { "answers" } else { "silent" };
    other.insert("agent".to_owned(), json!(state));
    let addresses: Vec<String> = guest
        .report
        .addresses()
        .iter()
        .map(ToString::to_string)
        .collect();
    other.insert("ips".to_owned(), json!(addresses));
    let file_systems: Vec<_> = guest
        .report
        .file_systems
        .iter()
        .map(|it| {
            json!({
                "mount_point": it.mount_point,
                "kind": it.kind,
                "total_bytes": it.total_bytes,
                "used_bytes": it.used_bytes,
            })
        })
        .collect();
    other.insert("file_systems".to_owned(), json!(file_systems));
}

/// Tells two views of an object apart, so that what looks the same is not sent again.
pub(super) fn fingerprint(resource: &Resource) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Serialising is what sending costs anyway, and knows every member.
    serde_json::to_vec(resource)
        .unwrap_or_default()
        .hash(&mut hasher);
    hasher.finish()
}
