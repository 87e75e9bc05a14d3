//! Templates: made from a VM that is down by copying its disks, changed, removed. A template's
//! disks stand on nothing, and nothing but other disks may ever stand on them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{
    DataCenterId, Disk, DiskAttachment, DiskBackup, DiskStatus, Mac, Nic, NicId, ObjectId,
    Permission, PermissionId, Permit, Role, Subject, Template, TemplateId, TemplateStatus, Vm,
    VmStatus,
};
use crate::operation::{OperationKind, Plan, update_vm};
use crate::rules::{self, VmAction};
use crate::seed;
use crate::writer::Draft;

use super::check;
use super::disk::{deleting, give_to_creator, making, new_disk};
use super::params::{
    Accepted, DiskAddParams, DiskCopyChoice, TemplateAddParams, TemplateUpdateParams,
};

/// What the first version is called where nobody says otherwise.
const BASE_VERSION: &str = "base version";
/// Why nothing is sealed: a guest is changed from inside only by tools that the host does not have.
const SEAL: &str = "Cannot add Template. Sealing needs virt-sysprep of libguestfs on the host, \
    which is not available. Remove what makes the guest unique inside it (cloud-init clean, \
    sysprep) and make the template without sealing.";

impl Manager {
    /// Makes a template from a VM that is down. It is locked until its disks are there.
    pub async fn template_add(
        &self,
        caller: &Caller,
        params: TemplateAddParams,
    ) -> Result<Accepted<Arc<Template>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| add(draft, &caller, params))
            .await
    }

    /// Changes a template; `Blank` stays as it is.
    pub async fn template_update(
        &self,
        caller: &Caller,
        id: TemplateId,
        params: TemplateUpdateParams,
    ) -> Result<Arc<Template>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| update(draft, &caller, id, params))
            .await
    }

    /// Removes a template that nothing stands on.
    pub async fn template_remove(&self, caller: &Caller, id: TemplateId) -> Result<Accepted<()>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| remove(draft, &caller, id))
            .await
    }
}

/// All versions of a template.
fn versions(inventory: &Inventory, base: TemplateId) -> impl Iterator<Item = &Arc<Template>> {
    inventory.templates.iter().filter(move |it| it.base == base)
}

/// The newest version of a template that can be used.
pub(crate) fn newest_version(inventory: &Inventory, of: TemplateId) -> Option<&Arc<Template>> {
    let base = inventory.templates.get(&of)?.base;
    versions(inventory, base)
        .filter(|it| it.status == TemplateStatus::Ok)
        .max_by_key(|it| it.version_number)
}

fn data_center_of(inventory: &Inventory, template: &Template) -> Option<DataCenterId> {
    inventory.data_center_of_cluster(template.cluster?)
}

fn name_free(
    inventory: &Inventory,
    name: &str,
    data_center: Option<DataCenterId>,
    base: Option<TemplateId>,
    what: &str,
) -> Result<()> {
    let taken = inventory.templates.iter().any(|other| {
        other.name == name
            && Some(other.base) != base
            && (other.cluster.is_none() || data_center_of(inventory, other) == data_center)
    });
    if taken {
        return Err(Error::conflict(format!(
            "Cannot {what} Template. The Template name is already in use, please choose a unique name and try again."
        )));
    }
    Ok(())
}

/// Checks what a copy of a disk shall be like and puts its record into the inventory, locked. The
/// copy is made as the manager: whether the caller may is for the caller of this to ask.
pub(super) fn copied(
    draft: &mut Draft,
    caller: &Caller,
    source: &Disk,
    choice: Option<&DiskCopyChoice>,
    elsewhere: Option<crate::model::StorageDomainId>,
) -> Result<Disk> {
    let said = |choice: Option<String>, own: &str| {
        choice
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| own.to_owned())
    };
    let format = choice.and_then(|it| it.format).unwrap_or(source.format);
    let sparse = match choice.and_then(|it| it.sparse) {
        Some(sparse) => Some(sparse),
        None => (format == source.format).then_some(source.sparse),
    };
    let params = DiskAddParams {
        id: None,
        name: said(choice.and_then(|it| it.name.clone()), &source.name),
        description: said(
            choice.and_then(|it| it.description.clone()),
            &source.description,
        ),
        storage_domain: Some(
            choice
                .and_then(|it| it.storage_domain)
                .or(elsewhere)
                .unwrap_or(source.storage_domain),
        ),
        provisioned_size: source.provisioned_size,
        format,
        sparse,
        content_type: source.content_type,
        shareable: false,
        wipe_after_delete: Some(source.wipe_after_delete),
        propagate_errors: source.propagate_errors,
        backup: DiskBackup::None,
        quota: source.quota,
        // A profile belongs to its storage domain.
        disk_profile: None,
    };
    new_disk(draft, caller, params, &source.name)
}

