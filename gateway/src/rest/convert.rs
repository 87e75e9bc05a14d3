//! Small steps between the API's loose values and the manager's strict ones.

use std::str::FromStr;

use api::Date;
use manager::model::{Timestamp, Version};

use super::fault::{Refused, Result};

/// The API's value of a word of the manager's; the two have the same words.
pub(super) fn word<A: FromStr>(word: &str) -> Option<A> {
    word.parse().ok()
}

/// The manager's value of a word of the API's.
pub(super) fn given<M: FromStr>(element: &str, word: Option<&str>) -> Result<Option<M>> {
    word.map(|word| word.parse().map_err(|_| Refused::value(element, word)))
        .transpose()
}

/// A number that must fit.
pub(super) fn number<N: TryFrom<i64>>(element: &str, number: Option<i64>) -> Result<Option<N>> {
    number
        .map(|number| N::try_from(number).map_err(|_| Refused::value(element, number)))
        .transpose()
}

/// A count or size for the API, where numbers are signed.
pub(super) fn int(number: impl TryInto<i64>) -> Option<i64> {
    Some(number.try_into().unwrap_or(i64::MAX))
}

/// A moment.
pub(super) fn date(moment: Timestamp) -> Option<Date> {
    Some(Date::from_millis(moment.millis()))
}

/// A compatibility level.
pub(super) fn version_to_api(version: Version) -> api::types::Version {
    api::types::Version {
        major: Some(version.major.into()),
        minor: Some(version.minor.into()),
        ..Default::default()
    }
}

/// A compatibility level that was sent.
pub(super) fn version_from_api(version: &api::types::Version) -> Result<Option<Version>> {
    let major = number("version.major", version.major)?;
    let minor = number("version.minor", version.minor)?;
    Ok(major
        .zip(minor)
        .map(|(major, minor)| Version { major, minor }))
}

/// A version of some program: `6.1.0-18` has its numbers up to what is none.
pub(super) fn program_version(text: &str) -> api::types::Version {
    let mut numbers = text
        .split(|letter: char| !letter.is_ascii_digit())
        .map_while(|part| part.parse::<i64>().ok());
    api::types::Version {
        major: numbers.next(),
        minor: numbers.next(),
        build: numbers.next(),
        revision: numbers.next(),
        full_version: Some(text.to_owned()),
        ..Default::default()
    }
}

/// A text that clears what it replaces when it is empty.
pub(super) fn clearable(text: Option<&String>) -> Option<Option<String>> {
    text.map(|text| Some(text.clone()).filter(|text| !text.is_empty()))
}

/// A reference: `id` and `href`, no more.
macro_rules! part {
    ($kind:ident, $path:expr, $id:expr) => {
        ::api::Part::from(::api::types::$kind {
            id: ::std::option::Option::Some($id.to_string()),
            href: ::std::option::Option::Some(($path).to_string()),
            ..::std::default::Default::default()
        })
    };
}
pub(super) use part;

/// A reference that is always there.
macro_rules! reference {
    ($kind:ident, $path:expr, $id:expr) => {
        ::std::option::Option::Some($crate::rest::convert::part!($kind, $path, $id))
    };
}
pub(super) use reference;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_programs_have_as_many_numbers_as_they_say() {
        let version = program_version("6.1.0-18-amd64");
        assert_eq!(
            (version.major, version.minor, version.build),
            (Some(6), Some(1), Some(0))
        );
        assert_eq!(version.full_version.as_deref(), Some("6.1.0-18-amd64"));
        assert_eq!(program_version("unknown").major, None);
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(number::<u32>("max", Some(7)).unwrap(), Some(7));
        assert!(number::<u32>("max", Some(-1)).is_err());
        assert!(number::<u16>("vlan.id", Some(70_000)).is_err());
    }
}
