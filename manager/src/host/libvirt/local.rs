//! What a host that is this machine says of itself beside libvirt: memory in more detail, load, its
//! start, its network interfaces. Read from `/proc` and `/sys`, whose files are the kernel's.

use std::path::Path;

use crate::host::{HostSample, InterfaceCounters, InterfaceSample};

/// Interfaces that are looked at.
const MOST: usize = 64;

/// Adds what libvirt does not say.
pub(super) fn complete(sample: &mut HostSample) {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = |name: &str| meminfo(&memory, name);
    sample.memory_buffers_bytes = kib("Buffers");
    sample.memory_cached_bytes = kib("Cached");
    sample.swap_total_bytes = kib("SwapTotal");
    sample.swap_free_bytes = kib("SwapFree");
    sample.swap_cached_bytes = kib("SwapCached");
    sample.load_5_minutes = std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse().ok());
    sample.boot_time = std::fs::read_to_string("/proc/stat").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        line.trim().parse().ok()
    });
}

fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The machine's network interfaces, without loopback and the ends of guests' cables.
pub(super) fn interfaces() -> Vec<InterfaceSample> {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    parse(&text)
        .into_iter()
        .take(MOST)
        .map(|(name, counters)| describe(name, counters))
        .collect()
}

fn parse(text: &str) -> Vec<(String, InterfaceCounters)> {
    const OTHERS: [&str; 5] = ["lo", "vnet", "tap", "veth", "macvtap"];
    text.lines()
        .filter_map(|line| {
            let (name, figures) = line.split_once(':')?;
            let name = name.trim();
            let plain = !name.is_empty()
                && !name.starts_with('.')
                && name.len() <= 15
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
            let ours = OTHERS.iter().any(|other| {
                name.strip_prefix(other)
                    .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
            });
            if !plain || ours {
                return None;
            }
            let figures: Vec<u64> = figures
                .split_whitespace()
                .map_while(|figure| figure.parse().ok())
                .collect();
            let [
                received_bytes,
                _,
                received_errors,
                received_dropped,
                _,
                _,
                _,
                _,
                sent_bytes,
                _,
                sent_errors,
                sent_dropped,
                ..,
            ] = figures[..]
            else {
                return None;
            };
            let counters = InterfaceCounters {
                received_bytes,
                sent_bytes,
                received_dropped,
                sent_dropped,
                received_errors,
                sent_errors,
            };
            Some((name.to_owned(), counters))
        })
        .collect()
}

fn describe(name: String, counters: InterfaceCounters) -> InterfaceSample {
    let place = Path::new("/sys/class/net").join(&name);
    let read = |file: &str| {
        std::fs::read_to_string(place.join(file))
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    InterfaceSample {
        mac: read("address")
            .parse::<crate::host::MacAddress>()
            .ok()
            .map(|mac| mac.0)
            .filter(|mac| *mac != [0; 6]),
        mtu: read("mtu").parse().ok(),
        speed_mbps: read("speed").parse().ok(),
        up: read("operstate") == "up" || read("carrier") == "1",
        bridge: place.join("bridge").is_dir(),
        name,
        counters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let table = "Inter-|   Receive      |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    lo:  1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 100 2 3 4 0 0 0 0 200 5 6 7 0 0 0 0\n vnet12: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n broken: 1 2\n../x: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
        let found = parse(table);
        let counters = InterfaceCounters {
            received_bytes: 100,
            sent_bytes: 200,
            received_dropped: 4,
            sent_dropped: 7,
            received_errors: 3,
            sent_errors: 6,
        };
        assert_eq!(found, [("eth0".to_owned(), counters)]);
        let memory = "MemTotal:  10 kB\nSwapCached:  3 kB\nCached:  2 kB\n";
        assert_eq!(meminfo(memory, "Cached"), Some(2048));
        assert_eq!(meminfo(memory, "SwapTotal"), None);
    }
}
