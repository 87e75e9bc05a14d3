//! VMs that keep nothing (oVirt's `stateless`, and VMs of pools that are not stateful): what a run
//! writes goes to images of its own, which are thrown away when it is over.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::model::{ObjectId, Vm, VmId};
use crate::operation::{Action, OperationKind, Plan, with_overlay};
use crate::writer::Draft;

/// Gives the disks that a VM may write to their images for one run; the steps that make them.
pub(super) fn overlays(draft: &mut Draft, vm: &mut Vm) -> Result<Vec<(Action, String)>> {
    let disks: Vec<_> = vm
        .disk_attachments
        .iter()
        .filter(|it| it.active && !it.read_only)
        .filter_map(|it| draft.disks.get(&it.disk).cloned())
        // What several VMs write to at once is not this one's to forget.
        .filter(|disk| !disk.shareable)
        .collect();
    let mut actions = Vec::new();
    for disk in disks {
        draft.put(with_overlay(&disk))?;
        vm.run.temporary.push(disk.id);
        actions.push((
            Action::OverlayCreate { disk: disk.id },
            format!("Making a temporary image for disk {}", disk.name),
        ));
    }
    Ok(actions)
}

/// Begins to throw away what the last run has written.
pub(crate) fn forget(draft: &mut Draft, caller: &Caller, id: VmId) -> Result<()> {
    let vm = draft
        .vms
        .get(&id)
        .cloned()
        .ok_or_else(|| Error::not_found(id))?;
    let mut actions = Vec::new();
    let mut locks: Vec<ObjectId> = vec![id.into()];
    for disk in &vm.run.temporary {
        let Some(disk) = draft.disks.get(disk) else {
            continue;
        };
        locks.push(disk.id.into());
        actions.push((
            Action::OverlayDrop {
                disk: disk.id,
                storage_domain: disk.storage_domain,
                image: disk.image(),
            },
            format!("Deleting the temporary image of disk {}", disk.name),
        ));
    }
    draft.begin(
        caller,
        Plan {
            kind: OperationKind::VmForget { vm: id },
            description: format!("Forgetting the last run of VM {}", vm.name),
            objects: vec![id.into()],
            locks,
            actions,
        },
    )?;
    Ok(())
}
