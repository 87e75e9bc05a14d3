//! Honest images and archives, spoiled at random: the parsers never panic, read little, and accept
//! nothing that leads elsewhere. SAFFRON_FUZZ_SECONDS says for how long.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use manager::image::{ImageFormat, Limits, inspect, ova};

use crate::image_corpus::{MIB, description, qcow2, stream, tar, vmdk, vmware};

/// Says how much was read of what is looked at.
struct Counted<'a>(Cursor<&'a [u8]>, u64);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1 += read as u64;
        Ok(read)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// What must hold of anything, honest or not.
fn judge(bytes: &[u8]) {
    let limits = Limits::default();
    for format in [
        ImageFormat::Qcow2,
        ImageFormat::Vmdk,
        ImageFormat::Iso,
        ImageFormat::Raw,
    ] {
        let mut file = Counted(Cursor::new(bytes), 0);
        let verdict = inspect(format, &mut file, &limits);
        assert!(file.1 <= MIB, "{} bytes were read", file.1);
        let Ok(facts) = verdict else { continue };
        assert!(facts.virtual_bytes > 0 && facts.virtual_bytes <= limits.virtual_bytes);
        if format == ImageFormat::Vmdk {
            let text = String::from_utf8_lossy(&bytes[512..bytes.len().min(10_752)]).to_lowercase();
            assert!(!text.contains("parentfilenamehint"));
        }
        if format == ImageFormat::Qcow2 {
            assert_eq!(bytes[8..20], [0; 12], "a backing file's name");
        }
    }
    let mut file = Counted(Cursor::new(bytes), 0);
    let verdict = ova::read(&mut file, &limits);
    assert!(file.1 <= 8 * MIB, "{} bytes were read", file.1);
    let Ok(ova) = verdict else { return };
    for disk in ova.disks.iter().flatten() {
        assert!(disk.offset + disk.bytes <= bytes.len() as u64);
        assert!(disk.virtual_bytes <= limits.virtual_bytes);
    }
}

#[test]
fn mutated_images_and_archives_are_judged_without_panic_and_without_reading_much() {
    let seconds = std::env::var("SAFFRON_FUZZ_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(1);
    let text = vmware("d.vmdk", "");
    let seeds = [
        vmdk(|_| {}),
        stream(|_| {}),
        qcow2(),
        tar(&[
            ("vm.ovf", description().as_bytes()),
            ("disk.qcow2", &qcow2()),
        ]),
        tar(&[("x.ovf", text.as_bytes()), ("d.vmdk", &stream(|_| {}))]),
    ];
    for seed in &seeds {
        judge(seed);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % most.max(1) as u64).unwrap_or(0)
    };
    while Instant::now() < until {
        let mut bytes = seeds[random(seeds.len())].clone();
        for _ in 0..=random(6) {
            // Most of what decides stands at the beginning.
            let reach = if random(3) == 0 { bytes.len() } else { 4096 };
            let at = random(reach.min(bytes.len()));
            match random(5) {
                0 => bytes[at] = 0xff,
                1 => bytes[at] = 0,
                2 => bytes.truncate(at.max(1)),
                3 => {
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].fill(0xff);
                }
                _ => bytes[at] ^= 1 << random(8),
            }
            if bytes.is_empty() {
                break;
            }
        }
        judge(&bytes);
    }
}
