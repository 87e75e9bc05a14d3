//! The inputs channel: keys, pointer and keyboard lights on their way to the guest. Pointer
//! movements are held back while the server has not acknowledged the last ones, and only the sum
//! or the last of them is sent then.

use super::Outgoing;
use crate::Error;
use crate::event::{Event, Events};
use crate::link::Capabilities;
use crate::message::inputs::{self, Button, Leds, MOTION_ACK_BUNCH, Scancode};
use crate::wire::Reader;

/// The most movements not yet acknowledged.
const MAX_IN_FLIGHT: u32 = 2 * MOTION_ACK_BUNCH;

/// The most keys held down at once; nobody has more fingers, and no keyboard more keys.
const MAX_KEYS_DOWN: usize = 256;

/// The most wheel steps of one call.
const MAX_WHEEL_STEPS: u32 = 32;

/// State of the inputs channel.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// Keys that are down, in the order of their numbers.
    keys: Vec<u16>,
    buttons: u16,
    in_flight: u32,
    motion: Option<(i32, i32)>,
    position: Option<(u32, u32)>,
}

/// What we can do on this channel.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities::default()
}

impl Inputs {
    pub(crate) fn message(
        &mut self,
        kind: u16,
        body: &[u8],
        outgoing: &mut Outgoing,
        events: &mut Events,
    ) -> Result<(), Error> {
        let reader = &mut Reader::new(body);
        match kind {
            inputs::INIT | inputs::SERVER_KEY_MODIFIERS => {
                events.push(Event::Leds(Leds::read(reader)?));
            }
            inputs::MOUSE_MOTION_ACK => {
                self.in_flight = self.in_flight.saturating_sub(MOTION_ACK_BUNCH);
                self.move_if_allowed(outgoing);
            }
            other => return Err(Error::unsupported("inputs message", other.into())),
        }
        Ok(())
    }

    /// A key goes down, again and again while it repeats, or up.
    pub(crate) fn key(&mut self, key: Scancode, down: bool, outgoing: &mut Outgoing) {
        if !key.is_valid() || !outgoing.has_room() {
            return;
        }
        match (self.keys.binary_search(&key.0), down) {
            (Err(_), true) if self.keys.len() >= MAX_KEYS_DOWN => return,
            (Err(place), true) => self.keys.insert(place, key.0),
            (Ok(_), true) => {}
            (Ok(place), false) => {
                self.keys.remove(place);
            }
            // It went down elsewhere; the guest never saw it.
            (Err(_), false) => return,
        }
        let message = if down {
            inputs::KEY_DOWN
        } else {
            inputs::KEY_UP
        };
        outgoing.message(message, |writer| {
            writer.u32(key.wire(down));
        });
    }

    pub(crate) fn leds(&self, leds: Leds, outgoing: &mut Outgoing) {
        if outgoing.has_room() {
            outgoing.message(inputs::KEY_MODIFIERS, |writer| {
                writer.u16(leds.bits());
            });
        }
    }

    pub(crate) fn motion(&mut self, dx: i32, dy: i32, outgoing: &mut Outgoing) {
        let (x, y) = self.motion.unwrap_or_default();
        self.motion = Some((x.saturating_add(dx), y.saturating_add(dy)));
        self.move_if_allowed(outgoing);
    }

    pub(crate) fn position(&mut self, x: u32, y: u32, outgoing: &mut Outgoing) {
        self.position = Some((x, y));
        self.move_if_allowed(outgoing);
    }

    pub(crate) fn button(&mut self, button: Button, down: bool, outgoing: &mut Outgoing) {
        let was_down = self.buttons & button.mask() != 0;
        if was_down == down || !outgoing.has_room() {
            return;
        }
        // A click belongs where the pointer is now, not where it was last allowed to be.
        self.send_moves(outgoing);
        self.buttons ^= button.mask();
        let message = if down {
            inputs::MOUSE_PRESS
        } else {
            inputs::MOUSE_RELEASE
        };
        let buttons = self.buttons;
        outgoing.message(message, |writer| {
            writer.u8(button.number()).u16(buttons);
        });
    }

    /// Turns the wheel; positive steps are downwards.
    pub(crate) fn wheel(&mut self, steps: i32, outgoing: &mut Outgoing) {
        let button = if steps > 0 { Button::Down } else { Button::Up };
        for _ in 0..steps.unsigned_abs().min(MAX_WHEEL_STEPS) {
            self.button(button, true, outgoing);
            self.button(button, false, outgoing);
        }
    }

    pub(crate) fn release_all(&mut self, outgoing: &mut Outgoing) {
        let keys = core::mem::take(&mut self.keys);
        for key in keys {
            outgoing.message(inputs::KEY_UP, |writer| {
                writer.u32(Scancode(key).wire(false));
            });
        }
        let buttons = [
            Button::Left,
            Button::Middle,
            Button::Right,
            Button::Up,
            Button::Down,
            Button::Side,
            Button::Extra,
        ];
        for button in buttons {
            self.button(button, false, outgoing);
        }
    }

    /// The guest's pointer changed hands: what was meant for the other mode is void.
    pub(crate) fn forget_moves(&mut self) {
        self.motion = None;
        self.position = None;
    }

    fn move_if_allowed(&mut self, outgoing: &mut Outgoing) {
        if self.in_flight < MAX_IN_FLIGHT && outgoing.has_room() {
            self.send_moves(outgoing);
        }
    }

    fn send_moves(&mut self, outgoing: &mut Outgoing) {
        let buttons = self.buttons;
        if let Some((dx, dy)) = self.motion.take() {
            self.in_flight = self.in_flight.saturating_add(1);
            outgoing.message(inputs::MOUSE_MOTION, |writer| {
                writer.i32(dx).i32(dy).u16(buttons);
            });
        }
        if let Some((x, y)) = self.position.take() {
            self.in_flight = self.in_flight.saturating_add(1);
            outgoing.message(inputs::MOUSE_POSITION, |writer| {
                writer.u32(x).u32(y).u16(buttons).u8(0);
            });
        }
    }
}
