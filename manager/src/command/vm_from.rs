//! What a VM takes over from where it is made from: disks and interfaces of a template, or of
//! another VM that it is a copy of.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{
    Disk, DiskAttachment, DiskFormat, DiskStatus, LogSeverity, Nic, ObjectId, Permit, Role,
    Template, Vm, VmId, VmRun, VmStatus,
};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};
use crate::seed;
use crate::writer::Draft;

use super::disk::{give_to_creator, making};
use super::nic::{check_profile, new_nic};
use super::params::{Accepted, DiskCopyChoice, NicAddParams, VmCloneParams};
use super::template::{attached, choices_fit, copied, may_read};
use super::{check, settings};

/// Disks that are being made, with the steps that make them.
#[derive(Default)]
pub(super) struct Made {
    pub(super) attachments: Vec<DiskAttachment>,
    pub(super) actions: Vec<(Action, String)>,
    pub(super) locks: Vec<ObjectId>,
}

/// The disks of a new VM: copies of the template's, or thin ones that stand on them.
pub(super) fn template_disks(
    draft: &mut Draft,
    caller: &Caller,
    template: &Template,
    clone: bool,
    choices: &[DiskCopyChoice],
) -> Result<Made> {
    choices_fit(choices, &template.disk_attachments)?;
    let mut made = Made::default();
    for old in &template.disk_attachments {
        let source = draft
            .disks
            .get(&old.disk)
            .cloned()
            .ok_or_else(|| Error::not_found(old.disk))?;
        if source.status != DiskStatus::Ok {
            return Err(Error::conflict(format!(
                "Cannot add VM. The Disk {} of the Template is {}.",
                source.name, source.status
            )));
        }
        let choice = choices.iter().find(|it| it.disk == old.disk);
        let (disk, copy_of) = if clone {
            (
                copied(draft, caller, &source, choice, None)?,
                Some(source.id),
            )
        } else {
            (thin(draft, caller, &source, choice)?, None)
        };
        made.attachments.push(attached(old, &disk, choice));
        made.actions.push(making(&disk, copy_of));
        made.locks.push(disk.id.into());
    }
    Ok(made)
}

/// A disk that stands on a template's: only what differs is written.
fn thin(
    draft: &mut Draft,
    caller: &Caller,
    source: &Disk,
    choice: Option<&DiskCopyChoice>,
) -> Result<Disk> {
    if choice.and_then(|it| it.format) == Some(DiskFormat::Raw) {
        return Err(Error::conflict(
            "Cannot add VM. Thin disks on a Template's are in COW format only; clone the Template for RAW.",
        ));
    }
    let elsewhere = choice
        .and_then(|it| it.storage_domain)
        .is_some_and(|domain| domain != source.storage_domain);
    if elsewhere {
        return Err(Error::conflict(
            "Cannot add VM. A thin disk is in the Storage Domain of its Template's disk; clone the Template for another one.",
        ));
    }
    let as_thin = Disk {
        format: DiskFormat::Cow,
        sparse: true,
        ..source.clone()
    };
    let mut disk = copied(draft, caller, &as_thin, choice, None)?;
    disk.backing = source.layers().collect();
    draft.put(disk.clone())?;
    Ok(disk)
}

/// The interfaces of a new VM: the template's, with addresses of their own, where the request
/// says nothing of one with that name. One that leads where the caller may not go leads nowhere.
pub(super) fn nics(
    draft: &mut Draft,
    caller: &Caller,
    vm: &mut Vm,
    from: &[Nic],
    sent: &[NicAddParams],
) -> Result<()> {
    for old in from {
        if sent.iter().any(|nic| nic.name == old.name) {
            continue;
        }
        let usable = check_profile(draft, caller, vm, old.vnic_profile).is_ok();
        let params = NicAddParams {
            name: old.name.clone(),
            interface: Some(old.interface),
            mac: None,
            vnic_profile: old.vnic_profile.filter(|_| usable),
            linked: Some(old.linked),
            plugged: Some(old.plugged),
        };
        if !usable {
            let event = EventDraft::new(
                code::NIC_UPDATED,
                format!(
                    "Interface {} of VM {} has no network: its vNIC profile cannot be used here.",
                    old.name, vm.name
                ),
            );
            let event = event.severity(LogSeverity::Warning).vm(vm.id, draft);
            draft.event(event.by(caller, draft));
        }
        let nic = new_nic(draft, caller, vm, params)?;
        vm.nics.push(nic);
        draft.put(vm.clone())?;
    }
    Ok(())
}

