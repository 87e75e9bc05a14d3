//! QEMU's guest agent: questions, and answers read leniently and strictly at once. A field that is
//! missing or odd is left out, what is too much is cut, and nothing is believed: the one who
//! answers is the guest.

use std::net::IpAddr;

use serde_json::Value;

use crate::host::guest::{
    GuestAddress, GuestFileSystem, GuestInterface, GuestOs, GuestReport, GuestTimeZone, GuestUser,
};
use crate::host::{HostError, MacAddress};

/// Longest answer that is looked at.
pub(super) const MAX_ANSWER: usize = 1 << 20;
const MAX_TEXT: usize = 256;
const MAX_INTERFACES: usize = 64;
const MAX_ADDRESSES: usize = 32;
const MAX_USERS: usize = 64;
const MAX_FILE_SYSTEMS: usize = 128;

/// A question that has no arguments.
pub(super) fn question(command: &str) -> String {
    serde_json::json!({ "execute": command }).to_string()
}

/// What was answered.
pub(super) fn answer(text: &str) -> Result<Value, HostError> {
    let wrong = |what: &str| HostError::Failed {
        what: format!("The guest agent's answer cannot be used: {what}."),
    };
    if text.len() > MAX_ANSWER {
        return Err(wrong("it is too long"));
    }
    let mut document: Value =
        serde_json::from_str(text).map_err(|_| wrong("it is not as agreed"))?;
    match document.get_mut("return") {
        Some(answer) => Ok(answer.take()),
        None => Err(wrong("it is a refusal")),
    }
}

/// The commands that the agent has, of those that we would use, with its version.
pub(super) fn abilities(info: &Value) -> (Option<String>, Vec<String>) {
    let commands = list(info.get("supported_commands"), 1024)
        .filter(|it| it.get("enabled").and_then(Value::as_bool) == Some(true))
        .filter_map(|it| it.get("name")?.as_str())
        .filter(|name| name.len() <= 64)
        .map(str::to_owned)
        .collect();
    (text(info, "version"), commands)
}

/// Puts one answer into the report.
pub(super) fn put(report: &mut GuestReport, command: &str, answer: &Value) {
    match command {
        "guest-get-host-name" => report.host_name = text(answer, "host-name"),
        "guest-get-osinfo" => report.os = Some(os(answer)),
        "guest-get-timezone" => report.time_zone = time_zone(answer),
        "guest-network-get-interfaces" => report.interfaces = interfaces(answer),
        "guest-get-users" => report.users = users(answer),
        "guest-get-fsinfo" => report.file_systems = file_systems(answer),
        _ => {}
    }
}

/// What a report is made of.
pub(super) const QUESTIONS: [&str; 6] = [
    "guest-network-get-interfaces",
    "guest-get-host-name",
    "guest-get-osinfo",
    "guest-get-timezone",
    "guest-get-users",
    "guest-get-fsinfo",
];

/// Whether the answer to `guest-fsfreeze-status` says that all holds still.
pub(super) fn frozen(answer: &Value) -> bool {
    answer.as_str() == Some("frozen")
}

fn list(value: Option<&Value>, most: usize) -> impl Iterator<Item = &Value> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(most)
}

/// A text without what would reorder or end a line, cut.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        })
        .take(MAX_TEXT)
        .collect()
}

fn text(of: &Value, name: &str) -> Option<String> {
    let text = clean(of.get(name)?.as_str()?);
    (!text.trim().is_empty()).then_some(text)
}

fn os(answer: &Value) -> GuestOs {
    let of = |name| text(answer, name).unwrap_or_default();
    let version = of("version");
    // `12 (bookworm)`
    let codename = version
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(name, _)| name.trim().to_owned())
        .unwrap_or_default();
    GuestOs {
        id: of("id"),
        name: of("name"),
        pretty_name: of("pretty-name"),
        version: of("version-id"),
        kernel: of("kernel-release"),
        machine: of("machine"),
        codename,
    }
}

fn time_zone(answer: &Value) -> Option<GuestTimeZone> {
    const DAY: i64 = 24 * 3600;
    let offset = answer.get("offset")?.as_i64()?;
    Some(GuestTimeZone {
        name: text(answer, "zone").unwrap_or_default(),
        offset: i32::try_from(offset)
            .ok()
            .filter(|it| i64::from(*it).abs() <= DAY)?,
    })
}

fn interfaces(answer: &Value) -> Vec<GuestInterface> {
    list(Some(answer), MAX_INTERFACES)
        .filter_map(|it| {
            let name = text(it, "name")?;
            let mac = it.get("hardware-address").and_then(Value::as_str);
            let mac = mac.and_then(|mac| mac.parse::<MacAddress>().ok());
            let addresses: Vec<GuestAddress> = list(it.get("ip-addresses"), MAX_ADDRESSES)
                .filter_map(|it| {
                    let address: IpAddr = it.get("ip-address")?.as_str()?.parse().ok()?;
                    let most = if address.is_ipv4() { 32 } else { 128 };
                    let prefix = it.get("prefix").and_then(Value::as_u64).unwrap_or(0);
                    Some(GuestAddress {
                        address,
                        prefix: u8::try_from(prefix.min(most)).unwrap_or(0),
                    })
                })
                .collect();
            let loopback = name == "lo"
                || (!addresses.is_empty() && addresses.iter().all(|it| it.address.is_loopback()));
            (!loopback).then_some(GuestInterface {
                name,
                mac: mac.map(|mac| mac.0),
                addresses,
            })
        })
        .collect()
}

