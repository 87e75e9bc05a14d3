//! First boot: a VM's settings (`model::Initialization`) become the files that its guest reads, and
//! the files become a medium. Pure: the same settings give the same bytes, so that a step which is
//! repeated after a crash writes what it wrote before.
//!
//! ```text
//! Initialization ──▶ files (user-data, meta-data, network-config │ answer file) ──▶ ISO or floppy
//! ```
//!
//! When a medium is made and attached is decided in `command/vm_start`.

mod cloud_init;
mod crypt;
mod floppy;
mod iso;
mod sysprep;

use std::fmt;

use crate::catalogue;
use crate::model::{FirstBoot, Initialization, PayloadMedium};

/// A file for the guest.
#[derive(Clone, PartialEq, Eq)]
pub struct GuestFile {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub content: String,
}

impl fmt::Debug for GuestFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content has passwords in it.
        write!(f, "GuestFile({}, {} bytes)", self.name, self.content.len())
    }
}

/// What the files depend on besides the settings.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// cloud-init works once for each.
    pub instance: &'a str,
    /// The VM's name: the guest's host name where nothing else is said.
    pub vm_name: &'a str,
    /// oVirt's word for the operating system.
    pub os_type: &'a str,
}

/// The files that the guest reads.
#[must_use]
pub fn files(
    reader: FirstBoot,
    settings: &Initialization,
    identity: Identity<'_>,
) -> Vec<GuestFile> {
    match reader {
        FirstBoot::CloudInit => cloud_init::files(settings, identity),
        FirstBoot::Sysprep => vec![sysprep::file(settings, identity)],
    }
}

/// The medium that the files are on.
#[must_use]
pub fn medium(reader: FirstBoot, medium: PayloadMedium, files: &[GuestFile]) -> Vec<u8> {
    // cloud-init finds its medium by this label.
    let label = match reader {
        FirstBoot::CloudInit => "cidata",
        FirstBoot::Sysprep => "unattend",
    };
    match medium {
        PayloadMedium::Cdrom => iso::image(label, files),
        PayloadMedium::Floppy => floppy::image(label, files),
    }
}

/// Who reads the settings in a guest of this operating system.
#[must_use]
pub fn reader_of(os_type: &str) -> FirstBoot {
    if catalogue::os(os_type).family == catalogue::Family::Windows {
        FirstBoot::Sysprep
    } else {
        FirstBoot::CloudInit
    }
}

/// What is wrong with settings, as a sentence; `None` where nothing is.
#[must_use]
pub fn fault(settings: &Initialization) -> Option<String> {
    let texts = [
        &settings.host_name,
        &settings.domain,
        &settings.active_directory_ou,
        &settings.org_name,
        &settings.input_locale,
        &settings.ui_language,
        &settings.system_locale,
        &settings.user_locale,
        &settings.user_name,
        &settings.timezone,
        &settings.dns_servers,
        &settings.dns_search,
    ];
    let hidden = [&settings.root_password, &settings.windows_license_key];
    let short = texts.into_iter().flatten().map(String::as_str).chain(
        hidden
            .into_iter()
            .flatten()
            .map(crate::model::Hidden::expose),
    );
    for text in short {
        if text.len() > 1024 || text.chars().any(char::is_control) {
            return Some("A first-boot setting is too long, or not on one line.".to_owned());
        }
    }
    let long = [&settings.authorized_ssh_keys, &settings.custom_script]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum::<usize>();
    if long > 64 * 1024 {
        return Some("The first-boot settings are too long.".to_owned());
    }
    let nics = settings.nic_configurations.as_deref().unwrap_or_default();
    if nics.len() > 16 {
        return Some("At most 16 network interfaces can be set up at first boot.".to_owned());
    }
    nics.iter().find_map(cloud_init::nic_fault)
}

#[cfg(test)]
mod tests;
