//! Offers: for an object and a caller, every action with the reason that speaks against it.

use crate::Manager;
use crate::access::{Access, EVERYONE};
use crate::caller::Caller;
use crate::model::{ObjectId, Permit};
use crate::seed;

use super::{
    VmAction, attachable, cluster_delete, data_center_delete, disk_delete, disk_free, host, images,
    network_delete, not_of_template, permission_remove, pool_allocate, pool_edit, pool_maintenance,
    snapshot, template_delete, template_edit, template_use, transferable, vm, vnic_profile_delete,
};

/// An action on an object: possible, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// oVirt's word for the action: `start`, `delete` …
    pub action: &'static str,
    /// Why it is not possible, as a sentence.
    pub verdict: Result<(), String>,
}

impl Manager {
    /// What can be done with an object now, by this caller. Rights count: what the caller may not
    /// do is not possible for that reason.
    #[must_use]
    pub fn offers(&self, caller: &Caller, object: impl Into<ObjectId>) -> Vec<Offer> {
        offers(&self.access(), caller, object.into())
    }
}

/// The same on one snapshot, for many objects in a row.
#[must_use]
pub fn offers(access: &Access, caller: &Caller, object: ObjectId) -> Vec<Offer> {
    let inventory = &**access.inventory();
    let offer = |action, permits: &[Permit], verdict: Result<(), String>| Offer {
        action,
        verdict: if permits
            .iter()
            .any(|permit| access.may(caller, *permit, object))
        {
            verdict
        } else {
            Err("User is not authorized to perform this action.".to_owned())
        },
    };
    match object {
        ObjectId::Vm(id) => match inventory.vms.get(&id) {
            Some(it) => VmAction::ALL
                .into_iter()
                .filter(|action| *action != VmAction::DetachFromPool || it.pool.is_some())
                .map(|action| offer(action.word(), action.permits(), vm(inventory, it, action)))
                .chain([
                    offer(
                        "snapshot_add",
                        &[Permit::MANIPULATE_VM_SNAPSHOTS],
                        snapshot::add(inventory, it),
                    ),
                    offer(
                        "commit_snapshot",
                        &[Permit::MANIPULATE_VM_SNAPSHOTS],
                        snapshot::end(inventory, it, "commit Snapshot"),
                    ),
                    offer(
                        "undo_snapshot",
                        &[Permit::MANIPULATE_VM_SNAPSHOTS],
                        snapshot::end(inventory, it, "undo Snapshot preview"),
                    ),
                    offer(
                        "export",
                        &[Permit::EDIT_VM_PROPERTIES],
                        images::export(inventory, it),
                    ),
                ])
                .collect(),
            None => Vec::new(),
        },
        ObjectId::Snapshot(id) => {
            let found = inventory.snapshots.get(&id);
            let Some((it, machine)) = found.and_then(|it| Some((it, inventory.vms.get(&it.vm)?)))
            else {
                return Vec::new();
            };
            let permits = &[Permit::MANIPULATE_VM_SNAPSHOTS];
            vec![
                offer(
                    "preview",
                    permits,
                    snapshot::preview(inventory, machine, it),
                ),
                offer(
                    "restore",
                    permits,
                    snapshot::restore(inventory, machine, it),
                ),
                offer("delete", permits, snapshot::remove(inventory, machine, it)),
            ]
        }
        ObjectId::Disk(id) => match inventory.disks.get(&id) {
            Some(disk) => vec![
                offer(
                    "edit",
                    &[Permit::EDIT_DISK_PROPERTIES],
                    disk_free(inventory, disk, "edit Virtual Disk")
                        .and_then(|()| not_of_template(inventory, disk, "edit Virtual Disk")),
                ),
                offer(
                    "delete",
                    &[Permit::DELETE_DISK],
                    disk_delete(inventory, disk),
                ),
                offer(
                    "attach",
                    &[Permit::ATTACH_DISK],
                    attachable(inventory, disk),
                ),
                offer(
                    "move",
                    &[Permit::CONFIGURE_DISK_STORAGE],
                    images::move_disk(inventory, disk),
                ),
                offer(
                    "copy",
                    &[Permit::ATTACH_DISK],
                    transferable(inventory, disk)
                        .map_err(|why| why.replace("transfer Virtual Disk", "copy Virtual Disk")),
                ),
                offer(
                    "convert",
                    &[Permit::CONFIGURE_DISK_STORAGE],
                    images::convert(inventory, disk),
                ),
                offer(
                    "sparsify",
                    &[Permit::CONFIGURE_DISK_STORAGE],
                    images::sparsify(inventory, disk),
                ),
                offer(
                    "download",
                    &[Permit::EDIT_DISK_PROPERTIES],
                    transferable(inventory, disk),
                ),
                offer(
                    "upload",
                    &[Permit::EDIT_DISK_PROPERTIES],
                    transferable(inventory, disk)
                        .and_then(|()| not_of_template(inventory, disk, "transfer Virtual Disk")),
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::Host(id) => match inventory.hosts.get(&id) {
            Some(it) => vec![
                offer("edit", &[Permit::EDIT_HOST_CONFIGURATION], Ok(())),
                offer(
                    "activate",
                    &[Permit::MANIPULATE_HOST],
                    host(inventory, it, true),
                ),
                offer(
                    "deactivate",
                    &[Permit::MANIPULATE_HOST],
                    host(inventory, it, false),
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::StorageDomain(id) => match inventory.storage_domains.get(&id) {
            Some(domain) => vec![
                offer("edit", &[Permit::EDIT_STORAGE_DOMAIN_CONFIGURATION], Ok(())),
                offer(
                    "upload",
                    &[Permit::CREATE_DISK],
                    if domain.status == crate::model::StorageDomainStatus::Active {
                        Ok(())
                    } else {
                        Err(format!(
                            "Storage Domain {} is {}.",
                            domain.name, domain.status
                        ))
                    },
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::Cluster(id) => vec![
            offer("edit", &[Permit::EDIT_CLUSTER_CONFIGURATION], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_CLUSTER],
                cluster_delete(inventory, id),
            ),
            offer("create_vm", &[Permit::CREATE_VM], Ok(())),
            offer("create_template", &[Permit::CREATE_TEMPLATE], Ok(())),
            offer("create_pool", &[Permit::CREATE_VM_POOL], Ok(())),
        ],
        ObjectId::DataCenter(id) => vec![
            offer("edit", &[Permit::EDIT_STORAGE_POOL_CONFIGURATION], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_STORAGE_POOL],
                data_center_delete(inventory, id),
            ),
        ],
        ObjectId::Network(id) => vec![
            offer("edit", &[Permit::CONFIGURE_STORAGE_POOL_NETWORK], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_STORAGE_POOL_NETWORK],
                network_delete(inventory, id),
            ),
        ],
        ObjectId::VnicProfile(id) => vec![
            offer("edit", &[Permit::CONFIGURE_NETWORK_VNIC_PROFILE], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_NETWORK_VNIC_PROFILE],
                vnic_profile_delete(inventory, id),
            ),
        ],
        ObjectId::Template(id) => match inventory.templates.get(&id) {
            Some(it) => vec![
                offer(
                    "edit",
                    &[Permit::EDIT_TEMPLATE_PROPERTIES],
                    template_edit(inventory, it),
                ),
                offer(
                    "delete",
                    &[Permit::DELETE_TEMPLATE],
                    template_delete(inventory, it),
                ),
                offer(
                    "create_vm",
                    &[Permit::CREATE_VM],
                    template_use(inventory, it),
                ),
                offer(
                    "create_version",
                    &[Permit::EDIT_TEMPLATE_PROPERTIES],
                    template_edit(inventory, it),
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::InstanceType(id) => vec![
            offer("edit", &[Permit::EDIT_TEMPLATE_PROPERTIES], Ok(())),
            offer(
                "delete",
                &[Permit::DELETE_TEMPLATE],
                if seed::is_seeded(id) {
                    Err(
                        "Cannot remove Instance Type. It is a pre-defined Instance Type."
                            .to_owned(),
                    )
                } else {
                    Ok(())
                },
            ),
        ],
        ObjectId::VmPool(id) => match inventory.vm_pools.get(&id) {
            Some(pool) => vec![
                offer(
                    "edit",
                    &[Permit::EDIT_VM_POOL_CONFIGURATION],
                    pool_edit(pool, "edit VM-Pool"),
                ),
                offer(
                    "delete",
                    &[Permit::DELETE_VM_POOL],
                    pool_edit(pool, "remove VM-Pool"),
                ),
                offer(
                    "allocate",
                    &[Permit::VM_POOL_BASIC_OPERATIONS],
                    pool_allocate(inventory, pool, caller.user),
                ),
                offer(
                    "activate",
                    &[Permit::EDIT_VM_POOL_CONFIGURATION],
                    pool_maintenance(pool, false),
                ),
                offer(
                    "deactivate",
                    &[Permit::EDIT_VM_POOL_CONFIGURATION],
                    pool_maintenance(pool, true),
                ),
            ],
            None => Vec::new(),
        },
        ObjectId::User(id) => {
            let own = id == caller.user;
            vec![
                offer("edit", &[Permit::MANIPULATE_USERS], Ok(())),
                offer(
                    "delete",
                    &[Permit::MANIPULATE_USERS],
                    if own {
                        Err("Cannot remove User. You cannot remove yourself.".to_owned())
                    } else {
                        Ok(())
                    },
                ),
            ]
        }
        ObjectId::Group(id) => vec![offer(
            "delete",
            &[Permit::MANIPULATE_USERS],
            if id == EVERYONE {
                Err("Cannot remove Group. Everyone is always there.".to_owned())
            } else {
                Ok(())
            },
        )],
        ObjectId::Role(id) => {
            let verdict = match inventory.roles.get(&id) {
                Some(role) if !role.mutable => Err(format!(
                    "Cannot change Role. {} is a pre-defined role.",
                    role.name
                )),
                _ => Ok(()),
            };
            vec![
                offer("edit", &[Permit::MANIPULATE_ROLES], verdict.clone()),
                offer("delete", &[Permit::MANIPULATE_ROLES], verdict),
            ]
        }
        ObjectId::Permission(id) => match inventory.permissions.get(&id) {
            Some(permission) => {
                let may = access.may(caller, Permit::MANIPULATE_PERMISSIONS, permission.object);
                let verdict = if may {
                    permission_remove(inventory, permission)
                } else {
                    Err("User is not authorized to perform this action.".to_owned())
                };
                vec![Offer {
                    action: "delete",
                    verdict,
                }]
            }
            None => Vec::new(),
        },
        ObjectId::Tag(id) => {
            let verdict = if id == seed::ROOT_TAG {
                Err("Cannot remove Tag. The root tag is always there.".to_owned())
            } else {
                Ok(())
            };
            vec![
                offer("edit", &[Permit::TAG_MANAGEMENT], Ok(())),
                offer("delete", &[Permit::TAG_MANAGEMENT], verdict),
            ]
        }
        ObjectId::System => vec![
            offer("create_vm", &[Permit::CREATE_VM], Ok(())),
            offer("create_user", &[Permit::MANIPULATE_USERS], Ok(())),
            offer("create_cluster", &[Permit::CREATE_CLUSTER], Ok(())),
            offer("create_data_center", &[Permit::CREATE_STORAGE_POOL], Ok(())),
            offer(
                "create_network",
                &[Permit::CREATE_STORAGE_POOL_NETWORK],
                Ok(()),
            ),
            offer("create_disk", &[Permit::CREATE_DISK], Ok(())),
            offer("create_template", &[Permit::CREATE_TEMPLATE], Ok(())),
            offer("create_instance_type", &[Permit::CREATE_TEMPLATE], Ok(())),
            offer("create_pool", &[Permit::CREATE_VM_POOL], Ok(())),
            offer("create_role", &[Permit::MANIPULATE_ROLES], Ok(())),
            offer("create_tag", &[Permit::TAG_MANAGEMENT], Ok(())),
            offer("grant", &[Permit::MANIPULATE_PERMISSIONS], Ok(())),
        ],
        ObjectId::Job(id) => match inventory.jobs.get(&id) {
            Some(job) => vec![Offer {
                action: "cancel",
                verdict: crate::operation::cancellable(access, caller, job),
            }],
            None => Vec::new(),
        },
        ObjectId::AffinityGroup(_)
        | ObjectId::AffinityLabel(_)
        | ObjectId::Quota(_)
        | ObjectId::Qos(_)
        | ObjectId::CpuProfile(_)
        | ObjectId::DiskProfile(_)
        | ObjectId::MacPool(_)
        | ObjectId::Bookmark(_)
        | ObjectId::SchedulingPolicy(_)
        | ObjectId::Operation(_)
        | ObjectId::Transfer(_) => Vec::new(),
    }
}
