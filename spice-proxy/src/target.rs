//! The host's end of a channel: a descriptor that the host's libvirt opened for us, or an address
//! that is connected to here, over TLS where the host has a certificate.
//!
//! TLS is never given up for plain: a certificate that does not verify is an error with a sentence.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long reaching a SPICE server may take, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// What the kernel may keep of a SPICE server's bytes before they are read here. Left to itself it
/// would take megabytes for a browser that has no time for them: a picture of seconds ago.
const RECEIVE_BUFFER: u32 = 256 * 1024;
/// The longest segment from a SPICE server on this machine. Its kernel makes the sending buffer so
/// many segments long, and loopback's own are of 64 KiB: 4 MB would wait there.
const LOOPBACK_SEGMENT: u32 = 1448;
/// A SPICE server's machine that is gone without a word is noticed after about this long.
const SILENCE: Duration = Duration::from_secs(30);

/// Where a channel leads.
pub enum Target {
    /// A connected socket to the SPICE server.
    Descriptor(OwnedFd),
    /// Plain TCP, to the first of these addresses that answers.
    Tcp(Vec<SocketAddr>),
    /// TLS; `config` trusts the host's authority and nobody else.
    Tls {
        /// Where: the first that answers.
        addresses: Vec<SocketAddr>,
        /// Whom the certificate must be for.
        name: ServerName<'static>,
        /// Which authority signs it.
        config: Arc<rustls::ClientConfig>,
    },
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Descriptor(_) => f.write_str("Descriptor"),
            Self::Tcp(addresses) => f.debug_tuple("Tcp").field(addresses).finish(),
            Self::Tls {
                addresses, name, ..
            } => f
                .debug_struct("Tls")
                .field("addresses", addresses)
                .field("name", name)
                .finish_non_exhaustive(),
        }
    }
}

impl Target {
    /// Connects within [`CONNECT_TIMEOUT`].
    pub(crate) async fn connect(self) -> io::Result<HostStream> {
        let connect = async {
            match self {
                Self::Descriptor(descriptor) => descriptor_stream(descriptor),
                Self::Tcp(addresses) => Ok(HostStream::Tcp(tcp(&addresses).await?)),
                Self::Tls {
                    addresses,
                    name,
                    config,
                } => {
                    let stream = tcp(&addresses).await?;
                    let connecting = TlsConnector::from(config).connect(name, stream);
                    let stream = connecting.await.map_err(not_tls)?;
                    Ok(HostStream::Tls(Box::new(stream)))
                }
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connect)
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

/// A server that ends the connection in the middle of the handshake understood nothing of it.
fn not_tls(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => io::Error::other("it does not speak TLS"),
        _ => error,
    }
}

/// The first that answers; each has its share of the time.
async fn tcp(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let share = CONNECT_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tokio::time::timeout(share, one(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(failure)
}

async fn one(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Before the connection is made: its window and its segments are agreed on then.
    if address.ip().is_loopback() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER / 2)?;
        socket2::SockRef::from(&socket).set_tcp_mss(LOOPBACK_SEGMENT)?;
    } else {
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    let probes = socket2::TcpKeepalive::new()
        .with_time(SILENCE / 2)
        .with_interval(SILENCE / 6)
        .with_retries(3);
    socket.set_tcp_keepalive(&probes)?;
    Ok(stream)
}

/// libvirt hands out one end of a UNIX socket pair; a TCP socket is possible too.
fn descriptor_stream(descriptor: OwnedFd) -> io::Result<HostStream> {
    let unix = std::os::unix::net::UnixStream::from(descriptor);
    if unix.local_addr().is_ok() {
        unix.set_nonblocking(true)?;
        return Ok(HostStream::Unix(UnixStream::from_std(unix)?));
    }
    let tcp = std::net::TcpStream::from(OwnedFd::from(unix));
    tcp.set_nonblocking(true)?;
    tcp.set_nodelay(true)?;
    Ok(HostStream::Tcp(TcpStream::from_std(tcp)?))
}

/// A connected SPICE server.
pub(crate) enum HostStream {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The reading half of [`HostStream`], which waits before it needs a buffer: an idle channel holds
/// none.
pub(crate) enum HostReader {
    Unix(tokio::net::unix::OwnedReadHalf),
    Tcp(tokio::net::tcp::OwnedReadHalf),
    Tls(tokio::io::ReadHalf<TlsStream<TcpStream>>),
}

/// The writing half of [`HostStream`].
pub(crate) type HostWriter = Box<dyn AsyncWrite + Send + Unpin>;

impl HostStream {
    pub(crate) fn split(self) -> (HostReader, HostWriter) {
        match self {
            Self::Unix(stream) => {
                let (read, write) = stream.into_split();
                (HostReader::Unix(read), Box::new(write))
            }
            Self::Tcp(stream) => {
                let (read, write) = stream.into_split();
                (HostReader::Tcp(read), Box::new(write))
            }
            Self::Tls(stream) => {
                let (read, write) = tokio::io::split(*stream);
                (HostReader::Tls(read), Box::new(write))
            }
        }
    }
}

impl HostReader {
    /// Reads what is there, at most `limit` bytes, behind `head`, which goes before them; 0 at the
    /// end. Whatever `buffer` had is dropped. Cancelling it loses nothing.
    pub(crate) async fn read(
        &mut self,
        buffer: &mut BytesMut,
        head: &[u8],
        limit: usize,
    ) -> io::Result<usize> {
        loop {
            // Ready first, memory second.
            match self {
                Self::Unix(half) => drop(half.ready(Interest::READABLE).await?),
                Self::Tcp(half) => drop(half.ready(Interest::READABLE).await?),
                Self::Tls(_) => {}
            }
            buffer.clear();
            buffer.reserve(head.len() + limit);
            buffer.extend_from_slice(head);
            let result = match self {
                Self::Unix(half) => half.try_read_buf(&mut Limited::of(buffer, limit)),
                Self::Tcp(half) => half.try_read_buf(&mut Limited::of(buffer, limit)),
                Self::Tls(half) => half.read_buf(&mut Limited::of(buffer, limit)).await,
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}

type Limited<'a> = bytes::buf::Limit<&'a mut BytesMut>;

trait Of<'a> {
    fn of(buffer: &'a mut BytesMut, limit: usize) -> Self;
}

impl<'a> Of<'a> for Limited<'a> {
    fn of(buffer: &'a mut BytesMut, limit: usize) -> Self {
        bytes::BufMut::limit(buffer, limit)
    }
}

impl AsyncRead for HostStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for HostStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
