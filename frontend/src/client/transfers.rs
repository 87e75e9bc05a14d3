//! Image transfers: a session, pieces of a file, the end.

use super::{Call, Fault, fetch, read_text};
use crate::json::{some_text, text};
use crate::text::fill;
use api::path;
use serde_json::{Value, json};

/// A transfer as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: String,
    /// `initializing`, `transferring`, `finished_success` …
    pub phase: String,
    /// Where the pieces go: through the server we were loaded from, if it offers that.
    pub url: Option<String>,
}

impl Transfer {
    fn read(value: &Value) -> Transfer {
        Transfer {
            id: text(value, &["id"]),
            phase: text(value, &["phase"]),
            url: some_text(value, &["proxy_url"])
                .or_else(|| some_text(value, &["transfer_url"]))
                .map(|url| own_path(&url)),
        }
    }
}

/// The page may send to its own origin only, under whatever name it was reached.
fn own_path(url: &str) -> String {
    match url
        .find("://")
        .and_then(|place| url[place + 3..].find('/').map(|slash| place + 3 + slash))
    {
        Some(start) => url[start..].to_owned(),
        None => url.to_owned(),
    }
}

/// Begins to upload into a disk; a VMware disk is converted by the server.
pub async fn begin(
    disk: &str,
    format: &str,
    vmdk: bool,
    correlation: &str,
) -> Result<Transfer, Fault> {
    let body = json!({ "disk": { "id": disk }, "direction": "upload", "format": format, "timeout_policy": "legacy" });
    let path = if vmdk {
        path::image_transfers().query([("vmdk", "true")])
    } else {
        path::image_transfers().to_string()
    };
    Call::new("POST", path)
        .body(&body)
        .correlation(correlation)
        .send()
        .await
        .map(|value| Transfer::read(&value))
}

/// Begins to download a disk and waits until its data can be had; where they are.
pub async fn ready_for_download(
    disk: &str,
    format: &str,
    correlation: &str,
) -> Result<String, Fault> {
    let body = json!({
        "disk": { "id": disk }, "direction": "download", "format": format,
        "timeout_policy": "cancel", "inactivity_timeout": 120,
    });
    let begun = Call::new("POST", path::image_transfers())
        .body(&body)
        .correlation(correlation)
        .send()
        .await?;
    let mut transfer = Transfer::read(&begun);
    for _ in 0..600 {
        if let ("transferring", Some(url)) = (transfer.phase.as_str(), &transfer.url) {
            return Ok(url.clone());
        }
        crate::task::pause(500).await;
        transfer = get(&transfer.id).await?.ok_or_else(|| {
            Fault::of(crate::text::t(
                "The server ended the download before it began.",
            ))
        })?;
    }
    Err(Fault::unreachable())
}

/// How it stands; `None` when it is over and forgotten.
pub async fn get(id: &str) -> Result<Option<Transfer>, Fault> {
    match Call::new("GET", path::image_transfer(id)).send().await {
        Ok(value) => Ok(Some(Transfer::read(&value))),
        Err(fault) if fault.status == 404 => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// `finalize`, `cancel` or `resume`.
pub async fn end(id: &str, action: &str) -> Result<(), Fault> {
    let none = json!({});
    Call::new("POST", path::image_transfer(id).action(action))
        .body(&none)
        .send()
        .await
        .map(drop)
}

/// Sends a piece of the file to its place in the image.
pub async fn put(
    url: &str,
    piece: &web_sys::Blob,
    first: u64,
    past: u64,
    whole: u64,
    abort: &web_sys::AbortSignal,
) -> Result<(), Fault> {
    let init = web_sys::RequestInit::new();
    init.set_method("PUT");
    let headers = super::headers()?;
    super::set(
        &headers,
        "Content-Range",
        &fill(
            "bytes {0}-{1}/{2}",
            &[
                &first.to_string(),
                &(past - 1).to_string(),
                &whole.to_string(),
            ],
        ),
    )?;
    super::set(&headers, "Content-Type", "application/octet-stream")?;
    init.set_headers_headers(&headers);
    init.set_body(piece);
    init.set_signal(Some(abort));
    let response = fetch(url, &init).await?;
    if response.ok() {
        return Ok(());
    }
    let body = read_text(&response).await;
    let value = serde_json::from_str(&body).unwrap_or(Value::Null);
    Err(Fault::read(response.status(), &value, None))
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn pieces_go_to_our_own_origin_whatever_name_the_server_has() {
        assert_eq!(
            own_path("https://manager.example:8443/images/abc"),
            "/images/abc"
        );
        assert_eq!(own_path("/images/abc"), "/images/abc");
    }
}
