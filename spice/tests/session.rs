//! How a session goes: who opens what, what is acknowledged, what waits, what is left out.

use spice::link::{Capabilities, ChannelType, LinkError};
use spice::message::common::{
    ACK, ACK_SYNC, DISCONNECTING, MIGRATE, MIGRATE_FLUSH_MARK, NOTIFY, PING, PONG, SET_ACK,
    WAIT_FOR_CHANNELS,
};
use spice::message::display::{CLIENT_INIT, DRAW_COPY, DRAW_FILL, INVAL_PALETTE};
use spice::message::main::{
    AGENT_CONNECTED, AGENT_DISCONNECTED, ATTACH_CHANNELS, CHANNELS_LIST, INIT, MIGRATE_SWITCH_HOST,
    MOUSE_MODE, MOUSE_MODE_REQUEST, NAME, UUID,
};
use spice::{ChannelRef, Config, Error, Event, MouseMode, Problem, Rect, Session, Severity};

use super::support::{Body, Console, copy, fill, from_cache};

/// A main INIT of session 77 with these mouse modes.
fn init(supported: u32, current: u32) -> Body {
    Body::new(|body| {
        body.u32(77)
            .u32(1)
            .u32(supported)
            .u32(current)
            .u32(0)
            .u32(10)
            .u32(1000)
            .u32(0);
    })
}

fn channels(list: &[(u8, u8)]) -> Body {
    Body::new(|body| {
        body.u32(list.len() as u32);
        list.iter().for_each(|(kind, id)| {
            body.u8(*kind).u8(*id);
        });
    })
}

fn numbers(values: &[u32]) -> Body {
    Body::new(|body| {
        values.iter().for_each(|value| {
            body.u32(*value);
        });
    })
}

/// Paints all of a 4 × 1 screen.
fn paint(colour: u32) -> Body {
    fill(Rect::new(0, 0, 4, 1), &[], colour, 8)
}

#[test]
fn a_session_opens_main_then_what_the_server_has_and_we_use() {
    let mut console = Console::new();
    let opened = |events: &[Event]| {
        let channel = |event: &Event| match event {
            Event::OpenChannel {
                channel,
                connection_id,
                common_caps,
                ..
            } => {
                assert!(common_caps.has(Capabilities::MINI_HEADER));
                Some((*channel, *connection_id))
            }
            _ => None,
        };
        events.iter().filter_map(channel).collect::<Vec<_>>()
    };
    assert_eq!(opened(&console.events()), [(ChannelRef::MAIN, 0)]);
    console.open(ChannelRef::MAIN);
    console.say(ChannelRef::MAIN, INIT, init(3, 2));
    assert_eq!(console.sent(ChannelRef::MAIN), [(ATTACH_CHANNELS, vec![])]);
    let list = [
        (5, 0),
        (4, 0),
        (3, 0),
        (2, 0),
        (2, 1),
        (9, 0),
        (9, 1),
        (200, 3),
    ];
    console.say(ChannelRef::MAIN, CHANNELS_LIST, channels(&list));
    let expected = [
        (ChannelRef::DISPLAY, 77),
        (ChannelRef::INPUTS, 77),
        (ChannelRef::CURSOR, 77),
    ];
    assert_eq!(opened(&console.events()), expected);
    // The list comes again when a channel is added; nothing is opened twice.
    console.say(ChannelRef::MAIN, CHANNELS_LIST, channels(&list));
    assert_eq!(opened(&console.events()), []);
    console.open(ChannelRef::DISPLAY);
    let greeting = console.sent(ChannelRef::DISPLAY);
    assert_eq!(greeting[0].0, CLIENT_INIT);
    assert_eq!(greeting[0].1.len(), 14);
}

#[test]
fn only_what_we_can_do_is_announced() {
    let mut console = Console::with(&[ChannelRef::MAIN]);
    console.say(ChannelRef::MAIN, INIT, init(1, 1));
    console.say(ChannelRef::MAIN, CHANNELS_LIST, channels(&[(2, 0)]));
    let caps = console.events().into_iter().find_map(|event| match event {
        Event::OpenChannel { channel_caps, .. } => Some(channel_caps),
        _ => None,
    });
    let caps = caps.expect("the display is asked for");
    // Sized streams, monitors, reports, preferences, several codecs, MJPEG.
    for cap in [0, 1, 4, 6, 8, 9, 12] {
        assert!(caps.has(cap), "{cap}");
    }
    // Scanouts of a graphics card, and codecs that nobody offered to decode.
    for cap in [7, 10, 11, 13, 14] {
        assert!(!caps.has(cap), "{cap}");
    }
}

