//! Messages that every channel has.

use super::{AckWindow, Channel};
use crate::Error;
use crate::event::{Event, Events};
use crate::message::common::{self, Disconnecting, Notify, Ping, SetAck, Wait};
use crate::wire::Reader;

/// Deals with one.
pub(crate) fn message<R>(
    channel: &mut Channel<R>,
    kind: u16,
    body: &[u8],
    events: &mut Events,
) -> Result<(), Error> {
    let reader = &mut Reader::new(body);
    let Channel {
        name,
        outgoing,
        ack,
        waits,
        ..
    } = channel;
    match kind {
        common::SET_ACK => AckWindow::set(ack, SetAck::read(reader)?, outgoing),
        common::PING => {
            let ping = Ping::read(reader)?;
            outgoing.message(common::PONG, |writer| {
                writer.u32(ping.id).u64(ping.timestamp);
            });
        }
        common::WAIT_FOR_CHANNELS => waits.extend(Wait::read_list(reader)?),
        common::DISCONNECTING => {
            let Disconnecting { reason } = Disconnecting::read(reader)?;
            events.push(Event::Disconnecting {
                channel: *name,
                reason,
            });
        }
        common::NOTIFY => {
            let Notify { severity, text, .. } = Notify::read(reader)?;
            events.push(Event::Notice { severity, text });
        }
        common::MIGRATE => {
            /// SPICE_MIGRATE_NEED_FLUSH
            const NEED_FLUSH: u32 = 1;
            if reader.u32("migrate flags")? & NEED_FLUSH != 0 {
                outgoing.message(common::MIGRATE_FLUSH_MARK, |_| {});
            }
        }
        // For the next host, to which the caller connects anew.
        common::MIGRATE_DATA => {}
        other => return Err(Error::unsupported("message", other.into())),
    }
    Ok(())
}
