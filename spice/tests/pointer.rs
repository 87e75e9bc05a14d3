//! The pointer's shapes, and their cache.

use spice::message::cursor::{HIDE, INIT, INVAL_ALL, INVAL_ONE, MOVE, SET};
use spice::{ChannelRef, CursorEvent, CursorShape, Event};

use super::support::{Body, Console};

const ALPHA: u8 = 0;
const MONO: u8 = 1;
const COLOR4: u8 = 2;
const COLOR8: u8 = 3;
const COLOR16: u8 = 4;
const COLOR24: u8 = 5;
const COLOR32: u8 = 6;

const CACHE_ME: u16 = 2;
const FROM_CACHE: u16 = 4;

const BLACK: [u8; 4] = [0, 0, 0, 255];
const WHITE: [u8; 4] = [255, 255, 255, 255];
const CLEAR: [u8; 4] = [0; 4];

/// A pointer at 5, 6 whose hot spot is 1, 2.
fn set(flags: u16, unique: u64, kind: u8, width: u16, height: u16, data: &[u8]) -> Body {
    Body::new(|body| {
        body.i16(5).i16(6).u8(1).u16(flags);
        body.u64(unique)
            .u8(kind)
            .u16(width)
            .u16(height)
            .u16(1)
            .u16(2)
            .bytes(data);
    })
}

