//! Who is logged in.

use super::{Call, Fault};
use crate::json::{flag, text};
use crate::store::Id;
use serde_json::{Value, json};

/// The person at this browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The user's id.
    pub user: Id,
    /// Full name for logging in.
    pub name: String,
    /// May use the Administration Portal.
    pub administrator: bool,
    /// Must choose a password first.
    pub must_change_password: bool,
    /// The server's version.
    pub version: String,
}

impl Session {
    fn read(value: &Value) -> Session {
        Session {
            user: Id::from(text(value, &["user", "id"])),
            name: text(value, &["user", "name"]),
            administrator: flag(value, &["administrator"]).unwrap_or(false),
            must_change_password: flag(value, &["must_change_password"]).unwrap_or(false),
            version: text(value, &["version"]),
        }
    }
}

/// Who am I? A fault with status 401 when nobody.
pub async fn current() -> Result<Session, Fault> {
    Call::new("GET", "/saffron/session")
        .send()
        .await
        .map(|value| Session::read(&value))
}

/// Logs in; the server sets the cookie.
pub async fn log_in(username: &str, password: &str) -> Result<Session, Fault> {
    let body = json!({ "username": username, "password": password });
    Call::new("POST", "/saffron/session")
        .body(&body)
        .send()
        .await
        .map(|value| Session::read(&value))
}

/// Logs out.
pub async fn log_out() -> Result<(), Fault> {
    Call::new("DELETE", "/saffron/session")
        .send()
        .await
        .map(drop)
}

/// Chooses another password.
pub async fn change_password(old: &str, new: &str) -> Result<(), Fault> {
    let body = json!({ "old": old, "new": new });
    Call::new("POST", "/saffron/session/password")
        .body(&body)
        .send()
        .await
        .map(drop)
}
