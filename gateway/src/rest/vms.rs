//! `/vms`: virtual machines and their actions.

use std::sync::Arc;

use api::types::{self, Action};
use api::{Object, path};
use manager::model::{Vm, VmStatus};
use manager::{
    DiskAttachParams, FirstBootWish, Inventory, NicAddParams, VmAddParams, VmCloneParams,
    VmRemoveParams, VmStartParams, VmStopParams, VmUpdateParams,
};

use super::convert::{date, part, reference, word};
use super::fault::{Refused, Result};
use super::numa_nodes;
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{
    Change, Verb, affinity, consoles, disk_attachments, nics, permissions, statistics, tags,
};
use super::{beneath, guest, snapshots, templates, vm_settings, watchdogs};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        let (all, next) = (params.all_content, params.next_run);
        return view.list::<Vm, _>(params, move |view, vm| shown(view, vm, all, next));
    };
    let vm = view.vm(id)?;
    match rest {
        [] => Ok(one(shown(view, &vm, params.all_content, params.next_run))),
        ["cdroms", rest @ ..] => consoles::read_cdroms(view, params, &vm, rest),
        ["diskattachments", rest @ ..] => disk_attachments::read(view, &vm, rest),
        ["graphicsconsoles", rest @ ..] => consoles::read(view, params, &vm, rest),
        ["applications", rest @ ..] => {
            list_or_pick(guest::applications(view.inventory(), &vm), rest)
        }
        ["nics", rest @ ..] => nics::read(view, &vm, rest),
        ["reporteddevices", rest @ ..] => list_or_pick(guest::devices(view.inventory(), &vm), rest),
        ["sessions", rest @ ..] => list_or_pick(guest::sessions(view.inventory(), &vm), rest),
        ["affinitylabels", rest @ ..] => {
            let labels = manager::rules::affinity::labels_of_vm(view.inventory(), vm.id);
            affinity::read_assigned(view, &labels, &path::vm(vm.id), rest)
        }
        ["permissions", rest @ ..] => permissions::read(view, vm.id.into(), rest),
        ["snapshots", rest @ ..] => snapshots::read(view, &vm, rest),
        ["statistics", rest @ ..] => statistics::read(statistics::vm(view.inventory(), &vm), rest),
        ["numanodes", rest @ ..] => numa_nodes::read(&vm, rest),
        ["watchdogs", rest @ ..] => watchdogs::read(view, &vm, rest),
        ["tags", rest @ ..] => tags::read_assigned(view, &vm.tags, &path::vm(vm.id), rest),
        rest => Err(beneath(rest)),
    }
}

fn shown(view: &View, vm: &Vm, all_content: bool, next_run: bool) -> types::Vm {
    let mut object = to_api(view.inventory(), vm);
    let hardware = match &vm.next_run {
        Some(next) if next_run => {
            vm_settings::write_vm(&mut object, next);
            next
        }
        _ => &vm.hardware,
    };
    if all_content {
        vm_settings::write_all_content(&mut object, hardware);
    }
    // Old clients look for the running console here.
    let console = vm.running_hardware().display.graphics.first();
    let console = console.and_then(|protocol| consoles::address(vm, *protocol));
    if let (Some(display), Some(console)) = (object.display.as_mut(), console)
        && consoles::may_connect(view, vm)
    {
        display.address = Some(console.address.clone());
        display.port = console.port.map(i64::from);
        display.secure_port = console.tls_port.map(i64::from);
    }
    object
}

