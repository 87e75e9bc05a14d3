//! `cargo xtask bench console`: our console (`saffron view`) beside Debian's spice-html5, before the
//! same drawing server and in the same headless browser, in turns. What is run is `plan`'s, what
//! the figures mean is `judge`'s, how they look is `table`'s; measuring itself is done by the
//! scripts in tests/bench, which sit beside the browser.

mod judge;
mod plan;
mod table;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use self::judge::{Client, Report, Run};
use self::plan::{Plan, Wanted};
use crate::command::{
    cargo, find, has, program, read, run as run_command, say, seconds, step, succeeds, target,
    workspace,
};
use crate::options::{Options, flag, value};
use crate::setup::{self, Purpose, apt, node};
use crate::web;

/// Where Debian's package lays the peer.
const PEER: &str = "/usr/share/spice-html5";

/// What `cargo xtask bench console --help` says.
const HELP: &str = "\
usage: cargo xtask bench console [options]

  --quick                 one short round of the most important scenes (about 2 minutes)
  --rounds N              rounds of every scene (default 3)
  --seconds N             how long a scene runs (default 4)
  --scenes A,B            of desktop, photo, video720, video1080, mixed, keys, operations
  --compressions A,B      of quic, lz, glz, lz4, jpeg, mjpeg, vp8, h264, auto_lz
  --only ours|theirs      one client alone, for looking into things
  --relay websockify      put Debian's websockify before the peer; without it the peer talks to
                          libspice-server's own WebSocket, which costs it less
  --saffron FILE          a built program to measure, instead of building one
  --no-install            only say what is missing
";

/// The whole task.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|word| word == "--help") {
        #[allow(clippy::print_stdout, reason = "the help is what was asked for")]
        {
            println!("{HELP}");
        }
        return Ok(());
    }
    let options = Options::read(
        arguments,
        &[
            flag("--quick"),
            flag("--no-install"),
            value("--rounds"),
            value("--seconds"),
            value("--scenes"),
            value("--compressions"),
            value("--only"),
            value("--relay"),
            value("--saffron"),
        ],
    )?;
    if let Some(word) = options.words.first() {
        bail!("`{word}` means nothing here\n\n{HELP}");
    }
    let relay = options.get("--relay").unwrap_or("direct");
    ensure!(
        ["direct", "websockify"].contains(&relay),
        "--relay is `direct` or `websockify`"
    );
    let plan = Plan::new(&wanted(&options)?)?;

    prepare(relay, !options.has("--no-install"))?;
    let saffron = match options.get("--saffron") {
        Some(file) => std::path::absolute(file)?,
        None => build()?,
    };
    let settings = json!({
        "chromium": chromium()?,
        "drawServer": drawing_server()?,
        "saffron": saffron,
        "peer": PEER,
        "relay": relay,
        "websockify": "websockify",
    });

    say(format_args!(
        "{} runs, about {} min; the load of this machine is {}",
        plan.items.len(),
        (plan.estimate_seconds() / 60.0).ceil(),
        load()
    ));
    let started = Instant::now();
    let (browser, runs) = measure(&settings, &plan)?;
    let report = Report::new(&runs);
    let file = keep(&report, &runs, &browser, relay)?;
    show(&table::text(&report));
    say(format_args!(
        "Measured in {}; every figure is in {}",
        seconds(started.elapsed()),
        file.display()
    ));
    if report.measured() {
        Ok(())
    } else {
        bail!("nothing could be measured; the sentences above say why")
    }
}

fn wanted(options: &Options) -> Result<Wanted> {
    let quick = options.has("--quick");
    let number = |name: &str, otherwise: u32| -> Result<u32> {
        match options.get(name) {
            None => Ok(otherwise),
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=60).contains(n))
                .with_context(|| format!("{name} is a number from 1 to 60")),
        }
    };
    let list = |name: &str| -> Option<Vec<String>> {
        options
            .get(name)
            .map(|text| text.split(',').map(|word| word.trim().to_owned()).collect())
    };
    Ok(Wanted {
        quick,
        rounds: number("--rounds", if quick { 1 } else { 3 })?,
        seconds: number("--seconds", if quick { 2 } else { 4 })?,
        scenes: list("--scenes"),
        compressions: list("--compressions"),
        only: match options.get("--only") {
            None => None,
            Some("ours") => Some(Client::Ours),
            Some("theirs") => Some(Client::Theirs),
            Some(other) => bail!("--only is `ours` or `theirs`, not `{other}`"),
        },
    })
}

