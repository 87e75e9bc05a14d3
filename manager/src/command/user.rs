//! Users of the internal domain, and groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access::{self, EVERYONE};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::model::{Group, GroupId, ObjectId, Permit, Role, Subject, User, UserId};
use crate::password::check_choice;
use crate::revocation::Revoked;
use crate::seed::INTERNAL_DOMAIN;
use crate::session::full_name;
use crate::store::CredentialRow;
use crate::writer::Draft;

use super::check;
use super::params::{UserAddParams, UserUpdateParams};

impl Manager {
    /// Makes a user.
    pub async fn user_add(&self, caller: &Caller, params: UserAddParams) -> Result<Arc<User>> {
        let who = caller.clone();
        // Asked before the hashing, which costs something.
        access::require(
            &self.inventory(),
            caller,
            Permit::MANIPULATE_USERS,
            ObjectId::System,
        )?;
        let user_name = if params.user_name.contains('@') {
            full_name(&params.user_name).ok_or_else(|| {
                Error::invalid(
                    "user_name",
                    "There is no such domain; users are made in internal.",
                )
            })?
        } else {
            format!("{}@{INTERNAL_DOMAIN}", params.user_name)
        };
        let principal = user_name
            .rsplit_once('@')
            .map_or(user_name.as_str(), |(name, _)| name)
            .to_owned();
        check::vm_name(&principal)
            .map_err(|error| Error::invalid("user_name", error.to_string()))?;
        let mut hash = None;
        if let Some(password) = params.password {
            check_choice(&password)?;
            hash = Some(self.core.passwords.hash(password).await?);
        }
        let must_change = params.must_change_password;
        let (user, credential) = self
            .core
            .writer
            .apply(move |draft| {
                access::require(draft, &who, Permit::MANIPULATE_USERS, ObjectId::System)?;
                if draft.user_by_name(&user_name).is_some() {
                    return Err(Error::conflict(
                        "Cannot add User. A user of this name exists already.",
                    ));
                }
                for (field, text) in [
                    ("name", &params.name),
                    ("last_name", &params.last_name),
                    ("email", &params.email),
                    ("department", &params.department),
                ] {
                    check::text(field, text)?;
                }
                let user = User {
                    id: UserId::random(),
                    user_name,
                    principal,
                    domain: INTERNAL_DOMAIN.to_owned(),
                    namespace: "*".to_owned(),
                    domain_entry_id: uuid::Uuid::new_v4().to_string(),
                    name: params.name,
                    last_name: params.last_name,
                    email: params.email,
                    department: params.department,
                    enabled: true,
                    groups: BTreeSet::new(),
                    tags: BTreeSet::new(),
                    ssh_public_keys: Vec::new(),
                    options: Vec::new(),
                };
                let credential = hash.map(|hash| CredentialRow {
                    user: user.id,
                    hash,
                    must_change,
                    expires: None,
                });
                if let Some(credential) = credential.clone() {
                    draft.credential(credential);
                }
                draft.put(user.clone())?;
                let event = EventDraft::new(
                    code::USER_ADDED,
                    format!("User {} was added to the system.", user.user_name),
                );
                draft.event(event.by(&who, draft));
                Ok((user, credential))
            })
            .await?;
        if let Some(credential) = credential {
            self.core.sessions.set_credential(credential);
        }
        Ok(Arc::new(user))
    }

    /// Changes a user. Disabling one, or giving a new password, ends all their sessions.
    pub async fn user_update(
        &self,
        caller: &Caller,
        id: UserId,
        params: UserUpdateParams,
    ) -> Result<Arc<User>> {
        let who = caller.clone();
        access::require(&self.inventory(), caller, Permit::MANIPULATE_USERS, id)?;
        let mut hash = None;
        if let Some(password) = params.password {
            check_choice(&password)?;
            hash = Some(self.core.passwords.hash(password).await?);
        }
        let new_password = hash.is_some();
        let (user, credential) = self
            .core
            .writer
            .apply(move |draft| {
                access::require(draft, &who, Permit::MANIPULATE_USERS, id)?;
                require_not_stronger(draft, &who, id)?;
                let old = draft.users.get(&id).cloned().ok_or_else(|| Error::not_found(id))?;
                let mut user = (*old).clone();
                check::set_text("name", &mut user.name, params.name)?;
                check::set_text("last_name", &mut user.last_name, params.last_name)?;
                check::set_text("email", &mut user.email, params.email)?;
                check::set_text("department", &mut user.department, params.department)?;
                if let Some(enabled) = params.enabled {
                    if !enabled && id == who.user {
                        return Err(Error::conflict("Cannot update User. You cannot disable yourself."));
                    }
                    user.enabled = enabled;
                }
                if let Some(groups) = params.groups {
                    for group in groups.symmetric_difference(&old.groups) {
                        require_may_share(draft, &who, *group)?;
                    }
                    user.groups = groups;
                }
                if !user.enabled && last_super_user(draft, id) {
                    return Err(Error::conflict(
                        "Cannot update User. It is the last one who may do everything on the system.",
                    ));
                }
                let credential = hash.map(|hash| CredentialRow {
                    user: id,
                    hash,
                    must_change: true,
                    expires: None,
                });
                if let Some(credential) = credential.clone() {
                    draft.credential(credential);
                }
                draft.put(user.clone())?;
                let event = EventDraft::new(
                    code::USER_UPDATED,
                    format!("User {} was updated.", user.user_name),
                );
                draft.event(event.by(&who, draft));
                Ok((user, credential))
            })
            .await?;
        if let Some(credential) = credential {
            self.core.sessions.set_credential(credential);
        }
        if !user.enabled || new_password {
            self.end_sessions(caller.clone(), move |row| row.user == id, None)
                .await?;
        }
        Ok(Arc::new(user))
    }