/// Refuses a choice for a disk that is not among those that are copied.
pub(super) fn choices_fit(
    choices: &[DiskCopyChoice],
    attachments: &[DiskAttachment],
) -> Result<()> {
    for choice in choices {
        if !attachments.iter().any(|it| it.disk == choice.disk) {
            return Err(Error::not_found(choice.disk));
        }
    }
    Ok(())
}

/// The attachment of a copy.
pub(super) fn attached(
    old: &DiskAttachment,
    copy: &Disk,
    choice: Option<&DiskCopyChoice>,
) -> DiskAttachment {
    DiskAttachment {
        disk: copy.id,
        interface: choice.and_then(|it| it.interface).unwrap_or(old.interface),
        bootable: choice.and_then(|it| it.bootable).unwrap_or(old.bootable),
        active: true,
        ..old.clone()
    }
}

/// Refuses to read a disk for somebody who could not copy it either.
pub(super) fn may_read(inventory: &Inventory, caller: &Caller, disk: &Disk) -> Result<()> {
    access::require_any(
        inventory,
        caller,
        &[
            Permit::ATTACH_DISK,
            Permit::EDIT_DISK_PROPERTIES,
            Permit::ACCESS_IMAGE_STORAGE,
        ],
        disk.id,
    )
}

/// Gives everybody who has a role on one object the same role on another.
pub(super) fn permissions_too(
    draft: &mut Draft,
    caller: &Caller,
    from: ObjectId,
    to: ObjectId,
) -> Result<()> {
    access::require(draft, caller, Permit::MANIPULATE_PERMISSIONS, from)?;
    let there: Vec<_> = draft.permissions_on(from).cloned().collect();
    for permission in there {
        let known = draft
            .permissions_on(to)
            .any(|it| it.role == permission.role && it.subject == permission.subject);
        // Nobody gets more by making a copy than what makers of copies get.
        let own = caller
            .person()
            .is_some_and(|user| permission.subject == Subject::User(user));
        if known || own {
            continue;
        }
        draft.put(Permission {
            id: PermissionId::random(),
            role: permission.role,
            subject: permission.subject,
            object: to,
        })?;
    }
    Ok(())
}

/// Which family a new template belongs to: base, number and name, and the template's own name.
fn version(
    inventory: &Inventory,
    caller: &Caller,
    params: &TemplateAddParams,
    id: TemplateId,
    data_center: Option<DataCenterId>,
) -> Result<(TemplateId, u32, String, String)> {
    let version_name = params.version_name.clone().unwrap_or_default();
    if !version_name.is_empty() {
        check::label("version_name", &version_name)?;
    }
    let Some(of) = params.base else {
        check::vm_name(&params.name)?;
        name_free(inventory, &params.name, data_center, None, "add")?;
        let name = if version_name.is_empty() {
            BASE_VERSION.to_owned()
        } else {
            version_name
        };
        return Ok((id, 1, name, params.name.clone()));
    };
    let of = inventory
        .templates
        .get(&of)
        .ok_or_else(|| Error::not_found(of))?;
    if of.base == seed::BLANK {
        return Err(Error::conflict(
            "Cannot add Template. The Blank template cannot have versions.",
        ));
    }
    access::require(inventory, caller, Permit::EDIT_TEMPLATE_PROPERTIES, of.base)?;
    let base = inventory
        .templates
        .get(&of.base)
        .ok_or_else(|| Error::not_found(of.base))?;
    if data_center_of(inventory, base) != data_center {
        return Err(Error::conflict(
            "Cannot add Template. The base Template is in another Data Center.",
        ));
    }
    let number = versions(inventory, base.id)
        .map(|it| it.version_number)
        .max()
        .unwrap_or(1);
    Ok((
        base.id,
        number.saturating_add(1),
        version_name,
        base.name.clone(),
    ))
}

