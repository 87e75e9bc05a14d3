//! Disks: made, changed, copied and removed; and the parts of it that a VM's commands share.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    Disk, DiskBackup, DiskContentType, DiskFormat, DiskId, DiskProfileId, DiskStatus, ObjectId,
    Permission, PermissionId, Permit, Role, RoleId, StorageDomain, StorageDomainId,
    StorageDomainType, Subject, VmStatus,
};
use crate::operation::{Action, OperationKind, Plan, require_unlocked};
use crate::rules::{self, quota};
use crate::writer::Draft;

use super::check;
use super::params::{Accepted, DiskAddParams, DiskCopyParams, DiskUpdateParams};

/// The largest disk.
const LARGEST: u64 = 16 << 40;

/// Somebody who makes a thing must be able to go on with it: where their rights do not reach it
/// from above, they get a role on it.
pub(super) fn give_to_creator(
    draft: &mut Draft,
    caller: &Caller,
    object: ObjectId,
    role: RoleId,
) -> Result<()> {
    let Some(user) = caller.person() else {
        return Ok(());
    };
    if access::may(draft, caller, Permit::MANIPULATE_PERMISSIONS, object) {
        return Ok(());
    }
    draft.put(Permission {
        id: PermissionId::random(),
        role,
        subject: Subject::User(user),
        object,
    })
}

fn domain_for<'a>(
    inventory: &'a Inventory,
    params: &DiskAddParams,
    caller: &Caller,
) -> Result<&'a Arc<StorageDomain>> {
    match params.storage_domain {
        Some(id) => inventory
            .storage_domains
            .get(&id)
            .ok_or_else(|| Error::not_found(id)),
        None => inventory
            .storage_domains
            .iter()
            .filter(|domain| domain.domain_type == StorageDomainType::Data)
            .filter(|domain| access::may(inventory, caller, Permit::CREATE_DISK, domain.id))
            .max_by_key(|domain| (domain.master, domain.id))
            .ok_or_else(|| {
                Error::invalid(
                    "storage_domains",
                    "Disk [storage_domains.id|name] required for add",
                )
            }),
    }
}

/// A disk's profile must be one of its storage domain's.
fn profile_in(
    inventory: &Inventory,
    profile: DiskProfileId,
    domain: StorageDomainId,
    what: &str,
) -> Result<DiskProfileId> {
    match inventory.disk_profiles.get(&profile) {
        Some(it) if it.storage_domain == domain => Ok(profile),
        Some(_) => Err(Error::conflict(format!(
            "Cannot {what}. The disk profile doesn't match the storage domain of the disk."
        ))),
        None => Err(Error::not_found(profile)),
    }
}

