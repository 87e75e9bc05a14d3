//! `/vmpools`: pools of VMs. Beside oVirt's own actions there are `deactivate` and `activate`, which
//! put a pool into maintenance and out of it.

use api::types;
use api::{Object, path};
use manager::model::{VmPool, VmStatus};
use manager::{Inventory, VmPoolAddParams, VmPoolUpdateParams, VmSettings};

use super::convert::{given, int, number, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, one};
use super::{Change, Verb, beneath, permissions, templates, vm_settings};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<VmPool, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let pool = view.vm_pool(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &pool))),
        ["permissions", rest @ ..] => permissions::read(view, pool.id.into(), rest),
        rest => Err(beneath(rest)),
    }
}

/// A pool as the API shows it.
pub(super) fn to_api(inventory: &Inventory, it: &VmPool) -> types::VmPool {
    types::VmPool {
        id: Some(it.id.to_string()),
        href: Some(path::vm_pool(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        size: int(inventory.vms_of_pool(it.id).count()),
        prestarted_vms: int(it.prestarted_vms),
        max_user_vms: int(it.max_user_vms),
        stateful: Some(it.stateful),
        type_: word(it.pool_type.as_str()),
        use_latest_template_version: Some(it.use_latest_template),
        auto_storage_select: Some(false),
        cluster: reference!(Cluster, path::cluster(it.cluster), it.cluster),
        template: reference!(Template, path::template(it.template), it.template),
        instance_type: it
            .instance_type
            .map(|id| part!(InstanceType, path::instance_type(id), id)),
        ..types::VmPool::default()
    }
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let pool = change.view.vm_pool(id)?;
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::VmPool = change.sent.body()?;
            let params = VmPoolUpdateParams {
                name: sent.name.clone(),
                description: sent.description.clone(),
                comment: sent.comment.clone(),
                pool_type: given("type", sent.type_.map(|it| it.as_str()))?,
                stateful: sent.stateful,
                use_latest_template: sent.use_latest_template_version,
                size: number("size", sent.size)?,
                prestarted_vms: number("prestarted_vms", sent.prestarted_vms)?,
                max_user_vms: number("max_user_vms", sent.max_user_vms)?,
                maintenance: None,
            };
            let pool = manager.vm_pool_update(caller, pool.id, params).await?;
            let object = to_api(change.view.again().inventory(), &pool);
            Ok(Answer::Object(Box::new(object)))
        }
        (Verb::Delete, []) => {
            manager.vm_pool_remove(caller, pool.id).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["allocatevm"]) => {
            let sent = change.sent.action()?;
            let accepted = manager.vm_pool_allocate(caller, pool.id).await?;
            let mut answer = change.acted(&sent, accepted.job);
            let vm = accepted.value;
            if let Answer::Done(action) | Answer::Pending(action) = &mut answer {
                action.vm = Some(part!(Vm, path::vm(vm.id), vm.id));
                if vm.run.status == VmStatus::Up {
                    action.job = None;
                }
            }
            Ok(answer)
        }
        (Verb::Post, [action @ ("activate" | "deactivate")]) => {
            let sent = change.sent.action()?;
            let params = VmPoolUpdateParams {
                maintenance: Some(*action == "deactivate"),
                ..VmPoolUpdateParams::default()
            };
            manager.vm_pool_update(caller, pool.id, params).await?;
            Ok(change.acted(&sent, None))
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, pool.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn add(change: &Change<'_>) -> Result<Answer> {
    let sent: types::VmPool = change.sent.body()?;
    let view = &change.view;
    let mut missing = Vec::new();
    let name = sent.name.clone().filter(|name| !name.is_empty());
    if name.is_none() {
        missing.push("name");
    }
    let cluster = match sent.cluster.as_deref() {
        Some(it) => view.cluster_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    if cluster.is_none() {
        missing.push("cluster.id|name");
    }
    let template = match sent.template.as_deref() {
        Some(it) => templates::meant(view, it)?,
        None => None,
    };
    if template.is_none() {
        missing.push("template.id|name");
    }
    let (Some(name), Some(cluster), Some(template)) = (name, cluster, template) else {
        return Err(Refused::incomplete("VmPool", &missing, "add"));
    };
    let instance_type = match sent.instance_type.as_deref() {
        Some(it) => view.instance_type_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let mut settings = match sent.vm.as_deref() {
        Some(vm) => vm_settings::read_vm(view, vm)?,
        None => VmSettings::default(),
    };
    settings.soundcard = sent.soundcard_enabled.or(settings.soundcard);
    settings.tpm = sent.tpm_enabled.or(settings.tpm);
    if let Some(device) = sent.rng_device.as_deref() {
        settings.rng_source = Some(device.source.map(|source| source.as_str().to_owned()));
    }
    let params = VmPoolAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        comment: sent.comment.clone().unwrap_or_default(),
        cluster: cluster.id,
        template: template.id,
        use_latest_template: sent.use_latest_template_version.unwrap_or(false),
        instance_type: instance_type.map(|it| it.id),
        pool_type: given("type", sent.type_.map(|it| it.as_str()))?,
        stateful: sent.stateful.unwrap_or(false),
        size: number("size", sent.size)?,
        prestarted_vms: number("prestarted_vms", sent.prestarted_vms)?.unwrap_or(0),
        max_user_vms: number("max_user_vms", sent.max_user_vms)?,
        settings,
    };
    let pool = view.manager().vm_pool_add(change.caller(), params).await?;
    let object = to_api(view.again().inventory(), &pool);
    Ok(Answer::Created(Box::new(object) as Box<dyn Object>))
}
