//! Consoles: one-time tickets and where they lead. A ticket opens a console's main channel once;
//! the main channel's keys open its other channels, once each, and die with it. Nothing here is
//! ever written down, and secrets are kept as their SHA-256 only.
//!
//! ```text
//! POST console ─▶ ticket (30 s) ─▶ main channel ─▶ 16 keys ─▶ display, inputs, cursor …
//!                    bound to session, VM and the VM's run; ended with any of them
//! ```

mod lease;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::Manager;
use crate::access::{self, Access};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::host::{DisplayPassword, GraphicsTarget, Hypervisor};
use crate::inventory::Inventory;
use crate::model::{GraphicsType, Permit, Secret, SessionId, UserId, VmId};
use crate::password::{digest, hex, random_key};
use crate::rules::{self, VmAction};

pub use lease::{ConsoleEnd, ConsoleLease};
use lease::{Lease, Leases};

/// Channel keys of a console.
const KEYS: usize = 16;
/// Tickets that may wait for their use.
const MOST_TICKETS: usize = 10_000;
/// Tickets of one session that may wait for their use.
const MOST_OF_SESSION: usize = 64;
/// Channels that may be open.
const MOST_CHANNELS: usize = 20_000;
/// SPICE_CHANNEL_MAIN
const MAIN: u8 = 1;
/// How long a native viewer's password opens connections: by default, and at most.
const VIEWER: Duration = Duration::from_secs(120);
const VIEWER_LONGEST: Duration = Duration::from_secs(7200);

/// Leave to open one console, once.
#[derive(Clone, Debug)]
pub struct ConsoleTicket {
    /// 64 hexadecimal digits.
    pub secret: Secret,
    /// How long until its first use.
    pub expires_in: Duration,
    /// The VM.
    pub vm: VmId,
    /// Its name.
    pub vm_name: String,
}

/// A password for a native viewer.
#[derive(Clone, Debug)]
pub struct DisplayTicket {
    /// The password.
    pub value: Secret,
    /// How long it opens connections.
    pub valid: Duration,
}

/// What a browser shows to open a channel.
#[derive(Clone)]
pub struct ConsoleKey {
    /// The login it comes with.
    pub session: SessionId,
    /// Ticket or channel key.
    pub key: [u8; 32],
    /// SPICE's number of the channel's kind.
    pub channel_type: u8,
    /// Which of that kind.
    pub channel_id: u8,
    /// Where it comes from.
    pub source: Option<IpAddr>,
}

impl std::fmt::Debug for ConsoleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ConsoleKey(channel {}:{})",
            self.channel_type, self.channel_id
        )
    }
}

/// Why a channel is not opened; each is a sentence for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleRefusal {
    /// The ticket or key is not known, used up, too old, or another session's.
    #[error("This console ticket cannot be used (any more). Open the console again.")]
    KeyRefused,
    /// The login has ended, or the right to this console was lost.
    #[error("You are not logged in any more, or may not open this console any more.")]
    SessionEnded,
    /// There is no such VM any more.
    #[error("The virtual machine does not exist any more.")]
    Gone,
    /// The VM does not run.
    #[error("{message}")]
    NotRunning {
        /// What it does instead.
        message: String,
    },
    /// Too many channels are open.
    #[error("Too many consoles are open.")]
    TooMany,
    /// The host did not give a connection.
    #[error("The host did not open the console: {message}")]
    HostFailed {
        /// Why.
        message: String,
    },
}

/// A channel that may be opened.
#[derive(Debug)]
pub struct ConsoleAdmission {
    /// Where it leads.
    pub target: GraphicsTarget,
    /// The VM.
    pub vm: VmId,
    /// Who.
    pub user: UserId,
    /// Keys for the other channels; of the main channel only.
    pub keys: Vec<[u8; 32]>,
    /// Must be kept as long as the channel is open.
    pub lease: ConsoleLease,
}

/// What a ticket or key stands for.
#[derive(Clone, Debug)]
struct Right {
    session: SessionId,
    user: UserId,
    vm: VmId,
    epoch: u64,
    /// Of a ticket: until when. Of a key: never too late, it dies with its main channel.
    expires: Option<Duration>,
    /// Of a key: its main channel.
    main: Option<u64>,
}

