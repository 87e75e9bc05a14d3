//! What is not drawing: tickets, keyboard and pointer, the pointer's shape, and video.

use std::time::Instant;

use spice::link::ChannelType;
use spice::message::display::STREAM_CREATE;
use spice::{Button, ChannelRef, CursorEvent, Event, Leds, MouseMode, Scancode};

use super::client::{Client, PATIENCE};

#[test]
fn only_the_right_ticket_opens_a_session() {
    let setup = ["primary size=64,48", "ticket password=corr3ct seconds=0"];
    let mut wrong = Client::start(&setup);
    wrong.connect("wr0ng");
    assert_eq!(
        wrong.refused.as_deref(),
        Some("the password is wrong or has expired")
    );

    let mut right = Client::start(&setup);
    right.connect("corr3ct");
    assert_eq!(right.refused, None);
}

#[test]
fn an_expired_ticket_opens_no_session() {
    let mut late = Client::start(&["primary size=64,48", "ticket password=corr3ct seconds=-5"]);
    late.connect("corr3ct");
    assert_eq!(
        late.refused.as_deref(),
        Some("the password is wrong or has expired")
    );
}

#[test]
fn keys_reach_the_guest_and_are_let_go_together() {
    let mut client = Client::start(&["primary size=64,48"]);
    client.connect("");
    client.session.key(Scancode(0x1e), true);
    client.session.key(Scancode(0x1e), false);
    client.session.key(Scancode(0xe05b), true);
    client.session.key(Scancode(0x2a), true);
    client.session.release_all();
    client.follow();
    let expected = ["1e", "9e", "e0", "5b", "2a"];
    client.wait("the keys", |client| {
        client.guest_events.len() >= expected.len() + 3
    });
    let keys: Vec<&str> = client
        .guest_events
        .iter()
        .filter_map(|event| event.strip_prefix("key "))
        .collect();
    assert_eq!(keys[..expected.len()], expected);
    // Those still held, in whatever order.
    let released = &keys[expected.len()..];
    assert!(
        released == ["e0", "db", "aa"] || released == ["aa", "e0", "db"],
        "{released:?}"
    );
}

#[test]
fn the_pointer_is_where_the_person_points() {
    let mut client = Client::start(&["primary size=640,480"]);
    client.connect("");
    client.wait("client mouse mode", |client| {
        client.session.mouse_mode() == MouseMode::Client
    });
    client.session.pointer_position(320, 200);
    client.follow();
    client.wait("a position", |client| {
        client
            .guest_events
            .iter()
            .any(|event| event == "position 320 200 0")
    });
    client.session.pointer_button(Button::Left, true);
    client.session.pointer_position(330, 210);
    client.session.pointer_button(Button::Left, false);
    client.session.wheel(-1);
    client.follow();
    client.wait("a drag and a turn", |client| {
        let has = |wanted: &str| client.guest_events.iter().any(|event| event == wanted);
        has("position 330 210 1") && has("wheel -1 0")
    });
}

#[test]
fn without_a_tablet_the_pointer_moves_by_steps() {
    let mut client = Client::start(&["tablet present=0", "primary size=640,480"]);
    client.connect("");
    client.wait("server mouse mode", |client| {
        client.session.mouse_mode() == MouseMode::Server
    });
    client.session.pointer_motion(5, -3);
    client.follow();
    client.wait("a motion", |client| {
        client
            .guest_events
            .iter()
            .any(|event| event == "motion 5 -3 0 0")
    });

    client.command("tablet present=1");
    client.wait("client mouse mode", |client| {
        client.session.mouse_mode() == MouseMode::Client
    });
}

#[test]
fn the_guests_keyboard_lights_are_told() {
    let mut client = Client::start(&["primary size=64,48"]);
    client.connect("");
    client.command("leds mask=4");
    client.wait("caps lock", |client| {
        client.events.contains(&Event::Leds(Leds {
            scroll: false,
            num: false,
            caps: true,
        }))
    });
}

