//! Time zones: Windows' names and the others', and how far a zone is from UTC at a moment. The
//! table (`time_zone.tsv`) has the facts of Unicode's CLDR and Windows' own numbers.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Windows' name, the number that `sysprep.inf` wants, and the zones, the one that stands for them
/// first.
fn rows() -> impl Iterator<Item = (&'static str, Option<u32>, &'static str)> {
    include_str!("time_zone.tsv").lines().filter_map(|line| {
        let mut columns = line.split('\t');
        Some((
            columns.next()?,
            columns.next()?.parse().ok(),
            columns.next()?,
        ))
    })
}

/// A zone by either of its names.
fn find(name: &str) -> Option<TimeZone> {
    let zone = rows()
        .find(|(windows, _, _)| *windows == name)
        .and_then(|(_, _, zones)| zones.split(' ').next())
        .unwrap_or(name);
    TimeZone::get(zone).ok()
}

/// Whether there is such a zone.
pub(crate) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// Seconds that a zone is ahead of UTC; 0 for one that is not known.
pub(crate) fn ahead(name: &str, at: SystemTime) -> i32 {
    let Ok(at) = Timestamp::try_from(at) else {
        return 0;
    };
    find(name).map_or(0, |zone| zone.to_offset(at).seconds())
}

/// Windows' name of a zone.
pub(crate) fn windows_name(zone: &str) -> Option<&'static str> {
    rows()
        .find(|(_, _, zones)| zones.split(' ').any(|name| name == zone))
        .map(|(windows, _, _)| windows)
}

/// Windows' number of a zone, by Windows' name.
pub(crate) fn windows_index(name: &str) -> Option<u32> {
    rows().find(|(windows, _, _)| *windows == name)?.1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_zone_of_the_table_exists() {
        assert!(rows().count() > 130);
        for (windows, _, zones) in rows() {
            let zone = zones.split(' ').next().unwrap();
            assert!(TimeZone::get(zone).is_ok(), "{windows}: {zone}");
        }
        assert_eq!(
            windows_name("Europe/Prague").and_then(windows_index),
            Some(95)
        );
    }

    #[test]
    fn zones_are_ahead_by_what_their_clocks_say() {
        // 15 January and 15 July 2020.
        let winter = SystemTime::UNIX_EPOCH + Duration::from_secs(1_579_089_600);
        let summer = SystemTime::UNIX_EPOCH + Duration::from_secs(1_594_814_400);
        assert_eq!(ahead("Etc/GMT", winter), 0);
        assert_eq!(ahead("Europe/Prague", winter), 3600);
        assert_eq!(ahead("Central Europe Standard Time", summer), 7200);
        assert_eq!(ahead("India Standard Time", summer), 19_800);
        assert_eq!(ahead("Pacific Standard Time", winter), -28_800);
        assert_eq!(ahead("Nowhere", winter), 0);
        assert!(!is_known("Nowhere"));
    }
}
