//! Headers that every answer carries, errors included: what browsers may do with our pages, what
//! may be cached, and the request's correlation id.
//!
//! The policy is for pages that load everything from their own origin and compile WebAssembly.
//! Nothing inline is allowed, so that text from a guest or a user that reached a page as markup by
//! mistake still runs nothing.

use axum::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// What a page may load and run.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; worker-src 'self'; media-src 'self' blob:; \
    manifest-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// What no page of ours needs. Full screen and clipboard stay with our own origin.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(self), camera=(), \
    clipboard-read=(self), clipboard-write=(self), display-capture=(), fullscreen=(self), \
    geolocation=(), gyroscope=(), keyboard-map=(self), magnetometer=(), microphone=(self), \
    midi=(), payment=(), publickey-credentials-get=(self), screen-wake-lock=(self), usb=(self)";

const FIXED: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        PERMISSIONS_POLICY,
    ),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
];

/// The correlation id's header, as oVirt spells it.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// Puts them on `response`. An answer that says nothing about caching is not kept by anybody: it
/// is about somebody's machines.
pub fn secure(response: &mut Response) {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
