//! What the drawing operations do to small surfaces. Whether they do what a real server does, the
//! lab's tests see.

use spice::message::display::{
    COPY_BITS, DRAW_ALPHA_BLEND, DRAW_BLACKNESS, DRAW_COPY, DRAW_FILL, DRAW_INVERS, DRAW_OPAQUE,
    DRAW_ROP3, DRAW_TRANSPARENT, DRAW_WHITENESS, INVAL_ALL_PALETTES, INVAL_ALL_PIXMAPS, INVAL_LIST,
    INVAL_PALETTE,
};
use spice::{Error, Rect};

use super::support::{
    Body, Console, Keep, base, bitmap, copy, copy_on, fill, from_cache, mask, no_mask, write_rect,
};

/// SPICE_ROPD_OP_*
const PUT: u16 = 8;
const OR: u16 = 16;
const AND: u16 = 32;
const XOR: u16 = 64;
/// SPICE_ROPD_INVERS_SRC and _BRUSH
const INVERS_SRC: u16 = 1;
const INVERS_BRUSH: u16 = 2;

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
fn a_fill_keeps_to_its_box_and_clip() {
    let mut console = Console::with_screen(6, 3);
    let clip = [Rect::new(0, 0, 2, 2), Rect::new(3, 0, 9, 2)];
    console.draw(DRAW_FILL, fill(Rect::new(1, 1, 4, 9), &clip, 0x112233, PUT));
    let row = [0, 0x112233, 0, 0x112233, 0x112233, 0];
    assert_eq!(console.rows(), [vec![0; 6], row.to_vec(), vec![0; 6]]);
    assert_eq!(
        console.damage(),
        [Rect::new(1, 1, 1, 1), Rect::new(3, 1, 2, 1)]
    );
}

#[test]
fn what_lies_outside_the_surface_is_not_drawn() {
    let mut console = Console::with_screen(2, 2);
    let all = Rect {
        top: i32::MIN,
        left: i32::MIN,
        bottom: i32::MAX,
        right: i32::MAX,
    };
    console.draw(DRAW_FILL, fill(all, &[all], 5, PUT));
    console.draw(DRAW_FILL, fill(Rect::new(2, 0, 5, 5), &[], 6, PUT));
    console.draw(DRAW_FILL, fill(Rect::new(-5, -5, 5, 5), &[], 7, PUT));
    assert_eq!(console.rows(), [[5, 5], [5, 5]]);
    assert_eq!(console.damage(), [Rect::new(0, 0, 2, 2)]);
    assert_eq!(console.problems(), []);
}

#[test]
fn where_clip_rectangles_overlap_is_drawn_once() {
    let mut console = Console::with_screen(4, 4);
    let clip = [
        Rect::new(1, 0, 3, 3),
        Rect::new(0, 1, 3, 3),
        Rect::new(1, 1, 1, 1),
    ];
    console.draw(DRAW_INVERS, base(Rect::new(0, 0, 4, 4), &clip).and(no_mask));
    let white = 0xff_ffff;
    let expected = [
        [0, white, white, white],
        [white, white, white, white],
        [white, white, white, white],
        [white, white, white, 0],
    ];
    assert_eq!(console.rows(), expected);
}

#[test]
fn more_clip_rectangles_than_can_be_put_in_order_are_a_problem() {
    let mut console = Console::with_screen(4, 4);
    let disorder = vec![Rect::new(0, 0, 4, 4); 5000];
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 4, 4), &disorder, 1, PUT));
    assert_eq!(console.problems().len(), 1);
    // In order there may be any number.
    let order: Vec<Rect> = (0..5000).map(|y| Rect::new(0, y, 2, 1)).collect();
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 4, 4), &order, 1, PUT));
    assert_eq!(console.problems(), []);
    assert_eq!(console.row(3), [1, 1, 0, 0]);
}

#[test]
fn raster_operations_are_done_bit_by_bit() {
    let cases = [
        (PUT, 0x0f0f0f),
        (OR, 0xff0fff),
        (AND, 0x0f000f),
        (XOR, 0xf00ff0),
        (PUT | INVERS_BRUSH, 0xf0f0f0),
        (AND | INVERS_BRUSH, 0xf000f0),
        (XOR | 4, 0x0ff00f),
        (OR | 1024, 0x00f000),
        (128, 0),
        (256, 0xffffff),
        (512, 0x00ff00),
    ];
    for (rop, expected) in cases {
        let mut console = screen([0xff00ff; 4]);
        console.draw(DRAW_FILL, fill(line(4), &[], 0x0f0f0f, rop));
        assert_eq!(console.row(0), [expected; 4], "rop {rop}");
    }
}

