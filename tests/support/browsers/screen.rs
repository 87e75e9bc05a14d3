//! An X screen without a monitor (Xvfb), with a keyboard of some layout. Its keys and its pointer
//! are pressed below the browser, as hardware would.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// What is printed on the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// United States.
    Us,
    /// German: Y and Z have changed places, and there is a key beside the left Shift.
    German,
}

/// A screen; ends when dropped.
pub(super) struct Screen {
    server: Child,
    name: String,
}

impl Screen {
    /// Starts one under a name that nobody uses.
    pub(super) fn start(layout: Layout) -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1440x1000x24"])
            .args(["-nolisten", "tcp", "-noreset"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb could not be started; `cargo xtask test` installs it")?;
        let mut number = String::new();
        let output = server.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut number)?;
        let number = number.trim();
        let screen = Self {
            name: format!(":{number}"),
            server,
        };
        if number.is_empty() {
            bail!("Xvfb did not say its screen's number");
        }
        let layout = match layout {
            Layout::Us => "us",
            Layout::German => "de",
        };
        screen.tell("setxkbmap", &["-layout", layout, "-model", "pc105"])?;
        Ok(screen)
    }

    /// What `DISPLAY` is for programs on it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn key(&self, keycode: u8) -> Result<()> {
        self.tell("xdotool", &["key", "--delay", "20", &keycode.to_string()])
    }

    pub(super) fn motion(&self, dx: i32, dy: i32) -> Result<()> {
        let (dx, dy) = (dx.to_string(), dy.to_string());
        self.tell("xdotool", &["mousemove_relative", "--", &dx, &dy])
    }

    pub(super) fn click(&self, x: i64, y: i64) -> Result<()> {
        let (x, y) = (x.to_string(), y.to_string());
        self.tell("xdotool", &["mousemove", &x, &y, "click", "1"])
    }

    /// There is no window manager here that would give the focus to anybody.
    pub(super) fn focus(&self) -> Result<()> {
        self.tell(
            "xdotool",
            &[
                "search",
                "--onlyvisible",
                "--name",
                ".",
                "windowfocus",
                "%@",
            ],
        )
    }

    fn tell(&self, program: &str, words: &[&str]) -> Result<()> {
        let output = Command::new(program)
            .args(words)
            .env("DISPLAY", &self.name)
            .output()
            .with_context(|| format!("{program} could not be started"))?;
        if !output.status.success() {
            bail!(
                "{program} {words:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
