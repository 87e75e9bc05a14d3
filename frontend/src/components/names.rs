//! Names of resources as links to their pages, and the words for values of the API.

use crate::app::App;
use crate::format::short_user;
use crate::route::{Route, VmTab};
use crate::store::Id;
use crate::text::t;
use leptos::prelude::*;

/// A dash: nothing to show.
#[must_use]
pub fn dash() -> AnyView {
    view! { <span class="sf-dim3">"–"</span> }.into_any()
}

/// A host, by name, leading to its page.
#[must_use]
pub fn host_link(app: App, id: Option<&Id>) -> AnyView {
    match id {
        Some(id) => {
            let name = app.store.hosts.name_of(id);
            view! { <a class="sf-obj" href=Route::Host(id.clone()).path()>{name}</a> }.into_any()
        }
        None => dash(),
    }
}

/// A machine, by name, leading to its page.
#[must_use]
pub fn vm_link(app: App, id: &Id) -> AnyView {
    let name = app.store.vms.name_of(id);
    let route = if app.portal == crate::app::Portal::User {
        Route::Desktop(id.clone())
    } else {
        Route::Vm(id.clone(), VmTab::Summary)
    };
    view! { <a class="sf-obj" href=route.path()>{name}</a> }.into_any()
}

/// Who did something: a short name, or nothing for the server itself.
#[must_use]
pub fn user_name(app: App, id: Option<&Id>, told: Option<&str>) -> String {
    if let Some(name) = told {
        return short_user(name).to_owned();
    }
    id.and_then(|id| app.store.users.get(id))
        .map(|user| short_user(&user.name).to_owned())
        .unwrap_or_default()
}

/// Operating systems, by the API's `os.type`.
#[must_use]
pub fn os_words(os: &str) -> String {
    match os {
        "" | "other" => t("Other").to_owned(),
        "other_linux" => t("Linux").to_owned(),
        "windows_11" => "Windows 11".to_owned(),
        "windows_10x64" | "windows_10" => "Windows 10".to_owned(),
        other => {
            let mut words = other.replace('_', " ");
            if let Some(first) = words.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            words
        }
    }
}

/// Firmware, by the API's `bios.type`.
#[must_use]
pub fn firmware_words(bios: &str) -> &'static str {
    t(match bios {
        "q35_ovmf" => "UEFI",
        "q35_secure_boot" => "UEFI with Secure Boot",
        "i440fx_sea_bios" => "BIOS, old chipset",
        "" | "cluster_default" => "As the cluster has it",
        _ => "BIOS",
    })
}

/// Boot devices, by the API's names.
#[must_use]
pub fn boot_words(device: &str) -> &'static str {
    t(match device {
        "cdrom" => "CD",
        "network" => "network",
        _ => "disk",
    })
}

/// Disk and network interfaces, by the API's names.
#[must_use]
pub fn interface_words(interface: &str) -> String {
    match interface {
        "virtio" => "VirtIO".to_owned(),
        "virtio_scsi" => "VirtIO SCSI".to_owned(),
        "sata" => "SATA".to_owned(),
        "ide" => "IDE".to_owned(),
        other => other.to_owned(),
    }
}

/// Why a name will not do.
#[must_use]
pub fn objection_to_name(name: &str, taken: impl Fn(&str) -> bool) -> Option<&'static str> {
    let name = name.trim();
    if name.is_empty() {
        Some("It needs a name.")
    } else if name.chars().count() > 255 {
        Some("At most 255 characters.")
    } else if !name
        .chars()
        .all(|c| c.is_alphanumeric() || "._-+".contains(c))
    {
        Some("Letters, digits, and . _ - + only.")
    } else if taken(name) {
        Some("There is already a machine of this name.")
    } else {
        None
    }
}
