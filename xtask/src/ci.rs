//! `cargo xtask ci`: what must pass before a change lands, each part timed. A part that fails does
//! not hide what the later parts would have said.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::command::{cargo, run, say, seconds, step};

type Part = (&'static str, fn() -> Result<()>);

/// Cheap parts first, so that a slip in the formatting is known after a second.
const PARTS: &[Part] = &[
    ("Formatting", || {
        run(cargo().args(["fmt", "--all", "--check"]))
    }),
    ("Lints", || {
        run(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("Tests", || run(cargo().args(["test", "--workspace"]))),
];

/// Runs all parts and prints how many passed, in the form that CI reads.
pub fn run_all() -> Result<()> {
    let mut failed = Vec::new();
    let start = Instant::now();
    for (name, part) in PARTS {
        if let Err(error) = step(name, part) {
            say(format_args!("{error:#}"));
            failed.push(*name);
        }
    }
    say(format_args!("All of it took {}", seconds(start.elapsed())));
    #[allow(
        clippy::print_stdout,
        reason = "the closing line is this task's result"
    )]
    {
        println!(
            "{} passed, {} failed",
            PARTS.len() - failed.len(),
            failed.len()
        );
    }
    if !failed.is_empty() {
        bail!("these parts failed: {}", failed.join(", "));
    }
    Ok(())
}
