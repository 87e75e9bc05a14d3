//! Lines along paths, seen as characters: a dot where nothing was drawn.

use spice::message::display::DRAW_STROKE;
use spice::{Error, Rect};

use super::support::{Body, Console, base};

const WIDTH: i32 = 10;
const HEIGHT: i32 = 6;
/// The brush's colour.
const INK: u32 = 0xff_ffff;
/// SPICE_ROPD_OP_*
const PUT: u16 = 8;
const XOR: u16 = 64;
/// SPICE_PATH_*
const BEGIN: u8 = 1;
const END: u8 = 2;
const CLOSE: u8 = 8;
const BEZIER: u8 = 16;

/// Flags and points, in pixels, of a part of a path.
type Part<'p> = (u8, &'p [(f64, f64)]);

/// Lengths of dashes and gaps, and whether the first is a gap.
type Style<'s> = Option<(&'s [i32], bool)>;

fn stroke(clip: &[Rect], parts: &[Part<'_>], style: Style<'_>, rop: u16) -> Body {
    let body = base(Rect::new(0, 0, WIDTH, HEIGHT), clip);
    let attributes = if style.is_some() { 6 } else { 1 };
    let path = body.0.len() as u32 + 4 + attributes + 5 + 4;
    let path_length: usize = parts.iter().map(|(_, points)| 5 + 8 * points.len()).sum();
    body.and(|body| {
        body.u32(path);
        match style {
            None => body.u8(0),
            Some((lengths, gap_first)) => body
                .u8(8 | u8::from(gap_first) << 2)
                .u8(lengths.len() as u8)
                .u32(path + 4 + path_length as u32),
        };
        body.u8(1).u32(INK).u16(rop).u16(PUT);
        body.u32(parts.len() as u32);
        for (flags, points) in parts {
            body.u8(*flags).u32(points.len() as u32);
            for (x, y) in *points {
                body.i32((x * 16.0) as i32).i32((y * 16.0) as i32);
            }
        }
        for length in style.map(|(lengths, _)| lengths).unwrap_or_default() {
            body.i32(length * 16);
        }
    })
}

/// What a stroke leaves on a black screen.
fn drawn(body: Body) -> Vec<String> {
    let mut console = Console::with_screen(WIDTH as u32, HEIGHT as u32);
    console.draw(DRAW_STROKE, body);
    assert_eq!(console.problems(), []);
    seen(&console)
}

fn seen(console: &Console) -> Vec<String> {
    let mark = |pixel: u32| if pixel == 0 { '.' } else { '#' };
    console
        .rows()
        .into_iter()
        .map(|row| row.into_iter().map(mark).collect())
        .collect()
}

fn line(points: &[(f64, f64)]) -> Vec<String> {
    drawn(stroke(&[], &[(BEGIN | END, points)], None, PUT))
}

#[test]
fn a_line_has_all_its_pixels_but_the_last() {
    let expected = [
        "..........",
        ".##.......",
        "...####...",
        ".......#..",
        "..........",
        "..........",
    ];
    assert_eq!(line(&[(1.0, 1.0), (8.0, 3.0)]), expected);
    assert_eq!(line(&[(2.0, 2.0), (2.0, 2.0)]), [".........."; 6]);
}

#[test]
fn ties_go_straight_on_in_the_upper_left_half() {
    let right = line(&[(0.0, 2.0), (4.0, 4.0)]);
    assert_eq!(
        right,
        [
            "..........",
            "..........",
            "#.........",
            ".##.......",
            "...#......",
            ".........."
        ]
    );
    let left = line(&[(4.0, 4.0), (0.0, 2.0)]);
    assert_eq!(
        left,
        [
            "..........",
            "..........",
            "..........",
            ".##.......",
            "...##.....",
            ".........."
        ]
    );
}

#[test]
fn points_lie_on_the_nearest_pixel_and_halves_go_up_and_left() {
    let expected = [
        "..........",
        "..........",
        "..###.....",
        "..........",
        "..........",
        "..........",
    ];
    assert_eq!(line(&[(1.75, 2.5), (5.25, 2.25)]), expected);
}

#[test]
fn lines_reach_over_the_edges_of_the_screen_and_of_the_clip() {
    let far = 100_000_000.0;
    assert_eq!(
        line(&[(-far, 3.0), (far, 3.0)]),
        [
            "..........",
            "..........",
            "..........",
            "##########",
            "..........",
            ".........."
        ]
    );
    let clip = [Rect::new(2, 0, 2, 6), Rect::new(6, 0, 1, 6)];
    let path: &[Part<'_>] = &[(BEGIN | END, &[(-5.0, 1.0), (20.0, 1.0)])];
    assert_eq!(
        drawn(stroke(&clip, path, None, PUT)),
        [
            "..........",
            "..##..#...",
            "..........",
            "..........",
            "..........",
            ".........."
        ]
    );
}

#[test]
fn a_path_goes_on_until_it_ends_and_may_be_closed() {
    let corners: &[(f64, f64)] = &[(6.0, 1.0), (6.0, 4.0)];
    let expected_open = [
        "..........",
        ".######...",
        "......#...",
        "......#...",
        "..........",
        "..........",
    ];
    let open: &[Part<'_>] = &[(BEGIN, &[(1.0, 1.0)]), (END, corners)];
    assert_eq!(drawn(stroke(&[], open, None, PUT)), expected_open);
    let closed: &[Part<'_>] = &[(BEGIN, &[(1.0, 1.0)]), (END | CLOSE, corners)];
    let expected_closed = [
        "..........",
        ".######...",
        "..##..#...",
        "....###...",
        "......#...",
        "..........",
    ];
    assert_eq!(drawn(stroke(&[], closed, None, PUT)), expected_closed);
    // A second beginning lifts the pen.
    let two: &[Part<'_>] = &[
        (BEGIN, &[(0.0, 0.0), (3.0, 0.0)]),
        (BEGIN | END, &[(0.0, 5.0), (3.0, 5.0)]),
    ];
    let rows = drawn(stroke(&[], two, None, PUT));
    assert_eq!((&*rows[0], &*rows[5]), ("###.......", "###......."));
}

#[test]
fn a_pixel_where_lines_cross_is_drawn_as_often() {
    let cross: &[Part<'_>] = &[
        (BEGIN, &[(0.0, 2.0), (5.0, 2.0)]),
        (BEGIN | END, &[(2.0, 0.0), (2.0, 5.0)]),
    ];
    assert_eq!(
        drawn(stroke(&[], cross, None, XOR)),
        [
            "..#.......",
            "..#.......",
            "##.##.....",
            "..#.......",
            "..#.......",
            ".........."
        ]
    );
}

#[test]
fn a_curve_is_drawn_as_lines_that_are_as_good() {
    let curve: &[Part<'_>] = &[
        (BEGIN, &[(0.0, 5.0)]),
        (BEZIER | END, &[(0.0, 0.0), (9.0, 0.0), (9.0, 5.0)]),
    ];
    assert_eq!(
        drawn(stroke(&[], curve, None, PUT)),
        [
            "..........",
            "...###....",
            ".##...###.",
            ".#......#.",
            "#........#",
            "#........."
        ]
    );
    // A straight one is a line; one that is a point draws nothing.
    let straight: &[Part<'_>] = &[
        (BEGIN, &[(0.0, 0.0)]),
        (BEZIER | END, &[(3.0, 0.0), (6.0, 0.0), (9.0, 0.0)]),
    ];
    assert_eq!(drawn(stroke(&[], straight, None, PUT))[0], "#########.");
    let point: &[Part<'_>] = &[(BEGIN, &[(4.0, 4.0)]), (BEZIER | END, &[(4.0, 4.0); 3])];
    assert_eq!(drawn(stroke(&[], point, None, PUT)), [".........."; 6]);
}

#[test]
fn dashes_and_gaps_take_turns_and_go_on_around_corners() {
    let path: &[Part<'_>] = &[(BEGIN | END, &[(0.0, 1.0), (9.0, 1.0), (9.0, 5.0)])];
    let dashed = drawn(stroke(&[], path, Some((&[3, 2], false)), PUT));
    assert_eq!(dashed[1], "###..###..");
    let column: String = dashed.iter().map(|row| &row[9..]).collect();
    assert_eq!(column, "..###.");
    let gap_first = drawn(stroke(&[], path, Some((&[3, 2], true)), PUT));
    assert_eq!(gap_first[1], "...##...##");
}

#[test]
fn what_dashes_share_is_drawn_once() {
    let path: &[Part<'_>] = &[(BEGIN | END, &[(1.0, 1.0), (6.0, 1.0), (1.0, 1.0)])];
    assert_eq!(
        drawn(stroke(&[], path, Some((&[20, 1], false)), XOR))[1],
        ".#####...."
    );
}

fn refused(body: Body) -> Error {
    let mut console = Console::with_screen(WIDTH as u32, HEIGHT as u32);
    console.draw(DRAW_STROKE, body);
    console.problems().first().expect("a problem").error
}

#[test]
fn paths_that_make_no_sense_are_refused() {
    let plain: &[Part<'_>] = &[(BEGIN | END, &[(0.0, 0.0), (9.0, 0.0)])];
    let nothing = stroke(&[], plain, Some((&[0, 0, 0], false)), PUT);
    assert_eq!(refused(nothing), Error::invalid("length of dashes", 0));
    let none = stroke(&[], plain, Some((&[], false)), PUT);
    assert_eq!(refused(none), Error::invalid("number of dashes", 0));
    let halves: &[Part<'_>] = &[(BEGIN | END | BEZIER, &[(0.0, 0.0), (1.0, 1.0)])];
    let halves = stroke(&[], halves, None, PUT);
    assert_eq!(refused(halves), Error::invalid("points of a curve", 2));
    let headless: &[Part<'_>] = &[(END | BEZIER, &[(0.0, 0.0); 3])];
    let headless = stroke(&[], headless, None, PUT);
    let error = Error::invalid("curve without a beginning", 0);
    assert_eq!(refused(headless), error);
    let mut short = stroke(&[], plain, None, PUT);
    short.0.pop();
    assert!(matches!(refused(short), Error::Truncated { .. }));
    // More parts and points than there are bytes.
    let mut many = stroke(&[], plain, None, PUT);
    let path = many.0.len() - 4 - 5 - 16;
    many.0[path..path + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(refused(many), Error::Truncated { .. }));
}

#[test]
fn a_stroke_that_would_take_for_ever_ends() {
    let far = 130_000_000.0;
    let there_and_back: Vec<(f64, f64)> = (0..4000)
        .map(|index| (if index % 2 == 0 { -far } else { far }, 2.0))
        .collect();
    let path: &[Part<'_>] = &[(BEGIN | END, &there_and_back)];
    let body = stroke(&[], path, Some((&[1, 1], false)), PUT);
    assert!(matches!(refused(body), Error::Limit { .. }));
    // Where the lines themselves lie matters, not how long they are.
    assert_eq!(drawn(stroke(&[], path, None, PUT))[2], "##########");
}