#[test]
fn client_mouse_mode_is_asked_for_where_there_is_one() {
    let mut console = Console::with(&[ChannelRef::MAIN]);
    console.say(ChannelRef::MAIN, INIT, init(3, 1));
    let sent = console.sent(ChannelRef::MAIN);
    assert_eq!(sent[0], (MOUSE_MODE_REQUEST, vec![2, 0]));
    let modes = |supported: u16, current: u16| {
        Body::new(move |body| {
            body.u16(supported).u16(current);
        })
    };
    console.say(ChannelRef::MAIN, MOUSE_MODE, modes(3, 2));
    let told = [
        Event::MouseMode(MouseMode::Server),
        Event::MouseMode(MouseMode::Client),
    ];
    assert_eq!(console.events(), told);
    assert_eq!(console.sent(ChannelRef::MAIN), []);
    // The tablet goes, and comes back.
    console.say(ChannelRef::MAIN, MOUSE_MODE, modes(1, 1));
    assert_eq!(console.sent(ChannelRef::MAIN), []);
    console.say(ChannelRef::MAIN, MOUSE_MODE, modes(3, 1));
    assert_eq!(
        console.sent(ChannelRef::MAIN),
        [(MOUSE_MODE_REQUEST, vec![2, 0])]
    );
    // A server that will not is not asked forever.
    console.say(ChannelRef::MAIN, MOUSE_MODE, modes(3, 1));
    assert_eq!(console.sent(ChannelRef::MAIN), []);
    console.session.request_mouse_mode(MouseMode::Server);
    assert_eq!(console.sent(ChannelRef::MAIN), []);
}

#[test]
fn messages_are_acknowledged_after_they_have_been_dealt_with() {
    let mut console = Console::with_screen(4, 1);
    console.draw(SET_ACK, numbers(&[9, 3]));
    assert_eq!(
        console.sent(ChannelRef::DISPLAY),
        [(ACK_SYNC, vec![9, 0, 0, 0])]
    );
    console.draw(DRAW_FILL, paint(1));
    // One that cannot be read counts as well.
    console.draw(DRAW_FILL, Body::default());
    assert_eq!(console.sent(ChannelRef::DISPLAY), []);
    // Half a message is none.
    let third = console.message(DRAW_FILL, &paint(2).0, 0);
    let (first_half, second_half) = third.split_at(10);
    console.session.receive(ChannelRef::DISPLAY, 0, first_half);
    assert_eq!(console.sent(ChannelRef::DISPLAY), []);
    console.session.receive(ChannelRef::DISPLAY, 0, second_half);
    assert_eq!(console.row(0), [2; 4]);
    assert_eq!(console.sent(ChannelRef::DISPLAY), [(ACK, vec![])]);
    for _ in 0..6 {
        console.draw(DRAW_FILL, paint(3));
    }
    assert_eq!(console.sent(ChannelRef::DISPLAY).len(), 2);
    assert_eq!(console.session.statistics().acks, 3);
}

#[test]
fn a_ping_is_given_back_on_its_channel() {
    let mut console = Console::with(&[ChannelRef::MAIN, ChannelRef::CURSOR]);
    let ping = Body::new(|body| {
        body.u32(7).u64(99).bytes(&[0; 1000]);
    });
    console.say(ChannelRef::CURSOR, PING, ping);
    let pong = [7u32.to_le_bytes().as_slice(), &99u64.to_le_bytes()].concat();
    assert_eq!(console.sent(ChannelRef::CURSOR), [(PONG, pong)]);
    assert_eq!(console.sent(ChannelRef::MAIN), []);
}

#[test]
fn it_does_not_matter_how_the_bytes_are_cut() {
    let mut whole = Console::with_screen(4, 1);
    let mut bytes = Vec::new();
    for colour in 1..4 {
        let part = [Rect::new(colour, 0, 1, 1)];
        let body = fill(Rect::new(0, 0, 4, 1), &part, colour as u32, 8);
        bytes.extend(whole.message(DRAW_FILL, &body.0, 0));
    }
    for piece in 1..bytes.len() {
        let mut console = Console::with_screen(4, 1);
        for piece in bytes.chunks(piece) {
            console.session.receive(ChannelRef::DISPLAY, 0, piece);
        }
        assert_eq!(console.row(0), [0, 1, 2, 3], "pieces of {piece}");
    }
}

