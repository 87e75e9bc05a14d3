//! Installing Debian's packages, as root or through sudo: only the missing ones, in one go, waiting
//! for another apt that holds the lock. On other systems it says what is missing and stops.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::command::{has, program, read, run, say, step, succeeds};

/// Installs those of `packages` that are not installed and that this release has.
pub fn install<'a>(packages: impl Iterator<Item = &'a str>) -> Result<()> {
    let packages: BTreeSet<&str> = packages.filter(|name| !installed(name)).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !has("apt-get") {
        bail!(
            "this is not Debian or one of its kin, so nothing can be installed here by itself; please install \
             what brings the same as Debian's {}",
            join(&packages)
        );
    }
    let root = is_root();
    if !root && !has("sudo") {
        bail!(
            "to install packages this must run as root, or sudo must be there; the command is: apt-get install {}",
            join(&packages)
        );
    }
    step("Asking for the newest list of packages", || {
        run(&mut apt(root, &["update", "-qq"]))
    })?;

    let (mut wanted, absent): (Vec<String>, Vec<String>) = packages
        .iter()
        .map(|name| (*name).to_owned())
        .partition(|name| candidate(name).is_some());
    if !absent.is_empty() {
        // No error: what they bring is part of another package here. The caller looks again.
        say(format_args!("Not in this release: {}", absent.join(", ")));
    }
    if wanted.is_empty() {
        bail!(
            "none of these packages can be had here: {}",
            absent.join(", ")
        );
    }
    let mut downgrade = false;
    match_qemu(&mut wanted, &mut downgrade);
    say(format_args!("Installing {}", wanted.join(" ")));
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    if downgrade {
        arguments.push("--allow-downgrades");
    }
    arguments.extend(wanted.iter().map(String::as_str));
    step("Installing packages", || run(&mut apt(root, &arguments)))
}

/// QEMU's packages must be of one version, and apt does not step back by itself. A machine may have
/// qemu-utils from backports, beside which Debian's own qemu-system-x86 is refused ("Breaks").
fn match_qemu(wanted: &mut Vec<String>, downgrade: &mut bool) {
    if !wanted.iter().any(|name| name == "qemu-system-x86") {
        return;
    }
    let Some(version) = candidate("qemu-system-x86") else {
        return;
    };
    let Some(have) = installed_version("qemu-utils") else {
        return;
    };
    if source_version(&have) == source_version(&version) {
        return;
    }
    say(format_args!(
        "qemu-utils {have} does not go with qemu-system-x86 {version}; both will be {version}"
    ));
    wanted.retain(|name| name != "qemu-system-x86" && name != "qemu-utils");
    wanted.push(format!("qemu-system-x86={version}"));
    for package in [
        "qemu-utils",
        "qemu-system-common",
        "qemu-system-data",
        "qemu-block-extra",
    ] {
        if package != "qemu-utils" && !installed(package) {
            continue;
        }
        // The binary packages of one source may carry different rebuild suffixes (+b3).
        let same = versions(package)
            .into_iter()
            .find(|v| source_version(v) == source_version(&version));
        if let Some(same) = same {
            wanted.push(format!("{package}={same}"));
        }
    }
    *downgrade = true;
}

/// A version without the suffix of a rebuild, `+b3`.
fn source_version(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, build)) if build.bytes().all(|b| b.is_ascii_digit()) => source,
        _ => version,
    }
}

fn versions(package: &str) -> Vec<String> {
    read(&mut program("apt-cache", ["madison", package]))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .map(|version| version.trim().to_owned())
        .collect()
}

/// The version that apt would install, if it knows one.
pub fn candidate(package: &str) -> Option<String> {
    let text = read(program("apt-cache", ["policy", package]).env("LC_ALL", "C")).ok()?;
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

fn installed(package: &str) -> bool {
    installed_version(package).is_some()
}

fn installed_version(package: &str) -> Option<String> {
    let text = read(&mut program(
        "dpkg-query",
        ["-W", "-f", "${db:Status-Status} ${Version}", package],
    ))
    .ok()?;
    text.strip_prefix("installed ").map(str::to_owned)
}

/// Whether this process may install packages without sudo.
pub fn is_root() -> bool {
    read(&mut program("id", ["-u"])).is_ok_and(|id| id.trim() == "0")
}

fn apt(root: bool, arguments: &[&str]) -> std::process::Command {
    let mut words = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "LC_ALL=C.UTF-8",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=600",
    ];
    if !root {
        words.insert(0, "sudo");
    }
    words.extend(arguments);
    program(words[0], &words[1..])
}

fn join(packages: &BTreeSet<&str>) -> String {
    packages.iter().copied().collect::<Vec<_>>().join(" ")
}

/// Whether apt is there and knows every one of these packages.
pub fn knows(packages: &[&str]) -> bool {
    has("apt-cache") && packages.iter().all(|name| candidate(name).is_some())
}

/// Refreshes apt's lists, where there are none that name this package.
pub fn refresh_for(package: &str) -> Result<()> {
    if !has("apt-get") || candidate(package).is_some() {
        return Ok(());
    }
    let root = is_root();
    if !root && !succeeds(&mut program("sudo", ["-n", "true"])) {
        return Ok(());
    }
    run(&mut apt(root, &["update", "-qq"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_is_the_same_version() {
        assert_eq!(
            source_version("1:7.2+dfsg-7+deb12u18+b3"),
            "1:7.2+dfsg-7+deb12u18"
        );
        assert_eq!(
            source_version("1:7.2+dfsg-7+deb12u18"),
            "1:7.2+dfsg-7+deb12u18"
        );
        assert_eq!(source_version("1:10.0.2+ds-2+beta"), "1:10.0.2+ds-2+beta");
    }
}
