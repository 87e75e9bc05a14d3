//! The task runner: `cargo xtask <task>`. It names no crate of the workspace; it only builds, runs
//! and checks them.

mod ci;
mod command;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
usage: cargo xtask <task>

  ci        everything that must pass before a change lands
";

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(format_args!("Failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Vec<String>) -> Result<()> {
    match arguments.first().map(String::as_str) {
        Some("ci") => ci::run_all(),
        None | Some("help" | "--help" | "-h") => {
            command::say(HELP);
            Ok(())
        }
        Some(other) => bail!("there is no task `{other}`\n\n{HELP}"),
    }
}
