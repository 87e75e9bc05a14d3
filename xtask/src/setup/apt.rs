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

    let (wanted, absent): (Vec<String>, Vec<String>) = packages
        .iter()
        .map(|name| (*name).to_owned())
        .partition(|name| candidate(name).is_some());
    if !absent.is_empty() {
        // No error: what they bring is part of another package here. The caller looks again.
        say(format_args!("Not in this release: {}", absent.join(", ")));
    }
    let (wanted, back) = match_qemu(wanted, &Here);
    if wanted.is_empty() {
        bail!(
            "none of these packages can be had here: {}",
            join(&packages)
        );
    }
    say(format_args!("Installing {}", wanted.join(" ")));
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    if back {
        arguments.push("--allow-downgrades");
    }
    arguments.extend(wanted.iter().map(String::as_str));
    step("Installing packages", || run(&mut apt(root, &arguments)))
}

/// QEMU's packages must all be of one version, and apt does not see to that by itself: a machine may
/// have qemu-utils from backports, beside which Debian's own qemu-system-x86 is refused ("Breaks"), and
/// a package that this release's QEMU does not have may be offered from there. Gives what to install,
/// and whether that means stepping back somewhere.
fn match_qemu(wanted: Vec<String>, about: &impl Archive) -> (Vec<String>, bool) {
    const MAIN: &str = "qemu-system-x86";
    if !wanted.iter().any(|name| name.starts_with("qemu-")) {
        return (wanted, false);
    }
    let Some(version) = about.installed(MAIN).or_else(|| about.candidate(MAIN)) else {
        return (wanted, false);
    };
    let same = |package: &str| {
        let mut versions = about.versions(package).into_iter();
        // The binary packages of one source may carry different rebuild suffixes (+b3).
        versions.find(|v| source_version(v) == source_version(&version))
    };
    let (qemu, mut out): (Vec<String>, Vec<String>) = wanted
        .into_iter()
        .partition(|name| name.starts_with("qemu-"));
    for package in qemu {
        // One that this QEMU does not have is part of another package of it.
        if let Some(same) = same(&package) {
            out.push(format!("{package}={same}"));
        }
    }
    let mut back = false;
    for package in [
        "qemu-utils",
        "qemu-block-extra",
        "qemu-system-common",
        "qemu-system-data",
        "qemu-system-gui",
    ] {
        let Some(have) = about.installed(package) else {
            continue;
        };
        if source_version(&have) == source_version(&version) {
            continue;
        }
        if let Some(same) = same(package) {
            say(format_args!(
                "{package} {have} does not go with {MAIN} {version}; it will be {same}"
            ));
            out.push(format!("{package}={same}"));
            back = true;
        }
    }
    (out, back)
}

/// What is known about packages.
trait Archive {
    /// The installed version.
    fn installed(&self, package: &str) -> Option<String>;
    /// The version that would be installed.
    fn candidate(&self, package: &str) -> Option<String>;
    /// All versions that can be had.
    fn versions(&self, package: &str) -> Vec<String>;
}

/// This machine's apt and dpkg.
struct Here;

impl Archive for Here {
    fn installed(&self, package: &str) -> Option<String> {
        installed_version(package)
    }

    fn candidate(&self, package: &str) -> Option<String> {
        candidate(package)
    }

    fn versions(&self, package: &str) -> Vec<String> {
        versions(package)
    }
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

    /// Debian 12 with backports; `utils` is the version of qemu-utils that is installed.
    struct Bookworm {
        utils: Option<&'static str>,
    }

    impl Archive for Bookworm {
        fn installed(&self, package: &str) -> Option<String> {
            self.utils
                .filter(|_| package == "qemu-utils")
                .map(str::to_owned)
        }

        fn candidate(&self, package: &str) -> Option<String> {
            self.versions(package).into_iter().next()
        }

        fn versions(&self, package: &str) -> Vec<String> {
            match package {
                "qemu-system-modules-spice" => vec!["1:10.0.2~bpo12+1".to_owned()],
                _ => vec!["1:7.2-7+b3".to_owned(), "1:10.0.2~bpo12+1".to_owned()],
            }
        }
    }

    fn wanted(packages: &[&str]) -> Vec<String> {
        packages.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn qemu_utils_from_backports_step_back_to_the_version_of_qemu_itself() {
        let packages = wanted(&["make", "qemu-system-x86", "qemu-system-modules-spice"]);
        let (out, back) = match_qemu(
            packages,
            &Bookworm {
                utils: Some("1:10.0.2~bpo12+1"),
            },
        );
        assert_eq!(
            out,
            [
                "make",
                "qemu-system-x86=1:7.2-7+b3",
                "qemu-utils=1:7.2-7+b3"
            ]
        );
        assert!(back);
    }

    #[test]
    fn nothing_steps_back_where_versions_go_together() {
        let packages = wanted(&["qemu-system-x86", "qemu-system-modules-spice"]);
        let (out, back) = match_qemu(
            packages.clone(),
            &Bookworm {
                utils: Some("1:7.2-7"),
            },
        );
        assert_eq!(
            (out, back),
            (wanted(&["qemu-system-x86=1:7.2-7+b3"]), false)
        );
        let (out, back) = match_qemu(packages, &Bookworm { utils: None });
        assert_eq!(
            (out, back),
            (wanted(&["qemu-system-x86=1:7.2-7+b3"]), false)
        );
    }

    #[test]
    fn other_packages_are_left_to_apt() {
        let (out, back) = match_qemu(
            wanted(&["make"]),
            &Bookworm {
                utils: Some("1:10.0.2~bpo12+1"),
            },
        );
        assert_eq!((out, back), (wanted(&["make"]), false));
    }
}
