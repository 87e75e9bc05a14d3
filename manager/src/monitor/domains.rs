//! What domains do becomes what VMs are.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::Result;
use crate::event::{EventDraft, code};
use crate::host::{DomainInfo, DomainState, OffReason, PauseReason};
use crate::model::{HostId, NicId, Timestamp, Vm, VmId, VmStatus};
use crate::operation::{ended, graphics, suspended, update_vm};
use crate::writer::Draft;

use super::{Watch, external, restart};

/// Milliseconds that a guest with an agent has to say that it is up.
const AGENT_PATIENCE: i64 = 60_000;

/// Compares every domain of a host with its VM.
pub(super) async fn reconcile_all(watch: &mut Watch, domains: Vec<DomainInfo>) -> Result<()> {
    let inventory = watch.manager.inventory();
    let now = watch.manager.core.clock.now();
    let mut domains: HashMap<VmId, DomainInfo> = domains
        .into_iter()
        .map(|info| (VmId(info.id), info))
        .collect();
    let mut differing = Vec::new();
    let mut ending = Vec::new();
    for vm in inventory.vms_of_host(watch.id) {
        if vm.run.status == VmStatus::PoweringDown {
            ending.push(vm.id);
        }
        let info = domains.remove(&vm.id);
        if inventory.lock_of(vm.id).is_none() && judge(vm, watch.id, info.as_ref(), now).is_some() {
            differing.push((vm.id, info));
        }
    }
    // What is left runs, or may, although the inventory does not say so.
    for (id, info) in domains {
        let Some(vm) = inventory.vms.get(&id) else {
            continue;
        };
        if inventory.lock_of(id).is_none() && judge(vm, watch.id, Some(&info), now).is_some() {
            differing.push((id, Some(info)));
        }
    }
    let host = watch.id;
    if !differing.is_empty() {
        watch
            .manager
            .core
            .writer
            .apply(move |draft| {
                for (id, info) in &differing {
                    reconcile(draft, host, *id, info.as_ref())?;
                }
                Ok(())
            })
            .await?;
    }
    give_up_waiting(watch, &ending).await
}

/// A guest that was asked to end and has not goes on.
async fn give_up_waiting(watch: &mut Watch, ending: &[VmId]) -> Result<()> {
    let now = watch.manager.core.clock.monotonic();
    watch.ending.retain(|vm, _| ending.contains(vm));
    for vm in ending {
        watch.ending.entry(*vm).or_insert(now);
    }
    let patience: Duration = watch.manager.core.timeouts.shutdown;
    let over: Vec<VmId> = watch
        .ending
        .iter()
        .filter(|(_, since)| now.saturating_sub(**since) >= patience)
        .map(|(vm, _)| *vm)
        .collect();
    if over.is_empty() {
        return Ok(());
    }
    watch
        .manager
        .core
        .writer
        .apply(move |draft| {
            for id in over {
                let waits = draft.vms.get(&id).is_some_and(|vm| {
                    vm.run.status == VmStatus::PoweringDown && draft.lock_of(id).is_none()
                });
                if !waits {
                    continue;
                }
                update_vm(draft, id, |vm| vm.run.status = VmStatus::Up)?;
                log(
                    draft,
                    id,
                    code::VM_SHUTDOWN_FAILED,
                    "VM {vm} was asked to shut down and did not.",
                );
            }
            Ok(())
        })
        .await
}

impl Watch {
    /// Looks at one domain.
    pub(super) async fn look_at(&mut self, vm: VmId) -> Result<()> {
        let info = match self.host.domain(vm.0).await {
            Ok(info) => info,
            // The next round will see.
            Err(_) => return Ok(()),
        };
        let known = self.manager.inventory().vms.get(&vm).cloned();
        if known.is_none_or(|vm| vm.external.is_some()) {
            return match info {
                Some(info) => external::reconcile(self, &[info], false).await,
                None => Ok(()),
            };
        }
        let host = self.id;
        let now = self.manager.core.clock.now();
        let inventory = self.manager.inventory();
        let differs = inventory.vms.get(&vm).is_some_and(|it| {
            inventory.lock_of(vm).is_none() && judge(it, host, info.as_ref(), now).is_some()
        });
        if !differs {
            return Ok(());
        }
        self.manager
            .core
            .writer
            .apply(move |draft| reconcile(draft, host, vm, info.as_ref()))
            .await
    }

