//! What guests' agents tell: asked when the agent's channel opens and then now and again, one
//! question at a time for a guest, a few guests at a time. A guest that does not answer is asked
//! less and less often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::Manager;
use crate::host::guest::GuestReport;
use crate::host::{DomainInfo, HostError, Hypervisor};
use crate::model::{Guest, HostId, VmId};
use crate::operation::update_vm;

/// While it has no address yet, as at its start.
const SOON: Duration = Duration::from_secs(5);
/// When it has.
const USUAL: Duration = Duration::from_secs(30);
/// The longest pause of one that does not answer.
const LONGEST: Duration = Duration::from_secs(600);
/// Guests that are asked at a time.
const AT_A_TIME: usize = 2;

/// What is remembered of one guest.
#[derive(Debug, Default)]
struct Turn {
    next: Duration,
    failures: u32,
    asking: bool,
}

/// Whose turn it is.
#[derive(Debug, Clone)]
pub(super) struct Guests {
    turns: Arc<Mutex<HashMap<VmId, Turn>>>,
    places: Arc<Semaphore>,
}

impl Default for Guests {
    fn default() -> Self {
        Self {
            turns: Arc::default(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }
}

impl Guests {
    fn turns(&self) -> std::sync::MutexGuard<'_, HashMap<VmId, Turn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whose agent listens, and asks those whose turn it is.
    pub(super) async fn round(
        &self,
        manager: &Manager,
        host: HostId,
        hypervisor: &Arc<dyn Hypervisor>,
        listening: Vec<VmId>,
    ) {
        let inventory = manager.inventory();
        let silent: Vec<VmId> = inventory
            .vms_of_host(host)
            .map(|vm| vm.id)
            .filter(|id| inventory.guests.contains_key(id) && !listening.contains(id))
            .collect();
        self.turns().retain(|id, _| listening.contains(id));
        if !silent.is_empty() {
            forget(manager, silent).await;
        }
        for vm in listening {
            self.ask(manager, hypervisor, vm);
        }
    }

    /// A channel has opened or closed.
    pub(super) async fn changed(
        &self,
        manager: &Manager,
        hypervisor: &Arc<dyn Hypervisor>,
        vm: VmId,
        connected: bool,
    ) {
        if connected {
            // Whatever it was before, it begins anew.
            self.turns().remove(&vm);
            self.ask(manager, hypervisor, vm);
        } else {
            self.turns().remove(&vm);
            forget(manager, vec![vm]).await;
        }
    }

    fn ask(&self, manager: &Manager, hypervisor: &Arc<dyn Hypervisor>, vm: VmId) {
        let now = manager.core.clock.monotonic();
        let running = manager
            .inventory()
            .vms
            .get(&vm)
            // Somebody else's guest is none to be asked.
            .is_some_and(|vm| vm.run.status.is_running() && vm.external.is_none());
        if !running {
            return;
        }
        {
            let mut turns = self.turns();
            let turn = turns.entry(vm).or_default();
            if turn.asking || turn.next > now {
                return;
            }
            turn.asking = true;
        }
        let (guests, manager, host) = (self.clone(), manager.clone(), Arc::clone(hypervisor));
        let core = Arc::clone(&manager.core);
        core.spawn(async move {
            let Ok(_place) = guests.places.acquire().await else {
                return;
            };
            let answer = host.guest_report(vm.0).await;
            guests.take(&manager, vm, answer).await;
        });
    }

    async fn take(&self, manager: &Manager, vm: VmId, answer: Result<GuestReport, HostError>) {
        let now = manager.core.clock.monotonic();
        {
            let mut turns = self.turns();
            let Some(turn) = turns.get_mut(&vm) else {
                // It has gone while it was asked.
                return;
            };
            turn.asking = false;
            let pause = match &answer {
                Ok(report) => {
                    turn.failures = 0;
                    if report.addresses().is_empty() {
                        SOON
                    } else {
                        USUAL
                    }
                }
                Err(_) => {
                    turn.failures = turn.failures.saturating_add(1);
                    (SOON * 2u32.saturating_pow(turn.failures.min(8))).min(LONGEST)
                }
            };
            turn.next = now + pause;
        }
        if let Err(error) = &answer {
            tracing::debug!(%vm, %error, "A guest's agent does not answer");
        }
        let told = manager
            .core
            .writer
            .apply(move |draft| {
                if !draft
                    .vms
                    .get(&vm)
                    .is_some_and(|vm| vm.run.status.is_running())
                {
                    return Ok(());
                }
                let guest = match answer {
                    Ok(report) => {
                        let known = draft.vms.get(&vm).is_some_and(|vm| vm.run.has_agent);
                        if !known && draft.lock_of(vm).is_none() {
                            update_vm(draft, vm, |vm| vm.run.has_agent = true)?;
                        }
                        Guest {
                            answers: true,
                            report,
                        }
                    }
                    Err(_) => Guest {
                        answers: false,
                        report: draft
                            .guests
                            .get(&vm)
                            .map(|guest| guest.report.clone())
                            .unwrap_or_default(),
                    },
                };
                draft.guest(vm, Some(guest));
                Ok(())
            })
            .await;
        if let Err(error) = told {
            tracing::debug!(%error, "What a guest told could not be taken");
        }
    }
}

async fn forget(manager: &Manager, vms: Vec<VmId>) {
    let forgotten = manager
        .core
        .writer
        .apply(move |draft| {
            for vm in vms {
                draft.guest(vm, None);
            }
            Ok(())
        })
        .await;
    if let Err(error) = forgotten {
        tracing::debug!(%error, "A guest could not be forgotten");
    }
}

/// Those whose agents listen.
pub(super) fn listening(domains: &[DomainInfo]) -> Vec<VmId> {
    domains
        .iter()
        .filter(|info| info.agent && info.state.is_active())
        .map(|info| VmId(info.id))
        .collect()
}