#[test]
fn the_pointer_has_the_guests_shape() {
    // In client mouse mode the server does not say where the guest moves it.
    let mut client = Client::start(&["tablet present=0", "primary size=64,48"]);
    client.connect("");
    for kind in ["alpha", "mono", "color32"] {
        client.events.clear();
        client.command(&format!(
            "cursor at=7,9 visible=1 type={kind} size=24,20 hot=3,4 pattern=flat seed=2"
        ));
        client.wait(kind, |client| shape(client).is_some());
        let (width, height, hot_x, hot_y, pixels) = shape(&client).expect("just seen");
        assert_eq!((width, height, hot_x, hot_y), (24, 20, 3, 4), "{kind}");
        assert_eq!(pixels.len(), 24 * 20, "{kind}");
        assert!(
            pixels.iter().any(|pixel| pixel[3] != 0),
            "{kind}: there is something to see"
        );
    }
    client.command("cursor_move at=30,31");
    client.wait("a move", |client| {
        client
            .events
            .contains(&Event::Cursor(CursorEvent::Moved { x: 30, y: 31 }))
    });
    client.command("cursor_hide");
    client.wait("no pointer", |client| {
        client.events.contains(&Event::Cursor(CursorEvent::Hidden))
    });
}

type Shape = (u16, u16, u16, u16, Vec<[u8; 4]>);

fn shape(client: &Client) -> Option<Shape> {
    client.events.iter().find_map(|event| match event {
        Event::Cursor(CursorEvent::Shape(shape)) => Some((
            shape.width,
            shape.height,
            shape.hot_x,
            shape.hot_y,
            shape.pixels.clone(),
        )),
        _ => None,
    })
}

#[test]
fn an_alpha_pointers_pixels_are_the_guests() {
    let mut client = Client::start(&["primary size=64,48"]);
    client.connect("");
    client.command("cursor at=0,0 type=alpha size=16,16 hot=0,0 pattern=flat seed=2");
    client.wait("a shape", |client| shape(client).is_some());
    let pointer = shape(&client).expect("just seen").4;
    // The same pattern as a picture, by the server's own hand.
    client.command("image name=0 format=32 size=16,16 pattern=flat seed=2");
    client.command("copy box=0,0,16,16 image=0");
    let screen = client.render(0);
    let (pixels, _) = screen.pixels.as_chunks::<4>();
    let expected: Vec<[u8; 4]> = pixels
        .chunks(64)
        .take(16)
        .flat_map(|row| &row[..16])
        .copied()
        .collect();
    assert_eq!(pointer, expected);
}

#[test]
fn moving_pictures_come_as_video_and_end_as_the_exact_picture() {
    let setup = [
        "streaming mode=all",
        "codecs list=spice:mjpeg",
        "primary size=320,240",
    ];
    let mut client = Client::start(&setup);
    client.connect("");
    client.command("image name=0 format=32 size=320,240 pattern=text");
    client.command("copy box=0,0,320,240 image=0");
    for seed in 1..=3 {
        client.command(&format!(
            "image name={seed} format=32 size=160,120 pattern=photo seed={seed}"
        ));
    }
    // The server makes a stream of what keeps changing in one place, and leaves out frames that
    // come faster than a film's.
    let mut frame = 0;
    let start = Instant::now();
    while client.session.statistics().stream_frames < 10 {
        frame += 1;
        assert!(
            start.elapsed() < PATIENCE,
            "{frame} pictures in one place became no video: {:?}",
            client.problems()
        );
        client.command(&format!(
            "copy box=80,60,160,120 image={} time={frame}",
            frame % 3 + 1
        ));
        client.catch_up();
    }
    assert_eq!(client.problems(), []);
    let created = (ChannelType::DISPLAY, STREAM_CREATE);
    assert!(client.session.statistics().messages.contains_key(&created));
    let expected = client.render(0);
    let mean = mean_difference(&client, &expected.pixels);
    assert!(mean < 4.0, "the screen is off by {mean} on average");

    // When nothing moves any more, the last picture comes once more without loss.
    client.wait("the exact picture", |client| {
        mean_difference(client, &expected.pixels) == 0.0
    });
}

fn mean_difference(client: &Client, expected: &[u8]) -> f64 {
    let screen = client.session.screen().expect("there is a screen");
    let pairs = screen.pixels.iter().zip(expected);
    let difference: u64 = pairs
        .map(|(ours, theirs)| u64::from(ours.abs_diff(*theirs)))
        .sum();
    difference as f64 / expected.len() as f64
}

#[test]
fn a_channel_that_closes_leaves_the_others() {
    let mut client = Client::start(&["primary size=64,48"]);
    client.connect("");
    client.session.closed(ChannelRef::CURSOR);
    client.command("fill box=0,0,64,48 colour=0x123456");
    client.catch_up();
    let screen = client.session.screen().expect("there is a screen");
    assert_eq!(screen.pixels[..4], [0x12, 0x34, 0x56, 255]);
}
