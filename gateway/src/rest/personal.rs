//! What belongs to a user or an interface and is small: `/users/{id}/sshpublickeys`,
//! `/users/{id}/options`, `/vms/{id}/nics/{id}/networkfilterparameters`.

use api::path;
use api::types;
use manager::model::{FilterParameter, Nic, SshPublicKey, User, UserOption, Vm};

use super::convert::reference;
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, list_or_pick};
use super::{Change, Verb};

fn key_to_api(user: &User, it: &SshPublicKey) -> types::SshPublicKey {
    types::SshPublicKey {
        id: Some(it.id.to_string()),
        href: Some(
            path::user(user.id)
                .child("sshpublickeys")
                .item(it.id)
                .to_string(),
        ),
        content: Some(it.content.clone()),
        user: reference!(User, path::user(user.id), user.id),
        ..types::SshPublicKey::default()
    }
}

fn option_to_api(user: &User, it: &UserOption) -> types::UserOption {
    types::UserOption {
        id: Some(it.id.to_string()),
        href: Some(path::user(user.id).child("options").item(it.id).to_string()),
        name: Some(it.name.clone()),
        content: Some(it.content.clone()),
        user: reference!(User, path::user(user.id), user.id),
        ..types::UserOption::default()
    }
}

pub(super) fn read_keys(user: &User, rest: &[&str]) -> Result<Found> {
    let keys = user.ssh_public_keys.iter();
    list_or_pick(keys.map(|it| key_to_api(user, it)).collect(), rest)
}

pub(super) fn read_options(user: &User, rest: &[&str]) -> Result<Found> {
    let options = user.options.iter();
    list_or_pick(options.map(|it| option_to_api(user, it)).collect(), rest)
}

fn id_of(id: &str) -> Result<uuid::Uuid> {
    id.parse().map_err(|_| Refused::not_found(id))
}

pub(super) async fn change_keys(
    change: &Change<'_>,
    verb: Verb,
    user: &User,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let content = || -> Result<String> {
        let sent: types::SshPublicKey = change.sent.body()?;
        let content = sent.content.filter(|it| !it.trim().is_empty());
        content.ok_or_else(|| Refused::incomplete("SshPublicKey", &["content"], "add"))
    };
    match (verb, rest) {
        (Verb::Post, []) => {
            let key = manager.ssh_key_add(caller, user.id, content()?).await?;
            Ok(Answer::Created(Box::new(key_to_api(user, &key))))
        }
        (Verb::Put, [id]) => {
            let (id, content) = (id_of(id)?, content()?);
            let key = manager.ssh_key_update(caller, user.id, id, content).await?;
            Ok(Answer::Object(Box::new(key_to_api(user, &key))))
        }
        (Verb::Delete, [id]) => {
            manager.ssh_key_remove(caller, user.id, id_of(id)?).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

pub(super) async fn change_options(
    change: &Change<'_>,
    verb: Verb,
    user: &User,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::UserOption = change.sent.body()?;
            let (Some(name), Some(content)) = (sent.name, sent.content) else {
                return Err(Refused::incomplete(
                    "UserOption",
                    &["name", "content"],
                    "add",
                ));
            };
            let option = manager
                .user_option_add(caller, user.id, name, content)
                .await?;
            Ok(Answer::Created(Box::new(option_to_api(user, &option))))
        }
        (Verb::Delete, [id]) => {
            manager
                .user_option_remove(caller, user.id, id_of(id)?)
                .await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn parameters(vm: &Vm, nic: &Nic, all: &[FilterParameter]) -> Vec<types::NetworkFilterParameter> {
    let owner = path::vm(vm.id).nics().item(nic.id);
    let base = owner.child("networkfilterparameters");
    all.iter()
        .map(|it| types::NetworkFilterParameter {
            id: Some(it.id.to_string()),
            href: Some(base.item(it.id).to_string()),
            name: Some(it.name.clone()),
            value: Some(it.value.clone()),
            nic: reference!(Nic, owner, nic.id),
            ..types::NetworkFilterParameter::default()
        })
        .collect()
}

pub(super) fn read_parameters(vm: &Vm, nic: &Nic, rest: &[&str]) -> Result<Found> {
    list_or_pick(parameters(vm, nic, &nic.filter_parameters), rest)
}

pub(super) async fn change_parameters(
    change: &Change<'_>,
    verb: Verb,
    (vm, nic): (&Vm, &Nic),
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let found = |all: Vec<FilterParameter>, id: uuid::Uuid| {
        let mut all = parameters(vm, nic, &all).into_iter();
        let id = id.to_string();
        all.find(|it| it.id.as_deref() == Some(id.as_str()))
            .ok_or_else(|| Refused::not_found(id))
    };
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::NetworkFilterParameter = change.sent.body()?;
            let (Some(name), Some(value)) = (sent.name, sent.value) else {
                let fields = ["name", "value"];
                return Err(Refused::incomplete(
                    "NetworkFilterParameter",
                    &fields,
                    "add",
                ));
            };
            let new = FilterParameter::new(name, value);
            let id = new.id;
            let all = manager
                .filter_parameters_update(caller, vm.id, nic.id, move |all| {
                    all.push(new);
                    Ok(())
                })
                .await?;
            Ok(Answer::Created(Box::new(found(all, id)?)))
        }
        (Verb::Put, [id]) => {
            let id = id_of(id)?;
            let sent: types::NetworkFilterParameter = change.sent.body()?;
            let all = manager
                .filter_parameters_update(caller, vm.id, nic.id, move |all| {
                    let it = all.iter_mut().find(|it| it.id == id);
                    let it = it.ok_or_else(|| manager::Error::missing(id))?;
                    it.name = sent.name.unwrap_or_else(|| it.name.clone());
                    it.value = sent.value.unwrap_or_else(|| it.value.clone());
                    Ok(())
                })
                .await?;
            Ok(Answer::Object(Box::new(found(all, id)?)))
        }
        (Verb::Delete, [id]) => {
            let id = id_of(id)?;
            manager
                .filter_parameters_update(caller, vm.id, nic.id, move |all| {
                    let count = all.len();
                    all.retain(|it| it.id != id);
                    if all.len() == count {
                        return Err(manager::Error::missing(id));
                    }
                    Ok(())
                })
                .await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}
