//! Bookmarks: searches worth keeping.

use std::sync::Arc;

use super::super::check;
use super::{log, name_free};
use crate::Manager;
use crate::access;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::code;
use crate::model::{Bookmark, BookmarkId, ObjectId, Permit};
use crate::writer::Draft;

/// What is said of a bookmark.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Each is the field of the same name in `model::Bookmark`.
pub struct BookmarkParams {
    pub name: Option<String>,
    pub value: Option<String>,
}

fn put_into(draft: &Draft, params: BookmarkParams, it: &mut Bookmark) -> Result<()> {
    if let Some(name) = params.name {
        check::label("name", &name)?;
        let others = draft.bookmarks.iter().filter(|other| other.id != it.id);
        name_free(others.map(|other| other.name.as_str()), &name, "Bookmark")?;
        it.name = name;
    }
    if let Some(value) = params.value {
        check::text("value", &value)?;
        it.value = value;
    }
    if it.name.is_empty() || it.value.is_empty() {
        return Err(Error::invalid(
            "name",
            "Bookmark [name, value] required for add",
        ));
    }
    Ok(())
}

impl Manager {
    /// Makes a bookmark.
    pub async fn bookmark_add(
        &self,
        caller: &Caller,
        params: BookmarkParams,
    ) -> Result<Arc<Bookmark>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::BOOKMARK_MANAGEMENT, ObjectId::System)?;
            let mut it = Bookmark {
                id: BookmarkId::random(),
                name: String::new(),
                value: String::new(),
            };
            put_into(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let text = format!("Bookmark {} was added.", it.name);
            log(draft, caller, code::BOOKMARK_ADDED, text, None);
            Ok(Arc::new(it))
        })
        .await
    }

    /// Changes a bookmark.
    pub async fn bookmark_update(
        &self,
        caller: &Caller,
        id: BookmarkId,
        params: BookmarkParams,
    ) -> Result<Arc<Bookmark>> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::BOOKMARK_MANAGEMENT, ObjectId::System)?;
            let it = draft
                .bookmarks
                .get(&id)
                .ok_or_else(|| Error::not_found(id))?;
            let mut it = (**it).clone();
            put_into(draft, params, &mut it)?;
            draft.put(it.clone())?;
            let text = format!("Bookmark {} was updated.", it.name);
            log(draft, caller, code::BOOKMARK_UPDATED, text, None);
            Ok(Arc::new(it))
        })
        .await
    }

    /// Removes a bookmark.
    pub async fn bookmark_remove(&self, caller: &Caller, id: BookmarkId) -> Result<()> {
        self.write(caller, move |draft, caller| {
            access::require(draft, caller, Permit::BOOKMARK_MANAGEMENT, ObjectId::System)?;
            let it = draft.bookmarks.get(&id).cloned();
            let it = it.ok_or_else(|| Error::not_found(id))?;
            draft.remove(id);
            let text = format!("Bookmark {} was removed.", it.name);
            log(draft, caller, code::BOOKMARK_REMOVED, text, None);
            Ok(())
        })
        .await
    }
}
