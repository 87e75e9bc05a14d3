//! Surfaces and the screen: made, drawn on, shown on others, gone; and what is said of them.

use spice::message::display::{
    DRAW_ALPHA_BLEND, DRAW_COPY, DRAW_FILL, MARK, MODE, MONITORS_CONFIG, RESET, SURFACE_DESTROY,
};
use spice::{Error, Event, MAX_SURFACE_BYTES, Rect};

use super::support::{
    Body, Console, Keep, base, base_on, bitmap, copy, copy_on, fill, from_cache, no_mask,
    of_surface, write_rect,
};

/// SPICE_ROPD_OP_*
const PUT: u16 = 8;

const XRGB: u32 = 32;
const ARGB: u32 = 96;
const RGB555: u32 = 16;
const RGB565: u32 = 80;

/// A kept image.
const CACHE_ME: u8 = 1;

fn line(width: i32) -> Rect {
    Rect::new(0, 0, width, 1)
}

/// A 4 × 1 screen of these colours.
fn screen(colours: [u32; 4]) -> Console {
    let mut console = Console::with_screen(4, 1);
    let image = bitmap(Keep::default(), 4, &colours, false);
    console.draw(DRAW_COPY, copy(line(4), &image, line(4), PUT, false));
    assert_eq!(console.row(0), colours);
    console
}

#[test]
fn surfaces_are_drawn_on_and_shown_on_others() {
    let mut console = screen([0; 4]);
    console.create_surface(1, 2, 2, XRGB, false);
    console.draw(
        DRAW_FILL,
        base_on(1, Rect::new(0, 1, 2, 1), &[]).and(|body| {
            body.u8(1).u32(0x123456).u16(PUT);
            no_mask(body);
        }),
    );
    assert_eq!(
        console.damage(),
        [line(4)],
        "only what the screen was copied at first"
    );
    let image = of_surface(1, 2, 2);
    console.draw(
        DRAW_COPY,
        copy(line(2), &image, Rect::new(0, 1, 2, 1), PUT, false),
    );
    assert_eq!(console.row(0), [0x123456, 0x123456, 0, 0]);
    // A surface on itself, where both overlap.
    let mut console = screen([1, 2, 3, 4]);
    let image = of_surface(0, 4, 1);
    console.draw(
        DRAW_COPY,
        copy(Rect::new(1, 0, 3, 1), &image, line(3), PUT, false),
    );
    assert_eq!(console.row(0), [1, 1, 2, 3]);
    console.draw(SURFACE_DESTROY, Body(vec![1, 0, 0, 0]));
    let image = of_surface(1, 2, 2);
    console.events();
    console.draw(DRAW_COPY, copy(line(2), &image, line(2), PUT, false));
    assert_eq!(
        console.problems()[0].error,
        Error::Missing {
            what: "surface",
            id: 1
        }
    );
}

#[test]
fn coverage_is_kept_where_a_surface_has_it() {
    let mut console = screen([0; 4]);
    console.create_surface(1, 4, 1, ARGB, false);
    let image = bitmap(Keep::default(), 2, &[0x80402010, 0x10000000], true);
    console.draw(DRAW_COPY, copy_on(1, line(2), &image, line(2), PUT, false));
    assert_eq!(console.surface_row(1, 0), [0x80402010, 0x10000000, 0, 0]);
    // On the screen there is none.
    console.draw(DRAW_COPY, copy(line(2), &image, line(2), PUT, false));
    assert_eq!(console.surface_row(0, 0)[..2], [0xff402010, 0xff000000]);
    assert!(
        console
            .session
            .screen()
            .unwrap()
            .pixels
            .chunks(4)
            .all(|pixel| pixel[3] == 255)
    );
}

#[test]
fn surfaces_of_16_bits_hold_no_more() {
    for (format, white, colour, expected) in [
        (RGB555, 0x7fff, 0x1234, 0x218ca5),
        (RGB565, 0xffff, 0x1234, 0x1045a5),
    ] {
        let mut console = Console::with_screen(4, 1);
        console.create_surface(0, 4, 1, format, true);
        console.draw(DRAW_FILL, fill(line(1), &[], white, PUT));
        console.draw(DRAW_FILL, fill(Rect::new(1, 0, 1, 1), &[], colour, PUT));
        let image = bitmap(Keep::default(), 1, &[0x010101], false);
        console.draw(
            DRAW_COPY,
            copy(Rect::new(2, 0, 1, 1), &image, line(1), PUT, false),
        );
        assert_eq!(
            console.row(0),
            [0xffffff, expected, 0, 0],
            "format {format}"
        );
    }
}

#[test]
fn a_guest_that_resets_gets_a_new_screen() {
    let mut console = screen([1, 2, 3, 4]);
    console.damage();
    console.events();
    console.draw(SURFACE_DESTROY, Body(vec![0; 4]));
    assert!(console.session.screen().is_none());
    console.create_surface(0, 8, 2, XRGB, true);
    console.draw(MARK, Body::default());
    let screen = Event::Screen {
        width: 8,
        height: 2,
    };
    assert_eq!(
        console.events(),
        [
            Event::ScreenGone,
            screen,
            Event::Damaged,
            Event::ScreenReady
        ]
    );
    assert_eq!(console.damage(), [Rect::new(0, 0, 8, 2)]);
    assert_eq!(console.rows(), [[0; 8], [0; 8]]);
}