fn add(
    draft: &mut Draft,
    caller: &Caller,
    params: TemplateAddParams,
) -> Result<Accepted<Arc<Template>>> {
    let vm = draft
        .vms
        .get(&params.vm)
        .cloned()
        .ok_or_else(|| Error::not_found(params.vm))?;
    access::require(draft, caller, Permit::EDIT_VM_PROPERTIES, vm.id)?;
    let cluster = params.cluster.unwrap_or(vm.cluster);
    access::require(draft, caller, Permit::CREATE_TEMPLATE, cluster)?;
    let data_center = draft.data_center_of_cluster(cluster);
    if data_center != draft.data_center_of_cluster(vm.cluster) {
        return Err(Error::conflict(
            "Cannot add Template. The Cluster is in another Data Center than the VM.",
        ));
    }
    draft.require_space()?;
    if params.seal {
        return Err(Error::conflict(SEAL));
    }
    rules::vm(draft, &vm, VmAction::CreateTemplate).map_err(Error::conflict)?;
    check::text("description", &params.description)?;
    check::text("comment", &params.comment)?;
    let id = TemplateId::random();
    let (base, version_number, version_name, name) =
        version(draft, caller, &params, id, data_center)?;
    // A disk that several VMs share belongs to none of them, and so to no template of theirs.
    let shared = |it: &&DiskAttachment| {
        draft
            .disks
            .get(&it.disk)
            .is_some_and(|disk| !disk.shareable)
    };
    let sources: Vec<DiskAttachment> = vm.disk_attachments.iter().filter(shared).cloned().collect();
    choices_fit(&params.disks, &sources)?;
    let mut hardware = vm.hardware.clone();
    hardware.lease = None;
    params
        .settings
        .put_into(&mut hardware, draft, caller, cluster.into())?;
    let nics = vm.nics.iter().map(|nic| Nic {
        id: NicId::random(),
        // VMs get addresses of their own.
        mac: Mac::NONE,
        ..nic.clone()
    });
    let mut template = Template {
        id,
        name,
        description: params.description,
        comment: params.comment,
        cluster: Some(cluster),
        status: TemplateStatus::Locked,
        creation_time: draft.now(),
        origin: "ovirt".to_owned(),
        delete_protected: params.delete_protected,
        base,
        version_number,
        version_name,
        tags: BTreeSet::new(),
        hardware,
        disk_attachments: Vec::new(),
        nics: nics.collect(),
    };
    let mut actions = Vec::new();
    let mut locks: Vec<ObjectId> = vec![id.into(), vm.id.into()];
    for old in &sources {
        let source = draft
            .disks
            .get(&old.disk)
            .cloned()
            .ok_or_else(|| Error::not_found(old.disk))?;
        may_read(draft, caller, &source)?;
        let choice = params.disks.iter().find(|it| it.disk == old.disk);
        let domain = choice
            .and_then(|it| it.storage_domain)
            .or(params.storage_domain);
        if let Some(domain) = domain.filter(|domain| *domain != source.storage_domain) {
            access::require(draft, caller, Permit::CREATE_DISK, domain)?;
        }
        let system = Caller::system();
        let copy = copied(draft, &system, &source, choice, params.storage_domain)?;
        template.disk_attachments.push(attached(old, &copy, choice));
        actions.push(making(&copy, Some(source.id)));
        locks.extend([ObjectId::from(copy.id), source.id.into()]);
        draft.put(Disk {
            status: DiskStatus::Locked,
            ..(*source).clone()
        })?;
    }
    if actions.is_empty() {
        template.status = TemplateStatus::Ok;
    }
    draft.put(template.clone())?;
    give_to_creator(draft, caller, id.into(), Role::TEMPLATE_OWNER)?;
    if params.clone_permissions {
        permissions_too(draft, caller, vm.id.into(), id.into())?;
    }
    let event = EventDraft::new(
        code::TEMPLATE_ADD_STARTED,
        format!(
            "Creation of Template {} from VM {} was initiated by {}.",
            template.name,
            vm.name,
            super::who(draft, caller)
        ),
    );
    let event = event.vm(vm.id, draft).template(id);
    draft.event(event.by(caller, draft));
    let objects = vec![id.into(), vm.id.into(), cluster.into()];
    let description = format!("Creating Template {} from VM {}", template.name, vm.name);
    if actions.is_empty() {
        let event = EventDraft::new(
            code::TEMPLATE_ADDED,
            format!("Creation of Template {} has been completed.", template.name),
        );
        let event = event.template(id).cluster(cluster, draft);
        draft.event(event.by(caller, draft));
        draft.job_done(caller, description, objects)?;
        return Ok(Accepted {
            value: Arc::new(template),
            job: None,
        });
    }
    update_vm(draft, vm.id, |vm| vm.run.status = VmStatus::ImageLocked)?;
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::TemplateAdd {
                template: id,
                vm: vm.id,
            },
            description,
            locks,
            objects,
            actions,
        },
    )?;
    Ok(Accepted {
        value: Arc::new(template),
        job: Some(job),
    })
}