#[test]
fn full_headers_carry_messages_that_belong_before_theirs() {
    let mut console = Console::with_headers(&[ChannelRef::DISPLAY], false);
    console.create_surface(0, 4, 1, 32, true);
    // A fill that has another fill and a palette to forget in its sub-list.
    let mut body = paint(5).0;
    let before = fill(Rect::new(0, 0, 4, 1), &[Rect::new(0, 0, 4, 1)], 3, 64).0;
    let first_at = body.len() as u32;
    body.extend(DRAW_FILL.to_le_bytes());
    body.extend((before.len() as u32).to_le_bytes());
    body.extend(before);
    let second_at = body.len() as u32;
    body.extend(INVAL_PALETTE.to_le_bytes());
    body.extend(8u32.to_le_bytes());
    body.extend([0; 8]);
    let list_at = body.len() as u32;
    body.extend(2u16.to_le_bytes());
    body.extend(first_at.to_le_bytes());
    body.extend(second_at.to_le_bytes());
    let bytes = console.message(DRAW_FILL, &body, list_at);
    console.session.receive(ChannelRef::DISPLAY, 0, &bytes);
    assert_eq!(console.problems(), []);
    assert_eq!(console.row(0), [5; 4]);
    assert_eq!(console.session.statistics().draws, 2);
    // A list that lies outside is a problem; the message itself is still done.
    let bytes = console.message(DRAW_FILL, &paint(6).0, 60_000);
    console.session.receive(ChannelRef::DISPLAY, 0, &bytes);
    assert_eq!(console.problems().len(), 1);
    assert_eq!(console.row(0), [6; 4]);
    console.say(ChannelRef::DISPLAY, PING, Body(vec![0; 12]));
    assert_eq!(console.sent(ChannelRef::DISPLAY).len(), 1);
}

fn wait_for(kind: ChannelType, serial: u64) -> Body {
    Body::new(|body| {
        body.u8(1).u8(kind.0).u8(0).u64(serial);
    })
}

#[test]
fn a_channel_waits_until_another_has_read_so_far() {
    let mut console = Console::with(&[ChannelRef::DISPLAY, ChannelRef::CURSOR]);
    console.create_surface(0, 4, 1, 32, true);
    console.draw(WAIT_FOR_CHANNELS, wait_for(ChannelType::CURSOR, 2));
    console.draw(DRAW_FILL, paint(1));
    assert_eq!(console.row(0), [0; 4]);
    console.say(ChannelRef::CURSOR, PING, Body(vec![0; 12]));
    assert_eq!(console.row(0), [0; 4]);
    console.say(ChannelRef::CURSOR, PING, Body(vec![0; 12]));
    assert_eq!(console.row(0), [1; 4]);
}

#[test]
fn a_channel_does_not_wait_for_one_that_is_not_there() {
    let mut console = Console::with_screen(4, 1);
    console.draw(WAIT_FOR_CHANNELS, wait_for(ChannelType::CURSOR, 1_000_000));
    console.draw(DRAW_FILL, paint(1));
    assert_eq!(console.row(0), [1; 4]);
}

#[test]
fn a_channel_that_waits_does_not_fill_memory() {
    let mut console = Console::with(&[ChannelRef::DISPLAY, ChannelRef::CURSOR]);
    console.create_surface(0, 4, 1, 32, true);
    console.events();
    console.draw(WAIT_FOR_CHANNELS, wait_for(ChannelType::CURSOR, 1));
    console.draw(DRAW_FILL, paint(1));
    let ping = console.message(PING, &vec![0; 8 << 20], 0);
    for _ in 0..9 {
        console.session.receive(ChannelRef::DISPLAY, 0, &ping);
    }
    assert_eq!(console.problems()[0].message, WAIT_FOR_CHANNELS);
    assert_eq!(console.row(0), [1; 4]);
}

