//! The one style sheet of both portals: PatternFly reduced to what the sources name, then the style
//! sheets of `public/`; and the fonts it refers to. The work is done by `xtask/node/style.mjs`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::publish::{Assets, walk};
use super::scratch;
use crate::command::{program, run, workspace};
use crate::setup::node;

/// The fonts that the style sheet refers to, and their place in PatternFly.
const FONTS: &[(&str, &str)] = &[
    ("RedHatDisplayVF.woff2", "RedHatDisplay"),
    ("RedHatMonoVF.woff2", "RedHatMono"),
    ("RedHatTextVF.woff2", "RedHatText"),
];

/// Adds `style.css` and the fonts to the assets.
pub fn build(assets: &mut Assets) -> Result<()> {
    let tools = node::folder();
    let patternfly = tools.join("node_modules/@patternfly/patternfly");
    if !patternfly.is_dir() {
        bail!("PatternFly is not here; `cargo xtask setup` fetches it from npm");
    }
    // The script finds its modules from where it lies.
    let script = tools.join("style.mjs");
    fs::copy(workspace().join("xtask/node/style.mjs"), &script)?;

    let mut sources = Vec::new();
    for folder in ["frontend", "public"] {
        walk(&workspace().join(folder), &mut sources)?;
    }
    let (styles, others): (Vec<PathBuf>, Vec<PathBuf>) = sources
        .into_iter()
        .partition(|file| file.extension().is_some_and(|e| e == "css"));
    let ours = scratch().join("ours.css");
    let mut text = String::new();
    for style in styles {
        text += &fs::read_to_string(style)?;
        text.push('\n');
    }
    fs::write(&ours, text)?;

    let out = scratch().join("style.css");
    let named = others.iter().filter(|f| {
        f.extension()
            .is_some_and(|e| e == "rs" || e == "html" || e == "js")
    });
    run(program("node", [&script, &patternfly, &ours, &out]).args(named))?;
    assets.add("style.css", fs::read(out)?)?;
    for (name, folder) in FONTS {
        let file = patternfly.join("assets/fonts").join(folder).join(name);
        let bytes = fs::read(&file).with_context(|| format!("{name} is not in this PatternFly"))?;
        assets.add(name, bytes)?;
    }
    Ok(())
}
