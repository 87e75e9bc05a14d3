//! Running other programs: what is run is said before, how long it took after, and a failure names
//! the program, so that nobody waits in front of a silent terminal. What to run is the caller's.

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The folder of the workspace. cargo says where the manifest of what it runs lies; what was known
/// when compiling counts only without it, for two checkouts may share a target folder.
pub fn workspace() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        manifest
            .parent()
            .map(Path::to_owned)
            .expect("xtask lies in a folder of the workspace")
    })
}

/// A cargo of the workspace's own toolchain.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// `program arguments`, in the workspace.
pub fn program<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace());
    command
}

/// How a command reads in a terminal.
pub fn words(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    std::iter::once(name)
        .chain(command.get_args().map(|a| a.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Says what is being done; every line of xtask's own begins with it.
pub fn say(line: impl std::fmt::Display) {
    if cfg!(test) {
        // The form that a test run captures; a made-up failure is not to be read in CI's output.
        eprintln!("==> {line}");
        return;
    }
    let mut out = std::io::stderr().lock();
    let mark = if out.is_terminal() {
        "\u{1b}[1;33m==>\u{1b}[0m"
    } else {
        "==>"
    };
    // Nobody is left to be told that telling failed.
    let _ = writeln!(out, "{mark} {line}");
}

/// Runs a command in the foreground with its output shown; an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = words(command);
    let status = command
        .status()
        .with_context(|| format!("`{shown}` could not be started"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and gives back what it printed; on failure the error carries its stderr.
pub fn read(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({}): {}",
            words(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command can be started and ends well; its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

fn output(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{}` could not be started", words(command)))
}

/// Whether a program of that name can be found.
pub fn has(name: &str) -> bool {
    find(name).is_some()
}

/// Where a program lies: in PATH, or in the system's folders that a user's PATH leaves out.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// One named piece of work, announced before and timed after.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(name);
    let start = Instant::now();
    let result = work().with_context(|| format!("{name} failed"));
    let verdict = if result.is_ok() { "done" } else { "FAILED" };
    say(format_args!(
        "{name}: {verdict} in {}",
        seconds(start.elapsed())
    ));
    result
}

/// A duration for people: `3.2 s`, `4 min 10 s`.
pub fn seconds(time: Duration) -> String {
    if time.as_secs() < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// Where everything built goes: cargo's target folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace().join(folder),
        None => workspace().join("target"),
    }
}
