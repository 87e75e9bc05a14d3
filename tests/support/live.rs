//! A page's end of the live stream.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::http::{Client, Socket};

/// A stream that has said hello.
pub struct Stream {
    socket: Socket,
    /// What the page has: `kind/id` to the resource.
    pub resources: BTreeMap<String, Value>,
    /// Where it is.
    pub epoch: String,
    /// Where it is.
    pub revision: u64,
}

/// What a stream ended with.
pub type Closed = (u16, String);

impl Stream {
    /// Opens a stream and takes its snapshot.
    pub async fn open(client: &Client) -> Self {
        let mut stream = Self::raw(client).await;
        stream
            .say(&json!({ "type": "hello", "resume": null }))
            .await;
        loop {
            let message = stream.next().await.expect("a snapshot");
            assert_eq!(message["type"], "snapshot", "{message}");
            if message["done"] == true {
                return stream;
            }
        }
    }

    /// Goes on where another stream ended.
    pub async fn resume(client: &Client, epoch: &str, revision: u64) -> Self {
        let mut stream = Self::raw(client).await;
        let resume = json!({ "epoch": epoch, "revision": revision });
        stream
            .say(&json!({ "type": "hello", "resume": resume }))
            .await;
        stream
    }

    /// A stream that has not said hello.
    pub async fn raw(client: &Client) -> Self {
        let socket = client
            .websocket("/saffron/live", "live.v1")
            .await
            .expect("an upgrade");
        Self {
            socket,
            resources: BTreeMap::new(),
            epoch: String::new(),
            revision: 0,
        }
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &Value) {
        self.socket
            .send(Message::Text(message.to_string().into()))
            .await
            .expect("sent");
    }

    /// The next message, after it was applied; code and reason when the stream was closed.
    pub async fn next(&mut self) -> Result<Value, Closed> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(30), self.socket.next())
                .await
                .expect("a message within 30 s");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    self.apply(&message);
                    return Ok(message);
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Close(None))) => return Err((1005, String::new())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err((1006, error.to_string())),
                None => return Err((1006, "the stream broke".to_owned())),
            }
        }
    }

    fn apply(&mut self, message: &Value) {
        if let Some(revision) = message["revision"].as_u64() {
            assert!(revision >= self.revision, "revisions only grow: {message}");
            self.revision = revision;
        }
        let key = |resource: &Value| {
            format!(
                "{}/{}",
                resource["kind"].as_str().expect("a kind"),
                resource["id"].as_str().expect("an id")
            )
        };
        match message["type"].as_str() {
            Some("snapshot") => {
                self.epoch = message["epoch"].as_str().expect("an epoch").to_owned();
                for resource in message["resources"].as_array().expect("resources") {
                    self.resources.insert(key(resource), resource.clone());
                }
            }
            Some("changed") => {
                let resource = &message["resource"];
                self.resources.insert(key(resource), resource.clone());
            }
            Some("removed") => {
                self.resources.remove(&key(message));
            }
            _ => {}
        }
    }

    /// Takes messages until what the page has is as `is` wants it.
    pub async fn until(&mut self, is: impl Fn(&BTreeMap<String, Value>) -> bool) {
        while !is(&self.resources) {
            self.next().await.expect("an open stream");
        }
    }

    /// Takes messages until the stream is closed.
    pub async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }
}
