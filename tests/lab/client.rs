//! Our console client, connected to a drawing server of its own.
//!
//! One thread does everything; others only wait for bytes. So whoever waits for the server's answer
//! to a command keeps the client going meanwhile, as the server may wait for it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use spice::link::{Capabilities, LinkMessage};
use spice::{ChannelRef, Config, Event, Problem, Session, VideoEvent};

use super::channel;
use super::draw_server::{DrawServer, Rendering, Said};
use super::recording::Recording;

/// How long anything may take. Far more than it does, as other tests run beside.
pub const PATIENCE: Duration = Duration::from_secs(20);

enum Input {
    Bytes(ChannelRef, Vec<u8>),
    Closed(ChannelRef),
    Said(Said),
}

/// A drawing server and our client.
pub struct Client {
    /// The drawing server, if it is one that we talk with.
    server: Option<DrawServer>,
    port: u16,
    /// None of it happens before the test says so.
    connecting: bool,
    password: String,
    pub session: Session,
    sockets: HashMap<ChannelRef, TcpStream>,
    inputs: (Sender<Input>, Receiver<Input>),
    started: Instant,
    /// Events that nobody has asked for yet, oldest first.
    pub events: Vec<Event>,
    /// What the server said of the client's keyboard and pointer.
    pub guest_events: Vec<String>,
    answers: Vec<Result<Option<Rendering>, String>>,
    marks: u32,
    /// Why a channel could not be opened.
    pub refused: Option<String>,
    /// What came on each channel, as `spice/tests/oracles.rs` takes it; only if it is wanted.
    pub transcript: Option<Vec<u8>>,
    /// What the server says, with when; only if it is wanted.
    pub recording: Option<Recording>,
}

impl Client {
    /// Starts a server, and gives it its first commands before any client is there.
    pub fn start(setup: &[&str]) -> Self {
        Self::start_as(Config::default(), setup)
    }

    /// The same with a session that is not as usual.
    pub fn start_as(config: Config, setup: &[&str]) -> Self {
        let (sender, receiver) = channel();
        let say = sender.clone();
        let server = DrawServer::start(move |said| {
            // Nobody listens any more at the end of the test.
            let _ = say.send(Input::Said(said));
        });
        let mut client = Self::of(config, server.port(), (sender, receiver));
        client.server = Some(server);
        for command in setup {
            client.command(command);
        }
        client
    }

    /// A client for another server, which takes no commands.
    pub fn at(config: Config, port: u16) -> Self {
        Self::of(config, port, channel())
    }