#[test]
fn a_reset_blackens_the_screen_and_keeps_the_pictures() {
    let mut console = screen([1, 2, 3, 4]);
    let image = bitmap(
        Keep {
            id: 1,
            flags: CACHE_ME,
        },
        1,
        &[5],
        false,
    );
    console.draw(DRAW_COPY, copy(line(1), &image, line(1), PUT, false));
    console.draw(RESET, Body::default());
    assert_eq!(console.row(0), [0; 4]);
    console.draw(
        DRAW_COPY,
        copy(line(1), &from_cache(1, 1, 1), line(1), PUT, false),
    );
    assert_eq!(console.row(0), [5, 0, 0, 0]);
}

#[test]
fn servers_of_before_surfaces_have_a_screen_too() {
    let mut console = Console::with(&[spice::ChannelRef::DISPLAY]);
    let body = Body::new(|body| {
        body.u32(4).u32(1).u32(32);
    });
    console.draw(MODE, body);
    console.draw(DRAW_FILL, fill(line(4), &[], 3, PUT));
    assert_eq!(console.row(0), [3; 4]);
}

#[test]
fn surfaces_do_not_fill_memory() {
    let mut console = Console::with(&[spice::ChannelRef::DISPLAY]);
    // Too large each; a picture of 256 MiB is the largest.
    for (width, height) in [(0, 1), (16_385, 1), (16_384, 16_384), (u32::MAX, u32::MAX)] {
        console.create_surface(1, width, height, XRGB, false);
        assert_eq!(console.problems().len(), 1, "{width} × {height}");
    }
    // Too large together. Memory that is never written to is never there.
    let each = 8192 * 8192 * 4;
    let fit = MAX_SURFACE_BYTES / each;
    (0..fit).for_each(|id| console.create_surface(id as u32, 8192, 8192, ARGB, false));
    assert_eq!(console.problems(), []);
    console.create_surface(1000, 1, 1, XRGB, false);
    assert!(matches!(console.problems()[0].error, Error::Limit { .. }));
    console.draw(SURFACE_DESTROY, Body(vec![0; 4]));
    console.create_surface(1000, 1, 1, XRGB, false);
    assert_eq!(console.problems(), []);
}

#[test]
fn damage_is_said_once_and_stays_small() {
    let mut console = Console::with_screen(100, 100);
    for y in 0..100 {
        for x in 0..10 {
            let part = Rect::new(x * 10 + y % 7, y, 2, 1);
            console.draw(DRAW_FILL, fill(part, &[], 1, PUT));
        }
    }
    assert_eq!(console.events(), [Event::Damaged]);
    let damage = console.damage();
    assert!(damage.len() <= 32);
    let covered = |x: i32, y: i32| {
        damage
            .iter()
            .any(|rect| rect.contains(&Rect::new(x, y, 1, 1)))
    };
    for y in 0..100 {
        let row = console.row(y as u32);
        assert!(
            (0..100).all(|x| row[x as usize] == 0 || covered(x, y)),
            "row {y}"
        );
    }
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 1, 1), &[], 2, PUT));
    assert_eq!(console.events(), [Event::Damaged]);
    assert_eq!(console.damage(), [Rect::new(0, 0, 1, 1)]);
}

#[test]
fn monitors_are_passed_on() {
    let mut console = Console::with_screen(4, 1);
    let body = Body::new(|body| {
        body.u16(1)
            .u16(4)
            .u32(0)
            .u32(0)
            .u32(800)
            .u32(600)
            .u32(10)
            .u32(20)
            .u32(0);
    });
    console.draw(MONITORS_CONFIG, body);
    match console.events().as_slice() {
        [Event::Monitors(monitors)] => {
            assert_eq!((monitors[0].width, monitors[0].height), (800, 600));
            assert_eq!((monitors[0].x, monitors[0].y), (10, 20));
        }
        other => panic!("{other:?}"),
    }
    console.draw(MONITORS_CONFIG, Body(vec![0xff; 4]));
    assert_eq!(console.problems().len(), 1);
}

#[test]
fn unused_bits_are_coverage_if_the_guest_says_so() {
    let blend = |flags: u8| {
        let mut console = screen([0x808080; 4]);
        console.create_surface(1, 4, 1, XRGB, false);
        let colours = Body::new(|body| {
            body.u8(1).u32(0x8010_2030).u16(PUT);
            no_mask(body);
        });
        console.draw(
            DRAW_FILL,
            base_on(1, line(4), &[]).and(|body| {
                body.bytes(&colours.0);
            }),
        );
        let body = base(line(4), &[]);
        let offset = body.0.len() as u32 + 2 + 4 + 16;
        let body = body.and(|body| {
            body.u8(flags).u8(255).u32(offset);
            write_rect(body, &line(4));
            body.bytes(&of_surface(1, 4, 1));
        });
        console.draw(DRAW_ALPHA_BLEND, body);
        console.row(0)[0]
    };
    assert_eq!(blend(0), 0x102030);
    assert_eq!(blend(2), 0x506070);
}

