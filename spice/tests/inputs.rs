//! Keys, pointer and lights on their way to the guest.

use spice::message::inputs::{
    INIT, KEY_DOWN, KEY_MODIFIERS, KEY_UP, MOUSE_MOTION, MOUSE_MOTION_ACK, MOUSE_POSITION,
    MOUSE_PRESS, MOUSE_RELEASE, SERVER_KEY_MODIFIERS,
};
use spice::message::main::MOUSE_MODE;
use spice::{Button, ChannelRef, Event, Leds, MouseMode, Scancode};

use super::support::{Body, Console};

fn console() -> Console {
    Console::with(&[ChannelRef::MAIN, ChannelRef::INPUTS])
}

fn in_client_mode() -> Console {
    let mut console = console();
    let body = Body::new(|body| {
        body.u16(3).u16(2);
    });
    console.say(ChannelRef::MAIN, MOUSE_MODE, body);
    assert_eq!(console.session.mouse_mode(), MouseMode::Client);
    console
}

fn sent(console: &mut Console) -> Vec<(u16, Vec<u8>)> {
    console.sent(ChannelRef::INPUTS)
}

#[test]
fn keys_are_sent_as_an_xt_keyboard_would() {
    let mut console = console();
    for key in [0x1e, 0xe01c, Scancode::PAUSE.0] {
        console.session.key(Scancode(key), true);
        console.session.key(Scancode(key), false);
    }
    let expected = vec![
        (KEY_DOWN, vec![0x1e, 0, 0, 0]),
        (KEY_UP, vec![0x9e, 0, 0, 0]),
        (KEY_DOWN, vec![0xe0, 0x1c, 0, 0]),
        (KEY_UP, vec![0xe0, 0x9c, 0, 0]),
        (KEY_DOWN, vec![0xe1, 0x1d, 0x45, 0]),
        (KEY_UP, vec![0xe1, 0x9d, 0xc5, 0]),
    ];
    assert_eq!(sent(&mut console), expected);
}

#[test]
fn a_key_that_repeats_goes_down_again() {
    let mut console = console();
    (0..3).for_each(|_| console.session.key(Scancode(0x1e), true));
    assert_eq!(sent(&mut console).len(), 3);
}

#[test]
fn what_no_keyboard_has_is_not_sent() {
    let mut console = console();
    for key in [0, 0x80, 0xe000, 0xe080, 0x1234, 0xe11e] {
        console.session.key(Scancode(key), true);
    }
    // Nor a key that went down elsewhere.
    console.session.key(Scancode(0x1e), false);
    assert_eq!(sent(&mut console), []);
}

#[test]
fn all_that_is_down_goes_up() {
    let mut console = console();
    console.session.key(Scancode(0x1d), true);
    console.session.key(Scancode(0xe038), true);
    console.session.pointer_button(Button::Right, true);
    sent(&mut console);
    console.session.release_all();
    let expected = vec![
        (KEY_UP, vec![0x9d, 0, 0, 0]),
        (KEY_UP, vec![0xe0, 0xb8, 0, 0]),
        (MOUSE_RELEASE, vec![3, 0, 0]),
    ];
    assert_eq!(sent(&mut console), expected);
    console.session.release_all();
    assert_eq!(sent(&mut console), []);
}

#[test]
fn buttons_are_sent_with_all_that_are_down() {
    let mut console = console();
    console.session.pointer_button(Button::Left, true);
    console.session.pointer_button(Button::Left, true);
    console.session.pointer_button(Button::Middle, true);
    console.session.pointer_button(Button::Left, false);
    let expected = vec![
        (MOUSE_PRESS, vec![1, 1, 0]),
        (MOUSE_PRESS, vec![2, 3, 0]),
        (MOUSE_RELEASE, vec![1, 2, 0]),
    ];
    assert_eq!(sent(&mut console), expected);
}

