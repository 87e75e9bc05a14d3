//! `spice-proxy` alone: a WebSocket on one side, a scripted SPICE server on the other, and an
//! [`Admit`] that says what the test wants.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use spice_proxy::{
    Admission, Admit, Admitting, ChannelType, Counters, End, Hello, Key, Refusal, Report, Target,
    Ticket, Welcome,
};
use tests::spice::{Script, ScriptedSpiceServer, Seen};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

pub(super) const KEY: [u8; 32] = [9; 32];

/// Admits one key, once.
struct Door {
    target: Box<dyn Fn() -> Target + Send + Sync>,
    keys: Mutex<Vec<[u8; 32]>>,
    revoked: watch::Receiver<Option<Refusal>>,
    counters: Arc<Counters>,
}

impl Admit for Door {
    fn admit<'a>(&'a self, hello: &'a Hello) -> Admitting<'a> {
        Box::pin(async move {
            let mut keys = self.keys.lock().unwrap();
            let Some(at) = keys.iter().position(|key| *key == hello.key.0) else {
                return Err(Refusal::new(End::TicketRefused, "This ticket is not good."));
            };
            keys.remove(at);
            let mut revoked = self.revoked.clone();
            Ok(Admission {
                target: (self.target)(),
                ticket: Ticket::new("correct horse"),
                keys: vec![[1; 32], [2; 32]],
                revoked: Box::pin(async move {
                    let refusal = revoked
                        .wait_for(Option::is_some)
                        .await
                        .ok()
                        .and_then(|r| r.clone());
                    match refusal {
                        Some(refusal) => refusal,
                        None => std::future::pending().await,
                    }
                }),
                linked: None,
                counters: Arc::clone(&self.counters),
            })
        })
    }
}

/// A browser whose channel is being served.
pub(super) struct Browser {
    pub(super) socket: WebSocketStream<DuplexStream>,
    seen: mpsc::Receiver<Seen>,
    revoke: watch::Sender<Option<Refusal>>,
    going_away: watch::Sender<bool>,
    pub(super) counters: Arc<Counters>,
    served: JoinHandle<Report>,
}

impl Browser {
    pub(super) async fn new(script: Script) -> Self {
        let (server, seen) = ScriptedSpiceServer::new(script);
        let target = move || Target::Descriptor(server.connect());
        Self::to(Box::new(target), seen).await
    }

    /// A browser whose channel leads to a target of the test's own.
    pub(super) async fn to(
        target: Box<dyn Fn() -> Target + Send + Sync>,
        seen: mpsc::Receiver<Seen>,
    ) -> Self {
        let (revoke, revoked) = watch::channel(None);
        let (going_away, going) = watch::channel(false);
        let counters = Arc::new(Counters::default());
        let door = Door {
            target,
            keys: Mutex::new(vec![KEY]),
            revoked,
            counters: Arc::clone(&counters),
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0);
        let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, Some(config)).await;
        let served = tokio::spawn(async move { spice_proxy::serve(theirs, &door, going).await });
        Self {
            socket: WebSocketStream::from_raw_socket(ours, Role::Client, None).await,
            seen,
            revoke,
            going_away,
            counters,
            served,
        }
    }

    pub(super) async fn say(&mut self, bytes: Vec<u8>) {
        self.socket
            .send(Message::Binary(bytes.into()))
            .await
            .unwrap();
    }

    /// The next binary message.
    pub(super) async fn hear(&mut self) -> Vec<u8> {
        loop {
            match self
                .socket
                .next()
                .await
                .expect("still open")
                .expect("a message")
            {
                Message::Binary(bytes) => return bytes.to_vec(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The bytes of so many messages that there are `length`.
    async fn hear_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            bytes.extend(self.hear().await);
        }
        bytes
    }

    async fn welcomed(mut self) -> Self {
        self.say(hello(KEY).encode()).await;
        Welcome::decode(&self.hear().await).unwrap();
        self
    }

    /// Code and reason of the close that comes next.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self
                .socket
                .next()
                .await
                .expect("a close")
                .expect("a message")
            {
                Message::Close(Some(frame)) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Message::Close(None) => return (1005, String::new()),
                _ => {}
            }
        }
    }
}

pub(super) fn hello(key: [u8; 32]) -> Hello {
    Hello {
        key: Key(key),
        channel_type: ChannelType::DISPLAY,
        channel_id: 0,
        connection_id: 77,
        common_caps: spice::link::Capabilities::of(&[3]),
        channel_caps: spice::link::Capabilities::of(&[0, 33]),
        window: 0,
    }
}

#[tokio::test]
async fn the_link_stage_is_finished_here_and_then_bytes_pass_both_ways() {
    let mut browser = Browser::new(Script::Echo(b"first words".to_vec())).await;
    browser.say(hello(KEY).encode()).await;
    let welcome = Welcome::decode(&browser.hear().await).unwrap();
    assert_eq!(welcome.keys, [Key([1; 32]), Key([2; 32])]);
    assert!(
        welcome
            .common_caps
            .has(spice::link::Capabilities::MINI_HEADER)
    );
    assert!(welcome.channel_caps.has(5));
    assert_eq!(browser.hear_bytes(11).await, b"first words");
    let seen = browser.seen.recv().await.unwrap();
    assert_eq!(
        seen.ticket, "correct horse",
        "the proxy answers with the host's ticket"
    );
    assert_eq!(
        (seen.link.connection_id, seen.link.channel_type),
        (77, ChannelType::DISPLAY)
    );
    assert!(
        seen.link.channel_caps.has(33),
        "the browser's capabilities pass through"
    );
    let big: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    browser.say(big.clone()).await;
    assert_eq!(browser.hear_bytes(big.len()).await, big);
    assert_eq!(browser.counters.up_bytes.load(Ordering::Relaxed), 300_000);
    browser.socket.close(None).await.unwrap();
    let report = browser.served.await.unwrap();
    assert_eq!(report.refusal, None);
    assert_eq!((report.up_bytes, report.down_bytes), (300_000, 300_011));
}

