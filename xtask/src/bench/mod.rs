//! `cargo xtask bench decode` and `cargo xtask bench console`; without either, how fast our decoders
//! are by themselves.

mod console;
mod decode;
mod reference;

use anyhow::Result;

use crate::command::{cargo, run as run_command};

/// Runs the benchmarks of the SPICE core; what follows goes to them (a part of a name, say).
pub fn run(arguments: &[String]) -> Result<()> {
    if let [task, rest @ ..] = arguments {
        match task.as_str() {
            "console" => return console::run(rest),
            "decode" => return decode::run(rest),
            _ => {}
        }
    }
    run_command(
        cargo()
            .args([
                "bench",
                "--locked",
                "--package",
                "spice",
                "--bench",
                "*",
                "--",
            ])
            .args(arguments),
    )
}
