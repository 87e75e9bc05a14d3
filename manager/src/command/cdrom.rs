//! The CD in a VM's drive: now, and at its next start.

use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{DiskContentType, DiskId, Permit, Vm, VmId};
use crate::operation::{Action, OperationKind, Plan};
use crate::rules::{self, VmAction};

use super::check;
use super::disk_attach::running_on;
use super::params::Accepted;

/// Checks that a disk is a CD image that the caller may use.
pub(super) fn require_cd(inventory: &Inventory, caller: &Caller, disk: DiskId) -> Result<()> {
    access::require_any(
        inventory,
        caller,
        &[Permit::ATTACH_DISK, Permit::ACCESS_IMAGE_STORAGE],
        disk,
    )?;
    let disk = inventory
        .disks
        .get(&disk)
        .ok_or_else(|| Error::not_found(disk))?;
    if disk.content_type != DiskContentType::Iso {
        return Err(Error::conflict(format!(
            "Cannot change CD. {} is not an ISO image.",
            disk.name
        )));
    }
    check::disk_ready(disk, "change CD")
}

impl Manager {
    /// Changes the CD: of the running VM (`current`), or of its next start. `None` ejects.
    pub async fn cdrom_change(
        &self,
        caller: &Caller,
        vm: VmId,
        disk: Option<DiskId>,
        current: bool,
    ) -> Result<Accepted<Arc<Vm>>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::CHANGE_VM_CD, vm)?;
                let old = draft
                    .vms
                    .get(&vm)
                    .cloned()
                    .ok_or_else(|| Error::not_found(vm))?;
                rules::vm(draft, &old, VmAction::ChangeCd).map_err(Error::conflict)?;
                if let Some(disk) = disk {
                    require_cd(draft, &caller, disk)?;
                }
                let name = disk
                    .and_then(|disk| draft.disks.get(&disk))
                    .map_or_else(|| "nothing".to_owned(), |disk| disk.name.clone());
                if !current {
                    let changed = Vm {
                        cdrom: disk,
                        ..(*old).clone()
                    };
                    draft.put(changed)?;
                    let event = EventDraft::new(
                        code::VM_UPDATED,
                        format!("The CD of VM {} at its next start is {name}.", old.name),
                    );
                    draft.event(event.vm(vm, draft).by(&caller, draft));
                    let vm = draft
                        .vms
                        .get(&vm)
                        .cloned()
                        .ok_or_else(|| Error::not_found(vm))?;
                    return Ok(Accepted {
                        value: vm,
                        job: None,
                    });
                }
                let host = running_on(&old).ok_or_else(|| {
                    Error::conflict(format!("Cannot change CD. {}", rules::state_sentence(&old)))
                })?;
                let event = EventDraft::new(
                    code::CD_CHANGED,
                    format!("Changing the CD of VM {} to {name} was started.", old.name),
                );
                draft.event(event.vm(vm, draft).by(&caller, draft));
                let job = draft.begin(
                    &caller,
                    Plan {
                        kind: OperationKind::CdChange { vm, disk },
                        description: format!("Changing the CD of VM {}", old.name),
                        locks: vec![vm.into()],
                        objects: vec![vm.into()],
                        actions: vec![(
                            Action::CdChange { vm, host, disk },
                            format!("Putting {name} into the drive"),
                        )],
                    },
                )?;
                Ok(Accepted {
                    value: old,
                    job: Some(job),
                })
            })
            .await
    }
}
