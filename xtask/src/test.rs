//! `cargo xtask test`: installs what the tests need, makes what they drive (the portals, the tools
//! of the compatibility kit), and runs all of them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, program, run as run_command, say, step, target, words, workspace};
use crate::options::{Options, flag};
use crate::setup::{self, Purpose, node};
use crate::web;

/// How many tests ran, as cargo's lines told.
#[derive(Default, Debug, PartialEq, Eq, Clone, Copy)]
pub struct Count {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
}

impl Count {
    /// Adds one line of a test run's output, if it is a result line.
    fn add_line(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result: ") else {
            return;
        };
        for part in rest.split([';', '.']) {
            let mut words = part.split_whitespace();
            if let (Some(Ok(number)), Some(what)) =
                (words.next().map(str::parse::<u64>), words.next())
            {
                match what {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    _ => {}
                }
            }
        }
    }
}

/// Bytes that must be free when the tests begin: what the managers want, and what the tests write.
const NEEDED_ROOM: u64 = 5 << 30;

/// The whole task.
pub fn run(arguments: &[String]) -> Result<()> {
    let options = Options::read(arguments, &[flag("--no-install")])?;
    prepare(!options.has("--no-install"))?;
    let (count, result) = all();
    closing_line(count);
    result
}

/// Everything but the tests themselves.
pub fn prepare(install: bool) -> Result<()> {
    setup::ensure(Purpose::Test, install)?;
    web::build(false)?;
    kit()
}

/// Runs every test of the workspace; the ones that fail do not keep later ones from running.
pub fn all() -> (Count, Result<()>) {
    let mut count = Count::default();
    let result = step("Tests", || {
        let arguments = ["test", "--workspace", "--no-fail-fast", "--locked"];
        run_command(cargo().args(arguments).arg("--no-run"))?;
        room()?;
        let mut command = cargo();
        command
            .args(arguments)
            .env("SAFFRON_NODE_MODULES", node::folder().join("node_modules"))
            .env("SAFFRON_KIT", target().join("kit"));
        watch(&mut command, &mut count, &mut std::io::stdout())
    });
    if result.is_ok() && count.passed == 0 {
        return (count, Err(anyhow::anyhow!("no test ran")));
    }
    (count, result)
}

/// A manager refuses new work where less than 4 GiB are free (`manager::core`), the tests' managers
/// as well: said once beforehand rather than by a hundred tests that fail.
fn room() -> Result<()> {
    for folder in [std::env::temp_dir(), target()] {
        std::fs::create_dir_all(&folder)?;
        let facts = rustix::fs::statvfs(&folder)?;
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        if free < NEEDED_ROOM {
            bail!(
                "only {} MiB are free in {}, and the tests need {} (most of a build can go: cargo clean)",
                free >> 20,
                folder.display(),
                NEEDED_ROOM >> 20
            );
        }
    }
    Ok(())
}

/// The form in which CI reads the outcome.
#[allow(clippy::print_stdout, reason = "the closing line is the task's result")]
pub fn closing_line(count: Count) {
    println!("{} passed, {} failed", count.passed, count.failed);
}

/// oVirt's own clients, which the compatibility kit drives: fetched once, through their registry.
fn kit() -> Result<()> {
    let script = workspace().join("tests/compat/kit/setup.sh");
    let home = target().join("kit");
    if !script.exists() || home.join("ready").exists() {
        return Ok(());
    }
    step(
        "Fetching oVirt's own clients for the compatibility tests",
        || run_command(&mut program("bash", [script.as_os_str(), home.as_os_str()])),
    )?;
    let own = target().join("schemathesis");
    step("Fetching the schema-driven tester", || {
        run_command(&mut program(
            "python3",
            ["-m".as_ref(), "venv".as_ref(), own.as_os_str()],
        ))?;
        let pip = own.join("bin/pip");
        run_command(&mut program(
            pip.to_string_lossy().as_ref(),
            [
                "install",
                "-q",
                "--disable-pip-version-check",
                "schemathesis>=4,<5",
            ],
        ))
    })?;
    std::fs::write(home.join("ready"), "").context("the kit's folder cannot be written")
}

/// Runs a command, shows its output as it comes, and counts the results in it.
pub fn watch(command: &mut Command, count: &mut Count, show: &mut impl Write) -> Result<()> {
    let shown = words(command);
    say(format_args!("{shown}"));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{shown}` could not be started"))?;
    let out = child.stdout.take().context("its output cannot be read")?;
    for line in BufReader::new(out).split(b'\n') {
        let line = line?;
        count.add_line(&String::from_utf8_lossy(&line));
        show.write_all(&line)?;
        show.write_all(b"\n")?;
        show.flush()?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_several_test_programs_add_up() {
        let mut count = Count::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s",
            "test a_name_with_passed ... ok",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            count.add_line(line);
        }
        assert_eq!(
            count,
            Count {
                passed: 15,
                failed: 2
            }
        );
    }

    #[test]
    fn a_command_that_fails_is_a_failure_but_its_results_count() {
        let mut count = Count::default();
        let mut command = program(
            "sh",
            [
                "-c",
                "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; exit 101",
            ],
        );
        let mut shown = Vec::new();
        assert!(watch(&mut command, &mut count, &mut shown).is_err());
        assert!(shown.starts_with(b"test result: FAILED"));
        assert_eq!(
            count,
            Count {
                passed: 1,
                failed: 1
            }
        );
    }
}
