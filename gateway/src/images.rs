//! The data of image transfers, as oVirt's image daemon speaks it: `PUT` with `Content-Range`,
//! `GET` with `Range`, `PATCH` for zeroes and flush, `OPTIONS` for what can be done, `GET …/extents`.
//!
//! The address is the secret; it is looked up by the manager and never logged. Bodies pass in
//! pieces and are never held whole. An upload that broke off is resumed by sending what is missing.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use manager::model::TransferDirection;
use manager::{ChecksumAlgorithm, TransferData};
use serde::Deserialize;
use serde_json::json;

use crate::error::Problem;
use crate::state::Shared;

/// What is written to the disk at a time.
const PIECE: usize = 1024 * 1024;
/// A sender may pause for so long.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A `PATCH` body is a few words.
const PATCH_MAX: usize = 4096;

/// The images' addresses.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/images/{secret}", any(image))
        .route("/images/{secret}/extents", get(extents))
        .route("/images/{secret}/checksum", get(checksum))
        .route("/images/{secret}/checksum/algorithms", get(algorithms))
}

async fn image(
    State(shared): State<Shared>,
    Path(secret): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let method = request.method().clone();
    if method == Method::OPTIONS {
        return Ok(features());
    }
    if ![Method::GET, Method::HEAD, Method::PUT, Method::PATCH].contains(&method) {
        let sentence = "An image takes GET, PUT, PATCH and OPTIONS.";
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence));
    }
    let data = shared.manager().transfer_open(&secret).await?;
    if method == Method::PUT {
        put(&data, request).await
    } else if method == Method::PATCH {
        patch(&data, request).await
    } else {
        read(data, request.headers(), method == Method::HEAD)
    }
}

/// What clients may use. One reader or writer at a time keeps a resumed upload in order.
fn features() -> Response {
    (
        [(header::ALLOW, "OPTIONS,GET,HEAD,PUT,PATCH")],
        Json(json!({
            "features": ["checksum", "extents", "zero", "flush"],
            "max_readers": 8,
            "max_writers": 8,
        })),
    )
        .into_response()
}

/// Writes what comes, from where `Content-Range` says (else from the start).
async fn put(data: &TransferData, request: Request) -> Result<Response, Problem> {
    upload_only(data)?;
    let (parts, body) = request.into_parts();
    let range = content_range(&parts.headers)?;
    let start = range.map_or(0, |range| range.start);
    let length = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let (Some(range), Some(length)) = (range, length)
        && range.length.is_some_and(|claimed| claimed != length)
    {
        return Err(Problem::bad(
            "Content-Range and Content-Length do not agree.",
        ));
    }
    let end = start.checked_add(length.unwrap_or(0));
    if end.is_none_or(|end| end > data.size()) {
        return Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            format!(
                "The disk has room for {} bytes; this would go beyond.",
                data.size()
            ),
        ));
    }
    let mut written = start;
    let mut body = body;
    let mut piece = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(PAUSE_MAX, body.frame())
            .await
            .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "No data came for a minute."))?;
        match frame {
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    piece.extend_from_slice(&bytes);
                }
                while piece.len() >= PIECE {
                    written = write(data, written, piece.split_to(PIECE).freeze()).await?;
                }
            }
            Some(Err(_)) => {
                // What has arrived is kept: the sender goes on from there.
                write(data, written, piece.freeze()).await?;
                return Err(Problem::bad("The upload broke off."));
            }
            None => break,
        }
    }
    written = write(data, written, piece.freeze()).await?;
    if length.is_some_and(|length| written - start != length) {
        return Err(Problem::bad("The upload broke off."));
    }
    if flush_wanted(parts.uri.query()) {
        data.flush().await?;
    }
    Ok(StatusCode::OK.into_response())
}

async fn write(data: &TransferData, at: u64, bytes: Bytes) -> Result<u64, Problem> {
    let end = at + bytes.len() as u64;
    if end > data.size() {
        return Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            format!(
                "The disk has room for {} bytes; this would go beyond.",
                data.size()
            ),
        ));
    }
    if !bytes.is_empty() {
        data.write_at(at, bytes).await?;
    }
    Ok(end)
}

