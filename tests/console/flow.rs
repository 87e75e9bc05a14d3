//! Channels with a window: the page says how much it can take, and no more is read for it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt;
use spice_proxy::{Frame, Hello, MAX_WINDOW, Target, Welcome};
use tests::spice::{Script, ScriptedSpiceServer};
use tokio_tungstenite::tungstenite::Message;

use super::proxy::{Browser, KEY, hello};

/// What a page of ours hears in one message.
#[derive(Debug, PartialEq)]
enum Heard {
    Bytes(Vec<u8>),
    Probe(u32),
}

impl Browser {
    /// Says hello with a window and hears the welcome.
    async fn with_window(mut self, window: u32) -> Self {
        let hello = Hello {
            window,
            ..hello(KEY)
        };
        self.say(hello.encode()).await;
        Welcome::decode(&self.hear().await).unwrap();
        self
    }

    async fn frame(&mut self, frame: Frame<'_>) {
        self.say(frame.encode()).await;
    }

    async fn heard(&mut self) -> Heard {
        match Frame::decode(&self.hear().await).expect("a frame") {
            Frame::Data(bytes) => Heard::Bytes(bytes.to_vec()),
            Frame::Probe(id) => Heard::Probe(id),
            Frame::Grant(bytes) => panic!("the gateway grants {bytes} bytes"),
        }
    }

    /// The next so many bytes, however they are cut.
    async fn heard_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < length {
            match self.heard().await {
                Heard::Bytes(bytes) => all.extend(bytes),
                Heard::Probe(id) => panic!("nobody has asked for {id}"),
            }
        }
        all
    }

    /// Nothing comes before the answer to a probe: the gateway holds what it was not granted.
    async fn nothing_more_comes(&mut self, id: u32) {
        self.frame(Frame::Probe(id)).await;
        assert_eq!(self.heard().await, Heard::Probe(id));
    }
}

fn down(browser: &Browser) -> u64 {
    browser.counters.down_bytes.load(Ordering::Relaxed)
}

#[tokio::test]
async fn spice_bytes_pass_both_ways_inside_of_frames() {
    let mut browser = Browser::new(Script::Echo(b"first words".to_vec()))
        .await
        .with_window(1 << 20)
        .await;
    assert_eq!(browser.heard_bytes(11).await, b"first words");
    let big: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    browser.frame(Frame::Data(&big)).await;
    browser.frame(Frame::Data(b"")).await;
    browser.frame(Frame::Data(b"the end")).await;
    let back = browser.heard_bytes(big.len() + 7).await;
    assert_eq!(back, [big.as_slice(), b"the end"].concat());
    let up = browser.counters.up_bytes.load(Ordering::Relaxed);
    assert_eq!(up, 300_007, "frames' own bytes are not SPICE's");
}

#[tokio::test]
async fn no_more_is_read_than_the_page_granted() {
    let mut browser = Browser::new(Script::Flood).await.with_window(100_000).await;
    assert_eq!(browser.heard_bytes(100_000).await.len(), 100_000);
    browser.nothing_more_comes(1).await;
    assert_eq!(down(&browser), 100_000);
    for (id, grant) in [(2, 1), (3, 70_000), (4, 5)] {
        browser.frame(Frame::Grant(grant)).await;
        let bytes = browser.heard_bytes(grant as usize).await;
        assert_eq!(bytes.len(), grant as usize);
        browser.nothing_more_comes(id).await;
    }
    assert_eq!(down(&browser), 170_006);
    // A grant of nothing is nothing.
    browser.frame(Frame::Grant(0)).await;
    browser.nothing_more_comes(5).await;
}

#[tokio::test]
async fn what_came_with_the_end_of_the_link_stage_counts_too() {
    let mut browser = Browser::new(Script::Echo(vec![3; 200]))
        .await
        .with_window(250)
        .await;
    assert_eq!(browser.heard_bytes(200).await, [3; 200]);
    browser.frame(Frame::Data(&[4; 100])).await;
    assert_eq!(browser.heard_bytes(50).await, [4; 50]);
    browser.nothing_more_comes(1).await;
    browser.frame(Frame::Grant(100)).await;
    assert_eq!(browser.heard_bytes(50).await, [4; 50]);
}

