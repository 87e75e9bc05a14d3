//! Writes CONFORMANCE.md from what the cases came to, and refuses one that says anything else. With
//! SAFFRON_RECORD=1 the file is written anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use spice::message::display;
use spice::message::types::ImageType;

use super::{Outcome, assert_conforms, caches, images, painting, streams, surfaces, vectors};

/// A test elsewhere that holds what a real server cannot be made to send: file, function.
type Elsewhere = (&'static str, &'static str);

/// Kinds of image by their names in the protocol.
const IMAGES: &[(ImageType, &str, &[Elsewhere])] = &[
    (ImageType::BITMAP, "BITMAP", &[]),
    (ImageType::QUIC, "QUIC", &[]),
    (ImageType::LZ_PLT, "LZ_PLT", &[]),
    (ImageType::LZ_RGB, "LZ_RGB", &[]),
    (ImageType::GLZ_RGB, "GLZ_RGB", &[]),
    (ImageType::ZLIB_GLZ_RGB, "ZLIB_GLZ_RGB", &[]),
    (ImageType::LZ4, "LZ4", &[]),
    (ImageType::JPEG, "JPEG", &[]),
    (ImageType::JPEG_ALPHA, "JPEG_ALPHA", &[]),
    (ImageType::FROM_CACHE, "FROM_CACHE", &[]),
    (ImageType::FROM_CACHE_LOSSLESS, "FROM_CACHE_LOSSLESS", &[]),
    (ImageType::SURFACE, "SURFACE", &[]),
];

/// Display messages by their names in the protocol, and where those are held that no server here sends.
const MESSAGES: &[(u16, &str, &[Elsewhere])] = &[
    (
        display::MODE,
        "MODE",
        &[(
            "spice/tests/surfaces.rs",
            "servers_of_before_surfaces_have_a_screen_too",
        )],
    ),
    (display::MARK, "MARK", &[]),
    (
        display::RESET,
        "RESET",
        &[(
            "spice/tests/surfaces.rs",
            "a_reset_blackens_the_screen_and_keeps_the_pictures",
        )],
    ),
    (display::COPY_BITS, "COPY_BITS", &[]),
    (display::INVAL_LIST, "INVAL_LIST", &[]),
    (
        display::INVAL_ALL_PIXMAPS,
        "INVAL_ALL_PIXMAPS",
        &[(
            "spice/tests/drawing.rs",
            "pictures_are_kept_by_all_64_bits_of_their_name",
        )],
    ),
    (
        display::INVAL_PALETTE,
        "INVAL_PALETTE",
        &[(
            "spice/tests/images.rs",
            "a_palette_kept_before_is_used_until_the_server_drops_it",
        )],
    ),
    (display::INVAL_ALL_PALETTES, "INVAL_ALL_PALETTES", &[]),
    (display::STREAM_CREATE, "STREAM_CREATE", &[]),
    (display::STREAM_DATA, "STREAM_DATA", &[]),
    (display::STREAM_CLIP, "STREAM_CLIP", &[]),
    (display::STREAM_DESTROY, "STREAM_DESTROY", &[]),
    (
        display::STREAM_DESTROY_ALL,
        "STREAM_DESTROY_ALL",
        &[(
            "spice/tests/video.rs",
            "streams_end_alone_together_or_with_their_surface",
        )],
    ),
    (
        display::STREAM_DATA_SIZED,
        "STREAM_DATA_SIZED",
        &[(
            "spice/tests/video.rs",
            "frames_are_brought_to_size_and_may_say_where_they_go",
        )],
    ),
    (display::DRAW_FILL, "DRAW_FILL", &[]),
    (display::DRAW_OPAQUE, "DRAW_OPAQUE", &[]),
    (display::DRAW_COPY, "DRAW_COPY", &[]),
    (display::DRAW_BLEND, "DRAW_BLEND", &[]),
    (display::DRAW_BLACKNESS, "DRAW_BLACKNESS", &[]),
    (display::DRAW_WHITENESS, "DRAW_WHITENESS", &[]),
    (display::DRAW_INVERS, "DRAW_INVERS", &[]),
    (display::DRAW_ROP3, "DRAW_ROP3", &[]),
    (display::DRAW_STROKE, "DRAW_STROKE", &[]),
    (display::DRAW_TEXT, "DRAW_TEXT", &[]),
    (display::DRAW_TRANSPARENT, "DRAW_TRANSPARENT", &[]),
    (display::DRAW_ALPHA_BLEND, "DRAW_ALPHA_BLEND", &[]),
    (display::DRAW_COMPOSITE, "DRAW_COMPOSITE", &[]),
    (display::SURFACE_CREATE, "SURFACE_CREATE", &[]),
    (display::SURFACE_DESTROY, "SURFACE_DESTROY", &[]),
    (display::MONITORS_CONFIG, "MONITORS_CONFIG", &[]),
];

