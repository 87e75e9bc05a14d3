//! What a new machine is told at its first start: cloud-init's answers, or the
//! answers of Windows' set-up. As the API has it, and as the document that
//! cloud-init reads, so that one can see what the form means.

use serde_json::{Map, Value, json};

/// Answers for a machine's first start; empty ones are not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstBoot {
    /// Whether it is told anything.
    pub on: bool,
    /// Host name.
    pub host_name: String,
    /// Who is made a user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// Public keys, one a line.
    pub keys: String,
    /// `Europe/Berlin`
    pub time_zone: String,
    /// Name servers, separated by blanks.
    pub dns: String,
    /// The device that gets a fixed address; empty for DHCP.
    pub device: String,
    /// Address with its prefix: `10.0.0.5/24`.
    pub address: String,
    /// Where everything else goes.
    pub gateway: String,
    /// Further lines of cloud-config, or of the answer file.
    pub script: String,
}

/// Shown instead of a password.
const HIDDEN: &str = "********";

impl FirstBoot {
    /// Why it will not do.
    #[must_use]
    pub fn objection(&self) -> Option<&'static str> {
        if !self.on {
            return None;
        }
        let bad_name = |name: &str| {
            name.len() > 253
                || !name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        };
        if bad_name(&self.host_name) {
            return Some("A host name has letters, digits, dots and dashes only.");
        }
        if self.device.is_empty() != self.address.is_empty() {
            return Some("A fixed address needs its device, and a device its address.");
        }
        if !self.address.is_empty() && split(&self.address).is_none() {
            return Some("An address has its prefix: 10.0.0.5/24.");
        }
        if self.host_name.is_empty()
            && self.user.is_empty()
            && self.password.is_empty()
            && self.keys.trim().is_empty()
            && self.script.trim().is_empty()
            && self.address.is_empty()
        {
            return Some("First boot: say what it should be told, or leave it out.");
        }
        None
    }

    /// The API's `initialization`.
    #[must_use]
    pub fn body(&self, show_password: bool) -> Value {
        let mut body = Map::new();
        let mut put = |key: &str, text: &str| {
            if !text.trim().is_empty() {
                body.insert(key.to_owned(), json!(text.trim()));
            }
        };
        put("host_name", &self.host_name);
        put("user_name", &self.user);
        put(
            "root_password",
            if self.password.is_empty() || show_password {
                &self.password
            } else {
                HIDDEN
            },
        );
        put("authorized_ssh_keys", &self.keys);
        put("timezone", &self.time_zone);
        put("dns_servers", &self.dns);
        put("custom_script", &self.script);
        if let Some((address, netmask)) = split(&self.address) {
            let mut ip = json!({ "address": address, "netmask": netmask, "version": "v4" });
            if !self.gateway.trim().is_empty() {
                ip["gateway"] = json!(self.gateway.trim());
            }
            body.insert(
                "nic_configurations".into(),
                json!({ "nic_configuration": [{
                    "name": self.device.trim(), "boot_protocol": "static", "on_boot": "true", "ip": ip,
                }] }),
            );
        }
        Value::Object(body)
    }

    /// About what cloud-init will read.
    #[must_use]
    pub fn cloud_config(&self) -> String {
        let mut out = String::from("#cloud-config\n");
        let mut line = |key: &str, value: &str| {
            if !value.trim().is_empty() {
                out.push_str(key);
                out.push_str(": ");
                out.push_str(&super::text::scalar(value.trim()));
                out.push('\n');
            }
        };
        line("hostname", &self.host_name);
        line("user", &self.user);
        line(
            "password",
            if self.password.is_empty() { "" } else { HIDDEN },
        );
        line("timezone", &self.time_zone);
        let keys: Vec<&str> = self
            .keys
            .lines()
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .collect();
        if !keys.is_empty() {
            out.push_str("ssh_authorized_keys:\n");
            for key in keys {
                out.push_str("  - ");
                out.push_str(&super::text::scalar(key));
                out.push('\n');
            }
        }
        if !self.script.trim().is_empty() {
            out.push_str(self.script.trim_end());
            out.push('\n');
        }
        if let Some((address, netmask)) = split(&self.address) {
            out.push_str("# network: ");
            out.push_str(&[self.device.trim(), " ", &address, " ", &netmask].concat());
            if !self.gateway.trim().is_empty() {
                out.push_str(" via ");
                out.push_str(self.gateway.trim());
            }
            out.push('\n');
        }
        out
    }
}

/// `10.0.0.5/24` → `10.0.0.5`, `255.255.255.0`
fn split(address: &str) -> Option<(String, String)> {
    let (address, prefix) = address.trim().split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let prefix: u32 = prefix
        .parse()
        .ok()
        .filter(|prefix| (1..=32).contains(prefix))?;
    let mask = std::net::Ipv4Addr::from(u32::MAX << (32 - prefix));
    Some((address.to_string(), mask.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> FirstBoot {
        FirstBoot {
            on: true,
            host_name: "web-1".into(),
            user: "ana".into(),
            password: "geheim".into(),
            keys: "ssh-ed25519 AAAA ana\n\n".into(),
            ..FirstBoot::default()
        }
    }

    #[test]
    fn the_api_gets_what_was_said_and_nothing_else() {
        assert_eq!(
            some().body(true),
            json!({"host_name": "web-1", "user_name": "ana", "root_password": "geheim",
                "authorized_ssh_keys": "ssh-ed25519 AAAA ana"})
        );
        let fixed = FirstBoot {
            device: "eth0".into(),
            address: "10.0.0.5/24".into(),
            gateway: "10.0.0.1".into(),
            ..FirstBoot::default()
        };
        assert_eq!(
            fixed.body(true)["nic_configurations"]["nic_configuration"][0]["ip"],
            json!({"address": "10.0.0.5", "netmask": "255.255.255.0", "version": "v4", "gateway": "10.0.0.1"})
        );
    }

    #[test]
    fn no_password_is_ever_shown() {
        assert!(!some().body(false).to_string().contains("geheim"));
        let shown = some().cloud_config();
        assert!(
            !shown.contains("geheim") && shown.contains("hostname: web-1\n"),
            "{shown}"
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(some().objection(), None);
        assert_eq!(FirstBoot::default().objection(), None);
        for (one, word) in [
            (
                FirstBoot {
                    host_name: "a b".into(),
                    ..some()
                },
                "host name",
            ),
            (
                FirstBoot {
                    device: "eth0".into(),
                    ..some()
                },
                "address",
            ),
            (
                FirstBoot {
                    device: "eth0".into(),
                    address: "10.0.0.5".into(),
                    ..some()
                },
                "prefix",
            ),
            (
                FirstBoot {
                    on: true,
                    ..FirstBoot::default()
                },
                "leave it out",
            ),
        ] {
            assert!(
                one.objection().unwrap_or_default().contains(word),
                "{one:?}"
            );
        }
    }
}
