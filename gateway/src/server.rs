//! The listening socket: accepts, limits, does TLS, serves HTTP/1.1 and HTTP/2, and ends in order.
//!
//! hyper's own loop helpers have no timer, so that a peer which sends a header byte a minute would
//! stay for ever. Here every wait can end: handshake and header within 10 s, idle 75 s, and a
//! connection that ignores the end of the server is dropped after a grace.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, Request, StatusCode, Version, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tower::ServiceExt;

use crate::connection::{Activity, Connection, Connections, Limits, Place};
use crate::request::{self, Peer, Scheme};

/// For the TLS handshake, and for each request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For the whole body of a request that is a document.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often an HTTP/2 peer is asked whether it is there.
const HTTP2_PING: Duration = Duration::from_secs(20);
/// A connection on which nothing moves is ended after this.
const IDLE: Duration = Duration::from_secs(75);
/// How long requests in progress may take when the server ends.
const GRACE: Duration = Duration::from_secs(5);
/// The longest request head.
const HEAD_MAX: usize = 16 * 1024;
/// Requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// The kernel gives up on a peer that acknowledges nothing for this long.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How many connections are served, from one address and in all.
pub const LIMITS: Limits = Limits {
    per_address: 256,
    total: 20_000,
};

/// What the loop serves with.
#[derive(Clone)]
pub struct Listener {
    /// Certificate and protocols; without, everything is plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Everything above a request.
    pub router: Router,
    /// What a plain HTTP request to the TLS port may have: the authority's certificate.
    pub ca_pem: Arc<str>,
    /// Who is connected.
    pub connections: Arc<Connections>,
    /// Cancelled when the server ends.
    pub stop: CancellationToken,
}

/// Listens on `address`, also for IPv4 when it is IPv6's "any".
///
/// # Errors
/// When the address is in use or is not ours.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

