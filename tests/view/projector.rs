//! A SPICE server that costs nothing: it shows a film that was coded beforehand, again and again, and
//! writes down when keys come. What is measured in front of it is the viewer; a real server's encoder
//! takes both cores of a small machine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use spice::link::{Capabilities, ChannelType, LinkError};
use spice::message::common::FIRST_OF_CHANNEL;
use spice::message::{display, inputs, main};
use spice::{Config, VideoCodec};
use tests::spice::{key, link_stage};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::lab::client::Client;
use crate::lab::recording::{Record, Recording};

/// Frames that a film has.
const FRAMES: u64 = 60;

/// One message of a channel with mini headers: its number and its bytes, header included.
type Message = (u16, Vec<u8>);

/// Cuts what came on a channel into messages; what is not whole at the end is left out.
fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some([a, b, size @ ..]) = bytes.first_chunk::<6>() {
        let length = 6 + u32::from_le_bytes(*size) as usize;
        let Some((message, rest)) = bytes.split_at_checked(length) else {
            break;
        };
        messages.push((u16::from_le_bytes([*a, *b]), message.to_vec()));
        bytes = rest;
    }
    messages
}

/// What a real server said of a film.
#[derive(Default)]
struct Film {
    caps: BTreeMap<u8, Capabilities>,
    /// What each channel begins with, by its kind.
    beginnings: BTreeMap<u8, Vec<Message>>,
    frames: Vec<Vec<u8>>,
}

impl Film {
    /// Has a drawing server code one of 1920 by 1080.
    fn record(codec: &str) -> Result<Self> {
        let config = Config {
            codecs: vec![VideoCodec::Vp8],
            ..Config::default()
        };
        let mut client = Client::start_as(config, &["primary size=1920,1080"]);
        client.recording = Some(Recording::new());
        client.connect("");
        client.command(&format!(
            "scene name=video1080 codec={codec} seconds=20 rate=30"
        ));
        client.wait("a film", |client| {
            client.session.statistics().stream_received >= FRAMES
        });
        let recording = client.recording.take().context("no recording")?;
        let mut said = BTreeMap::<u8, Vec<u8>>::new();
        let mut film = Self::default();
        for record in recording.records() {
            match record {
                Record::Opened(channel, _, caps) => drop(film.caps.insert(channel.kind.0, caps)),
                Record::Said(channel, _, bytes) => {
                    said.entry(channel.kind.0).or_default().extend(bytes);
                }
                Record::Closed(_) | Record::End(..) => {}
            }
        }
        for (kind, bytes) in said {
            let is_main = kind == ChannelType::MAIN.0;
            let mut messages = messages(&bytes);
            // The main channel of a server that is told nothing: its beginning, and no questions.
            messages.retain(|(kind, _)| !is_main || *kind >= FIRST_OF_CHANNEL);
            film.beginnings.insert(kind, messages);
        }
        film.cut_frames();
        ensure!(film.frames.len() >= 20, "{} frames", film.frames.len());
        Ok(film)
    }

    /// Takes the frames of the first stream out of the display's messages, and all that came after
    /// the first of them.
    fn cut_frames(&mut self) {
        let is_frame =
            |kind: u16| matches!(kind, display::STREAM_DATA | display::STREAM_DATA_SIZED);
        let Some(shown) = self.beginnings.get_mut(&ChannelType::DISPLAY.0) else {
            return;
        };
        let first = shown.iter().position(|(kind, _)| is_frame(*kind));
        let mut rest = shown.split_off(first.unwrap_or(shown.len()));
        let end = rest
            .iter()
            .position(|(kind, _)| *kind == display::STREAM_DESTROY);
        rest.truncate(end.unwrap_or(rest.len()));
        rest.retain(|(kind, _)| is_frame(*kind));
        self.frames = rest.into_iter().map(|(_, message)| message).collect();
    }
}

/// A key that arrived: microseconds since 1970, and its first byte.
pub type Arrived = (f64, u8);

