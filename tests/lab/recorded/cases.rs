//! What is drawn to be recorded: pictures for every codec, in every format it takes.

use spice::message::types::ImageType;

/// A set of pictures drawn one beside the other.
pub struct Case {
    /// Folder of the codec, and of the case in it.
    pub name: &'static str,
    /// How the server is set up.
    pub setup: &'static [&'static str],
    /// `format=… pattern=… …` of each image.
    pub images: &'static [&'static str],
    pub size: (u32, u32),
    /// What kind of image the server is to make of them.
    pub kind: ImageType,
    /// How far decoded colours may be off on average; 0 means exactly the same.
    pub mean_error: f64,
}

/// Large enough to measure how long decoding takes; the benchmark looks for the name.
const fn large(
    name: &'static str,
    setup: &'static [&'static str],
    images: &'static [&'static str],
    kind: ImageType,
) -> Case {
    Case {
        size: (400, 300),
        ..case(name, setup, images, kind)
    }
}

const fn case(
    name: &'static str,
    setup: &'static [&'static str],
    images: &'static [&'static str],
    kind: ImageType,
) -> Case {
    Case {
        name,
        setup,
        images,
        size: (61, 47),
        kind,
        mean_error: 0.0,
    }
}

const OFF: &[&str] = &["compression mode=off"];
const QUIC: &[&str] = &["compression mode=quic"];
const LZ: &[&str] = &["compression mode=lz"];
const GLZ: &[&str] = &["compression mode=glz", "zlib mode=never"];
const ZLIB: &[&str] = &["compression mode=glz", "zlib mode=always"];
const LZ4: &[&str] = &["compression mode=lz4"];
const JPEG: &[&str] = &["compression mode=quic", "jpeg mode=always"];

