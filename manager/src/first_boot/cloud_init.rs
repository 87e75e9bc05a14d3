//! What cloud-init reads (its NoCloud data source): `meta-data`, `user-data` and, unless the old
//! language for interfaces is wished for, `network-config`. Texts are written as JSON strings,
//! which are YAML too, so that nothing a person typed becomes part of the document's shape.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{GuestFile, Identity, crypt};
use crate::model::{
    AddressSource, Addressing, CloudInitNetworkProtocol, Initialization, NicConfiguration,
};

pub(super) fn files(settings: &Initialization, identity: Identity<'_>) -> Vec<GuestFile> {
    let nics = settings.nic_configurations.as_deref().unwrap_or_default();
    let eni = settings.network_protocol == Some(CloudInitNetworkProtocol::Eni);
    let mut files = vec![
        GuestFile {
            name: "meta-data",
            content: meta_data(settings, identity, if eni { nics } else { &[] }),
        },
        GuestFile {
            name: "user-data",
            content: user_data(settings, identity, nics),
        },
    ];
    if !nics.is_empty() && !eni {
        files.push(GuestFile {
            name: "network-config",
            content: network_config(settings, nics),
        });
    }
    files
}

/// A text as a YAML scalar.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.map(quoted).collect();
    format!("[{}]", items.join(", "))
}

fn words(text: Option<&String>) -> Vec<&str> {
    text.map(|text| text.split([' ', ',']).filter(|word| !word.is_empty()))
        .into_iter()
        .flatten()
        .collect()
}

fn host_name<'a>(settings: &'a Initialization, identity: Identity<'a>) -> &'a str {
    settings.host_name.as_deref().unwrap_or(identity.vm_name)
}

