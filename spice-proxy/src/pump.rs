//! Bytes both ways between a WebSocket and a SPICE server, until one of them, or the right, ends.
//!
//! Nothing is read from one side before the other took what was read before, so that a slow browser
//! makes SPICE's own window fill, and holds one buffer here. A browser's network is no sign of how
//! far its page has got, though: a channel with a window ([`Frame`]) is read only as far as the page
//! has granted. Nothing of SPICE is parsed.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use spice::link::admission::{Frame, KIND_DATA, MAX_WINDOW};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
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

/// Probes that may wait for their answer; a page of ours has one.
const PROBES_MAX: usize = 16;

/// Bytes of SPICE, and messages with them, that a channel has moved.
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

/// How much more a page takes.
pub(crate) struct Flow {
    /// `None`: whatever comes, without frames.
    credit: Option<AtomicU32>,
    granted: Notify,
}

impl Flow {
    /// As a hello's `window` says.
    pub(crate) fn new(window: u32) -> Self {
        Self {
            credit: (window > 0).then(|| AtomicU32::new(window.min(MAX_WINDOW))),
            granted: Notify::new(),
        }
    }

    /// What goes before SPICE bytes in a message to the browser.
    fn head(&self) -> &'static [u8] {
        match self.credit {
            Some(_) => &[KIND_DATA],
            None => &[],
        }
    }

    /// A message with what came along with the link stage's end.
    pub(crate) fn first(&self, rest: Vec<u8>) -> Message {
        self.spend(rest.len());
        Message::Binary([self.head(), &rest].concat().into())
    }

    /// How many bytes may be read now.
    fn room(&self) -> usize {
        match &self.credit {
            Some(credit) => DOWN_MAX.min(credit.load(Ordering::Relaxed) as usize),
            None => DOWN_MAX,
        }
    }

    fn spend(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.change(|credit| credit.saturating_sub(bytes));
    }

    fn grant(&self, bytes: u32) {
        self.change(|credit| credit.saturating_add(bytes).min(MAX_WINDOW));
        self.granted.notify_one();
    }

    fn change(&self, change: impl Fn(u32) -> u32) {
        if let Some(credit) = &self.credit {
            let relaxed = Ordering::Relaxed;
            // The closure never refuses.
            let _ = credit.fetch_update(relaxed, relaxed, |credit| Some(change(credit)));
        }
    }
}

/// Moves bytes until something ends.
pub(crate) async fn run<S>(
    socket: &mut WebSocketStream<S>,
    host: HostStream,
    flow: &Flow,
    revoked: &mut Revoked,
    counters: &Counters,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut stream) = socket.split();
    let (mut reader, mut writer) = host.split();
    let (asked, mut probes) = mpsc::channel(PROBES_MAX);
    let heard = AtomicBool::new(true);

    let down = async {
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut misses = 0;
        let mut buffer = BytesMut::new();
        loop {
            let room = flow.room();
            let message = tokio::select! {
                // What is rare first: the server may always have something to read.
                biased;
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
                    Message::Ping(Bytes::new())
                }
                Some(id) = probes.recv() => Message::Binary(Frame::Probe(id).encode().into()),
                () = flow.granted.notified(), if room == 0 => continue,
                read = reader.read(&mut buffer, flow.head(), room), if room > 0 => match read {
                    Ok(0) | Err(_) => return host_ended(),
                    Ok(read) => {
                        counters.down_bytes.fetch_add(read as u64, Ordering::Relaxed);
                        counters.down_messages.fetch_add(1, Ordering::Relaxed);
                        flow.spend(read);
                        Message::Binary(buffer.split().freeze())
                    }
                },
            };
            if sink.send(message).await.is_err() {
                return Ended::Browser;
            }
        }
    };

    let up = async {
        loop {
            let Some(Ok(message)) = stream.next().await else {
                return Ended::Browser;
            };
            heard.store(true, Ordering::Relaxed);
            let message = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(_) => return bad("A console takes binary messages only."),
                Message::Close(_) => return Ended::Browser,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let frame = match flow.credit {
                None => Ok(Frame::Data(&message)),
                Some(_) => Frame::decode(&message),
            };
            let bytes = match frame {
                Ok(Frame::Data(bytes)) => bytes,
                Ok(Frame::Grant(bytes)) => {
                    flow.grant(bytes);
                    continue;
                }
                Ok(Frame::Probe(id)) => match asked.try_send(id) {
                    Ok(()) => continue,
                    Err(_) => return bad("The console asks more than it listens."),
                },
                Err(_) => return bad("A message of the console cannot be understood."),
            };
            counters
                .up_bytes
                .fetch_add(bytes.len() as u64, Ordering::Relaxed);
            counters.up_messages.fetch_add(1, Ordering::Relaxed);
            if writer.write_all(bytes).await.is_err() || writer.flush().await.is_err() {
                return host_ended();
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

fn bad(sentence: &str) -> Ended {
    Ended::Refused(Refusal::new(End::BadHello, sentence))
}

fn host_ended() -> Ended {
    Ended::Refused(Refusal::new(
        End::ConnectionEnded,
        "The virtual machine's display has ended the connection.",
    ))
}
