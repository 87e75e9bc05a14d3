//! `cargo xtask fuzz`: the fuzz targets, a while each, by cargo-fuzz where that and a nightly
//! toolchain are; elsewhere the same oracles on mutated inputs, as tests on the stable toolchain.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, has, program, run as run_command, say, step, succeeds, workspace};
use crate::options::{Options, value};
use crate::test::{Count, watch};

/// Crates that have a folder `fuzz`.
const CRATES: &[&str] = &["spice", "api"];

/// `--seconds N`: for each target.
pub fn run(arguments: &[String]) -> Result<()> {
    let options = Options::read(arguments, &[value("--seconds")])?;
    let seconds: u64 = options
        .get("--seconds")
        .unwrap_or("60")
        .parse()
        .context("--seconds wants a number")?;
    if has("cargo-fuzz") && succeeds(&mut program("cargo", ["+nightly", "--version"])) {
        for room in CRATES {
            let folder = workspace().join(room);
            for target in targets(&folder)? {
                step(
                    &format!("Fuzzing {room}, {target}, for {seconds} s"),
                    || run_target(&folder, &target, seconds),
                )?;
            }
        }
        return Ok(());
    }
    say(
        "cargo-fuzz or a nightly toolchain is not here; mutated inputs run through the same oracles instead",
    );
    mutations(seconds)
}

/// One target. What libFuzzer finds new goes into the first folder, which git ignores; recorded inputs
/// are where it starts from.
fn run_target(folder: &Path, target: &str, seconds: u64) -> Result<()> {
    let own = format!("fuzz/corpus/{target}");
    std::fs::create_dir_all(folder.join(&own))?;
    let mut recorded = vec![
        format!("tests/data/{target}"),
        format!("tests/data/image/{target}"),
    ];
    match target {
        "glz" => recorded.push("tests/data/image/zlib_glz".to_owned()),
        "jpeg_alpha" => recorded.push("tests/data/image/jpeg".to_owned()),
        _ => {}
    }
    let mut command = program("cargo", ["+nightly", "fuzz", "run", target, &own]);
    command
        .args(recorded.iter().filter(|path| folder.join(path).is_dir()))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048"])
        .current_dir(folder)
        // Set by the rustup that started us, it would win over +nightly.
        .env_remove("RUSTUP_TOOLCHAIN");
    run_command(&mut command)
}

/// The stable stand-in: tests named `…mutat…`, told how long they may take. Not a release build: the
/// core is optimised in others too, and only there an overflow is noticed.
pub fn mutations(seconds: u64) -> Result<()> {
    let mut count = Count::default();
    for room in ["spice", "manager"] {
        let mut command = cargo();
        command
            .args(["test", "--locked", "--package", room, "mutat"])
            .env("SAFFRON_FUZZ_SECONDS", seconds.to_string());
        watch(&mut command, &mut count, &mut std::io::stdout())?;
    }
    if count.passed == 0 {
        bail!("there is no such test, so nothing was tried");
    }
    Ok(())
}

/// The names of a crate's fuzz targets.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let targets = folder.join("fuzz/fuzz_targets");
    if !targets.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(targets)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "rs") {
            match path.file_stem().and_then(|s| s.to_str()) {
                Some(name) => names.push(name.to_owned()),
                None => bail!("{} has a name that is no text", path.display()),
            }
        }
    }
    names.sort();
    Ok(names)
}
