//! What a machine's guest agent tells of itself. All of it is written by the
//! guest: it is shown as text and decides nothing.

use crate::json::{list, some_text, text, whole};
use api::live::Extra;
use serde_json::Value;

/// Whether the agent can be talked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Agent {
    /// No agent has opened its channel, or the server does not say.
    #[default]
    None,
    /// It opened its channel and does not answer.
    Silent,
    /// It answers.
    Answers,
}

/// A file system in the guest.
#[derive(Clone, Debug, PartialEq)]
pub struct FileSystem {
    /// `/`, `C:\`
    pub place: String,
    /// `ext4`, `NTFS`
    pub kind: String,
    /// In bytes.
    pub total: u64,
    /// In bytes.
    pub used: u64,
}

/// A network device as the guest has it.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestDevice {
    /// `eth0`
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// Somebody who is logged in inside.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestSession {
    /// The user's name in the guest.
    pub user: String,
    /// Where from.
    pub from: String,
}

/// What the agent tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guest {
    /// Whether it can be talked to.
    pub agent: Agent,
    /// `Debian GNU/Linux 13, kernel 6.12`
    pub system: String,
    /// `Europe/Berlin`
    pub time_zone: String,
    /// Network devices.
    pub devices: Vec<GuestDevice>,
    /// People inside.
    pub sessions: Vec<GuestSession>,
    /// Installed applications.
    pub applications: Vec<String>,
    /// File systems.
    pub file_systems: Vec<FileSystem>,
}

fn joined(parts: &[String], between: &str) -> String {
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(between)
}

impl Guest {
    pub(super) fn addresses(data: &Value, extra: &Extra) -> Vec<String> {
        if let Some(told) = extra.other.get("ips").and_then(Value::as_array) {
            return told
                .iter()
                .filter_map(|ip| ip.as_str().map(str::to_owned))
                .collect();
        }
        list(data, &["reported_devices"])
            .iter()
            .flat_map(|device| list(device, &["ips"]))
            .filter_map(|ip| some_text(ip, &["address"]))
            .collect()
    }

    pub(super) fn read(data: &Value, extra: &Extra) -> Guest {
        let system = |part: &str| match part {
            "version" | "kernel" => {
                some_text(data, &["guest_operating_system", part, "full_version"])
                    .unwrap_or_else(|| text(data, &["guest_operating_system", part]))
            }
            _ => text(data, &["guest_operating_system", part]),
        };
        let name = joined(&[system("distribution"), system("version")], " ");
        let kernel = system("kernel");
        let kernel = if kernel.is_empty() {
            kernel
        } else {
            ["kernel ", &kernel].concat()
        };
        Guest {
            agent: match extra.other.get("agent").and_then(Value::as_str) {
                Some("answers") => Agent::Answers,
                Some("silent") => Agent::Silent,
                _ => Agent::None,
            },
            system: joined(&[name, system("architecture"), kernel], ", "),
            time_zone: joined(
                &[
                    text(data, &["guest_time_zone", "name"]),
                    text(data, &["guest_time_zone", "utc_offset"]),
                ],
                ", ",
            ),
            devices: list(data, &["reported_devices"])
                .iter()
                .map(|device| GuestDevice {
                    name: text(device, &["name"]),
                    mac: text(device, &["mac", "address"]),
                    addresses: list(device, &["ips"])
                        .iter()
                        .filter_map(|ip| some_text(ip, &["address"]))
                        .collect(),
                })
                .collect(),
            sessions: list(data, &["sessions"])
                .iter()
                .map(|session| GuestSession {
                    user: text(session, &["user", "user_name"]),
                    from: joined(
                        &[
                            text(session, &["protocol"]),
                            text(session, &["ip", "address"]),
                        ],
                        ", ",
                    ),
                })
                .collect(),
            applications: list(data, &["applications"])
                .iter()
                .filter_map(|application| some_text(application, &["name"]))
                .collect(),
            file_systems: extra
                .other
                .get("file_systems")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|file_system| FileSystem {
                    place: text(file_system, &["mount_point"]),
                    kind: text(file_system, &["kind"]),
                    total: whole(file_system, &["total_bytes"]).unwrap_or(0),
                    used: whole(file_system, &["used_bytes"]).unwrap_or(0),
                })
                .collect(),
        }
    }
}