#[tokio::test]
async fn a_key_that_is_not_known_is_refused() {
    let mut browser = Browser::new(Script::Echo(Vec::new())).await;
    browser.say(hello([8; 32]).encode()).await;
    let closed = browser.closed().await;
    assert_eq!(closed, (4403, "This ticket is not good.".to_owned()));
}

#[tokio::test]
async fn a_first_message_that_is_no_hello_is_refused() {
    let long = vec![0; 5000];
    for message in [
        Message::Text("{}".into()),
        Message::Binary(b"SFN1".to_vec().into()),
        Message::Binary(Vec::new().into()),
        Message::Binary(long.into()),
    ] {
        let mut browser = Browser::new(Script::Echo(Vec::new())).await;
        browser.socket.send(message).await.unwrap();
        assert_eq!(browser.closed().await.0, 4400);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_closed_after_five_seconds() {
    let mut browser = Browser::new(Script::Echo(Vec::new())).await;
    let began = tokio::time::Instant::now();
    assert_eq!(browser.closed().await.0, 4408);
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_server_that_refuses_speaks_nonsense_or_leaves_is_named() {
    for (script, part) in [
        (Script::Refuse(7), "the password is wrong or has expired"),
        (Script::Refuse(8), "session has ended"),
        (
            Script::Garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
            "does not speak SPICE",
        ),
        (
            Script::Garbage([0x52, 0x45, 0x44, 0x51].repeat(4)),
            "does not speak SPICE",
        ),
    ] {
        let mut browser = Browser::new(script).await;
        browser.say(hello(KEY).encode()).await;
        let (code, reason) = browser.closed().await;
        assert_eq!(code, 4502, "{reason}");
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let mut browser = Browser::new(Script::Silence).await;
    browser.say(hello(KEY).encode()).await;
    let (code, reason) = browser.closed().await;
    assert_eq!(
        (code, reason.as_str()),
        (4502, "The virtual machine's display does not answer.")
    );
}

#[tokio::test]
async fn what_a_server_said_before_its_end_arrives_before_the_close() {
    let mut browser = Browser::new(Script::SayAndClose(vec![7; 200_000]))
        .await
        .welcomed()
        .await;
    assert_eq!(browser.hear_bytes(200_000).await, vec![7; 200_000]);
    let (code, reason) = browser.closed().await;
    assert_eq!(code, 4503, "{reason}");
}

#[tokio::test]
async fn whoever_stops_the_guest_says_why() {
    let mut browser = Browser::new(Script::SayAndClose(Vec::new()))
        .await
        .welcomed()
        .await;
    let why = Refusal::new(
        End::ConnectionEnded,
        "The virtual machine was shut down by eva.",
    );
    browser.revoke.send_replace(Some(why));
    let closed = browser.closed().await;
    assert_eq!(
        closed,
        (4503, "The virtual machine was shut down by eva.".to_owned())
    );
}

#[tokio::test]
async fn a_lost_right_closes_the_channel() {
    let mut browser = Browser::new(Script::Echo(Vec::new()))
        .await
        .welcomed()
        .await;
    browser
        .revoke
        .send_replace(Some(Refusal::new(End::Revoked, "Your session has ended.")));
    assert_eq!(
        browser.closed().await,
        (4401, "Your session has ended.".to_owned())
    );
}

#[tokio::test]
async fn a_server_that_ends_says_goodbye() {
    let mut browser = Browser::new(Script::Echo(Vec::new()))
        .await
        .welcomed()
        .await;
    browser.going_away.send_replace(true);
    assert_eq!(browser.closed().await.0, 1001);
}

#[tokio::test]
async fn text_in_the_middle_ends_the_channel() {
    let mut browser = Browser::new(Script::Echo(Vec::new()))
        .await
        .welcomed()
        .await;
    browser
        .socket
        .send(Message::Text("hi".into()))
        .await
        .unwrap();
    assert_eq!(browser.closed().await.0, 4400);
}

#[tokio::test]
async fn a_browser_that_does_not_read_stops_the_server_and_holds_little() {
    let browser = Browser::new(Script::Flood).await.welcomed().await;
    // The flood is measured, not waited for: it has stopped when it stands still.
    let mut before = u64::MAX;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = browser.counters.down_bytes.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(
        before <= 256 * 1024,
        "{before} bytes were taken for a browser that reads none"
    );
    browser
        .revoke
        .send_replace(Some(Refusal::new(End::Revoked, "Over.")));
    let ended = tokio::time::timeout(Duration::from_secs(2), browser.served).await;
    assert!(ended.is_ok(), "a stalled browser cannot keep its channel");
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_is_gone_without_a_word_is_noticed() {
    let browser = Browser::new(Script::Echo(Vec::new()))
        .await
        .welcomed()
        .await;
    // It does not read, so it does not answer pings either.
    let began = tokio::time::Instant::now();
    let report = browser.served.await.unwrap();
    assert_eq!(report.refusal, None);
    assert!(
        began.elapsed() <= Duration::from_secs(47),
        "{:?}",
        began.elapsed()
    );
    drop(browser.socket);
}
