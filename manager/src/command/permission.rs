//! Permissions and roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::Inventory;
use crate::model::{ObjectId, Permission, PermissionId, Permit, Role, RoleId, Subject};
use crate::rules;
use crate::seed;

use super::check;
use super::params::{PermissionAddParams, RoleAddParams, RoleUpdateParams};

fn subject_name(inventory: &Inventory, subject: Subject) -> Result<String> {
    match subject {
        Subject::User(id) => inventory
            .users
            .get(&id)
            .map(|user| format!("User {}", user.user_name))
            .ok_or_else(|| Error::not_found(id)),
        Subject::Group(id) => inventory
            .groups
            .get(&id)
            .map(|group| format!("Group {}", group.name))
            .ok_or_else(|| Error::not_found(id)),
    }
}

fn about(event: EventDraft, object: ObjectId, inventory: &Inventory) -> EventDraft {
    match object {
        ObjectId::Vm(id) => event.vm(id, inventory),
        ObjectId::Host(id) => event.host(id, inventory),
        ObjectId::Cluster(id) => event.cluster(id, inventory),
        ObjectId::DataCenter(id) => event.data_center(id),
        ObjectId::StorageDomain(id) => event.storage_domain(id),
        ObjectId::Template(id) => event.template(id),
        ObjectId::Disk(id) => event.disk(id, inventory),
        _ => event,
    }
}

