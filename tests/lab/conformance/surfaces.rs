//! Screens and surfaces off the screen of every format, drawn on and copied from.

use std::sync::OnceLock;

use super::{Case, Outcome, Stage, assert_conforms, case, painting, run};

/// What is drawn on a surface of 70 by 50 that the case makes; then all of it is put on the screen.
fn off_screen(number: u32, format: &str, row: &'static str, drawing: &[&str]) -> Case {
    // Few surfaces at a time, as a guest has.
    let id = 2 + number % 16;
    let mut commands = vec![format!("surface id={id} size=70,50 format={format}")];
    commands.push(format!("image name=30 surface={id} size=70,50"));
    // On the surface, places are its own.
    commands.push("origin at=0,0".to_owned());
    for drawing in drawing {
        let (word, rest) = drawing.split_once(' ').unwrap_or((drawing, ""));
        commands.push(format!("{word} on={id} {rest}"));
    }
    commands.push("origin back=1".to_owned());
    let show = if format == "a8" {
        "composite box=4,4,70,50 image=1 op=3 mask_image=30"
    } else {
        "copy box=4,4,70,50 image=30"
    };
    commands.push(show.to_owned());
    commands.push(format!("surface_destroy id={id}"));
    Case { row, commands }
}

/// Drawings that every surface of colours can take.
const SIMPLE: &[&str] = &[
    "fill box=5,5,40,30 colour=0x12345678",
    "fill box=5,5,40,30 colour=0x1234 rop=0x040",
    "fill box=5,5,40,30 colour=0x1234 rop=0x010 mask=5,0,0,0",
    "fill box=5,5,40,30 colour=0x7fff clip=10,8,20,15",
    "invert box=5,5,40,30",
    "blackness box=5,5,40,30",
    "whiteness box=5,5,40,30 mask=5,1,1,0",
    "copy_bits box=20,12,40,30 at=5,5",
    "copy_bits box=3,2,40,30 at=5,5",
    "stroke box=0,0,70,50 path=3:80,80;1000,700 colour=0x7c1f",
    "stroke box=0,0,70,50 path=3:80,80;1000,700 colour=0x7c1f style=48,48",
    "text box=5,5,60,40 depth=1 glyphs=5 size=8,12 step=10,0 colour=0x7fe0",
];

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut number = 0;
    for (format, row, base) in [
        ("xrgb", "surface xRGB", "fill box=0,0,70,50 colour=0x2d6b90"),
        (
            "argb",
            "surface ARGB",
            "fill box=0,0,70,50 colour=0xc02d6b90",
        ),
    ] {
        let mut drawings = SIMPLE.to_vec();
        drawings.extend([
            "copy box=3,1,64,48 image=1",
            "copy box=3,1,64,48 image=2",
            "copy box=3,1,64,48 image=3",
            "copy box=3,1,64,48 image=4",
            "copy box=3,1,64,48 image=7",
            "copy box=3,1,64,48 image=1 rop=0x040",
            "copy box=3,1,30,40 image=1 from=0,0,64,48 scale=1",
            "copy box=3,1,30,40 image=1 from=0,0,64,48 scale=0",
            "blend box=3,1,64,48 image=2 rop=0x010",
            "opaque box=3,1,64,48 image=1 brush=10,0,0 rop=0x008",
            "rop3 box=3,1,64,48 image=1 brush=10,0,0 rop=0x96",
            "rop3 box=3,1,64,48 image=1 colour=0x80ff40 rop=0xca",
            "transparent box=3,1,64,48 image=1 colour=0xfafaf5 true_colour=0xfafaf5",
            "alpha_blend box=3,1,64,48 image=3 alpha=255",
            "alpha_blend box=3,1,64,48 image=3 alpha=100 flags=1",
            "alpha_blend box=3,1,64,48 image=3 alpha=255 flags=1",
            "alpha_blend box=3,1,64,48 image=1 alpha=77",
            "text box=5,5,60,40 depth=4 glyphs=5 size=8,12 step=10,0 colour=0xff7fe0",
            "composite box=3,1,60,40 image=3 op=3",
            "composite box=3,1,60,40 image=3 op=1",
            "composite box=3,1,60,40 image=3 op=12",
            "composite box=3,1,60,40 image=1 op=3 opaque=1 mask_image=3",
        ]);
        for drawing in drawings {
            cases.push(off_screen(number, format, row, &[base, drawing]));
            number += 1;
        }
        // A surface as image of other operations.
        {
            for show in [
                "copy box=4,4,70,50 image=31 rop=0x040",
                "copy box=4,4,40,30 image=31 from=5,3,40,30",
                "copy box=4,4,60,20 image=31 from=0,0,70,50 scale=1",
                "copy box=4,4,60,20 image=31 from=0,0,70,50 scale=0",
                "blend box=4,4,70,50 image=31 rop=0x010",
                "opaque box=4,4,70,50 image=31 colour=0x102030",
                "rop3 box=4,4,70,50 image=31 colour=0x102030 rop=0x96",
                "transparent box=4,4,70,50 image=31 colour=0xfafaf5 true_colour=0xfafaf5",
                "alpha_blend box=4,4,70,50 image=31 alpha=255",
                "alpha_blend box=4,4,70,50 image=31 alpha=90 flags=2",
                "alpha_blend box=4,4,70,50 image=31 alpha=255 flags=2",
                "composite box=4,4,60,40 image=31 op=3",
                "composite box=4,4,60,40 image=31 op=3 opaque=1",
                "composite box=4,4,60,40 image=3 op=3 mask_image=31",
                "fill box=4,4,70,50 brush=31,0,0",
            ] {
                cases.push(Case {
                    row: "surface as image, brush or mask",
                    commands: vec![
                        "surface id=30 size=70,50 format=FORMAT".replace("FORMAT", format),
                        "image name=31 surface=30 size=70,50".to_owned(),
                        "origin at=0,0".to_owned(),
                        format!("{} on=30", base),
                        "copy on=30 box=3,1,64,48 image=3".to_owned(),
                        "origin back=1".to_owned(),
                        show.to_owned(),
                        "surface_destroy id=30".to_owned(),
                    ],
                });
            }
        }
    }
    // Surfaces of one bit can be filled, and say where others are drawn.
    for drawing in [
        "fill box=0,0,32,48 colour=1",
        "fill box=5,3,40,30 colour=1 clip=10,8,20,15;35,4,3,40",
        "blackness box=0,0,70,50",
        "whiteness box=3,3,21,17",
    ] {
        for show in [
            "fill box=4,4,70,50 colour=0xffe000 mask=30,0,0,0",
            "copy box=4,4,60,40 image=1 mask=30,2,3,1",
            "composite box=4,4,64,48 image=1 op=3 mask_image=30",
        ] {
            let id = 2 + number % 16;
            number += 1;
            let (word, rest) = drawing.split_once(' ').unwrap_or((drawing, ""));
            cases.push(Case {
                row: "surface 1 bit alpha",
                commands: vec![
                    format!("surface id={id} size=70,50 format=a1"),
                    format!("image name=30 surface={id} size=70,50"),
                    "origin at=0,0".to_owned(),
                    format!("blackness on={id} box=0,0,70,50"),
                    format!("{word} on={id} {rest}"),
                    "origin back=1".to_owned(),
                    show.to_owned(),
                    format!("surface_destroy id={id}"),
                ],
            });
        }
    }
    for drawing in [
        "composite box=0,0,64,48 image=3 op=1",
        "composite box=0,0,64,48 image=3 op=12",
        "composite box=5,5,40,30 image=3 op=3 clip=10,8,20,15",
    ] {
        cases.push(off_screen(number, "a8", "surface 8 bit alpha", &[drawing]));
        number += 1;
    }
    cases
}