#[tokio::test]
async fn windows_and_grants_have_an_end() {
    let cap = MAX_WINDOW as usize;
    let mut browser = Browser::new(Script::Flood)
        .await
        .with_window(u32::MAX)
        .await;
    assert_eq!(browser.heard_bytes(cap).await.len(), cap);
    browser.nothing_more_comes(1).await;
    for _ in 0..3 {
        browser.frame(Frame::Grant(u32::MAX)).await;
    }
    // How much of the first was used when the last one came is not said; both ends are.
    browser.frame(Frame::Probe(2)).await;
    let mut before = 0;
    loop {
        match browser.heard().await {
            Heard::Bytes(bytes) => before += bytes.len(),
            Heard::Probe(id) => break assert_eq!(id, 2),
        }
    }
    let rest = cap.saturating_sub(before);
    browser.heard_bytes(rest).await;
    let granted = down(&browser) - u64::from(MAX_WINDOW);
    assert!(granted >= u64::from(MAX_WINDOW), "{granted}");
    assert!(granted <= 3 * u64::from(MAX_WINDOW), "{granted}");
}

#[tokio::test]
async fn probes_come_back_in_their_order_behind_what_was_sent_before() {
    let mut browser = Browser::new(Script::Flood).await.with_window(1 << 20).await;
    browser.heard_bytes(1 << 20).await;
    for id in [7, 0, u32::MAX, 7] {
        browser.frame(Frame::Probe(id)).await;
    }
    browser.frame(Frame::Grant(10_000)).await;
    for id in [7, 0, u32::MAX, 7] {
        assert_eq!(browser.heard().await, Heard::Probe(id));
    }
    assert_eq!(browser.heard_bytes(10_000).await.len(), 10_000);
}

#[tokio::test]
async fn a_message_that_is_no_frame_ends_the_channel() {
    for message in [
        [].as_slice(),
        &[1, 0, 0],
        &[2, 0, 0, 0, 0, 0],
        &[9, 1, 2],
        &[255; 70_000],
    ] {
        let mut browser = Browser::new(Script::Echo(Vec::new()))
            .await
            .with_window(1 << 20)
            .await;
        browser.say(message.to_vec()).await;
        let (code, reason) = browser.closed().await;
        assert_eq!(code, 4400, "{message:?}: {reason}");
        assert!(reason.ends_with('.'), "{reason}");
    }
}

#[tokio::test]
async fn without_a_window_the_same_bytes_are_spice() {
    let mut browser = Browser::new(Script::Echo(Vec::new()))
        .await
        .with_window(0)
        .await;
    browser.say(vec![9, 1, 2]).await;
    assert_eq!(browser.hear().await, [9, 1, 2]);
}

#[tokio::test]
async fn whoever_asks_and_never_listens_is_closed() {
    let mut browser = Browser::new(Script::Flood)
        .await
        .with_window(16 << 20)
        .await;
    // Nothing is taken out of the line, so that it is full and no answer gets into it.
    until_still(|| down(&browser)).await;
    for id in 0..17 {
        let probe = Frame::Probe(id).encode();
        let sent = browser.socket.send(Message::Binary(probe.into())).await;
        assert!(sent.is_ok());
    }
    assert_eq!(browser.closed().await.0, 4400);
}

/// A flood is measured, not waited for: it has stopped when it stands still.
async fn until_still(count: impl Fn() -> u64) -> u64 {
    let mut before = u64::MAX;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = count();
        if now == before {
            return now;
        }
        before = now;
    }
}

#[tokio::test]
async fn a_page_that_is_busy_makes_the_spice_server_wait() {
    const WINDOW: u32 = 100_000;
    let (server, seen) = ScriptedSpiceServer::new(Script::Flood);
    let address = server.listen().await.unwrap();
    let target = move || Target::Tcp(vec![address]);
    let mut browser = Browser::to(Box::new(target), seen)
        .await
        .with_window(WINDOW)
        .await;
    browser.heard_bytes(WINDOW as usize).await;
    let stuck = until_still(|| server.flooded()).await;
    assert_eq!(down(&browser), u64::from(WINDOW));
    // Both kernels keep some, 4.5 MB of it where nobody tells them not to.
    println!("the server got rid of {stuck} bytes for a window of {WINDOW}");
    assert!(stuck < 3 << 20, "{stuck} bytes are on their way");
    browser.frame(Frame::Grant(1 << 20)).await;
    browser.heard_bytes(1 << 20).await;
    let more = until_still(|| server.flooded()).await;
    assert!(more >= stuck + (1 << 19), "{stuck}, then {more}");
}
