//! A channel of a SPICE server over TCP, past its link stage.

use std::io::{Read, Write};
use std::net::TcpStream;

use spice::link::{Capabilities, ChannelType, Link, LinkMessage, Linked};

/// A linked channel, and what came after the link stage already.
pub struct Channel {
    pub stream: TcpStream,
    pub linked: Linked,
    pub early: Vec<u8>,
}

/// Connects and links. Says why not as a sentence.
pub fn open(port: u16, message: &LinkMessage, password: &str) -> Result<Channel, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    let mut link = Link::new(message, password);
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        out.clear();
        if link.poll_transmit(&mut out) {
            stream.write_all(&out).map_err(|error| error.to_string())?;
        }
        let count = stream
            .read(&mut buffer)
            .map_err(|error| error.to_string())?;
        if count == 0 {
            return Err("the server hung up".to_owned());
        }
        let (taken, linked) = link
            .receive(&buffer[..count])
            .map_err(|failure| failure.to_string())?;
        if let Some(linked) = linked {
            return Ok(Channel {
                stream,
                linked,
                early: buffer[taken..count].to_vec(),
            });
        }
    }
}

/// What is sent to open a channel of one kind.
pub fn message(
    connection_id: u32,
    channel_type: ChannelType,
    channel_id: u8,
    channel_caps: Capabilities,
) -> LinkMessage {
    LinkMessage {
        connection_id,
        channel_type,
        channel_id,
        common_caps: Capabilities::of(&[Capabilities::MINI_HEADER]),
        channel_caps,
    }
}
