//! What the person does with keyboard and pointer → what the guest is told.
//!
//! Plain state, no DOM: the view feeds it what an event says and posts what comes out, so every
//! rule here is tested natively.
//!
//! ```text
//! key events ─▶ Keyboard ─▶ Key / Locks ─▶ inputs channel
//! wheel      ─▶ Wheel    ─▶ clicks
//! ```

use super::scancode::{self, scancode};

/// Something to tell the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Send {
    /// A key, by its XT make code.
    Key(u16, bool),
    /// The lock keys as they should be.
    Locks(Locks),
}

/// Caps Lock, Num Lock, Scroll Lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Locks {
    /// Caps Lock is on.
    pub caps: bool,
    /// Num Lock is on.
    pub num: bool,
    /// Scroll Lock is on.
    pub scroll: bool,
}

/// What a `KeyboardEvent` says.
#[derive(Debug, Clone, Copy)]
pub struct KeyEvent<'a> {
    /// `KeyboardEvent.code`.
    pub code: &'a str,
    /// `KeyboardEvent.key`.
    pub key: &'a str,
    /// `keydown`, or `keyup`.
    pub down: bool,
    /// `Event.timeStamp`, milliseconds.
    pub time: f64,
    /// `getModifierState` of the three lock keys.
    pub locks: Locks,
}

/// The person's keyboard as the guest has seen it.
#[derive(Debug, Default)]
pub struct Keyboard {
    /// Keys that the guest believes to be down.
    down: Vec<u16>,
    /// What the guest's lock keys are, as it last said.
    guest: Option<Locks>,
    /// Apple keyboards: no Num Lock, and a Caps Lock that goes down when on and up when off.
    apple: bool,
    /// When left Control went down, to tell Windows' invented one before AltGr.
    control_time: f64,
}

/// Longest pause between the left Control that Windows invents and the AltGr it belongs to.
const ALT_GRAPH_WINDOW_MS: f64 = 50.0;

impl Keyboard {
    /// With nothing pressed. `apple` as `navigator.platform` tells.
    pub fn new(apple: bool) -> Self {
        Self {
            apple,
            ..Self::default()
        }
    }

    /// The guest said how its lock keys are.
    pub fn guest_locks(&mut self, locks: Locks) {
        self.guest = Some(locks);
    }

    /// A key event; what to send, in order, and whether the browser must not act on it.
    pub fn event(&mut self, event: KeyEvent<'_>) -> (Vec<Send>, bool) {
        let mut send = Vec::new();
        let Some(code) = scancode(event.code) else {
            return (send, false);
        };
        let is_lock = matches!(event.code, "CapsLock" | "NumLock" | "ScrollLock");
        if is_lock && self.apple {
            // One event per change of state: a whole press each.
            send.extend([Send::Key(code, true), Send::Key(code, false)]);
            return (send, true);
        }
        if event.down {
            if !is_lock {
                send.extend(self.locks_differ(event.locks));
            }
            if event.key == "AltGraph"
                && self.down.contains(&scancode::CONTROL)
                && event.time - self.control_time < ALT_GRAPH_WINDOW_MS
            {
                send.push(self.up(scancode::CONTROL));
            }
            if code == scancode::CONTROL && !self.down.contains(&code) {
                self.control_time = event.time;
            }
            if event.key == "Dead" {
                // Chromium on Linux may keep to itself that a dead key goes up: it would stay
                // down in the guest, and repeat.
                send.extend([Send::Key(code, true), Send::Key(code, false)]);
                return (send, true);
            }
            if !self.down.contains(&code) {
                self.down.push(code);
            }
            // Repeats go out too: a PS/2 guest has no other source of them.
            send.push(Send::Key(code, true));
        } else if self.down.contains(&code) {
            send.push(self.up(code));
            if self.apple && matches!(event.code, "MetaLeft" | "MetaRight") {
                // While Command is down macOS reports no key going up.
                send.extend(self.release_all());
            }
        }
        (send, true)
    }

    /// The page has the focus again: bring the guest's lock keys to the person's.
    pub fn focus(&mut self, locks: Locks) -> Vec<Send> {
        self.locks_differ(locks).into_iter().collect()
    }