    /// A guest has restarted.
    pub(super) async fn rebooted(&mut self, vm: VmId) -> Result<()> {
        self.manager
            .core
            .writer
            .apply(move |draft| {
                if draft
                    .vms
                    .get(&vm)
                    .is_some_and(|vm| vm.run.status.is_running())
                {
                    log(draft, vm, code::VM_REBOOT, "VM {vm} has rebooted.");
                }
                Ok(())
            })
            .await
    }

    /// A device has left a running guest.
    pub(super) async fn device_removed(&mut self, vm: VmId, device: uuid::Uuid) -> Result<()> {
        self.manager
            .core
            .writer
            .apply(move |draft| {
                if draft.lock_of(vm).is_some() {
                    return Ok(());
                }
                let Some(old) = draft.vms.get(&vm).cloned() else {
                    return Ok(());
                };
                let mut it = (*old).clone();
                for attachment in &mut it.disk_attachments {
                    if attachment.disk.0 == device {
                        attachment.active = false;
                    }
                }
                for nic in &mut it.nics {
                    if nic.id == NicId(device) {
                        nic.plugged = false;
                    }
                }
                if it == *old { Ok(()) } else { draft.put(it) }
            })
            .await
    }
}

/// What a VM must become.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Its domain runs.
    Runs,
    /// Its domain stands still.
    Paused(Option<&'static str>),
    /// Its guest is ending.
    Ending,
    /// Its domain has ended.
    Ended(OffReason),
    /// Its domain was saved.
    Saved,
    /// Its domain is gone.
    Vanished,
    /// Only where its console listens has changed.
    Moved,
}

/// Compares a VM with its domain; `None` where they agree.
fn judge(vm: &Vm, host: HostId, info: Option<&DomainInfo>, now: Timestamp) -> Option<Verdict> {
    let status = vm.run.status;
    let running = status.is_running() && vm.run.host == Some(host);
    if vm.external.is_some() {
        return None;
    }
    let Some(info) = info else {
        return running.then_some(Verdict::Vanished);
    };
    match info.state {
        DomainState::Off(reason) => match reason {
            _ if !running => None,
            OffReason::Saved => Some(Verdict::Saved),
            reason => Some(Verdict::Ended(reason)),
        },
        // Somebody else's domain that happens to have this id is none of ours.
        _ if info.stamp.is_none() && !running => None,
        DomainState::Paused(PauseReason::Saving | PauseReason::Starting) => None,
        DomainState::Paused(reason) => {
            let detail = match reason {
                PauseReason::IoError => Some("eio"),
                _ => None,
            };
            (status != VmStatus::Paused).then_some(Verdict::Paused(detail))
        }
        DomainState::Crashed => {
            (status != VmStatus::Paused).then_some(Verdict::Paused(Some("crashed")))
        }
        DomainState::ShuttingDown => (status != VmStatus::PoweringDown).then_some(Verdict::Ending),
        DomainState::Running | DomainState::Sleeping => match status {
            // Asked to end; goes on until the guest does, or until patience ends.
            VmStatus::PoweringDown if running => None,
            // Its guest has an agent, and so says itself when it is up.
            VmStatus::PoweringUp if running && vm.run.has_agent && !info.agent => {
                let since = vm.run.start_time.map_or(0, |start| now.0 - start.0);
                (since >= AGENT_PATIENCE).then_some(Verdict::Runs)
            }
            VmStatus::Up if running => {
                (vm.run.graphics != graphics(info)).then_some(Verdict::Moved)
            }
            _ => Some(Verdict::Runs),
        },
    }
}

fn log(draft: &mut Draft, id: VmId, number: u32, text: &str) {
    let name = draft
        .vms
        .get(&id)
        .map_or_else(|| id.to_string(), |vm| vm.name.clone());
    let event = EventDraft::new(number, text.replace("{vm}", &name));
    draft.event(event.vm(id, draft));
}