/// Checks a new disk and puts it into the inventory, locked.
pub(super) fn new_disk(
    draft: &mut Draft,
    caller: &Caller,
    params: DiskAddParams,
    default_name: &str,
) -> Result<Disk> {
    const WHAT: &str = "add Virtual Disk";
    let domain = Arc::clone(domain_for(draft, &params, caller)?);
    access::require(draft, caller, Permit::CREATE_DISK, domain.id)?;
    if domain.domain_type != StorageDomainType::Data {
        return Err(Error::conflict(format!(
            "Cannot {WHAT}. Storage Domain {} does not hold disks.",
            domain.name
        )));
    }
    if params.provisioned_size == 0 || params.provisioned_size > LARGEST {
        return Err(Error::invalid(
            "provisioned_size",
            format!(
                "The size of a disk must be 1 byte to {} TiB.",
                LARGEST >> 40
            ),
        ));
    }
    if !matches!(
        params.content_type,
        DiskContentType::Data | DiskContentType::Iso
    ) {
        return Err(Error::invalid(
            "content_type",
            "Only disks of content type data and iso can be made.",
        ));
    }
    let iso = params.content_type == DiskContentType::Iso;
    if iso && params.format != DiskFormat::Raw {
        return Err(Error::conflict(format!(
            "Cannot {WHAT}. An ISO image must be in RAW format."
        )));
    }
    let sparse = params
        .sparse
        .unwrap_or(iso || params.format == DiskFormat::Cow);
    if params.format == DiskFormat::Cow && !sparse {
        return Err(Error::conflict(format!(
            "Cannot {WHAT}. Disk configuration (COW Preallocated) is incompatible with the storage domain type."
        )));
    }
    if params.shareable && params.format == DiskFormat::Cow {
        return Err(Error::conflict(format!(
            "Cannot {WHAT}. Shareable disks are not supported in COW format."
        )));
    }
    if params.backup == DiskBackup::Incremental && params.format != DiskFormat::Cow {
        return Err(Error::conflict(format!(
            "Cannot {WHAT}. Incremental backup needs a disk in COW format."
        )));
    }
    check::text("description", &params.description)?;
    let name = if params.name.is_empty() {
        default_name.to_owned()
    } else {
        params.name
    };
    check::label("name", &name)?;
    check::room(
        &domain,
        if sparse { 0 } else { params.provisioned_size },
        WHAT,
    )?;
    let id = params.id.unwrap_or_else(DiskId::random);
    if draft.disks.contains_key(&id) || id == DiskId::ZERO {
        return Err(Error::conflict(format!(
            "Cannot {WHAT}. A disk of this id exists already."
        )));
    }
    let quota = quota::chosen(draft, caller, params.quota, domain.data_center)?;
    quota::take_storage(
        draft,
        caller,
        quota,
        domain.id,
        params.provisioned_size,
        WHAT,
    )?;
    let disk = Disk {
        id,
        name,
        description: params.description,
        storage_domain: domain.id,
        provisioned_size: params.provisioned_size.div_ceil(512) * 512,
        actual_size: 0,
        format: params.format,
        sparse,
        content_type: params.content_type,
        status: DiskStatus::Locked,
        shareable: params.shareable,
        wipe_after_delete: params.wipe_after_delete.unwrap_or(domain.wipe_after_delete),
        propagate_errors: params.propagate_errors,
        backup: params.backup,
        image: None,
        backing: Vec::new(),
        disk_profile: match params.disk_profile {
            Some(profile) => profile_in(draft, profile, domain.id, WHAT)?,
            None => domain.disk_profile,
        },
        quota,
        creation_time: draft.now(),
    };
    draft.put(disk.clone())?;
    give_to_creator(draft, caller, disk.id.into(), Role::DISK_OPERATOR)?;
    Ok(disk)
}

/// A new disk with the content of another one.
pub(super) fn new_copy(
    draft: &mut Draft,
    caller: &Caller,
    source: DiskId,
    mut params: DiskAddParams,
    default_name: &str,
) -> Result<Disk> {
    access::require_any(
        draft,
        caller,
        &[
            Permit::ATTACH_DISK,
            Permit::EDIT_DISK_PROPERTIES,
            Permit::ACCESS_IMAGE_STORAGE,
        ],
        source,
    )?;
    let source = draft
        .disks
        .get(&source)
        .cloned()
        .ok_or_else(|| Error::not_found(source))?;
    rules::transferable(draft, &source).map_err(|reason| {
        Error::conflict(reason.replace("transfer Virtual Disk", "copy Virtual Disk"))
    })?;
    if source.content_type == DiskContentType::Iso && params.format != DiskFormat::Raw {
        params.format = DiskFormat::Raw;
    }
    params.provisioned_size = params.provisioned_size.max(source.provisioned_size);
    params.content_type = source.content_type;
    let copy = new_disk(draft, caller, params, default_name)?;
    // Nobody may write to what is being read.
    let mut locked = (*source).clone();
    locked.status = DiskStatus::Locked;
    draft.put(locked)?;
    Ok(copy)
}