    /// Ups for all that is down: the page loses the focus.
    pub fn release_all(&mut self) -> Vec<Send> {
        self.down
            .drain(..)
            .map(|code| Send::Key(code, false))
            .collect()
    }

    /// Press keys in order and release them in reverse, around what the person holds.
    pub fn chord(keys: &[u16]) -> Vec<Send> {
        keys.iter()
            .map(|key| Send::Key(*key, true))
            .chain(keys.iter().rev().map(|key| Send::Key(*key, false)))
            .collect()
    }

    fn up(&mut self, code: u16) -> Send {
        self.down.retain(|other| *other != code);
        Send::Key(code, false)
    }

    fn locks_differ(&mut self, mut locks: Locks) -> Option<Send> {
        let guest = self.guest?;
        if self.apple {
            locks.num = guest.num;
            locks.scroll = guest.scroll;
        }
        if locks == guest {
            return None;
        }
        // Until the guest answers, so that the next key does not ask again.
        self.guest = Some(locks);
        Some(Send::Locks(locks))
    }
}

/// Turns scroll distances into clicks of the wheel.
#[derive(Debug, Default)]
pub struct Wheel {
    rest: f64,
}

/// Scroll distance of one click, in CSS pixels: what browsers give for a mouse wheel's notch.
const CLICK_PX: f64 = 100.0;
/// More than this in one event is a jump, not a scroll.
const CLICKS_MAX: f64 = 10.0;

impl Wheel {
    /// A `wheel` event's `deltaY` and `deltaMode`; the clicks it makes: negative up, positive down.
    pub fn turn(&mut self, delta: f64, mode: u32) -> i32 {
        let pixels = match mode {
            1 => delta * CLICK_PX / 3.0,
            2 => delta * CLICK_PX * 3.0,
            _ => delta,
        };
        if !pixels.is_finite() {
            return 0;
        }
        if pixels.signum() != self.rest.signum() {
            self.rest = 0.0;
        }
        self.rest += pixels;
        // A notch that is smaller than ours (high-resolution wheels, 120ths) still counts at once.
        let clicks = (self.rest / CLICK_PX)
            .trunc()
            .clamp(-CLICKS_MAX, CLICKS_MAX);
        self.rest -= clicks * CLICK_PX;
        self.rest = self.rest.clamp(-CLICK_PX, CLICK_PX);
        clicks as i32
    }
}

/// A movement of the pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// To this point of the guest's screen.
    To(u32, u32),
    /// By so much.
    By(i32, i32),
}

impl Moved {
    /// One movement instead of two.
    fn after(self, earlier: Option<Self>) -> Self {
        match (self, earlier) {
            (Self::By(dx, dy), Some(Self::By(x, y))) => {
                Self::By(x.saturating_add(dx), y.saturating_add(dy))
            }
            _ => self,
        }
    }
}

/// Keeps a mouse that reports a thousand times a second from filling the guest's queue: the first
/// movement passes at once, those within the pause after it go as one.
#[derive(Debug, Default)]
pub struct Pace {
    passed: f64,
    held: Option<Moved>,
}

impl Pace {
    /// Between two movements that are sent, in milliseconds: twice what a screen of 120 Hz shows.
    pub const PAUSE_MS: f64 = 4.0;

    /// A movement at this time: what to send now, and whether [`Self::take`] must be called after
    /// the pause.
    pub fn offer(&mut self, moved: Moved, now: f64) -> (Option<Moved>, bool) {
        let moved = moved.after(self.held);
        if now - self.passed >= Self::PAUSE_MS || now < self.passed {
            self.passed = now;
            self.held = None;
            (Some(moved), false)
        } else {
            (None, self.held.replace(moved).is_none())
        }
    }

    /// What is held back.
    pub fn take(&mut self, now: f64) -> Option<Moved> {
        let held = self.held.take();
        if held.is_some() {
            self.passed = now;
        }
        held
    }
}

/// `SPICE_MOUSE_BUTTON_*` of a `MouseEvent.button`.
pub fn button(button: i16) -> Option<u8> {
    match button {
        0 => Some(1),
        1 => Some(2),
        2 => Some(3),
        3 => Some(6),
        4 => Some(7),
        _ => None,
    }
}

