//! What is left when processors and memory were plugged into a running VM, or were not: what
//! happened counts at once, the rest waits for the next start.

use crate::error::Result;
use crate::event::code;
use crate::model::VmId;
use crate::operation::{Action, Operation, OperationKind, StepState};
use crate::writer::Draft;

use super::{log_vm, update_vm};

/// Takes over what happened. `error` is why not all of it did.
pub(super) fn over(
    draft: &mut Draft,
    operation: &Operation,
    id: VmId,
    error: Option<&str>,
) -> Result<()> {
    let OperationKind::VmHotPlug {
        sockets, memory, ..
    } = operation.kind
    else {
        return Ok(());
    };
    let done = |is: fn(&Action) -> bool| {
        operation
            .steps
            .iter()
            .any(|step| is(&step.action) && step.state == StepState::Done)
    };
    let memory_done = done(|action| matches!(action, Action::MemoryPlug { .. }));
    let cpus_done = done(|action| matches!(action, Action::CpusSet { .. }));
    update_vm(draft, id, |vm| {
        if let Some(memory) = memory.filter(|_| memory_done) {
            vm.hardware.memory = memory;
            if let Some(next) = &vm.next_run {
                vm.hardware.memory_guaranteed = next.memory_guaranteed.min(memory);
            }
        }
        if let Some(sockets) = sockets.filter(|_| cpus_done) {
            vm.hardware.topology.sockets = sockets;
        }
        if vm.next_run.as_deref() == Some(&vm.hardware) {
            vm.next_run = None;
        }
    })?;
    let why = error.unwrap_or_default();
    if let Some(memory) = memory {
        let mib = memory >> 20;
        if memory_done {
            let text =
                format!("Hotset memory: changed the amount of memory on VM {{vm}} to {mib} MiB.");
            log_vm(draft, operation, id, code::HOT_SET_MEMORY, &text);
        } else {
            let text = format!(
                "Failed to hot set memory to VM {{vm}}. {why} The {mib} MiB will be there after its next start."
            );
            log_vm(draft, operation, id, code::HOT_SET_MEMORY_FAILED, &text);
        }
    }
    if let Some(sockets) = sockets {
        if cpus_done {
            let text =
                format!("Hotplug CPU: changed the number of sockets on VM {{vm}} to {sockets}.");
            log_vm(draft, operation, id, code::HOT_SET_CPUS, &text);
        } else {
            let text = format!(
                "Failed to hot set number of CPUS to VM {{vm}}. {why} The {sockets} sockets will be there after its next start."
            );
            log_vm(draft, operation, id, code::HOT_SET_CPUS_FAILED, &text);
        }
    }
    Ok(())
}