pub const CASES: &[Case] = &[
    case(
        "bitmap/1_bit",
        OFF,
        &["format=1be pattern=text"],
        ImageType::BITMAP,
    ),
    case(
        "bitmap/4_bit",
        OFF,
        &["format=4be pattern=flat"],
        ImageType::BITMAP,
    ),
    case(
        "bitmap/8_bit",
        OFF,
        &["format=8 pattern=photo"],
        ImageType::BITMAP,
    ),
    case(
        "bitmap/16_bit",
        OFF,
        &["format=16 pattern=photo"],
        ImageType::BITMAP,
    ),
    case(
        "bitmap/24_bit_padded",
        OFF,
        &["format=24 pattern=noise padding=5"],
        ImageType::BITMAP,
    ),
    case(
        "bitmap/32_bit_bottom_up",
        OFF,
        &["format=32 pattern=text bottom_up=1"],
        ImageType::BITMAP,
    ),
    case(
        "bitmap/rgba",
        OFF,
        &["format=rgba pattern=alpha"],
        ImageType::BITMAP,
    ),
    case(
        "quic/rgb32_photo",
        QUIC,
        &["format=32 pattern=photo"],
        ImageType::QUIC,
    ),
    case(
        "quic/rgb32_text",
        QUIC,
        &["format=32 pattern=text"],
        ImageType::QUIC,
    ),
    case(
        "quic/rgb32_flat",
        QUIC,
        &["format=32 pattern=flat bottom_up=1"],
        ImageType::QUIC,
    ),
    case(
        "quic/rgb32_noise",
        QUIC,
        &["format=32 pattern=noise"],
        ImageType::QUIC,
    ),
    case(
        "quic/rgb24",
        QUIC,
        &["format=24 pattern=photo"],
        ImageType::QUIC,
    ),
    case(
        "quic/rgb16",
        QUIC,
        &["format=16 pattern=photo"],
        ImageType::QUIC,
    ),
    case(
        "quic/rgba",
        QUIC,
        &["format=rgba pattern=alpha"],
        ImageType::QUIC,
    ),
    case(
        "lz/rgb32_text",
        LZ,
        &["format=32 pattern=text"],
        ImageType::LZ_RGB,
    ),
    case(
        "lz/rgb32_flat",
        LZ,
        &["format=32 pattern=flat bottom_up=1"],
        ImageType::LZ_RGB,
    ),
    case(
        "lz/rgb32_photo",
        LZ,
        &["format=32 pattern=photo"],
        ImageType::LZ_RGB,
    ),
    case(
        "lz/rgb24",
        LZ,
        &["format=24 pattern=text"],
        ImageType::LZ_RGB,
    ),
    case(
        "lz/rgb16",
        LZ,
        &["format=16 pattern=flat"],
        ImageType::LZ_RGB,
    ),
    case(
        "lz/rgba",
        LZ,
        &["format=rgba pattern=alpha"],
        ImageType::LZ_RGB,
    ),
    case(
        "lz/palette_1_bit",
        LZ,
        &["format=1be pattern=text"],
        ImageType::LZ_PLT,
    ),
    case(
        "lz/palette_4_bit",
        LZ,
        &["format=4be pattern=flat"],
        ImageType::LZ_PLT,
    ),
    case(
        "lz/palette_8_bit",
        LZ,
        &["format=8 pattern=flat bottom_up=1"],
        ImageType::LZ_PLT,
    ),
    case(
        "lz/palette_from_cache",
        LZ,
        &["format=8 pattern=flat", "format=8 pattern=text"],
        ImageType::LZ_PLT,
    ),
    case(
        "glz/rgb32_across_pictures",
        GLZ,
        &[
            "format=32 pattern=text",
            "format=32 pattern=flat bottom_up=1",
            "format=32 pattern=text seed=3 bottom_up=1",
            "format=32 pattern=flat seed=3",
            "format=32 pattern=text",
        ],
        ImageType::GLZ_RGB,
    ),
    case(
        "glz/rgba_across_pictures",
        GLZ,
        &[
            "format=rgba pattern=alpha",
            "format=32 pattern=text",
            "format=rgba pattern=alpha",
        ],
        ImageType::GLZ_RGB,
    ),
    case(
        "glz/rgb16",
        GLZ,
        &["format=16 pattern=text", "format=16 pattern=text seed=2"],
        ImageType::GLZ_RGB,
    ),
    case(
        "zlib_glz/rgb32_across_pictures",
        ZLIB,
        &[
            "format=32 pattern=text",
            "format=32 pattern=photo",
            "format=32 pattern=text seed=5",
        ],
        ImageType::ZLIB_GLZ_RGB,
    ),
    case(
        "lz4/rgb32_text",
        LZ4,
        &["format=32 pattern=text"],
        ImageType::LZ4,
    ),
    case(
        "lz4/rgb32_flat",
        LZ4,
        &["format=32 pattern=flat bottom_up=1"],
        ImageType::LZ4,
    ),
    case(
        "lz4/rgb24",
        LZ4,
        &["format=24 pattern=text"],
        ImageType::LZ4,
    ),
    case(
        "lz4/rgb16",
        LZ4,
        &["format=16 pattern=flat"],
        ImageType::LZ4,
    ),
    case(
        "lz4/rgba",
        LZ4,
        &["format=rgba pattern=alpha"],
        ImageType::LZ4,
    ),
    large(
        "quic/large_photo",
        QUIC,
        &["format=32 pattern=photo"],
        ImageType::QUIC,
    ),
    large(
        "quic/large_text",
        QUIC,
        &["format=32 pattern=text"],
        ImageType::QUIC,
    ),
    large(
        "quic/large_flat",
        QUIC,
        &["format=32 pattern=flat"],
        ImageType::QUIC,
    ),
    large(
        "lz/large_photo",
        LZ,
        &["format=32 pattern=photo"],
        ImageType::LZ_RGB,
    ),
    large(
        "lz/large_text",
        LZ,
        &["format=32 pattern=text"],
        ImageType::LZ_RGB,
    ),
    large(
        "lz/large_flat",
        LZ,
        &["format=32 pattern=flat"],
        ImageType::LZ_RGB,
    ),
    large(
        "glz/large_text",
        GLZ,
        &["format=32 pattern=text"],
        ImageType::GLZ_RGB,
    ),
    large(
        "lz4/large_rgba",
        LZ4,
        &["format=rgba pattern=alpha"],
        ImageType::LZ4,
    ),
    large(
        "lz4/large_text",
        LZ4,
        &["format=32 pattern=text"],
        ImageType::LZ4,
    ),
    large(
        "lz4/large_flat",
        LZ4,
        &["format=32 pattern=flat"],
        ImageType::LZ4,
    ),
    large(
        "glz/large_photo",
        GLZ,
        &["format=32 pattern=photo"],
        ImageType::GLZ_RGB,
    ),
    large(
        "glz/large_flat",
        GLZ,
        &["format=32 pattern=flat"],
        ImageType::GLZ_RGB,
    ),
    large(
        "zlib_glz/large_photo",
        ZLIB,
        &["format=32 pattern=photo"],
        ImageType::ZLIB_GLZ_RGB,
    ),
    large(
        "zlib_glz/large_text",
        ZLIB,
        &["format=32 pattern=text"],
        ImageType::ZLIB_GLZ_RGB,
    ),
    large(
        "lz/large_rgba",
        LZ,
        &["format=rgba pattern=alpha"],
        ImageType::LZ_RGB,
    ),
    large(
        "quic/large_rgba",
        QUIC,
        &["format=rgba pattern=alpha"],
        ImageType::QUIC,
    ),
    Case {
        mean_error: 4.0,
        ..large(
            "jpeg/large_photo",
            JPEG,
            &["format=32 pattern=photo"],
            ImageType::JPEG,
        )
    },
    Case {
        size: (96, 80),
        mean_error: 4.0,
        ..case(
            "jpeg/photo",
            JPEG,
            &["format=32 pattern=photo"],
            ImageType::JPEG,
        )
    },
    Case {
        size: (96, 80),
        mean_error: 4.0,
        ..case(
            "jpeg/photo_with_alpha",
            JPEG,
            &["format=rgba pattern=photo"],
            ImageType::JPEG_ALPHA,
        )
    },
    Case {
        size: (96, 80),
        mean_error: 4.0,
        ..case(
            "jpeg/photo_with_alpha_bottom_up",
            JPEG,
            &["format=rgba pattern=photo bottom_up=1"],
            ImageType::JPEG_ALPHA,
        )
    },
];

/// As large as a guest's whole screen, and not kept.
pub const SCREENS: &[Case] = &[
    screen(
        "photo by quic",
        QUIC,
        &["format=32 pattern=photo"],
        ImageType::QUIC,
    ),
    screen(
        "text by quic",
        QUIC,
        &["format=32 pattern=text"],
        ImageType::QUIC,
    ),
    screen(
        "photo by lz",
        LZ,
        &["format=32 pattern=photo"],
        ImageType::LZ_RGB,
    ),
    screen(
        "text by glz",
        GLZ,
        &["format=32 pattern=text"],
        ImageType::GLZ_RGB,
    ),
];

const fn screen(
    name: &'static str,
    setup: &'static [&'static str],
    images: &'static [&'static str],
    kind: ImageType,
) -> Case {
    Case {
        size: (1920, 1080),
        ..case(name, setup, images, kind)
    }
}
