//! The main channel: begins the session, says which channels there are, and who moves the
//! pointer. Agent messages are not for us yet; we send none and leave out those that come.

use super::{Context, Outgoing};
use crate::Error;
use crate::event::Event;
use crate::link::{Capabilities, ChannelType};
use crate::message::main::{self, Init, MouseMode, MouseModes};
use crate::wire::Reader;

/// State of the main channel.
#[derive(Debug, Default)]
pub(crate) struct Main {
    /// The session's number, once known.
    pub(crate) session_id: Option<u32>,
    /// Who moves the pointer.
    pub(crate) mouse_mode: MouseMode,
    /// Whom we want to.
    pub(crate) wanted: MouseMode,
    supported: u32,
}

/// What we can do on this channel.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities::of(&[main::CAP_NAME_AND_UUID, main::CAP_AGENT_CONNECTED_TOKENS])
}

impl Main {
    pub(crate) fn new(wanted: MouseMode) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// Deals with a message. Returns the channels the server has when it says so.
    pub(crate) fn message(
        &mut self,
        kind: u16,
        body: &[u8],
        outgoing: &mut Outgoing,
        context: &mut Context<'_>,
    ) -> Result<Option<Vec<(ChannelType, u8)>>, Error> {
        let reader = &mut Reader::new(body);
        match kind {
            main::INIT => {
                let init = Init::read(reader)?;
                self.session_id = Some(init.session_id);
                let modes = MouseModes {
                    supported: init.supported_mouse_modes,
                    current: init.mouse_mode,
                };
                self.set_modes(modes, outgoing, context);
                context.clock.set(init.multi_media_time, context.now_us);
                if init.agent_connected {
                    context.events.push(Event::Agent { connected: true });
                }
                outgoing.message(main::ATTACH_CHANNELS, |_| {});
            }
            main::CHANNELS_LIST => return main::read_channels(reader).map(Some),
            main::MOUSE_MODE => self.set_modes(MouseModes::read(reader)?, outgoing, context),
            main::NAME => context.events.push(Event::Name(main::read_name(reader)?)),
            main::UUID => context.events.push(Event::Uuid(main::read_uuid(reader)?)),
            main::AGENT_CONNECTED | main::AGENT_CONNECTED_TOKENS => {
                context.events.push(Event::Agent { connected: true });
            }
            main::AGENT_DISCONNECTED => context.events.push(Event::Agent { connected: false }),
            main::MIGRATE_BEGIN | main::MIGRATE_BEGIN_SEAMLESS | main::MIGRATE_SWITCH_HOST => {
                context.events.push(Event::Migrating);
            }
            main::MULTI_MEDIA_TIME => {
                let time = reader.u32("multimedia time")?;
                context.clock.set(time, context.now_us);
            }
            main::AGENT_DATA | main::AGENT_TOKEN | main::MIGRATE_CANCEL | main::MIGRATE_END => {}
            other => return Err(Error::unsupported("main message", other.into())),
        }
        Ok(None)
    }

    /// Asks for the mode we want, if the server has it and is not in it.
    pub(crate) fn ask_for_mode(&self, outgoing: &mut Outgoing) {
        let wanted = self.wanted.bit();
        if self.mouse_mode != self.wanted && self.supported & u32::from(wanted) != 0 {
            outgoing.message(main::MOUSE_MODE_REQUEST, |writer| {
                writer.u16(wanted);
            });
        }
    }

    fn set_modes(&mut self, modes: MouseModes, outgoing: &mut Outgoing, context: &mut Context<'_>) {
        // Asked once each time the choice changes: a server that will not is not asked forever.
        let new_choice = self.supported != modes.supported;
        self.supported = modes.supported;
        self.mouse_mode = modes.current;
        context.events.push(Event::MouseMode(modes.current));
        if new_choice {
            self.ask_for_mode(outgoing);
        }
    }
}