    /// The server's TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn of(config: Config, port: u16, inputs: (Sender<Input>, Receiver<Input>)) -> Self {
        Self {
            server: None,
            port,
            connecting: false,
            password: String::new(),
            session: Session::new(config),
            sockets: HashMap::new(),
            inputs,
            started: Instant::now(),
            events: Vec::new(),
            guest_events: Vec::new(),
            answers: Vec::new(),
            marks: 1000,
            refused: None,
            transcript: None,
            recording: None,
        }
    }

    /// Links all channels, with a password that the server may want.
    pub fn connect(&mut self, password: &str) {
        self.connecting = true;
        password.clone_into(&mut self.password);
        self.follow();
        if self.refused.is_none() {
            self.wait("all channels", |client| {
                [ChannelRef::DISPLAY, ChannelRef::CURSOR, ChannelRef::INPUTS]
                    .iter()
                    .all(|channel| client.sockets.contains_key(channel))
            });
        }
    }

    /// Has the server carry out a command.
    pub fn command(&mut self, command: &str) {
        self.ask(command);
    }

    /// Has the server carry out many commands, without waiting for each.
    pub fn commands(&mut self, commands: &[String]) {
        // So few that neither side's pipe can fill up with what the other does not read.
        for some in commands.chunks(64) {
            for command in some {
                self.say(command);
            }
            self.wait("the commands", |client| {
                client.answers.len() >= some.len() || client.answers.iter().any(Result::is_err)
            });
            for (command, answer) in some.iter().zip(self.answers.drain(..)) {
                if let Err(error) = answer {
                    panic!("{command}: {error}");
                }
            }
        }
    }

    /// What the server's own renderer made of a surface.
    pub fn render(&mut self, surface: u32) -> Rendering {
        self.ask(&format!("render on={surface}"))
            .expect("render answers with a picture")
    }

    fn say(&mut self, command: &str) {
        let server = self.server.as_mut().expect("it is a drawing server");
        server.send(command);
    }

    fn ask(&mut self, command: &str) -> Option<Rendering> {
        self.say(command);
        self.wait(command, |client| !client.answers.is_empty());
        match self.answers.remove(0) {
            Ok(rendering) => rendering,
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// Waits until the client has seen all that the server drew so far.
    pub fn catch_up(&mut self) {
        self.marks += 1;
        let mark = self.marks;
        self.command(&format!("mark value={mark}"));
        self.wait("the mark", |client| {
            client.events.iter().any(|event| {
                matches!(event, Event::Monitors(monitors)
                    if monitors.first().is_some_and(|monitor| monitor.width == mark))
            })
        });
        self.events
            .retain(|event| !matches!(event, Event::Monitors(_)));
    }

    /// Messages that our client could not read or do.
    pub fn problems(&self) -> Vec<Problem> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Problem(problem) => Some(*problem),
                _ => None,
            })
            .collect()
    }

    /// Goes on for so long.
    pub fn wait_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.inputs.1.recv_timeout(left) {
                Ok(input) => self.take(input),
                Err(_) => return,
            }
            if left.is_zero() {
                return;
            }
        }
    }

    /// Goes on until something is so.
    pub fn wait(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            let left = end.saturating_duration_since(Instant::now());
            match self.inputs.1.recv_timeout(left) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "{what}: not in {PATIENCE:?}; refused: {:?}; problems: {:?}; the guest had {:?}; {:?}",
                        self.refused,
                        self.problems(),
                        self.guest_events,
                        self.session.statistics()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender ourselves"),
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Bytes(channel, bytes) => {
                self.receive(channel, &bytes);
            }
            Input::Closed(channel) => {
                self.sockets.remove(&channel);
                self.session.closed(channel);
            }
            Input::Said(Said::Ok(rendering)) => self.answers.push(Ok(rendering)),
            Input::Said(Said::Error(error)) => self.answers.push(Err(error)),
            Input::Said(Said::Event(event)) => self.guest_events.push(event),
            Input::Said(Said::Gone) => {
                self.answers
                    .push(Err("the drawing server has ended".to_owned()));
            }
        }
        self.follow();
    }

    fn receive(&mut self, channel: ChannelRef, bytes: &[u8]) {
        if let Some(transcript) = &mut self.transcript {
            for piece in bytes.chunks(0xffff) {
                let number = match channel {
                    ChannelRef::MAIN => 0,
                    ChannelRef::DISPLAY => 1,
                    ChannelRef::INPUTS => 2,
                    _ => 3,
                };
                let size = u16::try_from(piece.len()).expect("cut to fit");
                transcript.push(number);
                transcript.extend_from_slice(&size.to_le_bytes());
                transcript.extend_from_slice(piece);
            }
        }
        let now = self.now();
        if let Some(recording) = &mut self.recording {
            let ms = u32::try_from(now / 1000).unwrap_or(u32::MAX);
            recording.said(channel, ms, bytes);
        }
        self.session.receive(channel, now, bytes);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).expect("a test is not that long")
    }

    /// Does what the session wants done.
    pub fn follow(&mut self) {
        if !self.connecting {
            return;
        }
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::OpenChannel {
                    channel,
                    connection_id,
                    common_caps,
                    channel_caps,
                } => {
                    self.open(channel, connection_id, common_caps, channel_caps);
                }
                // There is no decoder here; what lies under a frame stays.
                Event::Video(VideoEvent::Frame(frame)) => {
                    self.session.video_dropped(frame.frame);
                }
                Event::Damaged => {
                    let mut damage = Vec::new();
                    self.session.take_damage(&mut damage);
                    self.events.push(Event::Damaged);
                }
                event => self.events.push(event),
            }
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        let mut out = Vec::new();
        for (channel, socket) in &mut self.sockets {
            out.clear();
            if self.session.poll_transmit(*channel, &mut out) {
                // A socket that has closed says so on its own thread.
                let _ = socket.write_all(&out);
            }
        }
    }

    fn open(
        &mut self,
        channel: ChannelRef,
        connection_id: u32,
        common_caps: Capabilities,
        channel_caps: Capabilities,
    ) {
        let message = LinkMessage {
            connection_id,
            channel_type: channel.kind,
            channel_id: channel.id,
            common_caps,
            channel_caps,
        };
        let opened = match channel::open(self.port, &message, &self.password) {
            Ok(opened) => opened,
            Err(refusal) => {
                self.refused = Some(refusal);
                return;
            }
        };
        let now = self.now();
        let linked = &opened.linked;
        if let Some(recording) = &mut self.recording {
            recording.opened(channel, &linked.common_caps, &linked.channel_caps);
        }
        self.session
            .opened(channel, &linked.common_caps, &linked.channel_caps, now);
        self.receive(channel, &opened.early);
        let mut reader = opened.stream.try_clone().expect("a socket can be cloned");
        self.sockets.insert(channel, opened.stream);
        // The server may link the next channel only when it has been greeted on this one.
        self.transmit();
        let sender = self.inputs.0.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            loop {
                let input = match reader.read(&mut buffer) {
                    Ok(0) | Err(_) => Input::Closed(channel),
                    Ok(count) => Input::Bytes(channel, buffer[..count].to_vec()),
                };
                let last = matches!(input, Input::Closed(_));
                if sender.send(input).is_err() || last {
                    return;
                }
            }
        });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        for socket in self.sockets.values() {
            // Lets the reading threads end.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}
