//! Takes lines on stdin. `measure FILE MILLISECONDS` decodes a recording of images again and again and
//! answers `PIXELS NANOSECONDS`, the median of one time. `judge KIND FILE` (the kind by its number)
//! answers what became of each picture, then an empty line. `extract FILE` answers with a file of the
//! images that are coded in a conversation, which lies beside this program.

#![allow(clippy::print_stdout, reason = "the answers go there")]

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use decode::{Kind, coded_images, decode_all, verdict};

fn main() -> ExitCode {
    for line in std::io::stdin().lock().lines() {
        let answer = line
            .map_err(|error| error.to_string())
            .and_then(|line| answer(&line));
        match answer {
            Ok(text) => println!("{text}"),
            Err(error) => {
                eprintln!("decode: {error}");
                return ExitCode::FAILURE;
            }
        }
        if std::io::stdout().flush().is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn answer(line: &str) -> Result<String, String> {
    let unclear = || format!("`{line}` is not understood");
    let read = |file: &str| std::fs::read(file).map_err(|error| format!("{file}: {error}"));
    if let Some(rest) = line.strip_prefix("measure ") {
        let (file, milliseconds) = rest.rsplit_once(' ').ok_or_else(unclear)?;
        let time = Duration::from_millis(milliseconds.parse().map_err(|_| unclear())?);
        return Ok(measure(&read(file)?, time));
    }
    if let Some(file) = line.strip_prefix("extract ") {
        return extract(Path::new(file)).map_err(|error| format!("{file}: {error}"));
    }
    let rest = line.strip_prefix("judge ").ok_or_else(unclear)?;
    let (kind, file) = rest.split_once(' ').ok_or_else(unclear)?;
    let kind = kind
        .parse()
        .ok()
        .and_then(Kind::of_number)
        .ok_or_else(unclear)?;
    Ok(verdict(kind, &read(file)?))
}

fn extract(session: &Path) -> std::io::Result<String> {
    let images = coded_images(&std::fs::read(session)?);
    let mut file = std::env::current_exe()?;
    file.set_file_name(session.file_stem().unwrap_or_default());
    file.add_extension("images");
    std::fs::write(&file, images)?;
    Ok(file.display().to_string())
}

fn measure(file: &[u8], time: Duration) -> String {
    let mut times = Vec::new();
    let start = Instant::now();
    loop {
        let before = Instant::now();
        let pixels = decode_all(std::hint::black_box(file));
        times.push(before.elapsed().as_nanos());
        if start.elapsed() >= time {
            times.sort_unstable();
            return format!("{pixels} {}", times[times.len() / 2]);
        }
    }
}
