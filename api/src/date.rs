//! A point in time as the API writes it: milliseconds since 1970 and the offset it is shown in.
//!
//! Written without a calendar crate, because the portals carry this code too.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, and the offset from UTC in which it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    millis: i64,
    offset_minutes: i16,
}

/// Years 0001 to 9999: what four digits can say.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;
const DAY_MS: i64 = 86_400_000;

impl Date {
    /// This many milliseconds after 1970 began in UTC; what four digits of a year cannot say is
    /// moved to the nearest time that they can.
    pub fn from_millis(millis: i64) -> Self {
        Date {
            millis: millis.clamp(FIRST, LAST),
            offset_minutes: 0,
        }
    }

    /// Milliseconds since 1970 began in UTC: the form in JSON.
    pub fn millis(self) -> i64 {
        self.millis
    }

    /// Reads `2024-05-01T10:00:00.123+02:00`, or milliseconds as a number.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(millis) = text.parse::<i64>() {
            return (FIRST..=LAST)
                .contains(&millis)
                .then(|| Date::from_millis(millis));
        }
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = bytes.get(from..to)?;
            digits.iter().try_fold(0i64, |sum, b| {
                b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0'))
            })
        };
        let at = |index: usize, byte: u8| bytes.get(index) == Some(&byte);
        if !(at(4, b'-') && at(7, b'-')) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) || year < 1 {
            return None;
        }
        let mut millis = days_since_1970(year, month, day) * DAY_MS;
        let mut rest = 10;
        if at(10, b'T') {
            let (hour, minute) = (number(11, 13)?, number(14, 16)?);
            if !at(13, b':') || hour > 23 || minute > 59 {
                return None;
            }
            millis += (hour * 60 + minute) * 60_000;
            rest = 16;
            if at(16, b':') {
                let second = number(17, 19)?;
                if second > 59 {
                    return None;
                }
                millis += second * 1000;
                rest = 19;
                if at(19, b'.') {
                    let digits = bytes[20..]
                        .iter()
                        .take_while(|b| b.is_ascii_digit())
                        .count();
                    if digits == 0 || digits > 9 {
                        return None;
                    }
                    let shown = digits.min(3);
                    millis += number(20, 20 + shown)? * [100, 10, 1][shown - 1];
                    rest = 20 + digits;
                }
            }
        }
        let offset_minutes = match bytes.get(rest..)? {
            b"" | b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), zone @ ..] => {
                let (hours, minutes) = match zone.len() {
                    5 if at(rest + 3, b':') => {
                        (number(rest + 1, rest + 3)?, number(rest + 4, rest + 6)?)
                    }
                    4 => (number(rest + 1, rest + 3)?, number(rest + 3, rest + 5)?),
                    _ => return None,
                };
                if hours > 18 || minutes > 59 {
                    return None;
                }
                let minutes = i16::try_from(hours * 60 + minutes).ok()?;
                if *sign == b'-' { -minutes } else { minutes }
            }
            _ => return None,
        };
        millis -= i64::from(offset_minutes) * 60_000;
        (FIRST..=LAST).contains(&millis).then_some(Date {
            millis,
            offset_minutes,
        })
    }
}

impl fmt::Display for Date {
    /// `2024-05-01T10:00:00.123+02:00`: the form in XML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = (self.millis + i64::from(self.offset_minutes) * 60_000).clamp(FIRST, LAST);
        let (days, ms) = (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS));
        let (year, month, day) = date_of(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}",
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1000 % 60,
            ms % 1000
        )?;
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let offset = self.offset_minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the
/// leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// The date that is so many days after 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    const DAYS_400_YEARS: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year_of_era + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_the_engine_writes_it() {
        let date = Date::parse("2024-05-01T10:00:00.123+02:00").unwrap();
        assert_eq!(date.millis(), 1_714_550_400_123);
        assert_eq!(date.to_string(), "2024-05-01T10:00:00.123+02:00");
        assert_eq!(
            Date::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000+00:00"
        );
        assert_eq!(
            Date::from_millis(951_782_400_000).to_string(),
            "2000-02-29T00:00:00.000+00:00"
        );
    }

    #[test]
    fn every_form_that_clients_send_is_read() {
        for text in [
            "2024-05-01T08:00:00Z",
            "2024-05-01T08:00:00",
            "2024-05-01T10:00:00+0200",
            "2024-05-01T08:00",
            "1714550400000",
            "2024-05-01T08:00:00.000000Z",
        ] {
            assert_eq!(
                Date::parse(text).map(Date::millis),
                Some(1_714_550_400_000),
                "{text}"
            );
        }
        assert_eq!(
            Date::parse("2024-05-01").map(Date::millis),
            Some(1_714_521_600_000)
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "x",
            "2024-13-01",
            "2023-02-29",
            "2024-05-01T25:00:00Z",
            "2024-05-01T10",
            "2024-05-01T10:00:00.+01:00",
            "2024-05-01T10:00:00+99:00",
            "0000-01-01",
            "99999999999999999",
            "2024-05-01T10:00:00é",
            "２０24-05-01",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_comes_back_from_its_text() {
        for millis in [FIRST, -1, 0, 1, 68_169_600_000, 1_709_164_799_999, LAST] {
            let date = Date::from_millis(millis);
            assert_eq!(Date::parse(&date.to_string()), Some(date));
        }
        assert_eq!(Date::from_millis(i64::MAX).millis(), LAST);
    }
}
