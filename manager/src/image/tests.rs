//! Attacks and honest images: what qemu-img makes, and headers made by hand.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::*;

/// A directory that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("saffron-image-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn qemu_img(&self, arguments: &[&str]) -> PathBuf {
        let output = Command::new("qemu-img")
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .expect("qemu-img is there");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.0.join("x")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn verdict(format: ImageFormat, path: &Path) -> Result<ImageFacts, ImageError> {
    inspect(format, &mut File::open(path).unwrap(), &Limits::default())
}

fn of_bytes(format: ImageFormat, bytes: &[u8]) -> Result<ImageFacts, ImageError> {
    inspect(format, &mut Cursor::new(bytes), &Limits::default())
}

#[test]
fn honest_qcow2_images_of_every_kind_are_accepted() {
    let scratch = Scratch::new();
    for options in [
        "compat=1.1",
        "compat=0.10",
        "cluster_size=512",
        "cluster_size=2M",
        "preallocation=metadata",
        "lazy_refcounts=on",
        "refcount_bits=1",
        "refcount_bits=64",
        "extended_l2=on,cluster_size=128k",
        "compression_type=zstd",
    ] {
        let path = scratch.qemu_img(&["create", "-q", "-f", "qcow2", "-o", options, "x", "100M"]);
        let facts = verdict(ImageFormat::Qcow2, &path).unwrap_or_else(|e| panic!("{options}: {e}"));
        assert_eq!(facts.virtual_bytes, 100 << 20, "{options}");
        assert_eq!(
            qcow2_virtual_bytes(&mut File::open(&path).unwrap()).unwrap(),
            100 << 20
        );
    }
    let path = scratch.qemu_img(&["create", "-q", "-f", "qcow2", "x", "8T"]);
    assert_eq!(
        verdict(ImageFormat::Qcow2, &path).unwrap().virtual_bytes,
        8 << 40
    );
    scratch.qemu_img(&["create", "-q", "-f", "qcow2", "x", "1M"]);
    scratch.qemu_img(&["bitmap", "--add", "x", "b0"]);
    scratch.qemu_img(&["snapshot", "-c", "first", "x"]);
    let path = scratch.qemu_img(&["snapshot", "-c", "second", "x"]);
    assert_eq!(
        verdict(ImageFormat::Qcow2, &path).unwrap().virtual_bytes,
        1 << 20
    );
}

#[test]
fn an_image_with_a_backing_file_is_refused_however_it_is_named() {
    let scratch = Scratch::new();
    std::fs::write(scratch.0.join("canary"), vec![7; 1 << 20]).unwrap();
    let attacks: [&[&str]; 4] = [
        &[
            "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "canary", "x", "1M",
        ],
        &[
            "create",
            "-q",
            "-f",
            "qcow2",
            "-o",
            "compat=0.10",
            "-F",
            "raw",
            "-b",
            "canary",
            "x",
            "1M",
        ],
        &[
            "create",
            "-q",
            "-u",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            "/etc/passwd",
            "x",
            "1M",
        ],
        &[
            "create",
            "-q",
            "-u",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}}",
            "x",
            "1M",
        ],
    ];
    for attack in attacks {
        let path = scratch.qemu_img(attack);
        let verdict = verdict(ImageFormat::Qcow2, &path);
        assert!(
            matches!(
                verdict,
                Err(ImageError::External {
                    what: "a backing file"
                })
            ),
            "{attack:?}: {verdict:?}"
        );
    }
}

#[test]
fn an_image_with_an_external_data_file_is_refused_even_when_the_feature_bit_is_hidden() {
    let scratch = Scratch::new();
    let path = scratch.qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "data_file=canarx,data_file_raw=on",
        "x",
        "1M",
    ]);
    let refused = |path: &Path| {
        let verdict = verdict(ImageFormat::Qcow2, path);
        assert!(
            matches!(
                verdict,
                Err(ImageError::External {
                    what: "an external data file"
                })
            ),
            "{verdict:?}"
        );
    };
    refused(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[79] &= !4;
    std::fs::write(&path, &bytes).unwrap();
    refused(&path);
}