#[test]
fn black_white_and_back() {
    let mut console = screen([1, 2, 3, 4]);
    let on_two = |x| base(Rect::new(x, 0, 2, 1), &[]).and(no_mask);
    console.draw(DRAW_WHITENESS, on_two(0));
    console.draw(DRAW_BLACKNESS, on_two(1));
    console.draw(DRAW_INVERS, on_two(2));
    assert_eq!(console.row(0), [0xffffff, 0, 0xffffff, 0xfffffb]);
}

#[test]
fn a_copy_takes_part_of_a_picture() {
    let mut console = screen([9; 4]);
    let image = bitmap(Keep::default(), 3, &[1, 2, 3, 4, 5, 6], false);
    let body = copy(
        Rect::new(1, 0, 2, 1),
        &image,
        Rect::new(1, 1, 2, 1),
        PUT,
        false,
    );
    console.draw(DRAW_COPY, body);
    assert_eq!(console.row(0), [9, 5, 6, 9]);
    let body = copy(line(2), &image, line(2), XOR | INVERS_SRC, false);
    console.draw(DRAW_COPY, body);
    assert_eq!(
        console.row(0),
        [!(9 ^ 1) & 0xffffff, !(5 ^ 2) & 0xffffff, 6, 9]
    );
}

#[test]
fn where_a_picture_has_no_pixels_nothing_is_drawn() {
    let mut console = screen([9; 4]);
    let image = bitmap(Keep::default(), 2, &[1, 2], false);
    console.draw(
        DRAW_COPY,
        copy(line(4), &image, Rect::new(-1, 0, 4, 1), PUT, false),
    );
    assert_eq!(console.row(0), [9, 1, 2, 9]);
    assert_eq!(console.problems(), []);
}

#[test]
fn a_picture_is_brought_to_size() {
    let mut console = Console::with_screen(4, 1);
    let image = bitmap(Keep::default(), 2, &[0x000000, 0x00ff80], false);
    console.draw(DRAW_COPY, copy(line(4), &image, line(2), PUT, true));
    assert_eq!(console.row(0), [0, 0, 0x00ff80, 0x00ff80]);
    console.draw(DRAW_COPY, copy(line(1), &image, line(2), PUT, true));
    assert_eq!(console.row(0)[0], 0);
    // Between two pixels their mean; at the edge the picture mixes with the nothing around it.
    let image = bitmap(Keep::default(), 2, &[0, 0, 0, 0x808080, 0, 0], false);
    console.draw(
        DRAW_COPY,
        copy(line(4), &image, Rect::new(0, 1, 2, 1), PUT, false),
    );
    assert_eq!(console.row(0), [0, 0x202020, 0x606060, 0x606060]);
}

#[test]
fn pictures_are_kept_by_all_64_bits_of_their_name() {
    let mut console = screen([0; 4]);
    let (low, high) = (5, 5 | 1 << 33);
    for (id, colour) in [(low, 0x11), (high, 0x22)] {
        let image = bitmap(
            Keep {
                id,
                flags: CACHE_ME,
            },
            1,
            &[colour],
            false,
        );
        console.draw(DRAW_COPY, copy(line(1), &image, line(1), PUT, false));
    }
    let mut again = |id, x| {
        let image = from_cache(id, 1, 1);
        console.draw(
            DRAW_COPY,
            copy(Rect::new(x, 0, 1, 1), &image, line(1), PUT, false),
        );
        (console.row(0)[x as usize], console.problems())
    };
    assert_eq!(again(low, 1), (0x11, vec![]));
    assert_eq!(again(high, 2), (0x22, vec![]));
    let forget = Body::new(|body| {
        body.u16(2).u8(0).u64(high).u8(1).u64(low);
    });
    console.draw(INVAL_LIST, forget);
    let mut again = |id| {
        let image = from_cache(id, 1, 1);
        console.draw(DRAW_COPY, copy(line(1), &image, line(1), PUT, false));
        console
            .problems()
            .into_iter()
            .map(|problem| problem.error)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        again(low),
        [Error::Missing {
            what: "cached image",
            id: low
        }]
    );
    assert_eq!(again(high), []);
    console.draw(INVAL_ALL_PIXMAPS, Body(vec![0]));
    let mut again = |id| {
        let image = from_cache(id, 1, 1);
        console.draw(DRAW_COPY, copy(line(1), &image, line(1), PUT, false));
        console.problems().len()
    };
    assert_eq!(again(high), 1);
}

