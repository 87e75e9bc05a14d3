//! Disks, images and ISOs.

use super::{Call, Fault};
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
