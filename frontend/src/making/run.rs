//! Sends the requests of a new machine one after the other, as one task that can be left.

use super::NewVm;
use crate::app::App;
use crate::client::{Fault, correlation_id, vms};
use crate::store::{Disk, Id, Tone, VmStatus};
use crate::task;
use crate::text::{fill, t};
use crate::work::{Work, WorkState};
use leptos::prelude::*;
use std::sync::Arc;

/// Makes it, step by step, as one task.
pub fn make(app: App, plan: NewVm, made: RwSignal<Option<Id>>) {
    let work = app
        .works
        .begin(app.fresh_key(), fill("Creating {0}", &[plan.name.trim()]));
    task::run(async move {
        let correlation = correlation_id();
        match run(app, &plan, work, &correlation, made).await {
            Ok(()) => {
                work.state.set(WorkState::Done);
                app.say(
                    Tone::Ok,
                    if plan.start {
                        fill("{0} is ready and starting", &[plan.name.trim()])
                    } else {
                        fill("{0} is ready", &[plan.name.trim()])
                    },
                    Vec::new(),
                    None,
                );
            }
            Err(fault) => {
                app.say_fault(
                    fill("{0} is not complete", &[plan.name.trim()]),
                    fault.clone(),
                );
                work.state.set(WorkState::Failed(fault));
            }
        }
    });
}

async fn run(
    app: App,
    plan: &NewVm,
    work: Work,
    correlation: &str,
    made: RwSignal<Option<Id>>,
) -> Result<(), Fault> {
    let steps = plan.steps(true);
    let mut vm = Id::from("");
    let mut disks = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        work.state.set(WorkState::Step(
            place + 1,
            steps.len(),
            t(step.words).to_owned(),
        ));
        match step.path {
            "/vms" | "/vms?clone=true" => {
                vm = vms::add(&step.body, step.path.contains('?'), correlation).await?;
                let _ = made.try_set(Some(vm.clone()));
            }
            "/vms/{vm}/nics" => vms::add_nic(&vm, &step.body, correlation).await?,
            "/vms/{vm}/diskattachments" => {
                disks.push(vms::attach(&vm, &step.body, correlation).await?);
            }
            "/vms/{vm}/start" => {
                settled(app, &vm, &disks).await?;
                vms::start(&vm, &step.body).await?;
            }
            _ => vms::change_cd(&vm, plan.iso.as_deref(), false, correlation).await?,
        }
    }
    Ok(())
}

/// Waits until its disks are made: the stream says when. It may not even have told of them yet.
async fn settled(app: App, vm: &Id, expected: &[Id]) -> Result<(), Fault> {
    let (vm, expected) = (vm.clone(), expected.to_vec());
    app.store
        .until(move |store| {
            let machine = store.vms.peek(&vm)?;
            let told = |id: &Id| machine.disks.iter().any(|disk| disk.disk == *id);
            if !expected.iter().all(told)
                || !expected.iter().all(|id| store.disks.peek(id).is_some())
            {
                return None;
            }
            let disks: Vec<Option<Arc<Disk>>> = machine
                .disks
                .iter()
                .map(|attachment| store.disks.peek(&attachment.disk))
                .collect();
            if disks.iter().flatten().any(|disk| disk.status == "illegal") {
                return Some(Err(Fault::of(t("Its disk could not be made."))));
            }
            let ready = machine.status != VmStatus::Preparing
                && disks
                    .iter()
                    .all(|disk| disk.as_ref().is_none_or(|disk| disk.status == "ok"));
            ready.then_some(Ok(()))
        })
        .await
}
