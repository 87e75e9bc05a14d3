//! First-boot settings of a guest (oVirt's `initialization`): what cloud-init or sysprep is told.
//! How they become files is left to `first_boot`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::StorageDomainId;

/// First-boot settings. What is `None` was not said. Passwords and keys of products go in and
/// never come out through the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Initialization {
    /// The guest's host name.
    pub host_name: Option<String>,
    /// Windows: the domain to join.
    pub domain: Option<String>,
    /// Windows: the organizational unit to join.
    pub active_directory_ou: Option<String>,
    /// Windows: whom it is registered to.
    pub org_name: Option<String>,
    /// Windows: the product's key.
    pub windows_license_key: Option<Hidden>,
    /// Windows: keyboard.
    pub input_locale: Option<String>,
    /// Windows: language of the interface.
    pub ui_language: Option<String>,
    /// Windows: language of programs that know no Unicode.
    pub system_locale: Option<String>,
    /// Windows: formats of numbers and dates.
    pub user_locale: Option<String>,
    /// The user's name; `root` or `Administrator` by default.
    pub user_name: Option<String>,
    /// The user's password.
    pub root_password: Option<Hidden>,
    /// Keys that may log in, one a line.
    pub authorized_ssh_keys: Option<String>,
    /// Whether the guest makes host keys of its own.
    pub regenerate_ssh_keys: Option<bool>,
    /// Whether a template's guest forgets its identity; kept, the files do so anyway.
    pub regenerate_ids: Option<bool>,
    /// A script: more of cloud-init's document, a shell script, or a whole answer file.
    pub custom_script: Option<String>,
    /// Time zone.
    pub timezone: Option<String>,
    /// DNS servers, separated by spaces.
    pub dns_servers: Option<String>,
    /// DNS search domains, separated by spaces.
    pub dns_search: Option<String>,
    /// The network interfaces, by the names that the guest gives them.
    pub nic_configurations: Option<Vec<NicConfiguration>>,
    /// In which language cloud-init is told about interfaces.
    pub network_protocol: Option<CloudInitNetworkProtocol>,
}

/// A text that is stored with its VM and shown to nobody but the guest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Takes a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: every use of it is found by this word.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// In which language cloud-init is told about interfaces (oVirt's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudInitNetworkProtocol {
    /// As `/etc/network/interfaces`, for versions before 18.
    Eni,
    /// As a document of its own, for all others.
    OpenstackMetadata,
}

impl CloudInitNetworkProtocol {
    /// oVirt's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eni => "eni",
            Self::OpenstackMetadata => "openstack_metadata",
        }
    }
}

/// How an interface gets its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressSource {
    /// It has none.
    #[default]
    None,
    /// From a DHCP server.
    Dhcp,
    /// The given one.
    Static,
    /// IPv6: from the routers' advertisements.
    Autoconf,
}

/// The address of an interface, for one version of the internet protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Addressing {
    /// Where it comes from.
    pub source: AddressSource,
    /// The address.
    pub address: Option<String>,
    /// The network mask, or the length of the prefix.
    pub netmask: Option<String>,
    /// The router.
    pub gateway: Option<String>,
}

/// A network interface as the guest shall have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NicConfiguration {
    /// The guest's name for it: `eth0`, `enp1s0`.
    pub name: String,
    /// Whether it is used from boot on.
    pub on_boot: bool,
    /// IPv4.
    pub ipv4: Addressing,
    /// IPv6.
    pub ipv6: Addressing,
}

impl Initialization {
    /// Takes over what another one says; an empty text takes away.
    pub fn merge(&mut self, new: Self) {
        let Self {
            host_name,
            domain,
            active_directory_ou,
            org_name,
            windows_license_key,
            input_locale,
            ui_language,
            system_locale,
            user_locale,
            user_name,
            root_password,
            authorized_ssh_keys,
            regenerate_ssh_keys,
            regenerate_ids,
            custom_script,
            timezone,
            dns_servers,
            dns_search,
            nic_configurations,
            network_protocol,
        } = new;
        fn text(place: &mut Option<String>, new: Option<String>) {
            if let Some(new) = new {
                *place = (!new.is_empty()).then_some(new);
            }
        }
        fn hidden(place: &mut Option<Hidden>, new: Option<Hidden>) {
            if let Some(new) = new {
                *place = (!new.expose().is_empty()).then_some(new);
            }
        }
        text(&mut self.host_name, host_name);
        text(&mut self.domain, domain);
        text(&mut self.active_directory_ou, active_directory_ou);
        text(&mut self.org_name, org_name);
        hidden(&mut self.windows_license_key, windows_license_key);
        text(&mut self.input_locale, input_locale);
        text(&mut self.ui_language, ui_language);
        text(&mut self.system_locale, system_locale);
        text(&mut self.user_locale, user_locale);
        text(&mut self.user_name, user_name);
        hidden(&mut self.root_password, root_password);
        text(&mut self.authorized_ssh_keys, authorized_ssh_keys);
        self.regenerate_ssh_keys = regenerate_ssh_keys.or(self.regenerate_ssh_keys);
        self.regenerate_ids = regenerate_ids.or(self.regenerate_ids);
        text(&mut self.custom_script, custom_script);
        text(&mut self.timezone, timezone);
        text(&mut self.dns_servers, dns_servers);
        text(&mut self.dns_search, dns_search);
        if nic_configurations.is_some() {
            self.nic_configurations = nic_configurations;
        }
        self.network_protocol = network_protocol.or(self.network_protocol);
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who reads the first-boot settings in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstBoot {
    /// cloud-init.
    CloudInit,
    /// Windows' sysprep.
    Sysprep,
}

/// How the settings are handed to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadMedium {
    /// On a second CD.
    Cdrom,
    /// On a floppy disk.
    Floppy,
}

/// The medium with a run's first-boot settings: a file beside the VM's volumes. It is there from
/// the start that needs it to the next start without, or the VM's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The file's name.
    pub volume: uuid::Uuid,
    /// Where it is.
    pub storage_domain: StorageDomainId,
    /// What it looks like to the guest.
    pub medium: PayloadMedium,
    /// Who reads it.
    pub reader: FirstBoot,
    /// The run that it is for.
    pub epoch: u64,
}
