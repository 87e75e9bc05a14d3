//! Tags, and what they are on.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{EventDraft, code};
use crate::inventory::{Entity, Inventory};
use crate::model::{ObjectId, Permit, Tag, TagId};
use crate::seed;
use crate::writer::Draft;

use super::check;
use super::params::{TagAddParams, TagUpdateParams};

fn name_free(inventory: &Inventory, name: &str, except: Option<TagId>) -> Result<()> {
    if inventory
        .tags
        .iter()
        .any(|tag| tag.name == name && Some(tag.id) != except)
    {
        return Err(Error::conflict(
            "Cannot add Tag. Tag name already in use. Please choose a unique name and try again.",
        ));
    }
    Ok(())
}

impl Manager {
    /// Makes a tag.
    pub async fn tag_add(&self, caller: &Caller, params: TagAddParams) -> Result<Arc<Tag>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::TAG_MANAGEMENT, ObjectId::System)?;
                check::vm_name(&params.name)?;
                check::text("description", &params.description)?;
                name_free(draft, &params.name, None)?;
                let parent = params.parent.unwrap_or(seed::ROOT_TAG);
                if !draft.tags.contains_key(&parent) {
                    return Err(Error::not_found(parent));
                }
                let tag = Tag {
                    id: TagId::random(),
                    name: params.name,
                    description: params.description,
                    parent: Some(parent),
                };
                draft.put(tag.clone())?;
                let event =
                    EventDraft::new(code::TAG_ADDED, format!("Tag {} was added.", tag.name));
                draft.event(event.by(&caller, draft));
                Ok(Arc::new(tag))
            })
            .await
    }

    /// Changes a tag.
    pub async fn tag_update(
        &self,
        caller: &Caller,
        id: TagId,
        params: TagUpdateParams,
    ) -> Result<Arc<Tag>> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::TAG_MANAGEMENT, ObjectId::System)?;
                let old = draft.tags.get(&id).ok_or_else(|| Error::not_found(id))?;
                let mut tag = (**old).clone();
                if let Some(name) = params.name {
                    check::vm_name(&name)?;
                    name_free(draft, &name, Some(id))?;
                    tag.name = name;
                }
                check::set_text("description", &mut tag.description, params.description)?;
                if let Some(parent) = params.parent {
                    if id == seed::ROOT_TAG || below(draft, parent, id) {
                        return Err(Error::conflict(
                            "Cannot update Tag. A tag cannot be under itself.",
                        ));
                    }
                    tag.parent = Some(parent);
                }
                draft.put(tag.clone())?;
                let event =
                    EventDraft::new(code::TAG_UPDATED, format!("Tag {} was updated.", tag.name));
                draft.event(event.by(&caller, draft));
                Ok(Arc::new(tag))
            })
            .await
    }

    /// Removes a tag with those under it, from everything they are on.
    pub async fn tag_remove(&self, caller: &Caller, id: TagId) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::TAG_MANAGEMENT, ObjectId::System)?;
                let tag = draft
                    .tags
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| Error::not_found(id))?;
                if id == seed::ROOT_TAG {
                    return Err(Error::conflict(
                        "Cannot remove Tag. The root tag is always there.",
                    ));
                }
                let gone: BTreeSet<TagId> = draft
                    .tags
                    .iter()
                    .map(|tag| tag.id)
                    .filter(|it| below(draft, *it, id))
                    .collect();
                let tagged: Vec<ObjectId> = tagged(draft, &gone);
                for object in tagged {
                    set(draft, object, |tags| tags.retain(|tag| !gone.contains(tag)))?;
                }
                gone.into_iter().for_each(|tag| draft.remove(tag));
                let event =
                    EventDraft::new(code::TAG_REMOVED, format!("Tag {} was removed.", tag.name));
                draft.event(event.by(&caller, draft));
                Ok(())
            })
            .await
    }

    /// Puts a tag on a VM, host, template, user or group.
    pub async fn tag_assign(&self, caller: &Caller, object: ObjectId, tag: TagId) -> Result<()> {
        self.tag_change(caller, object, tag, true).await
    }

    /// Takes a tag off.
    pub async fn tag_unassign(&self, caller: &Caller, object: ObjectId, tag: TagId) -> Result<()> {
        self.tag_change(caller, object, tag, false).await
    }

    async fn tag_change(
        &self,
        caller: &Caller,
        object: ObjectId,
        tag: TagId,
        on: bool,
    ) -> Result<()> {
        let caller = caller.clone();
        self.core
            .writer
            .apply(move |draft| {
                access::require(draft, &caller, Permit::TAG_MANAGEMENT, object)?;
                let it = draft
                    .tags
                    .get(&tag)
                    .cloned()
                    .ok_or_else(|| Error::not_found(tag))?;
                let mut there = false;
                set(draft, object, |tags| {
                    there = if on {
                        !tags.insert(tag)
                    } else {
                        tags.remove(&tag)
                    };
                })?;
                if !on && !there {
                    return Err(Error::not_found(tag));
                }
                let verb = if on { "attached to" } else { "detached from" };
                let event = EventDraft::new(
                    number(object, on),
                    format!(
                        "Tag {} was {verb} {} {}.",
                        it.name,
                        object.kind(),
                        super::name_of(draft, object)
                    ),
                );
                let event = match object {
                    ObjectId::Vm(id) => event.vm(id, draft),
                    ObjectId::Host(id) => event.host(id, draft),
                    ObjectId::Template(id) => event.template(id),
                    _ => event,
                };
                draft.event(event.by(&caller, draft));
                Ok(())
            })
            .await
    }
}

