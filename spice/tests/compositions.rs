//! Compositions: operators, masks, transforms, and what lies beside a picture.

use spice::message::display::{DRAW_COMPOSITE, DRAW_COPY};
use spice::{ChannelRef, Error, Rect};

use super::support::{Body, Console, Keep, base, base_on, bitmap, copy, of_surface};

/// Operators of the Render extension.
const CLEAR: u32 = 0;
const SRC: u32 = 1;
const DST: u32 = 2;
const OVER: u32 = 3;
const IN: u32 = 5;
const OUT_REVERSE: u32 = 8;
const ADD: u32 = 12;
const SATURATE: u32 = 13;
const DISJOINT_OVER: u32 = 19;
const CONJOINT_OVER: u32 = 35;
const MULTIPLY: u32 = 48;
const DIFFERENCE: u32 = 57;
const LUMINOSITY: u32 = 62;
/// Flags.
const BILINEAR: u32 = 4 << 8;
const REPEAT: u32 = 1 << 14;
const PAD: u32 = 2 << 14;
const REFLECT: u32 = 3 << 14;
const COMPONENT_ALPHA: u32 = 1 << 18;
const HAS_MASK: u32 = 1 << 19;
const HAS_TRANSFORM: u32 = 1 << 20;
const SOURCE_OPAQUE: u32 = 1 << 22;

const ONE: i32 = 1 << 16;
/// SPICE_SURFACE_FMT_32_ARGB
const ARGB: u32 = 96;

fn line(width: i32) -> Rect {
    Rect::new(0, 0, width, 1)
}

/// Lays an image on the first `width` pixels of a surface's first row.
fn composite(
    base: Body,
    flags: u32,
    image: &[u8],
    mask: Option<&[u8]>,
    transform: [i32; 6],
    origin: i16,
) -> Body {
    let transformed = flags & HAS_TRANSFORM != 0;
    let length = 4 + 4 + 4 * usize::from(mask.is_some()) + 24 * usize::from(transformed) + 8;
    let offset = base.0.len() + length;
    base.and(|body| {
        body.u32(flags | if mask.is_some() { HAS_MASK } else { 0 });
        body.u32(offset as u32);
        if mask.is_some() {
            body.u32((offset + image.len()) as u32);
        }
        if transformed {
            transform.iter().for_each(|value| {
                body.i32(*value);
            });
        }
        body.i16(origin).i16(0).i16(0).i16(0).bytes(image);
        body.bytes(mask.unwrap_or_default());
    })
}

/// A 1 x 1 surface of this colour with coverage, and what becomes of it.
fn on_colour(dest: u32, flags: u32, source: u32, mask: Option<u32>) -> u32 {
    let mut console = Console::with(&[ChannelRef::DISPLAY]);
    console.create_surface(0, 1, 1, ARGB, false);
    let image = |pixel: u32| bitmap(Keep::default(), 1, &[pixel], true);
    console.draw(DRAW_COPY, copy(line(1), &image(dest), line(1), 8, true));
    let mask = mask.map(image);
    let body = composite(
        base(line(1), &[]),
        flags,
        &image(source),
        mask.as_deref(),
        [0; 6],
        0,
    );
    console.draw(DRAW_COMPOSITE, body);
    assert_eq!(console.problems(), []);
    console.surface_row(0, 0)[0]
}

#[test]
fn operators_do_what_they_are_called() {
    let (dest, source) = (0x8040_2010, 0x4020_1008);
    let cases = [
        (CLEAR, 0),
        (SRC, source),
        (DST, dest),
        (OVER, 0xa050_2814),
        (IN, 0x2010_0804),
        (OUT_REVERSE, 0x6030_180c),
        (ADD, 0xc060_3018),
        (SATURATE, 0xc060_3018),
        (DISJOINT_OVER, 0xc060_3018),
        (CONJOINT_OVER, 0x8040_2010),
        (MULTIPLY, 0xa048_2211),
        (DIFFERENCE, 0xa040_2010),
    ];
    for (operator, expected) in cases {
        let result = on_colour(dest, operator, source, None);
        assert_eq!(result, expected, "operator {operator}: {result:#x}");
    }
    // The luminosity of the source with the destination's colour: grey stays grey.
    assert_eq!(
        on_colour(0xff80_8080, LUMINOSITY, 0xff20_2020, None),
        0xff20_2020
    );
}

