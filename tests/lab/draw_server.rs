//! The drawing server: builds it once, runs one per test, and talks with it. What it can draw stands
//! at the head of `draw-server/main.c`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// What libspice-server's own renderer made of a surface.
pub struct Rendering {
    pub width: u32,
    pub height: u32,
    /// Red, green, blue, alpha.
    pub pixels: Vec<u8>,
}

/// What the server prints.
pub enum Said {
    /// The last command was carried out.
    Ok(Option<Rendering>),
    /// The last command made no sense.
    Error(String),
    /// Something came from the client, a key for example.
    Event(String),
    /// It has ended.
    Gone,
}

/// A running server; ends when dropped.
pub struct DrawServer {
    process: Child,
    commands: ChildStdin,
    port: u16,
    tls_port: Option<u16>,
}

impl DrawServer {
    /// Starts one. What it says goes to `said`, which runs on a thread of its own.
    pub fn start(said: impl Fn(Said) + Send + 'static) -> Self {
        Self::start_with(&[], said)
    }

    /// Starts one with these arguments.
    pub fn start_with(arguments: &[&str], said: impl Fn(Said) + Send + 'static) -> Self {
        let mut process = Command::new(program())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the drawing server starts");
        let commands = process.stdin.take().expect("stdin is a pipe");
        let mut output = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        let mut port = |what: &str| {
            let mut line = String::new();
            output
                .read_line(&mut line)
                .expect("the drawing server says its port");
            line.trim()
                .strip_prefix(what)
                .and_then(|port| port.trim().parse().ok())
                .expect("the drawing server says its port")
        };
        let plain_port = port("port ");
        let tls_port = arguments.contains(&"--tls").then(|| port("tls-port "));
        thread::spawn(move || {
            while let Some(line) = read_said(&mut output) {
                said(line);
            }
            said(Said::Gone);
        });
        Self {
            process,
            commands,
            port: plain_port,
            tls_port,
        }
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port for TLS, if it was started with a certificate.
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// Sends a command; the answer comes to `said`.
    pub fn send(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("the drawing server takes commands");
    }
}

impl DrawServer {
    /// Ends it without a word to anybody.
    pub fn kill(&mut self) {
        // It holds nothing worth an orderly end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for DrawServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_said(output: &mut impl BufRead) -> Option<Said> {
    let mut line = String::new();
    if output.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    Some(match words.as_slice() {
        ["ok"] => Said::Ok(None),
        ["ok", width, height] => {
            let (width, height) = (width.parse().ok()?, height.parse().ok()?);
            let mut pixels = vec![0; width as usize * height as usize * 4];
            output.read_exact(&mut pixels).ok()?;
            Said::Ok(Some(Rendering {
                width,
                height,
                pixels,
            }))
        }
        ["event", event @ ..] => Said::Event(event.join(" ")),
        _ => Said::Error(line.trim().to_owned()),
    })
}

/// Builds the server, the first time it is asked for.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("draw-server");
        // Next to its place and then moved, so that a server that still runs is not in the way.
        let built = program.with_extension(std::process::id().to_string());
        let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lab/draw-server/build.sh"))
            .arg(&built)
            .output()
            .expect("a shell runs build.sh");
        assert!(
            output.status.success(),
            "the drawing server needs cc, pkg-config and libspice-server-dev; building it said:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::rename(&built, &program).expect("the built server can be moved");
        program
    })
}
