//! Messages of the inputs channel.

use crate::Error;
use crate::wire::Reader;

/// SPICE_MSG_INPUTS_INIT
pub const INIT: u16 = 101;
/// SPICE_MSG_INPUTS_KEY_MODIFIERS
pub const SERVER_KEY_MODIFIERS: u16 = 102;
/// SPICE_MSG_INPUTS_MOUSE_MOTION_ACK
pub const MOUSE_MOTION_ACK: u16 = 111;

/// SPICE_MSGC_INPUTS_KEY_DOWN
pub const KEY_DOWN: u16 = 101;
/// SPICE_MSGC_INPUTS_KEY_UP
pub const KEY_UP: u16 = 102;
/// SPICE_MSGC_INPUTS_KEY_MODIFIERS
pub const KEY_MODIFIERS: u16 = 103;
/// SPICE_MSGC_INPUTS_MOUSE_MOTION
pub const MOUSE_MOTION: u16 = 111;
/// SPICE_MSGC_INPUTS_MOUSE_POSITION
pub const MOUSE_POSITION: u16 = 112;
/// SPICE_MSGC_INPUTS_MOUSE_PRESS
pub const MOUSE_PRESS: u16 = 113;
/// SPICE_MSGC_INPUTS_MOUSE_RELEASE
pub const MOUSE_RELEASE: u16 = 114;

/// SPICE_INPUT_MOTION_ACK_BUNCH: the server acknowledges this many motions at once.
pub const MOTION_ACK_BUNCH: u32 = 4;

/// The three lock lights of a keyboard. (SpiceKeyboardModifierFlags)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leds {
    /// Scroll Lock is on.
    pub scroll: bool,
    /// Num Lock is on.
    pub num: bool,
    /// Caps Lock is on.
    pub caps: bool,
}

impl Leds {
    /// From the protocol's bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self {
            scroll: bits & 1 != 0,
            num: bits & 2 != 0,
            caps: bits & 4 != 0,
        }
    }

    /// As the protocol's bits.
    pub fn bits(self) -> u16 {
        u16::from(self.scroll) | u16::from(self.num) << 1 | u16::from(self.caps) << 2
    }

    /// Reads what INIT and KEY_MODIFIERS carry.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.u16("keyboard modifiers").map(Self::from_bits)
    }
}

/// SpiceMouseButton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Button {
    /// The left one.
    Left,
    /// The middle one, or the wheel pressed.
    Middle,
    /// The right one.
    Right,
    /// The wheel turned up by a step.
    Up,
    /// The wheel turned down by a step.
    Down,
    /// The first one at the side ("back").
    Side,
    /// The second one at the side ("forward").
    Extra,
}

impl Button {
    /// The protocol's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Left => 1,
            Self::Middle => 2,
            Self::Right => 3,
            Self::Up => 4,
            Self::Down => 5,
            Self::Side => 6,
            Self::Extra => 7,
        }
    }

    /// The protocol's bit in a mask of buttons that are down. (SpiceMouseButtonMask)
    pub const fn mask(self) -> u16 {
        1 << (self.number() - 1)
    }
}

/// A key as an XT keyboard (scan code set 1) numbers it: the code it makes when pressed in the low
/// byte, its prefix (0xe0), if any, in the high byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scancode(pub u16);

impl Scancode {
    /// The Pause key, the only one with a code of its own kind: e1 1d 45 pressed, e1 9d c5
    /// released.
    pub const PAUSE: Self = Self(0xe11d);

    /// Whether a keyboard can have such a key.
    pub const fn is_valid(self) -> bool {
        let [code, prefix] = self.0.to_le_bytes();
        match prefix {
            0 | 0xe0 => code != 0 && code < 0x80,
            _ => self.0 == Self::PAUSE.0,
        }
    }

    /// What KEY_DOWN or KEY_UP carries: the key's bytes, first byte lowest.
    pub const fn wire(self, down: bool) -> u32 {
        let [code, prefix] = self.0.to_le_bytes();
        let released = if down { 0 } else { 0x80 };
        match prefix {
            0 => u32::from_le_bytes([code | released, 0, 0, 0]),
            0xe1 => u32::from_le_bytes([0xe1, 0x1d | released, 0x45 | released, 0]),
            prefix => u32::from_le_bytes([prefix, code | released, 0, 0]),
        }
    }
}
