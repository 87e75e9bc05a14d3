//! The options of a task: `--name`, `--name VALUE` and `--name=VALUE`, checked against what the
//! task knows. What they mean is the task's.

use anyhow::{Result, bail};

/// An option that a task knows.
pub struct Known {
    /// With its dashes.
    pub name: &'static str,
    /// Whether a value follows.
    pub value: bool,
}

/// `--name`
pub const fn flag(name: &'static str) -> Known {
    Known { name, value: false }
}

/// `--name VALUE`
pub const fn value(name: &'static str) -> Known {
    Known { name, value: true }
}

/// What was given on the command line.
#[derive(Debug, Default)]
pub struct Options {
    given: Vec<(&'static str, String)>,
    /// What is no option, in order.
    pub words: Vec<String>,
}

impl Options {
    /// Reads the command line; an option that is not known is an error, and so is a lacking value.
    pub fn read(arguments: &[String], known: &[Known]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if !argument.starts_with("--") {
                options.words.push(argument.clone());
                continue;
            }
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let Some(known) = known.iter().find(|k| k.name == name) else {
                bail!("there is no option `{name}` here");
            };
            let value = match (known.value, joined) {
                (true, Some(value)) => value,
                (true, None) => match rest.next() {
                    Some(value) => value.clone(),
                    None => bail!("`{name}` wants a value"),
                },
                (false, None) => String::new(),
                (false, Some(_)) => bail!("`{name}` takes no value"),
            };
            options.given.push((known.name, value));
        }
        Ok(options)
    }

    /// Whether a flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(n, _)| *n == name)
    }

    /// The value of an option; the last one counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.given
            .iter()
            .rev()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read(&words, &[flag("--demo"), value("--state")])
    }

    #[test]
    fn values_may_follow_or_be_joined_and_the_last_counts() {
        let options = read("--state a --demo --state=b rest").unwrap();
        assert_eq!(options.get("--state"), Some("b"));
        assert!(options.has("--demo"));
        assert_eq!(options.words, ["rest"]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(read("--sate a").unwrap_err().to_string().contains("--sate"));
        assert!(
            read("--state")
                .unwrap_err()
                .to_string()
                .contains("wants a value")
        );
        assert!(read("--demo=1").is_err());
    }
}
