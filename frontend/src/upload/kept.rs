//! Uploads that were begun and not ended, as the browser keeps them: a closed tab
//! loses the file, not what was sent. With the same file again it goes on there.

use crate::app::storage;
use crate::json::{text, whole};
use serde_json::{Value, json};

/// Where they are kept.
const KEY: &str = "saffron-uploads";
/// More than these were given up.
const MOST: usize = 20;

/// An upload that can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The transfer's id.
    pub transfer: String,
    /// The disk that is written.
    pub disk: String,
    /// The file's name.
    pub name: String,
    /// The file's size.
    pub size: u64,
    /// When the file was changed last, in milliseconds since 1970.
    pub modified: u64,
    /// Bytes that the server has taken.
    pub place: u64,
}

fn read(stored: &str) -> Vec<Kept> {
    let value: Value = serde_json::from_str(stored).unwrap_or_default();
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .map(|one| Kept {
            transfer: text(one, &["transfer"]),
            disk: text(one, &["disk"]),
            name: text(one, &["name"]),
            size: whole(one, &["size"]).unwrap_or(0),
            modified: whole(one, &["modified"]).unwrap_or(0),
            place: whole(one, &["place"]).unwrap_or(0),
        })
        .filter(|one| !one.transfer.is_empty() && one.size > 0)
        .collect()
}

fn write(all: &[Kept]) -> String {
    let all: Vec<Value> = all
        .iter()
        .map(|one| {
            json!({
                "transfer": one.transfer, "disk": one.disk, "name": one.name, "size": one.size,
                "modified": one.modified, "place": one.place,
            })
        })
        .collect();
    Value::Array(all).to_string()
}

/// All that are kept.
#[must_use]
pub fn all() -> Vec<Kept> {
    storage()
        .and_then(|storage| storage.get_item(KEY).ok().flatten())
        .map(|stored| read(&stored))
        .unwrap_or_default()
}

fn store(all: &[Kept]) {
    if let Some(storage) = storage() {
        drop(storage.set_item(KEY, &write(all)));
    }
}

/// Keeps one, or where it has come to.
pub fn keep(one: &Kept) {
    let mut all = all();
    all.retain(|other| other.transfer != one.transfer);
    all.push(one.clone());
    if all.len() > MOST {
        all.remove(0);
    }
    store(&all);
}

/// It is over.
pub fn forget(transfer: &str) {
    let mut all = all();
    all.retain(|one| one.transfer != transfer);
    store(&all);
}

/// The one that was begun with this file.
#[must_use]
pub fn of_file(name: &str, size: u64, modified: u64) -> Option<Kept> {
    all()
        .into_iter()
        .find(|one| one.name == name && one.size == size && one.modified == modified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_nonsense_is_nothing() {
        let one = Kept {
            transfer: "t".into(),
            disk: "d".into(),
            name: "a.iso".into(),
            size: 10,
            modified: 7,
            place: 4,
        };
        assert_eq!(read(&write(std::slice::from_ref(&one))), [one]);
        assert!(read("").is_empty() && read("{}").is_empty() && read("[1]").is_empty());
    }
}