#[test]
fn an_encrypted_image_is_refused() {
    let scratch = Scratch::new();
    let path = scratch.qemu_img(&["create", "-q", "-f", "qcow2", "x", "1M"]);
    // The header's crypt_method: 1 is AES, 2 is LUKS. (qemu-img itself makes LUKS images only where
    // it can time its own hashing, which virtual machines do not always let it.)
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[35] = 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        verdict(ImageFormat::Qcow2, &path),
        Err(ImageError::Encrypted)
    ));
    bytes[35] = 2;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        verdict(ImageFormat::Qcow2, &path),
        Err(ImageError::Encrypted)
    ));
}

#[test]
fn too_many_internal_snapshots_are_refused() {
    let scratch = Scratch::new();
    let mut path = scratch.qemu_img(&["create", "-q", "-f", "qcow2", "x", "1M"]);
    for number in 0..17 {
        path = scratch.qemu_img(&["snapshot", "-c", &format!("s{number}"), "x"]);
    }
    let verdict = verdict(ImageFormat::Qcow2, &path);
    assert!(
        matches!(verdict, Err(ImageError::Header { .. })),
        "{verdict:?}"
    );
}

#[test]
fn another_format_is_refused_when_declared_and_never_recognised_when_not() {
    for name in ["vdi", "vhdx", "qed", "luks", "json:{}", ""] {
        assert!(
            matches!(ImageFormat::by_name(name), Err(ImageError::Format { .. })),
            "{name}"
        );
    }
    assert_eq!(ImageFormat::by_name("cow").unwrap(), ImageFormat::Qcow2);
    let scratch = Scratch::new();
    for format in ["vmdk", "vdi", "vhdx", "vpc", "qed", "raw"] {
        let path = scratch.qemu_img(&["create", "-q", "-f", format, "x", "4M"]);
        assert!(
            matches!(
                verdict(ImageFormat::Qcow2, &path),
                Err(ImageError::NotDeclared { .. })
            ),
            "{format} as qcow2"
        );
        assert!(
            matches!(
                verdict(ImageFormat::Iso, &path),
                Err(ImageError::NotDeclared { .. })
            ),
            "{format} as iso"
        );
    }
}

#[test]
fn a_raw_disk_stays_raw_whatever_header_it_carries() {
    let scratch = Scratch::new();
    for format in ["qcow2", "vmdk"] {
        let path = scratch.qemu_img(&["create", "-q", "-f", format, "x", "1T"]);
        let length = std::fs::metadata(&path).unwrap().len();
        let facts = verdict(ImageFormat::Raw, &path).unwrap();
        assert_eq!(facts.format, ImageFormat::Raw);
        assert_eq!(
            facts.virtual_bytes,
            length.next_multiple_of(512),
            "the header's 1 TiB must not count"
        );
    }
}

/// A header of version 3 as qemu-img makes it, with one value changed.
fn header_with(offset: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0u8; 4 * 65536];
    bytes[..4].copy_from_slice(b"QFI\xfb");
    let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    set(4, &3u32.to_be_bytes());
    set(20, &16u32.to_be_bytes());
    set(24, &(1u64 << 30).to_be_bytes());
    set(36, &2u32.to_be_bytes());
    set(40, &(3u64 * 65536).to_be_bytes());
    set(48, &65536u64.to_be_bytes());
    set(56, &1u32.to_be_bytes());
    set(96, &4u32.to_be_bytes());
    set(100, &104u32.to_be_bytes());
    set(offset, value);
    bytes
}