#[test]
fn a_mask_lets_as_much_through_as_it_covers() {
    let (dest, source) = (0xff00_0000, 0xffff_8040);
    assert_eq!(on_colour(dest, OVER, source, Some(0)), dest);
    assert_eq!(on_colour(dest, OVER, source, Some(0xff00_0000)), source);
    assert_eq!(
        on_colour(dest, OVER, source, Some(0x8000_0000)),
        0xff80_4020
    );
    let parts = OVER | COMPONENT_ALPHA;
    assert_eq!(
        on_colour(dest, parts, source, Some(0x00ff_0080)),
        0xffff_0020
    );
}

#[test]
fn an_operator_that_is_none_is_refused() {
    for operator in [14, 30, 47, 63, 200] {
        let mut console = Console::with_screen(1, 1);
        let image = bitmap(Keep::default(), 1, &[5], false);
        let body = composite(base(line(1), &[]), operator, &image, None, [0; 6], 0);
        console.draw(DRAW_COMPOSITE, body);
        let error = Error::unsupported("operator", operator.into());
        assert_eq!(console.problems()[0].error, error);
    }
}

/// What a row of pixels looks like on a screen, seen so.
fn seen(pixels: &[u32], width: i32, flags: u32, transform: [i32; 6], origin: i16) -> Vec<u32> {
    let mut console = Console::with_screen(width as u32, 1);
    let image = bitmap(Keep::default(), pixels.len() as u32, pixels, false);
    let body = composite(
        base(line(width), &[]),
        SRC | flags,
        &image,
        None,
        transform,
        origin,
    );
    console.draw(DRAW_COMPOSITE, body);
    assert_eq!(console.problems(), []);
    console.row(0)
}

#[test]
fn beside_a_picture_lies_what_repeats() {
    let around = |repeat| seen(&[1, 2, 3], 8, repeat, [0; 6], -2);
    assert_eq!(around(0), [0, 0, 1, 2, 3, 0, 0, 0]);
    assert_eq!(around(REPEAT), [2, 3, 1, 2, 3, 1, 2, 3]);
    assert_eq!(around(PAD), [1, 1, 1, 2, 3, 3, 3, 3]);
    assert_eq!(around(REFLECT), [2, 1, 1, 2, 3, 3, 2, 1]);
}

#[test]
fn pictures_are_seen_through_transforms() {
    let through = |x: [i32; 3], flags| {
        let transform = [x[0], x[1], x[2], 0, ONE, 0];
        seen(&[10, 20, 30, 40], 4, flags | HAS_TRANSFORM, transform, 0)
    };
    assert_eq!(through([ONE, 0, 0], 0), [10, 20, 30, 40]);
    assert_eq!(through([-ONE, 0, 4 * ONE], 0), [40, 30, 20, 10]);
    assert_eq!(through([ONE / 2, 0, ONE], 0), [20, 20, 30, 30]);
    // A place between two pixels belongs to the left one.
    assert_eq!(through([ONE, 0, ONE / 2], 0), [10, 20, 30, 40]);
    let between = PAD | BILINEAR;
    assert_eq!(through([ONE, 0, ONE / 2], between), [15, 25, 35, 40]);
    assert_eq!(through([ONE / 2, 0, 0], between), [10, 12, 17, 22]);
}

#[test]
fn what_lies_too_far_away_is_not_drawn() {
    let far = [i32::MAX, 0, 0, 0, ONE, 0];
    assert_eq!(seen(&[9], 4, PAD | HAS_TRANSFORM, far, 0), [0; 4]);
}

#[test]
fn surfaces_keep_their_coverage_unless_told_not_to() {
    let laid = |flags: u32| {
        let mut console = Console::with_screen(1, 1);
        console.create_surface(1, 1, 1, ARGB, false);
        let image = bitmap(Keep::default(), 1, &[0x8000_4000], true);
        let over_one = base_on(1, line(1), &[]);
        console.draw(
            DRAW_COMPOSITE,
            composite(over_one, SRC, &image, None, [0; 6], 0),
        );
        let white = bitmap(Keep::default(), 1, &[0xff_ffff], false);
        console.draw(DRAW_COPY, copy(line(1), &white, line(1), 8, true));
        let surface = of_surface(1, 1, 1);
        let body = composite(base(line(1), &[]), OVER | flags, &surface, None, [0; 6], 0);
        console.draw(DRAW_COMPOSITE, body);
        assert_eq!(console.problems(), []);
        console.row(0)[0]
    };
    assert_eq!(laid(0), 0x7f_bf7f);
    assert_eq!(laid(SOURCE_OPAQUE), 0x00_4000);
}
