//! `cargo xtask run`: from a machine with a Rust toolchain to a serving Saffron. Each stage is the
//! same that its own task runs; this puts them in order and becomes the server at the end.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{cargo, program, run as run_command, say, step, target, workspace};
use crate::options::{Options, flag, value};
use crate::setup::{self, Purpose};
use crate::{lab, web};

/// Prepares everything, then becomes `saffron serve`.
pub fn run(arguments: &[String]) -> Result<()> {
    let options = Options::read(
        arguments,
        &[
            value("--state"),
            value("--listen"),
            value("--config"),
            value("--admin-password-file"),
            value("--libvirt-uri"),
            flag("--no-install"),
            flag("--demo"),
            flag("--release"),
        ],
    )?;
    if let Some(word) = options.words.first() {
        anyhow::bail!("`{word}` is no option of run");
    }
    let release = options.has("--release");
    let purpose = if options.has("--demo") {
        Purpose::Demo
    } else {
        Purpose::Run
    };

    setup::ensure(purpose, !options.has("--no-install"))?;
    web::build(false)?;
    let server = build(release)?;

    let state = match options.get("--state") {
        Some(folder) => std::path::absolute(folder)?,
        None => workspace().join("state"),
    };
    prepare(&state)?;
    let uri = match options.get("--libvirt-uri") {
        Some(uri) => uri.to_owned(),
        None => lab::libvirt_for(&state)?,
    };

    let mut command = program(
        &server.to_string_lossy(),
        ["serve", "--libvirt-uri", &uri, "--state"],
    );
    // Relative paths are relative to where the person stands.
    command.arg(&state).current_dir(std::env::current_dir()?);
    for name in ["--listen", "--config", "--admin-password-file"] {
        if let Some(value) = options.get(name) {
            command.args([name, value]);
        }
    }
    if options.has("--demo") {
        command.arg("--demo");
    }
    say("Starting Saffron; Ctrl-C ends it, virtual machines go on running");
    // Only comes back when it could not.
    Err(command.exec()).context("the server could not be started")
}

/// Builds the server, with what is in `dist/` inside.
fn build(release: bool) -> Result<PathBuf> {
    step("Building the server", || {
        let mut command = cargo();
        command.args([
            "build",
            "--locked",
            "--package",
            "gateway",
            "--bin",
            "saffron",
        ]);
        if release {
            command.arg("--release");
        }
        run_command(&mut command)
    })?;
    Ok(target()
        .join(if release { "release" } else { "debug" })
        .join("saffron"))
}

/// The state folder holds keys and password hashes: nobody else's business.
fn prepare(state: &Path) -> Result<()> {
    if state.is_dir() {
        return Ok(());
    }
    if let Some(parent) = state.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::DirBuilder::new()
        .mode(0o700)
        .create(state)
        .with_context(|| format!("{} could not be made", state.display()))?;
    fs::set_permissions(state, fs::Permissions::from_mode(0o700))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_state_folder_is_for_its_owner_only_and_an_old_one_stays_as_it_is() {
        let folder =
            std::env::temp_dir().join(format!("saffron-xtask-state-{}/a/b", std::process::id()));
        prepare(&folder).unwrap();
        let mode = folder.metadata().unwrap().permissions().mode() & 0o777;
        fs::write(folder.join("kept"), "x").unwrap();
        prepare(&folder).unwrap();
        let kept = folder.join("kept").exists();
        fs::remove_dir_all(folder.parent().and_then(Path::parent).unwrap()).unwrap();
        assert_eq!(mode, 0o700);
        assert!(kept);
    }

    #[test]
    fn what_run_does_not_know_is_refused_before_anything_is_installed() {
        let error = run(&["--listen".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("--listen"), "{error}");
    }
}
