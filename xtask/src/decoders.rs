//! The decoders of the SPICE core as programs of their own (tests/decode): natively, and as the wasm
//! module that node runs. Here they are built, started, asked, and held against each other.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{
    cargo, has, program, run as run_command, say, step, target, words, workspace,
};
use crate::setup::wasm;

/// The console's worker is compiled so as well.
const WASM_FLAGS: &[&str] = &["-Ctarget-feature=+simd128"];
/// Where recordings lie, by the number of their kind.
const KINDS: [&str; 5] = ["image", "session", "message", "drawing", "stream"];

/// The folder of everything recorded.
pub fn data() -> PathBuf {
    workspace().join("spice/tests/data")
}

/// A decoder that is running and answers lines.
pub struct Decoder {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    name: String,
}

impl Decoder {
    /// Starts a program that takes the lines of `tests/decode/src/main.rs`.
    pub fn start(mut command: Command) -> Result<Self> {
        let name = words(&command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{name}` could not be started"))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("`{name}` has no stdin or stdout");
        };
        Ok(Self {
            child,
            questions: Some(questions),
            answers: BufReader::new(answers),
            name,
        })
    }

    /// Our decoders natively.
    pub fn native() -> Result<Self> {
        step("Building the decoders", || {
            run_command(cargo().args(["build", "--locked", "--release", "--package", "decode"]))
        })?;
        let file = target().join("release/decode");
        Self::start(program(&file.to_string_lossy(), [""; 0]))
    }

    /// Our decoders in wasm, as the browser has them.
    pub fn wasm() -> Result<Self> {
        ensure!(has("node"), "node is not here");
        let toolchain = wasm::toolchain()
            .context("no toolchain for wasm is here (cargo xtask setup fetches one)")?;
        let folder = target().join("decode-wasm");
        step("Building the decoders for wasm", || {
            let mut command = wasm::build(toolchain, WASM_FLAGS);
            command
                .args(["--package", "decode", "--lib", "--profile", "wasm"])
                .arg("--target-dir")
                .arg(&folder);
            run_command(&mut command)
        })?;
        let module = folder.join(wasm::TARGET).join("wasm/decode.wasm");
        let mut command = program("node", ["tests/decode/decode.mjs"]);
        command.arg(module);
        Self::start(command)
    }

    fn ask(&mut self, question: &str) -> Result<()> {
        if let Some(questions) = &mut self.questions {
            writeln!(questions, "{question}")?;
            questions.flush()?;
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("`{}` has ended", self.name);
        }
        Ok(line.trim_end().to_owned())
    }

    /// Decodes a recording of images for so long; gives its pixels, and the median time in
    /// nanoseconds.
    pub fn measure(&mut self, file: &Path, milliseconds: u64) -> Result<(u64, u64)> {
        self.ask(&format!("measure {} {milliseconds}", file.display()))?;
        let line = self.line()?;
        let figures = line.split_once(' ').and_then(|(pixels, time)| {
            Some((pixels.parse().ok()?, time.parse().ok().filter(|&t| t > 0)?))
        });
        figures.with_context(|| format!("`{}` says `{line}`", self.name))
    }

    /// The coded images of a recorded conversation, as a recording of images. (native only)
    pub fn extract(&mut self, session: &Path) -> Result<PathBuf> {
        self.ask(&format!("extract {}", session.display()))?;
        Ok(PathBuf::from(self.line()?))
    }

    /// What becomes of each picture of a recording.
    fn judge(&mut self, kind: usize, file: &Path) -> Result<Vec<String>> {
        self.ask(&format!("judge {kind} {}", file.display()))?;
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(lines);
            }
            lines.push(line);
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Without questions it ends by itself.
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

/// Everything recorded, natively and in wasm: the same pixels, and the same refused for the same
/// reason.
pub fn compare() -> Result<()> {
    let mut native = Decoder::native()?;
    let mut wasm = Decoder::wasm()?;
    let (mut files, mut pictures, mut refused) = (0, 0, 0);
    for (kind, folder) in KINDS.iter().enumerate() {
        for file in recordings(&data().join(folder))? {
            let ours = native.judge(kind, &file)?;
            let theirs = wasm.judge(kind, &file)?;
            ensure!(
                ours == theirs,
                "{} is not the same in wasm:\n  natively {}\n  in wasm  {}",
                file.display(),
                ours.join("\n           "),
                theirs.join("\n           ")
            );
            files += 1;
            refused += ours.iter().filter(|line| line.contains(": ")).count();
            pictures += ours.iter().filter(|line| !line.contains(": ")).count();
        }
    }
    ensure!(
        pictures > 0 && refused > 0,
        "nothing was compared: {files} files"
    );
    say(format_args!(
        "{files} recordings are the same natively and in wasm: {pictures} pictures, {refused} refusals"
    ));
    Ok(())
}

/// The recorded files in a folder and those in it, in order.
fn recordings(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(recordings(&entry)?);
        } else if entry
            .extension()
            .is_some_and(|end| end == "bin" || end == "session")
        {
            files.push(entry);
        }
    }
    Ok(files)
}
