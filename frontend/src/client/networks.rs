//! Logical networks and vNIC profiles.

use super::{Call, Fault};
use api::path;
use serde_json::Value;

/// Makes a network.
pub async fn add(body: &Value) -> Result<(), Fault> {
    Call::new("POST", path::networks())
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Deletes a network.
pub async fn remove(network: &str) -> Result<(), Fault> {
    Call::new("DELETE", path::network(network))
        .send()
        .await
        .map(drop)
}
