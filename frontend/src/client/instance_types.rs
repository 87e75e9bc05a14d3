//! Instance types.

use super::{Answer, request};
use api::path;
use serde_json::Value;

/// Makes one.
pub fn add(body: Value) -> Answer {
    request("POST", path::instance_types(), Some(body))
}

/// Changes what the body names, and nothing else.
pub fn update(instance_type: &str, body: Value) -> Answer {
    request("PUT", path::instance_type(instance_type), Some(body))
}

/// Deletes it.
pub fn remove(instance_type: &str) -> Answer {
    request("DELETE", path::instance_type(instance_type), None)
}
