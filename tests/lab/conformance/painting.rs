//! Fills, copies, blends and the raster operations, with masks, clips, brushes and scales.

use std::sync::OnceLock;

use super::{Case, Outcome, Stage, assert_conforms, case, run};

/// Raster operations by their flags in the protocol (SpiceRopd): put, and with the source, the
/// brush, the destination or the result inverted; or, and, xor; and those without a source.
const ROPS: &[u32] = &[
    0x008, 0x009, 0x00a, 0x408, 0x010, 0x011, 0x014, 0x015, 0x410, 0x020, 0x021, 0x024, 0x025,
    0x420, 0x040, 0x041, 0x044, 0x440, 0x450, 0x080, 0x100, 0x200,
];
/// Those where the brush stands for the source.
const BRUSH_ROPS: &[u32] = &[
    0x008, 0x00a, 0x408, 0x010, 0x012, 0x014, 0x016, 0x410, 0x020, 0x022, 0x024, 0x026, 0x420,
    0x040, 0x042, 0x044, 0x440, 0x080, 0x100, 0x200,
];
const CLIPS: &[&str] = &[
    "",
    " clip=10,8,20,15",
    " clip=0,0,9,60;20,5,3,40;30,20,40,9;50,40,30,20",
];
const MASKS: &[&str] = &["", " mask=5,0,0,0", " mask=5,3,4,1", " mask=6,1,2,0"];
/// Pictures of 64 by 48 in the formats that drivers use for them.
const SOURCES: &[(&str, u32)] = &[
    ("32", 1),
    ("8", 2),
    ("rgba", 3),
    ("16", 4),
    ("24", 7),
    ("1be", 8),
];

/// The pictures that cases draw with.
pub fn prepare() -> Vec<String> {
    [
        "image name=0 format=32 size=1280,960 pattern=photo",
        "image name=1 format=32 size=64,48 pattern=text",
        "image name=2 format=8 size=64,48 pattern=flat",
        "image name=3 format=rgba size=64,48 pattern=alpha",
        "image name=4 format=16 size=64,48 pattern=photo",
        "image name=5 format=1be size=70,60 pattern=text",
        "image name=6 format=1be size=70,60 pattern=flat bottom_up=1 padding=3",
        "image name=7 format=24 size=64,48 pattern=noise",
        "image name=8 format=1be size=64,48 pattern=text",
        // For brushes.
        "image name=10 format=32 size=9,7 pattern=noise",
        "image name=11 format=8 size=8,8 pattern=noise",
        "image name=12 format=1be size=8,8 pattern=noise",
        "image name=13 format=16 size=11,5 pattern=photo",
        "image name=14 format=32 size=1,1 pattern=noise",
    ]
    .map(str::to_owned)
    .to_vec()
}

const BRUSHES: &[&str] = &[
    "colour=0x5a3cf0",
    "colour=0xffffff",
    "brush=10,0,0",
    "brush=10,4,3",
    "brush=11,1,2",
    "brush=12,3,1",
    "brush=13,100,50",
    "brush=14,0,0",
];

fn fills() -> Vec<Case> {
    let mut cases = Vec::new();
    for rop in BRUSH_ROPS {
        for brush in BRUSHES {
            for clip in CLIPS {
                cases.push(case(
                    "fill",
                    format!("fill box=5,4,64,48 {brush} rop={rop}{clip}"),
                ));
            }
            for mask in &MASKS[1..] {
                cases.push(case(
                    "fill, mask",
                    format!("fill box=5,4,64,48 {brush} rop={rop}{mask}"),
                ));
            }
        }
    }
    cases.push(case("fill, no brush", "fill box=5,4,64,48 brush=none"));
    for kind in ["blackness", "whiteness", "invert"] {
        for clip in CLIPS {
            for mask in MASKS {
                cases.push(case(
                    match kind {
                        "blackness" => "blackness",
                        "whiteness" => "whiteness",
                        _ => "invers",
                    },
                    format!("{kind} box=5,4,64,48{clip}{mask}"),
                ));
            }
        }
    }
    cases
}

/// How much of the source, on how large a place.
const SCALES: &[(&str, &str)] = &[
    ("box=6,5,64,48", ""),
    ("box=6,5,40,30", " from=11,9,40,30"),
    ("box=2,2,76,56", " from=0,0,64,48 scale=1"),
    ("box=6,5,31,17", " from=0,0,64,48 scale=1"),
    ("box=6,5,70,20", " from=20,10,9,33 scale=1"),
    ("box=2,2,76,56", " from=0,0,64,48 scale=0"),
    ("box=6,5,31,17", " from=0,0,64,48 scale=0"),
    ("box=6,5,70,20", " from=20,10,9,33 scale=0"),
];

