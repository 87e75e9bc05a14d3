//! `cargo xtask size`: what a browser downloads, against the budgets in `xtask/budgets.toml`. A
//! budget is there to be noticed: raising one is a decision, written in the same commit.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::{say, workspace};
use crate::web::dist;

/// Compares every budget with what lies in `dist/`.
pub fn run() -> Result<()> {
    let text = fs::read_to_string(workspace().join("xtask/budgets.toml"))?;
    let budgets: BTreeMap<String, f64> =
        toml::from_str(&text).context("budgets.toml cannot be read")?;
    let manifest = fs::read_to_string(dist().join("manifest.json"))
        .context("there is no dist/; `cargo xtask web` makes it")?;
    let manifest: BTreeMap<String, String> = serde_json::from_str(&manifest)?;
    let mut sizes = BTreeMap::new();
    for name in budgets.keys() {
        let Some(path) = manifest.get(name) else {
            continue;
        };
        let packed = dist().join(format!("{path}.br"));
        let size = fs::metadata(&packed)
            .context("dist/ is not compressed: it is a --dev build")?
            .len();
        sizes.insert(name.as_str(), size);
    }
    let (lines, over) = compare(&budgets, &sizes);
    lines.iter().for_each(say);
    if !over.is_empty() {
        bail!("past the budget, or not there at all: {}", over.join(", "));
    }
    Ok(())
}

/// A line for each budget, and the names that broke theirs.
fn compare(
    budgets: &BTreeMap<String, f64>,
    sizes: &BTreeMap<&str, u64>,
) -> (Vec<String>, Vec<String>) {
    let mut lines = Vec::new();
    let mut over = Vec::new();
    for (name, &budget) in budgets {
        let Some(&size) = sizes.get(name.as_str()) else {
            lines.push(format!("{name:26} is not there"));
            over.push(name.clone());
            continue;
        };
        let kib = size as f64 / 1024.0;
        let share = kib / budget * 100.0;
        lines.push(format!(
            "{name:26} {kib:7.1} KiB of {budget:.0} ({share:.0} %)"
        ));
        if kib > budget {
            over.push(name.clone());
        }
    }
    (lines, over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_too_many_breaks_a_budget_and_so_does_absence() {
        let budgets: BTreeMap<String, f64> =
            toml::from_str("\"a.js\" = 1\n\"b.js\" = 1\n\"c.js\" = 1\n").unwrap();
        let sizes = BTreeMap::from([("a.js", 1024), ("b.js", 1025)]);
        let (lines, over) = compare(&budgets, &sizes);
        assert_eq!(over, ["b.js", "c.js"]);
        assert!(lines[0].contains("1.0 KiB of 1 (100 %)"), "{}", lines[0]);
    }
}