/// The step that makes a disk's volume, with what the job says of it.
pub(super) fn making(disk: &Disk, source: Option<DiskId>) -> (Action, String) {
    match source {
        None => (
            Action::VolumeCreate { disk: disk.id },
            format!("Creating volume of disk {}", disk.name),
        ),
        Some(source) => (
            Action::VolumeCopy {
                source,
                disk: disk.id,
            },
            format!("Copying the content of disk {}", disk.name),
        ),
    }
}

/// The steps that remove a disk's own images: its chain and what its snapshots keep, but nothing
/// that another disk stands on.
pub(crate) fn deleting(inventory: &Inventory, disk: &Disk) -> Vec<(Action, String)> {
    let images = inventory.own_images(disk);
    let number = images.len();
    images
        .into_iter()
        .enumerate()
        .map(|(at, image)| {
            let action = Action::VolumeDelete {
                disk: disk.id,
                storage_domain: disk.storage_domain,
                image: Some(image),
            };
            let name = &disk.name;
            let said = match number {
                1 => format!("Deleting volume of disk {name}"),
                _ => format!("Deleting volume {} of {number} of disk {name}", at + 1),
            };
            (action, said)
        })
        .collect()
}

impl Manager {
    /// Makes a disk that is attached to nothing. It is locked until its volume is there.
    pub async fn disk_add(
        &self,
        caller: &Caller,
        params: DiskAddParams,
    ) -> Result<Accepted<Arc<Disk>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let default = format!("disk-{}", uuid::Uuid::new_v4());
                let disk = new_disk(draft, &caller, params, &default)?;
                let event = EventDraft::new(
                    code::DISK_ADD,
                    format!("Adding disk {} was started.", disk.name),
                );
                draft.event(event.disk(disk.id, draft).by(&caller, draft));
                let job = draft.begin(
                    &caller,
                    Plan {
                        kind: OperationKind::DiskAdd {
                            disk: disk.id,
                            vm: None,
                        },
                        description: format!("Adding Disk {}", disk.name),
                        locks: vec![disk.id.into()],
                        objects: vec![disk.id.into(), disk.storage_domain.into()],
                        actions: vec![making(&disk, None)],
                    },
                )?;
                Ok(Accepted {
                    value: Arc::new(disk),
                    job: Some(job),
                })
            })
            .await
    }

    /// Makes a copy of a disk.
    pub async fn disk_copy(
        &self,
        caller: &Caller,
        disk: DiskId,
        params: DiskCopyParams,
    ) -> Result<Accepted<Arc<Disk>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let source = draft
                    .disks
                    .get(&disk)
                    .cloned()
                    .ok_or_else(|| Error::not_found(disk))?;
                let params = DiskAddParams {
                    id: None,
                    name: params.name.unwrap_or_else(|| source.name.clone()),
                    description: source.description.clone(),
                    storage_domain: Some(params.storage_domain.unwrap_or(source.storage_domain)),
                    provisioned_size: source.provisioned_size,
                    format: params.format.unwrap_or(source.format),
                    sparse: None,
                    content_type: source.content_type,
                    shareable: false,
                    wipe_after_delete: None,
                    propagate_errors: source.propagate_errors,
                    backup: DiskBackup::None,
                    disk_profile: None,
                    quota: source.quota,
                };
                let copy = new_copy(draft, &caller, disk, params, &source.name)?;
                let event = EventDraft::new(
                    code::DISK_ADD,
                    format!("Copying disk {} to {} was started.", source.name, copy.name),
                );
                draft.event(event.disk(copy.id, draft).by(&caller, draft));
                let job = draft.begin(
                    &caller,
                    Plan {
                        kind: OperationKind::DiskCopy { disk: copy.id },
                        description: format!("Copying Disk {}", source.name),
                        locks: vec![copy.id.into(), disk.into()],
                        objects: vec![copy.id.into(), disk.into()],
                        actions: vec![making(&copy, Some(disk))],
                    },
                )?;
                Ok(Accepted {
                    value: Arc::new(copy),
                    job: Some(job),
                })
            })
            .await
    }

    /// Changes a disk. A larger size is brought about by an operation; a smaller one is refused.
    pub async fn disk_update(
        &self,
        caller: &Caller,
        disk: DiskId,
        params: DiskUpdateParams,
    ) -> Result<Accepted<Arc<Disk>>> {
        let profiled = params.disk_profile.is_some();
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let job = update(draft, &caller, disk, params)?;
                let disk = draft
                    .disks
                    .get(&disk)
                    .cloned()
                    .ok_or_else(|| Error::not_found(disk))?;
                Ok(Accepted { value: disk, job })
            })
            .await
            .inspect(|_| {
                if profiled {
                    self.disk_limits_changed(|it| it.id == disk);
                }
            })
    }

    /// Removes a disk, from the VM that has it as well.
    pub async fn disk_remove(&self, caller: &Caller, disk: DiskId) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::DELETE_DISK, disk)?;
                let it = draft
                    .disks
                    .get(&disk)
                    .cloned()
                    .ok_or_else(|| Error::not_found(disk))?;
                rules::disk_delete(draft, &it).map_err(Error::conflict)?;
                let job = remove(draft, &caller, &it, Vec::new())?;
                Ok(Accepted {
                    value: (),
                    job: Some(job),
                })
            })
            .await
    }
}

