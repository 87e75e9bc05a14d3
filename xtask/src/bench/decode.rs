//! `cargo xtask bench decode`: our decoders natively and in wasm beside the C code that
//! libspice-server and spice-gtk carry, over the same recorded pictures, in turns.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::reference;
use crate::command::{program, say};
use crate::decoders::{self, Decoder, data};
use crate::options::{Options, flag, value};

/// What `cargo xtask bench decode --help` says.
const HELP: &str = "\
usage: cargo xtask bench decode [options] [PART OF A NAME]

  --rounds N              how often each side has its turn at each picture (default 5)
  --milliseconds N        how long a turn lasts (default 150)
  --ours                  without the C code
  --same                  only see that wasm makes the same pictures of everything recorded
  --no-install            only say which packages the C code wants
";

/// The sides, as the table calls them; ratios are to the last.
const SIDES: [&str; 3] = ["native", "wasm", "C"];
const C: usize = 2;
/// Conversations of whole screens of 1280 by 800.
const SESSIONS: [&str; 3] = ["desktop-glz", "desktop-lz", "photo-quic"];

/// The whole task.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|word| word == "--help") {
        print(HELP);
        return Ok(());
    }
    let options = Options::read(
        arguments,
        &[
            flag("--ours"),
            flag("--same"),
            flag("--no-install"),
            value("--rounds"),
            value("--milliseconds"),
        ],
    )?;
    if options.has("--same") {
        return decoders::compare();
    }
    let number = |name, otherwise: u64| match options.get(name).map(str::parse) {
        None => Ok(otherwise),
        Some(Ok(number)) if number > 0 => Ok(number),
        Some(_) => bail!("{name} wants a number above 0"),
    };
    let rounds = number("--rounds", 5)?;
    let milliseconds = number("--milliseconds", 150)?;
    let part = options.words.first().map_or("", |word| word.as_str());
    let mut native = Decoder::native()?;
    let cases = cases(part, &mut native)?;
    let mut sides = [
        Some(native),
        unless("wasm", Decoder::wasm()),
        if options.has("--ours") {
            None
        } else {
            let install = !options.has("--no-install");
            unless("the C code", c(install))
        },
    ];
    let mut rows = Vec::new();
    for (name, file) in &cases {
        let mut row = Row::new(name);
        for round in 0..rounds as usize {
            // Each begins as often as the others.
            for turn in 0..sides.len() {
                let side = (round + turn) % sides.len();
                if let Some(decoder) = &mut sides[side] {
                    let (pixels, time) = decoder.measure(file, milliseconds)?;
                    row.pixels = pixels;
                    row.times[side].push(time);
                }
            }
        }
        row.bits = std::fs::metadata(file)?.len() as f64 * 8.0 / row.pixels as f64;
        say(row.line());
        rows.push(row);
    }
    print(&table(&rows));
    Ok(())
}

fn c(install: bool) -> Result<Decoder> {
    let made = reference::build(install)?;
    Decoder::start(program(&made.to_string_lossy(), [""; 0]))
}

/// A side that is not to be had is left out, and the reason said.
fn unless(name: &str, side: Result<Decoder>) -> Option<Decoder> {
    match side {
        Ok(side) => Some(side),
        Err(error) => {
            say(format_args!("{name} is left out: {error:#}"));
            None
        }
    }
}

/// The large ones among the recorded pictures, and all of the recorded conversations that have many.
fn cases(part: &str, native: &mut Decoder) -> Result<Vec<(String, PathBuf)>> {
    let mut cases = Vec::new();
    for codec in std::fs::read_dir(data().join("image"))? {
        let codec = codec?;
        if !codec.path().is_dir() {
            continue;
        }
        for case in std::fs::read_dir(codec.path())? {
            let case = case?;
            let name = case.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_prefix("large_") {
                let name = format!("{} {name}", codec.file_name().to_string_lossy());
                cases.push((name, case.path().join("input.bin")));
            }
        }
    }
    for session in SESSIONS {
        let file = data().join(format!("session/{session}.session"));
        cases.push((format!("session {session}"), native.extract(&file)?));
    }
    cases.retain(|(name, _)| name.contains(part));
    if cases.is_empty() {
        bail!("no recorded picture has `{part}` in its name");
    }
    cases.sort();
    Ok(cases)
}

/// What was measured of one picture.
struct Row {
    name: String,
    pixels: u64,
    /// Coded bits of a pixel.
    bits: f64,
    /// Nanoseconds of every turn, by side.
    times: [Vec<u64>; 3],
}

impl Row {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            pixels: 0,
            bits: 0.0,
            times: Default::default(),
        }
    }

    /// Millions of pixels a second in the middle one of the turns.
    fn speed(&self, side: usize) -> Option<f64> {
        let mut times = self.times[side].clone();
        times.sort_unstable();
        let median = *times.get(times.len() / 2)?;
        Some(self.pixels as f64 * 1e3 / median as f64)
    }

    /// How many times as fast as C: the middle one of what each round says, for in one round all
    /// have the same noise.
    fn ratio(&self, side: usize) -> Option<f64> {
        let rounds = self.times[side].iter().zip(&self.times[C]);
        let mut ratios: Vec<f64> = rounds.map(|(&ours, &c)| c as f64 / ours as f64).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    }

    fn line(&self) -> String {
        let figure = |value: Option<f64>, digits| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "-".to_owned(),
        };
        let mut line = format!("{:<22}{:>12.2}", self.name, self.bits);
        for side in 0..SIDES.len() {
            line += &format!("{:>12}", figure(self.speed(side), 1));
        }
        for side in 0..C {
            line += &format!("{:>12}", figure(self.ratio(side), 2));
        }
        line
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = format!("\n{:<22}{:>12}", "MP/s", "bits/pixel");
    for side in SIDES {
        table += &format!("{side:>12}");
    }
    for side in &SIDES[..C] {
        table += &format!("{:>12}", format!("{side}/C"));
    }
    for row in rows {
        table += "\n";
        table += &row.line();
    }
    table
}

#[allow(clippy::print_stdout, reason = "the table is what was asked for")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_ratios_are_medians_of_the_rounds() {
        let row = Row {
            pixels: 1_000_000,
            times: [
                vec![1_000_000, 9_000_000, 2_000_000],
                vec![],
                vec![2_000_000, 9_000_000, 8_000_000],
            ],
            ..Row::new("lz photo")
        };
        assert_eq!(row.speed(0), Some(500.0));
        assert_eq!(row.speed(1), None);
        assert_eq!(row.ratio(0), Some(2.0));
        assert!(row.line().contains("500.0"), "{}", row.line());
    }
}
