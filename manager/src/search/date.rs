//! Dates as people write them in queries: `today`, `yesterday`, names of days, `2024-05-01`,
//! `5/1/24`, each also with a time.

use time::{Date, Duration, Month, OffsetDateTime, Time, Weekday};

use crate::model::Timestamp;

/// A value that a time is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// So many days before today.
    Ago(u8),
    /// The last day of that name; today if it is that day.
    Last(Weekday),
    /// A day.
    On(Date),
    /// A second.
    At(OffsetDateTime),
}

impl Day {
    /// Reads a value. Times are UTC.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let word = text.trim().to_ascii_lowercase();
        let named = match word.as_str() {
            "today" => Some(Self::Ago(0)),
            "yesterday" => Some(Self::Ago(1)),
            "monday" => Some(Self::Last(Weekday::Monday)),
            "tuesday" => Some(Self::Last(Weekday::Tuesday)),
            "wednesday" => Some(Self::Last(Weekday::Wednesday)),
            "thursday" => Some(Self::Last(Weekday::Thursday)),
            "friday" => Some(Self::Last(Weekday::Friday)),
            "saturday" => Some(Self::Last(Weekday::Saturday)),
            "sunday" => Some(Self::Last(Weekday::Sunday)),
            _ => None,
        };
        if named.is_some() {
            return named;
        }
        let (day, rest) = match word.split_once([' ', 't']) {
            Some((day, rest)) => (day, Some(rest.trim())),
            None => (word.as_str(), None),
        };
        let day = date(day)?;
        match rest {
            None | Some("") => Some(Self::On(day)),
            Some(clock) => Some(Self::At(day.with_time(time_of_day(clock)?).assume_utc())),
        }
    }

    /// The first millisecond of it, and the first one after it.
    pub(super) fn span(self, now: Timestamp) -> (i64, i64) {
        let today = now.to_utc().date();
        let day = match self {
            Self::At(second) => {
                let start = Timestamp::from(second).millis();
                return (start, start + 1000);
            }
            Self::On(day) => day,
            Self::Ago(days) => today.saturating_sub(Duration::days(days.into())),
            Self::Last(weekday) => {
                let back = (7 + i64::from(today.weekday().number_from_monday())
                    - i64::from(weekday.number_from_monday()))
                    % 7;
                today.saturating_sub(Duration::days(back))
            }
        };
        let start = Timestamp::from(day.midnight().assume_utc()).millis();
        (start, start + 86_400_000)
    }
}

fn date(text: &str) -> Option<Date> {
    let numbers = |separator| -> Option<[i32; 3]> {
        let mut parts = text.split(separator);
        let numbers = [parts.next()?, parts.next()?, parts.next()?];
        if parts.next().is_some() {
            return None;
        }
        let [a, b, c] = numbers.map(|part| part.parse::<u16>().ok().map(i32::from));
        Some([a?, b?, c?])
    };
    let (year, month, day) = if let Some([year, month, day]) = numbers('-') {
        (year, month, day)
    } else {
        // The American order, which is the engine's.
        let [month, day, year] = numbers('/')?;
        (if year < 100 { year + 2000 } else { year }, month, day)
    };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()
}

fn time_of_day(text: &str) -> Option<Time> {
    let (text, afternoon) = match (text.strip_suffix("pm"), text.strip_suffix("am")) {
        (Some(text), _) => (text.trim(), Some(true)),
        (_, Some(text)) => (text.trim(), Some(false)),
        _ => (text.strip_suffix('z').unwrap_or(text), None),
    };
    let mut parts = text.split(':').map(|part| part.parse::<u8>().ok());
    let hour = parts.next()??;
    let minute = parts.next().unwrap_or(Some(0))?;
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() {
        return None;
    }
    let hour = match (afternoon, hour) {
        (None, hour) => hour,
        (Some(_), 0 | 13..) => return None,
        (Some(true), 12) => 12,
        (Some(false), 12) => 0,
        (Some(afternoon), hour) => hour + if afternoon { 12 } else { 0 },
    };
    Time::from_hms(hour, minute, second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wednesday, 2024-05-01T10:00:00Z
    const NOW: Timestamp = Timestamp(1_714_557_600_000);
    const MIDNIGHT: i64 = 1_714_521_600_000;
    const DAY: i64 = 86_400_000;

    #[test]
    fn days_have_many_names() {
        let start = |text| Day::parse(text).map(|day| day.span(NOW).0);
        for text in ["today", "Wednesday", "2024-05-01", "5/1/2024", "05/01/24"] {
            assert_eq!(start(text), Some(MIDNIGHT), "{text}");
        }
        assert_eq!(start("yesterday"), Some(MIDNIGHT - DAY));
        assert_eq!(start("TUESDAY"), Some(MIDNIGHT - DAY));
        assert_eq!(start("thursday"), Some(MIDNIGHT - 6 * DAY));
        for text in [
            "2024-05-01 10:00:00",
            "2024-05-01T10:00Z",
            "5/1/24 10:00 AM",
            "5/1/24 10am",
        ] {
            assert_eq!(start(text), Some(NOW.0), "{text}");
        }
        assert_eq!(start("5/1/24 1:00 pm"), Some(MIDNIGHT + 13 * 3_600_000));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "x",
            "2024-13-01",
            "2024-02-30",
            "5/1",
            "2024-05-01 25:00",
            "1-2-3-4",
            "2024-05-01 13:00 pm",
            "-1-1-1",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
