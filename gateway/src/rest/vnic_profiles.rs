//! `/vnicprofiles`.

use api::path;
use api::types::{self, CustomProperty, VnicPassThrough};
use manager::model::{NetworkFilterId, VnicProfile};
use manager::{Inventory, VnicProfileAddParams, VnicProfileUpdateParams, seed};

use super::convert::{given, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, one};
use super::{Change, Verb, beneath, permissions, profiles};

pub(super) fn read(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<VnicProfile, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let profile = view.vnic_profile(id)?;
    match rest {
        [] => Ok(one(to_api(view.inventory(), &profile))),
        ["permissions", rest @ ..] => permissions::read(view, profile.id.into(), rest),
        rest => Err(beneath(rest)),
    }
}

/// A vNIC profile as the API shows it.
pub(super) fn to_api(_: &Inventory, it: &VnicProfile) -> types::VnicProfile {
    let properties = it
        .custom_properties
        .iter()
        .map(|(name, value)| CustomProperty {
            name: Some(name.clone()),
            value: Some(value.clone()),
            ..CustomProperty::default()
        });
    types::VnicProfile {
        id: Some(it.id.to_string()),
        href: Some(path::vnic_profile(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        comment: Some(it.comment.clone()),
        network: reference!(Network, path::network(it.network), it.network),
        port_mirroring: Some(it.port_mirroring),
        pass_through: Some(
            VnicPassThrough {
                mode: word(it.pass_through.as_str()),
            }
            .into(),
        ),
        migratable: Some(it.migratable),
        network_filter: it
            .network_filter
            .map(|id| part!(NetworkFilter, path::network_filter(id), id)),
        custom_properties: (!it.custom_properties.is_empty()).then(|| properties.collect()),
        ..types::VnicProfile::default()
    }
}

/// The filter that is meant; an empty reference is no filter.
fn filter(sent: &types::VnicProfile) -> Result<Option<Option<NetworkFilterId>>> {
    let Some(filter) = sent.network_filter.as_deref() else {
        return Ok(None);
    };
    let wanted = filter
        .id
        .as_deref()
        .or(filter.name.as_deref())
        .filter(|it| !it.is_empty());
    let Some(wanted) = wanted else {
        return Ok(Some(None));
    };
    seed::network_filters()
        .find(|(id, name)| id.to_string() == wanted || *name == wanted)
        .map(|(id, _)| Some(Some(id)))
        .ok_or_else(|| Refused::not_found(wanted))
}

fn properties(sent: &types::VnicProfile) -> Option<Vec<(String, String)>> {
    let properties = sent.custom_properties.as_ref()?;
    Some(
        properties
            .iter()
            .filter_map(|it| it.name.clone().zip(it.value.clone()))
            .collect(),
    )
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let manager = change.view.manager();
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change, &change.sent.body()?).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let profile = change.view.vnic_profile(id)?;
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::VnicProfile = change.sent.body()?;
            let mode = sent.pass_through.as_deref().and_then(|it| it.mode);
            let params = VnicProfileUpdateParams {
                name: sent.name.clone(),
                description: sent.description.clone(),
                comment: sent.comment.clone(),
                port_mirroring: sent.port_mirroring,
                pass_through: given("pass_through.mode", mode.map(|it| it.as_str()))?,
                migratable: sent.migratable,
                network_filter: filter(&sent)?,
                custom_properties: properties(&sent),
                qos: profiles::qos_of(
                    &change.view,
                    sent.qos.as_deref(),
                    manager::model::QosType::Network,
                )?,
            };
            let profile = manager
                .vnic_profile_update(change.caller(), profile.id, params)
                .await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &profile,
            ))))
        }
        (Verb::Delete, []) => {
            manager
                .vnic_profile_remove(change.caller(), profile.id)
                .await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change(change, verb, profile.id.into(), rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// Adds a profile; also under a network.
pub(super) async fn add(change: &Change<'_>, sent: &types::VnicProfile) -> Result<Answer> {
    let network = match sent.network.as_deref() {
        Some(it) => change
            .view
            .network_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let name = sent.name.clone().filter(|name| !name.is_empty());
    let (Some(name), Some(network)) = (name.clone(), &network) else {
        let mut missing = Vec::new();
        missing.extend(name.is_none().then_some("name"));
        missing.extend(network.is_none().then_some("network.id"));
        return Err(Refused::incomplete("VnicProfile", &missing, "add"));
    };
    let mode = sent.pass_through.as_deref().and_then(|it| it.mode);
    let usual = seed::network_filters().find(|(_, name)| *name == "vdsm-no-mac-spoofing");
    let params = VnicProfileAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        comment: sent.comment.clone().unwrap_or_default(),
        network: network.id,
        port_mirroring: sent.port_mirroring.unwrap_or(false),
        pass_through: given("pass_through.mode", mode.map(|it| it.as_str()))?,
        migratable: sent.migratable,
        network_filter: filter(sent)?.unwrap_or(usual.map(|(id, _)| id)),
        custom_properties: properties(sent).unwrap_or_default(),
        qos: profiles::qos_of(
            &change.view,
            sent.qos.as_deref(),
            manager::model::QosType::Network,
        )?
        .flatten(),
    };
    let profile = change
        .view
        .manager()
        .vnic_profile_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(
        change.view.again().inventory(),
        &profile,
    ))))
}
