//! Events that the stream has not told: those from before the page was opened.

use super::{Call, Fault};
use crate::json::list;
use serde_json::Value;

/// The newest, at most so many, that the search finds.
pub async fn newest(at_most: u32, search: &str) -> Result<Vec<Value>, Fault> {
    let mut path = ["/events?max=", &at_most.to_string()].concat();
    if !search.is_empty() {
        path.push_str("&search=");
        path.push_str(&String::from(js_sys::encode_uri_component(search)));
    }
    let answer = Call::api("GET", &path).send().await?;
    Ok(list(&answer, &["event"]).to_vec())
}
