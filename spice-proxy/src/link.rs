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
        let (taken, linked) = link
            .receive(received)
            .map_err(|failure| refused(&failure, ticket, received))?;
        if let Some(linked) = linked {
            let rest = received.get(taken..).unwrap_or_default();
            return Ok((linked, rest.to_vec()));
        }
    }
}

/// What a TLS server begins with to whom it does not understand: an alert.
const TLS_ALERT: [u8; 2] = [21, 3];

fn refused(failure: &LinkFailure, ticket: &Ticket, received: &[u8]) -> Refusal {
    let sentence = match failure {
        LinkFailure::Refused(LinkError::PERMISSION_DENIED) if ticket.is_from_person() => {
            let sentence = "The password is wrong or has expired.";
            return Refusal::new(End::PasswordRefused, sentence);
        }
        LinkFailure::Refused(LinkError::BAD_CONNECTION_ID) => {
            "The display's session has ended.".to_owned()
        }
        LinkFailure::Refused(error) => format!("The virtual machine's display refuses: {error}."),
        LinkFailure::Unreadable(_) if received.starts_with(&TLS_ALERT) => {
            "The virtual machine's display speaks TLS at this address.".to_owned()
        }
        LinkFailure::Unreadable(error) => {
            format!("The virtual machine's display does not speak SPICE: {error}.")
        }
    };
    Refusal::new(End::Unreachable, sentence)
}

/// The sentence for a connection that cannot be made, or broke before it was a SPICE connection.
pub(crate) fn unreachable(error: &io::Error) -> Refusal {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    let why = match (tls, error.kind()) {
        (Some(error), _) => tls_failure(error),
        (None, io::ErrorKind::TimedOut) => "it does not answer".to_owned(),
        (None, io::ErrorKind::ConnectionRefused) => "nobody listens at its address".to_owned(),
        (
            None,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe,
        ) => "the connection broke".to_owned(),
        _ => error.to_string(),
    };
    Refusal::new(
        End::Unreachable,
        format!("The virtual machine's display cannot be reached: {why}."),
    )
}

/// Why TLS did not come about, so that the person knows what to mend.
fn tls_failure(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Certificate, Error};
    match error {
        Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "its certificate has expired".to_owned()
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "its certificate is not valid yet".to_owned()
            }
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "its certificate is not signed by an authority trusted here".to_owned()
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "its certificate is for another name".to_owned()
            }
            Certificate::Other(other) => other.to_string(),
            other => format!("its certificate is not accepted ({other})"),
        },
        Error::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        Error::AlertReceived(alert) => format!("it refuses TLS ({alert:?})"),
        other => format!("TLS fails ({other})"),
    }
}
