//! One WebSocket to one SPICE channel: greets the browser's worker, asks whether it may
//! ([`Admit`]), connects to the SPICE server, finishes SPICE's link stage in the browser's place
//! (which never sees a SPICE password) and then moves bytes, until a peer or the right to it ends.
//!
//! ```text
//! Hello (5 s) ─▶ admit ─▶ connect, link ─▶ Welcome ─▶ bytes both ways ─▶ close code, sentence
//! ```
//! Where the hello has a window, the bytes travel in frames, no more of them than the page grants.
//!
//! Left to the gateway: the upgrade with its checks, tickets, who may see what. Of `spice` only
//! `link` is used; what follows the link stage is not looked at.

mod admit;
mod close;
mod link;
mod pump;
mod target;

pub use admit::{Admission, Admit, Admitting, Revoked, Ticket};
pub use close::{End, Refusal};
pub use pump::{Counters, PING_EVERY};
pub use spice::link::ChannelType;
pub use spice::link::admission::{Frame, Hello, Key, MAX_WINDOW, Welcome};
pub use spice::link::ticket::MAX_PASSWORD_BYTES;
pub use target::{CONNECT_TIMEOUT, Target};

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use spice::link::admission::MAX_HELLO_BYTES;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// How long the browser may take for its first message.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long telling the browser why may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What became of a channel.
#[derive(Clone, Debug)]
pub struct Report {
    /// Why it was closed by us; `None` when the browser left.
    pub refusal: Option<Refusal>,
    /// Bytes to the browser.
    pub down_bytes: u64,
    /// Bytes from the browser.
    pub up_bytes: u64,
}

/// Serves one channel on an upgraded WebSocket until it ends, and closes it. `going_away` becomes
/// true when the server ends.
pub async fn serve<S>(
    mut socket: WebSocketStream<S>,
    admit: &dyn Admit,
    going_away: watch::Receiver<bool>,
) -> Report
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let counters = Arc::new(Counters::default());
    let (ended, counters) = {
        let mut going = going_away;
        tokio::select! {
            outcome = channel(&mut socket, admit, &counters) => outcome,
            _ = going.wait_for(|going| *going) => {
                let sentence = "The server is restarting; the console comes back by itself.";
                (pump::Ended::Refused(Refusal::new(End::GoingAway, sentence)), counters)
            }
        }
    };
    let refusal = match ended {
        pump::Ended::Browser => None,
        pump::Ended::Refused(refusal) => Some(refusal),
    };
    let close = async {
        let frame = refusal.as_ref().map(Refusal::frame);
        if socket.close(frame).await.is_ok() {
            // The browser's answer, so that its end does not see a connection that just broke.
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, close).await;
    Report {
        refusal,
        down_bytes: counters.down_bytes.load(Ordering::Relaxed),
        up_bytes: counters.up_bytes.load(Ordering::Relaxed),
    }
}

async fn channel<S>(
    socket: &mut WebSocketStream<S>,
    admit: &dyn Admit,
    unused: &Arc<Counters>,
) -> (pump::Ended, Arc<Counters>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begin = async {
        let hello = match tokio::time::timeout(HELLO_TIMEOUT, hello(socket)).await {
            Ok(hello) => hello?,
            Err(_) => {
                let sentence = "The console did not say what it wants in time.";
                return Err(pump::Ended::Refused(Refusal::new(End::HelloLate, sentence)));
            }
        };
        let admission = admit.admit(&hello).await.map_err(pump::Ended::Refused)?;
        Ok((hello, admission))
    };
    let (hello, admission) = match begin.await {
        Ok(begun) => begun,
        Err(ended) => return (ended, Arc::clone(unused)),
    };
    let Admission {
        target,
        ticket,
        keys,
        mut revoked,
        linked: told,
        counters,
    } = admission;
    let linked = {
        let open = async {
            let mut stream = target
                .connect()
                .await
                .map_err(|error| link::unreachable(&error))?;
            let linked = link::link(&mut stream, &hello, &ticket).await?;
            Ok::<_, Refusal>((stream, linked))
        };
        tokio::select! {
            opened = open => opened,
            refusal = revoked.as_mut() => Err(refusal),
        }
    };
    let (stream, (linked, rest)) = match linked {
        Ok(linked) => linked,
        Err(refusal) => return (pump::Ended::Refused(refusal), counters),
    };
    if let Some(told) = told {
        // Whoever asked to be told may have stopped listening.
        let _ = told.send(());
    }
    let welcome = Welcome {
        common_caps: linked.common_caps,
        channel_caps: linked.channel_caps,
        keys: keys.into_iter().map(Key).collect(),
    };
    let flow = pump::Flow::new(hello.window);
    let greet = async {
        socket
            .send(Message::Binary(welcome.encode().into()))
            .await?;
        if !rest.is_empty() {
            counters
                .down_bytes
                .fetch_add(rest.len() as u64, Ordering::Relaxed);
            counters.down_messages.fetch_add(1, Ordering::Relaxed);
            socket.send(flow.first(rest)).await?;
        }
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    };
    let ended = match greet.await {
        Ok(()) => pump::run(socket, stream, &flow, &mut revoked, &counters).await,
        Err(_) => pump::Ended::Browser,
    };
    (ended, counters)
}

/// The browser's first message.
async fn hello<S>(socket: &mut WebSocketStream<S>) -> Result<Hello, pump::Ended>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bad = |sentence: &str| pump::Ended::Refused(Refusal::new(End::BadHello, sentence));
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                if bytes.len() > MAX_HELLO_BYTES {
                    return Err(bad("The console's first message is too long."));
                }
                return Hello::decode(&bytes)
                    .map_err(|_| bad("The console's first message cannot be understood."));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Text(_))) => {
                return Err(bad("A console takes binary messages only."));
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(pump::Ended::Browser),
        }
    }
}
