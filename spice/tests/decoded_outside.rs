//! Video that the caller decodes: what is handed out, what waits for it, what is dropped.

use spice::link::Capabilities;
use spice::message::display::{
    COPY_BITS, DRAW_FILL, MARK, STREAM_CREATE, STREAM_DATA, STREAM_DESTROY, SURFACE_CREATE,
};
use spice::message::main::{INIT, MULTI_MEDIA_TIME};
use spice::message::stream::{
    PREFERRED_COMPRESSION, PREFERRED_VIDEO_CODEC_TYPE, STREAM_ACTIVATE_REPORT, STREAM_REPORT,
};
use spice::{
    Alpha, ChannelRef, CodedFrame, Config, Event, ImageCompression, Pixels, Preferences, Rect,
    Session, VideoCodec, VideoEvent,
};

use super::support::{Body, Console, base, fill, write_rect};

const VP8: u8 = 2;
/// First bytes of a VP8 key frame, and of one that builds on it.
const KEY: [u8; 4] = [0x10, 1, 2, 3];
const DELTA: [u8; 4] = [0x11, 1, 2, 3];
const PLACE: Rect = Rect::new(2, 0, 4, 2);

/// A screen of 8 by 4, on a client that decodes these codecs itself.
fn console(codecs: &[VideoCodec]) -> Console {
    let mut console = Console::new();
    console.session = Session::new(Config {
        codecs: codecs.to_vec(),
        ..Config::default()
    });
    console.open(ChannelRef::DISPLAY);
    console.create_surface(0, 8, 4, 32, true);
    console.sent(ChannelRef::DISPLAY);
    console.events();
    console.damage();
    console
}

fn create(id: u32, codec: u8, place: Rect) -> Body {
    Body::new(|body| {
        body.u32(0).u32(id).u8(1).u8(codec).u64(0);
        let (width, height) = (place.width(), place.height());
        body.u32(width).u32(height).u32(width).u32(height);
        write_rect(body, &place);
        body.u8(0);
    })
}

fn data(id: u32, frame: &[u8]) -> Body {
    timed(id, 0, frame)
}

fn timed(id: u32, time: u32, frame: &[u8]) -> Body {
    Body::new(|body| {
        body.u32(id).u32(time).u32(frame.len() as u32).bytes(frame);
    })
}

fn number(value: u32) -> Body {
    Body::new(|body| {
        body.u32(value);
    })
}

/// A decoded frame of one colour.
fn picture(value: u8) -> Pixels {
    Pixels::new(4, 2, Alpha::Opaque, vec![[value, value, value, 255]; 8]).expect("a picture")
}

fn grey(value: u8) -> u32 {
    u32::from_be_bytes([0, value, value, value])
}

/// What is to be decoded, by frame.
fn handed_out(console: &mut Console) -> Vec<CodedFrame> {
    let frame = |event| match event {
        Event::Video(VideoEvent::Frame(frame)) => Some(frame),
        _ => None,
    };
    console.events().into_iter().filter_map(frame).collect()
}

fn one(console: &mut Console) -> CodedFrame {
    let mut frames = handed_out(console);
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames.remove(0)
}

/// What the caller does once something it gave back may have set the channel free.
fn go_on(console: &mut Console) {
    console.session.work(0, || true);
}

#[test]
fn a_frame_is_handed_out_and_shown_when_it_comes_back() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    assert_eq!((frame.codec, frame.key), (VideoCodec::Vp8, true));
    assert_eq!((frame.width, frame.height), (4, 2));
    assert_eq!(frame.data, KEY);
    assert_eq!(console.damage(), []);
    assert!(console.session.video_decoded(frame.frame, &picture(9)));
    assert_eq!(console.damage(), [PLACE]);
    let row = [0, 0, grey(9), grey(9), grey(9), grey(9), 0, 0];
    assert_eq!(console.row(1), row);
    let statistics = console.session.statistics();
    assert_eq!(
        (statistics.stream_received, statistics.stream_frames),
        (1, 1)
    );
    // A second answer to the same frame changes nothing.
    assert!(!console.session.video_decoded(frame.frame, &picture(10)));
    assert_eq!(console.row(1), row);
}

#[test]
fn codecs_that_nobody_decodes_are_refused_once() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, 4, PLACE));
    assert_eq!(console.problems().len(), 1);
    console.draw(STREAM_DATA, data(3, &KEY));
    assert_eq!(handed_out(&mut console), []);
    assert_eq!(console.session.statistics().stream_dropped, 1);
}

