//! First-boot settings (`initialization`) between the API and the manager. What is secret goes in
//! and does not come out.

use api::types::{Initialization, Ip, NicConfiguration};
use api::{List, Part};
use manager::model::{self, AddressSource, Addressing, CloudInitNetworkProtocol, Hidden};

use super::convert::word;
use super::fault::{Refused, Result};

/// What an answer has in place of a password that is there, and what leaves it as it is when it
/// comes back.
const HIDDEN: &str = "******";

pub(super) fn to_api(it: &model::Initialization) -> Initialization {
    Initialization {
        host_name: it.host_name.clone(),
        domain: it.domain.clone(),
        active_directory_ou: it.active_directory_ou.clone(),
        org_name: it.org_name.clone(),
        input_locale: it.input_locale.clone(),
        ui_language: it.ui_language.clone(),
        system_locale: it.system_locale.clone(),
        user_locale: it.user_locale.clone(),
        user_name: it.user_name.clone(),
        authorized_ssh_keys: it.authorized_ssh_keys.clone(),
        regenerate_ssh_keys: it.regenerate_ssh_keys,
        regenerate_ids: it.regenerate_ids,
        custom_script: it.custom_script.clone(),
        timezone: it.timezone.clone(),
        dns_servers: it.dns_servers.clone(),
        dns_search: it.dns_search.clone(),
        nic_configurations: it
            .nic_configurations
            .as_ref()
            .map(|nics| nics.iter().map(nic_to_api).collect::<Vec<_>>().into()),
        cloud_init_network_protocol: it
            .network_protocol
            .and_then(|protocol| word(protocol.as_str())),
        ..Initialization::default()
    }
}

fn nic_to_api(nic: &model::NicConfiguration) -> NicConfiguration {
    let ip = |it: &Addressing, version: &str| -> Option<Part<Ip>> {
        let said = it.address.is_some() || it.netmask.is_some() || it.gateway.is_some();
        said.then(|| {
            Ip {
                address: it.address.clone(),
                netmask: it.netmask.clone(),
                gateway: it.gateway.clone(),
                version: word(version),
            }
            .into()
        })
    };
    let source = |it: &Addressing| match it.source {
        AddressSource::None => "none",
        AddressSource::Dhcp => "dhcp",
        AddressSource::Static => "static",
        AddressSource::Autoconf => "autoconf",
    };
    NicConfiguration {
        name: Some(nic.name.clone()),
        on_boot: Some(nic.on_boot),
        boot_protocol: word(source(&nic.ipv4)),
        ip: ip(&nic.ipv4, "v4"),
        ipv6_boot_protocol: word(source(&nic.ipv6)),
        ipv6: ip(&nic.ipv6, "v6"),
    }
}

pub(super) fn from_api(it: &Initialization) -> Result<model::Initialization> {
    let hidden =
        |text: &Option<String>| text.clone().filter(|text| text != HIDDEN).map(Hidden::new);
    let nics = it.nic_configurations.as_ref();
    Ok(model::Initialization {
        host_name: it.host_name.clone(),
        domain: it.domain.clone(),
        active_directory_ou: it.active_directory_ou.clone(),
        org_name: it.org_name.clone(),
        windows_license_key: hidden(&it.windows_license_key),
        input_locale: it.input_locale.clone(),
        ui_language: it.ui_language.clone(),
        system_locale: it.system_locale.clone(),
        user_locale: it.user_locale.clone(),
        user_name: it.user_name.clone(),
        root_password: hidden(&it.root_password),
        authorized_ssh_keys: it.authorized_ssh_keys.clone(),
        regenerate_ssh_keys: it.regenerate_ssh_keys,
        regenerate_ids: it.regenerate_ids,
        custom_script: it.custom_script.clone(),
        timezone: it.timezone.clone(),
        dns_servers: it.dns_servers.clone(),
        dns_search: it.dns_search.clone(),
        nic_configurations: nics
            .map(|nics: &List<NicConfiguration>| nics.iter().map(nic_from_api).collect())
            .transpose()?,
        network_protocol: it
            .cloud_init_network_protocol
            .map(|protocol| match protocol.as_str() {
                "eni" => CloudInitNetworkProtocol::Eni,
                _ => CloudInitNetworkProtocol::OpenstackMetadata,
            }),
    })
}

fn nic_from_api(nic: &NicConfiguration) -> Result<model::NicConfiguration> {
    let name = nic.name.clone().unwrap_or_default();
    if name.is_empty() {
        return Err(Refused::incomplete("NicConfiguration", &["name"], "add"));
    }
    let addressing = |protocol: Option<&str>, ip: Option<&Ip>| {
        let text = |of: fn(&Ip) -> &Option<String>| {
            ip.and_then(|ip| of(ip).clone())
                .filter(|text| !text.is_empty())
        };
        let address = text(|ip| &ip.address);
        Addressing {
            source: match protocol {
                Some("dhcp") => AddressSource::Dhcp,
                Some("static") => AddressSource::Static,
                Some("autoconf" | "poly_dhcp_autoconf") => AddressSource::Autoconf,
                Some(_) => AddressSource::None,
                None if address.is_some() => AddressSource::Static,
                None => AddressSource::None,
            },
            address,
            netmask: text(|ip| &ip.netmask),
            gateway: text(|ip| &ip.gateway),
        }
    };
    Ok(model::NicConfiguration {
        name,
        on_boot: nic.on_boot.unwrap_or(true),
        ipv4: addressing(nic.boot_protocol.map(|it| it.as_str()), nic.ip.as_deref()),
        ipv6: addressing(
            nic.ipv6_boot_protocol.map(|it| it.as_str()),
            nic.ipv6.as_deref(),
        ),
    })
}