/// Makes a VM what its domain is.
fn reconcile(draft: &mut Draft, host: HostId, id: VmId, info: Option<&DomainInfo>) -> Result<()> {
    let Some(old) = draft.vms.get(&id).cloned() else {
        return Ok(());
    };
    if draft.lock_of(id).is_some() {
        return Ok(());
    }
    let now = draft.now();
    match judge(&old, host, info, now) {
        None => {}
        Some(Verdict::Moved) => {
            let Some(info) = info else { return Ok(()) };
            update_vm(draft, id, |vm| vm.run.graphics = graphics(info))?;
        }
        Some(Verdict::Runs) => {
            let Some(info) = info else { return Ok(()) };
            let was = old.run.status;
            update_vm(draft, id, |vm| {
                adopt(vm, host, info, now);
                vm.run.status = VmStatus::Up;
                vm.run.status_detail = None;
            })?;
            match was {
                VmStatus::PoweringUp | VmStatus::WaitForLaunch => {
                    log(draft, id, code::VM_RUN, "VM {vm} is running.");
                }
                VmStatus::Paused => {
                    log(
                        draft,
                        id,
                        code::VM_RECOVERED_FROM_PAUSE,
                        "VM {vm} runs again.",
                    );
                }
                VmStatus::Unknown | VmStatus::NotResponding => log(
                    draft,
                    id,
                    code::VM_STATUS_RESTORED,
                    "VM {vm} status was restored to Up.",
                ),
                VmStatus::Up | VmStatus::PoweringDown | VmStatus::RebootInProgress => {}
                _ => log(
                    draft,
                    id,
                    code::VM_STATUS_RESTORED,
                    "VM {vm} was found running.",
                ),
            }
        }
        Some(Verdict::Paused(detail)) => {
            let Some(info) = info else { return Ok(()) };
            update_vm(draft, id, |vm| {
                adopt(vm, host, info, now);
                vm.run.status = VmStatus::Paused;
                vm.run.status_detail = detail.map(str::to_owned);
            })?;
            let (number, text) = match detail {
                Some("eio") => (
                    code::VM_PAUSED_EIO,
                    "VM {vm} has been paused: a disk could not be read or written. Is the storage full?",
                ),
                Some(_) => (
                    code::VM_PAUSED_ERROR,
                    "VM {vm} has been paused: its system has crashed.",
                ),
                None => (code::VM_PAUSED, "VM {vm} has been paused."),
            };
            log(draft, id, number, text);
        }
        Some(Verdict::Ending) => {
            update_vm(draft, id, |vm| vm.run.status = VmStatus::PoweringDown)?;
        }
        Some(Verdict::Saved) => {
            update_vm(draft, id, |vm| {
                suspended(vm, Some(host), now);
            })?;
            draft.vm_statistics(id, None);
            log(draft, id, code::VM_SUSPENDED, "VM {vm} was suspended.");
        }
        Some(Verdict::Vanished) => {
            end(draft, id)?;
            log(
                draft,
                id,
                code::VM_DOWN_ERROR,
                "VM {vm} is down with error. Its domain has vanished from the host.",
            );
            if old.run.status != VmStatus::PoweringDown {
                restart::note(draft, &old)?;
            }
        }
        Some(Verdict::Ended(reason)) => {
            end(draft, id)?;
            let (number, text) = match reason {
                OffReason::Shutdown => (code::VM_DOWN, "VM {vm} is down. The guest shut down."),
                OffReason::Destroyed => (code::VM_DOWN, "VM {vm} is down. It was powered off."),
                OffReason::Crashed => (
                    code::VM_DOWN_ERROR,
                    "VM {vm} is down with error. Its process has died.",
                ),
                OffReason::Failed => (
                    code::VM_DOWN_ERROR,
                    "VM {vm} is down with error. It lost something it cannot run without.",
                ),
                OffReason::Migrated => (
                    code::VM_DOWN_ERROR,
                    "VM {vm} is down on this host. It was moved away by somebody else.",
                ),
                OffReason::Saved | OffReason::Unknown => (
                    code::VM_DOWN_ERROR,
                    "VM {vm} is down. Its end was not seen.",
                ),
            };
            log(draft, id, number, text);
            let died = matches!(
                reason,
                OffReason::Crashed | OffReason::Failed | OffReason::Unknown
            );
            if died && old.run.status != VmStatus::PoweringDown {
                restart::note(draft, &old)?;
            }
        }
    }
    Ok(())
}

fn end(draft: &mut Draft, id: VmId) -> Result<()> {
    let now = draft.now();
    update_vm(draft, id, |vm| ended(vm, now))?;
    draft.vm_statistics(id, None);
    Ok(())
}

fn adopt(vm: &mut Vm, host: HostId, info: &DomainInfo, now: Timestamp) {
    vm.run.host = Some(host);
    vm.run.graphics = graphics(info);
    vm.run.saved_on = None;
    if vm.run.start_time.is_none() || !vm.run.status.is_running() {
        vm.run.start_time = Some(now);
        vm.run.stop_time = None;
    }
    if let Some(stamp) = info.stamp {
        // A run that is newer than what is written down here, as after an old backup.
        vm.run.epoch = vm.run.epoch.max(stamp.run_epoch);
    }
}