/// Installs what is measured beside us and what it is measured with.
fn prepare(relay: &str, install: bool) -> Result<()> {
    setup::ensure(Purpose::Web, install)?;
    let needs: [(&str, bool, &[&str]); 5] = [
        (
            "the client to compare with",
            Path::new(PEER).join("spice_auto.html").exists(),
            &["spice-html5"],
        ),
        ("the browser both run in", chromium().is_ok(), &["chromium"]),
        (
            "the server that draws: libspice-server",
            succeeds(&mut program("pkg-config", ["--exists", "spice-server"])) && has("cc"),
            &["libspice-server-dev", "gcc", "libc6-dev", "pkg-config"],
        ),
        (
            "what that server codes video with",
            setup::video_encoders(),
            setup::VIDEO_ENCODERS,
        ),
        (
            "the peer's way to the server",
            relay != "websockify" || has("websockify"),
            &["websockify"],
        ),
    ];
    let missing: Vec<_> = needs.iter().filter(|(_, met, _)| !met).collect();
    for (why, _, packages) in &missing {
        say(format_args!(
            "Missing, needed for {why}: {}",
            packages.join(", ")
        ));
    }
    if missing.is_empty() {
        return Ok(());
    }
    ensure!(
        install,
        "the machine lacks what is named above, and --no-install was given"
    );
    apt::install(
        missing
            .iter()
            .flat_map(|(_, _, packages)| packages.iter().copied()),
    )
    .context("the benchmark cannot run without what is named above")
}

fn chromium() -> Result<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(find)
        .context("there is no Chromium here")
}

/// Builds what a browser downloads and the program that serves it, as people run them.
fn build() -> Result<PathBuf> {
    web::build(false)?;
    step("Building saffron", || {
        run_command(cargo().args([
            "build",
            "--locked",
            "--release",
            "--package",
            "gateway",
            "--bin",
            "saffron",
        ]))
    })?;
    Ok(target().join("release/saffron"))
}

fn drawing_server() -> Result<PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder).context("no folder for the benchmark")?;
    let file = folder.join("draw-server");
    let script = workspace().join("tests/lab/draw-server/build.sh");
    step("Building the drawing server", || {
        run_command(&mut program("sh", [script.as_os_str(), file.as_os_str()]))
    })?;
    Ok(file)
}

/// Lets the scripts measure all of the plan; gives the browser's version and what came out.
fn measure(settings: &Value, plan: &Plan) -> Result<(String, Vec<Run>)> {
    let script = workspace().join("tests/bench/console.mjs");
    let mut child = program("node", [script.as_os_str()])
        .env("NODE_FOLDER", node::folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("node could not be started")?;
    let mut input = child.stdin.take().context("node takes no input")?;
    let order = json!({ "settings": settings, "plan": plan.items });
    writeln!(input, "{order}").context("node takes no plan")?;
    drop(input);
    let output = child.stdout.take().context("node gives no output")?;
    let mut browser = String::new();
    let mut runs = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        let said: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        if let Some(version) = said["browser"].as_str() {
            version.clone_into(&mut browser);
        } else if let Some(reason) = said["failed"].as_str() {
            bail!("the measuring scripts failed: {reason}");
        } else {
            let run = Run::read(&said).with_context(|| line.clone())?;
            say(format_args!(
                "{:>3}/{} {}",
                runs.len() + 1,
                plan.items.len(),
                run.sentence()
            ));
            runs.push(run);
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "the measuring scripts failed ({status})");
    Ok((browser, runs))
}

/// Writes everything into one file below the target folder.
fn keep(report: &Report, runs: &[Run], browser: &str, relay: &str) -> Result<PathBuf> {
    let commit = read(&mut program("git", ["rev-parse", "--short", "HEAD"])).unwrap_or_default();
    let peer = read(&mut program(
        "dpkg-query",
        ["-W", "-f", "${Version}", "spice-html5"],
    ))
    .unwrap_or_default();
    let whole = json!({
        "commit": commit.trim(),
        "cores": report.cores,
        "load": report.load.map(|(least, most)| [least, most]),
        "browser": format!("Chromium {browser}"),
        "peer": format!("spice-html5 {peer}"),
        "relay": relay,
        "aims": report.verdicts(),
        "scenes": report.rows(),
        "runs": runs.iter().map(|run| &run.said).collect::<Vec<_>>(),
    });
    let file = target().join("bench/console.json");
    fs::write(&file, serde_json::to_string_pretty(&whole)?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}

#[allow(clippy::print_stdout, reason = "the table is what was asked for")]
fn show(text: &str) {
    println!("{text}");
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split(' ').next().map(str::to_owned))
        .unwrap_or_else(|| "not known".to_owned())
}