#[test]
fn one_message_that_cannot_be_read_never_stops_the_rest() {
    let mut console = Console::with_screen(4, 1);
    let broken: [(u16, Vec<u8>); 4] = [
        (DRAW_FILL, vec![0; 5]),
        (9999, vec![1, 2, 3]),
        (50, vec![]),
        // A draw on a surface that is not there.
        (DRAW_FILL, {
            let mut body = paint(9).0;
            body[0] = 7;
            body
        }),
    ];
    for (kind, body) in broken {
        console.draw(kind, Body(body));
        let problems = console.problems();
        assert_eq!(problems.len(), 1, "{kind}");
        assert_eq!(
            (problems[0].channel, problems[0].message),
            (ChannelRef::DISPLAY, kind)
        );
    }
    console.draw(DRAW_FILL, paint(1));
    assert_eq!(console.row(0), [1; 4]);
    assert_eq!(console.session.statistics().problems, 4);
}

#[test]
fn a_message_longer_than_any_may_be_is_left_out() {
    let mut console = Console::with_screen(32, 4);
    let size = spice::MAX_MESSAGE_BYTES + 1;
    let header = [DRAW_FILL.to_le_bytes().as_slice(), &size.to_le_bytes()].concat();
    console.session.receive(ChannelRef::DISPLAY, 0, &header);
    let beginning = fill(Rect::new(0, 2, 32, 2), &[], 0, 8);
    console
        .session
        .receive(ChannelRef::DISPLAY, 0, &beginning.0);
    let limit = u64::from(spice::MAX_MESSAGE_BYTES);
    let error = Error::Limit {
        what: "message size",
        value: limit + 1,
        limit,
    };
    let problem = Problem {
        channel: ChannelRef::DISPLAY,
        message: DRAW_FILL,
        error,
    };
    assert_eq!(console.problems(), [problem]);
    // Where it would have drawn is marked, and only there.
    assert_eq!(console.damage(), [Rect::new(0, 2, 32, 2)]);
    assert!(console.row(1).iter().all(|pixel| *pixel == 0));
    let marked = console.row(2).iter().filter(|pixel| **pixel != 0).count();
    assert!((1..16).contains(&marked), "{marked} pixels");
    let piece = vec![0; 1 << 20];
    let mut left = size as usize - beginning.0.len();
    while left > 0 {
        let piece = &piece[..left.min(piece.len())];
        console.session.receive(ChannelRef::DISPLAY, 0, piece);
        left -= piece.len();
    }
    console.draw(DRAW_FILL, paint(1));
    assert_eq!(console.row(0)[..4], [1; 4]);
}

#[test]
fn a_drawing_that_cannot_be_done_is_marked_and_counted_by_its_kind() {
    let mut console = Console::with_screen(32, 4);
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 32, 4), &[], 0x10_20_30, 8));
    console.damage();
    // A picture that is not in the cache.
    let part = Rect::new(4, 1, 16, 2);
    let image = from_cache(77, 16, 2);
    console.draw(
        DRAW_COPY,
        copy(part, &image, Rect::new(0, 0, 16, 2), 8, true),
    );
    assert_eq!(console.damage(), [part]);
    let changed = |row: Vec<u32>| -> Vec<usize> {
        let other = row
            .iter()
            .enumerate()
            .filter(|(_, pixel)| **pixel != 0x10_20_30);
        other.map(|(x, _)| x).collect()
    };
    assert_eq!(changed(console.row(0)), []);
    let lines = changed(console.row(1));
    assert!(!lines.is_empty() && lines.len() < 4, "{lines:?}");
    assert!(lines.iter().all(|x| (4..20).contains(x)), "{lines:?}");
    let statistics = console.session.statistics();
    assert_eq!(statistics.problems, 1);
    assert_eq!(statistics.errors.get("missing"), Some(&1));
    let named: Vec<_> = statistics.display_messages().collect();
    assert!(named.contains(&("draw_copy", 1)), "{named:?}");
}

#[test]
fn the_caller_may_stop_the_work_after_any_message() {
    let mut console = Console::with_screen(4, 1);
    let bytes: Vec<u8> = (1..=3)
        .flat_map(|colour| console.message(DRAW_FILL, &paint(colour).0, 0))
        .collect();
    let one = bytes.len() / 3;
    console
        .session
        .push(ChannelRef::DISPLAY, 0, &bytes[..bytes.len() - 1]);
    assert_eq!(
        console.session.backlog(ChannelRef::DISPLAY),
        bytes.len() - 1
    );
    assert!(console.session.work(0, || false));
    assert_eq!(console.row(0), [1; 4]);
    assert_eq!(console.session.backlog(ChannelRef::DISPLAY), 2 * one - 1);
    assert!(console.session.work(0, || false));
    assert_eq!(console.row(0), [2; 4]);
    // The third is not whole: nothing can be done about it.
    assert_eq!(console.session.backlog(ChannelRef::DISPLAY), 0);
    assert!(!console.session.work(0, || false));
    console
        .session
        .push(ChannelRef::DISPLAY, 0, &bytes[bytes.len() - 1..]);
    assert!(!console.session.work(0, || true));
    assert_eq!(console.row(0), [3; 4]);
}

