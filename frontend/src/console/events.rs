//! The picture's DOM events → the console. What a person does leaves for the guest in the
//! event's own handler: nothing waits for a frame, a task or a signal.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlCanvasElement, KeyboardEvent, PointerEvent};

use super::input::{KeyEvent, Locks, Moved, button, guest_point};
use super::session::Session;

/// A key went down or up.
pub fn key(session: Session, event: &KeyboardEvent, down: bool) {
    let (code, key) = (event.code(), event.key());
    let event_of = KeyEvent {
        code: &code,
        key: &key,
        down,
        time: event.time_stamp(),
        locks: locks(|name| event.get_modifier_state(name)),
    };
    if session.key(event_of) {
        event.prevent_default();
        event.stop_propagation();
    }
    let modifier = matches!(
        key.as_str(),
        "Control" | "Alt" | "Shift" | "Meta" | "AltGraph"
    );
    if !down && !modifier {
        session.release_held();
    }
}

/// The person's lock keys, as an event tells them.
pub fn locks(on: impl Fn(&str) -> bool) -> Locks {
    Locks {
        caps: on("CapsLock"),
        num: on("NumLock"),
        scroll: on("ScrollLock"),
    }
}

/// A button went down.
pub fn pointer_down(session: Session, event: &PointerEvent) {
    let Some(canvas) = canvas_of(event) else {
        return;
    };
    event.prevent_default();
    let _ = canvas.focus();
    if !session.client_mouse.get_untracked() && document().pointer_lock_element().is_none() {
        // The click that gives the guest the pointer is not for the guest.
        canvas.request_pointer_lock();
        return;
    }
    let _ = canvas.set_pointer_capture(event.pointer_id());
    press(session, event, &canvas, true);
}

/// A button went up.
pub fn pointer_up(session: Session, event: &PointerEvent) {
    if let Some(canvas) = canvas_of(event) {
        press(session, event, &canvas, false);
    }
}

/// The pointer moved.
pub fn pointer_move(session: Session, event: &PointerEvent) {
    let Some(canvas) = canvas_of(event) else {
        return;
    };
    if let Some(moved) = movement(session, event, &canvas) {
        session.moved(moved);
    }
}

/// A button counts where the pointer is, so the movement to there goes first.
fn press(session: Session, event: &PointerEvent, canvas: &HtmlCanvasElement, down: bool) {
    if let Some(moved) = movement(session, event, canvas) {
        session.moved(moved);
    }
    session.flush_moves();
    if let Some(button) = button(event.button()) {
        session.press(button, down);
    }
}

fn movement(session: Session, event: &PointerEvent, canvas: &HtmlCanvasElement) -> Option<Moved> {
    if session.client_mouse.get_untracked() {
        let (width, height) = session.size.get_untracked();
        let shown = canvas.get_bounding_client_rect();
        let at = |client: i32, edge: f64| f64::from(client) - edge;
        return Some(Moved::To(
            guest_point(at(event.client_x(), shown.left()), shown.width(), width),
            guest_point(at(event.client_y(), shown.top()), shown.height(), height),
        ));
    }
    let (dx, dy) = (event.movement_x(), event.movement_y());
    let locked = document().pointer_lock_element().is_some();
    (locked && (dx, dy) != (0, 0)).then_some(Moved::By(dx, dy))
}

fn canvas_of(event: &PointerEvent) -> Option<HtmlCanvasElement> {
    event.current_target()?.dyn_into().ok()
}
