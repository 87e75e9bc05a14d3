//! Connects to a SPICE server, looks for some seconds, and writes the screen as a PNG: what the
//! core makes of a real server, without a browser.
//!
//! `screen ADDRESS SECONDS OUT.png [PASSWORD] [--keys SCANCODE,…]`

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use spice::link::{Link, LinkMessage};
use spice::{ChannelRef, Config, Event, Scancode, Session};

type Failure = Box<dyn std::error::Error>;

/// What came on a channel; nothing when it closed.
type Received = (ChannelRef, Vec<u8>);

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut keys = Vec::new();
    if let Some(at) = arguments.iter().position(|argument| argument == "--keys") {
        let list = arguments.remove(at + 1);
        arguments.remove(at);
        for key in list.split(',') {
            keys.push(Scancode(u16::from_str_radix(key, 16)?));
        }
    }
    let [address, seconds, out, rest @ ..] = arguments.as_slice() else {
        return Err("screen ADDRESS SECONDS OUT.png [PASSWORD] [--keys SCANCODE,…]".into());
    };
    let mut console = Console {
        address: address.parse()?,
        password: rest.first().cloned().unwrap_or_default(),
        session: Session::new(Config::default()),
        sockets: HashMap::new(),
        received: channel(),
        started: Instant::now(),
    };
    console.run(Duration::from_secs_f64(seconds.parse()?), &keys)?;
    console.write_png(out)
}

struct Console {
    address: SocketAddr,
    password: String,
    session: Session,
    sockets: HashMap<ChannelRef, TcpStream>,
    received: (Sender<Received>, Receiver<Received>),
    started: Instant,
}

impl Console {
    fn run(&mut self, time: Duration, keys: &[Scancode]) -> Result<(), Failure> {
        let mut keys = keys.iter();
        let mut next_key = time / 2;
        loop {
            self.follow()?;
            let Some(left) = time.checked_sub(self.started.elapsed()) else {
                return Ok(());
            };
            let patience = left.min(Duration::from_millis(20));
            if let Ok((channel, bytes)) = self.received.1.recv_timeout(patience) {
                if bytes.is_empty() {
                    eprintln!("{channel:?} closed");
                    self.session.closed(channel);
                }
                let now = self.now();
                self.session.receive(channel, now, &bytes);
            }
            if self.started.elapsed() > next_key {
                if let Some(key) = keys.next() {
                    self.session.key(*key, true);
                    self.session.key(*key, false);
                }
                next_key += Duration::from_millis(100);
            }
        }
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    /// Does what the session asks for.
    fn follow(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::OpenChannel {
                    channel,
                    connection_id,
                    common_caps,
                    channel_caps,
                } => {
                    let message = LinkMessage {
                        connection_id,
                        channel_type: channel.kind,
                        channel_id: channel.id,
                        common_caps,
                        channel_caps,
                    };
                    self.connect(channel, &message)?;
                }
                Event::Damaged => self.session.take_damage(&mut Vec::new()),
                Event::Cursor(spice::CursorEvent::Shape(shape)) => {
                    eprintln!("Cursor {}x{}", shape.width, shape.height);
                }
                other => eprintln!("{other:?}"),
            }
        }
        let mut buffer = Vec::new();
        for (channel, socket) in &mut self.sockets {
            buffer.clear();
            if self.session.poll_transmit(*channel, &mut buffer) {
                socket.write_all(&buffer)?;
            }
        }
        Ok(())
    }

    fn connect(&mut self, channel: ChannelRef, message: &LinkMessage) -> Result<(), Failure> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        let mut link = Link::new(message, &self.password);
        let mut buffer = [0; 65_536];
        let mut out = Vec::new();
        let (linked, rest) = loop {
            out.clear();
            link.poll_transmit(&mut out);
            socket.write_all(&out)?;
            let count = socket.read(&mut buffer)?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            let (taken, linked) = link.receive(&buffer[..count])?;
            if let Some(linked) = linked {
                break (linked, buffer[taken..count].to_vec());
            }
        };
        eprintln!(
            "{channel:?} can do {:?} {:?}",
            linked.common_caps, linked.channel_caps
        );
        let now = self.now();
        self.session
            .opened(channel, &linked.common_caps, &linked.channel_caps, now);
        self.session.receive(channel, now, &rest);
        let mut reader = socket.try_clone()?;
        self.sockets.insert(channel, socket);
        let sender = self.received.0.clone();
        thread::spawn(move || {
            loop {
                let count = reader.read(&mut buffer).unwrap_or(0);
                let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.send((channel, bytes)).is_err() || count == 0 {
                    return;
                }
            }
        });
        Ok(())
    }

    fn write_png(&self, path: &str) -> Result<(), Failure> {
        eprintln!("{:#?}", self.session.statistics());
        let screen = self.session.screen().ok_or("there is no screen")?;
        let file = std::io::BufWriter::new(std::fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, screen.width, screen.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(screen.pixels)?;
        Ok(())
    }
}
