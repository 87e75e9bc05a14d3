//! Disks, images and ISOs.

use super::{Call, Fault};
use crate::json::text;
use crate::store::Id;
use serde_json::Value;

/// Makes an empty one; its id.
pub async fn add(body: &Value, correlation: &str) -> Result<Id, Fault> {
    let made = Call::api("POST", "/disks")
        .body(body)
        .correlation(correlation)
        .send()
        .await?;
    Ok(Id::from(text(&made, &["id"])))
}

/// Deletes it.
pub async fn remove(disk: &str) -> Result<(), Fault> {
    Call::api("DELETE", &["/disks/", disk].concat())
        .send()
        .await
        .map(drop)
}

/// Changes what the body names.
pub async fn update(disk: &str, body: &Value) -> Result<(), Fault> {
    Call::api("PUT", &["/disks/", disk].concat())
        .body(body)
        .send()
        .await
        .map(drop)
}