#[test]
fn a_picture_is_kept_even_when_its_surface_is_not_there() {
    let mut console = screen([0; 4]);
    let image = bitmap(
        Keep {
            id: 3,
            flags: CACHE_ME,
        },
        1,
        &[0x33],
        false,
    );
    console.draw(DRAW_COPY, copy_on(9, line(1), &image, line(1), PUT, false));
    assert_eq!(console.problems().len(), 1);
    console.draw(
        DRAW_COPY,
        copy(line(1), &from_cache(3, 1, 1), line(1), PUT, false),
    );
    assert_eq!(console.row(0), [0x33, 0, 0, 0]);
}

/// A fill with a picture.
fn pattern(bounds: Rect, image: &[u8], x: i32, y: i32, rop: u16) -> Body {
    let body = base(bounds, &[]);
    let offset = body.0.len() as u32 + 1 + 4 + 8 + 2 + 13;
    body.and(|body| {
        body.u8(2).u32(offset).i32(x).i32(y).u16(rop);
        no_mask(body);
        body.bytes(image);
    })
}

#[test]
fn a_pattern_repeats_from_its_origin() {
    let mut console = Console::with_screen(4, 3);
    let image = bitmap(Keep::default(), 3, &[1, 2, 3, 4, 5, 6], false);
    console.draw(DRAW_FILL, pattern(Rect::new(0, 0, 4, 3), &image, 2, 1, PUT));
    assert_eq!(console.rows(), [[5, 6, 4, 5], [2, 3, 1, 2], [5, 6, 4, 5]]);
}

#[test]
fn opaque_lays_a_brush_over_the_picture() {
    let mut console = screen([7; 4]);
    let image = bitmap(Keep::default(), 2, &[0x0000ff, 0x00ff00], false);
    let body = base(Rect::new(1, 0, 2, 1), &[]);
    let offset = body.0.len() as u32 + 4 + 16 + 5 + 2 + 1 + 13;
    let body = body.and(|body| {
        body.u32(offset);
        write_rect(body, &line(2));
        body.u8(1).u32(0x0f0f0f).u16(AND).u8(0);
        no_mask(body);
        body.bytes(&image);
    });
    console.draw(DRAW_OPAQUE, body);
    assert_eq!(console.row(0), [7, 0x00000f, 0x000f00, 7]);
}

#[test]
fn a_mask_says_which_pixels_are_drawn() {
    let masked = |inverted: u8, x: i32| {
        let body = base(line(4), &[]);
        let offset = body.0.len() as u32 + 13;
        body.and(|body| {
            body.u8(inverted).i32(x).i32(1).u32(offset);
            body.bytes(&mask(&[0xff, 0b0110_0000]));
        })
    };
    let white = 0xffffff;
    for (inverted, x, expected) in [
        (0, 0, [0, white, white, 0]),
        (0, 1, [white, white, 0, 0]),
        (1, 0, [white, 0, 0, white]),
        // Beyond the mask nothing is drawn, inverted or not.
        (1, 6, [white, white, 0, 0]),
    ] {
        let mut console = Console::with_screen(4, 1);
        console.draw(DRAW_WHITENESS, masked(inverted, x));
        assert_eq!(console.row(0), expected);
        assert_eq!(console.problems(), []);
    }
}

#[test]
fn three_inputs_meet_as_the_number_says() {
    // Every case of three bits once: what comes out of them is the number itself.
    const PATTERN: u32 = 0b1111_0000;
    const SOURCE: u32 = 0b1100_1100;
    const DEST: u32 = 0b1010_1010;
    for number in 0..=255 {
        let mut console = screen([DEST; 4]);
        let image = bitmap(Keep::default(), 4, &[SOURCE; 4], false);
        let body = base(line(4), &[]);
        let offset = body.0.len() as u32 + 4 + 16 + 5 + 1 + 1 + 13;
        let body = body.and(|body| {
            body.u32(offset);
            write_rect(body, &line(4));
            body.u8(1).u32(PATTERN).u8(number).u8(0);
            no_mask(body);
            body.bytes(&image);
        });
        console.draw(DRAW_ROP3, body);
        assert_eq!(console.row(0)[0] & 255, number.into());
    }
}

#[test]
fn one_colour_is_left_out() {
    let mut console = screen([9; 4]);
    let image = bitmap(Keep::default(), 4, &[1, 0xff00ff, 2, 0xff00ff], false);
    let body = base(line(4), &[]);
    let offset = body.0.len() as u32 + 4 + 16 + 8;
    let body = body.and(|body| {
        body.u32(offset);
        write_rect(body, &line(4));
        body.u32(0xff00ff).u32(0xff00ff).bytes(&image);
    });
    console.draw(DRAW_TRANSPARENT, body);
    assert_eq!(console.row(0), [1, 9, 2, 9]);
}

