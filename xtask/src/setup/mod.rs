//! `cargo xtask setup`: finds what this machine lacks, says what will be installed and why, and
//! installs it. How packages get here is `apt`'s, `wasm`'s and `node`'s.

pub mod apt;
pub mod node;
pub mod wasm;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::{find, has, say, succeeds};

/// What the machine is to be made ready for; each includes the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    /// Compiling the native crates.
    Build,
    /// Making the portals and the console worker as well.
    Web,
    /// Running virtual machines as well.
    Run,
    /// Making the first virtual machine of `--demo` as well.
    Demo,
    /// Running every test as well.
    Test,
}

/// Something that a purpose needs.
pub struct Need {
    /// What it is for, in words that finish "needed for …".
    pub why: &'static str,
    /// From which purpose on it is needed.
    pub from: Purpose,
    /// Whether the machine has it.
    pub met: fn() -> bool,
    /// Debian's packages that bring it. One that this release does not have is left out, for the
    /// releases cut the same programs into packages differently.
    pub packages: &'static [&'static str],
}

fn pkg_config(library: &str) -> bool {
    succeeds(&mut crate::command::program(
        "pkg-config",
        ["--exists", library],
    ))
}

/// QEMU loads its SPICE server as a module; without it every machine with a console is refused.
fn qemu_speaks_spice() -> bool {
    exists_below("/usr/lib", "qemu/ui-spice-core.so")
        || exists_below("/usr/lib64", "qemu-kvm/ui-spice-core.so")
}

/// Whether `folder/file` or `folder/*/file` is there.
fn exists_below(folder: &str, file: &str) -> bool {
    let folder = Path::new(folder);
    folder.join(file).exists()
        || std::fs::read_dir(folder)
            .is_ok_and(|mut entries| entries.any(|e| e.is_ok_and(|e| e.path().join(file).exists())))
}

/// Where Debian's installer packages lay their files.
const INSTALLER: &str = "/usr/lib/debian-installer/images";

/// All there is to need, in the order in which it is told.
pub const NEEDS: &[Need] = &[
    Need {
        why: "compiling the parts of crates that are in C",
        from: Purpose::Build,
        met: || has("cc") && has("make"),
        packages: &["gcc", "libc6-dev", "make"],
    },
    Need {
        why: "finding libraries when compiling",
        from: Purpose::Build,
        met: || has("pkg-config"),
        packages: &["pkg-config"],
    },
    Need {
        why: "compiling the host actor against libvirt",
        from: Purpose::Build,
        met: || pkg_config("libvirt") && pkg_config("libvirt-qemu"),
        packages: &["libvirt-dev"],
    },
    Need {
        why: "making the portals' style sheet and shrinking the wasm modules",
        from: Purpose::Web,
        met: || has("node") && has("npm"),
        packages: &["nodejs", "npm"],
    },
    Need {
        why: "running virtual machines: libvirt's daemon",
        from: Purpose::Run,
        met: || {
            has("libvirtd")
                && exists_below(
                    "/usr/lib",
                    "libvirt/connection-driver/libvirt_driver_qemu.so",
                )
        },
        packages: &[
            "libvirt-daemon-system",
            "libvirt-daemon",
            "libvirt-daemon-driver-qemu",
        ],
    },
    Need {
        why: "asking libvirt whether it answers",
        from: Purpose::Run,
        met: || has("virsh"),
        packages: &["libvirt-clients"],
    },
    Need {
        why: "running virtual machines with a SPICE console: QEMU",
        from: Purpose::Run,
        met: || has("qemu-system-x86_64") && qemu_speaks_spice(),
        packages: &["qemu-system-x86", "qemu-system-modules-spice"],
    },
    Need {
        why: "making and checking disk images",
        from: Purpose::Run,
        met: || has("qemu-img"),
        packages: &["qemu-utils"],
    },
    Need {
        why: "virtual machines with UEFI, Secure Boot and a TPM",
        from: Purpose::Run,
        met: || Path::new("/usr/share/OVMF").is_dir() && has("swtpm") && has("swtpm_setup"),
        packages: &["ovmf", "swtpm", "swtpm-tools"],
    },
    Need {
        why: "networks of virtual machines",
        from: Purpose::Run,
        met: || has("ip") && has("dnsmasq"),
        packages: &["iproute2", "dnsmasq-base"],
    },
    Need {
        why: "the first virtual machine: Debian's network installer",
        from: Purpose::Demo,
        met: || Path::new(INSTALLER).is_dir(),
        packages: &["debian-installer-12-netboot-amd64"],
    },
    Need {
        why: "tests against a real libspice-server",
        from: Purpose::Test,
        met: || pkg_config("spice-server") && has("gcc"),
        packages: &["libspice-server-dev", "gcc", "libc6-dev"],
    },
    Need {
        why: "tests of video: what libspice-server codes VP8, VP9 and H.264 with",
        from: Purpose::Test,
        met: video_encoders,
        packages: VIDEO_ENCODERS,
    },
    Need {
        why: "tests in a real browser",
        from: Purpose::Test,
        met: || has("chromium"),
        packages: &["chromium"],
    },
    Need {
        why: "tests of the console in Chromium, Firefox and WebKit, with real keys on a screen of their own",
        from: Purpose::Test,
        met: || {
            [
                "chromedriver",
                "firefox-esr",
                "WebKitWebDriver",
                "Xvfb",
                "setxkbmap",
                "xdotool",
            ]
            .iter()
            .all(|name| has(name))
        },
        packages: &[
            "chromium-driver",
            "firefox-esr",
            "webkit2gtk-driver",
            "xvfb",
            "x11-xkb-utils",
            "xdotool",
        ],
    },
    Need {
        why: "checking domain XML against libvirt's schema",
        from: Purpose::Test,
        met: || has("virt-xml-validate") && has("xmllint"),
        packages: &["libvirt-clients", "libxml2-utils"],
    },
    Need {
        why: "building the tests' tiny guest",
        from: Purpose::Test,
        met: || {
            find("busybox").is_some_and(|file| is_static(&file))
                && ["cpio", "depmod", "strip", "xz", "genisoimage"]
                    .iter()
                    .all(|name| has(name))
                && Path::new("/usr/lib/ISOLINUX/isolinux.bin").exists()
                && Path::new("/usr/lib/syslinux/modules/bios/ldlinux.c32").exists()
        },
        packages: &[
            "busybox-static",
            "cpio",
            "kmod",
            "binutils",
            "xz-utils",
            "genisoimage",
            "isolinux",
            "syslinux-common",
        ],
    },
    Need {
        why: "tests with oVirt's own Python SDK and its users' tools",
        from: Purpose::Test,
        met: || {
            has("python3")
                && succeeds(&mut crate::command::program(
                    "python3",
                    ["-c", "import venv, ensurepip"],
                ))
                && has("curl-config")
                && pkg_config("libxml-2.0")
                && pkg_config("openssl")
        },
        packages: &[
            "python3",
            "python3-venv",
            "python3-dev",
            "libcurl4-openssl-dev",
            "libxml2-dev",
            "libssl-dev",
            "gcc",
        ],
    },
    Need {
        why: "tests with the desktop's oVirt clients (libgovirt, remote-viewer)",
        from: Purpose::Test,
        met: || {
            has("remote-viewer")
                && has("Xvfb")
                && has("xauth")
                && exists_below("/usr/lib", "girepository-1.0/GoVirt-1.0.typelib")
                && Path::new("/usr/lib/python3/dist-packages/gi").exists()
        },
        packages: &[
            "gir1.2-govirt-1.0",
            "python3-gi",
            "virt-viewer",
            "xvfb",
            "xauth",
        ],
    },
];