#[test]
fn a_wheel_step_is_a_button_pressed_and_released() {
    let mut console = console();
    console.session.wheel(-1);
    console.session.wheel(2);
    let step = |button: u8, mask: u8| {
        [
            (MOUSE_PRESS, vec![button, mask, 0]),
            (MOUSE_RELEASE, vec![button, 0, 0]),
        ]
    };
    let expected = [step(4, 8), step(5, 16), step(5, 16)].concat();
    assert_eq!(sent(&mut console), expected);
    console.session.wheel(i32::MIN);
    assert_eq!(sent(&mut console).len(), 64);
}

#[test]
fn the_pointer_is_placed_in_client_mode_and_moved_in_server_mode() {
    let mut client = in_client_mode();
    client.session.pointer_motion(1, 1);
    client.session.pointer_position(300, 2);
    let position = vec![44, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0];
    assert_eq!(sent(&mut client), [(MOUSE_POSITION, position)]);
    let mut server = console();
    server.session.pointer_position(300, 2);
    server.session.pointer_motion(-1, 2);
    let motion = vec![255, 255, 255, 255, 2, 0, 0, 0, 0, 0];
    assert_eq!(sent(&mut server), [(MOUSE_MOTION, motion)]);
}

#[test]
fn movements_are_held_back_until_the_server_has_taken_the_last_ones() {
    let mut console = console();
    (0..20).for_each(|_| console.session.pointer_motion(1, -1));
    assert_eq!(sent(&mut console).len(), 8);
    console.say(ChannelRef::INPUTS, MOUSE_MOTION_ACK, Body::default());
    let sum = [12i32.to_le_bytes(), (-12i32).to_le_bytes()].concat();
    assert_eq!(
        sent(&mut console),
        [(MOUSE_MOTION, [sum.as_slice(), &[0, 0]].concat())]
    );
}

#[test]
fn of_places_held_back_the_last_is_sent() {
    let mut console = in_client_mode();
    (0..20).for_each(|x| console.session.pointer_position(x, 0));
    sent(&mut console);
    console.say(ChannelRef::INPUTS, MOUSE_MOTION_ACK, Body::default());
    let last = sent(&mut console);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].1[0], 19);
}

#[test]
fn a_click_happens_where_the_pointer_is() {
    let mut console = in_client_mode();
    (0..20).for_each(|x| console.session.pointer_position(x, 0));
    sent(&mut console);
    console.session.pointer_button(Button::Left, true);
    let messages = sent(&mut console);
    assert_eq!(messages[0].0, MOUSE_POSITION);
    assert_eq!(messages[0].1[0], 19);
    assert_eq!(messages[1].0, MOUSE_PRESS);
}

#[test]
fn lights_go_both_ways() {
    let mut console = console();
    let lights = |bits: u16| {
        Body::new(move |body| {
            body.u16(bits);
        })
    };
    console.say(ChannelRef::INPUTS, INIT, lights(2));
    console.say(ChannelRef::INPUTS, SERVER_KEY_MODIFIERS, lights(4));
    let num = Leds {
        num: true,
        ..Leds::default()
    };
    let caps = Leds {
        caps: true,
        ..Leds::default()
    };
    assert_eq!(console.events(), [Event::Leds(num), Event::Leds(caps)]);
    console.session.set_leds(Leds {
        scroll: true,
        caps: true,
        num: false,
    });
    assert_eq!(sent(&mut console), [(KEY_MODIFIERS, vec![5, 0])]);
}

#[test]
fn input_without_an_inputs_channel_is_lost_quietly() {
    let mut console = Console::with(&[ChannelRef::MAIN]);
    console.session.key(Scancode(0x1e), true);
    console.session.pointer_button(Button::Left, true);
    assert_eq!(console.events(), []);
}

#[test]
fn a_dead_line_does_not_fill_memory() {
    let mut console = console();
    for _ in 0..1_000_000 {
        console.session.key(Scancode(0x1e), true);
        console.session.wheel(1);
    }
    let mut bytes = Vec::new();
    console
        .session
        .poll_transmit(ChannelRef::INPUTS, &mut bytes);
    assert!(bytes.len() < 1 << 20);
}
