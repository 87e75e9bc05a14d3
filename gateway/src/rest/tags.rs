//! `/tags`, and the tags of an object.

use std::collections::BTreeSet;

use api::path::{self, Path};
use api::types;
use manager::model::{ObjectId, Tag, TagId};
use manager::{Inventory, TagAddParams, TagUpdateParams, seed};

use super::convert::part;
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb};

pub(super) fn read(view: &View, rest: &[&str]) -> Result<Found> {
    let mut tags: Vec<_> = view
        .inventory()
        .tags
        .iter()
        .filter(|tag| view.sees(tag.id))
        .cloned()
        .collect();
    // The root first, as clients that build the tree like it.
    tags.sort_by_key(|tag| (tag.id != seed::ROOT_TAG, tag.name.clone()));
    list_or_pick(tags.iter().map(|tag| to_api(tag)).collect(), rest)
}

/// A tag as the API shows it.
pub(super) fn to_api(tag: &Tag) -> types::Tag {
    types::Tag {
        id: Some(tag.id.to_string()),
        href: Some(path::tag(tag.id).to_string()),
        name: Some(tag.name.clone()),
        description: Some(tag.description.clone()),
        parent: tag.parent.map(|id| part!(Tag, path::tag(id), id)),
        ..types::Tag::default()
    }
}

/// The tags of an object as the API shows them there.
pub(super) fn assigned(
    inventory: &Inventory,
    tags: &BTreeSet<TagId>,
    owner: &Path,
) -> Vec<types::Tag> {
    tags.iter()
        .filter_map(|id| inventory.tags.get(id))
        .map(|tag| types::Tag {
            href: Some(owner.tags().item(tag.id).to_string()),
            ..to_api(tag)
        })
        .collect()
}

pub(super) fn read_assigned(
    view: &View,
    tags: &BTreeSet<TagId>,
    owner: &Path,
    rest: &[&str],
) -> Result<Found> {
    list_or_pick(assigned(view.inventory(), tags, owner), rest)
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::Tag = change.sent.body()?;
            let Some(name) = sent.name.clone().filter(|name| !name.is_empty()) else {
                return Err(Refused::incomplete("Tag", &["name"], "add"));
            };
            let params = TagAddParams {
                name,
                description: sent.description.clone().unwrap_or_default(),
                parent: parent(&change.view, &sent)?,
            };
            let tag = manager.tag_add(caller, params).await?;
            Ok(Answer::Created(Box::new(to_api(&tag))))
        }
        (Verb::Put, [id]) => {
            let tag = change.view.tag(id)?;
            let sent: types::Tag = change.sent.body()?;
            let params = TagUpdateParams {
                parent: parent(&change.view, &sent)?,
                name: sent.name,
                description: sent.description,
            };
            let tag = manager.tag_update(caller, tag.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(&tag))))
        }
        (Verb::Delete, [id]) => {
            manager.tag_remove(caller, change.view.tag(id)?.id).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn parent(view: &View, sent: &types::Tag) -> Result<Option<TagId>> {
    let Some(parent) = sent.parent.as_deref() else {
        return Ok(None);
    };
    Ok(view
        .tag_of(parent.id.as_deref(), parent.name.as_deref())?
        .map(|tag| tag.id))
}

/// Gives an object a tag, or takes one away.
pub(super) async fn change_assigned(
    change: &Change<'_>,
    verb: Verb,
    object: ObjectId,
    owner: &Path,
    rest: &[&str],
) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::Tag = change.sent.body()?;
            let tag = change
                .view
                .tag_of(sent.id.as_deref(), sent.name.as_deref())?;
            let Some(tag) = tag else {
                return Err(Refused::incomplete("Tag", &["id|name"], "add"));
            };
            manager.tag_assign(caller, object, tag.id).await?;
            let assigned = types::Tag {
                href: Some(owner.tags().item(tag.id).to_string()),
                ..to_api(&tag)
            };
            Ok(Answer::Created(Box::new(assigned)))
        }
        (Verb::Delete, [id]) => {
            // Old clients name the tag itself where others give its id.
            let tag = match change.view.tag(id) {
                Ok(tag) => tag,
                Err(missing) => change.view.tag_of(None, Some(id))?.ok_or(missing)?,
            };
            manager.tag_unassign(caller, object, tag.id).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}
