//! A real Chromium that a test drives, by `tests/guest/driver.mjs` and playwright-core.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::guest::target;

/// An open browser with one page; closed when dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts one with an empty profile.
    pub fn start() -> Result<Self> {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/driver.mjs");
        let mut child = Command::new("node")
            .arg(driver)
            .env("NODE_FOLDER", target().join("node"))
            .env("CHROMIUM", chromium()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node could not be started; `cargo xtask test` installs it")?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Does one thing (see the driver's list of commands) and gives what it says.
    pub fn tell(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.input, "{command}").context("the browser has ended")?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the browser has ended");
        }
        let answer: Value = serde_json::from_str(&line).context(line.clone())?;
        match answer.get(0).and_then(Value::as_str) {
            Some("ok") => Ok(answer.get(1).cloned().unwrap_or_default()),
            _ => bail!("{}", answer.get(1).and_then(Value::as_str).unwrap_or(&line)),
        }
    }

    /// Opens the page of an address.
    pub fn open(&mut self, url: &str) -> Result<()> {
        self.tell(&json!(["open", url])).map(drop)
    }

    /// Logs in with the form, as a person would.
    pub fn log_in(&mut self, name: &str, password: &str) -> Result<()> {
        self.tell(&json!(["fill", "User name", name]))?;
        self.tell(&json!(["fill", "Password", password]))?;
        self.tell(&json!(["press_button", "Log in"])).map(drop)
    }

    /// Keeps a picture of the page where the run's pictures are kept.
    pub fn screenshot(&mut self, name: &str) -> Result<()> {
        let file = pictures()?.join(format!("{name}.png"));
        self.tell(&json!(["screenshot", file])).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked first, so that Chromium's own processes end with it.
        if writeln!(self.input, "[\"quit\"]").is_ok() {
            let _ = self.child.wait();
        } else {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Where pictures that a run keeps for people are.
pub fn pictures() -> Result<PathBuf> {
    let folder = target().join("screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn chromium() -> Result<&'static str> {
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .context("no Chromium here; `cargo xtask test` installs it")
}
