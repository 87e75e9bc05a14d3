//! The portals are embedded from the `dist` folder that `cargo xtask web` fills. It is made here
//! when it is missing, so that the server compiles (and says what is missing) without them.

use std::path::Path;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!("cargo::warning=cannot make {}: {error}", dist.display());
    }
    println!("cargo::rerun-if-changed={}", dist.display());
}