impl Listener {
    /// Serves until `stop`, then waits for what is in progress.
    pub async fn run(self, listener: TcpListener) {
        let tracker = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: wait for some to come back.
                    tracing::warn!(%error, "Could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(place) = self.connections.enter(peer.ip()) else {
                tracing::debug!(%peer, "Refused a connection: too many");
                continue;
            };
            let this = self.clone();
            tracker.spawn(async move {
                if let Err(error) = this.connection(stream, peer, place).await {
                    tracing::debug!(%peer, %error, "Connection ended");
                }
            });
        }
        drop(listener);
        tracker.close();
        if tokio::time::timeout(GRACE, tracker.wait()).await.is_err() {
            tracing::info!(left = tracker.len(), "Dropped connections that did not end");
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let socket = socket2::SockRef::from(&stream);
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        socket.set_keepalive(true)?;
        let accept = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 0 {
                return Ok(None);
            }
            let Some(tls) = &self.tls else {
                return Ok(Some((Connection::plain(stream, place), Protocol::Http1)));
            };
            // A TLS record with a handshake begins with 22; a letter is somebody who typed http.
            if first[0].is_ascii_alphabetic() {
                return Ok(Some((
                    Connection::plain(stream, place),
                    Protocol::PlainHttp,
                )));
            }
            let stream = TlsAcceptor::from(Arc::clone(tls)).accept(stream).await?;
            let protocol = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Protocol::Http2,
                _ => Protocol::Http1,
            };
            Ok::<_, io::Error>(Some((Connection::tls(stream, place), protocol)))
        };
        let accepted = tokio::select! {
            accepted = tokio::time::timeout(HEAD_TIMEOUT, accept) => accepted,
            () = self.stop.cancelled() => return Ok(()),
        };
        let Some((connection, protocol)) =
            accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
        else {
            return Ok(());
        };
        self.serve(connection, protocol, peer).await
    }

    async fn serve(
        &self,
        connection: Connection,
        protocol: Protocol,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            // hyper's own limit would also end idle connections; ours is `head_late` below.
            .header_read_timeout(None)
            .max_buf_size(HEAD_MAX)
            .half_close(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP2_PING)
            .keep_alive_timeout(HEAD_TIMEOUT)
            .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS_MAX);
        let builder = match protocol {
            Protocol::Http2 => builder.http2_only(),
            Protocol::Http1 | Protocol::PlainHttp => builder.http1_only(),
        };
        let activity = connection.activity();
        let watched = activity.clone();
        let this = self.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let this = this.clone();
            let in_progress = watched.request();
            async move {
                let response = this.answer(request, peer, protocol).await;
                drop(in_progress);
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(connection), service);
        tokio::pin!(serving);
        tokio::select! {
            result = serving.as_mut() => return result.map_err(io::Error::other),
            () = self.stop.cancelled() => {}
            () = activity.idle_for(IDLE) => {}
            () = head_late(&activity, protocol) => {
                return Err(io::Error::from(io::ErrorKind::TimedOut));
            }
        }
        // Lets requests in progress be answered, takes no new ones.
        serving.as_mut().graceful_shutdown();
        tokio::select! {
            result = serving.as_mut() => result.map_err(io::Error::other),
            () = activity.idle_for(IDLE) => Ok(()),
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        protocol: Protocol,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(Peer(peer));
        parts.extensions.insert(match self.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        });
        let reading = matches!(parts.method, Method::GET | Method::HEAD);
        // Some clients announce a body with their GETs and never send it; nobody may wait for it. Nor
        // may their next request be taken for it: the connection ends with the answer.
        let announced = parts.headers.contains_key(header::TRANSFER_ENCODING)
            || parts
                .headers
                .get(header::CONTENT_LENGTH)
                .is_some_and(|length| length.as_bytes() != b"0");
        let ends = reading && announced && parts.version < Version::HTTP_2;
        let body = if reading {
            Body::empty()
        } else if parts.uri.path().starts_with("/images/") {
            Body::new(body)
        } else {
            in_time(body)
        };
        let request = Request::from_parts(parts, body);
        let this = self.clone();
        let mut response = request::around(request, |request| async move {
            if protocol == Protocol::PlainHttp {
                return this.plain(&request);
            }
            // In a task of its own: a caller who goes away must not leave a command half done, and
            // a panic ends one request, not the connection's other ones.
            let task = tokio::spawn(this.router.oneshot(request));
            let result = if reading {
                AbortOnDropHandle::new(task).await
            } else {
                task.await
            };
            match result {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(error) => {
                    tracing::error!(%error, "A request handler ended");
                    crate::error::Problem::internal().into_response()
                }
            }
        })
        .await;
        if ends {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// What somebody who speaks plain HTTP to us gets: pages send them on, the API refuses (a
    /// redirected script would already have sent its password in the open).
    fn plain(&self, request: &axum::extract::Request) -> Response {
        let path = request.uri().path();
        if path == "/ovirt-engine/services/pki-resource" {
            return crate::auth::pki::resource(&self.ca_pem, request.uri().query());
        }
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .filter(|host| host.parse::<http::uri::Authority>().is_ok() && !host.contains('@'));
        let api = [
            "/ovirt-engine/api",
            "/ovirt-engine/sso",
            "/saffron",
            "/images",
        ];
        match host {
            Some(host) if reading && !api.iter().any(|prefix| path.starts_with(prefix)) => {
                let location = format!("https://{host}{path}");
                (
                    StatusCode::PERMANENT_REDIRECT,
                    [
                        (header::LOCATION, location),
                        (header::CONNECTION, "close".to_owned()),
                    ],
                )
                    .into_response()
            }
            _ => (
                StatusCode::UPGRADE_REQUIRED,
                [
                    (header::UPGRADE, "TLS/1.2, HTTP/1.1"),
                    (header::CONNECTION, "Upgrade, close"),
                ],
                "This is an HTTPS port: use https:// in the address.\n",
            )
                .into_response(),
        }
    }
}

/// Ends when a request's head takes too long. HTTP/2 has pings for that.
async fn head_late(activity: &Activity, protocol: Protocol) {
    match protocol {
        Protocol::Http2 => std::future::pending().await,
        Protocol::Http1 | Protocol::PlainHttp => activity.head_late(HEAD_TIMEOUT).await,
    }
}

/// A document's body that must be there in time. Images take as long as they take, with a limit of
/// their own between two pieces.
fn in_time(body: Incoming) -> Body {
    let deadline = tokio::time::Instant::now() + BODY_TIMEOUT;
    Body::from_stream(futures_util::stream::try_unfold(
        body,
        move |mut body| async move {
            loop {
                let frame = tokio::time::timeout_at(deadline, body.frame())
                    .await
                    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
                match frame {
                    None => return Ok(None),
                    Some(Err(error)) => return Err(io::Error::other(error)),
                    Some(Ok(frame)) => {
                        if let Ok(bytes) = frame.into_data() {
                            return Ok(Some((bytes, body)));
                        }
                    }
                }
            }
        },
    ))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Protocol {
    PlainHttp,
    Http1,
    Http2,
}
