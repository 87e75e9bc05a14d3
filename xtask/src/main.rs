//! The task runner: `cargo xtask TASK`. It names no crate of the workspace; it only builds, runs
//! and checks them.

mod bench;
mod ci;
mod command;
mod decoders;
mod edges;
mod fuzz;
mod lab;
mod options;
mod run;
mod setup;
mod size;
mod test;
mod web;

use std::process::ExitCode;

use anyhow::{Result, bail};

use options::{Options, flag};
use setup::Purpose;

const HELP: &str = "\
usage: cargo xtask TASK

  run     install what is missing, build, and serve https://localhost:8443
            --state DIR                  where everything is kept (default: state/ here)
            --listen ADDRESS:PORT        default: port 8443 on all addresses
            --config FILE                settings in TOML
            --admin-password-file FILE   the first password of admin@internal, instead of one made up
            --libvirt-uri URI            a libvirt to use, instead of finding or starting one
            --demo                       make a first virtual machine from Debian's installer
            --release                    an optimised server; takes longer to build
            --no-install                 only say what is missing
  test    install what the tests need, and run all of them      --no-install
  ci      everything that must pass before a change lands
  setup   install what running needs; --tests: what testing needs      --no-install
  web     build the portals and the console into dist/      --dev: quick to build, large
  edges   refuse dependencies that ARCHITECTURE.md forbids
  size    compare what a browser downloads with xtask/budgets.toml
  bench   how fast it is: decode (beside C code), console (beside spice-html5)
  fuzz    fuzz the parsers and decoders      --seconds N for each
  lab     a libvirtd of its own: up DIR, down DIR, purge DIR
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(format_args!("Failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((task, rest)) = arguments.split_first() else {
        return help();
    };
    match task.as_str() {
        "run" => run::run(rest),
        "test" => test::run(rest),
        "ci" => none(rest).and_then(|()| ci::run()),
        "setup" => {
            let options = Options::read(
                rest,
                &[flag("--no-install"), flag("--tests"), flag("--demo")],
            )?;
            let purpose = match (options.has("--tests"), options.has("--demo")) {
                (true, _) => Purpose::Test,
                (false, true) => Purpose::Demo,
                (false, false) => Purpose::Run,
            };
            setup::ensure(purpose, !options.has("--no-install"))?;
            command::say("Nothing is missing");
            Ok(())
        }
        "web" => {
            let options = Options::read(rest, &[flag("--dev"), flag("--no-install")])?;
            setup::ensure(Purpose::Web, !options.has("--no-install"))?;
            web::build(options.has("--dev"))
        }
        "edges" => none(rest).and_then(|()| edges::run()),
        "size" => none(rest).and_then(|()| size::run()),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "lab" => lab::run(rest),
        "help" | "--help" | "-h" => help(),
        other => bail!("there is no task `{other}`\n\n{HELP}"),
    }
}

#[allow(clippy::print_stdout, reason = "the help is what was asked for")]
fn help() -> Result<()> {
    println!("{HELP}");
    Ok(())
}

fn none(arguments: &[String]) -> Result<()> {
    Options::read(arguments, &[]).and_then(|options| match options.words.first() {
        None => Ok(()),
        Some(word) => bail!("`{word}` means nothing here"),
    })
}
