//! A SPICE server that follows a script: it goes through the link stage as the protocol wants it,
//! checks the ticket, says what it was told to say and keeps what it hears.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rsa::pkcs8::EncodePublicKey;
use rsa::{Oaep, RsaPrivateKey};
use spice::link::{
    Capabilities, HEADER_BYTES, LinkError, LinkMessage, LinkReply, PUBLIC_KEY_BYTES, TICKET_BYTES,
    read_header,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::mpsc;

/// What a server does with a channel.
#[derive(Clone)]
pub enum Script {
    /// Lets it in, says this, and sends back whatever it hears.
    Echo(Vec<u8>),
    /// Refuses with this error in the link reply.
    Refuse(u32),
    /// Lets it in, says this and closes.
    SayAndClose(Vec<u8>),
    /// Says something that is no SPICE.
    Garbage(Vec<u8>),
    /// Reads and never answers.
    Silence,
    /// Lets it in and says bytes until nobody takes them.
    Flood,
}

/// What a server has seen of a channel.
#[derive(Debug)]
pub struct Seen {
    /// The client's link message.
    pub link: LinkMessage,
    /// The decrypted ticket, without its closing zero.
    pub ticket: String,
}

/// The server.
#[derive(Clone)]
pub struct ScriptedSpiceServer {
    key: Arc<RsaPrivateKey>,
    script: Script,
    seen: mpsc::Sender<Seen>,
    flooded: Arc<AtomicU64>,
}

impl ScriptedSpiceServer {
    /// A server with a key of its own; what it sees comes out of the receiver.
    pub fn new(script: Script) -> (Self, mpsc::Receiver<Seen>) {
        let (seen, receiver) = mpsc::channel(64);
        let server = Self {
            key: Arc::new(key()),
            script,
            seen,
            flooded: Arc::default(),
        };
        (server, receiver)
    }

    /// A connection to the server, as libvirt hands one out. Must be called inside a runtime.
    pub fn connect(&self) -> OwnedFd {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        theirs.set_nonblocking(true).expect("a socket");
        let server = self.clone();
        let stream = UnixStream::from_std(theirs).expect("a runtime");
        tokio::spawn(async move {
            // A client that leaves in the middle is none of the server's business.
            let _ = server.serve(stream).await;
        });
        ours.into()
    }

    /// Listens on a port of this machine, for as long as the runtime lives.
    pub async fn listen(&self) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let _ = server.serve(stream).await;
                });
            }
        });
        Ok(address)
    }

    /// How many bytes [`Script::Flood`] got rid of.
    pub fn flooded(&self) -> u64 {
        self.flooded.load(Ordering::Relaxed)
    }

    /// Serves one channel.
    pub async fn serve<S>(self, mut stream: S) -> std::io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match &self.script {
            Script::Garbage(bytes) => {
                stream.write_all(bytes).await?;
                return drain(&mut stream).await;
            }
            Script::Silence => return drain(&mut stream).await,
            _ => {}
        }
        let error = match self.script {
            Script::Refuse(error) => LinkError(error),
            _ => LinkError::OK,
        };
        let Some(seen) =
            link_stage(&self.key, &mut stream, error, |_| Capabilities::of(&[5])).await?
        else {
            return drain(&mut stream).await;
        };
        let _ = self.seen.try_send(seen);
        match &self.script {
            Script::Echo(greeting) => {
                // In one go, as QEMU does: the proxy must not lose what follows the link stage.
                let mut first = LinkError::OK.0.to_le_bytes().to_vec();
                first.extend_from_slice(greeting);
                stream.write_all(&first).await?;
                let (mut read, mut write) = tokio::io::split(stream);
                tokio::io::copy(&mut read, &mut write).await?;
                Ok(())
            }
            Script::SayAndClose(bytes) => {
                stream.write_all(&LinkError::OK.0.to_le_bytes()).await?;
                stream.write_all(bytes).await?;
                stream.shutdown().await
            }
            Script::Flood => {
                stream.write_all(&LinkError::OK.0.to_le_bytes()).await?;
                loop {
                    let taken = stream.write(&[0x5a; 65536]).await?;
                    self.flooded.fetch_add(taken as u64, Ordering::Relaxed);
                }
            }
            Script::Refuse(_) | Script::Garbage(_) | Script::Silence => Ok(()),
        }
    }
}

/// A server's key.
pub fn key() -> RsaPrivateKey {
    RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).expect("a key")
}

/// Goes through the link stage as a server, up to the result, which the caller says. Nothing when
/// the client was refused.
pub async fn link_stage<S>(
    key: &RsaPrivateKey,
    stream: &mut S,
    error: LinkError,
    channel_caps: impl FnOnce(&LinkMessage) -> Capabilities,
) -> std::io::Result<Option<Seen>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let length = read_header(&header).map_err(std::io::Error::other)?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    let link = LinkMessage::decode(&body).map_err(std::io::Error::other)?;
    let der = key
        .to_public_key()
        .to_public_key_der()
        .map_err(std::io::Error::other)?;
    let mut public_key = [0; PUBLIC_KEY_BYTES];
    public_key.copy_from_slice(der.as_bytes());
    let reply = LinkReply {
        error,
        public_key,
        common_caps: Capabilities::of(&[
            Capabilities::AUTH_SELECTION,
            Capabilities::AUTH_SPICE,
            Capabilities::MINI_HEADER,
        ]),
        channel_caps: channel_caps(&link),
    };
    stream.write_all(&reply.encode()).await?;
    if error != LinkError::OK {
        return Ok(None);
    }
    let mut mechanism = [0; 4];
    stream.read_exact(&mut mechanism).await?;
    assert_eq!(u32::from_le_bytes(mechanism), Capabilities::AUTH_SPICE);
    let mut ticket = [0; TICKET_BYTES];
    stream.read_exact(&mut ticket).await?;
    let plain = key
        .decrypt(Oaep::new::<sha1::Sha1>(), &ticket)
        .map_err(std::io::Error::other)?;
    let ticket = String::from_utf8_lossy(plain.strip_suffix(&[0]).unwrap_or(&plain));
    Ok(Some(Seen {
        ticket: ticket.into_owned(),
        link,
    }))
}

async fn drain<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}
