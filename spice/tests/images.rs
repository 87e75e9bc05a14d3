//! Images as a real server coded them, and images that no honest server would send.

use std::time::Instant;

use spice::Error;
use spice::image::{CacheLimits, ImageContext, decode, jpeg};
use spice::message::types::{Image, ImageType};
use spice::wire::Writer;

use super::corpus::{data, files};
use super::oracles::{images, records};

const ALL: &[ImageType] = spice::image::SUPPORTED;

#[test]
fn every_recorded_image_looks_as_the_server_drew_it() {
    let mut cases = 0;
    for file in files(&data().join("image")) {
        if !file.ends_with("input.bin") {
            continue;
        }
        let name = file.display();
        let input = std::fs::read(&file).unwrap();
        let expected = match std::fs::File::open(file.with_file_name("expect.png")) {
            Ok(png) => png,
            // A case of what must be refused.
            Err(_) => {
                assert_eq!(images(&input, ALL).0, 0, "{name}");
                continue;
            }
        };
        let mut reader = png::Decoder::new(std::io::BufReader::new(expected))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let (decoded, last) = images(&input, ALL);
        assert_eq!(decoded, records(&input).count(), "{name}");
        // Expected pictures have alpha only where that is what is looked at.
        let channels = reader.info().color_type.samples();
        let last = last.unwrap();
        let ours: Vec<u8> = last
            .data
            .iter()
            .flat_map(|pixel| &pixel[..channels])
            .copied()
            .collect();
        assert_eq!(ours.len(), pixels.len(), "{name}");
        let difference: u64 = ours
            .iter()
            .zip(&pixels)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        let mean = difference as f64 / ours.len() as f64;
        assert!(
            mean <= mean_error(&file),
            "{name}: off by {mean} on average"
        );
        cases += 1;
    }
    assert!(cases > 30, "{cases}");
}

#[test]
fn alpha_is_the_same_by_whichever_codec_a_picture_came() {
    for same in [
        &["bitmap/rgba", "quic/rgba", "lz/rgba", "lz4/rgba"][..],
        &["quic/large_rgba", "lz/large_rgba", "lz4/large_rgba"],
    ] {
        let pictures = same.iter().map(|case| {
            let input = std::fs::read(data().join("image").join(case).join("input.bin"));
            let (decoded, last) = images(&input.expect("a recorded case"), ALL);
            assert_eq!(decoded, 1, "{case}");
            (case, last.expect("it is decoded"))
        });
        let pictures: Vec<_> = pictures.collect();
        let first = &pictures[0].1;
        assert_eq!(first.alpha, spice::Alpha::Premultiplied);
        assert!(first.data.iter().any(|pixel| !matches!(pixel[3], 0 | 255)));
        for (case, picture) in &pictures {
            assert!(picture == first, "{case}");
        }
    }
}

/// What `case.toml` beside an input allows; nothing if there is none.
fn mean_error(file: &std::path::Path) -> f64 {
    let Ok(text) = std::fs::read_to_string(file.with_file_name("case.toml")) else {
        return 0.0;
    };
    let value = text
        .trim()
        .strip_prefix("mean_error = ")
        .expect("case.toml has mean_error");
    value.parse().expect("mean_error is a number")
}

/// The first image of a recorded case, with its descriptor's kind, size and data to be changed.
struct Message {
    bytes: Vec<u8>,
    offset: usize,
}

impl Message {
    fn recorded(case: &str) -> Self {
        let input = std::fs::read(data().join("image").join(case).join("input.bin"))
            .expect("a recorded case");
        let (message, offset) = records(&input).next().expect("it has an image");
        Self {
            bytes: message.to_vec(),
            offset: offset as usize,
        }
    }

    /// An image of one kind whose data are of the length they say.
    fn made(kind: ImageType, width: u32, height: u32, data: &[u8]) -> Self {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.u64(1).u8(kind.0).u8(0).u32(width).u32(height);
        writer.u32(data.len() as u32).bytes(data);
        Self { bytes, offset: 0 }
    }

