//! Virtual machines: actions, making, changing, their disks, interfaces and CD.

use super::{Call, Fault};
use crate::json::{list, text};
use crate::store::Id;
use api::path;
use serde_json::{Value, json};

/// The drive every machine has.
const DRIVE: &str = "00000000-0000-0000-0000-000000000000";
/// Take out, do not delete.
const KEEP: [(&str, &str); 1] = [("detach_only", "true")];

/// `start`, `shutdown`, `stop`, `reboot`, `reset`, `suspend` …
pub async fn act(vm: &str, action: &str) -> Result<(), Fault> {
    let none = json!({});
    Call::new("POST", path::vm(vm).action(action))
        .body(&none)
        .send()
        .await
        .map(drop)
}

/// An action whose answer is told by `components::asking`.
pub fn action(vm: &str, action: &str) -> super::Answer {
    super::request("POST", path::vm(vm).action(action), Some(json!({})))
}

/// Starts it, with what is special about this start.
pub async fn start(vm: &str, body: &Value) -> Result<(), Fault> {
    Call::new("POST", path::vm(vm).action("start"))
        .body(body)
        .send()
        .await
        .map(drop)
}

/// The machine as it is, or as it will be at its next start.
pub async fn get(vm: &str, next_run: bool) -> Result<Value, Fault> {
    let vm = path::vm(vm);
    let path = if next_run {
        vm.query([("next_run", "true")])
    } else {
        vm.to_string()
    };
    Call::new("GET", path).send().await
}

/// A start with a document, whose answer is told by `components::asking`.
pub fn start_once(vm: &str, body: Value) -> super::Answer {
    super::request("POST", path::vm(vm).action("start"), Some(body))
}

/// Makes another machine like it.
pub fn clone(vm: &str, name: &str) -> super::Answer {
    let body = json!({ "vm": { "name": name } });
    super::request("POST", path::vm(vm).action("clone"), Some(body))
}

/// Takes over a machine that somebody else made; ours, not oVirt's.
pub fn adopt(vm: &str, name: &str) -> super::Answer {
    let path = ["/saffron/vms/", vm, "/adopt"].concat();
    super::request("POST", path, Some(json!({ "name": name })))
}

/// Deletes it, with or without its disks.
pub async fn remove(vm: &str, keep_disks: bool) -> Result<(), Fault> {
    let vm = path::vm(vm);
    let path = if keep_disks {
        vm.query(KEEP)
    } else {
        vm.to_string()
    };
    Call::new("DELETE", path).send().await.map(drop)
}

/// Makes one; its id. A clone has disks of its own.
pub async fn add(body: &Value, clone: bool, correlation: &str) -> Result<Id, Fault> {
    let path = if clone {
        path::vms().query([("clone", "true")])
    } else {
        path::vms().to_string()
    };
    let made = Call::new("POST", path)
        .body(body)
        .correlation(correlation)
        .send()
        .await?;
    Ok(Id::from(text(&made, &["id"])))
}

/// Changes what the body names, and nothing else.
pub async fn update(vm: &str, body: &Value) -> Result<(), Fault> {
    Call::new("PUT", path::vm(vm))
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Attaches a disk, an existing one or a new one; the disk's id.
pub async fn attach(vm: &str, body: &Value, correlation: &str) -> Result<Id, Fault> {
    let path = path::vm(vm).disk_attachments();
    let made = Call::new("POST", path)
        .body(body)
        .correlation(correlation)
        .send()
        .await?;
    Ok(Id::from(text(&made, &["id"])))
}

/// Takes a disk out; it stays, or is deleted with it.
pub async fn detach(vm: &str, disk: &str, delete: bool) -> Result<(), Fault> {
    let attachment = path::vm(vm).disk_attachments().item(disk);
    let path = if delete {
        attachment.query([("detach_only", "false")])
    } else {
        attachment.query(KEEP)
    };
    Call::new("DELETE", path).send().await.map(drop)
}

/// Changes an attachment or its disk's size.
pub async fn update_attachment(vm: &str, disk: &str, body: &Value) -> Result<(), Fault> {
    let path = path::vm(vm).disk_attachments().item(disk);
    Call::new("PUT", path).body(body).send().await.map(drop)
}

/// Adds a network interface.
pub async fn add_nic(vm: &str, body: &Value, correlation: &str) -> Result<(), Fault> {
    let path = path::vm(vm).nics();
    Call::new("POST", path)
        .body(body)
        .correlation(correlation)
        .send()
        .await
        .map(drop)
}

/// Changes a network interface.
pub async fn update_nic(vm: &str, nic: &str, body: &Value) -> Result<(), Fault> {
    Call::new("PUT", path::vm(vm).nics().item(nic))
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Removes a network interface.
pub async fn remove_nic(vm: &str, nic: &str) -> Result<(), Fault> {
    Call::new("DELETE", path::vm(vm).nics().item(nic))
        .send()
        .await
        .map(drop)
}

/// Puts a disk into the drive, or takes it out; of a running machine now, not only at the next start.
pub async fn change_cd(
    vm: &str,
    disk: Option<&str>,
    running: bool,
    correlation: &str,
) -> Result<(), Fault> {
    let body = json!({ "file": { "id": disk.unwrap_or("") } });
    let drive = path::vm(vm).cdroms().item(DRIVE);
    let path = if running {
        drive.query([("current", "true")])
    } else {
        drive.to_string()
    };
    Call::new("PUT", path)
        .body(&body)
        .correlation(correlation)
        .send()
        .await
        .map(drop)
}

/// Ids of the machines that a search of the server finds.
pub async fn search(query: &str) -> Result<Vec<Id>, Fault> {
    let found = Call::new("GET", path::vms().query([("search", query)]))
        .send()
        .await?;
    Ok(list(&found, &["vm"])
        .iter()
        .filter_map(|vm| crate::json::id(vm, &[]))
        .collect())
}

/// A one-time ticket for its console.
pub async fn console_ticket(vm: &str) -> Result<String, Fault> {
    let none = json!({});
    let path = ["/saffron/vms/", vm, "/console"].concat();
    let answer = Call::new("POST", path).body(&none).send().await?;
    Ok(text(&answer, &["ticket"]))
}

/// Where its screen's picture is; `stamp` makes the browser ask again.
#[must_use]
pub fn screenshot(vm: &str, stamp: f64) -> String {
    [
        "/saffron/vms/",
        vm,
        "/screenshot?at=",
        &((stamp / 1000.0) as u64).to_string(),
    ]
    .concat()
}
