//! The life of a domain: calls on a connection, made on a thread that may wait. Each looks first,
//! so that repeating it is harmless.

use std::sync::Arc;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::{
    Domain, DomainPausedReason, DomainShutoffReason, DomainState as State, DomainStateReason,
    DomainStateReasonEnum,
};
use virt::error::{Error, ErrorNumber};
use virt_sys as sys;

use super::connection::failed;
use super::domain_facts::Facts;
use super::domain_xml::STAMP;
use super::events;
use super::foreign;
use super::kvm::PROBE_NAME;
use super::xml::{Element, Node};
use crate::host::{DomainInfo, DomainState, HostError, OffReason, PauseReason};

/// Attempts to start a domain whose display's port is taken.
const MAX_LAUNCHES: u32 = 5;

/// The domain of a VM, if the host has it.
pub(super) fn find(connection: &Connect, vm: Uuid) -> Result<Option<Domain>, HostError> {
    match connection.lookup_domain_by_uuid(vm) {
        Ok(domain) => Ok(Some(domain)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

/// The domain of a VM, which must be there.
pub(super) fn get(connection: &Connect, vm: Uuid) -> Result<Domain, HostError> {
    find(connection, vm)?.ok_or_else(|| HostError::NotFound {
        what: format!("domain {vm}"),
    })
}

/// The domain of a VM, which must run.
pub(super) fn running(connection: &Connect, vm: Uuid) -> Result<Domain, HostError> {
    let domain = get(connection, vm)?;
    if is_active(&domain)? {
        Ok(domain)
    } else {
        Err(wrong_state(vm, "is not running"))
    }
}

pub(super) fn is_active(domain: &Domain) -> Result<bool, HostError> {
    domain.is_active().map_err(|e| failed(&e))
}

fn wrong_state(vm: Uuid, what: &str) -> HostError {
    HostError::WrongState {
        what: format!("domain {vm} {what}"),
    }
}

fn is_gone(error: &Error) -> bool {
    error.code().is(ErrorNumber::NoDomain)
}

/// The live XML, or the definition's with `flags`.
pub(super) fn xml(domain: &Domain, flags: sys::virDomainXMLFlags) -> Result<Element, HostError> {
    Element::parse(&domain.xml_desc(flags).map_err(|e| failed(&e))?)
}

/// All domains except our own probes. One that goes away meanwhile is left out.
pub(super) fn list(connection: &Connect) -> Result<Vec<DomainInfo>, HostError> {
    let mut all = Vec::new();
    for domain in connection.list_all_domains(0).map_err(|e| failed(&e))? {
        match info(&domain) {
            Ok(info) if !info.name.starts_with(PROBE_NAME) => all.push(info),
            Ok(_) | Err(HostError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// What there is to know of a domain.
pub(super) fn info(domain: &Domain) -> Result<DomainInfo, HostError> {
    let document = xml(domain, 0)?;
    let facts = Facts::of(&document);
    let fail = |e: Error| failed(&e);
    Ok(DomainInfo {
        id: domain.uuid().map_err(fail)?,
        name: domain.name().map_err(fail)?,
        title: facts.title,
        state: state(domain)?,
        stamp: facts.stamp,
        saved: domain.has_managed_save(0).unwrap_or(false),
        persistent: domain.is_persistent().map_err(fail)?,
        memory_bytes: facts.memory_bytes,
        vcpus: facts.vcpus,
        modules: facts.modules,
        spice: facts.spice,
        vnc: facts.vnc,
        disks: facts.disks,
        chains: facts.chains,
        nics: facts.nics,
        foreign: facts
            .stamp
            .is_none()
            .then(|| Arc::new(foreign::read(&document))),
        agent: facts.agent,
        cd: facts.cd,
    })
}

fn state(domain: &Domain) -> Result<DomainState, HostError> {
    let (state, reason) = domain.state().map_err(|e| failed(&e))?;
    let Some(state) = state.known() else {
        // The wrapper does not report the failure of this call; it leaves an impossible state.
        return Err(HostError::NotFound {
            what: "the domain's state".to_owned(),
        });
    };
    Ok(match state {
        State::NoState | State::Running | State::Blocked => DomainState::Running,
        State::Paused => DomainState::Paused(match reason {
            DomainStateReasonEnum::Known(DomainStateReason::Paused(reason)) => match reason.known()
            {
                Some(DomainPausedReason::User) => PauseReason::Asked,
                Some(DomainPausedReason::IOError) => PauseReason::IoError,
                Some(DomainPausedReason::Save) => PauseReason::Saving,
                Some(DomainPausedReason::StartingUp) => PauseReason::Starting,
                Some(DomainPausedReason::Watchdog) => PauseReason::Watchdog,
                _ => PauseReason::Other,
            },
            _ => PauseReason::Other,
        }),
        State::Shutdown => DomainState::ShuttingDown,
        State::Shutoff => DomainState::Off(match reason {
            DomainStateReasonEnum::Known(DomainStateReason::Shutoff(reason)) => {
                match reason.known() {
                    Some(DomainShutoffReason::Shutdown) => OffReason::Shutdown,
                    Some(DomainShutoffReason::Destroyed) => OffReason::Destroyed,
                    Some(DomainShutoffReason::Crashed) => OffReason::Crashed,
                    Some(DomainShutoffReason::Migrated) => OffReason::Migrated,
                    Some(DomainShutoffReason::Saved) => OffReason::Saved,
                    Some(DomainShutoffReason::Failed) => OffReason::Failed,
                    _ => OffReason::Unknown,
                }
            }
            _ => OffReason::Unknown,
        }),
        State::Crashed => DomainState::Crashed,
        State::PMSuspended => DomainState::Sleeping,
    })
}

/// Makes the definition.
pub(super) fn define(connection: &Connect, xml: &str) -> Result<Domain, HostError> {
    connection.define_domain_xml(xml).map_err(|e| failed(&e))
}

/// An adopted domain keeps its name until it has ended: libvirt renames none that runs, and defines
/// none of another name with its id. So its old definition makes way.
pub(super) fn give_up_name(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let Some(domain) = find(connection, vm)? else {
        return Ok(());
    };
    if domain.name().map_err(|e| failed(&e))? == vm.to_string() || is_active(&domain)? {
        return Ok(());
    }
    let flags = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        | sys::VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
    match domain.undefine_flags(flags) {
        Ok(()) => Ok(()),
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

/// Success if it already runs in this epoch, an error if it runs in another, else `None`.
pub(super) fn already(
    domain: &Domain,
    vm: Uuid,
    epoch: u64,
) -> Result<Option<DomainInfo>, HostError> {
    if !is_active(domain)? {
        return Ok(None);
    }
    let info = info(domain)?;
    match info.stamp {
        Some(stamp) if stamp.run_epoch == epoch => Ok(Some(info)),
        _ => Err(wrong_state(vm, "runs already, and not by this operation")),
    }
}

/// Defines and starts it.
pub(super) fn start(
    connection: &Connect,
    vm: Uuid,
    epoch: u64,
    xml: &str,
) -> Result<DomainInfo, HostError> {
    if let Some(domain) = find(connection, vm)? {
        if let Some(info) = already(&domain, vm, epoch)? {
            return Ok(info);
        }
        drop_saved_state(&domain)?;
    }
    give_up_name(connection, vm)?;
    let domain = define(connection, xml)?;
    match launch(&domain, vm, epoch) {
        // A host without control groups cannot weigh guests against each other. A weight is no
        // reason not to run: without it all weigh the same.
        Err(error) if error.to_string().contains("CPU tuning is not available") => {
            tracing::warn!(%vm, "The host has no control groups; starting without a weight");
            let mut document = Element::parse(xml)?;
            for node in &mut document.content {
                if let Node::Element(tune) = node
                    && tune.name == "cputune"
                {
                    tune.remove("shares");
                }
            }
            let domain = define(connection, &document.to_xml())?;
            launch(&domain, vm, epoch)
        }
        outcome => outcome,
    }
}

fn launch(domain: &Domain, vm: Uuid, epoch: u64) -> Result<DomainInfo, HostError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match domain.create() {
            Ok(_) => return info(domain),
            Err(error) => error,
        };
        // Another attempt of the same operation may have been quicker.
        if let Ok(Some(info)) = already(domain, vm, epoch) {
            return Ok(info);
        }
        // libvirt looks for a free port first and QEMU takes it later: somebody else may have been
        // quicker. The next attempt finds another port.
        let taken = ["SPICE sockets", "start VNC server"];
        if attempts >= MAX_LAUNCHES || !taken.iter().any(|it| error.message().contains(it)) {
            return Err(failed(&error));
        }
        tracing::debug!(%vm, "The display's port was taken; starting again");
    }
}

pub(super) fn drop_saved_state(domain: &Domain) -> Result<(), HostError> {
    if domain.has_managed_save(0).unwrap_or(false) {
        domain.managed_save_remove(0).map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// Starts it from its saved state, with a new stamp.
pub(super) fn restore(
    connection: &Connect,
    vm: Uuid,
    epoch: u64,
    stamp: Element,
) -> Result<DomainInfo, HostError> {
    let domain = get(connection, vm)?;
    if let Some(info) = already(&domain, vm, epoch)? {
        return Ok(info);
    }
    if !domain.has_managed_save(0).map_err(|e| failed(&e))? {
        return Err(HostError::NotFound {
            what: format!("a saved state of domain {vm}"),
        });
    }
    let mut saved = Element::parse(&events::saved_xml(&domain).map_err(|e| failed(&e))?)?;
    restamp(&mut saved, &stamp);
    events::set_saved_xml(&domain, &saved.to_xml()).map_err(|e| failed(&e))?;
    launch(&domain, vm, epoch)
}

/// Puts our mark in the place of an earlier one.
pub(super) fn restamp(document: &mut Element, stamp: &Element) {
    for node in &mut document.content {
        if let Node::Element(metadata) = node
            && metadata.name == "metadata"
        {
            metadata.remove(STAMP);
            metadata.content.push(Node::Element(stamp.clone()));
        }
    }
}

/// Ends it.
pub(super) fn destroy(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let Some(domain) = find(connection, vm)? else {
        return Ok(());
    };
    if !is_active(&domain)? {
        return Ok(());
    }
    match domain.destroy() {
        Ok(()) => Ok(()),
        // It may have ended by itself meanwhile.
        Err(error) => match find(connection, vm)? {
            Some(domain) if is_active(&domain)? => Err(failed(&error)),
            _ => Ok(()),
        },
    }
}

/// Presses reset.
pub(super) fn reset(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    running(connection, vm)?
        .reset()
        .map(|_| ())
        .map_err(|e| failed(&e))
}

/// Saves and ends it.
pub(super) fn suspend(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let domain = get(connection, vm)?;
    if is_active(&domain)? {
        return domain.managed_save(0).map(|_| ()).map_err(|e| failed(&e));
    }
    if domain.has_managed_save(0).map_err(|e| failed(&e))? {
        return Ok(());
    }
    Err(wrong_state(vm, "is not running"))
}

/// Gives up a save under way.
pub(super) fn abort(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let Some(domain) = find(connection, vm)? else {
        return Ok(());
    };
    match events::abort_job(&domain) {
        Ok(()) => Ok(()),
        Err(error) if error.code().is(ErrorNumber::OperationInvalid) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

/// Stops its virtual CPUs.
pub(super) fn pause(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    if matches!(state(&domain)?, DomainState::Paused(_)) {
        return Ok(());
    }
    domain.suspend().map(|_| ()).map_err(|e| failed(&e))
}

/// Lets its virtual CPUs go on.
pub(super) fn resume(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    match state(&domain)? {
        DomainState::Paused(_) => domain.resume().map(|_| ()).map_err(|e| failed(&e)),
        _ => Ok(()),
    }
}

/// Forgets it.
pub(super) fn undefine(connection: &Connect, vm: Uuid) -> Result<(), HostError> {
    let Some(domain) = find(connection, vm)? else {
        return Ok(());
    };
    if is_active(&domain)? {
        return Err(wrong_state(vm, "is running"));
    }
    // The firmware's variables and the TPM's state go with the domain.
    let usual = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    let undefined = match domain.undefine_flags(usual | sys::VIR_DOMAIN_UNDEFINE_NVRAM) {
        // A driver that knows no firmware has nothing of it to remove.
        Err(error) if error.code().known() == Some(ErrorNumber::InvalidArg) => {
            domain.undefine_flags(usual)
        }
        other => other,
    };
    match undefined {
        Ok(()) => Ok(()),
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}
