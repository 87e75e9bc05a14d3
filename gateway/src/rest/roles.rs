//! `/roles` and their permits.

use std::collections::BTreeSet;

use api::path;
use api::types;
use manager::model::{Permit, Role, Subject};
use manager::{RoleAddParams, RoleUpdateParams, seed};

use super::convert::reference;
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, beneath};

pub(super) fn read(view: &View, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        let mut roles: Vec<_> = view.inventory().roles.iter().cloned().collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        return list_or_pick(roles.iter().map(|role| to_api(role)).collect(), path);
    };
    let role = view.role(id)?;
    match rest {
        [] => Ok(one(to_api(&role))),
        ["permits", rest @ ..] => list_or_pick(permits(&role), rest),
        rest => Err(beneath(rest)),
    }
}

/// A role as the API shows it.
pub(super) fn to_api(it: &Role) -> types::Role {
    types::Role {
        id: Some(it.id.to_string()),
        href: Some(path::role(it.id).to_string()),
        name: Some(it.name.clone()),
        description: Some(it.description.clone()),
        administrative: Some(it.administrative),
        mutable: Some(it.mutable),
        ..types::Role::default()
    }
}

/// The roles that somebody has on the system itself.
pub(super) fn of(view: &View, subject: Subject) -> Vec<types::Role> {
    let on_system = view
        .inventory()
        .permissions_of(subject)
        .filter(|it| it.object == manager::model::ObjectId::System);
    let roles = on_system.filter_map(|it| view.inventory().roles.get(&it.role));
    roles.map(|role| to_api(role)).collect()
}

fn permits(role: &Role) -> Vec<types::Permit> {
    let everything = role.id == Role::SUPER_USER;
    seed::permits()
        .filter(|permit| everything || role.permits.contains(&Permit(permit.id)))
        .map(|permit| types::Permit {
            id: Some(permit.id.to_string()),
            href: Some(path::role(role.id).permits().item(permit.id).to_string()),
            name: Some(permit.name.to_owned()),
            administrative: Some(permit.administrative),
            role: reference!(Role, path::role(role.id), role.id),
            ..types::Permit::default()
        })
        .collect()
}

/// The permit that is meant, by number or by word.
fn permit(sent: &types::Permit) -> Result<Permit> {
    let wanted = sent
        .id
        .as_deref()
        .or(sent.name.as_deref())
        .unwrap_or_default();
    seed::permits()
        .find(|permit| permit.id.to_string() == wanted || permit.name == wanted)
        .map(|permit| Permit(permit.id))
        .ok_or_else(|| Refused::not_found(wanted))
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let role = change.view.role(id)?;
    let update = |permits: Option<BTreeSet<Permit>>, sent: types::Role| RoleUpdateParams {
        name: sent.name,
        description: sent.description,
        permits,
    };
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::Role = change.sent.body()?;
            let permits = match &sent.permits {
                Some(permits) => Some(permits.iter().map(permit).collect::<Result<_>>()?),
                None => None,
            };
            let role = manager
                .role_update(caller, role.id, update(permits, sent))
                .await?;
            Ok(Answer::Object(Box::new(to_api(&role))))
        }
        (Verb::Delete, []) => {
            manager.role_remove(caller, role.id).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, ["permits"]) => {
            let added = permit(&change.sent.body()?)?;
            let mut permits = role.permits.clone();
            permits.insert(added);
            let params = update(Some(permits), types::Role::default());
            let role = manager.role_update(caller, role.id, params).await?;
            let id = added.0.to_string();
            let shown = self::permits(&role)
                .into_iter()
                .find(|it| it.id.as_ref() == Some(&id));
            let shown = shown.ok_or_else(|| Refused::not_found(&id))?;
            Ok(Answer::Created(Box::new(shown)))
        }
        (Verb::Delete, ["permits", id]) => {
            let removed = permit(&types::Permit {
                id: Some((*id).to_owned()),
                ..types::Permit::default()
            })?;
            let mut permits = role.permits.clone();
            if !permits.remove(&removed) {
                return Err(Refused::not_found(id));
            }
            let params = update(Some(permits), types::Role::default());
            manager.role_update(caller, role.id, params).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn add(change: &Change<'_>) -> Result<Answer> {
    let sent: types::Role = change.sent.body()?;
    let name = sent.name.clone().filter(|name| !name.is_empty());
    let (Some(name), Some(permits)) = (name.clone(), &sent.permits) else {
        let mut missing = Vec::new();
        missing.extend(name.is_none().then_some("name"));
        missing.extend(sent.permits.is_none().then_some("permits.id"));
        return Err(Refused::incomplete("Role", &missing, "add"));
    };
    let params = RoleAddParams {
        name,
        description: sent.description.clone().unwrap_or_default(),
        administrative: sent.administrative.unwrap_or(false),
        permits: permits.iter().map(permit).collect::<Result<_>>()?,
    };
    let role = change
        .view
        .manager()
        .role_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(&role))))
}
