//! What `saffron view` answers: which SPICE server its page shows, and tickets for it.

use super::{Call, Fault};
use crate::json::{flag, text};
use serde_json::json;

/// A SPICE server that is shown without a manager.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Its address, as it was given: `spice://host:port`.
    pub target: String,
    /// Whether the person may be asked for its password.
    pub asks: bool,
}

/// Which server this is.
pub async fn server() -> Result<Server, Fault> {
    let answer = Call::new("GET", "/saffron/view").send().await?;
    Ok(Server {
        target: text(&answer, &["target"]),
        asks: flag(&answer, &["password"]).unwrap_or(false),
    })
}

/// A one-time ticket for a console that opens the server with this password.
pub async fn console_ticket(password: &str) -> Result<String, Fault> {
    let body = json!({ "password": password });
    let answer = Call::new("POST", "/saffron/view/console")
        .body(&body)
        .send()
        .await?;
    Ok(text(&answer, &["ticket"]))
}
