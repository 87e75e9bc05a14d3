//! Pools of machines.

use super::{Answer, request};
use api::path;
use serde_json::{Value, json};

/// Makes one.
pub fn add(body: Value) -> Answer {
    request("POST", path::vm_pools(), Some(body))
}

/// Changes what the body names, and nothing else.
pub fn update(pool: &str, body: Value) -> Answer {
    request("PUT", path::vm_pool(pool), Some(body))
}

/// Deletes it with all its machines.
pub fn remove(pool: &str) -> Answer {
    request("DELETE", path::vm_pool(pool), None)
}

/// `activate`, `deactivate` (nothing is given out meanwhile), `allocatevm`, whose answer names the machine.
pub fn act(pool: &str, action: &str) -> Answer {
    request("POST", path::vm_pool(pool).action(action), Some(json!({})))
}