#[test]
fn a_server_that_only_makes_problems_does_not_fill_memory() {
    let mut console = Console::with_screen(4, 1);
    for _ in 0..100_000 {
        console.draw(9999, Body::default());
    }
    assert!(console.events().len() < 100);
    assert_eq!(console.session.statistics().problems, 100_000);
}

#[test]
fn what_the_server_says_is_passed_on() {
    let mut console = Console::with(&[ChannelRef::MAIN]);
    let mut say = |kind, body| {
        console.say(ChannelRef::MAIN, kind, body);
        console.events()
    };
    let name = Body::new(|body| {
        body.u32(5).bytes(b"web1\0");
    });
    assert_eq!(say(NAME, name), [Event::Name("web1".to_owned())]);
    assert_eq!(say(UUID, Body(vec![3; 16])), [Event::Uuid([3; 16])]);
    assert_eq!(
        say(AGENT_CONNECTED, Body::default()),
        [Event::Agent { connected: true }]
    );
    assert_eq!(
        say(AGENT_DISCONNECTED, numbers(&[0])),
        [Event::Agent { connected: false }]
    );
    let notice = Body::new(|body| {
        body.u64(0).u32(1).u32(2).u32(0).u32(8).bytes(b"careful\0");
    });
    let expected = Event::Notice {
        severity: Severity::Warning,
        text: "careful".to_owned(),
    };
    assert_eq!(say(NOTIFY, notice), [expected]);
    let bye = Body::new(|body| {
        body.u64(0).u32(7);
    });
    let reason = LinkError::PERMISSION_DENIED;
    let channel = ChannelRef::MAIN;
    assert_eq!(
        say(DISCONNECTING, bye),
        [Event::Disconnecting { channel, reason }]
    );
    assert_eq!(
        say(MIGRATE_SWITCH_HOST, Body::default()),
        [Event::Migrating]
    );
}

#[test]
fn a_channel_that_is_to_be_moved_says_that_it_has_sent_all() {
    let mut console = Console::with(&[ChannelRef::INPUTS]);
    console.say(ChannelRef::INPUTS, MIGRATE, numbers(&[0]));
    assert_eq!(console.sent(ChannelRef::INPUTS), []);
    console.say(ChannelRef::INPUTS, MIGRATE, numbers(&[3]));
    assert_eq!(
        console.sent(ChannelRef::INPUTS),
        [(MIGRATE_FLUSH_MARK, vec![])]
    );
}

#[test]
fn a_channel_that_closes_takes_nothing_else_with_it() {
    let mut console = Console::with(&[ChannelRef::MAIN, ChannelRef::DISPLAY, ChannelRef::INPUTS]);
    console.create_surface(0, 4, 1, 32, true);
    console.session.closed(ChannelRef::INPUTS);
    assert!(console.session.screen().is_some());
    assert_eq!(console.session.channels().count(), 2);
    // What still comes from it goes nowhere.
    console.say(ChannelRef::INPUTS, 101, numbers(&[0]));
    console.session.closed(ChannelRef::DISPLAY);
    assert!(console.session.screen().is_none());
}

#[test]
fn messages_and_bytes_are_counted() {
    let mut console = Console::with_screen(4, 1);
    let before = console.session.statistics().clone();
    console.draw(DRAW_FILL, paint(1));
    console.draw(DRAW_FILL, paint(2));
    let after = console.session.statistics();
    assert_eq!(after.messages[&(ChannelType::DISPLAY, DRAW_FILL)], 2);
    assert_eq!(after.messages_received - before.messages_received, 2);
    assert_eq!(after.draws, 2);
    let bytes = 2 * (6 + paint(1).0.len() as u64);
    assert_eq!(after.bytes_received - before.bytes_received, bytes);
}

#[test]
fn a_session_may_go_to_another_thread() {
    let session = Session::new(Config::default());
    let count = std::thread::spawn(move || session.channels().count()).join();
    assert_eq!(count.unwrap(), 0);
}
