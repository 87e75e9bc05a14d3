//! Users and permissions.

use super::{Call, Fault};
use api::path;
use serde_json::{Value, json};

/// Adds a user.
pub async fn add_user(body: &Value) -> Result<(), Fault> {
    Call::new("POST", path::users())
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Deletes a user.
pub async fn remove_user(user: &str) -> Result<(), Fault> {
    Call::new("DELETE", path::user(user)).send().await.map(drop)
}

/// The path of an object of a kind; nothing for the system itself.
fn object_path(kind: &str, id: &str) -> Option<path::Path> {
    Some(match kind {
        "vm" => path::vm(id),
        "disk" => path::disk(id),
        "host" => path::host(id),
        "cluster" => path::cluster(id),
        "data_center" => path::data_center(id),
        "storage_domain" => path::storage_domain(id),
        "template" => path::template(id),
        "vm_pool" => path::vm_pool(id),
        "network" => path::network(id),
        "vnic_profile" => path::vnic_profile(id),
        _ => return None,
    })
}

/// Gives a role to a user, on an object or (with an empty kind) on everything.
pub async fn add_permission(user: &str, role: &str, kind: &str, object: &str) -> Result<(), Fault> {
    let body = json!({ "role": { "id": role }, "user": { "id": user } });
    let path =
        object_path(kind, object).map_or_else(path::permissions, |object| object.permissions());
    Call::new("POST", path).body(&body).send().await.map(drop)
}

/// Takes a role away.
pub async fn remove_permission(permission: &str) -> Result<(), Fault> {
    Call::new("DELETE", path::permission(permission))
        .send()
        .await
        .map(drop)
}

/// Names of a role's permits.
pub async fn permits(role: &str) -> Result<Vec<String>, Fault> {
    let answer: Value = Call::new("GET", path::role(role).permits()).send().await?;
    Ok(crate::json::list(&answer, &["permit"])
        .iter()
        .filter_map(|permit| crate::json::some_text(permit, &["name"]))
        .collect())
}
