//! `/vms/{id}/watchdogs`: the device that acts when a guest hangs. A VM has one or none, and its id
//! is the VM's.

use std::sync::Arc;

use api::path;
use api::types;
use manager::model::{Vm, Watchdog, WatchdogAction};
use manager::{VmSettings, VmUpdateParams};

use super::convert::{reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb};

pub(super) fn read(_view: &View, vm: &Vm, rest: &[&str]) -> Result<Found> {
    list_or_pick(to_api(vm).into_iter().collect(), rest)
}

/// The watchdog that the VM has, or will have after its next start.
fn of(vm: &Vm) -> Option<Watchdog> {
    vm.next_run.as_deref().unwrap_or(&vm.hardware).watchdog
}

fn to_api(vm: &Vm) -> Option<types::Watchdog> {
    of(vm).map(|watchdog| types::Watchdog {
        id: Some(vm.id.to_string()),
        href: Some(path::vm(vm.id).watchdogs().item(vm.id).to_string()),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        model: word(Watchdog::MODEL),
        action: word(watchdog.action.as_str()),
        ..types::Watchdog::default()
    })
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    let there = |id: &str| {
        if of(vm).is_some() && id == vm.id.to_string() {
            Ok(())
        } else {
            Err(Refused::not_found(id))
        }
    };
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Watchdog = change.sent.body()?;
            if sent.model.is_none() || sent.action.is_none() {
                return Err(Refused::incomplete("Watchdog", &["model", "action"], "add"));
            }
            if of(vm).is_some() {
                return Err(Refused::conflict(
                    "Cannot edit VM. The VM already has a watchdog, and only one is allowed.",
                ));
            }
            let vm = set(change, vm, Some(action(&sent)?)).await?;
            let object = to_api(&vm).ok_or_else(Refused::unbuilt)?;
            Ok(Answer::Created(Box::new(object)))
        }
        (Verb::Put, [id]) => {
            there(id)?;
            let sent: types::Watchdog = change.sent.body()?;
            let vm = match sent.action {
                Some(_) => set(change, vm, Some(action(&sent)?)).await?,
                None => Arc::clone(vm),
            };
            let object = to_api(&vm).ok_or_else(Refused::unbuilt)?;
            Ok(Answer::Object(Box::new(object)))
        }
        (Verb::Delete, [id]) => {
            there(id)?;
            set(change, vm, None).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn action(sent: &types::Watchdog) -> Result<WatchdogAction> {
    if let Some(model) = sent.model.map(|it| it.as_str())
        && model != Watchdog::MODEL
    {
        return Err(Refused::conflict(
            "Cannot edit VM. The watchdog model is not supported by the operating system.",
        ));
    }
    let word = sent.action.map(|it| it.as_str()).unwrap_or_default();
    WatchdogAction::of(word).ok_or_else(|| Refused::value("watchdog.action", word))
}

async fn set(change: &Change<'_>, vm: &Arc<Vm>, action: Option<WatchdogAction>) -> Result<Arc<Vm>> {
    let params = VmUpdateParams {
        settings: VmSettings {
            watchdog: Some(action.map(|action| Watchdog { action })),
            ..VmSettings::default()
        },
        ..VmUpdateParams::default()
    };
    Ok(change
        .view
        .manager()
        .vm_update(change.caller(), vm.id, params)
        .await?)
}
