//! `/bookmarks`.

use api::path;
use api::types;
use manager::BookmarkParams;
use manager::model::Bookmark;

use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, list_or_pick};
use super::{Change, Verb};

fn to_api(it: &Bookmark) -> types::Bookmark {
    types::Bookmark {
        id: Some(it.id.to_string()),
        href: Some(path::bookmark(it.id).to_string()),
        name: Some(it.name.clone()),
        value: Some(it.value.clone()),
        ..types::Bookmark::default()
    }
}

pub(super) fn read(view: &View, rest: &[&str]) -> Result<Found> {
    let all = view.inventory().bookmarks.iter();
    let all = all.filter(|it| view.sees(it.id));
    let mut found: Vec<_> = all.map(|it| to_api(it)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    list_or_pick(found, rest)
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    let params = |sent: types::Bookmark| BookmarkParams {
        name: sent.name,
        value: sent.value,
    };
    match (verb, path) {
        (Verb::Post, []) => {
            let sent: types::Bookmark = change.sent.body()?;
            let given = |text: &Option<String>| text.as_deref().is_some_and(|it| !it.is_empty());
            if !given(&sent.name) || !given(&sent.value) {
                return Err(Refused::incomplete("Bookmark", &["name", "value"], "add"));
            }
            let it = manager.bookmark_add(caller, params(sent)).await?;
            Ok(Answer::Created(Box::new(to_api(&it))))
        }
        (Verb::Put, [id]) => {
            let it = change.view.bookmark(id)?;
            let params = params(change.sent.body()?);
            let it = manager.bookmark_update(caller, it.id, params).await?;
            Ok(Answer::Object(Box::new(to_api(&it))))
        }
        (Verb::Delete, [id]) => {
            let it = change.view.bookmark(id)?;
            manager.bookmark_remove(caller, it.id).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}
