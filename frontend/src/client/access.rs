//! Users and permissions.

use super::{Call, Fault};
use serde_json::{Value, json};

/// Adds a user.
pub async fn add_user(body: &Value) -> Result<(), Fault> {
    Call::api("POST", "/users")
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Changes a user.
pub async fn update_user(user: &str, body: &Value) -> Result<(), Fault> {
    Call::api("PUT", &["/users/", user].concat())
        .body(body)
        .send()
        .await
        .map(drop)
}

/// Deletes a user.
pub async fn remove_user(user: &str) -> Result<(), Fault> {
    Call::api("DELETE", &["/users/", user].concat())
        .send()
        .await
        .map(drop)
}

/// The API's collection of a kind of object.
fn collection(kind: &str) -> &'static str {
    match kind {
        "vm" => "/vms/",
        "disk" => "/disks/",
        "host" => "/hosts/",
        "cluster" => "/clusters/",
        "data_center" => "/datacenters/",
        "storage_domain" => "/storagedomains/",
        "template" => "/templates/",
        "vm_pool" => "/vmpools/",
        "network" => "/networks/",
        "vnic_profile" => "/vnicprofiles/",
        _ => "",
    }
}

/// Gives a role to a user, on an object or (with an empty kind) on everything.
pub async fn add_permission(user: &str, role: &str, kind: &str, object: &str) -> Result<(), Fault> {
    let body = json!({ "role": { "id": role }, "user": { "id": user } });
    let path = match collection(kind) {
        "" => "/permissions".to_owned(),
        prefix => [prefix, object, "/permissions"].concat(),
    };
    Call::api("POST", &path).body(&body).send().await.map(drop)
}

/// Takes a role away.
pub async fn remove_permission(permission: &str) -> Result<(), Fault> {
    Call::api("DELETE", &["/permissions/", permission].concat())
        .send()
        .await
        .map(drop)
}

/// Names of a role's permits.
pub async fn permits(role: &str) -> Result<Vec<String>, Fault> {
    let answer: Value = Call::api("GET", &["/roles/", role, "/permits"].concat())
        .send()
        .await?;
    Ok(crate::json::list(&answer, &["permit"])
        .iter()
        .filter_map(|permit| crate::json::some_text(permit, &["name"]))
        .collect())
}
