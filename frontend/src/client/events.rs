//! Events that the stream has not told: those from before the page was opened.

use super::{Call, Fault};
use crate::json::list;
use api::path;
use serde_json::Value;

/// The newest, at most so many, that the search finds.
pub async fn newest(at_most: u32, search: &str) -> Result<Vec<Value>, Fault> {
    let max = at_most.to_string();
    let mut query = vec![("max", max.as_str())];
    if !search.is_empty() {
        query.push(("search", search));
    }
    let answer = Call::new("GET", path::events().query(query)).send().await?;
    Ok(list(&answer, &["event"]).to_vec())
}
