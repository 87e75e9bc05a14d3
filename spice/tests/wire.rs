//! Reading and writing numbers.

use spice::Error;
use spice::message::types::{Clip, Image, Rect};
use spice::wire::{Reader, Writer};

#[test]
fn what_is_written_is_read_back() {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes)
        .u8(1)
        .u16(0x203)
        .u32(0x4050607)
        .u64(8)
        .i16(-9)
        .i32(-10)
        .bytes(b"end");
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.u8("a"), Ok(1));
    assert_eq!(reader.u16("b"), Ok(0x203));
    assert_eq!(reader.u32("c"), Ok(0x4050607));
    assert_eq!(reader.u64("d"), Ok(8));
    assert_eq!(reader.i16("e"), Ok(-9));
    assert_eq!(reader.i32("f"), Ok(-10));
    assert_eq!(reader.left(), b"end");
    assert_eq!(reader.position(), bytes.len() - 3);
}

#[test]
fn numbers_are_little_endian() {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).u16(0x0102).u32(0x0304_0506);
    assert_eq!(bytes, [2, 1, 6, 5, 4, 3]);
}

#[test]
fn a_reader_says_what_is_missing() {
    let mut reader = Reader::new(&[1, 2, 3]);
    let error = reader.u32("some number").unwrap_err();
    assert_eq!(
        error,
        Error::Truncated {
            what: "some number",
            needed: 4,
            left: 3
        }
    );
    assert_eq!(error.to_string(), "some number needs 4 bytes, 3 are left");
    // Nothing was taken.
    assert_eq!(reader.u16("another"), Ok(0x201));
}

#[test]
fn a_count_that_claims_too_much_is_refused_before_anything_is_allocated() {
    let reader = Reader::new(&[0; 32]);
    assert_eq!(reader.check_count(2, 16, "things"), Ok(2));
    assert!(reader.check_count(3, 16, "things").is_err());
    assert!(reader.check_count(u64::MAX, 16, "things").is_err());
    let mut clip = Reader::new(&[1, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    assert!(matches!(
        Clip::read(&mut clip),
        Err(Error::Truncated { .. })
    ));
}

#[test]
fn an_offset_past_the_end_is_refused() {
    assert!(Image::at(&[0; 40], 41).is_err());
    assert!(Image::at(&[0; 40], u32::MAX).is_err());
    assert!(Image::at(&[0; 40], 30).is_err());
    assert!(Image::at(&[0; 40], 22).is_ok());
}

#[test]
fn a_rectangle_that_is_turned_around_is_refused() {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).i32(5).i32(0).i32(4).i32(9);
    assert!(Rect::read(&mut Reader::new(&bytes)).is_err());
}

#[test]
fn rectangles_meet_without_overflow() {
    let all = Rect {
        top: i32::MIN,
        left: i32::MIN,
        bottom: i32::MAX,
        right: i32::MAX,
    };
    let some = Rect::new(-5, 3, 10, 10);
    assert_eq!(all.intersect(&some), some);
    assert_eq!(all.width(), u32::MAX);
    assert!(some.intersect(&Rect::new(5, 3, 1, 1)).is_empty());
    assert_eq!(
        some.around(&Rect::new(20, 20, 1, 1)),
        Rect::new(-5, 3, 26, 18)
    );
}