#[test]
fn pictures_blend_by_coverage() {
    let blend = |alpha: u8, has_alpha: bool| {
        let mut console = screen([0x808080; 4]);
        let pixels = [0xff20_4060, 0x8000_0000, 0x0000_0000, 0x8080_0000];
        let image = bitmap(Keep::default(), 4, &pixels, has_alpha);
        let body = base(line(4), &[]);
        let offset = body.0.len() as u32 + 2 + 4 + 16;
        let body = body.and(|body| {
            body.u8(0).u8(alpha).u32(offset);
            write_rect(body, &line(4));
            body.bytes(&image);
        });
        console.draw(DRAW_ALPHA_BLEND, body);
        console.row(0)
    };
    assert_eq!(blend(255, true), [0x204060, 0x404040, 0x808080, 0xc04040]);
    assert_eq!(blend(0, true), [0x808080; 4]);
    assert_eq!(blend(255, false), [0x204060, 0, 0, 0x800000]);
    assert_eq!(blend(51, false)[1], 0x666666);
}

#[test]
fn part_of_the_screen_moves_whichever_way() {
    let move_to = |to: Rect, from: (i32, i32), clip: &[Rect]| {
        let mut console = Console::with_screen(4, 4);
        let image = bitmap(Keep::default(), 4, &(0..16).collect::<Vec<_>>(), false);
        let all = Rect::new(0, 0, 4, 4);
        console.draw(DRAW_COPY, copy(all, &image, all, PUT, false));
        console.damage();
        console.draw(
            COPY_BITS,
            base(to, clip).and(|body| {
                body.i32(from.0).i32(from.1);
            }),
        );
        assert_eq!(console.problems(), []);
        console.rows()
    };
    let down_right = [[0, 1, 2, 3], [4, 0, 1, 2], [8, 4, 5, 6], [12, 8, 9, 10]];
    assert_eq!(move_to(Rect::new(1, 1, 3, 3), (0, 0), &[]), down_right);
    let up_left = [
        [5, 6, 7, 3],
        [9, 10, 11, 7],
        [13, 14, 15, 11],
        [12, 13, 14, 15],
    ];
    assert_eq!(move_to(Rect::new(0, 0, 3, 3), (1, 1), &[]), up_left);
    let right = [[0, 0, 1, 2], [4, 4, 5, 6], [8, 8, 9, 10], [12, 12, 13, 14]];
    assert_eq!(move_to(Rect::new(1, 0, 3, 4), (0, 0), &[]), right);
    // Clipped into parts of which one covers what the other wants.
    let parts = [Rect::new(0, 1, 4, 1), Rect::new(0, 2, 4, 1)];
    let down = [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7], [12, 13, 14, 15]];
    assert_eq!(move_to(Rect::new(0, 1, 4, 3), (0, 0), &parts), down);
    // From outside the screen comes nothing.
    let outside = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]];
    assert_eq!(move_to(Rect::new(0, 0, 4, 4), (4, 4), &[]), outside);
    assert_eq!(
        move_to(Rect::new(0, 0, 4, 4), (i32::MIN, i32::MAX), &[]),
        outside
    );
}

#[test]
fn a_palette_that_comes_with_a_mask_is_kept() {
    let mut console = screen([9; 4]);
    let palette_id = 7 | 1 << 40;
    let body = base(line(4), &[]);
    let image_at = body.0.len() as u32 + 13;
    let palette_at = image_at + 18 + 2 + 12 + 4 + 4;
    let body = body.and(|body| {
        body.u8(0).i32(0).i32(0).u32(image_at);
        body.u64(0).u8(0).u8(0).u32(8).u32(1);
        // Its palette is to be kept, and it lies from the top.
        body.u8(2).u8(1 | 4).u32(8).u32(1).u32(4).u32(palette_at);
        body.bytes(&[0b0100_0000, 0, 0, 0]);
        body.u64(palette_id).u16(2).u32(0x112233).u32(0x445566);
    });
    console.draw(DRAW_BLACKNESS, body);
    assert_eq!(console.row(0), [9, 0, 9, 9]);
    let image = Body::new(|body| {
        body.u64(0).u8(0).u8(0).u32(4).u32(1);
        body.u8(2).u8(2 | 4).u32(4).u32(1).u32(4).u64(palette_id);
        body.bytes(&[0b0101_0000, 0, 0, 0]);
    });
    console.draw(DRAW_COPY, copy(line(4), &image.0, line(4), PUT, false));
    assert_eq!(console.problems(), []);
    assert_eq!(console.row(0), [0x112233, 0x445566, 0x112233, 0x445566]);
}