/// `?flush=n` leaves it to the last request.
fn flush_wanted(query: Option<&str>) -> bool {
    !query
        .unwrap_or_default()
        .split('&')
        .any(|pair| matches!(pair, "flush=n" | "flush=false"))
}

/// Sends what `Range` asks for.
fn read(data: TransferData, headers: &HeaderMap, head: bool) -> Result<Response, Problem> {
    if data.direction() != TransferDirection::Download {
        return Err(Problem::denied("This transfer is an upload."));
    }
    let size = data.size();
    let wanted = match headers.get(header::RANGE) {
        None => None,
        Some(range) => Some(
            range
                .to_str()
                .ok()
                .and_then(|range| byte_range(range, size))
                .ok_or_else(|| {
                    let sentence = format!("The image has {size} bytes.");
                    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, sentence)
                })?,
        ),
    };
    let (start, end) = wanted.unwrap_or((0, size));
    let body = if head {
        Body::empty()
    } else {
        Body::from_stream(pieces(data, start, end))
    };
    let mut response = body.into_response();
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    if wanted.is_some() {
        let last = end.saturating_sub(1);
        if let Ok(value) = HeaderValue::from_str(&format!("bytes {start}-{last}/{size}")) {
            out.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The bytes of a range, a piece at a time, each read when the one before it was taken.
fn pieces(
    data: TransferData,
    start: u64,
    end: u64,
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    futures_util::stream::try_unfold((data, start), move |(data, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let length = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let bytes = data
            .read_at(at, length)
            .await
            .map_err(std::io::Error::other)?;
        if bytes.is_empty() {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        let next = at + bytes.len() as u64;
        Ok(Some((Bytes::from(bytes), (data, next))))
    })
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Patch {
    Zero {
        #[serde(default)]
        offset: u64,
        size: u64,
        #[serde(default)]
        flush: bool,
    },
    Flush,
}

async fn patch(data: &TransferData, request: Request) -> Result<Response, Problem> {
    upload_only(data)?;
    let body = to_bytes(request.into_body(), PATCH_MAX).await;
    let patch: Option<Patch> = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    match patch {
        Some(Patch::Zero {
            offset,
            size,
            flush,
        }) => {
            if offset.checked_add(size).is_none_or(|end| end > data.size()) {
                return Err(Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    format!(
                        "The disk has room for {} bytes; this would go beyond.",
                        data.size()
                    ),
                ));
            }
            data.zero(offset, size).await?;
            if flush {
                data.flush().await?;
            }
        }
        Some(Patch::Flush) => data.flush().await?,
        None => {
            return Err(Problem::bad(
                "Send {\"op\":\"zero\",\"offset\":…,\"size\":…} or {\"op\":\"flush\"}.",
            ));
        }
    }
    Ok(StatusCode::OK.into_response())
}

async fn extents(
    State(shared): State<Shared>,
    Path(secret): Path<String>,
    uri: http::Uri,
) -> Result<Response, Problem> {
    let context = |pair: &str| pair.strip_prefix("context=").map(str::to_owned);
    let context = uri.query().unwrap_or_default().split('&').find_map(context);
    if context.is_some_and(|it| it != "zero") {
        // Clients take this for "not supported".
        let sentence = "Only the extents of context zero are known.";
        return Err(Problem::new(StatusCode::NOT_FOUND, sentence));
    }
    let data = shared.manager().transfer_open(&secret).await?;
    let extents: Vec<_> = data
        .extents()
        .await?
        .into_iter()
        .map(|extent| {
            json!({
                "start": extent.start,
                "length": extent.length,
                "zero": extent.zero,
                "hole": extent.zero,
            })
        })
        .collect();
    Ok(Json(extents).into_response())
}

/// `?algorithm=blake2b&block_size=4194304`, which are the defaults.
async fn checksum(
    State(shared): State<Shared>,
    Path(secret): Path<String>,
    uri: http::Uri,
) -> Result<Response, Problem> {
    let mut name = "blake2b";
    let mut block = manager::CHECKSUM_BLOCK;
    for pair in uri.query().unwrap_or_default().split('&') {
        match pair.split_once('=') {
            Some(("algorithm", value)) => name = value,
            Some(("block_size", value)) => {
                block = value
                    .parse()
                    .map_err(|_| Problem::bad("block_size must be a number of bytes."))?;
            }
            _ => {}
        }
    }
    let algorithm = ChecksumAlgorithm::by_name(name)
        .ok_or_else(|| Problem::bad("The algorithm is not one of those offered."))?;
    let data = shared.manager().transfer_open(&secret).await?;
    let sum = data.checksum(algorithm, block).await?;
    Ok(Json(json!({
        "algorithm": name,
        "block_size": block,
        "checksum": sum,
    }))
    .into_response())
}

async fn algorithms(
    State(shared): State<Shared>,
    Path(secret): Path<String>,
) -> Result<Response, Problem> {
    shared.manager().transfer_open(&secret).await?;
    Ok(Json(json!({ "algorithms": ChecksumAlgorithm::NAMES })).into_response())
}

fn upload_only(data: &TransferData) -> Result<(), Problem> {
    if data.direction() == TransferDirection::Upload {
        Ok(())
    } else {
        Err(Problem::denied("This transfer is a download."))
    }
}

/// A part of an image, as its sender names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Part {
    start: u64,
    length: Option<u64>,
}

/// `Content-Range: bytes 0-99/200`, `bytes 0-99/*`, or oVirt's own `bytes 0-*/*`.
fn content_range(headers: &HeaderMap) -> Result<Option<Part>, Problem> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|value| {
            let range = value
                .trim()
                .strip_prefix("bytes")?
                .trim_start_matches([' ', '=']);
            let (range, _) = range.split_once('/').unwrap_or((range, "*"));
            let (first, last) = range.split_once('-')?;
            let start: u64 = first.trim().parse().ok()?;
            let length = match last.trim() {
                "*" | "" => None,
                last => Some(
                    last.parse::<u64>()
                        .ok()?
                        .checked_sub(start)?
                        .checked_add(1)?,
                ),
            };
            Some(Part { start, length })
        })
        .map(Some)
        .ok_or_else(|| Problem::bad("Content-Range must be as in: bytes 0-1023/*"))
}

