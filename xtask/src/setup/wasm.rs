//! The toolchain that compiles for the browser. Where rustup can fetch the target's standard
//! library, that is used. Where it cannot (mirrors that carry no rustup), Debian's own newer
//! toolchain builds the standard library from its source.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::apt;
use crate::command::{cargo, has, program, read, run, say, step, workspace};

/// The only target there is for a browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian 12's packages of a Rust new enough for this workspace, with the source of std.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/lib/llvm-19/bin/wasm-ld";

/// Who compiles for the browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Toolchain {
    /// The workspace's own toolchain, with the target's std installed.
    Own,
    /// Debian's packages, building std on the way.
    Debian,
}

/// The toolchain that is ready, if one is.
pub fn toolchain() -> Option<Toolchain> {
    // Both ways can be tried on a machine that has both.
    let forced = std::env::var("SAFFRON_WASM_TOOLCHAIN").ok();
    if forced.as_deref() != Some("debian") && own_has_target() {
        return Some(Toolchain::Own);
    }
    (forced.as_deref() != Some("own") && debian_ready()).then_some(Toolchain::Debian)
}

fn own_has_target() -> bool {
    let Ok(folder) = read(&mut program(
        "rustc",
        ["--print", "target-libdir", "--target", TARGET],
    )) else {
        return false;
    };
    std::fs::read_dir(folder.trim()).is_ok_and(|mut files| {
        files.any(|f| f.is_ok_and(|f| f.file_name().to_string_lossy().starts_with("libstd-")))
    })
}

fn debian_ready() -> bool {
    [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_LINKER]
        .iter()
        .all(|file| Path::new(file).exists())
        && read(&mut program(DEBIAN_RUSTC, ["--print", "sysroot"])).is_ok_and(|root| {
            Path::new(root.trim())
                .join("lib/rustlib/src/rust/library/std")
                .exists()
        })
}

/// Makes one of the toolchains ready.
pub fn install() -> Result<()> {
    if has("rustup") {
        let added = step("Fetching the wasm standard library through rustup", || {
            // rustup tries a server that does not answer again and again.
            run(&mut program(
                "timeout",
                ["300", "rustup", "target", "add", TARGET],
            ))
        });
        match added {
            Ok(()) if own_has_target() => return Ok(()),
            Ok(()) => say("rustup added the target, but not for the toolchain in use"),
            Err(error) => say(format_args!("{error:#}; trying the system's packages")),
        }
    }
    apt::refresh_for(PACKAGES[0])?;
    if apt::knows(PACKAGES) {
        apt::install(PACKAGES.iter().copied())?;
        if debian_ready() {
            return Ok(());
        }
    }
    bail!(
        "no standard library for {TARGET} could be had: neither `rustup target add {TARGET}` nor Debian's packages ({}) worked",
        PACKAGES.join(", ")
    );
}

/// `cargo build --target …` by whoever can, with these flags for the compiler.
pub fn build(toolchain: Toolchain, flags: &[&str]) -> Command {
    let mut flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    // Panic messages carry source paths: the same ones whoever builds, and none of this machine's.
    flags.push(format!("--remap-path-prefix={}=.", workspace().display()));
    if let Some(home) = std::env::var_os("CARGO_HOME")
        .map(Into::into)
        .or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
    {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let mut command = match toolchain {
        Toolchain::Own => cargo(),
        Toolchain::Debian => {
            flags.push(format!("-Clinker={DEBIAN_LINKER}"));
            let mut command = program(DEBIAN_CARGO, [""; 0]);
            command
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1");
            // Set by the rustup that started us; they would lead Debian's cargo back to it.
            for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER"] {
                command.env_remove(name);
            }
            command
        }
    };
    // The encoded form, for a path may hold spaces.
    command
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command.args(["build", "--locked", "--target", TARGET]);
    if toolchain == Toolchain::Debian {
        command.arg("-Zbuild-std=std,panic_abort");
    }
    command
}

/// What must not change for a finished module to count as up to date.
pub fn version(toolchain: Toolchain) -> Result<String> {
    let rustc = match toolchain {
        Toolchain::Own => "rustc",
        Toolchain::Debian => DEBIAN_RUSTC,
    };
    read(&mut program(rustc, ["--version"]))
}