    /// Removes a user with all their permissions, and ends all their sessions.
    pub async fn user_remove(&self, caller: &Caller, id: UserId) -> Result<()> {
        let who = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &who, Permit::MANIPULATE_USERS, id)?;
                require_not_stronger(draft, &who, id)?;
                let user = draft.users.get(&id).cloned().ok_or_else(|| Error::not_found(id))?;
                if id == who.user {
                    return Err(Error::conflict("Cannot remove User. You cannot remove yourself."));
                }
                if last_super_user(draft, id) {
                    return Err(Error::conflict(
                        "Cannot remove User. It is the last one who may do everything on the system.",
                    ));
                }
                draft.credential_remove(id);
                draft.remove(id);
                let event = EventDraft::new(
                    code::USER_REMOVED,
                    format!("User {} was removed from the system.", user.user_name),
                );
                draft.event(event.by(&who, draft));
                Ok(())
            })
            .await?;
        let ended = self.core.sessions.forget_user(id);
        for session in &ended {
            self.core.revocations.send(Revoked::Session(*session));
        }
        self.core
            .writer
            .apply(move |draft| {
                ended
                    .into_iter()
                    .for_each(|session| draft.session_remove(session));
                Ok(())
            })
            .await
    }

    /// Makes a group of users of the internal domain.
    pub async fn group_add(&self, caller: &Caller, name: String) -> Result<Arc<Group>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::MANIPULATE_USERS, ObjectId::System)?;
                check::label("name", &name)?;
                if draft.groups.iter().any(|group| group.name == name) {
                    return Err(Error::conflict(
                        "Cannot add Group. A group of this name exists already.",
                    ));
                }
                let group = Group {
                    id: GroupId::random(),
                    name,
                    domain: INTERNAL_DOMAIN.to_owned(),
                    namespace: "*".to_owned(),
                    domain_entry_id: uuid::Uuid::new_v4().to_string(),
                    tags: BTreeSet::new(),
                };
                draft.put(group.clone())?;
                let event =
                    EventDraft::new(code::USER_ADDED, format!("Group {} was added.", group.name));
                draft.event(event.by(&caller, draft));
                Ok(Arc::new(group))
            })
            .await
    }

    /// Removes a group with all its permissions.
    pub async fn group_remove(&self, caller: &Caller, id: GroupId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::MANIPULATE_USERS, id)?;
                let group = draft
                    .groups
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                if id == EVERYONE {
                    return Err(Error::conflict(
                        "Cannot remove Group. Everyone is always there.",
                    ));
                }
                require_may_share(draft, &caller, id)?;
                let members: Vec<_> = draft
                    .users
                    .iter()
                    .filter(|user| user.groups.contains(&id))
                    .cloned()
                    .collect();
                for member in members {
                    let mut member = (*member).clone();
                    member.groups.remove(&id);
                    draft.put(member)?;
                }
                draft.remove(id);
                let event = EventDraft::new(
                    code::GROUP_REMOVED,
                    format!("Group {} was removed.", group.name),
                );
                draft.event(event.by(&caller, draft));
                Ok(())
            })
            .await
    }
}

/// Whoever could change a user's password would have that user's rights: so nobody may who does
/// not have them already.
fn require_not_stronger(draft: &Draft, caller: &Caller, user: UserId) -> Result<()> {
    if caller.user == user {
        return Ok(());
    }
    let permissions: Vec<_> = draft.permissions_of(Subject::User(user)).cloned().collect();
    for permission in permissions {
        if let Some(role) = draft
            .roles
            .get(&permission.role)
            .filter(|role| role.administrative)
        {
            access::require_grant(draft, caller, role, permission.object)?;
        }
    }
    Ok(())
}

/// To put somebody into a group is to give them its roles.
fn require_may_share(draft: &Draft, caller: &Caller, group: GroupId) -> Result<()> {
    if !draft.groups.contains_key(&group) {
        return Err(Error::not_found(group));
    }
    for permission in draft.permissions_of(Subject::Group(group)) {
        if let Some(role) = draft.roles.get(&permission.role) {
            access::require_grant(draft, caller, role, permission.object)?;
        }
    }
    Ok(())
}

/// Whether nobody else is left who may do everything.
fn last_super_user(draft: &Draft, user: UserId) -> bool {
    let holders = |it: UserId| {
        draft
            .permissions_of(Subject::User(it))
            .any(|it| it.role == Role::SUPER_USER && it.object == ObjectId::System)
    };
    holders(user)
        && !draft
            .users
            .iter()
            .any(|other| other.id != user && other.enabled && holders(other.id))
}