fn users(answer: &Value) -> Vec<GuestUser> {
    list(Some(answer), MAX_USERS)
        .filter_map(|it| {
            let since = it.get("login-time").and_then(Value::as_f64).unwrap_or(0.0);
            #[allow(clippy::cast_possible_truncation, reason = "saturates")]
            Some(GuestUser {
                name: text(it, "user")?,
                domain: text(it, "domain"),
                since: since as i64,
            })
        })
        .collect()
}

fn file_systems(answer: &Value) -> Vec<GuestFileSystem> {
    list(Some(answer), MAX_FILE_SYSTEMS)
        .filter_map(|it| {
            Some(GuestFileSystem {
                mount_point: text(it, "mountpoint")?,
                kind: text(it, "type").unwrap_or_default(),
                total_bytes: it.get("total-bytes").and_then(Value::as_u64),
                used_bytes: it.get("used-bytes").and_then(Value::as_u64),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(answers: &[(&str, &str)]) -> GuestReport {
        let mut report = GuestReport::default();
        for (command, text) in answers {
            put(&mut report, command, &answer(text).expect("an answer"));
        }
        report
    }

    #[test]
    fn what_an_agent_says_is_understood() {
        let report = report(&[
            (
                "guest-network-get-interfaces",
                r#"{"return":[{"name":"lo","ip-addresses":[{"ip-address":"127.0.0.1","ip-address-type":"ipv4","prefix":8}],"hardware-address":"00:00:00:00:00:00"},
                {"name":"eth0","hardware-address":"52:54:00:12:34:56","ip-addresses":[{"ip-address":"fe80::1","prefix":64},{"ip-address":"2001:db8::5","prefix":64},{"ip-address":"10.0.2.15","prefix":24}]}]}"#,
            ),
            (
                "guest-get-host-name",
                r#"{"return":{"host-name":"web1.example"}}"#,
            ),
            (
                "guest-get-osinfo",
                r#"{"return":{"id":"debian","name":"Debian GNU/Linux","pretty-name":"Debian GNU/Linux 12 (bookworm)","version":"12 (bookworm)","version-id":"12","kernel-release":"6.1.0","machine":"x86_64"}}"#,
            ),
            (
                "guest-get-timezone",
                r#"{"return":{"zone":"CET","offset":3600}}"#,
            ),
            (
                "guest-get-users",
                r#"{"return":[{"user":"ada","login-time":1700000000.5}]}"#,
            ),
            (
                "guest-get-fsinfo",
                r#"{"return":[{"name":"vda1","mountpoint":"/","type":"ext4","disk":[],"total-bytes":100,"used-bytes":40}]}"#,
            ),
        ]);
        let [eth0] = &report.interfaces[..] else {
            panic!("loopback is nobody's address: {:?}", report.interfaces)
        };
        assert_eq!(eth0.mac, Some([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        let addresses: Vec<String> = report.addresses().iter().map(ToString::to_string).collect();
        assert_eq!(
            addresses,
            ["10.0.2.15", "2001:db8::5"],
            "reachable ones, IPv4 first"
        );
        let os = report.os.as_ref().expect("told");
        assert_eq!((os.codename.as_str(), os.family()), ("bookworm", "Linux"));
        assert_eq!(report.applications(), ["kernel-6.1.0"]);
        assert_eq!(report.users[0].since, 1_700_000_000);
        assert_eq!(report.file_systems[0].used_bytes, Some(40));
        assert_eq!(report.time_zone.expect("told").offset, 3600);
    }

    #[test]
    fn a_hostile_answer_is_cut_and_cleaned() {
        let many: Vec<String> = (0..5000)
            .map(|n| format!(r#"{{"name":"if{n}","hardware-address":"x","ip-addresses":[{{"ip-address":"javascript:alert(1)"}}]}}"#))
            .collect();
        let answer = format!(r#"{{"return":[{}]}}"#, many.join(","));
        let found = report(&[("guest-network-get-interfaces", &answer)]);
        assert_eq!(found.interfaces.len(), MAX_INTERFACES);
        assert!(found.addresses().is_empty(), "only addresses are addresses");
        let name = serde_json::json!({"return": {"host-name": format!("a\u{202e}b\n\u{1b}[31m{}", "x".repeat(9999))}});
        let name = report(&[("guest-get-host-name", &name.to_string())]).host_name;
        let name = name.expect("told");
        assert!(
            name.starts_with("ab[31mx") && name.chars().count() == MAX_TEXT,
            "{name}"
        );
        let zone = report(&[("guest-get-timezone", r#"{"return":{"offset":99999999999}}"#)]);
        assert_eq!(zone.time_zone, None);
        for wrong in [
            "",
            "[]",
            r#"{"error":{"class":"x"}}"#,
            "{\"return\":",
            &"[".repeat(100_000),
        ] {
            assert!(
                super::answer(wrong).is_err(),
                "{}",
                &wrong[..wrong.len().min(20)]
            );
        }
        assert!(super::answer(&" ".repeat(MAX_ANSWER + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(text in "[\\[\\]{}:,\"a-z0-9 .-]{0,300}", which in 0usize..6) {
            if let Ok(answer) = answer(&format!("{{\"return\":{text}}}")) {
                let mut report = GuestReport::default();
                put(&mut report, QUESTIONS[which], &answer);
                abilities(&answer);
            }
        }
    }
}
