//! Disks, images and ISOs.

use super::{Answer, Call, Fault, request};
use crate::json::text;
use crate::store::Id;
use api::path;
use serde_json::Value;

/// Makes an empty one; its id.
pub async fn add(body: &Value, correlation: &str) -> Result<Id, Fault> {
    let made = Call::new("POST", path::disks())
        .body(body)
        .correlation(correlation)
        .send()
        .await?;
    Ok(Id::from(text(&made, &["id"])))
}

/// Deletes it.
pub async fn remove(disk: &str) -> Result<(), Fault> {
    Call::new("DELETE", path::disk(disk)).send().await.map(drop)
}

/// Changes what the body names, and nothing else.
pub fn update(disk: &str, body: Value) -> Answer {
    request("PUT", path::disk(disk), Some(body))
}

/// `move`, `copy`, `sparsify`.
pub fn act(disk: &str, action: &str, body: Option<Value>) -> Answer {
    let body = body.unwrap_or_else(|| serde_json::json!({}));
    request("POST", path::disk(disk).action(action), Some(body))
}