fn update(
    draft: &mut Draft,
    caller: &Caller,
    id: TemplateId,
    params: TemplateUpdateParams,
) -> Result<Arc<Template>> {
    access::require(draft, caller, Permit::EDIT_TEMPLATE_PROPERTIES, id)?;
    let old = draft
        .templates
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::template_edit(draft, &old).map_err(Error::conflict)?;
    let mut it = (*old).clone();
    if let Some(name) = params.name.filter(|name| *name != old.name) {
        check::vm_name(&name)?;
        let center = data_center_of(draft, &it);
        name_free(draft, &name, center, Some(it.base), "update")?;
        // All versions have one name.
        let others: Vec<_> = versions(draft, it.base)
            .filter(|other| other.id != id)
            .cloned()
            .collect();
        for other in others {
            draft.put(Template {
                name: name.clone(),
                ..(*other).clone()
            })?;
        }
        it.name = name;
    }
    check::set_text("description", &mut it.description, params.description)?;
    check::set_text("comment", &mut it.comment, params.comment)?;
    if let Some(name) = params.version_name {
        if !name.is_empty() {
            check::label("version_name", &name)?;
        }
        it.version_name = name;
    }
    it.delete_protected = params.delete_protected.unwrap_or(it.delete_protected);
    params
        .settings
        .put_into(&mut it.hardware, draft, caller, id.into())?;
    draft.put(it.clone())?;
    let event = EventDraft::new(
        code::TEMPLATE_UPDATED,
        format!("Template {} was updated.", it.name),
    );
    draft.event(event.template(id).by(caller, draft));
    Ok(Arc::new(it))
}

/// Takes a template's record away. Where it was the first of several versions, the next one is
/// the first from now on.
pub(crate) fn forget(draft: &mut Draft, id: TemplateId) -> Result<()> {
    let next = versions(draft, id)
        .filter(|it| it.id != id)
        .min_by_key(|it| it.version_number)
        .map(|it| it.id);
    if let Some(next) = next {
        let others: Vec<_> = versions(draft, id)
            .filter(|it| it.id != id)
            .cloned()
            .collect();
        for other in others {
            draft.put(Template {
                base: next,
                ..(*other).clone()
            })?;
        }
        let pools: Vec<_> = draft
            .vm_pools
            .iter()
            .filter(|pool| pool.template == id)
            .cloned()
            .collect();
        for pool in pools {
            draft.put(crate::model::VmPool {
                template: next,
                ..(*pool).clone()
            })?;
        }
    }
    draft.remove(id);
    Ok(())
}

fn remove(draft: &mut Draft, caller: &Caller, id: TemplateId) -> Result<Accepted<()>> {
    access::require(draft, caller, Permit::DELETE_TEMPLATE, id)?;
    let old = draft
        .templates
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    rules::template_delete(draft, &old).map_err(Error::conflict)?;
    let about = |event: EventDraft, draft: &Draft| match old.cluster {
        Some(cluster) => event.cluster(cluster, draft),
        None => event,
    };
    let description = format!("Removing Template {}", old.name);
    if old.disk_attachments.is_empty() {
        forget(draft, id)?;
        let event = EventDraft::new(
            code::TEMPLATE_REMOVED,
            format!("Template {} was removed.", old.name),
        );
        draft.event(about(event, draft).by(caller, draft));
        draft.job_done(
            caller,
            description,
            old.cluster.map(ObjectId::from).into_iter().collect(),
        )?;
        return Ok(Accepted {
            value: (),
            job: None,
        });
    }
    let event = EventDraft::new(
        code::TEMPLATE_REMOVE_STARTED,
        format!(
            "Removal of Template {} was initiated by {}.",
            old.name,
            super::who(draft, caller)
        ),
    );
    draft.event(about(event, draft).template(id).by(caller, draft));
    let mut actions = Vec::new();
    let mut locks: Vec<ObjectId> = vec![id.into()];
    let disks: Vec<_> = old
        .disk_attachments
        .iter()
        .filter_map(|it| draft.disks.get(&it.disk).cloned())
        .collect();
    for disk in disks {
        actions.extend(deleting(draft, &disk));
        locks.push(disk.id.into());
        draft.put(Disk {
            status: DiskStatus::Locked,
            ..(*disk).clone()
        })?;
    }
    draft.put(Template {
        status: TemplateStatus::Locked,
        ..(*old).clone()
    })?;
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::TemplateRemove { template: id },
            description,
            objects: locks.clone(),
            locks,
            actions,
        },
    )?;
    Ok(Accepted {
        value: (),
        job: Some(job),
    })
}

/// Whether a VM stands on a template: made from it, and not a copy.
pub(crate) fn stands_on(vm: &Vm, template: TemplateId) -> bool {
    vm.template == template
}