/// Debian's `busybox` needs shared libraries, which the tiny guest does not have.
fn is_static(file: &Path) -> bool {
    crate::command::read(&mut crate::command::program("ldd", [file]))
        .map_or(true, |text| text.contains("not a dynamic"))
}

/// Makes the machine ready, or with `install` false only says what it lacks, which is then an error.
pub fn ensure(purpose: Purpose, install: bool) -> Result<()> {
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|need| need.from <= purpose && !(need.met)())
        .collect();
    let toolchain = purpose >= Purpose::Web && wasm::toolchain().is_none();
    let modules = purpose >= Purpose::Web && !node::ready();

    for need in &missing {
        say(format_args!(
            "Missing, needed for {}: {}",
            need.why,
            need.packages.join(", ")
        ));
    }
    if toolchain {
        say(
            "Missing, needed for the portals and the console: Rust's standard library for wasm32-unknown-unknown",
        );
    }
    if modules {
        say(format_args!(
            "Missing, needed for the style sheet, smaller modules and browser tests: {}",
            node::NAMES
        ));
    }
    if missing.is_empty() && !toolchain && !modules {
        return Ok(());
    }
    if !install {
        bail!("the machine lacks what is named above, and --no-install was given");
    }
    if !missing.is_empty() {
        apt::install(missing.iter().flat_map(|need| need.packages).copied())?;
        if let Some(need) = missing.iter().find(|need| !(need.met)()) {
            bail!(
                "after installing {} it still lacks what is needed for {}",
                need.packages.join(", "),
                need.why
            );
        }
    }
    if toolchain {
        wasm::install()?;
    }
    if modules {
        node::install()?;
    }
    Ok(())
}

/// Debian's packages of GStreamer's encoders, with which libspice-server codes video.
pub const VIDEO_ENCODERS: &[&str] = &[
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-ugly",
];

/// Whether GStreamer has encoders for VP8, VP9 and H.264.
pub fn video_encoders() -> bool {
    ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .iter()
        .map(|machine| Path::new("/usr/lib").join(machine))
        .chain([PathBuf::from("/usr/lib64"), PathBuf::from("/usr/lib")])
        .any(|folder| {
            ["libgstvpx.so", "libgstx264.so"]
                .iter()
                .all(|plugin| folder.join("gstreamer-1.0").join(plugin).exists())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_says_why_and_names_a_package() {
        for need in NEEDS {
            assert!(!need.packages.is_empty(), "{}", need.why);
            assert!(
                need.why.len() > 10 && !need.why.ends_with('.'),
                "{}",
                need.why
            );
        }
    }

    #[test]
    fn a_purpose_includes_the_ones_before_it() {
        assert!(Purpose::Build < Purpose::Web && Purpose::Web < Purpose::Run);
        assert!(Purpose::Run < Purpose::Demo && Purpose::Demo < Purpose::Test);
    }
}
