//! What the sources name: words that a room has no business with. It reads lines, not syntax, which
//! is enough for a rule that a person could check by searching.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::rules::Named;

/// Every place where a forbidden word stands.
pub fn check(root: &Path, rules: &[Named]) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in super::rules::SOURCE_FOLDERS {
        crate::web::walk(&root.join(folder), &mut files)?;
    }
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(root)?.to_string_lossy().into_owned();
        if !path.ends_with(".rs") || is_test(&path) {
            continue;
        }
        let text =
            fs::read_to_string(&file).with_context(|| format!("{path} could not be read"))?;
        let rules: Vec<&Named> = rules.iter().filter(|rule| rule.applies(&path)).collect();
        for (number, line) in code(&text) {
            for rule in &rules {
                if rule.words.iter().any(|word| names(line, word, rule.unless)) {
                    found.push(format!("{path}:{number}: `{}`: {}", line.trim(), rule.why));
                }
            }
        }
    }
    Ok(found)
}

/// Files that are compiled for tests only, or run when building.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("build.rs")
        || path
            .split('/')
            .any(|part| matches!(part, "tests" | "benches" | "fuzz" | "examples"))
}

/// Numbered lines, without comments and without the tests at a file's end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let end = (0..lines.len())
        .find(|&at| {
            lines[at].starts_with("#[cfg(test)]")
                && lines
                    .get(at + 1)
                    .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'))
        })
        .unwrap_or(lines.len());
    lines
        .into_iter()
        .take(end)
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at, line.split_once(" // ").map_or(line, |(code, _)| code)))
}

/// Whether a line names a word (as a word, not as a piece of a longer one), other than followed by
/// one of `unless`.
fn names(line: &str, word: &str, unless: &[&str]) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(at) = line[from..].find(word).map(|at| at + from) {
        let end = at + word.len();
        let open = !word.starts_with(part_of_a_word) || !line[..at].ends_with(part_of_a_word);
        let closed = !word.ends_with(part_of_a_word) || !line[end..].starts_with(part_of_a_word);
        if open && closed && !unless.iter().any(|next| line[end..].starts_with(next)) {
            return true;
        }
        from = end;
    }
    false
}

impl Named {
    fn applies(&self, path: &str) -> bool {
        self.within.iter().any(|folder| path.starts_with(folder))
            && !self.except.iter().any(|folder| path.starts_with(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_found_in_a_longer_one() {
        assert!(names("use virt::domain;", "virt", &[]));
        assert!(!names("use crate::host::libvirt::X;", "virt", &[]));
        assert!(!names("virtual_machine", "virt", &[]));
        assert!(names("a.fetch(b)", ".fetch(", &[]));
    }

    #[test]
    fn what_may_follow_is_let_through_but_only_there() {
        assert!(!names("use spice::link::Hello;", "spice::", &["link"]));
        assert!(names(
            "spice::link::f(spice::session::g)",
            "spice::",
            &["link"]
        ));
    }

    #[test]
    fn comments_and_the_tests_at_the_end_are_no_code() {
        let text = "a\n// b\nc // d\n#[cfg(test)]\nmod tests {\ne\n}\n";
        let lines: Vec<_> = code(text).collect();
        assert_eq!(lines, [(1, "a"), (3, "c")]);
    }

    #[test]
    fn a_single_item_for_tests_does_not_hide_the_rest_of_a_file() {
        let text = "#[cfg(test)]\nuse a;\nb\n";
        assert_eq!(code(text).count(), 3);
    }
}
