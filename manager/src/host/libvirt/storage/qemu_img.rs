//! Runs of qemu-img.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::host::HostError;

/// Address space of qemu-img.
const ADDRESS_SPACE: u64 = 4 << 30;
const MAX_MESSAGE: u64 = 16 << 10;

/// A run: no shell, fixed arguments, paths of ours (absolute, so never an option nor a protocol), an
/// empty environment, limits on processor time, memory, open files and the size of what is written.
pub(super) struct Run<'a> {
    /// The command and its options.
    pub arguments: &'a [&'a str],
    /// Files, after the arguments.
    pub paths: &'a [&'a Path],
    /// What comes after the files.
    pub rest: &'a [&'a str],
    /// How long it may take.
    pub limit: Duration,
    /// Bytes that a file which it writes may have at most.
    pub file_bytes: Option<u64>,
    /// Told per cents, by `-p`.
    pub progress: Option<&'a (dyn Fn(u32) + Sync)>,
}

/// Runs qemu-img in the simplest way.
pub(super) async fn qemu_img(
    arguments: &[&str],
    paths: &[&Path],
    rest: &[&str],
    limit: Duration,
) -> Result<(), HostError> {
    let run = Run {
        paths,
        rest,
        ..Run::new(arguments, limit)
    };
    run.go().await
}

impl<'a> Run<'a> {
    /// A run with arguments only.
    pub fn new(arguments: &'a [&'a str], limit: Duration) -> Self {
        Self {
            arguments,
            paths: &[],
            rest: &[],
            limit,
            file_bytes: None,
            progress: None,
        }
    }

    /// Runs it to its end.
    pub async fn go(self) -> Result<(), HostError> {
        if self.paths.iter().any(|path| !path.is_absolute()) {
            return Err(HostError::Invalid {
                field: "images directory",
                reason: "must be an absolute path".to_owned(),
            });
        }
        let failed = |e: std::io::Error| HostError::Failed {
            what: format!("qemu-img cannot be run: {e}"),
        };
        let (command, options) = self.arguments.split_first().unwrap_or((&"", &[]));
        let mut child = tokio::process::Command::new("prlimit");
        child
            .arg(format!("--cpu={}", self.limit.as_secs()))
            .arg(format!("--as={ADDRESS_SPACE}"));
        if let Some(bytes) = self.file_bytes {
            child.arg(format!("--fsize={bytes}"));
        }
        child
            .args(["--nofile=64", "--core=0", "--", "qemu-img"])
            .arg(command);
        if self.progress.is_some() {
            child.arg("-p");
        }
        let mut child = child
            .args(options)
            .args(self.paths)
            .args(self.rest)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(if self.progress.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let errors = child.stderr.take();
        let output = child.stdout.take();
        let listen = async {
            if let (Some(output), Some(progress)) = (output, self.progress) {
                follow(output, progress).await;
            }
        };
        let complain = async {
            let mut message = Vec::new();
            if let Some(errors) = errors {
                errors.take(MAX_MESSAGE).read_to_end(&mut message).await?;
            }
            Ok::<_, std::io::Error>(message)
        };
        let run = async {
            let ((), message) = tokio::join!(listen, complain);
            Ok::<_, std::io::Error>((child.wait().await?, message?))
        };
        let (status, message) = match tokio::time::timeout(self.limit, run).await {
            Ok(result) => result.map_err(failed)?,
            Err(_) => {
                return Err(HostError::Failed {
                    what: format!("qemu-img took longer than {} s", self.limit.as_secs()),
                });
            }
        };
        if status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&message);
        let what = message
            .lines()
            .next()
            .unwrap_or("qemu-img failed without a word")
            .to_owned();
        if message.contains("No space left on device") || message.contains("Disk quota exceeded") {
            return Err(HostError::NoSpace { what });
        }
        if message.contains("File too large") {
            return Err(HostError::Failed {
                what: "the image has more content than its size allows".to_owned(),
            });
        }
        Err(HostError::Failed { what })
    }
}

/// Reads `    (12.34/100%)\r` again and again.
async fn follow(mut output: impl AsyncRead + Unpin, progress: &(dyn Fn(u32) + Sync)) {
    let mut buffer = [0u8; 256];
    let mut line = String::new();
    loop {
        let Ok(read @ 1..) = output.read(&mut buffer).await else {
            return;
        };
        for byte in &buffer[..read] {
            match byte {
                b'\r' | b'\n' => {
                    if let Some(done) = percent(&line) {
                        progress(done);
                    }
                    line.clear();
                }
                byte if line.len() < 64 => line.push(char::from(*byte)),
                _ => {}
            }
        }
    }
}

fn percent(line: &str) -> Option<u32> {
    let number = line.trim().strip_prefix('(')?.strip_suffix("/100%)")?;
    number.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn progress_is_read_as_qemu_img_writes_it() {
        assert_eq!(percent("    (12.34/100%)"), Some(12));
        assert_eq!(percent("    (100.00/100%)"), Some(100));
        for other in ["", "(x/100%)", "(-3.0/100%)", "Image converted"] {
            assert_eq!(percent(other), None, "{other}");
        }
    }
}