#[test]
fn what_covers_a_frame_waits_for_it_and_lies_over_it() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    // Beside the stream all goes on.
    console.draw(DRAW_FILL, fill(Rect::new(0, 2, 8, 2), &[], 0x11, 8));
    assert_eq!(console.row(2), [0x11; 8]);
    assert_eq!(console.events(), [Event::Damaged]);
    // Over it, it waits, and so does what comes after.
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 3, 1), &[], 0x22, 8));
    console.draw(DRAW_FILL, fill(Rect::new(0, 3, 1, 1), &[], 0x33, 8));
    assert_eq!(console.events(), [Event::Video(VideoEvent::Awaited)]);
    assert_eq!(console.row(0), [0; 8]);
    assert_eq!(console.row(3)[0], 0x11);
    assert!(console.session.backlog(ChannelRef::DISPLAY) > 0);
    assert!(console.session.video_decoded(frame.frame, &picture(9)));
    go_on(&mut console);
    let row = [0x22, 0x22, 0x22, grey(9), grey(9), grey(9), 0, 0];
    assert_eq!(console.row(0), row);
    assert_eq!(console.row(3)[0], 0x33);
    assert_eq!(console.session.backlog(ChannelRef::DISPLAY), 0);
}

#[test]
fn what_reads_a_frame_waits_for_it() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    // Down by two rows, to where no frame goes.
    let copy = base(Rect::new(2, 2, 4, 2), &[]).and(|body| {
        body.i32(2).i32(0);
    });
    console.draw(COPY_BITS, copy);
    assert_eq!(console.row(2), [0; 8]);
    console.session.video_decoded(frame.frame, &picture(7));
    go_on(&mut console);
    assert_eq!(console.row(2)[2..6], [grey(7); 4]);
}

#[test]
fn a_frame_that_does_not_come_back_holds_nothing_for_long() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 8, 4), &[], 0x22, 8));
    console.session.work(900_000, || true);
    assert_eq!(console.row(0), [0; 8]);
    console.session.work(1_100_000, || true);
    assert_eq!(console.row(0), [0x22; 8]);
    assert_eq!(console.session.statistics().errors.get("video"), Some(&1));
    // When it comes after all, it must not cover what was drawn later.
    assert!(!console.session.video_decoded(frame.frame, &picture(9)));
    assert_eq!(console.row(0), [0x22; 8]);
}

#[test]
fn the_last_frame_of_a_stream_is_shown_after_its_end() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    console.draw(STREAM_DESTROY, number(3));
    let ended = Event::Video(VideoEvent::Ended {
        stream: frame.stream,
    });
    assert_eq!(console.events(), [ended]);
    assert!(console.session.video_decoded(frame.frame, &picture(5)));
    assert_eq!(console.row(0)[2], grey(5));
}

#[test]
fn frames_of_a_surface_that_is_gone_are_not_wanted() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    let surface = Body::new(|body| {
        body.u32(0).u32(8).u32(4).u32(32).u32(1);
    });
    console.draw(SURFACE_CREATE, surface);
    assert!(!console.session.video_decoded(frame.frame, &picture(5)));
    assert_eq!(console.row(0), [0; 8]);
}

#[test]
fn frames_that_build_on_each_other_are_all_decoded_and_only_four_at_once() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    console.draw(STREAM_DATA, data(3, &KEY));
    for _ in 0..9 {
        console.draw(STREAM_DATA, data(3, &DELTA));
    }
    let mut seen = handed_out(&mut console);
    assert_eq!(seen.len(), 4);
    // One that comes back makes those before it useless, and room for as many.
    assert!(console.session.video_decoded(seen[1].frame, &picture(1)));
    go_on(&mut console);
    assert!(!console.session.video_decoded(seen[0].frame, &picture(2)));
    assert_eq!(console.row(0)[2], grey(1));
    let next = handed_out(&mut console);
    assert_eq!(next.len(), 2);
    seen.extend(next);
    assert!(seen.iter().skip(1).all(|frame| !frame.key));
    assert_eq!(console.session.statistics().stream_dropped, 1);
}

#[test]
fn of_frames_that_stand_alone_only_the_newest_waits() {
    // Larger than what is decoded at once.
    let place = Rect::new(0, 0, 200, 200);
    let mut console = console(&[VideoCodec::Mjpeg]);
    console.create_surface(0, 200, 200, 32, true);
    console.draw(STREAM_CREATE, create(0, 1, place));
    console.events();
    for red in 0..5 {
        console.draw(STREAM_DATA, data(0, &jpeg_header(200, 200, red)));
    }
    let out = handed_out(&mut console);
    assert_eq!(out.len(), 2);
    assert_eq!(console.session.statistics().stream_dropped, 2);
    // Nothing else of the channel waits.
    assert_eq!(console.session.backlog(ChannelRef::DISPLAY), 0);
    console.session.video_dropped(out[0].frame);
    let last = one(&mut console);
    assert_eq!(last.data.last(), Some(&4));
    assert!(last.key);
    assert_eq!(console.session.statistics().stream_dropped, 3);
}

