//! Hosts.

use super::{Call, Fault};
use serde_json::json;

/// `activate`, `deactivate` (into maintenance).
pub async fn act(host: &str, action: &str) -> Result<(), Fault> {
    let none = json!({});
    Call::api("POST", &["/hosts/", host, "/", action].concat())
        .body(&none)
        .send()
        .await
        .map(drop)
}
