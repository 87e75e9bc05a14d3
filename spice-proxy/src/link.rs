//! Finishes SPICE's link stage in the browser's place: its capabilities pass through, the ticket is
//! answered here.

use std::io;
use std::time::Duration;

use spice::link::admission::Hello;
use spice::link::{Link, LinkError, LinkFailure, LinkMessage, Linked};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::admit::Ticket;
use crate::close::{End, Refusal};
use crate::target::HostStream;

/// How long the SPICE server may take for its link stage. QEMU answers from its main loop, which a
/// starting guest keeps busy.
const LINK_TIMEOUT: Duration = Duration::from_secs(10);

/// Goes through the link stage. The server does not wait for us: what was read beyond the stage is
/// returned too, and belongs to the browser.
pub(crate) async fn link(
    stream: &mut HostStream,
    hello: &Hello,
    ticket: &Ticket,
) -> Result<(Linked, Vec<u8>), Refusal> {
    tokio::time::timeout(LINK_TIMEOUT, stages(stream, hello, ticket))
        .await
        .unwrap_or_else(|_| {
            Err(Refusal::new(
                End::Unreachable,
                "The virtual machine's display does not answer.",
            ))
        })
}

async fn stages(
    stream: &mut HostStream,
    hello: &Hello,
    ticket: &Ticket,
) -> Result<(Linked, Vec<u8>), Refusal> {
    let message = LinkMessage {
        connection_id: hello.connection_id,
        channel_type: hello.channel_type,
        channel_id: hello.channel_id,
        common_caps: hello.common_caps.clone(),
        channel_caps: hello.channel_caps.clone(),
    };
    let mut link = Link::new(&message, ticket.reveal());
    let mut out = Vec::new();
    let mut buffer = [0; 512];
    loop {
        out.clear();
        if link.poll_transmit(&mut out) {
            stream
                .write_all(&out)
                .await
                .map_err(|error| unreachable(&error))?;
        }
        let read = stream
            .read(&mut buffer)
            .await
            .map_err(|error| unreachable(&error))?;
        if read == 0 {
            return Err(Refusal::new(
                End::Unreachable,
                "The virtual machine's display has closed the connection at once.",
            ));
        }
        let received = buffer.get(..read).unwrap_or_default();
        let (taken, linked) = link.receive(received).map_err(|error| refused(&error))?;
        if let Some(linked) = linked {
            let rest = received.get(taken..).unwrap_or_default();
            return Ok((linked, rest.to_vec()));
        }
    }
}

fn refused(failure: &LinkFailure) -> Refusal {
    let sentence = match failure {
        LinkFailure::Refused(LinkError::BAD_CONNECTION_ID) => {
            "The display's session has ended.".to_owned()
        }
        LinkFailure::Refused(error) => format!("The virtual machine's display refuses: {error}."),
        LinkFailure::Unreadable(error) => {
            format!("The virtual machine's display does not speak SPICE: {error}.")
        }
    };
    Refusal::new(End::Unreachable, sentence)
}

/// The sentence for a connection that cannot be made, or broke before it was a SPICE connection.
pub(crate) fn unreachable(error: &io::Error) -> Refusal {
    let why = match error.kind() {
        io::ErrorKind::TimedOut => "it does not answer".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens at its address".to_owned(),
        io::ErrorKind::InvalidData => format!("its certificate is not accepted ({error})"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "the connection broke".to_owned(),
        _ => error.to_string(),
    };
    Refusal::new(
        End::Unreachable,
        format!("The virtual machine's display cannot be reached: {why}."),
    )
}
