//! Video streams.

use spice::message::display::{
    DRAW_FILL, STREAM_CLIP, STREAM_CREATE, STREAM_DATA, STREAM_DATA_SIZED, STREAM_DESTROY,
    STREAM_DESTROY_ALL, SURFACE_DESTROY,
};
use spice::{Error, Rect};

use super::support::{Body, Console, fill, write_rect};

/// A JPEG picture of the image tests, without its length.
fn frame() -> (Vec<u8>, u32, u32) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/image/jpeg/photo");
    let input = std::fs::read(format!("{folder}/input.bin")).expect("the picture");
    let start = input
        .windows(3)
        .position(|three| three == [0xff, 0xd8, 0xff])
        .expect("a JPEG");
    let jpeg = input[start..].to_vec();
    let header = jpeg
        .windows(2)
        .position(|two| two == [0xff, 0xc0])
        .expect("a baseline JPEG");
    let number = |at: usize| u32::from(u16::from_be_bytes([jpeg[at], jpeg[at + 1]]));
    let (height, width) = (number(header + 5), number(header + 7));
    (jpeg, width, height)
}

fn create(id: u32, codec: u8, top_down: bool, size: (u32, u32), dest: Rect) -> Body {
    Body::new(|body| {
        body.u32(0).u32(id).u8(top_down.into()).u8(codec).u64(0);
        body.u32(size.0).u32(size.1).u32(size.0).u32(size.1);
        write_rect(body, &dest);
        body.u8(0);
    })
}

fn data(id: u32, jpeg: &[u8]) -> Body {
    Body::new(|body| {
        body.u32(id).u32(0).u32(jpeg.len() as u32).bytes(jpeg);
    })
}

/// A screen twice as large as the frame, and the frame's size.
fn console() -> (Console, Vec<u8>, i32, i32) {
    let (jpeg, width, height) = frame();
    let console = Console::with_screen(width * 2, height * 2);
    (console, jpeg, width as i32, height as i32)
}

fn number(value: u32) -> Body {
    Body::new(|body| {
        body.u32(value);
    })
}

#[test]
fn frames_are_drawn_where_the_stream_is() {
    let (mut console, jpeg, width, height) = console();
    let size = (width as u32, height as u32);
    let dest = Rect::new(3, 2, width, height);
    console.draw(STREAM_CREATE, create(4, 1, true, size, dest));
    console.draw(STREAM_DATA, data(4, &jpeg));
    assert_eq!(console.damage(), [dest]);
    assert_eq!(console.problems(), []);
    let upright = console.rows();
    assert!(upright[2][3..].iter().any(|pixel| *pixel != 0));
    assert!(upright[1].iter().all(|pixel| *pixel == 0));
    // The same frame with its last row first.
    console.draw(STREAM_DESTROY, number(4));
    console.draw(STREAM_CREATE, create(4, 1, false, size, dest));
    console.draw(STREAM_DATA, data(4, &jpeg));
    let turned = console.rows();
    assert_eq!(turned[2], upright[1 + height as usize]);
    assert_eq!(turned[1 + height as usize], upright[2]);
    assert_eq!(console.session.statistics().stream_frames, 2);
}

#[test]
fn frames_are_brought_to_size_and_may_say_where_they_go() {
    let (mut console, jpeg, width, height) = console();
    let size = (width as u32, height as u32);
    let dest = Rect::new(0, 0, width, height);
    console.draw(STREAM_CREATE, create(0, 1, true, size, dest));
    console.draw(STREAM_DATA, data(0, &jpeg));
    let once = console.rows();
    let twice = Rect::new(0, 0, width * 2, height * 2);
    let body = Body::new(|body| {
        body.u32(0).u32(0).u32(size.0).u32(size.1);
        write_rect(body, &twice);
        body.u32(jpeg.len() as u32).bytes(&jpeg);
    });
    console.draw(STREAM_DATA_SIZED, body);
    let rows = console.rows();
    for y in [0, 7, height as usize - 1] {
        for x in [0, 5, width as usize - 1] {
            assert_eq!(rows[2 * y][2 * x], once[y][x]);
            assert_eq!(rows[2 * y + 1][2 * x + 1], once[y][x]);
        }
    }
}

