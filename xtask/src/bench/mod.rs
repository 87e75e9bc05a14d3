//! `cargo xtask bench`: how fast the decoders are, natively, on this machine.

mod console;

use anyhow::Result;

use crate::command::{cargo, run as run_command};

/// Runs the benchmarks of the SPICE core; what follows goes to them (a part of a name, say).
pub fn run(arguments: &[String]) -> Result<()> {
    if let [task, rest @ ..] = arguments
        && task == "console"
    {
        return console::run(rest);
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
