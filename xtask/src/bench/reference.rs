//! The C decoders to measure against: the sources that Debian builds libspice-server and spice-gtk
//! from, fetched by apt and compiled beside ours. Nothing of them is kept in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{has, program, read, run as run_command, say, step, target, workspace};
use crate::setup::apt;

/// The source packages: the server, and the client that decodes what it sends.
const SOURCES: [&str; 2] = ["spice", "spice-gtk"];
/// What their code wants, as pkg-config calls it, and in which package it comes.
const LIBRARIES: &[(&str, &str)] = &[
    ("glib-2.0", "libglib2.0-dev"),
    ("gio-2.0", "libglib2.0-dev"),
    ("pixman-1", "libpixman-1-dev"),
    ("spice-protocol", "libspice-protocol-dev"),
    ("liblz4", "liblz4-dev"),
    ("libjpeg", "libjpeg62-turbo-dev"),
    ("zlib", "zlib1g-dev"),
];
/// Programs, and in which package they come.
const PROGRAMS: &[(&str, &str)] = &[
    ("gcc", "gcc"),
    ("pkg-config", "pkg-config"),
    ("xz", "xz-utils"),
    ("bzip2", "bzip2"),
];
/// What is compiled of the server's copy of spice-common, and of spice-gtk.
const COMMON: &[&str] = &[
    "quic.c",
    "lz.c",
    "canvas_utils.c",
    "mem.c",
    "log.c",
    "backtrace.c",
    "utils.c",
];
const CLIENT: &[&str] = &["decode-glz.c", "decode-jpeg.c", "decode-zlib.c"];

/// Fetches and compiles what is not there yet; gives the program.
pub fn build(install: bool) -> Result<PathBuf> {
    let folder = target().join("bench-reference");
    fs::create_dir_all(&folder)?;
    need(install)?;
    let harness = workspace().join("xtask/src/bench/native/decode.c");
    let made = folder.join("decode");
    let newer = |a: &Path, b: &Path| {
        let time = |file: &Path| fs::metadata(file).and_then(|meta| meta.modified()).ok();
        time(a) > time(b)
    };
    if newer(&made, &harness) {
        return Ok(made);
    }
    let [server, client] = step("Fetching the C decoders' sources", || sources(&folder))?;
    step("Compiling the C decoders", || {
        compile(&folder, &server, &client, &harness, &made)
    })?;
    Ok(made)
}

/// Compilers and headers.
fn need(install: bool) -> Result<()> {
    let missing = || -> Vec<&str> {
        let programs = PROGRAMS.iter().filter(|(name, _)| !has(name));
        let mut missing: Vec<&str> = programs.map(|(_, package)| *package).collect();
        let libraries = LIBRARIES.iter().filter(|(name, _)| {
            !has("pkg-config") || read(&mut program("pkg-config", ["--exists", name])).is_err()
        });
        missing.extend(libraries.map(|(_, package)| *package));
        missing.dedup();
        missing
    };
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    if install && apt::knows(&packages) {
        apt::install(packages.iter().copied())?;
    }
    let packages = missing();
    ensure!(
        packages.is_empty(),
        "these packages are missing: {}",
        packages.join(" ")
    );
    Ok(())
}

/// Where both sources are unpacked.
fn sources(folder: &Path) -> Result<[PathBuf; 2]> {
    let unpacked = |name: &str| -> Result<Option<PathBuf>> {
        let start = format!("{name}-");
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let version = file_name.to_str().and_then(|n| n.strip_prefix(&start));
            let version = version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
            if version && entry.path().is_dir() {
                return Ok(Some(entry.path()));
            }
        }
        Ok(None)
    };
    let mut found = Vec::new();
    for name in SOURCES {
        if unpacked(name)?.is_none() {
            fetch(folder, name)?;
        }
        let folder = unpacked(name)?;
        found
            .push(folder.with_context(|| format!("the source of {name} holds no {name}-VERSION"))?);
    }
    found
        .try_into()
        .map_err(|_| anyhow::anyhow!("there are two sources"))
}

