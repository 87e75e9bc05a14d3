//! Lines, text and composition.

use std::sync::OnceLock;

use super::{Case, Outcome, Stage, assert_conforms, case, painting, run};

/// Paths in sixteenths of a pixel: flags 1 begin, 2 end, 8 close, 16 curve.
const PATHS: &[&str] = &[
    "3:80,80;1120,80",
    "3:80,80;80,800",
    "3:80,80;800,800",
    "3:1120,800;96,80",
    "3:80,800;1120,81",
    "3:80,400;1120,480",
    "3:400,80;480,860",
    "3:88,88;1113,417",
    "3:80,80;1120,80;1120,800;80,800",
    "11:80,80;1120,200;700,800",
    "11:160,160;1000,160;1000,700;160,700",
    "3:80,80;90,90",
    "3:96,96;112,96",
    "3:96,96;96,96",
    "19:80,80;400,900;800,0;1120,800",
    "19:80,400;300,100;500,100;640,400;780,700;980,700;1120,400",
    "1:80,80;500,80|2:500,500;80,500",
    "3:80,80;600,300|3:600,500;100,700|11:700,100;1100,100;900,600",
    "3:-400,-400;1600,1300",
    "3:80,80;1120,90;80,100;1120,110;80,120;1120,130",
    "3:333,777;1007,123;555,888;111,222;999,444",
];
const STYLES: &[&str] = &[
    "",
    " style=48,48",
    " style=160,48,16,48",
    " style=48,48 gap=1",
    " style=160,48,16,48 gap=1",
    " style=16,16",
    " style=80,32,16",
];
const LINE_BRUSHES: &[&str] = &["colour=0xffe000", "brush=10,3,2", "brush=none"];
const LINE_CLIPS: &[&str] = &["", " clip=10,8,20,25;40,5,3,50"];
const LINE_ROPS: &[u32] = &[
    0x008, 0x00a, 0x010, 0x020, 0x040, 0x408, 0x080, 0x100, 0x200,
];

fn strokes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, path) in PATHS.iter().enumerate() {
        for style in STYLES {
            let row = if path.starts_with("19") {
                "stroke, curves"
            } else if style.is_empty() {
                "stroke"
            } else {
                "stroke, dashed"
            };
            for (other, brush) in LINE_BRUSHES.iter().enumerate() {
                for clip in LINE_CLIPS {
                    let rop = LINE_ROPS[(number + other) % LINE_ROPS.len()];
                    cases.push(case(
                        row,
                        format!("stroke box=0,0,80,60 path={path} {brush} rop={rop}{style}{clip}"),
                    ));
                }
            }
        }
    }
    cases
}

fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    for (depth, row) in [(1, "text, 1 bit"), (4, "text, 4 bit")] {
        for (glyphs, size, step) in [
            (6, "8,12", "10,0"),
            (5, "7,11", "9,1"),
            (1, "31,20", "0,0"),
            (4, "9,13", "5,3"),
            (3, "16,16", "17,0"),
            (7, "1,9", "3,2"),
        ] {
            for (number, brush) in [
                "colour=0xffe000",
                "colour=0x000000",
                "brush=10,3,2",
                "brush=12,0,0",
            ]
            .iter()
            .enumerate()
            {
                for (other, back) in [
                    "",
                    " back=4,4,70,30 back_colour=0x204060",
                    " back=0,10,60,40 back_brush=10,1,1 back_rop=0x040",
                ]
                .iter()
                .enumerate()
                {
                    for clip in LINE_CLIPS {
                        cases.push(case(
                            row,
                            format!(
                                "text box=6,5,70,50 depth={depth} glyphs={glyphs} size={size} step={step} seed={} {brush}{back}{clip}",
                                number * 3 + other
                            ),
                        ));
                    }
                }
            }
        }
    }
    cases
}

fn compositions() -> Vec<Case> {
    let mut cases = Vec::new();
    // Operators: the twelve of Porter and Duff, and add, saturate.
    for op in 0..=13 {
        for image in [1, 3] {
            for mask in [
                "",
                " mask_image=3",
                " mask_image=20",
                " mask_image=3 component=1",
                " mask_image=21",
            ] {
                for opaque in [0, 1, 4] {
                    cases.push(case(
                        "composite, operators and masks",
                        format!(
                            "composite box=6,5,60,40 image={image} op={op} opaque={opaque} src_at=2,3 mask_at=1,2{mask}"
                        ),
                    ));
                }
            }
        }
    }
    for repeat in 0..4 {
        for filter in 0..2 {
            for transform in [
                "",
                " transform=65536,0,0,0,65536,0",
                " transform=32768,0,0,0,32768,0",
                " transform=131072,0,65536,0,98304,-65536",
                " transform=46341,-46341,655360,46341,46341,0",
                " transform=-65536,0,4194304,0,-65536,3145728",
                " transform=65536,20000,0,0,65536,8000",
            ] {
                for (image, mask) in [(3, ""), (1, " mask_image=20"), (10, " mask_image=3")] {
                    cases.push(case(
                        if transform.is_empty() {
                            "composite, repeated"
                        } else {
                            "composite, transformed"
                        },
                        format!(
                            "composite box=4,3,70,50 image={image} op=3 repeat={repeat} filter={filter} mask_repeat={repeat} mask_filter={filter}{transform}{mask}"
                        ),
                    ));
                }
            }
        }
    }
    cases.push(case(
        "composite, transformed",
        "composite box=4,3,70,50 image=1 op=3 mask_image=20 mask_repeat=1 mask_filter=1 mask_transform=32768,0,0,0,32768,0",
    ));
    for clip in LINE_CLIPS {
        cases.push(case(
            "composite, operators and masks",
            format!("composite box=4,3,70,50 image=3 op=3{clip}"),
        ));
    }
    cases
}

fn stage(name: &str, cases: Vec<Case>) -> Stage {
    let mut prepare = painting::prepare();
    prepare.push("surface id=20 size=64,48 format=a8".to_owned());
    prepare.push("composite on=20 box=0,0,64,48 image=3 op=1".to_owned());
    prepare.push("image name=21 format=a8 size=64,48 pattern=noise".to_owned());
    prepare.push("image name=20 surface=20 size=64,48".to_owned());
    Stage {
        name: name.to_owned(),
        setup: vec!["compression mode=off".to_owned()],
        prepare,
        cases,
        ..Stage::default()
    }
}

/// What a real server's lines and text came to.
pub fn lines() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| run(vec![stage("strokes", strokes()), stage("texts", texts())]))
}

/// What a real server's compositions came to.
pub fn composed() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| run(vec![stage("compositions", compositions())]))
}

#[test]
fn every_line_and_letter_is_exact() {
    assert_conforms(lines());
}

#[test]
fn every_composition_is_exact() {
    assert_conforms(composed());
}
