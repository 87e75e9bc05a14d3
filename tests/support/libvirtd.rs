//! A libvirtd of its own for a test: real, in a folder of its own, free to be killed. It is run by
//! `tests/lab/libvirtd.sh`, which keeps it apart from the machine's; all that was started in it ends
//! with the value.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

/// A running libvirtd; ended, with its guests, when dropped.
#[derive(Debug)]
pub struct Libvirtd {
    folder: PathBuf,
    uri: String,
}

/// The beginning of the folders' names. Short: a socket's path has at most 107 characters.
const PREFIX: &str = "sfl";

impl Libvirtd {
    /// Starts one in a fresh folder. Needs root.
    pub fn start() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        clear_left_over();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("{PREFIX}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} could not be made", folder.display()))?;
        let uri = script("start", &folder)?;
        Ok(Self { folder, uri })
    }

    /// The connection URI, `qemu+unix:///system?socket=…`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The folder, which is removed at the end; a test may put its images there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// SIGKILL to the daemon: it ends without a word, its guests go on.
    pub fn kill(&self) -> Result<()> {
        script("kill", &self.folder).map(drop)
    }

    /// SIGTERM to the daemon: it ends in order, its guests go on.
    pub fn stop(&self) -> Result<()> {
        script("stop", &self.folder).map(drop)
    }

    /// Starts the daemon again after it was killed or stopped; it finds its guests.
    pub fn restart(&self) -> Result<()> {
        script("start", &self.folder).map(drop)
    }

    /// What `virsh ARGUMENTS` prints: a second opinion on what libvirt holds.
    pub fn virsh(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("virsh")
            .args(["-q", "-c", &self.uri])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("virsh could not be started")?;
        if !output.status.success() {
            bail!(
                "virsh {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        end(&self.folder);
    }
}

fn script(action: &str, folder: &Path) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/libvirtd.sh");
    let output = Command::new("sh")
        .args([file.as_os_str(), action.as_ref(), folder.as_os_str()])
        .stdin(Stdio::null())
        .output()
        .context("sh could not be started")?;
    if !output.status.success() {
        bail!(
            "libvirtd.sh {action}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn end(folder: &Path) {
    if let Err(error) = script("purge", folder) {
        eprintln!("a test's libvirtd could not be ended: {error:#}");
    }
    if let Err(error) = std::fs::remove_dir_all(folder) {
        eprintln!("{} could not be removed: {error}", folder.display());
    }
}

/// Ends what test runs left that were killed before they could.
fn clear_left_over() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = owner(&name.to_string_lossy()) else {
            continue;
        };
        if !Path::new("/proc").join(owner.to_string()).exists() {
            end(&entry.path());
        }
    }
}

/// The process id in a folder's name.
fn owner(name: &str) -> Option<u32> {
    let mut parts = name.split('-');
    let (prefix, owner, number) = (parts.next()?, parts.next()?, parts.next()?);
    let ours = prefix == PREFIX && number.parse::<u32>().is_ok() && parts.next().is_none();
    owner.parse().ok().filter(|_| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_tests_are_taken_for_left_over() {
        assert_eq!(owner("sfl-123-0"), Some(123));
        for other in ["sfl-123", "sfl-x-0", "other-123-0", "sfl-123-0-1", "sfl--0"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[test]
    fn a_guest_outlives_its_killed_libvirtd_and_is_found_again_and_ends_with_the_test() {
        let libvirtd = Libvirtd::start().unwrap();
        let log = libvirtd.folder().join("serial.log");
        let domain = libvirtd.folder().join("domain.xml");
        let xml = format!(
            "<domain type='qemu'><name>idle</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='pc'>hvm</type><bios useserial='yes'/></os><devices>\
             <serial type='file'><source path='{}'/></serial></devices></domain>",
            log.display()
        );
        std::fs::write(&domain, xml).unwrap();
        libvirtd
            .virsh(&["create", &domain.to_string_lossy()])
            .unwrap();
        let process = std::fs::read_to_string(libvirtd.folder().join("run/qemu/idle.pid")).unwrap();
        let process = Path::new("/proc").join(process.trim());

        libvirtd.kill().unwrap();
        assert!(libvirtd.virsh(&["list"]).is_err());
        assert!(process.exists());
        libvirtd.restart().unwrap();
        assert!(
            libvirtd
                .virsh(&["list", "--name"])
                .unwrap()
                .contains("idle")
        );

        let folder = libvirtd.folder().to_owned();
        drop(libvirtd);
        assert!(!process.exists() && !folder.exists());
    }
}
