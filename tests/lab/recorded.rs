//! Images as a real server codes them: decoded one by one and held against the server's own
//! rendering. With SAFFRON_RECORD=1 those of [`CASES`], and whole small sessions, are also written
//! to `spice/tests/data`, where the core's own tests, fuzzers and benchmarks find them.

mod cases;

use std::path::Path;
use std::sync::mpsc;

use spice::image::{CacheLimits, ImageContext, decode};
use spice::message::display;
use spice::message::types::Image;
use spice::wire::{Reader, Writer};

use self::cases::{CASES, Case, SCREENS};
use super::client::Client;
use super::draw_server::{DrawServer, Rendering, Said};
use super::messages::{END, read_display, without_pings};

#[test]
fn every_codec_decodes_what_a_real_server_sends() {
    for case in CASES {
        let recording = Recording::of(case);
        recording.check();
        if let Some(folder) = std::env::var_os("SAFFRON_RECORD") {
            assert_eq!(folder, "1", "SAFFRON_RECORD is 1 or not set");
            let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../spice/tests/data/image");
            recording.write(&Path::new(data).join(case.name));
        }
    }
}

#[test]
fn a_full_screen_of_every_kind_is_decoded_exactly() {
    for case in SCREENS {
        Recording::of(case).check();
    }
}

/// Small sessions, each with much of what a server says: what fuzzing of messages starts from.
const SESSIONS: &[(&str, &[&str])] = &[
    (
        "operations",
        &[
            "fill box=0,0,32,24 colour=0x336699",
            "image name=0 format=32 size=16,12 pattern=photo",
            "image name=1 format=8 size=16,12 pattern=flat",
            "image name=2 format=rgba size=16,12 pattern=alpha",
            "image name=3 format=1be size=16,12 pattern=text",
            "image name=4 format=32 size=5,4 pattern=noise cache=4294967303",
            "copy box=2,2,16,12 image=0 clip=2,2,4,4;8,4,6,6",
            "copy box=10,8,20,14 image=1 scale=1",
            "opaque box=4,4,16,12 image=0 brush=4,1,1 rop=0x20",
            "fill box=0,10,20,10 brush=4,0,0 mask=3,0,0,1",
            "blend box=6,6,16,12 image=1 rop=0x40",
            "copy_bits box=3,3,20,16 at=0,0",
            "blackness box=20,0,4,4",
            "whiteness box=24,0,4,4",
            "invert box=18,2,8,8",
            "rop3 box=1,1,16,12 image=0 colour=0x80ff40 rop=0xb8",
            "transparent box=2,10,16,12 image=1 colour=0xf8f8f8",
            "alpha_blend box=12,8,16,12 image=2 alpha=130",
            "copy box=20,18,5,4 image=4",
        ],
    ),
    (
        "surfaces",
        &[
            "surface id=7 size=20,10 format=argb",
            "image name=0 format=16 size=16,12 pattern=photo",
            "image name=9 surface=7 size=20,10",
            "fill on=7 box=0,0,20,10 colour=0x808000",
            "copy on=7 box=1,1,16,12 image=0",
            "copy box=4,4,20,10 image=9",
            "surface_destroy id=7",
            "primary_destroy",
            "primary size=40,20",
            "fill box=1,1,38,18 colour=0xff",
        ],
    ),
    (
        "pointer",
        &[
            "cursor at=3,4 type=alpha size=8,8 hot=1,2 pattern=alpha id=5",
            "cursor at=3,4 type=mono size=8,8 hot=1,2 pattern=text",
            "cursor at=3,4 type=color32 size=8,8 hot=1,2 pattern=flat",
            "cursor_hide",
            "leds mask=3",
            "tablet present=0",
        ],
    ),
];

#[test]
fn small_sessions_end_with_the_servers_screen() {
    for (name, commands) in SESSIONS {
        let mut client = Client::start(&["primary size=32,24"]);
        client.transcript = Some(Vec::new());
        client.connect("");
        for command in *commands {
            client.command(command);
            client.catch_up();
        }
        assert_eq!(client.problems(), [], "{name}");
        let expected = client.render(0);
        let screen = client.session.screen().expect("there is a screen");
        assert_eq!(screen.pixels, expected.pixels, "{name}");
        if std::env::var_os("SAFFRON_RECORD").is_some() {
            let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../spice/tests/data/message");
            std::fs::create_dir_all(data).expect("the folder of the sessions");
            let transcript = client.transcript.take().expect("it was wanted");
            let transcript = without_pings(&transcript);
            std::fs::write(Path::new(data).join(format!("{name}.bin")), transcript)
                .expect("the session can be kept");
        }
    }
}