#[test]
fn a_frame_larger_than_any_should_be_is_left_out() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    let mut huge = vec![0; (16 << 20) + 1];
    huge[..4].copy_from_slice(&KEY);
    console.draw(STREAM_DATA, data(3, &huge));
    assert_eq!(handed_out(&mut console), []);
    let statistics = console.session.statistics();
    assert_eq!(statistics.errors.get("limit"), Some(&1));
    assert_eq!(statistics.stream_dropped, 1);
    // What builds on it is of no use.
    console.draw(STREAM_DATA, data(3, &DELTA));
    assert_eq!(handed_out(&mut console), []);
}

#[test]
fn after_a_failure_only_a_key_frame_helps() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    // A stream does not begin in the middle.
    console.draw(STREAM_DATA, data(3, &DELTA));
    assert_eq!(handed_out(&mut console), []);
    console.draw(STREAM_DATA, data(3, &KEY));
    let frame = one(&mut console);
    console.session.video_failed(frame.frame);
    assert_eq!(console.problems().len(), 1);
    console.draw(STREAM_DATA, data(3, &DELTA));
    assert_eq!(handed_out(&mut console), []);
    console.draw(STREAM_DATA, data(3, &KEY));
    assert!(one(&mut console).key);
    let statistics = console.session.statistics();
    assert_eq!(statistics.stream_dropped, 3);
    assert_eq!(statistics.errors.get("video"), Some(&1));
}

#[test]
fn key_frames_are_known_without_decoding() {
    let nal = |kind: &[u8]| [&[0, 0, 0, 1, 9, 0x10, 0, 0, 1], kind, &[7, 7]].concat();
    let cases = [
        (VideoCodec::Mjpeg, vec![0xff, 0xd8], true),
        (VideoCodec::Vp8, KEY.to_vec(), true),
        (VideoCodec::Vp8, DELTA.to_vec(), false),
        (VideoCodec::Vp8, vec![], false),
        // Frame marker 2; then profile, a frame shown again, no key frame.
        (VideoCodec::Vp9, vec![0b1000_0010], true),
        (VideoCodec::Vp9, vec![0b1000_0110], false),
        (VideoCodec::Vp9, vec![0b1000_1000], false),
        (VideoCodec::Vp9, vec![0b1011_0001], true),
        (VideoCodec::H264, nal(&[0x65]), true),
        (VideoCodec::H264, nal(&[0x41]), false),
        (VideoCodec::H265, nal(&[19 << 1, 1]), true),
        (VideoCodec::H265, nal(&[1 << 1, 1]), false),
    ];
    for (codec, data, key) in cases {
        assert_eq!(codec.is_key_frame(&data), key, "{codec:?} {data:02x?}");
    }
    let parameters = [&[0, 0, 1][..], &[0x67, 0x42, 0xc0, 0x1f, 1]].concat();
    assert_eq!(
        spice::stream::h264_profile(&parameters),
        Some([0x42, 0xc0, 0x1f])
    );
}

#[test]
fn the_server_is_told_how_frames_fare() {
    let mut console = console(&[VideoCodec::Vp8]);
    console.open(ChannelRef::MAIN);
    let init = Body::new(|body| {
        // The server's clock shows 1000.
        body.u32(7)
            .u32(1)
            .u32(1)
            .u32(1)
            .u32(0)
            .u32(10)
            .u32(1000)
            .u32(0);
    });
    console.say(ChannelRef::MAIN, INIT, init);
    console.say(ChannelRef::MAIN, MULTI_MEDIA_TIME, number(5000));
    console.draw(STREAM_CREATE, create(3, VP8, PLACE));
    let wanted = Body::new(|body| {
        body.u32(3).u32(99).u32(3).u32(1000);
    });
    console.draw(STREAM_ACTIVATE_REPORT, wanted);
    console.draw(STREAM_DATA, timed(3, 5100, &DELTA));
    console.draw(STREAM_DATA, timed(3, 5133, &KEY));
    assert_eq!(console.sent(ChannelRef::DISPLAY), []);
    console.draw(STREAM_DATA, timed(3, 4990, &DELTA));
    let report = Body::new(|body| {
        body.u32(3).u32(99).u32(5100).u32(4990).u32(3).u32(1);
        body.i32(-10).u32(u32::MAX);
    });
    assert_eq!(
        console.sent(ChannelRef::DISPLAY),
        [(STREAM_REPORT, report.0)]
    );
}

