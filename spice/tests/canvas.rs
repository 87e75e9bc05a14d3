//! Drawings of every kind, made at random and drawn by the SPICE server's own renderer as well:
//! on the same surfaces the same messages must leave the same pixels. A case is a message, the
//! surface it draws on and a checksum of what the server's renderer left there.

use spice::message::display::{DRAW_COPY, DRAW_FILL};
use spice::wire::{Reader, Writer};
use spice::{ChannelRef, Rect};

use super::support::{Body, Console, base_on, no_mask, write_rect};

const WIDTH: u32 = 40;
const HEIGHT: u32 = 30;

/// SPICE_SURFACE_FMT_*
const A1: u32 = 1;
const A8: u32 = 8;
const XRGB: u32 = 32;
const ARGB: u32 = 96;

/// Number, format and size of the surfaces; the first is the screen.
const SURFACES: [(u32, u32, u32, u32); 8] = [
    (0, XRGB, WIDTH, HEIGHT),
    (1, XRGB, WIDTH, HEIGHT),
    (2, ARGB, WIDTH, HEIGHT),
    (3, 16, WIDTH, HEIGHT),
    (4, 80, WIDTH, HEIGHT),
    (5, A8, WIDTH, HEIGHT),
    (6, A1, WIDTH, HEIGHT),
    (7, ARGB, 13, 9),
];

/// SPICE_ROPD_OP_PUT
const PUT: u16 = 8;

fn scramble(id: u32, x: u32, y: u32) -> u32 {
    let mut v =
        id.wrapping_mul(0x9e37_79b1) ^ x.wrapping_mul(0x85eb_ca6b) ^ y.wrapping_mul(0xc2b2_ae35);
    v ^= v >> 15;
    v = v.wrapping_mul(0x2c1b_3c6d);
    v ^= v >> 12;
    v = v.wrapping_mul(0x297a_2d39);
    v ^ v >> 15
}

/// What a surface has at (x, y) before the drawing: with coverage where it has some.
fn pixel(id: u32, format: u32, x: u32, y: u32) -> u32 {
    let v = scramble(id, x, y);
    if format != ARGB {
        return v & 0xff_ffff;
    }
    let alpha = [0, 255, 128, v >> 24][(v & 3) as usize];
    let colour = |shift: u32| (v >> shift & 255) * alpha / 255;
    alpha << 24 | colour(16) << 16 | colour(8) << 8 | colour(4)
}

/// A bitmap of the whole surface.
fn picture(id: u32, format: u32, width: u32, height: u32) -> Vec<u8> {
    let stride = match format {
        A8 => width.next_multiple_of(4),
        _ => width * 4,
    };
    let depth = match format {
        ARGB => 9,
        A8 => 10,
        _ => 8,
    };
    Body::new(|body| {
        body.u64(0).u8(0).u8(0).u32(width).u32(height);
        body.u8(depth).u8(4).u32(width).u32(height);
        body.u32(stride).u32(0);
        for y in 0..height {
            match format {
                A8 => (0..stride).for_each(|x| {
                    body.u8(scramble(id, x, y) as u8);
                }),
                _ => (0..width).for_each(|x| {
                    body.u32(pixel(id, format, x, y));
                }),
            }
        }
    })
    .0
}

/// Fills boxes here and there with ones.
fn blots(console: &mut Console, id: u32) {
    for number in 0..12 {
        let v = scramble(id, number, 77);
        let (x, y) = ((v & 31) % WIDTH, (v >> 8 & 31) % HEIGHT);
        let (width, height) = (1 + (v >> 16 & 15), 1 + (v >> 24 & 15));
        let [x, y, width, height] =
            [x, y, width.min(WIDTH - x), height.min(HEIGHT - y)].map(u32::cast_signed);
        let body = base_on(id, Rect::new(x, y, width, height), &[]).and(|body| {
            body.u8(1).u32(1).u16(PUT);
            no_mask(body);
        });
        console.draw(DRAW_FILL, body);
    }
}

fn surfaces() -> Console {
    let mut console = Console::with(&[ChannelRef::DISPLAY]);
    for (id, format, width, height) in SURFACES {
        console.create_surface(id, width, height, format, id == 0);
        if format == A1 {
            blots(&mut console, id);
            continue;
        }
        let all = Rect::new(0, 0, width.cast_signed(), height.cast_signed());
        let body = base_on(id, all, &[]);
        let offset = body.0.len() as u32 + 4 + 16 + 2 + 1 + 13;
        let body = body.and(|body: &mut Writer<'_>| {
            body.u32(offset);
            write_rect(body, &all);
            body.u16(PUT).u8(1);
            no_mask(body);
            body.bytes(&picture(id, format, width, height));
        });
        console.draw(DRAW_COPY, body);
    }
    assert_eq!(console.problems(), []);
    console
}

/// FNV-1a of red, green, blue and, where a format has it, coverage.
fn checksum(console: &Console, id: u32) -> u64 {
    let surface = console
        .session
        .surface(id)
        .expect("there is such a surface");
    let unused = SURFACES
        .iter()
        .any(|(have, format, ..)| *have == id && *format == XRGB);
    let bytes = surface.pixels().iter().flat_map(|[r, g, b, a]| {
        let a = if unused { 0 } else { *a };
        [*r, *g, *b, a]
    });
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[test]
fn drawings_leave_the_pixels_that_the_servers_renderer_leaves() {
    let packed = include_bytes!("data/canvas/drawings.bin");
    let cases = miniz_oxide::inflate::decompress_to_vec_zlib(packed).expect("a zlib stream");
    let mut reader = Reader::new(&cases);
    let mut number = 0;
    let mut wrong = Vec::new();
    while !reader.left().is_empty() {
        let kind = reader.u16("kind").expect("a case");
        let surface = reader.u8("surface").expect("a case").into();
        let length = reader.u32("length").expect("a case");
        let body = reader.bytes(length as usize, "message").expect("a case");
        let expected = reader.u64("checksum").expect("a case");
        let mut console = surfaces();
        console.draw(kind, Body(body.to_vec()));
        let problems = console.problems();
        if !problems.is_empty() || checksum(&console, surface) != expected {
            wrong.push(format!(
                "case {number}: message {kind} on surface {surface} {problems:?}"
            ));
        }
        number += 1;
    }
    assert_eq!(wrong, [""; 0], "of {number}");
    assert_eq!(number, 510);
}