/// What libspice-server cannot be made to send, why, and what stands for it.
const BEYOND: &[(&str, &str, &[Elsewhere])] = &[
    (
        "bitmaps of 1 and 4 bit, little-endian",
        "its renderer has no code for them",
        &[
            (
                "spice/src/image/bitmap.rs",
                "one_bit_pixels_come_from_either_end_of_the_byte",
            ),
            (
                "spice/src/image/bitmap.rs",
                "four_bit_pixels_come_from_either_end_of_the_byte",
            ),
        ],
    ),
    (
        "bitmap of 8 bit alpha as picture",
        "only sent as a composition's mask here",
        &[(
            "spice/tests/surfaces.rs",
            "a_bitmap_of_coverage_fills_a_surface_of_coverage",
        )],
    ),
    (
        "surface of 1 bit alpha, inverted or composed on",
        "its renderer does nothing, or ends itself",
        &[("spice/tests/surfaces.rs", "a_surface_of_one_bit_is_a_mask")],
    ),
    (
        "surface drawn on one of another depth, 565 sent as an image",
        "the server ends itself",
        &[
            (
                "spice/tests/surfaces.rs",
                "surfaces_of_16_bits_hold_no_more",
            ),
            (
                "spice/tests/surfaces.rs",
                "palettes_have_the_colours_of_the_surface",
            ),
        ],
    ),
    (
        "text, 8 bit",
        "its renderer reads a row past each glyph",
        &[(
            "spice/tests/texts.rs",
            "glyphs_of_eight_bits_cover_as_they_say",
        )],
    ),
    (
        "text, rows from the top",
        "the renderer leaves the flag out of account, and so do we",
        &[(
            "spice/tests/texts.rs",
            "the_lowest_row_comes_first_whatever_the_flags_say",
        )],
    ),
    (
        "rop3 of the 38 codes that leave one of its three inputs out",
        "its renderer knows the other 218",
        &[(
            "spice/tests/drawing.rs",
            "three_inputs_meet_as_the_number_says",
        )],
    ),
    (
        "drawings at random, of all kinds at once",
        "recorded results of the server's renderer",
        &[(
            "spice/tests/canvas.rs",
            "drawings_leave_the_pixels_that_the_servers_renderer_leaves",
        )],
    ),
    (
        "a lossless picture in place of a lossy one in the cache",
        "depends on the order of what it sends",
        &[(
            "spice/tests/drawing.rs",
            "a_lossless_picture_takes_the_place_of_a_lossy_one",
        )],
    ),
    (
        "WAIT_FOR_CHANNELS",
        "needs two display channels that share a cache",
        &[(
            "spice/tests/session.rs",
            "a_channel_waits_until_another_has_read_so_far",
        )],
    ),
    (
        "messages that are cut, of unknown kind, doubled, left out or nonsense",
        "it is no hostile server",
        &[(
            "spice/tests/hostile.rs",
            "a_conversation_with_many_spoiled_messages_goes_on",
        )],
    ),
];

/// One group of lines, with what the worst cell was off by.
struct Group {
    title: &'static str,
    outcome: &'static Outcome,
    how: String,
}

fn lossy(bound: (f64, u8)) -> String {
    format!("within {} of 255 on average over a cell", bound.0)
}

