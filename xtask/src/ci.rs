//! `cargo xtask ci`: what must pass before a change lands, each part timed. A part that fails does
//! not hide what the later parts would have said.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{cargo, run as run_command, say, seconds, step, succeeds, workspace};
use crate::test::Count;
use crate::{decoders, edges, fuzz, size, test};

/// How long mutated inputs run in CI.
const FUZZ_SECONDS: u64 = 20;

type Part = (&'static str, fn() -> Result<()>);

/// Cheap parts first, so that a slip in the formatting is known after a second. All of them need
/// what the first one installs.
const BEFORE: &[Part] = &[
    ("Formatting", || {
        run_command(cargo().args(["fmt", "--all", "--check"]))
    }),
    ("What the tests need", || test::prepare(true)),
    ("Arrows between the rooms", edges::run),
    ("Licences and advisories", deny),
    ("Lints", lints),
    ("Sizes", size::run),
];

const AFTER: &[Part] = &[
    ("Pictures natively and in wasm", decoders::compare),
    ("Mutated inputs", || fuzz::mutations(FUZZ_SECONDS)),
];

/// Runs all parts and prints how many tests passed, in the form that CI reads; a part counts as one.
pub fn run() -> Result<()> {
    let start = Instant::now();
    let mut report = Report::default();
    for (name, part) in BEFORE {
        report.part(name, part);
    }
    let began = Instant::now();
    let (count, tests) = test::all();
    report.add("Tests", began.elapsed(), tests, count);
    for (name, part) in AFTER {
        report.part(name, part);
    }
    report.close(start.elapsed())
}

#[derive(Default)]
struct Report {
    count: Count,
    lines: Vec<String>,
    failed: Vec<&'static str>,
}

impl Report {
    fn part(&mut self, name: &'static str, work: &fn() -> Result<()>) {
        let began = Instant::now();
        let result = step(name, work);
        let count = Count {
            passed: u64::from(result.is_ok()),
            failed: u64::from(result.is_err()),
        };
        self.add(name, began.elapsed(), result, count);
    }

    fn add(&mut self, name: &'static str, took: Duration, result: Result<()>, count: Count) {
        self.count.passed += count.passed;
        self.count.failed += count.failed;
        let verdict = match result {
            Ok(()) => "passed",
            Err(error) => {
                say(format_args!("{error:#}"));
                self.failed.push(name);
                // A test run that did not even compile has counted nothing.
                self.count.failed += u64::from(count.failed == 0);
                "FAILED"
            }
        };
        self.lines
            .push(format!("{name:28} {verdict} in {}", seconds(took)));
    }

    fn close(self, took: Duration) -> Result<()> {
        self.lines.iter().for_each(say);
        say(format_args!("All of it took {}", seconds(took)));
        test::closing_line(self.count);
        if !self.failed.is_empty() {
            bail!("these parts failed: {}", self.failed.join(", "));
        }
        Ok(())
    }
}

/// The wasm crates compile natively as well, and are looked at with the rest.
fn lints() -> Result<()> {
    run_command(cargo().args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// By cargo-deny, where that is installed: building it takes longer than all the rest.
fn deny() -> Result<()> {
    if !succeeds(cargo().args(["deny", "--version"])) {
        say(
            "cargo-deny is not installed here; deny.toml was not looked at (cargo install cargo-deny)",
        );
        return Ok(());
    }
    // Advisories need a database from outside, which a machine may not reach.
    run_command(cargo().current_dir(workspace()).args([
        "deny",
        "--workspace",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_part_is_counted_once_and_fails_the_whole() {
        let mut report = Report::default();
        report.add(
            "One",
            Duration::ZERO,
            Ok(()),
            Count {
                passed: 1,
                failed: 0,
            },
        );
        report.add(
            "Tests",
            Duration::ZERO,
            Err(anyhow::anyhow!("no")),
            Count {
                passed: 5,
                failed: 2,
            },
        );
        report.add(
            "Broken",
            Duration::ZERO,
            Err(anyhow::anyhow!("no")),
            Count::default(),
        );
        assert_eq!(
            report.count,
            Count {
                passed: 6,
                failed: 3
            }
        );
        let error = report.close(Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("Tests, Broken"), "{error}");
    }
}