#[test]
fn servers_are_asked_for_what_they_can_be_asked_for() {
    let wish = |compression, codecs: &[VideoCodec]| Preferences {
        compression: Some(compression),
        codecs: codecs.to_vec(),
    };
    let mut session = Session::new(Config {
        preferences: wish(ImageCompression::Off, &[]),
        ..Config::default()
    });
    let sent = |session: &mut Session| {
        let mut bytes = Vec::new();
        session.poll_transmit(ChannelRef::DISPLAY, &mut bytes);
        bytes
    };
    let mini = Capabilities::of(&[Capabilities::MINI_HEADER]);
    let able = Capabilities::of(&[6, 12]);
    session.opened(ChannelRef::DISPLAY, &mini, &able, 0);
    let message = |kind: u16, body: &[u8]| {
        let size = (body.len() as u32).to_le_bytes();
        [kind.to_le_bytes().as_slice(), &size, body].concat()
    };
    let wished = [
        message(PREFERRED_COMPRESSION, &[7]),
        message(PREFERRED_VIDEO_CODEC_TYPE, &[2, 2, 1]),
    ];
    // Servers with streams fall over when they are asked before they have said anything.
    assert_eq!(sent(&mut session).len(), 20);
    session.set_preferences(wish(
        ImageCompression::Lz4,
        &[VideoCodec::Vp8, VideoCodec::Mjpeg],
    ));
    assert_eq!(sent(&mut session), []);
    let mark = message(MARK, &[]);
    session.receive(ChannelRef::DISPLAY, 0, &mark);
    assert_eq!(sent(&mut session), wished.concat());
    session.receive(ChannelRef::DISPLAY, 0, &mark);
    assert_eq!(sent(&mut session), []);
    // Only what changes is said again.
    session.set_preferences(wish(
        ImageCompression::Quic,
        &[VideoCodec::Vp8, VideoCodec::Mjpeg],
    ));
    assert_eq!(sent(&mut session), message(PREFERRED_COMPRESSION, &[4]));
    // A server that does not know these messages gets none.
    session.opened(ChannelRef::DISPLAY, &mini, &Capabilities::default(), 0);
    session.receive(ChannelRef::DISPLAY, 0, &mark);
    sent(&mut session);
    session.set_preferences(wish(ImageCompression::Lz, &[VideoCodec::Mjpeg]));
    assert_eq!(sent(&mut session), []);
}

#[test]
fn whatever_servers_send_about_streams_is_bounded_and_harmless() {
    let codecs = VideoCodec::ALL;
    let mut console = console(&codecs);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as u32 % below
    };
    let mut out: Vec<CodedFrame> = Vec::new();
    for turn in 0..20_000_u64 {
        let id = random(300);
        let place = Rect::new(random(12) as i32 - 2, random(6) as i32 - 1, 4, 2);
        match random(9) {
            0 | 1 => console.draw(STREAM_CREATE, create(id, random(7) as u8, place)),
            2 => {
                let huge = Body::new(|body| {
                    body.u32(0).u32(id).u8(1).u8(2).u64(0);
                    body.u32(random(u32::MAX)).u32(random(u32::MAX)).u64(0);
                    write_rect(body, &Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX));
                    body.u8(0);
                });
                console.draw(STREAM_CREATE, huge);
            }
            3 => console.draw(STREAM_DESTROY, number(id)),
            4 => console.draw(DRAW_FILL, fill(place, &[], 1, 8)),
            5 => console.draw(
                STREAM_ACTIVATE_REPORT,
                Body::new(|body| {
                    body.u32(id).u32(1).u32(random(5)).u32(random(2000));
                }),
            ),
            _ => {
                let bytes: Vec<u8> = (0..random(40)).map(|_| random(256) as u8).collect();
                console.draw(STREAM_DATA, timed(id, random(u32::MAX), &bytes));
            }
        }
        out.extend(handed_out(&mut console));
        assert!(out.len() <= 4 * 64, "{} frames are out", out.len());
        if random(3) == 0 && !out.is_empty() {
            let frame = out.swap_remove(random(out.len() as u32) as usize).frame;
            match random(4) {
                0 => console.session.video_failed(frame),
                1 => console.session.video_dropped(frame),
                _ => {
                    console.session.video_decoded(frame, &picture(3));
                }
            }
        }
        if turn % 64 == 0 {
            // The caller has lost them.
            out.clear();
            console.session.work(turn * 50_000, || true);
        }
    }
    // It still draws.
    console.session.work(u64::MAX / 2, || true);
    console.draw(DRAW_FILL, fill(Rect::new(0, 0, 8, 4), &[], 0x77, 8));
    console.session.work(u64::MAX, || true);
    assert_eq!(console.row(3), [0x77; 8]);
}

/// A JPEG picture as far as its frame header, and one byte to tell it by.
fn jpeg_header(width: u16, height: u16, last: u8) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc0, 0, 11, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0]);
    bytes.extend([0; 64]);
    bytes.push(last);
    bytes
}
