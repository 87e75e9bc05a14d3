//! A small HTTPS client for tests: it trusts the site's own authority, shows everything of an
//! answer, keeps cookies, and can send what no proper client would.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A WebSocket to the site.
pub type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text()))
    }

    /// The answer, if it has this status; else the test fails and shows it.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// A header's value, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// A client of one site, as one person.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    /// Sent with every request.
    headers: HeaderMap,
    cookies: Arc<Mutex<Vec<(String, String)>>>,
}

impl Client {
    /// A stranger to the site at `address`.
    pub fn new(address: SocketAddr, ca_pem: &str) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            address,
            tls: Arc::new(tls),
            headers: HeaderMap::new(),
            cookies: Arc::default(),
        })
    }

    /// Where the site is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The site's own origin, as this client's pages have it.
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The same client with one more header on every request.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The cookies it has.
    pub fn cookies(&self) -> Vec<(String, String)> {
        self.cookies.lock().expect("not poisoned").clone()
    }

    /// Plants a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().expect("not poisoned");
        cookies.retain(|(known, _)| known != name);
        cookies.push((name.to_owned(), value.to_owned()));
    }

    /// A TLS connection that nothing was said on.
    pub async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        Ok(TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await?)
    }

    /// Which protocol the site chooses of those that the client offers by ALPN.
    pub async fn negotiated(&self, offered: &[&str]) -> Result<Option<String>> {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = offered
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let client = Self {
            tls: Arc::new(tls),
            ..self.clone()
        };
        let stream = client.connect().await?;
        let chosen = stream.get_ref().1.alpn_protocol();
        Ok(chosen.map(|name| String::from_utf8_lossy(name).into_owned()))
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(path);
        let headers = request.headers_mut().expect("a path that is one");
        headers.insert(
            http::header::HOST,
            HeaderValue::from_str(&format!("localhost:{}", self.address.port())).expect("a host"),
        );
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let cookies = self.cookies();
        if !cookies.is_empty() && !headers.contains_key(http::header::COOKIE) {
            let pairs: Vec<_> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let value = HeaderValue::from_str(&pairs.join("; ")).expect("cookies");
            headers.insert(http::header::COOKIE, value);
        }
        request
    }

    /// Sends one request on a connection of its own.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let mut request = self.request(method, path);
        let out = request.headers_mut().context("a path that is one")?;
        for (name, value) in headers {
            out.insert(HeaderName::try_from(*name)?, HeaderValue::try_from(*value)?);
        }
        let request = request.body(Full::new(body.into()))?;
        let stream = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        connection.abort();
        self.keep_cookies(&parts.headers);
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().expect("not poisoned");
        for line in headers.get_all(http::header::SET_COOKIE) {
            let line = line.to_str().unwrap_or_default();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            if let Some((name, value)) = pair.split_once('=') {
                cookies.retain(|(known, _)| known != name);
                if !attributes.contains("Max-Age=0") {
                    cookies.push((name.to_owned(), value.to_owned()));
                }
            }
        }
    }

    /// GET that does not fail to be answered.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "")
            .await
            .expect("an answer")
    }

    /// POST, as our own pages do it.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// Any method with JSON, as our own pages do it.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("x-saffron", "1"),
        ];
        self.send(method, path, &headers, body.to_string())
            .await
            .expect("an answer")
    }

    /// Opens a WebSocket as our own page would; the status when it is refused.
    pub async fn websocket(&self, path: &str, protocol: &str) -> Result<Socket, u16> {
        self.websocket_from(path, protocol, Some(&self.origin()))
            .await
    }

    /// Opens a WebSocket as a page of `origin` would.
    pub async fn websocket_from(
        &self,
        path: &str,
        protocol: &str,
        origin: Option<&str>,
    ) -> Result<Socket, u16> {
        let mut request = self
            .request(Method::GET, path)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", protocol);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let request = request.body(Full::<Bytes>::default()).expect("a request");
        let stream = TokioIo::new(self.connect().await.expect("a connection"));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .expect("HTTP");
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await.expect("an answer");
        if response.status() != 101 {
            return Err(response.status().as_u16());
        }
        assert_eq!(
            response
                .headers()
                .get("sec-websocket-accept")
                .map(HeaderValue::as_bytes),
            Some(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".as_slice())
        );
        let upgraded = hyper::upgrade::on(response).await.expect("an upgrade");
        let parts = upgraded
            .downcast::<TokioIo<TlsStream<TcpStream>>>()
            .map_err(|_| anyhow!("another stream"))
            .expect("our own stream");
        let mut stream = parts.io.into_inner();
        let rest = parts.read_buf;
        stream.get_mut().0.set_nodelay(true).expect("TCP");
        Ok(WebSocketStream::from_partially_read(stream, rest.to_vec(), Role::Client, None).await)
    }
}
