//! The programs from npm that building and testing use, by the lock file in `xtask/node`, installed
//! below the target folder so that the work tree stays clean. None of them is ever served.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::{program, run, step, target, workspace};

/// What they are, for people.
pub const NAMES: &str =
    "PatternFly, PurgeCSS, Lightning CSS, wasm-opt and playwright-core from npm";

const FILES: &[&str] = &["package.json", "package-lock.json", ".npmrc"];

/// The folder with `node_modules` in it.
pub fn folder() -> PathBuf {
    target().join("node")
}

/// Whether what the lock file names is installed.
pub fn ready() -> bool {
    let source = workspace().join("xtask/node/package-lock.json");
    // Written last, so an installation that was cut short is done again.
    match (fs::read(source), fs::read(folder().join("installed.json"))) {
        (Ok(wanted), Ok(have)) => wanted == have,
        _ => false,
    }
}

/// Installs exactly what the lock file names. No package's own scripts run.
pub fn install() -> Result<()> {
    let source = workspace().join("xtask/node");
    let folder = folder();
    fs::create_dir_all(&folder)?;
    for name in FILES {
        fs::copy(source.join(name), folder.join(name))
            .with_context(|| format!("{name} could not be copied"))?;
    }
    step("Fetching build tools from npm", || {
        run(program("npm", ["ci", "--no-progress", "--loglevel=error"]).current_dir(&folder))
            .context("npm could not fetch them; is the npm registry reachable from here?")
    })?;
    fs::copy(
        source.join("package-lock.json"),
        folder.join("installed.json"),
    )?;
    Ok(())
}