#[test]
fn a_stream_keeps_to_its_clip() {
    let (mut console, jpeg, width, height) = console();
    let dest = Rect::new(0, 0, width, height);
    console.draw(
        STREAM_CREATE,
        create(0, 1, true, (width as u32, height as u32), dest),
    );
    let clip = Rect::new(0, 4, width, 2);
    let body = Body::new(|body| {
        body.u32(0).u8(1).u32(1);
        write_rect(body, &clip);
    });
    console.draw(STREAM_CLIP, body);
    console.damage();
    console.draw(STREAM_DATA, data(0, &jpeg));
    assert_eq!(console.damage(), [clip]);
    assert!(console.row(3).iter().all(|pixel| *pixel == 0));
    assert!(console.row(4).iter().any(|pixel| *pixel != 0));
}

#[test]
fn what_is_drawn_later_lies_over_a_frame() {
    let (mut console, jpeg, width, height) = console();
    let dest = Rect::new(0, 0, width, height);
    console.draw(
        STREAM_CREATE,
        create(0, 1, true, (width as u32, height as u32), dest),
    );
    console.draw(STREAM_DATA, data(0, &jpeg));
    console.draw(DRAW_FILL, fill(dest, &[], 0x123456, 8));
    assert!(
        console.row(0)[..width as usize]
            .iter()
            .all(|pixel| *pixel == 0x123456)
    );
}

#[test]
fn streams_end_alone_together_or_with_their_surface() {
    let (mut console, jpeg, ..) = console();
    let dest = Rect::new(0, 0, 8, 8);
    let missing = |console: &mut Console| {
        console.draw(STREAM_DATA, data(1, &jpeg));
        console.problems().first().map(|problem| problem.error)
    };
    let gone = Some(Error::Missing {
        what: "stream",
        id: 1,
    });
    for end in [
        (STREAM_DESTROY, number(1)),
        (STREAM_DESTROY_ALL, Body::default()),
    ] {
        console.draw(STREAM_CREATE, create(1, 1, true, (8, 8), dest));
        assert_eq!(missing(&mut console), None);
        console.draw(end.0, end.1);
        assert_eq!(missing(&mut console), gone);
    }
    console.draw(STREAM_CREATE, create(1, 1, true, (8, 8), dest));
    console.draw(SURFACE_DESTROY, number(0));
    assert_eq!(missing(&mut console), gone);
}

#[test]
fn a_frame_that_cannot_be_decoded_is_left_out() {
    let (mut console, jpeg, width, height) = console();
    let dest = Rect::new(0, 0, width, height);
    console.draw(
        STREAM_CREATE,
        create(0, 1, true, (width as u32, height as u32), dest),
    );
    console.draw(
        STREAM_CREATE,
        create(1, 3, true, (width as u32, height as u32), dest),
    );
    let codec = Error::Unsupported {
        what: "video codec",
        value: 3,
    };
    assert_eq!(console.problems()[0].error, codec);
    // That was said once; its frames are dropped.
    console.draw(STREAM_DATA, data(1, &jpeg));
    assert_eq!(console.problems(), []);
    assert_eq!(console.session.statistics().stream_dropped, 1);
    console.draw(STREAM_DATA, data(0, b"no picture"));
    assert_eq!(console.problems().len(), 1);
    console.draw(STREAM_DATA, data(0, &jpeg));
    assert_eq!(console.problems(), []);
}

#[test]
fn streams_do_not_fill_memory() {
    let (mut console, ..) = console();
    for id in 0..1000 {
        console.draw(
            STREAM_CREATE,
            create(id, 1, true, (8, 8), Rect::new(0, 0, 8, 8)),
        );
    }
    assert_eq!(console.session.statistics().problems, 1000 - 256);
}
