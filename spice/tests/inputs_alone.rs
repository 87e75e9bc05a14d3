//! The inputs channel without its session, as the browser's page has it.

use spice::link::Capabilities;
use spice::message::inputs::{
    INIT, KEY_DOWN, KEY_UP, MOUSE_MOTION, MOUSE_MOTION_ACK, MOUSE_POSITION, MOUSE_PRESS,
    MOUSE_RELEASE,
};
use spice::{Button, Event, InputsChannel, Leds, MouseMode, Scancode};

/// SPICE_MSG_SET_ACK, SPICE_MSG_PING, SPICE_MSG_WAIT_FOR_CHANNELS; SPICE_MSGC_ACK_SYNC and so on.
const SET_ACK: u16 = 3;
const PING: u16 = 4;
const WAIT_FOR_CHANNELS: u16 = 5;
const ACK_SYNC: u16 = 1;
const ACK: u16 = 2;
const PONG: u16 = 3;

fn linked(mode: MouseMode) -> InputsChannel {
    let caps = Capabilities::of(&[Capabilities::MINI_HEADER]);
    InputsChannel::new(&caps, &Capabilities::default(), mode)
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn sent(channel: &mut InputsChannel) -> Vec<(u16, Vec<u8>)> {
    let mut bytes = Vec::new();
    channel.poll_transmit(&mut bytes);
    let mut rest = bytes.as_slice();
    let mut messages = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(6) {
        let size = u32::from_le_bytes([head[2], head[3], head[4], head[5]]) as usize;
        messages.push((
            u16::from_le_bytes([head[0], head[1]]),
            after[..size].to_vec(),
        ));
        rest = &after[size..];
    }
    messages
}

fn kinds(channel: &mut InputsChannel) -> Vec<u16> {
    sent(channel).into_iter().map(|(kind, _)| kind).collect()
}

fn events(channel: &mut InputsChannel) -> Vec<Event> {
    std::iter::from_fn(|| channel.poll_event()).collect()
}

#[test]
fn what_the_person_does_leaves_in_its_order() {
    let mut channel = linked(MouseMode::Client);
    channel.key(Scancode(0x1e), true);
    channel.pointer_position(3, 4);
    channel.pointer_button(Button::Left, true);
    channel.key(Scancode(0x1e), false);
    channel.release_all();
    assert_eq!(
        kinds(&mut channel),
        [KEY_DOWN, MOUSE_POSITION, MOUSE_PRESS, KEY_UP, MOUSE_RELEASE]
    );
    assert_eq!(sent(&mut channel), []);
}

#[test]
fn lights_are_told_however_the_bytes_are_cut() {
    let mut channel = linked(MouseMode::Client);
    for byte in message(INIT, &[4, 0]) {
        assert_eq!(events(&mut channel), []);
        channel.receive(&[byte]);
    }
    let caps = Leds {
        caps: true,
        ..Leds::default()
    };
    assert_eq!(events(&mut channel), [Event::Leds(caps)]);
    assert_eq!(channel.messages(), 1);
}

#[test]
fn the_server_is_answered_and_acknowledged() {
    let mut channel = linked(MouseMode::Client);
    channel.receive(&message(SET_ACK, &[7, 0, 0, 0, 2, 0, 0, 0]));
    let ping = [9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    channel.receive(&message(PING, &ping));
    channel.receive(&message(INIT, &[0, 0]));
    assert_eq!(
        sent(&mut channel),
        [
            (ACK_SYNC, vec![7, 0, 0, 0]),
            (PONG, ping.to_vec()),
            (ACK, vec![])
        ]
    );
}

#[test]
fn movements_wait_for_the_server_and_only_the_last_is_sent_then() {
    let mut channel = linked(MouseMode::Client);
    (0..20).for_each(|x| channel.pointer_position(x, 0));
    assert_eq!(sent(&mut channel).len(), 8);
    channel.receive(&message(MOUSE_MOTION_ACK, &[]));
    let last = sent(&mut channel);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].1[0], 19);
}

#[test]
fn movements_are_those_of_the_mouse_mode() {
    let mut channel = linked(MouseMode::Server);
    channel.pointer_position(300, 2);
    channel.pointer_motion(-1, 2);
    assert_eq!(kinds(&mut channel), [MOUSE_MOTION]);
    // Seven more fill the server's window; the rest is held back, and void in the other mode.
    (0..20).for_each(|_| channel.pointer_motion(1, 1));
    assert_eq!(sent(&mut channel).len(), 7);
    channel.set_mouse_mode(MouseMode::Client);
    channel.receive(&message(MOUSE_MOTION_ACK, &[]));
    assert_eq!(sent(&mut channel), []);
    channel.pointer_motion(1, 1);
    channel.pointer_position(5, 5);
    assert_eq!(kinds(&mut channel), [MOUSE_POSITION]);
}

#[test]
fn keys_wait_for_no_other_channel() {
    let mut channel = linked(MouseMode::Client);
    // For message 9 of the display, which is elsewhere.
    let mut wait = vec![1, 2, 0];
    wait.extend(9_u64.to_le_bytes());
    channel.receive(&message(WAIT_FOR_CHANNELS, &wait));
    channel.receive(&message(INIT, &[1, 0]));
    channel.key(Scancode(0x1e), true);
    assert_eq!(events(&mut channel).len(), 1);
    assert_eq!(kinds(&mut channel), [KEY_DOWN]);
}

#[test]
fn what_cannot_be_read_is_told_and_left_out() {
    let mut channel = linked(MouseMode::Client);
    let too_long = vec![0; InputsChannel::MAX_MESSAGE_BYTES as usize + 1];
    for message in [
        message(INIT, &[]),
        message(999, &[1, 2, 3]),
        message(INIT, &too_long),
    ] {
        channel.receive(&message);
    }
    channel.receive(&message(INIT, &[2, 0]));
    let events = events(&mut channel);
    let problems = events
        .iter()
        .filter(|event| matches!(event, Event::Problem(_)));
    assert_eq!(problems.count(), 3, "{events:?}");
    assert!(matches!(events.last(), Some(Event::Leds(_))), "{events:?}");
}

#[test]
fn no_bytes_stop_it() {
    // A little of everything, each byte in turn as every other one.
    let mut script = message(SET_ACK, &[7, 0, 0, 0, 1, 0, 0, 0]);
    script.extend(message(INIT, &[4, 0]));
    script.extend(message(WAIT_FOR_CHANNELS, &[2, 2, 0, 1]));
    script.extend(message(MOUSE_MOTION_ACK, &[]));
    for place in 0..script.len() {
        for value in 0..=255 {
            let mut spoilt = script.clone();
            spoilt[place] = value;
            let mut channel = linked(MouseMode::Client);
            channel.receive(&spoilt);
            channel.key(Scancode(0x1e), true);
            assert!(kinds(&mut channel).contains(&KEY_DOWN));
        }
    }
}