/// The server.
pub struct Projector {
    pub address: SocketAddr,
    pub arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Projector {
    /// Has a film of 1920 by 1080 coded, and shows it thirty times a second to whoever comes, for
    /// as long as the runtime lives.
    pub async fn start(codec: &str) -> Result<Self> {
        let codec = codec.to_owned();
        let film = tokio::task::spawn_blocking(move || Film::record(&codec)).await??;
        let film = Arc::new(film);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let arrived = Arc::<Mutex<Vec<Arrived>>>::default();
        let (rsa, seen) = (Arc::new(key()), Arc::clone(&arrived));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (film, rsa, seen) = (Arc::clone(&film), Arc::clone(&rsa), Arc::clone(&seen));
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let caps = |kind: u8| film.caps.get(&kind).cloned().unwrap_or_default();
                    let linked = link_stage(&rsa, &mut stream, LinkError::OK, |link| {
                        caps(link.channel_type.0)
                    })
                    .await;
                    if let Ok(Some(linked)) = linked {
                        // Whoever leaves in the middle is free to.
                        let _ = serve(stream, linked.link.channel_type, &film, seen).await;
                    }
                });
            }
        });
        Ok(Self { address, arrived })
    }
}

async fn serve(
    mut stream: TcpStream,
    kind: ChannelType,
    film: &Film,
    arrived: Arc<Mutex<Vec<Arrived>>>,
) -> std::io::Result<()> {
    let mut first = LinkError::OK.0.to_le_bytes().to_vec();
    for (_, message) in film.beginnings.get(&kind.0).into_iter().flatten() {
        first.extend(message);
    }
    stream.write_all(&first).await?;
    if kind == ChannelType::INPUTS {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        std::thread::spawn(move || hear_keys(stream, &arrived));
        return Ok(());
    }
    let (mut read, mut write) = stream.into_split();
    let heard = async {
        tokio::io::copy(&mut read, &mut tokio::io::sink())
            .await
            .map(drop)
    };
    if kind != ChannelType::DISPLAY {
        return heard.await;
    }
    let shown = async {
        let began = Instant::now();
        let mut pace = tokio::time::interval(Duration::from_micros(33_333));
        for frame in film.frames.iter().cycle() {
            pace.tick().await;
            let mut frame = frame.clone();
            // Times go on; those of the film begin anew each time.
            if let Some(time) = frame.get_mut(10..14) {
                time.copy_from_slice(&(began.elapsed().as_millis() as u32).to_le_bytes());
            }
            write.write_all(&frame).await?;
        }
        Ok(())
    };
    tokio::select! {
        heard = heard => heard,
        shown = shown => shown,
    }
}

/// Writes down which keys come and when, and lets the pointer move on. On a thread of its own, before
/// others where that is allowed: what counts is when the bytes are at the socket, and not when one of
/// two busy cores has time to look.
fn hear_keys(
    mut stream: std::net::TcpStream,
    arrived: &Mutex<Vec<Arrived>>,
) -> std::io::Result<()> {
    // Only where tests run as root.
    let _ = rustix::process::setpriority_process(None, -15);
    let mut moves = 0;
    loop {
        let mut head = [0; 6];
        stream.read_exact(&mut head)?;
        let at = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_err(std::io::Error::other)?;
        let [a, b, size @ ..] = head;
        let mut body = vec![0; u32::from_le_bytes(size).min(64) as usize];
        stream.read_exact(&mut body)?;
        match u16::from_le_bytes([a, b]) {
            inputs::KEY_DOWN | inputs::KEY_UP => {
                let key = body.first().copied().unwrap_or_default();
                let mut arrived = arrived.lock().map_err(|_| std::io::ErrorKind::Other)?;
                arrived.push((at.as_secs_f64() * 1e6, key));
            }
            inputs::MOUSE_MOTION | inputs::MOUSE_POSITION => {
                moves += 1;
                if moves % inputs::MOTION_ACK_BUNCH == 0 {
                    let mut ack = inputs::MOUSE_MOTION_ACK.to_le_bytes().to_vec();
                    ack.extend([0; 4]);
                    stream.write_all(&ack)?;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_film_has_a_beginning_and_frames() -> Result<()> {
    let film = Film::record("mjpeg")?;
    let kinds = |channel: ChannelType| {
        let beginning = film.beginnings.get(&channel.0).into_iter().flatten();
        beginning.map(|(kind, _)| *kind).collect::<Vec<_>>()
    };
    assert!(kinds(ChannelType::MAIN).starts_with(&[main::INIT]));
    assert!(kinds(ChannelType::INPUTS).starts_with(&[inputs::INIT]));
    let shown = kinds(ChannelType::DISPLAY);
    assert!(shown.contains(&display::STREAM_CREATE), "{shown:?}");
    assert!(!shown.contains(&display::STREAM_DATA), "{shown:?}");
    Ok(())
}
