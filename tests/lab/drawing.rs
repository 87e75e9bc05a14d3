//! Every drawing operation, in every format and compression, drawn by a real server: the screen our
//! client has must be the one that the server's own renderer made, pixel for pixel.

use spice::message::types::ImageType;

use super::client::Client;

const COMPRESSIONS: &[&str] = &["off", "quic", "lz", "glz", "auto_lz", "auto_glz"];
/// What libspice-server can render: it has no code for the little-endian one- and four-bit formats.
const FORMATS: &[&str] = &["1be", "4be", "8", "16", "24", "32", "rgba"];
const PATTERNS: &[&str] = &["photo", "noise", "text", "flat", "alpha"];

/// Raster operations by their flags in the protocol (SpiceRopd): put, and with the source, the
/// brush, the destination or the result inverted; or, and, xor; and those without a source.
const ROPS: &[u32] = &[
    0x008, 0x009, 0x00a, 0x408, 0x010, 0x020, 0x040, 0x011, 0x025, 0x044, 0x450, 0x080, 0x100,
    0x200,
];

/// Holds the client's screen against the server's.
#[track_caller]
fn compare(client: &mut Client, what: &str) {
    client.catch_up();
    let problems = client.problems();
    assert!(problems.is_empty(), "{what}: {problems:?}");
    let expected = client.render(0);
    let screen = client.session.screen().expect("there is a screen");
    assert_eq!(
        (screen.width, screen.height),
        (expected.width, expected.height),
        "{what}"
    );
    let (ours, _) = screen.pixels.as_chunks::<4>();
    let (theirs, _) = expected.pixels.as_chunks::<4>();
    let wrong: Vec<usize> = (0..ours.len())
        .filter(|&at| ours[at] != theirs[at])
        .collect();
    if let Some(&first) = wrong.first() {
        let (x, y) = (first as u32 % screen.width, first as u32 / screen.width);
        panic!(
            "{what}: {} pixels differ, the first at {x},{y}: we have {:?}, the server {:?}",
            wrong.len(),
            ours[first],
            theirs[first]
        );
    }
}

/// Runs commands, comparing after each that draws.
fn run(client: &mut Client, context: &str, commands: &[String]) {
    for command in commands {
        client.command(command);
        if !command.starts_with("image ") {
            compare(client, &format!("{context}: {command}"));
        }
    }
}

#[test]
fn copies_are_exact_in_every_format_and_compression() {
    for compression in COMPRESSIONS {
        let setup = format!("compression mode={compression}");
        let mut client = Client::start(&[&setup, "primary size=400,300"]);
        client.connect("");
        client.command("fill box=0,0,400,300 colour=0x204060");
        let mut cache_id = 1u64 << 33;
        for format in FORMATS {
            let mut image = 0;
            for pattern in PATTERNS {
                // The last two are one picture, named twice: the second comes from the cache.
                cache_id += 1 << 32;
                let cached = format!("cache={cache_id}");
                for extra in ["", "bottom_up=1", "padding=4", &cached, &cached] {
                    let (x, y) = (image % 5 * 80, image / 5 * 59);
                    client.command(&format!(
                        "image name={image} format={format} size=79,57 pattern={pattern} {extra}"
                    ));
                    client.command(&format!("copy box={x},{y},79,57 image={image}"));
                    image += 1;
                }
            }
            compare(&mut client, &format!("{format} by {compression}"));
        }
    }
}

#[test]
fn slow_links_get_the_same_pictures_by_zlib() {
    let setup = [
        "compression mode=glz",
        "zlib mode=always",
        "primary size=400,300",
    ];
    let mut client = Client::start(&setup);
    client.connect("");
    for (number, pattern) in PATTERNS.iter().cycle().take(15).enumerate() {
        client.command(&format!(
            "image name=1 format=32 size=100,80 pattern={pattern} seed=4"
        ));
        let (x, y) = (number % 4 * 100, number / 4 * 70);
        client.command(&format!("copy box={x},{y},100,80 image=1"));
    }
    compare(&mut client, "zlib");
}

#[test]
fn slow_links_get_photographs_as_jpeg_and_what_must_be_exact_without_loss() {
    for format in ["32", "rgba"] {
        let setup = [
            "compression mode=auto_glz",
            "jpeg mode=always",
            "primary size=400,300",
        ];
        let mut client = Client::start(&setup);
        client.connect("");
        client.command("image name=0 format=32 size=400,300 pattern=text");
        client.command("copy box=0,0,400,300 image=0");
        client.command(&format!(
            "image name=1 format={format} size=200,150 pattern=photo cache=4294967303"
        ));
        client.command("copy box=10,10,200,150 image=1");
        client.catch_up();
        assert_eq!(client.problems(), [], "{format}");
        let lossy = if format == "rgba" {
            ImageType::JPEG_ALPHA
        } else {
            ImageType::JPEG
        };
        let images = &client.session.statistics().images;
        assert!(images.contains_key(&lossy), "{format}: {images:?}");
        let expected = client.render(0);
        let screen = client.session.screen().expect("there is a screen");
        let differences = screen.pixels.iter().zip(&expected.pixels);
        let worst = differences
            .map(|(ours, theirs)| ours.abs_diff(*theirs))
            .max()
            .expect("there are pixels");
        assert!((1..64).contains(&worst), "{format}: off by {worst} at most");

        // Where one colour is to be left out, the picture must be the guest's to the last bit.
        client.command("blackness box=0,0,400,300");
        client.command("transparent box=10,10,200,150 image=1 colour=0x123456");
        compare(&mut client, format);
    }
}

