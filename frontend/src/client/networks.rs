//! Logical networks and vNIC profiles.

use super::{Call, Fault};
use serde_json::Value;

/// Makes a network.
pub async fn add(body: &Value) -> Result<(), Fault> {
    Call::api("POST", "/networks")
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Deletes a network.
pub async fn remove(network: &str) -> Result<(), Fault> {
    Call::api("DELETE", &["/networks/", network].concat())
        .send()
        .await
        .map(drop)
}
