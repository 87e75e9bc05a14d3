//! A page of `saffron view` in this process, a client of it that speaks plain HTTP, and the drawing
//! server that it leads to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use gateway::view::{Config, Flags, View};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use spice_proxy::{ChannelType, Hello, Key, Welcome};
use tests::http::Answer;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::lab::draw_server::{DrawServer, Rendering, Said};

/// How long anything may take; far more than it does, as other tests run beside.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A drawing server whose answers are waited for.
pub struct Easel {
    pub server: DrawServer,
    answers: Receiver<Said>,
    /// What it said of keyboard, pointer and time.
    pub events: Arc<Mutex<Vec<String>>>,
}

impl Easel {
    /// Starts one and has it carry out these commands.
    pub fn new(arguments: &[&str], setup: &[&str]) -> Result<Self> {
        let (sender, answers) = channel();
        let events = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&events);
        let server = DrawServer::start_with(arguments, move |said| match said {
            Said::Event(event) => heard.lock().expect("not poisoned").push(event),
            // Nobody listens any more at the end of the test.
            other => drop(sender.send(other)),
        });
        let mut easel = Self {
            server,
            answers,
            events,
        };
        for command in setup {
            easel.tell(command)?;
        }
        Ok(easel)
    }

    /// Has it carry out a command.
    pub fn tell(&mut self, command: &str) -> Result<Option<Rendering>> {
        self.server.send(command);
        match self.answers.recv_timeout(PATIENCE).context("no answer")? {
            Said::Ok(rendering) => Ok(rendering),
            Said::Error(error) => bail!("{command}: {error}"),
            Said::Event(_) | Said::Gone => bail!("{command}: the drawing server has ended"),
        }
    }

    /// Its plain address.
    pub fn address(&self) -> String {
        format!("spice://127.0.0.1:{}", self.server.port())
    }

    /// Waits for an event that `is` recognizes.
    pub async fn event(&self, is: impl Fn(&str) -> bool) -> Result<String> {
        let began = Instant::now();
        loop {
            let found = {
                let events = self.events.lock().expect("not poisoned");
                events.iter().find(|event| is(event)).cloned()
            };
            if let Some(found) = found {
                return Ok(found);
            }
            if began.elapsed() > PATIENCE {
                bail!("the server had {:?}", self.events.lock());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A page that is served for the test.
pub struct Page {
    pub view: View,
}

/// `saffron view` with the arguments that every test has.
pub fn flags(target: &str) -> Flags {
    Flags {
        target: target.to_owned(),
        listen: Some("127.0.0.1:0".to_owned()),
        ..Flags::default()
    }
}

impl Page {
    /// Serves a page for this SPICE server.
    pub fn of(target: &str) -> Result<Self> {
        Self::with(flags(target))
    }

    /// Serves a page with these arguments.
    pub fn with(flags: Flags) -> Result<Self> {
        let config = Config::new(flags, |path| std::fs::read_to_string(path))?;
        Ok(Self {
            view: View::start(config)?,
        })
    }

    /// A client that is right about where it is.
    pub fn client(&self) -> Client {
        let address = self.view.address();
        Client {
            address,
            host: address.to_string(),
            origin: Some(format!("http://{address}")),
        }
    }
}

/// Somebody who speaks plain HTTP.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    /// What it calls the page's server.
    pub host: String,
    /// Where its own page is from.
    pub origin: Option<String>,
}

/// A WebSocket to the page's server.
pub type Socket = WebSocketStream<TcpStream>;

impl Client {
    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<http::Response<hyper::body::Incoming>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender.send_request(request).await?)
    }

    /// Sends one request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(HeaderName::try_from(*name)?, HeaderValue::try_from(*value)?);
        }
        let request = request.body(Full::new(body.into()))?;
        let (parts, body) = self.exchange(request).await?.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], "").await
    }

    /// POST, as our own page does it.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let mut headers = vec![("content-type", "application/json"), ("x-saffron", "1")];
        if let Some(origin) = &self.origin {
            headers.push(("origin", origin));
        }
        self.send(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// A ticket for a console with this password.
    pub async fn ticket(&self, password: &str) -> Result<[u8; 32]> {
        let answer = self
            .post("/saffron/view/console", &json!({ "password": password }))
            .await?
            .expect(200)
            .json();
        assert_eq!(answer["expires_in"], 30);
        let hex = answer["ticket"].as_str().context("no ticket")?;
        assert_eq!(hex.len(), 64);
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().enumerate() {
            let digits = hex.get(2 * place..2 * place + 2).context("a short one")?;
            *byte = u8::from_str_radix(digits, 16)?;
        }
        Ok(key)
    }

    /// Opens a WebSocket; the status where it is refused.
    pub async fn websocket(&self) -> Result<Result<Socket, u16>> {
        let mut request = self
            .request(Method::GET, "/saffron/console")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "console.v1");
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        let response = self.exchange(request.body(Full::default())?).await?;
        if response.status() != 101 {
            return Ok(Err(response.status().as_u16()));
        }
        let upgraded = hyper::upgrade::on(response).await?;
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            bail!("another stream");
        };
        let (stream, rest) = (parts.io.into_inner(), parts.read_buf.to_vec());
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, None).await;
        Ok(Ok(socket))
    }

    /// Opens a channel: its welcome, or code and reason of the close.
    pub async fn channel(
        &self,
        key: [u8; 32],
        channel_type: ChannelType,
        connection_id: u32,
    ) -> Result<Result<(Socket, Welcome), (u16, String)>> {
        let Ok(mut socket) = self.websocket().await? else {
            bail!("no WebSocket");
        };
        let hello = Hello {
            key: Key(key),
            channel_type,
            channel_id: 0,
            connection_id,
            common_caps: spice::link::Capabilities::of(&[0, 1, 3]),
            channel_caps: spice::link::Capabilities::default(),
            window: 0,
        };
        socket.send(Message::Binary(hello.encode().into())).await?;
        Ok(match next(&mut socket).await? {
            Ok(bytes) => Ok((socket, Welcome::decode(&bytes)?)),
            Err(closed) => Err(closed),
        })
    }

    /// Opens a main channel with a password.
    pub async fn main(&self, password: &str) -> Result<Result<(Socket, Welcome), (u16, String)>> {
        let ticket = self.ticket(password).await?;
        self.channel(ticket, ChannelType::MAIN, 0).await
    }
}

/// The next binary message, or code and reason of the close.
pub async fn next(socket: &mut Socket) -> Result<Result<Vec<u8>, (u16, String)>> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next())
            .await
            .context("nothing comes")?;
        match message {
            Some(Ok(Message::Binary(bytes))) => return Ok(Ok(bytes.to_vec())),
            Some(Ok(Message::Close(Some(frame)))) => {
                return Ok(Err((frame.code.into(), frame.reason.to_string())));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => bail!("{other:?}"),
        }
    }
}

/// A place that this test has to itself, removed with it.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new one.
    pub fn new(name: &str) -> Result<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("view-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The path of a file in it, as text.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is in the build's folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
