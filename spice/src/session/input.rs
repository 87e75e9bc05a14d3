//! What the person does, on its way to the inputs channel.

use super::Session;
use crate::channel::{self, Role};
use crate::message::inputs::{Button, Leds, Scancode};
use crate::message::main::MouseMode;

impl Session {
    /// A key goes down, again and again while it repeats, or up.
    pub fn key(&mut self, key: Scancode, down: bool) {
        self.with_inputs(|inputs, outgoing| inputs.key(key, down, outgoing));
    }

    /// The keyboard lights as the user's keyboard has them; the server makes the guest follow.
    pub fn set_leds(&mut self, leds: Leds) {
        self.with_inputs(|inputs, outgoing| inputs.leds(leds, outgoing));
    }

    /// The pointer moved by so much. Only sent when the server moves the pointer.
    pub fn pointer_motion(&mut self, dx: i32, dy: i32) {
        if self.mouse_mode() == MouseMode::Server {
            self.with_inputs(|inputs, outgoing| inputs.motion(dx, dy, outgoing));
        }
    }

    /// The pointer is there now. Only sent when the client moves the pointer.
    pub fn pointer_position(&mut self, x: u32, y: u32) {
        if self.mouse_mode() == MouseMode::Client {
            self.with_inputs(|inputs, outgoing| inputs.position(x, y, outgoing));
        }
    }

    /// A button of the pointer goes down or up.
    pub fn pointer_button(&mut self, button: Button, down: bool) {
        self.with_inputs(|inputs, outgoing| inputs.button(button, down, outgoing));
    }

    /// The wheel turned; positive steps are downwards.
    pub fn wheel(&mut self, steps: i32) {
        self.with_inputs(|inputs, outgoing| inputs.wheel(steps, outgoing));
    }

    /// All keys and buttons that are down go up.
    pub fn release_all(&mut self) {
        self.with_inputs(|inputs, outgoing| inputs.release_all(outgoing));
    }

    pub(super) fn with_inputs(
        &mut self,
        call: impl FnOnce(&mut channel::inputs::Inputs, &mut channel::Outgoing),
    ) {
        let inputs = self
            .channels
            .iter_mut()
            .find_map(|channel| match &mut channel.role {
                Role::Inputs(inputs) => Some((inputs, &mut channel.outgoing)),
                _ => None,
            });
        if let Some((inputs, outgoing)) = inputs {
            call(inputs, outgoing);
        }
    }
}
