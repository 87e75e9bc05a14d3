//! Every format a guest can hand over an image in, by every compression.

use std::sync::OnceLock;

use super::{Case, Outcome, Stage, assert_conforms, run};

/// What libspice-server can render: it has no code for the little-endian one- and four-bit formats.
const FORMATS: &[(&str, &str)] = &[
    ("1be", "image 1 bit, palette"),
    ("4be", "image 4 bit, palette"),
    ("8", "image 8 bit, palette"),
    ("16", "image 16 bit"),
    ("24", "image 24 bit"),
    ("32", "image 32 bit"),
    ("rgba", "image RGBA"),
];
const PATTERNS: &[&str] = &["photo", "noise", "text", "flat", "alpha"];
/// How the server is asked to code; `zlib` is GLZ within zlib, for links it takes for slow.
pub const COMPRESSIONS: &[(&str, &[&str])] = &[
    ("off", &["compression mode=off"]),
    ("quic", &["compression mode=quic"]),
    ("lz", &["compression mode=lz"]),
    ("glz", &["compression mode=glz", "zlib mode=never"]),
    ("lz4", &["compression mode=lz4"]),
    ("auto_lz", &["compression mode=auto_lz"]),
    (
        "auto_glz",
        &["compression mode=auto_glz", "zlib mode=never"],
    ),
    ("zlib", &["compression mode=glz", "zlib mode=always"]),
];
/// Odd and even, smaller than anything a codec works by, one line, one column.
const SIZES: &[(u32, u32)] = &[
    (1, 1),
    (2, 3),
    (1, 40),
    (60, 1),
    (7, 5),
    (8, 8),
    (9, 31),
    (17, 16),
    (33, 20),
    (64, 48),
    (65, 49),
    (79, 57),
];

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut cache = 1u64 << 33;
    for (format, row) in FORMATS {
        for pattern in PATTERNS {
            for extra in ["", "bottom_up=1", "padding=4", "padding=5 bottom_up=1"] {
                cases.push(Case {
                    row,
                    commands: vec![
                        format!(
                            "image name=1 format={format} size=71,53 pattern={pattern} {extra}"
                        ),
                        "copy box=3,2,71,53 image=1".to_owned(),
                    ],
                });
            }
            // Named for the cache, and then asked for again by that name.
            cache += 1 << 32;
            cases.push(Case {
                row: "image from the cache",
                commands: vec![
                    format!(
                        "image name=1 format={format} size=33,25 pattern={pattern} cache={cache}"
                    ),
                    "copy box=3,2,33,25 image=1".to_owned(),
                    "copy box=40,10,33,25 image=1".to_owned(),
                    "copy box=10,30,20,20 image=1 from=5,3,20,20".to_owned(),
                ],
            });
        }
        for (number, (width, height)) in SIZES.iter().enumerate() {
            let pattern = PATTERNS[number % PATTERNS.len()];
            cases.push(Case {
                row,
                commands: vec![
                    format!(
                        "image name=1 format={format} size={width},{height} pattern={pattern} seed={number}"
                    ),
                    format!("copy box=0,1,{width},{height} image=1"),
                ],
            });
            // Parts of an image, as drivers cut them.
            if *width > 8 && *height > 8 {
                let (w, h) = (width - 5, height - 6);
                cases.push(Case {
                    row,
                    commands: vec![
                        format!(
                            "image name=1 format={format} size={width},{height} pattern={pattern} seed={number}"
                        ),
                        format!("copy box=1,1,{w},{h} image=1 from=3,4,{w},{h}"),
                    ],
                });
            }
        }
    }
    cases
}

fn stage(name: &str, setup: &[&str]) -> Stage {
    Stage {
        name: format!("images by {name}"),
        setup: setup.iter().map(|&line| line.to_owned()).collect(),
        prepare: vec!["image name=0 format=32 size=1280,960 pattern=photo".to_owned()],
        cases: cases(),
        ..Stage::default()
    }
}

/// What a real server's images came to.
pub fn exact() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        run(COMPRESSIONS
            .iter()
            .map(|(name, setup)| stage(name, setup))
            .collect())
    })
}

/// How far a JPEG may be off in one cell on average, and at one pixel: of photographs and what else
/// looks like a picture, at the quality the server uses.
pub const LOSSY_BOUND: (f64, u8) = (5.0, 130);
/// The same of noise, of which JPEG cannot keep much.
pub const NOISE_BOUND: (f64, u8) = (40.0, 255);

fn is_noise(case: &Case) -> bool {
    let noise = ["pattern=noise", "pattern=alpha"];
    case.commands
        .iter()
        .any(|command| noise.iter().any(|noise| command.contains(noise)))
}

fn with_jpeg(bound: (f64, u8), noise: bool) -> Outcome {
    let mut stage = stage("jpeg", &["compression mode=auto_glz", "jpeg mode=always"]);
    stage.bound = bound;
    stage.cases.retain(|case| is_noise(case) == noise);
    run(vec![stage])
}

/// The same with JPEG for whatever looks like a photograph.
pub fn lossy() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| with_jpeg(LOSSY_BOUND, false))
}

/// And for noise.
pub fn lossy_noise() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| with_jpeg(NOISE_BOUND, true))
}

#[test]
fn every_image_is_exact_in_every_compression() {
    assert_conforms(exact());
}

#[test]
fn every_image_is_near_enough_where_the_server_may_lose_something() {
    assert_conforms(lossy());
    assert_conforms(lossy_noise());
}