/// A VM as the API shows it; where its console listens is not everybody's to know (`shown`).
pub(super) fn to_api(inventory: &Inventory, vm: &Vm) -> types::Vm {
    let mut object = types::Vm {
        id: Some(vm.id.to_string()),
        href: Some(path::vm(vm.id).to_string()),
        name: Some(vm.name.clone()),
        description: Some(vm.description.clone()),
        comment: Some(vm.comment.clone()),
        status: word(vm.run.status.as_str()),
        status_detail: vm.run.status_detail.clone(),
        stop_reason: Some(vm.run.stop_reason.clone().unwrap_or_default()),
        creation_time: date(vm.creation_time),
        start_time: vm
            .run
            .start_time
            .filter(|_| vm.run.status.is_running())
            .and_then(date),
        // The engine has one from the beginning.
        stop_time: date(vm.run.stop_time.unwrap_or(vm.creation_time)),
        origin: Some(vm.origin.clone()),
        delete_protected: Some(vm.delete_protected),
        run_once: Some(vm.run.run_once),
        next_run_configuration_exists: Some(vm.next_run.is_some()),
        use_latest_template_version: Some(vm.use_latest_template),
        vm_pool: vm.pool.map(|id| part!(VmPool, path::vm_pool(id), id)),
        has_illegal_images: Some(has_illegal_images(inventory, vm)),
        cluster: reference!(Cluster, path::cluster(vm.cluster), vm.cluster),
        template: reference!(Template, path::template(vm.template), vm.template),
        original_template: reference!(
            Template,
            path::template(vm.original_template),
            vm.original_template
        ),
        instance_type: vm
            .instance_type
            .map(|id| part!(InstanceType, path::instance_type(id), id)),
        host: vm
            .run
            .host
            .filter(|_| vm.run.status.is_running())
            .map(|id| part!(Host, path::host(id), id)),
        ..types::Vm::default()
    };
    let profile = vm.hardware.cpu_profile.or_else(|| {
        inventory
            .clusters
            .get(&vm.cluster)
            .map(|cluster| cluster.cpu_profile)
    });
    object.cpu_profile = profile.map(|id| part!(CpuProfile, path::cpu_profile(id), id));
    vm_settings::write_vm(&mut object, &vm.hardware);
    guest::write(inventory, vm, &mut object);
    object
}

fn has_illegal_images(inventory: &Inventory, vm: &Vm) -> bool {
    vm.disk_attachments.iter().any(|attachment| {
        let disk = inventory.disks.get(&attachment.disk);
        disk.is_some_and(|disk| disk.status == manager::model::DiskStatus::Illegal)
    })
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let vm = change.view.vm(id)?;
    match (verb, rest) {
        (Verb::Put, []) => update(change, &vm).await,
        (Verb::Delete, []) => {
            let params = VmRemoveParams {
                detach_only: change.params.detach_only.unwrap_or(false),
            };
            let accepted = change
                .view
                .manager()
                .vm_remove(change.caller(), vm.id, params)
                .await?;
            change.finished(accepted.job).await;
            Ok(Answer::Removed)
        }
        (_, ["cdroms", rest @ ..]) => consoles::change_cdroms(change, verb, &vm, rest).await,
        (_, ["diskattachments", rest @ ..]) => {
            disk_attachments::change(change, verb, &vm, rest).await
        }
        (_, ["graphicsconsoles", rest @ ..]) => consoles::change(change, verb, &vm, rest).await,
        (_, ["nics", rest @ ..]) => nics::change(change, verb, &vm, rest).await,
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, vm.id.into(), rest).await
        }
        (_, ["affinitylabels", rest @ ..]) => {
            let who = affinity::Labelled::Vm(vm.id);
            affinity::change_assigned(change, verb, who, &path::vm(vm.id), rest).await
        }
        (_, ["tags", rest @ ..]) => {
            tags::change_assigned(change, verb, vm.id.into(), &path::vm(vm.id), rest).await
        }
        (Verb::Post, ["export"]) => super::ova::export(change, &vm).await,
        (_, ["numanodes", rest @ ..]) => numa_nodes::change(change, verb, &vm, rest).await,
        (_, ["watchdogs", rest @ ..]) => watchdogs::change(change, verb, &vm, rest).await,
        (Verb::Post, ["clone"]) => clone(change, &vm).await,
        (Verb::Post, ["detach"]) => {
            let sent = change.sent.action()?;
            change
                .view
                .manager()
                .vm_detach_from_pool(change.caller(), vm.id)
                .await?;
            Ok(change.acted(&sent, None))
        }
        (_, ["snapshots", rest @ ..]) => snapshots::change(change, verb, &vm, rest).await,
        (Verb::Post, [name @ ("previewsnapshot" | "commitsnapshot" | "undosnapshot")]) => {
            snapshots::act(change, &vm, name).await
        }
        (Verb::Post, [action]) => act(change, &vm, action).await,
        _ => Err(Refused::unbuilt()),
    }
}

