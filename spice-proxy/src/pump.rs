//! Bytes both ways between a WebSocket and a SPICE server, until one of them, or the right, ends.
//!
//! Back-pressure is the kernel's: nothing is read from one side before the other took what was read
//! before, so that a slow browser makes SPICE's own window fill, and holds one buffer here. Nothing
//! is parsed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::admit::Revoked;
use crate::close::{End, Refusal};
use crate::target::HostStream;

/// The largest message to the browser.
const DOWN_MAX: usize = 64 * 1024;
/// How often the browser is asked whether it is there.
pub const PING_EVERY: Duration = Duration::from_secs(15);
/// Asked so often without any sign of life, it is gone.
const MISSES_MAX: u32 = 2;
/// When the SPICE server ends the connection, the reason for it may come a moment later.
const REASON_GRACE: Duration = Duration::from_millis(300);

/// Bytes and messages that a channel has moved.
#[derive(Debug, Default)]
pub struct Counters {
    /// From the SPICE server to the browser.
    pub down_bytes: AtomicU64,
    /// From the browser to the SPICE server.
    pub up_bytes: AtomicU64,
    /// WebSocket messages to the browser.
    pub down_messages: AtomicU64,
    /// WebSocket messages from the browser.
    pub up_messages: AtomicU64,
}

/// How a pump ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The browser has closed, or is gone: nobody is left to tell.
    Browser,
    /// It must be told why.
    Refused(Refusal),
}

/// Moves bytes until something ends.
pub(crate) async fn run<S>(
    socket: &mut WebSocketStream<S>,
    host: HostStream,
    revoked: &mut Revoked,
    counters: &Counters,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut stream) = socket.split();
    let (mut reader, mut writer) = host.split();
    let heard = AtomicBool::new(true);

    let down = async {
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut misses = 0;
        let mut buffer = BytesMut::new();
        loop {
            tokio::select! {
                read = reader.read(&mut buffer, DOWN_MAX) => match read {
                    Ok(0) | Err(_) => return host_ended(),
                    Ok(read) => {
                        counters.down_bytes.fetch_add(read as u64, Ordering::Relaxed);
                        counters.down_messages.fetch_add(1, Ordering::Relaxed);
                        let message = Message::Binary(buffer.split().freeze());
                        if sink.send(message).await.is_err() {
                            return Ended::Browser;
                        }
                    }
                },
                _ = ping.tick() => {
                    if heard.swap(false, Ordering::Relaxed) {
                        misses = 0;
                    } else {
                        misses += 1;
                        if misses >= MISSES_MAX {
                            return Ended::Browser;
                        }
                    }
                    buffer = BytesMut::new();
                    if sink.send(Message::Ping(Bytes::new())).await.is_err() {
                        return Ended::Browser;
                    }
                }
            }
        }
    };

    let up = async {
        loop {
            let Some(Ok(message)) = stream.next().await else {
                return Ended::Browser;
            };
            heard.store(true, Ordering::Relaxed);
            match message {
                Message::Binary(bytes) => {
                    counters
                        .up_bytes
                        .fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    counters.up_messages.fetch_add(1, Ordering::Relaxed);
                    if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                        return host_ended();
                    }
                }
                Message::Text(_) => {
                    return Ended::Refused(Refusal::new(
                        End::BadHello,
                        "A console takes binary messages only.",
                    ));
                }
                Message::Close(_) => return Ended::Browser,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    };

    let outcome = tokio::select! {
        outcome = down => outcome,
        outcome = up => outcome,
        refusal = revoked.as_mut() => return Ended::Refused(refusal),
    };
    match outcome {
        // Whoever stopped the guest knows better why than the socket does.
        Ended::Refused(refusal) if refusal.end == End::ConnectionEnded => {
            let better = tokio::time::timeout(REASON_GRACE, revoked).await;
            Ended::Refused(better.unwrap_or(refusal))
        }
        other => other,
    }
}

fn host_ended() -> Ended {
    Ended::Refused(Refusal::new(
        End::ConnectionEnded,
        "The virtual machine's display has ended the connection.",
    ))
}