/// Begins the removal of a disk, after whatever must happen first.
pub(super) fn remove(
    draft: &mut Draft,
    caller: &Caller,
    disk: &Disk,
    before: Vec<(Action, String)>,
) -> Result<crate::model::JobId> {
    let vms: Vec<ObjectId> = draft.vms_of_disk(disk.id).map(|vm| vm.id.into()).collect();
    draft.put(Disk {
        status: DiskStatus::Locked,
        ..disk.clone()
    })?;
    let event = EventDraft::new(
        code::DISK_REMOVE_STARTED,
        format!("Removal of disk {} was started.", disk.name),
    );
    draft.event(event.disk(disk.id, draft).by(caller, draft));
    let mut actions = before;
    actions.extend(deleting(draft, disk));
    draft.begin(
        caller,
        Plan {
            kind: OperationKind::DiskRemove { disk: disk.id },
            description: format!("Removing Disk {}", disk.name),
            locks: std::iter::once(disk.id.into())
                .chain(vms.iter().copied())
                .collect(),
            objects: std::iter::once(disk.id.into()).chain(vms).collect(),
            actions,
        },
    )
}

/// Changes a disk inside a change; gives the job where one goes on.
pub(super) fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: DiskId,
    params: DiskUpdateParams,
) -> Result<Option<crate::model::JobId>> {
    const WHAT: &str = "edit Virtual Disk";
    access::require(draft, caller, Permit::EDIT_DISK_PROPERTIES, id)?;
    let old = draft
        .disks
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::disk_free(draft, &old, WHAT).map_err(Error::conflict)?;
    rules::not_of_template(draft, &old, WHAT).map_err(Error::conflict)?;
    let mut disk = (*old).clone();
    if let Some(name) = params.name {
        check::label("name", &name)?;
        disk.name = name;
    }
    check::set_text("description", &mut disk.description, params.description)?;
    if let Some(shareable) = params
        .shareable
        .filter(|shareable| *shareable != disk.shareable)
    {
        if shareable && disk.format == DiskFormat::Cow {
            return Err(Error::conflict(format!(
                "Cannot {WHAT}. Shareable disks are not supported in COW format."
            )));
        }
        let users: Vec<_> = draft.vms_of_disk(id).collect();
        if !shareable && users.len() > 1 {
            return Err(Error::conflict(format!(
                "Cannot {WHAT}. The disk is attached to more than one VM."
            )));
        }
        if users.iter().any(|vm| vm.run.status != VmStatus::Down) {
            return Err(Error::conflict(format!(
                "Cannot {WHAT}. At least one of the VMs is not down."
            )));
        }
        disk.shareable = shareable;
    }
    disk.wipe_after_delete = params.wipe_after_delete.unwrap_or(disk.wipe_after_delete);
    disk.propagate_errors = params.propagate_errors.unwrap_or(disk.propagate_errors);
    if let Some(backup) = params.backup {
        if backup == DiskBackup::Incremental && disk.format != DiskFormat::Cow {
            return Err(Error::conflict(format!(
                "Cannot {WHAT}. Incremental backup needs a disk in COW format."
            )));
        }
        disk.backup = backup;
    }
    let center = draft
        .storage_domains
        .get(&disk.storage_domain)
        .and_then(|it| it.data_center);
    if let Some(quota) = params.quota.filter(|quota| disk.quota != Some(*quota)) {
        let quota = quota::chosen(draft, caller, Some(quota), center)?;
        quota::take_storage(
            draft,
            caller,
            quota,
            disk.storage_domain,
            disk.provisioned_size,
            WHAT,
        )?;
        disk.quota = quota;
    }
    if let Some(profile) = params.disk_profile {
        disk.disk_profile = profile_in(draft, profile, disk.storage_domain, WHAT)?;
    }
    let size = params.provisioned_size.map(|size| size.div_ceil(512) * 512);
    let grow = match size {
        Some(size) if size < disk.provisioned_size => {
            return Err(Error::conflict(format!(
                "Cannot {WHAT}. New disk size must not be smaller than the current disk size."
            )));
        }
        Some(size) if size > LARGEST => {
            return Err(Error::invalid(
                "provisioned_size",
                "The disk would be too large.",
            ));
        }
        Some(size) if size > disk.provisioned_size => Some(size),
        _ => None,
    };
    if let Some(size) = grow {
        let users: Vec<_> = draft
            .vms_of_disk(id)
            .map(|vm| ObjectId::Vm(vm.id))
            .collect();
        require_unlocked(draft, users, WHAT)?;
        let domain = draft
            .storage_domains
            .get(&disk.storage_domain)
            .cloned()
            .ok_or_else(|| Error::not_found(disk.storage_domain))?;
        let more = if disk.sparse {
            0
        } else {
            size - disk.provisioned_size
        };
        check::room(&domain, more, WHAT)?;
        let added = size - disk.provisioned_size;
        quota::take_storage(draft, caller, disk.quota, domain.id, added, WHAT)?;
        disk.status = DiskStatus::Locked;
    }
    if disk == *old {
        return Ok(None);
    }
    let event = EventDraft::new(
        code::DISK_UPDATED,
        format!("The disk {} was updated.", disk.name),
    );
    let name = disk.name.clone();
    draft.put(disk)?;
    draft.event(event.disk(id, draft).by(caller, draft));
    let Some(size) = grow else {
        draft.job_done(caller, format!("Editing Disk {name}"), vec![id.into()])?;
        return Ok(None);
    };
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::DiskResize { disk: id, size },
            description: format!("Extending Disk {name}"),
            locks: vec![id.into()],
            objects: vec![id.into()],
            actions: vec![(
                Action::VolumeResize { disk: id, size },
                format!("Extending volume of disk {name} to {} MiB", size >> 20),
            )],
        },
    )?;
    Ok(Some(job))
}

/// Changes a disk where anything is said of it.
pub(super) fn update_if_said(
    draft: &mut Draft,
    caller: &Caller,
    id: DiskId,
    params: DiskUpdateParams,
) -> Result<Option<crate::model::JobId>> {
    let said = params.name.is_some()
        || params.description.is_some()
        || params.provisioned_size.is_some()
        || params.shareable.is_some()
        || params.wipe_after_delete.is_some()
        || params.propagate_errors.is_some()
        || params.backup.is_some()
        || params.quota.is_some()
        || params.disk_profile.is_some();
    if said {
        update(draft, caller, id, params)
    } else {
        Ok(None)
    }
}