async fn add(change: &Change<'_>) -> Result<Answer> {
    let sent: types::Vm = change.sent.body()?;
    if sent
        .snapshots
        .as_ref()
        .is_some_and(|it| it.iter().next().is_some())
    {
        return Err(Refused::conflict(
            "Cannot add VM. Machines are not made from Snapshots here: preview the Snapshot, clone the VM, and undo the preview.",
        ));
    }
    if let Some(described) = super::ova::add_described(change, &sent).await {
        return described;
    }
    let mut params = from_api(&change.view, &sent)?;
    params.clone = change.params.clone;
    params.clone_permissions = change.params.clone_permissions;
    let accepted = change
        .view
        .manager()
        .vm_add(change.caller(), params)
        .await?;
    let id = accepted.value.id;
    change
        .created(accepted.job, move |view| {
            let vm = view
                .inventory()
                .vms
                .get(&id)
                .cloned()
                .unwrap_or(accepted.value);
            Ok(Box::new(to_api(view.inventory(), &vm)) as Box<dyn Object>)
        })
        .await
}

/// A new VM as the API describes it.
fn from_api(view: &View, sent: &types::Vm) -> Result<VmAddParams> {
    let mut missing = Vec::new();
    let name = sent.name.clone().filter(|name| !name.is_empty());
    if name.is_none() {
        missing.push("name");
    }
    let cluster = match sent.cluster.as_deref() {
        Some(cluster) => view.cluster_of(cluster.id.as_deref(), cluster.name.as_deref())?,
        None => None,
    };
    if cluster.is_none() {
        missing.push("cluster.id|name");
    }
    let instance_type = match sent.instance_type.as_deref() {
        Some(it) => view.instance_type_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let template = match sent.template.as_deref() {
        Some(it) => templates::meant(view, it)?,
        None => None,
    };
    if template.is_none() && instance_type.is_none() {
        missing.push("template.id|name");
    }
    let (Some(name), Some(cluster), true) = (name, cluster, missing.is_empty()) else {
        return Err(Refused::incomplete("Vm", &missing, "add"));
    };
    let template = template.map_or(manager::seed::BLANK, |template| template.id);
    let disks: Vec<DiskAttachParams> = sent
        .disk_attachments
        .iter()
        .flatten()
        // A template's disks come by themselves; those named here say how, not which more.
        .filter(|it| !of_template(view, template, it))
        .map(|it| disk_attachments::from_api(view, it))
        .collect::<Result<_>>()?;
    let template_disks = sent
        .disk_attachments
        .iter()
        .flatten()
        .filter(|it| of_template(view, template, it))
        .map(|it| disk_attachments::choice_from_api(view, it))
        .collect::<Result<_>>()?;
    let nics: Vec<NicAddParams> = sent
        .nics
        .iter()
        .flatten()
        .map(|nic| nics::from_api(view, nic))
        .collect::<Result<_>>()?;
    let cdrom = match sent.cdroms.as_ref().and_then(|cdroms| cdroms.first()) {
        Some(cdrom) => consoles::disk_of_cdrom(view, cdrom)?,
        None => None,
    };
    Ok(VmAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        comment: sent.comment.clone().unwrap_or_default(),
        cluster: cluster.id,
        template,
        instance_type: instance_type.map(|it| it.id),
        delete_protected: sent.delete_protected.unwrap_or(false),
        origin: sent.origin.clone(),
        settings: vm_settings::read_vm(view, sent)?,
        disks,
        nics,
        cdrom,
        clone: false,
        template_disks,
        use_latest_template: sent.use_latest_template_version.unwrap_or(false),
        clone_permissions: false,
    })
}

