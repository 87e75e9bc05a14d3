//! `/hosts`.

use api::path;
use api::types::{
    self, Cpu, HostDevicePassthrough, Ksm, OperatingSystem, Spm, TransparentHugePages, VmSummary,
};
use manager::model::{Host, HostStatus, VmStatus};
use manager::{HostUpdateParams, Inventory};

use super::convert::{int, program_version, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, one};
use super::{
    Change, Verb, affinity, beneath, host_nics, permissions, statistics, tags, vm_settings,
};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Host, _>(params, |view, host| to_api(view.inventory(), host));
    };
    let host = view.host(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &host))),
        ["nics", rest @ ..] => host_nics::read(view, &host, rest),
        ["affinitylabels", rest @ ..] => {
            let labels = manager::rules::affinity::labels_of_host(view.inventory(), host.id);
            affinity::read_assigned(view, &labels, &path::host(host.id), rest)
        }
        ["permissions", rest @ ..] => permissions::read(view, host.id.into(), rest),
        ["statistics", rest @ ..] => {
            statistics::read(statistics::host(view.inventory(), &host), rest)
        }
        ["tags", rest @ ..] => tags::read_assigned(view, &host.tags, &path::host(host.id), rest),
        rest => Err(beneath(rest)),
    }
}

/// A host as the API shows it.
pub(super) fn to_api(inventory: &Inventory, host: &Host) -> types::Host {
    let mut object = types::Host {
        id: Some(host.id.to_string()),
        href: Some(path::host(host.id).to_string()),
        name: Some(host.name.clone()),
        description: Some(host.description.clone()),
        comment: Some(host.comment.clone()),
        address: Some(host.address.clone()),
        status: word(host.status.as_str()),
        status_detail: Some(host.status_detail.clone()),
        external_status: word("ok"),
        kdump_status: word("unknown"),
        type_: word("rhel"),
        cluster: reference!(Cluster, path::cluster(host.cluster), host.cluster),
        summary: Some(summary(inventory, host).into()),
        spm: Some(
            Spm {
                priority: Some(5),
                status: word(if host.status == HostStatus::Up {
                    "spm"
                } else {
                    "none"
                }),
            }
            .into(),
        ),
        // What oVirt's agent on a host is for us: the manager itself.
        version: Some(program_version(env!("CARGO_PKG_VERSION")).into()),
        max_scheduling_memory: Some(0),
        memory: Some(0),
        ksm: Some(
            Ksm {
                enabled: Some(false),
                merge_across_nodes: None,
            }
            .into(),
        ),
        transparent_hugepages: Some(
            TransparentHugePages {
                enabled: Some(true),
            }
            .into(),
        ),
        device_passthrough: Some(
            HostDevicePassthrough {
                enabled: Some(false),
            }
            .into(),
        ),
        numa_supported: Some(false),
        update_available: Some(false),
        network_operation_in_progress: Some(false),
        reinstallation_required: Some(false),
        ovn_configured: Some(false),
        ..types::Host::default()
    };
    if let Some(facts) = &host.report {
        object.memory = int(facts.memory);
        let promised: u64 = inventory
            .vms_of_host(host.id)
            .map(|vm| vm.hardware.memory_guaranteed)
            .sum();
        object.max_scheduling_memory = int(facts.memory.saturating_sub(promised));
        object.cpu = Some(
            Cpu {
                name: Some(facts.cpu_model.clone()),
                speed: Some(facts.cpu_speed),
                topology: Some(vm_settings::topology(facts.topology).into()),
                architecture: word("x86_64"),
                ..Cpu::default()
            }
            .into(),
        );
        object.os = Some(
            OperatingSystem {
                type_: Some(facts.os_name.clone()),
                version: Some(program_version(&facts.os_version).into()),
                reported_kernel_cmdline: None,
                ..OperatingSystem::default()
            }
            .into(),
        );
        object.libvirt_version = Some(program_version(&facts.libvirt_version).into());
    }
    object
}

fn summary(inventory: &Inventory, host: &Host) -> VmSummary {
    let statuses = inventory.vms_of_host(host.id).map(|vm| vm.run.status);
    let (mut active, mut migrating, mut total) = (0usize, 0usize, 0usize);
    for status in statuses.filter(|status| status.is_running()) {
        total += 1;
        active += usize::from(status == VmStatus::Up);
        migrating += usize::from(status == VmStatus::Migrating);
    }
    VmSummary {
        active: int(active),
        migrating: int(migrating),
        total: int(total),
    }
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let [id, rest @ ..] = path else {
        return Err(Refused::unbuilt());
    };
    let host = change.view.host(id)?;
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::Host = change.sent.body()?;
            let params = HostUpdateParams {
                name: sent.name,
                description: sent.description,
                comment: sent.comment,
            };
            let host = manager.host_update(caller, host.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &host,
            ))))
        }
        (Verb::Post, [action @ ("activate" | "deactivate")]) => {
            let sent = change.sent.action()?;
            let accepted = if *action == "activate" {
                manager.host_activate(caller, host.id).await?
            } else {
                manager.host_deactivate(caller, host.id).await?
            };
            Ok(change.acted(&sent, accepted.job))
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, host.id.into(), rest).await
        }
        (_, ["affinitylabels", rest @ ..]) => {
            let who = affinity::Labelled::Host(host.id);
            affinity::change_assigned(change, verb, who, &path::host(host.id), rest).await
        }
        (_, ["tags", rest @ ..]) => {
            tags::change_assigned(change, verb, host.id.into(), &path::host(host.id), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}
