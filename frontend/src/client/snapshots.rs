//! Snapshots of machines: taking, looking at, going back, deleting.

use super::{Answer, request};
use api::path;
use serde_json::json;

/// Takes one.
pub fn add(vm: &str, description: &str, memory: bool) -> Answer {
    let body = json!({ "description": description, "persist_memorystate": memory.to_string() });
    request("POST", path::vm(vm).snapshots(), Some(body))
}

/// Deletes it: what it holds is merged into what stands on it.
pub fn remove(vm: &str, snapshot: &str) -> Answer {
    request("DELETE", path::vm(vm).snapshots().item(snapshot), None)
}

/// Goes back to it for good.
pub fn restore(vm: &str, snapshot: &str, memory: bool) -> Answer {
    let body = json!({ "restore_memory": memory.to_string() });
    let path = path::vm(vm).snapshots().item(snapshot).action("restore");
    request("POST", path, Some(body))
}

/// Shows the machine as it was; nothing is lost yet.
pub fn preview(vm: &str, snapshot: &str, memory: bool) -> Answer {
    let body = json!({ "snapshot": { "id": snapshot }, "restore_memory": memory.to_string() });
    request("POST", path::vm(vm).action("previewsnapshot"), Some(body))
}

/// Keeps what is looked at (`commitsnapshot`), or goes back to before (`undosnapshot`).
pub fn end_preview(vm: &str, action: &str) -> Answer {
    request("POST", path::vm(vm).action(action), Some(json!({})))
}

/// Makes a machine of its own from it.
pub fn make_vm(snapshot: &str, name: &str) -> Answer {
    let body = json!({ "name": name, "snapshots": { "snapshot": [{ "id": snapshot }] } });
    request("POST", path::vms().query([("clone", "true")]), Some(body))
}