/// SPICE_SURFACE_FMT_1_A and 8_A
const A1: u32 = 1;
const A8: u32 = 8;

#[test]
fn a_surface_of_one_bit_is_a_mask() {
    let mut console = screen([0; 4]);
    console.create_surface(1, 4, 1, A1, false);
    let one = |x: i32, colour: u32| {
        base_on(1, Rect::new(x, 0, 1, 1), &[]).and(|body| {
            body.u8(1).u32(colour).u16(PUT);
            no_mask(body);
        })
    };
    // Only the lowest bit of the colour counts.
    console.draw(DRAW_FILL, one(0, 1));
    console.draw(DRAW_FILL, one(1, 0xfffe));
    console.draw(DRAW_FILL, one(3, 0xffff));
    let covered = |x| [0, 0xff00_0000][x];
    assert_eq!(
        console.surface_row(1, 0),
        [covered(1), covered(0), covered(0), covered(1)]
    );
    let masked = |inverted: u8| {
        let body = base(line(4), &[]);
        let offset = body.0.len() as u32 + 5 + 2 + 13;
        body.and(|body| {
            body.u8(1).u32(0x11 << (8 * inverted)).u16(PUT);
            body.u8(inverted).i32(0).i32(0).u32(offset);
            body.bytes(&of_surface(1, 4, 1));
        })
    };
    console.draw(DRAW_FILL, masked(0));
    assert_eq!(console.row(0), [0x11, 0, 0, 0x11]);
    console.draw(DRAW_FILL, masked(1));
    assert_eq!(console.row(0), [0x11, 0x1100, 0x1100, 0x11]);
    assert_eq!(console.problems(), []);
    // What has more than one bit is none.
    console.create_surface(1, 4, 1, A8, false);
    console.draw(DRAW_FILL, masked(0));
    assert_eq!(console.problems().len(), 1);
}

#[test]
fn a_bitmap_of_coverage_fills_a_surface_of_coverage() {
    let mut console = Console::with(&[spice::ChannelRef::DISPLAY]);
    console.create_surface(1, 4, 1, A8, false);
    let image = Body::new(|body| {
        body.u64(0).u8(0).u8(0).u32(4).u32(1);
        body.u8(10).u8(4).u32(4).u32(1).u32(4).u32(0);
        body.bytes(&[1, 2, 3, 255]);
    });
    console.draw(
        DRAW_COPY,
        copy_on(1, line(4), &image.0, line(4), PUT, false),
    );
    assert_eq!(console.problems(), []);
    let row = console.surface_row(1, 0);
    assert_eq!(row, [1 << 24, 2 << 24, 3 << 24, 255 << 24]);
}

#[test]
fn palettes_have_the_colours_of_the_surface() {
    let mut console = Console::with(&[spice::ChannelRef::DISPLAY]);
    for (id, format, expected) in [
        (1, XRGB, [0x00_7c00, 0x00_f81f]),
        (2, 16, [0xffff_0000, 0xfff7_00ff]),
        (3, 80, [0xff7b_8200, 0xffff_00ff]),
    ] {
        console.create_surface(id, 2, 1, format, false);
        let body = base_on(id, line(2), &[]);
        let image_at = body.0.len() as u32 + 4 + 16 + 2 + 1 + 13;
        let body = body.and(|body| {
            body.u32(image_at);
            write_rect(body, &line(2));
            body.u16(PUT).u8(0);
            no_mask(body);
            body.u64(0).u8(0).u8(0).u32(2).u32(1);
            body.u8(5).u8(4).u32(2).u32(1).u32(2);
            body.u32(image_at + 18 + 14 + 4 + 2).bytes(&[0, 1]);
            body.u64(0).u16(2).u32(0x7c00).u32(0xf81f);
        });
        console.draw(DRAW_COPY, body);
        assert_eq!(console.problems(), []);
        let row = console.surface_row(id, 0);
        assert_eq!(row, expected, "{row:x?} of format {format}");
    }
}

#[test]
fn unused_bits_become_coverage_only_if_the_guest_says_so() {
    let blend = |flags: u8| {
        let mut console = Console::with(&[spice::ChannelRef::DISPLAY]);
        console.create_surface(1, 2, 1, XRGB, false);
        let image = bitmap(Keep::default(), 2, &[0xff10_2030, 0x8010_2030], true);
        let body = base_on(1, line(2), &[]);
        let offset = body.0.len() as u32 + 2 + 4 + 16;
        let body = body.and(|body| {
            body.u8(flags).u8(255).u32(offset);
            write_rect(body, &line(2));
            body.bytes(&image);
        });
        console.draw(DRAW_ALPHA_BLEND, body);
        console.surface_row(1, 0)
    };
    assert_eq!(blend(0), [0x10_2030, 0x10_2030]);
    assert_eq!(blend(1), [0xff10_2030, 0x8010_2030]);
}
