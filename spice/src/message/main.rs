//! Messages of the main channel.

use super::common::text;
use crate::Error;
use crate::link::ChannelType;
use crate::wire::Reader;

/// SPICE_MSG_MAIN_MIGRATE_BEGIN
pub const MIGRATE_BEGIN: u16 = 101;
/// SPICE_MSG_MAIN_MIGRATE_CANCEL
pub const MIGRATE_CANCEL: u16 = 102;
/// SPICE_MSG_MAIN_INIT
pub const INIT: u16 = 103;
/// SPICE_MSG_MAIN_CHANNELS_LIST
pub const CHANNELS_LIST: u16 = 104;
/// SPICE_MSG_MAIN_MOUSE_MODE
pub const MOUSE_MODE: u16 = 105;
/// SPICE_MSG_MAIN_MULTI_MEDIA_TIME
pub const MULTI_MEDIA_TIME: u16 = 106;
/// SPICE_MSG_MAIN_AGENT_CONNECTED
pub const AGENT_CONNECTED: u16 = 107;
/// SPICE_MSG_MAIN_AGENT_DISCONNECTED
pub const AGENT_DISCONNECTED: u16 = 108;
/// SPICE_MSG_MAIN_AGENT_DATA
pub const AGENT_DATA: u16 = 109;
/// SPICE_MSG_MAIN_AGENT_TOKEN
pub const AGENT_TOKEN: u16 = 110;
/// SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST
pub const MIGRATE_SWITCH_HOST: u16 = 111;
/// SPICE_MSG_MAIN_MIGRATE_END
pub const MIGRATE_END: u16 = 112;
/// SPICE_MSG_MAIN_NAME
pub const NAME: u16 = 113;
/// SPICE_MSG_MAIN_UUID
pub const UUID: u16 = 114;
/// SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS
pub const AGENT_CONNECTED_TOKENS: u16 = 115;
/// SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS
pub const MIGRATE_BEGIN_SEAMLESS: u16 = 116;

/// SPICE_MSGC_MAIN_ATTACH_CHANNELS
pub const ATTACH_CHANNELS: u16 = 104;
/// SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST
pub const MOUSE_MODE_REQUEST: u16 = 105;

/// SPICE_MAIN_CAP_NAME_AND_UUID
pub const CAP_NAME_AND_UUID: u32 = 1;
/// SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS
pub const CAP_AGENT_CONNECTED_TOKENS: u32 = 2;

/// Who moves the guest's pointer. (SpiceMouseMode)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MouseMode {
    /// SPICE_MOUSE_MODE_SERVER: we say how far the pointer moves, the guest where it is.
    #[default]
    Server,
    /// SPICE_MOUSE_MODE_CLIENT: we say where the pointer is.
    Client,
}

impl MouseMode {
    /// The protocol's bit.
    pub const fn bit(self) -> u16 {
        match self {
            Self::Server => 1,
            Self::Client => 2,
        }
    }

    fn of(bits: u32) -> Self {
        if bits & 2 != 0 {
            Self::Client
        } else {
            Self::Server
        }
    }
}

/// SPICE_MSG_MAIN_INIT
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Init {
    /// The session's number, with which its other channels are opened.
    pub session_id: u32,
    /// Mouse modes the server can be asked for, as bits.
    pub supported_mouse_modes: u32,
    /// The mouse mode now.
    pub mouse_mode: MouseMode,
    /// An agent runs in the guest.
    pub agent_connected: bool,
    /// How many messages the agent may be sent.
    pub agent_tokens: u32,
    /// The server's multimedia time in milliseconds.
    pub multi_media_time: u32,
    /// The guest's display memory in bytes, or 0.
    pub ram_hint: u32,
}

impl Init {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let session_id = reader.u32("main init")?;
        reader.u32("main init")?;
        Ok(Self {
            session_id,
            supported_mouse_modes: reader.u32("main init")?,
            mouse_mode: MouseMode::of(reader.u32("main init")?),
            agent_connected: reader.u32("main init")? != 0,
            agent_tokens: reader.u32("main init")?,
            multi_media_time: reader.u32("main init")?,
            ram_hint: reader.u32("main init")?,
        })
    }
}

/// SPICE_MSG_MAIN_CHANNELS_LIST: the channels there are, besides main.
pub fn read_channels(reader: &mut Reader<'_>) -> Result<Vec<(ChannelType, u8)>, Error> {
    let count = reader.u32("number of channels")?;
    let count = reader.check_count(count.into(), 2, "channels")?;
    (0..count)
        .map(|_| Ok((ChannelType(reader.u8("channel")?), reader.u8("channel")?)))
        .collect()
}

/// SPICE_MSG_MAIN_MOUSE_MODE
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseModes {
    /// Mouse modes the server can be asked for, as bits.
    pub supported: u32,
    /// The mouse mode now.
    pub current: MouseMode,
}

impl MouseModes {
    /// Reads one.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let supported = reader.u16("mouse mode")?.into();
        Ok(Self {
            supported,
            current: MouseMode::of(reader.u16("mouse mode")?.into()),
        })
    }
}

/// SPICE_MSG_MAIN_NAME: the guest's name.
pub fn read_name(reader: &mut Reader<'_>) -> Result<String, Error> {
    let length = reader.u32("length of the name")?;
    Ok(text(reader.bytes(length as usize, "name")?, 256))
}

/// SPICE_MSG_MAIN_UUID: the guest's UUID.
pub fn read_uuid(reader: &mut Reader<'_>) -> Result<[u8; 16], Error> {
    reader.array("uuid")
}
