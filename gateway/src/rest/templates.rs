//! `/templates`: made from VMs, with versions; what VMs are made from.

use std::sync::Arc;

use api::types::{self, Cdrom, TemplateVersion};
use api::{Object, path};
use manager::model::Template;
use manager::{Inventory, TemplateAddParams, TemplateUpdateParams};

use super::convert::{date, int, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::vm_settings;
use super::{Change, Verb, beneath, consoles, disk_attachments, nics, permissions, tags};

/// How long the answer to a new template waits for its disks.
const SOON: std::time::Duration = std::time::Duration::from_secs(10);

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Template, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let template = view.template(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &template))),
        ["cdroms", rest @ ..] => list_or_pick(vec![cdrom(&template)], rest),
        ["diskattachments", rest @ ..] => {
            let attachments = template.disk_attachments.iter();
            let attachments = attachments.map(|it| disk_attachments::of_template(&template, it));
            list_or_pick(attachments.collect(), rest)
        }
        ["graphicsconsoles", rest @ ..] => list_or_pick(consoles::of_template(&template), rest),
        ["nics", rest @ ..] => {
            let nics = template.nics.iter();
            let nics = nics.map(|nic| nics::of_template(view.inventory(), &template, nic));
            list_or_pick(nics.collect(), rest)
        }
        ["permissions", rest @ ..] => permissions::read(view, template.id.into(), rest),
        ["tags", rest @ ..] => {
            tags::read_assigned(view, &template.tags, &path::template(template.id), rest)
        }
        rest => Err(beneath(rest)),
    }
}