/// A fill without a brush.
fn fill_with_nothing(rop: u16) -> Body {
    base(line(4), &[]).and(|body| {
        body.u8(0).u16(rop);
        no_mask(body);
    })
}

#[test]
fn a_brush_that_is_none_counts_as_black() {
    for (rop, expected) in [
        (PUT, 0),
        (PUT | INVERS_BRUSH, 0xff_ffff),
        (OR, 0x12_3456),
        (512, 0xed_cba9),
    ] {
        let mut console = screen([0x12_3456; 4]);
        console.draw(DRAW_FILL, fill_with_nothing(rop));
        assert_eq!(console.row(0), [expected; 4], "rop {rop}");
    }
}

/// An image of the cache that must be as it was before a lossy codec.
fn from_cache_lossless(id: u64) -> Vec<u8> {
    Body::new(|body| {
        body.u64(id).u8(106).u8(0).u32(8).u32(8);
    })
    .0
}

#[test]
fn a_lossless_picture_takes_the_place_of_a_lossy_one() {
    /// SPICE_IMAGE_FLAGS_CACHE_REPLACE_ME
    const REPLACE_ME: u8 = 4;
    let eight = Rect::new(0, 0, 8, 8);
    let mut console = Console::with_screen(8, 8);
    let jpeg = include_bytes!("data/canvas/grey.jpg");
    let lossy = Body::new(|body| {
        body.u64(6).u8(105).u8(CACHE_ME).u32(8).u32(8);
        body.u32(jpeg.len() as u32).bytes(jpeg);
    });
    let mut show = |image: &[u8]| {
        console.draw(DRAW_COPY, copy(eight, image, eight, PUT, false));
        (console.row(0)[0], console.problems().len())
    };
    let (grey, problems) = show(&lossy.0);
    assert_eq!(problems, 0);
    assert_ne!(grey, 0x33);
    assert_eq!(show(&from_cache(6, 8, 8)), (grey, 0));
    assert_eq!(show(&from_cache_lossless(6)).1, 1, "it is lossy");
    let keep = Keep {
        id: 6,
        flags: REPLACE_ME,
    };
    assert_eq!(show(&bitmap(keep, 8, &[0x33; 64], false)), (0x33, 0));
    assert_eq!(show(&from_cache_lossless(6)), (0x33, 0));
    // What is lossless stays so.
    assert_eq!(show(&lossy.0), (grey, 0));
    assert_eq!(show(&from_cache_lossless(6)), (0x33, 0));
}

#[test]
fn palettes_are_kept_until_the_server_says_otherwise() {
    let with_palette = |flags: u8, id: u64| {
        let body = base(line(1), &[]);
        let image_at = body.0.len() as u32 + 4 + 16 + 2 + 1 + 13;
        body.and(|body| {
            body.u32(image_at);
            write_rect(body, &line(1));
            body.u16(PUT).u8(0);
            no_mask(body);
            body.u64(0).u8(0).u8(0).u32(1).u32(1);
            body.u8(5).u8(4 | flags).u32(1).u32(1).u32(1);
            if flags & 2 != 0 {
                body.u64(id).bytes(&[0]);
            } else {
                body.u32(image_at + 18 + 14 + 4 + 1).bytes(&[0]);
                body.u64(id).u16(1).u32(id as u32);
            }
        })
    };
    let mut console = screen([0; 4]);
    let mut show = |kind: u16, body: Body| {
        console.draw(kind, body);
        (console.row(0)[0], console.problems().len())
    };
    assert_eq!(show(DRAW_COPY, with_palette(1, 70)), (70, 0));
    assert_eq!(show(DRAW_COPY, with_palette(1, 71)), (71, 0));
    assert_eq!(show(DRAW_COPY, with_palette(2, 70)), (70, 0));
    let forget = Body::new(|body| {
        body.u64(70);
    });
    assert_eq!(show(INVAL_PALETTE, forget).1, 0);
    assert_eq!(show(DRAW_COPY, with_palette(2, 70)).1, 1);
    assert_eq!(show(DRAW_COPY, with_palette(2, 71)), (71, 0));
    assert_eq!(show(INVAL_ALL_PALETTES, Body::default()).1, 0);
    assert_eq!(show(DRAW_COPY, with_palette(2, 71)).1, 1);
}