    fn set_size(&mut self, width: u32, height: u32) {
        let at = self.offset + 10;
        self.bytes[at..at + 4].copy_from_slice(&width.to_le_bytes());
        self.bytes[at + 4..at + 8].copy_from_slice(&height.to_le_bytes());
    }

    /// Where the coded data begin, for kinds that have their length in front.
    fn data(&mut self) -> &mut [u8] {
        &mut self.bytes[self.offset + 22..]
    }

    fn decode(&self) -> Result<std::sync::Arc<spice::Pixels>, Error> {
        let image = Image::at(&self.bytes, self.offset as u32)?;
        decode(image, &mut ImageContext::new(CacheLimits::default()))
    }
}

#[test]
fn a_picture_cut_off_anywhere_is_refused() {
    for case in [
        "quic/rgb32_photo",
        "quic/rgba",
        "lz/rgb32_text",
        "lz/palette_8_bit",
        "glz/rgb16",
    ] {
        let whole = Message::recorded(case);
        assert!(whole.decode().is_ok(), "{case}");
        let mut cut = Message::recorded(case);
        // Palettes follow the data; cutting those off is refused as well.
        while cut.bytes.len() > cut.offset + 64 {
            let length = cut.bytes.len() - 61;
            cut.bytes.truncate(length);
            assert!(cut.decode().is_err(), "{case} of {length} bytes");
        }
    }
}

#[test]
fn quic_that_is_cut_off_inside_of_what_it_says_is_refused() {
    // The length in front is right, the stream ends too early: the rest must not be made up.
    let mut whole = Message::recorded("quic/rgb32_photo");
    let stream = whole.data().to_vec();
    let made = |length: usize| Message::made(ImageType::QUIC, 61, 47, &stream[..length]);
    assert!(made(stream.len()).decode().is_ok());
    for length in (0..stream.len() - 12).step_by(97) {
        assert!(made(length).decode().is_err(), "{length} bytes");
    }
}

