//! `cargo xtask web`: everything a browser downloads, made and laid into `dist/`, which the gateway
//! embeds. The wasm modules (`module`), one style sheet (`style`), the files of `public/` with
//! hashed names (`publish`). What is up to date is not made again.

mod fingerprint;
mod module;
mod publish;
mod style;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::fingerprint::Fingerprint;
pub use self::publish::walk;
use crate::command::{say, step, target, workspace};
use crate::setup::wasm;

/// What decides how dist/ looks; a change in any of these makes it again.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "api/Cargo.toml",
    "api/build.rs",
    "api/model.json",
    "api/src",
    "frontend",
    "public",
    "spice/Cargo.toml",
    "spice/src",
    "xtask/node",
    "xtask/src/setup/wasm.rs",
    "xtask/src/web",
];

/// The folder that the gateway embeds.
pub fn dist() -> PathBuf {
    workspace().join("dist")
}

/// Where the steps on the way keep their results.
fn scratch() -> PathBuf {
    target().join("web")
}

/// Makes `dist/`. With `dev`: no optimising, no compressing, and names are kept for stack traces.
pub fn build(dev: bool) -> Result<()> {
    let Some(toolchain) = wasm::toolchain() else {
        bail!(
            "there is no toolchain for {}; `cargo xtask setup` installs one",
            wasm::TARGET
        );
    };
    let mut wanted = Fingerprint::new();
    wanted.add(if dev { "dev" } else { "small" });
    wanted.add(&wasm::version(toolchain)?);
    for input in INPUTS {
        wanted.add_path(&workspace().join(input))?;
    }
    let wanted = wanted.finish();
    let seal = scratch().join("dist.fingerprint");
    // The seal names what was made of the inputs as well, for dist/ may have been made by others.
    let sealed = |inputs: &str| -> Option<String> {
        let mut both = Fingerprint::new();
        both.add(inputs);
        both.add_path(&dist().join("manifest.json")).ok()?;
        Some(both.finish())
    };
    if fs::read_to_string(&seal).is_ok_and(|have| sealed(&wanted) == Some(have)) {
        say("The portals are up to date (dist/)");
        return Ok(());
    }
    fs::create_dir_all(scratch()).context("no folder for what the build makes")?;

    let mut assets = publish::Assets::default();
    for group in module::GROUPS {
        module::build(group, toolchain, dev, &mut assets)?;
    }
    step("Style sheet", || style::build(&mut assets))?;
    step("Laying out dist/", || publish::publish(assets, dev))?;
    if let Some(now) = sealed(&wanted) {
        fs::write(seal, now)?;
    }
    Ok(())
}