/// Drawn on a screen of 16 bits, and on surfaces of the same format: libspice-server ends itself when
/// a surface is put on one of another depth.
fn short_cases(format: &str) -> Vec<Case> {
    let row = if format == "555" {
        "surface 16 bit 555"
    } else {
        "surface 16 bit 565"
    };
    let base = "fill box=0,0,70,50 colour=0x2d6b";
    let mut cases = Vec::new();
    let images = [
        "copy box=3,1,64,48 image=4",
        "copy box=3,1,64,48 image=4 rop=0x040",
    ];
    for (number, drawing) in SIMPLE.iter().chain(&images).enumerate() {
        cases.push(off_screen(number as u32, format, row, &[base, drawing]));
    }
    for drawing in [
        "fill box=5,5,40,30 colour=0x1234",
        "fill box=5,5,40,30 colour=0x7fff rop=0x040",
        "fill box=5,5,40,30 colour=0x1234 mask=5,0,0,0",
        "fill box=5,5,40,30 colour=0x1234 clip=10,8,20,15",
        "fill box=5,5,40,30 brush=13,0,0",
        "invert box=5,5,40,30",
        "blackness box=5,5,40,30",
        "whiteness box=5,5,40,30",
        "copy_bits box=20,12,40,30 at=5,5",
        "stroke box=0,0,70,50 path=3:80,80;1000,700 colour=0x7c1f",
        "text box=5,5,60,40 depth=1 glyphs=5 size=8,12 step=10,0 colour=0x7fe0",
        "copy box=3,1,64,48 image=4",
        "copy box=3,1,64,48 image=4 rop=0x040",
        "copy box=3,1,30,40 image=4 from=0,0,64,48 scale=1",
        "opaque box=3,1,64,48 image=4 brush=13,0,0 rop=0x020",
        "rop3 box=3,1,64,48 image=4 colour=0x1234 rop=0x96",
    ] {
        cases.push(case("screen 16 bit", drawing));
    }
    cases
}

/// What a real server's surfaces came to.
pub fn all() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let stage = |name: &str, screen, compression, cases| Stage {
            name: name.to_owned(),
            setup: vec![format!("compression mode={compression}")],
            prepare: painting::prepare(),
            screen,
            cases,
            ..Stage::default()
        };
        run(vec![
            stage("surfaces", "xrgb", "off", cases()),
            stage("surfaces by quic", "xrgb", "quic", cases()),
            stage("surfaces by lz", "xrgb", "lz", cases()),
            stage("a screen of 555", "555", "off", short_cases("555")),
            stage("a screen of 565", "565", "off", short_cases("565")),
            stage("a screen of 555 by lz", "555", "lz", short_cases("555")),
            stage("a screen with alpha", "argb", "off", cases()),
        ])
    })
}

#[test]
fn every_surface_is_exact() {
    assert_conforms(all());
}
