//! `/users` and `/groups`; also the directory that they come from, `/domains/{id}/…`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use api::path;
use api::types::{self, Domain};
use manager::model::{Group, GroupId, Secret, Subject, User};
use manager::{Inventory, UserAddParams, UserUpdateParams, seed};

use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick, one};
use super::{Change, Verb, beneath, permissions, personal, roles, tags};

pub(super) fn read_users(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<User, _>(params, |view, it| to_api(view.inventory(), it));
    };
    let user = view.user(id)?;
    let owner = path::user(user.id);
    match rest {
        [] => Ok(one(to_api(view.inventory(), &user))),
        ["groups", rest @ ..] => {
            let groups = user
                .groups
                .iter()
                .filter_map(|id| view.inventory().groups.get(id));
            list_or_pick(groups.map(|group| group_to_api(group)).collect(), rest)
        }
        ["permissions", rest @ ..] => {
            permissions::read_of(view, Subject::User(user.id), &owner, rest)
        }
        ["options", rest @ ..] => personal::read_options(&user, rest),
        ["roles", rest @ ..] => list_or_pick(roles::of(view, Subject::User(user.id)), rest),
        ["sshpublickeys", rest @ ..] => personal::read_keys(&user, rest),
        ["tags", rest @ ..] => tags::read_assigned(view, &user.tags, &owner, rest),
        rest => Err(beneath(rest)),
    }
}

pub(super) fn read_groups(view: &View, params: &Params, path: &[&str]) -> Result<Found> {
    let [id, rest @ ..] = path else {
        return view.list::<Group, _>(params, |_, it| group_to_api(it));
    };
    let group = view.group(id)?;
    let owner = path::group(group.id);
    match rest {
        [] => Ok(one(group_to_api(&group))),
        ["permissions", rest @ ..] => {
            permissions::read_of(view, Subject::Group(group.id), &owner, rest)
        }
        ["roles", rest @ ..] => list_or_pick(roles::of(view, Subject::Group(group.id)), rest),
        ["tags", rest @ ..] => tags::read_assigned(view, &group.tags, &owner, rest),
        rest => Err(beneath(rest)),
    }
}

/// An authorization domain's id: its name's letters in hexadecimal.
pub(super) fn domain_id(name: &str) -> String {
    name.bytes().fold(String::new(), |mut id, letter| {
        let _ = write!(id, "{letter:02X}");
        id
    })
}

fn domain(name: &str) -> Option<api::Part<Domain>> {
    if name.is_empty() {
        return None;
    }
    let id = domain_id(name);
    // A domain goes out with its name, as the engine's does.
    Some(
        Domain {
            href: Some(path::domain(&id).to_string()),
            id: Some(id),
            name: Some(name.to_owned()),
            ..Domain::default()
        }
        .into(),
    )
}

/// A user as the API shows them.
pub(super) fn to_api(_: &Inventory, it: &User) -> types::User {
    types::User {
        id: Some(it.id.to_string()),
        href: Some(path::user(it.id).to_string()),
        name: Some(it.name.clone()),
        last_name: Some(it.last_name.clone()),
        user_name: Some(it.user_name.clone()),
        principal: Some(it.principal.clone()),
        namespace: Some(it.namespace.clone()),
        domain: domain(&it.domain),
        domain_entry_id: Some(it.domain_entry_id.clone()),
        email: Some(it.email.clone()),
        department: Some(it.department.clone()),
        ..types::User::default()
    }
}

/// A group as the API shows it.
pub(super) fn group_to_api(it: &Group) -> types::Group {
    types::Group {
        id: Some(it.id.to_string()),
        href: Some(path::group(it.id).to_string()),
        name: Some(it.name.clone()),
        namespace: Some(it.namespace.clone()),
        domain: domain(&it.domain),
        domain_entry_id: Some(it.domain_entry_id.clone()),
        ..types::Group::default()
    }
}

