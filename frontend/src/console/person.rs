//! What the person does, on its way to the guest. It leaves in the event's own handler, over a
//! connection that is the page's: neither the worker nor a picture is in its way.

use console_worker::inputs::{GRANT_PAUSE_MS, Greeting, Heard, Input};
use console_worker::{ToWorker, socket};
use leptos::prelude::*;

use super::input::{Keyboard, Locks, Moved, Pace, Send};
use super::session::{Session, address};

impl Session {
    /// The worker wants the inputs channel opened.
    pub(super) fn open_inputs(self, serial: u32, greeting: Greeting) {
        let client = self.client_mouse.try_get_untracked().unwrap_or(true);
        let report = move |input| self.inputs_happened(input);
        let opened = self.parts(|parts| {
            parts.inputs.set_client_mouse(client);
            parts.inputs.open(&address(), serial, greeting, report)
        });
        if let Some(Err(_)) = opened {
            self.tell(&ToWorker::InputsClosed {
                serial,
                code: 0,
                reason: "This browser refuses a connection for keyboard and pointer.".to_owned(),
            });
        }
    }

    /// Something happened to the inputs channel's socket.
    pub(super) fn inputs_happened(self, input: socket::Input) {
        let heard = self.parts(|parts| parts.inputs.happened(input));
        for heard in heard.into_iter().flatten() {
            match heard {
                Heard::Locks { caps, num, scroll } => {
                    let locks = Locks { caps, num, scroll };
                    self.parts(|parts| parts.keyboard.guest_locks(locks));
                    self.locks.try_set(locks);
                }
                Heard::Problem(problem) => {
                    self.problem.try_set(Some(problem));
                }
                Heard::MayGrantLater => set_timeout(
                    move || {
                        self.parts(|parts| parts.inputs.grant());
                    },
                    std::time::Duration::from_millis(GRANT_PAUSE_MS),
                ),
                Heard::Closed {
                    serial,
                    code,
                    reason,
                } => self.tell(&ToWorker::InputsClosed {
                    serial,
                    code,
                    reason,
                }),
            }
        }
    }

    /// Sends something that the person does; it is lost while there is no connection.
    pub(super) fn input(self, input: Input) {
        self.parts(|parts| parts.inputs.tell(input));
    }

    /// A key event of the picture; whether the browser must not act on it.
    pub fn key(self, event: super::input::KeyEvent<'_>) -> bool {
        let done = self.parts(|parts| parts.keyboard.event(event));
        let (sends, taken) = done.unwrap_or_default();
        self.send_all(&sends);
        taken
    }

    /// Presses a chord with what the bar holds.
    pub fn chord(self, keys: &[u16]) {
        self.send_all(&Keyboard::chord(keys));
        self.release_held();
    }

    /// Holds a modifier down from the bar, or lets it go.
    pub fn hold(self, key: u16) {
        let held = self.held.try_update(|held| {
            if held.contains(&key) {
                held.retain(|other| *other != key);
                false
            } else {
                held.push(key);
                true
            }
        });
        if let Some(down) = held {
            self.send_all(&[Send::Key(key, down)]);
        }
    }

    /// Lets go of what the bar holds; after the key it was held for.
    pub fn release_held(self) {
        let held = self.held.try_update(std::mem::take).unwrap_or_default();
        let ups: Vec<Send> = held.into_iter().map(|key| Send::Key(key, false)).collect();
        self.send_all(&ups);
    }

    /// The page lost the focus: nothing stays pressed.
    pub fn release_all(self) {
        self.parts(|parts| parts.keyboard.release_all());
        if self.held.try_with_untracked(|held| !held.is_empty()) == Some(true) {
            self.held.try_set(Vec::new());
        }
        self.input(Input::ReleaseAll);
    }

    /// The page has the focus, and the person's lock keys are so.
    pub fn focus(self, locks: Locks) {
        let sends = self.parts(|parts| parts.keyboard.focus(locks));
        self.send_all(&sends.unwrap_or_default());
    }

    /// The wheel turned: clicks up or down.
    pub fn wheel(self, delta: f64, mode: u32) {
        let clicks = self
            .parts(|parts| parts.wheel.turn(delta, mode))
            .unwrap_or(0);
        if clicks != 0 {
            self.input(Input::Wheel(clicks));
        }
    }

    /// A button went down or up.
    pub fn press(self, button: u8, down: bool) {
        self.input(Input::Button { button, down });
    }

    /// The pointer moved. The first movement leaves at once; those that follow it too closely are
    /// sent as one.
    pub fn moved(self, moved: Moved) {
        let now = milliseconds();
        let Some((send, held)) = self.parts(|parts| parts.pace.offer(moved, now)) else {
            return;
        };
        if let Some(moved) = send {
            self.input(input_of(moved));
        }
        if held {
            set_timeout(
                move || self.flush_moves(),
                std::time::Duration::from_millis(Pace::PAUSE_MS as u64),
            );
        }
    }

    /// Sends what is held back of the pointer's movement; before its buttons, and after the pause.
    pub fn flush_moves(self) {
        let now = milliseconds();
        let held = self.parts(|parts| parts.pace.take(now));
        if let Some(moved) = held.flatten() {
            self.input(input_of(moved));
        }
    }

    fn send_all(self, sends: &[Send]) {
        for send in sends {
            self.input(match *send {
                Send::Key(scancode, down) => Input::Key { scancode, down },
                Send::Locks(Locks { caps, num, scroll }) => Input::Locks { caps, num, scroll },
            });
        }
    }
}

fn input_of(moved: Moved) -> Input {
    match moved {
        Moved::To(x, y) => Input::Position { x, y },
        Moved::By(dx, dy) => Input::Motion { dx, dy },
    }
}

/// The page's clock.
fn milliseconds() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}