async fn clone(change: &Change<'_>, vm: &Vm) -> Result<Answer> {
    let sent = change.sent.action()?;
    let view = &change.view;
    let copy = sent.vm.as_deref().cloned().unwrap_or_default();
    let Some(name) = copy.name.clone().filter(|name| !name.is_empty()) else {
        return Err(Refused::incomplete("Action", &["vm.name"], "clone"));
    };
    let cluster = match copy.cluster.as_deref() {
        Some(it) => view.cluster_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let domain = match sent.storage_domain.as_deref() {
        Some(it) => view.storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let params = VmCloneParams {
        name,
        description: copy.description.clone(),
        comment: copy.comment.clone(),
        cluster: cluster.map(|it| it.id),
        storage_domain: domain.map(|it| it.id),
        disks: copy
            .disk_attachments
            .iter()
            .flatten()
            .map(|it| disk_attachments::choice_from_api(view, it))
            .collect::<Result<_>>()?,
        settings: vm_settings::read_vm(view, &copy)?,
    };
    let accepted = view
        .manager()
        .vm_clone(change.caller(), vm.id, params)
        .await?;
    let mut answer = change.acted(&sent, accepted.job);
    if let Answer::Done(action) | Answer::Pending(action) = &mut answer {
        let id = accepted.value.id;
        action.vm = Some(part!(Vm, path::vm(id), id));
    }
    Ok(answer)
}

fn of_template(
    view: &View,
    template: manager::model::TemplateId,
    attachment: &types::DiskAttachment,
) -> bool {
    let disk = attachment
        .disk
        .as_deref()
        .and_then(|disk| disk.id.as_deref().or(disk.image_id.as_deref()))
        .or(attachment.id.as_deref());
    let template = view.inventory().templates.get(&template);
    template.is_some_and(|template| {
        let mut ids = template
            .disk_attachments
            .iter()
            .map(|it| it.disk.to_string());
        ids.any(|id| Some(id.as_str()) == disk)
    })
}

async fn update(change: &Change<'_>, vm: &Arc<Vm>) -> Result<Answer> {
    let sent: types::Vm = change.sent.body()?;
    let view = &change.view;
    let cluster = match sent.cluster.as_deref() {
        Some(it) => view
            .cluster_of(it.id.as_deref(), it.name.as_deref())?
            .map(|it| it.id),
        None => None,
    };
    let instance_type = match sent.instance_type.as_deref() {
        // An empty reference takes it away.
        Some(it) => {
            let found = view.instance_type_of(it.id.as_deref(), it.name.as_deref())?;
            Some(found.map(|it| it.id))
        }
        None => None,
    };
    let params = VmUpdateParams {
        name: sent.name.clone(),
        description: sent.description.clone(),
        comment: sent.comment.clone(),
        cluster: cluster.filter(|cluster| *cluster != vm.cluster),
        instance_type,
        delete_protected: sent.delete_protected,
        use_latest_template: sent.use_latest_template_version,
        settings: vm_settings::read_vm(view, &sent)?,
        next_run: change.params.next_run,
    };
    let vm = view
        .manager()
        .vm_update(change.caller(), vm.id, params)
        .await?;
    let object = shown(
        &view.again(),
        &vm,
        change.params.all_content,
        change.params.next_run,
    );
    Ok(Answer::Object(Box::new(object)))
}

async fn act(change: &Change<'_>, vm: &Arc<Vm>, name: &str) -> Result<Answer> {
    let (manager, caller, id) = (change.view.manager(), change.caller(), vm.id);
    let known = [
        "start",
        "stop",
        "shutdown",
        "reboot",
        "reset",
        "suspend",
        "ticket",
        "logon",
        "freezefilesystems",
        "thawfilesystems",
        "adopt",
    ];
    if !known.contains(&name) {
        return Err(Refused::unbuilt());
    }
    let sent = change.sent.action()?;
    let stop = || VmStopParams {
        reason: sent.reason.clone(),
        force: change.params.force || sent.force == Some(true),
    };
    let accepted = match name {
        "start" => {
            let params = start(&change.view, &sent)?;
            manager.vm_start(caller, id, params).await?
        }
        "stop" => manager.vm_stop(caller, id, stop()).await?,
        "shutdown" => manager.vm_shutdown(caller, id, stop()).await?,
        "reboot" => manager.vm_reboot(caller, id, stop()).await?,
        "reset" => manager.vm_reset(caller, id).await?,
        "suspend" => manager.vm_suspend(caller, id).await?,
        // Ours alone: oVirt shows external machines and lets them be.
        "adopt" => {
            let name = sent.vm.as_deref().and_then(|vm| vm.name.clone());
            manager.vm_adopt(caller, id, name).await?
        }
        "freezefilesystems" => manager.vm_freeze(caller, id).await?,
        "thawfilesystems" => manager.vm_thaw(caller, id).await?,
        "ticket" => return consoles::ticket(change, vm, &sent).await,
        // There is no agent in the guest that could log anybody in.
        _ => {
            return Err(Refused::conflict(
                "Cannot log on to the VM. The guest agent does not answer.",
            ));
        }
    };
    Ok(change.acted(&sent, accepted.job))
}

/// How a VM is started: what is said of the VM holds for this run alone.
fn start(view: &View, sent: &Action) -> Result<VmStartParams> {
    let mut params = VmStartParams {
        pause: sent.pause.unwrap_or(false),
        ..Default::default()
    };
    let asked = |flag: Option<bool>| flag == Some(true);
    params.first_boot = if asked(sent.use_sysprep) {
        FirstBootWish::Sysprep
    } else if asked(sent.use_cloud_init) {
        FirstBootWish::CloudInit
    } else if asked(sent.use_initialization) {
        FirstBootWish::BySystem
    } else {
        FirstBootWish::Usual
    };
    let Some(vm) = sent.vm.as_deref() else {
        return Ok(params);
    };
    params.once = vm_settings::read_vm(view, vm)?;
    if let Some(cdrom) = vm.cdroms.as_ref().and_then(|cdroms| cdroms.first()) {
        params.cdrom = Some(consoles::disk_of_cdrom(view, cdrom)?);
    }
    Ok(params)
}

/// A VM with what belongs to it inline, as the live stream shows it.
pub(super) fn with_parts(inventory: &Inventory, vm: &Vm) -> types::Vm {
    types::Vm {
        disk_attachments: Some(
            vm.disk_attachments
                .iter()
                .map(|it| disk_attachments::to_api(vm, it))
                .collect(),
        ),
        nics: Some(
            vm.nics
                .iter()
                .map(|nic| nics::to_api(inventory, vm, nic))
                .collect(),
        ),
        cdroms: Some(vec![consoles::cdrom_to_api(vm, running(vm))].into()),
        // Our own pages reach a console through the gateway and need no address.
        graphics_consoles: Some(consoles::to_api(vm, true, false).into()),
        reported_devices: Some(guest::devices(inventory, vm).into()),
        sessions: Some(guest::sessions(inventory, vm).into()),
        applications: Some(guest::applications(inventory, vm).into()),
        tags: Some(tags::assigned(inventory, &vm.tags, &path::vm(vm.id)).into()),
        ..to_api(inventory, vm)
    }
}

/// Whether what the VM has now differs from what it is configured to have.
pub(super) fn running(vm: &Vm) -> bool {
    vm.run.status.is_running() && vm.run.status != VmStatus::WaitForLaunch
}
