//! `/instancetypes`: named sizes for VMs. In the API they are templates of a kind.

use api::types;
use api::{Object, path};
use manager::model::InstanceType;
use manager::seed;
use manager::{InstanceTypeAddParams, InstanceTypeUpdateParams, instance_type_hardware};

use super::convert::{date, int, version_to_api, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::vm_settings;
use super::{Change, Verb, beneath, consoles};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<InstanceType, _>(params, |_, it| to_api(it));
    };
    let found = view.instance_type(id)?;
    match rest {
        [] => Ok(one(to_api(&found))),
        ["graphicsconsoles", rest @ ..] => list_or_pick(consoles::of_instance_type(&found), rest),
        rest => Err(beneath(rest)),
    }
}

/// An instance type as the API shows it.
pub(super) fn to_api(it: &InstanceType) -> types::InstanceType {
    let mut object = types::InstanceType {
        id: Some(it.id.to_string()),
        href: Some(path::instance_type(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        creation_time: date(it.creation_time),
        origin: Some("ovirt".to_owned()),
        custom_compatibility_version: Some(version_to_api(seed::VERSION).into()),
        status: word("ok"),
        version: Some(
            types::TemplateVersion {
                version_number: int(1),
                ..Default::default()
            }
            .into(),
        ),
        ..types::InstanceType::default()
    };
    vm_settings::write_instance_type(&mut object, &instance_type_hardware(it));
    object
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let manager = change.view.manager();
    match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::InstanceType = change.sent.body()?;
            let Some(name) = sent.name.clone().filter(|name| !name.is_empty()) else {
                return Err(Refused::incomplete("InstanceType", &["name"], "add"));
            };
            let params = InstanceTypeAddParams {
                name,
                description: sent.description.clone().unwrap_or_default(),
                settings: vm_settings::read_instance_type(&change.view, &sent)?,
            };
            let added = manager.instance_type_add(change.caller(), params).await?;
            Ok(Answer::Created(Box::new(to_api(&added)) as Box<dyn Object>))
        }
        (Verb::Put, [id]) => {
            let found = change.view.instance_type(id)?;
            let sent: types::InstanceType = change.sent.body()?;
            let params = InstanceTypeUpdateParams {
                settings: vm_settings::read_instance_type(&change.view, &sent)?,
                name: sent.name,
                description: sent.description,
            };
            let it = manager
                .instance_type_update(change.caller(), found.id, params)
                .await?;
            Ok(Answer::Object(Box::new(to_api(&it))))
        }
        (Verb::Delete, [id]) => {
            let found = change.view.instance_type(id)?;
            manager
                .instance_type_remove(change.caller(), found.id)
                .await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}