impl Manager {
    /// Gives somebody a role on an object. The same permission twice is one.
    pub async fn permission_add(
        &self,
        caller: &Caller,
        params: PermissionAddParams,
    ) -> Result<Arc<Permission>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let role = draft
                    .roles
                    .get(&params.role)
                    .cloned()
                    .ok_or_else(|| Error::not_found(params.role))?;
                access::require_grant(draft, &caller, &role, params.object)?;
                let subject = subject_name(draft, params.subject)?;
                if matches!(
                    params.object,
                    ObjectId::User(_)
                        | ObjectId::Group(_)
                        | ObjectId::Role(_)
                        | ObjectId::Permission(_)
                        | ObjectId::Tag(_)
                        | ObjectId::Job(_)
                        | ObjectId::Operation(_)
                        | ObjectId::Transfer(_)
                ) {
                    return Err(Error::invalid(
                        "permission",
                        "No roles are given on this kind of object.",
                    ));
                }
                let there = draft
                    .permissions_on(params.object)
                    .find(|it| it.role == params.role && it.subject == params.subject);
                if let Some(there) = there {
                    return Ok(Arc::clone(there));
                }
                let permission = Permission {
                    id: PermissionId::random(),
                    role: params.role,
                    subject: params.subject,
                    object: params.object,
                };
                draft.put(permission.clone())?;
                let number = if params.object == ObjectId::System {
                    code::SYSTEM_PERMISSION_ADDED
                } else {
                    code::PERMISSION_ADDED
                };
                let event = EventDraft::new(
                    number,
                    format!(
                        "{subject} was granted role {} on {}.",
                        role.name,
                        super::described(draft, params.object)
                    ),
                );
                draft.event(about(event, params.object, draft).by(&caller, draft));
                Ok(Arc::new(permission))
            })
            .await
    }

    /// Takes a permission away.
    pub async fn permission_remove(&self, caller: &Caller, id: PermissionId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                let it = draft
                    .permissions
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                if !access::may(draft, &caller, Permit::MANIPULATE_PERMISSIONS, it.object) {
                    // Told apart from a missing one only for who may see it.
                    return access::require(draft, &caller, Permit::MANIPULATE_PERMISSIONS, id);
                }
                rules::permission_remove(draft, &it).map_err(Error::conflict)?;
                let role = draft.roles.get(&it.role).cloned();
                if let Some(role) = &role
                    && role.administrative
                {
                    access::require_grant(draft, &caller, role, it.object)?;
                }
                draft.remove(id);
                let number = if it.object == ObjectId::System {
                    code::SYSTEM_PERMISSION_REMOVED
                } else {
                    code::PERMISSION_REMOVED
                };
                let event = EventDraft::new(
                    number,
                    format!(
                        "Role {} of {} on {} was removed.",
                        role.map_or_else(|| it.role.to_string(), |role| role.name.clone()),
                        subject_name(draft, it.subject).unwrap_or_else(|_| "somebody".to_owned()),
                        super::described(draft, it.object)
                    ),
                );
                draft.event(about(event, it.object, draft).by(&caller, draft));
                Ok(())
            })
            .await
    }

    /// Makes a role.
    pub async fn role_add(&self, caller: &Caller, params: RoleAddParams) -> Result<Arc<Role>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::MANIPULATE_ROLES, ObjectId::System)?;
                check::vm_name(&params.name)?;
                check::text("description", &params.description)?;
                name_free(draft, &params.name, None)?;
                check_permits(&params.permits, params.administrative)?;
                let role = Role {
                    id: RoleId::random(),
                    name: params.name,
                    description: params.description,
                    administrative: params.administrative,
                    mutable: true,
                    permits: params.permits,
                };
                draft.put(role.clone())?;
                let event =
                    EventDraft::new(code::ROLE_ADDED, format!("Role {} was created.", role.name));
                draft.event(event.by(&caller, draft));
                Ok(Arc::new(role))
            })
            .await
    }

    /// Changes a role that is not of the seed.
    pub async fn role_update(
        &self,
        caller: &Caller,
        id: RoleId,
        params: RoleUpdateParams,
    ) -> Result<Arc<Role>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::MANIPULATE_ROLES, ObjectId::System)?;
                let old = draft
                    .roles
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                if !old.mutable {
                    return Err(Error::conflict(format!(
                        "Cannot change Role. {} is a pre-defined role.",
                        old.name
                    )));
                }
                let mut role = (*old).clone();
                if let Some(name) = params.name {
                    check::vm_name(&name)?;
                    name_free(draft, &name, Some(id))?;
                    role.name = name;
                }
                check::set_text("description", &mut role.description, params.description)?;
                if let Some(permits) = params.permits {
                    check_permits(&permits, role.administrative)?;
                    // What is added to a role is given to everybody who has it.
                    let held: Vec<_> = draft
                        .permissions
                        .iter()
                        .filter(|it| it.role == id)
                        .cloned()
                        .collect();
                    for permit in permits.difference(&old.permits) {
                        for it in &held {
                            access::require(draft, &caller, *permit, it.object)?;
                        }
                    }
                    role.permits = permits;
                }
                draft.put(role.clone())?;
                let event = EventDraft::new(
                    code::ROLE_UPDATED,
                    format!("Role {} was updated.", role.name),
                );
                draft.event(event.by(&caller, draft));
                Ok(Arc::new(role))
            })
            .await
    }

    /// Removes a role that nobody has.
    pub async fn role_remove(&self, caller: &Caller, id: RoleId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::MANIPULATE_ROLES, ObjectId::System)?;
                let role = draft
                    .roles
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                if !role.mutable {
                    return Err(Error::conflict(format!(
                        "Cannot remove Role. {} is a pre-defined role.",
                        role.name
                    )));
                }
                if draft.permissions.iter().any(|it| it.role == id) {
                    return Err(Error::conflict(
                        "Cannot remove Role. It is given to somebody.",
                    ));
                }
                draft.remove(id);
                let event = EventDraft::new(
                    code::ROLE_REMOVED,
                    format!("Role {} was removed.", role.name),
                );
                draft.event(event.by(&caller, draft));
                Ok(())
            })
            .await
    }
}

fn name_free(inventory: &Inventory, name: &str, except: Option<RoleId>) -> Result<()> {
    if inventory
        .roles
        .iter()
        .any(|role| role.name == name && Some(role.id) != except)
    {
        return Err(Error::conflict(
            "Cannot create Role. Role name already exists.",
        ));
    }
    Ok(())
}

/// A role of use has no permits of administration.
fn check_permits(permits: &BTreeSet<Permit>, administrative: bool) -> Result<()> {
    for permit in permits {
        let Some(seeded) = seed::permits().find(|seeded| seeded.id == permit.0) else {
            return Err(Error::invalid("permits", "There is no such permit."));
        };
        if seeded.administrative && !administrative {
            return Err(Error::conflict(format!(
                "Cannot create Role. The permit {} is for administrative roles only.",
                seeded.name
            )));
        }
    }
    Ok(())
}