fn meta_data(
    settings: &Initialization,
    identity: Identity<'_>,
    nics: &[NicConfiguration],
) -> String {
    let mut text = format!(
        "instance-id: {}\nlocal-hostname: {}\n",
        quoted(identity.instance),
        quoted(host_name(settings, identity))
    );
    if !nics.is_empty() {
        text.push_str("network-interfaces: |\n");
        for line in eni(settings, nics).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn user_data(
    settings: &Initialization,
    identity: Identity<'_>,
    nics: &[NicConfiguration],
) -> String {
    let mut config = String::from("#cloud-config\n");
    let host = host_name(settings, identity);
    let (short, long) = match host.split_once('.') {
        Some((short, _)) => (short, Some(host)),
        None => (host, None),
    };
    let _ = writeln!(config, "hostname: {}", quoted(short));
    if let Some(long) = long {
        let _ = writeln!(config, "fqdn: {}", quoted(long));
    }
    if let Some(zone) = &settings.timezone {
        let _ = writeln!(config, "timezone: {}", quoted(zone));
    }
    let user = settings.user_name.as_deref().unwrap_or("root");
    let _ = writeln!(config, "user: {}", quoted(user));
    if user == "root" {
        config.push_str("disable_root: false\n");
    }
    if let Some(password) = &settings.root_password {
        // One that is hashed already goes in as it is, as it does with oVirt.
        let password = password.expose();
        let hash = if crypt::is_hash(password) {
            password.to_owned()
        } else {
            crypt::sha512(password, &crypt::salt(identity.instance))
        };
        let _ = writeln!(
            config,
            "password: {}\nchpasswd: {{expire: false}}\nssh_pwauth: true",
            quoted(&hash)
        );
    }
    let keys = settings
        .authorized_ssh_keys
        .as_deref()
        .unwrap_or_default()
        .lines()
        .map(str::trim)
        .filter(|key| !key.is_empty());
    let keys: Vec<&str> = keys.collect();
    if !keys.is_empty() {
        config.push_str("ssh_authorized_keys:\n");
        for key in keys {
            let _ = writeln!(config, "- {}", quoted(key));
        }
    }
    if let Some(fresh) = settings.regenerate_ssh_keys {
        let _ = writeln!(config, "ssh_deletekeys: {fresh}");
    }
    let servers = words(settings.dns_servers.as_ref());
    let search = words(settings.dns_search.as_ref());
    // With interfaces, servers are said of these.
    if nics.is_empty() && !(servers.is_empty() && search.is_empty()) {
        let _ = writeln!(
            config,
            "manage_resolv_conf: true\nresolv_conf:\n  nameservers: {}\n  searchdomains: {}",
            list(servers.into_iter()),
            list(search.into_iter())
        );
    }
    let Some(script) = settings
        .custom_script
        .as_deref()
        .filter(|script| !script.trim().is_empty())
    else {
        return config;
    };
    if script.starts_with("#!") {
        return parts(&config, script);
    }
    // oVirt's custom script is more of the same document.
    let more = script
        .strip_prefix("#cloud-config")
        .map_or(script, |rest| rest.trim_start_matches(['\r', '\n']));
    config.push_str(more);
    if !config.ends_with('\n') {
        config.push('\n');
    }
    config
}

/// The document and a shell script, as one message of several parts.
fn parts(config: &str, script: &str) -> String {
    let mut boundary = "saffron-part".to_owned();
    while config.contains(&boundary) || script.contains(&boundary) {
        boundary.push('-');
        boundary.push('x');
    }
    let mut text =
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
    for (kind, name, body) in [
        ("text/cloud-config", "settings.cfg", config),
        ("text/x-shellscript", "custom-script", script),
    ] {
        let _ = write!(
            text,
            "--{boundary}\nContent-Type: {kind}; charset=\"utf-8\"\nMIME-Version: 1.0\n\
             Content-Disposition: attachment; filename=\"{name}\"\n\n{body}"
        );
        if !body.ends_with('\n') {
            text.push('\n');
        }
    }
    let _ = writeln!(text, "--{boundary}--");
    text
}

/// Version 2 of cloud-init's own language (netplan's).
fn network_config(settings: &Initialization, nics: &[NicConfiguration]) -> String {
    let servers = words(settings.dns_servers.as_ref());
    let search = words(settings.dns_search.as_ref());
    let mut text = String::from("version: 2\nethernets:\n");
    for nic in nics {
        let _ = writeln!(text, "  {}:", quoted(&nic.name));
        let _ = writeln!(
            text,
            "    dhcp4: {}",
            nic.ipv4.source == AddressSource::Dhcp
        );
        let _ = writeln!(
            text,
            "    dhcp6: {}",
            nic.ipv6.source == AddressSource::Dhcp
        );
        match nic.ipv6.source {
            AddressSource::Autoconf => text.push_str("    accept-ra: true\n"),
            AddressSource::Static => text.push_str("    accept-ra: false\n"),
            AddressSource::None | AddressSource::Dhcp => {}
        }
        let addresses: Vec<String> = [&nic.ipv4, &nic.ipv6]
            .into_iter()
            .filter_map(with_prefix)
            .collect();
        if !addresses.is_empty() {
            let _ = writeln!(
                text,
                "    addresses: {}",
                list(addresses.iter().map(String::as_str))
            );
        }
        for (key, it) in [("gateway4", &nic.ipv4), ("gateway6", &nic.ipv6)] {
            if let (AddressSource::Static, Some(gateway)) = (it.source, &it.gateway) {
                let _ = writeln!(text, "    {key}: {}", quoted(gateway));
            }
        }
        if !nic.on_boot {
            text.push_str("    optional: true\n");
        }
        if !(servers.is_empty() && search.is_empty()) {
            let _ = writeln!(
                text,
                "    nameservers:\n      addresses: {}\n      search: {}",
                list(servers.iter().copied()),
                list(search.iter().copied())
            );
        }
    }
    text
}

/// `address/prefix` of a fixed address.
pub(super) fn with_prefix(it: &Addressing) -> Option<String> {
    if it.source != AddressSource::Static {
        return None;
    }
    let address: IpAddr = it.address.as_deref()?.parse().ok()?;
    Some(format!(
        "{address}/{}",
        prefix(address, it.netmask.as_deref())?
    ))
}

/// The length of a prefix: said as a number, or as a mask.
fn prefix(address: IpAddr, netmask: Option<&str>) -> Option<u32> {
    let most = if address.is_ipv4() { 32 } else { 128 };
    let Some(mask) = netmask.filter(|mask| !mask.is_empty()) else {
        return Some(if address.is_ipv4() { 24 } else { 64 });
    };
    if let Ok(length) = mask.parse::<u32>() {
        return (length <= most).then_some(length);
    }
    let (ones, bits) = match mask.parse::<IpAddr>().ok()? {
        IpAddr::V4(mask) if address.is_ipv4() => {
            (mask.to_bits().leading_ones(), mask.to_bits().count_ones())
        }
        IpAddr::V6(mask) if address.is_ipv6() => {
            (mask.to_bits().leading_ones(), mask.to_bits().count_ones())
        }
        _ => return None,
    };
    // A mask with holes is none.
    (ones == bits).then_some(ones)
}

/// As `/etc/network/interfaces`.
fn eni(settings: &Initialization, nics: &[NicConfiguration]) -> String {
    let mut text = String::new();
    for nic in nics {
        if nic.on_boot {
            let _ = writeln!(text, "auto {}", nic.name);
        }
        for (family, it) in [("inet", &nic.ipv4), ("inet6", &nic.ipv6)] {
            match it.source {
                AddressSource::None => {}
                AddressSource::Dhcp => {
                    let _ = writeln!(text, "iface {} {family} dhcp", nic.name);
                }
                AddressSource::Autoconf => {
                    let _ = writeln!(text, "iface {} {family} auto", nic.name);
                }
                AddressSource::Static => {
                    let _ = writeln!(text, "iface {} {family} static", nic.name);
                    let Some(address) = it.address.as_deref() else {
                        continue;
                    };
                    let _ = writeln!(text, "  address {address}");
                    let length = address
                        .parse()
                        .ok()
                        .and_then(|address| prefix(address, it.netmask.as_deref()));
                    match length {
                        Some(length) if family == "inet" => {
                            let bits = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                            let _ = writeln!(text, "  netmask {}", Ipv4Addr::from_bits(bits));
                        }
                        Some(length) => {
                            let _ = writeln!(text, "  netmask {length}");
                        }
                        None => {}
                    }
                    if let Some(gateway) = &it.gateway {
                        let _ = writeln!(text, "  gateway {gateway}");
                    }
                }
            }
        }
        let servers = words(settings.dns_servers.as_ref());
        let search = words(settings.dns_search.as_ref());
        if !servers.is_empty() {
            let _ = writeln!(text, "  dns-nameservers {}", servers.join(" "));
        }
        if !search.is_empty() {
            let _ = writeln!(text, "  dns-search {}", search.join(" "));
        }
    }
    text
}

/// What is wrong with an interface, as a sentence.
pub(super) fn nic_fault(nic: &NicConfiguration) -> Option<String> {
    let named = !nic.name.is_empty()
        && nic.name.len() <= 15
        && nic
            .name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':'));
    if !named {
        return Some(
            "The name of a network interface must have 1 to 15 letters, digits, '.', '_', '-', ':'."
                .to_owned(),
        );
    }
    let wrong = |what: &str| {
        Some(format!(
            "The {what} of network interface {} is wrong.",
            nic.name
        ))
    };
    for (it, v4) in [(&nic.ipv4, true), (&nic.ipv6, false)] {
        let is_address = |text: &str| {
            if v4 {
                text.parse::<Ipv4Addr>().is_ok()
            } else {
                text.parse::<Ipv6Addr>().is_ok()
            }
        };
        for (what, text) in [("address", &it.address), ("gateway", &it.gateway)] {
            if text.as_deref().is_some_and(|text| !is_address(text)) {
                return wrong(what);
            }
        }
        if it.source == AddressSource::Static && with_prefix(it).is_none() {
            return wrong(if it.address.is_some() {
                "netmask"
            } else {
                "address"
            });
        }
        // Also what is not used now may not break a document later.
        let mask = it.netmask.as_deref().unwrap_or_default();
        if !mask
            .chars()
            .all(|c| c.is_ascii_hexdigit() || c == '.' || c == ':')
        {
            return wrong("netmask");
        }
    }
    None
}
