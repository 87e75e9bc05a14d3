//! What is known of a request before anybody handles it: where it comes from, its correlation id,
//! the parameters that oVirt allows in query, matrix and header alike; and the one line that is
//! logged about it, without query, ticket or credential.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri, header};

use crate::headers::{self, CORRELATION_ID};

/// The longest correlation id that oVirt's event log keeps.
const CORRELATION_MAX: usize = 36;

/// The peer's address, put into each request by the accept loop.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// How the request came, put into it by the accept loop; a browser names it in `Origin`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// In the open, which only `saffron view` on loopback takes.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As addresses begin.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Put into each request's extensions before routing.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where the request comes from.
    pub peer: SocketAddr,
    /// Ties request, job and events together; at most 36 of `[A-Za-z0-9_-]`.
    pub correlation_id: String,
    /// `Filter: true`: only what the user's own permissions show.
    pub filter: bool,
    /// The address as it was sent.
    pub uri: Uri,
}

impl Context {
    /// What the request itself says.
    pub fn of(parts: &Parts) -> Self {
        let peer = parts
            .extensions
            .get::<Peer>()
            .map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |peer| peer.0);
        let sent = parameter(
            &parts.uri,
            &parts.headers,
            "correlation_id",
            "correlation-id",
        );
        let mut correlation_id: String = sent
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            .take(CORRELATION_MAX)
            .collect();
        if correlation_id.is_empty() {
            correlation_id = uuid::Uuid::new_v4().to_string();
        }
        let filter = parameter(&parts.uri, &parts.headers, "filter", "filter")
            .is_some_and(|value| value.is_empty() || value.eq_ignore_ascii_case("true"));
        Self {
            peer,
            correlation_id,
            filter,
            uri: parts.uri.clone(),
        }
    }

    /// A parameter by oVirt's rules: from the query, else from the last path segment's matrix, else
    /// from the header of that name with dashes. `Some("")` when it is there without a value.
    pub fn parameter(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        parameter(&self.uri, headers, name, &name.replace('_', "-"))
    }
}

/// A parameter's value from the query, else from the last path segment's matrix, else from the
/// header; `Some("")` when it is there without a value.
pub fn parameter(uri: &Uri, headers: &HeaderMap, name: &str, header: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let matrix = uri
        .path()
        .rsplit('/')
        .next()
        .and_then(|last| last.split_once(';'))
        .map_or("", |(_, matrix)| matrix);
    find(query, '&', name)
        .or_else(|| find(matrix, ';', name))
        .or_else(|| {
            let value = headers.get(header)?.to_str().ok()?;
            Some(value.trim().to_owned())
        })
}

fn find(pairs: &str, separator: char, name: &str) -> Option<String> {
    pairs.split(separator).find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        key.eq_ignore_ascii_case(name)
            .then(|| percent_decode(value))
    })
}

/// Form decoding: `+` is a space, `%xx` a byte; what is not UTF-8 then is replaced.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = || {
            let digits = bytes.get(at + 1..at + 3)?;
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        };
        match (byte, hex()) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Runs around everything: context in, headers out, one log line.
pub async fn around<F, Fut>(request: Request, inner: F) -> Response
where
    F: FnOnce(Request) -> Fut,
    Fut: Future<Output = Response>,
{
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    // HTTP/2 has no `Host`: what links are made from is in its pseudo header.
    if let Some(authority) = parts.uri.authority()
        && !parts.headers.contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
    let context = Context::of(&parts);
    let method = parts.method.clone();
    let path = loggable(parts.uri.path());
    let correlation_id = context.correlation_id.clone();
    let peer = context.peer;
    parts.extensions.insert(context);
    let mut response = inner(Request::from_parts(parts, body)).await;
    headers::secure(&mut response);
    if let Ok(value) = HeaderValue::from_str(&correlation_id) {
        response.headers_mut().insert(CORRELATION_ID, value);
    }
    let status = response.status().as_u16();
    let ms = started.elapsed().as_millis();
    if status >= 500 {
        tracing::warn!(%method, path, status, ms, %peer, correlation_id, "Answered");
    } else {
        tracing::debug!(%method, path, status, ms, %peer, correlation_id, "Answered");
    }
    response
}

/// The path without what must not be logged: an image transfer's secret is a path segment. Cut to
/// a length that a log line bears.
fn loggable(path: &str) -> String {
    if path.starts_with("/images/") {
        return "/images/…".to_owned();
    }
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(uri: &str, headers: &[(&'static str, &str)]) -> Context {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Context::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn query_wins_over_matrix_and_matrix_over_header() {
        let headers = [("Correlation-Id", "header")];
        assert_eq!(context("/vms", &headers).correlation_id, "header");
        assert_eq!(
            context("/vms;correlation_id=matrix", &headers).correlation_id,
            "matrix"
        );
        let both = "/vms;correlation_id=matrix?correlation_id=query";
        assert_eq!(context(both, &headers).correlation_id, "query");
    }

    #[test]
    fn a_correlation_id_is_cut_to_what_events_can_hold() {
        let id = context("/vms?correlation_id=a%0ab+c/d", &[]).correlation_id;
        assert_eq!(id, "abcd");
        let long = format!("/vms?correlation_id={}", "x".repeat(100));
        assert_eq!(context(&long, &[]).correlation_id.len(), 36);
        assert!(!context("/vms", &[]).correlation_id.is_empty());
    }

    #[test]
    fn a_parameter_without_value_counts_as_true() {
        assert!(context("/vms?filter", &[]).filter);
        assert!(context("/vms;filter", &[]).filter);
        assert!(context("/vms", &[("Filter", "true")]).filter);
        assert!(!context("/vms?filter=false", &[("Filter", "true")]).filter);
        assert!(!context("/vms", &[]).filter);
    }

    #[test]
    fn the_secret_of_an_image_transfer_is_not_in_the_log_line() {
        assert_eq!(loggable("/images/0123456789abcdef"), "/images/…");
    }
}