pub(super) async fn change_users(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => return add(change).await,
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let user = change.view.user(id)?;
    let owner = path::user(user.id);
    match (verb, rest) {
        (Verb::Put, []) => {
            let sent: types::User = change.sent.body()?;
            let params = UserUpdateParams {
                groups: match &sent.groups {
                    Some(groups) => Some(groups_of(&change.view, groups)?),
                    None => None,
                },
                name: sent.name,
                last_name: sent.last_name,
                email: sent.email,
                department: sent.department,
                enabled: None,
                password: sent.password.map(Secret::new),
            };
            let user = manager.user_update(caller, user.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(
                change.view.again().inventory(),
                &user,
            ))))
        }
        (Verb::Delete, []) => {
            manager.user_remove(caller, user.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change_of(change, verb, Subject::User(user.id), &owner, rest).await
        }
        (_, ["options", rest @ ..]) => personal::change_options(change, verb, &user, rest).await,
        (_, ["sshpublickeys", rest @ ..]) => personal::change_keys(change, verb, &user, rest).await,
        (_, ["tags", rest @ ..]) => {
            tags::change_assigned(change, verb, user.id.into(), &owner, rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn groups_of(view: &View, groups: &[types::Group]) -> Result<BTreeSet<GroupId>> {
    let mut ids = BTreeSet::new();
    for group in groups {
        let group = view.group_of(group.id.as_deref(), group.name.as_deref())?;
        ids.extend(group.map(|group| group.id));
    }
    Ok(ids)
}

async fn add(change: &Change<'_>) -> Result<Answer> {
    let sent: types::User = change.sent.body()?;
    let name = sent
        .user_name
        .clone()
        .or(sent.principal.clone())
        .filter(|name| !name.is_empty());
    let Some(user_name) = name else {
        return Err(Refused::incomplete("User", &["user_name"], "add"));
    };
    if let Some(domain) = sent.domain.as_deref() {
        let by_id = domain
            .id
            .as_deref()
            .is_some_and(|id| id.eq_ignore_ascii_case(&domain_id(seed::INTERNAL_DOMAIN)));
        let by_name = domain
            .name
            .as_deref()
            .is_some_and(|name| [seed::INTERNAL_DOMAIN, seed::INTERNAL_PROFILE].contains(&name));
        if !by_id && !by_name {
            let wanted = domain.name.as_deref().or(domain.id.as_deref());
            return Err(Refused::not_found(wanted.unwrap_or("domain")));
        }
    }
    let params = UserAddParams {
        user_name,
        name: sent.name.clone().unwrap_or_default(),
        last_name: sent.last_name.clone().unwrap_or_default(),
        email: sent.email.clone().unwrap_or_default(),
        department: sent.department.clone().unwrap_or_default(),
        // A password that an administrator has chosen is only good for choosing another.
        must_change_password: sent.password.is_some(),
        password: sent.password.map(Secret::new),
    };
    let user = change
        .view
        .manager()
        .user_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(
        change.view.again().inventory(),
        &user,
    ))))
}

pub(super) async fn change_groups(
    change: &Change<'_>,
    verb: Verb,
    path: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let (id, rest) = match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::Group = change.sent.body()?;
            let Some(name) = sent.name.filter(|name| !name.is_empty()) else {
                return Err(Refused::incomplete("Group", &["name"], "add"));
            };
            let group = manager.group_add(caller, name).await?;
            return Ok(Answer::Created(Box::new(group_to_api(&group))));
        }
        (_, [id, rest @ ..]) => (id, rest),
        _ => return Err(Refused::unbuilt()),
    };
    let group = change.view.group(id)?;
    let owner = path::group(group.id);
    match (verb, rest) {
        (Verb::Delete, []) => {
            manager.group_remove(caller, group.id).await?;
            Ok(Answer::Removed)
        }
        (_, ["permissions", rest @ ..]) => {
            permissions::change_of(change, verb, Subject::Group(group.id), &owner, rest).await
        }
        (_, ["tags", rest @ ..]) => {
            tags::change_assigned(change, verb, group.id.into(), &owner, rest).await
        }
        _ => Err(Refused::unbuilt()),
    }
}