/// Where in the guest's picture a point of the shown canvas lies.
pub fn guest_point(at: f64, shown: f64, guest: u32) -> u32 {
    if shown <= 0.0 || guest == 0 || !at.is_finite() {
        return 0;
    }
    let point = (at * f64::from(guest) / shown).floor();
    point.clamp(0.0, f64::from(guest - 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(code: &'a str, down: bool) -> KeyEvent<'a> {
        KeyEvent {
            code,
            key: code,
            down,
            time: 0.0,
            locks: Locks::default(),
        }
    }

    #[test]
    fn a_key_goes_down_repeats_and_goes_up() {
        let mut keyboard = Keyboard::new(false);
        let down = keyboard.event(key("KeyA", true));
        assert_eq!(down, (vec![Send::Key(0x1e, true)], true));
        assert_eq!(keyboard.event(key("KeyA", true)).0, [Send::Key(0x1e, true)]);
        assert_eq!(
            keyboard.event(key("KeyA", false)).0,
            [Send::Key(0x1e, false)]
        );
        assert_eq!(keyboard.event(key("KeyA", false)).0, []);
    }

    #[test]
    fn a_dead_key_goes_up_by_itself() {
        let mut keyboard = Keyboard::new(false);
        let dead = |down| KeyEvent {
            key: "Dead",
            ..key("Backquote", down)
        };
        let both = [Send::Key(0x29, true), Send::Key(0x29, false)];
        assert_eq!(keyboard.event(dead(true)).0, both);
        assert_eq!(keyboard.event(dead(false)).0, []);
        assert_eq!(keyboard.event(dead(true)).0, both);
    }

    #[test]
    fn a_key_that_pcs_lack_is_left_to_the_browser() {
        assert_eq!(Keyboard::new(false).event(key("Fn", true)), (vec![], false));
    }

    #[test]
    fn losing_the_focus_releases_every_key() {
        let mut keyboard = Keyboard::new(false);
        keyboard.event(key("ShiftLeft", true));
        keyboard.event(key("KeyB", true));
        let ups = keyboard.release_all();
        assert_eq!(ups, [Send::Key(0x2a, false), Send::Key(0x30, false)]);
        assert_eq!(keyboard.release_all(), []);
    }

    #[test]
    fn the_control_that_windows_invents_before_alt_gr_is_taken_back() {
        let mut keyboard = Keyboard::new(false);
        keyboard.event(KeyEvent {
            time: 1000.0,
            ..key("ControlLeft", true)
        });
        let (sent, _) = keyboard.event(KeyEvent {
            key: "AltGraph",
            time: 1001.0,
            ..key("AltRight", true)
        });
        assert_eq!(sent, [Send::Key(0x1d, false), Send::Key(0xe038, true)]);
        // Its release comes too, and must not reach the guest twice.
        assert_eq!(keyboard.event(key("ControlLeft", false)).0, []);
    }

    #[test]
    fn a_control_that_is_held_stays_when_alt_gr_comes_later() {
        let mut keyboard = Keyboard::new(false);
        keyboard.event(KeyEvent {
            time: 1000.0,
            ..key("ControlLeft", true)
        });
        let (sent, _) = keyboard.event(KeyEvent {
            key: "AltGraph",
            time: 1500.0,
            ..key("AltRight", true)
        });
        assert_eq!(sent, [Send::Key(0xe038, true)]);
    }

    #[test]
    fn lock_keys_are_brought_to_the_persons_before_the_next_key() {
        let mut keyboard = Keyboard::new(false);
        keyboard.guest_locks(Locks::default());
        let caps = Locks {
            caps: true,
            ..Locks::default()
        };
        let (sent, _) = keyboard.event(KeyEvent {
            locks: caps,
            ..key("KeyA", true)
        });
        assert_eq!(sent, [Send::Locks(caps), Send::Key(0x1e, true)]);
        let (sent, _) = keyboard.event(KeyEvent {
            locks: caps,
            ..key("KeyB", true)
        });
        assert_eq!(sent, [Send::Key(0x30, true)]);
    }

    #[test]
    fn a_lock_key_itself_only_goes_through() {
        let mut keyboard = Keyboard::new(false);
        keyboard.guest_locks(Locks::default());
        let caps = Locks {
            caps: true,
            ..Locks::default()
        };
        let (sent, _) = keyboard.event(KeyEvent {
            locks: caps,
            ..key("CapsLock", true)
        });
        assert_eq!(sent, [Send::Key(0x3a, true)]);
    }

    #[test]
    fn apple_keyboards_do_not_turn_the_guests_num_lock_off() {
        let mut keyboard = Keyboard::new(true);
        keyboard.guest_locks(Locks {
            num: true,
            ..Locks::default()
        });
        assert_eq!(keyboard.focus(Locks::default()), []);
    }

    #[test]
    fn on_apple_keyboards_each_caps_lock_event_is_a_whole_press() {
        let mut keyboard = Keyboard::new(true);
        let press = [Send::Key(0x3a, true), Send::Key(0x3a, false)];
        assert_eq!(keyboard.event(key("CapsLock", true)).0, press);
        assert_eq!(keyboard.event(key("CapsLock", false)).0, press);
    }

    #[test]
    fn command_going_up_releases_what_apple_never_reported() {
        let mut keyboard = Keyboard::new(true);
        keyboard.event(key("MetaLeft", true));
        keyboard.event(key("KeyC", true));
        let (sent, _) = keyboard.event(key("MetaLeft", false));
        assert_eq!(sent, [Send::Key(0xe05b, false), Send::Key(0x2e, false)]);
    }

    #[test]
    fn a_chord_is_pressed_in_order_and_released_in_reverse() {
        let keys = [scancode::CONTROL, scancode::ALT, scancode::DELETE];
        let sent: Vec<_> = Keyboard::chord(&keys);
        assert_eq!(sent.len(), 6);
        assert_eq!(sent[2], Send::Key(0xe053, true));
        assert_eq!(sent[3], Send::Key(0xe053, false));
        assert_eq!(sent[5], Send::Key(0x1d, false));
    }

    #[test]
    fn a_notch_is_a_click_and_small_steps_add_up() {
        let mut wheel = Wheel::default();
        assert_eq!(wheel.turn(100.0, 0), 1);
        assert_eq!(wheel.turn(-3.0, 1), -1);
        assert_eq!(wheel.turn(40.0, 0), 0);
        assert_eq!(wheel.turn(40.0, 0), 0);
        assert_eq!(wheel.turn(40.0, 0), 1);
        assert_eq!(wheel.turn(1e9, 0), 10);
        assert_eq!(wheel.turn(f64::NAN, 0), 0);
    }

    #[test]
    fn points_are_scaled_and_kept_inside_the_picture() {
        assert_eq!(guest_point(50.0, 100.0, 1000), 500);
        assert_eq!(guest_point(100.0, 100.0, 1000), 999);
        assert_eq!(guest_point(-5.0, 100.0, 1000), 0);
        assert_eq!(guest_point(5.0, 0.0, 1000), 0);
    }

    #[test]
    fn a_movement_after_a_pause_leaves_at_once() {
        let mut pace = Pace::default();
        assert_eq!(
            pace.offer(Moved::To(1, 2), 100.0),
            (Some(Moved::To(1, 2)), false)
        );
        assert_eq!(
            pace.offer(Moved::To(3, 4), 108.0),
            (Some(Moved::To(3, 4)), false)
        );
        assert_eq!(pace.take(112.0), None);
    }

    #[test]
    fn movements_in_a_burst_become_one_and_none_is_lost() {
        let mut pace = Pace::default();
        pace.offer(Moved::By(1, 0), 100.0);
        assert_eq!(pace.offer(Moved::By(2, -1), 101.0), (None, true));
        assert_eq!(pace.offer(Moved::By(3, -1), 102.0), (None, false));
        assert_eq!(pace.take(104.0), Some(Moved::By(5, -2)));
        assert_eq!(pace.take(104.0), None);
        assert_eq!(pace.offer(Moved::To(7, 7), 105.0), (None, true));
        assert_eq!(pace.offer(Moved::To(8, 9), 106.0), (None, false));
        assert_eq!(
            pace.offer(Moved::To(9, 9), 109.0),
            (Some(Moved::To(9, 9)), false)
        );
        assert_eq!(pace.take(110.0), None);
    }
}
