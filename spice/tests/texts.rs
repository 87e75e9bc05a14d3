//! Text: glyphs of every depth through a brush.

use spice::message::display::DRAW_TEXT;
use spice::{Error, Rect};

use super::support::{Body, Console, base, bitmap, write_rect};

const INK: u32 = 0xff_ffff;
const WIDTH: i32 = 8;
const HEIGHT: i32 = 4;
/// SPICE_STRING_FLAGS_*
const A1: u8 = 1;
const A4: u8 = 2;
const A8: u8 = 4;
const TOP_DOWN: u8 = 8;

/// A glyph: its corner, columns, rows and bytes, the lowest row first.
type Glyph<'g> = (i32, i32, u16, u16, &'g [u8]);

/// How a string is painted: a colour, or a picture at an offset behind the message's end.
enum Brush<'b> {
    None,
    Colour(u32),
    Pattern(&'b [u8], i32, i32),
}

fn text(
    clip: &[Rect],
    flags: u8,
    glyphs: &[Glyph<'_>],
    fore: &Brush<'_>,
    back: Option<(Rect, u32)>,
) -> Body {
    let body = base(Rect::new(0, 0, WIDTH, HEIGHT), clip);
    let brush = |brush: &Brush<'_>| match brush {
        Brush::None => 1,
        Brush::Colour(_) => 5,
        Brush::Pattern(..) => 13,
    };
    let back_length = if back.is_some() { 5 } else { 1 };
    let string = body.0.len() as u32 + 4 + 16 + brush(fore) + back_length + 4;
    let glyph_bytes: usize = glyphs.iter().map(|glyph| 20 + glyph.4.len()).sum();
    body.and(|body| {
        body.u32(string);
        write_rect(body, &back.map(|(area, _)| area).unwrap_or_default());
        match fore {
            Brush::None => body.u8(0),
            Brush::Colour(colour) => body.u8(1).u32(*colour),
            Brush::Pattern(_, x, y) => body
                .u8(2)
                .u32(string + 3 + glyph_bytes as u32)
                .i32(*x)
                .i32(*y),
        };
        match back {
            None => body.u8(0),
            Some((_, colour)) => body.u8(1).u32(colour),
        };
        body.u16(8).u16(8);
        body.u16(glyphs.len() as u16).u8(flags);
        for (x, y, width, height, data) in glyphs {
            // The place is the sum of two points.
            body.i32(x + 5).i32(y - 3).i32(-5).i32(3);
            body.u16(*width).u16(*height).bytes(data);
        }
        if let Brush::Pattern(image, ..) = fore {
            body.bytes(image);
        }
    })
}

/// The blue part of what a text leaves on a black screen.
fn drawn(body: Body) -> Vec<Vec<u32>> {
    let mut console = Console::with_screen(WIDTH as u32, HEIGHT as u32);
    console.draw(DRAW_TEXT, body);
    assert_eq!(console.problems(), []);
    let blue = |row: Vec<u32>| row.into_iter().map(|pixel| pixel & 255).collect();
    console.rows().into_iter().map(blue).collect()
}

const WHITE: Brush<'static> = Brush::Colour(INK);

#[test]
fn glyphs_of_one_bit_cover_or_do_not() {
    let glyph: Glyph<'_> = (1, 1, 3, 2, &[0b0100_0000, 0b1010_0000]);
    let rows = drawn(text(&[], A1, &[glyph], &WHITE, None));
    assert_eq!(rows[0], [0; 8]);
    assert_eq!(rows[1], [0, 255, 0, 255, 0, 0, 0, 0]);
    assert_eq!(rows[2], [0, 0, 255, 0, 0, 0, 0, 0]);
}

#[test]
fn glyphs_of_four_bits_cover_up_to_15_16ths() {
    let glyph: Glyph<'_> = (0, 0, 3, 2, &[0x0f, 0x80, 0x12, 0xf0]);
    let rows = drawn(text(&[], A4, &[glyph], &WHITE, None));
    assert_eq!(rows[0], [0x10, 0x20, 0xf0, 0, 0, 0, 0, 0]);
    assert_eq!(rows[1], [0, 0xf0, 0x80, 0, 0, 0, 0, 0]);
}

