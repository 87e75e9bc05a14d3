//! Numbers, sizes and times as people read them: IEC units, the whole next to
//! the part, relative time. Leaves the local time zone to `ui::clock`.

use crate::text::fill;

const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// One mebibyte in bytes.
pub const MIB: u64 = 1 << 20;
/// One gibibyte in bytes.
pub const GIB: u64 = 1 << 30;

fn scale(bytes: u64) -> usize {
    let mut unit = 0;
    let mut rest = bytes;
    while rest >= 1024 && unit < UNITS.len() - 1 {
        rest /= 1024;
        unit += 1;
    }
    unit
}

fn in_unit(bytes: u64, unit: usize) -> String {
    let divisor = 1u64 << (10 * unit as u32);
    let whole = bytes / divisor;
    // Tenths below a hundred, unless they are zero: "12.9", "16", "240".
    let tenths = ((bytes % divisor) as u128 * 10 / u128::from(divisor)) as u64;
    if unit == 0 || tenths == 0 || whole >= 100 {
        count(whole)
    } else {
        [count(whole).as_str(), ".", &tenths.to_string()].concat()
    }
}

/// `12.9 GiB`
#[must_use]
pub fn bytes(amount: u64) -> String {
    let unit = scale(amount);
    [&in_unit(amount, unit), " ", UNITS[unit]].concat()
}

/// `12.9 of 16 GiB`, both in the unit of the whole.
#[must_use]
pub fn bytes_of(part: u64, whole: u64) -> String {
    let unit = scale(whole.max(part));
    fill(
        "{0} of {1}",
        &[
            &in_unit(part, unit),
            &[&in_unit(whole, unit), " ", UNITS[unit]].concat(),
        ],
    )
}

/// Thousands apart: `1,284`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `38 %`, with the narrow distance a percent sign has.
#[must_use]
pub fn percent(value: f64) -> String {
    [&(value.clamp(0.0, 9999.0).round() as u64).to_string(), " %"].concat()
}

/// How much of the whole, in percent; nothing of nothing is nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

/// A span in its one or two most telling units: `14 s`, `3 min`, `6 h`, `41 d`.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, " s"),
        60..3600 => (seconds / 60, " min"),
        3600..86_400 => (seconds / 3600, " h"),
        _ => (seconds / 86_400, " d"),
    };
    [&count(number), unit].concat()
}

/// A span to go, as a clock: `0:33`, `1:02:05`.
#[must_use]
pub fn countdown(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let two = |number: u64| {
        if number < 10 {
            ["0", &number.to_string()].concat()
        } else {
            number.to_string()
        }
    };
    if hours > 0 {
        [&hours.to_string(), ":", &two(minutes), ":", &two(rest)].concat()
    } else {
        [&minutes.to_string(), ":", &two(rest)].concat()
    }
}

/// How long ago, both in milliseconds since 1970: `now`, `27 min ago`.
#[must_use]
pub fn ago(then: f64, now: f64) -> String {
    let seconds = ((now - then) / 1000.0).max(0.0) as u64;
    if seconds < 5 {
        crate::text::t("now").to_owned()
    } else {
        fill("{0} ago", &[&span(seconds)])
    }
}

/// Reads a size as people write it: `20`, `20 GiB`, `512M`, `1.5t`; a bare number is in `default_unit`.
#[must_use]
pub fn parse_bytes(text: &str, default_unit: u64) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let number: f64 = text[..end].replace(',', ".").parse().ok()?;
    let unit = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" => default_unit as f64,
        "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => MIB as f64,
        "g" | "gb" | "gib" => GIB as f64,
        "t" | "tb" | "tib" => 1024.0 * GIB as f64,
        _ => return None,
    };
    let value = number * unit;
    (value.is_finite() && (0.0..1e18).contains(&value)).then_some(value as u64)
}

/// Two letters for an avatar, from a name like `ana.lind@internal-authz`.
#[must_use]
pub fn initials(name: &str) -> String {
    let local = name.split('@').next().unwrap_or(name);
    let mut words = local
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or("");
    let second = words.next();
    let mut letters = first.chars();
    let one = letters.next();
    let two = second
        .and_then(|word| word.chars().next())
        .or_else(|| letters.next());
    one.into_iter()
        .chain(two)
        .flat_map(char::to_uppercase)
        .collect()
}

/// The user's part of a full name: `ana` of `ana@internal-authz`.
#[must_use]
pub fn short_user(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_iec_units_and_tenths_only_where_they_tell_something() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1,023 B");
        assert_eq!(bytes(16 * GIB), "16 GiB");
        assert_eq!(bytes(13_851_000_000), "12.8 GiB");
        assert_eq!(bytes(240 * GIB + GIB / 2), "240 GiB");
    }

    #[test]
    fn a_part_is_given_in_the_unit_of_its_whole() {
        assert_eq!(bytes_of(512 * MIB, 16 * GIB), "0.5 of 16 GiB");
        assert_eq!(bytes_of(16 * GIB, 16 * GIB), "16 of 16 GiB");
    }

    #[test]
    fn spans_use_one_unit() {
        assert_eq!(span(14), "14 s");
        assert_eq!(span(27 * 60 + 59), "27 min");
        assert_eq!(span(41 * 86_400), "41 d");
        assert_eq!(countdown(33), "0:33");
        assert_eq!(countdown(3725), "1:02:05");
        assert_eq!(ago(0.0, 1_000.0), "now");
        assert_eq!(ago(0.0, 120_000.0), "2 min ago");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_bytes("20", GIB), Some(20 * GIB));
        assert_eq!(parse_bytes(" 1.5 TiB ", GIB), Some(1536 * GIB));
        assert_eq!(parse_bytes("512M", GIB), Some(512 * MIB));
        assert_eq!(parse_bytes("much", GIB), None);
        assert_eq!(parse_bytes("-1", GIB), None);
        assert_eq!(parse_bytes("9e9", GIB), None);
    }

    #[test]
    fn initials_come_from_the_local_part() {
        assert_eq!(initials("ana.lind@internal-authz"), "AL");
        assert_eq!(initials("mira"), "MI");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_284), "1,284");
        assert_eq!(count(1_000_000), "1,000,000");
    }
}