fn copies() -> Vec<Case> {
    let mut cases = Vec::new();
    for (format, image) in SOURCES {
        let bits = *format == "1be";
        for (number, rop) in ROPS.iter().enumerate() {
            for (place, scale) in SCALES {
                let row = match *scale {
                    "" => "copy, raster operations",
                    s if s.ends_with("scale=1") => "copy, scaled to the nearest pixel",
                    s if s.ends_with("scale=0") => "copy, scaled smoothly",
                    _ => "copy, raster operations",
                };
                if bits && !scale.is_empty() {
                    continue;
                }
                cases.push(case(
                    row,
                    format!("copy {place} image={image} rop={rop}{scale}"),
                ));
                let (clip, mask) = (CLIPS[number % 3], MASKS[number % 4]);
                if !(clip.is_empty() && mask.is_empty()) && number < 12 {
                    cases.push(case(
                        if mask.is_empty() {
                            "copy, clip"
                        } else {
                            "copy, mask"
                        },
                        format!("copy {place} image={image} rop={rop}{scale}{clip}{mask}"),
                    ));
                }
            }
            for mask in MASKS {
                cases.push(case(
                    "blend",
                    format!("blend box=6,5,64,48 image={image} rop={rop}{mask}"),
                ));
            }
        }
    }
    cases
}

fn opaques() -> Vec<Case> {
    let mut cases = Vec::new();
    for (_, image) in &SOURCES[..4] {
        for rop in ROPS.iter().chain(BRUSH_ROPS) {
            for (number, brush) in BRUSHES.iter().enumerate() {
                let (place, scale) = SCALES[(number + *rop as usize) % SCALES.len()];
                let mask = MASKS[number % MASKS.len()];
                cases.push(case(
                    "opaque",
                    format!("opaque {place} image={image} {brush} rop={rop}{scale}{mask}"),
                ));
            }
        }
    }
    cases
}

/// Whether the result depends on brush, source and destination: libspice-server renders only those
/// 218 by itself, and a guest names the others in another way.
fn needs_all_three(rop: usize) -> bool {
    [1, 2, 4]
        .iter()
        .all(|input| (0..8).any(|bits| (rop >> bits & 1) != (rop >> (bits ^ input) & 1)))
}

/// Patterns that begin above and left of what is drawn: where they do not, libspice-server's rop3 reads
/// beside the pattern.
const ROP3_BRUSHES: &[&str] = &[
    "colour=0x5a3cf0",
    "brush=10,0,0",
    "brush=10,2,1",
    "brush=11,1,2",
    "brush=12,2,1",
    "brush=13,1,0",
    "brush=14,0,0",
];

fn rop3s() -> Vec<Case> {
    let mut cases = Vec::new();
    for rop in (0..256).filter(|&rop| needs_all_three(rop)) {
        let image = SOURCES[rop % 3].1;
        let (place, scale) = SCALES[rop % SCALES.len()];
        let mask = MASKS[rop / 7 % MASKS.len()];
        for brush in [ROP3_BRUSHES[0], ROP3_BRUSHES[2]] {
            cases.push(case(
                "rop3, each of the 218",
                format!("rop3 box=6,5,64,48 image={image} {brush} rop={rop}"),
            ));
        }
        cases.push(case(
            "rop3, scaled and masked",
            format!(
                "rop3 {place} image={image} {} rop={rop}{scale}{mask}",
                ROP3_BRUSHES[rop % 7]
            ),
        ));
    }
    cases
}

fn blends() -> Vec<Case> {
    let mut cases = Vec::new();
    for (_, image) in SOURCES {
        for colour in ["0xfafaf5", "0x000000", "0x141400", "0xffffff"] {
            for clip in CLIPS {
                for (place, scale) in &SCALES[..2] {
                    cases.push(case(
                        "transparent",
                        format!(
                            "transparent {place} image={image} colour={colour} true_colour={colour}{scale}{clip}"
                        ),
                    ));
                }
            }
        }
        for alpha in [0, 1, 77, 128, 254, 255] {
            for flags in [0, 1, 2, 3] {
                let (place, scale) = SCALES[(alpha + flags) % 2];
                let clip = CLIPS[(alpha + flags) % 3];
                cases.push(case(
                    "alpha_blend",
                    format!(
                        "alpha_blend {place} image={image} alpha={alpha} flags={flags}{scale}{clip}"
                    ),
                ));
            }
        }
    }
    for alpha in [40, 255] {
        for (place, from) in [
            ("box=2,2,76,56", "0,0,64,48"),
            ("box=6,5,31,17", "0,0,64,48"),
            ("box=6,5,70,20", "20,10,9,33"),
        ] {
            for image in [1, 3] {
                cases.push(case(
                    "alpha_blend, scaled",
                    format!("alpha_blend {place} image={image} alpha={alpha} from={from}"),
                ));
            }
        }
    }
    cases
}

fn moves() -> Vec<Case> {
    let mut cases = Vec::new();
    for dx in [-9, -1, 0, 1, 12] {
        for dy in [-7, -1, 0, 1, 8] {
            for clip in CLIPS {
                cases.push(case(
                    "copy_bits",
                    format!("copy_bits box=16,12,44,34 at={},{}{clip}", 16 + dx, 12 + dy),
                ));
            }
        }
    }
    cases
}

fn stage(name: &str, cases: Vec<Case>) -> Stage {
    Stage {
        name: name.to_owned(),
        setup: vec!["compression mode=off".to_owned()],
        prepare: prepare(),
        cases,
        ..Stage::default()
    }
}

/// What a real server's painting came to.
pub fn all() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        run(vec![
            stage("fills", fills()),
            stage("copies", copies()),
            stage("opaques", opaques()),
            stage("rop3s", rop3s()),
            stage("blends", blends()),
            stage("moves", moves()),
        ])
    })
}

#[test]
fn every_way_to_paint_is_exact() {
    assert_conforms(all());
}
