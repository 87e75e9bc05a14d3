//! Laying out `dist/`: assets get their hash into the name (so that browsers may keep them for
//! ever), references `/assets/NAME` in text files are rewritten to it, pages keep their names, and
//! all get a brotli twin. `manifest.json` says which logical name became which file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::dist;
use super::fingerprint::digest;
use crate::command::{program, run, workspace};

/// How a file of ours refers to another.
const PREFIX: &str = "/assets/";

/// What is text, and may refer to others.
const TEXT: &[&str] = &["css", "html", "js", "json", "svg", "webmanifest"];

/// Files by logical name.
#[derive(Default)]
pub struct Assets(BTreeMap<String, Vec<u8>>);

impl Assets {
    /// Adds a file; a name is free only once, for `dist/` has no folders that would tell two apart.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        if self.0.insert(name.to_owned(), bytes).is_some() {
            bail!("two files of the portals are called {name}");
        }
        Ok(())
    }
}

/// All files below a folder, in order; a folder that is not there has none. Hidden ones are left out.
pub fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Writes `dist/`: what was made, and `public/`.
pub fn publish(mut assets: Assets, dev: bool) -> Result<()> {
    let mut files = Vec::new();
    walk(&workspace().join("public"), &mut files)?;
    for file in files {
        let Some(name) = file.file_name().and_then(|n| n.to_str()) else {
            bail!("{} has a name that is no text", file.display());
        };
        // Style sheets are in style.css already; a README is for developers.
        if !name.ends_with(".css") && !name.ends_with(".md") {
            assets.add(name, fs::read(&file)?)?;
        }
    }
    let laid_out = lay_out(assets.0)?;
    write(&laid_out, dev)
}

/// A file as it will lie in `dist/`.
struct Laid {
    path: String,
    bytes: Vec<u8>,
}

/// Logical name → file, with all references rewritten.
fn lay_out(sources: BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, Laid>> {
    let mut done = BTreeMap::new();
    for name in sources.keys() {
        settle(name, &sources, &mut done, &mut Vec::new())?;
    }
    Ok(done)
}

/// A file's name holds the hash of its final bytes, so what it refers to must be settled before.
fn settle(
    name: &str,
    sources: &BTreeMap<String, Vec<u8>>,
    done: &mut BTreeMap<String, Laid>,
    on_the_way: &mut Vec<String>,
) -> Result<()> {
    if done.contains_key(name) {
        return Ok(());
    }
    if on_the_way.iter().any(|n| n == name) {
        bail!(
            "{} refer to each other in a circle, so none can have its hash first",
            on_the_way.join(", ")
        );
    }
    let bytes = sources
        .get(name)
        .with_context(|| format!("{PREFIX}{name} is referred to, but there is no such file"))?;
    let extension = Path::new(name)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    let mut bytes = bytes.clone();
    if TEXT.contains(&extension) {
        let text = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
        on_the_way.push(name.to_owned());
        for wanted in references(&text) {
            settle(&wanted, sources, done, on_the_way).with_context(|| format!("in {name}"))?;
        }
        on_the_way.pop();
        bytes = rewrite(&text, done).into_bytes();
    }
    let path = match extension {
        "html" => name.to_owned(),
        _ => {
            let stem = name.strip_suffix(&format!(".{extension}")).unwrap_or(name);
            format!("assets/{stem}.{}.{extension}", &digest(&bytes)[..12])
        }
    };
    done.insert(name.to_owned(), Laid { path, bytes });
    Ok(())
}

/// The pieces of a text: what comes before a reference, and the name it refers to (the last piece
/// has none).
fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        let after = &rest[at + PREFIX.len()..];
        let end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
            .unwrap_or(after.len());
        let name = after[..end].trim_end_matches('.');
        pieces.push((&rest[..at], Some(name)));
        rest = &after[name.len()..];
    }
    pieces.push((rest, None));
    pieces
}