/// What the session makes of a shape.
fn shape(kind: u8, width: u16, height: u16, data: &[u8]) -> CursorShape {
    let mut console = Console::with(&[ChannelRef::CURSOR]);
    console.say(
        ChannelRef::CURSOR,
        SET,
        set(0, 0, kind, width, height, data),
    );
    let events = console.events();
    match events.as_slice() {
        [
            Event::Cursor(CursorEvent::Moved { x: 5, y: 6 }),
            Event::Cursor(CursorEvent::Shape(shape)),
        ] => {
            assert_eq!((shape.width, shape.height), (width, height));
            assert_eq!((shape.hot_x, shape.hot_y), (1, 2));
            CursorShape::clone(shape)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn coverage_is_no_longer_multiplied_in() {
    let data = [10, 20, 30, 255, 64, 32, 0, 128, 9, 9, 9, 0];
    let shape = shape(ALPHA, 3, 1, &data);
    assert_eq!(shape.pixels, [[30, 20, 10, 255], [0, 64, 128, 128], CLEAR]);
}

#[test]
fn two_masks_make_black_white_clear_and_seen_on_any_ground() {
    // and 0011 0111, xor 0101 0000
    let shape = shape(MONO, 8, 1, &[0b0011_0111, 0b0101_0000]);
    let expected = [BLACK, WHITE, WHITE, BLACK, BLACK, CLEAR, CLEAR, CLEAR];
    assert_eq!(shape.pixels, expected);
}

#[test]
fn a_pointer_that_only_inverts_gets_an_edge() {
    let and = [0xff, 0xff, 0xff];
    let xor = [0x00, 0x10, 0x00];
    let shape = shape(MONO, 8, 3, &[and, xor].concat());
    let row = |middle| [CLEAR, CLEAR, WHITE, middle, WHITE, CLEAR, CLEAR, CLEAR];
    assert_eq!(shape.pixels, [row(WHITE), row(BLACK), row(WHITE)].concat());
}

#[test]
fn colours_come_with_a_mask() {
    let mask = [0b0100_0000];
    let expected = [[0xff, 0, 0, 255], CLEAR, [0, 0, 0xff, 255]];
    let mut palette = vec![0; 16 * 4];
    palette[4..8].copy_from_slice(&[0, 0, 0xff, 0]);
    palette[8..12].copy_from_slice(&[0xff, 0, 0, 0]);
    let four = [&[0x10, 0x20], palette.as_slice(), &mask].concat();
    assert_eq!(shape(COLOR4, 3, 1, &four).pixels, expected);
    palette.resize(256 * 4, 0);
    let eight = [&[1, 0, 2], palette.as_slice(), &mask].concat();
    assert_eq!(shape(COLOR8, 3, 1, &eight).pixels, expected);
    let sixteen = [&[0x00, 0x7c, 0, 0, 0x1f, 0], mask.as_slice()].concat();
    assert_eq!(shape(COLOR16, 3, 1, &sixteen).pixels, expected);
    let twenty_four = [&[0, 0, 0xff, 0, 0, 0, 0xff, 0, 0], mask.as_slice()].concat();
    assert_eq!(shape(COLOR24, 3, 1, &twenty_four).pixels, expected);
    let thirty_two = [&[0, 0, 0xff, 9, 0, 0, 0, 0, 0xff, 0, 0, 9], mask.as_slice()].concat();
    assert_eq!(shape(COLOR32, 3, 1, &thirty_two).pixels, expected);
}

#[test]
fn a_masked_colour_that_is_not_black_is_seen_on_any_ground() {
    let data = [255, 255, 255, 0, 0b1000_0000];
    assert_eq!(shape(COLOR32, 1, 1, &data).pixels, [BLACK]);
}

#[test]
fn shapes_are_kept_by_all_64_bits_of_their_name() {
    let mut console = Console::with(&[ChannelRef::CURSOR]);
    let mut say = |kind, body| {
        console.say(ChannelRef::CURSOR, kind, body);
        console.events()
    };
    let (low, high) = (5, 5 | 1 << 40);
    say(SET, set(CACHE_ME, low, ALPHA, 1, 1, &[1, 1, 1, 255]));
    say(SET, set(CACHE_ME, high, ALPHA, 1, 1, &[2, 2, 2, 255]));
    let pixels = |events: Vec<Event>| match events.last() {
        Some(Event::Cursor(CursorEvent::Shape(shape))) => Some(shape.pixels.clone()),
        _ => None,
    };
    assert_eq!(
        pixels(say(SET, set(FROM_CACHE, low, 0, 0, 0, &[]))),
        Some(vec![[1, 1, 1, 255]])
    );
    assert_eq!(
        pixels(say(SET, set(FROM_CACHE, high, 0, 0, 0, &[]))),
        Some(vec![[2, 2, 2, 255]])
    );
    let forget = Body::new(|body| {
        body.u64(low);
    });
    say(INVAL_ONE, forget);
    assert_eq!(pixels(say(SET, set(FROM_CACHE, low, 0, 0, 0, &[]))), None);
    assert!(pixels(say(SET, set(FROM_CACHE, high, 0, 0, 0, &[]))).is_some());
    say(INVAL_ALL, Body::default());
    let events = say(SET, set(FROM_CACHE, high, 0, 0, 0, &[]));
    assert!(
        matches!(events.last(), Some(Event::Problem(_))),
        "{events:?}"
    );
}

#[test]
fn it_moves_and_hides() {
    let mut console = Console::with(&[ChannelRef::CURSOR]);
    let place = |x, y| {
        Body::new(move |body| {
            body.i16(x).i16(y);
        })
    };
    (1..9).for_each(|x| console.say(ChannelRef::CURSOR, MOVE, place(x, -1)));
    console.say(ChannelRef::CURSOR, HIDE, Body::default());
    let moved = Event::Cursor(CursorEvent::Moved { x: 8, y: -1 });
    assert_eq!(
        console.events(),
        [moved, Event::Cursor(CursorEvent::Hidden)]
    );
}

#[test]
fn a_session_may_begin_without_a_pointer() {
    let mut console = Console::with(&[ChannelRef::CURSOR]);
    let body = Body::new(|body| {
        body.i16(0).i16(0).u16(0).u16(0).u8(1).u16(1);
    });
    console.say(ChannelRef::CURSOR, INIT, body);
    assert_eq!(
        console.events().last(),
        Some(&Event::Cursor(CursorEvent::Hidden))
    );
}

#[test]
fn a_shape_with_too_little_data_or_of_no_size_is_a_problem() {
    for (kind, width, height) in [
        (ALPHA, 2, 2),
        (MONO, 17, 1),
        (COLOR8, 1, 1),
        (COLOR32, 1, 1),
        (9, 1, 1),
        (ALPHA, 0, 4),
        (ALPHA, 9999, 9999),
    ] {
        let mut console = Console::with(&[ChannelRef::CURSOR]);
        console.say(
            ChannelRef::CURSOR,
            SET,
            set(0, 0, kind, width, height, &[0; 4]),
        );
        assert_eq!(console.problems().len(), 1, "kind {kind}");
    }
}
