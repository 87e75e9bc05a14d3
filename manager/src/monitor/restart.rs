//! Highly available VMs whose run ended by itself are started again, where the scheduler says. One
//! that ends again and again is started later and later, and in the end not any more.

use crate::Manager;
use crate::caller::Caller;
use crate::command::start_again;
use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::model::{LogSeverity, Restart, Timestamp, Vm, VmId, VmStatus};
use crate::operation::update_vm;
use crate::writer::Draft;

/// Starts in a row before it is given up.
const ATTEMPTS: u32 = 5;
/// A run that was longer is no longer one in a row.
const STABLE: i64 = 10 * 60_000;
/// Milliseconds to wait for a host that can take it.
const NO_HOST: i64 = 15_000;

/// A highly available VM's run has ended by itself: notes that it is to be started again.
pub(super) fn note(draft: &mut Draft, old: &Vm) -> Result<()> {
    if !old.hardware.high_availability.enabled {
        return Ok(());
    }
    let now = draft.now();
    let before = old
        .run
        .restart
        .as_ref()
        .filter(|restart| now.0.saturating_sub(restart.last.0) < STABLE)
        .map_or(0, |restart| restart.attempts);
    let (id, name) = (old.id, &old.name);
    if before >= ATTEMPTS {
        update_vm(draft, id, |vm| vm.run.restart = None)?;
        let text = format!(
            "Highly Available VM {name} failed {before} times in a row. It will not be restarted any more."
        );
        let event = EventDraft::new(code::HA_VM_RESTART_FAILED, text);
        draft.event(event.severity(LogSeverity::Error).vm(id, draft));
        return Ok(());
    }
    let pause = i64::from(before) * 10_000;
    update_vm(draft, id, |vm| {
        vm.run.restart = Some(Restart {
            attempts: before,
            last: now,
            due: Some(Timestamp(now.0 + pause)),
        });
    })?;
    let text = format!("Highly Available VM {name} failed. It will be restarted automatically.");
    let event = EventDraft::new(code::HA_VM_FAILED, text);
    draft.event(event.severity(LogSeverity::Error).vm(id, draft));
    Ok(())
}

/// Starts those whose time has come.
pub(super) async fn round(manager: &Manager) -> Result<()> {
    let now = manager.core.clock.now();
    let inventory = manager.inventory();
    let due: Vec<VmId> = inventory
        .vms
        .iter()
        .filter(|vm| wanted(vm, now) && inventory.lock_of(vm.id).is_none())
        .map(|vm| vm.id)
        .collect();
    for id in due {
        manager
            .core
            .writer
            .apply(move |draft| start(draft, id))
            .await?;
    }
    Ok(())
}

fn wanted(vm: &Vm, now: Timestamp) -> bool {
    vm.run.status == VmStatus::Down
        && vm.hardware.high_availability.enabled
        && vm
            .run
            .restart
            .as_ref()
            .and_then(|restart| restart.due)
            .is_some_and(|due| due.0 <= now.0)
}

fn start(draft: &mut Draft, id: VmId) -> Result<()> {
    let now = draft.now();
    let Some(vm) = draft.vms.get(&id).filter(|vm| wanted(vm, now)).cloned() else {
        return Ok(());
    };
    let Some(restart) = vm.run.restart.clone() else {
        return Ok(());
    };
    match start_again(draft, &Caller::system(), id)? {
        Ok(()) => update_vm(draft, id, |vm| {
            vm.run.restart = Some(Restart {
                attempts: restart.attempts + 1,
                last: now,
                due: None,
            });
        }),
        Err(reason) => {
            // Said once, tried until a host can take it or somebody decides otherwise.
            if restart
                .due
                .is_some_and(|due| due.0 <= restart.last.0 + 60_000)
            {
                let text = format!(
                    "Restart of the Highly Available VM {} failed. {reason}",
                    vm.name
                );
                let event = EventDraft::new(code::HA_VM_RESTART_FAILED, text);
                draft.event(event.severity(LogSeverity::Error).vm(id, draft));
            }
            update_vm(draft, id, |vm| {
                vm.run.restart = Some(Restart {
                    due: Some(Timestamp(now.0.max(restart.last.0 + 60_001) + NO_HOST)),
                    ..restart
                });
            })
        }
    }
}