fn number(object: ObjectId, on: bool) -> u32 {
    match (object, on) {
        (ObjectId::Host(_), true) => code::TAG_ATTACHED_TO_HOST,
        (ObjectId::Host(_), false) => code::TAG_DETACHED_FROM_HOST,
        (ObjectId::User(_), true) => code::TAG_ATTACHED_TO_USER,
        (ObjectId::User(_), false) => code::TAG_DETACHED_FROM_USER,
        (ObjectId::Group(_), true) => code::TAG_ATTACHED_TO_GROUP,
        (ObjectId::Group(_), false) => code::TAG_DETACHED_FROM_GROUP,
        (ObjectId::Template(_), true) => code::TAG_ATTACHED_TO_TEMPLATE,
        (ObjectId::Template(_), false) => code::TAG_DETACHED_FROM_TEMPLATE,
        (_, true) => code::TAG_ATTACHED_TO_VM,
        (_, false) => code::TAG_DETACHED_FROM_VM,
    }
}

/// Whether a tag is another one, or under it.
fn below(inventory: &Inventory, mut tag: TagId, above: TagId) -> bool {
    for _ in 0..=inventory.tags.len() {
        if tag == above {
            return true;
        }
        match inventory.tags.get(&tag).and_then(|tag| tag.parent) {
            Some(parent) => tag = parent,
            None => return false,
        }
    }
    false
}

fn tagged(inventory: &Inventory, tags: &BTreeSet<TagId>) -> Vec<ObjectId> {
    let has = |own: &BTreeSet<TagId>| !own.is_disjoint(tags);
    let vms = inventory
        .vms
        .iter()
        .filter(|it| has(&it.tags))
        .map(|it| it.id.into());
    let hosts = inventory
        .hosts
        .iter()
        .filter(|it| has(&it.tags))
        .map(|it| it.id.into());
    let templates = inventory
        .templates
        .iter()
        .filter(|it| has(&it.tags))
        .map(|it| it.id.into());
    let users = inventory
        .users
        .iter()
        .filter(|it| has(&it.tags))
        .map(|it| it.id.into());
    let groups = inventory
        .groups
        .iter()
        .filter(|it| has(&it.tags))
        .map(|it| it.id.into());
    vms.chain(hosts)
        .chain(templates)
        .chain(users)
        .chain(groups)
        .collect()
}

fn set(
    draft: &mut Draft,
    object: ObjectId,
    change: impl FnOnce(&mut BTreeSet<TagId>),
) -> Result<()> {
    let missing = || Error::not_found(object.uuid());
    let entity: Entity = match object {
        ObjectId::Vm(id) => {
            let mut it = (**draft.vms.get(&id).ok_or_else(missing)?).clone();
            change(&mut it.tags);
            it.into()
        }
        ObjectId::Host(id) => {
            let mut it = (**draft.hosts.get(&id).ok_or_else(missing)?).clone();
            change(&mut it.tags);
            it.into()
        }
        ObjectId::Template(id) => {
            let mut it = (**draft.templates.get(&id).ok_or_else(missing)?).clone();
            change(&mut it.tags);
            it.into()
        }
        ObjectId::User(id) => {
            let mut it = (**draft.users.get(&id).ok_or_else(missing)?).clone();
            change(&mut it.tags);
            it.into()
        }
        ObjectId::Group(id) => {
            let mut it = (**draft.groups.get(&id).ok_or_else(missing)?).clone();
            change(&mut it.tags);
            it.into()
        }
        _ => return Err(Error::invalid("tag", "This kind of object has no tags.")),
    };
    draft.put(entity)
}
