//! Whole conversations of real servers, recorded as `spice/tests/recording.rs` says. With
//! SAFFRON_RECORD=1 they are also written to `spice/tests/data/session`, where the core's own tests and
//! benchmarks replay them.

use std::path::Path;
use std::time::{Duration, Instant};

use spice::{Config, Session, VideoCodec};

use super::client::Client;
use super::recording::{Record, Recording, checksum};

/// A recording in the repository is no larger than this.
const MOST_BYTES: usize = 1_500_000;
/// The picture as it is, and the recording of how it came to be.
pub fn finish(client: &mut Client) -> Recording {
    let screen = client.session.screen().expect("there is a screen");
    let mut recording = client.recording.take().expect("it was wanted");
    recording.end(screen.width, screen.height, checksum(screen.pixels));
    recording
}

pub fn keep(name: &str, recording: &Recording) {
    if std::env::var_os("SAFFRON_RECORD").is_none() {
        return;
    }
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../spice/tests/data/session"
    ));
    let packed = recording.packed();
    assert!(
        packed.len() <= MOST_BYTES,
        "{name} is of {} bytes, too many for the repository",
        packed.len()
    );
    std::fs::create_dir_all(folder).expect("the folder of the recordings");
    std::fs::write(folder.join(format!("{name}.session")), packed)
        .expect("the recording can be kept");
}

/// The recording, given to another session, makes the same picture.
pub fn assert_replays(recording: &Recording) {
    let packed = recording.packed();
    let recording = Recording::open(&packed).expect("what was packed can be unpacked");
    let mut session = Session::new(Config::default());
    let mut end = None;
    for record in recording.records() {
        match record {
            Record::Opened(channel, common, caps) => session.opened(channel, &common, &caps, 0),
            Record::Said(channel, ms, bytes) => {
                session.receive(channel, u64::from(ms) * 1000, bytes);
                while session.poll_event().is_some() {}
            }
            Record::Closed(channel) => session.closed(channel),
            Record::End(width, height, checksum) => end = Some((width, height, checksum)),
        }
    }
    let screen = session.screen().expect("there is a screen");
    assert_eq!(
        Some((screen.width, screen.height, checksum(screen.pixels))),
        end
    );
}

/// Runs a scene of the drawing server from before the client comes until all is there.
fn scene(config: Config, setup: &[&str], scene: &str) -> Client {
    let mut client = Client::start_as(config, setup);
    client.recording = Some(Recording::new());
    client.connect("");
    client.command(scene);
    client.wait("the scene's end", |client| {
        client
            .guest_events
            .iter()
            .any(|event| event.starts_with("scene "))
    });
    client.catch_up();
    client
}

#[test]
fn a_recorded_desktop_replays_to_the_same_picture() {
    for (name, compression) in [("desktop-glz", "auto_glz"), ("desktop-lz", "auto_lz")] {
        let setup = format!("compression mode={compression}");
        let mut client = scene(
            Config::default(),
            &[&setup, "primary size=1280,800"],
            "scene name=desktop count=1500",
        );
        let expected = client.render(0);
        let recording = finish(&mut client);
        let screen = client.session.screen().expect("there is a screen");
        assert!(screen.pixels == expected.pixels, "{name}: not the server's");
        assert_replays(&recording);
        keep(name, &recording);
    }
}

#[test]
fn recorded_photographs_replay_to_the_same_picture() {
    let mut client = scene(
        Config::default(),
        &["compression mode=quic", "primary size=640,400"],
        "scene name=photo count=2 size=640,400",
    );
    let recording = finish(&mut client);
    assert_replays(&recording);
    keep("photo-quic", &recording);
}

#[test]
fn a_recorded_film_replays_and_ends_exactly() {
    for (name, codec) in [("video-mjpeg", "mjpeg"), ("video-vp8", "vp8")] {
        let config = Config {
            codecs: vec![VideoCodec::Vp8],
            ..Config::default()
        };
        let setup = [
            "compression mode=auto_glz",
            &format!(
                "codecs list={}:{codec}",
                if codec == "mjpeg" {
                    "spice"
                } else {
                    "gstreamer"
                }
            ),
            "streaming mode=all",
            "primary size=480,320",
        ];
        let mut client = Client::start_as(config, &setup);
        client.recording = Some(Recording::new());
        client.connect("");
        for image in 1..=4 {
            client.command(&format!(
                "image name={image} format=32 size=240,160 pattern=photo seed={image}"
            ));
        }
        let begin = Instant::now();
        let mut number = 0;
        // The server makes a stream of it after a while, and drops frames that come too fast.
        while begin.elapsed() < Duration::from_secs(3) {
            number += 1;
            client.command(&format!("copy box=80,40,240,160 image={}", number % 4 + 1));
            client.wait_for(Duration::from_millis(33));
        }
        // Nothing moves any more: the server ends the stream with the exact picture.
        let expected = client.render(0);
        client.wait("the exact picture", |client| {
            let screen = client.session.screen().expect("there is a screen");
            screen.pixels == expected.pixels
        });
        let recording = finish(&mut client);
        keep(name, &recording);
        let created = client
            .session
            .statistics()
            .messages
            .keys()
            .any(|(_, kind)| *kind == spice::message::display::STREAM_CREATE);
        assert!(created, "{name}: there was a stream");
    }
}