/// A template as the API shows it.
pub(super) fn to_api(inventory: &Inventory, it: &Template) -> types::Template {
    let mut object = types::Template {
        id: Some(it.id.to_string()),
        href: Some(path::template(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        status: word(it.status.as_str()),
        creation_time: date(it.creation_time),
        origin: Some(it.origin.clone()),
        delete_protected: Some(it.delete_protected),
        cluster: it.cluster.map(|id| part!(Cluster, path::cluster(id), id)),
        version: Some(
            TemplateVersion {
                base_template: reference!(Template, path::template(it.base), it.base),
                version_name: Some(it.version_name.clone()),
                version_number: int(it.version_number),
            }
            .into(),
        ),
        ..types::Template::default()
    };
    let profile = it.hardware.cpu_profile.or_else(|| {
        it.cluster
            .and_then(|id| inventory.clusters.get(&id))
            .map(|cluster| cluster.cpu_profile)
    });
    object.cpu_profile = profile.map(|id| part!(CpuProfile, path::cpu_profile(id), id));
    vm_settings::write_template(&mut object, &it.hardware);
    object
}

/// The template that a reference means: a name means the first version.
pub(super) fn meant(view: &View, sent: &types::Template) -> Result<Option<Arc<Template>>> {
    let found = view.template_of(sent.id.as_deref(), sent.name.as_deref())?;
    let by_id = sent.id.as_deref().is_some_and(|id| !id.is_empty());
    Ok(found.map(|found| {
        let base = view.inventory().templates.get(&found.base);
        match base.filter(|base| !by_id && view.sees(base.id)) {
            Some(base) => Arc::clone(base),
            None => found,
        }
    }))
}

/// A template with what belongs to it inline, as the live stream shows it.
pub(super) fn with_parts(inventory: &Inventory, it: &Template) -> types::Template {
    types::Template {
        disk_attachments: Some(
            it.disk_attachments
                .iter()
                .map(|attachment| disk_attachments::of_template(it, attachment))
                .collect(),
        ),
        nics: Some(
            it.nics
                .iter()
                .map(|nic| nics::of_template(inventory, it, nic))
                .collect(),
        ),
        tags: Some(tags::assigned(inventory, &it.tags, &path::template(it.id)).into()),
        ..to_api(inventory, it)
    }
}

fn cdrom(template: &Template) -> Cdrom {
    let id = uuid::Uuid::nil().to_string();
    Cdrom {
        href: Some(path::template(template.id).cdroms().item(&id).to_string()),
        id: Some(id),
        template: reference!(Template, path::template(template.id), template.id),
        ..Cdrom::default()
    }
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let template = change.view.template(id)?;
    match (verb, rest) {
        (Verb::Delete, []) => {
            let manager = change.view.manager();
            let accepted = manager
                .template_remove(change.caller(), template.id)
                .await?;
            change.finished(accepted.job).await;
            Ok(Answer::Removed)
        }
        (Verb::Put, []) => {
            let sent: types::Template = change.sent.body()?;
            let params = TemplateUpdateParams {
                settings: vm_settings::read_template(&change.view, &sent)?,
                name: sent.name,
                description: sent.description,
                comment: sent.comment,
                version_name: sent
                    .version
                    .as_deref()
                    .and_then(|version| version.version_name.clone()),
                delete_protected: sent.delete_protected,
            };
            let manager = change.view.manager();
            let template = manager
                .template_update(change.caller(), template.id, params)
                .await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &template,
            ))))
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, template.id.into(), rest).await
        }
        (_, ["tags", rest @ ..]) => {
            let base = path::template(template.id);
            tags::change_assigned(change, verb, template.id.into(), &base, rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn add(change: &Change<'_>) -> Result<Answer> {
    let sent: types::Template = change.sent.body()?;
    let params = from_api(change, &sent)?;
    let accepted = change
        .view
        .manager()
        .template_add(change.caller(), params)
        .await?;
    let id = accepted.value.id;
    // Clients take the answer for the template as it will be: what is soon done is waited for.
    let mut open = accepted.job;
    if let Some(job) = open {
        let waited = change.view.manager().wait(job);
        if tokio::time::timeout(SOON, waited).await.is_ok() {
            open = None;
        }
    }
    change
        .created(open, move |view| {
            let template = view.inventory().templates.get(&id).cloned();
            let template = template.unwrap_or(accepted.value);
            Ok(Box::new(to_api(view.inventory(), &template)) as Box<dyn Object>)
        })
        .await
}

/// A new template as the API describes it. How disks are copied is said at the VM's attachments;
/// some clients say it at the template's own.
fn from_api(change: &Change<'_>, sent: &types::Template) -> Result<TemplateAddParams> {
    let view = &change.view;
    let mut missing = Vec::new();
    let base = sent
        .version
        .as_deref()
        .and_then(|version| version.base_template.as_deref());
    let base = match base {
        Some(it) => view.template_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let name = sent.name.clone().filter(|name| !name.is_empty());
    let name = name.or_else(|| base.as_ref().map(|base| base.name.clone()));
    if name.is_none() {
        missing.push("name");
    }
    let vm = match sent.vm.as_deref() {
        Some(it) => view.vm_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    if vm.is_none() {
        missing.push("vm.id|name");
    }
    let (Some(name), Some(vm)) = (name, vm) else {
        return Err(Refused::incomplete("Template", &missing, "add"));
    };
    let cluster = match sent.cluster.as_deref() {
        Some(it) => view.cluster_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let domain = match sent.storage_domain.as_deref() {
        Some(it) => view.storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let of_vm = sent
        .vm
        .as_deref()
        .and_then(|vm| vm.disk_attachments.as_ref());
    let disks = of_vm
        .into_iter()
        .flatten()
        .chain(sent.disk_attachments.iter().flatten())
        .map(|it| disk_attachments::choice_from_api(view, it))
        .collect::<Result<_>>()?;
    Ok(TemplateAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        comment: sent.comment.clone().unwrap_or_default(),
        vm: vm.id,
        cluster: cluster.map(|cluster| cluster.id),
        base: base.map(|base| base.id),
        version_name: sent
            .version
            .as_deref()
            .and_then(|version| version.version_name.clone()),
        storage_domain: domain.map(|domain| domain.id),
        disks,
        settings: vm_settings::read_template(view, sent)?,
        delete_protected: sent.delete_protected.unwrap_or(false),
        clone_permissions: change.params.clone_permissions,
        seal: change.params.seal,
    })
}
