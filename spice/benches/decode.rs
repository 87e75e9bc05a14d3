//! How fast the decoders are: millions of pixels a second, over images that a real server coded.
//!
//! `cargo bench -p spice -- PART`: only those with PART in their name.

#![allow(clippy::print_stdout, reason = "a benchmark is there to print")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spice::image::{CacheLimits, ImageContext, decode};
use spice::message::types::Image;

/// How long each is measured.
const TIME: Duration = Duration::from_millis(700);

fn main() {
    // Cargo passes options of its own.
    let part = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let part = part.unwrap_or_default();
    println!(
        "{:<24}{:>10}{:>14}{:>14}",
        "image", "pixels", "bits a pixel", "megapixels/s"
    );
    for (name, file) in cases() {
        if !name.contains(&part) {
            continue;
        }
        let input = std::fs::read(&file).expect("a recorded image");
        let mut times = Vec::new();
        let start = Instant::now();
        let mut pixels = 0;
        while start.elapsed() < TIME {
            let start = Instant::now();
            pixels = decode_all(&input);
            times.push(start.elapsed());
        }
        times.sort();
        // Half of the runs were at least as quick: what else the machine did counts little.
        let median = times[times.len() / 2].as_secs_f64();
        let speed = pixels as f64 / median / 1e6;
        let bits = input.len() as f64 * 8.0 / pixels as f64;
        println!("{name:<24}{pixels:>10}{bits:>14.2}{speed:>14.1}");
    }
}

/// The large images among the recorded ones.
fn cases() -> Vec<(String, PathBuf)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/image");
    let mut cases = Vec::new();
    for codec in folders(&data) {
        for case in folders(&codec) {
            let name = case
                .strip_prefix(&data)
                .expect("in the folder")
                .display()
                .to_string();
            if name.contains("/large_") {
                cases.push((name.replace("large_", ""), case.join("input.bin")));
            }
        }
    }
    cases
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of recorded images")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Decodes every image of a recording; gives how many pixels that was.
fn decode_all(mut input: &[u8]) -> usize {
    let mut context = ImageContext::new(CacheLimits::default());
    let mut pixels = 0;
    while let Some((size, rest)) = input.split_first_chunk::<4>() {
        let (offset, rest) = rest.split_first_chunk::<4>().expect("a whole record");
        let (message, rest) = rest.split_at(u32::from_le_bytes(*size) as usize);
        input = rest;
        let image = Image::at(message, u32::from_le_bytes(*offset)).expect("an image");
        pixels += decode(image, &mut context)
            .expect("it can be decoded")
            .data
            .len();
    }
    pixels
}