#[test]
fn headers_that_claim_the_absurd_are_refused() {
    assert_eq!(
        of_bytes(ImageFormat::Qcow2, &header_with(0, b"QFI\xfb"))
            .unwrap()
            .virtual_bytes,
        1 << 30
    );
    let cases: [(&str, usize, &[u8]); 19] = [
        ("version 4", 4, &4u32.to_be_bytes()),
        ("backing name without offset", 16, &7u32.to_be_bytes()),
        ("clusters of 2^8", 20, &8u32.to_be_bytes()),
        ("clusters of 2^22", 20, &22u32.to_be_bytes()),
        ("clusters of 2^4294967295", 20, &u32::MAX.to_be_bytes()),
        ("1 EiB", 24, &(1u64 << 60).to_be_bytes()),
        ("no size", 24, &0u64.to_be_bytes()),
        ("L1 too small", 36, &1u32.to_be_bytes()),
        ("L1 of 32 GiB", 36, &u32::MAX.to_be_bytes()),
        ("L1 outside of the file", 40, &(1u64 << 40).to_be_bytes()),
        ("L1 not at a cluster", 40, &65537u64.to_be_bytes()),
        (
            "L1 at the end of the number range",
            40,
            &(u64::MAX - 65535).to_be_bytes(),
        ),
        ("refcounts outside", 48, &(1u64 << 50).to_be_bytes()),
        ("no refcounts", 56, &0u32.to_be_bytes()),
        ("refcount table of 256 TiB", 56, &u32::MAX.to_be_bytes()),
        ("4 billion snapshots", 60, &u32::MAX.to_be_bytes()),
        (
            "snapshot table outside",
            60,
            &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        ),
        ("unknown feature", 72, &(1u64 << 40).to_be_bytes()),
        ("refcounts of 2^7 bits", 96, &7u32.to_be_bytes()),
    ];
    for (name, offset, value) in cases {
        assert!(
            of_bytes(ImageFormat::Qcow2, &header_with(offset, value)).is_err(),
            "{name} was accepted"
        );
    }
    for length in [0u32, 96, 103, 105, 65544, u32::MAX] {
        assert!(
            of_bytes(ImageFormat::Qcow2, &header_with(100, &length.to_be_bytes())).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_cd_is_accepted_and_half_of_one_is_not() {
    let mut cd = vec![0u8; 40 * 2048];
    cd[32768..32774].copy_from_slice(b"\x01CD001");
    cd[32768 + 80..32768 + 84].copy_from_slice(&40u32.to_le_bytes());
    cd[32768 + 128..32768 + 130].copy_from_slice(&2048u16.to_le_bytes());
    assert_eq!(
        of_bytes(ImageFormat::Iso, &cd).unwrap().virtual_bytes,
        40 * 2048
    );
    assert!(matches!(
        of_bytes(ImageFormat::Iso, &cd[..39 * 2048]),
        Err(ImageError::Truncated { .. })
    ));
    assert!(matches!(
        of_bytes(ImageFormat::Iso, &cd[..32770]),
        Err(ImageError::NotDeclared { .. })
    ));
    cd[32768..32774].copy_from_slice(b"\x00BEA01");
    cd[34816..34822].copy_from_slice(b"\x00NSR03");
    assert!(of_bytes(ImageFormat::Iso, &cd).is_ok(), "UDF alone");
    assert!(matches!(
        of_bytes(ImageFormat::Raw, &[]),
        Err(ImageError::Empty)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_header_makes_the_parser_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), version in 0u32..5) {
        for format in [ImageFormat::Raw, ImageFormat::Iso, ImageFormat::Qcow2] {
            let _ = of_bytes(format, &bytes);
        }
        if bytes.len() > 8 {
            bytes[..4].copy_from_slice(b"QFI\xfb");
            bytes[4..8].copy_from_slice(&version.to_be_bytes());
            let _ = of_bytes(ImageFormat::Qcow2, &bytes);
        }
    }

    #[test]
    fn no_change_of_an_honest_header_makes_it_panic(at in 4usize..200, value in any::<[u8; 8]>()) {
        let _ = of_bytes(ImageFormat::Qcow2, &header_with(at, &value));
    }
}
