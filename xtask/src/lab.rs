//! `cargo xtask lab`: a libvirtd of its own, in a folder, for tests and for machines on which none
//! runs. How it is kept apart from the machine's own is `tests/lab/libvirtd.sh`'s.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{program, read, run as run_command, say, step, succeeds, workspace};
use crate::options::Options;
use crate::setup::apt::is_root;
use crate::setup::{self, Purpose};

/// libvirt's socket below the folder, whose whole path a UNIX socket address must hold.
const LONGEST: usize = 107 - "/run/libvirt-sock".len();

/// `up DIR`, `down DIR`, `purge DIR`
pub fn run(arguments: &[String]) -> Result<()> {
    let options = Options::read(arguments, &[crate::options::flag("--no-install")])?;
    let [action, folder] = &options.words[..] else {
        bail!("usage: cargo xtask lab up|down|purge DIR");
    };
    let folder = std::path::absolute(folder)?;
    match action.as_str() {
        "up" => {
            setup::ensure(Purpose::Run, !options.has("--no-install"))?;
            let uri = up(&folder)?;
            say(format_args!("libvirtd answers at {uri}"));
            Ok(())
        }
        "down" => run_command(&mut script("stop", &folder)),
        "purge" => run_command(&mut script("purge", &folder)),
        other => bail!("a lab can go up, down or be purged, not `{other}`"),
    }
}

/// Starts a libvirtd that lives in `folder`, or finds it running; gives its connection URI.
pub fn up(folder: &Path) -> Result<String> {
    let length = folder.as_os_str().len();
    if length > LONGEST {
        bail!(
            "{} is too long by {} characters for a socket's path; choose a shorter folder",
            folder.display(),
            length - LONGEST
        );
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    step("Starting libvirtd", || {
        Ok(read(&mut script("start", folder))?.trim().to_owned())
    })
}

/// The script, as root: it makes a mount namespace.
fn script(action: &str, folder: &Path) -> Command {
    let script = workspace().join("tests/lab/libvirtd.sh");
    let words = [Path::new("sh"), &script, Path::new(action), folder];
    if is_root() {
        program("sh", &words[1..])
    } else {
        program("sudo", words)
    }
}

/// A libvirt to serve from: the system's, if it answers and its guests can reach the images below
/// `state`; else one of our own.
pub fn libvirt_for(state: &Path) -> Result<String> {
    const SYSTEM: &str = "qemu:///system";
    if succeeds(&mut program(
        "timeout",
        ["10", "virsh", "-q", "-c", SYSTEM, "uri"],
    )) {
        if guests_are_root() || reachable_by_all(state) {
            say(format_args!("libvirtd answers at {SYSTEM}"));
            return Ok(SYSTEM.to_owned());
        }
        say(format_args!(
            "libvirtd answers at {SYSTEM}, but its guests may not enter {}; one of our own is used instead",
            state.display()
        ));
    }
    up(&state.join("libvirt"))
}

/// Whether the system's libvirt runs QEMU as root, who may enter any folder.
fn guests_are_root() -> bool {
    std::fs::read_to_string("/etc/libvirt/qemu.conf").is_ok_and(|text| {
        text.lines()
            .any(|line| line.trim().replace([' ', '\'', '"'], "") == "user=root")
    })
}

/// Whether everybody may pass through this folder and all above it.
fn reachable_by_all(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    folder.ancestors().map(PathBuf::from).all(|f| {
        f.metadata()
            .is_ok_and(|m| m.permissions().mode() & 0o001 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_too_long_for_a_socket_is_refused_with_the_reason() {
        let folder = PathBuf::from(format!("/tmp/{}", "x".repeat(LONGEST)));
        let error = up(&folder).unwrap_err().to_string();
        assert!(error.contains("too long by 5 characters"), "{error}");
        assert!(!folder.exists());
    }

    #[test]
    fn a_closed_folder_above_keeps_everybody_out() {
        use std::os::unix::fs::PermissionsExt;
        let outer =
            std::env::temp_dir().join(format!("saffron-xtask-reach-{}", std::process::id()));
        let inner = outer.join("inner");
        std::fs::create_dir_all(&inner).unwrap();
        let set =
            |mode| std::fs::set_permissions(&outer, std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o755);
        let open = reachable_by_all(&inner);
        set(0o700);
        let closed = reachable_by_all(&inner);
        std::fs::remove_dir_all(&outer).unwrap();
        assert!(open && !closed);
    }
}
