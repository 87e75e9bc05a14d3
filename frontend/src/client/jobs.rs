//! Jobs: stopping one.

use super::{Answer, request};
use api::path;
use serde_json::json;

/// Asks the server to stop it and to take back what it has done.
pub fn end(job: &str) -> Answer {
    let body = json!({ "force": "true" });
    request("POST", path::job(job).action("end"), Some(body))
}
