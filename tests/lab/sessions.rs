//! Whole conversations of real servers, recorded as `spice/tests/recording.rs` says. With
//! SAFFRON_RECORD=1 they are also written to `spice/tests/data/session`, where the core's own tests and
//! benchmarks replay them.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use spice::{Config, Scancode, Session, VideoCodec};

use super::client::Client;
use super::recording::{Record, Recording, checksum};

/// A recording in the repository is no larger than this.
const MOST_BYTES: usize = 1_500_000;
/// Debian's installer, as its package has it.
const INSTALLER: &str = "/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64";

/// The picture as it is, and the recording of how it came to be.
fn finish(client: &mut Client) -> Recording {
    let screen = client.session.screen().expect("there is a screen");
    let mut recording = client.recording.take().expect("it was wanted");
    recording.end(screen.width, screen.height, checksum(screen.pixels));
    recording
}

fn keep(name: &str, recording: &Recording) {
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
fn assert_replays(recording: &Recording) {
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

/// QEMU with a guest, and its monitor.
struct Guest {
    qemu: Child,
    port: u16,
    folder: PathBuf,
}

impl Guest {
    fn start(arguments: &[&str]) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("guest-{port}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let qemu = Command::new("qemu-system-x86_64")
            .args([
                "-accel", "tcg", "-m", "1024", "-vga", "qxl", "-monitor", "stdio",
            ])
            .args(["-device", "usb-ehci", "-device", "usb-tablet"])
            .args([
                "-spice",
                &format!("port={port},addr=127.0.0.1,disable-ticketing=on"),
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("qemu-system-x86_64 is there");
        Self { qemu, port, folder }
    }

    fn connect(&self) -> Client {
        let end = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "QEMU does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut client = Client::at(Config::default(), self.port);
        client.recording = Some(Recording::new());
        client.connect("");
        client
    }

    fn monitor(&mut self, command: &str) {
        let monitor = self.qemu.stdin.as_mut().expect("stdin is a pipe");
        writeln!(monitor, "{command}").expect("the monitor takes commands");
    }

    /// The picture by QEMU's own hand: red, green, blue.
    fn screen_dump(&mut self, client: &mut Client) -> Vec<u8> {
        let file = self.folder.join("screen.ppm");
        self.monitor(&format!("screendump {}", file.display()));
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            client.wait_for(Duration::from_millis(300));
            let ppm = std::fs::read(&file).unwrap_or_default();
            // P6, width, height and 255 on lines of their own, then the pixels.
            let head: Vec<&[u8]> = ppm.splitn(4, |byte| *byte == b'\n').collect();
            if let [b"P6", size, b"255", pixels] = head[..] {
                let size = String::from_utf8_lossy(size);
                let area: usize = size
                    .split(' ')
                    .filter_map(|n| n.parse::<usize>().ok())
                    .product();
                if pixels.len() == area * 3 {
                    return pixels.to_vec();
                }
            }
            assert!(Instant::now() < end, "QEMU makes no picture of its screen");
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Goes on until the screen has not changed for so long.
fn until_still(client: &mut Client, still: Duration, patience: Duration) {
    let (end, mut since, mut last) = (Instant::now() + patience, Instant::now(), 0);
    while since.elapsed() < still && Instant::now() < end {
        client.wait_for(Duration::from_millis(200));
        let draws = client.session.statistics().draws;
        if draws != last {
            last = draws;
            since = Instant::now();
        }
    }
}

fn press(client: &mut Client, keys: &[u16]) {
    for key in keys {
        client.session.key(Scancode(*key), true);
        client.session.key(Scancode(*key), false);
        client.follow();
        client.wait_for(Duration::from_millis(700));
    }
}

#[test]
#[ignore = "boots Debian's graphical installer under emulation, which takes minutes; to record again"]
fn the_installer_is_recorded_as_qemu_shows_it() {
    let kernel = format!("{INSTALLER}/linux");
    let initrd = format!("{INSTALLER}/initrd.gz");
    let mut guest = Guest::start(&[
        "-kernel",
        &kernel,
        "-initrd",
        &initrd,
        "-append",
        "vga=788 quiet",
        "-net",
        "none",
    ]);
    let mut client = guest.connect();
    // The kernel's lines, then a few seconds of nothing while the installer starts, then its first page.
    let end = Instant::now() + Duration::from_secs(400);
    while client.session.statistics().draws < 60 && Instant::now() < end {
        client.wait_for(Duration::from_millis(500));
    }
    until_still(
        &mut client,
        Duration::from_secs(12),
        Duration::from_secs(400),
    );
    // Down through the list of languages, up again, and on.
    press(
        &mut client,
        &[0xe050, 0xe050, 0xe050, 0xe051, 0xe051, 0xe049, 0xe048, 0x1c],
    );
    until_still(&mut client, Duration::from_secs(4), Duration::from_secs(60));
    let expected = guest.screen_dump(&mut client);
    let recording = finish(&mut client);
    let screen = client.session.screen().expect("there is a screen");
    let (pixels, _) = screen.pixels.as_chunks::<4>();
    let ours: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| pixel[..3].to_vec())
        .collect();
    assert!(ours == expected, "our picture is QEMU's");
    assert_eq!(client.problems(), []);
    assert_replays(&recording);
    keep("installer", &recording);
}