impl Manager {
    /// Makes a copy of a VM that is down: its own disks, its own addresses.
    pub async fn vm_clone(
        &self,
        caller: &Caller,
        vm: VmId,
        params: VmCloneParams,
    ) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| clone(draft, &caller, vm, params))
            .await
    }
}

fn clone(
    draft: &mut Draft,
    caller: &Caller,
    from: VmId,
    params: VmCloneParams,
) -> Result<Accepted<Arc<Vm>>> {
    let source = draft
        .vms
        .get(&from)
        .cloned()
        .ok_or_else(|| Error::not_found(from))?;
    access::require(draft, caller, Permit::EDIT_VM_PROPERTIES, from)?;
    let cluster = params.cluster.unwrap_or(source.cluster);
    let cluster = draft
        .clusters
        .get(&cluster)
        .cloned()
        .ok_or_else(|| Error::not_found(cluster))?;
    access::require(draft, caller, Permit::CREATE_VM, cluster.id)?;
    if Some(cluster.data_center) != draft.data_center_of_cluster(source.cluster) {
        return Err(Error::conflict(
            "Cannot clone VM. The target cluster is in another Data Center.",
        ));
    }
    rules::vm(draft, &source, VmAction::Clone).map_err(Error::conflict)?;
    draft.require_space()?;
    check::vm_name(&params.name)?;
    check::vm_name_free(draft, &params.name, Some(cluster.data_center), None, "add")?;
    let description = params.description.unwrap_or(source.description.clone());
    let comment = params.comment.unwrap_or(source.comment.clone());
    check::text("description", &description)?;
    check::text("comment", &comment)?;
    let own = |it: &&DiskAttachment| {
        draft
            .disks
            .get(&it.disk)
            .is_some_and(|disk| !disk.shareable)
    };
    let sources: Vec<DiskAttachment> = source
        .disk_attachments
        .iter()
        .filter(own)
        .cloned()
        .collect();
    choices_fit(&params.disks, &sources)?;
    let mut hardware = source.hardware.clone();
    hardware.lease = None;
    hardware.cpu_profile = Some(cluster.cpu_profile);
    params
        .settings
        .put_into(&mut hardware, draft, caller, cluster.id.into())?;
    settings::validate(&hardware, draft)?;
    let id = VmId::random();
    let mut vm = Vm {
        id,
        name: params.name,
        description,
        comment,
        cluster: cluster.id,
        template: seed::BLANK,
        original_template: source.original_template,
        use_latest_template: false,
        pool: None,
        creation_time: draft.now(),
        delete_protected: false,
        tags: BTreeSet::new(),
        hardware,
        next_run: None,
        disk_attachments: Vec::new(),
        nics: Vec::new(),
        run: VmRun::default(),
        external: None,
        ..(*source).clone()
    };
    draft.put(vm.clone())?;
    give_to_creator(draft, caller, id.into(), Role::USER_VM_MANAGER)?;
    let mut actions = Vec::new();
    let mut locks: Vec<ObjectId> = vec![id.into(), from.into()];
    for old in &sources {
        let disk = draft
            .disks
            .get(&old.disk)
            .cloned()
            .ok_or_else(|| Error::not_found(old.disk))?;
        may_read(draft, caller, &disk)?;
        let choice = params.disks.iter().find(|it| it.disk == old.disk);
        let copy = copied(draft, caller, &disk, choice, params.storage_domain)?;
        vm.disk_attachments.push(attached(old, &copy, choice));
        actions.push(making(&copy, Some(disk.id)));
        locks.extend([ObjectId::from(copy.id), disk.id.into()]);
        draft.put(Disk {
            status: DiskStatus::Locked,
            ..(*disk).clone()
        })?;
    }
    nics(draft, caller, &mut vm, &source.nics, &[])?;
    let description = format!("Cloning VM {} to {}", source.name, vm.name);
    let objects = vec![id.into(), from.into(), cluster.id.into()];
    let (number, text) = if actions.is_empty() {
        (code::VM_ADDED, format!("VM {} was created.", vm.name))
    } else {
        vm.run.status = VmStatus::ImageLocked;
        (
            code::VM_ADD_STARTED,
            format!(
                "Creation of VM {} as a copy of {} was started.",
                vm.name, source.name
            ),
        )
    };
    draft.put(vm.clone())?;
    let event = EventDraft::new(number, text).vm(id, draft);
    draft.event(event.by(caller, draft));
    let job = if actions.is_empty() {
        draft.job_done(caller, description, objects)?;
        None
    } else {
        Some(draft.begin(
            caller,
            Plan {
                kind: OperationKind::VmAdd { vm: id },
                description,
                locks,
                objects,
                actions,
            },
        )?)
    };
    Ok(Accepted {
        value: Arc::new(vm),
        job,
    })
}
