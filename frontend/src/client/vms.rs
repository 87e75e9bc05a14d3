//! Virtual machines: actions, making, changing, their disks, interfaces and CD.

use super::{Call, Fault};
use crate::json::{list, text};
use crate::store::Id;
use serde_json::{Value, json};

/// The drive every machine has.
const DRIVE: &str = "00000000-0000-0000-0000-000000000000";

fn path(vm: &str, rest: &str) -> String {
    ["/vms/", vm, rest].concat()
}

/// `start`, `shutdown`, `stop`, `reboot`, `reset`, `suspend` …
pub async fn act(vm: &str, action: &str) -> Result<(), Fault> {
    let none = json!({});
    Call::api("POST", &path(vm, &["/", action].concat()))
        .body(&none)
        .send()
        .await
        .map(drop)
}

/// Deletes it, with the disks that are only its own.
pub async fn remove(vm: &str, keep_disks: bool) -> Result<(), Fault> {
    Call::api(
        "DELETE",
        &path(vm, if keep_disks { "?detach_only=true" } else { "" }),
    )
    .send()
    .await
    .map(drop)
}

/// Makes one; its id.
pub async fn add(body: &Value, correlation: &str) -> Result<Id, Fault> {
    let made = Call::api("POST", "/vms")
        .body(body)
        .correlation(correlation)
        .send()
        .await?;
    Ok(Id::from(text(&made, &["id"])))
}

/// Changes what the body names, and nothing else.
pub async fn update(vm: &str, body: &Value) -> Result<(), Fault> {
    Call::api("PUT", &path(vm, ""))
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Attaches a disk, an existing one or a new one.
pub async fn attach(vm: &str, body: &Value, correlation: &str) -> Result<Id, Fault> {
    let made = Call::api("POST", &path(vm, "/diskattachments"))
        .body(body)
        .correlation(correlation)
        .send()
        .await?;
    Ok(Id::from(text(&made, &["id"])))
}

/// Takes a disk out; it stays, or is deleted with it.
pub async fn detach(vm: &str, disk: &str, delete: bool) -> Result<(), Fault> {
    let rest = [
        "/diskattachments/",
        disk,
        if delete { "" } else { "?detach_only=true" },
    ]
    .concat();
    Call::api("DELETE", &path(vm, &rest)).send().await.map(drop)
}

/// Changes an attachment or its disk's size.
pub async fn update_attachment(vm: &str, disk: &str, body: &Value) -> Result<(), Fault> {
    Call::api("PUT", &path(vm, &["/diskattachments/", disk].concat()))
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Adds a network interface.
pub async fn add_nic(vm: &str, body: &Value, correlation: &str) -> Result<(), Fault> {
    Call::api("POST", &path(vm, "/nics"))
        .body(body)
        .correlation(correlation)
        .send()
        .await
        .map(drop)
}

/// Changes a network interface.
pub async fn update_nic(vm: &str, nic: &str, body: &Value) -> Result<(), Fault> {
    Call::api("PUT", &path(vm, &["/nics/", nic].concat()))
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Removes a network interface.
pub async fn remove_nic(vm: &str, nic: &str) -> Result<(), Fault> {
    Call::api("DELETE", &path(vm, &["/nics/", nic].concat()))
        .send()
        .await
        .map(drop)
}

/// Puts a disk into the drive, or takes it out; now, and not only at the next start, when it runs.
pub async fn change_cd(
    vm: &str,
    disk: Option<&str>,
    running: bool,
    correlation: &str,
) -> Result<(), Fault> {
    let body = json!({ "file": { "id": disk.unwrap_or("") } });
    let rest = [
        "/cdroms/",
        DRIVE,
        if running { "?current=true" } else { "" },
    ]
    .concat();
    Call::api("PUT", &path(vm, &rest))
        .body(&body)
        .correlation(correlation)
        .send()
        .await
        .map(drop)
}

/// Ids of the machines that a search of the server finds.
pub async fn search(query: &str) -> Result<Vec<Id>, Fault> {
    let encoded = String::from(js_sys::encode_uri_component(query));
    let found = Call::api("GET", &["/vms?search=", &encoded].concat())
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
    let answer = Call::own("POST", &["/saffron/vms/", vm, "/console"].concat())
        .body(&none)
        .send()
        .await?;
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
