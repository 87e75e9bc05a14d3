//! The catalogue of operating systems.

use super::{Call, Fault};
use crate::json::{list, text};
use api::path;

/// Every system: the API's name and the words for people.
pub async fn all() -> Result<Vec<(String, String)>, Fault> {
    let answer = Call::new("GET", path::operating_systems()).send().await?;
    let mut all: Vec<(String, String)> = list(&answer, &["operating_system"])
        .iter()
        .filter(|system| {
            let architecture = text(system, &["architecture"]);
            architecture.is_empty() || architecture == "x86_64" || architecture == "undefined"
        })
        .map(|system| (text(system, &["name"]), text(system, &["description"])))
        .filter(|(name, words)| !name.is_empty() && !words.is_empty())
        .collect();
    all.sort_by(|a, b| crate::store::natural(&a.1, &b.1));
    Ok(all)
}