/// One command for each way to draw, on a screen of 320 by 240.
fn operations() -> Vec<String> {
    let mut commands: Vec<String> = [
        "image name=0 format=32 size=320,240 pattern=photo",
        "image name=1 format=32 size=64,48 pattern=text",
        "image name=2 format=8 size=64,48 pattern=flat",
        "image name=3 format=rgba size=64,48 pattern=alpha",
        "image name=4 format=16 size=30,20 pattern=photo",
        "image name=5 format=1be size=64,48 pattern=text",
        "image name=6 format=32 size=9,7 pattern=noise",
        "copy box=0,0,320,240 image=0",
        // Parts, clips, masks.
        "copy box=10,10,30,20 image=1 from=5,6,30,20",
        "copy box=50,10,64,48 image=1 clip=50,10,10,10;70,20,20,30;100,50,40,40",
        "copy box=120,10,64,48 image=2 clip=0,0,1,1",
        "copy box=120,10,64,48 image=2 mask=5,0,0,0",
        "copy box=190,10,50,40 image=1 mask=5,3,4,1",
        "copy box=-20,-10,64,48 image=1",
        "copy box=290,220,64,48 image=2",
        "fill box=10,60,40,30 colour=0xff8000",
        "fill box=20,70,40,30 colour=0x0080ff clip=25,75,10,10;40,80,3,20",
        "fill box=60,60,64,48 colour=0x00ff00 mask=5,0,0,0",
        "fill box=130,60,50,40 colour=0x00ffff mask=5,2,1,1",
        "fill box=190,60,60,50 brush=6,0,0",
        "fill box=250,60,60,50 brush=6,4,3",
        "fill box=250,120,60,50 brush=4,2,3 mask=5,0,0,0",
        "opaque box=10,120,64,48 image=1 colour=0x336699",
        "opaque box=80,120,64,48 image=2 brush=6,1,1",
        // Stretched, by the nearest pixel and in between.
        "copy box=150,120,100,30 image=1 scale=1",
        "copy box=150,120,30,90 image=1 from=10,10,40,20 scale=1",
        // Within the screen, towards every side, overlapping and not.
        "copy_bits box=40,40,100,80 at=30,30",
        "copy_bits box=30,30,100,80 at=45,42",
        "copy_bits box=60,30,100,80 at=50,40",
        "copy_bits box=20,100,100,80 at=200,10",
        "copy_bits box=200,100,100,100 at=190,100 clip=200,100,20,20;240,120,30,60",
        "blackness box=5,5,20,20",
        "whiteness box=15,15,20,20",
        "invert box=10,10,40,40",
        "invert box=100,100,64,48 mask=5,0,0,0",
        "transparent box=150,50,64,48 image=1 colour=0xfafaf5",
        "alpha_blend box=10,180,64,48 image=3 alpha=255",
        "alpha_blend box=80,180,64,48 image=3 alpha=130",
        "alpha_blend box=150,180,64,48 image=1 alpha=77 clip=160,190,20,20;190,200,50,50",
    ]
    .map(str::to_owned)
    .to_vec();
    for rop in ROPS {
        commands.push(format!("copy box=120,160,64,48 image=1 rop={rop}"));
        commands.push(format!("blend box=140,150,64,48 image=2 rop={rop}"));
        commands.push(format!("fill box=100,170,90,30 colour=0x5a3cf0 rop={rop}"));
        commands.push(format!("fill box=100,150,30,80 brush=6,0,0 rop={rop}"));
        commands.push(format!(
            "opaque box=30,150,64,48 image=1 brush=6,2,2 rop={rop}"
        ));
    }
    // Of those that need all three of source, brush and destination.
    for rop in [
        0x01, 0x16, 0x1a, 0x2b, 0x5b, 0x69, 0x6f, 0x80, 0x96, 0xac, 0xb8, 0xca, 0xd8, 0xe2, 0xfe,
    ] {
        commands.push(format!(
            "rop3 box=220,160,64,48 image=1 brush=6,0,0 rop={rop}"
        ));
        commands.push(format!(
            "rop3 box=10,170,64,48 image=2 colour=0x80ff40 rop={rop}"
        ));
    }
    commands
}

