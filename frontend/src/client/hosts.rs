//! Hosts.

use super::{Call, Fault};
use api::path;
use serde_json::json;

/// `activate`, `deactivate` (into maintenance).
pub async fn act(host: &str, action: &str) -> Result<(), Fault> {
    let none = json!({});
    Call::new("POST", path::host(host).action(action))
        .body(&none)
        .send()
        .await
        .map(drop)
}
