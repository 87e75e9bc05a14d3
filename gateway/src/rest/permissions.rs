//! `…/permissions`: who has which role on an object, seen from the object, from the user or
//! group, or from the system as a whole.

use api::path::{self, Path};
use api::types;
use manager::PermissionAddParams;
use manager::model::{ObjectId, Permission, Subject};

use super::convert::reference;
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb};

/// Where the permissions on an object are.
fn on(object: ObjectId) -> Path {
    let id = object.uuid();
    let owner = match object {
        ObjectId::DataCenter(_) => path::data_center(id),
        ObjectId::Cluster(_) => path::cluster(id),
        ObjectId::Host(_) => path::host(id),
        ObjectId::StorageDomain(_) => path::storage_domain(id),
        ObjectId::Network(_) => path::network(id),
        ObjectId::VnicProfile(_) => path::vnic_profile(id),
        ObjectId::Template(_) => path::template(id),
        ObjectId::Vm(_) => path::vm(id),
        ObjectId::Disk(_) => path::disk(id),
        ObjectId::VmPool(_) => path::vm_pool(id),
        _ => Path::root(),
    };
    owner.permissions()
}

/// The permissions on an object.
pub(super) fn read(view: &View, object: ObjectId, rest: &[&str]) -> Result<Found> {
    let base = on(object);
    let seen = view
        .inventory()
        .permissions_on(object)
        .filter(|it| view.sees(it.id));
    list_or_pick(seen.map(|it| to_api(it, &base)).collect(), rest)
}

/// `/permissions`: those on the system itself.
pub(super) fn read_system(view: &View, rest: &[&str]) -> Result<Found> {
    if let [id] = rest {
        // Any permission can be looked at by its id.
        let permission = view.permission(id)?;
        return Ok(super::view::one(to_api(&permission, &path::permissions())));
    }
    read(view, ObjectId::System, rest)
}

/// The permissions of a user or group.
pub(super) fn read_of(view: &View, subject: Subject, owner: &Path, rest: &[&str]) -> Result<Found> {
    let base = owner.permissions();
    let seen = view
        .inventory()
        .permissions_of(subject)
        .filter(|it| view.sees(it.id));
    list_or_pick(seen.map(|it| to_api(it, &base)).collect(), rest)
}

/// A permission as the API shows it, under the collection that it is looked at in.
pub(super) fn to_api(it: &Permission, base: &Path) -> types::Permission {
    let mut object = types::Permission {
        id: Some(it.id.to_string()),
        href: Some(base.item(it.id).to_string()),
        role: reference!(Role, path::role(it.role), it.role),
        ..types::Permission::default()
    };
    match it.subject {
        Subject::User(id) => object.user = reference!(User, path::user(id), id),
        Subject::Group(id) => object.group = reference!(Group, path::group(id), id),
    }
    match it.object {
        ObjectId::DataCenter(id) => {
            object.data_center = reference!(DataCenter, path::data_center(id), id);
        }
        ObjectId::Cluster(id) => object.cluster = reference!(Cluster, path::cluster(id), id),
        ObjectId::Host(id) => object.host = reference!(Host, path::host(id), id),
        ObjectId::StorageDomain(id) => {
            object.storage_domain = reference!(StorageDomain, path::storage_domain(id), id);
        }
        ObjectId::Template(id) => object.template = reference!(Template, path::template(id), id),
        ObjectId::Vm(id) => object.vm = reference!(Vm, path::vm(id), id),
        ObjectId::Disk(id) => object.disk = reference!(Disk, path::disk(id), id),
        ObjectId::VmPool(id) => object.vm_pool = reference!(VmPool, path::vm_pool(id), id),
        // The API has no element for the rest; the collection says what they are on.
        _ => {}
    }
    object
}

