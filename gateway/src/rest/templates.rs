//! `/templates`. Making and deleting templates is not built yet.

use api::path;
use api::types::{self, Cdrom, TemplateVersion};
use manager::model::Template;
use manager::{Inventory, TemplateUpdateParams};

use super::convert::{date, int, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::vm_settings;
use super::{Change, Verb, beneath, consoles, disk_attachments, nics, permissions, tags};

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
    let [id, rest @ ..] = path else {
        return Err(Refused::unbuilt());
    };
    let template = change.view.template(id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::Template = change.sent.body()?;
            let params = TemplateUpdateParams {
                settings: vm_settings::read_template(&change.view, &sent)?,
                name: sent.name,
                description: sent.description,
                comment: sent.comment,
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
