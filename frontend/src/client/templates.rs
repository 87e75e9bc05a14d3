//! Templates.

use super::{Answer, request};
use api::path;
use serde_json::Value;

/// Makes one from a machine; `seal` takes out what belongs to that machine alone.
pub fn add(body: Value, seal: bool, permissions: bool) -> Answer {
    let mut query = Vec::new();
    if seal {
        query.push(("seal", "true"));
    }
    if permissions {
        query.push(("clone_permissions", "true"));
    }
    request("POST", path::templates().query(query), Some(body))
}

/// Changes what the body names, and nothing else.
pub fn update(template: &str, body: Value) -> Answer {
    request("PUT", path::template(template), Some(body))
}

/// Deletes this version.
pub fn remove(template: &str) -> Answer {
    request("DELETE", path::template(template), None)
}
