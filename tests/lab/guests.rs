//! Guests under QEMU, recorded: what a person sees of a real machine. They take minutes, so they are
//! left out unless asked for (`--ignored`), and are there to record again (SAFFRON_RECORD=1).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use spice::{Config, Scancode};

use super::client::Client;
use super::recording::Recording;
use super::sessions::{assert_replays, finish, keep};

/// Debian's installer, as its package has it.
const INSTALLER: &str = "/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64";

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
                "-serial",
                &format!(
                    "unix:{},server=on,wait=off",
                    folder.join("serial").display()
                ),
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

    /// The guest's serial line.
    fn serial(&self) -> UnixStream {
        let path = self.folder.join("serial");
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match UnixStream::connect(&path) {
                Ok(serial) => return serial,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn monitor(&mut self, command: &str) {
        let monitor = self.qemu.stdin.as_mut().expect("stdin is a pipe");
        writeln!(monitor, "{command}").expect("the monitor takes commands");
    }

    /// The picture by QEMU's own hand: red, green, blue.
    fn screen_dump(&mut self, client: &mut Client) -> Vec<u8> {
        let file = self.folder.join("screen.ppm");
        let _ = std::fs::remove_file(&file);
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
    end_exactly(&mut guest, &mut client, "installer");
}

/// The picture is QEMU's own, and the recording makes it again.
fn end_exactly(guest: &mut Guest, client: &mut Client, name: &str) {
    // With X's driver QEMU renders its screen after it was asked for a dump: the next one has it.
    let _ = guest.screen_dump(client);
    let expected = guest.screen_dump(client);
    let recording = finish(client);
    let screen = client.session.screen().expect("there is a screen");
    let (pixels, _) = screen.pixels.as_chunks::<4>();
    let ours: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| pixel[..3].to_vec())
        .collect();
    let width = screen.width as usize;
    let wrong: Vec<(usize, usize)> = ours
        .chunks(3)
        .zip(expected.chunks(3))
        .enumerate()
        .filter(|(_, (ours, theirs))| ours != theirs)
        .map(|(at, _)| (at % width, at / width))
        .collect();
    if let Some(folder) = std::env::var_os("SAFFRON_PICTURES").filter(|_| !wrong.is_empty()) {
        for (end, pixels) in [("ours", &ours), ("qemu", &expected)] {
            let mut ppm = format!("P6\n{width} {}\n255\n", pixels.len() / width / 3).into_bytes();
            ppm.extend(pixels);
            let file = PathBuf::from(&folder).join(format!("{name}-{end}.ppm"));
            std::fs::write(file, ppm).expect("the folder for pictures is there");
        }
    }
    assert!(
        wrong.is_empty() && ours.len() == expected.len(),
        "{name}: {} pixels are not QEMU's, from {:?} to {:?}, columns {:?} to {:?}",
        wrong.len(),
        wrong.first(),
        wrong.last(),
        wrong.iter().map(|(x, _)| x).min(),
        wrong.iter().map(|(x, _)| x).max()
    );
    assert_eq!(client.problems(), []);
    assert_replays(&recording);
    keep(name, &recording);
}

/// Types on an American keyboard.
fn type_line(client: &mut Client, line: &str) {
    const ROWS: [(u16, &str); 4] = [
        (0x02, "1234567890-="),
        (0x10, "qwertyuiop[]"),
        (0x1e, "asdfghjkl;'"),
        (0x2c, "zxcvbnm,./"),
    ];
    for letter in line.chars() {
        let plain = match letter {
            '&' => '7',
            '+' => '=',
            letter => letter,
        };
        let place = ROWS.iter().find_map(|(first, row)| {
            let at = row.find(plain)?;
            Some(first + at as u16)
        });
        let key = Scancode(if letter == ' ' {
            0x39
        } else {
            place.expect("a key")
        });
        let shift = (plain != letter).then_some(Scancode(0x2a));
        for (key, down) in shift
            .map(|shift| (shift, true))
            .into_iter()
            .chain([(key, true), (key, false)])
            .chain(shift.map(|shift| (shift, false)))
        {
            client.session.key(key, down);
        }
        client.follow();
        client.wait_for(Duration::from_millis(60));
    }
    press(client, &[0x1c]);
}

/// A Linux desktop with X's driver for QXL, which draws with more than copies. Its disk has to be named;
/// it says DESKTOP-READY on its serial line, a terminal has the keyboard, and other windows of `ico` and
/// `xclock` move.
#[test]
#[ignore = "boots a desktop from the disk that SAFFRON_DESKTOP names; to record again"]
fn a_desktop_guest_is_recorded_as_qemu_shows_it() {
    let disk = std::env::var("SAFFRON_DESKTOP").expect("SAFFRON_DESKTOP names a guest's disk");
    let drive = format!("file={disk},if=virtio,format=qcow2,snapshot=on");
    let mut guest = Guest::start(&["-drive", &drive, "-net", "none"]);
    let mut serial = guest.serial();
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&said).contains("DESKTOP-READY") {
        let count = serial.read(&mut piece).expect("the guest boots");
        assert!(count > 0, "the guest ended");
        said.extend(&piece[..count]);
    }
    let mut client = guest.connect();
    client.wait_for(Duration::from_secs(2));
    // Root's shell on the serial line ends what moves all the time, before it fills the recording.
    serial
        .write_all(b"pkill -x ico\n")
        .expect("the serial line is open");
    // The terminal has the keyboard.
    for (line, seconds) in [
        ("ls -l /etc", 6),
        ("xterm -geometry 70x20+420+300 &", 8),
        ("seq 200", 3),
        ("exit", 3),
    ] {
        type_line(&mut client, line);
        client.wait_for(Duration::from_secs(seconds));
    }
    serial
        .write_all(b"pkill -x xclock\n")
        .expect("the serial line is open");
    // Terminals have no cursor that blinks.
    until_still(&mut client, Duration::from_secs(5), Duration::from_secs(60));
    end_exactly(&mut guest, &mut client, "desktop-guest");
}