#[test]
fn a_quic_run_past_the_end_of_its_row_is_refused_as_that() {
    let error = Message::recorded("quic/refused_runs_past_the_row").decode();
    assert!(
        matches!(
            error,
            Err(Error::Invalid {
                what: "quic run",
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn a_size_that_is_not_the_descriptors_is_refused() {
    // CVE-2020-14355: QUIC whose own size is not the one that memory was made for.
    for case in [
        "quic/rgb32_photo",
        "lz/rgb32_text",
        "glz/rgb16",
        "jpeg/photo",
        "bitmap/rgba",
    ] {
        for (width, height) in [(61, 48), (60, 47), (1, 1), (4000, 4000), (47, 61)] {
            let mut message = Message::recorded(case);
            message.set_size(width, height);
            assert!(message.decode().is_err(), "{case} as {width} by {height}");
        }
    }
}

#[test]
fn claims_of_enormous_pictures_cost_neither_memory_nor_time() {
    let start = Instant::now();
    for (width, height) in [
        (0, 0),
        (0, 10),
        (10, 0),
        (u32::MAX, u32::MAX),
        (u32::MAX, 1),
        (0x8000_0000, 2),
        (0x1_0000, 0x1_0000),
        (16_384, 16_384),
        (16_384, 4_096),
    ] {
        let big = |value: u32| value.to_be_bytes();
        let mut lz = b"  ZL\x00\x01\x00\x01\x00\x00\x00\x08".to_vec();
        lz.extend([big(width), big(height), big(width.wrapping_mul(4)), big(1)].concat());
        lz.extend([0xff; 40]);
        assert!(
            Message::made(ImageType::LZ_RGB, width, height, &lz)
                .decode()
                .is_err()
        );

        let mut glz = b"  ZL\x00\x01\x00\x01\x18".to_vec();
        glz.extend(
            [
                big(width),
                big(height),
                big(width.wrapping_mul(4)),
                [0; 4],
                big(1),
                [0; 4],
            ]
            .concat(),
        );
        glz.extend([0xff; 40]);
        assert!(
            Message::made(ImageType::GLZ_RGB, width, height, &glz)
                .decode()
                .is_err()
        );

        let mut quic = b"QUIC\0\0\0\0\x04\0\0\0".to_vec();
        quic.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        quic.extend([0xff; 40]);
        assert!(
            Message::made(ImageType::QUIC, width, height, &quic)
                .decode()
                .is_err()
        );
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn lz_references_outside_of_the_picture_are_refused() {
    // CVE-2018-10893: distances before the first pixel, lengths past the last.
    let stream = |body: &[u8]| {
        let mut lz = b"  ZL\x00\x01\x00\x01\x00\x00\x00\x08".to_vec();
        lz.extend([4u32, 2, 16, 1].map(u32::to_be_bytes).concat());
        lz.extend(body);
        Message::made(ImageType::LZ_RGB, 4, 2, &lz).decode()
    };
    let literal = [0, 1, 2, 3];
    // One literal and a run of seven.
    assert!(stream(&[&literal[..], &[0xe0, 0, 0]].concat()).is_ok());
    assert!(
        stream(&[&literal[..], &[0xe0, 0, 1]].concat()).is_err(),
        "before the first pixel"
    );
    assert!(
        stream(&[&literal[..], &[0xe0, 1, 0]].concat()).is_err(),
        "past the last pixel"
    );
    assert!(
        stream(&[&literal[..], &[0xe0, 255, 255, 255, 0, 0]].concat()).is_err(),
        "far past it"
    );
    assert!(stream(&[0xe0, 0, 0]).is_err(), "before anything");
    assert!(
        stream(&[&literal[..], &[0x3f, 255, 255, 255]].concat()).is_err(),
        "farthest"
    );
    assert!(
        stream(&[&[7][..], &[9; 24]].concat()).is_ok(),
        "eight literals"
    );
    assert!(
        stream(&[&[8][..], &[9; 27]].concat()).is_err(),
        "nine literals"
    );
}

#[test]
fn glz_references_to_what_is_not_there_are_refused_and_the_next_picture_still_decodes() {
    let glz = |id: u64, back: u32, body: &[u8]| {
        let mut glz = b"  ZL\x00\x01\x00\x01\x18".to_vec();
        glz.extend([4u32, 1, 16].map(u32::to_be_bytes).concat());
        glz.extend(id.to_be_bytes());
        glz.extend(back.to_be_bytes());
        glz.extend(body);
        Message::made(ImageType::GLZ_RGB, 4, 1, &glz)
    };
    let mut context = ImageContext::new(CacheLimits::default());
    let mut decode = |message: &Message| {
        decode(Image::at(&message.bytes, 0).unwrap(), &mut context)
            .map(|pixels| pixels.data.clone())
    };
    let four = [3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    // Four pixels, `distance` pictures back, from pixel `offset` on.
    let reference = |offset: u8, distance: u8| [0x80 | offset, 0, distance];
    let first = decode(&glz(1 << 40, 0, &four)).unwrap();
    assert_eq!(
        decode(&glz((1 << 40) + 1, 1, &reference(0, 1))).unwrap(),
        first
    );
    assert!(
        decode(&glz((1 << 40) + 2, 2, &reference(1, 1))).is_err(),
        "past its last pixel"
    );
    assert!(
        matches!(
            decode(&glz((1 << 40) + 2, 2, &reference(0, 9))),
            Err(Error::Missing { .. })
        ),
        "never sent"
    );
    assert!(
        decode(&glz(3, 3, &reference(0, 9))).is_err(),
        "before the first number"
    );
    assert_eq!(
        decode(&glz((1 << 40) + 2, 2, &reference(0, 2))).unwrap(),
        first
    );
    // The server has let go of the first.
    assert_eq!(
        decode(&glz((1 << 40) + 3, 1, &reference(0, 1))).unwrap(),
        first
    );
    assert!(
        decode(&glz((1 << 40) + 4, 1, &reference(0, 3))).is_err(),
        "let go of"
    );
}

#[test]
fn a_cached_image_is_found_by_all_64_bits_and_only_while_the_server_keeps_it() {
    let bitmap = |id: u64, kind: ImageType, flags: u8| {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.u64(id).u8(kind.0).u8(flags).u32(1).u32(1);
        writer
            .u8(8)
            .u8(4)
            .u32(1)
            .u32(1)
            .u32(4)
            .u32(0)
            .bytes(&[id as u8, 0, 0, 0]);
        bytes
    };
    let mut context = ImageContext::new(CacheLimits::default());
    let blue = |context: &mut ImageContext, bytes: &[u8]| {
        decode(Image::at(bytes, 0).unwrap(), context).map(|pixels| pixels.data[0][2])
    };
    let (low, high) = (7, 7 | 1 << 50);
    assert_eq!(
        blue(&mut context, &bitmap(high, ImageType::BITMAP, 1)),
        Ok(7)
    );
    let from_cache = |id| bitmap(id, ImageType::FROM_CACHE, 0);
    assert_eq!(
        blue(&mut context, &from_cache(low)),
        Err(Error::missing("cached image", low))
    );
    assert_eq!(blue(&mut context, &from_cache(high)), Ok(7));
    context.invalidate_image(high);
    assert_eq!(
        blue(&mut context, &from_cache(high)),
        Err(Error::missing("cached image", high))
    );
    assert_eq!(context.cached_bytes(), 0);
}

#[test]
fn a_palette_kept_before_is_used_until_the_server_drops_it() {
    let image = |flags: u8, palette: &[u8]| {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.u64(1).u8(ImageType::BITMAP.0).u8(0).u32(1).u32(1);
        writer.u8(5).u8(4 | flags).u32(1).u32(1).u32(1);
        if flags & 2 != 0 {
            writer.u64(99).bytes(&[1]);
        } else {
            // After the four bytes of the place, and the one pixel.
            writer.u32(18 + 14 + 4 + 1).bytes(&[1]).bytes(palette);
        }
        bytes
    };
    let mut palette = Vec::new();
    Writer::new(&mut palette)
        .u64(99)
        .u16(2)
        .u32(0)
        .u32(0x00aa_bbcc);
    let mut context = ImageContext::new(CacheLimits::default());
    let colour = |context: &mut ImageContext, bytes: &[u8]| {
        decode(Image::at(bytes, 0).unwrap(), context).map(|pixels| pixels.data[0])
    };
    let kept = image(2, &[]);
    assert!(colour(&mut context, &kept).is_err());
    assert_eq!(
        colour(&mut context, &image(1, &palette)),
        Ok([0xaa, 0xbb, 0xcc, 255])
    );
    assert_eq!(colour(&mut context, &kept), Ok([0xaa, 0xbb, 0xcc, 255]));
    context.invalidate_palette(99);
    assert!(colour(&mut context, &kept).is_err());
    // A palette that is cut off, or claims more colours than there are.
    assert!(colour(&mut context, &image(1, &palette[..14])).is_err());
    palette[8..10].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(colour(&mut context, &image(1, &palette)).is_err());
}

#[test]
fn later_frames_of_a_video_use_the_first_ones_tables() {
    let mut message = Message::recorded("jpeg/photo");
    let frame = message.data().to_vec();
    let mut without = vec![0xff, 0xd8];
    let mut rest = &frame[2..];
    while rest[1] != 0xda {
        let size = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if rest[1] != 0xdb && rest[1] != 0xc4 {
            without.extend_from_slice(&rest[..size]);
        }
        rest = &rest[size..];
    }
    without.extend_from_slice(rest);
    assert!(
        without.len() + 400 < frame.len(),
        "the tables were left out"
    );

    let mut decoder = jpeg::FrameDecoder::default();
    assert!(decoder.decode(&without).is_err(), "there are no tables yet");
    let first = decoder.decode(&frame).unwrap();
    assert_eq!(decoder.decode(&without).unwrap(), first);
    assert_eq!(decoder.decode(&without).unwrap(), first);
}
