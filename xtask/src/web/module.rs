//! The wasm modules: compiled by cargo, given their JavaScript by wasm-bindgen (as a library, so
//! that `Cargo.lock` keeps it equal to the crate), shrunk by wasm-opt where that is to be had.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::fingerprint::{Fingerprint, digest};
use super::publish::Assets;
use super::scratch;
use crate::command::{program, run, say, step, workspace};
use crate::setup::{node, wasm};

/// Modules that are compiled by one run of cargo.
pub struct Group {
    package: &'static str,
    modules: &'static [&'static str],
    /// Flags for the compiler.
    flags: &'static [&'static str],
    /// Packages that are fast elsewhere, and small here.
    small: &'static [&'static str],
    /// How wasm-opt is to weigh size against speed.
    optimise: &'static str,
}

/// The portals do without SIMD, so that they can tell a person that the browser lacks it; the
/// console's decoders want it, and speed before size.
pub const GROUPS: &[Group] = &[
    Group {
        package: "frontend",
        modules: &["administration", "console", "user"],
        // A view's type is as long as its page; erased, the modules are a fifth smaller.
        flags: &["--cfg=erase_components"],
        // Of these a console's page has the way of its keys only.
        small: &["spice", "console-worker"],
        optimise: "-Oz",
    },
    Group {
        package: "console-worker",
        modules: &["console-worker"],
        flags: &["-Ctarget-feature=+simd128"],
        small: &[],
        optimise: "-O3",
    },
];

/// What the compiler may have used, for wasm-opt, which must not guess less.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Compiles a group and adds what came of it to the assets.
pub fn build(
    group: &Group,
    toolchain: wasm::Toolchain,
    dev: bool,
    assets: &mut Assets,
) -> Result<()> {
    let profile = if dev { "dev" } else { "wasm" };
    let flags = group.flags;
    // A folder for each set of flags, so that the groups do not undo each other's work.
    let folder = scratch().join(group.package);
    step(
        &format!("Compiling {} for the browser", group.modules.join(" and ")),
        || {
            let mut command = wasm::build(toolchain, flags);
            command
                .args([
                    "--package",
                    group.package,
                    "--profile",
                    profile,
                    "--target-dir",
                ])
                .arg(&folder);
            for module in group.modules {
                command.args(["--bin", module]);
            }
            for package in group.small {
                let setting = format!("profile.{profile}.package.{package}.opt-level=\"z\"");
                command.args(["--config", &setting]);
            }
            run(&mut command)
        },
    )?;
    let built = folder
        .join(wasm::TARGET)
        .join(if dev { "debug" } else { profile });
    for module in group.modules {
        let made = finish(group, module, &built.join(format!("{module}.wasm")), dev)?;
        take(&made, module, assets)?;
    }
    Ok(())
}

/// wasm-bindgen and wasm-opt, unless both were done to this very file before.
fn finish(group: &Group, module: &str, compiled: &Path, dev: bool) -> Result<PathBuf> {
    let made = scratch().join("modules").join(module);
    let seal = made.join("fingerprint");
    let mut print = Fingerprint::new();
    print.add_path(compiled)?;
    for tool in [
        "Cargo.lock",
        "xtask/node/package-lock.json",
        "xtask/src/web/module.rs",
    ] {
        print.add_path(&workspace().join(tool))?;
    }
    print.add(if dev { "dev" } else { "small" });
    let print = print.finish();
    if fs::read_to_string(&seal).is_ok_and(|have| have == print) {
        return Ok(made);
    }
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    fs::create_dir_all(&made)?;
    step(&format!("JavaScript of {module}"), || {
        Bindgen::new()
            .input_path(compiled)
            .out_name(module)
            .web(true)?
            .typescript(false)
            .keep_debug(dev)
            .remove_name_section(!dev)
            .remove_producers_section(true)
            .generate(&made)
    })?;
    if !dev {
        shrink(group, module, &made.join(format!("{module}_bg.wasm")))?;
    }
    fs::write(seal, print)?;
    Ok(made)
}

/// Runs wasm-opt. It is a help, not a need: where it fails, the module stays as it is.
fn shrink(group: &Group, module: &str, file: &Path) -> Result<()> {
    let tool = node::folder().join("node_modules/binaryen/bin/wasm-opt");
    if !tool.exists() {
        say("wasm-opt is not here; the modules stay larger than they could be");
        return Ok(());
    }
    let smaller = file.with_extension("opt");
    let mut command = program("node", [tool.as_os_str(), file.as_os_str()]);
    command
        .arg(group.optimise)
        .args(FEATURES)
        .args(["--strip-producers", "--strip-target-features", "-o"])
        .arg(&smaller);
    if group.flags.iter().any(|flag| flag.contains("simd128")) {
        command.arg("--enable-simd");
    }
    match step(&format!("Shrinking {module}"), || run(&mut command)) {
        Ok(()) => fs::rename(&smaller, file).context("the smaller module could not take its place"),
        Err(error) => {
            say(format_args!("{error:#}; the module stays as it is"));
            Ok(())
        }
    }
}

/// Adds a module, its JavaScript, and pieces of JavaScript that crates brought along.
fn take(made: &Path, module: &str, assets: &mut Assets) -> Result<()> {
    let mut script = fs::read_to_string(made.join(format!("{module}.js")))?;
    let snippets = made.join("snippets");
    if snippets.is_dir() {
        let mut files = Vec::new();
        super::publish::walk(&snippets, &mut files)?;
        for file in files {
            let path = file.strip_prefix(made)?.to_string_lossy().into_owned();
            let bytes = fs::read(&file)?;
            // Names are flat, and two crates' pieces are all called inline0.js.
            let name = format!("snippet-{}.js", &digest(path.as_bytes())[..8]);
            script = script.replace(&format!("./{path}"), &format!("/assets/{name}"));
            assets.add(&name, bytes)?;
        }
    }
    assets.add(&format!("{module}.js"), script.into_bytes())?;
    assets.add(
        &format!("{module}_bg.wasm"),
        fs::read(made.join(format!("{module}_bg.wasm")))?,
    )
}
