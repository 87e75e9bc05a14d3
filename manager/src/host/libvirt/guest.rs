//! Calls to guests' agents, over a connection of their own: libvirt waits for a guest as long as
//! it is told to, and no other call to the host may wait with it.

use std::time::{Duration, Instant};

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

use super::LibvirtHost;
use super::agent;
use super::connection::{Call, failed};
use super::domain::{is_active, running};
use crate::host::guest::{GuestReport, GuestWork};
use crate::host::{HostError, HostFuture};

/// Seconds that one question may take.
const PATIENCE: i32 = 5;
/// Seconds that writing everything down may take.
const FREEZE_PATIENCE: i32 = 60;
/// How long one guest may be asked for one report.
const REPORT: Duration = Duration::from_secs(20);

fn ask(domain: &Domain, command: &str, seconds: i32) -> Result<serde_json::Value, HostError> {
    let text = domain
        .qemu_agent_command(&agent::question(command), seconds, 0)
        .map_err(|error| HostError::Failed {
            what: format!("The guest agent does not answer: {}.", error.message()),
        })?;
    agent::answer(&text)
}

fn report(connection: &Connect, vm: Uuid) -> Result<GuestReport, HostError> {
    let begun = Instant::now();
    let domain = running(connection, vm)?;
    let (version, commands) = agent::abilities(&ask(&domain, "guest-info", PATIENCE)?);
    let mut report = GuestReport {
        agent_version: version,
        ..GuestReport::default()
    };
    for question in agent::QUESTIONS {
        if begun.elapsed() > REPORT || !commands.iter().any(|it| it == question) {
            continue;
        }
        // A refusal of one says nothing about the others; silence does, and the time is bounded.
        match ask(&domain, question, PATIENCE) {
            Ok(answer) => agent::put(&mut report, question, &answer),
            Err(error) => tracing::debug!(%vm, question, %error, "A guest's agent did not tell"),
        }
    }
    Ok(report)
}

fn frozen(domain: &Domain) -> Result<bool, HostError> {
    Ok(agent::frozen(&ask(
        domain,
        "guest-fsfreeze-status",
        PATIENCE,
    )?))
}

fn freeze(connection: &Connect, vm: Uuid, wanted: bool) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    if frozen(&domain)? == wanted {
        return Ok(());
    }
    let command = if wanted {
        "guest-fsfreeze-freeze"
    } else {
        "guest-fsfreeze-thaw"
    };
    let answer = ask(&domain, command, FREEZE_PATIENCE)?;
    if wanted && answer.as_u64() == Some(0) {
        return Err(HostError::Failed {
            what: "The guest has no file system that can be held still.".to_owned(),
        });
    }
    Ok(())
}

/// Asks the guest's agent to end or restart the guest. False where there is none, or it does not
/// do it: then the firmware's button is left.
fn by_agent(connection: &Connect, vm: Uuid, reboot: bool) -> bool {
    let Ok(domain) = running(connection, vm) else {
        return false;
    };
    // It does not answer when it does it, so libvirt's own call is used, which knows that.
    let asked = if reboot {
        domain.reboot(sys::VIR_DOMAIN_REBOOT_GUEST_AGENT)
    } else {
        domain
            .shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_GUEST_AGENT)
            .map(|_| ())
    };
    match asked {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%vm, %error, "The guest's agent was not able to");
            false
        }
    }
}

fn by_button(connection: &Connect, vm: Uuid, reboot: bool) -> Result<(), HostError> {
    if reboot {
        return running(connection, vm)?
            .reboot(sys::VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)
            .map_err(|e| failed(&e));
    }
    let domain = super::domain::get(connection, vm)?;
    if is_active(&domain)? {
        domain
            .shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}

impl LibvirtHost {
    /// Asks a guest to end or restart: its agent where it listens, else the firmware's button,
    /// which guests without an agent know.
    pub(super) async fn ask_to_end(&self, vm: Uuid, reboot: bool) -> Result<(), HostError> {
        let call = Call::short("describe a domain");
        let listens = self
            .inner
            .connection
            .call(call, move |c| match super::domain::find(c, vm)? {
                Some(domain) => super::domain::info(&domain).map(|info| info.agent),
                None => Ok(false),
            })
            .await?;
        if listens {
            let call = Call::short("ask a guest's agent");
            let done = self
                .inner
                .agents
                .call(call, move |c| Ok(by_agent(c, vm, reboot)))
                .await;
            if done.unwrap_or(false) {
                return Ok(());
            }
        }
        let call = Call::short("press a domain's button");
        self.inner
            .connection
            .call(call, move |c| by_button(c, vm, reboot))
            .await
    }
}

impl GuestWork for LibvirtHost {
    fn guest_report(&self, vm: Uuid) -> HostFuture<'_, GuestReport> {
        let call = Call {
            deadline: Duration::from_secs(60),
            ..Call::short("ask a guest's agent")
        };
        Box::pin(self.inner.agents.call(call, move |c| report(c, vm)))
    }

    fn guest_freeze(&self, vm: Uuid) -> HostFuture<'_, ()> {
        let call = Call::long("freeze a guest's file systems", 3);
        Box::pin(self.inner.agents.call(call, move |c| freeze(c, vm, true)))
    }

    fn guest_thaw(&self, vm: Uuid) -> HostFuture<'_, ()> {
        let call = Call::long("thaw a guest's file systems", 3);
        Box::pin(self.inner.agents.call(call, move |c| freeze(c, vm, false)))
    }

    fn guest_frozen(&self, vm: Uuid) -> HostFuture<'_, bool> {
        let call = Call::short("ask a guest's agent");
        Box::pin(self.inner.agents.call(call, move |c| {
            let domain = running(c, vm)?;
            frozen(&domain)
        }))
    }
}