#[test]
fn every_operation_draws_what_the_server_draws() {
    for compression in ["off", "auto_glz"] {
        let setup = format!("compression mode={compression}");
        let mut client = Client::start(&[&setup, "primary size=320,240"]);
        client.connect("");
        run(&mut client, compression, &operations());
    }
}

#[test]
fn many_operations_at_once_end_in_the_same_screen() {
    // The server leaves out what is covered by later drawing, and reorders what it may.
    let mut client = Client::start(&["primary size=320,240"]);
    client.connect("");
    for round in 0..3 {
        for command in operations() {
            client.command(&command);
        }
        compare(&mut client, &format!("round {round}"));
    }
}

#[test]
fn surfaces_off_the_screen_are_drawn_on_and_copied_from() {
    let mut client = Client::start(&["primary size=320,240"]);
    client.connect("");
    for format in ["xrgb", "argb"] {
        let commands = [
            &format!("surface id=7 size=90,70 format={format}"),
            "image name=0 format=32 size=320,240 pattern=photo",
            "image name=1 format=32 size=64,48 pattern=text",
            "image name=2 format=rgba size=64,48 pattern=alpha",
            "image name=9 surface=7 size=90,70",
            "copy box=0,0,320,240 image=0",
            "fill on=7 box=0,0,90,70 colour=0x808000",
            "copy box=10,10,90,70 image=9",
            "copy on=7 box=5,5,64,48 image=1",
            "copy on=7 box=20,20,64,48 image=2",
            "copy_bits on=7 box=10,10,50,40 at=0,0",
            "copy box=110,10,90,70 image=9",
            "copy box=210,10,40,30 image=9 from=8,9,40,30",
            "copy box=110,100,90,70 image=9 rop=0x40",
            "opaque box=10,100,90,70 image=9 colour=0x102030",
            "alpha_blend box=210,100,90,70 image=9 alpha=200",
            "surface_destroy id=7",
        ];
        run(&mut client, format, &commands.map(str::to_owned));
    }
}

#[test]
fn a_client_that_comes_late_sees_what_was_drawn_before() {
    let mut client = Client::start(&[
        "primary size=320,240",
        "image name=0 format=32 size=320,240 pattern=photo",
        "image name=1 format=8 size=64,48 pattern=text",
        "copy box=0,0,320,240 image=0",
        "surface id=3 size=64,48",
        "copy on=3 box=0,0,64,48 image=1",
        "flush",
    ]);
    client.connect("");
    compare(&mut client, "what was there");
    client.command("image name=9 surface=3 size=64,48");
    client.command("copy box=100,100,64,48 image=9");
    compare(&mut client, "a surface from before");
}

#[test]
fn the_screen_follows_when_the_guest_changes_its_size() {
    let mut client = Client::start(&["primary size=320,240"]);
    client.connect("");
    client.command("image name=0 format=32 size=100,100 pattern=photo");
    for (width, height) in [(640, 480), (101, 33), (1280, 720), (320, 240)] {
        client.command("primary_destroy");
        client.command(&format!("primary size={width},{height}"));
        client.command("copy box=0,0,100,100 image=0");
        compare(&mut client, &format!("{width} by {height}"));
    }
}

#[test]
fn screens_of_sixteen_bits_are_exact_too() {
    for compression in ["off", "quic", "lz"] {
        let setup = format!("compression mode={compression}");
        let mut client = Client::start(&[&setup, "primary size=320,240 format=555"]);
        client.connect("");
        let commands = [
            "image name=4 format=16 size=64,48 pattern=photo",
            "copy box=0,0,64,48 image=4",
            "fill box=100,0,64,48 colour=0x7fff",
            "fill box=120,10,64,48 colour=0x1234",
            "copy_bits box=50,50,64,48 at=110,0",
        ];
        run(&mut client, compression, &commands.map(str::to_owned));
    }
}

/// A picture's worth of the next number, the same in every run.
fn random(state: &mut u32, below: u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state % below
}

#[test]
fn pictures_that_resemble_earlier_ones_stay_exact_for_a_thousand_of_them() {
    // Enough that the server's dictionary forgets, and its images refer back through all of it.
    let mut client = Client::start(&["compression mode=glz", "primary size=640,480"]);
    client.connect("");
    let mut state = 0x2545_f491;
    for number in 1..=1000 {
        let mut pick = |below| random(&mut state, below);
        let (width, height) = (20 + pick(160), 20 + pick(120));
        let pattern = PATTERNS[pick(5) as usize];
        let format = ["16", "24", "32", "rgba"][pick(4) as usize];
        let (x, y, seed) = (pick(640 - width), pick(480 - height), pick(4));
        let bottom_up = pick(2);
        client.command(&format!(
            "image name=1 format={format} size={width},{height} pattern={pattern} seed={seed} bottom_up={bottom_up}"
        ));
        client.command(&format!("copy box={x},{y},{width},{height} image=1"));
        if number % 200 == 0 {
            compare(&mut client, &format!("{number} pictures"));
        }
    }
}