#[test]
fn glyphs_of_eight_bits_cover_as_they_say() {
    let glyph: Glyph<'_> = (0, 0, 2, 2, &[1, 2, 128, 255]);
    let rows = drawn(text(&[], A8, &[glyph], &WHITE, None));
    assert_eq!(rows[0][..3], [128, 255, 0]);
    assert_eq!(rows[1][..3], [1, 2, 0]);
}

#[test]
fn the_lowest_row_comes_first_whatever_the_flags_say() {
    let glyph: Glyph<'_> = (0, 0, 1, 2, &[0x80, 0]);
    for flags in [A1, A1 | TOP_DOWN] {
        let rows = drawn(text(&[], flags, &[glyph], &WHITE, None));
        assert_eq!((rows[0][0], rows[1][0]), (0, 255), "{flags}");
    }
}

#[test]
fn where_glyphs_overlap_the_stronger_covers() {
    let glyphs: [Glyph<'_>; 2] = [(0, 0, 2, 1, &[100, 200]), (0, 0, 2, 1, &[150, 50])];
    let rows = drawn(text(&[], A8, &glyphs, &WHITE, None));
    assert_eq!(rows[0][..3], [150, 200, 0]);
}

#[test]
fn a_glyph_reaches_over_the_edges_and_keeps_to_the_clip() {
    let glyph: Glyph<'_> = (-1, -1, 10, 3, &[255; 6]);
    let clip = [Rect::new(0, 0, 2, 1), Rect::new(5, 0, 9, 1)];
    let rows = drawn(text(&clip, A1, &[glyph], &WHITE, None));
    assert_eq!(rows[0], [255, 255, 0, 0, 0, 255, 255, 255]);
    assert_eq!(rows[1], [0; 8]);
    // A glyph without pixels, and one far away, draw nothing.
    let far: Glyph<'_> = (i32::MAX - 20, i32::MAX - 20, 8, 1, &[255]);
    let empty: Glyph<'_> = (0, 0, 0, 5, &[]);
    let rows = drawn(text(&[], A1, &[far, empty, glyph], &WHITE, None));
    assert_eq!(rows[0], [0; 8], "the string is too wide to be drawn");
    let rows = drawn(text(&[], A1, &[empty, glyph], &WHITE, None));
    assert_eq!(rows[0], [255; 8]);
}

#[test]
fn the_area_behind_is_filled_first() {
    let glyph: Glyph<'_> = (0, 0, 2, 1, &[128, 255]);
    let back = Some((Rect::new(1, 0, 9, 1), 0x10));
    let rows = drawn(text(&[], A8, &[glyph], &WHITE, back));
    assert_eq!(rows[0], [128, 255, 16, 16, 16, 16, 16, 16]);
    let rows = drawn(text(&[], A8, &[glyph], &Brush::None, back));
    assert_eq!(rows[0], [0, 16, 16, 16, 16, 16, 16, 16]);
}

#[test]
fn a_pattern_repeats_from_where_the_string_begins() {
    let image = bitmap(Default::default(), 3, &[1, 2, 3], false);
    let glyph: Glyph<'_> = (2, 1, 6, 1, &[0xff]);
    let fore = Brush::Pattern(&image, 1, 0);
    let rows = drawn(text(&[], A1, &[glyph], &fore, None));
    assert_eq!(rows[1], [0, 0, 3, 1, 2, 3, 1, 2]);
}

#[test]
fn strings_that_make_no_sense_are_refused() {
    let refused = |body: Body| {
        let mut console = Console::with_screen(8, 4);
        console.draw(DRAW_TEXT, body);
        console.problems().first().expect("a problem").error
    };
    let glyph: Glyph<'_> = (0, 0, 2, 2, &[1, 2, 3]);
    assert!(matches!(
        refused(text(&[], A8, &[glyph], &WHITE, None)),
        Error::Truncated { .. }
    ));
    let vast: Glyph<'_> = (0, 0, u16::MAX, u16::MAX, &[1, 2, 3]);
    assert!(matches!(
        refused(text(&[], A8, &[vast], &WHITE, None)),
        Error::Truncated { .. }
    ));
    assert_eq!(
        refused(text(&[], A1, &[], &WHITE, None)),
        Error::invalid("length of a string", 0)
    );
    assert_eq!(
        refused(text(&[], 0, &[glyph], &WHITE, None)),
        Error::unsupported("flags of a string", 0)
    );
}
