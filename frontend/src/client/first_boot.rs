//! What a machine would be told at its first start, as the server would write it.

use super::{Call, Fault};
use crate::json::{list, text};
use serde_json::{Value, json};

/// Names and contents of the files.
pub async fn preview(os: &str, initialization: Value) -> Result<Vec<(String, String)>, Fault> {
    let body = json!({ "name": "preview", "os": { "type": os }, "initialization": initialization });
    let answer = Call::new("POST", "/saffron/first-boot")
        .body(&body)
        .send()
        .await?;
    Ok(list(&answer, &["files"])
        .iter()
        .map(|file| (text(file, &["name"]), text(file, &["content"])))
        .collect())
}
