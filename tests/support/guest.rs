//! The tiny guest: a real kernel and a program that answers, for tests that look at what reaches a
//! guest and what it shows. What it answers stands in `tests/lab/tiny-init.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

/// Where the guest's files are.
#[derive(Debug, Clone)]
pub struct TinyGuest {
    folder: PathBuf,
}

/// What the guest writes to its serial console when it is ready for commands.
pub const READY: &str = "TINY-READY";

/// What to give the kernel.
pub const COMMAND_LINE: &str = "console=tty0 console=ttyS0 quiet mitigations=off nokaslr";

impl TinyGuest {
    /// Builds the guest, or finds it built before from the same sources.
    pub fn build() -> Result<Self> {
        static BUILDING: Mutex<()> = Mutex::new(());
        // A test that panicked while building has left nothing that this depends on.
        let _one_at_a_time = BUILDING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab");
        let sources = std::fs::read_to_string(lab.join("tiny-guest.sh"))?
            + &std::fs::read_to_string(lab.join("tiny-init.c"))?;
        let folder = target().join("lab/tiny");
        let seal = folder.join("built-from");
        if std::fs::read_to_string(&seal).is_ok_and(|from| from == sources) {
            return Ok(Self { folder });
        }
        let output = Command::new("bash")
            .args([lab.join("tiny-guest.sh"), folder.clone()])
            .output()
            .context("bash could not be started")?;
        if !output.status.success() {
            bail!(
                "the tiny guest could not be built: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        std::fs::write(seal, sources)?;
        Ok(Self { folder })
    }

    /// The unpacked kernel, which QEMU starts fastest.
    pub fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    /// The initramfs.
    pub fn initrd(&self) -> PathBuf {
        self.folder.join("tiny.img")
    }

    /// A CD that boots the same.
    pub fn iso(&self) -> PathBuf {
        self.folder.join("tiny.iso")
    }

    /// A blank disk in qcow2, of 64 MiB.
    pub fn disk(&self) -> PathBuf {
        self.folder.join("tiny.qcow2")
    }
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.parent().unwrap_or(here);
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace.join(folder),
        None => workspace.join("target"),
    }
}