/// The first and one past the last byte of `Range: bytes=…`; one range only.
fn byte_range(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let (start, end) = match (first, last) {
        ("", last) => (size.saturating_sub(last.parse().ok()?), size),
        (first, "") => (first.parse().ok()?, size),
        (first, last) => (
            first.parse().ok()?,
            last.parse::<u64>().ok()?.checked_add(1)?.min(size),
        ),
    };
    (start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_browsers_and_ovirt_write_them() {
        let part = |value: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::CONTENT_RANGE, HeaderValue::from_static(value))]);
            content_range(&headers)
                .ok()
                .flatten()
                .map(|part| (part.start, part.length))
        };
        assert_eq!(part("bytes 0-99/200"), Some((0, Some(100))));
        assert_eq!(part("bytes 100-199/*"), Some((100, Some(100))));
        assert_eq!(part("bytes 5-*/*"), Some((5, None)));
        for broken in [
            "bytes 9-1/*",
            "bytes -5/*",
            "lines 0-1/2",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(part(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_range_ends_where_the_image_does() {
        assert_eq!(byte_range("bytes=0-99", 50), Some((0, 50)));
        assert_eq!(byte_range("bytes=10-", 50), Some((10, 50)));
        assert_eq!(byte_range("bytes=-5", 50), Some((45, 50)));
        assert_eq!(byte_range("bytes=-500", 50), Some((0, 50)));
        for impossible in ["bytes=50-", "bytes=7-3", "bytes=0-1,3-4", "0-1", "bytes=-0"] {
            assert_eq!(byte_range(impossible, 50), None, "{impossible}");
        }
    }

    #[test]
    fn flush_is_left_out_only_when_the_sender_says_so() {
        assert!(flush_wanted(None));
        assert!(flush_wanted(Some("flush=y")));
        assert!(!flush_wanted(Some("a=b&flush=n")));
    }
}