fn groups() -> Vec<Group> {
    let exact = |title, outcome| Group {
        title,
        outcome,
        how: "exact".to_owned(),
    };
    vec![
        exact("Images, in each of eight compressions", images::exact()),
        Group {
            title: "The same images where the server may lose something (JPEG)",
            outcome: images::lossy(),
            how: lossy(images::LOSSY_BOUND),
        },
        Group {
            title: "Noise, of which JPEG keeps little",
            outcome: images::lossy_noise(),
            how: lossy(images::NOISE_BOUND),
        },
        exact("Caches", caches::all()),
        exact("Painting", painting::all()),
        exact("Lines and text", vectors::lines()),
        exact("Composition", vectors::composed()),
        exact("Surfaces", surfaces::all()),
        Group {
            title: "Video",
            outcome: streams::all(),
            how: format!("within {} of 255 on average, exact at rest", streams::BOUND),
        },
    ]
}

fn elsewhere(tests: &[Elsewhere]) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    tests
        .iter()
        .map(|(file, function)| {
            let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            assert!(
                source.contains(&format!("fn {function}(")),
                "{file} has no test {function}"
            );
            format!("`{function}` in {file}")
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn write() -> String {
    let groups = groups();
    let mut kinds: BTreeMap<ImageType, u64> = BTreeMap::new();
    let mut messages: BTreeMap<u16, u64> = BTreeMap::new();
    let mut all = 0;
    let mut out = String::from(
        "# Conformance\n\n\
         What Saffron's display does, held against a real libspice-server that draws on command \
         (`tests/lab/draw-server`) and its own renderer. This file is written by the run: \
         `SAFFRON_RECORD=1 cargo test -p tests --test all lab::conformance`; without that variable the \
         same run fails if it would write anything else. A *case* is one drawing in a cell of its own, \
         compared pixel for pixel.\n\n\
         ## Drawing\n\n| what | cases | our picture |\n|---|---:|---|\n",
    );
    for group in &groups {
        assert_conforms(group.outcome);
        let _ = writeln!(out, "| **{}** | | |", group.title);
        for (row, count) in &group.outcome.counts {
            let _ = writeln!(out, "| {row} | {count} | {} |", group.how);
            all += count;
        }
        for (kind, count) in &group.outcome.images {
            *kinds.entry(*kind).or_default() += count;
        }
        for (kind, count) in &group.outcome.messages {
            *messages.entry(*kind).or_default() += count;
        }
    }
    let _ = writeln!(out, "\n{all} cases in all.\n\n## Kinds of image\n");
    out.push_str("| number | name | held by |\n|---:|---|---|\n");
    for (kind, name, tests) in IMAGES {
        let by = held_by(kinds.contains_key(kind), tests);
        let _ = writeln!(out, "| {} | {name} | {by} |", kind.0);
    }
    out.push_str("\n## Display messages\n\n| number | name | held by |\n|---:|---|---|\n");
    for (number, name, tests) in MESSAGES {
        let by = held_by(messages.contains_key(number), tests);
        let _ = writeln!(out, "| {number} | {name} | {by} |");
    }
    out.push_str(
        "\n## What a real server cannot be made to send\n\n| what | why | held by |\n|---|---|---|\n",
    );
    for (what, why, tests) in BEYOND {
        let _ = writeln!(out, "| {what} | {why} | {} |", elsewhere(tests));
    }
    out.push_str(
        "\n## Recorded conversations\n\nReplayed by `spice/tests/replay.rs`, each to the picture it ended \
         with (compared with the server's own when it was recorded, but for `photo-quic`), and by `cargo bench -p spice`: \
         `spice/tests/data/session`.\n\n",
    );
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../spice/tests/data/session"
    ));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the recordings")
        .map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter_map(|name| Some(name.strip_suffix(".session")?.to_owned()))
        .collect();
    names.sort();
    for name in names {
        let _ = writeln!(out, "- {name}");
    }
    out
}

fn held_by(seen: bool, tests: &[Elsewhere]) -> String {
    if tests.is_empty() {
        if seen {
            "a real server"
        } else {
            "**nothing yet**"
        }
        .to_owned()
    } else {
        elsewhere(tests)
    }
}

#[test]
fn the_document_says_what_was_found() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../CONFORMANCE.md"));
    let document = write();
    if std::env::var_os("SAFFRON_RECORD").is_some() {
        std::fs::write(path, &document).expect("CONFORMANCE.md can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    if document != committed {
        let differs = document
            .lines()
            .zip(committed.lines().chain(std::iter::repeat("")))
            .find(|(new, old)| new != old);
        panic!("CONFORMANCE.md says something else ({differs:?}): SAFFRON_RECORD=1 writes it anew");
    }
}
