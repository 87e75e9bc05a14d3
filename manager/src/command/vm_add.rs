//! Makes a VM: at once when it has no disks to be made, else locked until they are there.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::catalogue;
use crate::domain;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{ObjectId, Permit, Role, TemplateStatus, Vm, VmId, VmRun, VmStatus};
use crate::operation::{Action, OperationKind, Plan};
use crate::seed;
use crate::writer::Draft;

use super::disk::give_to_creator;
use super::disk_attach::attachment;
use super::nic::new_nic;
use super::params::{Accepted, VmAddParams};
use super::{check, instance_type, settings, template, vm_from};

/// Disks of a VM.
pub(super) const MOST_DISKS: usize = 23;
/// Network interfaces of a VM.
pub(super) const MOST_NICS: usize = 16;

impl Manager {
    /// Makes a VM. Its disks are made by an operation; until then it is `image_locked`.
    pub async fn vm_add(&self, caller: &Caller, params: VmAddParams) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| add(draft, &caller, params))
            .await
    }
}

pub(super) fn add(
    draft: &mut Draft,
    caller: &Caller,
    params: VmAddParams,
) -> Result<Accepted<Arc<Vm>>> {
    let cluster = draft
        .clusters
        .get(&params.cluster)
        .cloned()
        .ok_or_else(|| Error::not_found(params.cluster))?;
    access::require(draft, caller, Permit::CREATE_VM, cluster.id)?;
    let template = draft
        .templates
        .get(&params.template)
        .cloned()
        .ok_or_else(|| Error::not_found(params.template))?;
    access::require(draft, caller, Permit::CREATE_VM, template.id)?;
    let template = match template::newest_version(draft, template.id).cloned() {
        Some(newest) if params.use_latest_template => {
            access::require(draft, caller, Permit::CREATE_VM, newest.id)?;
            newest
        }
        _ => template,
    };
    if let Some(home) = template.cluster
        && draft.data_center_of_cluster(home) != Some(cluster.data_center)
    {
        return Err(Error::conflict(
            "Cannot add VM. The Template is not in the Data Center of the Cluster.",
        ));
    }
    if template.status != TemplateStatus::Ok {
        return Err(Error::conflict(
            "Cannot add VM. The Template is locked. Please try again later.",
        ));
    }
    draft.require_space()?;
    check::vm_name(&params.name)?;
    check::text("description", &params.description)?;
    check::text("comment", &params.comment)?;
    check::vm_name_free(draft, &params.name, Some(cluster.data_center), None, "add")?;
    if params.disks.len() > MOST_DISKS || params.nics.len() > MOST_NICS {
        return Err(Error::conflict("Cannot add VM. It has too many devices."));
    }
    let mut hardware = template.hardware.clone();
    hardware.cpu_profile = Some(cluster.cpu_profile);
    if let Some(id) = params.instance_type {
        let kind = draft
            .instance_types
            .get(&id)
            .ok_or_else(|| Error::not_found(id))?;
        instance_type::take_over(&mut hardware, kind);
    }
    // What the system's installer has drivers for, where the maker says nothing else.
    if let Some(os) = &params.settings.os_type
        && *os != hardware.os_type
    {
        let blank = template.id == seed::BLANK;
        catalogue::os(os).put_into(&mut hardware, |bios, tpm| {
            blank
                && draft
                    .hosts
                    .iter()
                    .filter(|host| host.cluster == cluster.id)
                    .filter_map(|host| host.report.as_ref())
                    .any(|facts| domain::lack(facts, bios, tpm).is_none())
        });
    }
    params
        .settings
        .put_into(&mut hardware, draft, caller, cluster.id.into())?;
    hardware.quota =
        crate::rules::quota::chosen(draft, caller, hardware.quota, Some(cluster.data_center))?;
    if let Some(cd) = params.cdrom {
        super::cdrom::require_cd(draft, caller, cd)?;
    }
    let origin = params.origin.unwrap_or_else(|| "ovirt".to_owned());
    check::label("origin", &origin)?;
    let id = VmId::random();
    let mut vm = Vm {
        id,
        name: params.name,
        description: params.description,
        comment: params.comment,
        cluster: cluster.id,
        // A copy stands on nothing.
        template: if params.clone {
            seed::BLANK
        } else {
            template.id
        },
        original_template: template.id,
        use_latest_template: params.use_latest_template && !params.clone,
        pool: None,
        instance_type: params.instance_type,
        origin,
        creation_time: draft.now(),
        delete_protected: params.delete_protected,
        tags: BTreeSet::new(),
        hardware,
        next_run: None,
        disk_attachments: Vec::new(),
        nics: Vec::new(),
        cdrom: params.cdrom,
        memory: None,
        run: VmRun::default(),
        external: None,
    };
    // There before its devices are, for they are checked against it.
    draft.put(vm.clone())?;
    give_to_creator(draft, caller, id.into(), Role::USER_VM_MANAGER)?;
    let mut actions: Vec<(Action, String)> = Vec::new();
    let mut locks: Vec<ObjectId> = vec![id.into()];
    let made = vm_from::template_disks(
        draft,
        caller,
        &template,
        params.clone,
        &params.template_disks,
    )?;
    vm.disk_attachments = made.attachments;
    actions.extend(made.actions);
    locks.extend(made.locks);
    draft.put(vm.clone())?;
    if params.clone_permissions {
        template::permissions_too(draft, caller, template.id.into(), id.into())?;
    }
    for disk in params.disks {
        let made = attachment(draft, caller, &vm, disk)?;
        vm.disk_attachments.push(made.attachment);
        draft.put(vm.clone())?;
        if let Some(step) = made.step {
            for lock in made.locks {
                if !locks.contains(&lock) {
                    locks.push(lock);
                }
            }
            actions.push(step);
        }
    }
    vm_from::nics(draft, caller, &mut vm, &template.nics, &params.nics)?;
    for nic in params.nics {
        let nic = new_nic(draft, caller, &vm, nic)?;
        vm.nics.push(nic);
        draft.put(vm.clone())?;
    }
    settings::validate(&vm.hardware, draft)?;
    let objects = vec![id.into(), cluster.id.into(), template.id.into()];
    if actions.is_empty() {
        let event = EventDraft::new(code::VM_ADDED, format!("VM {} was created.", vm.name));
        draft.event(event.vm(id, draft).template(template.id).by(caller, draft));
        draft.job_done(caller, format!("Creating VM {}", vm.name), objects)?;
        return Ok(Accepted {
            value: Arc::new(vm),
            job: None,
        });
    }
    vm.run.status = VmStatus::ImageLocked;
    draft.put(vm.clone())?;
    let event = EventDraft::new(
        code::VM_ADD_STARTED,
        format!("Creation of VM {} was started.", vm.name),
    );
    draft.event(event.vm(id, draft).template(template.id).by(caller, draft));
    let job = draft.begin(
        caller,
        Plan {
            kind: OperationKind::VmAdd { vm: id },
            description: format!("Creating VM {}", vm.name),
            locks,
            objects,
            actions,
        },
    )?;
    Ok(Accepted {
        value: Arc::new(vm),
        job: Some(job),
    })
}
