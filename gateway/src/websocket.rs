//! The one way to a WebSocket: both of ours (console, live) are upgraded here, so that neither can
//! forget a check. Order: it is an upgrade at all, `Origin` is exactly our own, the session cookie
//! is good, the subprotocol is the expected one.
//!
//! No compression, small buffers, and frames of limited size: an idle socket must cost little.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::error::Problem;
use crate::frames::Counted;
use crate::request::Scheme;

/// The stream under a WebSocket.
pub type Socket = WebSocketStream<Counted<TokioIo<Upgraded>>>;

/// The longest message (and frame) that a browser may send.
pub const MESSAGE_MAX: usize = 1024 * 1024;

/// The address that this request was sent to, as a browser names it in `Origin`.
pub fn own_origin(uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> Option<String> {
    // HTTP/2 carries the authority in its pseudo header.
    let authority = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    let scheme = extensions.get().copied().unwrap_or(Scheme::Https);
    Some(format!("{}://{authority}", scheme.word()))
}

/// Whether `Origin` is there and exactly our own.
pub fn is_own_origin(uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return false;
    };
    own_origin(uri, headers, extensions).is_some_and(|own| origin.as_bytes() == own.as_bytes())
}

/// A request that may become a WebSocket.
pub struct Upgrade {
    request: Request,
    key: HeaderValue,
    protocol: &'static str,
}

/// An [`Upgrade`] without its request's head.
pub struct Rest {
    body: axum::body::Body,
    key: HeaderValue,
    protocol: &'static str,
}

impl Upgrade {
    /// Checks everything that the request itself says. Who the caller is must be asked next, and
    /// only then may [`Upgrade::answer`] be called.
    ///
    /// # Errors
    /// 403 for a foreign page before anything else is looked at, 400 or 426 for what is no upgrade.
    #[expect(
        clippy::result_large_err,
        reason = "an answer is as large as an answer is"
    )]
    pub fn check(request: Request, protocol: &'static str) -> Result<Self, Response> {
        let headers = request.headers();
        if !is_own_origin(request.uri(), headers, request.extensions()) {
            return Err(
                Problem::denied("This page may not open a connection here.").into_response()
            );
        }
        let has = |name: header::HeaderName, token: &str| {
            headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .any(|item| item.trim().eq_ignore_ascii_case(token))
        };
        if request.method() != Method::GET
            || request.version() != Version::HTTP_11
            || !has(header::CONNECTION, "upgrade")
            || !has(header::UPGRADE, "websocket")
        {
            return Err((
                StatusCode::UPGRADE_REQUIRED,
                [(header::UPGRADE, "websocket")],
                Problem::bad("This address is a WebSocket's."),
            )
                .into_response());
        }
        let version = headers.get(header::SEC_WEBSOCKET_VERSION);
        if version.is_none_or(|version| version.as_bytes() != b"13") {
            return Err((
                StatusCode::BAD_REQUEST,
                [(header::SEC_WEBSOCKET_VERSION, "13")],
                "WebSocket version 13 is spoken here.\n",
            )
                .into_response());
        }
        if !has(header::SEC_WEBSOCKET_PROTOCOL, protocol) {
            let sentence = format!("The subprotocol here is {protocol}.");
            return Err(Problem::bad(sentence).into_response());
        }
        let key = match headers.get(header::SEC_WEBSOCKET_KEY) {
            Some(key) if key.len() == 24 => key.clone(),
            _ => return Err(Problem::bad("Sec-WebSocket-Key is missing.").into_response()),
        };
        Ok(Self {
            request,
            key,
            protocol,
        })
    }

    /// The request's head, for whoever must know who sent it, and what is needed to go on.
    pub fn into_parts(self) -> (http::request::Parts, Rest) {
        let (parts, body) = self.request.into_parts();
        let rest = Rest {
            body,
            key: self.key,
            protocol: self.protocol,
        };
        (parts, rest)
    }

    /// Goes on after [`Upgrade::into_parts`].
    pub fn from_parts(parts: http::request::Parts, rest: Rest) -> Self {
        Self {
            request: Request::from_parts(parts, rest.body),
            key: rest.key,
            protocol: rest.protocol,
        }
    }

    /// Answers 101 and runs `serve` on the socket, in a task that `tasks` counts.
    pub fn answer<F, Fut>(mut self, tasks: &tokio_util::task::TaskTracker, serve: F) -> Response
    where
        F: FnOnce(Socket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let upgrading = hyper::upgrade::on(&mut self.request);
        tasks.spawn(async move {
            let upgraded = match upgrading.await {
                Ok(upgraded) => upgraded,
                Err(error) => {
                    tracing::debug!(%error, "A WebSocket's client went away while upgrading");
                    return;
                }
            };
            let io = Counted::new(TokioIo::new(upgraded));
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config())).await;
            serve(socket).await;
        });
        let accept = derive_accept_key(self.key.as_bytes());
        (
            StatusCode::SWITCHING_PROTOCOLS,
            [
                (header::CONNECTION, "Upgrade".to_owned()),
                (header::UPGRADE, "websocket".to_owned()),
                (header::SEC_WEBSOCKET_ACCEPT, accept),
                (header::SEC_WEBSOCKET_PROTOCOL, self.protocol.to_owned()),
            ],
        )
            .into_response()
    }
}

/// Small buffers, written at once.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(MESSAGE_MAX * 2)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(scheme: Option<Scheme>, origin: Option<&str>) -> bool {
        let mut request = http::Request::builder()
            .uri("/saffron/live")
            .header(header::HOST, "vm.example:8443");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        if let Some(scheme) = scheme {
            request = request.extension(scheme);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        is_own_origin(&parts.uri, &parts.headers, &parts.extensions)
    }

    #[test]
    fn only_exactly_our_own_origin_passes() {
        for secure in [None, Some(Scheme::Https)] {
            assert!(own(secure, Some("https://vm.example:8443")));
        }
        for foreign in [
            None,
            Some("null"),
            Some("https://evil.test"),
            Some("https://vm.example"),
            Some("https://vm.example:9443"),
            Some("https://vm.example:8443.evil.test"),
            Some("https://VM.EXAMPLE:8443"),
            Some("http://vm.example:8443"),
            Some("https://vm.example:8443/"),
        ] {
            assert!(!own(None, foreign), "{foreign:?}");
        }
    }

    #[test]
    fn a_page_that_came_in_the_open_has_another_origin() {
        let plain = Some(Scheme::Http);
        assert!(own(plain, Some("http://vm.example:8443")));
        assert!(!own(plain, Some("https://vm.example:8443")));
        assert!(!own(plain, Some("http://vm.example:80")));
    }
}
