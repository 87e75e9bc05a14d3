//! Which of libvirt's counters belong to which disk and NIC of ours. libvirt numbers a domain's
//! devices and names them by their target (`vda`, `vnet3`); a domain's XML says which of our ids
//! have these. Looked up once for a domain, and again when its devices change.

use std::collections::HashMap;

use uuid::Uuid;
use virt::connect::Connect;

use super::domain;
use super::domain_facts::{devices, id_of};
use super::events::RawStatistics;
use super::xml::Element;
use crate::host::{DiskSample, InterfaceCounters, NicSample, Statistics};

/// Domains that are looked up at a time; the others come with the next sample.
const AT_A_TIME: usize = 64;

/// The ids of one domain's devices by their targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    ids: HashMap<String, Uuid>,
    /// What libvirt called them when they were looked up.
    seen: Vec<(String, String)>,
}

impl Names {
    /// From a running domain's XML.
    fn of(domain: &Element) -> Self {
        let ids = ["disk", "interface"]
            .into_iter()
            .flat_map(|kind| devices(domain, kind))
            .filter_map(|device| {
                let target = device.find("target")?.get("dev")?;
                Some((target.to_owned(), id_of(domain, device)?))
            })
            .collect();
        Self {
            ids,
            seen: Vec::new(),
        }
    }

    /// Whether they are still the devices that were looked up.
    pub fn fits(&self, names: &[(String, String)]) -> bool {
        self.seen == names
    }

    /// Notes what libvirt calls them.
    pub fn remember(&mut self, names: &[(String, String)]) {
        self.seen = names.to_vec();
    }
}

/// Looks up the devices of some domains. One that has gone meanwhile is left out.
pub(super) fn names(connection: &Connect, ids: &[Uuid]) -> Vec<(Uuid, Names)> {
    ids.iter()
        .take(AT_A_TIME)
        .filter_map(|id| {
            let found = domain::find(connection, *id).ok()??;
            Some((*id, Names::of(&domain::xml(&found, 0).ok()?)))
        })
        .collect()
}

/// Adds the counters of a domain's devices.
pub(super) fn devices_of(raw: &RawStatistics, names: &Names, into: &mut Statistics) {
    for (key, target) in &raw.names {
        let Some(prefix) = key.strip_suffix(".name") else {
            continue;
        };
        let Some(id) = names.ids.get(target) else {
            continue;
        };
        let of = |name: &str| {
            raw.values
                .iter()
                .find(|(key, _)| key.strip_prefix(prefix) == Some(name))
                .map_or(0, |(_, value)| *value)
        };
        if prefix.starts_with("block.") {
            into.disks.push(DiskSample {
                domain: raw.id,
                disk: *id,
                read_bytes: of(".rd.bytes"),
                written_bytes: of(".wr.bytes"),
                reads: of(".rd.reqs"),
                writes: of(".wr.reqs"),
                flushes: of(".fl.reqs"),
                read_ns: of(".rd.times"),
                write_ns: of(".wr.times"),
                flush_ns: of(".fl.times"),
            });
        } else if prefix.starts_with("net.") {
            into.nics.push(NicSample {
                domain: raw.id,
                nic: *id,
                counters: InterfaceCounters {
                    received_bytes: of(".rx.bytes"),
                    sent_bytes: of(".tx.bytes"),
                    received_dropped: of(".rx.drop"),
                    sent_dropped: of(".tx.drop"),
                    received_errors: of(".rx.errs"),
                    sent_errors: of(".tx.errs"),
                },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_find_their_devices_by_the_names_that_libvirt_gives_them() {
        let disk = Uuid::from_u128(1);
        let nic = Uuid::from_u128(2);
        let document = format!(
            "<domain><devices>\
             <disk><target dev='sda'/></disk>\
             <disk><target dev='vda'/><alias name='ua-{disk}'/></disk>\
             <interface><target dev='vnet3'/><alias name='ua-{nic}'/></interface>\
             </devices></domain>"
        );
        let mut names = Names::of(&Element::parse(&document).expect("well-formed"));
        let named = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect()
        };
        let raw = RawStatistics {
            id: Uuid::from_u128(7),
            values: [
                ("block.0.rd.bytes", 99),
                ("block.1.rd.bytes", 5),
                ("block.1.rd.times", 6),
                ("block.10.rd.bytes", 98),
                ("net.0.rx.drop", 8),
            ]
            .map(|(n, v)| (n.to_owned(), v))
            .to_vec(),
            names: named(&[
                ("net.0.name", "vnet3"),
                ("block.0.name", "sda"),
                ("block.1.name", "vda"),
                ("block.1.path", "/x"),
            ]),
        };
        assert!(!names.fits(&raw.names));
        names.remember(&raw.names);
        assert!(names.fits(&raw.names));
        let mut statistics = Statistics::at(std::time::SystemTime::now());
        devices_of(&raw, &names, &mut statistics);
        let [one] = statistics.disks[..] else {
            panic!("one disk of ours: {:?}", statistics.disks)
        };
        assert_eq!((one.disk, one.read_bytes, one.read_ns), (disk, 5, 6));
        let [one] = statistics.nics[..] else {
            panic!("one NIC of ours: {:?}", statistics.nics)
        };
        assert_eq!((one.nic, one.counters.received_dropped), (nic, 8));
    }
}