/// Tickets, keys and open channels.
#[derive(Debug, Default)]
pub(crate) struct Consoles {
    rights: Mutex<HashMap<[u8; 32], Right>>,
    leases: Arc<Leases>,
}

impl Consoles {
    fn rights(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Right>> {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names of the users who have a VM's console open.
    pub(crate) fn users(&self, inventory: &Inventory, vm: VmId) -> Vec<String> {
        let mut names: Vec<String> = self
            .leases
            .mains_of(vm)
            .into_iter()
            .filter_map(|(_, user)| inventory.users.get(&user))
            .map(|user| user.user_name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Looks at everything that is open or could be opened, and ends what may not be any more.
    pub(crate) fn review(&self, manager: &Manager) {
        let inventory = manager.inventory();
        let access = Access::new(Arc::clone(&inventory));
        let verdict = |session, user, vm, epoch| {
            let caller = Caller {
                user,
                session: Some(session),
                ..Caller::system()
            };
            state(manager, &inventory, &access, &caller, vm, epoch)
        };
        self.rights()
            .retain(|_, right| verdict(right.session, right.user, right.vm, right.epoch).is_none());
        self.leases
            .review(|lease| verdict(lease.session, lease.user, lease.vm, lease.epoch));
    }
}

/// Why a console may not be open any more.
fn state(
    manager: &Manager,
    inventory: &Inventory,
    access: &Access,
    caller: &Caller,
    vm: VmId,
    epoch: u64,
) -> Option<ConsoleEnd> {
    let live = caller
        .session
        .is_some_and(|session| manager.core.sessions.is_live(session));
    if !live {
        return Some(ConsoleEnd::SessionEnded);
    }
    let Some(vm) = inventory.vms.get(&vm) else {
        return Some(ConsoleEnd::VmGone);
    };
    if vm.run.epoch != epoch || !vm.run.status.is_running() {
        return Some(ConsoleEnd::VmStopped);
    }
    let may = VmAction::Console
        .permits()
        .iter()
        .any(|permit| access.may(caller, *permit, vm.id));
    (!may).then_some(ConsoleEnd::AccessLost)
}

impl Manager {
    /// Gives leave to open a VM's console once, within half a minute, in the caller's session.
    pub async fn console_ticket(&self, caller: &Caller, vm: VmId) -> Result<ConsoleTicket> {
        let core = &self.core;
        let inventory = self.inventory();
        access::require_any(&inventory, caller, VmAction::Console.permits(), vm)?;
        let session = caller.session.ok_or_else(|| Error::Unauthenticated {
            message: "A console is opened from a login session.".to_owned(),
        })?;
        let it = inventory.vms.get(&vm).ok_or_else(|| Error::not_found(vm))?;
        rules::vm(&inventory, it, VmAction::Console).map_err(Error::conflict)?;
        let other = core
            .consoles
            .leases
            .mains_of(vm)
            .into_iter()
            .find(|(_, user)| *user != caller.user);
        if let Some((_, other)) = other
            && !it.running_hardware().display.allow_override
            && !access::may(&inventory, caller, Permit::RECONNECT_TO_VM, vm)
        {
            let name = inventory
                .users
                .get(&other)
                .map_or_else(|| "somebody else".to_owned(), |user| user.user_name.clone());
            return Err(Error::conflict(format!(
                "Cannot open a console. It is used by {name}, and taking it over is not allowed."
            )));
        }
        let key = random_key()?;
        let right = Right {
            session,
            user: caller.user,
            vm,
            epoch: it.run.epoch,
            expires: Some(core.clock.monotonic() + core.timeouts.console_ticket),
            main: None,
        };
        {
            let now = core.clock.monotonic();
            let mut rights = core.consoles.rights();
            rights.retain(|_, right| right.expires.is_none_or(|end| end > now));
            let own = rights
                .values()
                .filter(|right| right.session == session && right.main.is_none())
                .count();
            if rights.len() >= MOST_TICKETS || own >= MOST_OF_SESSION {
                return Err(Error::Delayed {
                    retry_after: core.timeouts.console_ticket,
                });
            }
            rights.insert(digest(&key), right);
        }
        let who = caller.clone();
        let name = it.name.clone();
        core.writer
            .apply(move |draft| {
                let event = EventDraft::new(
                    code::CONSOLE_TICKET,
                    format!("A console ticket for VM {name} was given out."),
                );
                draft.event(event.vm(vm, draft).by(&who, draft));
                Ok(())
            })
            .await?;
        Ok(ConsoleTicket {
            secret: Secret::new(hex(&key)),
            expires_in: core.timeouts.console_ticket,
            vm,
            vm_name: it.name.clone(),
        })
    }

    /// Turns a ticket or channel key into a connection. It is used up by this, whatever comes out.
    pub async fn console_admit(
        &self,
        shown: ConsoleKey,
    ) -> Result<ConsoleAdmission, ConsoleRefusal> {
        let core = &self.core;
        let is_main = shown.channel_type == MAIN;
        let right = core.consoles.rights().remove(&digest(&shown.key));
        let right = right.ok_or(ConsoleRefusal::KeyRefused)?;
        let in_time = right.expires.is_none_or(|end| end > core.clock.monotonic());
        if right.session != shown.session || right.main.is_none() != is_main || !in_time {
            return Err(ConsoleRefusal::KeyRefused);
        }
        let inventory = self.inventory();
        let caller = Caller {
            user: right.user,
            session: Some(right.session),
            source: shown.source,
            ..Caller::system()
        };
        let access = Access::new(Arc::clone(&inventory));
        match state(self, &inventory, &access, &caller, right.vm, right.epoch) {
            None => {}
            Some(ConsoleEnd::VmGone) => return Err(ConsoleRefusal::Gone),
            // The run that the ticket was for is over.
            Some(ConsoleEnd::VmStopped) => {
                let message = match inventory.vms.get(&right.vm) {
                    Some(vm) if !vm.run.status.is_running() => {
                        format!("Cannot open a console. {}", rules::state_sentence(vm))
                    }
                    _ => "The virtual machine has been started anew. Open the console again."
                        .to_owned(),
                };
                return Err(ConsoleRefusal::NotRunning { message });
            }
            Some(_) => return Err(ConsoleRefusal::SessionEnded),
        }
        let vm = inventory.vms.get(&right.vm).ok_or(ConsoleRefusal::Gone)?;
        rules::vm(&inventory, vm, VmAction::Console)
            .map_err(|message| ConsoleRefusal::NotRunning { message })?;
        if core.consoles.leases.len() >= MOST_CHANNELS {
            return Err(ConsoleRefusal::TooMany);
        }
        let failed = |message: String| ConsoleRefusal::HostFailed { message };
        let host = vm
            .run
            .host
            .ok_or_else(|| failed("it is not known".to_owned()))?;
        let host = self
            .host_by_id(host)
            .map_err(|error| failed(error.to_string()))?;
        let lease = self.console_lease(&right, &host)?;
        let target = host
            .open_graphics(right.vm.0)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let mut keys = Vec::new();
        if is_main {
            for _ in 0..KEYS {
                keys.push(random_key().map_err(|error| failed(error.to_string()))?);
            }
            let mut rights = core.consoles.rights();
            for key in &keys {
                let right = Right {
                    expires: None,
                    main: Some(lease.id()),
                    ..right.clone()
                };
                rights.insert(digest(key), right);
            }
        }
        if is_main {
            self.console_event(&caller, right.vm, true).await;
        }
        Ok(ConsoleAdmission {
            target,
            vm: right.vm,
            user: right.user,
            keys,
            lease,
        })
    }

    fn console_lease(
        &self,
        right: &Right,
        host: &Arc<dyn Hypervisor>,
    ) -> Result<ConsoleLease, ConsoleRefusal> {
        let lease = Lease {
            session: right.session,
            user: right.user,
            vm: right.vm,
            epoch: right.epoch,
            main: right.main,
        };
        // A key of a main channel that has closed meanwhile opens nothing.
        ConsoleLease::open(self, &self.core.consoles.leases, lease, Arc::clone(host))
            .ok_or(ConsoleRefusal::KeyRefused)
    }

    /// The main channel of a console has closed.
    pub(crate) fn console_closed(&self, id: u64, user: UserId, vm: VmId) {
        self.core
            .consoles
            .rights()
            .retain(|_, right| right.main != Some(id));
        let manager = self.clone();
        self.core.spawn(async move {
            let caller = Caller {
                user,
                ..Caller::system()
            };
            manager.console_event(&caller, vm, false).await;
        });
    }

    async fn console_event(&self, caller: &Caller, vm: VmId, opened: bool) {
        let caller = caller.clone();
        let users = self.core.consoles.users(&self.inventory(), vm);
        let outcome = self
            .core
            .writer
            .apply(move |draft| {
                let Some(it) = draft.vms.get(&vm).cloned() else {
                    return Ok(());
                };
                let name = draft
                    .users
                    .get(&caller.user)
                    .map_or_else(|| "unknown".to_owned(), |user| user.user_name.clone());
                let (number, text) = if opened {
                    (
                        code::CONSOLE_CONNECTED,
                        format!("User {name} is connected to the console of VM {}.", it.name),
                    )
                } else {
                    (
                        code::CONSOLE_DISCONNECTED,
                        format!(
                            "User {name} got disconnected from the console of VM {}.",
                            it.name
                        ),
                    )
                };
                draft.event(
                    EventDraft::new(number, text)
                        .vm(vm, draft)
                        .by(&caller, draft),
                );
                if it.run.status.is_running() {
                    let mut statistics = draft
                        .vm_statistics
                        .get(&vm)
                        .map(|statistics| (**statistics).clone())
                        .unwrap_or_default();
                    statistics.consoles = users;
                    draft.vm_statistics(vm, Some(statistics));
                }
                Ok(())
            })
            .await;
        if let Err(error) = outcome {
            tracing::warn!(%vm, %error, "A console's event could not be written");
        }
    }

    /// Sets a password for a native viewer (oVirt's console ticket).
    pub async fn vm_ticket(
        &self,
        caller: &Caller,
        vm: VmId,
        valid_seconds: Option<u32>,
    ) -> Result<DisplayTicket> {
        let inventory = self.inventory();
        access::require_any(&inventory, caller, VmAction::Console.permits(), vm)?;
        let it = inventory.vms.get(&vm).ok_or_else(|| Error::not_found(vm))?;
        rules::viewer(it).map_err(Error::conflict)?;
        let valid = valid_seconds
            .map_or(VIEWER, |seconds| Duration::from_secs(u64::from(seconds)))
            .clamp(Duration::from_secs(1), VIEWER_LONGEST);
        let host = it
            .run
            .host
            .ok_or_else(|| Error::conflict("Its host is not known."))?;
        let host = self
            .host_by_id(host)
            .map_err(|error| Error::unavailable(error.to_string()))?;
        let mut password =
            DisplayPassword::random().map_err(|error| Error::failed(error.to_string()))?;
        if it
            .running_hardware()
            .display
            .graphics
            .contains(&GraphicsType::Vnc)
        {
            // One that is the same for both protocols.
            password = DisplayPassword::chosen(password.for_vnc())
                .map_err(|error| Error::failed(error.to_string()))?;
        }
        let who = caller.clone();
        let name = it.name.clone();
        // The audit event comes before the effect.
        self.core
            .writer
            .apply(move |draft| {
                let event = EventDraft::new(
                    code::CONSOLE_TICKET,
                    format!("A console ticket for VM {name} was set for a native viewer."),
                );
                draft.event(event.vm(vm, draft).by(&who, draft));
                Ok(())
            })
            .await?;
        host.set_display_password(vm.0, password.clone(), valid)
            .await
            .map_err(|error| Error::failed(error.to_string()))?;
        Ok(DisplayTicket {
            value: Secret::new(password.reveal()),
            valid,
        })
    }

    /// The first screen of a running VM, as PNG.
    pub async fn vm_screenshot(&self, caller: &Caller, vm: VmId) -> Result<Vec<u8>> {
        let inventory = self.inventory();
        access::require_any(&inventory, caller, VmAction::Console.permits(), vm)?;
        let it = inventory.vms.get(&vm).ok_or_else(|| Error::not_found(vm))?;
        rules::viewer(it).map_err(Error::conflict)?;
        let host = it
            .run
            .host
            .ok_or_else(|| Error::conflict("Its host is not known."))?;
        let host = self
            .host_by_id(host)
            .map_err(|error| Error::unavailable(error.to_string()))?;
        host.screenshot(vm.0)
            .await
            .map_err(|error| Error::failed(error.to_string()))
    }
}
