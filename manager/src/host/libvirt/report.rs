//! What a host is: its processor, memory, programs, and whether KVM works there.

use std::path::Path;

use virt::connect::Connect;

use super::connection::failed;
use super::statistics;
use super::xml::Element;
use crate::host::{Acceleration, AccelerationKind, HostError, HostReport, Parts};

/// What the verdict on KVM depends on: when any of it changes, it is proved again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Versions {
    pub kernel: String,
    pub qemu: String,
    pub libvirt: String,
    /// Whether `/dev/kvm` is there, on this machine.
    pub kvm_device: bool,
}

/// Asks for versions; what only this machine can tell is left empty for another one.
pub(super) fn versions(connection: &Connect, local: bool) -> Result<Versions, HostError> {
    let dotted = |v: u32| format!("{}.{}.{}", v / 1_000_000, v / 1000 % 1000, v % 1000);
    Ok(Versions {
        kernel: if local {
            rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned()
        } else {
            String::new()
        },
        qemu: connection
            .hyp_version()
            .map(dotted)
            .map_err(|e| failed(&e))?,
        libvirt: connection
            .lib_version()
            .map(dotted)
            .map_err(|e| failed(&e))?,
        kvm_device: local && Path::new("/dev/kvm").exists(),
    })
}

/// What the processor says about itself, for the sentence about KVM.
pub(super) fn processor_hint(local: bool) -> &'static str {
    if !local {
        return "";
    }
    match std::fs::read_to_string("/proc/cpuinfo") {
        Ok(text)
            if !text
                .split_whitespace()
                .any(|word| word == "vmx" || word == "svm") =>
        {
            " The processor shows neither vmx nor svm."
        }
        _ => "",
    }
}

/// The report.
pub(super) fn report(
    connection: &Connect,
    versions: Versions,
    acceleration: Acceleration,
    local: bool,
) -> Result<HostReport, HostError> {
    let node = connection.node_info().map_err(|e| failed(&e))?;
    let capabilities = Element::parse(&connection.capabilities().map_err(|e| failed(&e))?)?;
    let guest = guest_capabilities(connection);
    let cpu = capabilities.path(&["host", "cpu"]);
    let text = |name| cpu.and_then(|c| c.find(name)).map(Element::own_text);
    // What does not multiply to the number of processors is not to be believed.
    let sockets = node.nodes.saturating_mul(node.sockets);
    let product = sockets
        .saturating_mul(node.cores)
        .saturating_mul(node.threads);
    let (sockets, cores, threads) = if product == node.cpus {
        (sockets, node.cores, node.threads)
    } else {
        (node.cpus, 1, 1)
    };
    Ok(HostReport {
        hostname: connection.hostname().map_err(|e| failed(&e))?,
        architecture: text("arch").unwrap_or_else(|| node.model.clone()),
        cpu_model: local
            .then(processor_name)
            .flatten()
            .or_else(|| text("model"))
            .unwrap_or(node.model),
        sockets,
        cores_per_socket: cores,
        threads_per_core: threads,
        cpu_mhz: node.mhz,
        memory_bytes: statistics::node_memory_bytes(connection).unwrap_or(node.memory * 1024),
        libvirt_version: versions.libvirt,
        qemu_version: versions.qemu,
        kernel_version: versions.kernel,
        operating_system: if local {
            operating_system()
        } else {
            String::new()
        },
        spice: guest
            .as_ref()
            .is_some_and(|it| offers(it, &["devices", "graphics"], "type", "spice")),
        acceleration,
        parts: guest.as_ref().map(parts).unwrap_or_default(),
    })
}

/// What QEMU there can give a guest, as libvirt says; `None` when it does not.
fn guest_capabilities(connection: &Connect) -> Option<Element> {
    let text = connection
        .domain_capabilities(None, Some("x86_64"), Some("q35"), Some("qemu"), 0)
        .ok()?;
    Element::parse(&text).ok()
}

/// Whether a list of choices has this one.
fn offers(capabilities: &Element, path: &[&str], list: &str, wanted: &str) -> bool {
    capabilities.path(path).is_some_and(|place| {
        place
            .all("enum")
            .filter(|choices| choices.get("name") == Some(list))
            .flat_map(|choices| choices.all("value"))
            .any(|value| value.own_text() == wanted)
    })
}

fn parts(capabilities: &Element) -> Parts {
    let uefi = offers(capabilities, &["os"], "firmware", "efi");
    Parts {
        uefi,
        secure_boot: uefi && offers(capabilities, &["os", "loader"], "secure", "yes"),
        tpm: offers(
            capabilities,
            &["devices", "tpm"],
            "backendModel",
            "emulator",
        ),
    }
}

fn processor_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn operating_system() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}

/// Where a verdict is kept between starts: six lines, so that a person can read it.
pub(super) fn remember(file: &Path, versions: &Versions, acceleration: &Acceleration) {
    let text = format!(
        "{}\n{}\n{}\n{}\n{}\n{}\n",
        versions.kernel,
        versions.qemu,
        versions.libvirt,
        versions.kvm_device,
        acceleration.kind.as_str(),
        acceleration.reason
    );
    if let Err(error) = std::fs::write(file, text) {
        tracing::warn!(%error, "Cannot keep the verdict on KVM; it will be proved again at the next start");
    }
}

/// The verdict kept for these versions.
pub(super) fn recall(file: &Path, versions: &Versions) -> Option<Acceleration> {
    let text = std::fs::read_to_string(file).ok()?;
    let lines: Vec<&str> = text.lines().collect();
    let [kernel, qemu, libvirt, device, kind, reason] = lines[..] else {
        return None;
    };
    let kept = Versions {
        kernel: kernel.to_owned(),
        qemu: qemu.to_owned(),
        libvirt: libvirt.to_owned(),
        kvm_device: device == "true",
    };
    let kind = match kind {
        "kvm" => AccelerationKind::Kvm,
        "tcg" => AccelerationKind::Tcg,
        _ => return None,
    };
    (kept == *versions).then(|| Acceleration {
        kind,
        reason: reason.to_owned(),
    })
}
