//! The drawing server's scenes, which benchmarks run: our client's screen ends as the server's own.

use std::sync::mpsc;
use std::time::Duration;

use spice::{Config, ImageCompression, Preferences, VideoCodec};

use super::client::Client;
use super::draw_server::{DrawServer, Said};
use super::messages::{END, read_display};

/// Runs a scene to its end; gives what the server says of it.
fn play(client: &mut Client, scene: &str) -> String {
    client.command(&format!("scene {scene}"));
    client.wait("the scene's end", |client| {
        client
            .guest_events
            .iter()
            .any(|event| event.starts_with("scene "))
    });
    let at = client
        .guest_events
        .iter()
        .position(|event| event.starts_with("scene "))
        .expect("just seen");
    client.guest_events.remove(at)
}

/// The number with this name in what the server said.
fn figure(said: &str, name: &str) -> u64 {
    said.split(' ')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        .unwrap_or_else(|| panic!("{name} in {said}"))
}

#[track_caller]
fn assert_exact(client: &mut Client, what: &str) {
    client.catch_up();
    assert_eq!(client.problems(), [], "{what}");
    let expected = client.render(0);
    let screen = client.session.screen().expect("there is a screen");
    assert!(
        screen.pixels == expected.pixels,
        "{what}: the screens differ"
    );
}

#[test]
fn a_desktop_at_work_is_exact_in_every_compression() {
    for compression in ["off", "quic", "lz", "glz", "lz4", "auto_glz"] {
        let setup = format!("compression mode={compression}");
        let mut client = Client::start(&[&setup, "primary size=1280,800"]);
        client.connect("");
        let said = play(&mut client, "name=desktop count=600");
        assert!(figure(&said, "copy_bits") > 20, "{said}");
        assert!(said.ends_with("complete=1"), "{said}");
        assert_exact(&mut client, compression);
    }
}

#[test]
fn every_photograph_of_a_row_arrives() {
    for compression in ["quic", "lz", "auto_glz"] {
        let setup = format!("compression mode={compression}");
        let mut client = Client::start(&[&setup, "primary size=1280,800"]);
        client.connect("");
        // The screen as it was comes first.
        client.catch_up();
        let before = client.session.statistics().images.values().sum::<u64>();
        let said = play(&mut client, "name=photo count=5");
        assert_eq!(figure(&said, "pictures"), 5, "{said}");
        assert_exact(&mut client, compression);
        let after = client.session.statistics().images.values().sum::<u64>();
        assert_eq!(after - before, 5, "{compression}");
    }
}

#[test]
fn photographs_wait_for_a_client_that_does_not_read() {
    let (say, said) = mpsc::channel();
    let mut server = DrawServer::start(move |line| {
        // Nobody listens any more once the test is done.
        let _ = say.send(line);
    });
    let events = move |begin: &str| loop {
        match said.recv().expect("the drawing server goes on") {
            Said::Event(event) if event.starts_with(begin) => return event,
            Said::Error(error) => panic!("{error}"),
            _ => {}
        }
    };
    server.send("compression mode=lz");
    server.send("primary size=1280,800");
    let port = server.port();
    let (ready, is_ready) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    std::thread::scope(move |scope| {
        let reading = scope.spawn(move || {
            read_display(port, || {
                ready.send(()).expect("the test waits");
                goes.recv().expect("the test goes on");
            })
        });
        is_ready.recv().expect("the display channel opens");
        server.send("scene name=photo count=30");
        // Nobody reads; what is drawn comes to rest when the line is full.
        let (mut drawn, mut last) = (1, 0);
        while drawn != last || drawn < 2 {
            last = drawn;
            std::thread::sleep(Duration::from_millis(500));
            server.send("stats");
            drawn = figure(&events("stats"), "drawn");
        }
        // A photograph and its fence each; the line holds some megabytes, each is about one.
        assert!(drawn < 2 * 15, "{drawn} drawings were made for nobody");
        go.send(()).expect("the client waits");
        assert_eq!(figure(&events("scene"), "pictures"), 30);
        server.send(&format!("mark value={END}"));
        let (messages, _open) = reading.join().expect("the display channel can be read");
        assert_eq!(messages.len(), 30, "none is left out");
    });
}

#[test]
fn a_film_beside_a_desktop_is_a_stream() {
    let mut client = Client::start(&["primary size=1280,800"]);
    client.connect("");
    let said = play(
        &mut client,
        "name=mixed seconds=3 streaming=all codec=mjpeg",
    );
    assert!(figure(&said, "pictures") > 30, "{said}");
    assert!(client.session.statistics().stream_frames > 5, "{said}");
}

#[test]
fn a_client_with_wishes_that_comes_into_a_film_leaves_the_server_alive() {
    // libspice-server ends itself when they come together with a display's greeting.
    let mut client = Client::start_as(wishing(), &["primary size=1280,800"]);
    client.connect("");
    client.command("scene name=video720 seconds=4 codec=mjpeg");
    client.wait("a stream", |client| {
        client.session.statistics().stream_frames > 0
    });
    let mut late = Client::at(wishing(), client.port());
    late.connect("");
    late.wait("pictures", |late| late.session.statistics().draws > 0);
    late.wait_for(Duration::from_millis(300));
    client.command("flush");
}

/// A client that asks for a compression and codecs.
fn wishing() -> Config {
    Config {
        preferences: Preferences {
            compression: Some(ImageCompression::AutoGlz),
            codecs: vec![VideoCodec::Mjpeg],
        },
        ..Config::default()
    }
}

#[test]
fn a_key_turns_over_the_echo_at_once() {
    let mut client = Client::start(&["primary size=64,48", "echo on=1 box=0,0,8,8", "times on=1"]);
    client.connect("");
    client.catch_up();
    let mut colours = Vec::new();
    for press in 1..=2 {
        client.session.key(spice::Scancode(0x1e), true);
        client.session.key(spice::Scancode(0x1e), false);
        client.follow();
        client.wait("the echo", |client| {
            let echoes = client
                .guest_events
                .iter()
                .filter(|event| event.starts_with("echo "));
            echoes.count() == press
        });
        client.catch_up();
        let screen = client.session.screen().expect("there is a screen");
        colours.push(screen.pixels[0]);
    }
    assert_eq!(colours, [0, 255]);
    assert!(
        client
            .guest_events
            .iter()
            .any(|event| event.starts_with("key 1e at=")),
        "{:?}",
        client.guest_events
    );
}
