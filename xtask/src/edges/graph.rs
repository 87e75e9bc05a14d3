//! Who depends on whom, as `cargo tree` resolves it for a room alone: with the features that this
//! room asks for (the union over the workspace would blame it for its neighbours'), and what is
//! compiled into it, not what only its tests use.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::rules::{Depth, Forbidden, ROOMS};
use crate::command::{cargo, program, read};
use crate::setup::wasm;

/// Every forbidden arrow, with the way it takes.
pub fn check(root: &Path, cargo_options: &[&str], rules: &[Forbidden]) -> Result<Vec<String>> {
    let host = host()?;
    let mut found = Vec::new();
    for rule in rules {
        // A crate may depend on other things in the browser than on a server.
        let platform = if rule.browser { wasm::TARGET } else { &host };
        let tree = read(
            cargo()
                .current_dir(root)
                .args([
                    "tree",
                    "--prefix",
                    "depth",
                    "--format",
                    " {p}",
                    "--edges",
                    "normal,no-proc-macro",
                ])
                .args(["--package", rule.from, "--target", platform])
                .args(cargo_options),
        )?;
        found.extend(violations(rule, &tree)?);
    }
    Ok(found)
}

fn host() -> Result<String> {
    let text = read(&mut program("rustc", ["-vV"]))?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not say its host")?.to_owned())
}

/// Reads lines of the form `DEPTH NAME VERSION …`, each below the last one that is less deep.
fn violations(rule: &Forbidden, tree: &str) -> Result<Vec<String>> {
    let mut way: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let mut below: Option<usize> = None;
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(Ok(depth)), Some(name)) = (words.next().map(str::parse::<usize>), words.next())
        else {
            bail!("cargo tree says `{line}`, which is not understood");
        };
        way.truncate(depth);
        way.push(name);
        // What lies behind a forbidden crate would only repeat it.
        if below.is_some_and(|top| depth > top) {
            continue;
        }
        below = None;
        let reaches = depth > 0 && (rule.depth == Depth::Any || depth == 1);
        let forbidden = rule.to.contains(&name) || (rule.rooms && ROOMS.contains(&name));
        if reaches && forbidden {
            found.push(format!("{}: {}", way.join(" → "), rule.why));
            below = Some(depth);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0 a v1 (/x)\n1 b v1\n2 c v1\n3 d v1\n2 e v1\n1 d v1 (*)\n";

    fn rule(to: &'static [&'static str], depth: Depth) -> Forbidden {
        Forbidden {
            from: "a",
            to,
            rooms: false,
            depth,
            browser: false,
            why: "no",
        }
    }

    #[test]
    fn every_way_is_told_and_what_lies_behind_is_not() {
        assert_eq!(
            violations(&rule(&["d"], Depth::Any), TREE).unwrap(),
            ["a → b → c → d: no", "a → d: no"]
        );
        assert_eq!(
            violations(&rule(&["c", "d"], Depth::Any), TREE).unwrap(),
            ["a → b → c: no", "a → d: no"]
        );
    }

    #[test]
    fn a_direct_rule_looks_at_the_first_level_only() {
        assert_eq!(
            violations(&rule(&["d", "c"], Depth::Direct), TREE).unwrap(),
            ["a → d: no"]
        );
        assert_eq!(
            violations(&rule(&["a"], Depth::Any), TREE).unwrap(),
            Vec::<String>::new()
        );
    }
}
