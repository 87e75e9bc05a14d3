//! `/vms/{id}/diskattachments`: the disks of a VM. An attachment has its disk's id.

use std::sync::Arc;

use api::types;
use api::{Object, path};
use manager::model::{DiskAttachment, DiskInterface, Template, Vm};
use manager::{DiskAttachParams, DiskAttachmentUpdateParams, DiskCopyChoice, DiskSource};

use super::convert::{given, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb, disks};

pub(super) fn read(view: &View, vm: &Vm, rest: &[&str]) -> Result<Found> {
    let seen = vm.disk_attachments.iter().filter(|it| view.sees(it.disk));
    list_or_pick(seen.map(|it| to_api(vm, it)).collect(), rest)
}

/// A disk of a VM as the API shows it.
pub(super) fn to_api(vm: &Vm, attachment: &DiskAttachment) -> types::DiskAttachment {
    let id = attachment.disk;
    types::DiskAttachment {
        href: Some(path::vm(vm.id).disk_attachments().item(id).to_string()),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        ..plain(attachment)
    }
}

/// A disk of a template as the API shows it.
pub(super) fn of_template(
    template: &Template,
    attachment: &DiskAttachment,
) -> types::DiskAttachment {
    let id = attachment.disk;
    types::DiskAttachment {
        href: Some(
            path::template(template.id)
                .disk_attachments()
                .item(id)
                .to_string(),
        ),
        template: reference!(Template, path::template(template.id), template.id),
        ..plain(attachment)
    }
}

fn plain(attachment: &DiskAttachment) -> types::DiskAttachment {
    let id = attachment.disk;
    types::DiskAttachment {
        id: Some(id.to_string()),
        disk: reference!(Disk, path::disk(id), id),
        active: Some(attachment.active),
        bootable: Some(attachment.bootable),
        interface: word(attachment.interface.as_str()),
        pass_discard: Some(attachment.pass_discard),
        read_only: Some(attachment.read_only),
        uses_scsi_reservation: Some(attachment.uses_scsi_reservation),
        ..types::DiskAttachment::default()
    }
}

/// A disk for a VM as the API describes it: one there is, by id or by a name that comes without a
/// size, or a new one.
pub(super) fn from_api(view: &View, sent: &types::DiskAttachment) -> Result<DiskAttachParams> {
    let Some(disk) = sent.disk.as_deref() else {
        return Err(Refused::incomplete("DiskAttachment", &["disk"], "add"));
    };
    let size = disk.provisioned_size.or(disk.initial_size);
    let source = match (&disk.id, size) {
        (Some(id), None) => DiskSource::Existing(view.disk(id)?.id),
        // An id with a size is a new disk whose id the caller has chosen, unless it is there.
        (Some(id), Some(_)) => match view.disk(id) {
            Ok(there) => DiskSource::Existing(there.id),
            Err(_) => DiskSource::New(disks::from_api(view, disk)?),
        },
        (None, None) if disk.lun_storage.is_none() => {
            let name = disk.name.as_deref().or(disk.alias.as_deref());
            match view.disk_of(None, name)? {
                Some(disk) => DiskSource::Existing(disk.id),
                None => {
                    let fields = ["disk.id|provisioned_size"];
                    return Err(Refused::incomplete("DiskAttachment", &fields, "add"));
                }
            }
        }
        (None, _) => DiskSource::New(disks::from_api(view, disk)?),
    };
    let interface = given(
        "interface",
        sent.interface.or(disk.interface).map(|it| it.as_str()),
    )?;
    Ok(DiskAttachParams {
        source,
        interface: interface.unwrap_or(DiskInterface::VirtioScsi),
        bootable: sent.bootable.or(disk.bootable).unwrap_or(false),
        active: sent.active.or(disk.active).unwrap_or(true),
        read_only: sent.read_only.or(disk.read_only).unwrap_or(false),
        pass_discard: sent.pass_discard.unwrap_or(false),
        uses_scsi_reservation: sent.uses_scsi_reservation.unwrap_or(false),
    })
}

/// How a copy of a disk shall differ from it, as the API describes it: the id is the copied
/// disk's.
pub(super) fn choice_from_api(view: &View, sent: &types::DiskAttachment) -> Result<DiskCopyChoice> {
    let disk = sent.disk.as_deref();
    let id = disk.and_then(|disk| disk.id.as_deref().or(disk.image_id.as_deref()));
    let Some(id) = id.or(sent.id.as_deref()) else {
        return Err(Refused::incomplete("DiskAttachment", &["disk.id"], "add"));
    };
    let disk = disk.cloned().unwrap_or_default();
    let first = disk
        .storage_domains
        .as_ref()
        .and_then(|domains| domains.first());
    let domain = match first.or(disk.storage_domain.as_deref()) {
        Some(it) => view.storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    Ok(DiskCopyChoice {
        disk: id.parse().map_err(|_| Refused::value("disk.id", id))?,
        name: disk.alias.clone().or(disk.name.clone()),
        description: disk.description.clone(),
        storage_domain: domain.map(|domain| domain.id),
        format: given("disk.format", disk.format.map(|it| it.as_str()))?,
        sparse: disk.sparse,
        interface: given("interface", sent.interface.map(|it| it.as_str()))?,
        bootable: sent.bootable,
    })
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    let manager = change.view.manager();
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::DiskAttachment = change.sent.body()?;
            let params = from_api(&change.view, &sent)?;
            let accepted = manager.disk_attach(change.caller(), vm.id, params).await?;
            let (vm, disk) = (vm.id, accepted.value);
            change
                .created(accepted.job, move |view| {
                    let vm = view.vm(&vm.to_string())?;
                    let attachment = find(&vm, &disk.to_string())?;
                    Ok(Box::new(to_api(&vm, attachment)) as Box<dyn Object>)
                })
                .await
        }
        (Verb::Put, [id]) => {
            let attachment = find(vm, id)?;
            let sent: types::DiskAttachment = change.sent.body()?;
            let params = DiskAttachmentUpdateParams {
                interface: given("interface", sent.interface.map(|it| it.as_str()))?,
                bootable: sent.bootable,
                active: sent.active,
                read_only: sent.read_only,
                pass_discard: sent.pass_discard,
                uses_scsi_reservation: sent.uses_scsi_reservation,
                disk: match sent.disk.as_deref() {
                    Some(disk) => disks::update_from_api(disk)?,
                    None => Default::default(),
                },
            };
            let accepted = manager
                .disk_attachment_update(change.caller(), vm.id, attachment.disk, params)
                .await?;
            change.finished(accepted.job).await;
            let vm = change.view.again().vm(&vm.id.to_string())?;
            Ok(Answer::Object(Box::new(to_api(&vm, find(&vm, id)?))))
        }
        (Verb::Delete, [id]) => {
            let attachment = find(vm, id)?;
            // The disk goes only where that is said, as with the engine.
            let remove = change.params.detach_only == Some(false);
            let accepted = manager
                .disk_detach(change.caller(), vm.id, attachment.disk, remove)
                .await?;
            change.finished(accepted.job).await;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn find<'a>(vm: &'a Vm, id: &str) -> Result<&'a DiskAttachment> {
    let mut attachments = vm.disk_attachments.iter();
    attachments
        .find(|it| it.disk.to_string() == id)
        .ok_or_else(|| Refused::not_found(id))
}
