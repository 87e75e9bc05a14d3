//! Fuzzing for where there is no fuzzer: the corpus, changed at random, through the same oracles.
//! The same changes in every run of the same length, so that what fails fails again.
//!
//! SAFFRON_FUZZ_SECONDS makes it as long as that, shared by all oracles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::corpus::{ORACLES, Oracle};

/// How many changed inputs each oracle gets when nobody says how long.
const ROUNDS: u64 = 400;
/// Inputs longer than this are only slower.
const MAX_INPUT: usize = 16 << 10;

#[test]
fn every_oracle_holds_for_the_corpus() {
    for oracle in ORACLES {
        for (file, input) in oracle.inputs() {
            run(oracle, &file.display().to_string(), &input);
        }
    }
}

#[test]
fn what_drawings_and_video_are_mutated_from_is_right_itself() {
    // Otherwise the changes would never get far.
    for oracle in ORACLES {
        for (file, input) in oracle.inputs() {
            let problems = match oracle.name {
                "drawing" => super::oracles::drawing(&input),
                "stream" => super::oracles::stream(&input),
                _ => continue,
            };
            if file.to_string_lossy().contains("refused_") {
                assert_ne!(problems, [], "{}", file.display());
                continue;
            }
            assert_eq!(problems, [], "{}", file.display());
        }
    }
}

#[test]
fn every_oracle_holds_for_mutations_of_the_corpus() {
    let seconds: Option<u64> = std::env::var("SAFFRON_FUZZ_SECONDS")
        .ok()
        .map(|text| text.parse().expect("SAFFRON_FUZZ_SECONDS is a number"));
    for oracle in ORACLES {
        let inputs: Vec<Vec<u8>> = oracle
            .inputs()
            .into_iter()
            .map(|(_, input)| input)
            .filter(|input| input.len() <= MAX_INPUT)
            .collect();
        let share = seconds.map(|seconds| Duration::from_secs(seconds) / ORACLES.len() as u32);
        let start = Instant::now();
        let mut round = 0;
        while share.map_or(round < ROUNDS, |share| start.elapsed() < share) {
            let mut random = Random(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let input = mutate(&inputs, &mut random);
            run(oracle, &format!("round {round}"), &input);
            round += 1;
        }
    }
}

/// Runs an oracle; if it fails, leaves the input where it can be found and says where.
fn run(oracle: &Oracle, what: &str, input: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (oracle.check)(input)));
    if outcome.is_err() {
        let file = std::env::temp_dir().join(format!("saffron-{}-failure.bin", oracle.name));
        std::fs::write(&file, input).expect("the failing input can be kept");
        panic!(
            "the oracle {} fails for {what}; the input is in {}",
            oracle.name,
            file.display()
        );
    }
}

/// Small and quick; good enough to change bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Values that lengths and sizes go wrong at.
const EDGES: [u32; 10] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

fn mutate(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = inputs[random.below(inputs.len())].clone();
    // The beginning has the sizes: half of all changes go there.
    let place = |random: &mut Random, length: usize| {
        if random.below(2) == 0 {
            random.below(length.min(160))
        } else {
            random.below(length)
        }
    };
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = place(random, bytes.len());
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 | 2 => bytes[at] = random.next() as u8,
            3 | 4 => {
                let edge = EDGES[random.below(EDGES.len())];
                let edge = if random.below(2) == 0 {
                    edge.to_le_bytes()
                } else {
                    edge.to_be_bytes()
                };
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&edge[..end - at]);
            }
            5 => bytes.truncate(at),
            6 => {
                let end = (at + random.below(64)).min(bytes.len());
                let copied = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copied);
            }
            _ => {
                let other = &inputs[random.below(inputs.len())];
                let from = random.below(other.len());
                let part = &other[from..(from + random.below(256)).min(other.len())];
                let end = (at + part.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&part[..end - at]);
            }
        }
    }
    bytes
}