/// The images of a case as the server sent them, and the screen it made of them.
struct Recording<'a> {
    case: &'a Case,
    /// Whole DRAW_COPY messages.
    messages: Vec<Vec<u8>>,
    screen: Rendering,
}

impl<'a> Recording<'a> {
    fn of(case: &'a Case) -> Self {
        let (said, answers) = mpsc::channel();
        let mut server = DrawServer::start(move |line| {
            // Nobody listens any more once the recording is done.
            let _ = said.send(line);
        });
        let port = server.port();
        let mut command = |line: &str| {
            server.send(line);
            match answers.recv().expect("the drawing server answers") {
                Said::Ok(rendering) => rendering,
                Said::Error(error) => panic!("{line}: {error}"),
                Said::Event(event) => panic!("{line}: unexpected {event}"),
                Said::Gone => panic!("{line}: the drawing server has ended"),
            }
        };
        let (width, height) = case.size;
        for line in case.setup {
            command(line);
        }
        command(&format!(
            "primary size={},{height}",
            width * case.images.len() as u32
        ));
        let (messages, _open) = std::thread::scope(|scope| {
            let (ready, wait) = mpsc::channel();
            let reading =
                scope.spawn(move || read_display(port, || ready.send(()).expect("ready")));
            wait.recv().expect("the display channel opens");
            for (number, image) in case.images.iter().enumerate() {
                command(&format!(
                    "image name={number} size={width},{height} {image}"
                ));
                let x = number as u32 * width;
                command(&format!("copy box={x},0,{width},{height} image={number}"));
            }
            command(&format!("mark value={END}"));
            reading.join().expect("the display channel can be read")
        });
        let screen = command("render on=0").expect("render answers with a picture");
        Self {
            case,
            messages,
            screen,
        }
    }

    /// What the server drew at the place of one image.
    fn expected(&self, number: usize) -> Vec<[u8; 4]> {
        let (width, height) = (self.case.size.0 as usize, self.case.size.1 as usize);
        let (rows, _) = self.screen.pixels.as_chunks::<4>();
        rows.chunks_exact(self.screen.width as usize)
            .take(height)
            .flat_map(|row| &row[number * width..(number + 1) * width])
            .copied()
            .collect()
    }

    fn check(&self) {
        let name = self.case.name;
        assert_eq!(
            self.messages.len(),
            self.case.images.len(),
            "{name}: number of images"
        );
        let mut context = ImageContext::new(CacheLimits::default());
        for (number, message) in self.messages.iter().enumerate() {
            let image = image_of(message);
            assert_eq!(
                image.descriptor.kind, self.case.kind,
                "{name}: image {number}"
            );
            let decoded = decode(image, &mut context)
                .unwrap_or_else(|error| panic!("{name}: image {number}: {error}"));
            let expected = self.expected(number);
            let difference: u64 = decoded
                .data
                .iter()
                .zip(&expected)
                .flat_map(|(a, b)| (0..3).map(move |colour| a[colour].abs_diff(b[colour])))
                .map(u64::from)
                .sum();
            let mean = difference as f64 / (expected.len() * 3) as f64;
            assert!(
                mean <= self.case.mean_error,
                "{name}: image {number} is off by {mean} on average"
            );
        }
    }

    /// `input.bin`: for each image, the length of its message, the place of the image in it, and the
    /// message. `expect.png`: the last image. `case.toml`: how near it must be.
    fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).expect("the folder of the case");
        let mut input = Vec::new();
        let mut writer = Writer::new(&mut input);
        for message in &self.messages {
            writer
                .u32(message.len() as u32)
                .u32(image_offset(message))
                .bytes(message);
        }
        std::fs::write(folder.join("input.bin"), input).expect("input.bin");
        let (width, height) = self.case.size;
        let file = std::fs::File::create(folder.join("expect.png")).expect("expect.png");
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let pixels: Vec<u8> = self
            .expected(self.case.images.len() - 1)
            .iter()
            .flat_map(|[red, green, blue, _]| [*red, *green, *blue])
            .collect();
        let mut png = encoder.write_header().expect("expect.png");
        png.write_image_data(&pixels).expect("expect.png");
        if self.case.mean_error > 0.0 {
            let text = format!("mean_error = {}\n", self.case.mean_error);
            std::fs::write(folder.join("case.toml"), text).expect("case.toml");
        }
    }
}

/// Where the image is in a DRAW_COPY message.
fn image_offset(message: &[u8]) -> u32 {
    let mut reader = Reader::new(message);
    display::Base::read(&mut reader).expect("what and where a message draws");
    reader.u32("source image").expect("the place of the image")
}

fn image_of(message: &[u8]) -> Image<'_> {
    Image::at(message, image_offset(message)).expect("an image")
}