/// One source package by apt, which checks whose it is. The machine's own list of mirrors may name
/// no sources, so it gets a list of its own, made from that.
fn fetch(folder: &Path, name: &str) -> Result<()> {
    ensure!(
        has("apt-get"),
        "apt-get is not here, which would fetch the source of {name}"
    );
    let apt = folder.join("apt");
    let parts = apt.join("sources.d");
    if !apt.join("lists").exists() {
        fs::create_dir_all(&parts)?;
        fs::create_dir_all(apt.join("lists/partial"))?;
        let mut lists = 0;
        for (number, file) in machine_lists()?.iter().enumerate() {
            let text = fs::read_to_string(file)?;
            let end = file.extension().and_then(|end| end.to_str());
            let Some(text) = source_list(&text, end == Some("sources")) else {
                continue;
            };
            let end = end.unwrap_or("list");
            fs::write(parts.join(format!("{number}.{end}")), text)?;
            lists += 1;
        }
        ensure!(lists > 0, "apt has no list of mirrors on this machine");
        // A mirror of others may have no sources; whether ours is there shows in a moment.
        if let Err(error) = run_command(apt_get(&apt).arg("update")) {
            say(format_args!("{error:#}"));
        }
    }
    run_command(
        apt_get(&apt)
            .args(["source", "--download-only", name])
            .current_dir(folder),
    )?;
    let start = format!("{name}_");
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        let packed = file.contains(".orig.tar.") && !file.ends_with(".asc");
        if file.starts_with(&start) && packed {
            return run_command(program("tar", ["-xf"]).arg(&path).arg("-C").arg(folder));
        }
    }
    bail!("apt-get brought no source of {name}")
}

/// apt with folders of its own: nothing of the machine's is changed, and nobody need be root.
fn apt_get(folder: &Path) -> std::process::Command {
    let mut command = program("apt-get", [""; 0]);
    let option = |name: &str, value: &str| format!("{name}={value}");
    let path = |name: &str| folder.join(name).display().to_string();
    for setting in [
        option("Dir::Etc::sourcelist", "/dev/null"),
        option("Dir::Etc::sourceparts", &path("sources.d")),
        option("Dir::State::lists", &path("lists")),
        option("Dir::Cache::pkgcache", ""),
        option("Dir::Cache::srcpkgcache", ""),
        option("APT::Sandbox::User", ""),
        option("Acquire::http::Timeout", "20"),
        option("Acquire::Retries", "1"),
    ] {
        command.args(["-o", &setting]);
    }
    command.arg("-q");
    command
}

/// The machine's lists of mirrors.
fn machine_lists() -> Result<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        for entry in entries {
            files.push(entry?.path());
        }
    }
    files.retain(|file| {
        let end = file.extension().and_then(|end| end.to_str());
        file.is_file() && matches!(end, Some("list" | "sources"))
    });
    files.sort();
    Ok(files)
}

/// A list of mirrors that names the sources of what this one names the programs of; nothing if it
/// names none. `stanzas`: in apt's newer form.
fn source_list(text: &str, stanzas: bool) -> Option<String> {
    let mut found = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if stanzas {
            match line.strip_prefix("Types:") {
                Some(types) if types.split_whitespace().any(|kind| kind == "deb") => {
                    found = true;
                    lines.push("Types: deb-src".to_owned());
                }
                _ => lines.push(line.to_owned()),
            }
        } else if let Some(rest) = line.trim_start().strip_prefix("deb ") {
            found = true;
            lines.push(format!("deb-src {rest}"));
        }
    }
    found.then(|| lines.join("\n") + "\n")
}

fn compile(folder: &Path, server: &Path, client: &Path, harness: &Path, made: &Path) -> Result<()> {
    // What their build would have found out about the machine; the decoders ask for none of it.
    let settings = folder.join("include");
    fs::create_dir_all(&settings)?;
    fs::write(
        settings.join("config.h"),
        "#define G_LOG_DOMAIN \"decode\"\n",
    )?;
    let common = server.join("subprojects/spice-common");
    let names: Vec<&str> = LIBRARIES.iter().map(|(name, _)| *name).collect();
    let flags = |kind: &str| -> Result<Vec<String>> {
        let text = read(program("pkg-config", [kind]).args(&names))?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    let mut command = program("gcc", ["-O2", "-w"]);
    for include in [&settings, &common, &client.join("src")] {
        command.arg("-I").arg(include);
    }
    command.args(flags("--cflags")?).arg(harness);
    command.args(COMMON.iter().map(|file| common.join("common").join(file)));
    command.args(CLIENT.iter().map(|file| client.join("src").join(file)));
    command.args(flags("--libs")?).arg("-o").arg(made);
    run_command(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_mirrors_is_turned_into_one_of_sources() {
        let old = "# ours\ndeb http://mirror.example/debian bookworm main\ndeb-src x y z\n";
        assert_eq!(
            source_list(old, false).as_deref(),
            Some("deb-src http://mirror.example/debian bookworm main\n")
        );
        let new = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n";
        assert_eq!(
            source_list(new, true).as_deref(),
            Some("Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\n")
        );
        assert_eq!(source_list("# nothing\n", false), None);
        assert_eq!(source_list("Types: deb-src\n", true), None);
    }
}