fn references(text: &str) -> BTreeSet<String> {
    // "/assets/" alone names no file.
    pieces(text)
        .into_iter()
        .filter_map(|(_, name)| name)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn rewrite(text: &str, done: &BTreeMap<String, Laid>) -> String {
    let mut out = String::with_capacity(text.len());
    for (before, name) in pieces(text) {
        out += before;
        match name.and_then(|name| done.get(name)) {
            Some(laid) => {
                out.push('/');
                out += &laid.path;
            }
            None if name.is_some() => out += PREFIX,
            None => {}
        }
    }
    out
}

/// Lays all of it into a new folder, then puts that in `dist/`'s place: a debug server reads the folder
/// while it runs, and must not find half of it.
fn write(laid_out: &BTreeMap<String, Laid>, dev: bool) -> Result<()> {
    let (dist, fresh, old) = (
        dist(),
        workspace().join("dist.new"),
        workspace().join("dist.old"),
    );
    for left_over in [&fresh, &old] {
        if left_over.exists() {
            fs::remove_dir_all(left_over)?;
        }
    }
    fs::create_dir_all(fresh.join("assets"))?;
    let twins = if dev {
        BTreeMap::new()
    } else {
        packed(laid_out)?
    };
    for laid in laid_out.values() {
        lay(&laid.path, &laid.bytes)?;
        if let Some(packed) = twins.get(laid.path.as_str()) {
            lay(&format!("{}.br", laid.path), packed)?;
        }
    }
    let names: BTreeMap<&str, &str> = laid_out
        .iter()
        .map(|(name, laid)| (name.as_str(), laid.path.as_str()))
        .collect();
    let manifest = serde_json::to_string_pretty(&names)? + "\n";
    lay("manifest.json", manifest.as_bytes())?;

    if dist.exists() {
        fs::rename(&dist, &old)?;
    }
    fs::rename(&fresh, &dist)?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

/// Writes one file into the new folder. What is the same as before stays the same file, so that a
/// build that looks at times sees no change.
fn lay(path: &str, bytes: &[u8]) -> Result<()> {
    let (before, file) = (dist().join(path), workspace().join("dist.new").join(path));
    let same = fs::read(&before).is_ok_and(|have| have == bytes);
    if same && fs::hard_link(&before, &file).is_ok() {
        return Ok(());
    }
    fs::write(&file, bytes).with_context(|| format!("{} could not be written", file.display()))
}

/// The brotli twins, by path. Compressing well takes long, so each is kept by what it was made of.
fn packed(laid_out: &BTreeMap<String, Laid>) -> Result<BTreeMap<&str, Vec<u8>>> {
    let cache = super::scratch().join("packed");
    fs::create_dir_all(&cache)?;
    let mut places = Vec::new();
    let mut pairs = Vec::new();
    for laid in laid_out.values() {
        // These are compressed in themselves.
        if laid.path.ends_with(".woff2") || laid.path.ends_with(".png") {
            continue;
        }
        let place = cache.join(digest(&laid.bytes));
        let packed = place.with_extension("br");
        if !packed.exists() {
            fs::write(&place, &laid.bytes)?;
            pairs.extend([place, packed.clone()]);
        }
        places.push((laid, packed));
    }
    if !pairs.is_empty() {
        let script = workspace().join("xtask/node/compress.mjs");
        run(program("node", [script]).args(&pairs)).context("compressing failed")?;
    }
    let mut twins = BTreeMap::new();
    for (laid, packed) in &places {
        let bytes = fs::read(packed)?;
        if bytes.len() < laid.bytes.len() {
            twins.insert(laid.path.as_str(), bytes);
        }
    }
    let keep: BTreeSet<&PathBuf> = places.iter().map(|(_, packed)| packed).collect();
    for entry in fs::read_dir(&cache)? {
        let path = entry?.path();
        if !keep.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(twins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn references_are_rewritten_to_hashed_names_through_all_levels() {
        let laid = lay_out(sources(&[
            ("admin.html", r#"<script src="/assets/admin.js"></script>"#),
            (
                "admin.js",
                r#"import "/assets/core.wasm"; let all = "/assets/";"#,
            ),
            ("core.wasm", "\0asm /assets/not-looked-into"),
        ]))
        .unwrap();
        let script = String::from_utf8(laid["admin.js"].bytes.clone()).unwrap();
        assert!(
            script.contains(&format!("import \"/{}\"", laid["core.wasm"].path)),
            "{script}"
        );
        assert!(script.ends_with("\"/assets/\";"), "{script}");
        assert_eq!(laid["admin.html"].path, "admin.html");
        let page = String::from_utf8(laid["admin.html"].bytes.clone()).unwrap();
        assert_eq!(
            page,
            format!("<script src=\"/{}\"></script>", laid["admin.js"].path)
        );
    }

    #[test]
    fn a_change_far_down_changes_every_name_above() {
        let of = |text| {
            lay_out(sources(&[
                ("a.js", "/assets/b.js"),
                ("b.js", "/assets/c.svg"),
                ("c.svg", text),
            ]))
            .unwrap()["a.js"]
                .path
                .clone()
        };
        assert_ne!(of("<svg/>"), of("<svg></svg>"));
    }

    #[test]
    fn a_reference_to_nothing_names_who_made_it() {
        let error = lay_out(sources(&[("a.js", "/assets/gone.js")]))
            .err()
            .map(|e| format!("{e:#}"))
            .unwrap();
        assert!(
            error.contains("in a.js") && error.contains("gone.js"),
            "{error}"
        );
    }

    #[test]
    fn a_circle_is_refused_instead_of_followed() {
        let error = lay_out(sources(&[
            ("a.js", "/assets/b.js"),
            ("b.js", "/assets/a.js"),
        ]))
        .err()
        .map(|e| format!("{e:#}"))
        .unwrap();
        assert!(error.contains("circle"), "{error}");
    }

    #[test]
    fn one_name_for_two_files_is_refused() {
        let mut assets = Assets::default();
        assets.add("a.js", vec![]).unwrap();
        assert!(assets.add("a.js", vec![]).is_err());
    }
}