/// As [`to_api`], where it belongs to no collection in particular.
pub(super) fn to_api_anywhere(it: &Permission) -> types::Permission {
    to_api(it, &on(it.object))
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    object: ObjectId,
    rest: &[&str],
) -> Result<Answer> {
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Permission = change.sent.body()?;
            let subject = subject(&change.view, &sent)?;
            let Some(subject) = subject else {
                return Err(Refused::incomplete("Permission", &["user|group.id"], "add"));
            };
            add(change, &sent, subject, object, &on(object)).await
        }
        (Verb::Delete, [id]) => {
            let permission = change.view.permission(id)?;
            if permission.object != object {
                return Err(Refused::not_found(id));
            }
            remove(change, &permission).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// `/permissions`: what is sent may name the object, else it is the system.
pub(super) async fn change_system(
    change: &Change<'_>,
    verb: Verb,
    rest: &[&str],
) -> Result<Answer> {
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Permission = change.sent.body()?;
            let Some(subject) = subject(&change.view, &sent)? else {
                return Err(Refused::incomplete("Permission", &["user|group.id"], "add"));
            };
            let object = object(&change.view, &sent)?;
            add(change, &sent, subject, object, &path::permissions()).await
        }
        (Verb::Delete, [id]) => {
            let permission = change.view.permission(id)?;
            remove(change, &permission).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// Under a user or group.
pub(super) async fn change_of(
    change: &Change<'_>,
    verb: Verb,
    subject: Subject,
    owner: &Path,
    rest: &[&str],
) -> Result<Answer> {
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Permission = change.sent.body()?;
            let object = object(&change.view, &sent)?;
            add(change, &sent, subject, object, &owner.permissions()).await
        }
        (Verb::Delete, [id]) => {
            let permission = change.view.permission(id)?;
            if permission.subject != subject {
                return Err(Refused::not_found(id));
            }
            remove(change, &permission).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn add(
    change: &Change<'_>,
    sent: &types::Permission,
    subject: Subject,
    object: ObjectId,
    base: &Path,
) -> Result<Answer> {
    let role = match sent.role.as_deref() {
        Some(role) => change
            .view
            .role_of(role.id.as_deref(), role.name.as_deref())?,
        None => None,
    };
    let Some(role) = role else {
        return Err(Refused::incomplete("Permission", &["role.id|name"], "add"));
    };
    let params = PermissionAddParams {
        role: role.id,
        subject,
        object,
    };
    let permission = change
        .view
        .manager()
        .permission_add(change.caller(), params)
        .await?;
    Ok(Answer::Created(Box::new(to_api(&permission, base))))
}

async fn remove(change: &Change<'_>, permission: &Permission) -> Result<Answer> {
    change
        .view
        .manager()
        .permission_remove(change.caller(), permission.id)
        .await?;
    Ok(Answer::Removed)
}

fn subject(view: &View, sent: &types::Permission) -> Result<Option<Subject>> {
    if let Some(user) = sent.user.as_deref() {
        let name = user.user_name.as_deref().or(user.name.as_deref());
        let user = view.user_of(user.id.as_deref(), name)?;
        return Ok(user.map(|user| Subject::User(user.id)));
    }
    let Some(group) = sent.group.as_deref() else {
        return Ok(None);
    };
    let group = view.group_of(group.id.as_deref(), group.name.as_deref())?;
    Ok(group.map(|group| Subject::Group(group.id)))
}

fn object(view: &View, sent: &types::Permission) -> Result<ObjectId> {
    macro_rules! named {
        ($($field:ident $refer:ident),*) => {$(
            if let Some(it) = sent.$field.as_deref()
                && let Some(found) = view.$refer(it.id.as_deref(), it.name.as_deref())?
            {
                return Ok(found.id.into());
            }
        )*};
    }
    named!(
        vm vm_of,
        template template_of,
        vm_pool vm_pool_of,
        disk disk_of,
        host host_of,
        cluster cluster_of,
        storage_domain storage_domain_of,
        data_center data_center_of
    );
    Ok(ObjectId::System)
}
